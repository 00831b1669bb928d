"""The smallest inputs found at which a gradient is wrong: few rows and columns, and numbers easy to follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.verification.checking import refutes
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.interfaces import Path, alike, float_leaves, replaced
from gradproof.numeric.verification.plain_runs import USER_FAILURE
from gradproof.numeric.verification.poles import Poles
from gradproof.numeric.verification.sizes.axes import Axes, resized

SIZES: Final = (1, 2, 3)
DECIMALS: Final = (0, 1, 2)


def smallest(point: Point, path: Path, axes: Axes | None, rng: np.random.Generator) -> Mapping[str, Any]:
    """Inputs at which the gradient of ``path`` is refuted: smaller and rounder than the point's, as far as that goes.

    With ``axes`` every dimension is tried as 1, 2 and 3; without them the shapes stay, and only numbers are rounded.
    """
    best: Mapping[str, Any] = point.inputs
    poles = Poles(point)
    for inputs in _smaller(point, axes, rng):
        if _is_wrong(point, inputs, path, rng, poles):
            best = inputs
            break
    for inputs in _rounder(best):
        if _is_wrong(point, inputs, path, rng, poles):
            return inputs
    return best


def _smaller(point: Point, axes: Axes | None, rng: np.random.Generator) -> Iterator[Mapping[str, Any]]:
    if not axes:
        return
    names = {name for labels in axes.values() for name in labels}
    now = {name: n for path, labels in axes.items() for name, n in zip(labels, _shape(point, path), strict=True)}
    for n in SIZES:
        sizes = {name: min(n, now[name]) for name in names}
        if sizes != now:
            yield resized(point.inputs, set(point.wrt), axes, sizes, rng)


def _shape(point: Point, path: Path) -> tuple[int, ...]:
    value: Any = point.inputs
    for part in path:
        value = value[part]
    return np.shape(value)


def _rounder(inputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for decimals in DECIMALS:
        rounded: dict[Path, Any] = {}
        for path, value in float_leaves(inputs).items():
            near = np.round(value, decimals) + 0.0  # no −0
            rounded[path] = alike(value, near)
        yield dict(replaced(inputs, rounded))


def _is_wrong(point: Point, inputs: Mapping[str, Any], path: Path, rng: np.random.Generator, poles: Poles) -> bool:
    try:
        return refutes(replace(point, inputs=inputs), path, rng) and not poles.before(inputs)
    except GradproofError:
        return False  # another form of result at these sizes
    except USER_FAILURE:
        return False  # sizes or numbers that the code does not admit
