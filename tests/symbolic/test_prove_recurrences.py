"""Proofs about recurrences: by induction, for every length; what is wrong is never proved."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp
from gradproof.symbolic.prove import prove

T, m, n, k = gp.dims("T m n k")
x, h0, c0, y = gp.array("x", (T, m, n)), gp.array("h0", (m, k)), gp.array("c0", (m, k)), gp.array("y", (T, m, k))
W, U, b = gp.array("W", (n, k)), gp.array("U", (k, k)), gp.array("b", (k,))


def step(h, x):
    return np.tanh(x @ W + h @ U + b)


h = gp.scan(step, h0, x)
before = np.concatenate([h0[None], h[:-1]])
LOSSES = {"all": np.sum((h - y) ** 2), "last": np.sum(h[-1] ** 2)}


def backward(dout, *, transpose=True, local=lambda h: 1 - h**2, path=1, start=0):
    """Backpropagation through time as people write it; the options are ways of getting it wrong."""

    def back(state, dout, h):
        dh_next, _ = state
        dz = (dout + path * dh_next) * local(h)
        return dz @ (U.T if transpose else U), dz

    dh, dz = gp.scan(back, (start * h0 + 0 * h0, None), [dout, h], reverse=True)
    return {"h0": dh[0], "b": np.sum(dz, axis=(0, 1)), "W": np.einsum("tmn,tmk->nk", x, dz),
            "U": np.einsum("tmk,tml->kl", before, dz), "x": dz @ W.T}  # fmt: skip


GRADIENTS = dict(zip(("h0", "b", "W", "U", "x"), gp.grad(LOSSES["all"], [h0, b, W, U, x]), strict=True))
RIGHT = backward(2 * (h - y))


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_hand_written_backward_recurrence_is_the_derived_one(name):
    assert prove(RIGHT[name], GRADIENTS[name]).name == "proved"


def test_the_loss_of_the_last_state_starts_the_recurrence():
    def back(state, h):
        dh, _ = state
        dz = dh * (1 - h**2)
        return dz @ U.T, dz

    dh, dz = gp.scan(back, (2 * h[-1], None), [h], reverse=True)
    assert prove(dh[0], gp.grad(LOSSES["last"], h0)).name == "proved"
    assert prove(np.einsum("tmn,tmk->nk", x, dz), gp.grad(LOSSES["last"], W)).name == "proved"


def test_gradients_added_up_in_the_loop_are_the_sums():
    def back(state, dout, h, h_prev, x):
        dh, dW, dU, db = state
        dz = (dout + dh) * (1 - h**2)
        return dz @ U.T, dW + x.T @ dz, dU + h_prev.T @ dz, db + np.sum(dz, axis=0)

    start = (0 * h0, 0, 0, 0 * b)
    dh, dW, dU, db = gp.scan(back, start, [2 * (h - y), h, before, x], reverse=True)
    for found, name in ((dh, "h0"), (dW, "W"), (dU, "U"), (db, "b")):
        assert prove(found[0], GRADIENTS[name]).name == "proved"


def test_another_state_may_be_carried():
    """The error of the pre-activation instead of that of the state before."""

    def back(dz_next, dout, h):
        return (dout + dz_next @ U.T) * (1 - h**2)

    dz = gp.scan(back, 0 * h0, [2 * (h - y), h], reverse=True)
    assert prove(np.sum(dz, axis=(0, 1)), GRADIENTS["b"]).name == "proved"


def test_recurrences_that_are_written_differently_are_one():
    def other(state, x):
        z = np.einsum("mn,nk->mk", x, W) + b + np.einsum("ml,lk->mk", state, U)
        return 2 / (1 + np.exp(-2 * z)) - 1

    assert prove(gp.scan(other, h0, x), h).name == "proved"
    mine = gp.scan(other, h0, x)
    assert prove(gp.grad(np.sum((mine - y) ** 2), U), GRADIENTS["U"]).name == "proved"


WRONG = {
    "wrong transpose": lambda: backward(2 * (h - y), transpose=False),
    "lost path": lambda: backward(2 * (h - y), path=0),
    "factor": lambda: backward(h - y),
    "local derivative": lambda: backward(2 * (h - y), local=lambda h: 1 - h),
    "starts wrongly": lambda: backward(2 * (h - y), start=1),
    "path counted twice": lambda: backward(2 * (h - y), path=2),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_backward_recurrence_is_refuted(how):
    assert gp.equal(WRONG[how]()["U"], GRADIENTS["U"]).name == "refuted"


def test_a_gradient_of_U_off_by_one_step_or_without_the_first_state_is_refuted():
    def back(state, dout, h):
        dz = (dout + state[0]) * (1 - h**2)
        return dz @ U.T, dz

    _, dz = gp.scan(back, (0 * h0, None), [2 * (h - y), h], reverse=True)
    assert gp.equal(np.einsum("tmk,tml->kl", h, dz), GRADIENTS["U"]).name == "refuted"
    without_first = np.concatenate([0 * h0[None], h[:-1]])
    assert gp.equal(np.einsum("tmk,tml->kl", without_first, dz), GRADIENTS["U"]).name == "refuted"


def test_a_loop_the_other_way_round_is_another_function():
    assert gp.equal(gp.scan(step, h0, x, reverse=True), h).name == "refuted"


def test_sums_to_a_time_are_sums_over_a_triangle():
    a = gp.array("a", (T,))
    up, down = (gp.scan(lambda s, a: s + a, 0, a, reverse=reverse) for reverse in (False, True))
    assert prove(up[-1], np.sum(a)).name == prove(down[0], np.sum(a)).name == "proved"
    assert gp.equal(np.sum(up), T * np.sum(a)).name == "refuted"
    assert gp.equal(gp.grad(np.sum(up), a), gp.grad(np.sum(down), a)).name == "refuted"


def test_a_state_on_its_corner_is_not_generic():
    """A ReLU's state is zero on a region: [h > 0] and [h >= 0] are told apart."""
    r = gp.scan(lambda r, x: np.maximum(x @ W + r @ U, 0), h0, x)
    assert not gp.equal(np.where(r > 0, 1, 0), np.where(r >= 0, 1, 0))


def test_what_a_state_is_made_of_is_not_independent_of_it():
    """h[t] = w for all t, so that w − h[t] is zero, and not a polynomial in w that is zero at exceptional inputs."""
    w = gp.array("w", ())
    s = gp.scan(lambda s, a: 0 * s + 0 * a + w, w, gp.array("a", (T,)))
    assert not prove(np.where(w - s > 0, 1, 0), np.where(w - s >= 0, 1, 0))
