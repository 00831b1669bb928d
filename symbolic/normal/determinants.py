r"""Determinants of a matrix with a part of low rank, by those of what is left and of a small matrix:

.. math:: \det(R + U V) = \det R \, \det(1 + V R^{-1} U)

for U of n × k and V of k × n, so that :math:`\det(R + u v^\top) = \det R \, (1 + v^\top R^{-1} u)` and
:math:`\det(1 + U V) = \det(1 + V U)`. R has to be regular at almost all inputs of every size: a determinant has the
same value on both sides then, wherever they have one.

For ``logabsdet`` the logarithm stands for that of the absolute value, which it is where it exists.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from ..equations.dims import fresh_index
from .classes import Limits
from .definite import DEFINITE, definiteness
from .matrices import connected, on_diagonal
from .terms import Atom, Mono, Poly, accumulate, add, constant, depends

if TYPE_CHECKING:
    from .algebra import Algebra

_FEW = 3
"""So many products u vᵀ are taken out of a matrix at once."""

_NAMES = ("det", "logabsdet")


class _Update(NamedTuple):
    """A matrix R + U K V: their entries, and the indices on both sides of K; the same one where K is 1 (None)."""

    rest: Poly
    left: Poly
    middle: Poly | None
    right: Poly
    between: Limits


def by_determinant_lemma(algebra: Algebra, poly: Poly) -> Iterator[Poly]:
    """The form with one of its determinants written by that of a part of its matrix, in each way there is."""
    found = dict.fromkeys(a for mono in poly for a, _ in algebra.table.in_order(mono))
    if any(a[0][2:] == ("zero",) for a in found):
        return  # [s = 0] det(s + u vᵀ): what holds almost everywhere need not hold there
    for atom in (a for a in found if a[0][0] == "mat" and a[0][2] in _NAMES):
        for value in _values(algebra, atom):
            total: Poly = {}
            for mono, c in poly.items():
                powers = dict(mono)
                exponent = powers.pop(atom, Fraction(0))
                moved = algebra.elementary.power(value, exponent) if exponent else constant(1)
                accumulate(total, algebra.multiply(algebra.monomial(powers), moved), c)
            yield total


def _values(algebra: Algebra, atom: Atom) -> Iterator[Poly]:
    name = atom[0][2]
    body, limits, _ = algebra.matrices.reopened(*atom)
    row, column = (limit[0] for limit in limits)
    flat = [mono for mono in body if not any(depends(a, row) and depends(a, column) for a, _ in mono)]
    rest = {mono: c for mono, c in body.items() if mono not in flat}
    if 0 < len(flat) <= _FEW and _is_regular(algebra, rest, row, column):
        pairs = [_sides(mono, body[mono], column) for mono in flat]
        small = _written_out(algebra, [[_meeting(algebra, rest, limits, a[1], b[0]) for b in pairs] for a in pairs])
        outer = _determinant(algebra, name, rest, limits)
        if name == "det":
            yield algebra.multiply(outer, small)
        else:
            yield add(outer, algebra.elementary.log(small))
    for update in _low_rank(algebra, body, limits):
        found = _of_update(algebra, name, update, limits)
        if found is not None:
            yield found


def _of_update(algebra: Algebra, name: str, update: _Update, limits: Limits) -> Poly | None:
    (k, *ends), (l, *_) = update.between
    regular = [(update.rest, limits), *([(update.middle, update.between)] if update.middle is not None else [])]
    if not all(_is_regular(algebra, part, one[0], other[0]) for part, (one, other) in regular):
        return None
    i, j = fresh_index(), fresh_index()
    algebra.ranges |= {i: tuple(ends), j: tuple(ends)}
    sides = algebra.substitute(update.right, {l: i}), algebra.substitute(update.left, {k: j})
    inner = algebra.delta(i, j)
    if update.middle is not None:
        inner = algebra.matrices.entry("inv", update.middle, update.between, (i, j))
    small = add(inner, _meeting(algebra, update.rest, limits, *sides))
    parts = [*(_determinant(algebra, name, *part) for part in regular)]
    parts.append(_determinant(algebra, name, small, ((i, *ends), (j, *ends))))
    return algebra.product(parts) if name == "det" else add(*parts)


def _is_regular(algebra: Algebra, body: Poly, row: Any, column: Any) -> bool:
    if not body:
        return False
    return algebra.generic.regular(body, row, column) or definiteness(algebra, body, row, column) == DEFINITE


def _sides(mono: Mono, coefficient: Fraction, column: Any) -> tuple[Poly, Poly]:
    """A product without an atom of both ends as u, which has the row, and v, which has the column."""
    right = frozenset((a, e) for a, e in mono if depends(a, column))
    return {mono - right: coefficient}, {right: Fraction(1)}


def _low_rank(algebra: Algebra, body: Poly, limits: Limits) -> Iterator[_Update]:
    """The ways to read one term as U V, or as U K V with a regular K."""
    (row, *_), (column, *_) = limits
    for mono, c in body.items():
        across = [(a, e) for a, e in mono if depends(a, row) and depends(a, column)]
        if len(across) != 1 or across[0][0][0][0] != "sum" or across[0][1] != 1:
            continue
        powers, inner = algebra.open_sum(across[0][0][0][1], across[0][0][1])
        if any(end.has(limit[0]) for limit in inner for other in inner for end in other[1:]):
            continue
        rest = {m: n for m, n in body.items() if m != mono}
        beside = frozenset((a, e) for a, e in mono if depends(a, column)) - set(across)
        outside = mono - beside - set(across)
        bound = {limit[0] for limit in inner}
        for k in inner:
            halves = _cut(frozenset(powers.items()), (row, column), k[0], bound)
            if halves is None:
                continue
            left = algebra.multiply({outside: c}, _summed(algebra, halves[0], inner, {k[0]}))
            right = algebra.multiply({beside: Fraction(1)}, _summed(algebra, halves[1], inner, {k[0]}))
            yield _Update(rest, left, None, right, (k, k))
            for l in inner:
                thirds = _cut(halves[1], (k[0], column), l[0], bound) if l is not k and l[1:] == k[1:] else None
                if thirds is not None:
                    middle, last = (_summed(algebra, part, inner, {k[0], l[0]}) for part in thirds)
                    yield _Update(rest, left, middle, algebra.multiply({beside: Fraction(1)}, last), (k, l))


def _cut(factors: Mono, ends: tuple[Any, Any], at: Any, bound: set[Any]) -> tuple[Mono, Mono] | None:
    """A product in two that meet at one index only: what hangs together with the one end, and with the other."""
    left, right = (connected(factors, end, bound - {*ends, at}) for end in ends)
    return (left, right) if left and right and not left & right and left | right == factors else None


def _summed(algebra: Algebra, factors: Mono, limits: Limits, free: set[Any]) -> Poly:
    own = tuple(l for l in limits if l[0] not in free and any(depends(a, l[0]) for a, _ in factors))
    return algebra.sum_over({factors: Fraction(1)}, own)


def _meeting(algebra: Algebra, rest: Poly, limits: Limits, right: Poly, left: Poly) -> Poly:
    """Σ_pq V[p] R⁻¹[p, q] U[q]."""
    (row, *rows), (column, *columns) = limits
    p, q = fresh_index(), fresh_index()
    algebra.ranges |= {p: tuple(columns), q: tuple(rows)}
    inverse = algebra.matrices.entry("inv", rest, limits, (p, q))
    ends = algebra.substitute(right, {column: p}), algebra.substitute(left, {row: q})
    return algebra.sum_over(algebra.product([ends[0], inverse, ends[1]]), ((p, *columns), (q, *rows)))


def _determinant(algebra: Algebra, name: str, body: Poly, limits: Limits) -> Poly:
    """Of a matrix; of c A by that of A, for c > 0 in all entries, and of a diagonal matrix by its entries."""
    (row, first, last), (column, *_) = limits
    content, primitive = algebra.contents.positive_content(body)
    ((mono, number),) = content.items()
    own = frozenset((a, e) for a, e in mono if depends(a, row) or depends(a, column))
    outside: Poly = {mono - own: number}
    inside = algebra.multiply(primitive, {own: Fraction(1)})
    logarithm = algebra.multiply(algebra.size(last - first + 1), algebra.elementary.log(outside))
    diagonal = on_diagonal(inside, row, column)
    if diagonal is None:
        det = algebra.matrices.entry(name, inside, limits, ())
    else:
        at = algebra.substitute(diagonal, {column: row})
        along = (row, first, last)
        det = (
            algebra.products.over(at, along, ())
            if name == "det"
            else algebra.sum_over(algebra.elementary.log(at), (along,))
        )
    return algebra.multiply(algebra.elementary.exp(logarithm), det) if name == "det" else add(logarithm, det)


def _written_out(algebra: Algebra, entries: list[list[Poly]]) -> Poly:
    """det(1 + A) of a small matrix of forms."""
    total: Poly = {}
    for order in itertools.permutations(range(len(entries))):
        turns = sum(a > b for a, b in itertools.combinations(order, 2))
        factors = (add(entries[i][j], constant(int(i == j))) for i, j in enumerate(order))
        accumulate(total, algebra.product(factors), (-1) ** turns)
    return total
