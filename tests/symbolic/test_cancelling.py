"""Sums that are zero by what stands in them leave no term in a gradient, and others do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

x, w, X = gp.array("x", ("n",)), gp.array("w", ("n",)), gp.array("X", ("m", "n"))
NUMBERS = {
    name: np.random.default_rng(k).normal(size=size)
    for k, (name, size) in enumerate({"x": (3,), "w": (3,), "X": (4, 3)}.items())
}
CENTRED: dict[str, Callable[[Any, Any, Any], Any]] = {
    "a variance": lambda x, w, X: np.var(x),
    "a standard deviation": lambda x, w, X: np.std(x) * np.sum(w),
    "of rows": lambda x, w, X: np.sum(np.var(X, axis=1) * 2),
    "of columns": lambda x, w, X: np.sum((X - X.mean(axis=0)) ** 2),
}
OTHERS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "less the mean of another": lambda x, w, X: np.sum((w - np.mean(x)) ** 2),
    "less twice the mean": lambda x, w, X: np.sum((x - 2 * np.mean(x)) ** 2),
    "less the sum": lambda x, w, X: np.sum((x - np.sum(x)) ** 2),
    "less a weighted mean": lambda x, w, X: np.sum((x - np.mean(w * x)) ** 2),
    "cubes": lambda x, w, X: np.sum((x - np.mean(x)) ** 3),
    "weighted squares": lambda x, w, X: np.sum(w * (x - np.mean(x)) ** 2),
    "summed over the other axis": lambda x, w, X: np.sum(np.sum(X - X.mean(axis=1, keepdims=True), axis=0) ** 2),
    "less the mean of a row": lambda x, w, X: np.sum((X - X[0].mean()) ** 2),
}


@pytest.mark.parametrize("name", [*CENTRED, *OTHERS])
def test_gradients_are_differences(name: str) -> None:
    formula = (CENTRED | OTHERS)[name]
    for array in (x, X):
        found, *_ = gp.compile([gp.grad(formula(x, w, X), array), x, w, X])(**NUMBERS)
        for index in np.ndindex(found.shape):
            move = np.zeros(found.shape)
            move[index] = 1e-6
            up, down = (formula(**NUMBERS | {array.name: NUMBERS[array.name] + s * move}) for s in (1, -1))
            assert found[index] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-8)


def test_the_mean_that_a_variance_subtracts_leaves_no_term() -> None:
    assert "d_x = 2 * (x - x.mean()) / n  #" in gp.grad(CENTRED["a variance"](x, w, X), x).numpy()
    assert "d_X = 2 * X - 2 * X.mean(axis=0)  #" in gp.grad(CENTRED["of columns"](x, w, X), X).numpy()
    assert gp.grad(OTHERS["cubes"](x, w, X), x).numpy().count(".mean(") == 2
