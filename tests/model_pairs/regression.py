"""Regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import LOGISTIC, Gradient, pair, sigmoid, stable_sigmoid


def mse(X: Any, w: Any, b: Any, y: Any) -> Any:
    return np.mean((X @ w + b - y) ** 2)


@pair("linear regression", mse, **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    m = X.shape[0]
    r = X @ w + b - y
    return {"w": 2 / m * X.T @ r, "b": 2 * np.mean(r)}


@pair("linear regression by einsum and dot", mse, **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    r = y - X.dot(w) - b
    return {"w": -2 * np.einsum("i,ij->j", r, X) / len_(X), "b": -2 * r.sum() / len_(X)}


def len_(x: Any) -> Any:
    return x.shape[0]


def ridge(X: Any, w: Any, b: Any, y: Any, lam: Any) -> Any:
    r = X @ w + b - y
    return 0.5 * r @ r / len_(X) + 0.5 * lam * np.linalg.norm(w) ** 2


@pair("ridge", ridge, **LOGISTIC, lam=())
def _(X: Any, w: Any, b: Any, y: Any, lam: Any) -> Gradient:
    r = X @ w + b - y
    return {"w": (X.T @ r) / len_(X) + lam * w, "b": np.sum(r) / len_(X)}


def elastic(X: Any, w: Any, b: Any, y: Any, l1: Any, l2: Any) -> Any:
    return mse(X, w, b, y) + l1 * np.sum(np.abs(w)) + l2 * np.sum(w**2)


@pair("elastic net", elastic, **LOGISTIC, l1=(), l2=())
def _(X: Any, w: Any, b: Any, y: Any, l1: Any, l2: Any) -> Gradient:
    r = X @ w + b - y
    return {"w": 2 * X.T @ r / len_(X) + l1 * np.sign(w) + 2 * l2 * w, "b": 2 * r.sum() / len_(X)}


@pair("lasso by where", lambda X, w, b, y, l1: mse(X, w, b, y) + l1 * np.abs(w).sum(), **LOGISTIC, l1=())
def _(X: Any, w: Any, b: Any, y: Any, l1: Any) -> Gradient:
    r = X @ w + b - y
    return {"w": 2 * X.T @ r / len_(X) + l1 * np.where(w > 0, 1.0, -1.0), "b": 2 * r.mean()}


def bce(X: Any, w: Any, b: Any, y: Any) -> Any:
    p = sigmoid(X @ w + b)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def bce_logits(X: Any, w: Any, b: Any, y: Any) -> Any:
    z = X @ w + b
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def bce_logaddexp(X: Any, w: Any, b: Any, y: Any) -> Any:
    z = X @ w + b
    return np.mean(np.logaddexp(0, z) - z * y)


def _logistic(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    d = (sigmoid(X @ w + b) - y) / len_(X)
    return {"w": X.T @ d, "b": d.sum()}


def _logistic_chain(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    p = sigmoid(X @ w + b)
    dp = -(y / p - (1 - y) / (1 - p)) / len_(X)
    dz = dp * p * (1 - p)
    return {"w": np.dot(X.T, dz), "b": np.sum(dz)}


def _logistic_stable(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    d = (stable_sigmoid(X @ w + b) - y) / len_(X)
    return {"w": d @ X, "b": d.sum()}


def _logistic_tanh(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    z = X @ w + b
    d = 0.5 * (1 + np.tanh(z / 2)) - y
    return {"w": X.T @ d / len_(X), "b": np.mean(d)}


def _logistic_ratio(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    e = np.exp(X @ w + b)
    d = (e / (1 + e) - y) / len_(X)
    return {"w": X.T @ d, "b": d.sum()}


for _name, _loss in {"probabilities": bce, "logits": bce_logits, "logaddexp": bce_logaddexp}.items():
    for _how, _gradient in {
        "plain": _logistic, "chain": _logistic_chain, "stable": _logistic_stable, "tanh": _logistic_tanh,
        "ratio": _logistic_ratio,
    }.items():  # fmt: skip
        pair(f"logistic: {_name}, {_how}", _loss, **LOGISTIC)(_gradient)


def signed_logistic(X: Any, w: Any, b: Any, y: Any) -> Any:
    return np.mean(np.log(1 + np.exp(-y * (X @ w + b))))


@pair("logistic with labels of sign", signed_logistic, **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    margin = y * (X @ w + b)
    d = -y * sigmoid(-margin) / len_(X)
    return {"w": X.T @ d, "b": d.sum()}


@pair("logistic with labels of sign, by exp", signed_logistic, **LOGISTIC)
def _(X: Any, w: Any, b: Any, y: Any) -> Gradient:
    e = np.exp(-y * (X @ w + b))
    d = -y * e / (1 + e) / len_(X)
    return {"w": X.T @ d, "b": d.sum()}
