"""Least absolute deviations with an elastic net: corners at zero residuals and at zero weights."""

import numpy as np


def loss(X, y, w, l1, l2):
    return np.abs(X @ w - y).mean() + l1 * np.sum(np.abs(w)) + l2 * np.dot(w, w)


# form: plain
def plain(X, y, w, l1, l2):
    s = np.sign(X @ w - y)
    return X.T @ s / len(y) + l1 * np.sign(w) + 2 * l2 * w


# form: masks
def masks(X, y, w, l1, l2):
    r = X.dot(w) - y
    s = np.ones(r.shape)
    s[r < 0] = -1
    g = np.zeros_like(w)
    for i in range(len(y)):
        g += s[i] * X[i]
    g /= X.shape[0]
    g[w > 0] += l1
    g[w < 0] -= l1
    return g + l2 * (w + w)


# form: ratio
def ratio(X, y, w, l1, l2):
    r = X @ w - y
    up, down = (r > 0).astype(float), (r < 0).astype(float)
    g = np.einsum("i,ij->j", up - down, X) / r.shape[0]
    penalty = [l1 if c > 0 else -l1 if c < 0 else 0.0 for c in w]
    return {"w": g + np.array(penalty) + np.multiply(w, 2 * l2)}


# form: scalars
def scalars(X, y, w, l1, l2):
    grad = []
    for j in range(w.size):
        total = 0
        for i in range(y.size):
            r = sum(X[i, k] * w[k] for k in range(w.size)) - y[i]
            if r >= 0:
                total += X[i, j]
            else:
                total -= X[i, j]
        grad.append(total / y.size + (l1 if w[j] >= 0 else -l1) + 2 * l2 * w[j])
    return np.asarray(grad)


# inputs
WRT = ["w"]


def normal(rng):
    return {"X": rng.normal(size=(7, 4)), "y": rng.normal(size=7), "w": rng.normal(size=4), "l1": 0.3, "l2": 0.05}


def wide(rng):
    X = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 4, size=(7, 4))
    return {"X": X, "y": 1e3 * rng.normal(size=7), "w": np.array([1e-3, -50, 1e3, 2]), "l1": 10.0, "l2": 1e-3}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    w = np.array([0.0, 1, 0, 2])
    return {"X": X, "y": X @ w, "w": w, "l1": 0.5, "l2": 0.25}


# edits
def far(inputs, rng):
    return inputs | {"y": inputs["y"] + np.array([0, 0, 2000.0, 0, -2000, 0, 0]), "w": 20 * inputs["w"]}


MUTANTS = [
    ("plain", "sign", "X @ w - y", "y - X @ w"),
    ("plain", "scale", "/ len(y)", ""),
    ("plain", "axis", "/ len(y)", "/ len(w)"),
    ("plain", "L2", "+ 2 * l2 * w", ""),
    ("plain", "factor 2", "2 * l2 * w", "l2 * w"),
    ("plain", "lost path", "+ l1 * np.sign(w) ", ""),
    ("plain", "derivative", "l1 * np.sign(w)", "l1 * np.abs(w)"),
    ("plain", "derivative", "l1 * np.sign(w)", "l1 * np.tanh(50 * w)"),
    ("plain", "region", "    return X.T", "    s[np.abs(X @ w - y) > 900] = 0\n    return X.T", far),
    ("plain", "region", "l1 * np.sign(w)", "l1 * np.sign(w) * (np.abs(w) < 7)", far),
    ("masks", "sign", "g[w < 0] -= l1", "g[w < 0] += l1"),
    ("masks", "derivative", "s[r < 0] = -1", "s[r < -0.1] = -1"),
    ("masks", "index", "s[i] * X[i]", "s[i - 1] * X[i]"),
    ("masks", "relative 1e-7", "g /= X.shape[0]", "g /= X.shape[0] * 1.0000001"),
    ("masks", "lost path", "g += s[i] * X[i]", "g = s[i] * X[i]"),
    ("ratio", "sign", "up - down", "up + down"),
    ("ratio", "constant", "-l1 if c < 0", "-0.3 * l1 if c < 0"),
    ("ratio", "one coordinate", "    penalty = [", "    g[2] += 1e-7\n    penalty = ["),
    ("scalars", "index", "for i in range(y.size)", "for i in range(1, y.size)"),
    ("scalars", "sign", "total -= X[i, j]", "total += X[i, j]"),
    ("scalars", "region", "if r >= 0:", "if r >= 0 or r < -700:", far),
]

HARMLESS = [
    ("plain", "np.sign(X @ w - y)", "(2.0 * (X @ w > y) - 1)"),
    ("masks", "s[r < 0] = -1", "s[r <= 0] = -1"),
    ("scalars", "if r >= 0:", "if r > 0:"),
]
