r"""Products of an inverse with what its matrix is made of: :math:`\sum_j A^{-1}_{ij} A_{jk} = \delta_{ik}`.

The matrix need not stand there as one thing: for :math:`A = X^\top X` the two factors are found among all that are
summed. Of :math:`A = M + R` with a leading term M whose inputs stand in no other term, :math:`A^{-1} M` is
:math:`1 - A^{-1} R`, so that M does not stand beside the inverse.

Where an inverse is left at the end, in a form :math:`D_{ij}` of all its rows i, :math:`D = 0` if :math:`A D = 0`. So
:math:`(A + u v^\top)^{-1}`, :math:`(A + U K V)^{-1}` and :math:`(1 + U V)^{-1} U` are compared with what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..equations.dims import fresh_index
from .classes import Limits
from .terms import Atom, Mono, Poly, add, depends, scale, symbols_of

if TYPE_CHECKING:
    from .algebra import Algebra

Powers = dict[Atom, Fraction]


def inverse_times_matrix(algebra: Algebra, powers: Powers, limits: list[Any]) -> Poly | None:
    """A sum of products in which an inverse meets its matrix, without the two; None where there is no such pair."""
    for atom, exponent in powers.items():
        if _is_inverse(atom) and exponent == 1:
            pair = _Pair(algebra, atom)
            for place in (1, 0) if pair.pattern else ():
                found = pair.cancelled(place, powers, limits)
                if found is not None:
                    return found
    return None


def times_a_matrix(algebra: Algebra, poly: Poly) -> Iterator[Poly]:
    """The form times the matrix of an inverse in it, over an index of all its rows (or columns), for each there is."""
    rows = {symbol for mono in poly for (_, args), _ in mono for symbol in symbols_of(args)}
    tried: set[tuple[Any, Any]] = set()
    for atom in _inverses(algebra, poly):
        body, limits, index = algebra.matrices.reopened(*atom)
        of_class = atom[1][: len(atom[1]) - len(index)]
        for free, own, other in ((index[0], limits[1], limits[0]), (index[1], limits[0], limits[1])):
            if algebra.ranges.get(free) != own[1:] or any(_has(e, free) for e in (*of_class, *_others(index, free))):
                continue
            if free not in rows or (atom[0], free) in tried:
                continue
            tried.add((atom[0], free))
            new = fresh_index()
            algebra.ranges[new] = own[1:]
            matrix = algebra.substitute(body, {own[0]: free, other[0]: new})
            yield algebra.sum_over(algebra.multiply(matrix, poly), ((free, *own[1:]),))


def _others(index: tuple[Any, ...], free: Any) -> list[Any]:
    return [e for e in index if e is not free]


def _is_inverse(atom: Atom) -> bool:
    return bool(atom[0][0] == "mat" and atom[0][2] == "inv")


def _inverses(algebra: Algebra, poly: Poly) -> Iterator[Atom]:
    """The inverses in a form, and in its sums."""
    for mono in poly:
        for atom, exponent in algebra.table.in_order(mono):
            if _is_inverse(atom):
                yield atom
            elif atom[0][0] == "sum" and exponent == 1:
                inside, _ = algebra.open_sum(atom[0][1], atom[1])
                yield from (a for a, _ in algebra.table.in_order(inside.items()) if _is_inverse(a))


class _Pair:
    """An inverse, and the leading term of its matrix as factors and what is summed in it."""

    def __init__(self, algebra: Algebra, atom: Atom) -> None:
        self.algebra, self.atom = algebra, atom
        body, self.limits, self.index = algebra.matrices.reopened(*atom)
        self.of_class = atom[1][: len(atom[1]) - len(self.index)]
        self.pattern: Powers = {}
        self.inner: Limits = ()
        leading = self._leading(body)
        if leading is not None:
            ((first, _),) = leading
            if first[0][0] == "sum":
                self.pattern, self.inner = algebra.open_sum(first[0][1], first[1])
            else:
                self.pattern = {first: Fraction(1)}
            self.coefficient = body[leading]
            self.others: Poly = {mono: c for mono, c in body.items() if mono != leading}

    def _leading(self, body: Poly) -> Mono | None:
        """An entry of an input, or a sum, whose inputs stand in no other term: they would come back."""
        found: list[tuple[bool, str, Mono]] = []
        for mono in body:
            single = [a for a, e in mono if e == 1 and (a[0][0] in ("x", "sum") or len(body) == 1)]
            if len(mono) == len(single) == 1 and not self._comes_back(single[0], mono, body):
                found.append((single[0][0][0] == "x", str(single[0]), mono))
        return max(found, key=lambda one: one[:2])[2] if found else None

    def _comes_back(self, atom: Atom, own: Mono, body: Poly) -> bool:
        support = self.algebra.generic.support
        return any(support(atom) & support(other) for mono in body if mono != own for other, _ in mono)

    def cancelled(self, place: int, powers: Powers, limits: list[Any]) -> Poly | None:
        """The identity for the summed index at ``place`` of A⁻¹[i, j]: with A[j, k] for its column, A[k, i] its row."""
        bound, kept = self.index[place], self.index[1 - place]
        limit = next((l for l in limits if l[0] is bound), None)
        if limit is None or limit[1:] != self.limits[0][1:] or any(_has(e, bound) for e in (kept, *self.of_class)):
            return None
        near, far = self.limits[1 - place][0], self.limits[place][0]  # of A: where the summed index stands, and not
        rest = {a: e for a, e in powers.items() if a != self.atom}
        for used, images in self._matches(list(self.pattern.items()), rest, {near: bound}):
            if far not in images:
                continue
            left = {a: e for a, e in rest.items() if a not in used}
            gone = [bound, *(images[k] for k, _, _ in self.inner)]
            if self._fits(images, far, gone, limits) and not any(depends(a, k) for a in left for k in gone):
                return self._replaced(left, images[far], (near, far), bound, limits, gone)
        return None

    def _fits(self, images: dict[Any, Any], far: Any, gone: list[Any], limits: list[Any]) -> bool:
        """Whether each index that the leading term sums is one that is summed here, over the same range."""
        ranges = {k: (first, last) for k, first, last in limits}
        same = all(ranges.get(images[k]) == (first, last) for k, first, last in self.inner)
        beside = (images[far], *self.index, *self.of_class)
        apart = len(set(gone)) == len(gone) and not any(_has(e, k) for e in beside for k in gone[1:])
        ends = [e for k, *ends in limits if k not in gone for e in ends]
        return same and apart and not _has(images[far], gone[0]) and not any(_has(e, k) for e in ends for k in gone)

    def _replaced(
        self, left: Powers, partner: Any, ends: tuple[Any, Any], bound: Any, limits: list[Any], gone: list[Any]
    ) -> Poly:
        algebra = self.algebra
        kept = next(e for e in self.index if e is not bound)
        outer = tuple(l for l in limits if l[0] not in gone)
        one = algebra.multiply(algebra.monomial(left), algebra.delta(kept, partner))
        total = algebra.sum_over(one, outer)
        if self.others:
            beside = algebra.substitute(self.others, {ends[0]: bound, ends[1]: partner})
            product = algebra.product([algebra.monomial(left | {self.atom: Fraction(1)}), beside])
            again = tuple(l for l in limits if l[0] not in gone[1:])
            total = add(total, scale(algebra.sum_over(product, again), -1))
        return scale(total, 1 / self.coefficient)

    def _matches(
        self, pattern: list[tuple[Atom, Fraction]], rest: Powers, images: dict[Any, Any]
    ) -> Iterator[tuple[tuple[Atom, ...], dict[Any, Any]]]:
        """The ways to find the factors of the leading term among others, with what stands for its indices."""
        if not pattern:
            yield (), images
            return
        (wanted, exponent), *more = pattern
        variables = {self.limits[0][0], self.limits[1][0], *(k for k, _, _ in self.inner)}
        for other, its in rest.items():
            if other[0] != wanted[0] or its != exponent or len(other[1]) != len(wanted[1]):
                continue
            turned = (*other[1][:-2], *other[1][:-3:-1])
            for arguments in [other[1], turned] if other[0][-1] == "symmetric" else [other[1]]:
                found = _unified(wanted[1], arguments, images, variables)
                if found is not None:
                    left = {a: e for a, e in rest.items() if a != other}
                    for used, known in self._matches(more, left, found):
                        yield (other, *used), known


def _unified(
    pattern: tuple[Any, ...], arguments: tuple[Any, ...], images: dict[Any, Any], variables: set[Any]
) -> dict[Any, Any] | None:
    """The images with those that make the pattern the arguments; None where it is not."""
    found = dict(images)
    for expected, given in zip(pattern, arguments, strict=True):
        if expected in variables:
            if found.setdefault(expected, given) != given:
                return None
        elif expected != given or any(_has(expected, v) for v in variables):
            return None
    return found


def _has(expression: Any, symbol: Any) -> bool:
    return bool(expression is symbol or (expression.args and expression.has(symbol)))
