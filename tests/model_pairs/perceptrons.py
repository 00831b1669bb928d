"""Perceptrons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradproof.symbolic.arrays.activations import erf as _erf

from .regression import len_
from .table import LABELS, Gradient, pair, sigmoid, softmax

ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "tanh": (np.tanh, lambda z, a: 1 - a**2),
    "tanh, of z": (np.tanh, lambda z, a: 1 / np.cosh(z) ** 2),
    "sigmoid": (sigmoid, lambda z, a: a * (1 - a)),
    "sigmoid, of z": (sigmoid, lambda z, a: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "relu": (lambda z: np.maximum(0, z), lambda z, a: z > 0),
    "relu, of a": (lambda z: np.maximum(0, z), lambda z, a: (a > 0).astype(float)),
    "relu, closed": (lambda z: np.maximum(0, z), lambda z, a: z >= 0),
    "relu, product": (lambda z: z * (z > 0), lambda z, a: np.where(z > 0, 1, 0)),
    "relu, halves": (lambda z: (z + np.abs(z)) / 2, lambda z, a: (1 + np.sign(z)) / 2),
    "leaky": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z, a: np.where(z > 0, 1, 0.01)),
    "leaky, by maximum": (lambda z: np.maximum(0.01 * z, z), lambda z, a: np.where(z < 0, 0.01, 1)),
    "elu": (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z, a: np.where(z > 0, 1, a + 1)),
    "elu, of z": (lambda z: np.where(z > 0, z, 0.7 * np.expm1(z)), lambda z, a: np.where(z > 0, 1, 0.7 * np.exp(z))),
    "elu, guarded": (
        lambda z: np.maximum(z, 0) + np.exp(np.minimum(z, 0)) - 1, lambda z, a: np.where(z >= 0, 1, np.exp(z))
    ),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z, a: sigmoid(z)),
    "softplus, stable": (lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), lambda z, a: sigmoid(z)),
    "softplus, of a": (lambda z: np.log1p(np.exp(z)), lambda z, a: 1 - np.exp(-a)),
    "silu": (lambda z: z * sigmoid(z), lambda z, a: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "silu, of a": (lambda z: z / (1 + np.exp(-z)), lambda z, a: a + sigmoid(z) * (1 - a)),
    "gelu, tanh": (
        lambda z: 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
        lambda z, a: _gelu_slope(z),
    ),
    "gelu, erf": (
        lambda z: 0.5 * z * (1 + _erf(z / np.sqrt(2))),
        lambda z, a: 0.5 * (1 + _erf(z / np.sqrt(2))) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z, a: 1 / (1 + np.abs(z)) ** 2),
    "hard tanh": (lambda z: np.clip(z, -1, 1), lambda z, a: (z > -1) & (z < 1)),
    "hard sigmoid": (
        lambda z: np.minimum(1, np.maximum(0, 0.2 * z + 0.5)), lambda z, a: 0.2 * (np.abs(z) < 2.5)
    ),
    "mish": (
        lambda z: z * np.tanh(np.log(1 + np.exp(z))),
        lambda z, a: np.tanh(np.log(1 + np.exp(z)))
        + z * (1 - np.tanh(np.log(1 + np.exp(z))) ** 2) * sigmoid(z),
    ),
}  # fmt: skip


def _gelu_slope(z: Any) -> Any:
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t**2) * c * (1 + 3 * 0.044715 * z**2)


def _perceptron(activation: Any, slope: Any) -> tuple[Any, Any]:
    def loss(X: Any, W1: Any, b1: Any, W2: Any, b2: Any, Y: Any) -> Any:
        a = activation(X @ W1 + b1)
        return np.sum((a @ W2 + b2 - Y) ** 2) / (2 * X.shape[0])

    def gradient(X: Any, W1: Any, b1: Any, W2: Any, b2: Any, Y: Any) -> Gradient:
        m = X.shape[0]
        z = X @ W1 + b1
        a = activation(z)
        d2 = (a @ W2 + b2 - Y) / m
        d1 = (d2 @ W2.T) * slope(z, a)
        return {"W1": X.T @ d1, "b1": d1.sum(axis=0), "W2": a.T @ d2, "b2": np.sum(d2, axis=0)}

    return loss, gradient


for _name, (_activation, _slope) in ACTIVATIONS.items():
    _loss, _gradient = _perceptron(_activation, _slope)
    pair(f"perceptron: {_name}", _loss, X=("m", "n"), W1=("n", "h"), b1=("h",), W2=("h", "k"), b2=("k",),
         Y=("m", "k"))(_gradient)  # fmt: skip


def deep(X: Any, W1: Any, W2: Any, W3: Any, y: Any) -> Any:
    h1 = np.maximum(0, X @ W1)
    h2 = np.tanh(h1 @ W2)
    P = softmax(h2 @ W3)
    return -np.log(P[np.arange(len_(X)), y]).mean()


@pair("three layers with labels", deep, X=("m", "n"), W1=("n", "h"), W2=("h", "h"), W3=("h", "k"), y=LABELS)
def _(X: Any, W1: Any, W2: Any, W3: Any, y: Any) -> Gradient:
    z1 = X @ W1
    h1 = np.maximum(0, z1)
    h2 = np.tanh(h1 @ W2)
    d3 = softmax(h2 @ W3)
    d3[np.arange(len_(X)), y] -= 1
    d3 /= len_(X)
    dW3 = h2.T @ d3
    d2 = d3 @ W3.T * (1 - h2**2)
    dW2 = h1.T @ d2
    d1 = d2 @ W2.T
    d1[z1 <= 0] = 0
    return {"W1": X.T @ d1, "W2": dW2, "W3": dW3}


def residual(X: Any, W1: Any, W2: Any, Y: Any) -> Any:
    return np.mean((X + np.maximum(0, X @ W1) @ W2 - Y) ** 2)


@pair("residual block", residual, X=("m", "n"), W1=("n", "h"), W2=("h", "n"), Y=("m", "n"))
def _(X: Any, W1: Any, W2: Any, Y: Any) -> Gradient:
    z = X @ W1
    a = np.maximum(0, z)
    d = 2 * (X + a @ W2 - Y) / (X.shape[0] * X.shape[1])
    dz = (d @ W2.T) * (z > 0)
    return {"X": d + dz @ W1.T, "W1": X.T @ dz, "W2": a.T @ d}
