"""Arrays that are joined along an index: cases by where the index lies, and sums of parts that stand side by side.

``a[j] if j < k else b[j - k]``, and ``[j < k] a[j] + [j >= k] b[j - k]``, are the concatenation of a and b: what
``np.concatenate`` traces to, and what the gradient by an array of which slices were used comes out as. Where there is
nothing, there are zeros.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .nodes import Iverson

Part = tuple[Any, Any, Any]
"""The first and the last index of a part, and its value there."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The parts of a value along ``index``, in order and without a gap."""

    index: Any
    parts: tuple[Part, ...]


def tiles(e: Any, ranges: Mapping[Any, tuple[Any, Any]], fewest: int = 2) -> Tiles | None:
    """The parts that an expression joins along one of its indices; None where it is nothing of that kind.

    Of a sum, at least ``fewest`` of the parts are not 0.
    """
    e = by_places(e, ranges) if isinstance(e, sp.Piecewise) else e
    symbols = e.free_symbols
    for index in (i for i in ranges if i in symbols):
        first, last = ranges[index]
        if first != 0:
            continue
        parts = _of_cases(e, index, last) if isinstance(e, sp.Piecewise) else _of_terms(e, index, last, fewest)
        whole = _without_gaps(parts, last) if parts is not None else None
        if whole is not None and len(whole) > 1:
            return Tiles(index, tuple(whole))
    return None


def as_cases(e: Any, ranges: Sequence[tuple[Any, Any, Any]]) -> Any:
    """A sum of terms under brackets that say where an index lies, as cases; anything else as it is."""
    known = {index: (first, last) for index, first, last in ranges}
    if isinstance(e, sp.Piecewise):
        return by_places(e, known)
    found = tiles(e, known) if isinstance(e, sp.Add) else None
    if found is None:
        return e
    *parts, (_, _, final) = found.parts
    cases = [(body, sp.Eq(found.index, first) if first == last else found.index <= last) for first, last, body in parts]
    return sp.Piecewise(*cases, (final, True))


def by_places(e: Any, ranges: Mapping[Any, tuple[Any, Any]]) -> Any:
    """Cases by ⌊i/n⌋, as a join of parts of one size n has them, as cases by i: within a part, i mod n is i − n k.

    >>> i, n = sp.Symbol("i", integer=True), sp.Symbol("n", integer=True, positive=True)
    >>> first = sp.Lt(sp.floor(i / n), 1, evaluate=False)
    >>> by_places(sp.Piecewise((sp.Mod(i, n), first), (0, True)), {i: (0, 2 * n - 1)})
    Piecewise((i, i <= n - 1), (0, True))
    """
    *branches, (final, otherwise) = e.args
    if otherwise not in (True, sp.true):
        return e
    for index, (first, last) in ranges.items():
        digits = {node for _, c in branches for node in c.atoms(sp.floor) if node.args[0].has(index)}
        size = sp.cancel(index / next(iter(digits)).args[0]) if len(digits) == 1 else index
        parts = sp.cancel((last + 1) / size) if not size.has(index) and first == 0 else None
        if parts is None or not parts.is_Integer:
            continue
        (digit,) = digits
        ends = [_end(condition, digit) for _, condition in branches]
        if None in ends or not all(p < q for p, q in itertools.pairwise([0, *ends, parts])):
            return e
        cases, start = [], 0
        for body, end in zip((*(body for body, _ in branches), final), (*ends, parts), strict=True):
            if end - start == 1:
                body = body.xreplace({sp.Mod(index, size): index - size * start, digit: sp.Integer(start)})
            cases.append((body, True if end == parts else index <= sp.expand(size * end - 1)))
            start = end
        return sp.Piecewise(*cases)
    return e


def _end(condition: Any, digit: Any) -> Any:
    """The first value of a digit at which a condition does not hold any more; None for other conditions."""
    if isinstance(condition, (sp.Lt, sp.Le)) and condition.lhs == digit and condition.rhs.is_Integer:
        return condition.rhs + (1 if isinstance(condition, sp.Le) else 0)
    return None


# -- reading ---------------------------------------------------------------------------------------------------------
def _of_cases(e: Any, index: Any, last: Any) -> list[Part] | None:
    """Cases ``index < c1``, ``index < c2``, ..., otherwise."""
    *branches, (rest, final) = e.args
    if final != sp.true:
        return None
    parts, start = [], sp.S.Zero
    for body, condition in branches:
        span = _span(condition, index, last)
        if span is None or span[0] != 0 or not _at_least(span[1], start - 1):
            return None
        parts.append((start, span[1], body))
        start = sp.expand(span[1] + 1)
    return [*parts, (start, last, rest)]


def _of_terms(e: Any, index: Any, last: Any, fewest: int) -> list[Part] | None:
    """A sum of terms under brackets that say where the index lies, no two of which overlap."""
    found: dict[tuple[Any, Any], list[Any]] = {}
    for term in sp.Add.make_args(e):
        factors = sp.Mul.make_args(term)
        spans = {f: _span(f.args[0], index, last) for f in factors if isinstance(f, Iverson)}
        spans |= {f: _place(f, index) for f in factors if isinstance(f, KroneckerDelta)}
        known = {f: span for f, span in spans.items() if span is not None}
        span: tuple[Any, Any] | None = (sp.S.Zero, last)
        for other in known.values():
            span = _both(span, other)
        if span is None or not known:
            return None
        found.setdefault(span, []).append(sp.Mul(*(f for f in factors if f not in known)))
    parts: list[Part] = [(first, end, sp.Add(*terms)) for (first, end), terms in found.items()]
    parts.sort(key=functools.cmp_to_key(_order))
    apart = all(_at_least(q[0], p[1] + 1) for p, q in itertools.pairwise(parts))
    return parts if apart and len(parts) >= fewest else None


def _order(one: Part, two: Part) -> int:
    return -1 if _at_least(two[0], one[1] + 1) else 1


def _span(condition: Any, index: Any, last: Any) -> tuple[Any, Any] | None:
    """The first and the last index at which an inequality between the index and sizes holds."""
    if not isinstance(condition, (sp.Ge, sp.Gt, sp.Le, sp.Lt)):
        return None
    excess = sp.expand(condition.gts - condition.lts - (1 if isinstance(condition, (sp.Gt, sp.Lt)) else 0))
    slope = excess.coeff(index)
    rest = sp.expand(excess - slope * index)
    if slope not in (1, -1) or not _is_size(rest):
        return None
    return (sp.expand(-rest), last) if slope == 1 else (sp.S.Zero, rest)


def _place(delta: Any, index: Any) -> tuple[Any, Any] | None:
    """The one index at which a delta is not 0."""
    place = delta.args[1] if delta.args[0] == index else delta.args[0]
    return (place, place) if index in delta.args and _is_size(place) else None


def _is_size(e: Any) -> bool:
    return all(s.is_positive and s.is_integer for s in e.free_symbols)


def _both(one: tuple[Any, Any] | None, two: tuple[Any, Any]) -> tuple[Any, Any] | None:
    """Where both hold, if sizes decide which end is the nearer one."""
    if one is None:
        return None
    first = two[0] if _at_least(two[0], one[0]) else one[0] if _at_least(one[0], two[0]) else None
    last = two[1] if _at_least(one[1], two[1]) else one[1] if _at_least(two[1], one[1]) else None
    return None if first is None or last is None else (first, last)


def _without_gaps(parts: Sequence[Part], last: Any) -> list[Part] | None:
    """The parts with zeros between them, from 0 to the last index; None where sizes do not say that they fit."""
    result: list[Part] = []
    start = sp.S.Zero
    for first, end, body in parts:
        if not _at_least(first, start) or not _at_least(last, end) or not _at_least(end, first - 1):
            return None
        if sp.expand(first - start) != 0:
            result.append((start, sp.expand(first - 1), sp.S.Zero))
        result.append((first, end, body))
        start = sp.expand(end + 1)
    if sp.expand(last + 1 - start) != 0:
        result.append((start, last, sp.S.Zero))
    return result


def _at_least(left: Any, right: Any) -> bool:
    """Whether a size is at least another one, whatever their symbols are."""
    return bool(sp.expand(left - right).is_nonnegative)
