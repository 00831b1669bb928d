"""Numbers in users' code as exact values: decimals as they are written, and constants that were computed in floats.

``0.044715`` is 44715/1000000. A float of sixteen or seventeen digits was computed, not typed: it is read as the simple
constant that rounds to it (``1/3``, ``sqrt(2)``, ``sqrt(2/pi)``, ``log(2)``, ...) where there is one, and else exactly.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UsageError

_TYPED_DIGITS = 15
"""A decimal with at most this many digits was typed; every such decimal survives a float64 round trip."""


def exact(value: Any) -> Any:
    """The exact SymPy number of a Python, NumPy or SymPy scalar; infinities (masks) stay, NaN is refused.

    >>> exact(0.044715), exact(1.0 / 3), exact(math.sqrt(2 / math.pi))
    (8943/200000, 1/3, sqrt(2)/sqrt(pi))
    >>> exact(3 * math.sqrt(2 / math.pi) * 0.044715)
    26829*sqrt(2)/(200000*sqrt(pi))
    """
    if isinstance(value, sp.Float):
        return exact_float(float(value))
    if isinstance(value, sp.Expr):
        # n ** 0.5 of a size is SymPy's power with a float in it
        floats = value.atoms(sp.Float)
        return value.xreplace({number: exact_float(float(number)) for number in floats}) if floats else value
    if isinstance(value, (bool, np.bool_)):
        return sp.Integer(int(value))
    if isinstance(value, (int, np.integer)):
        return sp.Integer(int(value))
    if isinstance(value, np.float32):
        return sp.Rational(str(value)) if math.isfinite(value) else exact_float(float(value))
    if isinstance(value, (float, np.floating)):
        return exact_float(float(value))
    raise UsageError(f"{value!r} is not a real number; symbolic arrays take real numbers only")


_FEW_DIGITS = 6
"""A typed factor of a constant has at most so many digits: a billion floats hold one by chance."""


@lru_cache(maxsize=4096)
def exact_float(value: float) -> Any:
    """The exact reading of a float64 (see the module's docstring)."""
    if math.isnan(value):
        raise UsageError("NaN stands in the expression; it has no derivative")
    if math.isinf(value):
        return sp.oo if value > 0 else -sp.oo
    if value.is_integer() and abs(value) < 2**53:
        return sp.Integer(int(value))
    digits = repr(abs(value)).split("e")[0].replace(".", "").lstrip("0").rstrip("0")
    if len(digits) <= _TYPED_DIGITS:
        return sp.Rational(repr(value))
    return _computed(value) or sp.Rational(*value.as_integer_ratio())


def _computed(value: float) -> Any:
    size, sign = abs(value), (1 if value > 0 else -1)
    for build in _FORMS:
        found = build(size)
        if found is not None:
            return sign * found
    return None


def _near(fraction: Fraction, target: float, limit: int) -> Fraction | None:
    simple = fraction.limit_denominator(limit)
    return simple if simple and abs(float(simple) - target) <= 2 * math.ulp(target) else None


def _rational(size: float) -> Any:
    simple = _near(Fraction(size), size, 4096)
    return None if simple is None else sp.Rational(simple.numerator, simple.denominator)


def _root(size: float) -> Any:
    simple = _near(Fraction(size * size), size * size, 256)
    return None if simple is None else sp.sqrt(sp.Rational(simple.numerator, simple.denominator))


def _scaled(number: Any, value: float) -> Any:
    def build(size: float) -> Any:
        simple = _near(Fraction(size / value), size / value, 64)
        if simple is None or simple.numerator > 64:
            return None
        return sp.Rational(simple.numerator, simple.denominator) * number

    return build


def _root_of_pi(size: float) -> Any:
    for power in (1, -1):
        ratio = size * size / math.pi**power
        simple = _near(Fraction(ratio), ratio, 64)
        if simple is not None and simple.numerator <= 64:
            return sp.sqrt(sp.Rational(simple.numerator, simple.denominator) * sp.pi**power)
    return None


def _typed_times(number: Any, value: float) -> Any:
    """A decimal of a few digits times a constant: the rounding of two more products is allowed for."""

    def build(size: float) -> Any:
        ratio = size / value
        typed = Fraction(f"{ratio:.{_FEW_DIGITS}g}")
        return sp.Rational(typed.numerator, typed.denominator) * number if _rounds_to(typed, ratio) else None

    return build


def _rounds_to(typed: Fraction, ratio: float) -> bool:
    return typed != 0 and abs(float(typed) - ratio) <= 4 * math.ulp(ratio)


_FORMS = (
    _rational,
    _root,
    _scaled(sp.pi, math.pi),
    _scaled(1 / sp.pi, 1 / math.pi),
    _root_of_pi,
    _scaled(sp.log(2), math.log(2)),
    _scaled(1 / sp.log(2), 1 / math.log(2)),
    _scaled(sp.log(2 * sp.pi), math.log(2 * math.pi)),
    _scaled(sp.E, math.e),
    _typed_times(sp.sqrt(2 / sp.pi), math.sqrt(2 / math.pi)),
    _typed_times(1 / sp.sqrt(sp.pi), 1 / math.sqrt(math.pi)),
    _typed_times(sp.sqrt(2), math.sqrt(2)),
    _typed_times(sp.pi, math.pi),
)
"""Tried in this order; the first that rounds to the float within a few units in the last place is taken."""


def roots_together(product: Any) -> tuple[Any, ...]:
    """The factors of a product with its square roots of numbers as one: √2/√π as √(2/π), and √2/2 as 1/√2.

    >>> roots_together(sp.sqrt(2) / sp.sqrt(sp.pi)), roots_together(sp.sqrt(2) / 2)
    ((sqrt(2/pi),), (1/sqrt(2),))
    """
    rational, radicand, rest = sp.S.One, sp.S.One, []
    for factor in sp.Mul.make_args(product):
        if factor.is_Rational:
            rational *= factor
        elif factor.is_Pow and factor.base.is_number and factor.base.is_positive and abs(factor.exp) == sp.S.Half:
            radicand *= factor.base ** (2 * factor.exp)
        else:
            rest.append(factor)
    if radicand == 1:
        return tuple(sp.Mul.make_args(product))
    sign = sp.S.Half
    if radicand.is_Integer and rational.q % radicand == 0:  # p √n / (q n) = p / (q √n)
        rational, sign = rational * radicand, -sign
    root = sp.Pow(radicand, sign, evaluate=False)
    return (*([rational] if rational != 1 else []), root, *rest)
