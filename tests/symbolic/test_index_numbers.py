"""Index arrays of numbers at equal distances are index arithmetic: ``p[np.arange(6), y]`` reads as for any m."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

RNG = np.random.default_rng(5)
NUMBERS = {
    "p": RNG.random((6, 4)) + 0.1,
    "y": np.array([0, 3, 1, 1, 2, 0]),
    "W": RNG.normal(size=(5, 4)),
    "X": RNG.normal(size=(6, 5)),
}
p, W, X = gp.array("p", (6, 4), positive=True), gp.array("W", (5, 4)), gp.array("X", (6, 5))
y = gp.array("y", (6,), integer=True)

KEYS: dict[str, Any] = {
    "every row": np.arange(6),
    "every second row": np.arange(0, 6, 2),
    "from the end": np.arange(5, -1, -1),
    "counted from the end": np.arange(-6, 0),
    "a column of rows": np.arange(6)[:, None],
    "one row twice": np.array([2, 2, 3]),
    "no progression": np.array([0, 1, 3]),
    "one row": np.array([4]),
    "none": np.array([], dtype=int),
}


@pytest.mark.parametrize("name", KEYS)
def test_what_is_read_and_its_gradient_are_those_of_numpy(name: str) -> None:
    key, weight = KEYS[name], RNG.normal(size=(*np.shape(KEYS[name]), 4))
    part = p[key]
    value, gradient = gp.compile([part, gp.grad(np.sum(part * weight), p)])(p=NUMBERS["p"])
    expected = np.zeros((6, 4))
    np.add.at(expected, key, weight)
    np.testing.assert_array_equal(value, NUMBERS["p"][key])
    np.testing.assert_allclose(gradient, expected, atol=1e-15)


def test_a_store_at_every_row_is_the_one_of_numpy() -> None:
    scores = p * 1
    scores[np.arange(6), y] -= 1
    expected = NUMBERS["p"].copy()
    expected[np.arange(6), NUMBERS["y"]] -= 1
    np.testing.assert_allclose(gp.compile(scores)(p=NUMBERS["p"], y=NUMBERS["y"]), expected)


@pytest.mark.parametrize("rows", [np.arange(6), range(6), list(range(6))])
def test_the_error_of_a_softmax_by_labels_is_p_minus_one_hot(rows: Any) -> None:
    z = X @ W
    probabilities = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(probabilities[rows, y]).mean()
    assert r"\left(p - \operatorname{onehot}\left(y\right)\right)" in gp.grad(loss, W).latex()
    wrong = -np.log(probabilities[np.arange(5, -1, -1), y]).mean()
    assert not gp.equal(gp.grad(loss, W), gp.grad(wrong, W))
