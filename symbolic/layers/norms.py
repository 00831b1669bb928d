r"""Normalisation, :math:`\gamma \odot (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`; the mean is taken


===============  ==========================================================================
batch norm       over the examples, and over the places of an image (axis 1 is the channel)
layer norm       over the last axis
group norm       over the channels of one of ``groups`` groups, and over the places
RMS norm         over the last axis, with no mean taken away and no shift
===============  ==========================================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .common import named, whole

EPS = 1e-5


def batch_norm(x: Any, gamma: Any, beta: Any, eps: Any = EPS) -> Any:
    """Batch norm in training: the mean and the variance are those of the batch, and gradients flow through both."""
    axes = (0, *range(2, np.ndim(x)))
    return _by_channel(gamma, x) * _standardised(x, axes, eps) + _by_channel(beta, x)


def batch_norm_inference(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, eps: Any = EPS) -> Any:
    """Batch norm in inference: running mean and variance are constants of the layer, one a channel."""
    scale = gamma / (var + eps) ** 0.5
    return _by_channel(scale, x) * (x - _by_channel(mean, x)) + _by_channel(beta, x)


def layer_norm(x: Any, gamma: Any, beta: Any, eps: Any = EPS) -> Any:
    """Layer norm over the last axis."""
    return gamma * _standardised(x, (-1,), eps) + beta


def group_norm(x: Any, gamma: Any, beta: Any, groups: Any, eps: Any = EPS) -> Any:
    """Group norm of (N, C, ...): C = groups · channels of a group. One group is layer norm, C groups instance norm."""
    count, channels, *places = x.shape
    apart = x.reshape(count, groups, whole(channels, groups, "channels"), *places)
    x_hat = _standardised(apart, tuple(range(2, 3 + len(places))), eps).reshape(x.shape)
    return _by_channel(gamma, x) * x_hat + _by_channel(beta, x)


def rms_norm(x: Any, gamma: Any, eps: Any = EPS) -> Any:
    r""":math:`\gamma \odot x / \sqrt{\operatorname{mean}(x^2) + \epsilon}` over the last axis."""
    r = named(np.mean(x**2, axis=-1, keepdims=True) + eps, "r")
    return gamma * x / r**0.5


def _standardised(x: Any, axes: tuple[int, ...], eps: Any) -> Any:
    mu = np.mean(x, axis=axes, keepdims=True)
    centred = named(x - mu, "u")
    s = named(np.mean(centred**2, axis=axes, keepdims=True) + eps, "s")
    return centred / s**0.5


def _by_channel(parameter: Any, x: Any) -> Any:
    """A parameter a channel, to be multiplied with (N, C, ...)."""
    return parameter[(slice(None), *[None] * (np.ndim(x) - 2))]
