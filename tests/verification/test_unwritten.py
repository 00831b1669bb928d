"""What ``np.empty`` leaves in memory is no zero: a gradient that rests on it is refuted, and never proved."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp
from gradproof.numeric.verification.proofs.proof import prove_gradients

INPUTS = {"x": np.array([0.5, -1.0, 2.0, 3.0, -0.25])}


def all_but_the_last(x):
    return np.sum(x[:-1] ** 2)


def by_slice(x):
    g = np.empty_like(x)
    g[:-1] = 2 * x[:-1]
    return g


def by_loop(x):
    g = np.empty(len(x))
    for i in range(len(x) - 1):
        g[i] = 2 * x[i]
    return g


def by_loop_and_the_last(x):
    g = np.empty(len(x))
    for i in range(len(x) - 1):
        g[i] = 2 * x[i]
    g[-1] = 0
    return g


def by_slices(x):
    g = np.empty_like(x)
    g[:-1] = 2 * x[:-1]
    g[-1] = 0
    return g


@pytest.mark.parametrize("grad", [by_slice, by_loop])
@pytest.mark.parametrize("prove", [True, False])
def test_an_entry_that_is_never_written_is_refuted(grad, prove):
    report = gp.verify(all_but_the_last, grad, INPUTS, prove=prove, budget=0)
    (finding,) = report.findings
    assert finding.verdict.name == "refuted", str(report)
    assert (finding.cause, finding.entries[0].index) == ("undefined", (4,))
    assert "never written" in finding.diagnosis


@pytest.mark.parametrize("grad", [by_slice, by_loop])
def test_nothing_is_proved_that_rests_on_it(grad):
    proofs, _ = prove_gradients(all_but_the_last, grad, INPUTS, [("x",)])
    assert not proofs["x",]


@pytest.mark.parametrize("grad", [by_slices, by_loop_and_the_last])
def test_what_is_written_everywhere_is_right(grad):
    assert gp.verify(all_but_the_last, grad, INPUTS).ok
    assert gp.verify(all_but_the_last, grad, INPUTS, prove=False).ok
    proofs, _ = prove_gradients(all_but_the_last, grad, INPUTS, [("x",)])
    assert proofs["x",]
