"""Settings of all tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Time limits of single examples fail at random on a busy machine and under coverage; a failure prints what repeats it.
settings.register_profile("gradproof", deadline=None, print_blob=True)
settings.load_profile("gradproof")


@pytest.fixture(scope="session")
def naive_evaluator() -> type[Any]:
    """The class ``NaiveEvaluator`` of tests/naive.py, for single elements and expressions."""
    path = Path(__file__).with_name("naive.py")
    spec = importlib.util.spec_from_file_location("gradproof_tests_naive", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[Any] = module.NaiveEvaluator
    return found


@pytest.fixture(scope="session")
def evaluate_naively(naive_evaluator: type[Any]) -> Callable[..., Any]:
    """``evaluate_naively(array, values, sizes=None, functions=None)``: numbers straight from the index equations."""

    def evaluate(array: Any, values: Any, sizes: Any = None, functions: Any = None) -> Any:
        return naive_evaluator(values, sizes, functions).array(getattr(array, "definition", array))

    return evaluate
