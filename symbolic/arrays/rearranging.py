"""Elements in other places: triangles, windows, shifts, inserted rows, picks along an axis; running sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import define
from ..equations.dims import as_dim, bound_index, free_index, full_range, own_index
from ..equations.nodes import Sum
from .array import Array, as_array
from .joining import concatenate, full
from .reductions import normalise_axes


def tril(x: Any, k: int = 0) -> Array:
    """The lower triangle: entries with ``column <= row + k``, and zeros."""
    return _triangle(x, lambda row, column: column <= row + int(k), "np.tril")


def triu(x: Any, k: int = 0) -> Array:
    """The upper triangle: entries with ``column >= row + k``, and zeros."""
    return _triangle(x, lambda row, column: column >= row + int(k), "np.triu")


def tri(n: Any, m: Any = None, k: int = 0, dtype: Any = float) -> Array:
    """Ones in the lower triangle."""
    return tril(full((n, n if m is None else m), 1), k)


def _triangle(x: Any, inside: Any, what: str) -> Array:
    a = as_array(x)
    if a.ndim < 2:
        raise UnsupportedError(f"{what} is supported for matrices and stacks of them")
    indices = list(own_index(a.definition.shape))
    condition = inside(indices[-2], indices[-1])
    element = sp.Piecewise((a.element(*indices), condition), (sp.S.Zero, True), evaluate=False)
    words = a.definition.assumptions & {"integer", "boolean"}
    return Array(define("t", a.definition.shape, element, assumptions=words), mutable=True)


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Array:
    """``np.lib.stride_tricks.sliding_window_view``: ``v[..., i, ..., j] = x[..., i + j, ...]``."""
    a = as_array(x)
    sizes = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = tuple(range(a.ndim)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    axes = tuple(normalise_axes(one, a.ndim, "sliding_window_view")[0] for one in axes)
    if len(axes) != len(sizes):
        raise ShapeError(f"sliding_window_view: {len(sizes)} window sizes for {len(axes)} axes")
    widths = [as_dim(n, "sliding_window_view") for n in sizes]
    shape = list(a.definition.shape)
    index: list[Any] = [free_index(p) for p in range(a.ndim)]
    for position, (where, width) in enumerate(zip(axes, widths, strict=True)):
        shape[where] = sp.expand(shape[where] - width + 1)
        index[where] = index[where] + free_index(a.ndim + position)
    whole = (*shape, *widths)
    ones = {free_index(p): sp.S.Zero for p, n in enumerate(whole) if n == 1}
    return Array(define("t", whole, a.element(*(i.xreplace(ones) for i in index))), mutable=False, contiguous=False)


def roll(x: Any, shift: Any, axis: Any = None) -> Array:
    """``np.roll`` along one axis by a number of places."""
    a = as_array(x)
    if axis is None and a.ndim != 1:
        raise UnsupportedError("np.roll without an axis flattens the array; name an axis")
    (axis,) = normalise_axes(0 if axis is None else axis, a.ndim, "np.roll")
    if not shift:
        return a
    lead = [slice(None)] * axis
    return concatenate([a[(*lead, slice(-shift, None))], a[(*lead, slice(None, -shift))]], axis)


def diff(x: Any, n: int = 1, axis: int = -1) -> Array:
    """``np.diff``: neighbours subtracted."""
    a = as_array(x)
    (axis,) = normalise_axes(axis, a.ndim, "np.diff")
    lead = [slice(None)] * axis
    for _ in range(n):
        a = a[(*lead, slice(1, None))] - a[(*lead, slice(None, -1))]
    return a


def insert(x: Any, where: Any, values: Any, axis: Any = None) -> Array:
    """``np.insert`` of one row, column or plane (a column of ones for the bias, as a rule)."""
    a = as_array(x)
    if axis is None or not isinstance(where, (int, np.integer)):
        raise UnsupportedError("np.insert is supported at one place along a named axis")
    (axis,) = normalise_axes(axis, a.ndim, "np.insert")
    shape = tuple(n for p, n in enumerate(a.definition.shape) if p != axis)
    from .reshaping import broadcast_to

    new = broadcast_to(values, shape)[(*[slice(None)] * axis, None)]
    lead = [slice(None)] * axis
    parts = [a[(*lead, slice(None, where))]] if where else []
    rest = [a[(*lead, slice(where, None))]] if where == 0 or not same_end(a, axis, where) else []
    return concatenate([*parts, new, *rest], axis)


def same_end(a: Array, axis: int, where: Any) -> bool:
    """Whether a place along an axis is its end."""
    return bool(a.definition.shape[axis] == where)


def append(x: Any, values: Any, axis: Any = None) -> Array:
    """``np.append``: a concatenation; without an axis of the flattened arrays."""
    from .reshaping import reshape

    parts = [as_array(x), as_array(values)]
    if axis is None:
        return concatenate([p if p.ndim == 1 else reshape(p, -1) for p in parts], 0)
    return concatenate(parts, axis)


def take(x: Any, indices: Any, axis: Any = None, **kwargs: Any) -> Any:
    """``np.take`` along an axis: a gather."""
    a = as_array(x)
    if axis is None and a.ndim != 1:
        raise UnsupportedError("np.take without an axis flattens the array; name an axis")
    (axis,) = normalise_axes(0 if axis is None else axis, a.ndim, "np.take")
    return a[(*[slice(None)] * axis, indices)]


def cumsum(x: Any, axis: Any = None, **kwargs: Any) -> Array:
    """``np.cumsum``: the sum over the elements up to each place."""
    a = as_array(x)
    if axis is None and a.ndim != 1:
        raise UnsupportedError("np.cumsum without an axis flattens the array; name an axis")
    (axis,) = normalise_axes(0 if axis is None else axis, a.ndim, "np.cumsum")
    shape = a.definition.shape
    if shape[axis] == 1:
        return Array(a.definition)
    k = bound_index(0)
    index = list(own_index(shape))
    upto = index[axis]
    index[axis] = k
    _, first, last = full_range(k, shape[axis])
    inside = sp.Piecewise((a.element(*index), k <= upto), (sp.S.Zero, True), evaluate=False)
    return Array(define("t", shape, Sum(inside, (k, first, last))))
