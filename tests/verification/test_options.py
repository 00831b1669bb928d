"""A dict of options among the inputs: its numbers are checked where there is a gradient for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import UsageError

rng = np.random.default_rng(4)
x, gamma = rng.normal(size=(4, 3)), rng.normal(size=3)


def dropout(x: Any, option: Any) -> Any:
    mask = (np.random.default_rng(option["seed"]).random(x.shape) < option["p"]) / option["p"]
    return x * mask, (mask, option)


def scaled(x: Any, gamma: Any, option: Any) -> Any:
    return gamma * x / option["scale"], (x, gamma, option["scale"])


def test_one_gradient_is_that_of_the_one_array() -> None:
    options = {"mode": "train", "p": 0.6, "seed": 3}
    report = gp.verify_backward(dropout, lambda dout, cache: dout * cache[0], [x, options], prove=False)
    assert report.ok and [f.name for f in report.findings] == ["x"], str(report)
    wrong = gp.verify_backward(dropout, lambda dout, cache: 2 * dout * cache[0], [x, options], prove=False, budget=0)
    assert wrong.verdict.name == "refuted"


@pytest.mark.parametrize("more", [False, True])
def test_several_gradients_are_those_of_the_arrays_unless_there_is_one_for_the_number_too(more: bool) -> None:
    def backward(dout: Any, cache: Any) -> Any:
        x, gamma, scale = cache
        found = dout * gamma / scale, (dout * x / scale).sum(axis=0)
        return (*found, -(dout * gamma * x).sum() / scale**2) if more else found

    report = gp.verify_backward(scaled, backward, [x, gamma, {"scale": 2.0}], prove=False)
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["x", "gamma", *(["option.scale"] if more else [])]


def test_a_number_that_is_no_option_is_an_input() -> None:
    with pytest.raises(UsageError, match="one array for 2 inputs: x, rate"):
        gp.verify_backward(lambda x, rate: rate * x, lambda dout, x, rate: rate * dout, [x, 0.5])
