"""Numbers as people write them: decimals as they were typed, and the parts of a fraction."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..equations.numbers import roots_together


def decimal(value: Any) -> str:
    """A number as it was typed, 0.044715, where its fraction would be longer; nothing for any other one.

    >>> decimal(sp.Rational("0.044715")), decimal(sp.Rational(1, 3)), decimal(sp.Rational("1e-5"))
    ('0.044715', '', '')
    """
    if value.q > 10**15 and sp.Rational(*float(value).as_integer_ratio()) == value:
        return repr(float(value))  # a float that was read with all of its digits
    power_of_ten = abs(value.p) == 1 and set(str(value.q)[1:]) == {"0"} and value.q >= 10**4
    if value.q < 100 or 10**8 % value.q or power_of_ten:
        return ""
    return f"{float(value):.8f}".rstrip("0")


def fraction(product: Any) -> tuple[list[Any], list[Any]]:
    """The factors above and below the line."""
    above, below = [], []
    for f in roots_together(product):
        if f.is_Rational:
            if f.p != 1:
                above.append(sp.Integer(f.p))
            if f.q != 1:
                below.append(sp.Integer(f.q))
        elif f.is_Pow and f.exp.is_Rational and f.exp.is_negative:
            below.append(f.base**-f.exp)
        else:
            above.append(f)
    return above, below
