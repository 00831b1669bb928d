"""Derivatives by a symmetric array are those of the formula as it stands, of every order, in derivations too."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

K, FREE = gp.array("K", ("n", "n"), symmetric=True), gp.array("K", ("n", "n"))
A, v = gp.array("A", ("n", "n")), gp.array("v", ("n", "n"))
P, y, b = gp.array("P", ("n", "n"), positive_definite=True), gp.array("y", ("n",)), gp.array("b", ("n",))

FORMULAS: dict[str, Callable[[Any], Any]] = {
    "a transpose": lambda K: np.sum(A * K.T),
    "powers of a transpose": lambda K: np.sum(A * K.T**2 * K),
    "a square": lambda K: np.sum((K @ K) * A),
    "a cube": lambda K: np.sum((K.T @ K @ K) * A),
    "functions of entries": lambda K: np.sum(np.exp(K.T) * A * K),
    "an inverse": lambda K: np.sum(np.linalg.inv(K.T) * A),
    "along rows": lambda K: np.sum(gp.scan(lambda h, a: np.tanh(h @ K.T + a), y, A)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_all_orders_are_those_without_the_assumption(name: str) -> None:
    formula = FORMULAS[name]
    rng = np.random.default_rng(0)
    numbers = {x: rng.normal(size=(3, 3)) for x in ("K", "A", "v")} | {"y": rng.normal(size=3)}
    numbers["K"] = numbers["K"] + numbers["K"].T
    found = []
    for array in (K, FREE):
        cost = formula(array)
        wanted = [gp.grad(cost, array), gp.hessian(cost, array), gp.hvp(cost, array, v)]
        found.append(gp.compile([*wanted, array, A, v, y])(**numbers)[:3])
    for own, free in zip(*found, strict=True):
        np.testing.assert_allclose(own, free, rtol=1e-11, atol=1e-12)
    curvature = found[0][1]
    np.testing.assert_allclose(curvature, curvature.transpose(2, 3, 0, 1), rtol=1e-11, atol=1e-12)


DERIVED: dict[str, Callable[[], tuple[Any, Any]]] = {
    "a transpose": lambda: (np.sum(A * K.T), K),
    "a cube": lambda: (np.sum((K.T @ K @ K) * A), K),
    "a Cholesky factor": lambda: (np.sum(np.linalg.cholesky(P) ** 3), P),
    "that of a kernel": lambda: (np.sum(np.log(np.diag(np.linalg.cholesky(A @ A.T + P)))), A),
    "two triangular systems": lambda: (b @ np.linalg.solve(np.linalg.cholesky(A @ A.T + P), y), A),
    "eigenvalues": lambda: (np.sum(np.log(np.linalg.eigvalsh(P))), P),
    "eigenvectors": lambda: (np.sum(np.linalg.eigh(P)[1] ** 3), P),
}


@pytest.mark.parametrize("name", DERIVED)
def test_every_line_of_a_derivation_is_certified_and_its_result_is_the_gradient(name: str) -> None:
    cost, by = DERIVED[name]()
    derivation = gp.derive(cost, wrt=[by])
    verdict = derivation.check()
    assert verdict.name == "certified", verdict.reason
    assert gp.equal(gp.Array(derivation.results[0]), gp.grad(cost, by))


def test_a_wrong_line_by_a_cholesky_factor_is_refuted() -> None:
    right = gp.derive(np.sum(np.linalg.cholesky(P) * A), wrt=[P])
    *others, last = right.steps
    wrong = dataclasses.replace(right, steps=(*others, dataclasses.replace(last, after=2 * last.after)))
    assert right.check().name == "certified" and wrong.check().name == "refuted"
