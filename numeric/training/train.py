"""Training: epochs of batches through a network and an optimiser, with a history.

>>> import numpy as np
>>> from gradproof.numeric.reference.network import Layer, ReferenceNetwork
>>> from gradproof.numeric.reference.optimisers import GradientDescent
>>> X = np.array([[0.0], [1.0], [2.0]])
>>> net = ReferenceNetwork([Layer(1, 1)], loss="half_mse")
>>> start = net.initialise(np.random.default_rng(0))
>>> history = train(net, start, (X, 3 * X + 1), GradientDescent(0.5), epochs=200)
>>> history.params["W1"].round(6).tolist(), history.params["b1"].round(6).tolist()
([[3.0]], [1.0])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from gradproof.errors import UsageError

from ..reference.common import Array, Params
from ..reference.network import ReferenceNetwork
from ..reference.optimisers import Optimiser
from .data import Dataset, minibatches

Pair: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class History:
    """One number for every finished epoch, taken after it: the loss over all training rows, the loss over the
    validation rows, and the accuracy on the validation rows, or on the training rows where there are none.

    ``val_losses`` is empty without validation rows, ``accuracies`` where the loss is one of regression. ``params``
    are the parameters after the last finished epoch.
    """

    losses: tuple[float, ...]
    val_losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    params: Params


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What a progress callback is told after each epoch; epochs are counted from 1."""

    epoch: int
    epochs: int
    loss: float
    val_loss: float | None
    accuracy: float | None


class TrainingDiverged(UsageError):
    """The loss or the gradient became infinite or NaN; ``history`` holds the epochs that were finished."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training; ``history`` holds the epochs that were finished."""

    def __init__(self, history: History) -> None:
        super().__init__(f"training was interrupted after {len(history.losses)} epochs")
        self.history = history


def train(
    network: ReferenceNetwork,
    params: Mapping[str, Array],
    data: Pair | Dataset,
    optimiser: Optimiser,
    epochs: int,
    batch_size: int | None = None,
    rng: np.random.Generator | None = None,
    validation: Pair | None = None,
    progress: Callable[[EpochReport], None] | None = None,
) -> History:
    """Train from ``params``, which stay as they are, and return the history with the trained parameters.

    ``data`` is (X, Y), or a Dataset whose test rows then serve as validation unless others are given. ``batch_size``
    None is full-batch gradient descent, 1 stochastic, n mini-batches of n rows with a smaller last one; the rows are
    shuffled by ``rng`` anew in every epoch (None: a generator with seed 0, so that a run can be repeated).

    Raises ShapeError where data and network do not fit, TrainingDiverged (a UsageError that names epoch and step) on
    the first loss or gradient that is not finite, and TrainingInterrupted (a KeyboardInterrupt) on Ctrl-C; both carry
    the history of the finished epochs.
    """
    if isinstance(data, Dataset):
        validation = data.test if validation is None else validation
        data = data.train
    X, Y = data
    if epochs < 1:
        raise UsageError(f"the number of epochs is {epochs}; it must be at least 1")
    network.check(params, X, Y)
    if validation is not None:
        network.check(params, *validation)
    rng = np.random.default_rng(0) if rng is None else rng

    state = optimiser.init(params)
    losses: list[float] = []
    val_losses: list[float] = []
    accuracies: list[float] = []
    current: Params = dict(params)

    def so_far() -> History:
        return History(tuple(losses), tuple(val_losses), tuple(accuracies), finished)

    finished = current
    try:
        for epoch in range(1, epochs + 1):
            # overflow is caught by the check below, which says where it happened
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for step, (x, y) in enumerate(minibatches(X, Y, batch_size, rng), start=1):
                    cost, grads = network.loss_and_gradient(current, x, y)
                    _refuse_non_finite(cost, grads, epoch, step, so_far)
                    current, state = optimiser.step(current, grads, state)
                cost = network.loss(current, X, Y)
                _refuse_non_finite(cost, {}, epoch, step, so_far)
                checked = (X, Y) if validation is None else validation
                val_loss = None if validation is None else float(network.loss(current, *validation))
                accuracy = network.accuracy(current, *checked)
            losses.append(float(cost))
            if val_loss is not None:
                val_losses.append(val_loss)
            if accuracy is not None:
                accuracies.append(accuracy)
            finished = current
            if progress is not None:
                progress(EpochReport(epoch, epochs, losses[-1], val_loss, accuracy))
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(so_far()) from interrupt
    return so_far()


def _refuse_non_finite(
    cost: Array, grads: Mapping[str, Array], epoch: int, step: int, so_far: Callable[[], History]
) -> None:
    bad = [] if np.isfinite(cost) else ["the loss"]
    bad += [f"the gradient of {name}" for name, g in grads.items() if not np.isfinite(g).all()]
    if bad:
        raise TrainingDiverged(
            f"{bad[0]} is not finite in epoch {epoch}, step {step}; lower the learning rate, or scale the data",
            so_far(),
        )
