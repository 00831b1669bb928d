"""Brackets of comparisons: [p > 0], [p ≥ 0] and [p = 0], with one form for each, and what products of them are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .terms import ONE, Atom, Poly, add, constant, merge, scale, single

if TYPE_CHECKING:
    from .algebra import Algebra


_FEW_FACTORS = 3
"""So many factors of a product are compared with 0 one by one."""

_FEW_TERMS = 4
"""The terms by which two forms may differ whose signs are compared."""


class Comparisons:
    """The brackets of one algebra."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra

    def bracket(self, poly: Poly, strict: bool = True) -> Poly:
        """[poly > 0], or [poly ≥ 0] when not ``strict``.

        Where p is zero at exceptional inputs only (:mod:`.generic`) the two are the same a.e., and
        [−p > 0] = 1 − [p > 0]. Else both signs have brackets of their own, [p ≥ 0] = 1 − [−p > 0].
        """
        if not poly or self.algebra.vanishes(poly):
            return {} if strict else constant(1)
        if set(poly) == {ONE}:
            return constant(1) if poly[ONE] > 0 else {}
        lifted = self.algebra.elementary.lift(poly, lambda p: self.bracket(p, strict))
        if lifted is not None:
            return lifted  # type: ignore[no-any-return]
        _, primitive = self.algebra.contents.positive_content(poly)
        if set(primitive) == {ONE}:
            return constant(1) if primitive[ONE] > 0 else {}
        monotone = self.algebra.elementary.behind_monotone(primitive)
        if monotone is not None:
            return self.bracket(monotone, strict)
        if self.algebra.signs.is_positive(primitive):
            return constant(1)
        if self.algebra.signs.is_positive(scale(primitive, -1)):
            return {}
        if self.algebra.signs.never_negative(primitive if not strict else scale(primitive, -1)):
            return {} if strict else constant(1)
        apart = self._by_factors(primitive, strict)
        if apart is not None:
            return apart
        if not self.algebra.generic.nonzero(primitive):
            # it may be zero on a whole region, or by itself at an entry: nothing that holds almost everywhere is used
            if strict:
                return self._sign_atom(primitive)
            return add(constant(1), scale(self._sign_atom(scale(primitive, -1)), -1))
        # thresholds of one quantity get one scale and one direction, so that they can be compared
        primitive = scale(primitive, 1 / min(abs(c) for mono, c in primitive.items() if mono != ONE))
        flip, normal = self.algebra.contents.oriented(primitive)
        atom = self._sign_atom(normal)
        if not strict or flip:
            self.algebra.almost_everywhere = True
        return add(constant(1), scale(atom, -1)) if flip else atom

    def _by_factors(self, poly: Poly, strict: bool) -> Poly | None:
        """[a b > 0] = [a > 0] [b > 0] + [−a > 0] [−b > 0], where few factors can be negative; else None."""
        below, above = self.algebra.contents.on_one_denominator(poly, positive_only=False)
        content, rest = self.algebra.contents.content(above)
        ((factors, _),) = content.items()
        mono = frozenset(merge(factors, below).items())
        odd = [(a, e) for a, e in self.algebra.table.in_order(mono) if e.denominator == 1 and e % 2]
        signed = [a for a, _ in odd if not self.algebra.signs.atom_nonnegative(a)]
        if not signed or len(signed) + (set(rest) != {ONE}) > _FEW_FACTORS:
            return None
        if set(poly) == set(single(signed[0])):
            return None
        if not strict:
            return add(constant(1), scale(self.bracket(scale(poly, -1)), -1))
        factor = self.algebra.monomial({signed[0]: Fraction(1)})
        others: Poly = {frozenset((a, e) for a, e in mono if a != signed[0]): Fraction(1)}
        other = self.algebra.multiply(rest, scale(others, next(iter(content.values()))))
        both = self.algebra.multiply(self.bracket(factor), self.bracket(other))
        neither = self.algebra.multiply(self.bracket(scale(factor, -1)), self.bracket(scale(other, -1)))
        return add(both, neither)

    def equality(self, poly: Poly) -> Poly:
        """[poly = 0] for real values: an atom."""
        if not poly:
            return constant(1)
        if set(poly) == {ONE}:
            return {}
        _, primitive = self.algebra.contents.positive_content(poly)
        _, normal = self.algebra.contents.oriented(primitive)
        number, args = self.algebra.table.intern("fn", normal)
        return single((("fn", number, "zero"), args))

    def _sign_atom(self, poly: Poly) -> Poly:
        number, args = self.algebra.table.intern("br", poly)
        return single((("br", number), args))

    def strongest(self, brackets: list[Atom]) -> set[Atom] | None:
        """[p + a > 0] [p + b > 0] = [p + min(a, b) > 0]; [p + a > 0] [−p + b > 0] = 0 for a + b ≤ 0 (None)."""
        best: dict[Any, tuple[Fraction, Atom]] = {}
        for atom in brackets:
            body = self.algebra.instantiate(atom[0][1], atom[1])
            family = frozenset((mono, c) for mono, c in body.items() if mono != ONE)
            level = body.get(ONE, Fraction(0))
            if family not in best or level < best[family][0]:
                best[family] = (level, atom)
        for family, (level, _) in best.items():
            other = best.get(frozenset((mono, -c) for mono, c in family))
            if other is not None and level + other[0] <= 0:
                return None
        return self._strongest([atom for _, atom in best.values()])

    def _strongest(self, brackets: list[Atom]) -> set[Atom] | None:
        """[p + d > 0] [p > 0] = [p > 0] and [p > 0] [−p − d > 0] = 0 for a d that is known to be positive."""
        kept = dict.fromkeys(brackets)
        for one, other in itertools.permutations(brackets, 2):
            for ratio, rest in self._rests(one, other) if one in kept and other in kept else ():
                if ratio > 0 and self.algebra.signs.is_positive(rest):
                    del kept[one]
                    break
                if ratio < 0 and self.algebra.signs.is_positive(scale(rest, -1)):
                    return None
        return set(kept)

    def covered(self, brackets: list[Atom]) -> tuple[Atom, Atom] | None:
        """Two of them, one of which holds everywhere: [p + d > 0] [−p > 0] is their sum less 1."""
        for one, other in itertools.combinations(brackets, 2):
            if any(ratio < 0 and self.algebra.signs.is_positive(rest) for ratio, rest in self._rests(one, other)):
                return one, other
        return None

    def _rests(self, one: Atom, other: Atom) -> Iterator[tuple[Fraction, Poly]]:
        """What is left of the form of a bracket less multiples of another one, where few terms are."""
        poly, less = (self.algebra.instantiate(atom[0][1], atom[1]) for atom in (one, other))
        shared = [mono for mono in poly if mono in less and mono != ONE]
        if len(poly.keys() | less.keys()) - len(shared) <= _FEW_TERMS:
            for ratio in dict.fromkeys(poly[mono] / less[mono] for mono in shared):
                yield ratio, add(poly, scale(less, -ratio))

    def through_equality(self, atom: Atom, powers: dict[Atom, Fraction]) -> Poly | None:
        """[x = v] x = [x = v] v, for the first input's element x that the equation determines (of x = y, not both)."""
        equation = self.algebra.instantiate(atom[0][1], atom[1])
        solvable = [power for mono in equation if len(mono) == 1 for power in mono if self._alone(power, equation)]
        if not solvable:
            return None
        leaf, _ = self.algebra.table.in_order(solvable)[0]
        power = powers.get(leaf, Fraction(0))
        if power.denominator != 1 or power <= 0:
            return None
        mono = frozenset({(leaf, Fraction(1))})
        value = scale({m: c for m, c in equation.items() if m != mono}, -1 / equation[mono])
        rest = {a: e for a, e in powers.items() if a != leaf}
        return self.algebra.product([self.algebra.monomial(rest), *[value] * int(power)])

    def _alone(self, power: tuple[Atom, Fraction], equation: Poly) -> bool:
        leaf, exponent = power
        return leaf[0][0] == "x" and exponent == 1 and sum(leaf == a for mono in equation for a, _ in mono) == 1
