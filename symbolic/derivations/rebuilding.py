"""A matrix expression simplified anew, after something was put into it."""

from __future__ import annotations

import dataclasses
from dataclasses import fields
from typing import Any

from .block_nodes import Joined
from .function_nodes import Diag, DiagonalOf, Inner, OfMatrix, Power, Trace
from .matrix_algebra import (
    diagonal,
    hadamard,
    inner,
    joined,
    matmul,
    of_matrix,
    scale,
    sum_over,
    total,
    trace,
    transpose,
)
from .matrix_nodes import Hadamard, MatMul, Node, Scale, Sum, Transpose
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
    if isinstance(node, Trace):
        return trace(parts["operand"])
    if isinstance(node, DiagonalOf) and isinstance(parts["operand"], Scale):
        return scale(parts["operand"].scalars, DiagonalOf(node.shape, parts["operand"].operand))
    if isinstance(node, Inner):
        return inner(parts["left"], parts["right"])
    if isinstance(node, Power) and isinstance(parts["base"], Power) and node.is_scalar:
        return Power(node.shape, parts["base"].base, node.exponent * parts["base"].exponent)
    return dataclasses.replace(node, **parts) if parts else node
