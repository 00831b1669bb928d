"""Hand-written losses and gradients of the usual models, in the spellings that people use.

Each pair is plain NumPy and stands for itself: :data:`PAIRS` maps a name to (loss, gradient, inputs), where ``gradient``
returns one array per name in it.
"""
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradproof.symbolic.arrays.activations import erf as _erf

Inputs = dict[str, Any]
Gradient = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A loss with one gradient that a person would write for it."""

    loss: Callable[..., Any]
    gradient: Callable[..., Gradient]
    inputs: Inputs


PAIRS: dict[str, Pair] = {}

LABELS = (("m",), {"integer": True})
ONE_HOT = (("m", "k"), {"one_hot": True})
BINARY = (("m",), {"boolean": True})
CLASSIFIER: Inputs = {"X": ("m", "n"), "W": ("n", "k"), "b": ("k",), "Y": ONE_HOT}
GATHERED: Inputs = {"X": ("m", "n"), "W": ("n", "k"), "b": ("k",), "y": LABELS}
LOGISTIC: Inputs = {"X": ("m", "n"), "w": ("n",), "b": (), "y": ("m",)}
ROWS: Inputs = {"x": ("N", "D"), "gamma": ("D",), "beta": ("D",), "G": ("N", "D")}
VECTOR: Inputs = {"x": ("n",), "y": ("n",)}


def pair(name: str, loss: Callable[..., Any], **inputs: Any) -> Callable[[Any], Any]:
    """Register the decorated gradient of ``loss``."""

    def register(gradient: Callable[..., Gradient]) -> Callable[..., Gradient]:
        assert name not in PAIRS
        PAIRS[name] = Pair(loss, gradient, inputs)
        return gradient

    return register


def sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def stable_sigmoid(v: Any) -> Any:
    return np.where(v >= 0, 1 / (1 + np.exp(-v)), np.exp(v) / (1 + np.exp(v)))


def softmax(z: Any, axis: int = 1) -> Any:
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


# -- regression --------------------------------------------------------------------------------------------------------
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


# -- softmax -----------------------------------------------------------------------------------------------------------
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


# -- perceptrons -------------------------------------------------------------------------------------------------------
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


# -- normalisation -----------------------------------------------------------------------------------------------------
EPS = 1e-5


def batch_norm(x: Any, gamma: Any, beta: Any, G: Any) -> Any:
    mu = x.mean(axis=0)
    var = np.mean((x - mu) ** 2, axis=0)
    return np.sum((gamma * (x - mu) / np.sqrt(var + EPS) + beta) * G)


def batch_norm_var(x: Any, gamma: Any, beta: Any, G: Any) -> Any:
    xhat = (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + EPS)
    return np.sum((gamma * xhat + beta) * G)


def layer_norm(x: Any, gamma: Any, beta: Any, G: Any) -> Any:
    mu = np.mean(x, axis=1, keepdims=True)
    var = np.var(x, axis=1, keepdims=True)
    return np.sum((gamma * ((x - mu) / np.sqrt(var + EPS)) + beta) * G)


def _norm(axis: int) -> dict[str, Callable[..., Gradient]]:
    other = 1 - axis

    def outer(x: Any, G: Any, xhat: Any) -> Gradient:
        return {"gamma": np.sum(G * xhat, axis=0), "beta": np.sum(G, axis=0)}

    def steps(x: Any, gamma: Any, beta: Any, G: Any) -> Gradient:
        N = x.shape[axis]
        mu = np.mean(x, axis=axis, keepdims=True)
        xmu = x - mu
        var = np.mean(xmu**2, axis=axis, keepdims=True)
        sqrtvar = np.sqrt(var + EPS)
        ivar = 1.0 / sqrtvar
        xhat = xmu * ivar
        dxhat = G * gamma
        divar = np.sum(dxhat * xmu, axis=axis, keepdims=True)
        dxmu1 = dxhat * ivar
        dsqrtvar = -1.0 / (sqrtvar**2) * divar
        dvar = 0.5 * 1.0 / np.sqrt(var + EPS) * dsqrtvar
        dsq = 1.0 / N * np.ones_like(x) * dvar
        dxmu2 = 2 * xmu * dsq
        dx1 = dxmu1 + dxmu2
        dmu = -1 * np.sum(dxmu1 + dxmu2, axis=axis, keepdims=True)
        dx2 = 1.0 / N * np.ones_like(x) * dmu
        return {"x": dx1 + dx2, **outer(x, G, xhat)}

    def paper(x: Any, gamma: Any, beta: Any, G: Any) -> Gradient:
        N = x.shape[axis]
        mu = np.mean(x, axis=axis, keepdims=True)
        var = np.var(x, axis=axis, keepdims=True)
        std_inv = 1 / np.sqrt(var + EPS)
        xhat = (x - mu) * std_inv
        dxhat = G * gamma
        dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + EPS) ** -1.5, axis=axis, keepdims=True)
        dmean = np.sum(dxhat * -std_inv, axis=axis, keepdims=True) + dvar * np.mean(
            -2 * (x - mu), axis=axis, keepdims=True
        )
        return {"x": dxhat * std_inv + dvar * 2 * (x - mu) / N + dmean / N, **outer(x, G, xhat)}

    def compact(x: Any, gamma: Any, beta: Any, G: Any) -> Gradient:
        N = x.shape[axis]
        std = np.sqrt(x.var(axis=axis, keepdims=True) + EPS)
        xhat = (x - x.mean(axis=axis, keepdims=True)) / std
        dxhat = G * gamma
        total = np.sum(dxhat, axis=axis, keepdims=True)
        dx = (N * dxhat - total - xhat * np.sum(dxhat * xhat, axis=axis, keepdims=True)) / (N * std)
        return {"x": dx, **outer(x, G, xhat)}

    def powers(x: Any, gamma: Any, beta: Any, G: Any) -> Gradient:
        mu = np.mean(x, axis=axis, keepdims=True)
        v = np.mean((x - mu) ** 2, axis=axis, keepdims=True) + EPS
        xhat = (x - mu) * v**-0.5
        d = G * gamma
        centred = d - np.mean(d, axis=axis, keepdims=True)
        dx = v**-0.5 * centred - v**-1.5 * (x - mu) * np.mean(d * (x - mu), axis=axis, keepdims=True)
        return {"x": dx, **outer(x, G, xhat)}

    assert other in (0, 1)
    return {"step by step": steps, "of the paper": paper, "compact": compact, "powers": powers}


for _how, _gradient in _norm(0).items():
    pair(f"batch norm: {_how}", batch_norm, **ROWS)(_gradient)
    pair(f"batch norm by np.var: {_how}", batch_norm_var, **ROWS)(_gradient)
for _how, _gradient in _norm(1).items():
    pair(f"layer norm: {_how}", layer_norm, **ROWS)(_gradient)


def batch_norm_net(X: Any, W: Any, gamma: Any, beta: Any, V: Any, Y: Any) -> Any:
    z = X @ W
    zhat = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + EPS)
    a = np.maximum(0, gamma * zhat + beta)
    return np.sum((a @ V - Y) ** 2) / X.shape[0]


@pair("batch norm in a network", batch_norm_net, X=("m", "n"), W=("n", "h"), gamma=("h",), beta=("h",), V=("h", "k"),
      Y=("m", "k"))  # fmt: skip
def _(X: Any, W: Any, gamma: Any, beta: Any, V: Any, Y: Any) -> Gradient:
    m = X.shape[0]
    z = X @ W
    mu = z.mean(axis=0)
    var = z.var(axis=0)
    std = np.sqrt(var + EPS)
    zhat = (z - mu) / std
    u = gamma * zhat + beta
    a = np.maximum(0, u)
    d = 2 * (a @ V - Y) / m
    da = d @ V.T
    da[u <= 0] = 0
    dzhat = da * gamma
    dvar = np.sum(dzhat * (z - mu) * -0.5 * std**-3, axis=0)
    dmu = np.sum(-dzhat / std, axis=0) + dvar * np.sum(-2 * (z - mu), axis=0) / m
    dz = dzhat / std + dvar * 2 * (z - mu) / m + dmu / m
    return {"W": X.T @ dz, "gamma": np.sum(da * zhat, axis=0), "beta": da.sum(axis=0), "V": a.T @ d}


def rms_norm(x: Any, gamma: Any, beta: Any, G: Any) -> Any:
    r = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + EPS)
    return np.sum((gamma * x / r + beta) * G)


@pair("RMS norm", rms_norm, **ROWS)
def _(x: Any, gamma: Any, beta: Any, G: Any) -> Gradient:
    r = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + EPS)
    xhat = x / r
    d = G * gamma
    dx = (d - xhat * np.mean(d * xhat, axis=1, keepdims=True)) / r
    return {"x": dx, "gamma": np.sum(G * xhat, axis=0), "beta": G.sum(axis=0)}


# -- attention and recurrent nets --------------------------------------------------------------------------------------
def attention(Q: Any, K: Any, V: Any, G: Any) -> Any:
    S = Q @ K.T / np.sqrt(Q.shape[1])
    return np.sum(softmax(S) @ V * G)


def _attention(Q: Any, K: Any, V: Any, G: Any) -> Gradient:
    d = Q.shape[1]
    A = softmax(Q @ K.T / np.sqrt(d))
    dA = G @ V.T
    dS = dA * A - A * np.sum(dA * A, axis=1, keepdims=True)
    return {"Q": dS @ K / np.sqrt(d), "K": dS.T @ Q / np.sqrt(d), "V": A.T @ G}


def _attention_factored(Q: Any, K: Any, V: Any, G: Any) -> Gradient:
    scale = Q.shape[1] ** -0.5
    e = np.exp(scale * (Q @ K.T))
    A = e / np.sum(e, axis=-1, keepdims=True)
    dA = G @ V.T
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True)) * scale
    return {"Q": dS @ K, "K": dS.T @ Q, "V": A.T @ G}


ATTENTION: Inputs = {"Q": ("t", "d"), "K": ("s", "d"), "V": ("s", "v"), "G": ("t", "v")}
pair("attention", attention, **ATTENTION)(_attention)
pair("attention, factored and unshifted", attention, **ATTENTION)(_attention_factored)


def self_attention(X: Any, Wq: Any, Wk: Any, Wv: Any, Y: Any) -> Any:
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    return np.mean((softmax(Q @ K.T / np.sqrt(Wq.shape[1])) @ V - Y) ** 2)


@pair("self-attention", self_attention, X=("t", "d"), Wq=("d", "h"), Wk=("d", "h"), Wv=("d", "v"), Y=("t", "v"))
def _(X: Any, Wq: Any, Wk: Any, Wv: Any, Y: Any) -> Gradient:
    scale = 1 / np.sqrt(Wq.shape[1])
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    A = softmax(Q @ K.T * scale)
    out = A @ V
    dout = 2 * (out - Y) / (Y.shape[0] * Y.shape[1])
    dA = dout @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True)) * scale
    dQ, dK, dV = dS @ K, dS.T @ Q, A.T @ dout
    return {
        "Wq": X.T @ dQ, "Wk": X.T @ dK, "Wv": X.T @ dV, "X": dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    }  # fmt: skip


STEPS = 4


def rnn(X: Any, U: Any, W: Any, b: Any, V: Any, Y: Any) -> Any:
    h = np.zeros((X.shape[1], U.shape[1]))
    total = 0.0
    for t in range(STEPS):
        h = np.tanh(X[t] @ U + h @ W + b)
        total = total + np.sum((h @ V - Y[t]) ** 2) / 2
    return total


@pair("recurrent net", rnn, X=(STEPS, "m", "n"), U=("n", "h"), W=("h", "h"), b=("h",), V=("h", "k"),
      Y=(STEPS, "m", "k"))  # fmt: skip
def _(X: Any, U: Any, W: Any, b: Any, V: Any, Y: Any) -> Gradient:
    hs = {-1: np.zeros((X.shape[1], U.shape[1]))}
    for t in range(STEPS):
        hs[t] = np.tanh(X[t] @ U + hs[t - 1] @ W + b)
    dU, dW, db, dV = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b), np.zeros_like(V)
    dnext = np.zeros_like(hs[-1])
    for t in reversed(range(STEPS)):
        dy = hs[t] @ V - Y[t]
        dV += hs[t].T @ dy
        dh = dy @ V.T + dnext
        dz = dh * (1 - hs[t] ** 2)
        dU += X[t].T @ dz
        dW += hs[t - 1].T @ dz
        db += dz.sum(axis=0)
        dnext = dz @ W.T
    return {"U": dU, "W": dW, "b": db, "V": dV}


def lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, G: Any) -> Any:
    H = 3
    a = x @ Wx + h0 @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = f * c0 + i * g
    return np.sum(o * np.tanh(c) * G)


@pair("LSTM step", lstm, x=("m", "n"), h0=("m", 3), c0=("m", 3), Wx=("n", 12), Wh=(3, 12), b=(12,), G=("m", 3))
def _(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, G: Any) -> Gradient:
    H = 3
    a = x @ Wx + h0 @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = f * c0 + i * g
    tc = np.tanh(c)
    dc = G * o * (1 - tc**2)
    da = np.hstack((dc * g * i * (1 - i), dc * c0 * f * (1 - f), G * tc * o * (1 - o), dc * i * (1 - g**2)))
    return {"x": da @ Wx.T, "h0": da @ Wh.T, "c0": dc * f, "Wx": x.T @ da, "Wh": h0.T @ da, "b": da.sum(axis=0)}


def gru(x: Any, h: Any, Wz: Any, Uz: Any, Wr: Any, Ur: Any, Wn: Any, Un: Any, G: Any) -> Any:
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return np.sum(((1 - z) * n + z * h) * G)


@pair("GRU step", gru, x=("m", "n"), h=("m", "d"), Wz=("n", "d"), Uz=("d", "d"), Wr=("n", "d"), Ur=("d", "d"),
      Wn=("n", "d"), Un=("d", "d"), G=("m", "d"))  # fmt: skip
def _(x: Any, h: Any, Wz: Any, Uz: Any, Wr: Any, Ur: Any, Wn: Any, Un: Any, G: Any) -> Gradient:
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    dn = G * (1 - z) * (1 - n**2)
    dz = G * (h - n) * z * (1 - z)
    drh = dn @ Un.T
    dr = drh * h * r * (1 - r)
    dh = G * z + dz @ Uz.T + dr @ Ur.T + drh * r
    return {
        "x": dn @ Wn.T + dz @ Wz.T + dr @ Wr.T, "h": dh, "Wz": x.T @ dz, "Uz": h.T @ dz, "Wr": x.T @ dr,
        "Ur": h.T @ dr, "Wn": x.T @ dn, "Un": (r * h).T @ dn,
    }  # fmt: skip


# -- convolution and pooling -------------------------------------------------------------------------------------------
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


# -- margins and robust losses -----------------------------------------------------------------------------------------
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


# -- metric and density models -----------------------------------------------------------------------------------------
@pair("cosine similarity", lambda x, y: x @ y / (np.linalg.norm(x) * np.linalg.norm(y)), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    nx, ny = np.sqrt(np.sum(x**2)), np.sqrt(np.sum(y**2))
    c = x @ y / (nx * ny)
    return {"x": y / (nx * ny) - c * x / nx**2, "y": (x / nx - c * y / ny) / ny}


def pairwise(x: Any) -> Any:
    return np.sum((x[:, None, :] - x[None, :, :]) ** 2)


@pair("squared distances of all pairs", pairwise, x=("n", "d"))
def _(x: Any) -> Gradient:
    return {"x": 4 * (x.shape[0] * x - x.sum(axis=0))}


def pairwise_gram(x: Any) -> Any:
    s = np.sum(x**2, axis=1)
    return np.sum(np.exp(-(s[:, None] + s[None, :] - 2 * x @ x.T) / 2))


@pair("Gaussian kernel of all pairs", pairwise_gram, x=("n", "d"))
def _(x: Any) -> Gradient:
    difference = x[:, None, :] - x[None, :, :]
    K = np.exp(-np.sum(difference**2, axis=2) / 2)
    return {"x": -2 * np.sum(K[:, :, None] * difference, axis=1)}


@pair("Gaussian kernel by its Laplacian", pairwise_gram, x=("n", "d"))
def _(x: Any) -> Gradient:
    s = np.sum(x * x, axis=1)
    K = np.exp(x @ x.T - s[:, None] / 2 - s[None, :] / 2)
    return {"x": 2 * (K @ x - K.sum(axis=1)[:, None] * x)}


def tsne(y: Any, P: Any) -> Any:
    d = np.sum((y[:, None, :] - y[None, :, :]) ** 2, axis=2)
    num = 1 / (1 + d)
    return -np.sum(P * np.log(num)) + np.sum(P) * np.log(np.sum(num))


@pair("t-SNE", tsne, y=("n", "d"), P=(("n", "n"), {"symmetric": True}))
def _(y: Any, P: Any) -> Gradient:
    difference = y[:, None, :] - y[None, :, :]
    num = 1 / (1 + np.sum(difference**2, axis=2))
    Q = num / np.sum(num)
    return {"y": 4 * np.sum(((P - np.sum(P) * Q) * num)[:, :, None] * difference, axis=1)}


def gaussian(x: Any, mu: Any, s: Any) -> Any:
    return np.sum(0.5 * ((x - mu) / s) ** 2 + np.log(s) + 0.5 * np.log(2 * np.pi))


@pair("Gaussian likelihood", gaussian, x=("n",), mu=(), s=((), {"positive": True}))
def _(x: Any, mu: Any, s: Any) -> Gradient:
    n = x.shape[0]
    return {"mu": -np.sum(x - mu) / s**2, "s": n / s - np.sum((x - mu) ** 2) / s**3}


def gaussian_log(x: Any, mu: Any, logvar: Any) -> Any:
    return 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar))


@pair("Gaussian likelihood by its log variance", gaussian_log, x=("m", "n"), mu=("n",), logvar=("n",))
def _(x: Any, mu: Any, logvar: Any) -> Gradient:
    inverse = np.exp(-logvar)
    return {
        "mu": -inverse * np.sum(x - mu, axis=0),
        "logvar": 0.5 * np.sum(1 - (x - mu) ** 2 * inverse, axis=0),
        "x": (x - mu) * inverse,
    }


def vae(mu: Any, logvar: Any) -> Any:
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))


@pair("KL divergence of Gaussians", vae, mu=("m", "n"), logvar=("m", "n"))
def _(mu: Any, logvar: Any) -> Gradient:
    return {"mu": mu, "logvar": 0.5 * (np.exp(logvar) - 1)}


def mixture(x: Any, a: Any, mu: Any) -> Any:
    weights = np.exp(a) / np.sum(np.exp(a))
    density = weights * np.exp(-0.5 * (x[:, None] - mu) ** 2)
    return -np.sum(np.log(np.sum(density, axis=1)))


@pair("mixture of Gaussians", mixture, x=("m",), a=("k",), mu=("k",))
def _(x: Any, a: Any, mu: Any) -> Gradient:
    weights = np.exp(a) / np.sum(np.exp(a))
    density = weights * np.exp(-0.5 * (x[:, None] - mu) ** 2)
    R = density / density.sum(axis=1, keepdims=True)
    return {"a": x.shape[0] * weights - R.sum(axis=0), "mu": -np.sum(R * (x[:, None] - mu), axis=0)}


@pair("mixture of Gaussians by softmax", mixture, x=("m",), a=("k",), mu=("k",))
def _(x: Any, a: Any, mu: Any) -> Gradient:
    R = softmax(a - 0.5 * (x[:, None] - mu) ** 2)
    return {"a": np.sum(softmax(a[None, :])[0] - R, axis=0), "mu": np.sum(R * (mu - x[:, None]), axis=0)}


def variance(x: Any) -> Any:
    return np.mean(x**2) - np.mean(x) ** 2


@pair("variance", variance, x=("n",))
def _(x: Any) -> Gradient:
    return {"x": 2 * (x - np.mean(x)) / x.shape[0]}


@pair("standard deviation", lambda x: np.std(x), x=("n",))
def _(x: Any) -> Gradient:
    return {"x": (x - x.mean()) / (x.shape[0] * np.sqrt(np.mean(x**2) - np.mean(x) ** 2))}


@pair("rotation", lambda t, x: np.sin(2 * t) * x @ x + np.cos(2 * t) * np.sum(x), t=(), x=("n",))
def _(t: Any, x: Any) -> Gradient:
    return {
        "t": 2 * (np.cos(t) ** 2 - np.sin(t) ** 2) * np.sum(x**2) - 4 * np.sin(t) * np.cos(t) * np.sum(x),
        "x": 4 * np.sin(t) * np.cos(t) * x + 1 - 2 * np.sin(t) ** 2,
    }


@pair("sine squared", lambda x: np.sum(np.sin(x) ** 2), x=("n",))
def _(x: Any) -> Gradient:
    return {"x": np.sin(2 * x)}


# -- embeddings --------------------------------------------------------------------------------------------------------
def embedding(E: Any, y: Any, W: Any, T: Any) -> Any:
    return np.sum((E[y] @ W - T) ** 2)


@pair("embedding", embedding, E=("v", "d"), y=LABELS, W=("d", "k"), T=("m", "k"))
def _(E: Any, y: Any, W: Any, T: Any) -> Gradient:
    h = E[y]
    d = 2 * (h @ W - T)
    dE = np.zeros_like(E)
    np.add.at(dE, y, d @ W.T)
    return {"E": dE, "W": h.T @ d}


def skip_gram(U: Any, V: Any, c: Any, o: Any) -> Any:
    s = np.sum(U[c] * V[o], axis=1)
    return np.sum(np.log(1 + np.exp(-s)))


@pair("skip-gram", skip_gram, U=("v", "d"), V=("v", "d"), c=LABELS, o=LABELS)
def _(U: Any, V: Any, c: Any, o: Any) -> Gradient:
    s = np.sum(U[c] * V[o], axis=1)
    d = (sigmoid(s) - 1)[:, None]
    dU, dV = np.zeros_like(U), np.zeros_like(V)
    np.add.at(dU, c, d * V[o])
    np.add.at(dV, o, d * U[c])
    return {"U": dU, "V": dV}


# -- piecewise identities ----------------------------------------------------------------------------------------------
@pair("minimum and maximum", lambda x, y: np.sum(np.maximum(x, y) * np.minimum(x, y)), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": y, "y": x}


@pair("maximum by where", lambda x, y: np.sum(np.maximum(x, y) ** 2), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": np.where(x > y, 2 * x, 0), "y": np.where(x > y, 0, 2 * y)}


@pair("maximum by its half sum", lambda x, y: np.sum((x + y + np.abs(x - y)) / 2), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": 1.0 * (x > y), "y": 1.0 * (y > x)}


@pair("nested where", lambda x: np.sum(np.where(x < -1, -x, np.where(x < 1, x**2, x))), x=("n",))
def _(x: Any) -> Gradient:
    return {"x": np.where(x >= 1, 1, np.where(x >= -1, 2 * x, -1))}


@pair("clipped ratio", lambda x, y: -np.sum(np.minimum(x * y, np.clip(x, 0.8, 1.2) * y)), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    inside = (x > 0.8) & (x < 1.2)
    return {"x": -np.where(x * y < np.clip(x, 0.8, 1.2) * y, y, y * inside)}
