"""Gaussian processes: by any hyperparameter, ∂ log p/∂θ = ½ tr((α αᵀ − K⁻¹) ∂K/∂θ) with α = K⁻¹ y."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

X, y = gp.array("X", ("m", "d")), gp.array("y", ("m",))
scale, height, noise = (gp.array(name, (), positive=True) for name in ("scale", "height", "noise"))
scales = gp.array("scales", ("d",), positive=True)
m, d = X.shape
HYPER = {"scale": scale, "height": height, "noise": noise}


def covariance(lib: Any, X: Any, scale: Any, height: Any, noise: Any) -> Any:
    """Squared-exponential kernel and noise; ``scale`` is one length or one for each axis."""
    Z = X / scale
    distance = lib.sum((Z[:, None, :] - Z[None, :, :]) ** 2, axis=2)
    return height**2 * lib.exp(-distance / 2) + noise**2 * lib.eye(X.shape[0])


def log_likelihood(lib: Any, X: Any, y: Any, scale: Any, height: Any, noise: Any) -> Any:
    K = covariance(lib, X, scale, height, noise)
    alpha = lib.linalg.solve(K, y)
    return -(lib.sum(y * alpha) + lib.linalg.slogdet(K)[1] + y.shape[0] * lib.log(2 * np.pi)) / 2


def traced(function: Callable[..., Any], **inputs: Any) -> Any:
    return gp.trace(lambda **given: function(np, **given), inputs)


K = traced(covariance, X=X, **HYPER)
VALUE = traced(log_likelihood, X=X, y=y, **HYPER)


def textbook(K: Any, dK: Any) -> Any:
    alpha = np.linalg.solve(K, y)
    return np.trace((np.outer(alpha, alpha) - np.linalg.inv(K)) @ dK) / 2


@pytest.mark.parametrize("name", HYPER)
def test_the_gradient_is_the_trace(name: str) -> None:
    gradient = gp.grad(VALUE, HYPER[name])
    assert gp.equal(gradient, textbook(K, gp.jacobian(K, HYPER[name]))).name == "proved"
    assert gp.equal(gradient, textbook(K, gp.jacobian(K, HYPER[name])) / 2).name == "refuted"


def test_derivatives_of_the_kernel_written_by_hand() -> None:
    distance = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2)
    smooth = np.exp(-distance / (2 * scale**2))
    by_scale, by_height, by_noise = gp.grad(VALUE, list(HYPER.values()))
    assert gp.equal(by_scale, textbook(K, height**2 * smooth * distance / scale**3)).name == "proved"
    assert gp.equal(by_height, textbook(K, 2 * height * smooth)).name == "proved"
    alpha = np.linalg.solve(K, y)
    assert gp.equal(by_noise, noise * (alpha @ alpha - np.trace(np.linalg.inv(K)))).name == "proved"
    assert gp.equal(by_scale, textbook(K, height**2 * smooth * distance / scale**2)).name == "refuted"


def test_one_length_for_each_axis() -> None:
    K = traced(covariance, X=X, scale=scales, height=height, noise=noise)
    gradient = gp.grad(traced(log_likelihood, X=X, y=y, scale=scales, height=height, noise=noise), scales)
    alpha = np.linalg.solve(K, y)
    inner = np.outer(alpha, alpha) - np.linalg.inv(K)
    assert gp.equal(gradient, np.einsum("ij,jik->k", inner, gp.jacobian(K, scales)) / 2).name == "proved"


def test_the_gradient_by_the_targets() -> None:
    assert gp.equal(gp.grad(VALUE, y), -np.linalg.solve(K, y)).name == "proved"


def test_generated_numpy(as_autograd: Callable[..., None]) -> None:
    gradients = dict(zip(HYPER, gp.grad(VALUE, list(HYPER.values())), strict=True))
    gradients |= dict(zip("Xy", gp.grad(VALUE, [X, y]), strict=True))
    rng = np.random.default_rng(1)
    for points, axes in ((6, 2), (3, 3)):
        at = {"X": rng.normal(size=(points, axes)), "y": rng.normal(size=points)}
        as_autograd(log_likelihood, VALUE, gradients, at | {"scale": 0.9, "height": 1.3, "noise": 0.4})


def test_a_hand_written_gradient_is_verified() -> None:
    """The user's own code, by ``gp.verify``: shapes and values are found by tracing it."""

    def loss(X: Any, y: Any, scale: Any) -> Any:
        distance = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2)
        K = np.exp(-distance / (2 * scale**2)) + 0.1 * np.eye(len(y))
        return -(y @ np.linalg.solve(K, y) + np.linalg.slogdet(K)[1]) / 2

    def gradient(X: Any, y: Any, scale: Any) -> Any:
        distance = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2)
        smooth = np.exp(-distance / (2 * scale**2))
        inverse = np.linalg.inv(smooth + 0.1 * np.eye(len(y)))
        alpha = inverse @ y
        return np.trace((np.outer(alpha, alpha) - inverse) @ (smooth * distance / scale**3)) / 2

    rng = np.random.default_rng(2)
    inputs = {"X": rng.normal(size=(4, 2)), "y": rng.normal(size=4), "scale": 0.8}
    assert gp.verify(loss, gradient, inputs=inputs, wrt=["scale"]).verdict.name == "proved"
