r"""Recurrences as a person writes them: :math:`h_t` from :math:`h_{t-1}`, without a name for the state before a step.

:func:`~.scan.scan` keeps the state before each step as a member of the recurrence, ``h_prev[t]``, which is ``h0`` at
the first time and ``h[t - 1]`` at the others; its adjoint is a member, too. Both only hand a value on. Put into their
uses, they leave the equations of textbooks: :math:`\delta_t` from :math:`\delta_{t+1}`, by the same chain rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..equations.definition import Definition, define, freshen, new_label, ordered, owner, references
from ..equations.dims import free_index
from ..equations.recurrence import Row, define_recurrence, step_of
from ..equations.tidying import tidy_scalar

_FACTS = ("positive", "nonnegative", "integer", "nonzero")


@dataclass(frozen=True, slots=True)
class Before:
    """``state[t - 1]``, or ``state[t + 1]`` where the last time comes first; ``start`` where there is no such time."""

    state: Definition
    index: tuple[Any, ...]
    start: Any
    edge: Any
    """The time of the first step."""
    axis: int

    @property
    def way(self) -> Any:
        """The step to the state that is read, −1 or 1: the start stands there as seen from the first step."""
        return sp.S.NegativeOne if self.edge == 0 else sp.S.One

    @property
    def initial(self) -> tuple[Any, Any]:
        """The start as a function of the state's other indices, ``i0, i1, ...`` without that of the time; its time."""
        others = [i for p, i in enumerate(self.index) if p != self.axis]
        own = [free_index(p) for p in range(len(self.index)) if p != self.axis]
        return self.start.xreplace(dict(zip(others, own, strict=True))), self.edge + self.way


def state_before(e: Any) -> Before | None:
    """What ``h0 if t = 0 else h[t - 1]`` reads; None for any other expression."""
    if not isinstance(e, sp.Piecewise) or len(e.args) != 2 or e.args[1].cond != sp.true:
        return None
    (start, condition), (later, _) = e.args
    state = owner(later)
    if state is None or not state.group or not isinstance(condition, sp.Eq) or any(state.first):
        return None
    found = step_of(state.group)
    if found is None:
        return None
    axis, _ = found
    length = state.shape[axis]
    for time, edge in (condition.args, condition.args[::-1]):
        for first, way in ((sp.S.Zero, -1), (sp.expand(length - 1), 1)):
            if sp.expand(edge - first) == 0 and sp.expand(later.indices[axis] - time - way) == 0:
                return Before(state, tuple(later.indices), start, first, axis)
    return None


def written(definitions: Sequence[Definition]) -> tuple[tuple[Definition, ...], dict[Definition, Definition]]:
    """Equivalent definitions whose recurrences hand nothing on by name, and what became of each definition."""
    kept: dict[Definition, Definition] = {}
    gone: dict[Definition, Definition] = {}
    for d in ordered(definitions):
        if d in kept or d in gone:
            continue
        if d.is_input:
            kept[d] = d
        elif d.group:
            _write_group(d.group, kept, gone, definitions)
        else:
            rhs = _reread(d.rhs, kept, gone)
            target = kept.get(d.derivative_of, d.derivative_of) if d.derivative_of is not None else None
            kept[d] = d
            if rhs != d.rhs or target is not d.derivative_of:
                kept[d] = define(d.name, d.shape, rhs, None, d.assumptions, d.first, target)
    return tuple(kept[d] for d in definitions), kept


def _write_group(
    group: Sequence[Definition], kept: dict[Definition, Definition], gone: dict[Definition, Definition],
    wanted: Sequence[Definition],
) -> None:  # fmt: skip
    """The rows of one recurrence with what hands values on put into its uses, one member after the other."""
    rows = {m: _reread(m.rhs, kept, gone) for m in group}
    passing = [m for m in group if m not in wanted and _hands_on(m)]
    put_in: dict[Definition, Any] = {}
    for m in passing:
        rhs = rows[m]
        if any(owner(r) is m for r in references(rhs)):
            continue
        del rows[m]
        put_in = {d: _put(e, m, rhs) for d, e in put_in.items()} | {m: rhs}
        rows = {d: _put(e, m, rhs) for d, e in rows.items()}
    if not put_in and all(rows[m] == m.rhs for m in group):
        kept.update((m, m) for m in group)
        return
    labels = {m: new_label(m.name, m.assumptions | {w for w in _FACTS if getattr(m.label, f"is_{w}")}) for m in rows}
    bases = {sp.IndexedBase(m.label): sp.IndexedBase(label) for m, label in labels.items()}
    made = define_recurrence([
        Row(
            labels[m], m.name, m.shape, tidy_scalar(rhs).xreplace(bases), m.assumptions, m.first,
            kept.get(m.derivative_of, m.derivative_of) if m.derivative_of is not None else None,
        )
        for m, rhs in rows.items()
    ])  # fmt: skip
    kept.update((m, made[label]) for m, label in labels.items())
    now = {base: sp.IndexedBase(made[label].label) for base, label in zip(bases, labels.values(), strict=True)}
    for m, rhs in put_in.items():
        gone[m] = Definition(m.name, m.label, m.shape, rhs.xreplace(now), first=m.first)


def _hands_on(m: Definition) -> bool:
    """Whether a member is a state before the step, or the tangent or the adjoint of what is."""
    if m.derivative_of is not None and m.derivative_of.group:
        return _hands_on(m.derivative_of)
    return state_before(m.rhs) is not None


def _put(expression: Any, member: Definition, rhs: Any) -> Any:
    """``expression`` with the right-hand side of a member in the place of its elements."""
    put = {r: freshen(rhs).xreplace(dict(zip(member.indices, r.indices, strict=True)))
           for r in references(expression) if owner(r) is member}  # fmt: skip
    return expression.xreplace(put) if put else expression


def _reread(rhs: Any, kept: Mapping[Definition, Definition], gone: Mapping[Definition, Definition]) -> Any:
    """A right-hand side over the new definitions."""
    while True:
        mapping = {}
        for reference in references(rhs):
            target = owner(reference)
            if target is None:
                continue
            index = tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()
            if target in gone:
                mapping[reference] = gone[target].expanded_at(*index)
            elif kept.get(target, target) is not target:
                mapping[reference] = kept[target].at(*index)
        if not mapping:
            return rhs
        rhs = rhs.xreplace(mapping)


def in_step_order(equations: Sequence[Definition]) -> list[Definition]:
    """The same with the members of a recurrence after those that they read at their own time, where that can be."""
    result: dict[Definition, None] = {}
    for d in equations:
        if d in result:
            continue
        pending = [m for m in equations if m is d or (d.group and m.group is d.group)]
        while pending:
            read = {m: _at_its_time(m) for m in pending}
            ready = next((m for m in pending if not any(u in pending for u in read[m])), pending[0])
            result[ready] = None
            pending.remove(ready)
    return list(result)


def _at_its_time(member: Definition) -> list[Definition]:
    """The other members of the recurrence that an equation reads at its own time."""
    group = member.group or []
    found = step_of(group) if group else None
    if found is None:
        return []
    axis, _ = found
    read = ((owner(r), r) for r in references(member.rhs))
    return [d for d, r in read if d is not member and d in group and r.indices[axis] == free_index(axis)]


__all__ = ["Before", "in_step_order", "state_before", "written"]
