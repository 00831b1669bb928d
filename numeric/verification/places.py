"""Where a gradient is held against its loss: the given inputs, moved ones, other shapes, and every region of the code.

A gradient that is right by accident at one point is wrong at another; one that confuses two equal sizes is wrong at
other sizes; one that is wrong only where a residual passes 50 is wrong there. Each place gives one outcome a parameter.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import process_time
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.checking import Outcome, check_point
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import moved, noise, shifted, whole
from gradproof.numeric.verification.interfaces import Path, leaves
from gradproof.numeric.verification.plain_runs import USER_FAILURE
from gradproof.numeric.verification.poles import Poles
from gradproof.numeric.verification.regions.exploration import Coverage, Exploration, Region, Unreached
from gradproof.numeric.verification.regions.larger import LARGER, SECONDS, SITES, entered
from gradproof.numeric.verification.regions.unrun import SIZES, Runs, words
from gradproof.numeric.verification.sizes.axes import Axes
from gradproof.numeric.verification.sizes.fitting import Fitting, named

GIVEN: Final = "at the given inputs"
MOVED: Final = "at parameters moved at random"
FAR: Final = "at parameters moved far"

LARGE: Final = 20_000
"""With more input entries than that the search works on a smaller problem, and one moved point is enough."""

SEARCH_EVALUATIONS: Final = (12, 360)
"""The least and the most evaluations of a search for regions; between them a number inverse to the inputs' size."""


@dataclass(frozen=True)
class Place:
    """One place, and what it says about each parameter."""

    name: str
    point: Point
    outcomes: Mapping[Path, Outcome]
    region: Region | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Journey:
    """All places of one verification; ``notes`` collects what could not be visited."""

    point: Point
    rng: np.random.Generator
    fitting: Fitting | None = None
    places: list[Place] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    coverage: Coverage | None = None

    def __post_init__(self) -> None:
        self.poles = Poles(self.point)

    @property
    def axes(self) -> Axes | None:
        """The labels of the axes of the inputs, where other shapes were looked for."""
        return None if self.fitting is None else self.fitting.axes

    def refuted_here(self) -> list[Path]:
        """The parameters that are wrong at the given inputs, with no tie to blame."""
        return [path for path, outcome in self.places[0].outcomes.items() if outcome.is_wrong]

    def given(self) -> None:
        """The given inputs; failures of user code on balls pass through."""
        self.places.append(Place(GIVEN, self.point, check_point(self.point, self.rng, crosscheck=True)))

    def further(self, paths: Sequence[Path]) -> None:
        """For some of the parameters: moved ones, other shapes, and the regions that none of these reaches."""
        self.point = replace(self.point, wrt=list(paths))
        for name, scale in ((MOVED, 0.5),) if self._is_large() else ((MOVED, 0.5), (FAR, 3.0)):
            inputs = moved(self.point.inputs, self.point.covers or self.point.wrt, self.rng, scale)
            self._visit(name, replace(self.point, inputs=inputs))
        self.fitting = fitting = Fitting(self.point, self.rng, self.notes)
        self._other_shapes(fitting)
        left = self._regions(fitting)
        if not self._all_wrong():
            if not self._is_large():
                self._longer(fitting)
            self._unrun(fitting, {missing.site.place for missing in left})

    def _is_large(self) -> bool:
        return sum(int(np.size(leaf)) for leaf in leaves(self.point.inputs).values()) > LARGE

    def _visit(self, name: str, point: Point, region: Region | None = None, sizes: Any = None) -> Place | None:
        try:
            found = check_point(point, self.rng, crosscheck=False)
            outcomes = {path: outcome.where_the_search_is() for path, outcome in found.items()}
            pole = self.poles.before(point.inputs) if any(o.is_wrong for o in outcomes.values()) else ""
        except GradproofError:
            raise
        except USER_FAILURE as error:
            self.notes.append(f"not checked {name}: {failure(error, point.loss, point.grad)}")
            return None
        if pole:
            note = f"beyond a pole of the loss, where the division at {pole} changes sign, nothing is held against it"
            self.notes += [note] if note not in self.notes else []
            return None
        place = Place(name, point, outcomes, region, sizes or {})
        self.places.append(place)
        return place

    # -- other shapes ------------------------------------------------------------------------------------------------
    def _other_shapes(self, fitting: Fitting) -> None:
        for inputs, sizes in fitting.others():
            if self._visit(named(sizes), replace(self.point, inputs=inputs), sizes=sizes) is not None:
                return

    def longer(self) -> Iterator[dict[str, Any]]:
        """Inputs with one axis longer than given, at which loss and gradient run as they stand now."""
        if self.fitting is not None and not self._is_large():
            yield from (inputs for inputs, _ in self.fitting.one_axis())

    def _longer(self, fitting: Fitting) -> None:
        """One axis at a time well longer than given: a loop that stops after four steps is right for four."""
        for inputs, sizes in fitting.one_axis():
            self._visit(named(sizes), replace(self.point, inputs=inputs), sizes=sizes)

    def _unrun(self, fitting: Fitting, known: Container[str]) -> None:
        """Branches that no place has taken, such as those on a size; ``known`` are the lines spoken of already."""
        runs = Runs((self.point.loss, self.point.grad))
        for place in self.places:
            if runs.add(place.point.inputs) and not runs.missing():
                return
        for size in () if self._is_large() else SIZES:
            for inputs, sizes in fitting.one_axis(size):
                if runs.add(inputs):
                    self._visit(named(sizes), replace(self.point, inputs=inputs), sizes=sizes)
        left = [branch for branch in runs.missing() if branch.place not in known]
        if left:
            self.notes.append(words(left))

    # -- regions -----------------------------------------------------------------------------------------------------
    def _regions(self, fitting: Fitting) -> list[Unreached]:
        """Visit every region of the code; those that were not reached at any size."""
        point = self.point
        if self._is_large():
            small = next(fitting.others(), None)
            if small is None:
                self.notes.append("the inputs are large and no smaller ones fit the code: branches were not searched")
                return []
            point = replace(point, inputs=small[0])
        size = sum(int(np.size(leaf)) for leaf in leaves(point.inputs).values())
        least, most = SEARCH_EVALUATIONS
        budget = max(least, min(most, 200_000 // max(size, 1)))
        others = [place.point.inputs for place in self.places if point is self.point and place.name != GIVEN]
        exploration = Exploration(point, self.rng, others, budget, self._loose(point))
        found: list[Region] = []
        for region in [] if self._all_wrong() else exploration:
            found.append(region)
            self._visit(region.condition, replace(point, inputs=region.inputs), region)
            if self._all_wrong():
                break
        self.coverage = exploration.coverage(found)
        if not self.coverage.complete:
            return []
        left = self._unreached(fitting, self.coverage.unreached)
        if left:
            self.notes.append(f"not reached, so not checked: {'; '.join(dict.fromkeys(map(str, left)))}")
        return left

    def _unreached(self, fitting: Fitting, missing: Sequence[Unreached]) -> list[Unreached]:
        """Enter at larger sizes what the given ones do not reach; what is left over.

        What comes to a tie and never beyond, as a ReLU compared with 0, does not at any size.
        """
        if self._is_large():
            return list(missing)
        left = [wanted for wanted in missing if not wanted.tied]
        loose = self._loose(self.point)
        until = process_time() + SECONDS
        for size, budget in LARGER.items():
            for inputs, sizes in fitting.one_axis(size) if left and process_time() < until else ():
                for wanted in left[:SITES]:
                    regions = list(entered(self.point, wanted, inputs, budget, self.rng, loose, until))
                    for region in regions:
                        point = replace(self.point, inputs=region.inputs)
                        self._visit(f"{wanted}, {named(sizes)}", point, region, sizes)
                    if regions:
                        left.remove(wanted)
        return [wanted for wanted in missing if wanted.tied or wanted in left]

    def _all_wrong(self) -> bool:
        """Whether every gradient is refuted at a place that says where it is wrong: no further region tells more."""
        telling = [place for place in self.places if place.name == GIVEN or place.region is not None or place.sizes]
        return all(any(place.outcomes[path].is_wrong for place in telling) for path in self.point.wrt)

    def _loose(self, point: Point) -> list[Path]:
        """Whole numbers among the data that may be moved: the gradient does not rest on their being whole."""
        loose: list[Path] = []
        for path in whole(point.inputs, self.point.covers or self.point.wrt):
            inputs = moved(shifted(point.inputs, noise(point.inputs, [path], self.rng), {}), point.wrt, self.rng, 0.5)
            try:
                outcomes = check_point(replace(point, inputs=inputs), self.rng, crosscheck=False)
            except USER_FAILURE:
                continue
            if all(outcome.name == "certified" for outcome in outcomes.values()):
                loose.append(path)
        return loose
