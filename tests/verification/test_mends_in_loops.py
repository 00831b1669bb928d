"""Mends in loops over layers and keys, at labels, and of parts of an array that start elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp
from gradproof.numeric.verification.mends import text
from gradproof.numeric.verification.mends.dropping import dropped
from gradproof.numeric.verification.mends.edit import Context
from gradproof.numeric.verification.mends.observe import observe
from gradproof.numeric.verification.mends.units import codes_run, units_of

X = np.random.default_rng(0).normal(size=(5, 3))
INPUTS = {"X": X, "W": np.random.default_rng(1).normal(size=(3, 2))}
Y = np.array([0, 1, 1, 0, 1])


def wrong(report):
    return [finding for finding in report.findings if finding.verdict.name == "refuted"]


def hinge(X, W):
    s = X @ W
    m = np.maximum(0, s - s[np.arange(len(Y)), Y][:, None] + 1)
    m[np.arange(len(Y)), Y] = 0
    return np.sum(m)


def without_the_counts(X, W):
    s = X @ W
    active = (s - s[np.arange(len(Y)), Y][:, None] + 1 > 0) * 1.0
    active[np.arange(len(Y)), Y] = 0
    counts = active.sum(axis=1)  # noqa: F841
    return X.T @ active


def cross_entropy(X, W):
    s = X @ W
    return sum(np.log(np.sum(np.exp(s[i]))) - s[i, Y[i]] for i in range(len(X)))


def without_the_labels(X, W, y):
    P = np.exp(X @ W)
    P /= P.sum(axis=1, keepdims=True)
    return X.T @ P


@pytest.mark.parametrize(
    ("loss", "grad", "data", "mend"),
    [
        (hinge, without_the_counts, {}, "active[np.arange(len(Y)), Y] -= counts"),
        (lambda X, W, y: cross_entropy(X, W), without_the_labels, {"y": Y}, "P[np.arange(len(y)), y] -= 1"),
    ],
)
def test_a_store_at_the_labels_that_is_missing_is_found(loss, grad, data, mend):
    finding = gp.verify(loss, grad, INPUTS | data, "W").findings[0]
    assert finding.cause == "path"
    assert finding.mend.endswith(mend)


LAYERS = [np.random.default_rng(k).normal(size=shape) for k, shape in enumerate([(3, 4), (4, 5), (5, 2)])]


def forward(Ws, X):
    acts = [X]
    for W in Ws:
        acts.append(np.tanh(acts[-1] @ W))
    return acts


def through_the_layers(Ws, X):
    acts = forward(Ws, X)
    g, found = 1 - acts[-1] ** 2, []
    for i in reversed(range(len(Ws))):
        found.insert(0, acts[i].T @ g)
        if i > 0:
            g = g @ Ws[i].T
    return {"Ws": found}


def test_a_derivative_is_put_into_a_loop_over_layers_of_several_widths():
    report = gp.verify(lambda Ws, X: np.sum(forward(Ws, X)[-1]), through_the_layers, {"Ws": LAYERS, "X": X})
    assert {finding.mend for finding in wrong(report)} == {"g = g @ Ws[i].T * (1 - acts[i] ** 2)"}
    assert {finding.name for finding in wrong(report)} == {"Ws.0", "Ws.1"}


def padded(x, k):
    return np.convolve(np.pad(x, 1), k, "valid")


def not_where_the_padding_ends(x, k):
    wide, n, pad = np.convolve(2 * padded(x, k), k[::-1]), len(x), 1
    return wide[:n] if pad else wide


def test_a_part_of_an_array_that_starts_elsewhere_is_found():
    x, k = np.arange(5.0) ** 2 - 1, np.array([1.0, 2.0, -0.5])
    report = gp.verify(lambda x, k: np.sum(padded(x, k) ** 2), not_where_the_padding_ends, {"x": x, "k": k}, "x")
    assert [finding.mend for finding in wrong(report)] == ["return wide[pad:pad + n] if pad else wide"]


def squares_of_all(params, X):
    return sum(np.sum(w**2) for w in params.values())


def by_one_key(params, X):
    grads = {}
    for name in params:
        grads[name] = 2 * params["A"]
    return {"params": grads}


def test_the_key_that_a_loop_gives_is_put_for_a_constant_one():
    params = {"A": INPUTS["W"], "B": INPUTS["W"] + 1}
    report = gp.verify(squares_of_all, by_one_key, {"params": params, "X": X})
    assert [finding.mend for finding in wrong(report)] == ["grads[name] = 2 * params[name]"]


class Block:
    """A residual step, so that all have one shape and any order runs."""

    def __init__(self, A):
        self.A = A

    def forward(self, x):
        self.x, self.a = x, np.tanh(x @ self.A)
        return x + self.a

    def backward(self, g):
        z = g * (1 - self.a**2)
        self.dA = self.x.T @ z
        return g + z @ self.A.T


def forth_and_forth(X, A, B):
    blocks, out = [Block(A), Block(B)], X
    for block in blocks:
        out = block.forward(out)
    g = 2 * out
    for block in blocks:
        g = block.backward(g)
    return {"A": blocks[0].dA, "B": blocks[1].dA}


def test_a_loop_over_layers_in_the_wrong_order_is_turned_round():
    def loss(X, A, B):
        h = X + np.tanh(X @ A)
        return np.sum((h + np.tanh(h @ B)) ** 2)

    inputs = {"X": X, "A": np.eye(3) - 0.3, "B": X[:3] @ X[:3].T / 4}
    for finding in gp.verify(loss, forth_and_forth, inputs, ["A", "B"], prove=False).findings:
        assert (finding.cause, finding.mend) == ("order", "for block in blocks[::-1]:"), finding


def widened(x, padding):
    return np.pad(x, len(x) - 1 if padding == 0 else padding)


def test_a_truth_value_is_not_tried_as_a_size():
    def run():
        return widened(np.ones(3), 1)

    seen = observe(units_of(codes_run(run)), run)
    contexts = [Context(unit, sights, "np", ()) for unit, sights in seen.items()]
    tried = {text.after(context, edit) for context in contexts for edit in dropped(context)}
    assert "return np.pad(x, padding)" in tried
    assert "return np.pad(x, padding == 0)" not in tried


def mean_of_squares(X, W):
    return np.mean((X @ W) ** 2)


def without_the_mean(X, W):
    rows = np.zeros((0, 2))
    for x in X:
        rows = np.concatenate([rows, (2 * x @ W)[None]])
    return X.T @ rows


def test_an_array_that_starts_without_rows_does_not_end_the_search():
    finding = gp.verify(mean_of_squares, without_the_mean, INPUTS, "W").findings[0]
    assert "fault" not in finding.diagnosis
    assert finding.cause == "size"
    assert finding.line
