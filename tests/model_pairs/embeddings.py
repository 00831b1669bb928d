"""Embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import LABELS, Gradient, pair, sigmoid


def embedding(E: Any, y: Any, W: Any, T: Any) -> Any:
    return np.sum((E[y] @ W - T) ** 2)


@pair("embedding", embedding, E=("v", "d"), y=LABELS, W=("d", "k"), T=("m", "k"))
def _(E: Any, y: Any, W: Any, T: Any) -> Gradient:
    h = E[y]
    d = 2 * (h @ W - T)
    dE = np.zeros_like(E)
    np.add.at(dE, y, d @ W.T)
    return {"E": dE, "W": h.T @ d}


def skip_gram(U: Any, V: Any, c: Any, o: Any) -> Any:
    s = np.sum(U[c] * V[o], axis=1)
    return np.sum(np.log(1 + np.exp(-s)))


@pair("skip-gram", skip_gram, U=("v", "d"), V=("v", "d"), c=LABELS, o=LABELS)
def _(U: Any, V: Any, c: Any, o: Any) -> Gradient:
    s = np.sum(U[c] * V[o], axis=1)
    d = (sigmoid(s) - 1)[:, None]
    dU, dV = np.zeros_like(U), np.zeros_like(V)
    np.add.at(dU, c, d * V[o])
    np.add.at(dV, o, d * U[c])
    return {"U": dU, "V": dV}
