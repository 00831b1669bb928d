"""A softplus network with dropout whose mask is drawn from a seed inside, under a weighted squared error."""

import numpy as np


def loss(X, y, W, v, rate):
    keep = np.random.RandomState(7).rand(X.shape[0], W.shape[1]) >= rate
    a = np.log(1 + np.exp(X @ W)) * keep / (1 - rate)
    return np.sum((a @ v - y) ** 2) / len(y) / 2


# form: plain
def plain(X, y, W, v, rate):
    keep = np.random.RandomState(7).rand(X.shape[0], W.shape[1]) >= rate
    z = X @ W
    a = np.log(1 + np.exp(z)) * keep / (1 - rate)
    e = (a @ v - y) / len(y)
    da = e[:, None] * v * keep / (1 - rate)
    dz = da / (1 + np.exp(-z))
    return {"W": X.T @ dz, "v": a.T @ e}


# form: layer
class Dropout:
    def __init__(self, rate, seed=7):
        self.scale = 1.0 / (1.0 - rate)
        self.rate = rate
        self.rng = np.random.RandomState(seed)

    def forward(self, x):
        self.mask = (self.rng.uniform(size=x.shape) >= self.rate).astype(np.float64) * self.scale
        return x * self.mask

    def backward(self, g):
        return g * self.mask


def layer(X, y, W, v, rate):
    drop = Dropout(rate)
    z = X.dot(W)
    soft = np.logaddexp(0, z)
    a = drop.forward(soft)
    e = a.dot(v) - y
    e /= y.size
    g = drop.backward(np.outer(e, v))
    g *= np.exp(z) / (1 + np.exp(z))
    return X.T.dot(g), np.dot(e, a)


# form: columns
def columns(X, y, W, v, rate):
    np.random.seed(7)
    keep = np.random.rand(len(X), len(v)) >= rate
    factor = 1 / (1 - rate)
    pre = [X @ W[:, j] for j in range(len(v))]
    act = [np.where(keep[:, j], np.log1p(np.exp(p)) * factor, 0.0) for j, p in enumerate(pre)]
    e = (sum(a * c for a, c in zip(act, v)) - y) / len(y)
    dv = np.array([a @ e for a in act])
    dW = np.zeros(W.shape)
    for j, p in enumerate(pre):
        s = 0.5 * (np.tanh(p / 2) + 1)
        s[~keep[:, j]] = 0
        dW[:, j] = X.T @ (e * v[j] * factor * s)
    return dW, dv


# inputs
WRT = ["W", "v"]


def normal(rng):
    inputs = {name: rng.normal(size=shape) for name, shape in {"X": (7, 4), "y": 7, "W": (4, 5), "v": 5}.items()}
    return inputs | {"rate": 0.3}


def wide(rng):
    inputs = normal(rng)
    return inputs | {"X": inputs["X"] * 10.0 ** rng.integers(-3, 3, size=(7, 4)), "y": 1e3 * inputs["y"]}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"X": X, "y": np.zeros(6), "W": np.zeros((4, 5)), "v": np.array([1.0, -1, 2, 1, 0]), "rate": 0.5}


# edits
def far(inputs, rng):
    return inputs | {"X": 4 * inputs["X"], "y": 100 * inputs["y"]}


MUTANTS = [
    ("plain", "scale", "keep / (1 - rate)\n    e", "keep\n    e"),
    ("plain", "lost path", "v * keep / (1 - rate)", "v / (1 - rate)"),
    ("plain", "sign", "np.exp(-z)", "np.exp(z)"),
    ("plain", "derivative", "da / (1 + np.exp(-z))", "da * (z > 0)"),
    ("plain", "scale", "(a @ v - y) / len(y)", "(a @ v - y)"),
    ("plain", "index", "RandomState(7)", "RandomState(8)"),
    ("plain", "stale variable", "a.T @ e", "(a * keep / (1 - rate)).T @ e"),
    ("plain", "region", "dz = da / (1 + np.exp(-z))", "dz = np.where(z > 6, da, da / (1 + np.exp(-z)))", far),
    ("plain", "region", "    da = e", "    e = np.where(np.abs(e) > 10, 0, e)\n    da = e", far),
    ("layer", "scale", "1.0 / (1.0 - rate)", "1.0 / rate"),
    ("layer", "lost path", "return g * self.mask", "return g"),
    ("layer", "derivative", "np.exp(z) / (1 + np.exp(z))", "1 / (1 + np.exp(z))"),
    ("layer", "factor 2", "e /= y.size", "e *= 2 / y.size"),
    ("layer", "relative 1e-7", "return X.T.dot(g)", "return 1.0000001 * X.T.dot(g)"),
    ("columns", "index", "s[~keep[:, j]] = 0", "s[~keep[:, j - 1]] = 0"),
    ("columns", "factor 2", "np.tanh(p / 2)", "np.tanh(p)"),
    ("columns", "lost path", "e * v[j] * factor * s", "e * factor * s"),
    ("columns", "index", "[a @ e for a in act]", "[a @ e for a in act[::-1]]"),
    ("columns", "region", "s[~keep[:, j]] = 0", "s[(~keep[:, j]) | (p < -9)] = 0", far),
]

HARMLESS = [
    ("plain", "da / (1 + np.exp(-z))", "da * np.exp(z) / (1 + np.exp(z))"),
    ("layer", "np.logaddexp(0, z)", "np.maximum(z, 0) + np.log1p(np.exp(-abs(z)))"),
    ("columns", "np.random.seed(7)", "np.random.seed(3 + 4)"),
]
