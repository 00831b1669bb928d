"""Several unknowns that do not all depend on each other are solved for one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

m, n = gp.dims("m n")
A, B = gp.array("A", (n, n)), gp.array("B", (n, n))
b, c, x, y, u = (gp.array(name, (n,)) for name in ("b", "c", "x", "y", "u"))
X = np.linalg.solve(A, b)
Y = np.linalg.solve(B, X * X)
ORDERS: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    "in order": ([A @ x - b, B @ y - x * x], [x, y], [X, Y]),
    "the last first": ([B @ y - x * x, A @ x - b], [y, x], [Y, X]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_gradients_and_jacobians_through_two_systems_are_those_of_the_closed_forms(order: str) -> None:
    residuals, unknowns, solutions = ORDERS[order]
    wrt = [b, A, B]
    found = gp.implicit(residuals, unknowns, wrt, of=c @ y, solution=solutions)
    for one, expected in zip(found, gp.grad(c @ Y, wrt), strict=True):
        assert gp.equal(one, expected).name == "proved"
    rows = gp.implicit(residuals, unknowns, b, solution=solutions)
    for one, solution in zip(rows, solutions, strict=True):
        assert gp.equal(one, gp.jacobian(solution, b)).name == "proved"


def test_unknowns_that_need_each_other_stay_together_between_others() -> None:
    """x alone, then y and u that need each other and x; differences of the solution are the oracle."""
    residuals = [A @ x - b, B @ y + u - x, u - y / 3 - 2 * x]
    gradient = gp.implicit(residuals, [x, y, u], [b, B], of=np.sum(y * u))
    rng = np.random.default_rng(9)
    values = {"A": rng.normal(size=(3, 3)), "B": rng.normal(size=(3, 3)) + 4 * np.eye(3), "b": rng.normal(size=3)}

    def solved(A: Any, B: Any, b: Any) -> dict[str, Any]:
        x = np.linalg.solve(A, b)
        y = np.linalg.solve(B + np.eye(3) / 3, -x)
        return {"x": x, "y": y, "u": y / 3 + 2 * x}

    def cost(**given: Any) -> float:
        at = solved(**given)
        return float(np.sum(at["y"] * at["u"]))

    for name, found in zip(("b", "B"), gp.compile(gradient)(**values, **solved(**values)), strict=True):
        for index in np.ndindex(found.shape):
            ends = [{**values, name: values[name].copy()} for _ in range(2)]
            for end, step in zip(ends, (1e-6, -1e-6), strict=True):
                end[name][index] += step
            assert found[index] != 0
            assert found[index] == pytest.approx((cost(**ends[0]) - cost(**ends[1])) / 2e-6, rel=1e-5, abs=1e-8)


def test_layers_at_equilibrium_take_small_systems_one_an_example() -> None:
    Z, U, G, x0 = (gp.array(name, (m, n)) for name in ("Z", "U", "G", "x0"))
    W, V = gp.array("W", (n, n)), gp.array("V", (n, n))
    layers = [Z - np.tanh(Z @ W + x0), U - np.tanh(U @ V + Z)]
    by_W, by_V = gp.implicit(layers, [Z, U], [W, V], of=np.sum(G * U))
    assert by_W.numpy().count("np.linalg.inv(") == 2 and "np.concatenate" not in by_W.numpy()
    rng = np.random.default_rng(10)
    at = {name: rng.normal(size=(4, 3)) for name in ("G", "x0")} | {name: rng.normal(size=(3, 3)) / 4 for name in "WV"}

    def solved(W: Any, V: Any, x0: Any, G: Any) -> tuple[Any, Any]:
        Z = U = 0 * x0
        for _ in range(200):
            Z = np.tanh(Z @ W + x0)
        for _ in range(200):
            U = np.tanh(U @ V + Z)
        return Z, U

    first, second = solved(**at)
    for name, found in zip("WV", gp.compile([by_W, by_V])(Z=first, U=second, **at), strict=True):
        move = rng.normal(size=(3, 3))
        costs = [np.sum(at["G"] * solved(**{**at, name: at[name] + h * move})[1]) for h in (1e-6, -1e-6)]
        assert np.sum(found * move) == pytest.approx((costs[0] - costs[1]) / 2e-6, rel=1e-5)
