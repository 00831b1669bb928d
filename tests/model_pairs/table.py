"""The table of pairs, what its rows share, and the shapes of their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Inputs = dict[str, Any]
Gradient = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A loss with one gradient that a person would write for it."""

    loss: Callable[..., Any]
    gradient: Callable[..., Gradient]
    inputs: Inputs


PAIRS: dict[str, Pair] = {}

LABELS = (("m",), {"integer": True})
ONE_HOT = (("m", "k"), {"one_hot": True})
BINARY = (("m",), {"boolean": True})
CLASSIFIER: Inputs = {"X": ("m", "n"), "W": ("n", "k"), "b": ("k",), "Y": ONE_HOT}
GATHERED: Inputs = {"X": ("m", "n"), "W": ("n", "k"), "b": ("k",), "y": LABELS}
LOGISTIC: Inputs = {"X": ("m", "n"), "w": ("n",), "b": (), "y": ("m",)}
ROWS: Inputs = {"x": ("N", "D"), "gamma": ("D",), "beta": ("D",), "G": ("N", "D")}
VECTOR: Inputs = {"x": ("n",), "y": ("n",)}


def pair(name: str, loss: Callable[..., Any], **inputs: Any) -> Callable[[Any], Any]:
    """Register the decorated gradient of ``loss``."""

    def register(gradient: Callable[..., Gradient]) -> Callable[..., Gradient]:
        assert name not in PAIRS
        PAIRS[name] = Pair(loss, gradient, inputs)
        return gradient

    return register


def sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def stable_sigmoid(v: Any) -> Any:
    return np.where(v >= 0, 1 / (1 + np.exp(-v)), np.exp(v) / (1 + np.exp(v)))


def softmax(z: Any, axis: int = 1) -> Any:
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)
