"""A part of an array: a slice is index arithmetic (``x[1 + 2*i]``), a gather keeps its array (``P[i, y[i]]``)."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import define
from ..equations.dims import broadcast_shapes, free_index, same_dim
from .array import Array, broadcast_index
from .grouping import grouped, joined
from .keys import full_key, integer_index, is_gather, is_whole, resolved, side_by_side, slice_of
from .picking import element_at


def taken(x: Array, key: Any) -> Array:
    """``x[key]`` as an array of its own, no view."""
    shape = x.definition.shape
    whole = _of_groups(x, full_key(key, len(shape), x))
    if whole is not None:
        return whole
    parts = resolved(full_key(key, len(shape), x), x)
    gathers = [p for p in parts if isinstance(p, Array)]
    gathered = broadcast_shapes(*(g.definition.shape for g in gathers), what="the index arrays") if gathers else ()
    # beside an index array an integer counts as one, too: that decides where the gathered axes go
    advanced = [isinstance(p, Array) or (bool(gathers) and p is not None and not isinstance(p, slice)) for p in parts]
    together = side_by_side(advanced)
    result_shape: list[Any] = list(gathered) if gathers and not together else []
    index: list[Any] = []
    block_at = 0
    axis, seen = 0, False
    for part, joins in zip(parts, advanced, strict=True):
        if joins and together and not seen:
            block_at = len(result_shape)
            result_shape.extend(gathered)
            seen = True
        if part is None:
            result_shape.append(sp.S.One)
            continue
        if isinstance(part, slice):
            start, length, step = slice_of(part, shape[axis], f"{x.name}[...]")
            index.append(start + step * (sp.S.Zero if length == 1 else free_index(len(result_shape))))
            result_shape.append(length)
        elif isinstance(part, Array):
            index.append(part)
        else:
            index.append(integer_index(part, shape[axis], x, axis))
        axis += 1
    block = [free_index(block_at + p) for p in range(len(gathered))]
    index = [
        part.element(*broadcast_index(part.definition.shape, gathered, block)) if isinstance(part, Array) else part
        for part in index
    ]
    words = x.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    if len(index) and index[-1] == free_index(len(result_shape) - 1) and len(result_shape) == len(shape):
        words |= x.definition.assumptions & {"one_hot", "simplex"}
    if _is_identity(x) and isinstance(parts[0], Array) and index[1] == free_index(len(result_shape) - 1):
        words |= {"one_hot"}  # np.eye(k)[y]
    return Array(define("t", tuple(result_shape), element_at(x, index), assumptions=frozenset(words)))


def _is_identity(x: Array) -> bool:
    square = len(x.definition.shape) == 2 and same_dim(*x.definition.shape)
    return square and x.definition.rhs == KroneckerDelta(free_index(0), free_index(1))


def _of_groups(x: Array, parts: list[Any]) -> Array | None:
    """The part of an array with joined axes, where those are taken whole."""
    known = grouped(x)
    if known is None or any(is_gather(p) for p in parts):
        return None
    key: list[Any] = []
    groups: list[int] = []
    counts = iter(known.groups)
    factors = iter(known.factors())
    for part in parts:
        count = 1 if part is None else next(counts)
        sizes = () if part is None else next(factors)
        if count > 1 and not is_whole(part):
            blocks = _blocks(part, sizes, x)
            if blocks is None:
                return None
            key += [blocks, *[slice(None)] * (count - 1)]
            groups.append(count if isinstance(blocks, slice) else count - 1)
            continue
        key += [part] * count
        if part is None or isinstance(part, slice):
            groups.append(count)
    return joined(known.inner[tuple(key)], groups)


def _blocks(part: Any, factors: tuple[Any, ...], x: Array) -> Any:
    """A slice of a joined axis as a number or a slice of its first factor: one gate of four, one head of several."""
    if not isinstance(part, slice) or part.step not in (None, 1):
        return None
    width = sp.Mul(*factors[1:])
    start, length, _ = slice_of(part, sp.expand(sp.Mul(*factors)), x.name)
    first, count = sp.cancel(start / width), sp.cancel(length / width)
    if not (first.is_Integer and count.is_Integer):
        return None
    return int(first) if count == 1 else slice(int(first), int(first + count))
