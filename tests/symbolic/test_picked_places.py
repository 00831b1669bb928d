"""Gradients by the place of a minimum, as in k-means: proved for all sizes where nothing ties but by exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
n, m, k = gp.dims("n m k")
X, C = gp.array("X", (n, m)), gp.array("C", (k, m))
two, three = gp.array("two", (2, m)), gp.array("three", (3, m))
whole, x = gp.array("whole", (n,), integer=True), gp.array("x", (n,))


def distances(X: Any, C: Any) -> Any:
    return np.sum((X[:, None] - C[None]) ** 2, axis=-1)


def k_means(X: Any, C: Any) -> Any:
    return np.sum(np.min(distances(X, C), axis=1))


def scattered(X: Any, C: Any, factor: Any = 2) -> Any:
    places, found = np.argmin(distances(X, C), axis=1), 0 * C
    np.add.at(found, places, factor * (C[places] - X))
    return found


def one_by_one(X: Any, C: Any, rows: int) -> Any:
    places, found = np.argmin(distances(X, C), axis=1), 0 * C
    for i in range(rows):
        found[places[i]] += 2 * (C[places[i]] - X[i])
    return found


def by_centres(X: Any, C: Any, last: int) -> Any:
    places = np.argmin(distances(X, C), axis=1)
    return np.stack([2 * np.sum((places == min(j, last))[:, None] * (C[j] - X), axis=0) for j in range(3)])


EQUAL: dict[str, Case] = {
    "scattered": lambda: (gp.grad(k_means(X, C), C), scattered(X, C)),
    "row by row for three centres": lambda: (gp.grad(k_means(two, three), three), one_by_one(two, three, 2)),
    "centre by centre": lambda: (gp.grad(k_means(X, three), three), by_centres(X, three, 2)),
}
NOT_PROVED: dict[str, tuple[Case, str]] = {
    "another factor": (lambda: (gp.grad(k_means(X, C), C), scattered(X, C, 1)), "refuted"),
    "a row left out": (lambda: (gp.grad(k_means(two, C), C), one_by_one(two, C, 1)), "refuted"),
    "a centre for another": (lambda: (gp.grad(k_means(X, three), three), by_centres(X, three, 1)), "refuted"),
    "places that tie": (
        lambda: ((whole == np.max(whole)) * np.sum((whole == np.max(whole)) * x), (whole == np.max(whole)) * x), ""),
    "places that tie on a region": (
        lambda: (
            (np.maximum(x, 0) == np.max(np.maximum(x, 0))) * np.sum((np.maximum(x, 0) == np.max(np.maximum(x, 0))) * x),
            (np.maximum(x, 0) == np.max(np.maximum(x, 0))) * x), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_picked_is_one_row(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NOT_PROVED)
def test_near_misses_are_not_proved(name: str) -> None:
    is_decided(*NOT_PROVED[name])
