"""Derivatives of matrix exponentials are exponentials of block matrices: in proofs, formulas, code and on balls."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from decided import is_decided
from scipy.linalg import expm as expm_of_numbers
from scipy.linalg import expm_frechet as along_of_numbers

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
expm = gp.expm
n = gp.dims("n")
A, B, G, X = (gp.array(name, (n, n)) for name in "ABGX")
S = gp.array("S", (n, n), symmetric=True)
t = gp.array("t", ())
EYE = gp.numpy.eye(n)
wave = np.sum(np.sin(expm(A)))


def along(matrix: Any, direction: Any) -> Any:
    return gp.expm_frechet(matrix, direction, compute_expm=False)


def upper_right(matrix: Any, direction: Any, below: Any) -> Any:
    """Van Loan's block, as people write it, with 0 below."""
    return expm(np.block([[matrix, direction], [below, matrix]]))[:n, n:]


EQUAL: dict[str, Case] = {
    "adjoint": lambda: (gp.vjp(expm(A), A, G), along(A.T, G)),
    "tangent": lambda: (gp.jvp(expm(A), A, G), along(A, G)),
    "adjoint and tangent": lambda: (np.sum(gp.jvp(expm(A), A, X) * G), np.sum(gp.vjp(expm(A), A, G) * X)),
    "trace of a product": lambda: (gp.grad(np.trace(expm(A @ X) @ B), X), A.T @ along((A @ X).T, B.T)),
    "any function": lambda: (gp.grad(wave, A), along(A.T, np.cos(expm(A)))),
    "Jacobian": lambda: (
        np.einsum("ijkl,ji->kl", gp.jacobian(expm(A @ X), X), B), gp.grad(np.trace(expm(A @ X) @ B), X),
    ),
    "columns of a Jacobian": lambda: (
        np.einsum("ijkl,kl->ij", gp.jacobian(expm(A @ X), X), G), along(A @ X, A @ G),
    ),
    "rows of a Jacobian": lambda: (
        np.einsum("p,pkl->kl", B[0], gp.jacobian(expm(A) @ G[0], A)), gp.grad(B[0] @ expm(A) @ G[0], A),
    ),
    "linear in the direction": lambda: (along(A, 2 * G - X), 2 * along(A, G) - along(A, X)),
    "of a transpose": lambda: (along(A.T, G.T), along(A, G).T),
    "of a symmetric matrix": lambda: (along(S, G.T), along(S, G).T),
    "along the identity": lambda: (along(A, EYE), expm(A)),
    "along itself": lambda: (along(A, A), A @ expm(A)),
    "a symmetric one along itself": lambda: (along(S, S), expm(S) @ S),
    "a matrix commutes with its exponential": lambda: (A @ expm(A), expm(A) @ A),
    "by the time": lambda: (gp.grad(np.sum(expm(t * A) * G), t), np.sum((expm(t * A) @ A) * G)),
    "by the time, twice": lambda: (
        gp.grad(gp.grad(np.sum(expm(t * S) * G), t), t), np.sum((S @ S @ expm(t * S)) * G),
    ),
    "Hessian is symmetric": lambda: (gp.hessian(wave, A), np.transpose(gp.hessian(wave, A), (2, 3, 0, 1))),
    "Hessian along a direction": lambda: (gp.hvp(wave, A, X), np.einsum("ijkl,kl->ij", gp.hessian(wave, A), X)),
    "second derivative of the trace": lambda: (gp.hvp(np.trace(expm(A)), A, X), along(A, X).T),
    "third derivatives are symmetric": lambda: (
        gp.jvp(gp.hvp(np.sum(expm(A) * G), A, X), A, B), gp.jvp(gp.hvp(np.sum(expm(A) * G), A, B), A, X),
    ),
    "a block matrix": lambda: (upper_right(A.T, G, 0 * A), gp.vjp(expm(A), A, G)),
}  # fmt: skip
WRONG: dict[str, Case] = {
    "adjoint without its transpose": lambda: (gp.vjp(expm(A), A, G), along(A, G)),
    "derivative as if all commuted": lambda: (along(A, G), G @ expm(A)),
    "Hessian along the transpose": lambda: (gp.hvp(wave, A, X), gp.hvp(wave, A, X.T)),
    "another matrix commutes": lambda: (B @ expm(A), expm(A) @ B),
    "a transpose commutes": lambda: (A.T @ expm(A), expm(A) @ A.T),
    "one direction before the other": lambda: (
        gp.jvp(along(A, G), A, X), upper_right(A, G, 0 * A) @ upper_right(A, X, 0 * A),
    ),
    "a block below the diagonal": lambda: (upper_right(A, G, 0.1 * G), along(A, G)),
    "half a product": lambda: (gp.grad(np.trace(expm(A @ X) @ B), X), along((A @ X).T, B.T) @ A.T),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_an_identity_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_hold_is_refuted(name: str) -> None:
    is_decided(WRONG[name], "refuted")


def test_first_derivatives_have_the_values_of_scipy() -> None:
    a, g, x = 2 * np.random.default_rng(1).normal(size=(3, 4, 4))
    adjoint, tangent = gp.compile([gp.vjp(expm(A), A, G), gp.jvp(expm(A @ X), X, G)])(A=a, G=g, X=x)
    np.testing.assert_allclose(adjoint, along_of_numbers(a.T, g, compute_expm=False), rtol=1e-10)
    np.testing.assert_allclose(tangent, along_of_numbers(a @ x, a @ g, compute_expm=False), rtol=1e-9)
    pair = gp.compile(list(gp.expm_frechet(A, G)))(A=a, G=g)
    for ours, theirs in zip(pair, along_of_numbers(a, g), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_second_and_third_derivatives_are_differences() -> None:
    a, g, x, d = np.random.default_rng(2).normal(size=(4, 3, 3))
    h = 1e-5
    gradient, hessian = gp.compile([gp.grad(wave, A)]), gp.compile([gp.hessian(wave, A)])
    product, third = gp.compile([gp.hvp(wave, A, G)]), gp.compile([gp.grad(np.sum(gp.hvp(wave, A, G) * X), A)])
    along_g = (gradient(A=a + h * g)[0] - gradient(A=a - h * g)[0]) / (2 * h)
    np.testing.assert_allclose(product(A=a, G=g)[0], along_g, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(np.einsum("ijkl,kl", hessian(A=a)[0], g), along_g, rtol=1e-6, atol=1e-7)
    change = np.sum((product(A=a + h * d, G=g)[0] - product(A=a - h * d, G=g)[0]) * x) / (2 * h)
    assert np.sum(third(A=a, G=g, X=x)[0] * d) == pytest.approx(change, rel=1e-6)


def test_stacks_and_broadcast_directions_have_one_exponential_a_matrix() -> None:
    stack, v = gp.array("a", ("b", 3, 3)), gp.array("v", (3,))
    a, vector = np.random.default_rng(3).normal(size=(2, 3, 3)), np.array([1.0, -2.0, 0.5])
    (found,) = gp.compile([gp.grad(np.sum((expm(stack) @ v) ** 2), stack)])(a=a, v=vector)
    for one, claimed in zip(a, found, strict=True):
        direction = np.outer(2 * expm_of_numbers(one) @ vector, vector)
        np.testing.assert_allclose(claimed, along_of_numbers(one.T, direction, compute_expm=False), rtol=1e-10)


def test_a_gradient_takes_memory_like_its_matrix() -> None:
    size = 30
    a = np.random.default_rng(4).normal(size=(size, size)) / 6
    gradient = gp.compile([gp.grad(wave, A)])
    tracemalloc.start()
    gradient(A=a)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * a.nbytes, peak  # size⁴ entries are 900 times as many


def test_formulas_and_code_are_one_block_exponential() -> None:
    gradient = gp.grad(np.trace(expm(A @ X) @ B), X)
    assert gradient.latex() == (
        r"A^{\top} \left[\exp \begin{pmatrix} X^{\top} A^{\top} & B^{\top} \\ 0 & X^{\top} A^{\top} \end{pmatrix}"
        r"\right]_{1, 2}"
    )
    assert "expm_along(t.T, B.T)" in gradient.numpy() and "A.T @ D" in gradient.numpy()
    assert gp.grad(np.trace(expm(G)), G).latex() == r"\left(e^{G}\right)^{\top}"
    entries = gp.jacobian(expm(A), A)
    assert entries.latex() == r"\bar{A}_{ijkl} = \frac{\partial \left(e^{A}\right)_{ij}}{\partial A_{kl}}"
    second = gp.hvp(np.sum(expm(A) * G), A, X).latex()
    assert r"\begin{pmatrix} A^{\top} & X^{\top} & 0 \\ 0 & A^{\top} & G \\ 0 & 0 & A^{\top} \end{pmatrix}" in second


def test_every_line_of_a_derivation_is_right() -> None:
    derivation = gp.derive(np.trace(expm(A @ X) @ B), [X])
    assert derivation.check().name == "certified", derivation.check().reason
    assert "adjoint of the exponential" in derivation.markdown()


def counted(Q: Any, t: Any, N: Any) -> Any:
    """Moves of a Markov chain that were seen at times t apart."""
    return np.sum(N * np.log(scipy.linalg.expm(t * Q)))


def by_rates(Q: Any, t: Any, N: Any) -> Any:
    P = scipy.linalg.expm(t * Q)
    return t * scipy.linalg.expm_frechet(t * Q.T, N / P, compute_expm=False)


def by_time(Q: Any, t: Any, N: Any) -> Any:
    P = scipy.linalg.expm(t * Q)
    return np.sum(N / P * (Q @ P))


def traced(X: Any, B: Any) -> Any:
    return np.trace(scipy.linalg.expm(X) @ B)


def by_matrix_without_transpose(X: Any, B: Any) -> Any:
    return scipy.linalg.expm_frechet(X, B.T, compute_expm=False)


@pytest.fixture
def chain() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    rates = rng.random((3, 3))
    return {"Q": rates - np.diag(rates.sum(axis=1)), "t": np.array(0.7), "N": 9 * rng.random((3, 3))}


@pytest.mark.parametrize(("gradient", "wrt"), [(by_rates, "Q"), (by_time, "t")])
def test_gradients_of_a_likelihood_that_people_write_with_scipy_are_proved(
    gradient: Callable[..., Any], wrt: str, chain: dict[str, Any]
) -> None:
    report = gp.verify(counted, gradient, inputs=chain, wrt=[wrt])
    assert report.verdict.name == "proved", str(report)
    assert "not run on balls" not in str(report)


def test_a_missing_transpose_beside_an_exponential_is_refuted_on_balls_and_named() -> None:
    inputs = {"X": np.array([[0.5, 2.0], [-1.0, 0.25]]), "B": np.array([[1.0, 3.0], [0.5, -2.0]])}
    report = gp.verify(traced, by_matrix_without_transpose, inputs=inputs, wrt=["X"])
    assert report.verdict.name == "refuted" and "transpose" in str(report), str(report)
