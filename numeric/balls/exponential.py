"""The exponential of ball matrices: of a block matrix where there are tangents, d(e^A) = [exp (A, dA; 0, A)]₁₂.

Source: Higham, Functions of Matrices (2008), theorem 3.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb_mat

from gradproof.numeric.balls.arrays import BallArray, balls_of, filled
from gradproof.numeric.balls.ball import ZERO
from gradproof.numeric.balls.linalg import each_matrix, paired, tangents_of, values_of


def expm(a: Any) -> Any:
    """``scipy.linalg.expm`` of one matrix or of a stack of them."""

    def one(matrix: Any) -> Any:
        v, d = values_of(matrix), tangents_of(matrix)
        if d is None:
            return paired(v.exp(), None)
        n = v.nrows()
        whole = _beside(v, d).exp()
        value, slope = ([[whole[i, j + first] for j in range(n)] for i in range(n)] for first in (0, n))
        return paired(arb_mat(value), arb_mat(slope))

    return each_matrix(a, one).view(BallArray)


def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    """``scipy.linalg.expm_frechet``: e^A and its derivative along E, or that alone."""
    matrix, direction = balls_of(A), balls_of(E)
    n = matrix.shape[-1]
    blocks = filled((2 * n, 2 * n), ZERO)
    blocks[:n, :n] = blocks[n:, n:] = matrix
    blocks[:n, n:] = direction
    whole = expm(blocks)
    return (whole[:n, :n], whole[:n, n:]) if compute_expm else whole[:n, n:]


def _beside(v: arb_mat, d: arb_mat) -> arb_mat:
    n = v.nrows()
    blocks = arb_mat(2 * n, 2 * n)
    for i, j in np.ndindex(n, n):
        blocks[i, j] = blocks[n + i, n + j] = v[i, j]
        blocks[i, n + j] = d[i, j]
    return blocks
