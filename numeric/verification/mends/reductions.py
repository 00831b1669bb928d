"""Edits of sums and means: another axis or none, a sum for a mean, another size to divide by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from gradproof.numeric.verification.mends.edit import (
    REDUCTIONS,
    Change,
    Context,
    Edit,
    expression,
    is_value,
    name_of_call,
)
from gradproof.numeric.verification.mends.factors import sizes

SIZES: Final = 16
"""So many other sizes are tried as a divisor."""


def axes(context: Context) -> Iterator[Edit]:
    """Another axis, none, or one where there is none; ``keepdims`` turned."""
    for node in context.nodes():
        if name_of_call(node) not in (*REDUCTIONS, "argmax", "cumsum", "flip", "roll"):
            continue
        assert isinstance(node, ast.Call)
        method = isinstance(node.func, ast.Attribute) and (
            (seen := context.seen(node.func.value)) is not None and seen.numeric
        )
        operand = node.func.value if method else node.args[0] if node.args else None  # type: ignore[attr-defined]
        seen = None if operand is None else context.seen(operand)
        rank = len(seen.shape) if seen is not None else 2
        choices: list[int | None] = [None, *range(rank)]
        pairs = [ast.Tuple([ast.Constant(a), ast.Constant(b)], ast.Load()) for a, b in combinations(range(rank), 2)]
        place = 0 if method else 1
        given = [k for k in node.keywords if k.arg == "axis"]
        for keyword in given:
            now = keyword.value.value if isinstance(keyword.value, ast.Constant) else "?"
            minus = -1 if isinstance(keyword.value, ast.UnaryOp) else 1
            for axis in choices:
                if axis != (now if minus == 1 else rank - 1):
                    yield Edit("axis", node, (Change(keyword, "value", None, ast.Constant(axis)),), 1.0)
                    around = context.parent(node)
                    if isinstance(around, ast.Subscript) and context.field(node) == "value":
                        others = [k for k in node.keywords if k is not keyword]
                        keywords = [*others, ast.keyword("axis", ast.Constant(axis))]
                        yield context.edit("axis", around, ast.Call(node.func, node.args, keywords), 1.2)
            for pair in pairs if rank > 2 and name_of_call(node) in REDUCTIONS else ():
                if ast.unparse(pair) != ast.unparse(keyword.value):
                    yield Edit("axis", node, (Change(keyword, "value", None, pair),), 1.1)
        if not given and len(node.args) > place and name_of_call(node) in REDUCTIONS:
            for axis in choices:
                yield Edit("axis", node, (Change(node, "args", place, ast.Constant(axis)),), 1.0)
        if not given and len(node.args) <= place and name_of_call(node) in REDUCTIONS:
            for axis in choices[1:]:
                for keep in (False, True):
                    new = [*node.keywords, ast.keyword("axis", ast.Constant(axis))]
                    new += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
                    yield Edit("axis", node, (Change(node, "keywords", None, new),), 1.1)
        for keyword in node.keywords:
            if keyword.arg == "keepdims" and isinstance(keyword.value, ast.Constant):
                turned = ast.Constant(not keyword.value.value)
                yield Edit("axis", node, (Change(keyword, "value", None, turned),), 1.2)


def summed(context: Context) -> Iterator[Edit]:
    """A sum over an axis that is missing, or that is one too many."""
    for node in context.nodes():
        if not isinstance(node, ast.expr) or not is_value(context, node):
            continue
        seen, parent = context.seen(node), context.parent(node)
        if isinstance(node, ast.Call) and name_of_call(node) == "sum":
            operand = node.func.value if isinstance(node.func, ast.Attribute) and not node.args else None
            operand = node.args[0] if node.args else operand
            if operand is not None and is_value(context, operand):
                yield context.edit("axis", node, operand, 1.4)
        if seen is None or not isinstance(parent, (ast.Assign, ast.AugAssign, ast.Return, ast.Tuple, ast.Dict)):
            continue
        for axis in range(len(seen.shape)):
            call = ast.Call(ast.Attribute(node, "sum", ast.Load()), [], [ast.keyword("axis", ast.Constant(axis))])
            yield context.edit("axis", node, call, 1.4)


def divisors(context: Context) -> Iterator[Edit]:
    """Another size to divide by: the number of examples for that of entries."""
    for node in context.nodes():
        if not isinstance(node, (ast.BinOp, ast.AugAssign)) or not isinstance(node.op, ast.Div):
            continue
        divisor, field = (node.right, "right") if isinstance(node, ast.BinOp) else (node.value, "value")
        seen = context.seen(divisor)
        if seen is None or seen.kind != "i" or seen.shape or seen.value is None:
            continue
        own = ast.unparse(divisor)
        tried: set[tuple[float, str]] = set()
        for value, name in sizes(context, node):
            if name != own and value != seen.value and (value, name) not in tried and len(tried) < SIZES:
                tried.add((value, name))
                yield Edit("size", node, (Change(node, field, None, expression(name)),), 1.1)


_OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "sum": ("mean", "max"), "mean": ("sum", "max"), "max": ("min", "sum"), "min": ("max", "sum"),
    "maximum": ("minimum",), "minimum": ("maximum",), "var": ("std",), "std": ("var",), "sin": ("cos",),
    "cos": ("sin",), "sinh": ("cosh",), "cosh": ("sinh",), "tanh": ("sinh", "cosh"), "exp": ("expm1",),
    "log": ("log1p",), "log1p": ("log",), "zeros_like": ("ones_like",), "ones_like": ("zeros_like",),
    "zeros": ("ones",), "ones": ("zeros",), "argmax": ("argmin",), "argmin": ("argmax",), "add": ("subtract",),
    "subtract": ("add",), "multiply": ("divide",), "divide": ("multiply",), "sqrt": ("square",), "square": ("sqrt",),
    "abs": ("sign",), "sign": ("abs",),
}  # fmt: skip


def functions(context: Context) -> Iterator[Edit]:
    """A related function: mean for sum, min for max, cos for sin."""
    for node in context.nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            for other in _OTHERS.get(node.func.attr, ()):
                cause = "reduction" if other in REDUCTIONS else "function"
                yield Edit(cause, node, (Change(node.func, "attr", None, other),), 1.0)
