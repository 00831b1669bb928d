"""The plain layers: dense, embedding, dropout, residual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def dense(x: Any, W: Any, b: Any = None) -> Any:
    r""":math:`x W + b`, for x of shape (..., inputs).

    >>> import numpy as np
    >>> dense(np.ones((1, 2)), np.ones((2, 3)), np.zeros(3)).tolist()
    [[2.0, 2.0, 2.0]]
    """
    return x @ W if b is None else x @ W + b


def embedding(table: Any, indices: Any) -> Any:
    """The rows of ``table`` that ``indices`` name; their shape is that of ``indices`` with the row behind it."""
    return table[indices]


def dropout(x: Any, mask: Any, p: Any) -> Any:
    r""":math:`x \odot M / (1 - p)`: inverted dropout; the mask holds 1 where an entry is kept, with probability 1 − p.

    The mask is an input: a random draw has no derivative, and the same draw is used forward and backward.
    """
    return x * mask / (1 - p)


def residual(x: Any, layer: Callable[..., Any], *parameters: Any) -> Any:
    r""":math:`x + f(x)`."""
    return x + layer(x, *parameters)
