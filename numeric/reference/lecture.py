"""The lectures' network: 3 inputs, 4 hidden and 1 output sigmoid unit, four rows, no biases, 60,000 full-batch steps.

The script is kept as it is written on the blackboard: it *adds* its increments, because its error is ``y - l2`` and so
its deltas already carry the minus sign. With C = ½Σ(y − a)² the increments are exactly −∂C/∂W, that is gradient
descent with a learning rate of 1; σ′ is written a(1 − a).

>>> import numpy as np
>>> syn0, syn1 = initial_weights(seed=1)
>>> d0, d1 = update(syn0, syn1, X, Y)
>>> bool(loss(syn0 + 0.1 * d0, syn1 + 0.1 * d1, X, Y) < loss(syn0, syn1, X, Y))
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gradproof.errors import UsageError

from .common import Array, FloatArray
from .initialise import lecture_uniform

X: Final[FloatArray] = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float64)
Y: Final[FloatArray] = np.array([[0], [1], [1], [0]], dtype=np.float64)
for _rows in (X, Y):
    _rows.setflags(write=False)


def sigmoid(x: Array) -> Array:
    """1/(1 + exp(−x)), as the script has it."""
    return 1 / (1 + np.exp(-x))


def forward(syn0: Array, syn1: Array, X: Array) -> tuple[Array, Array]:
    """The activations of both layers: ``l1`` of shape (m, 4) and ``l2`` of shape (m, 1)."""
    l0 = X
    l1 = sigmoid(l0 @ syn0)
    l2 = sigmoid(l1 @ syn1)
    return l1, l2


def loss(syn0: Array, syn1: Array, X: Array, y: Array) -> Array:
    """½Σ(y − a)² over all rows, without 1/m: the cost that the script descends."""
    _, l2 = forward(syn0, syn1, X)
    return np.sum((y - l2) * (y - l2)) / 2


def update(syn0: Array, syn1: Array, X: Array, y: Array) -> tuple[Array, Array]:
    """The increments that the script adds to ``syn0`` and ``syn1``: they equal −∂(½Σ(y − a)²)/∂W.

    Shapes: syn0 (3, 4), syn1 (4, 1), X (m, 3), y (m, 1); the increments have the shapes of the weights.
    """
    l0 = X
    l1, l2 = forward(syn0, syn1, X)
    l2_error = y - l2
    l2_delta = l2_error * l2 * (1 - l2)
    l1_error = l2_delta @ syn1.T
    l1_delta = l1_error * l1 * (1 - l1)
    return l0.T @ l1_delta, l1.T @ l2_delta


@dataclass(frozen=True, slots=True)
class LectureRun:
    """A run of the script: the mean absolute error ``errors[i]`` after ``steps[i]`` updates, and the last weights."""

    steps: tuple[int, ...]
    errors: tuple[float, ...]
    syn0: FloatArray
    syn1: FloatArray


def initial_weights(seed: int) -> tuple[FloatArray, FloatArray]:
    """Weights uniform in [−1, 1), of shapes (3, 4) and (4, 1)."""
    rng = np.random.default_rng(seed)
    return lecture_uniform(rng, (3, 4)), lecture_uniform(rng, (4, 1))


def train(seed: int = 1, steps: int = 60_000, every: int = 10_000) -> LectureRun:
    """Train as the talk does and note mean|y − l2| at the start, after each ``every`` steps, and at the end.

    >>> run = train(seed=1, steps=1000, every=500)
    >>> run.steps, run.errors[-1] < run.errors[0]
    ((0, 500, 1000), True)
    """
    if steps < 1 or every < 1:
        raise UsageError(f"steps and every must be at least 1, but they are {steps} and {every}")
    syn0, syn1 = initial_weights(seed)
    noted, errors = [], []
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            _, l2 = forward(syn0, syn1, X)
            noted.append(step)
            errors.append(float(np.mean(np.abs(Y - l2))))
        if step < steps:
            increment0, increment1 = update(syn0, syn1, X, Y)
            syn0 += increment0
            syn1 += increment1
    return LectureRun(tuple(noted), tuple(errors), syn0, syn1)
