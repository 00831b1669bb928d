r"""Kronecker forms: an array of four axes, a Hessian by matrices, as a matrix between joined rows and joined columns.

With the rows of a matrix one after the other, as NumPy's ``reshape`` has them,

.. math:: A_{ik} B_{jl} = (A \otimes B)_{(ij),(kl)}, \qquad A_{il} B_{jk} = ((A \otimes B) K)_{(ij),(kl)},

where K is the commutation matrix: it takes the joined entries of a matrix to those of its transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ..equations.definition import Definition
from ..equations.values import Valuation
from .matrix_algebra import scale, total
from .matrix_form import matrix_expression
from .matrix_nodes import FACTOR, PRODUCT, Hadamard, Node, Scale
from .notation import Notation
from .styles import TEX, Style


@dataclass(frozen=True)
class Kronecker(Node):
    """A ⊗ B, or (A ⊗ B) K where the columns are exchanged."""

    left: Node
    right: Node
    exchanged: bool = False
    level = PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        parts = (p.within(FACTOR if isinstance(p, Hadamard) else PRODUCT, notation, style) for p in self.sides)
        product = style.kronecker.join(parts)
        return style.times.join((style.paren(product), style.letter("K"))) if self.exchanged else product

    @property
    def sides(self) -> tuple[Node, Node]:
        return self.left, self.right

    def value(self, at: Valuation) -> Any:
        a, b = (np.asarray(side.value(at), dtype=object) for side in self.sides)
        whole = np.multiply.outer(a, b)  # [i, k, j, l] for A[i, k] B[j, l]
        axes = (0, 2, 3, 1) if self.exchanged else (0, 2, 1, 3)
        return whole.transpose(axes).reshape(a.shape[0] * b.shape[0], -1)


def kronecker_form(definition: Definition) -> Node | None:
    """The right-hand side over four indices (i, j, k, l) as a sum of Kronecker products, or None."""
    if definition.rhs is None or definition.rank != 4 or definition.first:
        return None
    i, j, k, l = definition.indices
    terms: list[Node] = []
    n = definition.shape
    for term in sp.Add.make_args(_spread(definition.rhs, frozenset(definition.indices))):
        made = _product(definition, term, ((i, k), (j, l)), False) or _product(definition, term, ((i, l), (j, k)), True)
        if made is None:
            return None
        terms.append(made)
    return total((n[0] * n[1], n[2] * n[3]), terms)


def _spread(e: Any, free: frozenset[Any]) -> Any:
    """Multiplied out where a sum couples indices that its terms do not."""
    if isinstance(e, sp.Add):
        return sp.Add(*(_spread(term, free) for term in e.args))
    if isinstance(e, sp.Mul):
        for factor in e.args:
            own = factor.free_symbols & free
            if isinstance(factor, sp.Add) and all((term.free_symbols & free) < own for term in factor.args):
                return sp.Add(*(_spread(e / factor * term, free) for term in factor.args))
    return e


def _product(d: Definition, term: Any, pairs: tuple[tuple[Any, Any], tuple[Any, Any]], exchanged: bool) -> Node | None:
    """One term as a Kronecker product of what stands over each pair of indices."""
    sides: list[list[Any]] = [[], []]
    scalars: list[Node] = []
    for factor in sp.Mul.make_args(term):
        own = factor.free_symbols & set(d.indices)
        if not own:
            scalar = matrix_expression(factor, [], [])
            if scalar is None:
                return None
            scalars.append(scalar)
            continue
        side = next((number for number, pair in enumerate(pairs) if own <= set(pair)), None)
        if side is None:
            return None
        sides[side].append(factor)
    ranges = dict(zip(d.indices, d.ranges, strict=True))
    sizes = dict(zip(d.indices, d.shape, strict=True))
    nodes: list[Node] = []
    for pair, factors in zip(pairs, sides, strict=True):
        node = matrix_expression(sp.Mul(*factors), [ranges[p] for p in pair], [sizes[p] for p in pair])
        if node is None:
            return None
        if isinstance(node, Scale):
            scalars.extend(node.scalars)
            node = node.operand
        nodes.append(node)
    shape = (d.shape[0] * d.shape[1], d.shape[2] * d.shape[3])
    return scale(scalars, Kronecker(shape, nodes[0], nodes[1], exchanged))
