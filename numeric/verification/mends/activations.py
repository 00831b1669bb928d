"""Another derivative of an activation: 1 − a² for a(1 − a), a sigmoid for a step."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from gradproof.numeric.verification.mends.edit import Context, Edit, expression, is_value

ACTIVATIONS: Final = ("1 - {v} ** 2", "{v} * (1 - {v})", "{v} > 0", "1 - {v}", "{v}", "1 + {v}", "{v} ** 2", "2 * {v}")
"""What stands for the derivative of an activation, by its value or its argument."""


SMOOTH: Final = ("1 / (1 + {np}.exp(-{v}))", "1 - {np}.tanh({v}) ** 2", "{np}.exp({v})", "{np}.sign({v})")
"""Derivatives of softplus, tanh, exp and the absolute value, where a mask stands in their place."""


def activations(context: Context) -> Iterator[Edit]:
    """Another derivative of an activation where an expression of one variable stands: 1 − a² for a(1 − a)."""
    for node in context.nodes():
        seen = context.seen(node)
        if not isinstance(node, (ast.BinOp, ast.Compare, ast.Call)) or seen is None or not is_value(context, node):
            continue
        if not seen.shape:
            continue
        names = _arrays(context, node)
        plain = not any(isinstance(n, ast.MatMult) for n in ast.walk(node))
        if plain and len(names) == 1 and _shape_of(context, node, min(names)) == seen.shape:
            called = 0.3 if any(isinstance(n, ast.Call) for n in ast.walk(node)) else 0.0
            leaky = [f"{context.numpy}.where({{v}} > 0, 1, {c})" for c in context.slopes(node) if context.numpy]
            is_mask = isinstance(node, ast.Compare) and bool(context.numpy)
            smooth = [form.replace("{np}", context.numpy) for form in SMOOTH if is_mask]
            for form in (*ACTIVATIONS, *leaky, *smooth):
                yield context.edit("derivative", node, expression(form.replace("{v}", min(names))), 1.3 + called)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            yield from _regrouped(context, node)


def _regrouped(context: Context, node: ast.BinOp) -> Iterator[Edit]:
    """d · a · (1 − a): the factors of one variable replaced together."""
    factors = _factors(node)
    of = [_arrays(context, factor) for factor in factors]
    for name in sorted({next(iter(names)) for names in of if len(names) == 1}):
        rest = [factor for factor, names in zip(factors, of, strict=True) if names != {name}]
        if not rest or len(factors) - len(rest) < 2:
            continue
        product = rest[0]
        for factor in rest[1:]:
            product = ast.BinOp(product, ast.Mult(), factor)
        for form in ACTIVATIONS:
            new = ast.BinOp(product, ast.Mult(), expression(form.replace("{v}", name)))
            yield context.edit("derivative", node, new, 1.4)


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _arrays(context: Context, node: ast.AST) -> set[str]:
    """The arrays that an expression is made of, by their texts."""
    return {
        ast.unparse(n) for n in _accesses(node)
        if (seen := context.seen(n)) is not None and seen.numeric and seen.shape
    }  # fmt: skip


def _shape_of(context: Context, node: ast.AST, name: str) -> tuple[int, ...] | None:
    found = context.pool(node).get(name)
    return None if found is None else found[1].shape


def _accesses(node: ast.AST) -> Iterator[ast.AST]:
    """The largest names, attributes and subscripts of an expression, without what is called."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        yield node
        return
    parts: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call):
        parts = [*node.args, *(k.value for k in node.keywords)]
        parts += [node.func.value] if isinstance(node.func, ast.Attribute) else []
    for part in parts:
        yield from _accesses(part)
