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
    users: dict[Definition, set[Definition]] = {}
    for user in equations:
        for used in user.uses:
            users.setdefault(used, set()).add(user)
    for d in list(sides):
        if d is output or d.group or d.first or is_default(d) or is_factor(d) or len(users.get(d, ())) != 1:
            continue
        (user,) = users[d]
        view = user is output and isinstance(user.rhs, sp.Indexed)
        if user not in sides or user.group or not (view or is_anonymous(d, printed)):
            continue
        found = [r for r in references(sides[user]) if owner(r) is d]
        whole = _with(sides, d, user, found[0]) if len(found) == 1 else None
        if whole is not None and (view or whole.count_ops() <= _LONGEST):
            sides[user] = whole
            del sides[d]
            for used in d.uses:
                users[used] = users[used] - {d} | {user}
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
