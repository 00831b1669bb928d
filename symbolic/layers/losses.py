r"""The common losses as functions of arrays, symbolic or NumPy's: each is a mean over examples, written out in its row.

Labels are integers, or rows of probabilities (one-hot ones among them) of the shape of the logits.

>>> import gradproof as gp
>>> z, y = gp.array("z", ("m", "k")), gp.array("y", ("m",), integer=True)
>>> gp.losses.cross_entropy(z, y).shape
()
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .alignment import ctc as ctc
from .common import log_softmax, logsumexp, named, sigmoid, softplus


def mse(a: Any, y: Any) -> Any:
    r""":math:`\operatorname{mean} (a - y)^2`, over all entries."""
    return np.mean((a - y) ** 2)


def mae(a: Any, y: Any) -> Any:
    r""":math:`\operatorname{mean} |a - y|`, over all entries."""
    return np.mean(np.abs(a - y))


def huber(a: Any, y: Any, delta: Any = 1) -> Any:
    r"""The mean of :math:`r^2/2` where :math:`|r| \le \delta`, else :math:`\delta (|r| - \delta/2)`, for r = a − y."""
    r = named(a - y, "r")
    size = np.abs(r)
    return np.mean(np.where(size <= delta, r**2 / 2, delta * (size - delta / 2)))


def cross_entropy(z: Any, y: Any, smoothing: Any = 0) -> Any:
    r""":math:`-\frac1m \sum_i \sum_j q_{ij} \log \operatorname{softmax}(z_i)_j`.

    q is the one-hot row of a label, or the row of ``y``, mixed with the even one,
    :math:`(1 - \epsilon) q + \epsilon/k`.
    """
    log_p = log_softmax(z)
    if np.ndim(y) == np.ndim(z):
        right = np.sum(y * log_p, axis=-1)
    else:
        right = np.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
    if isinstance(smoothing, (int, float)) and smoothing == 0:
        return -np.mean(right)
    return -np.mean((1 - smoothing) * right + smoothing * np.mean(log_p, axis=-1))


def bce(p: Any, y: Any) -> Any:
    r""":math:`-\operatorname{mean} (y \log p + (1 - y) \log(1 - p))` of probabilities; from logits it is more exact."""
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def bce_with_logits(z: Any, y: Any) -> Any:
    r""":math:`\operatorname{mean} (\log(1 + e^z) - y z)`: :func:`bce` of :math:`\sigma(z)`."""
    return np.mean(softplus(z) - y * z)


def focal(z: Any, y: Any, gamma: Any = 2, alpha: Any = None) -> Any:
    r""":math:`\operatorname{mean} (\alpha y (1 - p)^\gamma (-\log p) + (1 - \alpha)(1 - y) p^\gamma (-\log(1 - p)))`.

    p is :math:`\sigma(z)`; without ``alpha`` both classes weigh 1 (Lin et al., 2017).
    """
    p = sigmoid(z)
    positive, negative = y * (1 - p) ** gamma * softplus(-z), (1 - y) * p**gamma * softplus(z)
    return np.mean(positive + negative if alpha is None else alpha * positive + (1 - alpha) * negative)


def kl(z: Any, q: Any) -> Any:
    r""":math:`\frac1m \sum_i \sum_j q_{ij} (\log q_{ij} - \log \operatorname{softmax}(z_i)_j)`, for positive q."""
    return np.mean(np.sum(q * (np.log(q) - log_softmax(z)), axis=-1))


def gaussian_kl(mu: Any, log_var: Any) -> Any:
    r""":math:`\frac1m \sum_i \sum_j \frac12 (\mu^2 + \sigma^2 - 1 - \log \sigma^2)`: from N(μ, σ²) to N(0, 1)."""
    return np.mean(np.sum((mu**2 + np.exp(log_var) - 1 - log_var) / 2, axis=-1))


def hinge(s: Any, y: Any) -> Any:
    r""":math:`\operatorname{mean} \max(0, 1 - y s)`, for labels −1 and 1."""
    return np.mean(np.maximum(0, 1 - y * s))


def multiclass_hinge(s: Any, Y: Any, margin: Any = 1) -> Any:
    r""":math:`\frac1m \sum_i \sum_{j \ne y_i} \max(0, s_{ij} - s_{i y_i} + \Delta)`, for one-hot rows Y."""
    right = np.sum(Y * s, axis=-1, keepdims=True)
    return np.mean(np.sum((1 - Y) * np.maximum(0, s - right + margin), axis=-1))


def cosine(a: Any, b: Any) -> Any:
    r""":math:`\operatorname{mean}_i (1 - a_i \cdot b_i / (|a_i| |b_i|))`."""
    return np.mean(1 - np.sum(a * b, axis=-1) / (np.sum(a**2, axis=-1) * np.sum(b**2, axis=-1)) ** 0.5)


def triplet(anchor: Any, positive: Any, negative: Any, margin: Any = 1) -> Any:
    r""":math:`\operatorname{mean}_i \max(0, |a_i - p_i|^2 - |a_i - n_i|^2 + \text{margin})`."""
    near, far = np.sum((anchor - positive) ** 2, axis=-1), np.sum((anchor - negative) ** 2, axis=-1)
    return np.mean(np.maximum(0, near - far + margin))


def info_nce(q: Any, k: Any, temperature: Any = 1) -> Any:
    r""":math:`\frac1m \sum_i (\log \sum_j e^{s_{ij}} - s_{ii})` for :math:`s = q k^\top / \tau`: row i has key i."""
    s = named(q @ k.T / temperature, "s")
    return np.mean(logsumexp(s) - np.diagonal(s))
