"""The directional check: ⟨grad, V⟩ against the derivative of the loss along a random direction V, both as balls.

The main path is dual arithmetic on balls: the user's loss runs once on W + V·ε, ε² = 0, and gives the directional
derivative with its rounding errors enclosed and no truncation error. What has to be trusted is Arb and one table of
derivatives. The table is cross-checked on the same code by a central difference with h = 2⁻³⁴⁰ at 1024 bits, which
uses no derivative at all: its error is O(h²) ≈ 10⁻²⁰⁴ times a third derivative, so both must agree to a hundred digits.

Whatever the number of parameters this costs one loss evaluation with tangents, two without, and one gradient
evaluation. The entries of V are odd multiples of 2⁻⁵² in (−1, 1), drawn by a seed: a gradient that is wrong has
⟨error, V⟩ = 0 with a probability of at most 2⁻⁵² (one entry of V is determined by the others).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from flint import arb

from gradproof.errors import UsageError
from gradproof.numeric.balls.arrays import BallArray, balls_of
from gradproof.numeric.balls.ball import Ball, Run, precision
from gradproof.numeric.balls.evaluate import duplicate, on_balls, prepared
from gradproof.numeric.balls.watch import Watch
from gradproof.numeric.verification.interfaces import Arrays, Path, float_leaves, read_gradients, tree

DIGITS: Final = 200
"""A certificate's relative precision in decimal digits."""

NEARLY: Final = 1e-9
"""How narrow a difference has to be when computed constants are only known to a few ulps."""

Function = Callable[..., Any]


@dataclass(frozen=True)
class Derivative:
    """The loss's derivative along a direction, and what happened on the way."""

    value: arb
    slope: arb
    run: Run


@dataclass(frozen=True)
class Comparison:
    """⟨grad, V⟩ against the derived slope: ``certified``, ``refuted`` or ``unknown``, and why it is not certified."""

    name: str
    claimed: arb
    derived: arb
    reason: str = ""


@dataclass
class Point:
    """One place where loss and gradient are compared: the inputs there, and how floats in the code are read.

    ``wrt`` is what is compared; ``covers`` all that the gradient returns, where that is more (a tuple is read by it).
    """

    loss: Function
    grad: Function
    inputs: Mapping[str, Any]
    wrt: Sequence[Path]
    prec: int = 1024
    widened: bool = False
    unguarded: bool = False
    denominators: bool = False
    covers: Sequence[Path] = ()
    watch: Watch | None = None
    evaluations: int = field(default=0)
    _held: tuple[Any, Any] = field(default=(None, None), repr=False, compare=False)
    """Inputs, and what they are as balls: many runs start from the same ones."""

    def _prepared(self, direction: Arrays | None = None) -> Any:
        """A fresh copy of the inputs as balls; tangents where the direction is not zero."""
        if self._held[0] is not self.inputs:
            self._held = (self.inputs, prepared(self.inputs))
        return _along(self._held[1], None if direction is None else tree(self.inputs, direction))

    def _run(self, function: Function, arguments: Mapping[str, Any], run: Run | None = None) -> tuple[Any, Run]:
        run = run or Run()
        run.readings.widened = self.widened
        run.readings.unguarded = self.unguarded
        run.readings.denominators = self.denominators
        run.watch = self.watch
        self.evaluations += 1
        return on_balls(function, arguments, run, self.prec, self.loss, self.grad), run

    def derivative(self, direction: Arrays, run: Run | None = None, bits: int = 0) -> Derivative:
        """The loss along W + V·ε: its value and its slope. A ``run`` may say how ties are taken.

        With ``bits`` it is taken at W + 2^−bits V, or at W − 2^bits V where ``bits`` is negative.
        """
        arguments = self._prepared(direction)
        if bits:
            with precision(self.prec):
                step = arb(2) ** -abs(bits)
                arguments = _shifted(arguments, step if bits > 0 else -step)
        result, run = self._run(self.loss, arguments, run)
        element = _scalar(result)
        return Derivative(element.v, arb(0) if element.d is None else element.d, run)

    def difference(self, direction: Arrays, bits: int = 340) -> arb:
        """(L(W + hV) − L(W − hV)) / 2h with h = 2^−bits: an oracle that knows no derivative."""
        h = arb(2) ** -bits
        ends = []
        for step in (h, -h):
            with precision(self.prec):
                arguments = _shifted(self._prepared(direction), step)
            ends.append(_scalar(self._run(self.loss, arguments)[0]).v)
        with precision(self.prec):
            return (ends[0] - ends[1]) / (2 * h)

    def gradients(self, direction: Arrays | None = None) -> tuple[Arrays, Run]:
        """The claimed gradients, as plain object arrays of balls, by path; a direction only serves the watch."""
        result, run = self._run(self.grad, self._prepared(direction))
        claimed = read_gradients(result, self.covers or self.wrt, self.inputs)
        return {path: balls_of(claimed[path]) for path in self.wrt}, run

    def directions(self, paths: Sequence[Path], rng: np.random.Generator) -> Arrays:
        """A random direction in the given parameters."""
        return {path: random_direction(np.shape(float_leaves(self.inputs)[path]), rng) for path in paths}


def random_direction(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Odd multiples of 2⁻⁵² in (−1, 1)."""
    return (2 * rng.integers(-(2**51), 2**51, size=shape) + 1) / 2.0**52


def _scalar(result: Any) -> Ball:
    if isinstance(result, (tuple, list)) and result and np.ndim(result[0]) == 0:
        result = result[0]  # (loss, grads)
    elements = balls_of(result)
    if elements.size != 1:
        raise UsageError(f"the loss must return one number, and it returned an array of shape {elements.shape}")
    element = elements.reshape(-1)[0]
    assert isinstance(element, Ball)
    return element


def _along(value: Any, slopes: Any) -> Any:
    """A copy of prepared inputs, with tangents."""
    if isinstance(value, dict):
        return {k: _along(v, None if slopes is None else slopes.get(k)) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)([_along(v, slopes[i] if isinstance(slopes, list) else None) for i, v in enumerate(value)])
    result = duplicate(value)
    if isinstance(value, np.ndarray) and slopes is not None:
        flat = result.view(np.ndarray).reshape(-1)
        along = np.asarray(slopes, dtype=np.float64).ravel()
        where = np.flatnonzero(along)
        for i, slope in zip(where.tolist(), along[where].tolist(), strict=True):
            flat[i] = Ball(flat[i].v, arb(slope))
    return result


def _shifted(value: Any, step: arb) -> Any:
    if isinstance(value, dict):
        return {k: _shifted(v, step) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_shifted(v, step) for v in value])
    if isinstance(value, BallArray):
        flat = value.view(np.ndarray).reshape(-1)
        for i, x in enumerate(flat):
            flat[i] = x if x.d is None else Ball(x.v + step * x.d, x.d)
    return value


def contract(gradients: Arrays, direction: Arrays) -> tuple[arb, arb]:
    """⟨grad, V⟩ over the direction's parameters, and the sum of its absolute terms."""
    total, size = arb(0), arb(0)
    for path, slopes in direction.items():
        values = gradients[path].reshape(-1).tolist()
        for g, v in zip(values, np.asarray(slopes, dtype=np.float64).reshape(-1).tolist(), strict=True):
            if v:
                term = g.v * arb(v)
                total += term
                size += abs(term)
    return total, size


def compare(claimed: arb, size: arb, derived: Derivative, widened: bool = False, prec: int = 1024) -> Comparison:
    """Judge two balls: disjoint refutes; overlapping within 10⁻²⁰⁰ of their size certifies; else unknown.

    Where everything is near zero the size is taken as 10⁻⁵⁰ of the loss (or of 1).
    """
    with precision(prec):
        slope = derived.slope
        difference = slope - claimed
        if not (difference.is_finite() and derived.value.is_finite()):
            what = "the gradient" if slope.is_finite() else "the derivative of the loss"
            what = what if derived.value.is_finite() else "the loss"
            return Comparison("unknown", claimed, slope, f"{what} is not a finite number here")
        if not difference.contains(0):
            return Comparison("refuted", claimed, slope)
        scale = max(abs(slope).upper(), size.upper(), arb(10) ** -50 * max(arb(1), abs(derived.value).upper()))
        limit = arb(NEARLY) if widened else arb(10) ** -DIGITS
        if difference.rad() <= limit * scale:
            return Comparison("certified", claimed, slope)
        return Comparison("unknown", claimed, slope, f"rounding leaves a difference of up to {difference.rad().str(3)}")
