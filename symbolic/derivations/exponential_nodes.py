"""The node of an exponential along directions: the upper right block of the exponential of a block matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from ..equations.matrix_values import BALLS
from ..equations.values import Valuation
from .matrix_nodes import Node
from .notation import Notation
from .styles import TEX, Style, bidiagonal


@dataclass(frozen=True)
class BlockExponential(Node):
    """C(A; E₁, ..., E_k) of a matrix and its directions."""

    matrix: Node
    directions: tuple[Node, ...]

    def show(self, notation: Notation, style: Style = TEX) -> str:
        matrix, *directions = (part.show(notation, style) for part in (self.matrix, *self.directions))
        whole = style.exponential(bidiagonal(matrix, directions))
        return style.entry(whole, ["1", str(len(directions) + 1)])

    def value(self, at: Valuation) -> Any:
        parts = [
            flint.arb_mat([[flint.arb(x) for x in row] for row in part.value(at)])
            for part in (self.matrix, *self.directions)
        ]
        n = parts[0].nrows()
        return np.array([[BALLS["along"](*parts, i, j) for j in range(n)] for i in range(n)], dtype=object)
