r"""Kronecker forms: derivatives of three and four axes as a matrix between joined rows and joined columns.

With the rows of a matrix one after the other, as NumPy's ``reshape`` has them,

.. math:: A_{ik} B_{jl} = (A \otimes B)_{(ij),(kl)}, \qquad A_{il} B_{jk} = ((A \otimes B) K)_{(ij),(kl)}, \qquad
   F_{ij} A_{ik} B_{jl} = (\operatorname{diag}(\operatorname{vec} F) (A \otimes B))_{(ij),(kl)}, \qquad
   F_{ij} G_{kl} = (\operatorname{vec} F \operatorname{vec}(G)^\top)_{(ij),(kl)},

where K is the commutation matrix: it takes the joined entries of a matrix to those of its transpose. A vector is one
side without the other: :math:`A_{ik} b_l = (A \otimes b^\top)_{i,(kl)}`. A sum over rows that couples both sides is a
sum of such products, :math:`\sum_r x_r x_r^\top \otimes (\operatorname{diag}(p_r) - p_r p_r^\top)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ..equations.definition import Definition, freshen, owner, placeholder, references
from ..equations.values import Valuation
from .function_nodes import Diag
from .matrix_algebra import matmul, total, transpose
from .matrix_form import matrix_expression
from .matrix_nodes import FACTOR, PRODUCT, Hadamard, Identity, Leaf, Node, Scale
from .matrix_scaling import ONE, scale
from .notation import Notation
from .styles import TEX, Style
from .time_nodes import Slice, SumOver
from .times import Time

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Kronecker(Node):
    """A ⊗ B, or (A ⊗ B) K where the columns are exchanged."""

    left: Node
    right: Node
    exchanged: bool = False
    level = PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        if self.exchanged and all(isinstance(side, Identity) for side in self.sides):
            return style.letter("K")
        parts = (p.within(FACTOR if isinstance(p, Hadamard) else PRODUCT, notation, style) for p in self.sides)
        product = style.kronecker.join(parts)
        return style.times.join((style.paren(product), style.letter("K"))) if self.exchanged else product

    def within(self, level: int, notation: Notation, style: Style) -> str:
        text = self.show(notation, style)
        return style.paren(text) if level > PRODUCT and not self.exchanged else text

    @property
    def sides(self) -> tuple[Node, Node]:
        return self.left, self.right

    def value(self, at: Valuation) -> Any:
        a, b = (np.asarray(side.value(at), dtype=object) for side in self.sides)
        whole = np.multiply.outer(a, b)  # [i, k, j, l] for A[i, k] B[j, l]
        axes = (0, 2, 3, 1) if self.exchanged else (0, 2, 1, 3)
        return whole.transpose(axes).reshape(a.shape[0] * b.shape[0], -1)


@dataclass(frozen=True)
class Vec(Node):
    """The rows of a matrix one after the other, as a column."""

    operand: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.call("vec", self.operand.show(notation, style))

    def value(self, at: Valuation) -> Any:
        return self.operand.value(at).reshape(-1, 1)


def kronecker_form(definition: Definition) -> Node | None:
    """A derivative over three or four indices as a sum of Kronecker and outer products, or None."""
    target = definition.derivative_of
    rank = definition.rank - target.rank if target is not None else 2 * (definition.rank == 4)
    if definition.rhs is None or definition.first or (definition.rank, rank) not in ((4, 2), (3, 1), (3, 2)):
        return None
    form = _Form(definition, definition.indices[:rank], definition.indices[rank:])
    terms = [form.term(t) for t in sp.Add.make_args(_spread(definition.rhs, frozenset(definition.indices)))]
    return None if None in terms else total(form.shape, [t for t in terms if t is not None])


def _spread(e: Any, free: frozenset[Any]) -> Any:
    """Multiplied out where a sum couples indices that its terms do not."""
    if isinstance(e, sp.Add):
        return sp.Add(*(_spread(term, free) for term in e.args))
    if isinstance(e, sp.Mul):
        for factor in e.args:
            own = factor.free_symbols & free
            if isinstance(factor, sp.Add) and (len(own) > 2 or all((t.free_symbols & free) < own for t in factor.args)):
                return sp.Add(*(_spread(e / factor * term, free) for term in factor.args))
    return e


class _Form:
    """Terms over row indices and column indices, one or two of each."""

    def __init__(self, definition: Definition, rows: Sequence[Any], columns: Sequence[Any]) -> None:
        self.rows, self.columns = tuple(rows), tuple(columns)
        self.ranges = dict(zip(definition.indices, definition.ranges, strict=True))
        self.sizes = dict(zip(definition.indices, definition.shape, strict=True))
        self.shape = self._joined(self.rows), self._joined(self.columns)

    def _joined(self, indices: Iterable[Any]) -> Any:
        return sp.Mul(*(self.sizes[i] for i in indices))

    def term(self, term: Any) -> Node | None:
        """One term: an outer product, a Kronecker product or a sum of such over rows."""
        factors = sp.Mul.make_args(term)
        scalars = [f for f in factors if not f.free_symbols & set(self.ranges)]
        rest = [f for f in factors if f not in scalars]
        node = self._outer(rest) or self._product(rest) or self._over_rows(rest)
        shown = [matrix_expression(s, [], []) for s in scalars]
        return None if node is None or None in shown else scale([s for s in shown if s is not None], node)

    def _outer(self, factors: list[Any]) -> Node | None:
        """F[i, j] G[k, l] as vec F (vec G)ᵀ."""
        sides = [[f for f in factors if f.free_symbols & set(self.ranges) <= set(s)] for s in (self.rows, self.columns)]
        if not all(sides) or len(sides[0]) + len(sides[1]) != len(factors):
            return None
        nodes = [self._column(side, of) for side, of in zip(sides, (self.rows, self.columns), strict=True)]
        if nodes[0] is None or nodes[1] is None:
            return None
        return matmul(nodes[0], transpose(nodes[1]))

    def _column(self, factors: list[Any], indices: tuple[Any, ...]) -> Node | None:
        node = self._over(factors, indices)
        if node is None or len(indices) == 1:
            return node
        scalars, node = (node.scalars, node.operand) if isinstance(node, Scale) else ((), node)
        return scale(scalars, Vec((self._joined(indices), ONE), node))

    def _over(self, factors: Sequence[Any], indices: Sequence[Any]) -> Node | None:
        live = [i for i in indices if i is not None]
        node = matrix_expression(sp.Mul(*factors), [self.ranges[i] for i in live], [self.sizes[i] for i in live])
        return transpose(node) if node is not None and len(indices) == 2 and indices[0] is None else node

    def _pairings(self) -> Iterator[tuple[tuple[Pair, Pair], bool]]:
        if len(self.rows) == 1:
            ((i,), (k, l)) = self.rows, self.columns
            yield from ((((i, k), (None, l)), False), (((None, k), (i, l)), False))
        elif len(self.columns) == 1:
            ((i, j), (k,)) = self.rows, self.columns
            yield from ((((i, k), (j, None)), False), (((i, None), (j, k)), False))
        else:
            ((i, j), (k, l)) = self.rows, self.columns
            yield from ((((i, k), (j, l)), False), (((i, l), (j, k)), True))

    def _product(self, factors: list[Any]) -> Node | None:
        for pairs, exchanged in self._pairings():
            node = self._kronecker(factors, pairs, exchanged)
            if node is not None:
                return node
        return None

    def _kronecker(self, factors: list[Any], pairs: tuple[Pair, Pair], exchanged: bool) -> Node | None:
        """diag(vec F) (A ⊗ B) diag(vec G): what stands over each pair, over the rows and over the columns."""
        places = (set(pairs[0]), set(pairs[1]), set(self.rows), set(self.columns))
        parts: list[list[Any]] = [[], [], [], []]
        for factor in factors:
            own = factor.free_symbols & set(self.ranges)
            place = next((number for number, indices in enumerate(places) if own <= indices), None)
            if place is None:
                return None
            parts[place].append(factor)
        if not parts[0] or not parts[1]:
            return None
        sides = [self._over(part, pair) for part, pair in zip(parts, pairs, strict=False)]
        outside = [
            self._column(p, of) if p else None for p, of in zip(parts[2:], (self.rows, self.columns), strict=True)
        ]
        if None in sides or any(part and node is None for part, node in zip(parts[2:], outside, strict=True)):
            return None
        scalars: list[Node] = []
        for number, side in enumerate(sides):
            if isinstance(side, Scale):
                scalars.extend(side.scalars)
                sides[number] = side.operand
        left, right = sides
        assert left is not None and right is not None
        whole: Node = Kronecker(self.shape, left, right, exchanged)
        if isinstance(left, Identity) and isinstance(right, Identity) and not exchanged and any(outside):
            whole = Identity(self.shape)
        diagonals = [None if node is None else Diag((node.shape[0],) * 2, node) for node in outside]
        return scale(scalars, matmul(*(n for n in (diagonals[0], whole, diagonals[1]) if n is not None)))

    def _over_rows(self, factors: list[Any]) -> Node | None:
        """A sum over rows of products whose two sides it couples."""
        sums = [f for f in factors if isinstance(f, sp.Sum)]
        if len(sums) != 1 or len(sums[0].limits) != 1 or sums[0].limits[0][1] != 0:
            return None
        summed = freshen(sums[0])
        ((index, first, last),) = summed.limits
        row = Time.of(last + 1)
        held: dict[Definition, tuple[Definition, int]] = {}
        body = _at_row(summed.args[0], index, held)
        rest = [f for f in factors if f is not sums[0]]
        node = None if body is None else self._product([*sp.Mul.make_args(body), *rest])
        if node is None:
            return None

        def at_row(leaf: Leaf) -> Node:
            if leaf.definition not in held:
                return leaf
            whole, axis = held[leaf.definition]
            return Slice(leaf.shape, whole, ((axis, row),))

        return SumOver(self.shape, ((row, first, last),), node.replaced(at_row))


def _at_row(body: Any, index: Any, held: dict[Definition, tuple[Definition, int]]) -> Any:
    """The body with arrays of one axis less for what is read at the row; None where the row is used otherwise."""
    mapping: dict[Any, Any] = {}
    made: dict[tuple[Definition, int], Definition] = {}
    for reference in references(body):
        target = owner(reference)
        if target is None or not reference.has(index):
            continue
        axes = [axis for axis, i in enumerate(reference.indices) if i == index]
        rest = [i for i in reference.indices if i != index]
        if len(axes) != 1 or not rest or any(i.has(index) for i in rest):
            return None
        shape = tuple(n for axis, n in enumerate(target.shape) if axis != axes[0])
        key = target, axes[0]
        if key not in made:
            made[key] = placeholder(target.name, shape)
            held[made[key]] = key
        mapping[reference] = made[key].at(*rest)
    changed = body.xreplace(mapping)
    return None if changed.has(index) else changed
