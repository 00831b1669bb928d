"""Where a search is given up for its time, what it did not come to is said."""

from __future__ import annotations

import numpy as np

import gradproof as gp
from gradproof.numeric.verification import places


def loss(x):
    z = (x - x.mean()) / x.std()
    return np.sum(np.where(z > 4, z**2, z))


def gradient(x):
    s, z = x.std(), (x - x.mean()) / x.std()
    d = np.where(z > 4, z, 1.0)  # 2 z beyond 4, where no entry of fewer than 18 lies
    return (d - d.mean() - z * np.mean(d * z)) / s


INPUTS = {"x": np.random.default_rng(0).normal(size=6)}


def test_a_side_that_only_more_entries_reach_is_entered():
    assert gp.verify(loss, gradient, INPUTS, budget=0).verdict.name == "refuted"


def test_a_side_that_is_not_looked_for_in_time_is_named(monkeypatch):
    monkeypatch.setattr(places, "SECONDS", 0.0)
    report = gp.verify(loss, gradient, INPUTS, budget=0)
    assert report.verdict.name == "certified"
    assert any(note.startswith("not reached, so not checked: where `z > 4`") for note in report.notes)
