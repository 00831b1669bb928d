"""How a float in user code is read as a real number: the decimal that was typed, a closed form, or the float itself.

A gradient is a statement about real numbers, while its code holds floats. The readings, from the first that fits:

1. an integer or a dyadic with few digits, or a decimal of at most 11 significant digits: exactly as written
   (``0.044715`` is 44715/10⁶, so ``0.04471501`` is another number);
2. a float within an ulp of a rational p/q with p·q ≤ 10⁷ (``1.0 / 3``), of its square root (``1 / np.sqrt(3)``), or
   of one of these with a factor π or √π (``np.sqrt(2 / np.pi)``), p·q ≤ 10⁴: that number. Some 10⁸ candidates stand
   against 2⁵² mantissas, so a float is mistaken for one with a probability below 10⁻⁷, and then by an ulp;
3. any other float was computed: its own value, or, when readings are *widened*, a ball of four ulps around it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Final

from flint import arb, ctx, fmpq

DECIMAL_DIGITS: Final = 11
"""A float that prints with at most so many significant digits is the decimal that somebody typed.

A computed float prints so short with a probability below 10⁻⁴; at 14 digits it would be one in a hundred."""

GUARD: Final = 1e-5
"""The largest constant that counts as a guard, as in ``log(p + 1e-7)``."""

ULPS: Final = 4
"""The radius, in units of the last place, of a computed constant whose reading is widened."""

_PI: Final = Fraction(31415926535897932384626433832795028841971693993751, 10**49)


@dataclass
class Readings:
    """What was read while user code ran. ``widened`` asks for balls; ``computed`` collects the constants it applies to.

    ``unguarded`` reads a constant within 10⁻⁵ of 0 or ±1 as that where it guards a logarithm or a clipping, and with
    ``denominators`` also one near 0 beside a division; ``guards`` are those.
    """

    widened: bool = False
    unguarded: bool = False
    denominators: bool = False
    computed: set[float] = field(default_factory=set)
    guards: set[float] = field(default_factory=set)


def _convergent(target: Fraction, tolerance: Fraction, product: int) -> Fraction | None:
    """The first continued-fraction convergent p/q within a relative ``tolerance`` of target, if p·q ≤ product."""
    p0, q0, p1, q1 = 0, 1, 1, 0
    rest = target
    while True:
        whole = rest.numerator // rest.denominator
        p0, q0, p1, q1 = p1, q1, whole * p1 + p0, whole * q1 + q0
        if p1 * q1 > product:
            return None
        if abs(Fraction(p1, q1) - target) <= tolerance * target:
            return Fraction(p1, q1)
        if rest == whole:
            return None
        rest = 1 / (rest - whole)


def _rational(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


@lru_cache(maxsize=4096)
def closed_form(value: float) -> tuple[Fraction, int, int] | None:
    """(r, s, p) with value ≈ (r · π^p)^(1/s) to within an ulp or two, or None.

    >>> closed_form(1.0 / 3), closed_form(math.sqrt(2 / math.pi))
    ((Fraction(1, 3), 1, 0), (Fraction(2, 1), 2, -1))
    >>> closed_form(0.8414709848078965) is None
    True
    """
    exact = Fraction(abs(value))
    ulp = Fraction(1, 2**52)
    for root, power, product, tolerance in (
        (1, 0, 10**7, ulp), (2, 0, 10**4, 3 * ulp), (1, 1, 10**4, 2 * ulp), (1, -1, 10**4, 2 * ulp),
        (2, 1, 10**4, 3 * ulp), (2, -1, 10**4, 3 * ulp),
    ):  # fmt: skip
        found = _convergent(exact**root / _PI**power, tolerance, product)
        if found:
            return found, root, power
    return None


def _digits(value: float) -> int:
    mantissa = repr(value).lower().lstrip("-").partition("e")[0].replace(".", "")
    return len(mantissa.strip("0"))


@lru_cache(maxsize=200_000)
def _read(value: float, widened: bool, prec: int) -> tuple[arb, bool]:
    if math.isnan(value):
        return arb.nan(), False
    if math.isinf(value):
        return (arb.pos_inf() if value > 0 else arb.neg_inf()), False
    if value == int(value):
        return arb(int(value)), False
    if _digits(value) <= DECIMAL_DIGITS:
        return _rational(Fraction(repr(value))), False
    form = closed_form(value)
    if form is not None:
        rational, root, power = form
        number = _rational(rational)
        if power:
            number = number * arb.pi() if power > 0 else number / arb.pi()
        if root == 2:
            number = number.sqrt()
        return (number if value > 0 else -number), False
    if widened:
        # A difference such as 1 - 0.999 carries the absolute error of its larger operand.
        return arb(value, max(ULPS * math.ulp(value), 2.0**-52 if abs(value) > 1e-4 else 0.0)), True
    return arb(value), True


def read_float(value: float, readings: Readings | None = None) -> arb:
    """The real number that a float in user code stands for (see the module's docstring), at the current precision.

    >>> (read_float(0.1) * 10 - 1).contains(0), read_float(0.5) == arb(1) / 2
    (True, True)
    """
    number, computed = _read(value, readings is not None and readings.widened, ctx.prec)
    if computed and readings is not None:
        readings.computed.add(value)
    return number


def dyadic(value: float) -> arb:
    """The float itself as a dyadic rational: how the entries of input arrays are taken."""
    return arb(value)
