"""Sums over joined axes are sums over their parts: proved for all sizes, and near misses are not."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp

N, D, H = gp.dims("N D H")
x, h, c = gp.array("x", (N, D)), gp.array("h", (N, H)), gp.array("c", (N, H))
W, V, b = gp.array("W", (D + H, 4 * H)), gp.array("V", (2 * D + H, H)), gp.array("b", (4 * H,))
joined = np.hstack((x, h))
by_parts = x @ W[:D] + h @ W[D:] + b


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gates(a, flat):
    """c times the four gates of a, beside each other, by slices or by an axis of gates."""
    if flat:
        i, f, o, g = (a[:, q * H : (q + 1) * H] for q in range(4))
        return np.hstack([c * sigmoid(i), c * sigmoid(f), c * sigmoid(o), c * np.tanh(g)])
    a = a.reshape(N, 4, H)
    rows = [c * sigmoid(a[:, q]) for q in range(3)]
    return np.stack([*rows, c * np.tanh(a[:, 3])], axis=1).reshape(N, 4 * H)


def by_columns(jacobian):
    """d vec(Y) / d vec(X), both stacked by columns."""
    rows, columns, height, width = jacobian.shape
    return np.transpose(jacobian, (1, 0, 3, 2)).reshape(rows * columns, height * width)


M, K, P = gp.dims("M K P")
A, X, B = gp.array("A", (K, P)), gp.array("X", (P, M)), gp.array("B", (M, H))
one, slopes = gp.numpy.eye(M), 1 - np.tanh(A @ X) ** 2
by_input = by_columns(gp.jacobian(np.tanh(A @ X), X))
both = by_columns(gp.jacobian(np.tanh(A @ X @ B), X))

EQUAL = {
    "slopes on a diagonal by a Kronecker product": (by_input, np.diag(slopes.T.reshape(-1)) @ np.kron(one, A)),
    "a Kronecker product scaled by slopes": (by_input, slopes.T.reshape(-1, 1) * np.kron(one, A)),
    "of a product of three": (both, (1 - np.tanh(A @ X @ B) ** 2).T.reshape(-1, 1) * np.kron(B.T, A)),
    "a product of joined rows": (joined @ W + b, by_parts),
    "of three parts": (np.hstack((x, h, x**2)) @ V, x @ V[:D] + h @ V[D : D + H] + x**2 @ V[D + H :]),
    "a gate": (sigmoid((joined @ W + b)[:, H : 2 * H]), sigmoid(by_parts.reshape(N, 4, H)[:, 1])),
    "the gates joined": (gates(joined @ W + b, flat=True), gates(by_parts, flat=False)),
    "a product with joined gates": (gates(joined @ W + b, flat=True) @ W.T, gates(by_parts, flat=False) @ W.T),
    "a part of that": ((gates(joined @ W + b, flat=True) @ W.T)[:, D:], gates(by_parts, flat=False) @ W[D:].T),
    "a gradient by joined rows": (
        joined.T @ gates(joined @ W + b, flat=True),
        np.vstack([x.T @ gates(by_parts, flat=False), h.T @ gates(by_parts, flat=False)]),
    ),
    "padding": (np.pad(x, ((0, 0), (0, H))) @ W, x @ W[:D]),
    "a norm": (np.sum(joined**2), np.sum(x**2) + np.sum(h**2)),
}

DIFFERENT = {
    "slopes by rows": (by_input, np.diag(slopes.reshape(-1)) @ np.kron(one, A)),
    "a derivative at what comes out": (by_input, np.tanh(A @ X).T.reshape(-1, 1) * np.kron(one, A)),
    "parts exchanged": (joined @ W, x @ W[H:] + h @ W[:H]),
    "a part twice": (joined @ W, x @ W[:D] + h @ W[:H]),
    "a part left out": (np.sum(joined**2), np.sum(x**2)),
    "the last one off by one": (joined @ W, x @ W[:D] + h[:, : H - 1] @ W[D : D + H - 1]),
    "gates exchanged": (
        joined.T @ gates(joined @ W + b, flat=True),
        joined.T @ gates(by_parts.reshape(N, 4, H)[:, ::-1].reshape(N, 4 * H), flat=False),
    ),
    "another factor": (joined.T @ c, np.vstack([x.T @ c, h.T @ h])),
}


@pytest.mark.parametrize("case", EQUAL)
def test_sums_over_joined_axes_are_sums_over_their_parts(case):
    left, right = EQUAL[case]
    assert gp.equal(left, right).name == "proved"


@pytest.mark.parametrize("case", DIFFERENT)
def test_near_misses_are_refuted(case):
    left, right = DIFFERENT[case]
    assert gp.equal(left, right).name == "refuted"
