"""A budget for symbolic work: steps are counted where equations and normal forms are made, and processor time too.

>>> with limited(steps=2, seconds=60):
...     spend()
...     spend(5)
Traceback (most recent call last):
gradproof.symbolic.equations.effort.Exhausted: given up after 2 steps of symbolic work
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from gradproof.errors import UnsupportedError


class Exhausted(UnsupportedError):
    """The budget is spent."""


class _Budget:
    __slots__ = ("deadline", "seconds", "spent", "steps")

    def __init__(self, steps: int, seconds: float) -> None:
        self.steps, self.seconds = steps, seconds
        self.spent, self.deadline = 0, time.process_time() + seconds


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)


def spend(steps: int = 1) -> None:
    """Count some work; nothing happens where no budget is set."""
    budget = _budget.get()
    if budget is None:
        return
    budget.spent += steps
    if budget.spent > budget.steps:
        raise Exhausted(f"given up after {budget.steps} steps of symbolic work")
    if time.process_time() > budget.deadline:
        raise Exhausted(f"given up after {budget.seconds:g} s of symbolic work")


@contextmanager
def limited(steps: int, seconds: float) -> Iterator[None]:
    """A budget for the block; the processor's clock is a backstop for what the steps do not see."""
    token = _budget.set(_Budget(steps, seconds))
    try:
        yield
    finally:
        _budget.reset(token)
