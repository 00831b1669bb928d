"""Run any NumPy function, unmodified, on arrays of balls: the entry of ball arithmetic."""

from __future__ import annotations

import copy
import inspect
import random
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy import asarray, empty

from gradproof.errors import UnsupportedError
from gradproof.numeric.balls.arrays import BallArray, balls_of, exact
from gradproof.numeric.balls.ball import Ball, NotOnBalls, Run, Undecided, running
from gradproof.numeric.balls.frames import is_machinery
from gradproof.numeric.balls.interception import intercepted

PRECISION: Final = 1024
"""The working precision in bits: some 308 decimal digits."""

GENERATORS: Final = (np.random.Generator, np.random.RandomState, random.Random)
"""Sources of random numbers, which a run advances."""


def has_floats(value: Any) -> bool:
    """Whether an input holds real numbers, and so enters a run as balls; integers and booleans stay what they are."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind == "f"
    if isinstance(value, (list, tuple)):
        return any(has_floats(part) for part in value)
    return isinstance(value, float)


def is_branch(value: Any) -> bool:
    """Whether an input holds further inputs: a dict, or a list or tuple of arrays, dicts or lists.

    Rows of numbers of one length are none: they are one array.

    >>> is_branch([[1.0, 2.0], [3.0, 4.0]]), is_branch([[1.0, 2.0], [3.0]]), is_branch([np.ones(2)])
    (False, True, True)
    """
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, (list, tuple)) or _rows(value) is not None:
        return False
    return any(isinstance(part, (np.ndarray, Mapping, list, tuple)) for part in value)


def _rows(value: Any) -> tuple[int, ...] | None:
    """The shape of numbers, or of lists of lists of them; None for anything else."""
    if isinstance(value, (int, float, np.number)):
        return ()
    if not isinstance(value, (list, tuple)):
        return None
    shapes = {_rows(part) for part in value}
    shape = shapes.pop() if len(shapes) == 1 else None
    return None if shape is None else (len(value), *shape)


def duplicate(value: Any) -> Any:
    """An array or a source of random numbers once more, for a run writes into them or advances them; else the value."""
    if isinstance(value, np.ndarray):
        return value.copy()
    return copy.deepcopy(value) if isinstance(value, GENERATORS) else value


def prepared(value: Any, tangent: Any = None) -> Any:
    """A fresh copy of an input: floats as exact balls (with tangents), everything else copied as it is.

    Dicts, lists and tuples keep their structure; ``tangent`` has the same structure, with None where there is none.
    """
    if isinstance(value, Mapping):
        return {k: prepared(v, None if tangent is None else tangent.get(k)) for k, v in value.items()}
    if is_branch(value):
        parts = [prepared(v, None if tangent is None else tangent[i]) for i, v in enumerate(value)]
        return type(value)(parts) if type(value) in (list, tuple) else tuple(parts)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return balls_of(value).copy().view(BallArray)
    return exact(value, tangent) if has_floats(value) else duplicate(value)


def on_balls(function: Callable[..., Any], arguments: Mapping[str, Any], run: Run, prec: int, *also: Any) -> Any:
    """``function(**arguments)`` with creation intercepted; arguments are prepared, the raw result is returned.

    ``also`` are further functions whose modules are user code. Exceptions of the user's code pass through. Code that
    writes into a float buffer of its own runs again, with its buffers exchanged for balls, and so from then on.
    """
    code = getattr(function, "__code__", None)

    def attempt(values: Mapping[str, Any], buffers: bool) -> Any:
        with running(run, prec), intercepted(function, *also, buffers=buffers), np.errstate(all="ignore"):
            return function(**values)

    if code in _buffered:
        return attempt(arguments, True)
    try:
        return attempt(copied(arguments), False)
    except NotOnBalls as refusal:
        try:
            result = attempt(arguments, True)
        except (NotOnBalls, TypeError, ValueError):
            raise refusal from None
    if code is not None:
        _buffered.add(code)
    return result


_buffered: Final[set[Any]] = set()
"""The code of functions that were found to write into float buffers of their own."""


def copied(value: Any) -> Any:
    """Prepared arguments once more, for user code may write into them."""
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)([copied(v) for v in value])
    return duplicate(value)


def evaluate_on_balls(function: Callable[..., Any], inputs: Mapping[str, Any], prec: int = PRECISION) -> Any:
    """Any NumPy function's result on exact balls: object arrays of ``flint.arb`` (an arb where it is a scalar).

    ``inputs`` are float arrays, taken as exact dyadic rationals, integers, booleans, object arrays of arb or of
    fractions, or dicts of these, by the function's argument names. A tuple, list or dict of results keeps its form.

    Raises UnsupportedError, with the line, where the function cannot run on balls or a comparison cannot be decided.

    >>> def norm(x):
    ...     return np.sqrt(np.sum(x**2))
    >>> evaluate_on_balls(norm, {"x": np.array([3.0, 4.0])}).contains(5)
    True
    """
    try:
        result = on_balls(function, {name: prepared(value) for name, value in inputs.items()}, Run(), prec)
    except (NotOnBalls, Undecided) as error:
        raise UnsupportedError(f"{error}") from error
    return values(result)


def values(result: Any) -> Any:
    """A result of user code as arbs: an arb for a scalar, object arrays for arrays, dicts and tuples by their parts."""
    if isinstance(result, Mapping):
        return {name: values(part) for name, part in result.items()}
    if isinstance(result, (tuple, list)):
        return type(result)([values(part) for part in result])
    if isinstance(result, Ball):
        return result.v
    plain = balls_of(result)
    if plain.ndim == 0:
        element: Any = plain[()]
        return element.v
    out = empty(plain.shape, dtype=object)
    out.reshape(-1)[:] = [x.v for x in plain.reshape(-1)] if plain.size else []
    return asarray(out)


def failure(error: BaseException, *functions: Callable[..., Any]) -> str:
    """One line for an exception in user code: where, what, and the message."""
    files = {code.co_filename for f in functions if (code := getattr(inspect.unwrap(f), "__code__", None))}
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if not is_machinery(frame.filename)]
    users = [frame for frame in outside if frame.filename in files] or outside[-1:]
    place = f"{users[-1].filename.rsplit('/', 1)[-1]}:{users[-1].lineno}: " if users else ""
    text = " ".join(str(error).split())
    if isinstance(error, (NotOnBalls, Undecided)):
        return text
    return f"{place}{type(error).__name__}: {text}"
