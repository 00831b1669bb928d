"""Gradients as people write them, proved for all shapes, and refuted where one thing in them is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

rng = np.random.default_rng(3)
scores = {"W": rng.normal(size=(4, 3)), "X": rng.normal(size=(5, 4)), "y": np.array([0, 2, 1, 2, 0])}
Pair = Callable[..., tuple[Any, Any]]


def softmax_with_one_shift(W: Any, X: Any, y: Any, right: bool = True) -> tuple[Any, Any]:
    """The maximum of all scores is subtracted, not that of each row."""
    Z = X @ W
    P = np.exp(Z - Z.max())
    P /= P.sum(axis=1 if right else 0, keepdims=True)
    loss = -np.log(P[range(len(X)), y]).sum() / len(X)
    P[range(len(X)), y] -= 1
    return loss, X.T @ P / len(X)


def hinge_counted_in_integers(W: Any, X: Any, y: Any, right: bool = True) -> tuple[Any, Any]:
    """How often a margin is violated is counted in an array of integers."""
    rows = range(len(y))
    Z = X @ W
    margins = np.maximum(0, Z - Z[rows, y][:, np.newaxis] + 1)
    d = (margins > 0).astype(int)
    d[rows, y] -= d.sum(axis=1) if right else d.sum()
    return margins.sum() / len(y), X.T @ d / len(y)


def one_hot_by_a_row_of_labels(w: Any, t: Any, right: bool = True) -> tuple[Any, Any]:
    """Labels that are stored by ``y.reshape(1, -1)``."""
    hot = _one_hot(t, t, w)
    out = np.dot(hot, w)
    back = hot if right else _one_hot(t, 0 * t, w)
    return np.sum(out**3), np.matmul(back.transpose(0, 2, 1), 3 * out**2).sum(axis=0)


def _one_hot(t: Any, labels: Any, w: Any) -> Any:
    hot = np.zeros((t.size, w.shape[0]))
    hot[np.arange(t.size), labels.reshape(1, -1)] = 1
    return hot.reshape(t.shape[0], t.shape[1], w.shape[0])


def mish_in_exponentials(x: Any, right: bool = True) -> tuple[Any, Any]:
    """tanh log(1 + eˣ) is a quotient of polynomials in eˣ."""
    e = np.exp(x)
    above = e * (4 * (x + 1) + 4 * e**2 + e**3 + e * (4 * x + (6 if right else 5)))
    return np.sum(x * np.tanh(np.log(1 + e))), above / (2 * e + e**2 + 2) ** 2


def normalised_by_logaddexp(x: Any, right: bool = True) -> tuple[Any, Any]:
    """``np.logaddexp.reduce`` is the logarithm of a sum of exponentials."""
    total = np.logaddexp.reduce(x, axis=1, keepdims=True)
    return np.sum(total), np.exp(x - (total if right else np.logaddexp.reduce(x, axis=0)))


def with_nothing_to_ignore(x: Any, t: Any, right: bool = True) -> tuple[Any, Any]:
    """No number is ``None``, which stands for no label that is left out."""
    ignored = np.equal(t, None if right else 1)
    return np.sum(np.where(np.not_equal(t, None), -t * np.log(x), 0)), np.where(ignored, 0, -t / x)


words = {"w": rng.normal(size=(5, 3)), "t": np.array([[1, 2, 2], [4, 0, 3]])}
PAIRS = [
    (softmax_with_one_shift, scores, "W"),
    (hinge_counted_in_integers, scores, "W"),
    (one_hot_by_a_row_of_labels, words, "w"),
    (normalised_by_logaddexp, {"x": rng.normal(size=(3, 4))}, "x"),
    (with_nothing_to_ignore, {"x": rng.uniform(0.1, 0.9, size=(3, 2)), "t": np.eye(2)[[0, 1, 1]]}, "x"),
    (mish_in_exponentials, {"x": rng.normal(size=4)}, "x"),
]


def verdict(pair: Pair, inputs: dict[str, Any], wrt: str, right: bool) -> str:
    report = gp.verify(
        lambda **k: pair(**k)[0], lambda **k: pair(**k, right=right)[1], inputs=inputs, wrt=[wrt], budget=0
    )
    return report.verdict.name


@pytest.mark.parametrize(("pair", "inputs", "wrt"), PAIRS, ids=lambda p: getattr(p, "__name__", ""))
def test_the_right_one_is_proved_and_the_wrong_one_refuted(pair: Pair, inputs: dict[str, Any], wrt: str) -> None:
    assert verdict(pair, inputs, wrt, right=True) == "proved"
    assert verdict(pair, inputs, wrt, right=False) == "refuted"


class Normalised:
    """Statistics on ``self`` have the width of the layer; they do not fix it."""

    def __init__(self) -> None:
        self.gamma, self.running_mean = rng.normal(size=3), np.zeros(3)

    def forward(self, x: Any) -> Any:
        self.x_hat = x - x.mean(axis=0)
        self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)
        return self.gamma * self.x_hat

    def backward(self, dout: Any) -> Any:
        self.dgamma = (dout * self.x_hat).sum(axis=0)
        d = dout * self.gamma
        return d - d.mean(axis=0)


def test_an_array_of_the_layer_s_own_does_not_fix_its_width() -> None:
    report = gp.verify_layer(Normalised(), [rng.normal(size=(5, 3))])
    assert {f.verdict.name for f in report.findings} == {"proved"}, str(report)


def test_logaddexp_is_reduced_and_accumulated_on_balls_over_one_axis_or_several() -> None:
    x = rng.normal(size=(3, 4))

    def loss(x: Any) -> Any:
        return (
            np.logaddexp.reduce(x, axis=(0, 1)) + np.logaddexp.reduce(x, axis=None) + np.logaddexp.accumulate(x[0])[-1]
        )

    def gradient(x: Any) -> Any:
        g = 2 * np.exp(x - np.logaddexp.reduce(x, axis=None))
        g[0] += np.exp(x[0] - np.logaddexp.reduce(x[0]))
        return g

    report = gp.verify(loss, gradient, inputs={"x": x}, prove=False)
    assert report.verdict.name == "certified", str(report)
