"""Implicit differentiation: what closed forms and unrolled iterations give, without either."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import ShapeError, UsageError

X, Y = gp.array("X", ("m", "n")), gp.array("Y", ("p", "n"))
s, t = gp.array("s", ("m",)), gp.array("t", ("p",))
z, x, v, W = gp.array("z", ("n",)), gp.array("x", ("n",)), gp.array("v", ("n",)), gp.array("W", ("n", "n"))
penalty = gp.array("penalty", (), positive=True)

TRAINING = np.sum((X @ z - s) ** 2) / 2 + penalty * np.sum(z**2) / 2
VALIDATION = np.sum((Y @ z - t) ** 2) / 2


def ridge(X: Any, s: Any, penalty: Any) -> Any:
    return np.linalg.solve(X.T @ X + penalty * np.eye(X.shape[1]), X.T @ s)


CLOSED = gp.trace(ridge, {"X": X, "s": s, "penalty": penalty})


@pytest.mark.parametrize("target", [penalty, X, s], ids=["penalty", "X", "s"])
def test_the_hypergradient_of_ridge_regression_is_that_of_its_closed_form(target: Any) -> None:
    found = gp.implicit(gp.grad(TRAINING, z), z, target, of=VALIDATION, solution=CLOSED)
    direct = gp.grad(np.sum((Y @ CLOSED - t) ** 2) / 2, target)
    assert gp.equal(found, direct).name == "proved"
    assert gp.equal(found, 2 * direct).name == "refuted"


def test_the_jacobian_of_the_solution() -> None:
    for target in (penalty, s):
        found = gp.implicit(gp.grad(TRAINING, z), z, target, solution=CLOSED)
        assert gp.equal(found, gp.jacobian(CLOSED, target)).name == "proved"


def test_what_the_cost_has_of_the_parameter_itself_is_added() -> None:
    found = gp.implicit(gp.grad(TRAINING, z), z, penalty, of=VALIDATION + penalty**2, solution=CLOSED)
    direct = gp.grad(np.sum((Y @ CLOSED - t) ** 2) / 2 + penalty**2, penalty)
    assert gp.equal(found, direct).name == "proved"


def test_a_fixed_point_in_closed_form() -> None:
    by_W, by_x = gp.implicit(z - np.tanh(W @ z + x), z, [W, x], of=np.sum(v * z))
    slope = 1 - np.tanh(W @ z + x) ** 2
    system = gp.trace(
        lambda z, W, x: np.eye(len(z)) - np.diag(1 - np.tanh(W @ z + x) ** 2) @ W, {"z": z, "W": W, "x": x}
    )
    adjoint = np.linalg.solve(system.T, v)
    assert gp.equal(by_x, slope * adjoint).name == "proved"
    assert gp.equal(by_W, np.outer(slope * adjoint, z)).name == "proved"
    assert gp.equal(by_x, slope * np.linalg.solve(system, v)).name == "refuted"  # the transpose is forgotten


def test_a_fixed_point_against_the_unrolled_iteration() -> None:
    rng = np.random.default_rng(0)
    at = {"W": 0.2 * rng.normal(size=(3, 3)), "x": rng.normal(size=3), "v": rng.normal(size=3)}

    def unrolled(W: Any, x: Any) -> Any:
        point = anp.zeros(3)
        for _ in range(120):
            point = anp.tanh(anp.dot(W, point) + x)
        return point

    def cost(W: Any, x: Any) -> Any:
        return anp.sum(at["v"] * unrolled(W, x) ** 2)

    found = gp.implicit(z - np.tanh(W @ z + x), z, [W, x], of=np.sum(v * z**2))
    for place, gradient in enumerate(found):
        right = autograd.grad(cost, place)(at["W"], at["x"])
        point = {"z": unrolled(at["W"], at["x"])}
        np.testing.assert_allclose(gp.compile(gradient)(**(at | point)), right, rtol=1e-10, atol=1e-12)


def test_a_minimum_without_closed_form_against_unrolled_descent() -> None:
    """The penalty of a logistic regression, by the validation loss of its minimum."""
    rng = np.random.default_rng(1)
    at = {"X": rng.normal(size=(6, 2)), "s": rng.integers(0, 2, 6) * 2.0 - 1, "penalty": 0.7}
    at |= {"Y": rng.normal(size=(4, 2)), "t": rng.normal(size=4)}

    def slope(point: Any, penalty: Any) -> Any:
        margin = at["s"] * anp.dot(at["X"], point)
        return penalty * point - anp.dot(at["X"].T, at["s"] / (1 + anp.exp(margin)))

    def minimum(penalty: Any) -> Any:
        point = anp.zeros(2)
        for _ in range(400):
            point = point - 0.2 * slope(point, penalty)
        return point

    right = autograd.grad(lambda penalty: anp.sum((anp.dot(at["Y"], minimum(penalty)) - at["t"]) ** 2) / 2)
    loss = np.sum(np.log1p(np.exp(-s * (X @ z)))) + penalty * np.sum(z**2) / 2
    found = gp.compile(gp.implicit(gp.grad(loss, z), z, penalty, of=VALIDATION))
    np.testing.assert_allclose(found(**(at | {"z": minimum(at["penalty"])})), right(at["penalty"]), rtol=1e-8)


def test_an_unknown_number() -> None:
    root, a = gp.array("root"), gp.array("a", (), positive=True)
    found = gp.implicit(root**3 - a, root, a, solution=np.exp(np.log(a) / 3))
    assert gp.equal(found, np.exp(-2 * np.log(a) / 3) / 3).name == "proved"


def test_what_is_refused() -> None:
    residual = gp.grad(TRAINING, z)
    with pytest.raises(UsageError, match="not shown to solve"):
        gp.implicit(residual, z, penalty, of=VALIDATION, solution=2 * CLOSED)
    with pytest.raises(ShapeError, match="as many equations"):
        gp.implicit(X @ z - s, z, s)
    with pytest.raises(UsageError, match="does not depend"):
        gp.implicit(x - v, z, x)
    with pytest.raises(UsageError, match="the unknown"):
        gp.implicit(residual, z, z, of=VALIDATION)
    with pytest.raises(UsageError, match="1 residuals for 2 unknowns"):
        gp.implicit([residual], [z, x], penalty)
    with pytest.raises(UsageError, match="or a list of each"):
        gp.implicit(residual, [z], penalty)
    with pytest.raises(UsageError, match="1 solutions for 2 unknowns"):
        gp.implicit([z - v, x - z], [z, x], v, solution=[v])


def test_a_parameter_that_is_made_of_the_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="depends on the unknown z"):
        gp.implicit(z - np.tanh(W @ z + x), z, np.tanh(z))
