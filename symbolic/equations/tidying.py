"""Small scalar simplifications that keep a right-hand side as a person would write it."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .collecting import alike, collected, is_elementwise, with_fewer_signs
from .definition import references
from .effort import spend


def tidy_scalar(expression: Any) -> Any:
    """The shortest of a few equal forms: as it is, multiplied out (which cancels a/(b) · b), and factored again."""
    if not isinstance(expression, (sp.Add, sp.Mul)) or not _worth_it(expression):
        return expression
    spend(len(expression.args))
    cancelled = _cancelled(expression)
    if cancelled is not None:
        return with_fewer_signs(cancelled)
    elementwise = is_elementwise(expression)
    expression = alike(expression) if elementwise else expression
    candidates = [expression]
    expanded = sp.expand(expression, deep=False, power_base=False, power_exp=False, log=False, multinomial=False)
    if expanded != expression:
        candidates.append(expanded)
    factored = sp.factor_terms(expanded, radical=False, clear=False, fraction=False)
    if not factored.has(sp.Sum) or factored.count_ops() < expanded.count_ops():
        candidates.append(factored)
    if not elementwise:
        return min(candidates, key=_length)
    candidates += [sp.factor_terms(expression, radical=False, clear=False, fraction=False), collected(expression)]
    digits = _digits(expression)
    return with_fewer_signs(min((c for c in candidates if _digits(c) <= digits), key=_length))


def _digits(expression: Any) -> int:
    """How many digits the numbers of an expression have: a common denominator of decimals has many."""
    return sum(len(str(abs(n.p))) + len(str(n.q)) for n in expression.atoms(sp.Rational) if max(abs(n.p), n.q) > 100)


def _cancelled(expression: Any) -> Any:
    """A product whose factors one sum divides by, without these: a (1 - a) (u/a - v/(1 - a)) = (1 - a) u - a v.

    A quotient of numbers that both underflow has no value; None where one would be left.
    """
    if not isinstance(expression, sp.Mul):
        return None
    sums = [f for f in expression.args if isinstance(f, sp.Add) and any(_divides(t) for t in f.args)]
    if len(sums) != 1:
        return None
    rest = sp.Mul(*(f for f in expression.args if f != sums[0]))
    below = [t for t in sums[0].args if any(True for _ in references(sp.denom(t)))]
    others = sp.Add(*(t for t in sums[0].args if t not in below))
    result = sp.Add(*(rest * term for term in below), rest * others)
    if not below or any(_divides(term) and list(references(sp.denom(term))) for term in sp.Add.make_args(result)):
        return None
    constant, inner = result.as_content_primitive()
    plain = sp.factor_terms(inner, radical=False)
    forms = [constant * plain, constant * sp.factor_terms(sp.expand(inner), radical=False)]
    if is_elementwise(result):
        number, terms = plain.as_independent(sp.Add, as_Add=False)
        forms.append(constant * number * collected(terms))
    return min(forms, key=lambda form: (form.count_ops() + 2 * len(_terms(form)), *_length(form)))


def _terms(form: Any) -> tuple[Any, ...]:
    """The terms of the longest sum in a product."""
    return max((sp.Add.make_args(f) for f in sp.Mul.make_args(form)), key=len)


def _divides(term: Any) -> bool:
    return any(isinstance(f, sp.Pow) and f.exp.is_negative for f in sp.Mul.make_args(term))


def _worth_it(expression: Any) -> bool:
    terms = sp.Add.make_args(expression)
    return len(terms) > 1 or any(isinstance(f, (sp.Add, sp.Pow)) for f in sp.Mul.make_args(expression))


def _length(expression: Any) -> tuple[int, int]:
    return (int(expression.count_ops()), len(str(expression)) if expression.has(KroneckerDelta) else 0)
