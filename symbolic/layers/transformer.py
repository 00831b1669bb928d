"""A transformer block of the parts in this folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from .attention import multi_head_attention
from .basic import dense, residual
from .common import named
from .norms import layer_norm


def transformer_block(
    x: Any, gamma1: Any, beta1: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any, gamma2: Any, beta2: Any,
    W1: Any, b1: Any, W2: Any, b2: Any, causal: bool = False,
) -> Any:  # fmt: skip
    r""":math:`y = x + \operatorname{attention}(\operatorname{norm}(x))`, then y plus a two-layer network of norm(y).

    Norms come first in each part (pre-norm), the network has a ReLU. x has the shape (examples, places, features); the
    weights of the heads are those of :func:`~.attention.multi_head_attention`.
    """
    h = named(layer_norm(x, gamma1, beta1), "h")
    y = named(x + multi_head_attention(h, Wq, Wk, Wv, Wo, causal=causal), "y")
    return residual(y, lambda v: dense(np.maximum(dense(layer_norm(v, gamma2, beta2), W1, b1), 0), W2, b2))
