"""Connectionist temporal classification by the forward and backward probabilities of Graves (2006), in plain numbers.

States are the labels with blanks between, before and behind them: 0, y₁, 0, y₂, ..., 0. Probabilities are neither
scaled nor taken the logarithm of, so that what a state cannot reach is 0: for short sequences.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _later(a: Array, by: int) -> Array:
    """The entries moved by some states to the right, zeros before them."""
    return np.concatenate([np.zeros((a.shape[0], by)), a[:, :-by]], axis=1)


def _earlier(a: Array, by: int) -> Array:
    return np.concatenate([a[:, by:], np.zeros((a.shape[0], by))], axis=1)


def ctc(z: Array, y: Array) -> tuple[Array, Any]:
    p = _softmax(z)
    m, s = y.shape
    states = np.zeros((m, 2 * s + 1), dtype=int)
    states[:, 1::2] = y
    skips = np.zeros((m, 2 * s + 1))
    skips[:, 3::2] = y[:, 1:] != y[:, :-1]
    emitted = p[:, np.arange(m)[:, None], states]
    start = np.zeros((m, 2 * s + 1))
    start[:, :2] = 1
    alphas = [start * emitted[0]]
    for here in emitted[1:]:
        a = alphas[-1]
        alphas.append(here * (a + _later(a, 1) + skips * _later(a, 2)))
    total = alphas[-1][:, -1] + alphas[-1][:, -2]
    return -np.mean(np.log(total)), (p, states, skips, emitted, alphas, total)


def ctc_backward(cache: Any) -> tuple[Array]:
    p, states, skips, emitted, alphas, total = cache
    m = states.shape[0]
    beta = np.zeros(states.shape)
    beta[:, -2:] = 1
    dz = p / m
    for t in reversed(range(len(alphas))):
        share = alphas[t] * beta / (m * total[:, None])
        for i in range(m):
            for state, amount in zip(states[i], share[i], strict=True):
                dz[t, i, state] -= amount
        after = beta * emitted[t]
        beta = after + _earlier(after, 1) + _earlier(skips * after, 2)
    return (dz,)
