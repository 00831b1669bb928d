"""Single operations on balls: functions, powers, rounding, comparisons; refused where a ball does not decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import flint
import sympy as sp

from gradproof.errors import UnsupportedError

from .functions import floor, rint

ELEMENTARY: Final[dict[type, Callable[[Any], Any]]] = {
    sp.exp: lambda x: x.exp(), sp.log: lambda x: x.log(), sp.tanh: lambda x: x.tanh(), sp.sin: lambda x: x.sin(),
    sp.cos: lambda x: x.cos(), sp.tan: lambda x: x.tan(), sp.sinh: lambda x: x.sinh(), sp.cosh: lambda x: x.cosh(),
    sp.atan: lambda x: x.atan(), sp.erf: lambda x: x.erf(), sp.Abs: abs, sp.sign: lambda x: x.sgn(),
}  # fmt: skip


def to_the(ball: Any, exponent: int) -> Any:
    """A whole power by squaring: flint's own goes through the logarithm, which is NaN for a ball around 0."""
    if exponent < 0:
        return 1 / to_the(ball, -exponent)
    result = flint.arb(1)
    for digit in f"{exponent:b}":
        result = result * result
        if digit == "1":
            result = result * ball
    return result


def integer(ball: Any) -> int:
    """The one whole number in a ball."""
    number = ball.unique_fmpz()
    if number is None:
        raise UnsupportedError(f"an index came out as {ball.str(5)}, which is not one whole number")
    return int(number)


def _floor(ball: Any) -> Any:
    """⌊x⌋ where the ball lies between two jumps."""
    whole = ball.floor()
    if whole.unique_fmpz() is None:
        raise UnsupportedError("a value that is rounded cannot be told from a place where rounding jumps")
    return whole


def _rint(ball: Any) -> Any:
    twice = (2 * ball).unique_fmpz() if ball.rad() == 0 else None
    if twice is not None and int(twice) % 2:
        return flint.arb((int(twice) + 1) // 4 * 2)  # of the two nearest the even one
    return _floor(ball + flint.arb(0.5))


ROUNDING: Final[dict[type, Callable[[Any], Any]]] = {floor: _floor, rint: _rint}


def _sure(yes: bool, no: bool) -> bool:
    if yes == no:
        raise UnsupportedError("a comparison cannot be decided at this point: both sides are equal to every digit")
    return yes


RELATIONS: Final[dict[type, Callable[[Any], bool]]] = {
    sp.StrictGreaterThan: lambda d: _sure(d > 0, d <= 0),
    sp.GreaterThan: lambda d: _sure(d >= 0, d < 0),
    sp.StrictLessThan: lambda d: _sure(d < 0, d >= 0),
    sp.LessThan: lambda d: _sure(d <= 0, d > 0),
    # equality of computed numbers is equality to every digit that the precision holds
    sp.Equality: lambda d: d.contains(0),
    sp.Unequality: lambda d: not d.contains(0),
}
