"""A small constant is a guard of what stands beside it, and of nothing else in the line."""

from __future__ import annotations

import numpy as np

from gradproof.numeric.verification.verify import verify


def norms(x):
    return np.sum(np.sqrt(np.sum(x * x, axis=1)))


def where_the_norm_is_no_zero(x):
    r = np.sqrt(np.sum(x * x, axis=1))[:, None]
    return np.where(r > 1e-9, x / r, 0)


def without_small_entries(x):
    r = np.sqrt(np.sum(x * x, axis=1))[:, None]
    return np.where(x**2 < 1e-9, 0, x) / r


def test_a_denominator_that_is_compared_with_a_small_number_is_guarded_by_it():
    report = verify(norms, where_the_norm_is_no_zero, {"x": np.array([[0.3, -4.0], [2.0, 1e-5]])}, prove=False)
    assert report.verdict.name in ("guarded", "certified"), str(report)


def test_entries_that_are_cut_off_are_no_guard_though_the_line_divides():
    report = verify(norms, without_small_entries, {"x": np.array([[0.3, -4.0], [2.0, 1e-5]])}, prove=False)
    assert report.verdict.name == "refuted", str(report)
