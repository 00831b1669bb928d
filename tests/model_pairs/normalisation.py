"""Normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .table import ROWS, Gradient, pair

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
