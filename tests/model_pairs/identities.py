"""Piecewise identities."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import VECTOR, Gradient, pair


@pair("minimum and maximum", lambda x, y: np.sum(np.maximum(x, y) * np.minimum(x, y)), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": y, "y": x}


@pair("maximum by where", lambda x, y: np.sum(np.maximum(x, y) ** 2), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": np.where(x > y, 2 * x, 0), "y": np.where(x > y, 0, 2 * y)}


@pair("maximum by its half sum", lambda x, y: np.sum((x + y + np.abs(x - y)) / 2), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    return {"x": 1.0 * (x > y), "y": 1.0 * (y > x)}


@pair("nested where", lambda x: np.sum(np.where(x < -1, -x, np.where(x < 1, x**2, x))), x=("n",))
def _(x: Any) -> Gradient:
    return {"x": np.where(x >= 1, 1, np.where(x >= -1, 2 * x, -1))}


@pair("clipped ratio", lambda x, y: -np.sum(np.minimum(x * y, np.clip(x, 0.8, 1.2) * y)), **VECTOR)
def _(x: Any, y: Any) -> Gradient:
    inside = (x > 0.8) & (x < 1.2)
    return {"x": -np.where(x * y < np.clip(x, 0.8, 1.2) * y, y, y * inside)}
