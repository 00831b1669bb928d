"""Ridge regression with a bias: half the mean squared error and half the L2 penalty."""

import numpy as np


def loss(X, y, w, b, lam):
    r = X @ w + b - y
    return 0.5 * np.mean(r**2) + 0.5 * lam * np.sum(w**2)


# form: plain
def plain(X, y, w, b, lam):
    m = X.shape[0]
    r = X @ w + b - y
    dw = X.T @ r / m + lam * w
    db = np.sum(r) / m
    return {"w": dw, "b": db}


# form: loops
def loops(X, y, w, b, lam):
    m, n = X.shape
    dw = np.zeros(n)
    db = 0.0
    for i in range(m):
        error = b - y[i]
        for j in range(n):
            error += X[i, j] * w[j]
        for j in range(n):
            dw[j] += error * X[i, j] / m
        db += error / m
    for j in range(n):
        dw[j] += lam * w[j]
    return dw, db


# form: normal_equations
def normal_equations(X, y, w, b, lam):
    A = np.hstack([X, np.ones((X.shape[0], 1))])
    theta = np.append(w, b)
    full = (A.T.dot(A).dot(theta) - A.T.dot(y)) / len(y)
    full[:-1] += lam * theta[:-1]
    return full[:-1], full[-1]


# form: out_buffers
def out_buffers(X, y, w, b, lam):
    r = np.empty(X.shape[0])
    np.dot(X, w, out=r)
    np.add(r, b, out=r)
    np.subtract(r, y, out=r)
    dw = np.zeros_like(w)
    np.multiply(w, lam, out=dw)
    dw += np.einsum("ij,i->j", X, r) * (1.0 / r.size)
    return float(0.5 * (r @ r) / r.size + 0.5 * lam * (w @ w)), (dw, float(r.mean()))


# form: model_class
class Ridge:
    def __init__(self, w, b, lam):
        self.w, self.b, self.lam = w, b, lam

    def forward(self, X):
        self.X = X
        self.out = X.dot(self.w) + self.b
        return self.out

    def backward(self, y):
        diff = (self.out - y) / y.shape[0]
        self.dw = self.X.T.dot(diff)
        self.db = diff.sum()
        self.dw += self.lam * self.w
        return {"dw": self.dw, "db": self.db}


def model_class(X, y, w, b, lam):
    model = Ridge(w, b, lam)
    model.forward(X)
    return model.backward(y)


# inputs
WRT = ["w", "b"]


def normal(rng):
    return {"X": rng.normal(size=(7, 4)), "y": rng.normal(size=7), "w": rng.normal(size=4), "b": 0.3, "lam": 0.1}


def wide(rng):
    X = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 4, size=(7, 4))
    return {"X": X, "y": 1e3 * rng.normal(size=7), "w": np.array([50.0, -1e-3, 2.0, -30.0]), "b": -20.0, "lam": 1e-3}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"X": X, "y": np.zeros(6), "w": np.zeros(4), "b": 0.0, "lam": 1.0}


# edits
def far(inputs, rng):
    return inputs | {"y": inputs["y"] + np.array([0, 0, 2000.0, 0, -2000, 0, 0])}


MUTANTS = [
    ("plain", "sign", "+ lam * w", "- lam * w"),
    ("plain", "L2", "+ lam * w", ""),
    ("plain", "L2", "lam * w", "2 * lam * w"),
    ("plain", "scale", "X.T @ r / m", "X.T @ r"),
    ("plain", "scale", "np.sum(r) / m", "np.sum(r)"),
    ("plain", "bias", "X @ w + b - y", "X @ w - y"),
    ("plain", "relative 1e-7", "np.sum(r) / m", "np.sum(r) / m * 1.0000001"),
    ("plain", "axis", "m = X.shape[0]", "m = X.shape[1]"),
    ("plain", "one coordinate", 'return {"w"', 'dw[3] *= 1.001; return {"w"'),
    ("plain", "region", "dw = X.T @ r / m", "dw = X.T @ np.where(np.abs(r) > 50, 2 * r, r) / m", far),
    ("plain", "region", "    dw = X.T", "    if np.max(np.abs(r)) > 1e3:\n        r = r / 2\n    dw = X.T", far),
    ("plain", "region", "np.sum(r) / m", "np.sum(np.clip(r, -100, 100)) / m", far),
    ("loops", "sign", "error = b - y[i]", "error = b + y[i]"),
    ("loops", "index", "error * X[i, j] / m", "error * X[i, j - 1] / m"),
    ("loops", "index", "for i in range(m)", "for i in range(m - 1)"),
    ("loops", "factor 2", "db += error / m", "db += 2 * error / m"),
    ("loops", "region", "db += error / m", "db += error / m if error < 60 else 60.0 / m", far),
    ("normal_equations", "bias", "full[:-1] += lam * theta[:-1]", "full += lam * theta"),
    ("normal_equations", "scale", "/ len(y)", "/ (len(y) - 1)"),
    ("normal_equations", "one coordinate", "full[:-1] += lam * theta[:-1]", "full[1:-1] += lam * theta[1:-1]"),
    ("out_buffers", "sign", "np.subtract(r, y, out=r)", "np.add(r, y, out=r)"),
    ("out_buffers", "L2", "np.multiply(w, lam, out=dw)", "np.multiply(w, lam * lam, out=dw)"),
    ("out_buffers", "relative 1e-7", "(1.0 / r.size)", "(1.0 / r.size + 1e-8)"),
    ("model_class", "lost path", "        self.dw += self.lam * self.w\n", ""),
    ("model_class", "axis", "y.shape[0]", "self.X.shape[1]"),
    ("model_class", "factor 2", "(self.out - y)", "2 * (self.out - y)"),
    ("model_class", "region", "self.db = diff.sum()", "self.db = diff[np.abs(self.out - y) < 500].sum()", far),
]

HARMLESS = [
    ("plain", "X.T @ r / m", "(1.0 / m) * X.T.dot(r)"),
    ("plain", "np.sum(r) / m", "np.mean(r)"),
    ("plain", "lam * w", "w * lam * 2 / 2"),
    ("loops", "error * X[i, j] / m", "X[i, j] * error * m**-1.0"),
    ("out_buffers", "(1.0 / r.size)", "(1.0 / float(len(r)))"),
]
