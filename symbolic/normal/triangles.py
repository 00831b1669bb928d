r"""Sums over a triangle of a square: of the two triangles one is written by the other.

.. math:: \sum_{k > j} f_{kj} = \sum_{kj} f_{kj} - \sum_k f_{kk} - \sum_{j > k} f_{kj}

Which one stays is settled by the classes of both, or by the arguments where they are of one class; where exchanging the
two indices changes nothing, each is half of what the diagonal leaves.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from .classes import Limits, parameter
from .terms import Atom, Poly, add, scale, single, spelling

if TYPE_CHECKING:
    from .algebra import Algebra

HALF = Fraction(1, 2)


class Triangles:
    """The triangles among the sums of one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._others: dict[int, tuple[Poly, Atom | None] | None] = {}

    def turned(self, number: int, args: tuple[Any, ...]) -> Poly | None:
        """What a sum over a triangle is in terms of the other one; None where it is the one that stays."""
        found = self._other(number)
        if found is None:
            return None
        rest, other = found
        names = {parameter(p): a for p, a in enumerate(args)}
        if other is None:
            return self.algebra.substitute(rest, names)
        place = self.algebra.atom(other[0], tuple(a.xreplace(names) for a in other[1]))
        if other[0][1] == number and list(map(spelling, place[1])) >= list(map(spelling, args)):
            return None
        return add(self.algebra.substitute(rest, names), scale(single(place), -1))

    def _other(self, number: int) -> tuple[Poly, Atom | None] | None:
        """For a class: what is to be added, and the other triangle that is subtracted; None for all other sums."""
        if number not in self._others:
            self._others[number] = None  # for the sums that are taken on the way
            self._others[number] = self._found(number)
        return self._others[number]

    def _found(self, number: int) -> tuple[Poly, Atom | None] | None:
        (body,) = self.algebra.table[number].body
        brackets = [atom for atom, _ in body if atom[0][0] == "ibx"]
        if not brackets:
            return None
        powers, limits = self.algebra.open_sum(number, tuple(map(parameter, range(self.algebra.table[number].arity))))
        for bracket in (a for a in powers if a[0][0] == "ibx"):
            pair = _triangle(bracket, limits)
            if pair is not None:
                rest = {a: e for a, e in powers.items() if a != bracket}
                return self._beside(number, rest, limits, *pair)
        return None

    def _beside(
        self, number: int, rest: dict[Atom, Fraction], limits: Limits, high: Any, low: Any, strict: bool
    ) -> tuple[Poly, Atom | None] | None:
        algebra = self.algebra
        whole: Poly = {frozenset(rest.items()): Fraction(1)}
        diagonal = algebra.sum_over(algebra.multiply(whole, algebra.delta(high, low)), limits)
        if not strict:
            own = self._class(rest, limits, high - low - 1)
            return add(diagonal, single(own)), None
        other = self._class(rest, limits, low - high - 1)
        everything = add(algebra.sum_over(whole, limits), scale(diagonal, -1))
        if other[0][1] > number:
            return None
        if other[0][1] == number and other[1] == tuple(map(parameter, range(len(other[1])))):
            return scale(everything, HALF), None
        return everything, other

    def _class(self, rest: dict[Atom, Fraction], limits: Limits, value: Any) -> Atom:
        bracket = ((("ibx",), (sp.expand(value),)), Fraction(1))
        number, args = self.algebra.table.intern("sum", {frozenset({*rest.items(), bracket}): Fraction(1)}, limits)
        return ("sum", number), args


def _triangle(bracket: Atom, limits: Limits) -> tuple[Any, Any, bool] | None:
    """The indices of [high ≥ low] or [high > low] (True) where both are summed over one range; else None."""
    (value,) = bracket[1]
    ranges = {k: (first, last) for k, first, last in limits}
    symbols = [s for s in value.free_symbols if s in ranges]
    if len(symbols) != 2 or ranges[symbols[0]] != ranges[symbols[1]]:
        return None
    high = next((s for s in symbols if value.coeff(s, 1) == 1), None)
    low = next((s for s in symbols if value.coeff(s, 1) == -1), None)
    rest = None if high is None or low is None else sp.expand(value - high + low)
    return (high, low, rest == -1) if rest in (0, -1) else None
