"""Elements in other places: triangles, windows, shifts, inserted rows, picks along an axis; running sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import define
from ..equations.dims import bound_index, full_range, own_index
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


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = float) -> Array:
    """Ones in the lower triangle."""
    return tril(full((N, N if M is None else M), 1), k)


def _triangle(x: Any, inside: Any, what: str) -> Array:
    a = as_array(x)
    if a.ndim < 2:
        raise UnsupportedError(f"{what} is supported for matrices and stacks of them")
    indices = list(own_index(a.definition.shape))
    condition = inside(indices[-2], indices[-1])
    element = sp.Piecewise((a.element(*indices), condition), (sp.S.Zero, True), evaluate=False)
    words = a.definition.assumptions & {"integer", "boolean"}
    return Array(define("t", a.definition.shape, element, assumptions=words), mutable=True)


def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Array:
    """``np.diff``: neighbours subtracted."""
    a = as_array(x)
    (axis,) = normalise_axes(axis, a.ndim, "np.diff")
    lead = [slice(None)] * axis
    ends = [_edge(part, a, axis) for part in (prepend, append)]
    if any(end is not None for end in ends):
        a = concatenate([part for part in (ends[0], a, ends[1]) if part is not None], axis)
    for _ in range(n):
        a = a[(*lead, slice(1, None))] - a[(*lead, slice(None, -1))]
    return a


def _edge(value: Any, a: Array, axis: int) -> Array | None:
    """What stands before or after an axis; a scalar stands for one place of it."""
    if value is np._NoValue or value is None:
        return None
    edge = as_array(value)
    if edge.ndim:
        return edge
    from .reshaping import broadcast_to

    shape = tuple(sp.S.One if p == axis else n for p, n in enumerate(a.definition.shape))
    return Array(broadcast_to(edge, shape).definition)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Array:
    """``np.ediff1d``: neighbours of the flattened array subtracted."""
    from .reshaping import reshape

    if to_end is not None or to_begin is not None:
        raise UnsupportedError("np.ediff1d with to_end or to_begin is not supported on symbolic arrays; use np.append")
    a = as_array(ary)
    return diff(a if a.ndim == 1 else Array(reshape(a, -1).definition))


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """``np.trapezoid``: the area under the line through the points."""
    from .reductions import sum_

    a = as_array(y)
    (axis,) = normalise_axes(axis, a.ndim, "np.trapezoid")
    lead = [slice(None)] * axis
    width: Any = dx
    if x is not None:
        along = as_array(x)
        width = diff(along, axis=axis if along.ndim == a.ndim else -1)
        if width.ndim == 1 and a.ndim > 1:
            width = width[(*lead[:0], slice(None), *[None] * (a.ndim - axis - 1))]
    return sum_(width * (a[(*lead, slice(1, None))] + a[(*lead, slice(None, -1))]) / 2, axis)


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """``np.gradient`` at even spacing: central differences, one-sided ones at the ends."""
    a = as_array(f)
    if edge_order != 1 or any(np.ndim(step) for step in varargs):
        raise UnsupportedError("np.gradient is supported at even spacing and with edge_order=1")
    axes = normalise_axes(axis, a.ndim, "np.gradient")
    steps = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1] * len(axes)
    found = [_slope(a, along, step) for along, step in zip(axes, steps, strict=True)]
    return found[0] if len(found) == 1 else found


def _slope(a: Array, axis: int, step: Any) -> Array:
    lead = [slice(None)] * axis

    def part(first: Any, last: Any) -> Array:
        return a[(*lead, slice(first, last))]  # type: ignore[no-any-return]

    inner = (part(2, None) - part(None, -2)) / (2 * as_array(step))
    ends = [(part(1, 2) - part(0, 1)) / as_array(step), (part(-1, None) - part(-2, -1)) / as_array(step)]
    return concatenate([ends[0], inner, ends[1]], axis)


def insert(x: Any, where: Any, values: Any, axis: Any = None) -> Array:
    """``np.insert`` of one row, column or plane (a column of ones for the bias, as a rule)."""
    a = as_array(x)
    if (axis is None and a.ndim != 1) or not isinstance(where, (int, np.integer)):
        raise UnsupportedError("np.insert is supported at one place along a named axis")
    (axis,) = normalise_axes(0 if axis is None else axis, a.ndim, "np.insert")
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


def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """``np.take``: a gather along an axis, or from the flattened array."""
    from .reshaping import reshape

    if out is not None or mode != "raise":
        raise UnsupportedError("np.take with out= or another mode than 'raise' is not supported on symbolic arrays")
    x = as_array(a)
    if axis is None:
        return (x if x.ndim == 1 else reshape(x, -1))[indices]
    (axis,) = normalise_axes(axis, x.ndim, "np.take")
    return x[(*[slice(None)] * axis, indices)]


def cumsum(x: Any, axis: Any = None, **kwargs: Any) -> Array:
    """``np.cumsum``: the sum over the elements up to each place."""
    from .reshaping import reshape

    a = as_array(x)
    if axis is None:
        a, axis = (a if a.ndim == 1 else Array(reshape(a, -1).definition)), 0
    (axis,) = normalise_axes(axis, a.ndim, "np.cumsum")
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
