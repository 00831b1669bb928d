"""Masks as indices: ``x[mask]`` as a selection, stores where a mask holds, and what a store may keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import define
from ..equations.dims import fits, show_shape
from ..equations.whole import is_whole
from .array import Array, as_array


@dataclass(frozen=True, slots=True, eq=False)
class MaskPlaces:
    """One of the index arrays of ``np.nonzero(mask)``: the places where the mask holds, along one of its axes.

    Its length depends on the data; as an index, all of them together are the mask itself.
    """

    mask: Array
    axis: int

    @property
    def size(self) -> Array:
        """How many places there are."""
        from .reductions import sum_

        return sum_(self.mask)

    @property
    def shape(self) -> tuple[Array]:
        return (self.size,)

    @property
    def ndim(self) -> int:
        return 1


def nonzero(x: Any) -> tuple[MaskPlaces, ...]:
    """``np.nonzero`` and ``np.where(mask)``: places that serve as an index."""
    a = as_array(x)
    mask = a if "boolean" in a.definition.assumptions else a != 0
    if not a.ndim:
        raise UnsupportedError("np.nonzero of a number has no symbolic form")
    return tuple(MaskPlaces(Array(mask.definition), axis) for axis in range(a.ndim))


def flatnonzero(x: Any) -> MaskPlaces:
    """``np.flatnonzero`` of a vector; of more axes the places are those of the flattened array."""
    from .reshaping import reshape

    a = as_array(x)
    return nonzero(a if a.ndim == 1 else Array(reshape(a, -1).definition))[0]


def argwhere(x: Any) -> MaskPlaces:
    """``np.argwhere`` of a vector, whose places serve as an index."""
    if as_array(x).ndim != 1:
        raise UnsupportedError("np.argwhere of more than one axis gives rows of indices; np.nonzero gives an index")
    return nonzero(x)[0]


def masks_in(key: Any) -> Any:
    """An index with the mask in place of the index arrays that ``np.nonzero`` made of it."""
    if isinstance(key, list) and key and all(isinstance(part, (bool, np.bool_)) for part in key):
        return np.array(key)
    if isinstance(key, MaskPlaces):
        key = (key,)
    if not isinstance(key, tuple):
        return key
    key = tuple(masks_in(part) if isinstance(part, list) else part for part in key)
    if not any(isinstance(part, MaskPlaces) for part in key):
        return key
    first = key[0]
    if isinstance(first, MaskPlaces):
        count = first.mask.ndim
        own = [part for part in key[:count] if isinstance(part, MaskPlaces)]
        whole = len(own) == count and all(
            part.axis == axis and part.mask.definition is first.mask.definition for axis, part in enumerate(own)
        )
        if whole and not any(isinstance(part, MaskPlaces) for part in key[count:]):
            return (first.mask, *key[count:])
    raise UnsupportedError("index arrays of np.nonzero are supported all together, as the first part of an index")


def is_mask(key: Any) -> bool:
    """Whether an index is, or holds, a mask."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(
        (isinstance(p, Array) and "boolean" in p.definition.assumptions)
        or (isinstance(p, np.ndarray) and p.dtype == bool)
        for p in parts
    )


def kept_words(x: Array, value: Array) -> frozenset[str]:
    """What stays true of ``x`` after a store of ``value``; NumPy would round numbers stored among integers: refused."""
    whole = frozenset({"integer", "boolean"})
    mine, theirs = x.definition.assumptions & whole, value.definition.assumptions & whole
    if not mine:
        return frozenset()
    if "boolean" in mine and "boolean" not in theirs and value.definition.rhs not in (0, 1):
        raise UnsupportedError(f"{x.name} is a mask: NumPy would keep only whether what is stored is 0; store a mask")
    if theirs or is_whole(value.definition):
        return mine
    raise UnsupportedError(f"{x.name} holds integers: NumPy would round what is stored; make it an array of floats")


def mask_of(x: Array, key: Any) -> Array:
    """The mask of an index, with as many axes as ``x``."""
    parts = key if isinstance(key, tuple) else (key,)
    others = [p for p in parts if not (is_mask(p) or p is Ellipsis or (isinstance(p, slice) and p == slice(None)))]
    if others or not is_mask(parts[0]):
        raise UnsupportedError(f"{x.name}[...]: a mask stands alone, or before whole axes")
    mask = as_array(parts[0])
    if mask.ndim > x.ndim:
        raise ShapeError(f"the mask has {mask.ndim} axes, {x.name} has {x.ndim}")
    for own, size in zip(mask.definition.shape, x.definition.shape, strict=False):
        if not fits(own, size):
            shapes = f"{show_shape(mask.definition.shape)}, {x.name} {show_shape(x.definition.shape)}"
            raise ShapeError(f"the mask has shape {shapes}")
    while mask.ndim < x.ndim:
        mask = mask[..., None]
    return mask


def store_masked(x: Array, mask: Array, stored: Any) -> Array:
    """The array after ``x[mask] = stored``."""
    from .reshaping import broadcast_to
    from .selecting import where

    if isinstance(stored, Selection):
        if stored.mask.definition is not mask.definition:
            raise UnsupportedError(f"{x.name}[mask] = other[mask]: the two masks differ; use one mask for both")
        value = stored.array
    else:
        value = as_array(stored)
        if value.ndim:
            raise UnsupportedError(f"{x.name}[mask] = array: its size depends on the data; store a scalar, or np.where")
    words = kept_words(x, value)
    result = broadcast_to(where(mask, value, x), x.definition.shape)
    if result._grouped is not None and words == result.definition.assumptions & {"integer", "boolean"}:
        return result
    chosen = result.definition
    return Array(define(x.name, chosen.shape, chosen.rhs, assumptions=words))


class Selection(np.lib.mixins.NDArrayOperatorsMixin):
    """``x[mask]``: the elements where a mask holds, in an order and a number that depend on the data.

    Elementwise functions, stores by the same mask (``x[mask] *= a``), ``sum`` and ``mean`` do not ask for either.
    """

    def __init__(self, array: Array, mask: Array) -> None:
        self.array = array
        self.mask = mask

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        kwargs.pop("out", None)
        others = [v for v in inputs if not isinstance(v, Selection) and np.ndim(v)]
        if method != "__call__" or kwargs or others:
            raise UnsupportedError("x[mask] on symbolic arrays takes elementwise functions of it and scalars only")
        if any(v.mask.definition is not self.mask.definition for v in inputs if isinstance(v, Selection)):
            raise UnsupportedError("two selections by different masks are combined; their sizes depend on the data")
        full = [v.array if isinstance(v, Selection) else v for v in inputs]
        return Selection(as_array(ufunc(*full)), self.mask)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = {np.sum: self.sum, np.mean: self.mean}.get(func)
        if found is None or len(args) != 1 or kwargs:
            raise UnsupportedError(f"np.{func.__name__} of x[mask] has no symbolic form; sum and mean have one")
        return found()

    def sum(self) -> Array:
        """Σ over the elements where the mask holds."""
        from .reductions import sum_
        from .selecting import where

        return sum_(where(self.mask, self.array, 0))

    def mean(self) -> Array:
        """Their sum by their number."""
        from .reductions import sum_
        from .reshaping import broadcast_to

        counted = broadcast_to(self.mask, self.array.definition.shape)
        return self.sum() / sum_(counted)  # type: ignore[no-any-return]

    def copy(self) -> Selection:
        """The same selection (it is a copy already)."""
        return self
