"""Methods and attributes of symbolic arrays: one row each, by the functions that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import define
from . import (
    iterating,
    joining,
    masking,
    ordering,
    padding,
    picking,
    pieces,
    products,
    rearranging,
    reductions,
    reshaping,
    selecting,
    statistics,
    windows,
)
from .array import Array, as_array, elementwise
from .grouping import grouped, joined


def copy(x: Any, **kwargs: Any) -> Any:
    """Another handle on the same equation, so that stores into one do not reach the other."""
    source = as_array(x)
    made = Array(source.definition)
    made._grouped = source._grouped
    return made


def astype(x: Any, dtype: Any, **kwargs: Any) -> Any:
    """A cast to floats keeps the values, one to integers rounds them towards 0; short integers would wrap around."""
    source = as_array(x)
    kind = np.dtype(dtype)
    definition = source.definition
    words = definition.assumptions & {"integer", "boolean"}
    if np.issubdtype(kind, np.integer) and not words:
        if kind.itemsize < 4 or kind.kind == "u":
            raise UnsupportedError(f"astype({kind}) wraps values around that do not fit; use int32 or int64")
        return selecting.truncated(source)
    if kind == np.bool_:
        return copy(x) if "boolean" in words else source != 0
    if kind.kind not in "iuf":
        raise UnsupportedError(f"astype({kind}) is not supported on symbolic arrays; they hold real numbers")
    wanted = frozenset({"integer"}) if kind.kind in "iu" else frozenset[str]()
    if words == wanted:
        return copy(x)
    known = grouped(source)
    if known is not None:
        return joined(astype(known.inner, dtype), known.groups)
    rest = definition.assumptions - {"integer", "boolean"}
    index = (sp.S.Zero if n == 1 else i for i, n in zip(definition.indices, definition.shape, strict=True))
    lhs = source.element(*index)
    return Array(define("t", definition.shape, lhs, assumptions=rest | wanted), contiguous=source.contiguous)


def fill(x: Any, value: Any) -> None:
    """``x.fill(value)``."""
    x[...] = value


def item(x: Any, *place: Any) -> Any:
    """``x.item()`` of one element, or the element at an index, or at a place of the flattened array."""
    a = as_array(x)
    if not place:
        return a if a.ndim == 0 else reshaping.reshape(a, ())
    index = place[0] if len(place) == 1 else place
    if isinstance(index, tuple):
        return a[index]
    return a[index] if a.ndim == 1 else reshaping.reshape(a, -1)[index]


def view(x: Any, dtype: Any = None, **kwargs: Any) -> Array:
    """``x.view()``: the same memory under another handle; other types of it are refused."""
    a = as_array(x)
    if kwargs or (dtype is not None and np.dtype(dtype) != a.dtype):
        raise UnsupportedError("x.view(dtype) reads the bytes of numbers anew, which has no symbolic form")
    return a[...]  # type: ignore[no-any-return]


def sort_in_place(x: Array, axis: int = -1, kind: Any = None, order: Any = None, stable: Any = None) -> None:
    """``x.sort()``: a store of the sorted elements."""
    x[...] = ordering.sort(x, axis, kind, order, stable)


class Flags:
    """``x.flags``: whether an array may be stored into, and how its elements lie in memory."""

    def __init__(self, x: Array) -> None:
        self.writeable = x.mutable
        self.c_contiguous = self.contiguous = x.contiguous

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key.lower())


ATTRIBUTES: dict[str, Callable[[Array], Any]] = {
    "flat": iterating.Flat,
    "strides": windows.strides,
    "itemsize": lambda x: x.dtype.itemsize,
    "nbytes": lambda x: x.size * x.dtype.itemsize,
    "flags": Flags,
    "real": lambda x: x,
    "imag": lambda x: joining.zeros_like(x),
    "mT": lambda x: products.swapaxes(x, -1, -2),
}
"""Attributes of :class:`~gradproof.symbolic.arrays.array.Array` beside its shape, size, number of axes and type."""


METHODS: dict[str, Callable[..., Any]] = {
    "sum": reductions.sum_,
    "mean": reductions.mean,
    "max": reductions.max_,
    "min": reductions.min_,
    "var": reductions.var,
    "std": reductions.std,
    "dot": products.dot,
    "transpose": products.transpose,
    "swapaxes": products.swapaxes,
    "trace": products.trace,
    "diagonal": products.diagonal,
    "reshape": reshaping.reshape,
    "ravel": lambda x, order="C": reshaping.reshape(x, -1, order=order),
    "flatten": lambda x, order="C": Array(reshaping.reshape(x, -1, order=order).definition),
    "squeeze": reshaping.squeeze,
    "tolist": lambda x: list(as_array(x)) if as_array(x).ndim == 1 else [row.tolist() for row in as_array(x)],
    "cumsum": rearranging.cumsum,
    "take": rearranging.take,
    "argmax": picking.argmax,
    "argmin": picking.argmin,
    "prod": reductions.prod,
    "repeat": joining.repeat,
    "clip": selecting.clip,
    "round": selecting.round_,
    "copy": copy,
    "astype": astype,
    "item": item,
    "conj": lambda x: x,
    "erf": lambda x: elementwise("erf", sp.erf, x),
    "fill": fill,
    "all": statistics.all_,
    "any": statistics.any_,
    "cumprod": statistics.cumprod,
    "sort": sort_in_place,
    "argsort": ordering.argsort,
    "nonzero": masking.nonzero,
    "view": view,
    "conjugate": lambda x: x,
    "compress": lambda x, condition, axis=None, out=None: padding.compress(condition, x, axis, out),
    "choose": pieces.choose,
}
"""Methods of :class:`~gradproof.symbolic.arrays.array.Array`."""
