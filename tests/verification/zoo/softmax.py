"""Softmax regression on integer labels: the mean cross-entropy, with an L2 penalty on the weights."""

import math

import numpy as np


def loss(X, y, W, b):
    z = X @ W + b
    z = z - np.max(z, axis=1, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return float(-np.sum(logp[np.arange(X.shape[0]), y]) / X.shape[0] + 0.005 * np.sum(W * W))


# form: plain
def plain(X, y, W, b):
    m = X.shape[0]
    scores = X @ W + b
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    P = e / np.sum(e, axis=1, keepdims=True)
    P[np.arange(m), y] -= 1
    P /= m
    dW = np.zeros(W.shape)
    dW += X.T @ P
    dW += 0.01 * W
    db = np.sum(P, axis=0)
    return {"W": dW, "b": db}


# form: one_hot
def one_hot(X, y, W, b):
    Y = np.eye(W.shape[1])[y]
    Z = np.dot(X, W) + b[np.newaxis, :]
    P = np.exp(Z) / np.exp(Z).sum(axis=1).reshape(-1, 1)
    delta = (P - Y) / Y.shape[0]
    return np.einsum("ni,nk->ik", X, delta) + 1e-2 * W, np.einsum("nk->k", delta)


# form: loops
def loops(X, y, W, b):
    N, D = X.shape
    C = W.shape[1]
    dW = np.zeros((D, C))
    db = np.zeros(C)
    for i in range(N):
        scores = [b[c] + X[i].dot(W[:, c]) for c in range(C)]
        top = max(scores)
        total = sum(math.exp(s - top) for s in scores)
        for c in range(C):
            p = math.exp(scores[c] - top) / total
            g = p - (c == y[i])
            dW[:, c] += g * X[i] / N
            db[c] += g / N
    dW += 2 * 0.005 * W
    return dW, db


# form: logsumexp
def loss_logsumexp(X, y, W, b):
    Z = X @ W + b
    top = Z.max(axis=1)
    lse = top + np.log(np.exp(Z - top[:, None]).sum(axis=1))
    return np.mean(lse - Z[np.arange(len(y)), y]) + 0.005 * np.linalg.norm(W) ** 2


def logsumexp(X, y, W, b):
    Z = X @ W + b
    top = Z.max(axis=1)
    lse = top + np.log(np.exp(Z - top[:, None]).sum(axis=1))
    G = np.exp(Z - lse[:, None])
    rows = np.arange(len(y))
    np.subtract.at(G, (rows, y), 1.0)
    G *= 1.0 / len(y)
    loss = np.mean(lse - Z[rows, y]) + 0.005 * (W**2).sum()
    grads = {"W": np.tensordot(X, G, axes=(0, 0)) + 0.01 * W, "b": G.sum(0)}
    return loss, grads


# inputs
WRT = ["W", "b"]
LABELS = np.array([0, 2, 1, 2, 0, 1, 1])


def normal(rng):
    return {"X": rng.normal(size=(7, 4)), "y": LABELS, "W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}


def wide(rng):
    X = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 3, size=(7, 4))
    return {"X": X, "y": LABELS, "W": rng.normal(size=(4, 3)), "b": np.array([50.0, -50.0, 1e-3])}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"X": X, "y": np.array([0, 0, 2, 2, 1, 0]), "W": np.zeros((4, 3)), "b": np.zeros(3)}


# edits
def sure(inputs, rng):
    return inputs | {"W": 12 * inputs["W"], "b": np.array([3.0, -4.0, 1.0])}


MUTANTS = [
    ("plain", "relative 1e-7", "-= 1\n", "-= 1.0000001\n"),
    ("plain", "scale", "P /= m", "P /= m - 1"),
    ("plain", "lost path", "    P /= m\n", ""),
    ("plain", "L2", "0.01 * W", "0.005 * W"),
    ("plain", "L2", "    dW += 0.01 * W\n", ""),
    ("plain", "bias", "X @ W + b", "X @ W"),
    ("plain", "axis", "np.sum(e, axis=1, keepdims=True)", "np.sum(e, axis=0, keepdims=True)"),
    ("plain", "index", "y] -= 1", "(y + 1) % 3] -= 1"),
    ("plain", "index", "np.sum(P, axis=0)", "np.sum(P, axis=0)[::-1]"),
    ("plain", "one coordinate", "    db = np", "    dW[2, 1] *= 1.001\n    db = np"),
    ("plain", "constant", "0.01 * W", "0.0100000001 * W"),
    ("plain", "region", "    P[np", "    P[P < 1e-3] = 0\n    P[np", sure),
    ("plain", "region", "    P /= m\n", "    P = np.where(scores > 9, P * 2, P)\n    P /= m\n", sure),
    ("plain", "region", "    P /= m\n", "    if scores.max() > 12:\n        P /= 2\n    P /= m\n", sure),
    ("one_hot", "sign", "(P - Y)", "(Y - P)"),
    ("one_hot", "axis", "Y.shape[0]", "Y.shape[1]"),
    ("one_hot", "derivative", "(P - Y)", "(P - Y) * P"),
    ("one_hot", "sign", "+ 1e-2 * W", "- 1e-2 * W"),
    ("one_hot", "region", "delta = (P - Y)", "delta = np.where(P > 0.9999, 0.0, P - Y)", sure),
    ("loops", "sign", "p - (c == y[i])", "p + (c == y[i])"),
    ("loops", "index", "(c == y[i])", "(c == y[i - 1])"),
    ("loops", "factor 2", "db[c] += g / N", "db[c] += 2 * g / N"),
    ("loops", "factor 2", "2 * 0.005", "0.005"),
    ("loops", "lost path", "dW[:, c] += g", "dW[:, c] = g"),
    ("loops", "region", "g = p - (c", "p = p if scores[c] > -6 else 0.0\n            g = p - (c", sure),
    ("logsumexp", "scale", "G *= 1.0 / len(y)", "G *= 1.0 / G.shape[1]"),
    ("logsumexp", "bias", "G.sum(0)", "G.mean(0)"),
    ("logsumexp", "eps", "np.exp(Z - top[:, None]).sum(axis=1)", "(np.exp(Z - top[:, None]).sum(axis=1) + 1e-6)"),
    ("logsumexp", "sign", "np.subtract.at", "np.add.at"),
]

HARMLESS = [
    ("plain", "scores.max(axis=1, keepdims=True)", "8"),
    ("plain", "np.zeros(W.shape)", "np.zeros((4, 3), dtype=np.float32)"),
    ("plain", "0.01 * W", "(0.1 * 0.1) * W"),
    ("plain", "P /= m", "P = np.asarray(P, dtype=float) * (1 / m)"),
    ("one_hot", "np.exp(Z) / np.exp(Z)", "np.exp(Z - Z.max()) / np.exp(Z - Z.max())"),
    ("loops", "top = max(scores)", "top = scores[0]"),
    ("logsumexp", "G *= 1.0 / len(y)", "G /= float(len(y))"),
]
