"""Each optimiser against its recurrence worked out in closed form, and on a quadratic whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradproof.errors import UsageError
from gradproof.numeric.reference.common import Params
from gradproof.numeric.reference.optimisers import (
    OPTIMISERS,
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    Optimiser,
    RMSProp,
)


def path(optimiser: Optimiser, steps: int, start: float = 1.0, curvature: float = 1.0) -> list[float]:
    """w of ½·curvature·w² after each step."""
    params: Params = {"w": np.array([start])}
    state, walked = optimiser.init(params), []
    for _ in range(steps):
        params, state = optimiser.step(params, {"w": curvature * params["w"]}, state)
        walked.append(float(params["w"][0]))
    return walked


def test_gradient_descent_multiplies_the_distance_by_one_minus_rate_times_curvature() -> None:
    assert_allclose(path(GradientDescent(0.3), 5, curvature=2.0), 0.4 ** np.arange(1, 6), rtol=1e-12)


def test_gradient_descent_diverges_beyond_two_over_the_curvature() -> None:
    assert abs(path(GradientDescent(0.99), 50, curvature=2.0)[-1]) < 1
    assert abs(path(GradientDescent(1.01), 50, curvature=2.0)[-1]) > 1


def test_sgd_is_the_same_rule() -> None:
    assert OPTIMISERS["sgd"] is OPTIMISERS["gradient_descent"] is GradientDescent


def test_momentum_follows_its_second_order_recurrence() -> None:
    # w[t+1] = w[t] - η c w[t] + μ (w[t] - w[t-1])
    w = [1.0, 1.0]
    for _ in range(20):
        w.append(w[-1] - 0.1 * 2.0 * w[-1] + 0.8 * (w[-1] - w[-2]))
    assert_allclose(path(Momentum(0.1, 0.8), 20, curvature=2.0), w[2:], rtol=1e-10, atol=1e-14)


def test_nesterov_takes_the_gradient_at_the_point_ahead() -> None:
    # the original form: u is the unshifted iterate, v ← μ v - η g(u + μ v), u ← u + v; trained is w = u + μ v
    u, v, w = 1.0, 0.0, []
    for _ in range(20):
        v = 0.8 * v - 0.1 * 2.0 * (u + 0.8 * v)
        u += v
        w.append(u + 0.8 * v)
    assert_allclose(path(Nesterov(0.1, 0.8), 20, curvature=2.0), w, rtol=1e-10, atol=1e-14)


def test_momentum_of_zero_is_gradient_descent() -> None:
    plain = path(GradientDescent(0.1), 10)
    assert path(Momentum(0.1, 0.0), 10) == path(Nesterov(0.1, 0.0), 10) == plain


def test_rmsprop_under_a_constant_gradient_has_a_geometric_mean_square() -> None:
    optimiser = RMSProp(learning_rate=0.01, decay=0.9, epsilon=1e-6)
    params: Params = {"w": np.array([0.0])}
    state, expected = optimiser.init(params), 0.0
    for t in range(1, 11):
        params, state = optimiser.step(params, {"w": np.array([3.0])}, state)
        expected -= 0.01 * 3 / (3 * np.sqrt(1 - 0.9**t) + 1e-6)
        assert params["w"][0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_adam_under_a_constant_gradient_walks_by_the_learning_rate(size: float) -> None:
    # with bias correction both moments are exact at every t, so the step is η g/(|g| + ε)
    optimiser = Adam(learning_rate=0.01)
    params: Params = {"w": np.array([0.0])}
    state = optimiser.init(params)
    for t in range(1, 11):
        params, state = optimiser.step(params, {"w": np.array([-size])}, state)
        assert params["w"][0] == pytest.approx(0.01 * t * size / (size + 1e-8), rel=1e-9)


def test_adam_follows_the_sums_that_its_moments_are() -> None:
    rng = np.random.default_rng(0)
    grads = rng.normal(size=(8, 3))
    optimiser = Adam(learning_rate=0.1, beta1=0.7, beta2=0.95, epsilon=1e-3)
    params: Params = {"w": np.zeros(3)}
    state, expected = optimiser.init(params), np.zeros(3)
    for t in range(1, 9):
        params, state = optimiser.step(params, {"w": grads[t - 1]}, state)
        # weighted means over the past, which is what the corrected moments are
        first = np.average(grads[:t], axis=0, weights=0.7 ** np.arange(t)[::-1])
        second = np.average(grads[:t] ** 2, axis=0, weights=0.95 ** np.arange(t)[::-1])
        expected = expected - 0.1 * first / (np.sqrt(second) + 1e-3)
        assert_allclose(params["w"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", list(OPTIMISERS))
def test_each_one_finds_the_minimum_of_a_quadratic(name: str) -> None:
    # rmsprop and adam keep steps of the order of the rate, so they end near it
    assert abs(path(OPTIMISERS[name](learning_rate=0.01), 2000)[-1]) < 0.011


@pytest.mark.parametrize("name", list(OPTIMISERS))
def test_a_step_changes_none_of_its_arguments_and_keeps_the_dtype(name: str) -> None:
    optimiser = OPTIMISERS[name](learning_rate=0.1)
    params: Params = {"W1": np.ones((2, 3), dtype=np.float32), "b1": np.ones(3, dtype=np.float32)}
    grads = {key: 2 * value for key, value in params.items()}
    state = optimiser.init(params)
    moved, later = optimiser.step(params, grads, state)
    again, _ = optimiser.step(params, grads, state)
    assert all((params[key] == 1).all() and (grads[key] == 2).all() for key in params)
    assert all((moved[key] == again[key]).all() and moved[key].dtype == np.float32 for key in params)
    moved, _ = optimiser.step(moved, grads, later)
    assert all((moved[key] < 1).all() and moved[key].dtype == np.float32 for key in params)


@pytest.mark.parametrize("name", list(OPTIMISERS))
def test_a_missing_gradient_is_refused(name: str) -> None:
    optimiser = OPTIMISERS[name](learning_rate=0.1)
    params: Params = {"W1": np.ones(2), "b1": np.ones(2)}
    with pytest.raises(UsageError, match="no gradient or state for b1"):
        optimiser.step(params, {"W1": np.ones(2)}, optimiser.init(params))


def test_impossible_settings_are_refused() -> None:
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="learning_rate is"):
            GradientDescent(bad)
    with pytest.raises(UsageError, match="momentum is 1"):
        Momentum(0.1, 1.0)
    with pytest.raises(UsageError, match=r"beta2 is -0.1; it must be at least 0 and below 1"):
        Adam(beta2=-0.1)
    with pytest.raises(UsageError, match="epsilon is 0"):
        RMSProp(epsilon=0)
