"""Verification beside whatever else watches the program: profilers, debuggers, measurements of coverage."""

from __future__ import annotations

import cProfile
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.numeric.verification.watching import calls_watched

rng = np.random.default_rng(0)
DATA = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "w": rng.normal(size=3)}


def loss(X: Any, y: Any, w: Any) -> Any:
    r = X @ w - y
    return r @ r / len(y)


def gradient(X: Any, y: Any, w: Any) -> Any:
    r = X @ w - y
    return X.T @ r / len(y)


@contextmanager
def c_profiler() -> Iterator[None]:
    with cProfile.Profile():
        yield


def ignored(frame: FrameType, event: str, argument: Any) -> None:
    return None


@contextmanager
def installed(install: Callable[[Any], None], current: Callable[[], Any]) -> Iterator[None]:
    """A hook written in Python, which has to stand again at the end."""
    kept = current()
    install(ignored)
    try:
        yield
        assert current() is ignored
    finally:
        install(kept)


def python_profiler() -> AbstractContextManager[None]:
    return installed(sys.setprofile, sys.getprofile)


def tracer() -> AbstractContextManager[None]:
    return installed(sys.settrace, sys.gettrace)


@contextmanager
def both() -> Iterator[None]:
    with tracer(), c_profiler():
        yield


WATCHERS = [c_profiler, python_profiler, tracer, both]


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_report_is_the_same_under_a_profiler_and_a_debugger(watcher: Callable[[], Any]) -> None:
    alone = gp.verify(loss, gradient, DATA, ["w"])
    with watcher():
        beside = gp.verify(loss, gradient, DATA, ["w"])
    said = [[(f.name, f.verdict.name, f.diagnosis, f.line) for f in report.findings] for report in (alone, beside)]
    assert said[0] == said[1]
    assert alone.findings[0].line is not None
    # beside a tracer and a profiler in C no hook is left that could read the names of variables
    assert watcher is both or str(alone) == str(beside)


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_hook_sees_calls_beside_another(watcher: Callable[[], Any]) -> None:
    seen: list[str] = []
    with watcher(), calls_watched(lambda frame, event, _: seen.append(frame.f_code.co_name)):
        loss(**DATA)
    assert "loss" in seen
