"""One point of a verification: certify all parameters at once, and take apart only what does not pass.

The order of questions at a point: do all parameters together pass along one random direction? If not, which ones? Is a
tie at a kink to blame, or a constant that the code computed in floats, or too little precision, or a guard?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from flint import arb

from gradproof.numeric.balls.ball import UNWRITTEN, Run, Undecided, WantOfBits, precision
from gradproof.numeric.verification.diagnose import Diagnosis, Fault, diagnose
from gradproof.numeric.verification.directional import (
    Comparison,
    Derivative,
    Point,
    compare,
    contract,
    random_direction,
)
from gradproof.numeric.verification.interfaces import Arrays, Path, float_leaves, leaves, read_gradients, replaced
from gradproof.numeric.verification.kinks import Corner, at_corner
from gradproof.numeric.verification.plain_runs import USER_FAILURE
from gradproof.numeric.verification.report import Entry

SMALL: Final = 64
"""Parameters of at most so many entries are derived entry by entry after a refutation."""

BESIDE: Final = 400
"""A tie is looked at from 2⁻⁴⁰⁰ before and behind it."""

MAX_PRECISION: Final = 8192
FEW: Final = 2000
"""With so few input entries the precision may grow to four times as much: 1 − σ(10⁴) differs from 0 at 14,427 bits."""


@dataclass(frozen=True)
class Outcome:
    """What one point says about one parameter.

    ``tied`` names lines whose comparisons a tie decided, so that a refutation there need not be one; ``corner`` says
    where the gradient stands among the one-sided derivatives.
    """

    name: str
    reason: str = ""
    tied: tuple[str, ...] = ()
    fault: Fault | None = None
    note: str = ""
    corner: Corner | None = None
    short: bool = False  # more precision may decide it
    undefined: tuple[int, ...] | None = None  # an entry that is no number, as 0/0, where the derivative is one

    @property
    def is_wrong(self) -> bool:
        """Refuted, and no tie is to blame."""
        return self.name == "refuted" and not self.tied and self.fault is not None

    def where_the_search_is(self) -> Outcome:
        """The same at inputs that nobody gave: equal numbers that each get the whole are a tie to blame there."""
        corner = self.corner
        return replace(self, tied=corner.lines) if corner is not None and corner.name == "each" else self


def check_point(point: Point, rng: np.random.Generator, crosscheck: bool) -> dict[Path, Outcome]:
    """An outcome for every parameter at one point.

    Exceptions of the user's code on balls pass through; comparisons that stay undecided give ``unknown``.
    """
    few = sum(int(np.size(leaf)) for leaf in leaves(point.inputs).values()) <= FEW
    most = 4 * MAX_PRECISION if few else MAX_PRECISION
    while True:
        try:
            outcomes = _check(point, rng, crosscheck)
        except Undecided as error:
            short = isinstance(error, WantOfBits)
            outcomes = {path: Outcome("unknown", str(error), short=short) for path in point.wrt}
        short = any(o.name == "unknown" and o.short for o in outcomes.values())
        if not short or point.widened or point.prec >= most:
            return outcomes
        point = replace(point, prec=2 * point.prec)


def _check(point: Point, rng: np.random.Generator, crosscheck: bool) -> dict[Path, Outcome]:
    gradients, run = point.gradients()
    direction = point.directions(point.wrt, rng)
    derived = point.derivative(direction)
    together = _judge(point, gradients, direction, derived)
    kinks, fuzzy = derived.run.kinks, {*derived.run.fuzzy, *run.fuzzy}
    if crosscheck and not kinks and not fuzzy and together.name != "unknown":
        problem = _crosscheck(point, direction, derived)
        if problem:
            return {path: Outcome("unknown", problem) for path in point.wrt}
    if together.name == "certified":
        corner = Corner("onesided", tuple(sorted(kinks)), {"": 0}) if _is_corner(point, direction, derived) else None
        note = str(corner) if corner else ""
        return {path: Outcome("certified", tied=tuple(sorted(fuzzy)), note=note, corner=corner) for path in point.wrt}
    return {path: _alone(point, path, gradients, run, rng, (direction, derived)) for path in point.wrt}


def _is_corner(point: Point, direction: Arrays, derived: Derivative) -> bool:
    """Whether the ties of a run matter: taken otherwise, or just before or behind them, the derivative is another."""
    if not derived.run.kinks:
        return False
    others = [point.derivative(direction, Run(ties={"": side})).slope for side in (1, -1)]
    with precision(point.prec):
        if any(not (slope - derived.slope).contains(0) for slope in others):
            return True
    sides = [point.derivative(direction, bits=bits).slope for bits in (BESIDE, -BESIDE)]
    with precision(point.prec):
        scale = abs(derived.slope).upper() + abs(derived.value).upper() + 1
        return any(not abs(slope - derived.slope).upper() <= arb(10) ** -80 * scale for slope in sides)


def _alone(
    point: Point, path: Path, gradients: Arrays, run: Run, rng: np.random.Generator, known: tuple[Arrays, Derivative]
) -> Outcome:
    """What the point says about one parameter, in a direction that moves it alone."""
    direction, slope = known
    if len(point.wrt) > 1:
        direction = point.directions([path], rng)
        slope = point.derivative(direction)
    found = _judge(point, gradients, direction, slope)
    kinks, fuzzy = tuple(sorted(slope.run.kinks)), {*slope.run.fuzzy, *run.fuzzy}
    if found.name == "unknown" and slope.slope.is_finite() and slope.value.is_finite():
        undefined = undefined_entry(point, path, gradients, run)
        if undefined is not None:
            fault = Fault(point, path, gradients, [(direction[path], slope)])
            why = f"0/0 or its like in {', '.join(run.undefined)}"
            return Outcome("refuted", why, fault=fault, undefined=undefined)
    if found.name != "refuted":
        corner = Corner("onesided", kinks, {"": 0}) if kinks and _is_corner(point, direction, slope) else None
        note = str(corner) if corner else ""
        return Outcome(found.name, found.reason, tuple(sorted(fuzzy)), None, note, corner, found.name == "unknown")
    fault = Fault(point, path, gradients, [(direction[path], slope)])
    if kinks and _is_corner(point, direction, slope):
        corner = at_corner(point, path, gradients, kinks, rng)
        if corner.name == "onesided":
            return Outcome("certified", note=str(corner), corner=corner)
        ties = kinks if corner.name == "between" else ()
        return Outcome("refuted", str(corner), ties, fault, corner=corner)
    computed = slope.run.readings.computed | run.readings.computed
    if computed and not point.widened:
        return _widened(point, path, direction, fault, tuple(sorted(fuzzy)), computed)
    return Outcome("refuted", "", tuple(sorted(fuzzy)), fault)


def _judge(point: Point, gradients: Arrays, direction: Arrays, derived: Derivative) -> Comparison:
    with precision(point.prec):
        claimed, size = contract(gradients, direction)
    return compare(claimed, size, derived, point.widened, point.prec)


def _crosscheck(point: Point, direction: Arrays, derived: Derivative) -> str:
    """Empty if a central difference agrees to a hundred digits with the dual slope, up to its curvature."""
    difference = point.difference(direction)
    with precision(point.prec):
        gap = abs(difference - derived.slope)
        scale = abs(derived.slope).upper() + abs(derived.value).upper() + 1
        if gap.upper() <= arb(10) ** -80 * scale:
            return ""
    return (
        "the loss is not differentiable along a random direction here: its central difference is "
        f"{float(difference):.10g} and its derivative {float(derived.slope):.10g}"
    )


def _widened(
    point: Point, path: Path, direction: Arrays, fault: Fault, ties: tuple[str, ...], computed: set[float]
) -> Outcome:
    """Check again with every constant that was computed in floats as a ball of a few ulps."""
    wide = replace(point, widened=True)
    gradients, _ = wide.gradients()
    derived = wide.derivative(direction)
    found = _judge(wide, gradients, direction, derived)
    names = ", ".join(repr(c) for c in sorted(computed)[:4])
    if found.name == "certified":
        return Outcome("certified", tied=ties, note=f"equal within the ulps of the computed constants {names}")
    if found.name == "refuted":
        known = [(direction[path], derived)]
        return Outcome("refuted", tied=ties, fault=replace(fault, point=wide, gradients=gradients, known=known))
    return Outcome("unknown", f"the computed constants {names} leave it open: {found.reason}", ties)


def undefined_entry(point: Point, path: Path, gradients: Arrays, run: Run) -> tuple[int, ...] | None:
    """An entry that is no finite number, on balls nor in floats, because exact numbers leave it undefined; else None.

    Where balls are too wide to tell 1/0 from a large number nothing is known, and where floats alone overflow nothing
    is wrong.
    """
    if not run.undefined or run.vague:
        return None
    try:
        with np.errstate(all="ignore"):
            result = point.grad(**replaced(point.inputs, {}))
        floats = np.asarray(read_gradients(result, point.covers or point.wrt, point.inputs)[path], dtype=np.float64)
    except USER_FAILURE:
        return None
    claimed = gradients[path]
    for index in np.ndindex(*claimed.shape):
        if floats.shape == claimed.shape and not claimed[index].v.is_finite() and not np.isfinite(floats[index]):
            return tuple(int(i) for i in index)
    return None


def refutes(point: Point, path: Path, rng: np.random.Generator) -> bool:
    """Whether the gradient of one parameter is wrong at a point, with no tie to blame; user failures pass through."""
    try:
        gradients, _ = point.gradients()
        if np.shape(gradients[path]) != np.shape(float_leaves(point.inputs)[path]):
            return False
        direction = point.directions([path], rng)
        derived = point.derivative(direction)
    except Undecided:
        return False
    return not derived.run.kinks and _judge(point, gradients, direction, derived).name == "refuted"


@dataclass(frozen=True)
class Guards:
    """The constants without which a gradient is right, and where they stand: ``the loss`` or ``the gradient``."""

    constants: frozenset[float] = frozenset()
    where: str = ""

    def __bool__(self) -> bool:
        return bool(self.constants)


def guarded_by(point: Point, paths: Sequence[Path], rng: np.random.Generator) -> Guards:
    """The guards without which the gradient is right, as in ``log(p + 1e-7)``; none if that does not explain it.

    They are taken out of the loss alone, for a gradient that never had them, then out of both, and then out of the
    gradient alone, for a loss that never had them; there a guarded denominator counts too. Last come guarded
    denominators of the loss beside a maximum that is subtracted.
    """
    bare = replace(point, unguarded=True)
    direction = bare.directions(paths, rng)
    derived = bare.derivative(direction)
    found = derived.run.readings.guards
    for claims in (point, bare) if found else ():
        gradients, _ = claims.gradients()
        if _judge(bare, gradients, direction, derived).name == "certified":
            return Guards(frozenset(found), "the loss")
    if not found:
        gradients, run = replace(bare, denominators=True).gradients()
        if run.readings.guards and _judge(point, gradients, direction, point.derivative(direction)).name == "certified":
            return Guards(frozenset(run.readings.guards), "the gradient")
    return _beside_a_shift(point, direction)


def _beside_a_shift(point: Point, direction: Arrays) -> Guards:
    """The guards in denominators for which alone the loss depends on a maximum that the gradient holds constant.

    exp(x - max x) / (Σ exp(x - max x) + 1e-10): without the guard the maximum leaves the quotient as it is.
    """
    gradients, _ = point.gradients()
    if _judge(point, gradients, direction, point.derivative(direction, Run(still=True))).name != "certified":
        return Guards()
    bare = replace(point, unguarded=True, denominators=True)
    moving, held = bare.derivative(direction), bare.derivative(direction, Run(still=True))
    claim = {path: arrays for path, arrays in gradients.items() if path in direction}
    same = compare(held.slope, contract(claim, direction)[1], moving, point.widened, point.prec).name == "certified"
    return Guards(frozenset(moving.run.readings.guards), "the loss") if same else Guards()


def explain(fault: Fault, rng: np.random.Generator) -> tuple[Diagnosis, tuple[Entry, ...]]:
    """The diagnosis of a refuted gradient, and entries that differ, the worst first."""
    shape = fault.claimed.shape
    while len(fault.known) < 2:
        fault.add_direction(fault.random_direction())
    indices = list(np.ndindex(*shape))
    complete = len(indices) <= SMALL
    if complete:
        looked_at = indices
    else:
        picks = rng.choice(len(indices), size=4, replace=False)
        looked_at = [indices[i] for i in picks]
    entries = [entry for entry in map(fault.entry, looked_at) if differs(entry)]
    if not entries and not complete:
        entries = [entry for entry in [fault.entry(_suspect(fault, rng))] if differs(entry)]
    entries.sort(key=lambda e: -abs(e.claimed - e.derived))
    if any(entry.claimed == float(UNWRITTEN.v) for entry in entries):
        words = "np.empty made an entry that is never written: it is whatever stood in memory"
        return Diagnosis("undefined", words), tuple(entries[:8])
    return diagnose(fault, entries, complete), tuple(entries[:8])


def differs(entry: Entry) -> bool:
    """Whether an entry is wrong by more than the rounding of its printed floats."""
    return not abs(entry.claimed - entry.derived) <= 1e-14 * max(abs(entry.claimed), abs(entry.derived))


def _suspect(fault: Fault, rng: np.random.Generator) -> tuple[int, ...]:
    """A wrong entry. Along V and along each axis's index times V, the errors of a lone wrong entry, row or column have
    that index as their ratio: one loss evaluation an axis. What that leaves open is halved until one entry is left.
    """
    shape = fault.claimed.shape
    direction = np.asarray(2.0 * rng.integers(-(2**20), 2**20, size=shape) + 1)  # times an index it is still exact
    places = np.indices(shape)
    total = _error(fault, direction)
    suspects = np.ones(shape, dtype=bool)
    for index in places if not total.contains(0) else ():
        ratio = float(_error(fault, direction * index) / total)
        if abs(ratio - round(ratio)) < 1e-9 and 0 <= round(ratio) <= index.max():
            suspects &= index == round(ratio)
    return _bisect(fault, np.flatnonzero(suspects), rng)


def _error(fault: Fault, direction: Any) -> arb:
    """⟨claimed, V⟩ less the derived slope, roughly."""
    scout = fault.scout
    derived = scout.derivative({fault.path: direction})
    with precision(scout.prec):
        return contract(fault.gradients, {fault.path: direction})[0] - derived.slope


def _bisect(fault: Fault, suspects: np.ndarray[Any, Any], rng: np.random.Generator) -> tuple[int, ...]:
    """A wrong entry among suspects, by halving them along random directions: log2(size) loss evaluations."""
    shape = fault.claimed.shape
    scout = fault.scout
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        direction = np.zeros(fault.claimed.size)
        direction[half] = random_direction((len(half),), rng)
        direction = direction.reshape(shape)
        derived = scout.derivative({fault.path: direction})
        found = _judge(scout, fault.gradients, {fault.path: direction}, derived)
        suspects = half if found.name == "refuted" else suspects[len(suspects) // 2 :]
    return tuple(int(i) for i in np.unravel_index(int(suspects[0]), shape))


def describe(name: str, entries: Sequence[Entry], place: str) -> str:
    """``W[0, 1] at the given inputs: claimed 1, derived 2, ratio 0.5``."""
    if not entries:
        return place
    index = ", ".join(str(i) for i in entries[0].index)
    return f"{name}[{index}] {place}: {entries[0]}" if index else f"{name} {place}: {entries[0]}"
