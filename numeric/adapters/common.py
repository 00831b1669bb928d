"""What both libraries share: a scalar loss from several outputs, and the stand-ins for a library while balls run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.balls import interception
from gradproof.numeric.balls.arrays import BallArray
from gradproof.numeric.balls.ball import NotOnBalls
from gradproof.numeric.balls.evaluate import evaluate_on_balls
from gradproof.numeric.verification.interfaces import cotangent, fitting
from gradproof.numeric.verification.report import Report
from gradproof.numeric.verification.verify import verify

Function = Callable[..., Any]


@dataclass(frozen=True)
class Run:
    """One forward pass: its differentiable outputs, and their cotangents' way back to a gradient for each input."""

    outputs: tuple[Any, ...]
    back: Callable[[Sequence[Any]], Mapping[str, Any]]


def checked(
    run: Callable[[Mapping[str, Any]], Run], inputs: Mapping[str, Any], names: Sequence[str], seed: int, move: bool
) -> Report:
    """Verify ⟨outputs, random cotangents⟩ against what comes back for the inputs in ``names``."""

    def cotangents(outputs: Sequence[Any]) -> list[Any]:
        given = [cotangent(np.shape(out), seed + 1 + i) for i, out in enumerate(outputs)]
        return [fitting(value, out, i) for i, (value, out) in enumerate(zip(given, outputs, strict=True))]

    def loss(**arguments: Any) -> Any:
        outputs = run(arguments).outputs
        total: Any = 0
        for out, value in zip(outputs, cotangents(outputs), strict=True):
            total = total + np.sum(out * value)
        return total

    def grad(**arguments: Any) -> Any:
        found = run(arguments)
        return dict(found.back(cotangents(found.outputs)))

    if not names:
        raise UsageError("there is no floating-point input to differentiate by; integer inputs are labels")
    different = _difference(loss, grad, inputs)
    if not different:
        return verify(loss, grad, inputs, names, seed=seed, move=move)

    def only_floats(function: Function) -> Function:
        def guarded(**arguments: Any) -> Any:
            if on_balls(arguments):
                raise NotOnBalls(different)
            return function(**arguments)

        return guarded

    return verify(only_floats(loss), only_floats(grad), inputs, names, seed=seed, move=move)


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


CLOSE: Final = 1e-7
"""The relative difference up to which a run on balls counts as the library's own run in float64."""


def _difference(loss: Function, grad: Function, inputs: Mapping[str, Any]) -> str:
    """Why the stand-ins cannot be trusted: on balls the code has other values than in the library's own arithmetic."""
    for function, what in ((loss, "output"), (grad, "gradient")):
        try:
            own = function(**mapped(_copied, inputs))
            exact = evaluate_on_balls(function, inputs)
        except (Exception, SystemExit):
            return ""  # the verification meets the same, and tells it
        pairs = zip(parts(own), parts(exact), strict=True)
        for mine, ball in pairs:
            one, two = np.asarray(mine, dtype=float), np.vectorize(float, otypes=[float])(ball)
            scale = max(float(np.max(np.abs(one), initial=0.0)), float(np.max(np.abs(two), initial=0.0)), 1e-300)
            if one.shape != two.shape or not np.max(np.abs(one - two), initial=0.0) <= CLOSE * scale:
                return f"its {what} is another one by NumPy's functions than by the library's own"
    return ""


def parts(value: Any) -> Iterator[Any]:
    """The leaves of a tree of dicts, lists and tuples, in order; None has none.

    >>> list(parts({"a": [1, 2], "b": None}))
    [1, 2]
    """
    if isinstance(value, Mapping):
        for part in value.values():
            yield from parts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from parts(part)
    elif value is not None:
        yield value


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The same tree with a function of each leaf."""
    if isinstance(value, Mapping):
        return {key: mapped(function, part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(function, part) for part in value) if type(value) in (list, tuple) else value
    return value if value is None else function(value)


def on_balls(values: Any) -> bool:
    """Whether the inputs of a run are balls."""
    return any(isinstance(part, BallArray) for part in parts(values))


def named(function: Function, inputs: Mapping[str, Any] | Sequence[Any], skip: int = 0) -> dict[str, Any]:
    """Inputs by the names of a function's arguments, leaving out the first ``skip``.

    Raises UsageError where there are more inputs than arguments.
    """
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if not isinstance(inputs, (list, tuple)):
        raise UsageError("inputs must be a list or tuple in the order of the arguments, or a dict by their names")
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    names = [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        names += [f"x{i}" for i in range(len(names), len(inputs))]
    if len(inputs) > len(names):
        raise UsageError(f"there are {len(inputs)} inputs for the arguments {', '.join(names) or '(none)'}")
    return dict(zip(names, inputs, strict=False))


class StandIn(ModuleType):
    """A module with some names replaced; the others are its own."""

    def __init__(self, original: ModuleType, names: Mapping[str, Any]) -> None:
        super().__init__(original.__name__)
        self.__dict__.update(names)
        self.__dict__["_original"] = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_original"], name)


@contextmanager
def standing_in(substitutes: Mapping[int, Any], methods: Mapping[str, Any]) -> Iterator[None]:
    """While balls run in this block, user code sees ``substitutes`` (by identity), and arrays have ``methods`` too."""
    before = dict(interception.EXTRA)
    old = {name: vars(BallArray).get(name) for name in methods}
    try:
        interception.EXTRA.update(substitutes)
        for name, method in methods.items():
            setattr(BallArray, name, method)
        yield
    finally:
        interception.EXTRA.clear()
        interception.EXTRA.update(before)
        for name, method in old.items():
            if method is None:
                delattr(BallArray, name)
            else:
                setattr(BallArray, name, method)
