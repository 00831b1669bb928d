r"""Arrays that are sums of products of small arrays, kept as such: Hessians, Jacobians, Gauss-Newton matrices.

A term is a number times arrays over some of the axes and over summed indices, and deltas that set two axes equal:

.. math:: H_{ijkl} = \delta_{ik} G_{jl}, \qquad H_{ijkl} = \tfrac1m \sum_s X_{si} X_{sk} P_{sj} P_{sl}.

A product with a vector is a contraction of the small arrays with it, in the order that costs least for the sizes at
hand; the whole is written out by :meth:`Compressed.dense` alone (or by ``np.asarray``, which asks for the same).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradproof.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Term:
    """``scale · Π factors · Π δ(a, b)``: each factor has a label for each of its axes.

    Labels below the rank of the whole are its axes, others are summed over. No factor has the second axis of a delta.
    """

    scale: Any
    factors: tuple[tuple[Any, tuple[int, ...]], ...]
    deltas: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Compressed:
    """An array of ``shape`` as a sum of terms; its first ``rows`` axes are those of the result of ``H @ v``.

    >>> G = Compressed((2, 3, 2, 3), 2, (Term(1.0, ((np.ones((3, 3)), (1, 3)),), ((0, 2),)),))
    >>> G @ np.ones((2, 3))
    array([[3., 3., 3.],
           [3., 3., 3.]])
    >>> G.nbytes, G.dense().nbytes
    (72, 288)
    """

    shape: tuple[int, ...]
    rows: int
    terms: tuple[Term, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        arrays = [array for term in self.terms for array, _ in term.factors]
        return np.result_type(*arrays) if arrays else np.dtype(float)

    @property
    def nbytes(self) -> int:
        """What the factors hold, an array that stands in several terms counted once."""
        return sum(array.nbytes for array in _distinct([self]))

    @property
    def T(self) -> Compressed:
        """The rows exchanged with the columns (the factors are shared)."""
        order = [*range(self.rows, self.ndim), *range(self.rows)]
        place = {old: new for new, old in enumerate(order)}
        terms = tuple(_relabelled(term, place) for term in self.terms)
        return Compressed(tuple(self.shape[a] for a in order), self.ndim - self.rows, terms)

    def dense(self) -> Any:
        """The whole array: each term is added where its deltas allow it to be other than 0."""
        result = np.zeros(self.shape, self.dtype)
        if result.dtype == object:
            result += 0
        for term in self.terms:
            axis = _unified(term, self.ndim)
            own = sorted(set(axis))
            diagonal = np.einsum(result, axis, own)  # a view: the elements whose equal axes are equal
            if diagonal.base is None and result.size:
                raise AssertionError("einsum gave a copy where a view was asked for")
            diagonal += _contract(term, [], own, self.shape)
        return result

    def matrix(self) -> Any:
        """The whole as a matrix, its row axes joined and its column axes joined."""
        rows = int(np.prod(self.shape[: self.rows], dtype=int))
        return self.dense().reshape(rows, -1)

    def diagonal(self) -> Any:
        """The elements whose row is their column, of the shape of a row."""
        if self.shape[: self.rows] != self.shape[self.rows :]:
            raise ShapeError(f"an array of the shape {self.shape} with {self.rows} axes of rows has no diagonal")
        total = np.zeros(self.shape[: self.rows], self.dtype)
        own = list(range(self.rows))
        for term in self.terms:
            axis = _joined([*term.deltas, *((a, a + self.rows) for a in own)], self.ndim)
            labels = sorted({axis[a] for a in own})
            part = _contract(_relabelled(replace(term, deltas=()), dict(enumerate(axis))), [], labels, self.shape)
            if len(labels) == len(own):
                total += part
            else:  # a delta between two axes of rows
                view = np.einsum(total, [axis[a] for a in own], labels)
                view += part
        return total

    def __matmul__(self, v: Any) -> Any:
        """The product with ``v`` of the shape of the columns: :math:`\\sum_Q H_{PQ} v_Q`."""
        vector = np.asarray(v)
        columns = self.shape[self.rows :]
        if vector.shape != columns:
            raise ShapeError(f"the vector must have the shape {columns}, and has {vector.shape}")
        result = np.zeros(self.shape[: self.rows], np.result_type(self.dtype, vector))
        for term in self.terms:
            axis = _unified(term, self.ndim)
            rows = axis[: self.rows]
            own = sorted(set(rows))
            part = _contract(term, [(vector, tuple(axis[self.rows :]))], own, self.shape)
            if len(own) == len(rows):
                result += part
            else:
                view = np.einsum(result, rows, own)
                view += part
        return result

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        whole = self.dense()
        return whole if dtype is None else whole.astype(dtype)

    def __repr__(self) -> str:
        return f"<compressed {self.shape}: {' + '.join(map(_shown, self.terms)) or '0'}>"


@dataclass(frozen=True, eq=False)
class Blocks:
    """A matrix of blocks, as a Hessian by several arrays is: ``H @ [u, v]`` is the list of the parts of the product."""

    rows: tuple[tuple[Compressed, ...], ...]

    @property
    def nbytes(self) -> int:
        """What the factors of all blocks hold, each array counted once."""
        return sum(array.nbytes for array in _distinct([block for row in self.rows for block in row]))

    def __matmul__(self, vectors: Sequence[Any]) -> list[Any]:
        parts = list(vectors)
        if any(len(row) != len(parts) for row in self.rows):
            raise ShapeError(f"{len(parts)} vectors for {len(self.rows[0])} columns of blocks; give one for each")
        return [sum((block @ v for block, v in zip(row[1:], parts[1:], strict=True)), row[0] @ parts[0])
                for row in self.rows]  # fmt: skip

    def __getitem__(self, row: int) -> tuple[Compressed, ...]:
        return self.rows[row]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Compressed, ...]]:
        return iter(self.rows)

    def dense(self) -> list[list[Any]]:
        """The blocks, each written out."""
        return [[block.dense() for block in row] for row in self.rows]

    def matrix(self) -> Any:
        """One matrix of all blocks."""
        return np.block([[block.matrix() for block in row] for row in self.rows])

    def __repr__(self) -> str:
        return f"<{len(self.rows)}×{len(self.rows[0])} blocks: {[list(row) for row in self.rows]}>"


def _distinct(blocks: Sequence[Compressed]) -> list[Any]:
    return list({id(array): array for b in blocks for term in b.terms for array, _ in term.factors}.values())


def _joined(pairs: Sequence[tuple[int, int]], rank: int) -> list[int]:
    """For each axis, the first of those that the pairs make equal to it."""
    first = list(range(rank))
    for a, b in pairs:
        low, high = sorted((first[a], first[b]))
        first = [low if f == high else f for f in first]
    return first


def _unified(term: Term, rank: int) -> list[int]:
    return _joined(term.deltas, rank)


def _relabelled(term: Term, place: dict[int, int]) -> Term:
    """The term with its axes renamed; what is summed keeps its label."""
    pairs = [(place.get(a, a), place.get(b, b)) for a, b in term.deltas]
    to = {max(pair): min(pair) for pair in pairs}

    def label(old: int) -> int:
        new = place.get(old, old)
        return to.get(new, new)

    factors = tuple((array, tuple(map(label, labels))) for array, labels in term.factors)
    return Term(term.scale, factors, tuple((min(pair), max(pair)) for pair in pairs))


def _contract(term: Term, more: Sequence[tuple[Any, tuple[int, ...]]], own: Sequence[int], shape: Any) -> Any:
    """The factors of a term and ``more`` of them, summed over everything but the axes ``own``."""
    operands = [*term.factors, *more]
    present = {label for _, labels in operands for label in labels}
    missing = [a for a in own if a not in present]
    operands += [(np.ones(shape[a]), (a,)) for a in missing]
    operands = [(array, labels) for array, labels in operands if labels]
    constants = [array for array, labels in (*term.factors, *more) if not labels]
    scale = term.scale
    for constant in constants:
        scale = scale * constant
    if not operands:
        return scale
    arguments = [part for array, labels in operands for part in (array, list(labels))]
    total = np.einsum(*arguments, list(own), optimize="greedy" if len(operands) > 2 else True)
    return total if isinstance(scale, float) and scale == 1.0 else scale * total


def _shown(term: Term) -> str:
    parts = [f"δ({a}, {b})" for a, b in term.deltas]
    parts += [f"{array.shape}[{', '.join(map(str, labels))}]" for array, labels in term.factors]
    return " ".join(parts) or "1"
