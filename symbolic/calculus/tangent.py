r"""Forward mode: one tangent equation per intermediate, :math:`\dot v[I] = \sum \partial v/\partial u \, \dot u`."""

from __future__ import annotations

from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..arrays.array import Array
from ..equations.contraction import contract
from ..equations.definition import Definition, define, ordered
from ..equations.tidying import tidy_scalar
from .local import differential


def forward(output: Array, tangents: dict[Definition, Array]) -> Array:
    """The tangent of ``output`` when the given definitions move along the given arrays (of the same shapes)."""
    moving: dict[Definition, Definition] = {d: t.definition for d, t in tangents.items()}
    for definition in ordered([output.definition]):
        if definition in moving or definition.is_input:
            continue
        if definition.group and any(u in moving for m in definition.group for u in m.uses):
            raise UnsupportedError(f"there is no forward mode through the recurrence of {definition.name} yet; use vjp")
        terms = []
        for term in differential(definition):
            if term.target in moving:
                step = moving[term.target].at(*term.index)
                ranges = {i: (a, b) for i, a, b in definition.ranges}
                terms.append(contract(tidy_scalar(term.coefficient * step), term.summed, ranges))
        total: Any = tidy_scalar(sp.Add(*terms))
        if total != 0:
            moving[definition] = define(f"t_{definition.name}", definition.shape, total, derivative_of=definition)
    found = moving.get(output.definition)
    if found is None:
        return Array(define(f"t_{output.name}", output.definition.shape, sp.S.Zero))
    return Array(found)
