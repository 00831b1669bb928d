r"""An index i along a joined axis and its digits: i = h a + b, with a = ⌊i/h⌋ and b = i mod h.

An axis of size c · h that is made of c parts of h holds its elements at (⌊i/h⌋, i mod h). A sum over i is a sum over
both digits, and a sum over both digits of δ(p, h a + b) leaves those of p.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .dims import Range, same_dim


def radix(expressions: Iterable[Any], limit: Range, shifted: bool = False) -> Any:
    """The h of an ⌊i/h⌋ or i mod h among the expressions that divides the range of i, which starts at 0; else None.

    Where ``shifted`` an (i + 1) mod h counts, too.
    """
    index, first, last = limit
    if first != 0:
        return None
    for expression in expressions:
        for node in expression.atoms(sp.Mod, sp.floor) if expression.args else ():
            if isinstance(node, sp.Mod):
                own = node.args[0] == index or (shifted and node.args[0].coeff(index, 1) in (1, -1))
                size = node.args[1] if own else None
            else:
                slope = node.args[0].coeff(index, 1)
                size = 1 / slope if slope != 0 and sp.expand(node.args[0] - slope * index) == 0 else None
            if size is not None and size.is_positive and not size.has(index) and count(last, size) not in (None, 1):
                return size
    return None


def lowest(expressions: Iterable[Any], ranges: Mapping[Any, tuple[Any, Any]]) -> dict[Any, Any]:
    """The indices b below an h that stand in a ⌊(h a + b)/h⌋ or (h a + b) mod h, each with its h."""
    found: dict[Any, Any] = {}
    for expression in expressions:
        for node in expression.atoms(sp.Mod, sp.floor) if expression.args else ():
            value, size = _division(node)
            for index in value.free_symbols:
                first, last = ranges.get(index, (None, None))
                if first == 0 and sp.expand(value).coeff(index, 1) == 1 and same_dim(last + 1, size):
                    found[index] = size
    return found


def _division(node: Any) -> tuple[Any, Any]:
    """What is divided by what in a floor or a mod."""
    value, size = node.args if isinstance(node, sp.Mod) else sp.fraction(sp.together(node.args[0]))
    return value, size


def count(last: Any, size: Any) -> Any:
    """How many parts of a size the range 0..last has; None where it is not known to divide."""
    parts = sp.cancel((last + 1) / size)
    return parts if parts.is_integer and parts.is_positive else None


def settled(expression: Any, digits: Mapping[Any, Any]) -> Any:
    """The same with ⌊(h a + b)/h⌋ = a and (h a + b) mod h = b put in, for the ``digits`` b, each below its h.

    >>> (a, b), h = sp.symbols("a b", integer=True), sp.Symbol("h", integer=True, positive=True)
    >>> settled(sp.floor((h * a + b) / h, evaluate=False) + sp.Mod(h * a + b, h, evaluate=False), {b: h})
    a + b
    """
    if not expression.has(sp.Mod, sp.floor) or not any(b in digits for b in expression.free_symbols):
        return expression
    known: dict[Any, Any] = {}
    for node in expression.atoms(sp.Mod, sp.floor):
        value, size = _division(node)
        parts = [(term, sp.cancel(term / size)) for term in sp.Add.make_args(sp.expand(value))]
        whole = sp.Add(*(quotient for _, quotient in parts if _is_whole(quotient)))
        rest = sp.Add(*(term for term, quotient in parts if not _is_whole(quotient)))
        if rest == 0 or (rest in digits and same_dim(digits[rest], size)):
            known[node] = rest if isinstance(node, sp.Mod) else whole
    return expression.xreplace(known) if known else expression


def _is_whole(quotient: Any) -> bool:
    return bool(quotient.is_integer and sp.denom(quotient) == 1)


def picked(product: Any, high: Any, low: Any, size: Any, value: Any) -> Any:
    """A product at the digits of a value; h a + b is the value itself again."""
    whole: dict[Any, Any] = {}
    for node in product.atoms(sp.Add):
        if node.has(high) and node.has(low):
            joined = sp.expand(node.xreplace({low: value - size * high}))
            if not joined.has(high):
                whole[node] = joined
    return product.xreplace(whole).xreplace({high: sp.floor(value / size), low: sp.Mod(value, size)})


def rejoined(expression: Any) -> Any:
    """The same with h ⌊v/h⌋ + v mod h as v: both digits of an index are the index.

    >>> v, h = sp.Symbol("v", integer=True), sp.Symbol("h", integer=True, positive=True)
    >>> rejoined(h * sp.floor(v / h) + sp.Mod(v, h))
    v
    """
    if not expression.has(sp.Mod):
        return expression
    known: dict[Any, Any] = {}
    for node in expression.atoms(sp.Add):
        for low in (term for term in node.args if isinstance(term, sp.Mod)):
            value, size = low.args
            if size * sp.floor(value / size) in node.args:
                known[node] = sp.expand(node - low - size * sp.floor(value / size) + value)
    return expression.xreplace(known) if known else expression


def digit_pair(product: Any, pending: Sequence[Range]) -> tuple[Any, Range, Range, Any, Any] | None:
    """A δ(p, h a + b) in a product, with both digits summed over all that they can be: δ, a, b, h, and p."""
    for factor in sp.Mul.make_args(product):
        if not isinstance(factor, KroneckerDelta):
            continue
        difference = sp.expand(factor.args[0] - factor.args[1])
        for low in pending:
            sign = difference.coeff(low[0], 1)
            if sign not in (1, -1) or low[1] != 0:
                continue
            for high in pending:
                size = sp.expand(low[2] + 1)
                if high is low or high[1] != 0 or sp.expand(difference.coeff(high[0], 1) - sign * size) != 0:
                    continue
                value = sp.expand(-sign * (difference - sign * (size * high[0] + low[0])))
                if size != 1 and not value.has(low[0], high[0]) and not any(e.has(high[0]) for e in low[1:]):
                    return factor, high, low, size, value
    return None
