"""Decompositions of ball matrices by the textbook's algorithms, whose steps carry tangents by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradproof.numeric.balls.arrays import BallArray, balls_of, filled
from gradproof.numeric.balls.ball import ZERO, NotOnBalls
from gradproof.numeric.balls.frames import user_line
from gradproof.numeric.balls.linalg import inv, matmul, solve


def _balls(value: Any) -> Any:
    return balls_of(value).view(BallArray)


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """``np.linalg.cholesky``: L with L Lᵀ = A, row after row, for one matrix or a stack of them."""
    A = _balls(a)
    n = A.shape[-1]
    L = filled(A.shape, ZERO)
    for j in range(n):
        rest = A[..., j, j] - np.sum(L[..., j, :j] ** 2, axis=-1)
        if not np.all(rest > 0):
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        L[..., j, j] = np.sqrt(rest)
        for i in range(j + 1, n):
            inner = np.sum(L[..., i, :j] * L[..., j, :j], axis=-1)
            L[..., i, j] = (A[..., i, j] - inner) / L[..., j, j]
    return np.swapaxes(L, -1, -2) if upper else L


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, **_: Any) -> Any:
    """``np.linalg.pinv`` of a matrix of full rank: (AᵀA)⁻¹Aᵀ, or Aᵀ(AAᵀ)⁻¹ if it is wide."""
    A = balls_of(a)
    T = np.swapaxes(A, -1, -2)
    if A.shape[-2] >= A.shape[-1]:
        return matmul(inv(_regular(matmul(T, A))), T)
    return matmul(T, inv(_regular(matmul(A, T))))


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The first two of ``np.linalg.lstsq``'s results, for a matrix of full rank; the singular values are refused."""
    A, right = _balls(a), _balls(b)
    if A.shape[0] >= A.shape[1]:
        x = _balls(solve(_regular(A.T @ A), A.T @ right))
    else:
        x = A.T @ _balls(solve(_regular(A @ A.T), right))
    residual = A @ x - right
    squares = np.sum(residual**2, axis=0)
    enough = A.shape[0] > A.shape[1]
    return x, np.atleast_1d(squares) if enough else filled((0,), ZERO), min(A.shape), None


def _regular(gram: Any) -> Any:
    values = balls_of(gram)
    try:
        inv(values)
    except (np.linalg.LinAlgError, NotOnBalls) as error:
        what = "a pseudo-inverse is implemented for matrices of full rank only"
        raise NotOnBalls(f"{user_line()}: {what}") from error
    return values
