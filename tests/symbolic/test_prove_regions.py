"""Proofs over regions: thresholds that are symbols, running sums from the end, largest absolute values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
m, n = gp.dims("m n")
X, w, y = gp.array("X", (m, n)), gp.array("w", (n,)), gp.array("y", (m,))
d, e, free = gp.array("d", (), positive=True), gp.array("e", (), positive=True), gp.array("free", ())
r, c, S = gp.array("r", (n,)), gp.array("c", (n,)), gp.array("S", (n, n), symmetric=True)
z = X @ w - y
running = np.cumsum(r)
largest = np.linalg.norm(r, np.inf)


def huber(z: Any, d: Any) -> Any:
    return np.sum(np.where(np.abs(z) <= d, z**2 / 2, d * (np.abs(z) - d / 2)))


def from_the_end(x: Any) -> Any:
    return np.cumsum(x[::-1])[::-1]


EQUAL: dict[str, Case] = {
    "Huber by clipping": lambda: (gp.grad(huber(z, d), w), X.T @ np.clip(z, -d, d)),
    "Huber by least and largest": lambda: (gp.grad(huber(z, d), w), X.T @ np.maximum(np.minimum(z, d), -d)),
    "Huber by cases": lambda: (gp.grad(huber(z, d), w), X.T @ np.where(np.abs(z) < d, z, d * np.sign(z))),
    "Huber by its threshold": lambda: (gp.grad(huber(z, d), d), np.sum(np.maximum(np.abs(z) - d, 0))),
    "a band around a threshold": lambda: (
        gp.grad(np.sum(np.maximum(np.abs(r) - d, 0)), r), np.where(r > d, 1, np.where(r < -d, -1, 0)),
    ),
    "nested thresholds": lambda: ((r > d) * (r > d + e) * r, (r > d + e) * r),
    "thresholds apart": lambda: ((r > d) * (r < -e) * c, 0 * c),
    "one of two holds": lambda: (np.where(r < d, 1, 0) + np.where(r > -e, 1, 0) - (r < d) * (r > -e), 1 + 0 * r),
    "running sum": lambda: (gp.grad(np.sum(running * c), r), from_the_end(c)),
    "running sum, inside": lambda: (
        gp.grad(np.sum(np.tanh(running) * c), r), from_the_end(c * (1 - np.tanh(running) ** 2)),
    ),
    "running sum from the end": lambda: (gp.grad(np.sum(from_the_end(r) * c), r), np.cumsum(c)),
    "running sum, turned": lambda: (gp.grad(np.sum(running * c), r), np.flip(np.cumsum(np.flip(c)))),
    "running sums of rows": lambda: (
        gp.grad(np.sum(np.cumsum(X, axis=1) ** 2), X), 2 * np.cumsum(np.cumsum(X, axis=1)[:, ::-1], axis=1)[:, ::-1],
    ),
    "infinity norm": lambda: (gp.grad(largest, r), np.sign(r) * (np.abs(r) == largest)),
    "infinity norm, shared": lambda: (
        gp.grad(largest, r), np.sign(r) * (np.abs(r) == largest) / np.sum(np.abs(r) == largest),
    ),
}  # fmt: skip
NOT_PROVED: dict[str, tuple[Case, str]] = {
    "Huber without its sign": (lambda: (
        gp.grad(huber(z, d), w), X.T @ np.where(np.abs(z) <= d, z, d)), "refuted"),
    "Huber with another threshold": (lambda: (gp.grad(huber(z, d), w), X.T @ np.clip(z, -e, e)), "refuted"),
    "Huber clipped from below only": (lambda: (gp.grad(huber(z, d), w), X.T @ np.maximum(z, -d)), "refuted"),
    "a threshold that may be negative": (lambda: ((r > free) * (r > 0) * r, (r > free) * r), "refuted"),
    "thresholds that may cross": (lambda: ((r > d) * (r < e) * c, 0 * c), ""),
    "neither may hold": (lambda: (
        np.where(r > d, 1, 0) + np.where(r < e, 1, 0) - (r > d) * (r < e), 1 + 0 * r), "refuted"),
    "running sum forwards": (lambda: (gp.grad(np.sum(running * c), r), np.cumsum(c)), "refuted"),
    "running sum, one place late": (lambda: (
        gp.grad(np.sum(running * c), r), from_the_end(c) - c), "refuted"),
    "running sum turned once": (lambda: (gp.grad(np.sum(running * c), r), np.cumsum(c[::-1])), "refuted"),
    "infinity norm without signs": (lambda: (gp.grad(largest, r), 1.0 * (np.abs(r) == largest)), "refuted"),
    "ties by symmetry": (lambda: (
        gp.grad(np.max(np.abs(S)), S), np.sign(S) * (np.abs(S) == np.max(np.abs(S)))), "refuted"),
    "ties on a region": (lambda: (
        gp.grad(np.max(np.maximum(r, 0)), r), (r > 0) * (np.maximum(r, 0) == np.max(np.maximum(r, 0)))), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_an_identity_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NOT_PROVED)
def test_what_does_not_hold_everywhere_is_not_proved(name: str) -> None:
    is_decided(*NOT_PROVED[name])


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, -1)])
def test_a_tie_of_the_infinity_norm_is_shared_with_signs(signs: tuple[int, int]) -> None:
    at = np.array([2.0 * signs[0], 0.5, 2.0 * signs[1]])
    (found,) = gp.compile([gp.grad(largest, r)])(r=at)
    np.testing.assert_array_equal(found, [signs[0] / 2, 0, signs[1] / 2])
