"""Settings of all tests."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from beside import module
from hypothesis import settings

# Time limits of single examples fail at random on a busy machine and under coverage; a failure prints what repeats it.
settings.register_profile("gradproof", deadline=None, print_blob=True)
settings.load_profile("gradproof")

# Expressions are many small objects, and many stay alive: looking through all of them again and again costs minutes.
gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def naive_evaluator() -> type[Any]:
    """The class ``NaiveEvaluator`` of tests/naive.py, for single elements and expressions."""
    found: type[Any] = module(__file__, "naive.py").NaiveEvaluator
    return found


@pytest.fixture(scope="session")
def evaluate_naively(naive_evaluator: type[Any]) -> Callable[..., Any]:
    """``evaluate_naively(array, values, sizes=None, functions=None)``: numbers straight from the index equations."""

    def evaluate(array: Any, values: Any, sizes: Any = None, functions: Any = None) -> Any:
        return naive_evaluator(values, sizes, functions).array(getattr(array, "definition", array))

    return evaluate
