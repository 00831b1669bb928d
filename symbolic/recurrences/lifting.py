"""From the equations of one step to those of all steps: every intermediate gets the time as its first index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import Definition, new_label, owner
from ..equations.dims import free_index
from ..equations.recurrence import Row

Read = Callable[..., Any]
"""What stands for a placeholder's element: a function of the time and of the element's index."""

TIME = free_index(0)

_OF_MATRICES = frozenset({"symmetric"})


def lifted(
    definitions: Sequence[Definition], read: Mapping[Definition, Read], length: Any, titles: Mapping[Definition, str]
) -> dict[Definition, Row]:
    """A row ``name[t, i0, i1, ...]`` for each definition of a step; ``read`` has the placeholders that they use.

    ``titles`` are names for some of them, where they are not to have their own.
    """
    rows: dict[Definition, Row] = {}
    labels: dict[Definition, Any] = {}
    for one in definitions:
        if one.group:
            raise UnsupportedError(
                f"the step holds the recurrence of {one.name}, which depends on the time; a scan inside of a scan "
                "must not use the outer one's state or inputs"
            )
        words = one.assumptions - _OF_MATRICES
        facts = {w for w in ("positive", "nonnegative", "integer", "nonzero") if getattr(one.label, f"is_{w}")}
        name = titles.get(one, one.name)
        labels[one] = new_label(name, words | facts)
        rhs = moved(one.rhs, read, labels)
        rows[one] = Row(labels[one], name, (length, *one.shape), rhs, words)
    return rows


def moved(expression: Any, read: Mapping[Definition, Read], labels: Mapping[Definition, Any]) -> Any:
    """An expression of the step at the time ``i0``: its own free indices make room, references get the time."""
    seen: dict[Any, Any] = {}
    shifts = {free_index(axis): free_index(axis + 1) for axis in range(_axes(expression))}

    def walk(e: Any) -> Any:
        if e not in seen:
            seen[e] = _walked(e)
        return seen[e]

    def _walked(e: Any) -> Any:
        target = owner(e)
        if target is not None:
            index = tuple(map(walk, e.indices)) if isinstance(e, sp.Indexed) else ()
            if target in read:
                return read[target](TIME, *index)
            if target in labels:
                return sp.Indexed(sp.IndexedBase(labels[target]), TIME, *index)
            return target.at(*index)
        if e.is_Symbol:
            return shifts.get(e, e)
        return e.func(*map(walk, e.args)) if e.args else e

    return walk(expression)


def _axes(expression: Any) -> int:
    """One more than the highest number of a canonical free index in an expression."""
    count = 0
    for symbol in expression.free_symbols:
        name = str(symbol)
        if name[:1] == "i" and name[1:].isdigit() and symbol == free_index(int(name[1:])):
            count = max(count, int(name[1:]) + 1)
    return count
