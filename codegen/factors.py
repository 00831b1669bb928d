"""Products of values, element by element: with masks, by a number, and as a diagonal matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.symbolic.equations.numbers import roots_together

from .builder import Value

if TYPE_CHECKING:
    from .lower import Lowering


def times(lowering: Lowering, values: Sequence[Value]) -> Value:
    """An elementwise product, what has the same axes first; masks multiply as they are beside a float array."""
    ranked = sorted(values, key=lambda v: len(v.axes))
    groups: dict[frozenset[Any], list[Value]] = {}
    for value in ranked:
        groups.setdefault(value.symbols, []).append(value)
    if 1 < len(groups) < len(ranked):
        ranked = [times(lowering, group) for group in groups.values()]
    product = ranked[0]
    for value in ranked[1:]:
        if product.dtype == value.dtype == "bool":
            product = lowering.build.elementwise("and", [product, value], lowering.order)
            continue
        if "float" not in (product.dtype, value.dtype) and product.dtype != value.dtype:
            product, value = lowering.as_float(product), lowering.as_float(value)
        if product.dtype == "bool":
            product, value = value, product
        product = lowering.build.elementwise("mul", [product, value], lowering.order)
    return product


def means_of(factors: Sequence[Any]) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The factors without sums that the number of their terms divides, and these, each with that number."""
    left, means = list(factors), list[tuple[Any, Any]]()
    for total in [f for f in factors if isinstance(f, sp.Sum)]:
        sizes = [sp.expand(last + 1) for _, first, last in total.limits if first == 0]
        below = [1 / n for n in sizes]
        if len(sizes) == len(total.limits) == len(set(sizes)) and all(f in left for f in below):
            left = [f for f in left if f not in below and f is not total]
            means.append((total, sp.Mul(*sizes)))
    return left, means


def scaled(lowering: Lowering, value: Value, number: Any) -> Value:
    """``number · value`` as ``2 * x``, ``x / 3``, ``-x``."""
    build = lowering.build
    if number == 1:
        return value
    value = lowering.as_float(value)
    if number == -1:
        return build.elementwise("neg", [value], lowering.order)
    if isinstance(number, sp.Rational) and number.q != 1 and abs(number.p) == 1:
        divided = build.elementwise("div", [value, lowering.number(sp.Integer(number.q))], lowering.order)
        return divided if number.p == 1 else build.elementwise("neg", [divided], lowering.order)
    below = [f for f in roots_together(number) if f.is_Pow and f.exp.is_negative]
    if not number.is_Rational and below:  # x / √2
        upper = number * sp.Mul(*(1 / f for f in below))
        value = scaled(lowering, value, upper)
        for factor in below:
            value = build.elementwise("div", [value, lowering.number(1 / factor)], lowering.order)
        return value
    return build.elementwise("mul", [lowering.number(number), value], lowering.order)


def diagonal(lowering: Lowering, values: Sequence[Value], below: Sequence[Value]) -> Value | None:
    """δ(i, j) times something of i or j alone, and by such, as ``np.diag``."""
    steps = {s.name: s for s in lowering.build.instructions[-200:]}
    eyes = [v for v in values if v.name in steps and steps[v.name].op == "eye"]
    if len(eyes) != 1:
        return None
    (eye,) = eyes
    rest = [v for v in values if v is not eye]
    symbols = set[Any]().union(*(v.symbols for v in (*rest, *below)))
    if len(symbols) != 1 or not symbols <= eye.symbols:
        return None
    build = lowering.build
    above = times(lowering, [build.squeeze(v) for v in rest]) if rest else lowering.number(sp.S.One)
    vector = lowering.as_float(above)
    for value in below:
        vector = build.elementwise("div", [vector, build.squeeze(value)], lowering.order)
    return lowering.build.emit("diag", [vector], eye.axes)


def with_numbers(
    lowering: Lowering, value: Value | None, number: Any, below: Sequence[Value]
) -> tuple[Value, Sequence[Value]]:
    """A value (1 for None) times a number, and its divisors: those without axes are one, 2 * x / (m * n)."""
    scalars = [v for v in below if not v.axes]
    if value is not None and scalars and number.is_Rational and abs(number.p) == 1 and number.q != 1:
        scalars, number = [lowering.number(sp.Integer(number.q)), *scalars], sp.Integer(number.p)
    result = lowering.number(number) if value is None else scaled(lowering, value, number)
    if len(scalars) > 1:
        below = [times(lowering, scalars), *(v for v in below if v.axes)]
    return result, below
