"""Random search of hyperparameters (Bergstra and Bengio, 2012): independent draws, each tried, the smallest value wins.

What a trial draws depends on the seed and the trial's number alone, and the results stand in the order of the trials;
so a search gives the same result on any executor, with any number of workers, and its first trials are those of a
shorter search.

>>> space = {"x": Uniform(0, 1), "units": Integers(1, 3)}
>>> found = random_search(lambda x, units: (x - 0.3) ** 2 + units, space, trials=50)
>>> found.best.values["units"], abs(found.best.values["x"] - 0.3) < 0.05
(1, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from gradproof.errors import UsageError

from .train import TrainingDiverged

DIVERGED = (TrainingDiverged, FloatingPointError, OverflowError)
"""What a trial may raise without ending the search: the sign of a bad draw, not of a mistake."""


class Range(Protocol):
    """What a hyperparameter is drawn from."""

    def draw(self, rng: np.random.Generator) -> Any: ...


def _check_interval(low: float, high: float, what: str, positive: bool = False) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or (positive and low <= 0):
        raise UsageError(f"{what}({low}, {high}) is empty; give {'0 < ' if positive else ''}low < high, both finite")


@dataclass(frozen=True, slots=True)
class Uniform:
    """A number uniform in [low, high)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_interval(self.low, self.high, "Uniform")

    def draw(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A positive number whose logarithm is uniform in [log low, log high): for learning rates and penalties."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_interval(self.low, self.high, "LogUniform", positive=True)

    def draw(self, rng: np.random.Generator) -> float:
        """One draw."""
        return math.exp(rng.uniform(math.log(self.low), math.log(self.high)))


@dataclass(frozen=True, slots=True)
class Integers:
    """A whole number from low to high, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not (isinstance(self.low, int) and isinstance(self.high, int) and self.low <= self.high):
            raise UsageError(f"Integers({self.low}, {self.high}) is empty; give whole numbers with low <= high")

    def draw(self, rng: np.random.Generator) -> int:
        """One draw."""
        return int(rng.integers(self.low, self.high, endpoint=True))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the given values, each as likely as any other."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise UsageError("Choice() has nothing to choose from; give at least one value")
        object.__setattr__(self, "values", values)

    def draw(self, rng: np.random.Generator) -> Any:
        """One draw."""
        return self.values[int(rng.integers(len(self.values)))]


@dataclass(frozen=True, slots=True)
class Trial:
    """What trial ``number`` (from 0) drew, and its value: infinite where it failed, for the reason in ``failure``."""

    number: int
    values: Mapping[str, Any]
    value: float
    failure: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Every finished trial, in the order of their numbers."""

    trials: tuple[Trial, ...]
    seed: int

    @property
    def best(self) -> Trial:
        """The trial with the smallest value; the first of them where there are several."""
        return min(self.trials, key=lambda trial: trial.value)

    def ranked(self) -> tuple[Trial, ...]:
        """The trials from the best to the worst."""
        return tuple(sorted(self.trials, key=lambda trial: trial.value))

    def __repr__(self) -> str:
        shown = [
            f"{t.number:5d}  {t.value:<12.6g}  "
            + ", ".join(f"{k} = {v:.6g}" if isinstance(v, float) else f"{k} = {v}" for k, v in t.values.items())
            for t in self.ranked()[:5]
        ]
        head = f"{len(self.trials)} trials, seed {self.seed}; the best of them:"
        return "\n".join([head, f"{'trial':>5}  {'value':<12}  drawn", *shown])


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What a progress callback is told after each trial: how many are done, which ended, and the best so far."""

    done: int
    trials: int
    last: Trial
    best: Trial


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C during a search; ``result`` holds the trials that were finished."""

    def __init__(self, result: SearchResult) -> None:
        super().__init__(f"the search was interrupted after {len(result.trials)} trials")
        self.result = result


def random_search(
    objective: Callable[..., Any],
    space: Mapping[str, Range],
    trials: int,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Callable[[SearchReport], None] | None = None,
) -> SearchResult:
    """Minimise ``objective(**values)`` over ``trials`` independent draws from ``space``.

    ``executor`` is any :class:`concurrent.futures.Executor`, left open; None runs the trials here, one after the other.
    For processes the objective must be importable. ``progress`` is called here after each trial, in the order in which
    they end. A trial that diverges (:data:`DIVERGED`, or a value that is not finite) is kept as a failure; any other
    exception ends the search.

    Raises UsageError for an empty space, a wrong number of trials, or a search in which every trial failed, and
    SearchInterrupted on Ctrl-C, with the trials that were finished.
    """
    if not space:
        raise UsageError("the search space is empty; give at least one name and range")
    for name, each in space.items():
        if not hasattr(each, "draw"):
            raise UsageError(f"the range of {name} is {each!r}; give Uniform, LogUniform, Integers or Choice")
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise UsageError(f"the number of trials is {trials!r}; it must be a whole number of at least 1")
    drawn = [_draw(space, seed, number) for number in range(trials)]
    finished: dict[int, Trial] = {}
    running = _here(objective, drawn) if executor is None else _on(executor, objective, drawn)
    try:
        best: Trial | None = None
        for trial in running:
            finished[trial.number] = trial
            if best is None or (trial.value, trial.number) < (best.value, best.number):
                best = trial
            if progress is not None:
                progress(SearchReport(len(finished), trials, trial, best))
    except KeyboardInterrupt as interrupt:
        raise SearchInterrupted(_result(finished, seed)) from interrupt
    finally:
        running.close()
    result = _result(finished, seed)
    if not math.isfinite(result.best.value):
        raise UsageError(
            f"all {trials} trials failed, the first with: {result.trials[0].failure}; widen or move the ranges"
        )
    return result


def _result(finished: Mapping[int, Trial], seed: int) -> SearchResult:
    return SearchResult(tuple(finished[number] for number in sorted(finished)), seed)


def _draw(space: Mapping[str, Range], seed: int, number: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, number])
    return {name: each.draw(rng) for name, each in space.items()}


def _try(objective: Callable[..., Any], number: int, values: dict[str, Any]) -> tuple[int, float, str]:
    """Run one trial; plain data comes back, which any executor can carry."""
    try:
        value = float(objective(**values))
    except DIVERGED as error:
        return number, math.inf, str(error) or type(error).__name__
    return (number, value, "") if math.isfinite(value) else (number, math.inf, f"the value is {value}")


def _trial(found: tuple[int, float, str], drawn: list[dict[str, Any]]) -> Trial:
    number, value, failure = found
    return Trial(number, MappingProxyType(drawn[number]), value, failure)


def _here(objective: Callable[..., Any], drawn: list[dict[str, Any]]) -> Generator[Trial, None, None]:
    for number, values in enumerate(drawn):
        yield _trial(_try(objective, number, values), drawn)


def _on(executor: Executor, objective: Callable[..., Any], drawn: list[dict[str, Any]]) -> Generator[Trial, None, None]:
    futures: list[Future[tuple[int, float, str]]] = []
    try:
        futures += [executor.submit(_try, objective, number, values) for number, values in enumerate(drawn)]
        for future in as_completed(futures):
            yield _trial(future.result(), drawn)
    finally:
        for future in futures:
            future.cancel()
