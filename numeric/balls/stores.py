"""NumPy's functions that write into an array of balls: a number that they store becomes a ball first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import asarray  # bound now: the attributes of numpy are replaced while user code runs

from gradproof.numeric.balls.arrays import balls_of, base, indices
from gradproof.numeric.balls.ball import NotOnBalls
from gradproof.numeric.balls.frames import user_line


def _target(a: Any) -> Any:
    plain = base(a)
    if plain.dtype.kind == "f":
        raise NotOnBalls(f"{user_line()}: exact values would be rounded into a buffer of {plain.dtype}")
    return plain


def _values(target: Any, values: Any) -> Any:
    return balls_of(values) if target.dtype == object else base(values)


def put(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    """``np.put``: values at flat indices, repeated as needed."""
    target = _target(a)
    np.put(target, indices(ind), _values(target, v), mode)


def place(arr: Any, mask: Any, vals: Any) -> None:
    """``np.place``: values in turn where a mask holds."""
    target = _target(arr)
    np.place(target, asarray(base(mask), dtype=bool), _values(target, vals))


def putmask(a: Any, mask: Any, values: Any) -> None:
    """``np.putmask``: values of the same place where a mask holds."""
    target = _target(a)
    np.putmask(target, asarray(base(mask), dtype=bool), _values(target, values))


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """``np.copyto``."""
    target = _target(dst)
    np.copyto(target, _values(target, src), where=base(where))


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """``np.fill_diagonal``."""
    target = _target(a)
    np.fill_diagonal(target, _values(target, val), wrap)


def put_along_axis(arr: Any, ind: Any, values: Any, axis: Any = -1) -> None:
    """``np.put_along_axis``."""
    target = _target(arr)
    np.put_along_axis(target, indices(ind), _values(target, values), axis)


def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """``np.nan_to_num``; an infinity stays one unless its substitute is given."""
    result = balls_of(x).copy().view(type(x)) if copy or not isinstance(x, np.ndarray) else x
    where = base(np.isnan(result))
    for test, number in ((where, nan), (result == np.inf, posinf), (result == -np.inf, neginf)):
        if number is not None and np.any(base(test)):
            result[base(test)] = number
    return result
