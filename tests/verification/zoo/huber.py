"""Robust regression: the Huber loss with a threshold as default argument, summed with sample weights."""

import numpy as np


def loss(X, y, w, b, k):
    r = X @ w + b - y
    a = np.abs(r)
    return np.sum(k * np.where(a <= 1.5, 0.5 * r**2, 1.5 * (a - 0.75)))


# form: plain
def plain(X, y, w, b, k, delta=1.5):
    r = X @ w + b - y
    g = k * np.where(np.abs(r) <= delta, r, delta * np.sign(r))
    return {"w": X.T @ g, "b": g.sum()}


# form: clipped
def clipped(X, y, w, b, k):
    r = X.dot(w) + b - y
    g = np.clip(r, -1.5, 1.5) * k
    return g.dot(X), np.sum(g)


# form: branches
def branches(X, y, w, b, k):
    delta = 3 / 2
    gw, gb = np.zeros(len(w)), 0.0
    for x, t, weight in zip(X, y, k):
        r = float(np.dot(x, w)) + b - t
        if r > delta:
            d = delta
        elif r < -delta:
            d = -delta
        else:
            d = r
        gw += weight * d * x
        gb += weight * d
    return gw, gb


# form: smooth_parts
def smooth_parts(X, y, w, b, k):
    r = X @ w + b - y
    out = np.empty_like(r)
    inside = np.abs(r) < 1.5
    out[inside] = r[inside]
    out[~inside] = 1.5 * r[~inside] / np.abs(r[~inside])
    out *= k
    return [np.einsum("n,nd->d", out, X), out.sum()]


# inputs
WRT = ["w", "b"]


def normal(rng):
    inputs = {"X": rng.normal(size=(7, 4)), "y": 3 * rng.normal(size=7), "w": rng.normal(size=4), "b": 0.4}
    return inputs | {"k": np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 0.25])}


def wide(rng):
    X = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 3, size=(7, 4))
    y = X @ np.ones(4) + np.array([0.5, -1.0, 100.0, -1000, 1e-3, 0, 2])
    return {"X": X, "y": y, "w": np.ones(4), "b": 0.0, "k": np.array([1e-3, 1.0, 50.0, 1.0, 3.0, 1e3, 0.25])}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"X": X, "y": np.array([1.5, -1.5, 0, 3, 1, -1.5]), "w": np.zeros(4), "b": 0.0, "k": np.ones(6)}


# edits
def far(inputs, rng):
    return inputs | {"y": inputs["y"] + np.array([0, 0, 2000.0, 0, -2000, 0, 0])}


def near(inputs, rng):
    return inputs | {"y": inputs["X"] @ inputs["w"] + inputs["b"] + 1e-3 * np.array([1, 2, -3, 1, 0.5, -2, 1])}


MUTANTS = [
    ("plain", "sign", "np.sign(r)", "-np.sign(r)"),
    ("plain", "constant", "delta=1.5", "delta=1.4999999"),
    ("plain", "lost path", "g = k *", "g ="),
    ("plain", "bias", "X @ w + b - y", "X @ w - y"),
    ("plain", "scale", "g.sum()", "g.mean()"),
    ("plain", "derivative", "delta * np.sign(r)", "delta"),
    ("plain", "region", '    return {"w"', '    g = np.where(np.abs(r) > 400, 0.0, g)\n    return {"w"', far),
    ("plain", "region", '    return {"w"', '    g = np.where(np.abs(r) < 5e-3, 0.0, g)\n    return {"w"', near),
    ("clipped", "constant", "-1.5, 1.5", "-1.5, 1.6"),
    ("clipped", "sign", "- y", "+ y"),
    ("clipped", "relative 1e-7", ") * k", ") * k * 1.0000001"),
    ("clipped", "region", "    g = np.clip", "    r = np.where(r > 300, 0, r)\n    g = np.clip", far),
    ("branches", "sign", "d = -delta", "d = delta"),
    ("branches", "constant", "3 / 2", "4 / 2"),
    ("branches", "lost path", "gw += weight * d * x", "gw += d * x"),
    ("branches", "lost path", "gb += weight * d", "gb = weight * d"),
    ("branches", "region", "if r > delta", "if r > delta and r < 250", far),
    ("smooth_parts", "factor 2", "= 1.5 * r", "= 3.0 * r"),
    ("smooth_parts", "derivative", "/ np.abs(r[~inside])", ""),
    ("smooth_parts", "index", "< 1.5", "< 2.5"),
    ("smooth_parts", "one coordinate", "    return [", "    out[4] *= 1.001\n    return ["),
]

HARMLESS = [
    ("plain", "np.abs(r) <= delta", "np.abs(r) < delta"),
    ("clipped", "np.clip(r, -1.5, 1.5)", "np.maximum(np.minimum(r, 1.5), -1.5)"),
    ("branches", "if r > delta", "if r >= delta"),
    ("smooth_parts", "1.5 * r[~inside] / np.abs(r[~inside])", "1.5 * np.sign(r[~inside])"),
]
