"""``np.linalg.norm``: of vectors by any fixed order, of matrices where it is made of sums and maxima."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from .array import Array, as_array, elementwise
from .reductions import max_, min_, normalise_axes, sum_


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """The norm of a vector or a matrix, or of each along ``axis``: Euclidean and Frobenius without an ``ord``.

    Where several entries are largest the derivative of the infinity norm is shared evenly between them, as that of
    ``np.max``, each with its sign; at ties any weights that add up to 1 are a subgradient.

    The 2-norm of a matrix and the nuclear norm are made of singular values, which the engine does not have.
    """
    a = as_array(x)
    if ord is None and axis is None:
        return _root(sum_(a**2, keepdims=keepdims))
    given = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    normalise_axes(given, a.ndim, "np.linalg.norm")  # which asks for axes that there are
    axes = tuple(int(one) % a.ndim for one in given)
    if len(axes) == 1:
        return _of_vectors(a, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise UnsupportedError(f"np.linalg.norm is of vectors and matrices, not over {len(axes)} axes")
    return _of_matrices(a, ord, axes, keepdims)


def _of_vectors(a: Array, ord: Any, axis: int, keepdims: bool) -> Array:
    if ord in (None, 2):
        return _root(sum_(a**2, axis=axis, keepdims=keepdims))
    size = np.abs(a)
    if ord == 1:
        return sum_(size, axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return max_(size, axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return min_(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return sum_(a != 0, axis=axis, keepdims=keepdims)
    if isinstance(ord, (int, float, np.number)) and not isinstance(ord, bool):
        order = as_array(ord).definition.rhs
        inside = a ** int(order) if order.is_even else size**ord
        exponent = 1 / order
        return elementwise("power", lambda s: s**exponent, sum_(inside, axis=axis, keepdims=keepdims))
    raise UnsupportedError(f"np.linalg.norm of a vector has no order {ord!r}")


def _of_matrices(a: Array, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if ord in (None, "fro"):
        return _root(sum_(a**2, axis=axes, keepdims=keepdims))
    across = {1: axes[0], -1: axes[0], np.inf: axes[1], -np.inf: axes[1]}
    if isinstance(ord, str) or ord not in across:
        why = "it is made of singular values, which are not in the engine"
        raise UnsupportedError(f"np.linalg.norm of a matrix by the order {ord!r} is not supported: {why}")
    sums = sum_(np.abs(a), axis=across[ord], keepdims=True)
    choose = max_ if ord > 0 else min_
    return choose(sums, axis=axes, keepdims=keepdims)


def _root(squares: Array) -> Array:
    return elementwise("sqrt", sp.sqrt, squares)


def vector_norm(x: Any, axis: Any = None, keepdims: Any = False, ord: Any = 2) -> Array:
    """``np.linalg.vector_norm``: of the flattened array where no axis is named."""
    from .reshaping import reshape

    a = as_array(x)
    if axis is None and keepdims:
        raise UnsupportedError("np.linalg.vector_norm with keepdims needs an axis on symbolic arrays")
    return norm(a if axis is not None or a.ndim == 1 else reshape(a, -1), ord, 0 if axis is None else axis, keepdims)
