"""Sums over a band of an index: convolutions and their gradients in several spellings, and near misses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
n = gp.dims("n")
x, w, y = gp.array("x", (6,)), gp.array("w", (3,)), gp.array("y", (8,))
long, target = gp.array("long", (n + 3,)), gp.array("target", (n + 5,))
r = 2 * (np.convolve(x, w) - y)
LOSS = np.sum((np.convolve(x, w) - y) ** 2)
general = 2 * (np.convolve(long, w) - target)
GENERAL = np.sum((np.convolve(long, w) - target) ** 2)

EQUAL: dict[str, Case] = {
    "a convolution by its signal": lambda: (gp.grad(LOSS, x), np.correlate(r, w, mode="valid")),
    "by its filter": lambda: (gp.grad(LOSS, w), np.convolve(r, x[::-1], mode="valid")),
    "by its filter, place by place": lambda: (gp.grad(LOSS, w), np.stack([r[j : j + 6] @ x for j in range(3)])),
    "by a signal of any length": lambda: (gp.grad(GENERAL, long), np.correlate(general, w, mode="valid")),
    "by its filter, at any length": lambda: (
        gp.grad(GENERAL, w), np.stack([general[j : j + n + 3] @ long for j in range(3)])),
}  # fmt: skip
NOT_PROVED: dict[str, tuple[Case, str]] = {
    "the filter turned around": (lambda: (gp.grad(LOSS, x), np.convolve(r, w, mode="valid")), "refuted"),
    "the signal not turned around": (lambda: (gp.grad(LOSS, w), np.convolve(r, x, mode="valid")), "refuted"),
    "one place late": (lambda: (gp.grad(LOSS, x)[:-1], np.correlate(r, w, mode="valid")[1:]), "refuted"),
    "at any length, turned around": (
        lambda: (gp.grad(GENERAL, long), np.convolve(general, w, mode="valid")), "refuted"),
    "a band that ends outside": (lambda: (gp.grad(LOSS, x), np.correlate(r, w, mode="same")[:6]), "refuted"),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_a_convolution_is_proved(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NOT_PROVED)
def test_near_misses_are_not_proved(name: str) -> None:
    is_decided(*NOT_PROVED[name])
