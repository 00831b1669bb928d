"""Softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from .regression import len_
from .table import CLASSIFIER, GATHERED, ONE_HOT, Gradient, pair, sigmoid, softmax


def xent(X: Any, W: Any, b: Any, Y: Any) -> Any:
    return -np.sum(Y * np.log(softmax(X @ W + b))) / len_(X)


def xent_lse(X: Any, W: Any, b: Any, Y: Any) -> Any:
    z = X @ W + b
    top = np.max(z, axis=1, keepdims=True)
    lse = top + np.log(np.sum(np.exp(z - top), axis=1, keepdims=True))
    return -np.mean(np.sum(Y * (z - lse), axis=1))


def _softmax_plain(X: Any, W: Any, b: Any, Y: Any) -> Gradient:
    d = (softmax(X @ W + b) - Y) / len_(X)
    return {"W": X.T @ d, "b": d.sum(axis=0)}


def _softmax_unshifted(X: Any, W: Any, b: Any, Y: Any) -> Gradient:
    e = np.exp(X @ W + b)
    P = e / e.sum(axis=1, keepdims=True)
    return {"W": X.T.dot(P - Y) / len_(X), "b": np.mean(P - Y, axis=0)}


def _softmax_chain(X: Any, W: Any, b: Any, Y: Any) -> Gradient:
    P = softmax(X @ W + b)
    dP = -Y / P / len_(X)
    dz = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    return {"W": X.T @ dz, "b": dz.sum(0)}


for _name, _loss in {"probabilities": xent, "log-sum-exp": xent_lse}.items():
    for _how, _gradient in {
        "plain": _softmax_plain, "unshifted": _softmax_unshifted, "chain": _softmax_chain,
    }.items():  # fmt: skip
        pair(f"softmax: {_name}, {_how}", _loss, **CLASSIFIER)(_gradient)


def xent_gather(X: Any, W: Any, b: Any, y: Any) -> Any:
    P = softmax(X @ W + b)
    return -np.log(P[np.arange(len_(X)), y]).mean()


def xent_gather_lse(X: Any, W: Any, b: Any, y: Any) -> Any:
    z = X @ W + b
    z = z - z.max(axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len_(X)), y])


def _gather_in_place(X: Any, W: Any, b: Any, y: Any) -> Gradient:
    P = softmax(X @ W + b)
    P[np.arange(len_(X)), y] -= 1
    P /= len_(X)
    return {"W": X.T @ P, "b": np.sum(P, axis=0)}


def _gather_eye(X: Any, W: Any, b: Any, y: Any) -> Gradient:
    d = softmax(X @ W + b) - np.eye(W.shape[1])[y]
    return {"W": X.T @ d / len_(X), "b": d.sum(axis=0) / len_(X)}


for _name, _loss in {"probabilities": xent_gather, "log-sum-exp": xent_gather_lse}.items():
    for _how, _gradient in {"in place": _gather_in_place, "rows of eye": _gather_eye}.items():
        pair(f"softmax of labels: {_name}, {_how}", _loss, **GATHERED)(_gradient)


@pair(
    "softmax with temperature",
    lambda z, Y, T: -np.sum(Y * np.log(softmax(z / T))) / len_(z),
    z=("m", "k"), Y=ONE_HOT, T=(),
)  # fmt: skip
def _(z: Any, Y: Any, T: Any) -> Gradient:
    P = softmax(z / T)
    return {"z": (P - Y) / (T * len_(z)), "T": -np.sum((P - Y) * z) / T**2 / len_(z)}


def smoothed(z: Any, Y: Any) -> Any:
    k = z.shape[1]
    target = (1 - 0.1) * Y + 0.1 / k
    return -np.sum(target * np.log(softmax(z))) / len_(z)


@pair("label smoothing", smoothed, z=("m", "k"), Y=ONE_HOT)
def _(z: Any, Y: Any) -> Gradient:
    return {"z": (softmax(z) - 0.9 * Y - 0.1 / z.shape[1]) / len_(z)}


def kl(z: Any, q: Any) -> Any:
    return np.sum(q * (np.log(q) - np.log(softmax(z)))) / len_(z)


@pair("KL divergence", kl, z=("m", "k"), q=(("m", "k"), {"simplex": True, "positive": True}))
def _(z: Any, q: Any) -> Gradient:
    return {"z": (softmax(z) - q) / len_(z)}


def focal(z: Any, y: Any) -> Any:
    p = sigmoid(z)
    return -np.sum(y * (1 - p) ** 2 * np.log(p) + (1 - y) * p**2 * np.log(1 - p))


@pair("focal loss", focal, z=("n",), y=("n",))
def _(z: Any, y: Any) -> Gradient:
    p = sigmoid(z)
    first = -2 * (1 - p) ** 2 * p * np.log(p) + (1 - p) ** 3
    second = 2 * p**2 * (1 - p) * np.log(1 - p) - p**3
    return {"z": -(y * first + (1 - y) * second)}


def entropy(z: Any) -> Any:
    P = softmax(z)
    return -np.sum(P * np.log(P))


@pair("entropy of softmax", entropy, z=("m", "k"))
def _(z: Any) -> Gradient:
    P = softmax(z)
    H = -np.sum(P * np.log(P), axis=1, keepdims=True)
    return {"z": -P * (np.log(P) + H)}
