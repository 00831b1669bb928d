"""Gates that are stored side by side in the rows of one buffer, as many a hand-written LSTM does."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.numeric.verification.proofs.proof import trace_gradients
from gradproof.symbolic.equations.definition import System


def run(x: Any, W: Any, turns: int) -> Any:
    h = W.shape[1] // 4
    H, Z, F, C = np.zeros((turns + 1, h)), np.zeros((turns, 4 * h)), np.zeros((turns, 4 * h)), np.zeros((turns, h))
    H[0] = x
    for t in range(turns):
        Z[t] = H[t].dot(W)
        F[t, : 3 * h] = 1 / (1 + np.exp(-Z[t, : 3 * h]))
        F[t, 3 * h :] = np.tanh(Z[t, 3 * h :])
        C[t] = F[t, :h] * F[t, 3 * h :]
        if t > 0:
            C[t] += F[t, h : 2 * h] * C[t - 1]
        H[t + 1] = F[t, 2 * h : 3 * h] * C[t]
    return np.sum(H)


def operations(turns: int) -> int:
    """How many operations the derived gradient of W takes."""
    rng = np.random.default_rng(0)
    inputs = {"x": rng.normal(size=2), "W": rng.normal(size=(2, 8))}
    traced = trace_gradients(lambda x, W: run(x, W, turns), lambda x, W: 0 * W, inputs, [("W",)])
    assert traced is not None, "the loop is not traced"
    system = System.of(traced.derived["W",].definition)
    return sum(int(sp.count_ops(d.rhs)) for d in system.equations)


def test_the_derivative_does_not_double_with_every_turn() -> None:
    one, two, three = (operations(turns) for turns in (1, 2, 3))
    assert three - two <= 2 * (two - one), f"{one}, {two} and {three} operations for one, two and three turns"
