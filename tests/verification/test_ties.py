"""Equal entries of a maximum that each get the whole gradient: wrong at inputs that tie, and almost nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

x = np.random.default_rng(2).normal(size=(3, 4))


def pooled(x: Any) -> tuple[Any, Any]:
    out = np.zeros((x.shape[0], 2))
    for i in range(2):
        out[:, i] = np.max(x[:, 2 * i : 2 * i + 2], axis=1)
    return out, x


def by_mask(dout: Any, x: Any, factor: float = 1.0, tied: float = 0.0) -> Any:
    dx = np.zeros_like(x)
    for i in range(2):
        window = x[:, 2 * i : 2 * i + 2]
        first, second = window[:, :1], window[:, 1:]
        whole = factor * dout[:, i : i + 1] + tied * (first == second)
        dx[:, 2 * i : 2 * i + 2] += (window == np.max(window, axis=1, keepdims=True)) * whole
    return dx


def verdict(inputs: Any, backward: Any = by_mask) -> gp.Report:
    return gp.verify_backward(pooled, backward, [inputs], prove=False, budget=0)


def test_a_tie_that_the_search_made_is_told_and_not_held_against_the_gradient() -> None:
    report = verdict(x)
    assert report.verdict.name == "certified", str(report)
    assert any("gives the whole to each of the numbers that are equal" in note for note in report.notes)


def test_a_tie_among_the_given_inputs_is_refuted() -> None:
    report = verdict(np.maximum(x, 0) * 0)
    assert report.verdict.name == "refuted"
    assert "gives the whole to each" in str(report.findings[0].diagnosis)


@pytest.mark.parametrize("options", [{"factor": 2.0}, {"tied": 5.0}])
def test_what_is_wrong_everywhere_or_otherwise_at_a_tie_is_refuted(options: dict[str, float]) -> None:
    assert verdict(x, lambda dout, x: by_mask(dout, x, **options)).verdict.name == "refuted"
