"""Edits of the structure that come last: what is rarer, or would take the place of a likelier mend elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final

from gradproof.numeric.verification.mends.edit import Context, Edit, expression, is_value, name_of_call
from gradproof.numeric.verification.mends.observe import Seen


def recurring(context: Context) -> Iterator[Edit]:
    """``d += f(d)`` for ``d = f(d)``: as often it is f that has lost its term d."""
    for node in context.nodes():
        if isinstance(node, ast.Assign) and is_recurring(node):
            yield context.edit("accumulation", node, ast.AugAssign(node.targets[0], ast.Add(), node.value), 1.6)  # type: ignore[arg-type]


def is_recurring(node: ast.Assign) -> bool:
    """Whether a name is given a value that is computed from it by a call."""
    target = node.targets[0]
    return isinstance(target, ast.Name) and any(
        isinstance(call, ast.Call) and any(isinstance(n, ast.Name) and n.id == target.id for n in call.args)
        for call in ast.walk(node.value)
    )


def entries(context: Context) -> Iterator[Edit]:
    """A store at labels that is missing: ``P[np.arange(len(P)), y] -= 1``, or ``-= counts``; or ``p[y[i]] -= 1``."""
    known = _arrays(context)
    for node in context.nodes():
        if not isinstance(node, (ast.Assign, ast.AugAssign)):
            continue
        here = _root(node.target if isinstance(node, ast.AugAssign) else node.targets[0])
        pool = context.pool(node)
        for name, seen in known.items():
            for index, shape in _labels(context, seen, pool):
                same = [u for u, its in known.items() if its.shape == shape and its.kind in "fi" and u != name]
                for amount in ("1", *same):
                    if here not in (name, amount):
                        continue
                    for op in (ast.Sub(), ast.Add()):
                        target = expression(f"{name}[{index}]")
                        assert isinstance(target, ast.Subscript)
                        target.ctx = ast.Store()
                        store = ast.AugAssign(target, op, expression(amount))
                        yield context.edit("path", node, [node, store], 2.4)


def _arrays(context: Context) -> dict[str, Seen]:
    """What the names of arrays and of floats stood for when they were in scope."""
    return {
        name: seen for scope in context.sights.scopes.values() for name, seen in scope.items()
        if name.isidentifier() and seen.numeric and (seen.shape or seen.kind == "f")
    }  # fmt: skip


def _root(target: ast.AST) -> str:
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _labels(
    context: Context, seen: Seen, pool: dict[str, tuple[ast.expr, Seen]]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Indices by labels into an array of floats, and the shape of what stands there."""
    for text, (tree, its) in pool.items():
        if seen.kind != "f" or its.kind != "i":
            continue
        if len(seen.shape) == 2 and its.shape == seen.shape[:1] and context.numpy:
            yield f"{context.numpy}.arange(len({text})), {text}", its.shape
        if len(seen.shape) == 1 and its.shape == () and isinstance(tree, ast.Subscript):
            yield text, ()


PARTS: Final = ("[1:]", "[:-1]", "[:, 1:]", "[:, :-1]")
"""All of a parameter but its first or last row or column, where an intercept may stand."""

_REST: Final = {
    "[1:]": "concatenate(({np}.zeros_like({p}[:1]), {p}[1:]))",
    "[:-1]": "concatenate(({p}[:-1], {np}.zeros_like({p}[-1:])))",
    "[:, 1:]": "concatenate(({np}.zeros_like({p}[:, :1]), {p}[:, 1:]), axis=1)",
    "[:, :-1]": "concatenate(({p}[:, :-1], {np}.zeros_like({p}[:, -1:])), axis=1)",
}
"""Those parts with zeros for what is left out."""


def intercepts(context: Context) -> Iterator[Edit]:
    """A penalty on the intercept too, which the loss leaves out: ``g[1:] += c * w[1:]`` for ``g += c * w``."""
    for node in context.nodes():
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
            yield from _but_one(context, node)
        elif isinstance(node, ast.expr) and context.numpy and is_value(context, node):
            text, seen = ast.unparse(node), context.seen(node)
            if text in context.parameters and seen is not None and isinstance(context.parent(node), ast.BinOp):
                for part in PARTS[: 2 * len(seen.shape)]:
                    rest = _REST[part].format(np=context.numpy, p=text)
                    yield context.edit("penalty", node, expression(f"{context.numpy}.{rest}"), 2.0)


def _but_one(context: Context, node: ast.AugAssign) -> Iterator[Edit]:
    """The statement with all but a row or a column of what is added, and of what it is added to."""
    inside = [n for n in ast.walk(node.value) if isinstance(n, ast.expr) and ast.unparse(n) in context.parameters]
    seen = context.seen(inside[0]) if inside else None
    if seen is None:
        return
    for part in PARTS[: 2 * len(seen.shape)]:
        parts = {ast.unparse(n): expression(f"{ast.unparse(n)}{part}") for n in inside}
        target = expression(f"{ast.unparse(node.target)}{part}")
        assert isinstance(target, ast.Subscript)
        target.ctx = ast.Store()
        value = _Parts(parts).expression(ast.unparse(node.value))
        yield context.edit("penalty", node, ast.AugAssign(target, node.op, value), 1.5)


class _Parts(ast.NodeTransformer):
    """Puts parts of arrays in their place, by their texts."""

    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self.parts = parts

    def expression(self, text: str) -> ast.expr:
        """The tree of an expression with the parts in place."""
        module = self.visit(ast.parse(text, mode="eval"))
        assert isinstance(module, ast.Expression)
        return module.body

    def visit(self, node: ast.AST) -> ast.AST:
        """A part, or the node with what is below it visited."""
        return self.parts.get(ast.unparse(node)) or self.generic_visit(node)


def sided(context: Context) -> Iterator[Edit]:
    """A sign that is missing: δ sign(r) for δ, or r / |r| for r, as in the tails of Huber's loss.

    Of what is compared or taken the absolute value of in the function, and of the subscripts in the same statement.
    """
    measured = dict.fromkeys(ast.unparse(part) for node in context.nodes() for part in _measured(node))
    for node in context.nodes() if context.numpy else ():
        around = context.parent(node)
        if (
            not isinstance(node, ast.expr)
            or not is_value(context, node)
            or isinstance(around, (ast.Compare, ast.Attribute))
        ):
            continue
        seen, outer = context.seen(node), None if around is None else context.seen(around)
        if seen is None or seen.kind not in "fi" or not is_value(context, node):
            continue
        arrays = {text: its for text, (_, its) in context.pool(node).items() if text in measured}
        arrays |= {
            ast.unparse(n): its for n in ast.walk(context.statement(node))
            if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Load) and (its := context.seen(n)) is not None
        }  # fmt: skip
        for name, its in arrays.items():
            if its.kind != "f" or its.shape not in (seen.shape, seen.shape or (outer.shape if outer else ())):
                continue
            for op, function in ((ast.Mult(), "sign"), (ast.Div(), "abs")):
                if function == "sign" or name in ast.unparse(node):
                    new = ast.BinOp(node, op, expression(f"{context.numpy}.{function}({name})"))
                    yield context.edit("derivative", node, new, 1.7)


def _measured(node: ast.AST) -> list[ast.expr]:
    """What is compared, or taken the absolute value or the sign of."""
    if name_of_call(node) in ("abs", "absolute", "fabs", "sign"):
        assert isinstance(node, ast.Call)
        return node.args[:1]
    return [node.left, *node.comparators] if isinstance(node, ast.Compare) else []


def products(context: Context) -> Iterator[Edit]:
    """The product of an error and weights that is missing: ``dh = dout + dz @ W.T`` for ``dh = dout``."""
    for node in context.nodes():
        seen = context.seen(node)
        if not isinstance(context.parent(node), (ast.Assign, ast.AugAssign)) or not isinstance(node, ast.expr):
            continue
        if seen is None or seen.kind != "f" or not 1 <= len(seen.shape) <= 2 or not is_value(context, node):
            continue
        matrices = {t: its for t, (_, its) in context.pool(node).items() if its.kind == "f" and len(its.shape) == 2}
        errors = {t: its.shape for t, (_, its) in context.pool(node).items() if its.kind == "f" and its.shape}
        for error, shape in errors.items():
            if len(shape) != len(seen.shape) or shape[:-1] != seen.shape[:-1]:
                continue
            for weights, its in matrices.items():
                for text, (inner, outer) in ((f"{weights}.T", its.shape[::-1]), (weights, its.shape)):
                    if (inner, outer) == (shape[-1], seen.shape[-1]) and weights != error:
                        new = ast.BinOp(node, ast.Add(), expression(f"{error} @ {text}"))
                        yield context.edit("path", node, new, 2.2)


LATE: Final[tuple[Callable[[Context], Iterator[Edit]], ...]] = (recurring, intercepts, sided, products, entries)
"""The table of edits that are tried when all others have failed."""
