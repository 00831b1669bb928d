"""Margins and robust losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from .regression import len_
from .table import LABELS, LOGISTIC, VECTOR, Gradient, pair


def hinge(X: Any, w: Any, b: Any, y: Any) -> Any:
    return np.mean(np.maximum(0, 1 - y * (X @ w + b)))


@pair("hinge", hinge, **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    margin = y * (X @ w + b)
    active = (margin < 1).astype(float)
    return {"w": -X.T @ (active * y) / len_(X), "b": -np.mean(active * y)}


@pair("squared hinge", lambda X, w, b, y: np.mean(np.maximum(0, 1 - y * (X @ w + b)) ** 2), **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    slack = np.maximum(0, 1 - y * (X @ w + b))
    return {"w": -2 * X.T @ (slack * y) / len_(X), "b": -2 * np.mean(slack * y)}


def svm(X: Any, W: Any, y: Any) -> Any:
    s = X @ W
    correct = s[np.arange(len_(X)), y][:, None]
    margins = np.maximum(0, s - correct + 1)
    margins[np.arange(len_(X)), y] = 0
    return np.sum(margins) / len_(X)


@pair("hinge of many classes", svm, X=("m", "n"), W=("n", "k"), y=LABELS)
def _(X: Any, W: Any, y: Any) -> Gradient:
    s = X @ W
    rows = np.arange(len_(X))
    margins = np.maximum(0, s - s[rows, y][:, None] + 1)
    margins[rows, y] = 0
    d = (margins > 0).astype(float)
    d[rows, y] -= d.sum(axis=1)
    return {"W": X.T @ d / len_(X)}


def huber(r: Any) -> Any:
    a = np.abs(r)
    return np.sum(np.where(a <= 1, 0.5 * r**2, a - 0.5))


@pair("Huber by where", huber, r=("n",))
def _(r: Any) -> Gradient:
    return {"r": np.where(np.abs(r) <= 1, r, np.sign(r))}


@pair("Huber by clip", huber, r=("n",))
def _(r: Any) -> Gradient:
    return {"r": np.clip(r, -1, 1)}


@pair("Huber by masks", huber, r=("n",))
def _(r: Any) -> Gradient:
    small = np.abs(r) < 1
    return {"r": small * r + (1 - small) * np.sign(r)}


def smooth_l1(x: Any, y: Any) -> Any:
    d = np.abs(x - y)
    return np.mean(np.where(d < 1 / 9, 4.5 * d**2, d - 0.5 / 9))


@pair("smooth L1", smooth_l1, **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    d = x - y
    return {"x": np.where(np.abs(d) < 1 / 9, 9 * d, np.sign(d)) / len_(x)}


@pair("log-cosh", lambda x, y: np.sum(np.log(np.cosh(x - y))), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": np.tanh(x - y), "y": -np.tanh(x - y)}


@pair(
    "log-cosh, stable", lambda x, y: np.sum(np.abs(x - y) + np.log1p(np.exp(-2 * np.abs(x - y))) - np.log(2)), **VECTOR
)
def _(x: Any, y: Any) -> Gradient:
    return {"x": np.tanh(x - y)}


@pair("quantile loss", lambda x, y: np.mean(np.maximum(0.9 * (y - x), -0.1 * (y - x))), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": np.where(y > x, -0.9, 0.1) / len_(x)}


@pair("Cauchy loss", lambda x, y: np.sum(np.log(1 + (x - y) ** 2 / 2)), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    r = x - y
    return {"x": 2 * r / (2 + r**2)}


@pair("Poisson regression", lambda X, w, b, y: np.mean(np.exp(X @ w + b) - y * (X @ w + b)), **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    r = (np.exp(X @ w + b) - y) / len_(X)
    return {"w": X.T @ r, "b": r.sum()}
