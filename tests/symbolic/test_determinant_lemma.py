"""Determinants of updated matrices and of spectra are proved for all sizes; near misses are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided
from numpy.linalg import det, eigvalsh, inv, solve

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
n, k = gp.dims("n k")
A, P = gp.array("A", (n, n)), gp.array("P", (n, n), positive_definite=True)
S, K = gp.array("S", (n, n), symmetric=True), gp.array("K", (k, k))
B, C = gp.array("B", (n, k)), gp.array("C", (k, n))
u, v, x, y = (gp.array(name, (n,)) for name in "uvxy")
s, free = gp.array("s", (), positive=True), gp.array("free", ())
one, small_one = gp.numpy.eye(n), gp.numpy.eye(k)


def logdet(M: Any) -> Any:
    return np.linalg.slogdet(M)[1]


EQUAL: dict[str, Case] = {
    "an outer product": lambda: (det(A + np.outer(u, v)), det(A) * (1 + v @ inv(A) @ u)),
    "less an outer product, by a solve": lambda: (det(A - s * np.outer(u, v)), det(A) * (1 - s * v @ solve(A, u))),
    "beside the identity": lambda: (det(one + np.outer(u, v)), 1 + v @ u),
    "beside a multiple of it": lambda: (det(s * one + np.outer(u, v)), s**n * (1 + v @ u / s)),
    "beside a diagonal": lambda: (det(np.diag(x) + np.outer(u, v)), np.prod(x) * (1 + np.sum(u * v / x))),
    "two outer products": lambda: (
        det(A + np.outer(u, v) + np.outer(x, y)),
        det(A) * ((1 + v @ inv(A) @ u) * (1 + y @ inv(A) @ x) - (v @ inv(A) @ x) * (y @ inv(A) @ u)),
    ),
    "the gradient by a factor": lambda: (gp.grad(det(A + np.outer(u, v)), u), det(A) * inv(A).T @ v),
    "products exchanged": lambda: (det(one + B @ C), det(small_one + C @ B)),
    "a product of low rank": lambda: (det(A + B @ C), det(A) * det(small_one + C @ inv(A) @ B)),
    "with weights on both sides": lambda: (
        det(one + (u[:, None] * B) @ (C * v)), det(small_one + (C * v) @ (u[:, None] * B))),
    "with a matrix between": lambda: (det(A + B @ K @ C), det(A) * det(K) * det(inv(K) + C @ inv(A) @ B)),
    "the logarithm": lambda: (logdet(P + np.outer(u, u)), logdet(P) + np.log(1 + u @ inv(P) @ u)),
    "the logarithm of low rank": lambda: (
        logdet(s * one + B @ B.T), (n - k) * np.log(s) + logdet(s * small_one + B.T @ B)),
    "the eigenvalues' product": lambda: (np.prod(eigvalsh(S)), det(S)),
    "their sum": lambda: (np.sum(eigvalsh(S)), np.trace(S)),
    "the sum of their inverses": lambda: (np.sum(1 / eigvalsh(S)), np.trace(inv(S))),
    "the product of a factor's diagonal": lambda: (np.prod(np.diag(np.linalg.cholesky(P))) ** 2, det(P)),
}  # fmt: skip
NOT_PROVED: dict[str, tuple[Case, str]] = {
    "the factors exchanged": (lambda: (det(A + np.outer(u, v)), det(A) * (1 + u @ inv(A) @ v)), "refuted"),
    "without its sign": (lambda: (det(A - np.outer(u, v)), det(A) * (1 + v @ inv(A) @ u)), "refuted"),
    "one determinant for two": (
        lambda: (det(A + np.outer(u, v) + np.outer(x, y)), det(A) * (1 + v @ inv(A) @ u) * (1 + y @ inv(A) @ x)),
        "refuted"),
    "beside a matrix that is singular": (
        lambda: (det(np.outer(x, y) + np.outer(u, v)), det(np.outer(x, y)) * (1 + v @ inv(np.outer(x, y)) @ u)), ""),
    "beside a Gram matrix of any rank": (
        lambda: (det(B @ B.T + np.outer(u, u)), det(B @ B.T) * (1 + u @ inv(B @ B.T) @ u)), ""),
    "where the rest is zero": (lambda: ((free == 0) * det(free * one + np.outer(u, v)), 0 * free), ""),
    "the wrong power of the multiple": (
        lambda: (logdet(s * one + B @ B.T), n * np.log(s) + logdet(s * small_one + B.T @ B)), "refuted"),
    "another order of the product": (lambda: (det(one + B @ C), det(small_one + C @ C.T)), "refuted"),
    "with weights on one side": (
        lambda: (det(one + (u[:, None] * B) @ (C * v)), det(small_one + C @ (u[:, None] * B))), "refuted"),
    "with a matrix between, its inverse lost": (
        lambda: (det(A + B @ K @ C), det(A) * det(K) * det(K + C @ inv(A) @ B)), "refuted"),
    "a logarithm that need not exist": (
        lambda: (logdet(A + np.outer(u, v)), logdet(A) + np.log(1 + v @ inv(A) @ u)), ""),
    "the product of some eigenvalues": (lambda: (np.prod(eigvalsh(S)[1:]), det(S)), "refuted"),
    "the product of their squares": (lambda: (np.prod(eigvalsh(S) ** 2), det(S)), "refuted"),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_a_determinant_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NOT_PROVED)
def test_near_misses_are_not_proved(name: str) -> None:
    is_decided(*NOT_PROVED[name])
