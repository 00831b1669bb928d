"""Brackets, triangles of ones and triangles of matrices as pieces of a matrix form."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sympy as sp

from ..equations.definition import references
from ..equations.matrix_functions import lower_half
from .function_nodes import OPERATORS, Where
from .matrix_algebra import hadamard, total
from .matrix_nodes import Mask, Node
from .matrix_scaling import scale
from .matrix_sums import OPPOSITE
from .product_graph import NoMatrixForm, Piece
from .relations import within_branches


class Pieces(Protocol):
    """What is asked of a builder: the sizes of its live indices, and the pieces of expressions in them."""

    sizes: dict[Any, Any]

    def size(self, index: Any) -> Any:
        """The size of an index."""

    def piece(self, e: Any) -> Piece:
        """An expression as a piece."""

    def together(self, pieces: Sequence[Piece]) -> tuple[list[Node], Any, Any]:
        """Nodes of one shape, and the indices of that."""


def bracket(b: Pieces, condition: Any) -> Piece:
    operator = OPERATORS.get(type(condition))
    if operator is None:
        raise NoMatrixForm
    (left, right), row, column = b.together([b.piece(condition.lhs), b.piece(condition.rhs)])
    shape = (b.size(row), b.size(column))
    return Piece(Where(shape, operator, left, right), row, column)


def mask(sizes: Mapping[Any, Any], condition: Any) -> Piece | None:
    """[j ≤ i + k] or [j ≥ i + k] for two indices: ones in a triangle."""
    if not isinstance(condition, (sp.Ge, sp.Gt, sp.Le, sp.Lt)):
        return None
    low, high = (condition.rhs, condition.lhs) if isinstance(condition, (sp.Ge, sp.Gt)) else condition.args
    difference = sp.expand(high - low) - (1 if isinstance(condition, (sp.Gt, sp.Lt)) else 0)
    live = sorted((s for s in difference.free_symbols if s in sizes), key=list(sizes).index)
    if len(live) != 2:
        return None
    row, column = live
    slope = difference.coeff(row, 1)
    offset = sp.expand(difference - slope * (row - column))
    if slope not in (1, -1) or not offset.is_Integer:
        return None
    kind, k = ("tril", offset) if slope == 1 else ("triu", -offset)
    return Piece(Mask((sizes[row], sizes[column]), kind, int(k)), row, column)


def branches(b: Pieces, e: Any) -> Piece:
    """[c] ⊙ A + [not c] ⊙ B for A where c holds, else B, where both have values everywhere."""
    (yes, condition), (no, _) = within_branches(e)
    if any(part.has(sp.log, sp.oo, -sp.oo, sp.zoo, sp.nan) or _divides(part) for part in (yes, no)):
        raise NoMatrixForm
    held = bracket(b, condition)
    if not isinstance(held.node, Where):
        raise NoMatrixForm
    other = Piece(dataclasses.replace(held.node, operator=OPPOSITE[held.node.operator]), held.row, held.column)
    pairs = [[where, b.piece(value)] for where, value in ((held, yes), (other, no)) if value != 0]
    nodes, row, column = b.together([piece for pair in pairs for piece in pair])
    shape = (b.size(row), b.size(column))
    terms = [_times(one, two) for one, two in zip(nodes[::2], nodes[1::2], strict=True)]
    return Piece(total(shape, terms), row, column)


def _times(where: Node, value: Node) -> Node:
    return scale([value], where) if value.is_scalar and not where.is_scalar else hadamard([where, value])


def _divides(e: Any) -> bool:
    """Whether a power may have no value somewhere."""
    return any(not (p.exp.is_Integer and p.exp.is_positive) for p in e.atoms(sp.Pow) if list(references(p)))


def triangle(b: Pieces, e: Any) -> Piece:
    """A triangle of a matrix, 0 elsewhere; the mask Φ of the derivative of a Cholesky factor."""
    (value, condition), *rest = e.args
    if len(e.args) == 3 and value == 1:
        low, high = condition.lts, condition.gts
        k, j = (next((s for s in side.free_symbols if s in b.sizes), None) for side in (high, low))
        if k is not None and j is not None and e == lower_half(k, j):
            return Piece(Mask((b.size(k), b.size(j)), "Φ", 0), k, j)
    ones = mask(b.sizes, condition) if condition.is_Relational else None
    if ones is None and len(rest) == 1:
        return branches(b, e)
    if ones is None or len(rest) != 1 or rest[0][0] != 0:
        raise NoMatrixForm
    nodes, row, column = b.together([ones, b.piece(value)])
    return Piece(hadamard(nodes), row, column)
