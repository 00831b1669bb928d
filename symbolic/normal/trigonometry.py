"""Odd and even functions, and sines and cosines of multiples of an angle."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from .terms import Atom, Poly, add, constant, leading, merge, scale, single

if TYPE_CHECKING:
    from .algebra import Algebra
    from .elementary import Elementary

PARITY: Final = ("sin", "erf", "arctan", "cos")
"""Functions that are odd or even."""

_MULTIPLES: Final = 6
"""The sine and cosine of up to so many times an angle are written out."""


def parity(elementary: Elementary, name: str, poly: Poly) -> Poly:
    """sin, erf, arctan are odd, cos is even."""
    if not poly:
        return constant(1 if name == "cos" else 0)
    lifted = elementary.lift(poly, lambda p: parity(elementary, name, p))
    if lifted is not None:
        return lifted
    if name in ("sin", "cos"):
        return _multiple_angle(elementary, name, poly)
    flip, normal = elementary.algebra.contents.oriented(poly)
    number, args = elementary.table.intern("fn", normal)
    return scale(single((("fn", number, name), args)), -1 if flip else 1)


def _multiple_angle(elementary: Elementary, name: str, poly: Poly) -> Poly:
    """sin or cos of p/q · u as a polynomial in sin(u/q) and cos(u/q), by the addition theorem."""
    size = abs(Fraction(leading(poly)))
    multiple = size.numerator if size.numerator <= _MULTIPLES else 1
    base = scale(poly, Fraction(1, multiple))
    flip, normal = elementary.algebra.contents.oriented(base)
    multiple = -multiple if flip else multiple
    number, args = elementary.table.intern("fn", normal)
    one, other = (single((("fn", number, word), args)) for word in ("sin", "cos"))
    sine: Poly = {}
    cosine = constant(1)
    for _ in range(abs(multiple)):
        sine, cosine = (
            add(elementary.algebra.multiply(sine, other), elementary.algebra.multiply(cosine, one)),
            add(elementary.algebra.multiply(cosine, other), scale(elementary.algebra.multiply(sine, one), -1)),
        )
    return cosine if name == "cos" else scale(sine, -1 if multiple < 0 else 1)


def reduce_pythagoras(algebra: Algebra, powers: dict[Atom, Fraction]) -> Poly | None:
    """cos² = 1 − sin², and beside a negative power of the cosine sin² = 1 − cos²."""
    for atom, exponent in powers.items():
        if atom[0][2:] not in (("sin",), ("cos",)) or exponent < 2:
            continue
        sine = atom[0][2] == "sin"
        partner = ((*atom[0][:2], "cos" if sine else "sin"), atom[1])
        if sine and not powers.get(partner, Fraction(0)) < 0:
            continue
        rest = algebra.monomial(merge(frozenset(powers.items()), frozenset([(atom, Fraction(-2))])))
        return algebra.multiply(rest, add(constant(1), scale(single(partner, 2), -1)))
    return None
