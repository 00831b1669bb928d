"""What a forward pass leaves on ``self`` is no parameter, even where backward keeps a gradient of it beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradproof as gp

rng = np.random.default_rng(11)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


class Rectifier:
    """No parameter at all: ``inputs`` is a cache, and ``dinputs`` looks like its gradient."""

    slope = 1.0

    def forward(self, inputs: Any) -> Any:
        self.inputs = inputs
        return np.maximum(0, inputs)

    def backward(self, dvalues: Any) -> Any:
        self.dinputs = self.slope * dvalues
        self.dinputs[self.inputs <= 0] = 0
        return self.dinputs


class Dense:
    def __init__(self) -> None:
        self.w, self.b = normal(4, 3), normal(3)

    def forward(self, inputs: Any) -> Any:
        self.inputs = inputs
        return inputs @ self.w + self.b

    def backward(self, dvalues: Any) -> Any:
        self.dw, self.db = self.inputs.T @ dvalues, dvalues.sum(axis=0)
        self.dinputs = dvalues @ self.w.T
        return self.dinputs


class WithoutBias(Dense):
    """Its backward pass has a gradient for a bias that its forward pass forgets."""

    def forward(self, inputs: Any) -> Any:
        self.inputs = inputs
        return inputs @ self.w


def names(report: gp.Report) -> list[str]:
    return [finding.name for finding in report.findings]


def test_the_cache_of_a_layer_without_parameters_is_not_checked() -> None:
    report = gp.verify_layer(Rectifier(), [normal(4, 3)])
    assert report.ok and names(report) == ["inputs"], str(report)
    assert not report.notes


def test_a_layer_without_parameters_can_still_be_wrong() -> None:
    wrong = Rectifier()
    wrong.slope = 2.0
    report = gp.verify_layer(wrong, [normal(4, 3)], budget=0)
    assert report.verdict.name == "refuted" and names(report) == ["inputs"]


def test_a_layer_that_has_been_used_is_checked_like_a_new_one() -> None:
    used = Dense()
    used.forward(normal(6, 4))
    used.backward(normal(6, 3))
    report = gp.verify_layer(used, [normal(5, 4)], prove=False)
    assert report.ok and names(report) == ["inputs", "self.w", "self.b"], str(report)


def test_a_parameter_that_forward_forgets_is_no_cache() -> None:
    used = WithoutBias()
    used.forward(normal(6, 4))
    used.backward(normal(6, 3))
    for layer in (WithoutBias(), used):
        report = gp.verify_layer(layer, [normal(5, 4)], prove=False, budget=0)
        assert {f.name: f.verdict.name for f in report.findings}["self.b"] == "refuted", str(report)


class Dilated:
    """The kernel is spread over a buffer of zeros, which keeps its zeros in between."""

    def __init__(self) -> None:
        self.w, self.spread = normal(3), np.zeros(5)

    def forward(self, x: Any) -> Any:
        self.x = x
        for k in range(len(self.w)):
            self.spread[2 * k] = self.w[k]
        return x @ self.spread

    def backward(self, dvalues: Any) -> Any:
        self.dw = (dvalues @ self.x)[::2]
        return np.outer(dvalues, self.spread)


def test_a_buffer_of_zeros_that_forward_fills_is_data() -> None:
    report = gp.verify_layer(Dilated(), [normal(4, 5)], prove=False)
    assert report.ok and names(report) == ["x", "self.w"], str(report)
    assert any("self.spread counts as data" in note for note in report.notes)


class Centred(Dense):
    """Zeros that forward leaves as they are may be a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = np.zeros(4)

    def forward(self, inputs: Any) -> Any:
        return super().forward(inputs - self.shift)


def test_zeros_that_are_only_read_are_no_buffer() -> None:
    report = gp.verify_layer(Centred(), [normal(5, 4)], prove=False)
    assert {f.name: f.verdict.name for f in report.findings}["self.shift"] == "unknown"
