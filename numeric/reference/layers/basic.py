"""Dense, embedding, dropout and residual layers, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def dense(x: Array, W: Array, b: Array) -> tuple[Array, Any]:
    return np.dot(x, W) + b, (x, W)


def dense_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, W = cache
    return np.dot(d, W.T), np.dot(x.T, d), np.sum(d, axis=0)


def dense_sequence(x: Array, W: Array, b: Array) -> tuple[Array, Any]:
    return np.einsum("nti,io->nto", x, W) + b, (x, W)


def dense_sequence_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, W = cache
    return np.einsum("nto,io->nti", d, W), np.einsum("nti,nto->io", x, d), d.sum(axis=(0, 1))


def embedding(table: Array, indices: Array) -> tuple[Array, Any]:
    return table[indices], (table, indices)


def embedding_backward(d: Array, cache: Any) -> tuple[Array]:
    table, indices = cache
    d_table = np.zeros_like(table)
    np.add.at(d_table, indices, d)
    return (d_table,)


def dropout(x: Array, mask: Array, p: Any) -> tuple[Array, Any]:
    keep = 1 - p
    return np.where(mask > 0, x / keep, 0), (mask, keep)


def dropout_backward(d: Array, cache: Any) -> tuple[Array]:
    mask, keep = cache
    return (d * mask / keep,)


def residual(x: Array, W: Array, V: Array) -> tuple[Array, Any]:
    h = np.maximum(x @ W, 0)
    return x + h @ V, (x, W, V, h)


def residual_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, W, V, h = cache
    dh = d @ V.T
    dz = dh * (h > 0)
    return d + dz @ W.T, x.T @ dz, h.T @ d
