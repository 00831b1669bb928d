"""Cholesky factors, eigenvalues and eigenvectors: identities are proved, gradients are those of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
inv, det, slogdet, solve, expm = np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.solve, gp.expm
A = gp.array("A", ("n", "n"), positive_definite=True)
S = gp.array("S", ("n", "n"), symmetric=True)
G, b = gp.array("G", ("n", "n")), gp.array("b", ("n",))
B = gp.array("B", ("n", "m"))
(n, _) = A.shape
L, EYE = np.linalg.cholesky(A), gp.numpy.eye(n)
lam, V = np.linalg.eigh(S)
positive = np.linalg.eigvalsh(A)


def pulled_back(cotangent: Any, lower: Callable[[Any], Any]) -> Any:
    """Murray's rule: L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, symmetrised."""
    product = inv(L).T @ lower(L.T @ cotangent) @ inv(L)
    return (product + product.T) / 2


EQUAL: dict[str, Case] = {
    "L Lᵀ": lambda: (L @ L.T, A),
    "log det": lambda: (2 * np.sum(np.log(np.diag(L))), slogdet(A)[1]),
    "det": lambda: (det(L) ** 2, det(A)),
    "lower": lambda: (np.tril(L), L),
    "upper": lambda: (np.linalg.cholesky(A, upper=True), L.T),
    "inverse": lambda: (inv(L).T @ inv(L), inv(A)),
    "two triangular systems": lambda: (solve(L.T, solve(L, b)), inv(A) @ b),
    "trace": lambda: (np.sum(lam), np.trace(S)),
    "sum of squares": lambda: (np.sum(lam**2), np.sum(S * S)),
    "log of eigenvalues": lambda: (np.sum(np.log(positive)), slogdet(A)[1]),
    "orthogonal rows": lambda: (V @ V.T, EYE),
    "orthogonal columns": lambda: (V.T @ V, EYE),
    "spectral theorem": lambda: ((V * lam) @ V.T, S),
    "eigenvectors": lambda: (S @ V, V * lam),
    "gradient of log det": lambda: (gp.grad(np.sum(np.log(np.diag(L))), A), inv(A) / 2),
    "gradient of a factor": lambda: (
        gp.vjp(L, A, G), pulled_back(G, lambda P: np.tril(P) - np.diag(np.diag(P)) / 2),
    ),
    "gradient of a quadratic form": lambda: (
        gp.grad(np.sum(solve(L, b) ** 2), A), -np.outer(solve(A, b), solve(A, b)),
    ),
    "gradient of the trace": lambda: (gp.grad(np.sum(lam), S), EYE),
    "gradient of the sum of cubes": lambda: (gp.grad(np.sum(lam**3), S), 3 * S @ S),
    "gradient of the sum of logarithms": lambda: (gp.grad(np.sum(np.log(positive)), A), inv(A)),
    "gradient of the largest": lambda: (gp.grad(lam[-1], S), np.outer(V[:, -1], V[:, -1])),
    "exponential by the spectrum": lambda: ((V * np.exp(lam)) @ V.T, expm(S)),
    "exponential of a transpose": lambda: (expm(G.T), expm(G).T),
    "det of an exponential": lambda: (det(expm(G)), np.exp(np.trace(G))),
    "gradient of the trace of an exponential": lambda: (gp.grad(np.trace(expm(G @ A)), G), (A @ expm(G @ A)).T),
    "Hessian of the trace of an exponential": lambda: (
        gp.hessian(np.trace(expm(G)), G), gp.jacobian(expm(G).T, G),
    ),
    "exponential along the identity": lambda: (gp.jvp(expm(G), [G], [EYE]), expm(G)),
    "slopes of an exponential are linear": lambda: (
        gp.vjp(expm(G), G, A + S), gp.vjp(expm(G), G, A) + gp.vjp(expm(G), G, S),
    ),
    "gradient of any function of the spectrum": lambda: (gp.grad(np.sum(np.sin(lam)), S), (V * np.cos(lam)) @ V.T),
}  # fmt: skip
NOT_PROVED: dict[str, tuple[Case, str]] = {
    "Lᵀ L": (lambda: (L.T @ L, A), "refuted"),
    "the rule without its half": (lambda: (gp.vjp(L, A, G), pulled_back(G, np.tril)), "refuted"),
    "V Λ V": (lambda: ((V * lam) @ V, S), "refuted"),
    "exponential of a sum": (lambda: (expm(G + A), expm(G) @ expm(A)), "refuted"),
    "gradient without its transpose": (lambda: (gp.grad(np.trace(expm(G)), G), expm(G)), "refuted"),
    "another matrix's eigenvalues": (lambda: (np.sum(positive), np.trace(S)), "refuted"),
    "a factor of what need not be definite": (lambda: (np.linalg.cholesky(S) @ np.linalg.cholesky(S).T, S), ""),
    "eigenvectors of what may have equal eigenvalues": (
        lambda: (gp.grad(np.sum(np.linalg.eigvalsh(B @ B.T)), B), 2 * B), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_an_identity_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NOT_PROVED)
def test_what_does_not_hold_everywhere_is_not_proved(name: str) -> None:
    is_decided(*NOT_PROVED[name])


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "factor": lambda a: np.sum(np.sin(np.linalg.cholesky(a))),
    "eigenvalues": lambda a: np.sum(np.sin(np.linalg.eigvalsh(a))),
    "eigenvectors": lambda a: np.sum(np.cos(np.linalg.eigh(a)[1] ** 2)),
    "a stack's factors": lambda a: np.sum(np.linalg.cholesky(a @ a + np.eye(3, like=a)) ** 3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_differences_along_symmetric_directions(name: str) -> None:
    function = FUNCTIONS[name]
    a = gp.array("a", (3, 3), positive_definite=True)
    value = np.random.default_rng(2).normal(size=(3, 3))
    value = value @ value.T + np.eye(3)
    found = gp.grad(function(a), a).evaluate({"a": value})
    for i, j in np.ndindex(3, 3):
        move = np.zeros((3, 3))
        move[i, j] += 0.5e-6
        move[j, i] += 0.5e-6
        slope = (function(value + move) - function(value - move)) / 2e-6
        assert found[i, j] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_formulas_and_code_are_what_a_person_would_write() -> None:
    assert gp.vjp(L, A, G).latex().splitlines()[1:-1] == [
        r"L &= \operatorname{chol}\left(A\right) \\",
        r"t &= L^{-\top} \Phi\left(L^{\top} G\right) L^{-1} \\",
        r"\bar{A} &= \frac{1}{2} \left(t + t^{\top}\right)",
    ]
    assert gp.grad(np.sum(np.exp(lam)), S).latex().splitlines()[1:-1] == [
        r"V &= \operatorname{eigvec}\left(S\right) \\",
        r"\lambda &= \operatorname{eig}\left(S\right) \\",
        r"\bar{S} &= V \operatorname{diag}\left(\exp\left(\lambda\right)\right) V^{\top}",
    ]
    assert "L = np.linalg.cholesky(A)" in L.numpy()
    assert "(V * np.exp(lam)) @ V.T" in gp.grad(np.sum(np.exp(lam)), S).numpy()


@pytest.mark.parametrize("function", [np.linalg.cholesky, np.linalg.eigvalsh, np.linalg.eigh])
def test_a_matrix_that_is_not_known_to_be_symmetric_is_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises(gp.UnsupportedError, match="not known to be symmetric"):
        function(G)


def test_an_exponential_and_its_slopes_are_those_of_its_series() -> None:
    rng = np.random.default_rng(3)
    a, g = 2 * rng.normal(size=(2, 4, 4)), rng.normal(size=(2, 4, 4))
    X, C = gp.array("X", (2, 4, 4)), gp.array("C", (2, 4, 4))
    value, slope = gp.compile([expm(X), gp.vjp(expm(X), X, C)])(X=a, C=g)
    np.testing.assert_allclose(value, _series(a), rtol=1e-11)
    for index in ((0, 0, 1), (1, 3, 2)):
        move = np.zeros(a.shape)
        move[index] = 1e-6
        change = np.sum((_series(a + move) - _series(a - move)) * g) / 2e-6
        assert slope[index] == pytest.approx(change, rel=1e-6)


def _series(a: Any) -> Any:
    term = total = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for k in range(1, 80):
        term = term @ a / k
        total = total + term
    return total


def test_eigenvalues_and_eigenvectors_are_taken_in_one_statement() -> None:
    n = gp.dims("n")
    P = gp.array("P", (n, n), positive_definite=True)
    function = gp.compile(gp.grad(np.sum(np.tanh(np.linalg.eigvalsh(P))), P))
    assert "lam, V = np.linalg.eigh(P)  # lam[i] = eigval(P)[i]; V[i, j] = eigvec(P)[i, j]" in function.source
    assert function.source.count("np.linalg.eig") == 1
    A = np.random.default_rng(0).normal(size=(4, 4))
    lam, V = np.linalg.eigh(A @ A.T)
    np.testing.assert_allclose(function(P=A @ A.T), V * (1 - np.tanh(lam) ** 2) @ V.T, rtol=1e-12)
