r"""Sums over a band: :math:`\sum_k [i \le k < i + h]\, f_k = \sum_{k < h} f_{i + k}`.

Two conditions on one index, ``[i + h > k] − [i > k]`` once they are multiplied out, leave a stretch of it. Where that
lies in the range of the sum whatever the sizes are, it is summed over by itself, from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.contraction import bounds
from ..equations.dims import fresh_index
from .terms import Atom, Mono, Poly, depends

if TYPE_CHECKING:
    from .algebra import Algebra

Limit = tuple[Any, Any, Any]
Test = tuple[bool, Any]
"""[k ≥ t] (True), or [k < t] (False)."""


class _Unordered(Exception):
    """Two thresholds of which neither is known to be the larger one."""


def bands(algebra: Algebra, poly: Poly, limit: Limit) -> Iterator[tuple[Poly, Limit]]:
    """The terms of a form with the range that each is summed over: those under conditions by the band that is left."""
    groups: dict[Mono, dict[Mono, list[Test]]] = {}
    for mono in poly:
        tests = {atom: _test(atom, limit[0]) for atom, _ in mono if atom[0][0] == "ibx" and depends(atom, limit[0])}
        if None not in tests.values():
            core = frozenset((atom, e) for atom, e in mono if atom not in tests)
            groups.setdefault(core, {})[mono] = [test for test in tests.values() if test is not None]
    whole = dict(poly)
    for core, terms in groups.items():
        for start, size, value in _banded(algebra, [(poly[m], tests) for m, tests in terms.items()], limit) or ():
            own = fresh_index()
            algebra.ranges[own] = ends = (sp.S.Zero, sp.expand(size - 1))
            yield algebra.substitute({core: value}, {limit[0]: start + own}), (own, *ends)
            whole = {m: c for m, c in whole.items() if m not in terms}
    if whole:
        yield whole, limit


def _test(atom: Atom, index: Any) -> Test | None:
    """A condition as one on the index alone; None where it is none."""
    (value,) = atom[1]
    slope = value.coeff(index, 1)
    rest = sp.expand(value - slope * index)
    if slope not in (1, -1) or rest.has(index):
        return None
    return (True, sp.expand(-rest)) if slope == 1 else (False, sp.expand(rest + 1))


def _banded(
    algebra: Algebra, terms: list[tuple[Fraction, list[Test]]], limit: Limit
) -> list[tuple[Any, Any, Fraction]] | None:
    """Where the bands of a sum of products of conditions begin, how long they are, and the values there.

    None where it does not vanish before the first threshold and behind the last one, or where a band may lie outside.
    """
    thresholds = list(dict.fromkeys(t for _, tests in terms for _, t in tests))
    if len(thresholds) < 2:
        return None
    try:
        thresholds.sort(key=cmp_to_key(_compared))
    except _Unordered:
        return None
    place = {t: p for p, t in enumerate(thresholds)}
    values = [
        sum(c for c, tests in terms if all((at > place[t]) == beyond for beyond, t in tests))
        for at in range(len(thresholds) + 1)
    ]
    if values[0] or values[-1]:
        return None
    found = [(a, b, Fraction(v)) for a, b, v in zip(thresholds, thresholds[1:], values[1:], strict=False) if v]
    inside = found and all(
        _is_never_negative(algebra, e) for e in (found[0][0] - limit[1], limit[2] - found[-1][1] + 1)
    )
    return [(a, sp.expand(b - a), v) for a, b, v in found] if inside else None


def _compared(one: Any, other: Any) -> int:
    difference = sp.expand(one - other)
    if difference.is_nonnegative:
        return 1
    if difference.is_nonpositive:
        return -1
    raise _Unordered


def _is_never_negative(algebra: Algebra, e: Any) -> bool:
    low, _ = bounds(sp.expand(e), algebra.ranges)
    return low is not None and bool(low.is_nonnegative)
