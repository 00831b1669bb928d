"""The yardstick of matrix forms: the value of a matrix expression against that of its equation."""

from __future__ import annotations

import numpy as np

from gradproof.symbolic.derivations.matrix_nodes import Node
from gradproof.symbolic.equations.definition import Definition
from gradproof.symbolic.equations.values import Valuation, precision


def agrees(node: Node, definition: Definition, at: Valuation) -> bool:
    """Whether the matrix expression has the equation's value to 100 digits (as a column where there is one axis)."""
    with precision():
        naive = np.asarray(at.array(definition), dtype=object)
        naive = naive.reshape((*naive.shape, *(1,) * (2 - naive.ndim)))
        value = node.value(at)
        if value.shape != naive.shape:
            return False
        return all(d.contains(0) and float(d.rad()) < 1e-100 for d in (value - naive).ravel())
