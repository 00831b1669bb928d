"""A maximum that is subtracted, and held constant in the gradient, beside a guarded denominator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

x = np.random.default_rng(8).normal(size=(4, 3))


class Softmax:
    """The guard is the only thing that keeps the shift in the quotient."""

    def __init__(self, guard: float, spare: float = 1.0) -> None:
        self.guard, self.spare = guard, spare

    def forward(self, x: Any) -> Any:
        e = np.exp(x - np.max(x, axis=-1, keepdims=True))
        self.p = e / (e.sum(axis=-1, keepdims=True) + self.guard)
        return self.p

    def backward(self, dout: Any) -> Any:
        return self.spare * self.p * (dout - np.sum(dout * self.p, axis=-1, keepdims=True))


class Shifted:
    """Here the shift changes the value, and no guard is to blame."""

    def forward(self, x: Any) -> Any:
        self.s = 1 / (1 + np.exp(x.max(axis=-1, keepdims=True) - x + 1e-10))
        return self.s

    def backward(self, dout: Any) -> Any:
        return dout * self.s * (1 - self.s)


def verdict(layer: Any, **options: Any) -> Any:
    return gp.verify_layer(layer, [x], prove=False, budget=0, **options)


def test_it_is_right_but_for_the_guard() -> None:
    report = verdict(Softmax(1e-10))
    assert report.verdict.name == "guarded" and "1e-10" in str(report), str(report)
    assert verdict(Softmax(1e-10), allow="guarded").ok
    assert verdict(Softmax(0.0)).verdict.name == "certified"


@pytest.mark.parametrize("layer", [Softmax(0.1), Softmax(1e-10, spare=1 + 1e-10), Shifted()])
def test_what_is_no_guard_is_no_excuse(layer: Any) -> None:
    assert verdict(layer).verdict.name == "refuted"
