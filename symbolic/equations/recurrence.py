"""Recurrences: equations that refer to each other at another index, put together from rows.

Rows may be given in any order. Those on a cycle become one group of definitions, the others plain definitions before or
after it, so that a recurrence holds nothing that could be computed for all indices at once. Recurrences are hash-consed
like definitions are: the same rows give the same group.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import sympy as sp

from .definition import Definition, canonical, define, define_group, new_label, owner, references
from .dims import free_index
from .effort import spend
from .tidying import tidy_scalar


@dataclass(frozen=True, slots=True)
class Row:
    """One equation ``label[i0, i1, ...] = rhs``; other rows stand in ``rhs`` by their labels."""

    label: sp.Dummy
    name: str
    shape: tuple[Any, ...]
    rhs: Any
    assumptions: frozenset[str] = frozenset()
    first: tuple[Any, ...] = ()
    derivative_of: Definition | None = None


_groups: weakref.WeakValueDictionary[Any, Definition] = weakref.WeakValueDictionary()


def define_recurrence(rows: Sequence[Row]) -> dict[sp.Dummy, Definition]:
    """The definitions of all rows, by their labels."""
    made: dict[sp.Dummy, Definition] = {}
    table = {row.label: row for row in rows}
    for component in _components(rows):
        members = [_relabelled(table[label], {old: d.label for old, d in made.items()}) for label in component]
        only = members[0]
        if len(members) == 1 and only.label not in _labels_in(only.rhs):
            made[only.label] = define(
                only.name, only.shape, only.rhs, assumptions=only.assumptions, first=only.first,
                derivative_of=only.derivative_of,
            )  # fmt: skip
        else:
            made |= zip(component, _define_cycle(members), strict=True)
    return made


def live(rows: Sequence[Row]) -> list[Row]:
    """Rows that are linear in each other (adjoints, tangents) without those that nothing feeds, which are zero."""
    dead = {row.label for row in rows}
    while True:
        fed = {row.label for row in rows if row.label in dead and _without(row.rhs, dead) != 0}
        if not fed:
            return [replace(row, rhs=_without(row.rhs, dead)) for row in rows if row.label not in dead]
        dead -= fed


def _without(rhs: Any, dead: set[Any]) -> Any:
    """The right-hand side with 0 for every reference to one of the labels."""
    zero = {e: sp.S.Zero for e in rhs.atoms(sp.Indexed) if e.base.label in dead}
    return tidy_scalar(rhs.xreplace(zero)) if zero else rhs


def step_of(group: Sequence[Definition]) -> tuple[int, int] | None:
    """The axis of the time and the step to the member that is read (−1 or 1); None where there is not one of each.

    Along the time every member is read at its own time or one step away, and at its own time in some order: along an
    axis beside it (the places of a sequence that is aligned) a member may be read a step away, but then not in order.
    """
    inside = [(m, owner(r), r.indices) for m in group for r in references(m.rhs) if owner(r) in group]
    found = []
    for axis in range(min(m.rank for m in group)):
        moves = [(m, target, sp.expand(index[axis] - free_index(axis))) for m, target, index in inside]
        ways = {move for _, _, move in moves} - {sp.S.Zero}
        if len(ways) == 1 and ways <= {sp.S.One, sp.S.NegativeOne}:
            now = [(m, target) for m, target, move in moves if move == 0]
            if _in_order(group, now):
                found.append((axis, int(ways.pop())))
    return found[0] if len(found) == 1 else None


def _in_order(group: Sequence[Definition], reads: Sequence[tuple[Definition, Any]]) -> bool:
    """Whether the members can be computed one after the other, each after those that it reads."""
    pending = set(group)
    while pending:
        ready = {m for m in pending if not any(reader is m and target in pending for reader, target in reads)}
        if not ready:
            return False
        pending -= ready
    return True


def _define_cycle(members: Sequence[Row]) -> list[Definition]:
    spend()
    members = [replace(row, rhs=canonical(sp.sympify(row.rhs, strict=True))) for row in members]
    stubs = {row.label: _stub(p, row.label.is_positive, row.label.is_nonnegative) for p, row in enumerate(members)}
    key = tuple(
        (row.name, row.shape, row.rhs.xreplace(stubs), row.assumptions, row.first, row.derivative_of) for row in members
    )
    known = _groups.get(key)
    if known is not None and known.group is not None:
        return known.group
    group = define_group(
        [(row.label, row.name, row.shape, row.first, row.rhs, row.assumptions, row.derivative_of) for row in members]
    )
    _groups[key] = group[0]
    return group


@cache
def _stub(position: int, positive: bool | None, nonnegative: bool | None) -> sp.Dummy:
    """The label that stands for the member at a position, to compare groups by."""
    words = [word for word, holds in (("positive", positive), ("nonnegative", nonnegative)) if holds]
    return new_label(f"member{position}", words)


def _relabelled(row: Row, labels: Mapping[Any, Any]) -> Row:
    labels = {old: new for old, new in labels.items() if old is not new}
    return replace(row, rhs=row.rhs.xreplace(labels)) if labels else row


def _labels_in(rhs: Any) -> set[Any]:
    return rhs.atoms(sp.Dummy)  # type: ignore[no-any-return]


def _components(rows: Sequence[Row]) -> Iterator[list[sp.Dummy]]:
    """The cycles of rows (or single rows), each after what it uses, members in the order of the rows (Tarjan)."""
    position = {row.label: p for p, row in enumerate(rows)}
    uses = {row.label: sorted(_labels_in(row.rhs) & position.keys(), key=position.__getitem__) for row in rows}
    number: dict[Any, int] = {}
    low: dict[Any, int] = {}
    stack: list[Any] = []
    held: set[Any] = set()
    for root in position:
        if root in number:
            continue
        walk: list[tuple[Any, Iterator[Any]]] = [(root, iter(uses[root]))]
        while walk:
            label, pending = walk[-1]
            if label not in number:
                number[label] = low[label] = len(number)
                stack.append(label)
                held.add(label)
            below = next((b for b in pending if b not in number or b in held), None)
            if below is None:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[label])
                if low[label] == number[label]:
                    component = stack[stack.index(label) :]
                    del stack[stack.index(label) :]
                    held -= set(component)
                    yield sorted(component, key=position.__getitem__)
            elif below in number:
                low[label] = min(low[label], number[below])
            else:
                walk.append((below, iter(uses[below])))
