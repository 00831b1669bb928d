"""Watching a run: a hook that is told of every call of a Python function, beside whatever else watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Watch = Callable[[FrameType, str, Any], None]
"""What Python calls with a frame, an event and its argument."""


@contextmanager
def calls_watched(watch: Watch) -> Iterator[None]:
    """Let a hook see the calls inside the block (and their ends, where no other profiler runs).

    A profiler written in C, cProfile say, cannot be set again by what ``sys.getprofile`` returns: where one runs, the
    hook is a tracer.
    """
    profiler = sys.getprofile()
    install: Callable[[Any], None] = sys.setprofile
    before: Any = profiler
    if profiler is not None and not callable(profiler):
        install, before = sys.settrace, sys.gettrace()
    install(watch)
    try:
        yield
    finally:
        install(before)
