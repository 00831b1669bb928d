"""The training loop: batches, history, reproducibility, and what happens when it goes wrong or is stopped."""

from __future__ import annotations

import numpy as np
import pytest

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.reference.common import Params
from gradproof.numeric.reference.network import Layer, ReferenceNetwork
from gradproof.numeric.reference.optimisers import OPTIMISERS, Adam, GradientDescent
from gradproof.numeric.training.data import digits
from gradproof.numeric.training.train import EpochReport, TrainingDiverged, TrainingInterrupted, train

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 2))
Y = X @ np.array([[2.0], [-1.0]]) + 0.5
LINE = ReferenceNetwork([Layer(2, 1)], "half_mse")
START = LINE.initialise(np.random.default_rng(1))


def same(first: Params, second: Params) -> bool:
    return all((first[name] == second[name]).all() for name in first)


@pytest.mark.parametrize("name", list(OPTIMISERS))
@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_every_optimiser_learns_a_line_from_every_batch_size(name: str, batch_size: int | None) -> None:
    # 0.05 · 500 steps are several time constants of the flattest direction, whose curvature is about 0.2
    history = train(LINE, START, (X, Y), OPTIMISERS[name](learning_rate=0.05), 500, batch_size)
    assert history.losses[-1] < 0.02 * LINE.loss(START, X, Y)


def test_full_batch_training_is_gradient_descent_step_by_step() -> None:
    params = dict(START)
    for _ in range(3):
        params = {name: params[name] - 0.1 * g for name, g in LINE.gradient(params, X, Y).items()}
    history = train(LINE, START, (X, Y), GradientDescent(0.1), 3)
    assert same(history.params, params)
    assert history.losses[-1] == LINE.loss(params, X, Y)


def test_an_epoch_of_mini_batches_includes_the_last_smaller_one() -> None:
    order = np.random.default_rng(5).permutation(10)
    params = dict(START)
    for rows in (order[:4], order[4:8], order[8:]):
        params = {name: params[name] - 0.1 * g for name, g in LINE.gradient(params, X[rows], Y[rows]).items()}
    assert same(train(LINE, START, (X, Y), GradientDescent(0.1), 1, 4, np.random.default_rng(5)).params, params)


def test_the_same_seed_gives_the_same_run_and_the_start_is_untouched() -> None:
    before = {name: value.copy() for name, value in START.items()}
    runs = [train(LINE, START, (X, Y), Adam(0.1), 5, 3, np.random.default_rng(s)) for s in (1, 1, 2)]
    assert same(runs[0].params, runs[1].params) and runs[0].losses == runs[1].losses
    assert not same(runs[0].params, runs[2].params)
    assert same(START, before)


def test_the_history_has_a_number_for_each_epoch_and_progress_is_told_the_same() -> None:
    net = ReferenceNetwork([Layer(2, 1, "sigmoid")], "binary_cross_entropy")
    bits = (Y > 0).astype(float)
    told: list[EpochReport] = []
    history = train(
        net, net.initialise(np.random.default_rng(0)), (X, bits), Adam(0.1), 4, 5,
        validation=(X[:3], bits[:3]), progress=told.append,
    )  # fmt: skip
    assert [report.epoch for report in told] == [1, 2, 3, 4] and {report.epochs for report in told} == {4}
    assert tuple(report.loss for report in told) == history.losses
    assert tuple(report.val_loss for report in told) == history.val_losses
    assert tuple(report.accuracy for report in told) == history.accuracies
    assert history.val_losses[-1] == net.loss(history.params, X[:3], bits[:3])
    assert history.accuracies[-1] == net.accuracy(history.params, X[:3], bits[:3])


def test_regression_without_validation_has_losses_only() -> None:
    history = train(LINE, START, (X, Y), GradientDescent(0.1), 2)
    assert len(history.losses) == 2 and history.val_losses == () and history.accuracies == ()


def test_the_digits_are_learnt_to_96_percent() -> None:
    net = ReferenceNetwork([Layer(64, 32, "relu"), Layer(32, 10, "softmax")], "cross_entropy")
    start = net.initialise(np.random.default_rng(0), "he_normal")
    history = train(net, start, digits(), Adam(0.003), 30, 32, np.random.default_rng(0))
    assert history.accuracies[-1] >= 0.96
    assert len(history.val_losses) == 30 and history.losses[-1] < 0.1


@pytest.mark.parametrize("batch_size", [None, 2])
def test_divergence_stops_with_the_epoch_the_step_and_the_history(batch_size: int | None) -> None:
    with pytest.raises(TrainingDiverged, match=r"not finite in epoch \d+, step [1-5]; lower the") as caught:
        train(LINE, START, (X, Y), GradientDescent(1e60), 50, batch_size)
    history = caught.value.history
    assert len(history.losses) < 50 and np.isfinite(history.losses).all()
    assert all(np.isfinite(value).all() for value in history.params.values())


def test_data_that_are_not_finite_stop_the_first_step() -> None:
    with pytest.raises(UsageError, match="the loss is not finite in epoch 1, step 1"):
        train(LINE, START, (np.full((3, 2), np.nan), np.ones((3, 1))), GradientDescent(0.1), 5)


def test_an_interrupt_is_passed_on_with_the_finished_epochs() -> None:
    def stop(report: EpochReport) -> None:
        if report.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        train(LINE, START, (X, Y), GradientDescent(0.1), 10, progress=stop)
    assert isinstance(caught.value, TrainingInterrupted)
    expected = train(LINE, START, (X, Y), GradientDescent(0.1), 3)
    assert caught.value.history.losses == expected.losses and same(caught.value.history.params, expected.params)


def test_what_does_not_fit_is_refused_before_training() -> None:
    with pytest.raises(ShapeError, match=r"Y has shape \(10,\); expected \(10, 1\)"):
        train(LINE, START, (X, Y[:, 0]), GradientDescent(0.1), 1)
    with pytest.raises(ShapeError, match="X has shape"):
        train(LINE, START, (X, Y), GradientDescent(0.1), 1, validation=(X[:, :1], Y))
    with pytest.raises(UsageError, match="number of epochs is 0"):
        train(LINE, START, (X, Y), GradientDescent(0.1), 0)
    with pytest.raises(UsageError, match="batch size is -1"):
        train(LINE, START, (X, Y), GradientDescent(0.1), 1, -1)
