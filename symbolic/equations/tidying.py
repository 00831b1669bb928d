"""Small scalar simplifications that keep a right-hand side as a person would write it."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .definition import references


def tidy_scalar(expression: Any) -> Any:
    """The shortest of a few equal forms: as it is, multiplied out (which cancels a/(b) · b), and factored again."""
    if not isinstance(expression, (sp.Add, sp.Mul)) or not _worth_it(expression):
        return expression
    candidates = [expression]
    distributed = _distributed(expression)
    if distributed is not None:
        candidates += [distributed, sp.expand(distributed, deep=False, power_base=False, power_exp=False, log=False)]
    expanded = sp.expand(expression, deep=False, power_base=False, power_exp=False, log=False, multinomial=False)
    if expanded != expression:
        candidates.append(expanded)
    factored = sp.factor_terms(expanded, radical=False, clear=False, fraction=False)
    if not factored.has(sp.Sum) or factored.count_ops() < expanded.count_ops():
        candidates.append(_plain(factored))
    return min(candidates, key=_length)


def _distributed(expression: Any) -> Any:
    """A product put into the one sum that divides by its factors: a (1 - a) (u/a - v/(1 - a)) = (1 - a) u - a v."""
    if not isinstance(expression, sp.Mul):
        return None
    sums = [f for f in expression.args if isinstance(f, sp.Add) and any(_divides(t) for t in f.args)]
    if len(sums) != 1:
        return None
    rest = sp.Mul(*(f for f in expression.args if f != sums[0]))
    result = sp.Add(*(rest * term for term in sums[0].args))
    if any(_divides(term) and list(references(sp.denom(term))) for term in sp.Add.make_args(result)):
        return None
    constant, inner = result.as_content_primitive()
    common = sp.factor_terms(sp.expand(inner), radical=False)
    return constant * common


def _divides(term: Any) -> bool:
    return any(isinstance(f, sp.Pow) and f.exp.is_negative for f in sp.Mul.make_args(term))


def _plain(expression: Any) -> Any:
    return expression


def _worth_it(expression: Any) -> bool:
    terms = sp.Add.make_args(expression)
    return len(terms) > 1 or any(isinstance(f, (sp.Add, sp.Pow)) for f in sp.Mul.make_args(expression))


def _length(expression: Any) -> tuple[int, int]:
    return (int(expression.count_ops()), len(str(expression)) if expression.has(KroneckerDelta) else 0)
