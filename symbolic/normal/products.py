r"""Products over an index in normal forms: an atom for the class of the factor and the set of places that are left out.

With :math:`P_S = \prod_{j \notin S} f_j`, for places in the range of the index,

.. math:: \prod_{j \notin S} f_j g_j = \prod_{j \notin S} f_j \prod_{j \notin S} g_j, \qquad
   \prod_j e^{f_j} = e^{\sum_j f_j}, \qquad \log \prod_j f_j = \sum_j \log f_j \text{ for } f_j > 0,

.. math:: P_{\{k\}} f_k = P, \qquad P / f_k = P_{\{k\}}, \qquad P_{\{k\}} / P = 1 / f_k .

Each holds where both of its sides have a value. A quotient is rewritten as a product of the others, never the other way
round: that has a value where a factor is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .factorisations import spectrum
from .index_brackets import within
from .terms import ONE, Atom, Mono, Poly, add, constant, depends, scale, single, symbols_of

if TYPE_CHECKING:
    from .algebra import Algebra

Limit = tuple[Any, Any, Any]
Powers = dict[Atom, Fraction]


class Products:
    """Products over an index, over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra

    def over(self, body: Poly, limit: Limit, excluded: tuple[Any, ...]) -> Poly:
        """Π of a form over an index but for some places: of each factor that depends on it by itself."""
        self.algebra.ranges[limit[0]] = tuple(limit[1:])
        if body == constant(1):
            return body
        parts = self._parts(body, limit[0])
        if parts is None:
            return self.atom(body, limit, excluded)
        return self.algebra.product(self._power(part, e, limit, excluded) for part, e in parts)

    def logarithm(self, atom: Atom) -> Poly | None:
        """Of a product of positive factors, Σ of theirs; None for any other atom."""
        body, limit, excluded = self.opened(atom)
        inside = len(excluded) < 2 and all(self.is_inside(place, limit) for place in excluded)
        if not inside or not self.algebra.signs.is_positive(body):
            return None
        return self._sum(self.algebra.elementary.log(body), limit, excluded)

    def reduced(self, powers: Powers) -> Poly | None:
        """A product of powers in which a product over an index meets one of its factors; None where none does."""
        for atom, exponent in powers.items():
            if atom[0][0] != "prod":
                continue
            one = _Product(self, atom)
            found = None
            if exponent >= 1:
                found = one.divided(powers) or one.completed(powers)
            elif exponent < 0:
                found = one.left_of(powers)
            if found is not None:
                return found
        return None

    def atom(self, body: Poly, limit: Limit, excluded: tuple[Any, ...]) -> Poly:
        """The atom of a product but for some places; of all eigenvalues it is a determinant."""
        of_matrix = None if excluded else spectrum(self.algebra.matrices, body, limit)
        if of_matrix is not None:
            det = self.algebra.matrices.entry("det", *of_matrix[0], ())
            return self.algebra.elementary.power(det, of_matrix[1])  # type: ignore[no-any-return]
        number, args = self.algebra.table.intern("prod", body, (limit,))
        return single(self.algebra.table.atom(("prod", number), (*args, *excluded)))

    def opened(self, atom: Atom) -> tuple[Poly, Limit, tuple[Any, ...]]:
        """The factor, its index with the range, and the places that are left out."""
        arity = self.algebra.table[atom[0][1]].arity
        body, (limit,) = self.algebra.open_reduction(atom[0][1], atom[1][:arity])
        return body, limit, atom[1][arity:]

    def again(self, atom: Atom, change: Any = None) -> Poly:
        """An atom made anew, its factor changed by a function where one is given."""
        body, limit, excluded = self.opened(atom)
        return self.over(body if change is None else change(body), limit, excluded)

    def is_inside(self, place: Any, limit: Limit) -> bool:
        """Whether a place is one that an index runs over."""
        return within(self.algebra, place, limit[1], limit[2]) == constant(1)

    def _parts(self, body: Poly, k: Any) -> list[tuple[Atom, Fraction]] | None:
        """The powers that a factor is a product of, where all of them depend on the index; None for any other."""
        if len(body) != 1:
            return None
        ((mono, coefficient),) = body.items()
        whole = coefficient == 1 and all(depends(atom, k) for atom, _ in mono)
        parts = self.algebra.table.in_order(mono) if whole else []
        return parts if len(parts) > 1 or any(self._is_apart(*part) for part in parts) else None

    def _is_apart(self, atom: Atom, exponent: Fraction) -> bool:
        """Whether a product of this power is written by another atom: (Π x)^½ for Π x^½ where x is positive."""
        if atom[0][0] == "exp":
            return True
        return exponent != 1 and (exponent.denominator == 1 or self.algebra.signs.atom_positive(atom))

    def _power(self, atom: Atom, exponent: Fraction, limit: Limit, excluded: tuple[Any, ...]) -> Poly:
        elementary = self.algebra.elementary
        if atom[0][0] == "exp" and len(excluded) < 2 and all(self.is_inside(k, limit) for k in excluded):
            inside = scale(self.algebra.instantiate(atom[0][1], atom[1]), exponent)
            return elementary.exp(self._sum(inside, limit, excluded))  # type: ignore[no-any-return]
        if exponent == 1 or atom[0][0] == "exp" or not self._is_apart(atom, exponent):
            return self.atom(single(atom, exponent), limit, excluded)
        return elementary.power(self.atom(single(atom), limit, excluded), exponent)  # type: ignore[no-any-return]

    def _sum(self, body: Poly, limit: Limit, excluded: tuple[Any, ...]) -> Poly:
        """Σ over all places but one at most."""
        left_out = [scale(self.algebra.substitute(body, {limit[0]: place}), -1) for place in excluded]
        return add(self.algebra.sum_over(body, (limit,)), *left_out)


class _Product:
    """One product over an index, P without some places, among other powers."""

    def __init__(self, products: Products, atom: Atom) -> None:
        self.products, self.algebra, self.atom = products, products.algebra, atom
        self.body, self.limit, self.excluded = products.opened(atom)

    def divided(self, powers: Powers) -> Poly | None:
        """P / f_k = P without k; where one place is left out already, that one may be k."""
        below = {a: e for a, e in powers.items() if e < 0}
        for k in self._places(below) if len(self.excluded) < 2 else ():
            if k in self.excluded:
                continue
            inverse = _single(self.algebra.elementary.power(self._at(k), Fraction(-1)))
            rest = None if inverse is None else _without(powers, inverse[0])
            if inverse is not None and rest is not None:
                divided = {frozenset({(self.atom, Fraction(1)), *inverse[0]}): Fraction(1)}
                without = scale(self._without_places(*self.excluded, k), 1 / inverse[1])
                return self._times(rest, self._apart(k, without, divided))
            inner = self._inside(k, below) if not self.excluded else None
            if inner is not None:
                return self._times({a: e for a, e in powers.items() if e > 0}, inner)
        return None

    def completed(self, powers: Powers) -> Poly | None:
        """P without k, times f_k, is P; so it is for each of two places, where they differ."""
        if not 0 < len(self.excluded) < 3 or not all(map(self._is_inside, self.excluded)):
            return None
        for k in self.excluded:
            others = tuple(place for place in self.excluded if place is not k)
            factor = _single(self._at(k))
            rest = None if factor is None or factor[0] == ONE else _without(powers, factor[0])
            if factor is not None and rest is not None:
                times = {frozenset({(self.atom, Fraction(1)), *factor[0]}): Fraction(1)}
                whole = scale(self._without_places(*others), 1 / factor[1])
                return self._times(rest, self._apart(k, whole, times, others))
        return None

    def left_of(self, powers: Powers) -> Poly | None:
        """P without k, over P, is 1 / f_k."""
        for other, exponent in powers.items() if not self.excluded else ():
            if other[0] != self.atom[0] or exponent < 1 or other == self.atom:
                continue
            excluded = self.products.opened(other)[2]
            names = other[1][: len(other[1]) - len(excluded)]
            if len(excluded) == 1 and names == self.atom[1] and self._is_inside(excluded[0]):
                changed = {**powers, self.atom: powers[self.atom] + 1, other: exponent - 1}
                inverse = self.algebra.elementary.power(self._at(excluded[0]), Fraction(-1))
                return self.algebra.multiply(self.algebra.monomial({a: e for a, e in changed.items() if e}), inverse)
        return None

    def _apart(self, k: Any, apart: Poly, equal: Poly, others: tuple[Any, ...] | None = None) -> Poly:
        """What holds where k is none of the other places that are left out, and what where it is."""
        others = self.excluded if others is None else others
        if not others:
            return apart
        same = self.algebra.delta(others[0], k)
        return add(self.algebra.multiply(add(constant(1), scale(same, -1)), apart), self.algebra.multiply(same, equal))

    def _inside(self, k: Any, below: Powers) -> Poly | None:
        """P = P without k times a product of its own, which what stands below divides."""
        inner = _single(self._at(k))
        if inner is None or inner[1] != 1 or len(inner[0]) != 1:
            return None
        ((atom, exponent),) = inner[0]
        if atom[0][0] != "prod" or exponent != 1:
            return None
        found = _Product(self.products, atom).divided({atom: Fraction(1), **below})
        return None if found is None else self.algebra.multiply(self._without_places(k), found)

    def _times(self, rest: Powers, value: Poly) -> Poly:
        """What is left of the powers, without one of this product, times what that became."""
        changed = {**rest, self.atom: rest[self.atom] - 1}
        return self.algebra.multiply(self.algebra.monomial({a: e for a, e in changed.items() if e}), value)

    def _without_places(self, *places: Any) -> Poly:
        return self.products.atom(self.body, self.limit, places)

    def _places(self, powers: Powers) -> Iterator[Any]:
        """The indices in a product that lie in the range."""
        yield from filter(self._is_inside, dict.fromkeys(k for atom in powers for k in symbols_of(atom[1])))

    def _is_inside(self, place: Any) -> bool:
        return self.products.is_inside(place, self.limit)

    def _at(self, place: Any) -> Poly:
        return self.algebra.substitute(self.body, {self.limit[0]: place})


def _single(poly: Poly) -> tuple[Mono, Fraction] | None:
    return next(iter(poly.items())) if len(poly) == 1 else None


def _without(powers: Powers, mono: Mono) -> Powers | None:
    """The powers that are left when those of a monomial are taken out; None where they do not hold them."""
    rest = dict(powers)
    for atom, exponent in mono:
        held = rest.get(atom, Fraction(0))
        if held * exponent <= 0 or abs(held) < abs(exponent):
            return None
        rest[atom] = held - exponent
    return {atom: e for atom, e in rest.items() if e}
