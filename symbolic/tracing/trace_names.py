"""The user's variable names for intermediates: watched while the function runs, put into the equations afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import sympy as sp

from ..arrays.array import Array, as_array
from ..equations.definition import Definition, define, ordered, owner, references
from ..equations.seen_through import is_seen_through, see_through

_DEEPEST = 64


class Names:
    """A hook that notes which array each variable of the user's code holds.

    Variables of the function itself win over those of functions that it calls, and the first name over later ones. The
    hook sees a frame before each of its lines and at its end, so a variable that is bound again and again is seen too.
    It is a trace function, which is told of the lines of the user's frames alone. Where a debugger or a measurement of
    coverage has set one, it is a profile hook instead, which is told of every call of every function: much slower.
    """

    def __init__(self, modules: list[dict[str, Any]]) -> None:
        self._modules = {id(m) for m in modules}
        self._ranks: dict[Definition, tuple[int, int]] = {}
        self._before: Any = None
        self._is_profile = False
        self.found: dict[Definition, str] = {}

    def __enter__(self) -> Names:
        self._is_profile = sys.gettrace() is not None
        if self._is_profile:
            self._before = sys.getprofile()
            # what a profiler in C returned could not be set again; beside it and a debugger, nothing is named
            if self._before is None or callable(self._before):
                sys.setprofile(self._profile)
        else:
            sys.settrace(self._trace)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._is_profile:
            if sys.getprofile() != self._before:
                sys.setprofile(self._before)
        else:
            sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if id(frame.f_globals) in self._modules else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self._note(frame)
        return self._line

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        seen = frame.f_back if event == "call" else frame
        if seen is not None and event != "c_return" and id(seen.f_globals) in self._modules:
            self._note(seen)

    def _note(self, frame: FrameType) -> None:
        depth = None
        for name, value in list(frame.f_locals.items()):
            if name.startswith("_gp"):  # of a branch that is run on both sides
                continue
            for label, array, rank in _arrays(name, value):
                definition = array._definition
                if definition.is_input or not label.isidentifier() or label.strip("_") == "":
                    continue
                if depth is None:
                    depth = self._depth(frame)
                if (depth, rank) < self._ranks.get(definition, (_DEEPEST, 0)):
                    self._ranks[definition] = depth, rank
                    self.found[definition] = label

    def _depth(self, frame: FrameType) -> int:
        depth, above = 0, frame.f_back
        while above is not None and depth < _DEEPEST - 1:
            depth += id(above.f_globals) in self._modules
            above = above.f_back
        return depth


def _arrays(name: str, value: Any) -> list[tuple[str, Array, int]]:
    """The arrays of a variable, with a name each: its own, its keys', its attributes', or a number behind its own."""
    if isinstance(value, Array):
        return [(name, value, 0)] if value._grouped is None else [(name, value, 0), (name, value._grouped.inner, 0)]
    if isinstance(value, dict):
        return [(key, a, 1) for key, a in list(value.items()) if isinstance(a, Array) and isinstance(key, str)]
    if isinstance(value, (list, tuple)):
        return [(f"{name}{k}", a, 2) for k, a in enumerate(value) if isinstance(a, Array)]
    if name == "self":
        return [(key, a, 1) for key, a in list(getattr(value, "__dict__", {}).items()) if isinstance(a, Array)]
    return []


def renamed(result: Any, names: Mapping[Definition, str]) -> Any:
    """The result with its intermediates renamed; containers keep their form, bare SymPy values become arrays."""
    found: dict[Definition, None] = {}
    _visit(result, lambda a: found.setdefault(a.definition))
    changed: dict[Definition, Definition] = {}
    for definition in ordered(found):
        changed[definition] = _rebuilt(definition, names.get(definition, definition.name), changed)
    return _visit(result, lambda a: Array(changed[a.definition], mutable=a.mutable, contiguous=a.contiguous))


def _rebuilt(definition: Definition, name: str, changed: Mapping[Definition, Definition]) -> Definition:
    if definition.rhs is None or definition.group is not None:
        return definition
    labels = {used.label: changed[used].label for used in definition.uses if changed[used] is not used}
    if not labels and name == definition.name:
        return definition
    rhs = definition.rhs.xreplace(labels)
    assert all(owner(reference) is not None for reference in references(rhs))
    target = definition.derivative_of
    target = changed.get(target, target) if target is not None else None
    made = define(name, definition.shape, rhs, assumptions=definition.assumptions, derivative_of=target)
    if is_seen_through(definition):
        see_through(made)
    return made


def _visit(value: Any, change: Callable[[Array], Any]) -> Any:
    if isinstance(value, Array):
        return change(value)
    if isinstance(value, dict):
        return {key: _visit(part, change) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_visit(part, change) for part in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_visit(part, change) for part in value)
    if isinstance(value, sp.Expr):
        return as_array(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _visit(as_array(value), change)
    return value
