"""The far side of a pole: inputs that no path leads to on which the loss stays finite.

A scale among the parameters is meant to be positive, and nothing says so but the division by it: at σ < 0 the loss
r²/σ still has a value and a derivative, which nobody's gradient has to know. So what a search finds beyond a pole is
not held against a gradient, and is told in a note.

A division whose denominators have another sign than at the given inputs is walked to on the straight way there, and is
a pole if its quotients grow without bound: those of sin(x)/x do not. A line with denominators of both signs at the
given inputs allows both. Where the shapes differ there is no straight way, and another sign is taken for a pole.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.ball import Divisions, Run
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.interfaces import float_leaves, replaced
from gradproof.numeric.verification.plain_runs import USER_FAILURE

BITS: Final = 128
"""Enough to tell the sign of a denominator."""

HALVINGS: Final = 30
"""So often the way to the other sign is halved: a simple pole has grown by far more than :data:`GROWTH` then."""

GROWTH: Final = 1e6
"""A quotient that grows to so many times what it is at both ends grows without bound."""


class Poles:
    """The divisions of a loss at the point's inputs, and which of them have a pole on the way to other inputs."""

    def __init__(self, point: Point) -> None:
        self.point = replace(point, prec=BITS, watch=None)
        self._known: set[str] = set()

    @cached_property
    def _here(self) -> dict[str, Divisions]:
        return self._divisions(self.point.inputs)

    def before(self, inputs: Mapping[str, Any]) -> str:
        """The line of the loss whose division has a pole before the inputs are reached; empty if none has."""
        there = self._divisions(inputs)
        changed = [line for line, found in there.items() if line in self._here and not self._same(line, found)]
        for line in changed:
            if line in self._known or self._grows(line, inputs, there[line]):
                self._known.add(line)
                return line
        return ""

    def _same(self, line: str, found: Divisions | None) -> bool:
        return found is None or found.signs <= self._here[line].signs

    def _grows(self, line: str, inputs: Mapping[str, Any], there: Divisions) -> bool:
        start, end = float_leaves(self.point.inputs), float_leaves(inputs)
        if [np.shape(leaf) for leaf in start.values()] != [np.shape(leaf) for leaf in end.values()]:
            return True
        near, far = 0.0, 1.0
        largest = there.largest
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            way = {path: start[path] + middle * (end[path] - start[path]) for path in start}
            found = self._divisions(replaced(inputs, way)).get(line)
            near, far = (middle, far) if self._same(line, found) else (near, middle)
            largest = largest if found is None else found.largest.max(largest)
        return not largest < GROWTH * (1 + self._here[line].largest.max(there.largest))

    def _divisions(self, inputs: Mapping[str, Any]) -> dict[str, Divisions]:
        """All divisions of the loss by line; what it noted until a failure still counts."""
        run = Run(divisions={})
        with suppress(*USER_FAILURE):  # the verification itself reports a loss that fails
            replace(self.point, inputs=inputs).derivative({}, run)
        assert run.divisions is not None
        return run.divisions
