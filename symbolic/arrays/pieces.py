"""Values put together from pieces by conditions: select, piecewise, choose, and stores where a mask holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradproof.errors import ShapeError, UnsupportedError

from .array import Array, as_array
from .selecting import where


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Array:
    """``np.select``: the choice of the first condition that holds."""
    if len(condlist) != len(choicelist):
        raise ShapeError("np.select: as many choices as conditions are needed")
    result = as_array(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(condition, choice, result)
    return result


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
    """``np.piecewise``: where several conditions hold the last one counts; without a default it is 0 elsewhere."""
    a = as_array(x)
    several = isinstance(condlist, (list, tuple))
    masks = [as_array(c) for c in (condlist if several else [condlist])]
    functions = list(funclist)
    if len(functions) == len(masks) + 1:
        default = functions.pop()
    elif len(functions) == len(masks):
        default = 0
    else:
        raise ShapeError(f"np.piecewise: {len(masks)} conditions need {len(masks)} or {len(masks) + 1} functions")

    def value(function: Any) -> Any:
        return function(a, *args, **kw) if callable(function) else function

    result = as_array(value(default))
    for mask, function in zip(masks, functions, strict=True):
        result = where(mask, value(function), result)
    return _as_wide(result, a)


def _as_wide(result: Array, like: Array) -> Array:
    from .reshaping import broadcast_to

    return result if result.ndim == like.ndim else Array(broadcast_to(result, like.definition.shape).definition)


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Array:
    """``np.choose``: the choice by the number that an array of places gives."""
    if mode != "raise" or out is not None:
        raise UnsupportedError("np.choose with out= or another mode than 'raise' is not supported on symbolic arrays")
    parts = list(choices)
    place = a if isinstance(a, Array) else as_array(np.asarray(a))
    result = as_array(parts[-1])
    for number in reversed(range(len(parts) - 1)):
        result = where(place == number, parts[number], result)
    return result


def _target(x: Any, what: str) -> Array:
    if not isinstance(x, Array):
        raise UnsupportedError(f"{what} stores a symbolic value into a NumPy array of floats; make it symbolic first")
    return x


def copyto(dst: Any, src: Any, casting: Any = None, where: Any = True) -> None:
    """``np.copyto``: a store into the whole array, or where a mask holds."""
    target = _target(dst, "np.copyto")
    target[...] = src if where is True else _where(where, src, target)


def putmask(a: Any, mask: Any, values: Any) -> None:
    """``np.putmask``: a store where a mask holds, of a scalar or of an array of the same shape."""
    target, value = _target(a, "np.putmask"), as_array(values)
    if value.ndim and value.ndim != target.ndim:
        raise UnsupportedError("np.putmask repeats values of another shape; give a scalar or one of the same shape")
    target[...] = where(mask, value, target)


def place(arr: Any, mask: Any, vals: Any) -> None:
    """``np.place``: a store of one value where a mask holds; more values would be dealt out by the data."""
    target, value = _target(arr, "np.place"), as_array(vals)
    if value.size != 1:
        raise UnsupportedError("np.place deals out several values by the data; give one, or use np.where")
    target[...] = where(mask, value[(0,) * value.ndim] if value.ndim else value, target)


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Array:
    """``np.nan_to_num``: the array itself, since the entries are real numbers."""
    a = as_array(x)
    return Array(a.definition) if copy else a


_where: Callable[..., Array] = where
