"""Small scalar simplifications that keep a right-hand side as a person would write it."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta


def tidy_scalar(expression: Any) -> Any:
    """The shortest of a few equal forms: as it is, multiplied out (which cancels a/(b) · b), and factored again."""
    if not isinstance(expression, (sp.Add, sp.Mul)) or not _worth_it(expression):
        return expression
    candidates = [expression]
    expanded = sp.expand(expression, deep=False, power_base=False, power_exp=False, log=False, multinomial=False)
    if expanded != expression:
        candidates.append(expanded)
    factored = sp.factor_terms(expanded, radical=False, clear=False, fraction=False)
    if not factored.has(sp.Sum) or factored.count_ops() < expanded.count_ops():
        candidates.append(_plain(factored))
    return min(candidates, key=_length)


def _plain(expression: Any) -> Any:
    return expression


def _worth_it(expression: Any) -> bool:
    terms = sp.Add.make_args(expression)
    return len(terms) > 1 or any(isinstance(f, (sp.Add, sp.Pow)) for f in sp.Mul.make_args(expression))


def _length(expression: Any) -> tuple[int, int]:
    return (int(expression.count_ops()), len(str(expression)) if expression.has(KroneckerDelta) else 0)
