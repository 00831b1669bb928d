"""Logistic regression: the mean binary cross-entropy of a sigmoid, with an L2 penalty."""

import math

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def loss(X, y, w, b):
    p = sigmoid(X.dot(w) + b)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + 0.05 * np.sum(w * w)


# form: plain
def plain(X, y, w, b):
    z = X.dot(w) + b
    p = sigmoid(z)
    d = (p - y) / len(y)
    return np.dot(X.T, d) + 0.1 * w, d.sum()


# form: stable
def loss_stable(X, y, w, b):
    z = X.dot(w) + b
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))) + 0.05 * np.sum(w**2)


def stable(X, y, w, b):
    z = X.dot(w) + b
    p = np.empty(z.shape)
    up = z >= 0
    p[up] = 1 / (1 + np.exp(-z[up]))
    e = np.exp(z[~up])
    p[~up] = e / (1 + e)
    d = (p - y) / z.shape[0]
    dw = X.T @ d
    dw += 0.1 * w
    return {"w": dw, "b": np.sum(d)}


# form: chain
def chain(X, y, w, b):
    m = len(y)
    z = X @ w + b
    p = sigmoid(z)
    dp = -(y / p - (1 - y) / (1 - p)) / m
    dz = dp * p * (1 - p)
    gw = np.sum(X * dz[:, np.newaxis], axis=0) + 2 * 0.05 * w
    gb = np.sum(dz)
    return gw, gb


# form: scalar_loops
def scalar_loops(X, y, w, b):
    gw = [0.1 * wj for wj in w]
    gb = 0.0
    m = len(X)
    for row, target in zip(X, y):
        z = sum(x * c for x, c in zip(row, w)) + b
        p = 1 / (1 + math.exp(-z))
        gap = (p - target) / m
        for j in range(len(gw)):
            gw[j] += gap * row[j]
        gb += gap
    return np.array(gw), gb


# form: tanh_form
HALF = 0.5


def tanh_form(X, y, w, b):
    margin = X.dot(w) + b
    p = HALF * (1 + np.tanh(HALF * margin))
    weights = p - y
    gw = np.average(X * weights[:, None], axis=0) + w / 10
    return gw, weights.mean()


# inputs
WRT = ["w", "b"]


def normal(rng):
    return {"X": rng.normal(size=(7, 4)), "y": np.array([1.0, 0, 0, 1, 1, 0, 1]), "w": rng.normal(size=4), "b": 0.1}


def wide(rng):
    X = np.vstack([50 * np.eye(4), -45 * np.eye(4), 1e-3 * rng.normal(size=(3, 4))])
    y = np.array([1.0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1])
    return {"X": X, "y": y, "w": np.array([1.0, -1.0, 0.5, 1.1]), "b": 1e-3}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"X": X, "y": np.array([1.0, 0, 1, 1, 0, 0]), "w": np.zeros(4), "b": 0.0}


# edits
def low(inputs, rng):
    return inputs | {"w": np.array([6.0, -5.0, 4.0, 9.0]) * 2, "b": -3.0}


MUTANTS = [
    ("plain", "sign", "(p - y)", "(y - p)"),
    ("plain", "scale", "/ len(y)", ""),
    ("plain", "axis", "/ len(y)", "/ X.shape[1]"),
    ("plain", "derivative", "(p - y)", "(p - y) * p * (1 - p)"),
    ("plain", "bias", "z = X.dot(w) + b", "z = X.dot(w)"),
    ("plain", "bias", "d.sum()", "d.mean()"),
    ("plain", "L2", "+ 0.1 * w", ""),
    ("plain", "L2", "0.1 * w", "0.05 * w"),
    ("plain", "constant", "0.1 * w", "0.1000001 * w"),
    ("plain", "region", "d = (p - y)", "p = np.where(z < -5, 0.0, p); d = (p - y)", low),
    ("plain", "region", "d = (p - y)", "p = np.where(p < 1e-3, 1e-3, p); d = (p - y)", low),
    ("plain", "region", "d = (p - y)", "p[z > 7] = 1; d = (p - y)", low),
    ("stable", "sign", "np.exp(-z[up])", "np.exp(z[up])"),
    ("stable", "derivative", "e / (1 + e)", "1 / (1 + e)"),
    ("stable", "relative 1e-7", "dw = X.T @ d", "dw = X.T @ d * (1 + 1e-7)"),
    ("stable", "scale", "/ z.shape[0]", "/ w.shape[0]"),
    ("stable", "region", "e / (1 + e)", "e / (1 + e) * (e > 1e-4)", low),
    ("chain", "sign", "-(y / p - (1 - y)", "-(y / p + (1 - y)"),
    ("chain", "derivative", "p * (1 - p)", "p * (1 + p)"),
    ("chain", "lost path", "y / p - (1 - y) / (1 - p)", "y / p"),
    ("chain", "eps", "y / p -", "y / (p + 1e-8) -"),
    ("chain", "factor 2", "2 * 0.05", "0.05"),
    ("scalar_loops", "index", "gap * row[j]", "gap * row[j - 1]"),
    ("scalar_loops", "sign", "math.exp(-z)", "math.exp(z)"),
    ("scalar_loops", "lost path", "gb += gap", "gb = gap"),
    ("scalar_loops", "region", "gap = (p", "gap = ((p if z > -8 else 0.0)", low),
    ("tanh_form", "factor 2", "np.tanh(HALF * margin)", "np.tanh(margin)"),
    ("tanh_form", "scale", "weights.mean()", "weights.sum()"),
    ("tanh_form", "L2", "w / 10", "w / 11"),
    ("tanh_form", "constant", "HALF = 0.5", "HALF = 0.4999999999"),
]

HARMLESS = [
    ("plain", "p = sigmoid(z)", "p = np.exp(z) / (1 + np.exp(z))"),
    ("plain", "0.1 * w", "(0.3 / 3) * w"),
    ("stable", "up = z >= 0", "up = z > 0"),
    ("stable", "e / (1 + e)", "1 - 1 / (1 + e)"),
    ("chain", "p * (1 - p)", "(p - p**2)"),
    ("tanh_form", "w / 10", "0.1 * w"),
]
