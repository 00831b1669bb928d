r"""The linear systems of implicit differentiation: :math:`(\partial F/\partial z)^{-1}` or its transpose times arrays.

Where the Jacobian is diagonal along an axis (examples of a batch, columns of a matrix that is solved for) the systems
along it are apart: one matrix a place, or one for all places. The other axes of the unknown are read as one,
:math:`\operatorname{vec} z`, as all axes of several unknowns are that depend on each other. Unknowns that do not are
solved for one after the other (:mod:`.staircase`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import Any

import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..arrays.array import Array, as_array
from ..arrays.products import einsum
from ..equations.definition import define
from ..equations.dims import free_index
from .differentiate import jacobian
from .staircase import Inverse, in_steps


def inverse_of(equations: Sequence[Array], unknowns: Sequence[Array]) -> Inverse:
    """The inverse of the Jacobian of ``equations`` by ``unknowns``, which have the same shapes."""
    if len(unknowns) > 1:
        blocks = [jacobian(equation, list(unknowns)) for equation in equations]
        shapes = tuple(z.shape for z in unknowns)
        return in_steps(blocks, shapes, _of_several)
    (equation,), (unknown,) = equations, unknowns
    return _of_one(jacobian(equation, unknown), unknown.ndim)


@dataclass(frozen=True, slots=True)
class _Apart:
    """``inverse`` has the axes ``batch`` of the unknown in front of its last two, which stand for the axes ``core``."""

    inverse: Array
    rank: int
    batch: tuple[int, ...]
    core: tuple[int, ...]

    def times(self, arrays: Sequence[Array], transposed: bool = False) -> list[Array]:
        return [self._times(array, transposed) for array in arrays]

    def _times(self, array: Array, transposed: bool) -> Array:
        if not self.core:
            return as_array(_spread(self.inverse, array.ndim, self.batch) * array)
        first = self.core[0]
        joined = _joined(array, self.core)
        letters, other = list(ascii_letters[: joined.ndim]), "Z"
        kept = [axis for axis in range(self.rank) if axis not in self.core[1:]]
        batch = [letters[kept.index(axis)] for axis in self.batch]
        place = kept.index(first)
        pair = [other, letters[place]] if transposed else [letters[place], other]
        right = [*letters[:place], other, *letters[place + 1 :]]
        text = f"{''.join([*batch, *pair])},{''.join(right)}->{''.join(letters)}"
        product = einsum(text, self.inverse, joined)
        return _apart(product, array.shape, self.core)


def _spread(factor: Array, rank: int, axes: tuple[int, ...]) -> Any:
    """A factor with the given axes, against an array of a rank."""
    return factor[tuple(slice(None) if axis in axes else None for axis in range(rank))] if factor.ndim else factor


def _joined(array: Array, axes: tuple[int, ...]) -> Array:
    """The given axes as one, in the place of the first."""
    if len(axes) == 1:
        return array
    order = [a for a in range(array.ndim) if a not in axes[1:]]
    place = order.index(axes[0])
    turned = np.transpose(array, [*order[:place], *axes, *order[place + 1 :]])
    shape = turned.shape
    size = sp.Mul(*shape[place : place + len(axes)])
    return as_array(np.reshape(turned, (*shape[:place], size, *shape[place + len(axes) :])))


def _apart(array: Array, shape: Sequence[Any], axes: tuple[int, ...]) -> Array:
    """What :func:`_joined` joined, as it was."""
    if len(axes) == 1:
        return array
    order = [a for a in range(len(shape)) if a not in axes[1:]]
    place = order.index(axes[0])
    turned = [*order[:place], *axes, *order[place + 1 :]]
    return as_array(np.transpose(np.reshape(array, tuple(shape[a] for a in turned)), np.argsort(turned).tolist()))


def _of_one(by_z: Array, rank: int) -> _Apart:
    body = by_z.definition.rhs
    own, other = ([free_index(start + a) for a in range(rank)] for start in (0, rank))
    diagonal = [a for a in range(rank) if _has_factor(body, KroneckerDelta(own[a], other[a]))]
    body = body.xreplace({KroneckerDelta(own[a], other[a]): sp.S.One for a in diagonal})
    body = body.xreplace({other[a]: own[a] for a in diagonal})
    batch = tuple(a for a in diagonal if body.has(own[a]))
    core = tuple(a for a in range(rank) if a not in diagonal)
    sizes = by_z.definition.shape
    order = [*(own[a] for a in batch), *(own[a] for a in core), *(other[a] for a in core)]
    shape = tuple(sizes[a] for a in (*batch, *core, *core))
    matrix = Array(define("J", shape, body, order))
    if not core:
        return _Apart(as_array(1 / matrix), rank, batch, core)
    front = len(batch)
    rows = tuple(range(front, front + len(core)))
    square = _joined(_joined(matrix, rows), tuple(range(front + 1, front + 1 + len(core))))
    return _Apart(as_array(np.linalg.inv(square)), rank, batch, core)


def _has_factor(expression: Any, factor: Any) -> bool:
    """Whether every term of an expression is a multiple of the factor."""
    if isinstance(expression, sp.Add):
        return all(_has_factor(term, factor) for term in expression.args)
    if isinstance(expression, sp.Mul):
        return any(_has_factor(part, factor) for part in expression.args)
    return bool(expression == factor or expression == 0)


@dataclass(frozen=True, slots=True)
class _Together:
    """One matrix for all the entries of several unknowns, one after the other."""

    inverse: Array
    shapes: tuple[tuple[Any, ...], ...]

    def times(self, arrays: Sequence[Array], transposed: bool = False) -> list[Array]:
        matrix = self.inverse.T if transposed else self.inverse
        parts = [
            np.reshape(a, (sp.Mul(*shape), *a.shape[len(shape) :]))
            for a, shape in zip(arrays, self.shapes, strict=True)
        ]
        product = np.tensordot(matrix, np.concatenate(parts), 1)
        found, start = [], sp.S.Zero
        for array, part in zip(arrays, parts, strict=True):
            stop = start + part.shape[0]
            found.append(as_array(np.reshape(product[start:stop], array.shape)))
            start = stop
        return found


def _of_several(blocks: Sequence[Sequence[Array]], shapes: tuple[tuple[Any, ...], ...]) -> Inverse:
    """The inverse of a Jacobian given block by block, of one unknown or of several that depend on each other."""
    if len(shapes) == 1:
        return _of_one(blocks[0][0], len(shapes[0]))
    sizes = [sp.Mul(*shape) for shape in shapes]
    rows = [
        np.concatenate([np.reshape(block, (size, other)) for block, other in zip(row, sizes, strict=True)], axis=1)
        for row, size in zip(blocks, sizes, strict=True)
    ]
    return _Together(as_array(np.linalg.inv(np.concatenate(rows))), shapes)
