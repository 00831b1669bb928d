"""Where a gradient is held against its loss: the given inputs, moved ones, other shapes, and every region of the code.

A gradient that is right by accident at one point is wrong at another; one that confuses two equal sizes is wrong at
other sizes; one that is wrong only where a residual passes 50 is wrong there. Each place gives one outcome a parameter.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.checking import Outcome, check_point
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import moved, noise, shifted, whole
from gradproof.numeric.verification.interfaces import Path, float_leaves, label, leaves, read_gradients, replaced
from gradproof.numeric.verification.larger import SITES, entered, longer
from gradproof.numeric.verification.larger import SIZES as LARGER_SIZES
from gradproof.numeric.verification.plain_runs import USER_FAILURE, check_scalar, shape_fault
from gradproof.numeric.verification.poles import Poles
from gradproof.numeric.verification.regions import Coverage, Exploration, Region, Unreached
from gradproof.numeric.verification.shapes import Axes, axes_by_trial, other_shapes, resized
from gradproof.numeric.verification.surplus import has_surplus

GIVEN: Final = "at the given inputs"
MOVED: Final = "at parameters moved at random"
FAR: Final = "at parameters moved far"

LARGE: Final = 20_000
"""With more input entries than that the search works on a smaller problem, and one moved point is enough."""

IDLE: Final = 3
"""So many values of a loss that are the same wherever a parameter is say that it has no part in it."""

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
    axes: Axes | None = None
    places: list[Place] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    coverage: Coverage | None = None

    def __post_init__(self) -> None:
        self.poles = Poles(self.point)

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
        self._other_shapes()
        self._regions()
        self._longer()

    def _is_large(self) -> bool:
        return sum(int(np.size(leaf)) for leaf in leaves(self.point.inputs).values()) > LARGE

    def _visit(self, name: str, point: Point, region: Region | None = None, sizes: Any = None) -> Place | None:
        try:
            outcomes = check_point(point, self.rng, crosscheck=False)
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
    def _other_shapes(self) -> None:
        for inputs, sizes in self._runnable():
            point = replace(self.point, inputs=inputs)
            if self._visit(_named(sizes), point, sizes=sizes) is not None:
                return

    def _runnable(self) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
        """Inputs of other sizes on which both functions run in float64, and the gradients keep their shapes."""
        wrt = set(self.point.covers or self.point.wrt)  # what is proved is a parameter still, and no row of data
        if self.axes is None:
            self.axes = axes_by_trial(self.point.inputs, wrt, self._runs_whole, self.rng)
        for inputs, sizes in other_shapes(self.point.inputs, wrt, self.axes, self.rng):
            if self._makes_sense(inputs, sizes):
                yield inputs, sizes

    def _makes_sense(self, inputs: dict[str, Any], sizes: Mapping[str, int]) -> bool:
        """Whether both functions run at other sizes, and mean there what they mean at the given ones."""
        given = self.point.inputs
        if not self._runs(inputs, _named(sizes)) or not self._idle(inputs) <= self._idle(given):
            return False
        return self._free_axes(inputs) <= self._free_axes(given)

    def _longer(self) -> None:
        """One axis at a time well longer than given: a loop that stops after four steps is right for four."""
        if self._is_large() or self._all_wrong():
            return
        for inputs, sizes in self._larger():
            self._visit(_named(sizes), replace(self.point, inputs=inputs), sizes=sizes)

    def longer(self) -> Iterator[dict[str, Any]]:
        """Inputs with one axis longer than given, at which loss and gradient run as they stand now."""
        if self.axes is not None and not self._is_large():
            yield from (inputs for inputs, _ in self._larger())

    def _larger(self, size: int | None = None) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
        assert self.axes is not None
        wrt = set(self.point.covers or self.point.wrt)
        for inputs, sizes in longer(self.point.inputs, wrt, self.axes, self.rng, size):
            if self._makes_sense(inputs, sizes):
                yield inputs, sizes

    def _idle(self, inputs: Mapping[str, Any]) -> set[Path]:
        """The parameters that the loss does not depend on, however far they move. Sizes at which there are more of them
        make no sense: a filter that is larger than its image leaves the output as it was made.
        """
        rng = np.random.default_rng(0)

        def values(path: Path) -> set[Any]:
            return {self._value(moved(inputs, [path], rng, 3.0)) for _ in range(IDLE)}

        try:
            return {path for path in self.point.wrt if len(values(path)) == 1}
        except USER_FAILURE:
            return set()

    def _free_axes(self, inputs: Mapping[str, Any]) -> set[Hashable]:
        """The axes that can grow by one alone. One that cannot at the given inputs and can at others meets a computed
        size of 1 there, and is broadcast: a target of length 2 for a convolution of length 1 makes no sense.
        """
        assert self.axes is not None
        sizes: dict[Hashable, int] = {}
        for path, leaf in leaves(inputs).items():
            for name, n in zip(self.axes.get(path, ()), np.shape(leaf), strict=False):
                sizes.setdefault(name, n)
        rng, wrt = np.random.default_rng(0), set(self.point.covers or self.point.wrt)
        grown = {name: resized(inputs, wrt, self.axes, {**sizes, name: n + 1}, rng) for name, n in sizes.items()}
        return {name for name, other in grown.items() if self._loss_runs(other)}

    def _runs(self, inputs: dict[str, Any], name: str) -> bool:
        """Whether both functions run there; a gradient of another shape than its parameter is a fault."""
        if not self._loss_runs(inputs):
            return False
        try:
            with np.errstate(all="ignore"):
                result = self.point.grad(**replaced(inputs, {}))
            claimed = read_gradients(result, self.point.covers or self.point.wrt, inputs)
        except USER_FAILURE as error:
            if not any("the gradient fails" in note for note in self.notes):
                self.notes.append(f"the loss runs {name}, the gradient fails: {failure(error, self.point.grad)}")
            return False
        floats = float_leaves(inputs)
        wrong = [label(path) for path in self.point.wrt if shape_fault(path, claimed[path], floats[path])]
        if wrong and not any("keeps a fixed shape" in note for note in self.notes):
            # right at the given shapes, with sizes written into the code: worth a word, and no fault there
            self.notes.append(f"{name}, the gradient keeps a fixed shape for {', '.join(wrong)}")
        return not wrong

    def _loss_runs(self, inputs: Mapping[str, Any]) -> bool:
        try:
            with np.errstate(all="ignore"):
                check_scalar(self.point.loss(**replaced(inputs, {})))
        except USER_FAILURE:
            return False  # sizes that the code does not admit
        return True

    def _runs_whole(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the loss runs, and leaves out no rows that it does not leave out at the given inputs."""
        wrt = set(self.point.covers or self.point.wrt)
        return self._loss_runs(inputs) and not has_surplus(inputs, self.point.inputs, wrt, self._value)

    def _value(self, inputs: Mapping[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            result = self.point.loss(**replaced(inputs, {}))
        return np.asarray(result[0] if isinstance(result, (tuple, list)) else result).item()

    # -- regions -----------------------------------------------------------------------------------------------------
    def _regions(self) -> None:
        point = self.point
        if self._is_large():
            small = next(self._runnable(), None)
            if small is None:
                self.notes.append("the inputs are large and no smaller ones fit the code: branches were not searched")
                return
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
        if self.coverage.unreached and self.coverage.complete:
            left = self._unreached(self.coverage.unreached)
            if left:
                self.notes.append(f"not reached, so not checked: {'; '.join(dict.fromkeys(map(str, left)))}")

    def _unreached(self, missing: Sequence[Unreached]) -> list[Unreached]:
        """Enter at larger sizes what the given ones do not reach; what is left over."""
        left = list(missing)
        if self._is_large():
            return left
        loose = self._loose(self.point)
        for size, budget in LARGER_SIZES.items():
            for inputs, sizes in self._larger(size) if left else ():
                for wanted in left[:SITES]:
                    regions = list(entered(self.point, wanted, inputs, budget, self.rng, loose))
                    for region in regions:
                        point = replace(self.point, inputs=region.inputs)
                        self._visit(f"{wanted}, {_named(sizes)}", point, region, sizes)
                    if regions:
                        left.remove(wanted)
        return left

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


def _named(sizes: Mapping[str, int]) -> str:
    """``at other shapes (m = 3, n = 5)``."""
    return f"at other shapes ({', '.join(f'{axis} = {new}' for axis, new in sizes.items())})"
