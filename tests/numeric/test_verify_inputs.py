"""What may stand among the inputs of ``verify``, and what is a usage error of one line."""

from __future__ import annotations

import numpy as np
import pytest

from gradproof.errors import UsageError
from gradproof.numeric.verification.verify import verify, verify_backward

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))


@pytest.mark.parametrize(
    ("loss", "grad", "wrt", "words"),
    [
        (lambda x: x, lambda x: x, None, "must return one number"),
        (lambda y: y.sum(), lambda x: x, None, "cannot be called"),
        (lambda x: x.sum(), lambda x: (x, x), None, "2 arrays for 1"),
        (lambda x: x.sum(), lambda x: {"q": x}, None, "q match none of the inputs x"),
        (lambda x: x.sum(), lambda x: x, "z", "'z' is not a floating-point input"),
        (lambda x: 1 / 0, lambda x: x, None, "ZeroDivisionError"),
        (lambda x: x.sum(), lambda x: None, None, "returned None"),
        (lambda x: x.sum(), lambda x: {"x": None}, "x", "entry x is None"),
        (lambda x: x.sum() * 1j, lambda x: x, None, "one real number"),
        (lambda x: x.sum(), lambda x: x + 0j, None, "must be an array of real numbers"),
        (lambda x: x.sum(), lambda x: "x", None, "must be an array of real numbers"),
        (lambda x: x.sum(), lambda x: [[1.0, 1.0], [1.0]], None, "rows of unequal lengths"),
        (lambda x: x.sum(), lambda x: {"x": [1.0, [1.0]]}, None, "rows of unequal lengths"),
        (lambda x: x.sum(), lambda x: x, 5, "wrt=5 is not a floating-point input"),
    ],
)
def test_a_wrong_call_is_a_usage_error_of_one_line(loss, grad, wrt, words):
    with pytest.raises(UsageError) as caught:
        verify(loss, grad, {"x": X[0]}, wrt)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "options", "words"),
    [
        ({"x": np.zeros((0, 3))}, {}, "x has no entries, since its shape is (0, 3)"),
        ({1: X}, {}, "by argument name"),
        ({"x": X}, {"seed": -1}, "seed=-1 must be an integer of at least 0"),
        ({"x": X}, {"prec": "high"}, "prec='high' must be an integer of at least 64"),
        ({"x": X}, {"budget": -1}, "budget=-1 must be a number of seconds"),
    ],
)
def test_wrong_inputs_and_options_are_usage_errors(inputs, options, words):
    with pytest.raises(UsageError) as caught:
        verify(lambda x: np.sum(x**2), lambda x: 2 * x, inputs, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_input_without_entries_may_stand_beside_the_parameters():
    assert verify(lambda x, e: np.sum(x**2) + e.sum(), lambda x, e: 2 * x, {"x": X, "e": np.zeros((0, 2))}, "x").ok


@pytest.mark.parametrize("factor", [2, 3])
def test_lists_of_numbers_are_arrays_wherever_they_are_moved(factor):
    def product(a, b):
        return [[sum(p * q for p, q in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a]

    def loss(x, w):
        return sum(v * v for row in product(x, w) for v in row)

    def grad(x, w):
        return product(
            [list(column) for column in zip(*x, strict=True)], [[factor * v for v in r] for r in product(x, w)]
        )

    report = verify(loss, grad, {"x": X.tolist(), "w": RNG.standard_normal((3, 2)).tolist()}, "w")
    assert [f.name for f in report.findings] == ["w"] and report.findings[0].shape == (3, 2)
    assert report.ok == (factor == 2)
    hinge = verify(lambda w: np.sum(np.maximum(w, 9)), lambda w: np.multiply(w, 0), {"w": [1.0, 2.0, 3.0]})
    assert hinge.verdict.name == "refuted"


def test_a_source_of_random_numbers_starts_anew_in_every_run():
    def loss(w, rng):
        return np.sum(w * rng.normal(size=3))

    assert verify(loss, lambda w, rng: rng.normal(size=3), {"w": X[0], "rng": np.random.default_rng(3)}, "w").ok
    doubled = verify(loss, lambda w, rng: 2 * rng.normal(size=3), {"w": X[0], "rng": np.random.default_rng(3)}, "w")
    assert doubled.verdict.name == "refuted"


def test_a_loss_that_is_no_number_is_not_held_against_a_gradient():
    assert "the loss is not a finite number" in verify(lambda w: np.nan, lambda w: 2 * w, {"w": X}).verdict.reason
    empty = {"w": X[0], "X": np.zeros((0, 3))}
    mean = verify(lambda w, X: np.sum(X @ w) / len(X), lambda w, X: X.sum(axis=0) / len(X), empty, "w", prove=False)
    assert mean.verdict.name == "unknown"


def test_a_backward_pass_may_have_a_place_for_labels_too():
    def forward(ids, table):
        return table[ids], (ids, table)

    def backward(dout, cache):
        ids, table = cache
        found = np.zeros_like(table)
        np.add.at(found, ids, dout)
        return None, found

    assert verify_backward(forward, backward, [np.array([0, 2, 2]), X]).ok
    wrong = verify_backward(forward, lambda dout, cache: (None, 2 * backward(dout, cache)[1]), [np.array([0, 2, 2]), X])
    assert [(f.name, f.verdict.name) for f in wrong.findings] == [("table", "refuted")]
    with pytest.raises(UsageError, match=r"forward\(ids, table\) cannot be called with the inputs ids"):
        verify_backward(forward, backward, X)
    with pytest.raises(UsageError, match=r"backward\(dout, cache\) cannot be called"):
        verify_backward(lambda ids, table: table[ids], backward, [np.array([0, 2, 2]), X])
