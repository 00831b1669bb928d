"""Equations in index form with what nobody named put into its only use, as a person writes them.

ū = t/√s − u Σ t u/(n s^{3/2}) is one line, and not four with a sum, a quotient and a root of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from ..equations.definition import Definition, freshen, owner, references, substitute
from ..equations.matrix_definitions import is_default, is_factor
from ..equations.nodes import REDUCTIONS
from .handing_on import is_anonymous
from .matrix_nodes import Node

_LONGEST = 26
"""A line does not grow beyond this many operations."""


def put_together(
    equations: Sequence[Definition], nodes: Mapping[Definition, Node | None], output: Definition
) -> dict[Definition, Any]:
    """The right-hand sides of the equations that are printed by index; those that went into another one are left out.

    ``nodes`` are the matrix forms of the equations that have one.
    """
    sides = {d: d.rhs for d in equations if nodes.get(d) is None}
    printed = dict.fromkeys(equations)
    for d in list(sides):
        if d is output or d.group or d.first or is_default(d) or is_factor(d):
            continue
        uses = [(user, r) for user, rhs in sides.items() for r in references(rhs) if owner(r) is d]
        elsewhere = any(d in user.uses for user in equations if nodes.get(user) is not None)
        if len(uses) != 1 or elsewhere:
            continue
        ((user, reference),) = uses
        view = user is output and isinstance(user.rhs, sp.Indexed)
        if user.group or not (view or is_anonymous(d, printed)):
            continue
        whole = _with(sides, d, user, reference)
        if whole is not None and (view or whole.count_ops() <= _LONGEST):
            sides[user] = whole
            del sides[d]
    return sides


def _with(sides: Mapping[Definition, Any], d: Definition, user: Definition, reference: Any) -> Any:
    """The right-hand side of ``user`` with the value of ``d`` in it; None where that stands within what it must not."""
    rhs, value = sides[user], sides[d]
    index = tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()
    put_in = substitute(freshen(value), dict(zip(d.indices, index, strict=True)))
    if value.has(*REDUCTIONS, sp.Piecewise) and not _stands_free(rhs, reference):
        return None
    if value.has(sp.Piecewise) and rhs != reference:
        return None
    return rhs.xreplace({reference: put_in})


def _stands_free(rhs: Any, reference: Any) -> bool:
    """Whether a reference stands in no sum and under no function or power."""
    if rhs == reference:
        return True
    if not isinstance(rhs, (sp.Add, sp.Mul)):
        return False
    held = [part for part in rhs.args if part.has(reference)]
    return len(held) == 1 and _stands_free(held[0], reference)
