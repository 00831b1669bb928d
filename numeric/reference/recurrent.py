"""Recurrent layers and backpropagation through time by hand, in plain NumPy: the independent check of derived ones.

Shapes and the order of the gates are those of :mod:`gradproof.symbolic.layers.recurrent`, from which nothing is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def _sigmoid(z: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(z / 2))


def rnn_forward(x: Floats, h0: Floats, W: Floats, U: Floats, b: Floats) -> Floats:
    """The states of all times, of shape (T, m, k)."""
    h, states = h0, []
    for x_t in x:
        h = np.tanh(x_t @ W + h @ U + b)
        states.append(h)
    return np.stack(states)


def rnn_backward(dh: Floats, x: Floats, h0: Floats, W: Floats, U: Floats, b: Floats) -> dict[str, Floats]:
    """The gradients of Σ dh · h by every input."""
    h = rnn_forward(x, h0, W, U, b)
    grads = {"x": np.zeros_like(x), "W": np.zeros_like(W), "U": np.zeros_like(U), "b": np.zeros_like(b)}
    carried = np.zeros_like(h0)
    for t in range(len(x) - 1, -1, -1):
        before = h[t - 1] if t else h0
        dz = (dh[t] + carried) * (1 - h[t] ** 2)
        grads["x"][t] = dz @ W.T
        grads["W"] += x[t].T @ dz
        grads["U"] += before.T @ dz
        grads["b"] += dz.sum(axis=0)
        carried = dz @ U.T
    return grads | {"h0": carried}


def _gru_states(x: Floats, h0: Floats, W: Floats, U: Floats, b: Floats) -> list[dict[str, Floats]]:
    k, h, steps = h0.shape[1], h0, []
    for x_t in x:
        a = x_t @ W + b
        r = _sigmoid(a[:, :k] + h @ U[:, :k])
        u = _sigmoid(a[:, k : 2 * k] + h @ U[:, k : 2 * k])
        c = np.tanh(a[:, 2 * k :] + (r * h) @ U[:, 2 * k :])
        steps.append({"before": h, "r": r, "u": u, "c": c})
        h = (1 - u) * c + u * h
        steps[-1]["h"] = h
    return steps


def gru_forward(x: Floats, h0: Floats, W: Floats, U: Floats, b: Floats) -> Floats:
    """The states of all times, of shape (T, m, k)."""
    return np.stack([step["h"] for step in _gru_states(x, h0, W, U, b)])


def gru_backward(dh: Floats, x: Floats, h0: Floats, W: Floats, U: Floats, b: Floats) -> dict[str, Floats]:
    """The gradients of Σ dh · h by every input."""
    k = h0.shape[1]
    grads = {"x": np.zeros_like(x), "W": np.zeros_like(W), "U": np.zeros_like(U), "b": np.zeros_like(b)}
    carried = np.zeros_like(h0)
    for t, s in reversed(list(enumerate(_gru_states(x, h0, W, U, b)))):
        d = dh[t] + carried
        before, r, u, c = s["before"], s["r"], s["u"], s["c"]
        dc = d * (1 - u) * (1 - c**2)
        through_reset = dc @ U[:, 2 * k :].T
        du = d * (before - c) * u * (1 - u)
        dr = through_reset * before * r * (1 - r)
        da = np.concatenate([dr, du, dc], axis=1)
        grads["x"][t] = da @ W.T
        grads["W"] += x[t].T @ da
        grads["b"] += da.sum(axis=0)
        grads["U"] += np.concatenate([before.T @ dr, before.T @ du, (r * before).T @ dc], axis=1)
        carried = d * u + through_reset * r + dr @ U[:, :k].T + du @ U[:, k : 2 * k].T
    return grads | {"h0": carried}


def _lstm_states(x: Floats, h0: Floats, c0: Floats, W: Floats, U: Floats, b: Floats) -> list[dict[str, Floats]]:
    k, h, c, steps = h0.shape[1], h0, c0, []
    for x_t in x:
        a = x_t @ W + h @ U + b
        i, f, o = (_sigmoid(a[:, q * k : (q + 1) * k]) for q in range(3))
        g = np.tanh(a[:, 3 * k :])
        steps.append({"h_before": h, "c_before": c, "i": i, "f": f, "o": o, "g": g})
        c = f * c + i * g
        h = o * np.tanh(c)
        steps[-1] |= {"h": h, "c": c}
    return steps


def lstm_forward(x: Floats, h0: Floats, c0: Floats, W: Floats, U: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The states h and c of all times, of shape (T, m, k) each."""
    steps = _lstm_states(x, h0, c0, W, U, b)
    return np.stack([s["h"] for s in steps]), np.stack([s["c"] for s in steps])


def lstm_backward(
    dh: Floats, dc: Floats, x: Floats, h0: Floats, c0: Floats, W: Floats, U: Floats, b: Floats
) -> dict[str, Floats]:
    """The gradients of Σ dh · h + Σ dc · c by every input."""
    grads = {"x": np.zeros_like(x), "W": np.zeros_like(W), "U": np.zeros_like(U), "b": np.zeros_like(b)}
    carried_h, carried_c = np.zeros_like(h0), np.zeros_like(c0)
    for t, s in reversed(list(enumerate(_lstm_states(x, h0, c0, W, U, b)))):
        i, f, o, g, tanh_c = s["i"], s["f"], s["o"], s["g"], np.tanh(s["c"])
        d = dh[t] + carried_h
        e = dc[t] + carried_c + d * o * (1 - tanh_c**2)
        da = np.concatenate(
            [e * g * i * (1 - i), e * s["c_before"] * f * (1 - f), d * tanh_c * o * (1 - o), e * i * (1 - g**2)], axis=1
        )
        grads["x"][t] = da @ W.T
        grads["W"] += x[t].T @ da
        grads["U"] += s["h_before"].T @ da
        grads["b"] += da.sum(axis=0)
        carried_h, carried_c = da @ U.T, e * f
    return grads | {"h0": carried_h, "c0": carried_c}
