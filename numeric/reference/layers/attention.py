"""Attention, attention of several heads, and rotary positions, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def _softmax(s: Array) -> Array:
    e = np.exp(s - np.max(s, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def _softmax_backward(p: Array, dp: Array) -> Array:
    return p * (dp - np.sum(p * dp, axis=-1, keepdims=True))


def attention(q: Array, k: Array, v: Array) -> tuple[Array, Any]:
    scale = q.shape[1] ** -0.5
    p = _softmax(scale * (q @ k.T))
    return p @ v, (q, k, v, p, scale)


def attention_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    q, k, v, p, scale = cache
    ds = _softmax_backward(p, d @ v.T) * scale
    return ds @ k, ds.T @ q, p.T @ d


def attention_masked(q: Array, k: Array, v: Array, mask: Array) -> tuple[Array, Any]:
    scale = q.shape[2] ** -0.5
    s = np.where(mask, np.einsum("btd,bsd->bts", q, k) * scale, -np.inf)
    p = _softmax(s)
    return np.einsum("bts,bsv->btv", p, v), (q, k, v, p, scale)


def attention_masked_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    q, k, v, p, scale = cache
    ds = scale * _softmax_backward(p, np.einsum("btv,bsv->bts", d, v))
    return np.einsum("bts,bsd->btd", ds, k), np.einsum("bts,btd->bsd", ds, q), np.einsum("bts,btv->bsv", p, d)


def attention_causal(q: Array, k: Array, v: Array) -> tuple[Array, Any]:
    scale = q.shape[1] ** -0.5
    later = np.arange(k.shape[0]) > np.arange(q.shape[0])[:, None]
    p = _softmax(np.where(later, -np.inf, q @ k.T * scale))
    return p @ v, (q, k, v, p, scale)


def attention_causal_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    q, k, v, p, scale = cache
    ds = _softmax_backward(p, d @ v.T) * scale
    return ds @ k, ds.T @ q, p.T @ d


def multi_head_attention(x: Array, Wq: Array, Wk: Array, Wv: Array, Wo: Array) -> tuple[Array, Any]:
    q, k, v = (np.einsum("bti,hid->bhtd", x, W) for W in (Wq, Wk, Wv))
    scale = Wq.shape[2] ** -0.5
    p = _softmax(np.einsum("bhtd,bhsd->bhts", q, k) * scale)
    o = np.einsum("bhts,bhsd->bhtd", p, v)
    return np.einsum("bhtd,hdi->bti", o, Wo), (x, Wq, Wk, Wv, Wo, q, k, v, p, o, scale)


def multi_head_attention_backward(d: Array, cache: Any) -> tuple[Array, Array, Array, Array, Array]:
    x, Wq, Wk, Wv, Wo, q, k, v, p, o, scale = cache
    d_Wo = np.einsum("bhtd,bti->hdi", o, d)
    do = np.einsum("bti,hdi->bhtd", d, Wo)
    ds = scale * _softmax_backward(p, np.einsum("bhtd,bhsd->bhts", do, v))
    dq, dk = np.einsum("bhts,bhsd->bhtd", ds, k), np.einsum("bhts,bhtd->bhsd", ds, q)
    dv = np.einsum("bhts,bhtd->bhsd", p, do)
    dx = sum(np.einsum("bhtd,hid->bti", g, W) for g, W in ((dq, Wq), (dk, Wk), (dv, Wv)))
    d_Wq, d_Wk, d_Wv = (np.einsum("bti,bhtd->hid", x, g) for g in (dq, dk, dv))
    return dx, d_Wq, d_Wk, d_Wv, d_Wo


def rotary(x: Array, angles: Array) -> tuple[Array, Any]:
    half = angles.shape[1]
    first, second = x[:, :, :half], x[:, :, half:]
    cos, sin = np.cos(angles), np.sin(angles)
    turned = np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=2)
    return turned, (cos, sin, half)


def rotary_backward(d: Array, cache: Any) -> tuple[Array]:
    cos, sin, half = cache
    first, second = d[:, :, :half], d[:, :, half:]
    return (np.concatenate([first * cos + second * sin, second * cos - first * sin], axis=2),)
