"""Conditions as masks, cases and deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanTrue

from gradproof.errors import UnsupportedError

from .builder import Value
from .index_code import is_integer
from .ranges import common_denominator

if TYPE_CHECKING:
    from .lower import Lowering

_COMPARE = {sp.Gt: ">", sp.Ge: ">=", sp.Lt: "<", sp.Le: "<=", sp.Eq: "==", sp.Ne: "!="}


def lower_delta(lowering: Lowering, e: Any) -> Value:
    """δ(i, j): an identity matrix where it is one, else a mask."""
    i, j = e.args
    if i in lowering.ranges and j in lowering.ranges and i != j and lowering.ranges[i] == lowering.ranges[j]:
        first, second = sorted((i, j), key=lowering.order.index)
        return lowering.build.emit(
            "eye", [], (first, second), sp.expand(lowering.ranges[i][1] - lowering.ranges[i][0] + 1)
        )
    if j in lowering.ranges and not i.free_symbols & set(lowering.ranges):
        i, j = j, i  # np.arange(n) == 0
    return condition(lowering, sp.Eq(i, j, evaluate=False))


def lower_cases(lowering: Lowering, e: Any) -> Value:
    """Cases as nested ``np.where``."""
    *branches, (last, final) = e.args
    if final not in (True, sp.true):
        raise UnsupportedError("a piecewise value without a default has no value everywhere")
    value = lowering.as_float(lowering.lower(last))
    for branch, where in reversed(branches):
        parts = [condition(lowering, where), lowering.as_float(lowering.lower(branch)), value]
        value = lowering.as_float(lowering.build.elementwise("where", parts, lowering.order))
    return value


_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def _solved(lowering: Lowering, left: Any, symbol: str, right: Any) -> tuple[Any, str, Any]:
    """i - 1 >= 0 as i >= 1, where one index alone stands in an inequality; i <= n - 1 as i < n."""
    difference = sp.expand(left - right)
    own = [i for i in difference.free_symbols if i in lowering.ranges]
    slope = difference.coeff(own[0]) if len(own) == 1 else 0
    rest = sp.expand(difference - slope * own[0]) if slope in (1, -1) else None
    if rest is None or rest.has(own[0], sp.Indexed):
        return left, symbol, right
    bound = sp.expand(-slope * rest)
    symbol = symbol if slope == 1 else _TURNED[symbol]
    if symbol == "<=" and sp.count_ops(bound + 1) < sp.count_ops(bound):
        return own[0], "<", bound + 1
    if symbol == ">" and sp.count_ops(bound + 1) <= sp.count_ops(bound):
        return own[0], ">=", bound + 1
    return own[0], symbol, bound


def condition(lowering: Lowering, c: Any) -> Value:
    """A mask."""
    build = lowering.build
    if isinstance(c, (BooleanTrue, BooleanFalse)):
        return build.emit("compare", [lowering.number(sp.S.Zero)] * 2, (), "==" if c else "!=")
    if isinstance(c, (sp.And, sp.Or)):
        value, *rest = [condition(lowering, part) for part in c.args]
        for other in rest:
            value = build.elementwise("and" if isinstance(c, sp.And) else "or", [value, other], lowering.order)
        return value
    if isinstance(c, sp.Not):
        return build.elementwise("not", [condition(lowering, c.args[0])], lowering.order)
    symbol = next((s for head, s in _COMPARE.items() if isinstance(c, head)), None)
    if symbol is None or not isinstance(c, Boolean):
        raise UnsupportedError(f"the condition {c} has no NumPy code")
    left, right = c.args
    if all(is_integer(lowering, side) for side in (left, right)):
        if symbol in _TURNED:
            left, symbol, right = _solved(lowering, left, symbol, right)
        scale = common_denominator(left)[1] * common_denominator(right)[1] if not c.has(sp.floor, sp.Mod) else 1
        operands = [lowering.integers(sp.expand(side * scale) if scale != 1 else side) for side in (left, right)]
    else:
        operands = [lowering.as_float_unless_bool(lowering.lower(side)) for side in (left, right)]
    return build.elementwise("compare", operands, lowering.order, symbol)
