"""Sums whose ranges depend on other indices, as sums over whole ranges with a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError
from gradproof.symbolic.equations.nodes import Sum


def with_own_ranges(e: Any, outer: Mapping[Any, tuple[Any, Any]]) -> Any:
    r""":math:`\sum_{k \le s} f_k` as :math:`\sum_k [k \le s]\,f_k` over all k that any s reaches."""
    if not isinstance(e, sp.Sum):
        return e
    ranges = {**outer, **{k: (first, last) for k, first, last in e.limits}}
    if not any(part.free_symbols & ranges.keys() for _, *ends in e.limits for part in ends):
        return e
    limits: list[Any] = []
    conditions: list[Any] = []
    for k, first, last in e.limits:
        low, high = _extreme(first, ranges, 0), _extreme(last, ranges, 1)
        conditions += [sp.Ge(k, first)] * (low != first) + [sp.Le(k, last)] * (high != last)
        limits.append((k, low, high))
    body = sp.Piecewise((e.args[0], sp.And(*conditions)), (sp.S.Zero, True), evaluate=False)
    return Sum(body, *limits)


def _extreme(bound: Any, ranges: Mapping[Any, tuple[Any, Any]], side: int) -> Any:
    """The smallest (``side`` 0) or largest (1) value of a bound over all values of the indices in it."""
    while held := bound.free_symbols & ranges.keys():
        index = min(held, key=str)
        slope = sp.diff(bound, index)
        if not (slope.is_integer and (slope.is_positive or slope.is_negative)):
            raise UnsupportedError(f"the range up to {bound} of a sum depends on another index")
        bound = sp.expand(bound.xreplace({index: ranges[index][side if slope.is_positive else 1 - side]}))
    return bound
