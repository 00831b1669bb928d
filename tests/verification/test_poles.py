"""Beyond a pole of the loss nothing is held against a gradient; before it, everything is."""

from __future__ import annotations

import numpy as np
import pytest

from gradproof.numeric.balls.ball import Run
from gradproof.numeric.balls.evaluate import on_balls, prepared
from gradproof.numeric.verification.verify import verify

RNG = np.random.default_rng(4)
INPUTS = {"w": np.array([0.4, -0.3, 1.2]), "X": RNG.standard_normal((6, 2)), "y": 2 * RNG.standard_normal(6)}


def concomitant(w, X, y):
    """Huber's loss with its scale: sum(sigma + h(r / sigma) sigma), the last of w being sigma > 0."""
    z = np.abs((y - X @ w[:2]) / w[2])
    return np.sum(w[2] + np.where(z < 1.35, z**2, 2.7 * z - 1.35**2) * w[2])


def gradient(w, X, y, far=np.inf):
    r = y - X @ w[:2]
    outside = np.abs(r) > 1.35 * w[2]  # which is the other way round for a negative scale
    by_mean = np.where(outside, -2.7 * np.sign(r), -2 * r / w[2])
    by_scale = np.where(outside, 1 - 1.35**2, 1 - (r / w[2]) ** 2)
    by_scale = np.where(np.abs(r) > far, 0.5 * by_scale, by_scale)
    return np.append(X.T @ by_mean, np.sum(by_scale))


@pytest.mark.parametrize("seed", range(3))
def test_a_scale_among_the_parameters_is_not_taken_below_zero(seed):
    report = verify(concomitant, gradient, INPUTS, "w", seed=seed, prove=False, budget=0)
    assert report.ok, str(report)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_wrong_before_the_pole_is_found_there(seed):
    report = verify(concomitant, lambda **v: gradient(**v, far=60), INPUTS, "w", seed=seed, prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
    assert report.findings[0].counterexample["w"][2] > 0


def test_the_note_names_the_division():
    def grad(x):  # right for positive numbers, as they are given, and wrong below
        return np.where(x > 0, -1 / x**2, 1 / x**2)

    x = {"x": np.array([0.5, 2.0, 0.1])}
    report = verify(lambda x: np.sum(1 / x), grad, x, "x", prove=False, budget=0)
    assert report.ok, str(report)
    assert any("beyond a pole" in note and "test_poles.py" in note for note in report.notes)


def test_denominators_of_both_signs_allow_both():
    def grad(x):
        return np.where(x > 7, 1, -1) / x**2

    x = {"x": np.array([0.5, -2.0, 1.5])}
    report = verify(lambda x: np.sum(1 / x), grad, x, "x", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


@pytest.mark.parametrize(
    "loss, derivative",
    [
        (lambda x: np.sum(np.sin(x) / x), lambda x: (x * np.cos(x) - np.sin(x)) / x**2),
        (lambda x: np.sum((np.exp(x) - 1) / x), lambda x: (x * np.exp(x) - np.exp(x) + 1) / x**2),
    ],
    ids=["sine", "exponential"],
)
def test_a_division_whose_quotient_stays_small_is_no_pole(loss, derivative):
    x = {"x": np.array([0.5, 2.0, 0.1])}
    assert verify(loss, derivative, x, "x", prove=False, budget=0).ok
    report = verify(loss, lambda x: derivative(x) * np.where(x < 0, 2, 1), x, "x", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


def test_the_mend_of_a_fault_before_the_pole_is_not_rejected_for_what_lies_beyond():
    def grad(w, X, y):
        r = y - X @ w[:2]
        outside = np.abs(r) > 1.35 * w[2]
        by_mean = np.where(outside, -2.7 * np.sign(r), -r / w[2])
        by_scale = np.where(outside, 1 - 1.35**2, 1 - (r / w[2]) ** 2)
        return np.append(X.T @ by_mean, np.sum(by_scale))

    for seed in (0, 2):
        (finding,) = verify(concomitant, grad, INPUTS, "w", seed=seed, prove=False, budget=20).findings
        assert finding.cause == "size" and "- r / w[2]" not in str(finding.mend), finding


def test_a_run_tells_the_signs_of_what_it_divides_by():
    run = Run(divisions={})
    inputs = {"x": prepared(np.array([-1.0, 4.0]))}
    on_balls(lambda x: np.sum(1 / x) + x[0] ** -3 + 1 / (x[1] - x[1] + 2), inputs, run, 128)
    (found,) = run.divisions.values()
    assert found.signs == {-1, 1} and found.largest == 1
