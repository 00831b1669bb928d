"""Edits of numbers and comparisons: another constant or threshold, an eps in another place, > for <."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from gradproof.numeric.verification.mends.edit import (
    Change,
    Context,
    Edit,
    expression,
    is_number,
    is_value,
    name_of_call,
)

SMALL: Final = 1e-2
"""A number below that is an eps."""


def literals(context: Context) -> Iterator[Edit]:
    """Another constant: 0, 1, 2, 1/2, a neighbour, or one that the loss has."""
    for node in context.nodes():
        parent = context.parent(node)
        if not is_number(node) or not is_value(context, node) or (parent is not None and is_number(parent)):
            continue  # -1 is one number
        value = ast.literal_eval(node)
        power = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and context.field(node) == "right"
        near = [v for v in context.literals if v != value and 1e-3 <= abs(v / value if value else 0) <= 1e3]
        far = [v for v in context.literals if v != value and v not in near]
        plain = [v for v in (0, 1, 2, 0.5, 3) if v != value]
        varied = [v for v in (value + 1, value - 1, -value, *_tenfold(value)) if v != value]
        cause = "power" if power else "eps" if 0 < abs(value) < 1e-3 else "constant"
        compared = is_compared(context, node)
        for cost, values in ((1.0, near), (1.2, plain), (1.7 if compared else 1.2, varied), (1.6, far)):
            for v in dict.fromkeys(values):
                yield context.edit("threshold" if compared else cause, node, ast.Constant(v), cost)


def _tenfold(value: float) -> list[float]:
    """The decimal point one place off."""
    return [float(f"{value:.15g}e{shift}") for shift in (1, -1)] if "e" not in f"{value:.15g}" else [
        float(f"{10 * value:.12g}"), float(f"{value / 10:.12g}")
    ]  # fmt: skip


def constants(context: Context) -> Iterator[Edit]:
    """A variable where a constant stands, as in 1 / (1 + e) for e / (1 + e); what is left to 1, as of a rate."""
    for node in context.nodes():
        seen = context.seen(node)
        between = seen is not None and seen.kind == "f" and not seen.shape and 0 < (seen.value or 0) < 1
        if between and isinstance(node, (ast.Name, ast.Attribute)) and is_value(context, node):
            yield context.edit("constant", node, ast.BinOp(ast.Constant(1), ast.Sub(), node), 1.4)
        parent = context.parent(node)
        around = None if parent is None else context.seen(parent)
        if not is_number(node) or not isinstance(parent, ast.BinOp) or around is None or not is_value(context, node):
            continue
        for other, its in context.pool(node).values():
            if its.kind == "f" and len(its.shape) <= len(around.shape) and its.shape in (around.shape, ()):
                yield context.edit("variable", node, other, 1.4)


def is_compared(context: Context, node: ast.AST) -> bool:
    """Whether a node is a side of a comparison: an edit there moves the border of a region."""
    while (parent := context.parent(node)) is not None and not isinstance(parent, ast.stmt):
        if isinstance(parent, ast.Compare):
            return True
        node = parent
    return False


def comparisons(context: Context) -> Iterator[Edit]:
    """> for <, ≥ for >, or a comparison the other way round."""
    others: dict[type[Any], tuple[Any, ...]] = {
        ast.Gt: (ast.Lt,), ast.Lt: (ast.Gt,), ast.GtE: (ast.LtE,), ast.LtE: (ast.GtE,), ast.Eq: (ast.NotEq,),
        ast.NotEq: (ast.Eq,),
    }  # fmt: skip
    for node in context.nodes():
        if isinstance(node, ast.Compare) and len(node.ops) == 2:  # 0 < x < 90: one side is too many
            middle, last = node.comparators
            for new in (ast.Compare(node.left, node.ops[:1], [middle]), ast.Compare(middle, node.ops[1:], [last])):
                yield context.edit("region", node, new, 1.0)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for kind in others.get(type(node.ops[0]), ()):
                yield Edit("mask", node, (Change(node, "ops", None, [kind()]),), 1.0)


def guards(context: Context) -> Iterator[Edit]:
    """An eps moved into or out of a root, or one of the loss's put into a root, a logarithm or a denominator."""
    small = [v for v in context.literals if 0 < abs(v) < SMALL]
    names = dict.fromkeys(
        text for scope in context.sights.scopes.values() for text, seen in scope.items()
        if seen.kind == "f" and seen.shape == () and seen.value is not None and 0 < abs(seen.value) < SMALL
    )  # fmt: skip
    amounts: list[ast.expr] = [ast.Constant(v) for v in dict.fromkeys(small)] + [expression(n) for n in names]
    for node in context.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, ast.Call):
            call, eps = node.left, node.right
            if len(call.args) == 1 and not call.keywords:
                inner = ast.Call(call.func, [ast.BinOp(call.args[0], ast.Add(), eps)], [])
                yield context.edit("eps", node, inner, 1.0)
        if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
            inside = node.args[0]
            if isinstance(inside.op, ast.Add):
                outer = ast.BinOp(ast.Call(node.func, [inside.left], node.keywords), ast.Add(), inside.right)
                yield context.edit("eps", node, outer, 1.0)
        if not (isinstance(node, ast.expr) and is_value(context, node)) or isinstance(node, ast.Constant):
            continue
        parent = context.parent(node)
        guarded = name_of_call(parent) in ("sqrt", "log", "rsqrt", "power") if parent is not None else False
        if isinstance(parent, ast.BinOp):
            guarded |= isinstance(parent.op, ast.Div) and context.field(node) == "right"
            guarded |= isinstance(parent.op, ast.Pow) and context.field(node) == "left"
        if guarded:
            for eps in amounts:
                yield context.edit("eps", node, ast.BinOp(node, ast.Add(), eps), 1.2)
