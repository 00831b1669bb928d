"""The lectures' script: its increments are the negative gradient of ½Σ(y − a)², and its error falls as shown."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradproof.errors import UsageError
from gradproof.numeric.reference import lecture
from gradproof.numeric.reference.differences import compare, complex_step
from gradproof.numeric.reference.network import Layer, ReferenceNetwork

SYN0, SYN1 = lecture.initial_weights(3)


def test_the_increments_equal_minus_the_gradient_of_half_the_squared_errors() -> None:
    def cost(weights: Any) -> Any:
        a = lecture.X
        for w in weights:
            a = 1 / (1 + anp.exp(-anp.dot(a, w)))
        return anp.sum((lecture.Y - a) ** 2) / 2

    increments = lecture.update(SYN0, SYN1, lecture.X, lecture.Y)
    for increment, slope in zip(increments, autograd.grad(cost)((SYN0, SYN1)), strict=True):
        assert_allclose(increment, -slope, rtol=1e-12)
    assert lecture.loss(SYN0, SYN1, lecture.X, lecture.Y) == pytest.approx(cost((SYN0, SYN1)), rel=1e-14)


def test_the_increments_are_those_of_the_reference_network_without_biases() -> None:
    net = ReferenceNetwork([Layer(3, 4, "sigmoid", bias=False), Layer(4, 1, "sigmoid", bias=False)], "sum_squares")
    grads = net.gradient({"W1": SYN0, "W2": SYN1}, lecture.X, lecture.Y)
    increments = lecture.update(SYN0, SYN1, lecture.X, lecture.Y)
    assert_allclose(increments[0], -grads["W1"], rtol=1e-12)
    assert_allclose(increments[1], -grads["W2"], rtol=1e-12)


def test_subtracting_the_increments_would_be_the_wrong_sign() -> None:
    reference = complex_step(
        lambda p: lecture.loss(p["syn0"], p["syn1"], lecture.X, lecture.Y), {"syn0": SYN0, "syn1": SYN1}
    )
    d0, d1 = lecture.update(SYN0, SYN1, lecture.X, lecture.Y)
    assert max(compare({"syn0": -d0, "syn1": -d1}, reference).values()) < 1e-12
    assert min(compare({"syn0": d0, "syn1": d1}, reference).values()) > 1


def test_initial_weights_lie_in_the_unit_interval_and_follow_the_seed() -> None:
    assert SYN0.shape == (3, 4) and SYN1.shape == (4, 1)
    assert max(np.abs(SYN0).max(), np.abs(SYN1).max()) <= 1
    assert (lecture.initial_weights(3)[0] == SYN0).all() and (lecture.initial_weights(4)[0] != SYN0).any()


def test_the_mean_error_falls_below_a_hundredth_in_60_000_steps() -> None:
    run = lecture.train()
    assert run.steps == (0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000)
    assert list(run.errors) == sorted(run.errors, reverse=True)
    assert 0.4 < run.errors[0] < 0.6 and run.errors[-1] < 0.01
    _, a = lecture.forward(run.syn0, run.syn1, lecture.X)
    assert (np.round(a) == lecture.Y).all()


def test_the_last_step_is_noted_even_between_intervals() -> None:
    assert lecture.train(steps=25, every=10).steps == (0, 10, 20, 25)
    with pytest.raises(UsageError, match="at least 1"):
        lecture.train(every=0)
