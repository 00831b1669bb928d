"""Averages, spreads, counts, and running products, in terms of sums, products and maxima."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import define
from ..equations.dims import as_dim, fits
from .array import Array, as_array, elementwise
from .joining import full, stack
from .keys import integer_range
from .reductions import count, max_, mean, min_, normalise_axes, prod, std, sum_, var
from .storing import scatter_add


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    r"""``np.average``: :math:`\sum w x / \sum w`; a vector of weights goes along the axis."""
    from .reshaping import broadcast_to

    x = as_array(a)
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        return (result, full(result.definition.shape, count(x, axis, "np.average"))) if returned else result
    w = as_array(weights)
    if w.ndim != x.ndim:
        if axis is None or isinstance(axis, (tuple, list)) or w.ndim != 1:
            raise ShapeError("np.average: weights of another shape than the array are a vector along one named axis")
        (along,) = normalise_axes(axis, x.ndim, "np.average")
        if not fits(w.definition.shape[0], x.definition.shape[along]):
            raise ShapeError("np.average: the weights have another length than the axis")
        w = w[tuple(slice(None) if p == along else None for p in range(x.ndim))]
    total = sum_(broadcast_to(w, x.definition.shape), axis, keepdims=keepdims)
    result = sum_(x * w, axis, keepdims=keepdims) / total
    return (result, total) if returned else result


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Array:
    """``np.ptp``: maximum minus minimum."""
    return max_(a, axis, keepdims=keepdims) - min_(a, axis, keepdims=keepdims)  # type: ignore[no-any-return]


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Array:
    """``np.bincount`` with ``minlength``, below which all places are taken to lie."""
    places = as_array(x)
    if isinstance(minlength, int) and minlength <= 0:
        raise UnsupportedError("np.bincount of symbolic places has a size that depends on the data; give minlength")
    size = as_dim(minlength, "np.bincount")
    target = full((size,), 0)
    if weights is None:
        counted = scatter_add(target, Array(places.definition), as_array(1)).definition
        return Array(define("t", counted.shape, counted.rhs, assumptions=frozenset({"integer"})))
    return scatter_add(target, Array(places.definition), as_array(weights))


def accumulate(function: Callable[..., Any]) -> Callable[..., Array]:
    """``ufunc.accumulate``: the results so far along an axis of numeric size."""

    def along(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Array:
        x = as_array(array)
        (where,) = normalise_axes(axis, x.ndim, "accumulate")
        lead = (slice(None),) * where
        parts: list[Any] = []
        for k in integer_range(x.definition.shape[where]):
            here = Array(x[(*lead, k)].definition)
            parts.append(function(parts[-1], here) if parts else here)
        return stack(parts, where)

    return along


def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Array:
    """``np.cumprod`` along an axis of numeric size."""
    from .reshaping import reshape

    x = as_array(a)
    if axis is None:
        x, axis = (x if x.ndim == 1 else Array(reshape(x, -1).definition)), 0
    return accumulate(np.multiply)(x, axis)


def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Array:
    """``np.count_nonzero``."""
    return sum_(as_array(a) != 0, axis, keepdims=keepdims)


def any_(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, where: Any = True) -> Array:
    """``np.any``: whether an entry is true."""
    hits = _truths(a, where, False)
    if hits.definition.rhs is not None and hits.definition.rhs.is_number:
        return sum_(hits, axis, keepdims=keepdims) > 0  # type: ignore[no-any-return]
    return sum_(hits, axis, keepdims=keepdims) > sp.S.Half  # type: ignore[no-any-return]


def all_(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, where: Any = True) -> Array:
    """``np.all``: whether no entry is false."""
    misses = ~_truths(a, where, True)
    return sum_(misses, axis, keepdims=keepdims) < sp.S.Half  # type: ignore[no-any-return]


def _truths(a: Any, where: Any, otherwise: bool) -> Array:
    x = as_array(a)
    truths = x if "boolean" in x.definition.assumptions else x != 0
    if where is not True:
        full_mask = as_array(where)
        truths = (truths & full_mask) if not otherwise else (truths | ~full_mask)
    return truths


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, **kwargs: Any) -> Array:
    """``np.cov`` of the rows (or columns) of one array."""
    x = as_array(m)
    if y is not None or any(value is not None for value in kwargs.values()) or x.ndim > 2:
        raise UnsupportedError("np.cov is supported for one array of at most two axes, without weights")
    rows = x[None] if x.ndim == 1 else x if rowvar else x.T
    centred = rows - mean(rows, 1, keepdims=True)
    freedom = (0 if bias else 1) if ddof is None else ddof
    result = centred @ centred.T / (rows.definition.shape[1] - freedom)
    return result[0, 0] if x.ndim == 1 else result  # type: ignore[no-any-return]


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Array:
    """``np.corrcoef`` of the rows (or columns) of one array."""
    from .products import diag

    c = cov(x, y, rowvar)
    if not c.ndim:
        return c / c  # type: ignore[no-any-return]
    spread = elementwise("sqrt", sp.sqrt, diag(c))
    return c / spread[:, None] / spread[None, :]  # type: ignore[no-any-return]


IGNORING_NAN: dict[str, Callable[..., Any]] = {
    "nansum": sum_, "nanmean": mean, "nanmax": max_, "nanmin": min_, "nanvar": var, "nanstd": std, "nanprod": prod,
}  # fmt: skip
"""The functions that leave NaN out: entries are real numbers, of which none is NaN."""
