"""Parts that stand side by side along an axis become one concatenation, against autograd on plain arrays."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp

m, n, k = gp.dims("m n k")
W, V, b = gp.array("W", (m, 3 * k)), gp.array("V", (n + 1, m)), gp.array("b", (m, n))
VALUES = {name: np.random.default_rng(5).normal(size=s) for name, s in {"W": (4, 6), "V": (6, 4), "b": (4, 5)}.items()}


def gates(np, W, V, b):
    width = W.shape[1] // 3
    return np.sum(np.tanh(W[:, :width]) * np.exp(W[:, width : 2 * width]) * W[:, 2 * width :])


LOSSES = {
    "gates": (gates, "W", True),
    "one part, zeros elsewhere": (lambda np, W, V, b: np.sum(np.exp(V[1:])), "V", False),
    "the first row and the rest": (lambda np, W, V, b: np.sum(V[:1] ** 3) + np.sum(np.exp(V[1:] @ b)), "V", True),
    "parts that overlap": (lambda np, W, V, b: np.sum((V[1:] - V[:-1]) ** 2), "V", False),
    "joined arrays": (lambda np, W, V, b: np.sum(np.tanh(np.concatenate([V.T, b], axis=1)) ** 2), "b", False),
}


@pytest.mark.parametrize("case", LOSSES)
def test_gradients_by_slices_are_those_of_autograd(case):
    loss, name, joined = LOSSES[case]
    arrays = {"W": W, "V": V, "b": b}
    gradient = gp.grad(loss(np, **arrays), arrays[name])
    used = {i.name for i in gradient.system().inputs}
    expected = autograd.grad(lambda value: loss(anp, **(VALUES | {name: value})))(VALUES[name])
    assert np.allclose(gradient.evaluate({i: VALUES[i] for i in used}), expected, rtol=1e-12)
    assert ("np.concatenate" in gradient.numpy()) or not joined


def test_a_concatenation_is_one_in_code():
    joined = np.concatenate([b, V.T, W], axis=1)
    assert "np.concatenate([b, V.T, W], axis=1)" in joined.numpy()
    given = [VALUES["b"], VALUES["V"].T, VALUES["W"]]
    assert np.array_equal(joined.evaluate(VALUES), np.concatenate(given, axis=1))


def test_parts_may_be_empty_and_keep_the_dtype():
    padded = np.pad(b, ((0, 0), (2, 1)))
    for size in (0, 3):
        given = np.ones((2, size), dtype=np.float32)
        assert np.array_equal(padded.evaluate({"b": given}), np.pad(given, ((0, 0), (2, 1))))
        assert padded.evaluate({"b": given}).dtype == np.float32


def test_a_gradient_by_gates_has_no_index_arrays():
    source = gp.grad(gates(np, W, V, b), W).numpy()
    assert "np.clip" not in source and "np.arange" not in source
