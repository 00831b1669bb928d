r"""Summation with elimination of deltas: the algebra that keeps derivatives compressed.

``contract(expression, ranges)`` is :math:`\sum_{k \in ranges} expression`, simplified by rules, each a line below:

- δ rule:       Σ_k δ(k, e) f(k) = f(e) · [first ≤ e ≤ last]   (also for δ(±k + c, e))
- constants:    Σ_k c f(k) = c Σ_k f(k);   Σ_k c = size · c
- simplex rule: Σ_k y[.., k] = 1 for a one-hot or softmax row
- linearity:    only where a delta or a bare constant asks for it, since unsplit sums read better
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .definition import owner
from .dims import Range
from .nodes import Iverson

Facts = Callable[[Any], tuple[Any, Any] | None]
"""The known range of an index symbol: ``(first, last)``, or None."""


def delta(left: Any, right: Any, ranges: dict[Any, tuple[Any, Any]]) -> Any:
    """δ(left, right), which is 0 at once where the known ranges of the two are disjoint."""
    difference = sp.expand(left - right)
    if difference == 0:
        return sp.S.One
    if difference.is_number:
        return sp.S.Zero
    low, high = bounds(difference, ranges)
    if (low is not None and low.is_positive) or (high is not None and high.is_negative):
        return sp.S.Zero
    if low == 0 and high == 0:  # both have one value only: an axis of size 1
        return sp.S.One
    return KroneckerDelta(left, right)


def bounds(expression: Any, ranges: dict[Any, tuple[Any, Any]]) -> tuple[Any, Any]:
    """The lowest and highest value of an expression linear in ranged indices (None where not known)."""
    symbols = [s for s in expression.free_symbols if s in ranges]
    if expression.has(sp.Indexed, sp.Function, sp.Mod):
        return None, None
    low = high = sp.expand(expression)
    for symbol in symbols:
        slope = sp.expand(expression).coeff(symbol, 1)
        if not slope.is_number or sp.expand(expression - slope * symbol).has(symbol):
            return None, None
        first, last = ranges[symbol]
        small, large = (first, last) if slope.is_positive else (last, first)
        low, high = low.subs(symbol, small), high.subs(symbol, large)
    return sp.expand(low), sp.expand(high)


def within(value: Any, first: Any, last: Any, ranges: dict[Any, tuple[Any, Any]]) -> Any:
    """``[first ≤ value ≤ last]``, with the halves that always hold left out."""
    result = sp.S.One
    for excess, condition in ((value - first, value >= first), (last - value, value <= last)):
        low, high = bounds(sp.expand(excess), ranges)
        if low is not None and low.is_nonnegative:
            continue
        if high is not None and high.is_negative:
            return sp.S.Zero
        result *= Iverson(condition)
    return result


def contract(expression: Any, summed: Iterable[Range], ranges: dict[Any, tuple[Any, Any]] | None = None) -> Any:
    """Σ over the ``summed`` indices; ``ranges`` are those of the free indices, as far as they are known."""
    known = dict(ranges or {})
    pending = list(summed)
    for index, first, last in pending:
        known[index] = (first, last)
    # indices in deltas first: they vanish
    pending.sort(key=lambda limit: not _has_delta(expression, limit[0]))
    for limit in pending:
        expression = _sum_one(expression, limit, known)
        if expression == 0:
            break
    return expression


def _has_delta(expression: Any, index: Any) -> bool:
    return any(d.has(index) for d in expression.atoms(KroneckerDelta))


def _sum_one(expression: Any, limit: Range, known: dict[Any, tuple[Any, Any]]) -> Any:
    index, first, last = limit
    if first == last:
        return expression.xreplace({index: first})
    if not expression.has(index):
        return (last - first + 1) * expression
    if isinstance(expression, sp.Add):
        if _has_delta(expression, index) or any(not term.has(index) for term in expression.args):
            return sp.Add(*(_sum_one(term, limit, known) for term in expression.args))
        common, rest = _pull_common(expression, index)
        return common * _make_sum(rest, limit)
    outside, inside = _split(expression, index)
    if _has_delta(inside, index):
        for factor in sp.Mul.make_args(inside):
            if isinstance(factor, KroneckerDelta) and factor.has(index):
                solved = _solve(factor, index)
                if solved is not None:
                    rest = inside / factor
                    return outside * rest.xreplace({index: solved}) * within(solved, first, last, known)
        expanded = sp.expand_mul(inside)
        if isinstance(expanded, sp.Add):
            return sp.Add(*(_sum_one(outside * term, limit, known) for term in expanded.args))
    if isinstance(inside, sp.Add):
        return outside * _sum_one(inside, limit, known)
    return outside * _make_sum(inside, limit)


def _split(product: Any, index: Any) -> tuple[Any, Any]:
    outside, inside = [], []
    for factor in sp.Mul.make_args(product):
        if not factor.has(index):
            outside.append(factor)
        elif isinstance(factor, sp.Sum) and not any(l.has(index) for l in factor.limits):
            # Σ_k Σ_l f = one sum over both, so that the parts that do not depend on k can leave it
            inside.append(factor)
        else:
            inside.append(factor)
    return sp.Mul(*outside), sp.Mul(*inside)


def _pull_common(total: Any, index: Any) -> tuple[Any, Any]:
    """The factors without ``index`` that every term of a sum shares, and the rest."""
    shared: set[Any] | None = None
    for term in total.args:
        factors = {f for f in sp.Mul.make_args(term) if not f.has(index)}
        shared = factors if shared is None else shared & factors
    common = sp.Mul(*(shared or ()))
    return common, (sp.Add(*(term / common for term in total.args)) if common != 1 else total)


def _solve(factor: Any, index: Any) -> Any:
    """The value of ``index`` at which δ(left, right) is 1, when it stands there with slope ±1; else None."""
    left, right = factor.args
    difference = sp.expand(left - right)
    slope = difference.coeff(index, 1)
    rest = difference - slope * index
    if slope not in (1, -1) or rest.has(index):
        return None
    return sp.expand(-slope * rest)


def _make_sum(body: Any, limit: Range) -> Any:
    index, first, last = limit
    if isinstance(body, sp.Indexed):
        definition = owner(body)
        if definition is not None and {"one_hot", "simplex"} & definition.assumptions:
            whole = sp.expand(last - first + 1 - definition.shape[-1]) == 0
            if whole and body.indices[-1] == index and not any(i.has(index) for i in body.indices[:-1]):
                return sp.S.One
    if isinstance(body, sp.Sum):
        return sp.Sum(body.args[0], *body.limits, limit)
    if isinstance(body, sp.Mul) and any(isinstance(f, sp.Sum) for f in body.args):
        sums = [f for f in body.args if isinstance(f, sp.Sum)]
        if len({l[0] for s in sums for l in s.limits}) == sum(len(s.limits) for s in sums):
            rest = sp.Mul(*(f for f in body.args if not isinstance(f, sp.Sum)))
            inner = sp.Mul(rest, *(s.args[0] for s in sums))
            return sp.Sum(inner, *(l for s in sums for l in s.limits), limit)
    return sp.Sum(body, limit)
