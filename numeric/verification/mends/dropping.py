"""An operand, a call, an index or a selection too many."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradproof.numeric.verification.mends.constants import SMALL, is_compared
from gradproof.numeric.verification.mends.edit import Context, Edit, is_value, name_of_call


def dropped(context: Context) -> Iterator[Edit]:
    """An operand, a call or an index too many: a node becomes one of the nodes below it that has its shape."""
    for node in context.nodes():
        seen = context.seen(node)
        if seen is None or not seen.numeric or not isinstance(node, ast.expr) or isinstance(node, ast.Constant):
            continue
        for depth, inner in _below(node):
            other = context.seen(inner)
            if other is None or not other.numeric or other.shape != seen.shape or inner is node:
                continue
            if isinstance(inner, ast.Constant) and depth > 1:
                continue
            if other.kind != "b" and _decides(context, node):
                continue  # a number that is taken for a truth value: nobody means that
            if other.kind == "b" and (seen.kind == "i" or (isinstance(node, ast.IfExp) and inner is node.test)):
                continue  # nor that a truth value is taken for a size
            cause = "step" if seen.kind == "i" and not is_value(context, node) else _spare(context, node, inner)
            if cause == "spare function" and _is_applied_twice(context, node, inner):
                cause = "derivative"  # σ′ at a instead of z, as 1 - tanh(a)² for a = tanh(z)
            yield context.edit(cause, node, inner, 1.0 + 0.4 * (depth - 1) + 0.5 * is_compared(context, node))


def _below(node: ast.AST, depth: int = 1) -> Iterator[tuple[int, ast.expr]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield depth, child
            if depth < 4:
                yield from _below(child, depth + 1)


def _decides(context: Context, node: ast.AST) -> bool:
    """Whether a node is a condition: of an ``if``, a ``while`` or a conditional expression, or a part of one."""
    parent = context.parent(node)
    if isinstance(parent, (ast.BoolOp, ast.UnaryOp)) and not isinstance(getattr(parent, "op", None), ast.USub):
        return _decides(context, parent)
    return isinstance(parent, (ast.If, ast.IfExp, ast.While)) and context.field(node) == "test"


def unmasked(context: Context) -> Iterator[Edit]:
    """A selection too many: x for x[x < 500]."""
    for node in context.nodes():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and is_value(context, node.value):
            index = context.seen(node.slice)
            if index is not None and index.kind == "b":
                yield context.edit("region", node, node.value, 0.9)


def _is_applied_twice(context: Context, node: ast.AST, inner: ast.AST) -> bool:
    """Whether a call f(a) has an argument that was computed as a = f(...)."""
    if not isinstance(node, ast.Call) or node.args != [inner]:
        return False
    function, argument = ast.dump(node.func), ast.unparse(inner)
    return any(
        isinstance(made, ast.Assign) and isinstance(made.value, ast.Call) and ast.dump(made.value.func) == function
        and argument in map(ast.unparse, made.targets)
        for made in context.nodes()
    )  # fmt: skip


def _spare(context: Context, node: ast.AST, kept: ast.AST) -> str:
    """The cause of a node that is right as the node ``kept`` below it."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return "mask"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        compared = [n for n in (node.left, node.right) if isinstance(n, ast.Compare)]
        return "mask" if compared else "spare factor"
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        return _spare_term(context, node, kept)
    if isinstance(node, ast.BinOp):
        return "spare factor"
    if isinstance(node, ast.Compare):
        return "mask"
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return "transpose"
    if isinstance(node, ast.Subscript):
        return "order" if isinstance(node.slice, ast.Slice) else "variable"
    if isinstance(node, ast.IfExp) or name_of_call(node) in ("where", "maximum", "minimum", "clip"):
        return "region"
    return "spare function"


def _spare_term(context: Context, node: ast.BinOp, kept: ast.AST) -> str:
    """What a term too many is: an eps, or a size that is wrong by it, as n - 1 for n."""
    gone = context.seen(node.left if any(n is kept for n in ast.walk(node.right)) else node.right)
    if gone is not None and gone.value is not None and 0 < abs(gone.value) < SMALL:
        return "eps"
    parent, seen = context.parent(node), context.seen(kept)
    divides = isinstance(parent, (ast.BinOp, ast.AugAssign)) and isinstance(parent.op, ast.Div)
    whole = seen is not None and seen.kind == "i" and not seen.shape
    if whole and context.field(node) in ("right", "value") and (divides or isinstance(parent, ast.Assign)):
        return "size"
    return "spare term"
