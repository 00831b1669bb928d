"""The plain float64 run that comes first: can the functions be called so, and do they return what they must?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.interfaces import Path, label, leaves, replaced
from gradproof.numeric.verification.report import Finding
from gradproof.verdicts import Verdict

Function = Callable[..., Any]

REAL: Final = "fiubO"
"""The kinds of types that hold real numbers; objects are looked at as they come."""

USER_FAILURE: Final = (Exception, SystemExit)
"""What user code can end with; its own ``sys.exit(0)`` would otherwise pass for the exit code of ``certified``."""


def argument_names(function: Function, count: int) -> list[str]:
    """The names of a function's first arguments; x0, x1, ... where they cannot be known."""
    try:
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else [f"x{i}" for i in range(count)]


def checked_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the inputs; a UsageError where they are not arrays of finite numbers by name."""
    if not isinstance(inputs, Mapping) or not inputs or not all(isinstance(name, str) for name in inputs):
        raise UsageError('inputs must be a dict of arrays by argument name, as in inputs={"X": X0, "W": W0}')
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, (np.ndarray, float, np.floating)) and np.asarray(leaf).dtype.kind == "f":
            if not np.all(np.isfinite(leaf)):
                raise UsageError(f"the input {label(path)} holds NaN or infinity; give finite numbers")
        elif isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "iubfUS":
            raise UsageError(f"the input {label(path)} has dtype {leaf.dtype}; it must be float, int or bool")
    return dict(replaced(inputs, {}))


def check_options(seed: Any, prec: Any, budget: Any) -> None:
    """A UsageError where an option of a verification is no number that it can be."""
    for name, value, least in (("seed", seed, 0), ("prec", prec, 64)):
        if not isinstance(value, (int, np.integer)) or value < least:
            raise UsageError(f"{name}={value!r} must be an integer of at least {least}")
    if not isinstance(budget, (int, float, np.number)) or not budget >= 0:
        raise UsageError(f"budget={budget!r} must be a number of seconds, 0 or more")


def check_signature(function: Function, role: str, inputs: Mapping[str, Any] | Sequence[str]) -> None:
    """A UsageError unless the function can be called with these inputs by name, or with a sequence of them by place."""
    if not callable(function):
        raise UsageError(f"{role} must be a function, and is a {type(function).__name__}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**inputs) if isinstance(inputs, Mapping) else signature.bind(*inputs)
    except TypeError as error:
        names = ", ".join(signature.parameters)
        raise UsageError(f"{role}({names}) cannot be called with the inputs {', '.join(inputs)}: {error}") from error


def plain_run(function: Function, role: str, inputs: Mapping[str, Any], origin: Function | None = None) -> Any:
    """The function in float64 on copies of the inputs; its failure is a UsageError with the line."""
    try:
        with np.errstate(all="ignore"):
            return function(**replaced(inputs, {}))
    except GradproofError:
        raise
    except USER_FAILURE as error:
        raise UsageError(f"{role} fails on the given inputs: {failure(error, origin or function)}") from error


def check_sizes(paths: Sequence[Path], inputs: Mapping[str, Any]) -> None:
    """A UsageError where a parameter has no entries."""
    floats = leaves(inputs)
    for path in paths:
        if not np.size(floats[path]):
            what = f"the input {label(path)} has no entries, since its shape is {np.shape(floats[path])}"
            raise UsageError(f"{what}: give at least one along every axis, or leave it out with wrt")


def check_scalar(value: Any) -> None:
    """A UsageError unless the loss is one real number."""
    if isinstance(value, (tuple, list)) and value:
        value = value[0]
    if value is None or np.size(value) != 1:
        what = "None" if value is None else f"an array of shape {np.shape(value)}"
        raise UsageError(f"the loss must return one number, and returned {what}")
    if isinstance(value, (str, bytes)) or np.asarray(value).dtype.kind not in REAL:
        raise UsageError(f"the loss must return one real number, and returned {_kind(value)}")


def check_real(claimed: Mapping[Path, Any]) -> None:
    """A UsageError where a gradient is no array of real numbers."""
    for path, value in claimed.items():
        try:
            kind = "f" if value is None else np.asarray(value).dtype.kind
        except ValueError as error:
            raise UsageError(f"the gradient of {label(path)} is a list of rows of unequal lengths") from error
        if kind not in REAL:
            raise UsageError(f"the gradient of {label(path)} must be an array of real numbers, and is {_kind(value)}")


def _kind(value: Any) -> str:
    array = np.asarray(value)
    return f"an array of {array.dtype}" if array.ndim else f"of type {type(value).__name__}"


@contextmanager
def empties_alike() -> Iterator[None]:
    """``np.empty`` gives zeros, for code that returns what was in memory before: it is the same in every run then."""
    before = np.empty, np.empty_like
    vars(np).update(empty=np.zeros, empty_like=np.zeros_like)
    try:
        yield
    finally:
        vars(np).update(empty=before[0], empty_like=before[1])


def changed(first: Any, second: Any, role: str) -> str:
    """The reason, if two runs on the same inputs differ."""
    one, two = leaves(first), leaves(second)
    for path, value in one.items():
        if isinstance(value, (np.ndarray, np.generic, float)) and not np.array_equal(
            np.asarray(value), np.asarray(two.get(path)), equal_nan=np.asarray(value).dtype.kind == "f"
        ):
            return f"the {role} is not deterministic: two runs on the same inputs differ; fix its random seed inside it"
    return ""


def shape_fault(path: Path, claimed: Any, parameter: Any) -> Finding | None:
    """A finding if a gradient has another shape than its parameter, or is not there."""
    if claimed is None:
        verdict = Verdict("unknown", f"the gradient of {label(path)} was returned as None; leave it out with wrt")
        return Finding(label(path), verdict, shape=np.shape(parameter))
    got, expected = np.shape(claimed), np.shape(parameter)
    if got == expected:
        return None
    if got == expected[::-1]:
        words = f"transposed: it has shape {got}, and the parameter {expected}"
    elif np.size(claimed) == np.size(parameter):
        words = f"wrong shape: {got} instead of {expected}; a reshape or keepdims is missing or too many"
    elif len(got) > len(expected):
        words = f"wrong shape: {got} instead of {expected}; a sum over an axis is missing"
    else:
        words = f"wrong shape: {got} instead of {expected}; it is summed over the wrong axis, or over one too many"
    verdict = Verdict("refuted", "the gradient has another shape than the parameter")
    return Finding(label(path), verdict, words, shape=expected)
