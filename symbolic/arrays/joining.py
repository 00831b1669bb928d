"""Putting arrays together: constants, ranges, concatenation, stacking, splitting, padding, repetition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import define
from ..equations.dims import as_dim, fits, free_index, same_dim, show_shape
from ..equations.numbers import exact
from ..equations.questions import respondent
from .array import Array, as_array
from .reductions import normalise_axes


def _sizes(shape: Any, where: str) -> tuple[Any, ...]:
    return tuple(as_dim(n, where) for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))


def full(shape: Any, value: Any, **kwargs: Any) -> Array:
    """An array of one value."""
    element = value.element() if isinstance(value, Array) else exact(value)
    return Array(define("t", _sizes(shape, "np.full"), element))


def full_like(x: Any, value: Any, **kwargs: Any) -> Array:
    shape = kwargs.get("shape")
    return full(as_array(x).definition.shape if shape is None else shape, value)


def zeros_like(x: Any, **kwargs: Any) -> Array:
    return full_like(x, 0, **kwargs)


def ones_like(x: Any, **kwargs: Any) -> Array:
    return full_like(x, 1, **kwargs)


def arange(*bounds: Any, **kwargs: Any) -> Array:
    """``np.arange`` with symbolic bounds and an integer step."""
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    first, last, stride = (sp.sympify(v, strict=True) for v in (start, stop, step))
    if stride != 1:
        raise UnsupportedError("np.arange with a symbolic bound is supported with step 1")
    size = as_dim(sp.expand(last - first), "np.arange")
    return Array(define("t", (size,), first + free_index(0), assumptions=frozenset({"integer"})))


class SymbolicRange:
    """``range(m)``: all places along an axis where it is an index, numbers where it is looped over."""

    def __init__(self, *bounds: Any) -> None:
        self.bounds = bounds

    def array(self) -> Array:
        """The integers as an array."""
        return arange(*self.bounds)

    def numbers(self) -> range:
        """The same with numbers for its bounds."""
        who = respondent()
        if who is None:
            raise UnsupportedError(f"range{self.bounds} is looped over; give its size as a number")
        return range(*(who.number(bound) for bound in self.bounds))

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers())

    def __reversed__(self) -> Iterator[int]:
        return reversed(self.numbers())

    def __len__(self) -> int:
        return len(self.numbers())

    def __getitem__(self, key: Any) -> Any:
        return self.numbers()[key]

    def __contains__(self, value: object) -> bool:
        return value in self.numbers()


def from_nested(value: Any) -> Array:
    """An array from nested lists or an object array whose entries are symbolic scalars or numbers."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        return as_array(value)
    if _are_truths(value):
        return as_array(np.asarray(value))
    return stack([from_nested(entry) for entry in value])


def _are_truths(value: Any) -> bool:
    """Whether nested lists hold plain truth values, and at least one."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_are_truths, value))
    return isinstance(value, (bool, np.bool_))


def concatenate(arrays: Sequence[Any], axis: Any = 0, **kwargs: Any) -> Array:
    """``np.concatenate``: piecewise along the axis; the sizes may be symbolic."""
    parts = [as_array(x) for x in arrays]
    if axis is None:
        raise UnsupportedError("np.concatenate(axis=None) flattens; name an axis")
    rank = parts[0].ndim
    (axis,) = normalise_axes(axis, rank, "np.concatenate")
    shapes = [p.definition.shape for p in parts]
    for other in shapes[1:]:
        pairs = enumerate(zip(other, shapes[0], strict=False))
        if len(other) != rank or any(a != axis and not fits(p, q) for a, (p, q) in pairs):
            shown = f"{show_shape(shapes[0])} and {show_shape(other)}"
            raise ShapeError(f"concatenate: {shown} do not fit along axis {axis}")
    width = shapes[0][axis]
    if len(parts) > 1 and not width.is_number and all(same_dim(s[axis], width) for s in shapes):
        return _of_blocks(parts, axis)
    total = sp.expand(sp.Add(*(s[axis] for s in shapes)))
    shape = tuple(total if a == axis else n for a, n in enumerate(shapes[0]))
    indices = [free_index(a) for a in range(rank)]
    branches: list[Any] = []
    offset: Any = sp.S.Zero
    for part, own in zip(parts, shapes, strict=True):
        index = [indices[a] - offset if a == axis else indices[a] for a in range(rank)]
        index = [sp.S.Zero if n == 1 else i for i, n in zip(index, own, strict=True)]
        offset = sp.expand(offset + own[axis])
        branches.append((part.element(*index), indices[axis] < offset))
    branches[-1] = (branches[-1][0], True)
    element = sp.Piecewise(*branches, evaluate=False) if len(branches) > 1 else branches[0][0]
    whole = frozenset.intersection(*(p.definition.assumptions for p in parts)) & {"integer", "boolean"}
    in_order = rank < 2 or all(p.contiguous for p in parts)
    return Array(define("t", shape, element, assumptions=whole), contiguous=in_order)


def _of_blocks(parts: list[Array], axis: int) -> Array:
    """Parts of one width: the axis is made of their number and that width (four gates side by side)."""
    from .grouping import joined

    lead = [slice(None)] * axis
    stacked = concatenate([Array(p.definition)[(*lead, None)] for p in parts], axis)
    return joined(stacked, [2 if p == axis else 1 for p in range(parts[0].ndim)])


def stack(arrays: Sequence[Any], axis: int = 0, **kwargs: Any) -> Array:
    """``np.stack`` of arrays of one shape along a new axis."""
    parts = [as_array(x) for x in arrays]
    (place,) = normalise_axes(axis, parts[0].ndim + 1, "np.stack")
    return concatenate([p[(*[slice(None)] * place, None)] for p in parts], place)


def hstack(arrays: Sequence[Any], **kwargs: Any) -> Array:
    return concatenate(arrays, 0 if as_array(arrays[0]).ndim == 1 else 1)


def vstack(arrays: Sequence[Any], **kwargs: Any) -> Array:
    return concatenate([x if as_array(x).ndim > 1 else as_array(x)[None] for x in arrays], 0)


def column_stack(arrays: Sequence[Any], **kwargs: Any) -> Array:
    return concatenate([x if as_array(x).ndim > 1 else as_array(x)[:, None] for x in arrays], 1)


def split(x: Any, sections: Any, axis: int = 0) -> list[Array]:
    """``np.split`` into a number of parts or at given indices."""
    a = as_array(x)
    (axis,) = normalise_axes(axis, a.ndim, "np.split")
    size = a.definition.shape[axis]
    if isinstance(sections, (int, np.integer)):
        who = respondent()
        width = size / int(sections) if who is None else sp.sympify(who.quotient(size, int(sections)), strict=True)
        if not width.is_integer:
            raise ShapeError(f"split: the size {size} is not known to divide into {sections} equal parts")
        cuts = [width * p for p in range(1, int(sections))]
    else:
        cuts = list(sections)
    edges = [0, *cuts, size]
    lead = [slice(None)] * axis
    return [a[(*lead, slice(edges[p], edges[p + 1]))] for p in range(len(edges) - 1)]


def array_split(x: Any, sections: Any, axis: int = 0) -> list[Array]:
    """``np.array_split``: parts of nearly equal sizes, the longer ones first, along an axis of numeric size."""
    a = as_array(x)
    (axis,) = normalise_axes(axis, a.ndim, "np.array_split")
    size = a.definition.shape[axis]
    if not isinstance(sections, (int, np.integer)) or not size.is_Integer:
        return split(a, sections, axis)
    short, longer = divmod(int(size), int(sections))
    if not short:
        raise UnsupportedError(f"np.array_split of {size} elements into {sections} parts leaves empty ones")
    widths = [short + 1] * longer + [short] * (int(sections) - longer)
    return split(a, [sum(widths[:k]) for k in range(1, len(widths))], axis)


def repeat(x: Any, repeats: Any, axis: Any = None) -> Array:
    """``np.repeat``: every element of an axis so many times (``i // r`` in the index of a longer axis)."""
    from .reshaping import broadcast_to, reshape

    a = as_array(x)
    if isinstance(repeats, (list, tuple, np.ndarray)) and np.size(repeats) != 1:
        if axis is None:
            a, axis = a if a.ndim == 1 else Array(reshape(a, -1).definition), 0
        counts = np.repeat(np.arange(np.size(repeats)), repeats)
        (axis,) = normalise_axes(axis, a.ndim, "np.repeat")
        if not fits(a.definition.shape[axis], sp.Integer(np.size(repeats))):
            raise ShapeError("np.repeat: as many numbers as places along the axis are needed")
        return Array(a[(*[slice(None)] * axis, counts)].definition)
    if isinstance(repeats, (list, tuple, np.ndarray)):
        repeats = int(np.asarray(repeats).item())
    if axis is None:
        a, axis = a if a.ndim == 1 else reshape(a, -1), 0
    (axis,) = normalise_axes(axis, a.ndim, "np.repeat")
    times, shape = as_dim(repeats, "np.repeat"), list(a.definition.shape)
    spread = broadcast_to(a[(*[slice(None)] * (axis + 1), None)], (*shape[: axis + 1], times, *shape[axis + 1 :]))
    shape[axis] = sp.expand(shape[axis] * times)
    return Array(reshape(spread, tuple(shape)).definition)


def tile(x: Any, reps: Any) -> Array:
    """``np.tile``: the whole array so many times along each axis."""
    from .reshaping import broadcast_to, reshape

    a = as_array(x)
    counts = [as_dim(r, "np.tile") for r in (reps if isinstance(reps, (tuple, list)) else [reps])]
    counts = [sp.S.One] * (a.ndim - len(counts)) + counts
    own = [sp.S.One] * (len(counts) - a.ndim) + list(a.definition.shape)
    inner = reshape(a, tuple(own)) if len(own) > a.ndim else a
    alternating = [part for pair in zip(counts, own, strict=True) for part in pair]
    spread = broadcast_to(inner[tuple(part for _ in own for part in (None, slice(None)))], tuple(alternating))
    shape = tuple(sp.expand(n * r) for n, r in zip(own, counts, strict=True))
    return Array(reshape(spread, shape).definition)
