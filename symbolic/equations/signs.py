"""Which expressions are positive or not negative, from those of their parts: every new equation is asked.

SymPy's own answer weighs every fact against every other one, which takes milliseconds for each sum; here one look at
each node does. All values are real where they are defined. What has no row in the table is asked of SymPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sympy as sp

from .nodes import Iverson, LogSumExp, MaxOver, ProductOver, Sum

POSITIVE: Final = "positive"
NONNEGATIVE: Final = "nonnegative"


def sign_of(e: Any) -> str:
    """``positive``, ``nonnegative``, or empty where neither is known.

    >>> x, y = sp.symbols("x y", positive=True)
    >>> sign_of(x * y + 1), sign_of(x - y), sign_of((x - y) ** 2)
    ('positive', '', 'nonnegative')
    >>> k, n = sp.symbols("k n", integer=True, positive=True)
    >>> sign_of(Sum(x, (k, 0, n - 1))), sign_of(Sum(x, (k, 0, n - 2)))
    ('positive', 'nonnegative')
    """
    rule = RULES.get(type(e))
    return _asked(e) if rule is None else rule(e)


def _asked(e: Any) -> str:
    return POSITIVE if e.is_positive else NONNEGATIVE if e.is_nonnegative else ""


def _of_element(e: Any) -> str:
    return _asked(e.base.label)  # which is asked once, and remembers


def _of_sum(e: Any) -> str:
    signs = [sign_of(term) for term in e.args]
    if all(signs):
        return POSITIVE if POSITIVE in signs else NONNEGATIVE
    # n - 1 is not negative: a matter of whole numbers, which SymPy knows about
    return _asked(e) if all(symbol.is_integer for symbol in e.free_symbols) else ""


def _of_product(e: Any) -> str:
    signs = [sign_of(factor) for factor in e.args]
    if not all(signs):
        return _asked(e) if all(factor.is_number or factor.is_Symbol for factor in e.args) else ""
    return NONNEGATIVE if NONNEGATIVE in signs else POSITIVE


def _of_power(e: Any) -> str:
    base, exponent = e.args
    sign = sign_of(base)
    if sign == POSITIVE:
        return POSITIVE
    if exponent.is_Integer and exponent % 2 == 0:
        return NONNEGATIVE if exponent > 0 else ""
    return NONNEGATIVE if sign and sign_of(exponent) == POSITIVE else ""


def _of_cases(e: Any) -> str:
    signs = [sign_of(value) for value, _ in e.args]
    return "" if not all(signs) else NONNEGATIVE if NONNEGATIVE in signs else POSITIVE


def _of_first(e: Any) -> str:
    """A product of factors of one sign, or their maximum; an odd function that grows."""
    return sign_of(e.args[0])


def _of_terms(e: Any) -> str:
    """A sum over indices of terms of one sign: positive only where no range can be empty, as 0..n - 2 is for n = 1."""
    sign = sign_of(e.args[0])
    full = sign == POSITIVE and all((last - first).is_nonnegative for _, first, last in e.limits)
    return sign if full else sign and NONNEGATIVE


RULES: Final[dict[type, Callable[[Any], str]]] = {
    sp.Indexed: _of_element,
    sp.Add: _of_sum,
    sp.Mul: _of_product,
    sp.Pow: _of_power,
    sp.Piecewise: _of_cases,
    sp.exp: lambda e: POSITIVE,
    sp.tanh: _of_first,
    sp.log: lambda e: _asked(e) if e.is_number else "",
    sp.Abs: lambda e: sign_of(e.args[0]) or NONNEGATIVE,
    Iverson: lambda e: NONNEGATIVE,
    Sum: _of_terms,
    sp.Sum: _of_terms,
    ProductOver: _of_first,
    MaxOver: _of_first,
    LogSumExp: lambda e: "",
}
"""The rule of a node, by its type."""
