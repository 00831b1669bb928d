"""What the terms of a form share: common factors and denominators outside, and one of a form and its negative."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from .terms import ONE, Atom, Mono, Poly, add, leading, merge, scale

if TYPE_CHECKING:
    from .algebra import Algebra

_DENOMINATORS = ("exp", "dim", "num", "x", "sum", "node", "max")
"""What all terms are multiplied by where one is divided by it; other atoms would be opened by that."""

_FEW_TERMS = 4
"""Fractions of so many terms are put on one denominator even if they become more."""


class Contents:
    """Contents of forms over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.table = algebra.table

    def positive_content(self, poly: Poly) -> tuple[Poly, Poly]:
        """A positive monomial factor that all terms share, and the rest; the rest's leading coefficient is ±1."""
        denominator, poly = self.on_one_denominator(poly, positive_only=True)
        common = self._common(poly, positive_only=True)
        rest = self._divided(poly, common)
        size = leading(rest)
        content = scale({frozenset(merge(denominator, frozenset(common.items())).items()): Fraction(1)}, abs(size))
        return content, scale(rest, 1 / abs(size))

    def on_one_denominator(self, poly: Poly, positive_only: bool) -> tuple[Mono, Poly]:
        """1 − x/(v + x) is v/(v + x): the denominator, and the terms over it where they become no more."""
        below: Mono = ONE
        for atom in dict.fromkeys(a for m in poly for a, e in self.table.in_order(m) if a[0][0] == "pow" and e < 0):
            lowest = min(dict(m).get(atom, Fraction(0)) for m in poly)
            if lowest >= 0 or (positive_only and not self._positive_where_it_has_a_value(atom, lowest)):
                continue
            over = frozenset({(atom, -lowest)})
            raised = add(*(scale(self.algebra.monomial(merge(m, over)), c) for m, c in poly.items()))
            if 0 < len(raised) <= max(len(poly), _FEW_TERMS):
                below, poly = frozenset(merge(below, frozenset({(atom, lowest)})).items()), raised
        return below, poly

    def content(self, poly: Poly) -> tuple[Poly, Poly]:
        """Any monomial factor that all terms share, with the sign, and the rest (which leads with coefficient 1)."""
        common = self._common(poly, positive_only=False)
        rest = self._divided(poly, common)
        size = abs(leading(rest))
        flip, normal = self.oriented(scale(rest, 1 / size))
        return scale({frozenset(common.items()): Fraction(1)}, -size if flip else size), normal

    def _common(self, poly: Poly, positive_only: bool) -> dict[Atom, Fraction]:
        """Shared factors; a lowest exponent below 0 is shared even where a term has none, so 1 + x/v is (v + x)/v."""
        monos = [dict(m) for m in poly]
        names = dict.fromkeys(a for m in monos for a in m)
        common: dict[Atom, Fraction] = {}
        for atom in names:
            everywhere = all(atom in m for m in monos)
            lowest = min(m.get(atom, Fraction(0)) for m in monos)
            if positive_only and not self._positive_where_it_has_a_value(atom, lowest):
                continue
            if everywhere or (lowest < 0 and atom[0][0] in _DENOMINATORS):
                common[atom] = lowest
        return common

    def _positive_where_it_has_a_value(self, atom: Atom, exponent: Fraction) -> bool:
        signs = self.algebra.signs
        return signs.atom_positive(atom) or (exponent < 0 and signs.atom_nonnegative(atom))

    def _divided(self, poly: Poly, common: dict[Atom, Fraction]) -> Poly:
        if not common:
            return poly
        inverse = frozenset((a, -e) for a, e in common.items())
        return {frozenset(merge(m, inverse).items()): c for m, c in poly.items()}

    def oriented(self, poly: Poly) -> tuple[bool, Poly]:
        """``(flipped, ±poly)``: one of a polynomial and its negative; the choice is the same plus a constant."""
        varying = {mono: c for mono, c in poly.items() if mono != ONE}
        if varying and len(varying) < len(poly):
            flip, _ = self.oriented(varying)
            return flip, scale(poly, -1) if flip else poly
        negative = scale(poly, -1)
        number, args = self.table.intern("poly", poly)
        other, other_args = self.table.intern("poly", negative)
        if number == other:
            # the negative is the same up to the order of indices: the order decides
            return (True, negative) if str(other_args) < str(args) else (False, poly)
        own_sign = sum(1 if c > 0 else -1 for c in poly.values())
        if own_sign:
            return (own_sign < 0, negative if own_sign < 0 else poly)
        return (True, negative) if other < number else (False, poly)
