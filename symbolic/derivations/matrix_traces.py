"""Scalars of whole matrices: traces and inner products."""

from __future__ import annotations

from .function_nodes import Inner, OfMatrix, Trace
from .matrix_algebra import matmul, transpose
from .matrix_nodes import MatMul, Node, Scale, Transpose
from .matrix_scaling import ONE, scale


def trace(node: Node) -> Node:
    """The trace, numbers taken out."""
    if isinstance(node, Scale):
        return scale(node.scalars, trace(node.operand))
    return Trace((ONE, ONE), node.operand if isinstance(node, Transpose) else node)


def inner(left: Node, right: Node) -> Node:
    """The inner product of two matrices; where one is a product, tr(Aᵀ B)."""
    scalars = [s for side in (left, right) if isinstance(side, Scale) for s in side.scalars]
    left, right = (side.operand if isinstance(side, Scale) else side for side in (left, right))
    if any(map(_is_product, (left, right))):
        turned, other = (right, left) if _is_product(right) else (left, right)
        return scale(scalars, trace(matmul(transpose(turned), other)))
    return scale(scalars, Inner((ONE, ONE), left, right))


def _is_product(node: Node) -> bool:
    """A product of matrices or an inverse; not an outer product."""
    plain = node.operand if isinstance(node, Transpose) else node
    if isinstance(plain, MatMul):
        return all(ONE not in f.shape for f in plain.factors)
    return isinstance(plain, OfMatrix)
