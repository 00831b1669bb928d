"""A linear layer, max pooling over groups of features, and the mean squared error."""

import numpy as np


def loss(X, W, b, y):
    z = (X @ W + b).reshape(len(X), -1, 3)
    return 0.5 * np.mean(np.sum((z.max(axis=2) - y) ** 2, axis=1))


# form: plain
def plain(X, W, b, y):
    m = len(X)
    z = (X @ W + b).reshape(m, -1, 3)
    best = z.argmax(axis=2)
    out = z.max(axis=2)
    dz = np.zeros_like(z)
    rows, groups = np.indices(best.shape)
    dz[rows, groups, best] = (out - y) / m
    dz = dz.reshape(m, -1)
    return {"W": X.T @ dz, "b": dz.sum(axis=0)}


# form: loops
def loops(X, W, b, y):
    dW, db = np.zeros(W.shape), np.zeros(b.shape)
    for x, target in zip(X, y):
        z = x @ W + b
        for group in range(len(target)):
            part = z[3 * group : 3 * group + 3]
            winner = 3 * group + int(np.argmax(part))
            g = (np.max(part) - target[group]) / len(X)
            dW[:, winner] += g * x
            db[winner] += g
    return dW, db


# form: flat
def flat(X, W, b, y):
    z = np.dot(X, W) + b
    blocks = z.reshape(-1, 3)
    winners = np.argmax(blocks, axis=1)
    peak = blocks[np.arange(winners.size), winners]
    delta = np.zeros((winners.size, 3))
    delta[np.arange(winners.size), winners.flatten()] = (peak - y.flatten()) / len(y)
    delta = delta.reshape(z.shape)
    return X.T.dot(delta), np.sum(delta, axis=0)


# form: equality_mask
def equality_mask(X, W, b, y):
    z = np.stack(np.split(X @ W + b, W.shape[1] // 3, axis=1), axis=1)
    top = np.max(z, axis=-1, keepdims=True)
    mask = np.equal(z, top)
    share = mask / np.sum(mask, axis=-1, keepdims=True)
    up = np.expand_dims(top[..., 0] - y, -1) / X.shape[0]
    dz = np.concatenate([up[:, i] * share[:, i] for i in range(y.shape[1])], axis=1)
    return {"W": np.einsum("ni,nj->ij", X, dz), "b": np.einsum("nj->j", dz)}


# inputs
WRT = ["W", "b"]


def normal(rng):
    return {name: rng.normal(size=shape) for name, shape in {"X": (5, 4), "W": (4, 6), "b": 6, "y": (5, 2)}.items()}


def wide(rng):
    inputs = normal(rng)
    return inputs | {"X": inputs["X"] * 10.0 ** rng.integers(-3, 3, size=(5, 4)), "y": 1e3 * inputs["y"]}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0.0, 0, -3, 1]])
    W = np.array([[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 2, 0], [0, 0, 0, 0, 0, 0.0]])
    return {"X": X, "W": W, "b": np.zeros(6), "y": np.array([[1, 0], [0, 1], [1, 1], [-1, 2], [2.0, -1]])}


# edits
def far(inputs, rng):
    return inputs | {"X": 40 * inputs["X"], "y": 100 * inputs["y"]}


MUTANTS = [
    ("plain", "scale", "(out - y) / m", "(out - y)"),
    ("plain", "index", "z.argmax(axis=2)", "z.argmin(axis=2)"),
    ("plain", "sign", "out - y", "y - out"),
    ("plain", "bias", "X @ W + b", "X @ W"),
    ("plain", "factor 2", "(out - y) / m", "2 * (out - y) / m"),
    ("plain", "axis", "dz.sum(axis=0)", "dz.mean(axis=0)"),
    ("plain", "one coordinate", "    return {", "    dz[2, 3] += 1e-6\n    return {"),
    ("plain", "region", "(out - y) / m", "np.where(out > 70, 0, out - y) / m", far),
    (
        "plain",
        "region",
        "    dz = dz.reshape",
        "    if np.min(z) < -90:\n        dz = dz * 1.5\n    dz = dz.reshape",
        far,
    ),
    ("loops", "index", "3 * group + int(np.argmax(part))", "3 * group + int(np.argmax(part)) - 1"),
    ("loops", "lost path", "db[winner] += g", "db[winner] = g"),
    ("loops", "derivative", "g = (np.max(part)", "g = (np.mean(part)"),
    ("loops", "index", "target[group]", "target[group - 1]"),
    ("flat", "index", "np.argmax(blocks, axis=1)", "np.argmax(np.abs(blocks), axis=1)"),
    ("flat", "transpose", "y.flatten()", "y.T.flatten()"),
    ("flat", "relative 1e-7", "/ len(y)", "/ (len(y) + 5e-7)"),
    ("flat", "region", "peak - y.flatten()", "np.minimum(peak - y.flatten(), 110)", far),
    ("equality_mask", "lost path", "up[:, i] * share[:, i]", "up[:, 0] * share[:, i]"),
    ("equality_mask", "scale", "/ X.shape[0]", "/ X.shape[1]"),
    ("equality_mask", "derivative", "np.equal(z, top)", "np.greater(z, 0)"),
]

HARMLESS = [
    ("plain", "np.zeros_like(z)", "0.0 * z"),
    ("loops", "int(np.argmax(part))", "int(part.argmax())"),
    ("equality_mask", "np.equal(z, top)", "(z >= top)"),
]
