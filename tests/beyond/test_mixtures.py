"""Gaussian mixtures: the derived gradient of the log-likelihood is the textbook's, with responsibilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradproof as gp

X, means = gp.array("X", ("m", "d")), gp.array("means", ("k", "d"))
v = gp.array("v", ("k", "d"), positive=True)
a, w = gp.array("a", ("k",)), gp.array("w", ("k",), positive=True)
L = gp.array("L", ("k", "d", "d"))
m, d = X.shape
apart = X[:, None, :] - means[None]


def log_joint(lib: Any, X: Any, means: Any, v: Any, log_w: Any) -> Any:
    """log w_k N(x_i; μ_k, diag v_k)."""
    terms = (X[:, None, :] - means[None]) ** 2 / v[None] + lib.log(2 * np.pi * v)[None]
    return log_w - lib.sum(terms, axis=2) / 2


def log_of_sum(lib: Any, x: Any) -> Any:
    top = lib.max(x, axis=1, keepdims=True)
    return lib.log(lib.sum(lib.exp(x - top), axis=1)) + top[:, 0]


def log_likelihood(lib: Any, X: Any, means: Any, v: Any, a: Any) -> Any:
    """The weights are softmax a."""
    shifted = a - lib.max(a)
    return lib.sum(log_of_sum(lib, log_joint(lib, X, means, v, shifted - lib.log(lib.sum(lib.exp(shifted))))))


def test_gradients_by_means_variances_and_weights() -> None:
    r = gp.softmax(log_joint(np, X, means, v, gp.log_softmax(a)), axis=1)
    by_means, by_v, by_a = gp.grad(log_likelihood(np, X, means, v, a), [means, v, a])
    textbook = np.einsum("ik,ikd->kd", r, apart) / v
    assert gp.equal(by_means, textbook).name == "proved"
    assert gp.equal(by_v, np.einsum("ik,ikd->kd", r, apart**2 / v[None] - 1) / (2 * v)).name == "proved"
    assert gp.equal(by_a, np.sum(r, axis=0) - m * gp.softmax(a)).name == "proved"
    assert gp.equal(by_means, np.einsum("ik,ikd->kd", r, apart)).name == "refuted"  # without the variance


def test_the_weights_themselves() -> None:
    joint = log_joint(np, X, means, v, np.log(w))
    by_w = gp.grad(np.sum(gp.logsumexp(joint, axis=1)), w)
    assert gp.equal(by_w, np.sum(gp.softmax(joint, axis=1), axis=0) / w).name == "proved"


def test_the_objective_of_em_has_the_gradient_of_the_log_likelihood() -> None:
    """∇ log p(X) = Σ r ∇ log p(X, z): a vector-Jacobian product holds its cotangent constant."""
    joint = log_joint(np, X, means, v, np.log(w))
    r = gp.softmax(joint, axis=1)
    likelihood = np.sum(gp.logsumexp(joint, axis=1))
    for parameter in (means, v, w):
        assert gp.equal(gp.grad(likelihood, parameter), gp.vjp(joint, parameter, r)).name == "proved"


def test_the_m_step_makes_the_gradient_zero() -> None:
    r = gp.array("r", ("m", "k"), positive=True)
    total = np.sum(r, axis=0)[:, None]
    best = r.T @ X / total
    best_v = np.einsum("ik,ikd->kd", r, (X[:, None, :] - best[None]) ** 2) / total
    objective = np.sum(r * log_joint(np, X, best, v, np.log(w)))
    assert gp.equal(gp.grad(objective, best), 0 * means).name == "proved"
    objective = np.sum(r * log_joint(np, X, best, best_v, np.log(w)))
    # a single point has the variance 0, where the gradient has no value: that much is said, and no more is proved
    assert "equal wherever both have a value" in gp.equal(gp.grad(objective, best_v), 0 * means).reason


def test_full_covariances_by_their_factors() -> None:
    covariance = L @ np.swapaxes(L, -1, -2)
    precision = np.linalg.inv(covariance)
    distance = np.einsum("ikd,kde,ike->ik", apart, precision, apart)
    joint = np.log(w) - (distance + np.linalg.slogdet(covariance)[1] + d * np.log(2 * np.pi)) / 2
    r = gp.softmax(joint, axis=1)
    scatter = np.einsum("ik,ikd,ike->kde", r, apart, apart)
    by_covariance = (precision @ scatter @ precision - np.sum(r, axis=0)[:, None, None] * precision) / 2
    by_factor = gp.grad(np.sum(gp.logsumexp(joint, axis=1)), L)
    assert gp.equal(by_factor, 2 * by_covariance @ L).name == "proved"
    assert gp.equal(by_factor, by_covariance @ L).name == "refuted"


def test_generated_numpy(as_autograd: Callable[..., None]) -> None:
    value = log_likelihood(np, X, means, v, a)
    gradients = dict(zip(("means", "v", "a"), gp.grad(value, [means, v, a]), strict=True))
    rng = np.random.default_rng(0)
    for points, axes, parts in ((7, 2, 3), (4, 4, 4)):
        at = {
            "X": rng.normal(size=(points, axes)),
            "means": rng.normal(size=(parts, axes)),
            "a": rng.normal(size=parts),
        }
        as_autograd(log_likelihood, value, gradients, at | {"v": rng.uniform(0.5, 2, (parts, axes))})


def test_the_derivation_is_shown_and_holds() -> None:
    joint = log_joint(np, X, means, v, np.log(w))
    derivation = gp.derive(np.sum(gp.logsumexp(joint, axis=1)), wrt=[means])
    derivation.check()
    assert r"\operatorname{softmax}_{\text{rows}}" in derivation.latex()
