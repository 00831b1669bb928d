r"""From index equations to matrix form, where there is one.

A product of elements, summed over some of its indices, is a graph: indices are nodes, matrices are edges. Summing an
index out joins its two edges,

.. math:: \sum_k A_{ik} B_{kj} = (A B)_{ij}, \qquad \sum_k A_{ik} s_k B_{kj} = (A \operatorname{diag}(s) B)_{ij},

an index with one neighbour gives a vector (:math:`A \mathbf 1`), one without neighbours a number. What is left over the
equation's own indices is an elementwise or an outer product. Anything else has no matrix form here, and the result is
None: the index form is printed then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import Definition, owner
from ..equations.dims import same_dim
from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import Iverson, LogSumExp, MaxOver
from .matrix_algebra import ONE, hadamard, matmul, scale, total, transpose
from .matrix_nodes import (
    Apply,
    Diag,
    DiagonalOf,
    Explicit,
    Identity,
    Inner,
    Leaf,
    Node,
    Number,
    OfMatrix,
    Ones,
    Power,
    RowWise,
    Scale,
    SquaredNorm,
    Trace,
    Transpose,
    Where,
)  # fmt: skip
from .notation import Range
from .patterns import softmax_pattern

MAX_ENTRIES = 16
"""An array of unlike entries is written out up to this size."""

_OPERATORS = {
    sp.StrictGreaterThan: ">", sp.GreaterThan: ">=", sp.StrictLessThan: "<", sp.LessThan: "<=", sp.Equality: "==",
    sp.Unequality: "!=",
}  # fmt: skip


class _NoMatrixForm(Exception):
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


def matrix_form(definition: Definition) -> Node | None:
    """The right-hand side of an equation as a matrix expression, or None where it has no such form."""
    if definition.rhs is None or definition.rank > 2:
        return None
    return matrix_expression(definition.rhs, definition.ranges, definition.shape)


def matrix_expression(expression: Any, ranges: Sequence[Range], shape: Sequence[Any]) -> Node | None:
    """A scalar expression over at most two free indices as a matrix expression of the given shape, or None."""
    if len(ranges) > 2 or any(first != 0 for _, first, _ in ranges):
        return None
    sizes = {index: n for (index, _, _), n in zip(ranges, shape, strict=True)}
    own = [index if n != 1 else None for index, n in sizes.items()]
    builder = _Builder(sizes)
    try:
        piece = builder.piece(sp.sympify(expression, strict=True))
        return builder.fit(piece, *([*own, None, None])[:2])
    except _NoMatrixForm:
        return _explicit(expression, [index for index, _, _ in ranges], shape)


def _explicit(expression: Any, indices: Sequence[Any], shape: Sequence[Any]) -> Node | None:
    """A small array of different entries, written out; None where the size is a symbol or large."""
    if not shape or not all(n.is_Integer for n in shape) or not 1 < sp.Mul(*shape) <= MAX_ENTRIES:
        return None
    rows = int(shape[0])
    columns = int(shape[1]) if len(shape) == 2 else 1
    entries = tuple(
        tuple(entry(expression, dict(zip(indices, (r, c), strict=False))) for c in range(columns)) for r in range(rows)
    )
    if any(isinstance(node, sp.Indexed) for row in entries for e in row for node in sp.preorder_traversal(e)):
        return None
    return Explicit((sp.Integer(rows), sp.Integer(columns)), entries)


def entry(expression: Any, index: dict[Any, int]) -> Any:
    """One entry of an array: the expression at a fixed index."""
    fixed = expression.xreplace({i: sp.Integer(v) for i, v in index.items()})
    return fixed.doit() if fixed.has(KroneckerDelta) else fixed


class _Builder:
    """Builds pieces; ``sizes`` holds every index that is live, free or summed."""

    def __init__(self, sizes: dict[Any, Any]) -> None:
        self.sizes = dict(sizes)

    # -- shapes -------------------------------------------------------------------------------------------------------
    def size(self, index: Any) -> Any:
        return ONE if index is None else self.sizes[index]

    def fit(self, piece: Piece, row: Any, column: Any) -> Node:
        """The node with the given rows and columns: transposed or repeated by ones as needed."""
        if (piece.row, piece.column) == (row, column):
            return piece.node
        if (piece.column, piece.row) == (row, column):
            return transpose(piece.node)
        held = set(piece.indices)
        if not held <= {row, column}:
            raise _NoMatrixForm
        if not held:
            ones = [Ones((self.size(i), ONE)) for i in (row, column) if i is not None]
            if column is None:
                return scale([piece.node], ones[0])
            if row is None:
                return scale([piece.node], transpose(ones[0]))
            return scale([piece.node], matmul(ones[0], transpose(ones[1])))
        (index,) = held
        vector = piece.node if piece.row is not None else transpose(piece.node)
        if index == row:
            return matmul(vector, transpose(Ones((self.size(column), ONE))))
        return matmul(Ones((self.size(row), ONE)), transpose(vector))

    def together(self, pieces: Sequence[Piece]) -> tuple[list[Node], Any, Any]:
        """Nodes of one shape (scalars stay scalars), and that shape's indices."""
        union = list(dict.fromkeys(i for p in pieces for i in p.indices))
        if len(union) > 2:
            raise _NoMatrixForm
        if set(union) <= set(list(self.sizes)[:2]):  # the equation's own order where it is known
            union.sort(key=list(self.sizes).index)
        else:
            full = next((p for p in pieces if len(p.indices) == 2), None)
            union = list(full.indices) if full is not None else union
        row, column = ([*union, None, None])[:2]
        return [self.fit(p, row, column) if p.indices else p.node for p in pieces], row, column

    # -- expressions --------------------------------------------------------------------------------------------------
    def piece(self, e: Any) -> Piece:
        definition = owner(e)
        if definition is not None:
            return self.reference(e, definition)
        if not e.has(sp.Indexed) and not any(owner(s) is not None or s in self.sizes for s in e.free_symbols):
            if e.has(sp.Sum, sp.Function, sp.Piecewise) and not e.is_number:
                raise _NoMatrixForm
            return Piece(Number((ONE, ONE), e))
        softmax = softmax_pattern(e)
        if softmax is not None and softmax[1] in self.sizes:
            return self.softmax(*softmax)
        if isinstance(e, sp.Add):
            nodes, row, column = self.together([self.piece(a) for a in self.in_order(e.args)])
            return Piece(total((self.size(row), self.size(column)), nodes), row, column)
        if isinstance(e, sp.Mul):
            return self.network(sp.Mul.make_args(e), ())
        if isinstance(e, sp.Sum):
            return self.sum(e)
        if isinstance(e, sp.Pow):
            return self.power(e)
        if isinstance(e, KroneckerDelta):
            return self.delta(*e.args[:2])
        if isinstance(e, (LogSumExp, MaxOver)):
            return self.rowwise(e)
        if isinstance(e, MatrixFunction):
            return self.of_matrix(e)
        if isinstance(e, Iverson):
            return self.bracket(e.args[0])
        if type(e) in BY_HEAD:
            nodes, row, column = self.together([self.piece(a) for a in e.args])
            return Piece(Apply((self.size(row), self.size(column)), type(e), tuple(nodes)), row, column)
        raise _NoMatrixForm

    def in_order(self, terms: Sequence[Any]) -> list[Any]:
        """Products before single arrays before numbers: X W + 1 bᵀ."""
        return sorted(
            terms, key=lambda t: (0 if t.has(sp.Sum) else 1, str(t.as_coeff_Mul()[1]) if t.is_Indexed else "")
        )

    def reference(self, e: Any, definition: Definition) -> Piece:
        if definition.rank > 2:
            raise _NoMatrixForm
        if not isinstance(e, sp.Indexed):
            return Piece(Leaf((ONE, ONE), definition))
        shape = (*definition.shape, *(ONE,) * (2 - definition.rank))
        places: list[Any] = []
        for index, n in zip(e.indices, definition.shape, strict=True):
            if index == 0 and n == 1:
                places.append(None)
            elif index in self.sizes and same_dim(self.sizes[index], n) and not definition.first:
                places.append(index)
            else:
                raise _NoMatrixForm  # a slice, a gather, a fixed element
        row, column = ([*places, None])[:2]
        leaf = Leaf(shape, definition)
        if row is not None and row == column:
            return Piece(DiagonalOf((shape[0], ONE), leaf), row, None)
        return Piece(leaf, row, column)

    def softmax(self, value: Any, index: Any) -> Piece:
        inner = self.piece(value)
        if index not in inner.indices:
            raise _NoMatrixForm
        rest = next((i for i in inner.indices if i != index), None)
        node = RowWise((self.size(rest), self.size(index)), "softmax", self.fit(inner, rest, index))
        if rest is None:
            column = self.fit(inner, index, None)
            # of a single vector: written as a function of the column
            return Piece(_OfVector((self.size(index), ONE), "softmax", column), index, None)
        return Piece(node, rest, index)

    def rowwise(self, e: Any) -> Piece:
        if len(e.limits) != 1 or e.limits[0][1] != 0:
            raise _NoMatrixForm
        index, _, last = e.limits[0]
        self.sizes[index] = last + 1
        inner = self.piece(e.args[0])
        if index not in inner.indices:
            raise _NoMatrixForm
        rest = next((i for i in inner.indices if i != index), None)
        name = "logsumexp" if isinstance(e, LogSumExp) else "max"
        if rest is None:
            return Piece(_OfVector((ONE, ONE), name, self.fit(inner, index, None)))
        return Piece(RowWise((self.size(rest), ONE), name, self.fit(inner, rest, index)), rest, None)

    def of_matrix(self, e: Any) -> Piece:
        (row, _, _), (column, _, _) = e.limits
        self.sizes |= {row: e.size, column: e.size}
        inner = self.piece(e.args[0])
        if set(inner.indices) - {row, column}:
            raise _NoMatrixForm
        operand = self.fit(inner, row, column)
        if not e.index:
            return Piece(OfMatrix((ONE, ONE), e.name, operand))
        if len(e.index) != 2 or not set(e.index) <= set(self.sizes):
            raise _NoMatrixForm
        whole = OfMatrix((e.size, e.size), e.name, operand)
        if e.index[0] == e.index[1]:
            return Piece(DiagonalOf((e.size, ONE), whole), e.index[0], None)
        return Piece(whole, *e.index)

    def power(self, e: Any) -> Piece:
        if e.exp.free_symbols & set(self.sizes) or any(owner(s) is not None for s in e.exp.free_symbols):
            raise _NoMatrixForm
        base = self.piece(e.base)
        return Piece(Power(base.node.shape, base.node, e.exp), base.row, base.column)

    def delta(self, left: Any, right: Any) -> Piece:
        if left not in self.sizes or right not in self.sizes or not same_dim(self.sizes[left], self.sizes[right]):
            raise _NoMatrixForm
        n = self.sizes[left]
        return Piece(Identity((n, n)), left, right)

    def bracket(self, condition: Any) -> Piece:
        operator = _OPERATORS.get(type(condition))
        if operator is None:
            raise _NoMatrixForm
        kind = type(condition)
        (left, right), row, column = self.together([self.piece(condition.lhs), self.piece(condition.rhs)])
        shape = (self.size(row), self.size(column))
        return Piece(Where(shape, lambda a, b: Iverson(kind(a, b)), operator, left, right), row, column)

    def sum(self, e: Any) -> Piece:
        if any(limit[1] != 0 for limit in e.limits):
            raise _NoMatrixForm
        bound = []
        for index, _, last in e.limits:
            self.sizes[index] = last + 1
            bound.append(index)
        return self.network(sp.Mul.make_args(e.args[0]), bound)

    # -- products -----------------------------------------------------------------------------------------------------
    def network(self, factors: Sequence[Any], bound: Sequence[Any]) -> Piece:
        """A product of factors, summed over ``bound``."""
        return _Network(self, [self.piece(f) for f in factors], bound).result()


@dataclass(frozen=True)
class _OfVector(RowWise):
    """softmax, logsumexp or max of one column vector."""

    def value(self, at: Any) -> Any:
        inner = Transpose((self.operand.shape[1], self.operand.shape[0]), self.operand)
        return RowWise(self.shape, self.function, inner).value(at).T


class _Network:
    """Matrices as edges and vectors as marks on a graph of indices."""

    def __init__(self, builder: _Builder, pieces: Sequence[Piece], bound: Sequence[Any]) -> None:
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
            raise _NoMatrixForm
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
        middle = [Diag((size, size), hadamard(vectors))] if vectors else []
        left, right = self.edge(a, k), self.edge(k, c)
        self.add(Piece(matmul(left, *middle, right), a, c))

    def number(self, vectors: list[Node], size: Any) -> Node:
        """Σ_k of a product of vectors."""
        if not vectors:
            return Number((ONE, ONE), size)
        if len(vectors) == 1:
            (v,) = vectors
            if isinstance(v, DiagonalOf):
                return Trace((ONE, ONE), v.operand)
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
        return Inner((ONE, ONE), nodes[0], hadamard(nodes[1:]))

    def rest(self) -> Piece:
        """What is left over the free indices: elementwise and outer products."""
        live = list(dict.fromkeys([*(i for edge in self.edges for i in edge), *self.vectors]))
        if len(live) > 2:
            raise _NoMatrixForm
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
            node: Node = Diag((n, m), hadamard(u + v)) if u + v else deltas[0].node
            return Piece(scale(self.scalars, node), row, column)
        parts: list[Node] = [hadamard([self.b.fit(p, row, column) for p in pieces])]
        if u:
            parts.insert(0, Diag((n, n), hadamard(u)))
        if v:
            parts.append(Diag((m, m), hadamard(v)))
        return Piece(scale(self.scalars, matmul(*parts)), row, column)
