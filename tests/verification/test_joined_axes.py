"""Axes that are joined, worked on row by row, and taken apart again: ⌊(h a + b)/h⌋ = a for b below h."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import gradproof as gp
from gradproof.symbolic.equations.digits import lowest

rng = np.random.default_rng(5)
x = rng.normal(size=(2, 3, 4))
y = np.array([[0, 2, 1], [3, 2, 2]])
mask = np.array([[1, 1, 0], [1, 1, 1]]) > 0


def flat(x: Any, y: Any, mask: Any) -> tuple[Any, ...]:
    n, t, v = x.shape
    scores, labels, weights = x.reshape(n * t, v), y.reshape(n * t), mask.reshape(n * t)
    p = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    return p, labels, weights


def loss(x: Any, y: Any, mask: Any) -> Any:
    p, labels, weights = flat(x, y, mask)
    return -np.sum(weights * np.log(p[np.arange(len(labels)), labels])) / len(x)


def gradient(x: Any, y: Any, mask: Any) -> Any:
    d, labels, weights = flat(x, y, mask)
    d[np.arange(len(labels)), labels] -= 1
    d *= weights[:, None]
    return (d / len(x)).reshape(x.shape)


def by_other_labels(x: Any, y: Any, mask: Any) -> Any:
    """The labels of the steps, not of the examples, come first."""
    return gradient(x, np.reshape(y, (y.shape[1], y.shape[0])).T, mask)


def with_half_of_the_mask(x: Any, y: Any, mask: Any) -> Any:
    return gradient(x, y, mask) + gradient(x, y, 1 - mask) / 2


def verdict(grad: Any) -> Any:
    (finding,) = gp.verify(loss, grad, inputs={"x": x, "y": y, "mask": mask}, wrt=["x"], budget=0).findings
    return finding.verdict


def test_the_softmax_of_every_step_is_proved_through_the_joined_axis() -> None:
    found = verdict(gradient)
    assert found.name == "proved", found
    assert "y.shape[0] = x.shape[0]" in found.reason  # labels of shape (t, n) would do as well


@pytest.mark.parametrize("wrong", [by_other_labels, with_half_of_the_mask])
def test_a_step_that_takes_the_wrong_row_is_refuted(wrong: Any) -> None:
    assert verdict(wrong).name == "refuted"


def test_an_index_is_a_digit_only_if_it_stays_below_the_size() -> None:
    a, b = sp.symbols("a b", integer=True)
    m, h = sp.symbols("m h", integer=True, positive=True)
    row = sp.floor((h * a + b) / h, evaluate=False)
    below, above = {a: (0, m - 1), b: (0, h - 1)}, {a: (0, m - 1), b: (0, h)}
    assert lowest([row], below) == {b: h}
    assert lowest([row], above) == {} == lowest([sp.Mod(h * a + 2 * b, h, evaluate=False)], below)
