"""The far side of a pole: inputs at which the loss divides by numbers of another sign than at the given ones.

A scale among the parameters is meant to be positive, and nothing says so but the division by it: at σ < 0 the loss
r²/σ still has a value and a derivative, which nobody's gradient has to know. From the given inputs no path leads there
on which the loss stays finite. So what a search finds beyond a pole is not held against a gradient, and is told in a
note. A line whose denominators have both signs at the given inputs says nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from gradproof.numeric.balls.ball import Run
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.plain_runs import USER_FAILURE

BITS: Final = 128
"""Enough to tell the sign of a denominator."""


def beyond_pole(point: Point, inputs: Mapping[str, Any]) -> str:
    """The line of the loss whose denominators change their sign from the point to the inputs; empty if none does."""
    here, there = (_signs(replace(point, inputs=at, prec=BITS, watch=None)) for at in (point.inputs, inputs))
    return next((line for line, signs in there.items() if line in here and not signs <= here[line]), "")


def _signs(point: Point) -> dict[str, set[int]]:
    """The signs of all that the loss divides by, by line; what it noted until a failure still counts."""
    run = Run(denominators={})
    with suppress(*USER_FAILURE):  # the verification itself reports a loss that fails
        point.derivative({}, run)
    assert run.denominators is not None
    return run.denominators
