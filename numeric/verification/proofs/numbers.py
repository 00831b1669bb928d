"""Numbers beside a proof: what was traced is held against a plain run, and claimed against derived before any proof.

Neither can make a gradient ``proved``. The first keeps a fault of the tracer from doing so; the second saves the work
of trying to prove what is plainly false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.verification.interfaces import Path, label

if TYPE_CHECKING:
    from gradproof.symbolic.arrays.array import Array

UNLIKE = "the traced equations do not give the {} that the code gives at the inputs"
DIFFERENT = "claimed and derived differ at moved parameters"


class Numbers:
    """The values of symbolic arrays at given inputs, by one generated function if there can be one for all of them."""

    def __init__(self, arrays: Sequence[Array]) -> None:
        self._arrays = list(arrays)
        self._made: dict[tuple[int, ...], Callable[[Mapping[str, Any], Mapping[Any, int]], list[Any]]] = {}

    def at(self, given: Mapping[str, Any], sizes: Mapping[Any, int]) -> list[Any]:
        """The values, in the order of the arrays; an error stands for what cannot be computed."""
        places = range(len(self._arrays))
        try:
            return self._run((*places,), given, sizes)
        except GradproofError:
            return [self._alone(place, given, sizes) for place in places]

    def _alone(self, place: int, given: Mapping[str, Any], sizes: Mapping[Any, int]) -> Any:
        try:
            return self._run((place,), given, sizes)[0]
        except GradproofError as error:
            return error

    def _run(self, places: tuple[int, ...], given: Mapping[str, Any], sizes: Mapping[Any, int]) -> list[Any]:
        if places not in self._made:
            self._made[places] = _compiled([self._arrays[place] for place in places])
        return self._made[places](given, sizes)


def _compiled(arrays: list[Array]) -> Callable[[Mapping[str, Any], Mapping[Any, int]], list[Any]]:
    from gradproof.codegen.compile import compile as compiled
    from gradproof.symbolic.equations.definition import System

    system = System.of(*(a.definition for a in arrays))
    shown = {size for d in system.inputs for size in d.shape}
    function = compiled(arrays)

    def run(given: Mapping[str, Any], sizes: Mapping[Any, int]) -> list[Any]:
        at = {d.name: given[d.name] for d in system.inputs if d.value is None}
        # a size that the function reads off another one, as n off n + 1, is none of its arguments
        at |= {str(n): sizes[n] for n in system.dimensions if n not in shown and str(n) in function.parameters}
        return [np.asarray(value, float) for value in function(**at)]

    return run


def unlike(arrays: Mapping[Path, Array], found: Sequence[Any], plain: Mapping[Path, Any]) -> dict[Path, str]:
    """By path, why a traced array (the loss has the empty path) cannot be relied on."""
    faults: dict[Path, str] = {}
    for (path, _), value in zip(arrays.items(), found, strict=True):
        if isinstance(value, GradproofError):
            faults[path] = f"the traced equations could not be held against a run of the code: {value}"
        elif not alike(value, np.asarray(plain[path], float)):
            faults[path] = UNLIKE.format(f"gradient of {label(path)}" if path else "loss")
    return faults


def alike(value: Any, expected: Any) -> bool:
    """Equal but for rounding; what is not finite (an overflow of the plain run) says nothing."""
    if value.size != expected.size:
        return False
    one, other = value.reshape(-1), expected.reshape(-1)
    finite = np.isfinite(other) & np.isfinite(one)
    scale = 1e-3 + np.max(np.abs(other[finite]), initial=0.0)
    return bool(np.all(np.abs(one - other)[finite] <= 1e-6 * scale))


def moved(inputs: Mapping[str, Any], parameters: Sequence[str]) -> dict[str, Any]:
    """Parameters moved a little, off any corner that they sit on; everything else as it is."""
    rng = np.random.default_rng(0)
    result = dict(inputs)
    for name in parameters:
        value = np.asarray(inputs[name], float)
        step = 0.1 * (1 + np.abs(value)) * rng.uniform(0.1, 1.0, size=value.shape)
        result[name] = value + np.where(value < 0, -step, step)
    return result
