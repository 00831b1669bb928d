"""Metric and density models."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import VECTOR, Gradient, pair, softmax


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
