"""Fractions with sums in them and under sums, and comparisons of fractions: proved for all sizes, near misses not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
m, n = gp.dims("m n")
X, w, t = gp.array("X", (m, n)), gp.array("w", (n,)), gp.array("t", (m,))
x, y, c = gp.array("x", (n,)), gp.array("y", (n,)), gp.array("c", (n,), integer=True)
d, s, v = (gp.array(name, (), positive=True) for name in "dsv")
free, log_s = gp.array("free", ()), gp.array("log_s", ())
r = t - X @ w
size = np.linalg.norm(x)


def student(r: Any, v: Any) -> Any:
    return np.sum((v + 1) / 2 * np.log(1 + r**2 / v))


def huber(z: Any, d: Any) -> Any:
    return np.sum(np.where(np.abs(z) <= d, z**2 / 2, d * (np.abs(z) - d / 2)))


EQUAL: dict[str, Case] = {
    "a weight of Student's t": lambda: (1 / (1 + r**2 / v), v / (v + r**2)),
    "with a scale": lambda: (1 / (1 + (r / s) ** 2 / v), v * s**2 / (v * s**2 + r**2)),
    "with degrees of any sign": lambda: (1 / (1 + r**2 / free), free / (free + r**2)),
    "Student's t by its weights": lambda: (gp.grad(student(r, v), w), -X.T @ ((v + 1) * r / (v + r**2))),
    "Student's t by its degrees": lambda: (
        gp.grad(student(r, v), v), np.sum(np.log(1 + r**2 / v) / 2 - (v + 1) / 2 * r**2 / (v * (v + r**2))),
    ),
    "Student's t by its scale": lambda: (
        gp.grad(m * np.log(s) + student(r / s, v), s), np.sum(v * (s**2 - r**2) / (s * (v * s**2 + r**2))),
    ),
    "Student's t by the log of its scale": lambda: (
        gp.grad(m * log_s + student(r * np.exp(-log_s), v), log_s),
        np.sum(1 - (v + 1) * r**2 / (v * np.exp(2 * log_s) + r**2)),
    ),
    "its density": lambda: ((1 + x**2 / v) ** (-(v + 1) / 2), (v / (v + x**2)) ** ((v + 1) / 2)),
    "its logarithm": lambda: (np.log(1 + r**2 / v), np.log(v + r**2) - np.log(v)),
    "a root of a fraction": lambda: (1 / np.sqrt(1 + np.sum(x**2) / v), np.sqrt(v / (v + np.sum(x**2)))),
    "a fraction of fractions of sums": lambda: (
        1 / (1 / np.sum(x) + 1 / np.sum(y)), np.sum(x) * np.sum(y) / (np.sum(x) + np.sum(y)),
    ),
    "two sums are one": lambda: (np.sum(1 / (1 + x)) + np.sum(1 / (1 - x)), 2 * np.sum(1 / (1 - x**2))),
    "products with a matrix are one": lambda: (
        X.T @ (1 / (1 + t)) + X.T @ (1 / (1 - t)), 2 * X.T @ (1 / (1 - t**2)),
    ),
    "a number as a sum": lambda: (
        np.sum(1 / (1 + x)) + np.sum(1 / (1 - x)) - 2 * n, 2 * np.sum(x**2 / (1 - x**2)),
    ),
    "sums over pairs": lambda: (
        np.sum(1 / (1 + x[:, None] + t) + 1 / (1 - x[:, None] - t)), 2 * np.sum(1 / (1 - (x[:, None] + t) ** 2)),
    ),
    "roots under a sum": lambda: (
        np.sum((1 + x**2) ** -0.5) - np.sum(x**2 * (1 + x**2) ** -1.5), np.sum((1 + x**2) ** -1.5),
    ),
    "Huber by a quotient": lambda: (gp.grad(huber(r, d), w), -X.T @ (r / np.maximum(1, np.abs(r) / d))),
    "Huber by a factor": lambda: (np.clip(x, -d, d), x * np.minimum(1, d / np.abs(x))),
    "Huber by its sign": lambda: (gp.grad(huber(r, d), w), -X.T @ (np.sign(r) * np.minimum(np.abs(r), d))),
    "Huber by steps": lambda: (
        gp.grad(huber(r, d), w),
        -X.T @ (r * np.heaviside(d - np.abs(r), 1) + d * np.sign(r) * np.heaviside(np.abs(r) - d, 0)),
    ),
    "Huber by half steps": lambda: (
        np.clip(x, -d, d), x + (d - x) * np.heaviside(x - d, 0.5) - (d + x) * np.heaviside(-x - d, 0.5),
    ),
    "clipping by the norm": lambda: (x / np.maximum(1, size / d), x * np.minimum(1, d / size)),
    "clipping by the norm, by cases": lambda: (x / np.maximum(1, size / d), np.where(size > d, d * x / size, x)),
    "soft thresholds": lambda: (x * np.maximum(1 - d / np.abs(x), 0), np.sign(x) * np.maximum(np.abs(x) - d, 0)),
    "the sign of a quotient": lambda: (1.0 * (x / y > 0), (x > 0) * (y > 0) + (x < 0) * (y < 0)),
    "the sign of an odd power": lambda: (1.0 * (x**-3 > 0), 1.0 * (x > 0)),
    "a test for equality in two directions": lambda: ((x - y) * (x == y), 0 * x),
}  # fmt: skip
NOT_PROVED: dict[str, tuple[Case, str]] = {
    "the weight without its degrees": (lambda: (1 / (1 + r**2 / v), 1 / (v + r**2)), "refuted"),
    "degrees on the wrong side": (lambda: (1 / (1 + r**2 / v), v / (1 + r**2)), "refuted"),
    "the gradient without a degree": (
        lambda: (gp.grad(student(r, v), w), -X.T @ (v * r / (v + r**2))), "refuted"),
    "the gradient by the scale, its square lost": (
        lambda: (gp.grad(m * np.log(s) + student(r / s, v), s), np.sum(v * (s**2 - r**2) / (s * (v * s + r**2)))),
        "refuted"),
    "a pole at whole numbers": (lambda: (1 / (1 + y / c), c / (c + y)), ""),
    "a root of degrees of any sign": (lambda: (1 / np.sqrt(1 + x**2 / free), np.sqrt(free / (free + x**2))), ""),
    "logarithms of any sign": (lambda: (np.log(1 + x**2 / free), np.log(free + x**2) - np.log(free)), ""),
    "two sums of which one is shorter": (
        lambda: (np.sum(1 / (1 + x)) + np.sum(1 / (1 - x[1:])), 2 * np.sum(1 / (1 - x**2))), "refuted"),
    "a number of other terms": (
        lambda: (np.sum(1 / (1 + x)) + np.sum(1 / (1 - x)) - 2 * m, 2 * np.sum(x**2 / (1 - x**2))), "refuted"),
    "sums over other pairs": (
        lambda: (np.sum(1 / (1 + X) + 1 / (1 - X)), 2 * np.sum(1 / (1 - X * X[:, ::-1]))), "refuted"),
    "a sum of fractions as a fraction of sums": (
        lambda: (np.sum(x / (1 + y**2)), np.sum(x) / np.sum(1 + y**2)), ""),
    "Huber by a quotient that is one too large": (
        lambda: (gp.grad(huber(r, d), w), -X.T @ (r / (1 + np.abs(r) / d))), "refuted"),
    "Huber by a quotient without its threshold": (
        lambda: (gp.grad(huber(r, d), w), -X.T @ (r / np.maximum(1, np.abs(r)))), "refuted"),
    "Huber with a threshold of any sign": (lambda: (np.clip(x, -free, free), x / np.maximum(1, np.abs(x) / free)), ""),
    "Huber by steps, the outer one without a sign": (
        lambda: (np.clip(x, -d, d), x * np.heaviside(d - np.abs(x), 1) + d * np.heaviside(np.abs(x) - d, 0)),
        "refuted"),
    "a step with a value beyond its sides": (lambda: (np.heaviside(x, 7), np.heaviside(x, 1)), ""),
    "steps of whole numbers": (lambda: (np.heaviside(c, 1), np.heaviside(c, 0)), ""),
    "the sign of a quotient without its negative part": (lambda: (1.0 * (x / y > 0), (x > 0) * (y > 0)), "refuted"),
    "a quotient of whole numbers at zero": (lambda: (1.0 * (c * x >= 0), (c > 0) * (x > 0) + (c < 0) * (x < 0)), ""),
    "the sign of an even power": (lambda: (1.0 * (x**-2 > 0), 1.0 * (x > 0)), "refuted"),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_fractions_are_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NOT_PROVED)
def test_near_misses_are_not_proved(name: str) -> None:
    is_decided(*NOT_PROVED[name])
