"""At a corner every one-sided value is right, what lies outside of them is wrong, and a harmless tie is no corner."""

from __future__ import annotations

import numpy as np
import pytest

from gradproof.numeric.verification.verify import verify

RNG = np.random.default_rng(3)
X = RNG.standard_normal((5, 3))
ZERO = {"X": X, "W": np.zeros((3, 2)), "b": np.zeros(2)}


def relu_loss(X, W, b):
    return np.sum(np.maximum(0, X @ W + b))


def with_mask(mask):
    def grad(X, W, b):
        d = mask(X @ W + b)
        return {"W": X.T @ d, "b": d.sum(axis=0)}

    return grad


@pytest.mark.parametrize(
    "mask",
    [lambda z: (z > 0) * 1.0, lambda z: (z >= 0) * 1.0, lambda z: np.where(z < 0, 0.0, 1.0)],
    ids=["zero at zero", "one at zero", "where"],
)
def test_both_conventions_of_a_relu_are_accepted_at_its_corner_and_the_line_is_named(mask):
    report = verify(relu_loss, with_mask(mask), ZERO, ["W", "b"])
    assert report.ok, str(report)
    assert any("on a corner in test_kinks.py" in note and "one-sided" in note for note in report.notes)


def test_a_value_between_the_one_sided_derivatives_is_accepted_and_said_to_be_between():
    report = verify(relu_loss, with_mask(lambda z: 0.5 + 0.5 * np.sign(z)), ZERO, ["W", "b"])
    assert report.ok, str(report)
    assert any("between the one-sided derivatives" in note for note in report.notes)


@pytest.mark.parametrize("value", [-0.5, 1.5, 7.0])
def test_a_value_outside_of_the_one_sided_derivatives_is_refuted_at_the_corner(value):
    report = verify(relu_loss, with_mask(lambda z: np.where(z == 0, value, z > 0)), ZERO, ["W", "b"], budget=0)
    assert report.verdict.name == "refuted", str(report)
    assert all("one-sided" in f.verdict.reason for f in report.findings if not f.ok)


def test_a_maximum_at_a_tie_belongs_to_one_of_the_tied_and_not_to_both():
    x = {"x": np.array([1.0, 3.0, 3.0, 2.0])}

    def first(x):
        g = np.zeros_like(x)
        g[np.argmax(x)] = 2 * np.max(x)
        return g

    assert verify(lambda x: np.max(x) ** 2, first, x).ok
    both = verify(lambda x: np.max(x) ** 2, lambda x: 2 * np.max(x) * (x == np.max(x)), x)
    assert both.verdict.name == "refuted"
    half = verify(lambda x: np.max(x) ** 2, lambda x: 2 * np.max(x) * (x == np.max(x)) / np.sum(x == np.max(x)), x)
    assert half.ok, str(half)


def test_the_maximum_that_a_softmax_subtracts_is_no_corner():
    def loss(W):
        s = X @ W
        s = s - s.max(axis=1, keepdims=True)
        return -np.sum(s[:, 0] - np.log(np.sum(np.exp(s), axis=1)))

    def grad(W):
        e = np.exp(X @ W)
        p = e / e.sum(axis=1, keepdims=True)
        p[:, 0] -= 1
        return X.T @ p

    report = verify(loss, grad, {"W": np.zeros((3, 2))})
    assert report.ok, str(report)
    assert not any("corner" in note for note in report.notes)


def test_an_absolute_value_at_zero_takes_any_slope_from_minus_one_to_one():
    w = {"w": np.array([0.0, 2.0, -1.0])}
    for at_zero in (-1.0, 0.0, 0.3, 1.0):
        report = verify(lambda w: np.sum(np.abs(w)), lambda w, v=at_zero: np.where(w == 0, v, np.sign(w)), w, "w")
        assert report.ok, f"{at_zero}: {report}"
    beyond = verify(lambda w: np.sum(np.abs(w)), lambda w: np.where(w == 0, 1.1, np.sign(w)), w, budget=0)
    assert beyond.verdict.name == "refuted"


def test_corners_in_two_lines_may_follow_two_conventions():
    def loss(u, v):
        a = np.maximum(u, 0)
        c = np.maximum(v, 0)
        return np.sum(a) + 2 * np.sum(c)

    def grad(u, v):
        return {"u": (u > 0) * 1.0, "v": 2.0 * (v >= 0)}

    report = verify(loss, grad, {"u": np.zeros(2), "v": np.zeros(3)})
    assert report.ok, str(report)


def test_hinge_at_the_margin_is_accepted_on_either_side():
    y = np.array([1.0, -1.0, 1.0])
    inputs = {"w": np.array([1.0, 0.0]), "X": np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, 1.0]]), "y": y}

    def loss(w, X, y):
        return np.mean(np.maximum(0, 1 - y * (X @ w)))

    for mask in (np.less, np.less_equal):
        grad = lambda w, X, y, mask=mask: -X.T @ (y * mask(y * (X @ w), 1)) / len(y)  # noqa: E731
        report = verify(loss, grad, inputs, "w")
        assert report.ok, str(report)
        assert any("corner" in note for note in report.notes)
