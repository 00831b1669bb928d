"""Reductions over axes: sum, mean, max, min, logsumexp, variance; softmax and log-softmax."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError, UsageError

from ..equations.definition import define
from ..equations.dims import bound_index, free_index, full_range
from ..equations.nodes import LogSumExp, MaxOver, ProductOver, Sum
from .array import Array, as_array, elementwise
from .grouping import Grouped, grouped, joined


def normalise_axes(axis: Any, rank: int, what: str) -> tuple[int, ...]:
    """The axes as sorted non-negative integers; None is all of them."""
    if axis is None:
        return tuple(range(rank))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    result = []
    for one in axes:
        number = int(one)
        if not -rank <= number < rank:
            raise UsageError(f"{what}: axis {number} is out of range for an array with {rank} axes")
        result.append(number % rank)
    if len(set(result)) != len(result):
        raise UsageError(f"{what}: an axis is named twice in {axis}")
    return tuple(sorted(result))


def reduce_axes(x: Any, build: Callable[[Any, list[Any]], Any], axis: Any, keepdims: bool, what: str) -> Array:
    """``build(element, ranges)`` over ``axis``; the index order of the rest is kept."""
    source = as_array(x)
    shape = source.definition.shape
    axes = normalise_axes(axis, len(shape), what)
    apart = grouped(source)
    if apart is not None:
        return _of_groups(apart, build, axes, keepdims, what)
    index: list[Any] = []
    result_shape: list[Any] = []
    limits: list[Any] = []
    for a, size in enumerate(shape):
        if a in axes:
            k = bound_index(len(limits))
            limits.append(full_range(k, size))
            index.append(k if size != 1 else sp.S.Zero)
            if keepdims:
                result_shape.append(sp.S.One)
        else:
            index.append(free_index(len(result_shape)) if size != 1 else sp.S.Zero)
            result_shape.append(size)
    if not limits:
        return Array(source.definition)
    limits = [limit for limit in limits if limit[2] != 0]
    element = source.element(*index)
    made = define("t", tuple(result_shape), build(element, limits) if limits else element)
    return Array(made, contiguous=source.contiguous or len(result_shape) < 2)


def _of_groups(
    apart: Grouped, build: Callable[[Any, list[Any]], Any], axes: tuple[int, ...], keepdims: bool, what: str
) -> Array:
    """The reduction of an array with joined axes, over all axes that one is made of."""
    inner = tuple(p for axis in axes for p in apart.axes()[axis])
    result = reduce_axes(apart.inner, build, inner, False, what)
    groups = [1 if a in axes else count for a, count in enumerate(apart.groups) if keepdims or a not in axes]
    if keepdims:
        key: list[Any] = []
        for a, count in enumerate(apart.groups):
            key += [None] if a in axes else [slice(None)] * count
        result = result[tuple(key)]
    return joined(result, groups)


def _given(value: Any) -> bool:
    return value is not None and value is not True and value is not np._NoValue


def _kept(x: Any, where: Any, otherwise: Any) -> Array:
    """The elements where a mask holds (``where=`` of a reduction), and something without effect elsewhere."""
    source = as_array(x)
    if not _given(where):
        return source
    from .reshaping import broadcast_to
    from .selecting import where as choose

    return choose(broadcast_to(where, source.definition.shape), source, otherwise)


def _counted(x: Array, axis: Any, where: Any, what: str, keepdims: bool) -> Any:
    """The number of elements along ``axis``, of those where a mask holds."""
    if not _given(where):
        return count(x, axis, what)
    from .reshaping import broadcast_to

    return sum_(broadcast_to(where, x.definition.shape), axis, keepdims=keepdims)


def _check(kwargs: dict[str, Any], what: str) -> None:
    for key, value in kwargs.items():
        if value is not None and value is not np._NoValue and key not in ("dtype",):
            raise UnsupportedError(f"{what}: the argument {key} is not supported on symbolic arrays")


def sum_(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
         where: Any = True, **kwargs: Any) -> Array:  # fmt: skip
    """Σ over ``axis``."""
    _check({"out": out, **kwargs}, "np.sum")

    def build(element: Any, limits: list[Any]) -> Any:
        if not any(element.has(k) for k, _, _ in limits):
            return element * sp.Mul(*(b - a + 1 for _, a, b in limits))
        return Sum(element, *limits)

    total = reduce_axes(_kept(x, where, 0), build, axis, bool(keepdims is True), "np.sum")
    return total + initial if _given(initial) else total


def mean(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, where: Any = True,
         **kwargs: Any) -> Array:  # fmt: skip
    """Σ / size over ``axis``."""
    _check({"out": out, **kwargs}, "np.mean")
    source = as_array(x)
    total = sum_(source, axis, keepdims=keepdims, where=where)
    return total / _counted(source, axis, where, "np.mean", bool(keepdims is True))  # type: ignore[no-any-return]


def count(x: Array, axis: Any, what: str) -> Any:
    """The number of elements along ``axis``."""
    shape = x.definition.shape
    return sp.Mul(*(shape[a] for a in normalise_axes(axis, len(shape), what)))


def max_(x: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True,
         **kwargs: Any) -> Array:  # fmt: skip
    """max over ``axis``; ties share the derivative evenly."""
    _check({"out": out, **kwargs}, "np.max")
    if _given(where) and not _given(initial):
        raise UsageError("np.max with where= needs initial=, which counts where no element does")
    kept = _kept(x, where, initial)
    found = reduce_axes(kept, lambda e, limits: MaxOver(e, *limits), axis, bool(keepdims is True), "np.max")
    return np.maximum(found, initial) if _given(initial) else found


def min_(x: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True,
         **kwargs: Any) -> Array:  # fmt: skip
    """min over ``axis``, as −max(−x)."""
    _check({"out": out, **kwargs}, "np.min")
    least = -initial if _given(initial) else None
    return -max_(-as_array(x), axis, keepdims=keepdims, initial=least, where=where)  # type: ignore[no-any-return]


def var(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False,
        where: Any = True, **kwargs: Any) -> Array:  # fmt: skip
    """Σ (x − mean)² / (size − ddof)."""
    given_mean, correction = kwargs.pop("mean", None), kwargs.pop("correction", None)
    _check({"out": out, **kwargs}, "np.var")
    source = as_array(x)
    centre = given_mean if _given(given_mean) else mean(source, axis, keepdims=True, where=where)
    freedom = _counted(source, axis, where, "np.var", bool(keepdims is True))
    less = correction if _given(correction) else ddof
    return sum_((source - centre) ** 2, axis, keepdims=keepdims, where=where) / (freedom - less)  # type: ignore[no-any-return]


def std(x: Any, *args: Any, **kwargs: Any) -> Array:
    """The square root of :func:`var`."""
    return elementwise("sqrt", sp.sqrt, var(x, *args, **kwargs))


def prod(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
         where: Any = True, **kwargs: Any) -> Array:  # fmt: skip
    """The product over ``axis``: factor by factor where that has a few places, else as one node."""
    _check({"out": out, **kwargs}, "np.prod")
    source = _kept(x, where, 1)
    result, kept = source, keepdims is True
    for one in reversed(normalise_axes(axis, source.ndim, "np.prod")):
        size = source.definition.shape[one]
        if not size.is_Integer or size > FEW_FACTORS:
            result = reduce_axes(result, _product, one, kept, "np.prod")
            continue
        lead = (slice(None),) * one
        factors = [result[(*lead, k)] for k in range(int(size))]
        result = functools.reduce(operator.mul, factors)
        if kept:
            result = result[(*lead, None)]
    return result * initial if _given(initial) else result


FEW_FACTORS = 8
"""A product of so many factors or fewer is written out."""


def _product(element: Any, limits: list[Any]) -> Any:
    """Π over each of the limits, one inside the other."""
    for limit in limits:
        element = ProductOver(element, limit)
    return element


def logsumexp(x: Any, axis: Any = None, keepdims: Any = False) -> Array:
    """log Σ exp over ``axis``."""
    return reduce_axes(x, lambda e, limits: LogSumExp(e, *limits), axis, bool(keepdims), "logsumexp")


def softmax(x: Any, axis: Any = -1) -> Array:
    r"""exp(x − logsumexp x) along ``axis``; along the last axis its rows are known to sum to one."""
    source = as_array(x)
    shifted = log_softmax(source, axis)
    (where,) = normalise_axes(axis, source.ndim, "softmax")
    words = frozenset({"simplex", "positive"}) if where == source.ndim - 1 else frozenset({"positive"})
    return Array(define("p", shifted.definition.shape, sp.exp(shifted.definition.rhs), assumptions=words))


def log_softmax(x: Any, axis: Any = -1) -> Array:
    """x − logsumexp x along ``axis``."""
    source = as_array(x)
    return source - logsumexp(source, axis, keepdims=True)  # type: ignore[no-any-return]


REDUCE: dict[np.ufunc, Callable[..., Array]] = {np.add: sum_, np.maximum: max_, np.minimum: min_, np.multiply: prod}
"""What ``ufunc.reduce`` means."""
