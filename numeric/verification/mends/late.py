"""Edits of the structure that come last: what is rarer, or would take the place of a likelier mend elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final

from gradproof.numeric.verification.mends.edit import Context, Edit, expression
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


LATE: Final[tuple[Callable[[Context], Iterator[Edit]], ...]] = (recurring, entries)
"""The table of edits that are tried when all others have failed."""
