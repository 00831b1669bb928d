"""Float runs that sort candidates out: what passes here is checked on balls afterwards, what fails is dropped.

The gradient is seen through *observables*: ⟨g, V⟩ for each parameter, along a direction or two, at the point of the
fault and at a moved one. A refuted parameter's observable has a target, the derived slope; a right one's must stay as
it is. An edit with an unknown factor c changes them affinely where the code is linear in the edited term, as backward
passes are; one run then gives c for all of them, and all of them must agree on it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.numeric.balls.ball import Undecided
from gradproof.numeric.verification.checking import check_point
from gradproof.numeric.verification.diagnose import Fault
from gradproof.numeric.verification.directional import Point, random_direction
from gradproof.numeric.verification.interfaces import Arrays, Path, float_leaves, read_gradients, replaced
from gradproof.numeric.verification.mends.units import TooLong, limited

BITS: Final = 640
"""Precision of slopes that are compared with floats; below 512 bits exact ties would count as undecided."""

BALL_SECONDS: Final = 20.0
"""A run of an edited function on balls that loops for longer does not end; in floats the limit is measured."""

DRIFT: Final = 1e-5
"""Where floats lose more digits than that, relative to the terms that are added up, they say nothing."""

Vector = np.ndarray[Any, Any]


class TooRough(UnsupportedError):
    """At one of the stages plain floats say something else than balls, as where everything is saturated.

    At the first one they may also be too coarse to see the fault.
    """

    def __init__(self, stage: int) -> None:
        super().__init__("plain floats are too coarse for what balls say of the gradient")
        self.stage = stage


@dataclass(frozen=True)
class Stage:
    """A point, the parameters that are right there, and the faults that are known there.

    ``kept`` are those that are right but not certified at the point, as on a tie: a mend leaves them as they are.
    """

    point: Point
    right: tuple[Path, ...]
    faults: Mapping[Path, Fault] = field(default_factory=dict)
    kept: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Match:
    """What a candidate solves: the parameters, and the factor it needs (1 where it has none)."""

    paths: tuple[Path, ...]
    factor: float = 1.0


class Scout:
    """The observables of some faults, at the stage where they are known and at further ones."""

    def __init__(self, wrong: Sequence[Path], stages: Sequence[Stage], rng: np.random.Generator) -> None:
        self.wrong = list(wrong)
        self.point = stages[0].point
        self.stages = stages
        self.runs = 0
        self.seconds = math.inf
        self.directions: list[dict[Path, list[Any]]] = []
        targets: list[float | None] = []
        exactly: list[float] = []
        for number, stage in enumerate(stages):
            shapes = {path: np.shape(leaf) for path, leaf in float_leaves(stage.point.inputs).items()}
            here: dict[Path, list[Any]] = {}
            for path in self.wrong:
                fault = stage.faults.get(path)
                if fault is not None:
                    while number == 0 and len(fault.known) < (2 if fault.claimed.size > 1 else 1):
                        fault.add_direction(fault.random_direction())
                    known = fault.known[: 2 if number == 0 else 1]
                    here[path] = [direction for direction, _ in known]
                    targets += [float(derived.slope) for _, derived in known]
                    exactly += [float(fault.along(fault.claimed, direction)[0]) for direction in here[path]]
                else:
                    here[path] = [random_direction(shapes[path], rng)]
                    targets.append(None if path in stage.right else _slope(stage.point, path, here[path][0]))
                    exactly.append(np.nan)
            right = [path for path in (*stage.right, *stage.kept) if path not in self.wrong]
            here |= {path: [random_direction(shapes[path], rng)] for path in right}
            self.directions.append(here)
        started = time.process_time()
        base = self.run()
        self.seconds = max(0.2, 20 * (time.process_time() - started))
        if base is None:
            raise UnsupportedError("the gradient cannot be run in plain floats")
        self.base = base
        self.owner = np.array([i for here in self.directions for i, p in enumerate(self.wrong) for _ in here[p]])
        count = len(targets)
        sizes = [[np.shape(leaf) for leaf in float_leaves(stage.point.inputs).values()] for stage in stages]
        alike = [s == sizes[0] for s in sizes]
        of_wrong = [a for a, h in zip(alike, self.directions, strict=True) for p in self.wrong for _ in h[p]]
        of_right = [a for a, h in zip(alike, self.directions, strict=True) for p in h if p not in self.wrong]
        self.alike = np.array(of_wrong + of_right)
        self.target = base.copy()
        self.target[:count] = [now if t is None else t for now, t in zip(base, targets, strict=False)]
        size = np.maximum(self.sizes, np.abs(self.target))
        size[size == 0] = max(float(np.max(size)), 1e-300)
        drifts = np.nan_to_num(np.abs(base[:count] - exactly) / size[:count])
        drift = float(np.max(drifts, initial=0.0))
        if drift > DRIFT:
            numbers = [k for k, here in enumerate(self.directions) for p in self.wrong for _ in here[p]]
            raise TooRough(numbers[int(np.argmax(drifts))])
        self.noise = size * max(1e-14, 10 * drift)
        self.error = self.target - base
        self.slack = 1e-6 * np.abs(self.error) + 3 * self.noise
        self.wrong_rows = np.arange(count)
        self.right_rows = np.arange(count, len(base))
        seen = np.abs(self.error[:count]) > self.slack[:count]
        if np.any(np.bincount(self.owner, seen, len(self.wrong)) == 0):  # everything would pass
            raise TooRough(0)

    def gradient(self, inputs: Any) -> Arrays | None:
        """The gradient in floats as it stands now, or None if it fails or has wrong shapes."""
        self.runs += 1
        point = self.point
        try:
            with limited(self.seconds):
                result = point.grad(**replaced(inputs, {}))
            return read_gradients(result, point.covers or point.wrt, inputs)
        except (Exception, SystemExit, TooLong):  # whatever an edited function ends with: it is no mend
            return None

    def run(self, hopeful: Callable[[Vector], bool] | None = None) -> Vector | None:
        """The observables of the gradient as it stands now; None if it fails.

        ``hopeful`` sees those of refuted parameters at the first point; if it says no, the other point is spared.
        """
        rows: list[float] = []
        right: list[float] = []
        sizes: list[float] = []
        right_sizes: list[float] = []
        for stage, here in zip(self.stages, self.directions, strict=True):
            found = self.gradient(stage.point.inputs)
            if found is None:
                return None
            for path, directions in here.items():
                values, scale = (rows, sizes) if path in self.wrong else (right, right_sizes)
                flat = _flat(found[path], np.shape(directions[0]))
                if flat is None and hopeful is None and path in self.wrong:
                    flat = np.zeros(np.size(directions[0]))  # the gradient as it is has another shape
                if flat is None:
                    return None
                for direction in directions:
                    along = np.asarray(direction, dtype=np.float64).ravel()
                    values.append(float(flat @ along))
                    if hopeful is None:
                        scale.append(float(np.abs(flat) @ np.abs(along)))
            if hopeful is not None and stage is self.stages[0] and not hopeful(np.array(rows)):
                return None
        vector = np.array(rows + right)
        if hopeful is None:
            self.sizes = np.array(sizes + right_sizes)
        return vector if np.all(np.isfinite(vector)) else None

    def touches(self, vector: Vector) -> tuple[bool, bool]:
        """Whether a run differs from the given gradient in a refuted parameter, and in a right one."""
        changed = np.abs(vector - self.base) > self.noise
        return bool(np.any(changed[self.wrong_rows])), bool(np.any(changed[self.right_rows]))

    def _rows_of(self, i: int) -> Vector:
        return np.asarray(self.wrong_rows[self.owner == i])

    def hits(self, rows: Vector) -> bool:
        """Whether observables of refuted parameters meet all of one parameter's targets, as far as they go."""
        n = len(rows)
        off = np.abs(self.target[:n] - rows) > self.slack[:n]
        return bool(np.any(np.bincount(self.owner[:n], off, len(self.wrong)) == 0))

    def match(self, vector: Vector) -> Match | None:
        """The parameters that a run makes right without making another one wrong."""
        off = np.abs(self.target - vector) > self.slack
        if np.any(off[self.right_rows]):
            return None
        solved = [path for i, path in enumerate(self.wrong) if not np.any(off[self._rows_of(i)])]
        return Match(tuple(solved)) if solved else None

    def fits(self, without: Vector, rows: Vector) -> bool:
        """Whether observables of refuted parameters allow one factor c, for one parameter at least."""
        n = len(rows)
        found = self._factors(without[:n], rows, np.arange(n), one=len(self.stages) > 1)
        return bool(found)

    def fit(self, without: Vector, once: Vector) -> list[Match]:
        """The factors c for which ``without + c·(once − without)`` meets the targets, of all parameters or of one.

        Stages of other sizes are left out: there a factor such as 1/m is another number.
        """
        right = self.right_rows[self.alike[self.right_rows]]
        if np.any(np.abs(once - without)[right] > self.noise[right]):
            return []
        return self._factors(without, once, self.wrong_rows[self.alike[self.wrong_rows]])

    def _factors(self, without: Vector, once: Vector, rows: Vector, one: bool = False) -> list[Match]:
        """``one``: a single equation may stand for a parameter, since further ones follow."""
        noise, owner, error = self.noise[rows], self.owner[rows], self.error[rows]
        d, e = (once - without)[rows] / noise, (self.target[rows] - without[rows]) / noise
        everything = np.ones(len(rows), dtype=bool)
        groups = [(tuple(self.wrong), everything)]
        if len(self.wrong) > 1:
            groups += [((path,), owner == i) for i, path in enumerate(self.wrong)]
        found: list[Match] = []
        for paths, chosen in groups:
            d_, e_ = d[chosen], e[chosen]
            square = float(d_ @ d_)
            if (len(d_) < 2 and not one) or square < 100:
                continue
            c = float(d_ @ e_) / square
            slack = 1e-6 * np.abs(error[chosen]) / noise[chosen] + 3 * (1 + abs(c))
            if np.all(np.abs(e_ - c * d_) <= slack):
                found.append(Match(paths, c))
                if len(paths) == len(self.wrong):
                    break
        return found


def _flat(value: Any, shape: tuple[int, ...]) -> Vector | None:
    """The entries of a gradient of that shape; None for anything else that an edited function may return."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array.ravel() if array.shape == shape else None


def _slope(point: Point, path: Path, direction: Any) -> float:
    for bits in (BITS, point.prec):
        try:
            return float(replace(point, prec=bits).derivative({path: direction}).slope)
        except Undecided:
            continue
    raise UnsupportedError("a comparison in the loss stays undecided")


def accepts(stages: Sequence[Stage], paths: Sequence[Path], rng: np.random.Generator) -> bool:
    """The last word: whether the gradient as it stands now is certified on balls, at every stage.

    That is asked of the parameters ``paths``, and of those that were right there before. On a tie that only the search
    made, what is right elsewhere may lie between the one-sided derivatives; somewhere it has to be certified.
    """
    certified: set[Path] = set()
    for stage in stages:
        wrt = [*paths, *(path for path in stage.right if path not in paths)]
        point = replace(stage.point, wrt=wrt, covers=stage.point.covers or stage.point.wrt)
        try:
            with limited(BALL_SECONDS):
                outcomes = check_point(point, rng, crosscheck=False)
        except (Exception, SystemExit, TooLong):  # whatever an edited function ends with: it is no mend
            return False
        here = {path for path, outcome in outcomes.items() if outcome.name == "certified"}
        if any(not (o.name == "refuted" and o.tied) for path, o in outcomes.items() if path not in here):
            return False
        certified |= here
    return certified >= set(paths)
