"""Expressions turned so that few transposes stand in them.

The mean of rows is a row, 𝟏ᵀ X/m, and diag of a row is diag of the column. What acts on elements
commutes with transposition.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from .function_nodes import Apply, Diag, Power, Where
from .matrix_algebra import hadamard, matmul, total, transpose
from .matrix_nodes import Hadamard, Leaf, Mask, MatMul, Node, Number, Ones, Scale, Sum, Transpose
from .matrix_scaling import scale

Pair = tuple[Node, Node]


def turned(node: Node) -> Node:
    """The same expression with as few transposes as can be had by turning its parts."""
    return _pair(node)[0] if _transposes(node) else node


def _pair(node: Node) -> Pair:
    """The best form of an expression and that of its transpose."""
    rule = _RULES.get(type(node), _whole)
    plain, other = rule(node)
    return plain, other


def _whole(node: Node) -> Pair:
    """A node whose parts are turned each by itself."""
    changed: dict[str, Any] = {}
    for f in dataclasses.fields(node) if not isinstance(node, Leaf) else ():
        old = getattr(node, f.name)
        if isinstance(old, Node):
            changed[f.name] = turned(old)
        elif isinstance(old, tuple) and old and all(isinstance(part, Node) for part in old):
            changed[f.name] = tuple(turned(part) for part in old)
    same = dataclasses.replace(node, **changed) if changed else node
    return same, transpose(same)


def _transpose(node: Node) -> Pair:
    assert isinstance(node, Transpose)
    plain, other = _pair(node.operand)
    return other, plain


def _elementwise(parts: tuple[Node, ...], make: Callable[[tuple[Node, ...], Any], Node], shape: Any) -> Pair:
    pairs = [(part, part) if part.is_scalar else _pair(part) for part in parts]
    back = (shape[1], shape[0])
    plain, other = make(tuple(p for p, _ in pairs), shape), make(tuple(q for _, q in pairs), back)
    if _transposes(plain) > _transposes(other) + _ONE:
        plain = transpose(other)
    elif _transposes(other) > _transposes(plain) + _ONE:
        other = transpose(plain)
    return plain, other


def _hadamard(node: Node) -> Pair:
    assert isinstance(node, Hadamard)
    if any(isinstance(f.operand if isinstance(f, Transpose) else f, Mask) for f in node.factors):
        return _whole(node)
    return _elementwise(node.factors, lambda parts, _: hadamard(parts), node.shape)


def _sum(node: Node) -> Pair:
    assert isinstance(node, Sum)
    if any(isinstance(t.operand if isinstance(t, Scale) else t, MatMul) for t in node.terms):
        pairs = [(t, t) if t.is_scalar else _pair(t) for t in node.terms]
        back = (node.shape[1], node.shape[0])
        return total(node.shape, [p for p, _ in pairs]), total(back, [p for _, p in pairs])  # Xᵀ Bᵀ + Bᵀ Xᵀ stays
    return _elementwise(node.terms, lambda parts, shape: total(shape, parts), node.shape)


def _applied(node: Node) -> Pair:
    assert isinstance(node, Apply)
    return _elementwise(node.arguments, lambda parts, shape: Apply(shape, node.head, parts), node.shape)


def _power(node: Node) -> Pair:
    assert isinstance(node, Power)
    return _elementwise((node.base,), lambda parts, shape: Power(shape, parts[0], node.exponent), node.shape)


def _where(node: Node) -> Pair:
    assert isinstance(node, Where)
    return _elementwise((node.left, node.right), lambda parts, shape: Where(shape, node.operator, *parts), node.shape)


def _scaled(node: Node) -> Pair:
    assert isinstance(node, Scale)
    if isinstance(node.operand, Number):
        return _whole(node)
    scalars = tuple(turned(s) for s in node.scalars)
    plain, other = _pair(node.operand)
    return scale(scalars, plain), scale(scalars, other)


def _product(node: Node) -> Pair:
    assert isinstance(node, MatMul)
    pairs = [_pair(f) for f in node.factors]
    return matmul(*(p for p, _ in pairs)), matmul(*(q for _, q in reversed(pairs)))


def _diagonal(node: Node) -> Pair:
    assert isinstance(node, Diag)
    column, row = _pair(node.operand)
    best = Diag(node.shape, row if _transposes(row) < _transposes(column) else column)
    return best, best


_RULES: dict[type[Node], Callable[[Node], Pair]] = {
    Transpose: _transpose, Hadamard: _hadamard, Sum: _sum, Apply: _applied, Power: _power, Where: _where,
    Scale: _scaled, MatMul: _product, Diag: _diagonal,
}  # fmt: skip


def _transposes(node: Node) -> int:
    """How many transposes stand in an expression; a row of ones counts less than another one."""
    values = (v if isinstance(v, tuple) else (v,) for v in vars(node).values())
    own = 0 if not isinstance(node, Transpose) else 2 if isinstance(node.operand, Ones) else _ONE
    return own + sum(_transposes(p) for value in values for p in value if isinstance(p, Node))


_ONE = 3
