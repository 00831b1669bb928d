"""A pre-norm transformer block of single functions, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
EPS = 1e-5


def _norm(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    centred = x - x.mean(axis=-1, keepdims=True)
    std = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + EPS)
    x_hat = centred / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


def _norm_backward(d: Array, cache: Any) -> tuple[Array, Array, Array]:
    x_hat, std, gamma = cache
    d_hat = d * gamma
    mean, along = d_hat.mean(axis=-1, keepdims=True), np.mean(d_hat * x_hat, axis=-1, keepdims=True)
    return (d_hat - mean - x_hat * along) / std, np.sum(d * x_hat, axis=(0, 1)), np.sum(d, axis=(0, 1))


def transformer_block(
    x: Array, gamma1: Array, beta1: Array, Wq: Array, Wk: Array, Wv: Array, Wo: Array, gamma2: Array, beta2: Array,
    W1: Array, b1: Array, W2: Array, b2: Array,
) -> tuple[Array, Any]:  # fmt: skip
    h, first = _norm(x, gamma1, beta1)
    q, k, v = (np.einsum("bti,hid->bhtd", h, W) for W in (Wq, Wk, Wv))
    scale = Wq.shape[2] ** -0.5
    s = np.einsum("bhtd,bhsd->bhts", q, k) * scale
    e = np.exp(s - np.max(s, axis=-1, keepdims=True))
    p = e / np.sum(e, axis=-1, keepdims=True)
    o = np.einsum("bhts,bhsd->bhtd", p, v)
    y = x + np.einsum("bhtd,hdi->bti", o, Wo)
    g, second = _norm(y, gamma2, beta2)
    z = np.einsum("bti,ij->btj", g, W1) + b1
    a = np.maximum(z, 0)
    out = y + np.einsum("btj,ji->bti", a, W2) + b2
    return out, (h, first, q, k, v, scale, p, o, Wq, Wk, Wv, Wo, g, second, z, a, W1, W2)


def transformer_block_backward(d: Array, cache: Any) -> tuple[Array, ...]:
    h, first, q, k, v, scale, p, o, Wq, Wk, Wv, Wo, g, second, z, a, W1, W2 = cache
    d_W2, d_b2 = np.einsum("btj,bti->ji", a, d), d.sum(axis=(0, 1))
    dz = np.einsum("bti,ji->btj", d, W2) * (z > 0)
    d_W1, d_b1 = np.einsum("bti,btj->ij", g, dz), dz.sum(axis=(0, 1))
    through, d_gamma2, d_beta2 = _norm_backward(np.einsum("btj,ij->bti", dz, W1), second)
    dy = d + through
    d_Wo, do = np.einsum("bhtd,bti->hdi", o, dy), np.einsum("bti,hdi->bhtd", dy, Wo)
    dp = np.einsum("bhtd,bhsd->bhts", do, v)
    ds = scale * p * (dp - np.sum(p * dp, axis=-1, keepdims=True))
    dq, dk = np.einsum("bhts,bhsd->bhtd", ds, k), np.einsum("bhts,bhtd->bhsd", ds, q)
    dv = np.einsum("bhts,bhtd->bhsd", p, do)
    dh = sum(np.einsum("bhtd,hid->bti", part, W) for part, W in ((dq, Wq), (dk, Wk), (dv, Wv)))
    d_Wq, d_Wk, d_Wv = (np.einsum("bti,bhtd->hid", h, part) for part in (dq, dk, dv))
    back, d_gamma1, d_beta1 = _norm_backward(dh, first)
    return dy + back, d_gamma1, d_beta1, d_Wq, d_Wk, d_Wv, d_Wo, d_gamma2, d_beta2, d_W1, d_b1, d_W2, d_b2
