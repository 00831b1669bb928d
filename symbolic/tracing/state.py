"""What a piece of user code may change, kept so that it can be put back, and compared after either side of a branch."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np
import sympy as sp

from ..arrays.array import Array

_LEAVES: Final = (str, bytes, int, float, complex, np.generic, sp.Basic, type, ModuleType, np.dtype, range, slice)
_MOST: Final = 5_000

_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Kept:
    """The content of something that can be changed in place."""

    owner: Any
    content: Any


def content_of(owner: Any) -> Any:
    """What can change in an object, as a value that later changes do not touch; None for what cannot change."""
    if isinstance(owner, Array):
        view = owner._view
        return owner._definition, owner._grouped, None if view is None else view.seen
    if isinstance(owner, (list, deque)):
        return list(owner)
    if isinstance(owner, dict):
        return dict(owner)
    if isinstance(owner, set):
        return set(owner)
    if isinstance(owner, np.ndarray):
        return owner.copy()
    if isinstance(owner, CellType):
        return _cell(owner)
    if isinstance(owner, np.random.Generator):
        return owner.bit_generator.state
    if isinstance(owner, np.random.RandomState):
        return owner.get_state()
    if isinstance(owner, type):
        return {name: value for name, value in vars(owner).items() if not name.startswith("__")}
    return _attributes(owner)


def _attributes(owner: Any) -> dict[str, Any] | None:
    """The attributes of an object, those in slots included; None where it has none."""
    names = getattr(owner, "__dict__", None)
    slots = [s for cls in type(owner).__mro__ for s in _listed(vars(cls).get("__slots__", ())) if hasattr(owner, s)]
    if not isinstance(names, dict) and not slots:
        return None
    return dict(names or {}) | {slot: getattr(owner, slot) for slot in slots if not slot.startswith("__")}


def _listed(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def put_back(owner: Any, content: Any) -> None:
    """Give an object a content that it had."""
    if isinstance(owner, Array):
        owner._definition, owner._grouped = content[0], content[1]
        if owner._view is not None:
            owner._view.seen = content[2]
    elif isinstance(owner, list):
        owner[:] = content
    elif isinstance(owner, deque):
        owner.clear()
        owner.extend(content)
    elif isinstance(owner, (dict, set)):
        owner.clear()
        owner.update(content)
    elif isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            owner[...] = content
    elif isinstance(owner, CellType):
        if content is _MISSING:
            del owner.cell_contents
        else:
            owner.cell_contents = content
    elif isinstance(owner, np.random.Generator):
        owner.bit_generator.state = content
    elif isinstance(owner, np.random.RandomState):
        owner.set_state(content)
    else:
        for name in content_of(owner).keys() - content.keys():
            delattr(owner, name)
        for name, value in content.items():
            setattr(owner, name, value) if isinstance(owner, type) else object.__setattr__(owner, name, value)


def same_content(owner: Any, one: Any, other: Any) -> bool:
    """Whether nothing changed."""
    if isinstance(owner, Array):
        return one[0] is other[0] and one[1] is other[1]
    if isinstance(owner, (list, deque)):
        return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
    if isinstance(owner, np.ndarray):
        if owner.dtype == object:
            return all(a is b for a, b in zip(one.flat, other.flat, strict=True))
        return bool(np.array_equal(one, other, equal_nan=owner.dtype.kind == "f"))
    if isinstance(owner, (CellType, set)):
        return one is other or (isinstance(owner, set) and one == other)
    if isinstance(owner, (np.random.Generator, np.random.RandomState)):
        return str(one) == str(other)
    return one.keys() == other.keys() and all(value is other[key] for key, value in one.items())


def _cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def holders(roots: Iterable[Any]) -> list[Any]:
    """Everything that can be changed in place and is reached from the roots: containers, arrays, objects, cells."""
    seen: dict[int, Any] = {}
    found: list[Any] = []
    pending = list(roots)
    while pending and len(seen) < _MOST:
        value = pending.pop()
        if value is None or id(value) in seen or isinstance(value, _LEAVES):
            continue
        seen[id(value)] = value
        pending.extend(_within(value, found))
    return found


def _within(value: Any, found: list[Any]) -> list[Any]:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, FunctionType):
        cells = list(value.__closure__ or ())
        found += cells
        return [c for cell in cells if (c := _cell(cell)) is not _MISSING]
    content = content_of(value)
    if content is None:
        return []
    found.append(value)
    if isinstance(value, Array):
        return [] if value._view is None else [value._view.base]
    if isinstance(value, (np.ndarray, np.random.Generator, np.random.RandomState)):
        return []
    return list(content.values()) if isinstance(content, dict) else list(content)


@dataclass(slots=True)
class State:
    """The contents of many objects, and the global random states, at one moment."""

    kept: list[Kept] = field(default_factory=list)
    drawn: tuple[Any, Any] = (None, None)

    @classmethod
    def of(cls, owners: Iterable[Any]) -> State:
        return cls([Kept(owner, content_of(owner)) for owner in owners], _draws())

    def restore(self) -> None:
        """Put back everything that changed since."""
        for kept in self.kept:
            if isinstance(kept.owner, Array) or not same_content(kept.owner, kept.content, content_of(kept.owner)):
                put_back(kept.owner, kept.content)

    def changes(self, to: State) -> list[int]:
        """The positions of what another state of the same objects has otherwise."""
        pairs = enumerate(zip(self.kept, to.kept, strict=True))
        return [at for at, (a, b) in pairs if not same_content(a.owner, a.content, b.content)]


def _draws() -> tuple[Any, Any]:
    _, keys, position, *rest = np.random.get_state()
    return random.getstate()[1], (position, int(keys[0]), *rest)
