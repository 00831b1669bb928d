"""How many digits of a floating-point result are right: the run in floats against the run on balls, entry by entry.

The balls are dual numbers whose tangent moves every input by its own size times a random sign. The tangent of a result,
times the unit roundoff u, is then what rounding the inputs alone would change: an error up to there says nothing
against the code. What exceeds it was lost on the way:

    lost = log10(|float − truth| / (u · max(|truth|, |tangent|)))

Here |truth| is the largest entry of the array, since a gradient is used as a whole; ``entrywise`` asks of every entry
that it keeps its own digits.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from flint import arb

from gradproof.numeric.balls.arrays import balls_of
from gradproof.numeric.balls.ball import Ball, NotOnBalls, Run, Undecided, precision
from gradproof.numeric.balls.evaluate import failure, has_floats, on_balls, prepared
from gradproof.numeric.verification.interfaces import replaced

DTYPES: Final = ("float64", "float32")
UNIT: Final = {"float64": 2.0**-53, "float32": 2.0**-24}
SMALLEST: Final = {"float64": 2.0**-1074, "float32": 2.0**-149}
LARGEST: Final = {name: float(np.finfo(name).max) for name in DTYPES}
CARRIED: Final = {name: -math.log10(unit) for name, unit in UNIT.items()}
"""The digits of each type: 15.95 and 7.22."""

PRECISIONS: Final = (512, 2048, 16384)
ENOUGH: Final = 100
"""Bits of a truth that are enough to judge a float by."""


class Undecidable(Exception):
    """Why there is no truth to compare with at some inputs."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The worst entry of a result: what happened (``kind``), digits lost and kept, what came out and what is right.

    ``kind`` is "nan", "inf", "zero" (all digits lost by underflow), "digits", or "" where nothing is beyond the bound.
    """

    kind: str = ""
    lost: float = 0.0
    kept: float = 16.0
    output: str = ""
    got: str = ""
    truth: str = ""

    def worse_than(self, other: Loss) -> bool:
        """Whether more digits are lost; what is no number is worse than any number."""
        return (self.kind in ("nan", "inf"), self.lost) > (other.kind in ("nan", "inf"), other.lost)


def outputs(result: Any, label: str = "") -> dict[str, Any]:
    """Every array or number of a result by its name: ``W1``, ``0``, ``grads.W``, or "result".

    >>> list(outputs((1.0, {"W": 2.0, "b": None})))
    ['0', '1.W']
    """
    if isinstance(result, Mapping):
        items = [(str(key), part) for key, part in result.items()]
    elif isinstance(result, (tuple, list)):
        items = [(str(i), part) for i, part in enumerate(result)]
    else:
        return {} if result is None else {label or "result": result}
    return {k: v for key, part in items for k, v in outputs(part, f"{label}.{key}" if label else key).items()}


def cast(value: Any, dtype: str) -> Any:
    """The inputs with every float in ``dtype``; labels stay as they are."""
    if isinstance(value, Mapping):
        return {key: cast(part, dtype) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(p, (np.ndarray, Mapping, list, tuple)) for p in value):
        return type(value)(cast(part, dtype) for part in value) if type(value) in (list, tuple) else value
    if isinstance(value, np.ndarray):
        return value.astype(dtype) if value.dtype.kind == "f" else value.copy()
    return np.dtype(dtype).type(value) if isinstance(value, (float, np.floating)) else value


def float_run(function: Callable[..., Any], inputs: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """The outputs in floating point; OverflowError and ZeroDivisionError of Python's own floats pass through."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return outputs(function(**cast(inputs, dtype)))


def signed(value: Any, rng: np.random.Generator) -> Any:
    """A tangent for every float: its own value times a random sign; None for labels."""
    if isinstance(value, Mapping):
        return {key: signed(part, rng) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(p, (np.ndarray, Mapping, list, tuple)) for p in value):
        return [signed(part, rng) for part in value]
    if not has_floats(value):
        return None
    array = np.asarray(value, dtype=np.float64)
    return array * rng.choice([-1.0, 1.0], size=array.shape)


def ball_run(function: Callable[..., Any], inputs: Mapping[str, Any], seed: int, prec: int) -> Any:
    """The raw result on dual balls, whatever its accuracy; exceptions of the user's code pass through."""
    rng = np.random.default_rng(seed)
    arguments = {name: prepared(value, signed(value, rng)) for name, value in replaced(inputs, {}).items()}
    return on_balls(function, arguments, Run(), prec)


def truth(
    function: Callable[..., Any], inputs: Mapping[str, Any], seed: int, precisions: Sequence[int] = PRECISIONS
) -> tuple[dict[str, Any], int]:
    """Every output as an object array of dual balls, accurate enough to judge floats by, and the precision it took.

    Raises Undecidable where the code does not run on balls, a comparison stays open, or the exact result is no number.
    """
    for prec in precisions:
        last = prec == precisions[-1]
        try:
            found = {name: balls_of(part) for name, part in outputs(ball_run(function, inputs, seed, prec)).items()}
        except Undecided as error:
            if last:
                raise Undecidable(str(error)) from error
            continue
        except NotOnBalls as error:
            raise Undecidable(str(error)) from error
        except (Exception, SystemExit) as error:
            raise Undecidable(failure(error, function)) from error
        entries = [x.v for array in found.values() for x in array.reshape(-1) if isinstance(x, Ball)]
        if all(_accurate(x) for x in entries):
            return found, prec
        if last:
            if any(not x.is_finite() for x in entries):
                raise Undecidable(f"the exact result is no number here, or {prec} bits cannot tell it from none")
            raise Undecidable(f"{prec} bits are too few")
    raise AssertionError("the loop above returns or raises at its last precision")


def _accurate(x: arb) -> bool:
    return bool(x.is_finite()) and (x.rel_accuracy_bits() >= ENOUGH or abs(x) < arb(2) ** -1500 or x.is_zero())


def steeper(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, Any]:
    """The same exact outputs, each entry with the larger of two tangents."""

    def larger(x: Ball, y: Ball) -> Ball:
        return x if y.d is None or (x.d is not None and abs(x.d) > abs(y.d)) else y

    choose = np.frompyfunc(larger, 2, 1)
    return {name: balls_of(choose(balls, two[name])) for name, balls in one.items()}


def loss_of(value: Any, balls: np.ndarray[Any, Any], dtype: str, entrywise: bool, name: str = "") -> Loss:
    """The worst entry of one output (or of one step on the way to it)."""
    floats = np.asarray(value)
    if floats.dtype.kind not in "f" or floats.shape != balls.shape:
        return Loss()
    worst = Loss()
    with precision(256):
        flat = list(balls.reshape(-1))
        largest = max((abs(x.v).mid() for x in flat if x.v.is_finite()), default=arb(0), key=float)
        for got, ball in zip(floats.reshape(-1).tolist(), flat, strict=True):
            found = _entry(got, ball, dtype, entrywise, name, largest)
            if found is not None and found.worse_than(worst):
                worst = found
    return worst


def _entry(got: float, ball: Ball, dtype: str, entrywise: bool, name: str, largest: arb) -> Loss | None:
    right, carried = ball.v, CARRIED[dtype]
    if not right.is_finite():
        return None
    shown = "0" if right.contains(0) else right.str(10, radius=False)
    if math.isnan(got) or math.isinf(got):
        if math.isinf(got) and abs(right) > LARGEST[dtype] and (right > 0) == (got > 0):
            return None  # the truth itself is beyond the range of the type
        return Loss("nan" if math.isnan(got) else "inf", carried, 0.0, name, str(got), shown)
    error = abs(arb(got) - right)
    tangent = arb(0) if ball.d is None or not ball.d.is_finite() else abs(ball.d)
    scale = abs(right).max(tangent) * UNIT[dtype]
    size = abs(right) if entrywise else largest
    scale = scale.max(size * UNIT[dtype])
    if right.contains(0) or abs(right) < largest * arb(2) ** -900:
        scale = scale.max(largest.max(arb(1)) * UNIT[dtype])  # an exact zero has no digits of its own
    ratio = float((error / scale.max(arb(SMALLEST[dtype]))).mid())
    lost = min(math.log10(ratio), carried) if ratio > 1 else 0.0
    relative = float((error / size).mid()) if not size.contains(0) else 0.0
    kept = carried if relative <= UNIT[dtype] else max(0.0, -math.log10(relative))
    if abs(right) < SMALLEST[dtype] / UNIT[dtype]:
        kept = max(kept, carried - lost)  # below the normal numbers digits are not the code's to keep
    return Loss("zero" if got == 0 and lost > carried - 1 else "digits", lost, kept, name, f"{got:.10g}", shown)


def judged(result: Mapping[str, Any], right: Mapping[str, Any], dtype: str, entrywise: bool) -> dict[str, Loss]:
    """The worst entry of each output."""
    found = {}
    for name, value in result.items():
        balls = right.get(name)
        if isinstance(value, (np.ndarray, np.floating, float)) and balls is not None:
            loss = loss_of(value, balls, dtype, entrywise, name)
            found[name] = loss if loss.kind else Loss(kept=CARRIED[dtype])
    return found


def worst_of(losses: Iterable[Loss], dtype: str) -> Loss:
    """The worst of some outputs."""
    result = Loss(kept=CARRIED[dtype])
    for loss in losses:
        if loss.worse_than(result) or (loss.kind and not result.kind):
            result = loss
    return result
