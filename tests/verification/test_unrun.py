"""A branch that hangs on a size or an option runs at another size, or the report says that it was not run."""

from __future__ import annotations

import numpy as np
import pytest

from gradproof.numeric.verification.regions.unrun import SHOWN, Runs, words
from gradproof.numeric.verification.verify import verify

RNG = np.random.default_rng(11)
INPUTS = {"X": RNG.standard_normal((5, 3)), "w": RNG.standard_normal(3), "y": RNG.standard_normal(5)}


def loss(X, w, y):
    return np.mean((X @ w - y) ** 2)


def right(X, w, y):
    return 2 * X.T @ (X @ w - y) / len(X)


def wrong_for_many(X, w, y):
    m = len(X)
    if m > 100:
        m = 100
    return 2 * X.T @ (X @ w - y) / m


def wrong_for_one(X, w, y):
    return right(X, w, y) * (0.5 if len(X) == 1 else 1)


def wrong_for_several_features(X, w, y):
    g = right(X, w, y)
    for j in range(20, X.shape[1]):
        g[j] *= 2
    return g


@pytest.mark.parametrize(
    ("grad", "size"),
    [
        (wrong_for_many, "X.shape[0] = 130"),
        (wrong_for_one, "X.shape[0] = 1"),
        (wrong_for_several_features, "X.shape[1] = 24"),
    ],
)
def test_a_branch_on_a_size_is_run_at_that_size(grad, size):
    report = verify(loss, grad, INPUTS, "w", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
    assert report.findings[0].region == f"at other shapes ({size})"
    assert verify(loss, right, INPUTS, "w", prove=False, budget=0).ok


@pytest.mark.parametrize("implicit", [True, False])
def test_a_branch_that_no_size_runs_is_told(implicit):
    def grad(X, w, y, reduce="mean"):
        g = 2 * X.T @ (X @ w - y)
        if reduce == "mean":
            return g / len(X)
        return g

    def grad_with_else(X, w, y, reduce="mean"):
        return right(X, w, y) if reduce == "mean" else 3 * w

    report = verify(loss, grad if implicit else grad_with_else, INPUTS, "w", prove=False, budget=0)
    assert report.ok
    (note,) = report.notes
    assert note.startswith("not run, so not checked: where not `reduce == 'mean'` (test_unrun.py:"), note


def test_what_raises_prints_or_only_jumps_is_not_told():
    def grad(X, w, y):
        if X.ndim != 2:
            raise ValueError("X must be a matrix")
        if len(X) > 1000:
            print("this takes a while")
        g = np.zeros(X.shape[1])
        for i in range(len(X)):
            if i > 10_000:
                continue
            g += 2 * X[i] * (X[i] @ w - y[i]) / len(X)
        return g

    assert not verify(loss, grad, INPUTS, "w", prove=False, budget=0).notes


def test_the_outermost_branches_are_named_and_no_more_than_some():
    def grad(x):
        if x.ndim > 1:
            x = x - 1
            if x.ndim > 2:
                x = x + 1
        for n in range(2, 2 + SHOWN):
            x = x * (n if x.ndim == n else 1) if n < 9 else x - 1
        if x.ndim == 7:
            x = -x
        while x.ndim > 8:
            x = x[0]
        return 2 * x

    runs = Runs([grad])
    assert runs.add({"x": np.ones(3)})
    assert not runs.add({"x": np.ones(4)})
    conditions = [branch.condition for branch in runs.missing()]
    assert conditions == [
        "where `x.ndim > 1`", "where `x.ndim == 7`", "where `x.ndim > 8`", "where not `n < 9`", "where `x.ndim == n`",
    ]  # fmt: skip
    assert words(runs.missing()).endswith("and 1 more")


def test_a_tracer_that_is_there_already_comes_back():
    import sys

    def tracer(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        Runs([right]).add(INPUTS)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
