"""Initial weights: one row each in ``INITIALISERS``, every one a function of a generator and a shape.

A weight matrix has shape ``(fan_in, fan_out)``: rows belong to the inputs, as in ``X @ W + b``. Biases start at zero
(``ReferenceNetwork.initialise`` does that). To change a radius or a deviation, pass ``functools.partial(uniform,
radius=0.1)`` in place of a name.

>>> import numpy as np
>>> W = INITIALISERS["glorot_uniform"](np.random.default_rng(0), (64, 32))
>>> W.shape, bool(np.abs(W).max() <= (6 / (64 + 32)) ** 0.5)
((64, 32), True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from .common import FloatArray

Shape: TypeAlias = tuple[int, int]
Initialiser: TypeAlias = Callable[[np.random.Generator, Shape], FloatArray]


def zeros(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """All zero: right for biases; weights that start so stay equal to each other for ever."""
    return np.zeros(shape)


def uniform(rng: np.random.Generator, shape: Shape, radius: float = 0.05) -> FloatArray:
    """Uniform in [-radius, radius]."""
    return rng.uniform(-radius, radius, size=shape)


def lecture_uniform(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """2·rand − 1: uniform in [-1, 1) with mean 0, as the lectures write it."""
    return 2 * rng.random(shape) - 1


def normal(rng: np.random.Generator, shape: Shape, deviation: float = 0.01) -> FloatArray:
    """Normal with mean 0 and a small standard deviation."""
    return rng.normal(0.0, deviation, size=shape)


def glorot_uniform(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Uniform in [-r, r], r = √(6/(fan_in + fan_out)): variance 2/(fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return uniform(rng, shape, math.sqrt(6 / (shape[0] + shape[1])))


def glorot_normal(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Normal with variance 2/(fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return normal(rng, shape, math.sqrt(2 / (shape[0] + shape[1])))


def he_uniform(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Uniform in [-r, r], r = √(6/fan_in): variance 2/fan_in, for rectified layers (He et al., 2015)."""
    return uniform(rng, shape, math.sqrt(6 / shape[0]))


def he_normal(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Normal with variance 2/fan_in, for rectified layers (He et al., 2015)."""
    return normal(rng, shape, math.sqrt(2 / shape[0]))


INITIALISERS: Final[Mapping[str, Initialiser]] = MappingProxyType(
    {
        "zeros": zeros,
        "uniform": uniform,
        "lecture_uniform": lecture_uniform,
        "normal": normal,
        "glorot_uniform": glorot_uniform,
        "glorot_normal": glorot_normal,
        "he_uniform": he_uniform,
        "he_normal": he_normal,
    }
)
"""Every initialiser by name."""
