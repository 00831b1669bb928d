"""Sums whose range ends at another index, over all that they could reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from .contraction import bounds
from .nodes import Iverson, Sum


def widened(total: Any, ranges: Mapping[Any, tuple[Any, Any]]) -> Any:
    """Σ_{k ≤ i} f(k) as Σ_k [k ≤ i] f(k), with k over a range that depends on no index.

    >>> i, k, n = sp.symbols("i k n", integer=True)
    >>> widened(Sum(k, (k, 0, i)), {i: (sp.S.Zero, n - 1)})
    Sum(k*Iverson(k <= i), (k, 0, n - 1))
    """
    known = dict(ranges) | {k: (first, last) for k, first, last in total.limits}
    limits, body = [], total.args[0]
    for k, first, last in total.limits:
        if not any(s in known for end in (first, last) for s in end.free_symbols):
            limits.append((k, first, last))
            continue
        low, high = bounds(sp.expand(first), known)[0], bounds(sp.expand(last), known)[1]
        if low is None or high is None:
            raise UnsupportedError(f"the range {first}..{last} of a sum depends on another index")
        limits.append((k, low, high))
        body *= (Iverson(k >= first) if low != first else 1) * (Iverson(k <= last) if high != last else 1)
    return Sum(body, *limits)
