"""The same functions as people write them who know floating point: an audit has nothing to say about them."""

from __future__ import annotations

import numpy as np


def log_of_complement(p):
    return np.log1p(-p)


def softplus(z):
    return np.logaddexp(0, z)


def cross_entropy(z, y):
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_loss(z, y):
    s = z - z.max(axis=1, keepdims=True)
    return (np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]).mean()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def variance(x):
    return np.mean((x - x.mean(axis=0)) ** 2, axis=0)


def growth(x):
    return np.expm1(x)


def least_squares(X, w, y):
    return np.mean((X @ w - y) ** 2)


def least_squares_gradient(X, w, y):
    return {"w": 2 * X.T @ (X @ w - y) / len(y)}


def relu_net(X, W1, W2):
    return np.maximum(X @ W1, 0) @ W2
