"""RNN, GRU and LSTM: values and gradients against the NumPy reference, and that against autograd; proofs."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp
from gradproof.numeric.reference import recurrent as reference
from gradproof.symbolic.layers.recurrent import gru, lstm, rnn
from gradproof.symbolic.prove import prove

T, m, n, k = gp.dims("T m n k")
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def arrays(kind):
    g = GATES[kind]
    states = ["h0", "c0"] if kind == "lstm" else ["h0"]
    shapes = {"x": (T, m, n), **dict.fromkeys(states, (m, k)), "W": (n, g * k), "U": (k, g * k), "b": (g * k,)}
    return {name: gp.array(name, shape) for name, shape in shapes.items()}


def values(kind, times):
    rng, g = np.random.default_rng(times), GATES[kind]
    sizes = {"x": (times, 2, 3), "h0": (2, 2), "c0": (2, 2), "W": (3, 2 * g), "U": (2, 2 * g), "b": (2 * g,)}
    return {name: rng.normal(size=sizes[name]) for name in arrays(kind)}


LAYERS = {"rnn": rnn, "gru": gru, "lstm": lstm}
FORWARD = {"rnn": reference.rnn_forward, "gru": reference.gru_forward, "lstm": reference.lstm_forward}
BACKWARD = {"rnn": reference.rnn_backward, "gru": reference.gru_backward, "lstm": reference.lstm_backward}


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("kind", GATES)
def test_values_and_gradients_are_those_of_the_reference(kind):
    given = arrays(kind)
    states = as_tuple(LAYERS[kind](**given))
    ups = [gp.array(f"up{p}", (T, m, k)) for p in range(len(states))]
    cost = sum(np.sum(up * s) for up, s in zip(ups, states, strict=True))
    compiled = gp.compile([*states, *gp.grad(cost, list(given.values()))])
    for times in (1, 2, 4):
        numbers, rng = values(kind, times), np.random.default_rng(9)
        cotangents = {up.name: rng.normal(size=(times, 2, 2)) for up in ups}
        found = compiled(**numbers, **cotangents)
        for mine, theirs in zip(found, as_tuple(FORWARD[kind](**numbers)), strict=False):
            assert np.allclose(mine, theirs, rtol=1e-12)
        expected = BACKWARD[kind](*cotangents.values(), **numbers)
        for name, mine in zip(given, found[len(states) :], strict=True):
            assert np.allclose(mine, expected[name], rtol=1e-10, atol=1e-13), (name, times)


@pytest.mark.parametrize("kind", GATES)
def test_the_reference_agrees_with_autograd(kind, monkeypatch):
    numbers = values(kind, 3)
    ups = [np.random.default_rng(p).normal(size=(3, 2, 2)) for p in range(2 if kind == "lstm" else 1)]
    expected = BACKWARD[kind](*ups, **numbers)
    monkeypatch.setattr(reference, "np", anp)

    def cost(changed):
        a = {name: changed[name] for name in numbers}
        return sum(anp.sum(up * s) for up, s in zip(ups, as_tuple(FORWARD[kind](**a)), strict=True))

    for name, gradient in autograd.grad(cost)(numbers).items():
        assert np.allclose(gradient, expected[name], rtol=1e-10)


def test_the_gates_are_members_by_their_names():
    names = {d.name for d in lstm(**arrays("lstm"))[0].system().equations}
    assert {"h_prev", "c_prev", "i", "f", "o", "g", "c", "h"} <= names


def test_weights_of_another_number_of_gates_are_refused():
    with pytest.raises(gp.ShapeError, match=r"W must have the shape \(n, 4\*k\)"):
        lstm(**{**arrays("rnn"), "c0": gp.array("c0", (m, k))})


def hand_written_lstm(up, forget=True):
    """The backward pass of an LSTM as a reversed scan; without ``forget`` the path through the cell is lost."""
    a = arrays("lstm")
    h, c = lstm(**a)
    W, U, b = a["W"], a["U"], a["b"]
    h_prev = np.concatenate([a["h0"][None], h[:-1]])
    c_prev = np.concatenate([a["c0"][None], c[:-1]])

    def gate(q, f):
        part = slice(q * k, (q + 1) * k)
        return f(a["x"] @ W[:, part] + h_prev @ U[:, part] + b[part])

    i, f, o, g = gate(0, gp.sigmoid), gate(1, gp.sigmoid), gate(2, gp.sigmoid), gate(3, np.tanh)
    Ui, Uf, Uo, Ug = (U[:, q * k : (q + 1) * k] for q in range(4))

    def back(state, up, c, c_prev, i, f, o, g):
        dh, dc = state[:2]
        dh = dh + up
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        di, df = dc * g * i * (1 - i), dc * c_prev * f * (1 - f)
        do, dg = dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g**2)
        return di @ Ui.T + df @ Uf.T + do @ Uo.T + dg @ Ug.T, dc * f if forget else 0 * dc, dg

    zero = 0 * a["h0"]
    dh, dc, _ = gp.scan(back, (zero, zero, None), [up, c, c_prev, i, f, o, g], reverse=True)
    derived = gp.grad(np.sum(up * h), [a["h0"], a["c0"]])
    return [(dh[0], derived[0]), (dc[0], derived[1])]


def test_a_hand_written_lstm_is_proved_for_every_length():
    assert all(prove(mine, theirs) for mine, theirs in hand_written_lstm(gp.array("up", (T, m, k))))


def test_an_lstm_that_loses_the_path_through_the_cell_is_refuted():
    mine, theirs = hand_written_lstm(gp.array("up", (T, m, k)), forget=False)[0]
    assert gp.equal(mine, theirs).name == "refuted"
