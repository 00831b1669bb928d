"""Exact numbers as Python source that loses nothing on balls: integers, short decimals, quotients of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError
from gradproof.symbolic.equations.numbers import exact_float, roots_together


def rational_steps(number: Any) -> str:
    """Python source for an exact SymPy number.

    >>> rational_steps(sp.Rational(8943, 200000)), rational_steps(sp.Rational(1, 3)), rational_steps(sp.sqrt(2 / sp.pi))
    ('0.044715', '1 / 3', 'math.sqrt(2 / math.pi)')
    """
    number = sp.sympify(number, strict=True)
    if number.is_Integer:
        return str(number)
    if isinstance(number, sp.Rational):
        return _decimal(number) or f"{number.p} / {number.q}"
    constants = {sp.pi: "math.pi", sp.E: "math.e", sp.oo: "math.inf", -sp.oo: "-math.inf"}
    if number in constants:
        return constants[number]
    if isinstance(number, sp.Float):
        return repr(float(number))
    if isinstance(number, sp.Mul):
        upper, lower = [], []
        for factor in roots_together(number):
            if isinstance(factor, sp.Pow) and factor.args[1].is_negative:
                lower.append(1 / factor)
            elif isinstance(factor, sp.Rational) and factor.q != 1 and not _decimal(factor):
                upper += [sp.Integer(factor.p)] if factor.p != 1 else []
                lower.append(sp.Integer(factor.q))
            else:
                upper.append(factor)
        text = " * ".join(_atom(f) for f in upper) or "1"
        for factor in lower:
            text += f" / {_atom(factor)}"
        return text
    if isinstance(number, sp.Add):
        return " + ".join(_atom(t) for t in number.args)
    if isinstance(number, sp.Pow):
        base, exponent = number.args
        if exponent == sp.Rational(1, 2):
            return f"math.sqrt({rational_steps(base)})"
        if exponent == sp.Rational(-1, 2):
            return f"1 / math.sqrt({rational_steps(base)})"
        if exponent.is_negative:
            return f"1 / {_atom(1 / number)}"
        return f"{_atom(base)} ** {_atom(exponent)}"
    if isinstance(number, (sp.log, sp.exp)):
        return f"math.{number.func.__name__}({rational_steps(number.args[0])})"
    raise UnsupportedError(f"the number {number} has no Python source")


def _atom(number: Any) -> str:
    text = rational_steps(number)
    return (
        text
        if text.replace(".", "").replace("_", "").isalnum()
        or (text.startswith("math.") and text.count("(") <= 1 and text.endswith((")", "pi", "e", "inf")))
        else f"({text})"
    )


def _decimal(number: Any) -> str:
    """A decimal that reads back as the same number, short or of a float with all of its digits; "" for any other."""
    if number.q > 10**15 and number == sp.Rational(*float(number).as_integer_ratio()):
        return repr(float(number)) if exact_float(float(number)) == number else ""
    q = int(number.q)
    while q % 2 == 0:
        q //= 2
    while q % 5 == 0:
        q //= 5
    text = repr(float(number))
    digits = text.lstrip("-").replace(".", "").split("e")[0].strip("0")
    return text if q == 1 and len(digits) <= 15 and sp.Rational(text) == number else ""


def is_negative(term: Any) -> bool:
    """Whether a term is printed with a minus sign in front."""
    return bool(term.could_extract_minus_sign()) if isinstance(term, sp.Mul) or term.is_number else False


def fraction(factors: Sequence[Any]) -> tuple[int, list[Any], list[Any]]:
    """The sign, the factors above and those below the bar (with positive exponents)."""
    sign, upper, lower = 1, [], []
    for factor in factors:
        if factor == -1:
            sign = -sign
        elif isinstance(factor, sp.Rational) and factor < 0:
            sign = -sign
            upper.append(-factor)
        elif isinstance(factor, sp.Pow) and factor.args[0] != sp.E and is_negative(factor.args[1]):
            lower.append(1 / factor)
        else:
            upper.append(factor)
    return sign, upper, lower
