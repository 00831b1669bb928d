"""Functions that deep-learning libraries have and NumPy has not, in NumPy's terms: they run on floats and on balls."""

from __future__ import annotations

from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    """σ(x) = 1 / (1 + e⁻ˣ)."""
    return 1 / (1 + np.exp(-x))


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return np.maximum(x, 0)


def softplus(x: Any) -> Any:
    """log(1 + eˣ)."""
    return np.logaddexp(0, x)


def silu(x: Any) -> Any:
    """x σ(x)."""
    return x * sigmoid(x)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ eˣ; balls do not overflow."""
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def softmax(x: Any, axis: Any = -1) -> Any:
    """eˣ / Σ eˣ."""
    e = np.exp(x)
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """x − log Σ eˣ."""
    return x - logsumexp(x, axis, keepdims=True)


def one_hot(labels: Any, classes: int) -> Any:
    """Rows with a single 1."""
    return np.eye(classes)[np.asarray(labels)]
