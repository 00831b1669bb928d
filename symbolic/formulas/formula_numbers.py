"""The plain numbers of a formula: exact, real, and small enough that no text can keep the machine busy.

Every number that leaves this file is a real SymPy number below :data:`LARGEST`, or an expression in dimensions. So
each check may evaluate its operands without fear of ``9**9**9``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

import sympy

LARGEST: Final = 1e300
MAX_EXPONENT: Final = 1000
MAX_DIGITS: Final = 60


class NumberError(ValueError):
    """A number that a formula may not hold; the caller adds the column."""


def number(text: str) -> sympy.Expr:
    """Read a literal as the exact number that it spells: ``0.1`` is a tenth.

    >>> number("0.044715"), number("1e-7"), number("0x10")
    (8943/200000, 1/10000000, 16)
    """
    digits = text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        raise NumberError(f"a number of {len(digits)} characters is too long; at most {MAX_DIGITS} are read")
    if digits[:2].lower() in ("0x", "0b", "0o"):
        return sympy.Integer(int(digits, 0))
    try:
        value = Decimal(digits)
    except InvalidOperation as error:
        raise NumberError(f"{text!r:.30} is not a number") from error
    if value and not -300 <= value.adjusted() < 300:
        raise NumberError(f"{text} is out of range; a number lies between 1e-300 and 1e300")
    return sympy.Rational(*value.as_integer_ratio())


def checked(function: Callable[[object, object], object], left: sympy.Expr, right: sympy.Expr) -> sympy.Expr:
    """Apply + - * / to two numbers and check the result.

    >>> import operator
    >>> checked(operator.truediv, sympy.Integer(1), sympy.Integer(3))
    1/3
    """
    if function.__name__ == "truediv" and right.is_zero:
        raise NumberError("division by zero")
    return _within_range(function(left, right))


def power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """Raise a number or a dimension to a power, refusing what would be huge or not real.

    >>> power(sympy.Integer(2), sympy.Rational(-1, 2))
    sqrt(2)/2
    >>> power(sympy.Integer(9), power(sympy.Integer(9), sympy.Integer(9)))
    Traceback (most recent call last):
    gradproof.symbolic.formulas.formula_numbers.NumberError: this power is too large; exponents reach from -1000 to 1000
    """
    if exponent.is_number:
        factor = base if base.is_number else base.as_coeff_Mul()[0]  # SymPy raises the factor at once
        _check_power(_float(factor), _float(exponent))
    return _within_range(sympy.Pow(base, exponent))


def _check_power(base: float, exponent: float) -> None:
    if base == 0 and exponent < 0:
        raise NumberError("division by zero")
    if base < 0 and not exponent.is_integer():
        raise NumberError("a fractional power of a negative number is not real")
    if abs(exponent) > MAX_EXPONENT or (base != 0 and abs(exponent * math.log(abs(base))) > math.log(LARGEST)):
        raise NumberError(f"this power is too large; exponents reach from -{MAX_EXPONENT} to {MAX_EXPONENT}")


def _positive(name: str, value: sympy.Expr) -> None:
    if value.is_number and _float(value) <= 0:
        raise NumberError(f"{name} of a number that is not positive")


def _not_negative(name: str, value: sympy.Expr) -> None:
    if value.is_number and _float(value) < 0:
        raise NumberError(f"{name} of a negative number is not real")


def _small(name: str, value: sympy.Expr) -> None:
    if value.is_number and abs(_float(value)) > math.log(LARGEST):
        raise NumberError(f"{name} of a number this large is out of range")


def _any(name: str, value: sympy.Expr) -> None:
    """Defined everywhere."""


EXACT_FUNCTIONS: Final[dict[str, tuple[Callable[[str, sympy.Expr], None], Callable[[sympy.Expr], sympy.Expr]]]] = {
    "sqrt": (_not_negative, sympy.sqrt),
    "exp": (_small, sympy.exp),
    "log": (_positive, sympy.log),
    "sin": (_any, sympy.sin),
    "cos": (_any, sympy.cos),
    "tanh": (_small, sympy.tanh),
    "abs": (_any, sympy.Abs),
}
"""Functions of a plain number: the check of its domain, and the exact function."""


def apply_exact(name: str, value: sympy.Expr) -> sympy.Expr:
    """Apply a function of :data:`EXACT_FUNCTIONS` to a number or a dimension.

    >>> apply_exact("sqrt", sympy.Rational(4, 9))
    2/3
    """
    check, function = EXACT_FUNCTIONS[name]
    check(name, value)
    return _within_range(function(value))


def _float(value: sympy.Expr) -> float:
    try:
        return float(value)
    except (TypeError, OverflowError) as error:
        raise NumberError("a number is not real, or out of range") from error


def _within_range(value: object) -> sympy.Expr:
    if not isinstance(value, sympy.Expr):
        raise NumberError("the result is not a number")
    if value.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise NumberError("division by zero, or a number out of range")
    if value.is_number and not abs(_float(value)) <= LARGEST:
        raise NumberError("a number is out of range; the largest is 1e300")
    return value
