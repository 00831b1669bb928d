r"""Forward mode: one tangent equation per intermediate, :math:`\dot v[I] = \sum \partial v/\partial u \, \dot u`.

The tangents of a recurrence are a recurrence of the same direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from ..arrays.array import Array
from ..equations.contraction import contract, decide
from ..equations.definition import Definition, define, new_label, ordered
from ..equations.recurrence import Row, define_recurrence, live
from ..equations.tidying import tidy_scalar
from .exponential import pushed
from .local import differential, with_names


def forward(outputs: Sequence[Array], tangents: Mapping[Definition, Array]) -> list[Array]:
    """The tangents of ``outputs`` when the given definitions move along the given arrays (of the same shapes).

    Every intermediate has one tangent, however many of the outputs it goes into. A member of a recurrence that is given
    moves by its tangent beside what it gets from the members before it.
    """
    given: dict[Definition, Definition] = {d: t.definition for d, t in tangents.items()}
    moving = dict(given)
    seen: set[Definition] = set()
    made: list[Definition] = []
    members = ordered([output.definition for output in outputs])
    for definition in members:
        if definition in seen or definition.is_input:
            continue
        if definition.group:
            seen.update(definition.group)
            _recurrent(definition.group, given, moving)
        elif definition not in moving:
            total = _tangent(definition, moving, made, members)
            if total != 0:
                moving[definition] = define(f"t_{definition.name}", definition.shape, total, derivative_of=definition)
    return [_found(output, moving.get(output.definition)) for output in outputs]


def _found(output: Array, tangent: Definition | None) -> Array:
    return Array(define(f"t_{output.name}", output.definition.shape, sp.S.Zero) if tangent is None else tangent)


def _tangent(
    definition: Definition, moving: Mapping[Definition, Definition], made: list[Definition],
    members: Sequence[Definition] = (),
) -> Any:  # fmt: skip
    """The tangent of one equation; what it refers to and nothing else holds yet is added to ``made``."""
    terms = []
    ranges = {i: (a, b) for i, a, b in definition.ranges}
    for term in with_names(differential(definition), definition, members):
        if term.target in moving:
            step = moving[term.target].at(*term.index)
            along = pushed(definition, term.coefficient, term.summed, step)
            if along is not None:
                made.append(along)
                terms.append(along.lhs)
                continue
            terms.append(contract(tidy_scalar(term.coefficient * step), term.summed, ranges))
    return tidy_scalar(decide(sp.Add(*terms), ranges))


def _recurrent(
    group: Sequence[Definition], given: Mapping[Definition, Definition], moving: dict[Definition, Definition]
) -> None:
    if not any(m in given or u in moving for m in group for u in m.uses):
        return
    labels = {m: new_label(f"t_{m.name}") for m in group}
    for m, label in labels.items():
        moving[m] = Definition(label.name, label, m.shape, None, first=m.first)
    rows = []
    for m, label in labels.items():
        own = given[m].at(*m.indices) if m in given else sp.S.Zero
        rows.append(Row(label, label.name, m.shape, own + _tangent(m, moving, []), first=m.first, derivative_of=m))
    made = define_recurrence(live(rows))
    for m, label in labels.items():
        if label in made:
            moving[m] = made[label]
        else:
            del moving[m]
