"""Float runs that sort candidates out: what passes here is checked on balls afterwards, what fails is dropped.

The gradient is seen through *observables*: ⟨g, V⟩ for each parameter, along a direction or two, at the point of the
fault and at a moved one. A refuted parameter's observable has a target, the derived slope; a right one's must stay as
it is. An edit with an unknown factor c changes them affinely where the code is linear in the edited term, as backward
passes are; one run then gives c for all of them, and all of them must agree on it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.balls.ball import Undecided, precision
from gradproof.numeric.verification.diagnose import Fault
from gradproof.numeric.verification.directional import Point, compare, contract, moved, random_direction
from gradproof.numeric.verification.interfaces import Arrays, Path, float_leaves, read_gradients, replaced

BITS: Final = 640
"""Precision of slopes that are compared with floats; below 512 bits exact ties would count as undecided."""

SEPARATE: Final = 8
"""Up to so many refuted parameters have directions of their own; more share one."""

Vector = np.ndarray[Any, Any]


class TooLong(BaseException):
    """A candidate that does not end; not an Exception, so that user code does not catch it."""


@dataclass(frozen=True)
class Place:
    """Inputs, and the directions along which each parameter's gradient is seen there."""

    inputs: Any
    directions: dict[Path, list[Any]]


@dataclass(frozen=True)
class Match:
    """What a candidate solves: the parameters, and the factor it needs (1 where it has none)."""

    paths: tuple[Path, ...]
    factor: float = 1.0


class Scout:
    """The observables of one point's faults, and candidates measured by them."""

    def __init__(self, faults: Sequence[Fault], elsewhere: Sequence[Path], rng: np.random.Generator) -> None:
        point = faults[0].point
        self.point = point
        self.wrong = [fault.path for fault in faults]
        self.right = [path for path in point.wrt if path not in self.wrong and path not in elsewhere]
        self.runs = 0
        self.deadline: float | None = None
        for fault in faults:
            while len(fault.known) < (2 if fault.claimed.size > 1 else 1):
                fault.add_direction(fault.random_direction())
        here = Place(point.inputs, {f.path: [v for v, _ in f.known[:2]] for f in faults})
        there = Place(moved(point.inputs, point.wrt, rng, 0.5), self.directions_in(self.wrong, point.inputs, rng, 1))
        slopes: list[float] = [float(d.slope) for f in faults for _, d in f.known[:2]]
        balls = [float(f.along(f.claimed, v)[0]) for f in faults for v, _ in f.known[:2]]
        places = [here]
        try:
            slopes += [self._slope(there, path) for path in self.wrong]
            places.append(there)
        except (GradproofError, Exception) as error:  # user code at another point
            if isinstance(error, KeyboardInterrupt):
                raise
            self.note = str(error)
        for i, place in enumerate(places):
            places[i] = replace(place, directions=place.directions | self.directions_in(self.right, point.inputs, rng, 1))
        self.places = places
        base = self.run()
        if base is None:
            raise GradproofError("the gradient does not run in plain floats any more")
        self.base = base
        self.rows = [(place, path) for place in self.places for path in self.wrong for _ in place.directions[path]]
        self.owner = np.array([self.wrong.index(path) for _, path in self.rows])
        count = len(slopes)
        self.target = base.copy()
        self.target[:count] = slopes
        size = np.maximum(self.sizes, np.abs(self.target))
        size[size == 0] = max(float(np.max(size)), 1e-300)
        drift = np.abs(base[: len(balls)] - balls) / size[: len(balls)]
        self.noise = size * max(1e-14, 10 * float(np.max(drift)))
        self.error = self.target - base
        self.slack = 1e-6 * np.abs(self.error) + 3 * self.noise
        self.wrong_rows = np.arange(count)
        self.right_rows = np.arange(count, len(base))

    def directions_in(
        self, paths: Sequence[Path], inputs: Any, rng: np.random.Generator, count: int
    ) -> dict[Path, list[Any]]:
        """Random directions in some parameters."""
        shapes = {path: np.shape(leaf) for path, leaf in float_leaves(inputs).items()}
        return {path: [random_direction(shapes[path], rng) for _ in range(count)] for path in paths}

    def _slope(self, place: Place, path: Path) -> float:
        for bits in (BITS, self.point.prec):
            try:
                point = replace(self.point, inputs=place.inputs, prec=bits)
                return float(point.derivative({path: place.directions[path][0]}).slope)
            except Undecided:
                continue
        raise GradproofError("a comparison in the loss stays undecided at the moved point")

    def gradient(self, inputs: Any) -> Arrays | None:
        """The gradient in floats as it stands now, or None if it fails or has wrong shapes."""
        self.runs += 1
        self.deadline = time.monotonic() + 2.0
        point = self.point
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
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
        for place in self.places:
            found = self.gradient(place.inputs)
            if found is None:
                return None
            for paths, values, scale in ((self.wrong, rows, sizes), (self.right, right, right_sizes)):
                for path in paths:
                    for direction in place.directions[path]:
                        array = found[path]
                        if np.shape(array) != np.shape(direction):
                            return None
                        try:
                            flat = np.asarray(array, dtype=np.float64).ravel()
                        except (TypeError, ValueError):
                            return None
                        along = np.asarray(direction, dtype=np.float64).ravel()
                        values.append(float(flat @ along))
                        if hopeful is None:
                            scale.append(float(np.abs(flat) @ np.abs(along)))
            if hopeful is not None and place is self.places[0] and len(self.places) > 1:
                if not hopeful(np.array(rows)):
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
        return self.wrong_rows[self.owner == i]

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
        found = self._factors(without[:n], rows, np.arange(n), one=len(self.places) > 1)
        return bool(found)

    def fit(self, without: Vector, once: Vector) -> list[Match]:
        """The factors c for which ``without + c·(once − without)`` meets the targets, of all parameters or of one."""
        right = self.right_rows
        if np.any(np.abs(once - without)[right] > self.noise[right]):
            return []
        return self._factors(without, once, self.wrong_rows)

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


@dataclass(frozen=True)
class Judge:
    """The last word: a mended gradient on balls, at the fault's point and at a moved one, in all parameters at once."""

    point: Point
    faults: Sequence[Fault]
    place: Place
    direction: Arrays

    def accepts(self, paths: Sequence[Path], right: Sequence[Path]) -> bool:
        """Whether the gradient as it stands now is certified in these parameters, and still is in the right ones."""
        try:
            gradients, _ = self.point.gradients()
            with precision(self.point.prec):
                for fault in self.faults:
                    if fault.path not in paths:
                        continue
                    for direction, derived in fault.known:
                        if np.shape(gradients[fault.path]) != np.shape(direction):
                            return False
                        claimed, size = contract(gradients, {fault.path: direction})
                        found = compare(claimed, size, derived, self.point.widened, self.point.prec)
                        if found.name != "certified":
                            return False
            for path in right:
                if not all((a.v - b.v).contains(0) for a, b in self._pairs(gradients, path)):
                    return False
            return self._elsewhere([*paths, *right])
        except (Exception, SystemExit, TooLong):  # an edited function that fails on balls is no mend
            return False

    def _pairs(self, gradients: Arrays, path: Path) -> Any:
        given = np.asarray(self.faults[0].gradients[path], dtype=object).ravel()
        return zip(np.asarray(gradients[path], dtype=object).ravel(), given, strict=True)

    def _elsewhere(self, paths: Sequence[Path]) -> bool:
        there = replace(self.point, inputs=self.place.inputs, wrt=list(paths), covers=self.point.covers or self.point.wrt)
        gradients, _ = there.gradients()
        direction = {path: self.direction[path] for path in paths}
        derived = there.derivative(direction)
        with precision(there.prec):
            claimed, size = contract(gradients, direction)
        return compare(claimed, size, derived, there.widened, there.prec).name == "certified"
