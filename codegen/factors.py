"""Products of values, element by element: with masks, by a number, and as a diagonal matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from .builder import Value

if TYPE_CHECKING:
    from .lower import Lowering


def times(lowering: Lowering, values: Sequence[Value]) -> Value:
    """An elementwise product; masks multiply as they are where a float array is among the factors."""
    ranked = sorted(values, key=lambda v: len(v.axes))
    product = ranked[0]
    for value in ranked[1:]:
        if "float" not in (product.dtype, value.dtype) and product.dtype != value.dtype:
            product, value = lowering.as_float(product), lowering.as_float(value)
        product = lowering.build.elementwise("mul", [product, value], lowering.order)
    return product


def scaled(lowering: Lowering, value: Value, number: Any, sign: int) -> Value:
    """``number · value`` as ``2 * x``, ``x / 3``, ``-x``."""
    build = lowering.build
    number = sp.sympify(number, strict=True) * sign
    if number == 1:
        return value
    value = lowering.as_float(value)
    if number == -1:
        return build.elementwise("neg", [value], lowering.order)
    if isinstance(number, sp.Rational) and number.q != 1 and abs(number.p) == 1:
        divided = build.elementwise("div", [value, lowering.number(sp.Integer(number.q))], lowering.order)
        return divided if number.p == 1 else build.elementwise("neg", [divided], lowering.order)
    return build.elementwise("mul", [lowering.number(number), value], lowering.order)


def diagonal(lowering: Lowering, values: Sequence[Value]) -> Value | None:
    """δ(i, j) times something of i or j alone, as ``np.diag``."""
    steps = {s.name: s for s in lowering.build.instructions[-200:]}
    eyes = [v for v in values if v.name in steps and steps[v.name].op == "eye"]
    if len(eyes) != 1:
        return None
    (eye,) = eyes
    rest = [v for v in values if v is not eye]
    symbols = set().union(*(v.symbols for v in rest)) if rest else set()
    if len(symbols) != 1 or not symbols <= eye.symbols:
        return None
    vector = lowering.as_float(times(lowering, [lowering.build.squeeze(v) for v in rest]))
    return lowering.build.emit("diag", [vector], eye.axes)
