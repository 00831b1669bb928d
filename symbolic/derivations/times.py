r"""The times of recurrences in formulas: :math:`h_t` is a matrix, of which :math:`t` says which one.

Which axis of an array is a time follows from the recurrences: it is the one along which a state is read at the step
before, and the same index in another array of the same equation is that time there too. The state before the first step
is the initial one, :math:`h_{-1} = h^{(0)}`: so :math:`h_{t-1}` is what every step reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from ..equations.definition import Definition, owner, references
from ..equations.recurrence import step_of
from ..recurrences.written import Before, state_before


class Time(sp.Symbol):  # type: ignore[misc]
    """An index at which matrices stand; ``depth`` tells those of one length apart, t and t′."""

    size: Any
    depth: int

    @classmethod
    def of(cls, size: Any, depth: int = 0) -> Time:
        """The time of a length, one for each depth."""
        made: Time = cls(f"t{depth}|{size}", integer=True, nonnegative=True)
        made.size, made.depth = sp.expand(size), depth
        return made


@dataclass(frozen=True, slots=True)
class Times:
    """The axes of times, and what stands before the first step of a state, with the time of that."""

    axes: Mapping[Definition, frozenset[int]] = field(default_factory=dict)
    starts: Mapping[Definition, tuple[Any, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, equations: Sequence[Definition]) -> Times:
        """What the recurrences among the equations say."""
        axes: dict[Definition, frozenset[int]] = {}
        for d in equations:
            found = step_of(d.group) if d.group and not any(d.first) else None
            if found is not None:
                axes[d] = frozenset({found[0]})
        if not axes:
            return cls()
        while _spread(equations, axes):
            pass
        starts: dict[Definition, tuple[Any, Any]] = {}
        for d in equations:
            for before in map(state_before, sorted(d.rhs.atoms(sp.Piecewise), key=str)):
                if before is not None:
                    starts.setdefault(before.state, before.initial)
        return cls(axes, starts)

    def __bool__(self) -> bool:
        return bool(self.axes)

    def indices(self, expression: Any) -> set[Any]:
        """The index symbols of an expression that are times."""
        return _times_in(expression, self.axes) if self.axes else set()

    def before(self, e: Any) -> Before | None:
        """The state that a branch reads at the step before, where the other branch is the start that is its."""
        found = state_before(e) if self.starts else None
        if found is None or self.starts.get(found.state) != found.initial:
            return None
        return found


NO_TIMES = Times()


def _spread(equations: Iterable[Definition], axes: dict[Definition, frozenset[int]]) -> bool:
    """Take the times of one array to the others of the same equation; False where nothing new came of it."""
    before = dict(axes)
    for d in equations:
        times = _times_in(d.rhs, axes) | {d.indices[axis] for axis in axes.get(d, ())}
        own = frozenset(axis for axis, index in enumerate(d.indices) if index in times)
        if own:
            axes[d] = axes.get(d, frozenset()) | own
        for reference in references(d.rhs):
            target = owner(reference)
            if target is not None and isinstance(reference, sp.Indexed):
                found = frozenset(axis for axis, index in enumerate(reference.indices) if index in times)
                if found:
                    axes[target] = axes.get(target, frozenset()) | found
    return axes != before


def _times_in(expression: Any, axes: Mapping[Definition, frozenset[int]]) -> set[Any]:
    found: set[Any] = set()
    for reference in references(expression):
        target = owner(reference)
        for axis in axes.get(target, ()) if target is not None else ():
            found |= {s for s in reference.indices[axis].free_symbols if s in _symbols(reference.indices)}
    return found


def _symbols(indices: Sequence[Any]) -> set[Any]:
    """The index symbols among the indices: dimensions are positive, an index may be 0."""
    return {s for i in indices for s in i.free_symbols if not s.is_positive}
