r"""Exponentials along directions in normal forms: an atom for the class of A and k + 1 pairs of indices.

.. math:: C(A; E_1, \dots, E_k)_{ij} =
   \sum T_{i r_1, c_1 r_2, \dots, c_k j} \, (E_1)_{r_1 c_1} \cdots (E_k)_{r_k c_k}, \qquad
   T_{a_0 b_0, \dots, a_k b_k} = \int_{s_0 + \dots + s_k = 1} (e^{s_0 A})_{a_0 b_0} \cdots (e^{s_k A})_{a_k b_k} .

So C is linear in each direction; the pairs of T have no order, and for the transposed matrix each of them is turned
around. What is known of the sums of two of them, and of the exponential itself, of a matrix A = c X with one entry X:

.. math:: \sum_m T_{am, mb} = (e^A)_{ab}, \qquad \sum_{rc} T_{ar, cb} X_{rc} = (X e^A)_{ab}, \qquad
   \sum T_{a r_1, c_1 r_2, c_2 b} X_{r_1 c_1} X_{r_2 c_2} = \tfrac12 (X^2 e^A)_{ab}, \qquad e^A X = X e^A .
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.dims import fresh_index
from .classes import Limits
from .index_brackets import within
from .terms import Atom, Poly, add, depends, scale, single, spelling

if TYPE_CHECKING:
    from .algebra import Algebra
    from .matrices import Matrices

Powers = dict[Atom, Fraction]
Pair = tuple[Any, Any]
MOST_PAIRS = 4
"""Chains of more pairs are not looked for."""


def along(matrices: Matrices, bodies: Sequence[Poly], ends: Limits, index: Pair) -> Poly:
    """C(A; E₁, ..., E_k)[index] for the forms of the entries of A, E₁, ... at the two indices of ``ends``."""
    algebra = matrices.algebra
    matrix, *directions = bodies
    (row, *span), (column, *_) = ends
    algebra.ranges |= {row: tuple(span), column: tuple(span)}
    product: Poly = {frozenset(): Fraction(1)}
    places: list[Any] = []
    for direction in directions:
        r, c = fresh_index(), fresh_index()
        algebra.ranges |= {r: tuple(span), c: tuple(span)}
        places += [r, c]
        product = algebra.multiply(product, algebra.substitute(direction, {row: r, column: c}))
    atom = matrices.entry("along", matrix, ends, (index[0], *places, index[1]))
    return algebra.sum_over(algebra.multiply(product, atom), tuple((place, *span) for place in places))


def along_units(matrices: Matrices, body: Poly, ends: Limits, tail: tuple[Any, ...]) -> Poly:
    """The atom T of the matrix whose entry is ``body``, at the places of its pairs one behind the other."""
    number, args, turned = matrices.class_of_matrix(body, ends)
    if turned is True:
        tail = tuple(place for pair in _pairs(tail) for place in pair[::-1])
    head = ("mat", number, "along", *(("symmetric",) if turned is None else ()))
    return single(matrices.algebra.table.atom(head, (*args, *tail)))


def of_blocks(matrices: Matrices, body: Poly, ends: Limits, index: Pair) -> Poly | None:
    """Of A and a direction in one matrix, [[A, E], [0, A]], the entry in one of the blocks; None for any other."""
    found = blocks(matrices, body, ends)
    if found is None:
        return None
    inner, matrix, direction = found
    size = sp.expand(inner[0][2] + 1)
    p, q = (next((k for k in range(2) if _is_within(matrices.algebra, i - k * size, size)), None) for i in index)
    if p is None or q is None:
        return None
    at = (sp.expand(index[0] - p * size), sp.expand(index[1] - q * size))
    if p == q:
        return matrices.entry("expm", matrix, inner, at)
    return along(matrices, [matrix, direction], inner, at) if q == 1 else {}


def blocks(matrices: Matrices, body: Poly, ends: Limits) -> tuple[Limits, Poly, Poly] | None:
    """The A and the E of a matrix [[A, E], [0, A]], with the row and the column of a block; None for any other."""
    algebra = matrices.algebra
    (row, first, last), (column, *_) = ends
    half = sp.expand((last - first + 1) / 2)
    if first != 0 or not half.is_integer:
        return None
    r, c = fresh_index(), fresh_index()
    algebra.ranges |= {r: (sp.S.Zero, half - 1), c: (sp.S.Zero, half - 1)}
    algebra.digits |= {r: half, c: half}

    def block(p: int, q: int) -> Poly:
        return algebra.substitute(body, {row: r + p * half, column: c + q * half})

    matrix = block(0, 0)
    if block(1, 0) or add(matrix, scale(block(1, 1), -1)):
        return None
    return ((r, sp.S.Zero, half - 1), (c, sp.S.Zero, half - 1)), matrix, block(0, 1)


def _is_within(algebra: Algebra, index: Any, size: Any) -> bool:
    return within(algebra, sp.expand(index), sp.S.Zero, size - 1) == {frozenset(): Fraction(1)}


def contracted(matrices: Matrices, powers: Powers, limits: list[Any]) -> Poly | None:
    """A sum over a product with an exponential, or with one along a direction, without that; None for any other."""
    for atom, exponent in powers.items():
        if atom[0][0] != "mat" or exponent != 1 or atom[0][2] not in ("expm", "along"):
            continue
        exponential = _Exponential(matrices, atom, {a: e for a, e in powers.items() if a != atom}, limits)
        found = exponential.moved() if atom[0][2] == "expm" else exponential.joined()
        if found is not None:
            return found
    return None


class _Exponential:
    """One atom of an exponential in a sum over a product, and the rest of the product."""

    def __init__(self, matrices: Matrices, atom: Atom, rest: Powers, limits: list[Any]) -> None:
        self.matrices, self.algebra, self.rest, self.limits = matrices, matrices.algebra, rest, limits
        self.body, self.ends, self.index = matrices.reopened(*atom)
        self.of_class = atom[1][: len(atom[1]) - len(self.index)]
        self.is_symmetric = atom[0][-1] == "symmetric"

    def joined(self) -> Poly | None:
        """T as a chain: with a sum, or a sum with X, from each pair to the next, it is X^p e^A / k!."""
        pairs = _pairs(self.index)
        if len(pairs) > MOST_PAIRS:
            return None
        found = next((f for p, pair in enumerate(pairs) for f in self._chains(pair, _without(pairs, p), ())), None)
        if found is None:
            return None
        a, b, links = found
        gone = {k for link in links for k in link}
        entries = [self._taken(r, c) for r, c in links if r is not c]
        taken = {atom for entry in entries if entry is not None for atom in entry}
        value = scale(self._powered(len(entries), a, b), Fraction(1, math.factorial(len(links))))
        return self._with({atom: e for atom, e in self.rest.items() if atom not in taken}, value, tuple(gone))

    def _chains(self, first: Pair, others: list[Pair], links: tuple[Pair, ...]) -> Iterator[tuple[Any, Any, Any]]:
        """The ends of every chain that begins with a pair, and the two indices between each pair and the next."""
        for a, r in (first, first[::-1]) if self.is_symmetric and not links else (first,):
            if not others and not {a, r} & {k for link in links for k in link}:
                yield a, r, links
            for p, pair in enumerate(others):
                for c, b in (pair, pair[::-1]) if self.is_symmetric else (pair,):
                    if self._is_linked(r, c):
                        yield from self._chains((a, b), _without(others, p), (*links, (r, c)))

    def _is_linked(self, r: Any, c: Any) -> bool:
        if not (self._is_bound(r) and self._is_bound(c)):
            return False
        return not any(depends(other, r) for other in self.rest) if r is c else self._taken(r, c) is not None

    def _powered(self, power: int, a: Any, b: Any) -> Poly:
        """(X^p e^A)[a, b]."""
        places = [a, *(fresh_index() for _ in range(power))]
        self.algebra.ranges |= {m: tuple(self.ends[0][1:]) for m in places[1:]}
        factors = [self._entry(*pair) for pair in itertools.pairwise(places)]
        whole = self.matrices.entry("expm", self.body, self.ends, (places[-1], b))
        limits = tuple((m, *self.ends[0][1:]) for m in places[1:])
        return self.algebra.sum_over(self.algebra.product([*factors, whole]), limits)

    def moved(self) -> Poly | None:
        """Σ_r (e^A)[a, r] X[r, b] = (X e^A)[a, b]; of a symmetric A the one in which a comes first."""
        for a, r in (self.index, self.index[::-1]) if self.is_symmetric else (self.index,):
            if a is r or not self._is_bound(r):
                continue
            ends = dict.fromkeys(place for other in self.rest if depends(other, r) for place in other[1])
            for b in ends:
                if b.has(r) or (self.is_symmetric and spelling(a) >= spelling(b)):
                    continue
                taken = self._taken(r, b, only=r)
                if taken is not None:
                    rest = {atom: e for atom, e in self.rest.items() if atom not in taken}
                    return self._with(rest, self._powered(1, a, b), (r,))
        return None

    def _taken(self, r: Any, c: Any, only: Any = None) -> Powers | None:
        """X[r, c] in the rest of the product, where nothing else there depends on r or on c, or on ``only``."""
        moved = self._entry(r, c)
        if len(moved) != 1:
            return None
        ((mono, coefficient),) = moved.items()
        bound = (r, c) if only is None else (only,)
        holders = {atom: e for atom, e in self.rest.items() if any(depends(atom, k) for k in bound)}
        return dict(mono) if coefficient == 1 and dict(mono) == holders else None

    def _entry(self, row: Any, column: Any) -> Poly:
        """X[row, column] of A = c X: the factors of its one term that depend on the place; 0 where A is a sum."""
        if len(self.body) != 1:
            return {}
        ((mono, _),) = self.body.items()
        inside = frozenset((atom, e) for atom, e in mono if any(depends(atom, end[0]) for end in self.ends))
        return self.algebra.substitute({inside: Fraction(1)}, {self.ends[0][0]: row, self.ends[1][0]: column})

    def _is_bound(self, k: Any) -> bool:
        """Whether an index is summed over all places of the matrix, and nothing else hangs on it."""
        whole = any(limit[0] is k and tuple(limit[1:]) == tuple(self.ends[0][1:]) for limit in self.limits)
        inside = any(end.has(k) for _, *ends in self.limits for end in ends) or any(a.has(k) for a in self.of_class)
        return whole and not inside and sum(k is place for place in self.index) <= 2

    def _with(self, rest: Powers, value: Poly, gone: tuple[Any, ...]) -> Poly:
        left = tuple(limit for limit in self.limits if not any(limit[0] is k for k in gone))
        return self.algebra.sum_over(self.algebra.multiply(self.algebra.monomial(rest), value), left)


def _pairs(tail: Sequence[Any]) -> list[Pair]:
    return list(zip(tail[::2], tail[1::2], strict=True))


def _without(pairs: list[Pair], place: int) -> list[Pair]:
    return [*pairs[:place], *pairs[place + 1 :]]
