r"""Scaled dot-product attention, with masks and heads, and rotary positions.

Queries, keys and values have the shape (..., places, features); axes in front are examples and heads. A mask holds 1
(or True) where a query may look at a key; causal attention looks at no later place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradproof.errors import ShapeError

from .common import named, places, softmax


def attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
    r""":math:`\operatorname{softmax}(q k^\top/\sqrt d) \, v`.

    >>> import gradproof as gp
    >>> q, k, v = gp.array("q", ("t", "d")), gp.array("k", ("s", "d")), gp.array("v", ("s", "n"))
    >>> attention(q, k, v).shape
    (t, n)
    """
    s = named(np.einsum("...td,...sd->...ts", q, k) / q.shape[-1] ** 0.5, "s")
    if mask is not None:
        s = np.where(mask > 0, s, -np.inf)
    if causal:
        s = np.where(places(q.shape[-2])[:, None] >= places(k.shape[-2]), s, -np.inf)
    return np.einsum("...ts,...sd->...td", softmax(s), v)


def multi_head_attention(
    x: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any, mask: Any = None, causal: bool = False, context: Any = None
) -> Any:
    r""":math:`\sum_h \operatorname{attention}(x W^q_h, x W^k_h, x W^v_h) \, W^o_h`.

    The weights hold the heads on an axis: ``Wq``, ``Wk``, ``Wv`` of shape (heads, features, width) and ``Wo`` of
    shape (heads, width, features), so that neither number of heads nor width has to divide anything. ``context`` gives
    keys and values (cross-attention) where it is not x itself. A mask has the shape (places, places of the context).
    """
    other = x if context is None else context
    q = named(np.einsum("...ti,hid->...htd", x, Wq), "q")
    k = named(np.einsum("...si,hid->...hsd", other, Wk), "k")
    v = named(np.einsum("...si,hid->...hsd", other, Wv), "v")
    heads = named(attention(q, k, v, mask, causal), "o")
    return np.einsum("...htd,hdi->...ti", heads, Wo)


def rotary(x: Any, angles: Any) -> Any:
    r"""Rotary positions: the features i and i + h turned by an angle, for x of shape (..., places, 2 h).

    :math:`(x_1 \cos\theta - x_2 \sin\theta,\; x_2 \cos\theta + x_1 \sin\theta)` with ``angles`` θ of shape (places, h),
    as a rule :math:`\theta_{ti} = t \, b^{-i/h}` (:func:`rotary_angles`).
    """
    half = angles.shape[-1]
    if x.shape[-1] != 2 * half:
        raise ShapeError(f"rotary: {half} angles turn {2 * half} features, not {x.shape[-1]}")
    first, second = x[..., :half], x[..., half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def rotary_angles(length: Any, half: Any, base: Any = 10000) -> Any:
    r""":math:`\theta_{ti} = t \, b^{-i/h}`, for t below ``length`` and i below ``half``."""
    return places(length)[:, None] * base ** (-places(half) / half)
