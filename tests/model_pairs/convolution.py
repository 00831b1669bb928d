"""Convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import Gradient, pair


def conv1d(x: Any, w: Any, b: Any, y: Any) -> Any:
    k, length = 3, 5
    out = np.stack([np.sum(x[:, t : t + k] * w, axis=1) + b for t in range(length)], axis=1)
    return np.sum((out - y) ** 2)


@pair("convolution by windows", conv1d, x=("m", 7), w=(3,), b=(), y=("m", 5))
def _(x: Any, w: Any, b: Any, y: Any) -> Gradient:
    k, length = 3, 5
    out = np.zeros((x.shape[0], length))
    for t in range(length):
        out[:, t] = x[:, t : t + k] @ w + b
    d = 2 * (out - y)
    dw, dx = np.zeros_like(w), np.zeros_like(x)
    for t in range(length):
        dw += d[:, t] @ x[:, t : t + k]
        dx[:, t : t + k] += np.outer(d[:, t], w)
    return {"w": dw, "x": dx, "b": d.sum()}


def conv_shift(x: Any, w: Any) -> Any:
    n = x.shape[0]
    out = w[0] * x[: n - 2] + w[1] * x[1 : n - 1] + w[2] * x[2:]
    return 0.5 * np.sum(out**2)


@pair("convolution by shifted slices", conv_shift, x=("n",), w=(3,))
def _(x: Any, w: Any) -> Gradient:
    n = x.shape[0]
    out = w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:]
    dx = np.zeros(n)
    dx[:-2] += w[0] * out
    dx[1:-1] += w[1] * out
    dx[2:] += w[2] * out
    return {"w": np.stack([np.sum(out * x[:-2]), np.sum(out * x[1:-1]), out @ x[2:]]), "x": dx}


def max_pool(x: Any, G: Any) -> Any:
    out = np.stack([np.max(x[:, 2 * t : 2 * t + 2], axis=1) for t in range(3)], axis=1)
    return np.sum(out * G)


@pair("max pooling by masks", max_pool, x=("m", 6), G=("m", 3))
def _(x: Any, G: Any) -> Gradient:
    dx = np.zeros_like(x)
    for t in range(3):
        window = x[:, 2 * t : 2 * t + 2]
        mask = window == np.max(window, axis=1, keepdims=True)
        dx[:, 2 * t : 2 * t + 2] += mask * G[:, t : t + 1]
    return {"x": dx}


def avg_pool(x: Any, G: Any) -> Any:
    return np.sum(x.reshape(x.shape[0], 3, 2).mean(axis=2) * G)


@pair("average pooling", avg_pool, x=("m", 6), G=("m", 3))
def _(x: Any, G: Any) -> Gradient:
    dx = np.zeros_like(x)
    for t in range(3):
        dx[:, 2 * t : 2 * t + 2] = G[:, t : t + 1] / 2
    return {"x": dx}


@pair("max over an axis by its mask", lambda x, g: np.sum(np.max(x, axis=1) * g), x=("m", "n"), g=("m",))
def _(x: Any, g: Any) -> Gradient:
    return {"x": (x == np.max(x, axis=1, keepdims=True)) * g[:, None]}
