"""The cost of a check does not grow with the number of parameters: loss evaluations are counted, not timed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gradproof.numeric.verification.checking import explain
from gradproof.numeric.verification.diagnose import Fault
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.verify import verify

CALLS = itertools.count()  # what belongs to the standard library is left alone where the user's state is put back


def loss(X, Y, W, b, V):
    next(CALLS)
    return np.mean((np.tanh(X @ W + b) @ V - Y) ** 2)


def gradient(X, Y, W, b, V):
    H = np.tanh(X @ W + b)
    d = 2 * (H @ V - Y) / Y.size
    z = d @ V.T * (1 - H**2)
    return {"W": X.T @ z, "b": z.sum(axis=0), "V": H.T @ d}


def inputs(width):
    rng = np.random.default_rng(0)
    shapes = {"X": (3, 5), "Y": (3, 2), "W": (5, width), "b": (width,), "V": (width, 2)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def evaluations(width, verdict, **options):
    before = next(CALLS)
    assert verify(loss, gradient, inputs(width), **options).verdict.name == verdict
    return next(CALLS) - before


@pytest.mark.parametrize(("verdict", "options"), [("proved", {}), ("certified", {"prove": False})])
def test_a_ten_times_wider_net_takes_as_many_evaluations_of_the_loss(verdict, options):
    assert evaluations(6, verdict, **options) == evaluations(60, verdict, **options)


def lone(W):
    next(CALLS)
    return np.sum(W**2)


@pytest.mark.parametrize("wrong", [np.s_[17, 33], np.s_[17, :], np.s_[:, 33]], ids=["entry", "row", "column"])
def test_a_lone_wrong_entry_row_or_column_among_many_is_found_in_few_evaluations(wrong):
    def grad(W):
        g = 2 * W
        g[wrong] *= 1.001
        return g

    W = np.random.default_rng(1).standard_normal((64, 48))
    is_wrong = np.zeros(W.shape, dtype=bool)
    is_wrong[wrong] = True
    point = Point(lone, grad, {"W": W}, [("W",)])
    gradients, _ = point.gradients()
    before = next(CALLS)
    _, entries = explain(Fault(point, ("W",), gradients), np.random.default_rng(2))
    assert entries and all(is_wrong[entry.index] for entry in entries)
    assert next(CALLS) - before < 20  # one for each entry would be 3072
