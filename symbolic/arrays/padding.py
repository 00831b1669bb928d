"""Edges and turns of arrays: padding by its modes, shifts around the ends, rotations, blocks, deleted places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.questions import respondent
from .array import Array, as_array
from .joining import concatenate, full
from .reductions import normalise_axes


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Array:
    """``np.pad`` by constants, by the edge, by reflection, or around the ends."""
    result = as_array(array)
    constants = kwargs.pop("constant_values", 0)
    if not isinstance(mode, str) or mode not in _EDGES or kwargs.pop("reflect_type", "even") != "even" or kwargs:
        known = ", ".join(sorted(_EDGES))
        raise UnsupportedError(f"np.pad with mode {mode!r} is not supported on symbolic arrays; there are {known}")
    fills = np.broadcast_to(np.asarray(constants, dtype=object), (result.ndim, 2))
    widths = np.broadcast_to(np.asarray(pad_width, dtype=object), (result.ndim, 2))
    for axis in range(result.ndim):
        before, after = map(_width, widths[axis])
        if before == 0 and after == 0:
            continue
        first, last = _EDGES[mode](result, axis, before, after, tuple(fills[axis]))
        result = concatenate([*first, Array(result.definition), *last], axis)
    return result


def _width(value: Any) -> Any:
    """How many places; a symbolic number that is not known to be one or more has to be a number."""
    if isinstance(value, Array):
        value = value.element()
    if isinstance(value, sp.Expr) and not value.is_Integer:
        who = respondent()
        if value.is_positive or who is None:
            return value
        return who.number(value)
    if int(value) < 0:
        raise ShapeError(f"np.pad: {value} is no width; it must not be negative")
    return int(value)


_Sides = tuple[list[Array], list[Array]]


def _constant(x: Array, axis: int, before: Any, after: Any, fills: tuple[Any, Any]) -> _Sides:
    sides: list[list[Array]] = []
    for count, fill in zip((before, after), fills, strict=True):
        shape = list(x.definition.shape)
        shape[axis] = sp.sympify(count, strict=True)
        sides.append([full(tuple(shape), fill)] if count != 0 else [])
    return sides[0], sides[1]


def _edge(x: Array, axis: int, before: Any, after: Any, fills: Any) -> _Sides:
    from .reshaping import broadcast_to

    sides: list[list[Array]] = []
    for count, part in ((before, slice(None, 1)), (after, slice(-1, None))):
        shape = list(x.definition.shape)
        shape[axis] = sp.sympify(count, strict=True)
        one = _part(x, axis, part)
        sides.append([Array(broadcast_to(one, tuple(shape)).definition)] if count != 0 else [])
    return sides[0], sides[1]


def _mirrored(offset: int) -> Callable[..., _Sides]:
    """Reflection with the edge left out (offset 1), or repeated (offset 0)."""

    def sides(x: Array, axis: int, before: Any, after: Any, fills: Any) -> _Sides:
        size = x.definition.shape[axis]
        for count in (before, after):
            _reach(count, size - offset, "a reflection")
        first = _turned(_part(x, axis, slice(offset, before + offset)), axis) if before != 0 else None
        last = _turned(_part(x, axis, slice(size - after - offset, size - offset)), axis) if after != 0 else None
        return [first] if first is not None else [], [last] if last is not None else []

    return sides


def _wrapped(x: Array, axis: int, before: Any, after: Any, fills: Any) -> _Sides:
    size = x.definition.shape[axis]
    for count in (before, after):
        _reach(count, size, "a wrapped edge")
    first = [_part(x, axis, slice(size - before, None))] if before != 0 else []
    return first, [_part(x, axis, slice(None, after))] if after != 0 else []


def _reach(count: Any, most: Any, what: str) -> None:
    """NumPy goes over the array more than once where the width is larger; that is refused."""
    who = respondent()
    missing = sp.expand(most - count)
    if missing.is_negative:
        raise UnsupportedError(f"np.pad: {what} of {count} places needs an axis of at least that many")
    if who is not None:
        who.at_most(sp.sympify(count, strict=True), most)


def _part(x: Array, axis: int, part: slice) -> Array:
    return Array(x[(*[slice(None)] * axis, part)].definition)


def _turned(x: Array, axis: int) -> Array:
    return _part(x, axis, slice(None, None, -1))


_EDGES: dict[str, Callable[..., _Sides]] = {
    "constant": _constant, "edge": _edge, "reflect": _mirrored(1), "symmetric": _mirrored(0), "wrap": _wrapped,
}  # fmt: skip
"""What stands before and after an axis, by the mode of ``np.pad``."""


def roll(a: Any, shift: Any, axis: Any = None) -> Array:
    """``np.roll``: along one axis, along several, or through the flattened array."""
    from .reshaping import reshape

    x = as_array(a)
    if axis is None:
        flat = _rolled(x if x.ndim == 1 else Array(reshape(x, -1).definition), shift, 0)
        return flat if x.ndim == 1 else reshape(flat, x.definition.shape)
    many = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(many)
    if len(shifts) not in (1, len(many)):
        raise ShapeError("np.roll: as many shifts as axes are needed")
    for one, along in zip(shifts if len(shifts) == len(many) else shifts * len(many), many, strict=True):
        x = _rolled(x, one, normalise_axes(along, x.ndim, "np.roll")[0])
    return x


def _rolled(x: Array, shift: Any, axis: int) -> Array:
    size = x.definition.shape[axis]
    places = shift if isinstance(shift, sp.Expr) else int(shift)
    if size.is_Integer and isinstance(places, int):
        places %= int(size)
    if places == 0:
        return Array(x.definition)
    return concatenate([_part(x, axis, slice(-places, None)), _part(x, axis, slice(None, -places))], axis)


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """``np.rot90``: a quarter turn so many times, from the first axis to the second."""
    from .products import swapaxes

    x = as_array(m)
    first, second = (normalise_axes(p, x.ndim, "np.rot90")[0] for p in axes)
    for _ in range(k % 4):
        x = _turned(Array(swapaxes(x, first, second).definition), first)
    return x


def block(arrays: Any) -> Array:
    """``np.block``: nested lists, the innermost joined along the last axis."""

    def depth_of(value: Any) -> int:
        return 1 + max(map(depth_of, value)) if isinstance(value, list) else 0

    def rank_of(value: Any) -> int:
        return max(map(rank_of, value)) if isinstance(value, list) else as_array(value).ndim

    depth = depth_of(arrays)
    rank = max(depth, rank_of(arrays))

    def made(value: Any, level: int) -> Array:
        if not isinstance(value, list):
            one = as_array(value)
            return one[(None,) * (rank - one.ndim)] if one.ndim < rank else one
        return concatenate([made(part, level + 1) for part in value], rank - (depth - level))

    return made(arrays, 0)


def delete(arr: Any, obj: Any, axis: Any = None) -> Array:
    """``np.delete`` of places that are numbers, along an axis."""
    from .keys import integer_index
    from .reshaping import reshape

    x = as_array(arr)
    if axis is None:
        x, axis = (x if x.ndim == 1 else Array(reshape(x, -1).definition)), 0
    (axis,) = normalise_axes(axis, x.ndim, "np.delete")
    size = x.definition.shape[axis]
    if isinstance(obj, slice):
        if not size.is_Integer:
            raise UnsupportedError("np.delete of a slice of an axis of symbolic size; concatenate the rest")
        obj = np.arange(int(size))[obj]
    if isinstance(obj, (Array, sp.Expr)) and not isinstance(obj, sp.Integer):
        raise UnsupportedError("np.delete at symbolic places is not supported; give them as numbers")
    places = np.atleast_1d(np.asarray(obj))
    if places.dtype == bool:
        places = np.flatnonzero(places)
    if size.is_Integer:
        kept = np.delete(np.arange(int(size)), places)
        return Array(x[(*[slice(None)] * axis, kept)].definition)
    if (places < 0).any() and (places >= 0).any():
        raise UnsupportedError("np.delete at places from both ends of an axis of symbolic size; use one end")
    cuts = [integer_index(int(p), size, x, axis) for p in sorted(set(places.tolist()))]
    edges: list[tuple[Any, Any]] = []
    start: Any = sp.S.Zero
    for cut in cuts:
        edges.append((start, cut))
        start = cut + 1
    parts = [_part(x, axis, slice(a, b)) for a, b in [*edges, (start, size)] if sp.expand(b - a) != 0]
    return concatenate(parts, axis)


def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Array:
    """``np.compress`` by a condition of plain truth values."""
    from .reshaping import reshape

    if isinstance(condition, Array) or out is not None:
        raise UnsupportedError("np.compress by a symbolic condition has a size that depends on the data; use np.where")
    x = as_array(a)
    if axis is None:
        x, axis = (x if x.ndim == 1 else Array(reshape(x, -1).definition)), 0
    (axis,) = normalise_axes(axis, x.ndim, "np.compress")
    return Array(x[(*[slice(None)] * axis, np.flatnonzero(np.asarray(condition)))].definition)


def dstack(tup: Sequence[Any], **kwargs: Any) -> Array:
    """``np.dstack``: along the third axis."""
    return concatenate([atleast_3d(x) for x in tup], 2)


def atleast_3d(x: Any) -> Array:
    """``np.atleast_3d`` of one array."""
    a = as_array(x)
    keys: dict[int, Any] = {0: (None, None, None), 1: (None, slice(None), None), 2: (slice(None), slice(None), None)}
    return a[keys[a.ndim]] if a.ndim < 3 else a
