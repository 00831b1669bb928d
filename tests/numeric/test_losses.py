"""The losses against sums written out, automatic differentiation and limits; each convention as it is stated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradproof.errors import ShapeError
from gradproof.numeric.reference.losses import (
    LOSSES,
    argmax_accuracy,
    l1_gradient,
    l1_penalty,
    l2_gradient,
    l2_penalty,
    log_sum_exp,
)

M, K = 5, 3
RNG = np.random.default_rng(7)
SCORES = 2 * RNG.normal(size=(M, K))
PROBABILITIES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
ONE_HOT = np.eye(K)[RNG.integers(0, K, M)]
BITS = RNG.integers(0, 2, (M, K)).astype(float)

# A second statement of each loss, in the form of a textbook, for automatic differentiation.
ORACLES: dict[str, tuple[Callable[[Any, Any], Any], Any, Any]] = {
    "mse": (lambda a, y: anp.mean(anp.sum((a - y) ** 2, axis=1)), SCORES, BITS),
    "half_mse": (lambda a, y: 0.5 * anp.mean(anp.sum((a - y) ** 2, axis=1)), SCORES, BITS),
    "sum_squares": (lambda a, y: 0.5 * anp.sum((a - y) ** 2), SCORES, BITS),
    "cross_entropy": (lambda p, y: -anp.mean(anp.sum(y * anp.log(p), axis=1)), PROBABILITIES, ONE_HOT),
    "cross_entropy_with_logits": (
        lambda z, y: -anp.mean(anp.log(anp.sum(y * anp.exp(z), axis=1) / anp.sum(anp.exp(z), axis=1))),
        SCORES, ONE_HOT,
    ),
    "binary_cross_entropy": (
        lambda p, y: -anp.mean(anp.sum(y * anp.log(p) + (1 - y) * anp.log(1 - p), axis=1)), PROBABILITIES, BITS,
    ),
    "binary_cross_entropy_with_logits": (
        lambda z, y: anp.mean(anp.sum(anp.log(1 + anp.exp(-(2 * y - 1) * z)), axis=1)), SCORES, BITS,
    ),
    "hinge": (lambda a, y: anp.mean(anp.sum(anp.maximum(0, 1 - y * a), axis=1)), SCORES, 2 * BITS - 1),
    "huber": (
        lambda a, y: anp.mean(
            anp.sum(anp.where(anp.abs(a - y) <= 1, (a - y) ** 2 / 2, anp.abs(a - y) - 0.5), axis=1)
        ),
        SCORES, BITS,
    ),
}  # fmt: skip


def test_every_loss_has_an_oracle_and_states_its_convention() -> None:
    assert set(ORACLES) == set(LOSSES)
    assert all(name == loss.name and "Σ" in loss.doc for name, loss in LOSSES.items())


@pytest.mark.parametrize("name", list(LOSSES))
def test_value_and_gradient_equal_the_textbook_form_differentiated(name: str) -> None:
    oracle, prediction, target = ORACLES[name]
    assert_allclose(LOSSES[name].value(prediction, target), oracle(prediction, target), rtol=1e-13)
    expected = autograd.grad(oracle)(prediction, target)
    assert_allclose(LOSSES[name].gradient(prediction, target), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", list(LOSSES))
def test_float32_stays_float32(name: str) -> None:
    _, prediction, target = ORACLES[name]
    low = prediction.astype(np.float32), target.astype(np.float32)
    assert LOSSES[name].value(*low).dtype == np.float32
    assert LOSSES[name].gradient(*low).dtype == np.float32


@pytest.mark.parametrize("name", list(LOSSES))
def test_targets_of_another_shape_are_refused_not_broadcast(name: str) -> None:
    for function in (LOSSES[name].value, LOSSES[name].gradient):
        with pytest.raises(ShapeError, match=r"\(4, 1\).*\(4,\)"):
            function(np.ones((4, 1)) / 2, np.ones(4))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_losses_of_logits_survive_large_logits(dtype: Any) -> None:
    z, y = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype), np.array([[1.0, 0.0], [1.0, 0.0]], dtype=dtype)
    assert LOSSES["cross_entropy_with_logits"].value(z, y) == 1e4
    assert LOSSES["cross_entropy_with_logits"].gradient(z, y).tolist() == [[0.0, 0.0], [-0.5, 0.5]]
    assert LOSSES["binary_cross_entropy_with_logits"].value(z, y) == 1e4
    assert LOSSES["binary_cross_entropy_with_logits"].gradient(z, y).tolist() == [[0.0, 0.0], [-0.5, 0.5]]


def test_a_probability_of_zero_costs_nothing_where_the_target_is_zero() -> None:
    p, y = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
    for name in ("cross_entropy", "binary_cross_entropy"):
        assert LOSSES[name].value(p, y) == 0
        assert np.isfinite(LOSSES[name].gradient(p, y)).all()


def test_a_certain_mistake_costs_infinity() -> None:
    p, y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    with np.errstate(divide="ignore"):
        assert LOSSES["cross_entropy"].value(p, y) == np.inf
        assert LOSSES["binary_cross_entropy"].value(p, y) == np.inf


def test_log_sum_exp_of_large_and_small_numbers() -> None:
    assert_allclose(log_sum_exp(np.array([[1e4, 1e4], [-1e4, -1e4]])), [[1e4 + np.log(2)], [-1e4 + np.log(2)]])


def test_penalties_and_their_gradients() -> None:
    W = np.array([[1.0, -2.0], [0.0, 3.0]])
    assert l2_penalty(W, 0.1) == pytest.approx(0.05 * 14)
    assert l1_penalty(W, 0.1) == pytest.approx(0.6)
    assert l2_gradient(W, 0.1).tolist() == (0.1 * W).tolist()
    assert l1_gradient(W, 0.1).tolist() == [[0.1, -0.1], [0.0, 0.1]]


def test_accuracies_follow_the_kind_of_prediction() -> None:
    assert argmax_accuracy(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([[0.0, 1.0], [0.0, 1.0]])) == 0.5
    column = np.array([[0.7], [0.2], [-0.5], [0.6]])
    rules = {name: loss.accuracy for name, loss in LOSSES.items()}
    bits, signs = np.array([[1.0], [1.0], [0.0], [1.0]]), np.array([[1.0], [1.0], [-1.0], [1.0]])
    assert rules["binary_cross_entropy"] is not None and rules["binary_cross_entropy"](column, bits) == 0.75
    logits = rules["binary_cross_entropy_with_logits"]
    assert logits is not None and logits(column, bits) == 1.0
    assert rules["hinge"] is not None and rules["hinge"](column, signs) == 1.0
    assert rules["mse"] is None
