"""A random search is reproducible on any executor, keeps to its ranges, survives bad draws and can be interrupted."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.training.search import (
    Choice,
    Integers,
    LogUniform,
    SearchInterrupted,
    SearchReport,
    Uniform,
    random_search,
)
from gradproof.numeric.training.train import History, TrainingDiverged

SPACE = {"x": Uniform(-2, 2), "rate": LogUniform(1e-4, 1), "units": Integers(1, 8), "act": Choice("relu", "tanh")}


def bowl(x: float, rate: float, units: int, act: str) -> float:
    return (x - 1) ** 2 + (math.log10(rate) + 2) ** 2 + abs(units - 4) + (act == "relu")


def diverges(x: float) -> float:
    if x > 0:
        raise TrainingDiverged("the loss is not finite", History((), (), (), {}))
    return -x


class Immediately(Executor):
    """The smallest executor that there can be."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_the_same_seed_gives_the_same_search_and_another_seed_another() -> None:
    first, again, other = (random_search(bowl, SPACE, 20, seed) for seed in (3, 3, 4))
    assert first == again
    assert first.trials[0].values != other.trials[0].values


def test_a_longer_search_begins_with_the_trials_of_a_shorter_one() -> None:
    assert random_search(bowl, SPACE, 30).trials[:10] == random_search(bowl, SPACE, 10).trials


@pytest.mark.parametrize("workers", [1, 4])
def test_threads_give_the_result_of_a_plain_loop(workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        assert random_search(bowl, SPACE, 25, 1, executor=pool) == random_search(bowl, SPACE, 25, 1)


def test_any_executor_will_do() -> None:
    assert random_search(bowl, SPACE, 9, executor=Immediately()) == random_search(bowl, SPACE, 9)


def test_processes_give_it_too() -> None:
    # Fraction(numerator=…, denominator=…): an objective that a fresh process can import
    space = {"numerator": Integers(1, 99), "denominator": Integers(1, 99)}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert random_search(Fraction, space, 6, executor=pool) == random_search(Fraction, space, 6)


def test_the_best_trial_is_the_smallest_and_ranked_puts_it_first() -> None:
    found = random_search(bowl, SPACE, 40)
    values = [bowl(**trial.values) for trial in found.trials]
    assert found.best.value == min(values) == found.ranked()[0].value
    assert [trial.value for trial in found.trials] == values
    assert [trial.value for trial in found.ranked()] == sorted(values)
    assert str(found.best.number) in repr(found)


@given(st.integers(0, 2**32), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_draws_stay_in_their_ranges(seed: int, low: float, width: float) -> None:
    rng = np.random.default_rng(seed)
    assert low <= Uniform(low, low + width).draw(rng) <= low + width
    assert width * (1 - 1e-9) <= LogUniform(width, 10 * width).draw(rng) <= 10 * width * (1 + 1e-9)
    assert Integers(-2, 2).draw(rng) in range(-2, 3)
    assert Choice("a", "b").draw(rng) in ("a", "b")


def test_whole_numbers_reach_both_ends_and_rates_spread_over_the_decades() -> None:
    rng = np.random.default_rng(0)
    assert {Integers(1, 3).draw(rng) for _ in range(100)} == {1, 2, 3}
    rates = np.log10([LogUniform(1e-4, 1).draw(rng) for _ in range(4000)])
    counts, _ = np.histogram(rates, bins=[-4, -3, -2, -1, 0])
    assert counts.min() > 900


def test_a_diverged_trial_is_kept_as_a_failure_and_is_never_the_best() -> None:
    found = random_search(diverges, {"x": Uniform(-1, 1)}, 30)
    failed = [trial for trial in found.trials if trial.failure]
    assert failed and len(failed) < 30
    assert all(trial.values["x"] > 0 and trial.value == math.inf for trial in failed)
    assert found.best.values["x"] <= 0


def test_a_value_that_is_not_a_number_is_a_failure() -> None:
    found = random_search(lambda x: math.nan if x > 0 else 1.0, {"x": Uniform(-1, 1)}, 20)
    assert found.best.value == 1.0 and {t.failure for t in found.trials} == {"", "the value is nan"}


def test_a_search_in_which_everything_failed_says_why() -> None:
    with pytest.raises(UsageError, match=r"all 5 trials failed, the first with: the loss is not finite"):
        random_search(diverges, {"x": Uniform(1, 2)}, 5)


def test_a_mistake_in_the_objective_ends_the_search() -> None:
    def wrong(x: float) -> float:
        raise ShapeError("X does not fit")

    with pytest.raises(ShapeError, match="does not fit"):
        random_search(wrong, {"x": Uniform(0, 1)}, 5)
    with ThreadPoolExecutor(2) as pool, pytest.raises(ShapeError, match="does not fit"):
        random_search(wrong, {"x": Uniform(0, 1)}, 5, executor=pool)


def test_progress_counts_up_and_knows_the_best_so_far() -> None:
    seen: list[SearchReport] = []
    found = random_search(bowl, SPACE, 12, progress=seen.append)
    assert [report.done for report in seen] == list(range(1, 13)) and {report.trials for report in seen} == {12}
    best = [report.best.value for report in seen]
    assert best == [min(t.value for t in found.trials[: k + 1]) for k in range(12)]


def test_progress_is_called_in_the_callers_thread() -> None:
    threads = set()
    with ThreadPoolExecutor(3) as pool:
        random_search(bowl, SPACE, 8, executor=pool, progress=lambda _: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_an_interrupted_search_keeps_what_was_finished() -> None:
    def stop(report: SearchReport) -> None:
        if report.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(SearchInterrupted) as caught:
        random_search(bowl, SPACE, 10, progress=stop)
    assert caught.value.result.trials == random_search(bowl, SPACE, 3).trials


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: random_search(bowl, {}, 3), "the search space is empty"),
        (lambda: random_search(bowl, {"x": (0, 1)}, 3), r"the range of x is \(0, 1\)"),
        (lambda: random_search(bowl, SPACE, 0), "the number of trials is 0"),
        (lambda: Uniform(1, 1), r"Uniform\(1, 1\) is empty"),
        (lambda: Uniform(0, math.inf), "both finite"),
        (lambda: LogUniform(0, 1), "0 < low"),
        (lambda: Integers(3, 2), "low <= high"),
        (lambda: Choice(), "at least one value"),
    ],
)
def test_wrong_use_is_one_line(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
