"""Dimension expressions, such as ``n - 1``, as normal forms."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from .terms import Poly, add, constant, is_index, single

if TYPE_CHECKING:
    from .algebra import Algebra


def dimension(algebra: Algebra, length: Any) -> Poly:
    """A dimension expression as a polynomial."""
    e = sp.expand(length)
    total: Poly = {}
    for term in sp.Add.make_args(e):
        product = constant(1)
        for factor in sp.Mul.make_args(term):
            base, power = factor.as_base_exp()
            if base.is_Rational:
                piece = algebra.elementary.power(constant(base), Fraction(int(power.p), int(power.q)))
            elif is_index(base):
                piece = single((("idx",), (base,)))
                piece = algebra.product([piece] * int(power))
            else:
                piece = single((("dim", base), ()), Fraction(int(power.p), int(power.q)))
            product = algebra.multiply(product, piece)
        total = add(total, product)
    return total
