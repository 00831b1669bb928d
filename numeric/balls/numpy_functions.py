"""NumPy's functions on ball arrays where the default (NumPy's own code on objects) would not do: one table row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy import (  # bound now: the attributes of numpy are replaced while user code runs
    asarray,
    eye,
    float64,
    full,
    where,
)

from gradproof.numeric.balls import decompositions, statistics, stores
from gradproof.numeric.balls.arrays import BallArray, balls_of, base, filled, is_real_kind, stored
from gradproof.numeric.balls.ball import ONE, UNWRITTEN, ZERO, NotOnBalls, ball
from gradproof.numeric.balls.frames import user_line
from gradproof.numeric.balls.linalg import det, dot, einsum, inv, matmul, solve, tensordot


def array(value: Any) -> BallArray:
    """Anything numeric as a BallArray."""
    return balls_of(value).view(BallArray)


def floats(value: Any) -> Any:
    """Midpoints of balls as float64; anything else as NumPy takes it."""
    return value.approximate() if isinstance(value, BallArray) else asarray(base(value))


def _like(number: Any) -> Callable[..., Any]:
    def function(prototype: Any, dtype: Any = None, *_: Any, shape: Any = None, **__: Any) -> Any:
        where = np.shape(prototype) if shape is None else shape
        if dtype is not None and not is_real_kind(dtype):
            return full(where, int(number.v.floor().unique_fmpz()), dtype=dtype)
        return filled(where, number)

    return function


def _full_like(prototype: Any, fill_value: Any, dtype: Any = None, *_: Any, shape: Any = None, **__: Any) -> Any:
    where = np.shape(prototype) if shape is None else shape
    if dtype is not None and not is_real_kind(dtype):
        return full(where, fill_value, dtype=dtype)
    result = filled(where, ZERO)
    result[...] = fill_value
    return result


def _where(condition: Any, *branches: Any) -> Any:
    chosen = base(np.not_equal(condition, 0)) if isinstance(condition, BallArray) else base(condition)
    if not branches:
        return np.nonzero(chosen)
    return where(chosen, balls_of(branches[0]), balls_of(branches[1]))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **options: Any) -> Any:
    low = options.get("min", a_min)
    high = options.get("max", a_max)
    result = array(a)
    if low is not None:
        result = np.maximum(result, low)
    if high is not None:
        result = np.minimum(result, high)
    if out is None:
        return result
    out[...] = result
    return out


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = array(x)
    if axis is None and ord is None:
        root = np.sqrt(np.sum(x * x))
        return root.reshape([1] * x.ndim) if keepdims else root
    if axis is None:
        axis = tuple(range(x.ndim))
    axes = tuple(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdims))
    size = np.abs(x)
    if len(axes) == 1:
        return _vector_norm(size, ord, axes[0], keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        rows, columns = axes if ord in (1, -1) else axes[::-1]
        totals = np.sum(size, axis=rows, keepdims=True)
        result = np.max(totals, axis=columns, keepdims=True) if ord > 0 else np.min(totals, axis=columns, keepdims=True)
        return result if keepdims else np.squeeze(result, axis=axes)
    raise NotOnBalls(f"{user_line()}: np.linalg.norm with ord={ord!r} is not implemented on balls")


def _vector_norm(size: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    if ord in (np.inf, -np.inf):
        return np.max(size, axis=axis, keepdims=keepdims) if ord > 0 else np.min(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return array(np.sum(base(size != 0).astype(int), axis=axis, keepdims=keepdims))
    if ord == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / array(ord))


def _slogdet(a: Any) -> Any:
    value = array(det(a))
    return np.sign(value), np.log(np.abs(value))


def _nearly(function: Any) -> Callable[..., Any]:
    return lambda a, b, *args, **options: function(floats(a), floats(b), *args, **options)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """``scipy.special.logsumexp`` on balls: their exponents have no range to overflow."""
    if return_sign:
        raise NotOnBalls(f"{user_line()}: logsumexp with return_sign is not implemented on balls")
    terms = np.exp(array(a))
    return np.log(np.sum(terms if b is None else terms * b, axis=axis, keepdims=keepdims))


def softmax(x: Any, axis: Any = None) -> Any:
    """``scipy.special.softmax`` on balls."""
    terms = np.exp(array(x))
    return terms / np.sum(terms, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """``scipy.special.log_softmax`` on balls."""
    return array(x) - logsumexp(x, axis=axis, keepdims=True)


def _matrix_power(a: Any, n: int) -> Any:
    result: Any = array(eye(np.shape(a)[-1]))
    factor = array(a) if n >= 0 else array(inv(a))
    for _ in range(abs(n)):
        result = result @ factor
    return result


def _outer(a: Any, b: Any, out: Any = None) -> Any:
    return array(a).ravel()[:, np.newaxis] * array(b).ravel()[np.newaxis, :]


FUNCTIONS: Final[dict[Any, Callable[..., Any]]] = {
    np.zeros_like: _like(ZERO),
    np.empty_like: _like(UNWRITTEN),
    np.ones_like: _like(ONE),
    np.full_like: _full_like,
    where: _where,
    np.clip: _clip,
    np.dot: lambda a, b, out=None: dot(a, b) if out is None else stored(dot(a, b), out),
    np.inner: lambda a, b: dot(a, b) if np.ndim(a) < 2 and np.ndim(b) < 2 else tensordot(a, b, ((-1,), (-1,))),
    np.vdot: lambda a, b: dot(balls_of(a).ravel(), balls_of(b).ravel()),
    np.outer: _outer,
    np.tensordot: tensordot,
    np.einsum: einsum,
    np.average: statistics.average,
    np.cov: statistics.cov,
    np.corrcoef: statistics.corrcoef,
    np.bincount: statistics.bincount,
    np.digitize: statistics.digitize,
    np.interp: statistics.interp,
    np.isreal: statistics.isreal,
    np.mean: lambda a, *args, **options: array(a).mean(*args, **options),
    np.var: lambda a, *args, **options: array(a).var(*args, **options),
    np.std: lambda a, *args, **options: array(a).std(*args, **options),
    np.round: lambda a, decimals=0, out=None: array(a).round(decimals, out),
    np.trace: lambda a, *args, **options: array(a).trace(*args, **options),
    np.cumsum: lambda a, axis=None, dtype=None, out=None: array(a).cumsum(axis, dtype, out),
    np.copyto: stores.copyto,
    np.put: stores.put,
    np.place: stores.place,
    np.putmask: stores.putmask,
    np.fill_diagonal: stores.fill_diagonal,
    np.put_along_axis: stores.put_along_axis,
    np.nan_to_num: stores.nan_to_num,
    np.result_type: lambda *kinds: np.result_type(*[float64 if isinstance(k, BallArray) else k for k in kinds]),
    np.can_cast: lambda one, to, casting="safe": np.can_cast(
        float64 if isinstance(one, BallArray) else one, to, casting
    ),
    np.isclose: _nearly(np.isclose),
    np.allclose: _nearly(np.allclose),
    np.array_equal: _nearly(np.array_equal),
    np.array2string: lambda a, *args, **options: np.array2string(floats(a), *args, **options),
    np.linalg.norm: _norm,
    np.linalg.cholesky: decompositions.cholesky,
    np.linalg.pinv: decompositions.pinv,
    np.linalg.lstsq: decompositions.lstsq,
    np.linalg.inv: inv,
    np.linalg.det: det,
    np.linalg.slogdet: _slogdet,
    np.linalg.solve: solve,
    np.linalg.matrix_power: _matrix_power,
    np.linalg.multi_dot: lambda arrays, out=None: _chain(arrays),
}
"""NumPy function: what it does on balls. A function that is not here runs NumPy's own code on the objects."""

for _name in ("svd", "svdvals", "eig", "eigh", "eigvals", "eigvalsh", "qr", "matrix_rank", "cond"):

    def _refuse(*_: Any, _name: str = _name, **__: Any) -> Any:
        raise NotOnBalls(f"{user_line()}: np.linalg.{_name} is not implemented on balls")

    FUNCTIONS[getattr(np.linalg, _name)] = _refuse


def _chain(arrays: Any) -> Any:
    result: Any = balls_of(arrays[0])
    for factor in arrays[1:]:
        result = matmul(result, balls_of(factor))
    return result


__all__ = ["FUNCTIONS", "array", "ball", "floats", "log_softmax", "logsumexp", "softmax"]
