"""The multi-class hinge loss on integer labels with an L2 penalty: the linear support vector machine."""

import numpy as np


def loss(X, y, W):
    s = X.dot(W)
    n = X.shape[0]
    margins = np.maximum(0, s - s[np.arange(n), y][:, np.newaxis] + 1.0)
    margins[np.arange(n), y] = 0
    return margins.sum() / n + 0.1 * np.sum(W * W)


# form: plain
def plain(X, y, W):
    s = X.dot(W)
    n = X.shape[0]
    margins = np.maximum(0, s - s[np.arange(n), y][:, np.newaxis] + 1.0)
    margins[np.arange(n), y] = 0
    mask = np.zeros_like(margins)
    mask[margins > 0] = 1
    mask[np.arange(n), y] = -np.sum(mask, axis=1)
    return X.T.dot(mask) / n + 0.2 * W


# form: naive
def naive(X, y, W):
    dW = np.zeros(W.shape)
    num_classes = W.shape[1]
    num_train = X.shape[0]
    for i in range(num_train):
        scores = X[i].dot(W)
        correct = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct + 1
            if margin > 0:
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    dW /= num_train
    dW += 2 * 0.1 * W
    return dW


# form: one_hot
def one_hot(X, y, W):
    Y = np.equal.outer(y, np.arange(W.shape[1]))
    s = X @ W
    true = np.sum(s * Y, axis=1, keepdims=True)
    violated = ((s - true + 1 > 0) & ~Y).astype(float)
    coefficients = violated - Y * violated.sum(axis=1, keepdims=True)
    return np.einsum("nd,nc->dc", X, coefficients) / len(y) + W / 5


# form: pairs
def pairs(X, y, W):
    n, k = len(y), W.shape[1]
    flat = np.zeros(W.size).reshape(W.shape)
    for j in range(k):
        active = np.logical_and(X @ W[:, j] - np.sum(X * W.T[y], axis=1) > -1, y != j)
        rows = X[active]
        flat[:, j] += rows.sum(axis=0)
        for row, label in zip(rows, y[active]):
            flat[:, label] -= row
    flat *= 1.0 / n
    flat += 0.2 * W
    return flat


# inputs
WRT = ["W"]
LABELS = np.array([0, 2, 1, 2, 0, 1, 1])


def normal(rng):
    return {"X": rng.normal(size=(7, 4)), "y": LABELS, "W": rng.normal(size=(4, 3))}


def wide(rng):
    X = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 3, size=(7, 4))
    return {"X": X, "y": LABELS, "W": rng.normal(size=(4, 3))}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    W = np.array([[0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0.0, 1]])
    return {"X": X, "y": np.array([0, 0, 2, 2, 1, 0]), "W": W}


# edits
def far(inputs, rng):
    return inputs | {"X": 60 * inputs["X"]}


MUTANTS = [
    ("plain", "lost path", "= -np.sum(mask, axis=1)", "= -1"),
    ("plain", "scale", "/ n +", "+"),
    ("plain", "derivative", "> 0] = 1", "> 0] = margins[margins > 0]"),
    ("plain", "constant", "+ 1.0)", "+ 1.2)"),
    ("plain", "sign", "-np.sum(mask, axis=1)", "np.sum(mask, axis=1)"),
    ("plain", "L2", "+ 0.2 * W", ""),
    ("plain", "L2", "0.2 * W", "0.1 * W"),
    ("plain", "axis", "/ n + 0.2", "/ X.shape[1] + 0.2"),
    ("plain", "index", "    margins[np.arange(n), y] = 0\n", ""),
    ("plain", "region", "mask[margins > 0] = 1", "mask[(margins > 0) & (margins < 50)] = 1", far),
    ("plain", "region", "    mask[np", "    mask[s > 60] = 0\n    mask[np", far),
    ("naive", "lost path", "                dW[:, y[i]] -= X[i]\n", ""),
    ("naive", "sign", "dW[:, y[i]] -= X[i]", "dW[:, y[i]] += X[i]"),
    ("naive", "index", "dW[:, y[i]] -= X[i]", "dW[:, y[i]] -= X[i - 1]"),
    ("naive", "factor 2", "2 * 0.1 * W", "0.1 * W"),
    ("naive", "constant", "correct + 1", "correct + 2"),
    ("naive", "region", "if margin > 0:", "if 0 < margin < 90:", far),
    ("one_hot", "index", " & ~Y", " & Y"),
    (
        "one_hot",
        "transpose",
        "Y * violated.sum(axis=1, keepdims=True)",
        "Y.T.reshape(Y.shape) * violated.sum(axis=1, keepdims=True)",
    ),
    ("one_hot", "relative 1e-7", "/ len(y)", "/ (len(y) + 1e-6)"),
    ("one_hot", "sign", "- Y * violated", "+ Y * violated"),
    ("pairs", "sign", "> -1, y != j", "> 1, y != j"),
    ("pairs", "lost path", "flat[:, j] += rows", "flat[:, j] = rows"),
    ("pairs", "one coordinate", "    return flat", "    flat[3, 0] *= 0.999\n    return flat"),
    ("pairs", "scale", "1.0 / n", "1.0 / k"),
]

HARMLESS = [
    ("plain", "mask[margins > 0] = 1", "mask = (margins > 0) * 1.0"),
    ("naive", "if margin > 0:", "if margin >= 0:"),
    ("one_hot", "+ 1 > 0)", "+ 1 >= 0)"),
    ("one_hot", " & ~Y", ""),
    ("pairs", "1.0 / n", "n**-1.0"),
    ("plain", "/ n + 0.2", "* (1.0 / n) + 0.2"),
]
