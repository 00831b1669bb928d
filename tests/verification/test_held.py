"""Data that the code holds (a closure, a module, an object) does not fix what is proved: it holds for all such data."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp

normal = np.random.default_rng(5).standard_normal
DATA, TARGET = normal((6, 3)), normal(6)
LABELS = np.array([0, 2, 1, 1, 0, 3])
SYMMETRIC = np.array([[2.0, 1, 0], [1, 3, 1], [0, 1, 4]])


def squares(w, X, y):
    return np.mean((X @ w - y) ** 2)


def squares_gradient(w, X, y):
    return 2 * X.T @ (X @ w - y) / len(y)


def module_squares(w):
    return np.mean((DATA @ w - TARGET) ** 2)


def module_gradient(w):
    return 2 * DATA.T @ (DATA @ w - TARGET) / len(TARGET)


class Regression:
    def __init__(self, X, y):
        self.batch = {"X": X, "y": y}
        self.total = np.zeros(X.shape[1])

    def loss(self, w):
        return squares(w, self.batch["X"], self.batch["y"])

    def gradient(self, w):
        return squares_gradient(w, self.batch["X"], self.batch["y"])

    def summed(self, w):
        total = self.total.copy()  # zeros: right for these alone
        total += squares_gradient(w, self.batch["X"], self.batch["y"])
        return total


def softmax(W):
    Z = DATA @ W
    return np.mean(np.log(np.exp(Z).sum(1)) - Z[np.arange(len(Z)), LABELS])


def softmax_gradient(W):
    P = np.exp(DATA @ W)
    P /= P.sum(1, keepdims=True)
    P[np.arange(len(P)), LABELS] -= 1
    return DATA.T @ P / len(P)


def form(w):
    return w @ SYMMETRIC @ w


def form_gradient(w):
    return 2 * SYMMETRIC @ w  # right for this matrix, since it is symmetric


HELD = Regression(DATA.copy(), TARGET.copy())


@pytest.mark.parametrize(
    ("loss", "gradient", "w", "names"),
    [
        (lambda w: squares(w, DATA, TARGET), lambda w: squares_gradient(w, DATA, TARGET), normal(3), "DATA, TARGET"),
        (module_squares, module_gradient, normal(3), "DATA, TARGET"),
        (HELD.loss, HELD.gradient, normal(3), "X, y"),
        (softmax, softmax_gradient, normal((3, 4)), "DATA, LABELS"),
    ],
    ids=["closure", "module", "object", "labels"],
)
def test_a_gradient_is_proved_for_all_data_that_the_code_may_hold(loss, gradient, w, names):
    report = gp.verify(loss, gradient, {next(iter(_names(loss))): w})
    assert report.verdict.name == "proved"
    assert f"and all values of {names}, which the code holds" in report.findings[0].verdict.reason


def test_arrays_in_closures_are_held_whatever_else_the_closures_hold():
    scale, X, y, predict = 2.0, DATA.copy(), TARGET.copy(), np.dot

    def loss(w):
        return scale * np.mean((predict(X, w) - y) ** 2)

    def gradient(w):
        return 2 * scale * X.T @ (predict(X, w) - y) / len(y)

    report = gp.verify(loss, gradient, {"w": normal(3)})
    assert report.verdict.name == "proved"
    assert "and all values of X, y, which the code holds" in report.findings[0].verdict.reason


def _names(function):
    code = function.__code__
    return [name for name in code.co_varnames[: code.co_argcount] if name != "self"]


def test_a_closure_over_data_is_refuted_as_the_function_itself_is():
    def gradient(w):
        return 2 * DATA.T @ (DATA @ w + TARGET) / len(TARGET)

    assert gp.verify(module_squares, gradient, {"w": normal(3)}).verdict.name == "refuted"


@pytest.mark.parametrize(("loss", "gradient"), [(form, form_gradient), (HELD.loss, HELD.summed)])
def test_what_is_right_only_for_the_data_at_hand_is_not_said_to_hold_for_all(loss, gradient):
    report = gp.verify(loss, gradient, {"w": normal(3)})
    assert report.ok
    assert all("which the code holds" not in finding.verdict.reason for finding in report.findings)


def test_the_data_are_left_as_they_were():
    before = HELD.batch["X"].copy(), HELD.batch["y"].copy()
    gp.verify(HELD.loss, HELD.gradient, {"w": normal(3)})
    assert (HELD.batch["X"] == before[0]).all() and (HELD.batch["y"] == before[1]).all()
