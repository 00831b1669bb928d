"""Bounds of index expressions: whether an index can leave its axis, and affine forms that are slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from gradproof.symbolic.equations.contraction import bounds

Ranges = Mapping[Any, tuple[Any, Any]]


def stays_within(index: Any, size: Any, ranges: Ranges) -> bool:
    """Whether 0 ≤ index ≤ size − 1 for all values of the indices in it, for every size of the dimensions."""
    if isinstance(index, sp.Mod):
        return bool(sp.expand(size - index.args[1]).is_nonnegative)
    low, high = bounds(sp.expand(index), dict(ranges))
    if low is None or high is None:
        return False
    return bool(low.is_nonnegative and sp.expand(size - 1 - high).is_nonnegative)


def affine(index: Any, ranges: Ranges) -> tuple[Any, Any, int] | None:
    """``(symbol, offset, step)`` of an index ``offset + step · symbol`` with a nonzero integer step; else None."""
    symbols = [s for s in index.free_symbols if s in ranges]
    if len(symbols) != 1 or index.has(sp.Indexed, sp.Function, sp.Mod):
        return None
    (symbol,) = symbols
    expanded = sp.expand(index)
    step = expanded.coeff(symbol, 1)
    offset = sp.expand(expanded - step * symbol)
    if not step.is_Integer or step == 0 or offset.has(symbol) or not _integral(offset):
        return None
    return symbol, offset, int(step)


def _integral(expression: Any) -> bool:
    return all(sp.Rational(t.as_coeff_Mul()[0]).q == 1 for t in sp.Add.make_args(expression))


def common_denominator(index: Any) -> tuple[Any, int]:
    """``numerator, q`` with index = numerator / q and integer coefficients in the numerator."""
    coefficients = [sp.Rational(t.as_coeff_Mul()[0]) for t in sp.Add.make_args(sp.expand(index))]
    q = 1
    for c in coefficients:
        q = int(sp.ilcm(q, c.q))
    return sp.expand(index * q), q
