"""A matrix expression simplified anew, after something was put into it."""

from __future__ import annotations

import dataclasses
from dataclasses import fields
from typing import Any

from .block_nodes import Block, Cut, Joined
from .function_nodes import Diag, DiagonalOf, Inner, OfMatrix, Power, Trace
from .matrix_algebra import (
    diagonal,
    hadamard,
    joined,
    matmul,
    of_matrix,
    sum_over,
    total,
    transpose,
)
from .matrix_nodes import Hadamard, MatMul, Node, Scale, Sum, Transpose
from .matrix_scaling import scale
from .matrix_traces import inner, trace
from .time_nodes import SumOver


def rebuilt(node: Node) -> Node:
    """The same expression, simplified again after something was put into it."""
    parts: dict[str, Any] = {}
    for f in fields(node):
        old = getattr(node, f.name)
        if isinstance(old, Node):
            parts[f.name] = rebuilt(old)
        elif isinstance(old, tuple) and old and all(isinstance(p, Node) for p in old):
            parts[f.name] = tuple(rebuilt(p) for p in old)
    if isinstance(node, MatMul):
        return matmul(*parts["factors"])
    if isinstance(node, Hadamard):
        return hadamard(parts["factors"])
    if isinstance(node, Transpose):
        return transpose(parts["operand"])
    if isinstance(node, Diag):
        return diagonal(node.shape, parts["operand"])
    if isinstance(node, Scale):
        return scale(parts["scalars"], parts["operand"])
    if isinstance(node, Sum):
        return total(node.shape, parts["terms"])
    if isinstance(node, OfMatrix):
        return of_matrix(node.shape, node.function, parts["operand"])
    if isinstance(node, SumOver):
        return sum_over(node.limits, parts["operand"])
    if isinstance(node, Joined):
        return joined(node.axis, parts["parts"])
    if isinstance(node, Block):
        return cut_out(parts["operand"], node.rows, node.columns)
    if isinstance(node, Trace):
        return trace(parts["operand"])
    if isinstance(node, DiagonalOf) and isinstance(parts["operand"], Scale):
        return scale(parts["operand"].scalars, DiagonalOf(node.shape, parts["operand"].operand))
    if isinstance(node, Inner):
        return inner(parts["left"], parts["right"])
    if isinstance(node, Power) and isinstance(parts["base"], Power) and node.is_scalar:
        return Power(node.shape, parts["base"].base, node.exponent * parts["base"].exponent)
    return dataclasses.replace(node, **parts) if parts else node


def cut_out(node: Node, rows: Cut | None, columns: Cut | None) -> Node:
    """The given rows and columns: those of a product are of its first and its last factor, (A B)_{:,0} = A B_{:,0}."""
    if rows is None and columns is None:
        return node
    if isinstance(node, Scale):
        return scale(node.scalars, cut_out(node.operand, rows, columns))
    if isinstance(node, Transpose):
        return transpose(cut_out(node.operand, columns, rows))
    if isinstance(node, MatMul):
        first, *middle = node.factors
        return matmul(cut_out(first, rows, None), *middle[:-1], cut_out(middle[-1], None, columns))
    size = [n if c is None else c[1] - c[0] for n, c in zip(node.shape, (rows, columns), strict=True)]
    return Block((size[0], size[1]), node, rows, columns)
