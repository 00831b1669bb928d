"""The last rung: central differences in float64, for code that cannot run on balls. It can agree; it never proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.interfaces import Arrays, Path, alike, float_leaves, replaced
from gradproof.verdicts import Verdict

AGREE: Final = 1e-6
"""Relative agreement that extrapolated differences of smooth float64 code reach."""


def float_check(
    loss: Callable[..., Any],
    gradient: Arrays,
    inputs: Mapping[str, Any],
    path: Path,
    rng: np.random.Generator,
    why: str,
) -> Verdict:
    """``agrees`` or ``unknown`` for one parameter: differences at three steps, extrapolated, in three directions.

    A discrepancy is reported as ``unknown`` with its figures: float64 differences carry no rigorous bound.
    """
    given = float_leaves(inputs)[path]
    value = np.asarray(given, dtype=np.float64)
    claimed_array = np.asarray(gradient[path], dtype=np.float64)
    worst, digits = 0.0, ""
    for _ in range(3):
        direction = rng.standard_normal(value.shape)
        size = float(np.max(np.abs(value), initial=1.0))
        slopes = []
        for h in (4e-4 * size, 2e-4 * size, 1e-4 * size):
            ends = [_value(loss, replaced(inputs, {path: alike(given, value + s * direction)})) for s in (h, -h)]
            slopes.append((ends[0] - ends[1]) / (2 * h))
        first = [(4 * slopes[1] - slopes[0]) / 3, (4 * slopes[2] - slopes[1]) / 3]
        derived = (16 * first[1] - first[0]) / 15
        claimed = float(np.sum(claimed_array * direction))
        scale = max(abs(derived), float(np.sum(np.abs(claimed_array * direction))), 1e-12)
        error = abs(claimed - derived) / scale
        if not np.isfinite(error) or error >= worst:
            worst, digits = error, f"claimed {claimed:.10g}, by differences {derived:.10g}"
        if not np.isfinite(error):
            break
    if worst <= AGREE:
        return Verdict("agrees", f"float64 differences agree to a relative {worst:.1g}; not on balls: {why}")
    return Verdict("unknown", f"float64 differences disagree ({digits}), which proves nothing; not on balls: {why}")


def _value(loss: Callable[..., Any], inputs: Mapping[str, Any]) -> float:
    with np.errstate(all="ignore"):
        result = loss(**inputs)
    if isinstance(result, (tuple, list)):
        result = result[0]
    return float(np.asarray(result).reshape(()))
