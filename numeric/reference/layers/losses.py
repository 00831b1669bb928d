"""The common losses, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def mse(a: Array, y: Array) -> tuple[Array, Any]:
    r = a - y
    return np.sum(r * r) / (r.shape[0] * r.shape[1]), r


def mse_backward(r: Any) -> tuple[Array, Array]:
    da = 2 * r / (r.shape[0] * r.shape[1])
    return da, -da


def mae(a: Array, y: Array) -> tuple[Array, Any]:
    return np.mean(np.abs(y - a)), a - y


def mae_backward(r: Any) -> tuple[Array, Array]:
    da = np.sign(r) / (r.shape[0] * r.shape[1])
    return da, -da


def huber(a: Array, y: Array, delta: Any) -> tuple[Array, Any]:
    r = a - y
    small = np.abs(r) <= delta
    return np.mean(np.where(small, 0.5 * r * r, delta * np.abs(r) - 0.5 * delta**2)), (r, delta)


def huber_backward(cache: Any) -> tuple[Array, Array]:
    r, delta = cache
    da = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / (r.shape[0] * r.shape[1])
    return da, -da


def cross_entropy(z: Array, y: Array) -> tuple[Array, Any]:
    p = _softmax(z)
    rows = np.arange(z.shape[0])
    return -np.mean(np.log(p[rows, y])), (p, y, rows)


def cross_entropy_backward(cache: Any) -> tuple[Array]:
    p, y, rows = cache
    dz = p.copy()
    dz[rows, y] -= 1
    return (dz / p.shape[0],)


def cross_entropy_one_hot(z: Array, Y: Array) -> tuple[Array, Any]:
    p = _softmax(z)
    return -np.sum(Y * np.log(p)) / z.shape[0], (p, Y)


def cross_entropy_one_hot_backward(cache: Any) -> tuple[Array]:
    p, Y = cache
    return ((p - Y) / p.shape[0],)


def cross_entropy_smoothed(z: Array, Y: Array, smoothing: Any) -> tuple[Array, Any]:
    q = (1 - smoothing) * Y + smoothing / z.shape[1]
    p = _softmax(z)
    return -np.sum(q * np.log(p)) / z.shape[0], (p, q)


def cross_entropy_smoothed_backward(cache: Any) -> tuple[Array]:
    p, q = cache
    return ((p - q) / p.shape[0],)


def bce(p: Array, y: Array) -> tuple[Array, Any]:
    return np.mean(-y * np.log(p) - (1 - y) * np.log(1 - p)), (p, y)


def bce_backward(cache: Any) -> tuple[Array]:
    p, y = cache
    return ((p - y) / (p * (1 - p)) / p.shape[0],)


def bce_with_logits(z: Array, y: Array) -> tuple[Array, Any]:
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))), (z, y)


def bce_with_logits_backward(cache: Any) -> tuple[Array]:
    z, y = cache
    return ((_sigmoid(z) - y) / z.shape[0],)


def focal(z: Array, y: Array) -> tuple[Array, Any]:
    p = _sigmoid(z)
    loss = -y * (1 - p) ** 2 * np.log(p) - (1 - y) * p**2 * np.log(1 - p)
    return loss.mean(), (p, y)


def focal_backward(cache: Any) -> tuple[Array]:
    p, y = cache
    positive = (1 - p) ** 2 * (2 * p * np.log(p) - (1 - p))
    negative = -(p**2) * (2 * (1 - p) * np.log(1 - p) - p)
    return ((y * positive + (1 - y) * negative) / p.shape[0],)


def kl(z: Array, q: Array) -> tuple[Array, Any]:
    p = _softmax(z)
    return np.sum(q * np.log(q / p)) / z.shape[0], (p, q)


def kl_backward(cache: Any) -> tuple[Array]:
    p, q = cache
    return ((p * q.sum(axis=-1, keepdims=True) - q) / p.shape[0],)


def gaussian_kl(mu: Array, log_var: Array) -> tuple[Array, Any]:
    return -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var)) / mu.shape[0], (mu, log_var)


def gaussian_kl_backward(cache: Any) -> tuple[Array, Array]:
    mu, log_var = cache
    return mu / mu.shape[0], 0.5 * (np.exp(log_var) - 1) / mu.shape[0]


def hinge(s: Array, y: Array) -> tuple[Array, Any]:
    margin = 1 - y * s
    return np.where(margin > 0, margin, 0).mean(), (margin, y)


def hinge_backward(cache: Any) -> tuple[Array]:
    margin, y = cache
    ds = np.zeros_like(margin)
    ds[margin > 0] = 1
    return (-y * ds / margin.shape[0],)


def multiclass_hinge(s: Array, Y: Array) -> tuple[Array, Any]:
    margin = np.maximum(0, s - np.sum(Y * s, axis=1)[:, None] + 1) * (1 - Y)
    return margin.sum() / s.shape[0], (margin, Y)


def multiclass_hinge_backward(cache: Any) -> tuple[Array]:
    margin, Y = cache
    active = (margin > 0) * 1.0
    return ((active - Y * active.sum(axis=1, keepdims=True)) / margin.shape[0],)


def cosine(a: Array, b: Array) -> tuple[Array, Any]:
    na, nb = np.sqrt(np.sum(a**2, axis=1, keepdims=True)), np.sqrt(np.sum(b**2, axis=1, keepdims=True))
    similarity = np.sum(a * b, axis=1, keepdims=True) / (na * nb)
    return 1 - similarity.mean(), (a, b, na, nb, similarity)


def cosine_backward(cache: Any) -> tuple[Array, Array]:
    a, b, na, nb, similarity = cache
    m = a.shape[0]
    return (similarity * a / na**2 - b / (na * nb)) / m, (similarity * b / nb**2 - a / (na * nb)) / m


def triplet(anchor: Array, positive: Array, negative: Array) -> tuple[Array, Any]:
    near, far = anchor - positive, anchor - negative
    gap = np.sum(near**2, axis=1) - np.sum(far**2, axis=1) + 1
    return np.maximum(gap, 0).mean(), (near, far, gap)


def triplet_backward(cache: Any) -> tuple[Array, Array, Array]:
    near, far, gap = cache
    on = 2 * (gap > 0)[:, None] / near.shape[0]
    return on * (near - far), -on * near, on * far


def info_nce(q: Array, k: Array, temperature: Any) -> tuple[Array, Any]:
    s = q @ k.T / temperature
    p = _softmax(s)
    rows = np.arange(q.shape[0])
    return -np.log(p[rows, rows]).mean(), (q, k, p, temperature)


def info_nce_backward(cache: Any) -> tuple[Array, Array]:
    q, k, p, temperature = cache
    ds = (p - np.eye(p.shape[0])) / p.shape[0] / temperature
    return ds @ k, ds.T @ q
