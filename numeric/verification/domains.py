"""Which values an input may take, read off the values that it has; and random moves that stay among them.

A parameter is a real array; data may be labels written as floats (0/1, ±1, one-hot rows or columns), which are never
moved, since a loss means nothing between them. Other whole numbers may be classes or amounts: whoever moves them has to
try first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.interfaces import Arrays, Path, alike, float_leaves, replaced

Floats = np.ndarray[Any, Any]

FIXED: Final = ("labels", "simplex", "integers")
"""Kinds of data that are left as they are."""


def kind_of(value: Any, parameter: bool) -> str:
    """``labels``, ``integers``, ``simplex``, ``unit``, ``positive`` or ``real``; parameters are of the last three.

    >>> kind_of(np.array([0.0, 1.0, 1.0]), parameter=False), kind_of(np.array([0.0, 1.0, 1.0]), parameter=True)
    ('labels', 'real')
    >>> kind_of(np.array([3.0, 2.0, 3.0, 3.0]), parameter=False)
    'integers'
    """
    array = np.asarray(value, dtype=np.float64)
    if not array.size:
        return "real"
    if not parameter:
        if array.ndim and np.all(array == np.rint(array)) and len(np.unique(array)) <= max(2, array.size // 4):
            return "labels" if np.all(np.abs(array) <= 1) else "integers"
        if axis_of_shares(np.asarray(value)) is not None:
            return "simplex"
    if np.all(array > 0):
        return "unit" if np.all(array < 1) else "positive"
    return "real"


def axis_of_shares(value: Any) -> int | None:
    """The axis along which numbers that are not negative add up to 1; the last one, where that is one of several.

    >>> axis_of_shares(np.eye(3)[[0, 2]]), axis_of_shares(np.eye(3)[[0, 2]].T), axis_of_shares(np.ones((2, 3)))
    (1, 0, None)
    """
    if not np.size(value) or not np.all(value >= 0):
        return None
    near = max(1e-12, 8 * float(np.finfo(value.dtype).eps)) if value.dtype.kind == "f" else 0
    longer = (axis for axis in reversed(range(value.ndim)) if value.shape[axis] > 1)
    return next((axis for axis in longer if np.allclose(value.sum(axis=axis), 1, rtol=0, atol=near)), None)


def exact_shares(value: Floats, axis: int) -> Floats:
    """Numbers that add up to 1 along the axis but for rounding, moved by a rounding each so that they do exactly.

    They are multiples of the spacing of floats at 1, so that no sum of theirs is rounded, and none that was positive
    becomes 0.

    >>> from fractions import Fraction
    >>> given = np.array([0.1, 0.2, 0.7])
    >>> [sum(map(Fraction, shares.tolist())) == 1 for shares in (given, exact_shares(given, 0))]
    [False, True]
    """
    grid = np.finfo(value.dtype).eps
    whole = np.where(value > 0, np.maximum(np.rint(value / grid), 1), 0) * grid
    largest = np.expand_dims(np.argmax(whole, axis=axis), axis)
    spare = 1 - whole.sum(axis=axis, keepdims=True)
    np.put_along_axis(whole, largest, np.take_along_axis(whole, largest, axis) + spare, axis)
    return np.asarray(whole, dtype=value.dtype)


def with_exact_shares(inputs: Mapping[str, Any], wrt: Sequence[Path]) -> tuple[dict[str, Any], dict[Path, int]]:
    """The inputs with data that are shares (probabilities of classes) made so exactly; which were changed, and where.

    A gradient such as p − y is right for rows of y that add up to 1, and no row of floats does so but by chance.
    """
    found: Arrays = {}
    axes: dict[Path, int] = {}
    for path, value in float_leaves(inputs).items():
        if path in wrt or not isinstance(value, np.ndarray) or kind_of(value, False) != "simplex":
            continue
        axis = axis_of_shares(value)
        exact = value if axis is None else exact_shares(value, axis)
        if axis is not None and not np.array_equal(exact, value):
            found[path], axes[path] = exact, axis
    return dict(replaced(inputs, found)), axes


def is_symmetric(value: Floats) -> bool:
    """Whether a matrix that is not all zero is symmetric, and so is meant to stay symmetric."""
    square = value.ndim == 2 and value.shape[0] == value.shape[1] > 1
    return square and bool(np.any(value)) and np.array_equal(value, value.T)


def spread(value: Floats) -> float:
    """The root mean square of an array; 1 where it is zero or empty."""
    size = float(np.sqrt(np.mean(value**2))) if value.size else 1.0
    return size or 1.0


def step(value: Floats, change: Floats, kind: str) -> Floats:
    """``value`` moved by ``change``, in the coordinate in which its kind is unbounded: x, log x or logit x."""
    if kind == "positive":
        return np.asarray(value * np.exp(np.clip(change / spread(value), -60, 60)))
    if kind == "unit":
        odds = np.log(value) - np.log1p(-value) + change / spread(value)
        return np.asarray(np.clip(1 / (1 + np.exp(-np.clip(odds, -36, 36))), 5e-324, 1 - 2.0**-53))
    return value + change


def velocity(inputs: Mapping[str, Any], changes: Arrays, kinds: Mapping[Path, str]) -> Arrays:
    """The derivative of :func:`shifted` by the length of its step, at length zero: a tangent for the inputs."""
    floats = float_leaves(inputs)
    found: Arrays = {}
    for path, change in changes.items():
        value = np.asarray(floats[path], dtype=np.float64)
        kind = kinds.get(path, "real")
        if kind in ("positive", "unit"):
            with np.errstate(all="ignore"):  # a walk may end far away
                change = (value if kind == "positive" else value * (1 - value)) * change / spread(value)
        found[path] = change
    return found


def movable(inputs: Mapping[str, Any], wrt: Sequence[Path], loose: Sequence[Path] = ()) -> dict[Path, str]:
    """The inputs that a search may move, with their kinds: parameters, data that are no labels, and the ``loose``."""
    kinds = {path: kind_of(value, path in wrt) for path, value in float_leaves(inputs).items()}
    kinds |= dict.fromkeys(loose, "real")
    return {path: kind for path, kind in kinds.items() if kind not in FIXED}


def whole(inputs: Mapping[str, Any], wrt: Sequence[Path]) -> list[Path]:
    """Data of whole numbers that are neither 0/1 nor ±1: classes, or amounts that may be moved."""
    return [path for path, value in float_leaves(inputs).items() if kind_of(value, path in wrt) == "integers"]


def fresh(inputs: Mapping[str, Any], kinds: Mapping[Path, str], rng: np.random.Generator) -> dict[str, Any]:
    """Ordinary numbers in place of the inputs of some kinds: no zeros, no ties, nothing saturated.

    What is not zero keeps its sign, entry by entry: a scale among the parameters is no scale where it is negative.
    """
    floats = float_leaves(inputs)
    drawn: Arrays = {}
    for path, kind in kinds.items():
        value = np.asarray(floats[path], dtype=np.float64)
        new = np.asarray(rng.standard_normal(value.shape))
        new = (new + new.T) / 2 if is_symmetric(value) else new
        if kind == "real":
            new = np.where(value == 0, new, np.copysign(new, value))
        else:
            new = np.exp(0.5 * new) if kind == "positive" else 1 / (1 + np.exp(-new))
        drawn[path] = alike(floats[path], new)
    return dict(replaced(inputs, drawn))


def noise(inputs: Mapping[str, Any], paths: Sequence[Path], rng: np.random.Generator) -> Arrays:
    """Normal noise for some inputs, of their own spread; symmetric for symmetric matrices."""
    floats = float_leaves(inputs)
    found: Arrays = {}
    for path in paths:
        value = np.asarray(floats[path], dtype=np.float64)
        drawn = np.asarray(rng.standard_normal(value.shape))
        found[path] = spread(value) * ((drawn + drawn.T) / 2 if is_symmetric(value) else drawn)
    return found


def shifted(inputs: Mapping[str, Any], changes: Arrays, kinds: Mapping[Path, str]) -> dict[str, Any]:
    """The inputs with changes applied, each in its own coordinate (see :func:`step`)."""
    floats = float_leaves(inputs)
    moved: Arrays = {}
    with np.errstate(all="ignore"):
        for path, change in changes.items():
            value = np.asarray(floats[path], dtype=np.float64)
            result = step(value, np.asarray(change), kinds.get(path, "real"))
            moved[path] = alike(floats[path], result)
    return dict(replaced(inputs, moved))


def scaled(inputs: Mapping[str, Any], paths: Sequence[Path], factor: float) -> dict[str, Any]:
    """The inputs with some of them multiplied by a number."""
    floats = float_leaves(inputs)
    return dict(replaced(inputs, {path: alike(floats[path], np.multiply(floats[path], factor)) for path in paths}))


def moved(inputs: Mapping[str, Any], wrt: Sequence[Path], rng: np.random.Generator, scale: float) -> dict[str, Any]:
    """The inputs with every parameter moved by ``scale`` times its spread; positive ones and probabilities stay so.

    That is no loss: code without branches is analytic, so that it is right everywhere if it is right near one point,
    and what lies beyond a branch is looked for at the branch (:mod:`.regions.exploration`).
    """
    kinds = {path: kind_of(value, True) for path, value in float_leaves(inputs).items()}
    changes = noise(inputs, wrt, rng)
    return shifted(inputs, {p: (scale if kinds[p] == "real" else 0.25) * c for p, c in changes.items()}, kinds)
