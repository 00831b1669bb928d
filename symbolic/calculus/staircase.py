r"""Linear systems of several unknowns that do not all depend on each other, solved one after the other.

The blocks :math:`\partial F_i / \partial z_j` that are not zero say which unknowns depend on which. Those that depend
on each other are one step; in the order of the steps the Jacobian is block triangular, and

.. math:: x_s = J_{ss}^{-1} \Big(b_s - \sum_{t < s} J_{st} x_t\Big), \qquad
   x_s = J_{ss}^{-\top} \Big(b_s - \sum_{t > s} J_{ts}^\top x_t\Big)

for J and for its transpose, from the last step back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays.array import Array, as_array


class Inverse(Protocol):
    """(∂F/∂z)⁻¹: each array that it is applied to has the axes of its unknown, and then others."""

    def times(self, arrays: Sequence[Array], transposed: bool = False) -> list[Array]:
        """The products, of the shapes of the arrays."""


Blocks = Sequence[Sequence[Array]]
Shapes = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The unknowns of each step, with the inverse of its own block, and all blocks."""

    steps: tuple[tuple[tuple[int, ...], Inverse], ...]
    blocks: Blocks
    ranks: tuple[int, ...]

    def times(self, arrays: Sequence[Array], transposed: bool = False) -> list[Array]:
        found: dict[int, Array] = {}
        for members, inverse in reversed(self.steps) if transposed else self.steps:
            left = [self._left(arrays[i], i, found, transposed) for i in members]
            found |= zip(members, inverse.times(left, transposed), strict=True)
        return [found[i] for i in range(len(arrays))]

    def _left(self, array: Array, i: int, found: dict[int, Array], transposed: bool) -> Array:
        """What is left of one right-hand side without the unknowns that are known."""
        for j, known in found.items():
            block = self.blocks[j][i] if transposed else self.blocks[i][j]
            if block.definition.rhs != 0:
                rank = self.ranks[j]
                first = 0 if transposed else self.ranks[i]
                axes = tuple(range(first, first + rank)), tuple(range(rank))
                array = as_array(array - np.tensordot(block, known, axes))
        return array


def in_steps(blocks: Blocks, shapes: Shapes, invert: Callable[[Blocks, Shapes], Inverse]) -> Inverse:
    """The inverse of a Jacobian, ``invert`` being asked for that of each step's own blocks."""
    steps = _order(blocks)
    if len(steps) == 1:
        return invert(blocks, shapes)
    own = [
        (members, invert([[blocks[i][j] for j in members] for i in members], tuple(shapes[i] for i in members)))
        for members in steps
    ]
    return _Steps(tuple(own), blocks, tuple(map(len, shapes)))


def _order(blocks: Blocks) -> list[tuple[int, ...]]:
    """The unknowns by steps: those that reach each other through the blocks are one, after those that they need."""
    count = range(len(blocks))
    reached = [{j for j in count if blocks[i][j].definition.rhs != 0} | {i} for i in count]
    for through in count:  # Warshall's closure
        for i in count:
            if through in reached[i]:
                reached[i] |= reached[through]
    steps = dict.fromkeys(tuple(j for j in count if j in reached[i] and i in reached[j]) for i in count)
    return sorted(steps, key=lambda members: len(reached[members[0]]))
