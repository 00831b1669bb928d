"""A penalty that the gradient puts on the intercept too is named, with the line: the commonest slip of ridge models."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp


def ridge(w, X, y, c):
    return np.mean((X @ w - y) ** 2) + c * np.sum(w[1:] ** 2)


def by_a_statement(w, X, y, c):
    g = 2 * X.T @ (X @ w - y) / len(X)
    g += 2 * c * w
    return g


def by_a_term(w, X, y, c):
    return 2 * X.T @ (X @ w - y) / len(X) + 2 * c * w


def softmax(w, X, Y, c):
    Z = X @ w
    return np.mean(np.log(np.exp(Z).sum(1)) - (Z * Y).sum(1)) + c / 2 * np.sum(w[:, :-1] ** 2)


def softmax_gradient(w, X, Y, c):
    P = np.exp(X @ w)
    P /= P.sum(1, keepdims=True)
    G = X.T @ (P - Y) / len(X)
    G += c * w
    return G


normal = np.random.default_rng(0).standard_normal
NUMBERS = {"w": normal(4), "X": normal((6, 4)), "y": normal(6), "c": 0.3}
CLASSES = {"w": normal((3, 4)), "X": normal((5, 3)), "Y": normal((5, 4)), "c": 0.3}


@pytest.mark.parametrize(
    ("loss", "gradient", "inputs", "mend"),
    [
        (ridge, by_a_statement, NUMBERS, "g[1:] += 2 * c * w[1:]"),
        (ridge, by_a_term, NUMBERS, "np.concatenate((np.zeros_like(w[:1]), w[1:]))"),
        (softmax, softmax_gradient, CLASSES, "G[:, :-1] += c * w[:, :-1]"),
    ],
)
def test_a_penalty_on_the_intercept_is_named(loss, gradient, inputs, mend):
    (finding,) = gp.verify(loss, gradient, inputs, "w").findings
    assert (finding.verdict.name, finding.cause) == ("refuted", "penalty")
    assert f"right with `{mend}` for" in finding.diagnosis and "c * w`" in finding.line
