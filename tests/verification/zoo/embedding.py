"""A bag of words: the mean of embedded tokens, a linear layer, and the mean cross-entropy on labels."""

from collections import defaultdict

import numpy as np


def loss(E, W, idx, y):
    h = E[idx].mean(axis=1)
    z = h @ W
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean()


# form: plain
def plain(E, W, idx, y):
    h = E[idx].mean(axis=1)
    z = h @ W
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    dW = h.T @ p
    dh = p @ W.T
    dE = np.zeros_like(E)
    np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])
    return {"E": dE, "W": dW}


# form: loops
def loops(E, W, idx, y):
    B, T = idx.shape
    dE, dW = np.zeros(E.shape), np.zeros(W.shape)
    for i in range(B):
        h = np.zeros(E.shape[1])
        for token in idx[i]:
            h += E[token] / T
        z = W.T @ h
        z -= z.max()
        p = np.exp(z)
        p /= p.sum()
        p[y[i]] -= 1.0
        p /= B
        dW += np.outer(h, p)
        for token in idx[i]:
            dE[token] += W @ p / T
    return dE, dW


# form: bag_matrix
def bag_matrix(E, W, idx, y):
    counts = np.zeros((len(idx), len(E)))
    for row, tokens in enumerate(idx):
        counts[row] = np.bincount(tokens, minlength=len(E)) / tokens.size
    h = counts @ E
    z = h @ W
    lse = np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
    one_hot = (y[:, None] == np.arange(W.shape[1])[None, :]).astype(np.float32)
    g = (np.exp(z - lse) - one_hot) / y.shape[0]
    return counts.T @ (g @ W.T), h.T @ g


# form: sparse_rows
def sparse_rows(E, W, idx, y):
    rows = defaultdict(lambda: 0.0)
    h = np.take(E, idx, axis=0).sum(axis=1) / idx.shape[1]
    z = np.dot(h, W)
    p = np.exp(z - z.max(axis=1)[:, None])
    p /= p.sum(axis=1)[:, None]
    g = p.copy()
    g[range(len(y)), y] -= 1
    g = g / len(y)
    back = np.dot(g, W.T) / idx.shape[1]
    for sample, tokens in enumerate(idx.tolist()):
        for token in tokens:
            rows[token] = rows[token] + back[sample]
    dE = np.zeros_like(E)
    for token, row in rows.items():
        dE[token] = row
    return {"E": dE, "W": np.dot(h.T, g)}


# inputs
WRT = ["E", "W"]


def normal(rng):
    tokens = {"idx": np.array([[0, 1], [1, 1], [5, 2], [3, 0]]), "y": np.array([3, 0, 1, 0])}
    return {"E": rng.normal(size=(6, 3)), "W": rng.normal(size=(3, 4))} | tokens


def wide(rng):
    inputs = normal(rng)
    return inputs | {"E": inputs["E"] * 10.0 ** rng.integers(-3, 3, size=(6, 3)), "W": np.round(2 * inputs["W"], 1)}


def kink(rng):
    tokens = {"idx": np.array([[1, 1], [1, 1], [2, 1], [1, 2]]), "y": np.array([2, 2, 2, 0])}
    return {"E": np.zeros((6, 3)), "W": np.ones((3, 4))} | tokens


# edits
def sure(inputs, rng):
    return inputs | {"W": 8 * inputs["W"], "E": 2 * inputs["E"]}


MUTANTS = [
    ("plain", "scale", " / idx.shape[1]", ""),
    ("plain", "sign", "p @ W.T", "-p @ W.T"),
    ("plain", "relative 1e-7", "-= 1\n", "-= 0.9999999\n"),
    (
        "plain",
        "lost path",
        "np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])",
        "dE[idx] += dh[:, None, :] / idx.shape[1]",
    ),
    ("plain", "scale", "    p /= len(y)\n", ""),
    ("plain", "axis", "np.exp(z).sum(axis=1, keepdims=True)", "np.exp(z).sum(axis=0, keepdims=True)"),
    ("plain", "index", "y] -= 1", "y - 1] -= 1"),
    ("plain", "one coordinate", "    return {", "    dE[1, 2] *= 1.0001\n    return {"),
    ("plain", "region", "    p[np", "    p = np.where(p < 1e-3, 0, p)\n    p[np", sure),
    ("plain", "region", "    p /= len(y)\n", "    p = p * (np.abs(z) < 9)\n    p /= len(y)\n", sure),
    ("loops", "stale variable", "dE[token] += W @ p / T", "dE[token] += W @ p / B"),
    ("loops", "lost path", "dE[token] += W", "dE[token] = W"),
    ("loops", "index", "p[y[i]] -= 1.0", "p[y[i - 1]] -= 1.0"),
    ("loops", "lost path", "dW += np.outer(h, p)", "dW = np.outer(h, p)"),
    ("loops", "region", "p /= p.sum()", "p[p < 1e-4] = 0\n        p /= p.sum()", sure),
    ("bag_matrix", "scale", "/ tokens.size", ""),
    ("bag_matrix", "transpose", "h.T @ g", "(g.T @ h).reshape(W.shape)"),
    ("bag_matrix", "derivative", "np.exp(z - lse) - one_hot", "np.exp(z - lse) * (1 - one_hot)"),
    ("bag_matrix", "axis", "/ y.shape[0]", "/ h.shape[1]"),
    ("sparse_rows", "lost path", "rows[token] + back[sample]", "back[sample]"),
    ("sparse_rows", "factor 2", "/ idx.shape[1]\n    for", "/ 4\n    for"),
    ("sparse_rows", "index", "back[sample]", "back[0]"),
    ("sparse_rows", "relative 1e-7", "g / len(y)", "g / (len(y) - 1e-6)"),
]

HARMLESS = [
    ("plain", "len(y)), y] -= 1", "len(y)), y] += -1.0"),
    ("loops", "z -= z.max()", "z -= z.mean()"),
    ("bag_matrix", "astype(np.float32)", "astype(int)"),
    ("sparse_rows", "z.max(axis=1)[:, None]", "z[:, :1]"),
]
