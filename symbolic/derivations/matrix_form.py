r"""From index equations to matrix form, where there is one.

A product of elements, summed over some of its indices, is a graph: indices are nodes, matrices are edges. Summing an
index out joins its two edges,

.. math:: \sum_k A_{ik} B_{kj} = (A B)_{ij}, \qquad \sum_k A_{ik} s_k B_{kj} = (A \operatorname{diag}(s) B)_{ij},

an index with one neighbour gives a vector (:math:`A \mathbf 1`), one without neighbours a number. What is left over the
equation's own indices is an elementwise or an outer product. Anything else has no matrix form here, and the result is
None: the index form is printed then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import Definition, freshen, owner, references
from ..equations.dims import fresh_index, same_dim
from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import REDUCTIONS, Iverson, LogSumExp, MaxOver, Sum
from ..equations.tiles import Tiles, tiles
from ..recurrences.written import Before
from .block_nodes import Block, Cut
from .bracket_pieces import bracket, mask, triangle
from .explicit import explicit
from .exponential_nodes import BlockExponential
from .function_nodes import Apply, DiagonalOf, OfMatrix, Power
from .matrix_algebra import joined, matmul, of_matrix, sum_over, total, transpose
from .matrix_nodes import Identity, Leaf, Node, Number, Ones
from .matrix_scaling import ONE, scale
from .notation import Range
from .patterns import softmax_pattern
from .product_graph import NoMatrixForm, Piece, ProductGraph
from .row_nodes import OfVector, OneHot, RowWise, Unit
from .time_nodes import AtTimes, Slice
from .times import NO_TIMES, Time, Times


def matrix_form(definition: Definition, times: Times = NO_TIMES) -> Node | None:
    """The right-hand side of an equation as a matrix expression, or None where it has no such form."""
    if definition.rhs is None:
        return None
    return matrix_expression(definition.rhs, definition.ranges, definition.shape, times)


def matrix_expression(
    expression: Any, ranges: Sequence[Range], shape: Sequence[Any], times: Times = NO_TIMES
) -> Node | None:
    """A scalar expression over at most two free indices as a matrix expression of the given shape, or None.

    Indices that are times say which matrix it is; they come beside the two.
    """
    if any(first != 0 for _, first, _ in ranges):
        return None
    expression = sp.sympify(expression, strict=True)
    found = times.indices(expression)
    at: dict[Any, Time] = {}
    for (index, _, _), n in zip(ranges, shape, strict=True):
        if index in found:
            at[index] = Time.of(n, sum(time.size == n for time in at.values()))
    sizes = {index: n for (index, _, _), n in zip(ranges, shape, strict=True) if index not in at}
    own = [index if n != 1 else None for index, n in sizes.items()]
    try:
        if len(sizes) > 2:
            raise NoMatrixForm
        builder = _Builder(sizes, times, found, list(at.values()))
        piece = builder.piece(expression.xreplace(at))
        node = builder.fit(piece, *([*own, None, None])[:2])
    except NoMatrixForm:
        if times:  # perhaps one of all times at once
            return matrix_expression(expression, ranges, shape)
        return explicit(expression, [index for index, _, _ in ranges], shape)
    if not at:
        return node
    axes = tuple((axis, at[index]) for axis, (index, _, _) in enumerate(ranges) if index in at)
    return AtTimes(node.shape, axes, node, tuple(shape))


def _one_sum(body: Any, limits: Sequence[Any]) -> Any:
    """The sum of a product in which sums may stand, as one sum over all of their indices."""
    factors, every = list(sp.Mul.make_args(body)), list(limits)
    inner = [f for f in factors if isinstance(f, sp.Sum)]
    for f in map(freshen, inner):
        factors.append(f.args[0])
        every += f.limits
    return Sum(sp.Mul(*(f for f in factors if f not in inner)), *every)


class _Builder:
    """Builds pieces; ``sizes`` holds every index that is live, free or summed, ``scope`` the times that are.

    ``found`` are the index symbols of the whole expression that are times.
    """

    def __init__(self, sizes: dict[Any, Any], times: Times, found: set[Any], scope: Sequence[Time]) -> None:
        self.sizes = dict(sizes)
        self.times, self.found, self.scope = times, found, list(scope)

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
            raise NoMatrixForm
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
            raise NoMatrixForm
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
            if e.has(sp.Sum, sp.Function, sp.Piecewise) and not (e.is_number or self.says_when(e)):
                raise NoMatrixForm
            return Piece(Number((ONE, ONE), e))
        before = self.times.before(e)
        if before is not None:
            return self.state_before(before)
        softmax = softmax_pattern(e)
        if softmax is not None and softmax[1] in self.sizes:
            return self.softmax(*softmax)
        if isinstance(e, sp.Mul) and e.has(KroneckerDelta):
            for factor in e.args:
                if (picked := self.place(factor)) is not None:  # δ(j, c) f(j) = f(c) e_c
                    rest = (e / factor).xreplace(dict([picked]))
                    return self.network((factor, *sp.Mul.make_args(rest)), ())
        if e.has(Iverson, KroneckerDelta, sp.Piecewise) and isinstance(e, (sp.Add, sp.Mul, sp.Piecewise)):
            parts = tiles(e, {i: (0, n - 1) for i, n in self.sizes.items()}, fewest=1)
            if parts is not None:
                return self.side_by_side(parts)
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
            triangle_of_ones = mask(self.sizes, e.args[0])
            return bracket(self, e.args[0]) if triangle_of_ones is None else triangle_of_ones
        if isinstance(e, sp.Piecewise):
            return triangle(self, e)
        if type(e) in BY_HEAD:
            nodes, row, column = self.together([self.piece(a) for a in e.args])
            return Piece(Apply((self.size(row), self.size(column)), type(e), tuple(nodes)), row, column)
        raise NoMatrixForm

    def side_by_side(self, found: Tiles) -> Piece:
        """Parts of rows or of columns, each over an index of its own."""
        order = list(self.sizes)
        parts: list[tuple[Piece, Any]] = []
        for first, last, body in found.parts:
            index = fresh_index() if first != last else None
            renamed = {
                (index if i == found.index else i): n for i, n in self.sizes.items() if index or i != found.index
            }
            inner = _Builder(renamed | ({index: sp.expand(last - first + 1)} if index else {}), *self.context)
            body = body.xreplace({found.index: first if index is None else index + first})
            parts.append((inner.piece(body), index))
        others = {i for piece, index in parts for i in piece.indices if i != index}
        if len(others) > 1 or (not others and all(index is None for _, index in parts)):
            raise NoMatrixForm  # entries: they are written out
        other = next(iter(others), None)
        below = other is None or order.index(found.index) < order.index(other)
        nodes = []
        for (piece, index), (first, last, _) in zip(parts, found.parts, strict=True):
            size = sp.expand(last - first + 1)
            inner = _Builder({**self.sizes, index: size}, *self.context)
            nodes.append(inner.fit(piece, *((index, other) if below else (other, index))))
        return Piece(joined(0 if below else 1, nodes), *((found.index, other) if below else (other, found.index)))

    @property
    def context(self) -> tuple[Times, set[Any], list[Time]]:
        """What a builder of a part has to know beside the sizes."""
        return self.times, self.found, self.scope

    def says_when(self, e: Any) -> bool:
        """Whether an expression is a delta or a bracket of times alone."""
        return isinstance(e, (KroneckerDelta, Iverson)) and not e.has(sp.Sum, sp.Piecewise)

    def state_before(self, before: Before) -> Piece:
        state = self.reference(before.state.at(*before.index), before.state)
        if not isinstance(state.node, Slice):
            raise NoMatrixForm
        start = self.fit(self.piece(before.start), state.row, state.column)
        return Piece(dataclasses.replace(state.node, start=start), state.row, state.column)

    def in_order(self, terms: Sequence[Any]) -> list[Any]:
        """Products before single arrays: X W + 1 bᵀ; whole numbers before these, small ones last: var + 10⁻⁵.

        So are scalars with a minus, x − y − 1.
        """

        def place(t: Any) -> tuple[int, str]:
            small = t.is_Rational and not t.is_Integer
            scalar = t.is_Integer or (any(True for _ in references(t)) and not t.has(sp.Indexed, *REDUCTIONS))
            small = small or (scalar and t.could_extract_minus_sign())
            return (2 if small else 0 if t.has(sp.Sum) else 1), str(t.as_coeff_Mul()[1]) if t.is_Indexed else ""

        return sorted(terms, key=place)

    def reference(self, e: Any, definition: Definition) -> Piece:
        if not isinstance(e, sp.Indexed):
            return Piece(Leaf((ONE, ONE), definition))
        places: list[Any] = []
        sizes: list[Any] = []
        cuts: list[Cut | None] = []
        at: list[tuple[int, Any]] = []
        for axis, (index, n) in enumerate(zip(e.indices, definition.shape, strict=True)):
            if axis in self.times.axes.get(definition, ()) and not index.free_symbols & set(self.sizes):
                at.append((axis, index))
                continue
            sizes.append(n)
            place, cut = (None, None) if index == 0 and n == 1 else self.part(index, n, len(e.indices))
            if place is not None and definition.first:
                raise NoMatrixForm
            places.append(place)
            cuts.append(cut)
        if len(places) > 2:
            raise NoMatrixForm
        shape = ([*sizes, ONE, ONE][0], [*sizes, ONE, ONE][1])
        row, column = [*places, None, None][:2]
        leaf: Node = Slice(shape, definition, tuple(at)) if at else Leaf(shape, definition)
        if any(cut is not None for cut in cuts):
            leaf = Block((self.size(row), self.size(column)), leaf, *[*cuts, None, None][:2])
        if row is not None and row == column:
            return Piece(DiagonalOf((self.size(row), ONE), leaf), row, None)
        return Piece(leaf, row, column)

    def part(self, index: Any, n: Any, rank: int) -> tuple[Any, Cut | None]:
        """The live index that runs along an axis of size n, and the part of it where that is not all; one row."""
        if index.is_nonnegative and all(s.is_positive and s.is_integer for s in index.free_symbols):
            return None, (index, sp.expand(index + 1))
        live = [s for s in index.free_symbols if s in self.sizes]
        if len(live) != 1 or sp.expand(index - live[0]).has(live[0]):
            raise NoMatrixForm  # a gather, a stride, a fixed element
        (place,) = live
        start = sp.expand(index - place)
        stop = sp.expand(start + self.sizes[place])
        if start == 0 and same_dim(stop, n):
            return place, None
        if not start.is_nonnegative or not sp.expand(n - stop).is_nonnegative:
            raise NoMatrixForm
        return place, (start, stop)

    def softmax(self, value: Any, index: Any) -> Piece:
        inner = self.piece(value)
        if index not in inner.indices:
            raise NoMatrixForm
        rest = next((i for i in inner.indices if i != index), None)
        node = RowWise((self.size(rest), self.size(index)), "softmax", self.fit(inner, rest, index))
        if rest is None:
            column = self.fit(inner, index, None)
            # of a single vector: written as a function of the column
            return Piece(OfVector((self.size(index), ONE), "softmax", column), index, None)
        return Piece(node, rest, index)

    def rowwise(self, e: Any) -> Piece:
        if len(e.limits) != 1 or e.limits[0][1] != 0:
            raise NoMatrixForm
        index, _, last = e.limits[0]
        self.sizes[index] = last + 1
        inner = self.piece(e.args[0])
        if index not in inner.indices:
            raise NoMatrixForm
        rest = next((i for i in inner.indices if i != index), None)
        name = "logsumexp" if isinstance(e, LogSumExp) else "max"
        if rest is None:
            return Piece(OfVector((ONE, ONE), name, self.fit(inner, index, None)))
        return Piece(RowWise((self.size(rest), ONE), name, self.fit(inner, rest, index)), rest, None)

    def of_matrix(self, e: Any) -> Piece:
        (row, _, _), (column, _, _) = e.ends
        self.sizes |= {row: e.size, column: e.size}
        operand, *directions = (self.fit(self.piece(body), row, column) for body in e.bodies)
        if not e.index:
            return Piece(OfMatrix((ONE, ONE), e.name, operand))
        if not set(e.index) <= set(self.sizes) or len(e.index) > 2:
            raise NoMatrixForm
        if len(e.index) == 1:
            return Piece(OfMatrix((e.size, ONE), e.name, operand), *e.index)
        shape, directed = (e.size, e.size), tuple(directions)
        whole = BlockExponential(shape, operand, directed) if directed else of_matrix(shape, e.name, operand)
        if e.index[0] == e.index[1]:
            return Piece(DiagonalOf((e.size, ONE), whole), e.index[0], None)
        return Piece(whole, *e.index)

    def power(self, e: Any) -> Piece:
        held = [d for s in e.exp.free_symbols if (d := owner(s)) is not None]
        if e.exp.free_symbols & set(self.sizes) or any(d.rank or not d.is_input for d in held):
            raise NoMatrixForm
        base = self.piece(e.base)
        return Piece(Power(base.node.shape, base.node, e.exp), base.row, base.column)

    def place(self, e: Any) -> tuple[Any, Any] | None:
        """The live index and the place of it that a delta picks; None for anything else."""
        if isinstance(e, KroneckerDelta):
            for index, place in (e.args[:2], e.args[1::-1]):
                known = self.sizes.keys() | self.found
                if index in self.sizes and not place.has(sp.Indexed) and not place.free_symbols & known:
                    return index, place
        return None

    def delta(self, left: Any, right: Any) -> Piece:
        picked = self.place(KroneckerDelta(left, right))
        if picked is not None:
            index, place = picked
            return Piece(Unit((self.sizes[index], ONE), place), index, None)
        for index, label in ((left, right), (right, left)):
            if index in self.sizes and isinstance(label, sp.Indexed):
                labels = self.piece(label)
                if labels.indices and labels.column is None:
                    shape = (self.sizes[labels.row], self.sizes[index])
                    return Piece(OneHot(shape, labels.node), labels.row, index)
        if left not in self.sizes or right not in self.sizes or not same_dim(self.sizes[left], self.sizes[right]):
            raise NoMatrixForm
        n = self.sizes[left]
        return Piece(Identity((n, n)), left, right)

    def sum(self, e: Any) -> Piece:
        times = [tuple(limit) for limit in e.limits if limit[0] in self.found]
        if times:
            return self.sum_over(e, times)
        if any(limit[1] != 0 for limit in e.limits):
            raise NoMatrixForm
        bound, factors = [], list(sp.Mul.make_args(e.args[0]))
        for index, _, last in e.limits:
            if last.free_symbols & set(self.sizes):  # up to another index: a triangle of the whole
                factors.append(Iverson(sp.Ge(last, index)))
                last = self.length(index, e.args[0], last) - 1
                if last.free_symbols & set(self.sizes):
                    raise NoMatrixForm
            self.sizes[index] = last + 1
            bound.append(index)
        try:
            return self.network(factors, bound)
        except NoMatrixForm:
            terms = [_one_sum(term, e.limits) for term in sp.Add.make_args(sp.expand_mul(e.args[0], deep=False))]
            if terms == [e]:
                raise
        nodes, row, column = self.together([self.piece(term) for term in terms])
        return Piece(total((self.size(row), self.size(column)), nodes), row, column)

    def sum_over(self, e: Any, limits: Sequence[Range]) -> Piece:
        """A sum over times: of the matrices that the sum over the other indices is."""
        outer, named = list(self.scope), list[Range]()
        for index, first, last in limits:
            size = self.length(index, e.args[0], last)
            time = Time.of(size, sum(other.size == size for other in self.scope))
            self.scope.append(time)
            named.append((time, first, last))
        renamed = {index: time for (index, _, _), (time, _, _) in zip(limits, named, strict=True)}
        rest = [tuple(limit) for limit in e.limits if limit[0] not in self.found]
        body = e.args[0].xreplace(renamed)
        inner = self.piece(Sum(body, *rest) if rest else body)
        self.scope = outer
        return Piece(sum_over(named, inner.node), inner.row, inner.column)

    def length(self, index: Any, body: Any, last: Any) -> Any:
        """The length of the axis that a time runs along, of which a sum may take a part."""
        for reference in references(body):
            target = owner(reference)
            if target is not None and isinstance(reference, sp.Indexed) and index in reference.indices:
                return sp.expand(target.shape[reference.indices.index(index)])
        return sp.expand(last + 1)

    # -- products -----------------------------------------------------------------------------------------------------
    def network(self, factors: Sequence[Any], bound: Sequence[Any]) -> Piece:
        """A product of factors, summed over ``bound``."""
        return ProductGraph(self, [self.piece(f) for f in factors], bound).result()
