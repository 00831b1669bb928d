"""One run of a user's step function on placeholders: its equations, with the user's variables as their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from ..arrays.array import Array
from ..equations.definition import Definition, ordered
from ..equations.tidy import tidy
from ..tracing.trace_names import Names, renamed


def run(step: Callable[..., Any], state: Any, inputs: Sequence[Array], placeholders: Sequence[Definition]) -> Any:
    """The result of ``step(state, *inputs)`` with what it was made of named, and the variables that hold arrays.

    These are the variables of the placeholders, and then those of the arrays in the result, None where there is none.
    """
    spaces = [space for space in (_globals(step),) if space is not None]
    with _StepNames(spaces, placeholders) as names:
        result = step(state, *inputs)
    inside = depending([a.definition for a in arrays_in(result)], placeholders)
    named = {d: name for d, name in names.found.items() if d in inside}
    titles = [names.found.get(a.definition) for a in arrays_in(result)]
    return renamed(result, named), names.of_placeholders, titles


def arrays_in(value: Any) -> list[Array]:
    """The arrays of a state: itself, or the parts of a tuple."""
    parts = value if isinstance(value, (tuple, list)) else [value]
    return [part for part in parts if isinstance(part, Array)]


def tidied(states: Sequence[Definition], placeholders: Sequence[Definition]) -> tuple[Definition, ...]:
    """The states with small intermediates of the step put into their uses; what lies outside of it stays as it is."""
    inside = depending(states, placeholders)
    every = ordered(states)
    return tidy(states, keep=[d for d in every if d not in inside], by=[d for d in every if d.is_input])


def depending(states: Sequence[Definition], placeholders: Sequence[Definition]) -> list[Definition]:
    """What depends on a placeholder, each after what it uses; the placeholders themselves are left out."""
    found: dict[Definition, None] = dict.fromkeys(placeholders)
    for definition in ordered(states):
        members = definition.group or [definition]
        if any(used in found for member in members for used in member.uses):
            found[definition] = None
    return [d for d in found if d not in placeholders]


def parameters_of(step: Callable[..., Any], count: int) -> list[str | None]:
    """The names of the step's first ``count`` positional parameters, as far as they are known."""
    try:
        found = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return [None] * count
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names: list[str | None] = [p.name for p in found if p.kind in kinds]
    return (names + [None] * count)[:count]


def _globals(step: Callable[..., Any]) -> dict[str, Any] | None:
    function = inspect.unwrap(step)
    function = getattr(function, "func", function)  # of a functools.partial
    function = getattr(function, "__func__", function)  # of a method
    if not inspect.isfunction(function):
        function = type(function).__call__
    return getattr(function, "__globals__", None)


class _StepNames(Names):
    """Also notes which variable holds a placeholder: the parts of a tuple are named where the user unpacks it."""

    def __enter__(self) -> _StepNames:
        super().__enter__()
        return self

    def __init__(self, modules: list[dict[str, Any]], placeholders: Sequence[Definition]) -> None:
        super().__init__(modules)
        self._placeholders = set(placeholders)
        self.of_placeholders: dict[Definition, str] = {}

    def _note(self, frame: FrameType) -> None:
        super()._note(frame)
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Array) and value._definition in self._placeholders:
                self.of_placeholders.setdefault(value._definition, name)
