"""Choosing between values by a mask: where, clip, and the forms of both."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations import functions as fn
from ..equations.definition import PLAIN_NAMES, owner
from ..equations.nodes import REDUCTIONS, Iverson
from .array import Array, as_array, elementwise


def where(condition: Any, x: Any = None, y: Any = None) -> Array:
    """``np.where(condition, x, y)``: both branches are kept, and each is differentiated where it holds."""
    if x is None or y is None:
        raise UnsupportedError("np.where(mask) alone has a size that depends on the data; give both values")
    mask = as_array(condition)
    is_mask = "boolean" in mask.definition.assumptions

    def build(c: Any, a: Any, b: Any) -> Any:
        if a == b:
            return a
        test = condition_of(c, is_mask)
        if test in (sp.true, sp.false):
            return a if test == sp.true else b
        if a == 1 and b == 0 and isinstance(c, Iverson):
            return c
        return sp.Piecewise((a, test), (b, True), evaluate=False)

    return elementwise("where", build, mask, x, y)


def condition_of(c: Any, is_mask: bool = True) -> Any:
    """The condition behind a mask's element; a number counts as true where it is not 0."""
    if c.is_number:
        return sp.true if c != 0 else sp.false
    if isinstance(c, Iverson):
        return c.args[0]
    mask = owner(c)
    unnamed = mask is not None and mask.name in PLAIN_NAMES
    if mask is not None and unnamed and isinstance(mask.rhs, Iverson) and not mask.rhs.has(*REDUCTIONS):
        # a comparison that nobody named is the condition itself
        return mask.expanded_at(*(c.indices if isinstance(c, sp.Indexed) else ())).args[0]
    return sp.Gt(c, sp.Rational(1, 2)) if is_mask else sp.Ne(c, 0)


_NEUTRAL: Final = {fn.maximum: sp.S.NegativeInfinity, fn.minimum: sp.S.Infinity}
"""What leaves the other number as it is: a bound at infinity is none."""


def extreme(head: Any, a: Any, b: Any) -> Any:
    """The larger or the smaller of two numbers."""
    return b if a == _NEUTRAL[head] else a if b == _NEUTRAL[head] else head(a, b)


def clip(x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **kwargs: Any) -> Array:
    """``np.clip``: min(max(x, low), high)."""
    low = kwargs.pop("min", a_min)
    high = kwargs.pop("max", a_max)
    if out is not None or kwargs:
        raise UnsupportedError("np.clip on symbolic arrays takes the array and the two bounds only")
    result = as_array(x)
    if low is not None:
        result = elementwise("clip", partial(extreme, fn.maximum), result, low)
    if high is not None:
        result = elementwise("clip", partial(extreme, fn.minimum), result, high)
    return result


def round_(x: Any, decimals: Any = 0, out: Any = None) -> Array:
    """``np.round``: to the nearest number of so many decimals, of two to the even one."""
    if out is not None or isinstance(decimals, Array):
        raise UnsupportedError("np.round on symbolic arrays takes the array and a number of decimals only")
    a, scale = as_array(x), sp.Integer(10) ** int(decimals)
    if a.definition.assumptions & {"integer", "boolean"} and int(decimals) >= 0:
        return a
    return elementwise("round", lambda e: fn.rint(scale * e) / scale, a)


def truncated(x: Any) -> Array:
    """``x.astype(int)`` and ``int(x)``: towards 0."""
    a = as_array(x)
    return a if a.definition.assumptions & {"integer"} else elementwise("int", fn.trunc, a, assumptions=_INTEGER)


_INTEGER = frozenset({"integer"})
