"""Batch, layer, group and RMS normalisation, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
EPS = 1e-5


def batch_norm(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    mean = x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + EPS)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)


def batch_norm_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x_hat, gamma, std = cache
    d_hat = d * gamma
    dx = (d_hat - d_hat.mean(axis=0) - x_hat * np.mean(d_hat * x_hat, axis=0)) / std
    return dx, np.sum(d * x_hat, axis=0), np.sum(d, axis=0)


def batch_norm_images(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    mean = np.mean(x, axis=(0, 2, 3), keepdims=True)
    inverse = 1 / np.sqrt(np.mean((x - mean) ** 2, axis=(0, 2, 3), keepdims=True) + EPS)
    x_hat = (x - mean) * inverse
    return gamma[None, :, None, None] * x_hat + beta[None, :, None, None], (x_hat, gamma, inverse)


def batch_norm_images_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x_hat, gamma, inverse = cache
    count = x_hat.shape[0] * x_hat.shape[2] * x_hat.shape[3]
    d_gamma, d_beta = np.sum(d * x_hat, axis=(0, 2, 3)), np.sum(d, axis=(0, 2, 3))
    scale = gamma[None, :, None, None] * inverse / count
    dx = scale * (count * d - d_beta[None, :, None, None] - x_hat * d_gamma[None, :, None, None])
    return dx, d_gamma, d_beta


def batch_norm_inference(x: Array, gamma: Array, beta: Array, mean: Array, var: Array) -> tuple[Array, Any]:
    x_hat = (x - mean) / np.sqrt(var + EPS)
    return gamma * x_hat + beta, (x_hat, gamma, var)


def batch_norm_inference_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x_hat, gamma, var = cache
    return d * gamma / np.sqrt(var + EPS), (d * x_hat).sum(axis=0), d.sum(axis=0)


def layer_norm(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    centred = x - x.mean(axis=-1, keepdims=True)
    std = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + EPS)
    return gamma * (centred / std) + beta, (centred, std, gamma)


def layer_norm_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    centred, std, gamma = cache
    size = centred.shape[-1]
    d_hat = d * gamma
    d_std = -np.sum(d_hat * centred, axis=-1, keepdims=True) / std**2
    d_centred = d_hat / std + d_std * centred / (size * std)
    dx = d_centred - d_centred.sum(axis=-1, keepdims=True) / size
    return dx, np.sum(d * centred / std, axis=0), np.sum(d, axis=0)


def group_norm(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    count, channels, height, width = x.shape
    apart = x.reshape(count, 2, channels // 2, height, width)
    mean = apart.mean(axis=(2, 3, 4), keepdims=True)
    std = np.sqrt(apart.var(axis=(2, 3, 4), keepdims=True) + EPS)
    x_hat = ((apart - mean) / std).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, gamma, std)


def group_norm_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x_hat, gamma, std = cache
    count, channels, height, width = d.shape
    shape = (count, 2, channels // 2, height, width)
    d_hat, hat = (d * gamma[:, None, None]).reshape(shape), x_hat.reshape(shape)
    mean = d_hat.mean(axis=(2, 3, 4), keepdims=True)
    dx = (d_hat - mean - hat * np.mean(d_hat * hat, axis=(2, 3, 4), keepdims=True)) / std
    return dx.reshape(d.shape), np.sum(d * x_hat, axis=(0, 2, 3)), np.sum(d, axis=(0, 2, 3))


def rms_norm(x: Array, gamma: Array) -> tuple[Array, Any]:
    inverse = (np.mean(x * x, axis=-1, keepdims=True) + EPS) ** -0.5
    return gamma * (x * inverse), (x, gamma, inverse)


def rms_norm_backward(d: Array, cache: Any) -> tuple[Array, Array]:
    x, gamma, inverse = cache
    d_hat = d * gamma
    dx = inverse * d_hat - inverse**3 * x * np.mean(d_hat * x, axis=-1, keepdims=True)
    return dx, np.sum(d * x * inverse, axis=0)
