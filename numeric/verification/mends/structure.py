"""Edits that need no number to be found: one generator a cause, each the inverse of a usual slip."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

from gradproof.numeric.verification.mends.activations import activations
from gradproof.numeric.verification.mends.constants import comparisons, constants, guards, is_compared, literals
from gradproof.numeric.verification.mends.dropping import dropped, unmasked
from gradproof.numeric.verification.mends.edit import (
    Change,
    Context,
    Edit,
    expression,
    is_number,
    is_value,
    name_of_call,
    twins_of,
)
from gradproof.numeric.verification.mends.indexing import accumulations, indices, keys, statements, stored
from gradproof.numeric.verification.mends.reductions import axes, divisors, functions, summed

LOAD: Final = ast.Load()


def signs(context: Context) -> Iterator[Edit]:
    """+ for −, − for +, also in ``+=``; a unary minus too many or (by the factors' table) too few."""
    for node in context.nodes():
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Add, ast.Sub)):
            if isinstance(node, ast.BinOp) and not is_value(context, node):
                continue
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield Edit("sign", node, (Change(node, "op", None, other),), 1.0)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and is_value(context, node):
            yield context.edit("sign", node, node.operand, 1.0)
        if isinstance(node, ast.expr) and isinstance(context.parent(node), ast.Call) and is_value(context, node):
            yield context.edit("sign", node, ast.UnaryOp(ast.USub(), node), 1.1)


def operators(context: Context) -> Iterator[Edit]:
    """× for ÷ and the other way round; the operands of −, ÷, @ exchanged."""
    for node in context.nodes():
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Mult, ast.Div)):
            other: ast.operator = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
            yield Edit("factor", node, (Change(node, "op", None, other),), 1.5)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_whole(context, node):
            yield Edit("step", node, (Change(node, "op", None, ast.Mult()),), 1.5)  # i * stride for i + stride
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and is_value(context, node):
            yield context.edit("power", node, ast.BinOp(node, ast.Pow(), ast.Constant(2)), 1.8)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)) and is_value(context, node):
            yield context.edit("operands", node, ast.BinOp(node.right, node.op, node.left), 1.6)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and is_number(node.right):
            base = node.left
            for new in (ast.BinOp(ast.Constant(2), ast.Mult(), base), base):
                yield context.edit("power", node, new, 1.8)


def _is_whole(context: Context, node: ast.AST) -> bool:
    seen = context.seen(node)
    return seen is not None and seen.kind == "i"


def transposes(context: Context) -> Iterator[Edit]:
    """``.T`` too many or too few; the two factors of a product exchanged and transposed."""
    for node in context.nodes():
        if isinstance(node, ast.Attribute) and node.attr == "T" and is_value(context, node):
            yield context.edit("transpose", node, node.value, 1.0)
        elif isinstance(node, ast.expr) and is_value(context, node):
            seen = context.seen(node)
            parent = context.parent(node)
            already = isinstance(parent, ast.Attribute) and parent.attr == "T"
            if seen is not None and len(seen.shape) == 2 and not already:
                yield context.edit("transpose", node, ast.Attribute(node, "T", LOAD), 1.1)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            yield from _other_axes(context, node.func.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            a, b = node.left, node.right
            turned_a, turned_b = _turned(a), _turned(b)
            for left, right in ((b, a), (turned_b, a), (b, turned_a), (turned_a, turned_b), (turned_b, turned_a)):
                yield context.edit("operands", node, ast.BinOp(left, ast.MatMult(), right), 1.5)


def _other_axes(context: Context, node: ast.expr) -> Iterator[Edit]:
    """Two axes exchanged before entries are put in another shape."""
    seen = context.seen(node)
    rank = len(seen.shape) if seen is not None and seen.numeric else 0
    for a, b in combinations(range(rank if rank > 2 else 0), 2):
        order = list(range(rank))
        order[a], order[b] = order[b], order[a]
        places: list[ast.expr] = [ast.Constant(axis) for axis in order]
        yield context.edit("transpose", node, ast.Call(ast.Attribute(node, "transpose", LOAD), places, []), 1.2)


def _turned(node: ast.expr) -> ast.expr:
    """The transpose of an expression, as text has it: ``.T`` taken away or put on."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", LOAD)


def exchanged(context: Context) -> Iterator[Edit]:
    """Arguments of a call, parts of a tuple or values of a dict exchanged."""
    for node in context.nodes():
        entries, name = [], ""
        if isinstance(node, ast.Call) and len(node.args) >= 2 and name_of_call(node) not in ("range", "zip"):
            entries, name = node.args, "args"
        elif isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
            parent = context.parent(node)
            if not isinstance(parent, ast.Subscript):
                entries, name = node.elts, "elts"
        elif isinstance(node, ast.Dict):
            entries, name = node.values, "values"
        for i in range(min(len(entries), 8)):
            for j in range(i + 1, min(len(entries), 8)):
                changes = (Change(node, name, i, entries[j]), Change(node, name, j, entries[i]))
                yield Edit("operands", node, changes, 1.5)


def variables(context: Context) -> Iterator[Edit]:
    """Another variable of the same shape: z for a, another entry of the cache, another attribute, the fresh value."""
    for node in context.nodes():
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not isinstance(node.ctx, ast.Load):
            continue
        seen = context.seen(node)
        if seen is None or not seen.numeric or (isinstance(context.parent(node), ast.Attribute) and seen.shape == ()):
            continue
        text = ast.unparse(node)
        twins = twins_of(context, node, text)
        for name, (other, its) in context.pool(node).items():
            if name == text or its.shape != seen.shape:
                continue
            if seen.shape == () and (its.kind == "f") != (seen.kind == "f"):
                continue
            cause = "step" if name.partition("[")[0] == text.partition("[")[0] and "[" in name else "variable"
            cost = 1.2 + 0.5 * is_compared(context, node) + 0.3 * isinstance(other, ast.Call)
            yield context.edit(cause, node, other, cost)
            if twins and twins[0] is node and len(twins) > 1:
                yield Edit(cause, node, tuple(context.put(twin, other) for twin in twins), 1.5)


def applied(context: Context) -> Iterator[Edit]:
    """A function that is not applied: σ(z)(1 − σ(z)) for z(1 − z)."""
    for node in context.nodes():
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not is_value(context, node):
            continue
        seen = context.seen(node)
        if seen is None or seen.kind != "f" or isinstance(context.parent(node), ast.Attribute):
            continue
        text = ast.unparse(node)
        twins = twins_of(context, node, text)
        for function in context.unary:
            new = expression(f"{function}({text})")
            around = context.parent(node)
            kept = name_of_call(around) == "append" if around is not None else False  # stored for later
            given = isinstance(around, ast.Call) and isinstance(around.func, ast.Name)  # to a function of the user's
            yield context.edit("function", node, new, 1.5 + 0.3 * (kept or given))
            if len(twins) > 1 and twins[0] is node:
                yield Edit("function", node, tuple(context.put(twin, new) for twin in twins), 1.6)


Generator = Callable[[Context], Iterator[Edit]]


STRUCTURE: Final[tuple[Generator, ...]] = (
    signs, statements, dropped, unmasked, activations, accumulations, literals, divisors, axes, summed, functions,
    transposes, operators, comparisons, guards, indices, keys, variables, constants, applied, exchanged, stored,
)  # fmt: skip
"""The table of edits without a factor, the cheapest and commonest first."""
