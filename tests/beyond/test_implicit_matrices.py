"""Implicit differentiation by unknown matrices and by several unknowns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov, sqrtm

import gradproof as gp

A, X, Q, V = (gp.array(name, ("n", "n")) for name in "AXQV")
RNG = np.random.default_rng(0)
DRIFT, SOURCE, WEIGHTS = RNG.normal(size=(3, 3)) + 4 * np.eye(3), RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))


def computed(results: Any, **given: Any) -> Any:
    function = gp.compile(results)
    return function(**{name: value for name, value in given.items() if name in function.parameters})


def central(f: Callable[[Any], Any], at: Any, step: float = 1e-5) -> Any:
    """The gradient of a number by central differences."""
    found = np.zeros_like(at)
    for place in np.ndindex(*at.shape):
        move = np.zeros_like(at)
        move[place] = step
        found[place] = (f(at + move) - f(at - move)) / (2 * step)
    return found


def test_the_adjoint_of_a_lyapunov_equation_solves_the_one_with_the_transpose() -> None:
    by_A, by_Q = gp.implicit(A @ X + X @ A.T - Q, X, [A, Q], of=np.sum(V * X))
    assert gp.equal(A.T @ by_Q + by_Q @ A, V).name == "certified"
    assert gp.equal(A @ by_Q + by_Q @ A.T, V).name == "refuted"
    solution, adjoint = solve_continuous_lyapunov(DRIFT, SOURCE), solve_continuous_lyapunov(DRIFT.T, WEIGHTS)
    found = computed([by_A, by_Q], A=DRIFT, X=solution, V=WEIGHTS)
    np.testing.assert_allclose(found[1], adjoint, atol=1e-14)
    np.testing.assert_allclose(found[0], -adjoint @ solution.T - adjoint.T @ solution, atol=1e-14)


def test_the_root_of_a_matrix() -> None:
    square = DRIFT @ DRIFT
    found = computed(gp.implicit(X @ X - A, X, A, of=np.sum(V * X)), X=sqrtm(square), V=WEIGHTS)
    np.testing.assert_allclose(found, central(lambda a: np.sum(WEIGHTS * sqrtm(a).real), square), rtol=1e-6, atol=1e-9)


def test_the_jacobian_of_an_inverse_is_the_one_of_its_closed_form() -> None:
    """A X = I leaves the columns of X apart: one matrix for all of them."""
    identity = gp.trace(lambda A: np.eye(A.shape[0]), {"A": A})
    found = gp.implicit(A @ X - identity, X, A, solution=np.linalg.inv(A))
    assert gp.equal(found, gp.jacobian(np.linalg.inv(A), A)).name == "proved"


@pytest.mark.parametrize("name", ["penalty", "Y"])
def test_ridge_regression_with_several_outputs(name: str) -> None:
    Z, W, Y, C = (gp.array(n, tuple(s)) for n, s in {"Z": "mn", "W": "nk", "Y": "mk", "C": "nk"}.items())
    penalty = gp.array("penalty", (), positive=True)
    training = np.sum((Z @ W - Y) ** 2) / 2 + penalty * np.sum(W**2) / 2

    def ridge(Z: Any, Y: Any, penalty: Any) -> Any:
        return np.linalg.solve(Z.T @ Z + penalty * np.eye(Z.shape[1]), Z.T @ Y)

    given = {"Z": Z, "Y": Y, "penalty": penalty}
    closed = gp.trace(ridge, given)
    found = gp.implicit(gp.grad(training, W), W, given[name], of=np.sum(C * W), solution=closed)
    assert gp.equal(found, gp.grad(np.sum(C * closed), given[name])).name == "proved"
    assert "k - 1" not in gp.compile(found).source  # no system over all entries of W


def test_a_layer_that_is_a_fixed_point_has_one_system_an_example() -> None:
    z, x, c, U = (
        gp.array("z", ("m", "n")),
        gp.array("x", ("m", "n")),
        gp.array("c", ("m", "n")),
        gp.array("U", ("n", "n")),
    )
    at = {"U": 0.2 * RNG.normal(size=(3, 3)), "x": RNG.normal(size=(4, 3)), "c": RNG.normal(size=(4, 3))}

    def unrolled(U: Any, x: Any) -> Any:
        point = anp.zeros((4, 3))
        for _ in range(100):
            point = anp.tanh(anp.dot(point, U) + x)
        return point

    results = gp.implicit(z - np.tanh(z @ U + x), z, [U, x], of=np.sum(c * z**2))
    found = computed(results, z=unrolled(at["U"], at["x"]), **at)
    for place, gradient in enumerate(found):
        right = autograd.grad(lambda U, x: anp.sum(at["c"] * unrolled(U, x) ** 2), place)(at["U"], at["x"])
        np.testing.assert_allclose(gradient, right, rtol=1e-10, atol=1e-12)
    assert "(m * n)" not in gp.compile(results).source


def test_a_minimum_under_constraints_has_multipliers_as_unknowns() -> None:
    """min ½ xᵀPx + qᵀx where A x = b: the derivatives of x and of the multipliers are blocks of the inverse."""
    P, B = gp.array("P", ("n", "n"), symmetric=True), gp.array("B", ("p", "n"))
    q, b, x, nu, v = (gp.array(n, s) for n, s in {"q": "n", "b": "p", "x": "n", "nu": "p", "v": "n"}.items())
    residuals = [P @ x + q + B.T @ nu, B @ x - b]
    at = {"P": DRIFT @ DRIFT.T, "B": RNG.normal(size=(2, 3)), "q": RNG.normal(size=3), "b": RNG.normal(size=2)}
    at["v"] = RNG.normal(size=3)

    def solved(P: Any, B: Any, q: Any, b: Any) -> Any:
        whole = anp.concatenate([anp.concatenate([P, B.T], 1), anp.concatenate([B, np.zeros((2, 2))], 1)])
        return anp.linalg.solve(whole, anp.concatenate([-q, b])[:, None])[:, 0]

    whole = solved(*(at[name] for name in "PBqb"))
    point = at | {"x": whole[:3], "nu": whole[3:]}
    found = computed(gp.implicit(residuals, [x, nu], [P, B, q, b], of=np.sum(v * x)), **point)
    for name, gradient in zip("PBqb", found, strict=True):
        right = autograd.grad(lambda a, name=name: anp.sum(
            at["v"] * solved(*({**at, name: a}[n] for n in "PBqb"))[:3]))(at[name])  # fmt: skip
        np.testing.assert_allclose(gradient, right, rtol=1e-9, atol=1e-12)
    (_, by_b), (_, nu_by_b) = gp.implicit(residuals, [x, nu], [q, b])
    for block, rows in ((by_b, slice(0, 3)), (nu_by_b, slice(3, 5))):
        right = autograd.jacobian(lambda b: solved(at["P"], at["B"], at["q"], b))(at["b"])[rows]
        np.testing.assert_allclose(computed(block, **point), right, rtol=1e-9, atol=1e-12)
