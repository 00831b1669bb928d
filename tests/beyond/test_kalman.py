"""A step of a Kalman filter: its forms are one, and the gradient of the likelihood is the textbook's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

A, C = gp.array("A", ("n", "n")), gp.array("C", ("p", "n"))
Q, P = (gp.array(name, ("n", "n"), symmetric=True) for name in "QP")
R = gp.array("R", ("p", "p"), symmetric=True)
x, y = gp.array("x", ("n",)), gp.array("y", ("p",))
INPUTS = {"A": A, "C": C, "Q": Q, "R": R, "x": x, "P": P, "y": y}


def step(lib: Any, A: Any, C: Any, Q: Any, R: Any, x: Any, P: Any, y: Any, by_inverse: bool = False) -> tuple[Any, ...]:
    """Predict and update: the new state, its covariance, the log-likelihood of the innovation."""
    x, P = A @ x, A @ P @ A.T + Q
    innovation, S = y - C @ x, C @ P @ C.T + R
    if by_inverse:
        gain = P @ C.T @ lib.linalg.inv(S)
        distance = innovation @ lib.linalg.inv(S) @ innovation
    else:
        gain = lib.linalg.solve(S, C @ P).T
        distance = lib.dot(innovation, lib.linalg.solve(S, innovation))
    value = -(distance + lib.linalg.slogdet(S)[1] + y.shape[0] * lib.log(2 * np.pi)) / 2
    return x + gain @ innovation, (lib.eye(x.shape[0]) - gain @ C) @ P, value


def log_likelihood(lib: Any, **inputs: Any) -> Any:
    return step(lib, **inputs)[2]


STATE, COVARIANCE, VALUE = gp.trace(lambda **given: step(np, **given), INPUTS)
GRADIENTS = dict(zip(INPUTS, gp.grad(VALUE, list(INPUTS.values())), strict=True))
ahead, spread = A @ x, A @ P @ A.T + Q
S = C @ spread @ C.T + R
weighted = np.linalg.solve(S, y - C @ ahead)
INNER = np.outer(weighted, weighted) - np.linalg.inv(S)
"""Twice the gradient of the log-likelihood by S."""

TEXTBOOK = {
    "A": np.outer(C.T @ weighted, x) + C.T @ INNER @ C @ A @ P,
    "C": np.outer(weighted, ahead) + INNER @ C @ spread,
    "Q": C.T @ INNER @ C / 2,
    "R": INNER / 2,
    "x": A.T @ C.T @ weighted,
    "P": A.T @ C.T @ INNER @ C @ A / 2,
    "y": -weighted,
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_gradient_of_the_log_likelihood(name: str) -> None:
    assert gp.equal(GRADIENTS[name], TEXTBOOK[name]).name == "proved"
    assert gp.equal(GRADIENTS[name], TEXTBOOK[name] + INPUTS[name] / 1000).name == "refuted"


def test_the_gain_by_an_inverse() -> None:
    state, covariance, value = gp.trace(lambda **given: step(np, **given, by_inverse=True), INPUTS)
    assert gp.equal(state, STATE).name == gp.equal(value, VALUE).name == "proved"
    assert gp.equal(covariance, COVARIANCE).name == "proved"


def test_the_form_of_joseph_is_the_short_one() -> None:
    def joseph(A: Any, C: Any, Q: Any, R: Any, P: Any) -> Any:
        spread = A @ P @ A.T + Q
        gain = np.linalg.solve(C @ spread @ C.T + R, C @ spread).T
        kept = np.eye(len(A)) - gain @ C
        return kept @ spread @ kept.T + gain @ R @ gain.T

    traced = gp.trace(joseph, {name: INPUTS[name] for name in "ACQRP"})
    assert gp.equal(traced, COVARIANCE).name == gp.equal(COVARIANCE, COVARIANCE.T).name == "proved"


def test_a_gradient_through_the_updated_state(as_autograd: Callable[..., None]) -> None:
    def ahead_of_time(lib: Any, **given: Any) -> Any:
        state, covariance, value = step(lib, **given)
        return value + lib.sum(state**2) + lib.trace(covariance)

    value = np.sum(STATE**2) + np.trace(COVARIANCE) + VALUE
    gradients = dict(zip(INPUTS, gp.grad(value, list(INPUTS.values())), strict=True))
    rng = np.random.default_rng(3)
    for n, p in ((3, 2), (2, 4)):
        at = {name: rng.normal(size=[{"n": n, "p": p}[str(s)] for s in a.shape]) for name, a in INPUTS.items()}
        at |= {name: at[name] @ at[name].T + np.eye(len(at[name])) for name in "QRP"}
        as_autograd(ahead_of_time, value, gradients, at)


def test_the_gradient_in_matrix_form() -> None:
    v = r"\operatorname{innovation}"
    of_s = rf"S^{{-1}} {v} {v}^{{\top}} S^{{-1}} - S^{{-1}}"
    assert rf"\bar{{Q}} &= \frac{{1}}{{2}} C^{{\top}} \left({of_s}\right) C" in GRADIENTS["Q"].latex()
    assert "np.linalg." in GRADIENTS["Q"].numpy()
