"""Convolution and pooling, forwards and backwards: one strided slice of the input for every offset in the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def conv1d(x: Array, W: Array, b: Array) -> tuple[Array, Any]:
    size, places = W.shape[2], x.shape[2] - W.shape[2] + 1
    y = b[:, None]
    for u in range(size):
        y = y + np.einsum("ncl,oc->nol", x[:, :, u : u + places], W[:, :, u])
    return y, (x, W)


def conv1d_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, W = cache
    size, places = W.shape[2], d.shape[2]
    dx = np.zeros_like(x)
    parts = []
    for u in range(size):
        dx[:, :, u : u + places] += np.einsum("nol,oc->ncl", d, W[:, :, u])
        parts.append(np.einsum("nol,ncl->oc", d, x[:, :, u : u + places]))
    return dx, np.stack(parts, axis=2), d.sum(axis=(0, 2))


def conv1d_strided(x: Array, W: Array) -> tuple[Array, Any]:
    """Stride 2, dilation 2, padding 1."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)), "constant")
    size = W.shape[2]
    places = (padded.shape[2] - 2 * (size - 1) - 1) // 2 + 1
    slices = [slice(2 * u, 2 * u + 2 * (places - 1) + 1, 2) for u in range(size)]
    y = 0
    for u in range(size):
        y = y + np.einsum("ncl,oc->nol", padded[:, :, slices[u]], W[:, :, u])
    return y, (padded, W, slices)


def conv1d_strided_backward(d: Array, cache: Any) -> tuple[Array, Array]:
    padded, W, slices = cache
    dx = np.zeros_like(padded)
    parts = []
    for u, where in enumerate(slices):
        dx[:, :, where] += np.einsum("nol,oc->ncl", d, W[:, :, u])
        parts.append(np.einsum("nol,ncl->oc", d, padded[:, :, where]))
    return dx[:, :, 1:-1], np.stack(parts, axis=2)


def conv2d(x: Array, W: Array, b: Array) -> tuple[Array, Any]:
    """A kernel of 3 × 3, padding 1: an output of the same size."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
    height, width = x.shape[2], x.shape[3]
    y = b[:, None, None]
    for u in range(3):
        for v in range(3):
            y = y + np.einsum("nchw,oc->nohw", padded[:, :, u : u + height, v : v + width], W[:, :, u, v])
    return y, (padded, W, height, width)


def conv2d_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    padded, W, height, width = cache
    dx = np.zeros_like(padded)
    rows = []
    for u in range(3):
        row = []
        for v in range(3):
            window = (slice(None), slice(None), slice(u, u + height), slice(v, v + width))
            dx[window] += np.einsum("nohw,oc->nchw", d, W[:, :, u, v])
            row.append(np.einsum("nohw,nchw->oc", d, padded[window]))
        rows.append(np.stack(row, axis=2))
    return dx[:, :, 1:-1, 1:-1], np.stack(rows, axis=2), d.sum(axis=(0, 2, 3))


def conv2d_strided(x: Array, W: Array) -> tuple[Array, Any]:
    """A kernel of 2 × 2 with stride 2."""
    corners = {(u, v): x[:, :, u::2, v::2] for u in range(2) for v in range(2)}
    y = sum(np.einsum("nchw,oc->nohw", part, W[:, :, u, v]) for (u, v), part in corners.items())
    return y, (x, W, corners)


def conv2d_strided_backward(d: Array, cache: Any) -> tuple[Array, Array]:
    x, W, corners = cache
    dx = np.zeros_like(x)
    for u, v in corners:
        dx[:, :, u::2, v::2] = np.einsum("nohw,oc->nchw", d, W[:, :, u, v])
    rows = [np.stack([np.einsum("nohw,nchw->oc", d, corners[u, v]) for v in range(2)], axis=2) for u in range(2)]
    return dx, np.stack(rows, axis=2)


def depthwise(x: Array, W: Array) -> tuple[Array, Any]:
    """Two channels, each with a kernel of its own."""
    size, places = W.shape[2], x.shape[2] - W.shape[2] + 1
    y = 0
    for u in range(size):
        y = y + x[:, :, u : u + places] * W[:, 0, u][:, None]
    return y, (x, W, places)


def depthwise_backward(d: Array, cache: Any) -> tuple[Array, Array]:
    x, W, places = cache
    dx = np.zeros_like(x)
    parts = []
    for u in range(W.shape[2]):
        dx[:, :, u : u + places] += d * W[:, 0, u][:, None]
        parts.append(np.sum(d * x[:, :, u : u + places], axis=(0, 2)))
    return dx, np.stack(parts, axis=1)[:, None, :]


def average_pool(x: Array) -> tuple[Array, Any]:
    return (x[:, :, 0::2, 0::2] + x[:, :, 1::2, 0::2] + x[:, :, 0::2, 1::2] + x[:, :, 1::2, 1::2]) / 4, x


def average_pool_backward(d: Array, x: Any) -> tuple[Array]:
    dx = np.zeros_like(x)
    for u in range(2):
        for v in range(2):
            dx[:, :, u::2, v::2] = d / 4
    return (dx,)


def max_pool(x: Array) -> tuple[Array, Any]:
    count, channels, height, width = x.shape
    windows = x.reshape(count, channels, height // 2, 2, width // 2, 2)
    y = windows.max(axis=(3, 5))
    return y, (windows, y, x.shape)


def max_pool_backward(d: Array, cache: Any) -> tuple[Array]:
    windows, y, shape = cache
    mask = windows == y[:, :, :, None, :, None]
    return ((d[:, :, :, None, :, None] * mask).reshape(shape),)
