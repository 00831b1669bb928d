r"""Sums of cotangents that are zero by what the cotangents stand for.

What a softmax is given may be shifted, as by its maximum, and nothing changes: the rows of :math:`\bar z = (P - Y)/m`
add up to :math:`0`, so that the shift has no cotangent. By name, :math:`-\sum_j \bar z_{ij}` would stay.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..equations.contraction import contract, decide
from ..equations.definition import freshen, substitute
from ..equations.tidying import tidy_scalar
from .cotangents import Adjoints, Cotangent


def cancels(total: Any, result: Adjoints, ranges: dict[Any, Any]) -> bool:
    """Whether a sum of a named cotangent is zero by its expression, as the rows of P − Y add up to none."""
    _, part = total.as_coeff_Mul()
    if not isinstance(part, sp.Sum) or not isinstance(part.args[0], sp.Indexed):
        return False
    named = {
        c.definition.label: c
        for c in result.of.values()
        if c.definition is not None and c.expression is not None and not c.definition.group
    }
    body = _opened(part.args[0], named)
    if not body.has(sp.Add):
        return False
    left = sp.S.Zero
    summed = {limit[0] for limit in part.limits}
    for term in sp.Add.make_args(sp.expand_mul(body)):
        outside, inside = term.as_independent(*summed, as_Add=False)
        left += outside * contract(inside, list(part.limits), ranges)
    left = decide(left, ranges)
    return bool(_same_sums(left) == 0 or _same_sums(_opened(left, named)) == 0)


def _opened(expression: Any, named: dict[Any, Cotangent]) -> Any:
    """The expression with what each cotangent in it stands for."""
    opened = {}
    for reference in expression.atoms(sp.Indexed):
        cotangent = named.get(reference.base.label)
        if cotangent is not None:
            places = dict(zip((*cotangent.extra, *cotangent.indices), reference.indices, strict=True))
            opened[reference] = substitute(freshen(cotangent.expression), places)
    return expression.xreplace(opened)


def _same_sums(expression: Any, depth: int = 0) -> Any:
    """The expression with the indices of its sums named by their depth, so that equal sums are one."""
    if not expression.has(sp.Sum):
        return expression
    if not isinstance(expression, sp.Sum):
        return tidy_scalar(expression.func(*(_same_sums(part, depth) for part in expression.args)))
    names = {limit[0]: sp.Symbol(f"_s{depth + n}", integer=True) for n, limit in enumerate(expression.limits)}
    body = _same_sums(expression.args[0], depth + len(names))
    return sp.Sum(body.xreplace(names), *(sp.Tuple(*limit).xreplace(names) for limit in expression.limits))
