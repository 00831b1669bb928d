"""Slices that end at a number: what is proved holds from that size on, and below it where it is proved there, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

w = np.random.default_rng(0).normal(size=5)
X = np.random.default_rng(1).normal(size=(4, 5))


def first_two(w: Any) -> Any:
    return np.sum(w[:2] ** 2)


def gradient_of_first_two(w: Any) -> Any:
    g = np.zeros_like(w)
    g[:2] = 2 * w[:2]
    return g


def right_from_two_on(w: Any) -> Any:
    g = np.zeros_like(w)
    g[:2] = len(w[:2]) * w[:2]  # of one entry, the gradient is not 1 · w
    return g


def parts(X: Any, w: Any) -> Any:
    return np.sum(np.tanh(X[:, :3] @ w[:3])) + np.sum((X[:, 3:] @ w[3:]) ** 2)


def gradient_of_parts(X: Any, w: Any) -> Any:
    first = X[:, :3].T @ (1 - np.tanh(X[:, :3] @ w[:3]) ** 2)
    return np.concatenate([first, 2 * X[:, 3:].T @ (X[:, 3:] @ w[3:])])


def reason(loss: Any, gradient: Any, **inputs: Any) -> tuple[str, str]:
    (finding,) = gp.verify(loss, gradient, inputs, "w").findings
    return finding.verdict.name, finding.verdict.reason


def test_what_holds_at_smaller_sizes_too_is_proved_for_all_shapes() -> None:
    assert reason(first_two, gradient_of_first_two, w=w) == ("proved", "for all shapes and inputs, by normal form")


def test_what_is_wrong_at_a_smaller_size_is_not_proved() -> None:
    name, said = reason(first_two, right_from_two_on, w=w)
    assert name == "refuted" or (name == "certified" and "where w.shape[0] ≥ 2 by test_least_sizes.py line " in said)


@pytest.mark.parametrize("rows", [4, 1])
def test_a_split_at_a_number_holds_for_every_larger_size(rows: int) -> None:
    name, said = reason(parts, gradient_of_parts, X=X[:rows], w=w)
    assert name == "certified" and "by normal form, for all inputs, where X.shape[1] ≥ 3 by" in said
    assert said.count(" ≥ ") == 1, said


def test_the_line_is_the_users_and_not_the_callers() -> None:
    _, said = reason(parts, gradient_of_parts, X=X, w=w)
    assert "`return np.sum(np.tanh(X[:, :3] @ w[:3]))" in said


def of_labels(X: Any, w: Any, y: Any) -> Any:
    return np.sum(X @ w[:, :2]) + np.sum(w[0, y])


def test_labels_do_not_hide_a_smaller_size() -> None:
    """With one class alone the label 3 cannot be: the size is looked at with other labels, and is wrong there."""

    def gradient(X: Any, w: Any, y: Any) -> Any:
        g = np.zeros_like(w)
        g[:, :2] = X.sum(axis=0)[:, None] * (w[:, :2].shape[1] / 2)
        np.add.at(g[0], y, 1.0)
        return g

    inputs = {"X": X[:, :3], "w": np.random.default_rng(2).normal(size=(3, 4)), "y": np.array([0, 3, 1, 1, 2])}
    (finding,) = gp.verify(of_labels, gradient, inputs, "w").findings
    assert finding.verdict.name != "proved"


def test_two_bounds_of_one_size_are_one() -> None:
    def loss(w: Any) -> Any:
        return np.sum(w[:2] ** 2 * w[0]) + np.sum(w[:3] ** 3) + np.sum(w[3:])

    def gradient(w: Any) -> Any:
        g = np.ones_like(w)
        g[:3] = 3 * w[:3] ** 2
        g[:2] += 2 * w[:2] * w[0]
        g[0] += np.sum(w[:2] ** 2)
        return g

    name, said = reason(loss, gradient, w=w)
    assert name == "certified" and "where w.shape[0] ≥ 3 by" in said and said.count("≥") == 1
