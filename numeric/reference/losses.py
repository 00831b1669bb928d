"""Loss functions and their gradients with respect to the prediction, written by hand: one row each in ``LOSSES``.

Predictions and targets have the same shape ``(m, outputs)``: m examples in rows. Unless a row says otherwise a loss is
the **mean over the batch of the sum over the outputs**; ``gradient`` has the prediction's shape and carries the same
factor 1/m. Nothing is clipped and no epsilon is added: a wrong prediction made with certainty costs infinity.

>>> import numpy as np
>>> a, y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.0, 1.0], [1.0, 5.0]])
>>> {name: float(LOSSES[name].value(a, y)) for name in ("mse", "half_mse", "sum_squares")}
{'mse': 2.5, 'half_mse': 1.25, 'sum_squares': 2.5}
>>> LOSSES["mse"].gradient(a, y).tolist()
[[0.0, 1.0], [2.0, 0.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from gradproof.errors import ShapeError

from .activations import ACTIVATIONS
from .common import Array

_softmax = ACTIVATIONS["softmax"].value
_sigmoid = ACTIVATIONS["sigmoid"].value


@dataclass(frozen=True, slots=True)
class Loss:
    """A row of the table: ``value(prediction, target)`` is a scalar, ``gradient(prediction, target)`` has the
    prediction's shape, ``doc`` states the convention.

    ``accuracy(prediction, target)`` is the share of right decisions, or None where the loss is one of regression.
    ``kinks`` is True where the loss has corners, so that finite differences fail near them.
    """

    name: str
    value: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    doc: str
    accuracy: Callable[[Array, Array], float] | None = None
    kinks: bool = False


def batch_size(prediction: Array, target: Array) -> Any:
    """The number of rows m; ShapeError where the two shapes differ, since broadcasting would hide it.

    >>> batch_size(np.zeros((4, 1)), np.zeros(4))
    Traceback (most recent call last):
    gradproof.errors.ShapeError: the prediction has shape (4, 1) but the target (4,); give both the shape (m, outputs)
    """
    if tuple(prediction.shape) != tuple(target.shape) or len(prediction.shape) == 0:
        raise ShapeError(
            f"the prediction has shape {tuple(prediction.shape)} but the target {tuple(target.shape)}; "
            "give both the shape (m, outputs)"
        )
    return prediction.shape[0]


def log_sum_exp(z: Array) -> Array:
    """log Σ exp(z) over the last axis, kept as an axis of length 1, with the largest z taken out first.

    >>> log_sum_exp(np.array([[1000.0, 1000.0]])) - 1000
    array([[0.69314718]])
    """
    c = np.max(z, axis=-1, keepdims=True)
    return c + np.log(np.sum(np.exp(z - c), axis=-1, keepdims=True))


def _one(a: Array) -> Array:
    # 1 of the entries' own kind: in an object array an int has no log(), and int/int would round to a float
    return 1 + 0 * a


def _mse(a: Array, y: Array) -> Array:
    m = batch_size(a, y)
    return np.sum((a - y) * (a - y)) / m


def _mse_gradient(a: Array, y: Array) -> Array:
    return 2 * (a - y) / batch_size(a, y)


def _half_mse(a: Array, y: Array) -> Array:
    m = batch_size(a, y)
    return np.sum((a - y) * (a - y)) / (2 * m)


def _half_mse_gradient(a: Array, y: Array) -> Array:
    return (a - y) / batch_size(a, y)


def _sum_squares(a: Array, y: Array) -> Array:
    batch_size(a, y)
    return np.sum((a - y) * (a - y)) / 2


def _sum_squares_gradient(a: Array, y: Array) -> Array:
    batch_size(a, y)
    return a - y


def _cross_entropy(p: Array, y: Array) -> Array:
    m = batch_size(p, y)
    # 0 log 0 = 0: a probability that underflowed where the target is zero costs nothing
    return -np.sum(y * np.log(np.where(y == 0, _one(p), p))) / m


def _cross_entropy_gradient(p: Array, y: Array) -> Array:
    return -(y / np.where(y == 0, _one(p), p)) / batch_size(p, y)


def _cross_entropy_with_logits(z: Array, y: Array) -> Array:
    m = batch_size(z, y)
    return np.sum(log_sum_exp(z) - np.sum(y * z, axis=-1, keepdims=True)) / m


def _cross_entropy_with_logits_gradient(z: Array, y: Array) -> Array:
    return (_softmax(z) - y) / batch_size(z, y)


def _binary_cross_entropy(p: Array, y: Array) -> Array:
    m = batch_size(p, y)
    of_one = y * np.log(np.where(y == 0, _one(p), p))
    of_zero = (1 - y) * np.log1p(-np.where(y == 1, 0 * p, p))
    return -np.sum(of_one + of_zero) / m


def _binary_cross_entropy_gradient(p: Array, y: Array) -> Array:
    of_one = y / np.where(y == 0, _one(p), p)
    of_zero = (1 - y) / (1 - np.where(y == 1, 0 * p, p))
    return (of_zero - of_one) / batch_size(p, y)


def _binary_cross_entropy_with_logits(z: Array, y: Array) -> Array:
    m = batch_size(z, y)
    return np.sum(np.maximum(z, 0) - y * z + np.log1p(np.exp(np.minimum(z, -z)))) / m


def _binary_cross_entropy_with_logits_gradient(z: Array, y: Array) -> Array:
    return (_sigmoid(z) - y) / batch_size(z, y)


def _hinge(a: Array, y: Array) -> Array:
    m = batch_size(a, y)
    return np.sum(np.maximum(1 - y * a, 0)) / m


def _hinge_gradient(a: Array, y: Array) -> Array:
    return np.where(1 - y * a > 0, -y, 0) / batch_size(a, y)


def _huber(a: Array, y: Array) -> Array:
    m = batch_size(a, y)
    r = a - y
    c = np.minimum(np.maximum(r, -_one(r)), _one(r))
    # c = r gives r²/2 inside; c = ±1 gives |r| - 1/2 outside
    return np.sum(c * (r - c / 2)) / m


def _huber_gradient(a: Array, y: Array) -> Array:
    r = a - y
    return np.minimum(np.maximum(r, -_one(r)), _one(r)) / batch_size(a, y)


def argmax_accuracy(prediction: Array, target: Array) -> float:
    """The share of rows whose largest prediction stands where the one-hot target does.

    >>> argmax_accuracy(np.array([[0.9, 0.1], [0.8, 0.2]]), np.eye(2))
    0.5
    """
    return float(np.mean(np.argmax(prediction, axis=-1) == np.argmax(target, axis=-1)))


def _threshold_accuracy(threshold: float, target_threshold: float) -> Callable[[Array, Array], float]:
    def accuracy(prediction: Array, target: Array) -> float:
        return float(np.mean((prediction > threshold) == (target > target_threshold)))

    return accuracy


_ROWS = (
    Loss("mse", _mse, _mse_gradient, "Σ(a - y)²/m: the mean over the batch of the sum over the outputs"),
    Loss("half_mse", _half_mse, _half_mse_gradient, "Σ(a - y)²/(2m): half of mse"),
    Loss("sum_squares", _sum_squares, _sum_squares_gradient, "Σ(a - y)²/2, without 1/m: the lecture's error"),
    Loss(
        "cross_entropy", _cross_entropy, _cross_entropy_gradient,
        "-Σ y log p/m: p probabilities, y one-hot (or rows that sum to one); 0 log 0 = 0",
        accuracy=argmax_accuracy,
    ),
    Loss(
        "cross_entropy_with_logits", _cross_entropy_with_logits, _cross_entropy_with_logits_gradient,
        "Σ(log Σ exp z - Σ y z)/m: cross_entropy of softmax(z) for targets whose rows sum to one; "
        "gradient (softmax(z) - y)/m",
        accuracy=argmax_accuracy,
    ),
    Loss(
        "binary_cross_entropy", _binary_cross_entropy, _binary_cross_entropy_gradient,
        "-Σ(y log p + (1 - y) log(1 - p))/m: p probabilities, y in [0, 1]; 0 log 0 = 0",
        accuracy=_threshold_accuracy(0.5, 0.5),
    ),
    Loss(
        "binary_cross_entropy_with_logits",
        _binary_cross_entropy_with_logits, _binary_cross_entropy_with_logits_gradient,
        "Σ(max(z, 0) - y z + log(1 + exp(-|z|)))/m: binary_cross_entropy of sigmoid(z); gradient (sigmoid(z) - y)/m",
        accuracy=_threshold_accuracy(0.0, 0.5),
    ),
    Loss(
        "hinge", _hinge, _hinge_gradient,
        "Σ max(0, 1 - y a)/m: y is ±1; gradient -y/m where y a < 1, else 0 (0 at the corner)",
        accuracy=_threshold_accuracy(0.0, 0.0), kinks=True,
    ),
    Loss(
        "huber", _huber, _huber_gradient,
        "Σ h(a - y)/m with h(r) = r²/2 where |r| ≤ 1, else |r| - 1/2 (δ = 1); gradient clip(a - y, -1, 1)/m",
    ),
)  # fmt: skip

LOSSES: Final[Mapping[str, Loss]] = MappingProxyType({r.name: r for r in _ROWS})
"""Every loss by name."""


def l2_penalty(weight: Array, strength: float) -> Array:
    """(λ/2) ΣW², with λ = ``strength``; its gradient is λW. Biases are not penalised."""
    return strength * np.sum(weight * weight) / 2


def l2_gradient(weight: Array, strength: float) -> Array:
    """λW, the gradient of (λ/2) ΣW²."""
    return strength * weight


def l1_penalty(weight: Array, strength: float) -> Array:
    """λ Σ|W|, with λ = ``strength``; its gradient is λ sign(W), 0 at W = 0. Biases are not penalised."""
    return strength * np.sum(np.abs(weight))


def l1_gradient(weight: Array, strength: float) -> Array:
    """λ sign(W), a subgradient of λ Σ|W|: 0 where W is 0."""
    return strength * np.sign(weight)
