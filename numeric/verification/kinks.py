"""At a corner of the loss: which values are right there, and which one the gradient takes.

A tie decides a ReLU, a hinge or an absolute value at its corner. There the loss has one-sided derivatives, and a
gradient may take any value between them. Three questions, in this order:

1. Is it one of the one-sided derivatives, or the value at the tie itself? Each line with a tie is taken as if its first
   number were a little larger, then smaller; all lines alike, then each on its own.
2. Is it outside of all of them? A maximum at a tie is given a tangent that encloses both slopes; the derivative of the
   loss is then a ball around every one-sided value, and a claim outside of that ball is wrong.
3. Else it may lie between them, which is right, but is not proved to be one value that fits everywhere.

``dx += (x == x.max()) * dout`` gives the whole to each of several entries that are equal: their sum, which is outside.
At the given inputs that is wrong. Where the search alone has made the entries equal it is told, and nothing more: the
gradient is right almost everywhere, and that is what is proved of it.

A tie that leaves the derivative as it is, as in the maximum that a softmax subtracts, is no corner.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gradproof.numeric.balls.ball import Run, precision
from gradproof.numeric.verification.directional import Derivative, Point, compare, contract
from gradproof.numeric.verification.interfaces import Arrays, Path

LINES: Final = 3
"""At most so many lines with ties are taken each on its own."""


@dataclass(frozen=True)
class Corner:
    """``onesided``, ``outside``, ``between`` or ``each``; ``taken`` says how the ties were taken, by line."""

    name: str
    lines: tuple[str, ...]
    taken: Mapping[str, int]
    claimed: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def __str__(self) -> str:
        where = ", ".join(self.lines)
        if self.name == "onesided":
            return f"on a corner in {where}: the gradient is a one-sided derivative of the loss there"
        if self.name == "between":
            return f"on a corner in {where}: the gradient lies between the one-sided derivatives there"
        if self.name == "each":
            return (
                f"on a tie in {where}: the gradient gives the whole to each of the numbers that are equal, "
                "which is more than any one-sided derivative"
            )
        return (
            f"on a corner in {where}: along a direction the claim is {self.claimed:.10g}, and every one-sided "
            f"derivative lies between {self.low:.10g} and {self.high:.10g}"
        )


def at_corner(point: Point, path: Path, gradients: Arrays, lines: Sequence[str], rng: np.random.Generator) -> Corner:
    """Where the claimed gradient of one parameter stands among the one-sided derivatives of the loss at a tie."""
    directions = [point.directions([path], rng) for _ in range(2)]
    for ties in _ways(lines):
        if all(_fits(point, gradients, one, point.derivative(one, Run(ties=ties))) for one in directions):
            return Corner("onesided", tuple(lines), ties)
    if all(_fits(point, gradients, one, point.derivative(one, Run(each=True))) for one in directions):
        return Corner("each", tuple(lines), {})
    for direction in _probes(point, path, directions, rng):
        run = Run(hull=True)
        hull = point.derivative(direction, run)
        if run.masked or not hull.slope.is_finite():
            continue  # a yes or no at the tie has no hull
        with precision(point.prec):
            claimed, _ = contract(gradients, direction)
            if not hull.slope.overlaps(claimed):
                low, high = (float(end) for end in (hull.slope.lower(), hull.slope.upper()))
                return Corner("outside", tuple(lines), {}, float(claimed.mid()), low, high)
    return Corner("between", tuple(lines), {})


def _ways(lines: Sequence[str]) -> Iterator[dict[str, int]]:
    yield from ({"": 1}, {"": -1})
    if 1 < len(lines) <= LINES:
        for sides in itertools.product((1, -1, 0), repeat=len(lines)):
            yield dict(zip(lines, sides, strict=True))


def _fits(point: Point, gradients: Arrays, direction: Arrays, derived: Derivative) -> bool:
    with precision(point.prec):
        claimed, size = contract(gradients, direction)
    return compare(claimed, size, derived, point.widened, point.prec).name == "certified"


def _probes(point: Point, path: Path, random: Sequence[Arrays], rng: np.random.Generator) -> Iterator[Arrays]:
    """Directions in which a claim is held against the hull: random ones, all upwards, and single entries."""
    yield from random
    yield {path: np.abs(random[0][path])}
    shape = np.shape(random[0][path])
    size = int(np.prod(shape))
    for flat in range(size) if size <= 8 else rng.choice(size, 4, replace=False):
        unit = np.zeros(size)
        unit[flat] = 1.0
        yield {path: unit.reshape(shape)}
