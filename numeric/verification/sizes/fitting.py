"""Other sizes of a problem that its code admits, and at which it means what it means at the given ones.

Which axes are one is found by trial (:mod:`.axes`). Both functions have to run there in float64, every gradient keep
the shape of its parameter, every parameter matter that matters at the given sizes, and nothing be broadcast by chance.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import moved
from gradproof.numeric.verification.interfaces import Path, float_leaves, label, read_gradients, replaced
from gradproof.numeric.verification.plain_runs import USER_FAILURE, check_scalar, shape_fault
from gradproof.numeric.verification.sizes.axes import Axes, axes_by_trial, one_axis, other_shapes, resized, sizes_of
from gradproof.numeric.verification.sizes.convolutions import exchanges
from gradproof.numeric.verification.sizes.surplus import has_surplus

IDLE: Final = 3
"""So many values of a loss that are the same wherever a parameter is say that it has no part in it."""

OTHER_SHAPES: Final = "at other shapes"

Resized = tuple[dict[str, Any], dict[str, int]]
"""Inputs of other sizes, and the sizes that are new by the axes' names."""


class Fitting:
    """The other sizes of one problem; ``notes`` collects what is to be said of sizes at which the gradient fails."""

    def __init__(self, point: Point, rng: np.random.Generator, notes: list[str]) -> None:
        self.point = point
        self.rng = rng
        self.notes = notes
        self.wrt = set(point.covers or point.wrt)  # what is proved is a parameter still, and no row of data

    @cached_property
    def axes(self) -> Axes:
        """The labels of all axes of the inputs; those that have to agree carry one."""
        return axes_by_trial(self.point.inputs, self.wrt, self._runs_whole, self.rng)

    def others(self) -> Iterator[Resized]:
        """Inputs of other small sizes, all different."""
        return self._fitting(other_shapes(self.point.inputs, self.wrt, self.axes, self.rng))

    def one_axis(self, size: int | None = None) -> Iterator[Resized]:
        """Inputs with one axis of another size, longer than it is where no ``size`` is given."""
        return self._fitting(one_axis(self.point.inputs, self.wrt, self.axes, self.rng, size))

    def _fitting(self, candidates: Iterable[Resized]) -> Iterator[Resized]:
        for inputs, sizes in candidates:
            if self._runs(inputs, named(sizes)) and self._means_the_same(inputs):
                yield inputs, sizes

    def _means_the_same(self, inputs: Mapping[str, Any]) -> bool:
        if self._exchanges(inputs) and not self._exchanges(self.point.inputs):
            return False
        return self._idle(inputs) <= self._idle_here and self._free_axes(inputs) <= self._free_axes_here

    def _exchanges(self, inputs: Mapping[str, Any]) -> bool:
        return exchanges(lambda: self._loss_runs(inputs))

    @cached_property
    def _idle_here(self) -> set[Path]:
        return self._idle(self.point.inputs)

    @cached_property
    def _free_axes_here(self) -> set[Hashable]:
        return self._free_axes(self.point.inputs)

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
        sizes = sizes_of(inputs, self.axes)
        rng = np.random.default_rng(0)
        grown = {name: resized(inputs, self.wrt, self.axes, {**sizes, name: n + 1}, rng) for name, n in sizes.items()}
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
        return self._loss_runs(inputs) and not has_surplus(inputs, self.point.inputs, self.wrt, self._value)

    def _value(self, inputs: Mapping[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            result = self.point.loss(**replaced(inputs, {}))
        return np.asarray(result[0] if isinstance(result, (tuple, list)) else result).item()


def named(sizes: Mapping[str, int]) -> str:
    """``at other shapes (m = 3, n = 5)``."""
    return f"{OTHER_SHAPES} ({', '.join(f'{axis} = {new}' for axis, new in sizes.items())})"
