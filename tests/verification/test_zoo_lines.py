"""Planted errors of many kinds are mended where they were planted, in words of the user's own code.

One for each edit that the search makes and that no other test asks for. The errors are those of the zoo, at the inputs
that hide them best: wide ones, and ties.
"""

from __future__ import annotations

import numpy as np
import pytest
from beside import module

import gradproof as gp

module(__file__, "zoo/__init__.py", "gradient_zoo")

from gradient_zoo import planting  # noqa: E402

MENDED = [
    ("maxpool", "normal", "'z.argmax(axis=2)' -> 'z.argmin(axis=2)'", "best = z.argmax(axis=2)"),
    ("rnn", "wide", "'target[::-1]' -> 'target'", "for out, goal in zip(outs[::-1], target[::-1]):"),
    ("huber", "wide", "'delta * np.sign(r)' -> 'delta'", "np.where(np.abs(r) <= delta, r, delta * np.sign(r))"),
    ("huber", "kink", "'/ np.abs(r[~inside])' -> ''", "out[~inside] = 1.5 * r[~inside] / np.abs(r[~inside])"),
    ("hinge", "wide", "'> -1, y != j' -> '> 1, y != j'", "> -1, y != j)"),
    ("dropout", "normal", "'np.tanh(p / 2)' -> 'np.tanh(p)'", "s = 0.5 * (np.tanh(p / 2) + 1)"),
    ("dropout", "normal", "'1.0 / (1.0 - rate)' -> '1.0 / rate'", "self.scale = 1.0 / (1 - rate)"),
    ("residual", "kink", "'dh1 = dh2 + dz2 @ A2.T' -> 'dh1 = dh2'", "dh1 = dh2 + dz2 @ A2.T"),
    ("dropout", "wide", "'da / (1 + np.exp(-z))' -> 'da * (z > 0)'", "dz = da * (1 / (1 + np.exp(-z)))"),
    ("conv", "normal", "-> 'window = x[:, :, i : i + K]'", "window = x[:, :, i * STRIDE : i * STRIDE + K]"),
    ("conv", "normal", "'transpose(0, 2, 1, 3).reshape(N * n, C * K)'", "x[:, :, taps].transpose(0, 2, 1, 3).reshape"),
    ("conv", "kink", "'d.sum(axis=(0, 2))' -> 'd.sum(axis=(0, 1))'", '"b": d.sum(axis=(0, 2))'),
    ("conv", "normal", "'np.arange(n) * STRIDE' -> 'np.arange(n) + STRIDE'", "starts = np.arange(n) * STRIDE"),
    ("elastic", "normal", "'s[r < 0] = -1' -> 's[r < -0.1] = -1'", "s[r < 0] = -1"),
    ("embedding", "wide", "(scale) '    p /= len(y)\\n' -> ''", "p[np.arange(len(y)), y] -= 1; p /= len(idx)"),
    ("maxpool", "wide", "'g = (np.max(part)' -> 'g = (np.mean(part)'", "g = (np.max(part) - target[group]) / len(X)"),
    ("mlp", "kink", "'np.sum(dout, axis=0)' -> 'np.sum(dout, axis=0) / len(dout)'", "self.db = np.sum(dout, axis=0)"),
    ("elastic", "kink", "'g[w < 0] -= l1' -> 'g[w < 0] += l1'", "g[w < 0] -= l1"),
    ("gelu", "kink", "'0.7978845608028654' -> '0.79788456'", "ROOT = np.sqrt(2 / np.pi)"),
    ("gelu", "normal", "'np.sqrt(2.0)' -> '1.41421356'", "K = np.sqrt(2 / np.pi)"),
]


@pytest.mark.parametrize(("name", "inputs", "change", "mend"), MENDED, ids=lambda part: part if "'" in part else "")
def test_the_line_is_the_planted_one_and_its_mend_is_in_the_users_words(name, inputs, change, mend, tmp_path):
    (plant,) = [plant for plant in planting.mutants(name) if change in plant.name]
    code = planting.plant(plant, tmp_path)
    with np.errstate(all="ignore"):
        report = gp.verify(code.loss, code.grad, planting.inputs_of(name, inputs), planting.model(name).WRT)
    wrong = [finding for finding in report.findings if finding.verdict.name == "refuted"]
    assert wrong and all(mend in finding.mend for finding in wrong if finding.line), str(report)
    named = {int(finding.line.partition(":")[2].partition(":")[0]) for finding in wrong if finding.line}
    before = 1 if change.endswith("-> ''") else 0  # what has to come after the line where a statement is missing
    assert named and named <= set(range(code.lines[0] - before, code.lines[1] + 1)), str(report)
