r"""Sorting as an index equation: the element of rank r is :math:`\sum_j x_j [\operatorname{rank}_j = r]`.

The rank of an element is the number of smaller ones, and of equal ones before it:
:math:`\operatorname{rank}_j = \sum_k [x_k < x_j] + \sum_{k<j} [x_k = x_j]`. The rows of brackets are one-hot, so that
``argsort`` is a place like that of a maximum (:mod:`.picking`), and what is sorted is
differentiated like what is picked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import define
from ..equations.dims import bound_index, free_index, full_range, own_index
from ..equations.nodes import Iverson, Sum
from .array import Array, as_array
from .keys import integer_range
from .picking import place_of
from .reductions import normalise_axes


def _last(x: Any, axis: Any, what: str) -> tuple[Array, int]:
    """The array with the axis to be sorted at its end; without an axis it is flattened."""
    from .products import moveaxis
    from .reshaping import reshape

    a = as_array(x)
    if axis is None:
        return Array((a if a.ndim == 1 else reshape(a, -1)).definition), 0
    (along,) = normalise_axes(axis, a.ndim, what)
    return Array(moveaxis(a, along, -1).definition), along


def _ranked(a: Array) -> Array:
    """One more axis at the end: 1 at the place of the element with the rank of the axis before it."""
    shape = a.definition.shape
    *lead, place = own_index(shape)
    size = shape[-1]
    rank, k = free_index(a.ndim - 1), bound_index(0)
    own = sp.S.Zero if size == 1 else free_index(a.ndim)
    mine, other = a.element(*lead, own), a.element(*lead, k)
    smaller = Iverson(sp.Lt(other, mine))
    tied = sp.Piecewise((Iverson(sp.Eq(other, mine)), k < own), (sp.S.Zero, True), evaluate=False)
    before = sp.S.Zero if size == 1 else Sum(smaller + tied, full_range(k, size))
    words = frozenset({"integer"})
    ranks = Array(define("t", (*shape[:-1], size), before.xreplace({own: place}), assumptions=words))
    at = sp.S.Zero if size == 1 else ranks.element(*lead, own)
    hot = Iverson(sp.Eq(at, sp.S.Zero if size == 1 else rank))
    return Array(define("t", (*shape, size), hot, assumptions=frozenset({"boolean", "one_hot"})))


def _strict(kind: Any, a: Array, what: str) -> None:
    whole = a.definition.assumptions & {"integer", "boolean"}
    if whole and kind not in ("stable", "mergesort"):
        raise UnsupportedError(f"{what} of whole numbers leaves open in which order equal ones come; say kind='stable'")


def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, stable: Any = None) -> Array:
    """``np.argsort``: the places in rising order of the elements."""
    from .products import moveaxis

    turned, along = _last(a, axis, "np.argsort")
    _strict("stable" if stable else kind, turned, "np.argsort")
    return Array(moveaxis(place_of(_ranked(turned)), -1, along).definition)


def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, stable: Any = None) -> Array:
    """``np.sort``: the elements in rising order."""
    from .products import moveaxis

    turned, along = _last(a, axis, "np.sort")
    hot = _ranked(turned).definition
    *lead, rank = own_index(turned.definition.shape)
    k, size = bound_index(0), turned.definition.shape[-1]
    if size == 1:
        return Array(moveaxis(turned, -1, along).definition)
    total = Sum(turned.element(*lead, k) * hot.at(*lead, rank, k), full_range(k, size))
    words = turned.definition.assumptions & {"integer", "positive", "nonnegative"}
    return Array(moveaxis(Array(define("t", turned.definition.shape, total, assumptions=words)), -1, along).definition)


def _quantile(x: Any, share: Any, axis: Any, keepdims: Any, what: str) -> Array:
    """By linear interpolation between neighbours; the number of elements has to be known."""
    from .reshaping import reshape

    a = as_array(x)
    if isinstance(axis, (tuple, list)):
        raise UnsupportedError(f"{what} over several axes is not supported on symbolic arrays; reshape first")
    ranked = sort(a, axis)
    along = 0 if axis is None else normalise_axes(axis, a.ndim, what)[0]
    count = len(integer_range(ranked.definition.shape[along]))
    place = sp.nsimplify(share) * (count - 1)
    low = sp.floor(place)
    lead = (slice(None),) * along
    result = ranked[(*lead, int(low))]
    if place != low:
        result = result * (1 - (place - low)) + ranked[(*lead, int(low) + 1)] * (place - low)
    if keepdims is True:
        shape = [sp.S.One if axis is None or p == along else n for p, n in enumerate(a.definition.shape)]
        result = reshape(result, tuple(shape))
    return Array(result.definition)


def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Array:
    """``np.median``: the middle element, or the mean of the two."""
    if out is not None:
        raise UnsupportedError("np.median(out=) is not supported on symbolic arrays; assign the result")
    return _quantile(a, sp.S.Half, axis, keepdims, "np.median")


def quantile(a: Any, q: Any, axis: Any = None, keepdims: Any = False, method: str = "linear", **kwargs: Any) -> Array:
    """``np.quantile`` for one or several plain numbers q, by linear interpolation."""
    from .joining import stack

    if method != "linear" or any(value is not None and value is not False for value in kwargs.values()):
        raise UnsupportedError("np.quantile is supported with linear interpolation and without further options")
    if np.ndim(q):
        return stack([_quantile(a, sp.Rational(str(float(one))), axis, keepdims, "np.quantile") for one in q])
    return _quantile(a, sp.Rational(str(float(q))), axis, keepdims, "np.quantile")


def percentile(a: Any, q: Any, axis: Any = None, keepdims: Any = False, method: str = "linear", **kw: Any) -> Array:
    """``np.percentile``: a quantile in hundredths."""
    shares = [one / 100 for one in q] if np.ndim(q) else q / 100
    return quantile(a, shares, axis, keepdims, method, **kw)
