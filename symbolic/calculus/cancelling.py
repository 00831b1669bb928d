r"""Sums of cotangents that are a number by what the cotangents stand for.

What a softmax is given may be shifted, as by its maximum, and nothing changes: the rows of :math:`\bar z = (P - Y)/m`
add up to :math:`0`, so that the shift has no cotangent. By name, :math:`-\sum_j \bar z_{ij}` would stay. Nor has the
mean that a variance subtracts: :math:`\sum_k (x_k - \tfrac1n \sum_l x_l) = 0`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from ..equations.contraction import contract, decide
from ..equations.definition import freshen, owner, references, substitute
from ..equations.nodes import REDUCTIONS
from ..equations.tidying import tidy_scalar
from .cotangents import Adjoints, Cotangent


def worked_out(total: Any, result: Adjoints, ranges: dict[Any, Any]) -> Any:
    """The total with a sum of a named cotangent as its value, where its expression gives one without a sum.

    The rows of P − Y add up to 0, those of −T/m to −1/m where T holds probabilities.
    """
    if total.is_Add:
        return sp.Add(*(worked_out(term, result, ranges) for term in total.args))
    sums = [f for f in sp.Mul.make_args(total) if isinstance(f, sp.Sum)]
    if len(sums) != 1 or not isinstance(sums[0].args[0], sp.Indexed):
        return total
    (part,) = sums
    named = {
        c.definition.label: c
        for c in result.of.values()
        if c.definition is not None and c.expression is not None and not c.definition.group
    }
    body = _opened(part.args[0], named)
    if not body.has(sp.Add):
        body = _meant(body, _is_difference, 1)
    if not body.has(sp.Add):
        return total
    left = sp.S.Zero
    summed = {limit[0] for limit in part.limits}
    for term in sp.Add.make_args(sp.expand_mul(body)):
        outside, inside = term.as_independent(*summed, as_Add=False)
        left += outside * contract(inside, list(part.limits), ranges)
    left = decide(left, ranges)
    if any(_same_sums(form) == 0 for form in (left, _opened(left, named), _meant(left, _is_mean))):
        return sp.S.Zero
    value = sp.factor_terms(sp.expand(_meant(left, _is_scalar)))
    return total if value.has(sp.Indexed, *REDUCTIONS) else total / part * value


def _opened(expression: Any, named: dict[Any, Cotangent]) -> Any:
    """The expression with what each cotangent in it stands for."""
    opened = {}
    for reference in expression.atoms(sp.Indexed):
        cotangent = named.get(reference.base.label)
        if cotangent is not None:
            places = dict(zip((*cotangent.extra, *cotangent.indices), reference.indices, strict=True))
            opened[reference] = substitute(freshen(cotangent.expression), places)
    return expression.xreplace(opened)


def _meant(expression: Any, opens: Callable[[Any], bool], depth: int = 3) -> Any:
    """The expression with the intermediates in it whose equations are of a kind, and those in what they stand for."""
    opened = {}
    for reference in references(expression) if depth else ():
        d = owner(reference)
        if d is not None and d.rhs is not None and not d.group and opens(d.rhs):
            value = d.expanded_at(*(reference.indices if isinstance(reference, sp.Indexed) else ()))
            opened[reference] = _meant(value, opens, depth - 1)
    return expression.xreplace(opened) if opened else expression


def _is_difference(rhs: Any) -> bool:
    """x − m: two terms, without a sum."""
    return bool(rhs.is_Add and len(rhs.args) == 2 and not rhs.has(*REDUCTIONS))


def _is_scalar(rhs: Any) -> bool:
    """1 − ε: made of scalars and numbers."""
    return not rhs.has(sp.Indexed, *REDUCTIONS)


def _is_mean(rhs: Any) -> bool:
    """A sum, a sum by a number or a size, and an array by one."""
    held = [f for f in sp.Mul.make_args(rhs) if isinstance(f, sp.Sum) or any(True for _ in references(f))]
    return len(held) == 1 and (isinstance(held[0], sp.Sum) or owner(held[0]) is not None)


def _same_sums(expression: Any, depth: int = 0) -> Any:
    """The expression with the indices of its sums named by their depth, so that equal sums are one."""
    if not expression.has(sp.Sum):
        return expression
    if not isinstance(expression, sp.Sum):
        return tidy_scalar(expression.func(*(_same_sums(part, depth) for part in expression.args)))
    names = {limit[0]: sp.Symbol(f"_s{depth + n}", integer=True) for n, limit in enumerate(expression.limits)}
    body = _same_sums(expression.args[0], depth + len(names))
    return sp.Sum(body.xreplace(names), *(sp.Tuple(*limit).xreplace(names) for limit in expression.limits))
