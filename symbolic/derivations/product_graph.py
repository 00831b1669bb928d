r"""A product of elements, summed over some of its indices, as a graph: indices are nodes, matrices are edges.

Summing an index out joins its two edges, an index with one neighbour gives a vector, one without neighbours a number.
What is left over the free indices is an elementwise or an outer product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .function_nodes import DiagonalOf, Power, SquaredNorm
from .matrix_algebra import diagonal, hadamard, matmul, transpose
from .matrix_nodes import Identity, Node, Number, Ones, Scale
from .matrix_scaling import ONE, scale
from .matrix_traces import inner, trace


class NoMatrixForm(Exception):
    """This expression is not a matrix expression."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A node whose rows and columns are the given indices (None for an axis of size 1)."""

    node: Node
    row: Any = None
    column: Any = None

    @property
    def indices(self) -> tuple[Any, ...]:
        return tuple(i for i in (self.row, self.column) if i is not None)

    @property
    def turned(self) -> Piece:
        return Piece(transpose(self.node), self.column, self.row)


class Axes(Protocol):
    """What a graph asks about the indices of its pieces."""

    sizes: dict[Any, Any]

    def size(self, index: Any) -> Any:
        """The size of an index."""

    def fit(self, piece: Piece, row: Any, column: Any) -> Node:
        """The node of a piece with the given rows and columns."""


class ProductGraph:
    """Matrices as edges and vectors as marks on a graph of indices."""

    def __init__(self, builder: Axes, pieces: Sequence[Piece], bound: Sequence[Any]) -> None:
        self.b = builder
        self.scalars: list[Node] = []
        self.vectors: dict[Any, list[Node]] = {}
        self.edges: dict[frozenset[Any], list[Piece]] = {}
        self.bound = list(bound)
        for p in pieces:
            self.add(p)

    def add(self, p: Piece) -> None:
        if isinstance(p.node, Scale) and p.indices:
            self.scalars.extend(p.node.scalars)
            p = Piece(p.node.operand, p.row, p.column)
        if not p.indices:
            self.scalars.append(p.node)
        elif len(p.indices) == 1:
            index = p.indices[0]
            self.vectors.setdefault(index, []).append(p.node if p.row is not None else transpose(p.node))
        else:
            self.edges.setdefault(frozenset(p.indices), []).append(p)

    def result(self) -> Piece:
        while self.bound:
            index = min(self.bound, key=lambda i: (len(self.neighbours(i)), i.name))
            self.bound.remove(index)
            self.eliminate(index)
        return self.rest()

    def neighbours(self, index: Any) -> set[Any]:
        return {i for edge in self.edges for i in edge if index in edge and i != index}

    def edge(self, row: Any, column: Any) -> Node:
        """All matrices between two indices, as one with the given rows and columns."""
        return hadamard([self.b.fit(p, row, column) for p in self.edges.pop(frozenset((row, column)))])

    def eliminate(self, k: Any) -> None:
        around = self.neighbours(k)
        if len(around) > 2:
            raise NoMatrixForm
        size = self.b.size(k)
        vectors = self.vectors.pop(k, [])
        if not around:
            self.scalars.append(self.number(vectors, size))
            return
        if len(around) == 1:
            (a,) = around
            if not vectors and a in self.bound and self.neighbours(a) == {k} and a not in self.vectors:
                self.bound.remove(a)
                self.scalars.append(self.total(a, k))
                return
            matrix = self.edge(a, k)
            column = hadamard(vectors) if vectors else Ones((size, ONE))
            self.add(Piece(matmul(matrix, column), a, None))
            return
        a, c = sorted(around, key=lambda i: list(self.b.sizes).index(i))
        middle = [diagonal((size, size), hadamard(vectors))] if vectors else []
        left, right = self.edge(a, k), self.edge(k, c)
        self.add(Piece(matmul(left, *middle, right), a, c))

    def number(self, vectors: list[Node], size: Any) -> Node:
        """Σ_k of a product of vectors."""
        if not vectors:
            return Number((ONE, ONE), size)
        if len(vectors) == 1:
            (v,) = vectors
            if isinstance(v, DiagonalOf):
                return trace(v.operand)
            if isinstance(v, Power) and v.exponent == 2:
                return SquaredNorm((ONE, ONE), v.base)
            return matmul(transpose(Ones((size, ONE))), v)
        return matmul(transpose(vectors[0]), hadamard(vectors[1:]))

    def total(self, a: Any, k: Any) -> Node:
        """Σ over both indices of all matrices between them."""
        pieces = self.edges.pop(frozenset((a, k)))
        row, column = pieces[0].indices
        nodes = [self.b.fit(p, row, column) for p in pieces]
        for position, node in enumerate(nodes):
            if isinstance(node, Scale):
                self.scalars.extend(node.scalars)
                nodes[position] = node.operand
        if len(nodes) == 1:
            (node,) = nodes
            if isinstance(node, Power) and node.exponent == 2:
                return SquaredNorm((ONE, ONE), node.base)
            left = transpose(Ones((self.b.size(row), ONE)))
            return matmul(left, node, Ones((self.b.size(column), ONE)))
        return inner(nodes[0], hadamard(nodes[1:]))

    def rest(self) -> Piece:
        """What is left over the free indices: elementwise and outer products."""
        live = list(dict.fromkeys([*(i for edge in self.edges for i in edge), *self.vectors]))
        if len(live) > 2:
            raise NoMatrixForm
        order = list(self.b.sizes)
        live.sort(key=order.index)
        if not live:
            return Piece(scale(self.scalars, Number((ONE, ONE), ONE)))
        if len(live) == 1:
            return Piece(scale(self.scalars, hadamard(self.vectors[live[0]])), live[0], None)
        row, column = live
        u, v = self.vectors.get(row, []), self.vectors.get(column, [])
        if not self.edges:
            return Piece(scale(self.scalars, matmul(hadamard(u), transpose(hadamard(v)))), row, column)
        pieces = self.edges.pop(frozenset(live))
        deltas = [p for p in pieces if isinstance(p.node, Identity)]
        n, m = self.b.size(row), self.b.size(column)
        if deltas and len(deltas) == len(pieces):
            node = diagonal((n, m), hadamard(u + v)) if u + v else deltas[0].node
            return Piece(scale(self.scalars, node), row, column)
        parts: list[Node] = [hadamard([self.b.fit(p, row, column) for p in pieces])]
        if u:
            parts.insert(0, diagonal((n, n), hadamard(u)))
        if v:
            parts.append(diagonal((m, m), hadamard(v)))
        return Piece(scale(self.scalars, matmul(*parts)), row, column)
