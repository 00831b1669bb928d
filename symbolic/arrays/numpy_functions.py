"""NumPy's functions on symbolic arrays: one row each; methods of arrays come from the same table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.dims import fits
from . import (
    grids,
    joining,
    linear_algebra,
    mapping,
    masking,
    norms,
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
from .methods import astype, copy


def where(condition: Any, *values: Any) -> Any:
    """``np.where``: a choice, or the places where a mask holds."""
    return selecting.where(condition, *values) if values else masking.nonzero(condition)


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """``np.isclose``: :math:`|a - b| \\le t_a + t_r |b|`."""
    other = as_array(b)
    return np.abs(as_array(a) - other) <= atol + rtol * np.abs(other)


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """``np.array_equal``: whether shapes and entries are equal."""
    left, right = as_array(a1), as_array(a2)
    if left.ndim != right.ndim or not all(map(fits, left.definition.shape, right.definition.shape)):
        return False
    return True if left.definition is right.definition else statistics.all_(left == right)


def sinc(x: Any) -> Any:
    """``np.sinc``: sin(πx)/(πx), and 1 at 0."""

    def build(e: Any) -> Any:
        if e.is_number:
            return sp.sinc(sp.pi * e)
        return sp.Piecewise((sp.S.One, sp.Eq(e, 0)), (sp.sin(sp.pi * e) / (sp.pi * e), True), evaluate=False)

    return elementwise("sinc", build, x)


def _each(one: Callable[[Array], Any]) -> Callable[..., Any]:
    """A function of one array that NumPy also takes several for."""

    def each(*arrays: Any) -> Any:
        made = [one(as_array(a)) for a in arrays]
        return made[0] if len(made) == 1 else tuple(made)

    return each


def fill_diagonal(x: Any, value: Any) -> None:
    """``np.fill_diagonal`` of a matrix."""
    if not isinstance(x, Array) or x.ndim != 2:
        raise UnsupportedError("np.fill_diagonal is supported for symbolic matrices")
    rows, columns = x.definition.shape
    x[...] = selecting.where(products.eye(rows, columns) > 0, value, x)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: reductions.sum_,
    np.mean: reductions.mean,
    np.average: statistics.average,
    np.max: reductions.max_,
    np.amax: reductions.max_,
    np.min: reductions.min_,
    np.amin: reductions.min_,
    np.ptp: statistics.ptp,
    np.var: reductions.var,
    np.std: reductions.std,
    np.prod: reductions.prod,
    np.cumsum: rearranging.cumsum,
    np.cumprod: statistics.cumprod,
    np.cov: statistics.cov,
    np.corrcoef: statistics.corrcoef,
    np.count_nonzero: lambda a, axis=None, *, keepdims=False: reductions.sum_(
        as_array(a) != 0, axis, keepdims=keepdims
    ),
    np.bincount: statistics.bincount,
    np.dot: products.dot,
    np.inner: products.inner,
    np.vdot: products.vdot,
    np.outer: products.outer,
    np.tensordot: products.tensordot,
    np.einsum: products.einsum,
    np.cross: products.cross,
    np.convolve: windows.convolve,
    np.correlate: windows.correlate,
    np.transpose: products.transpose,
    np.swapaxes: products.swapaxes,
    np.moveaxis: products.moveaxis,
    np.rollaxis: lambda a, axis, start=0: products.moveaxis(a, axis, start - (start > axis)),
    np.trace: products.trace,
    np.diagonal: products.diagonal,
    np.diag: products.diag,
    np.diagflat: lambda v, k=0: products.diag(reshaping.reshape(v, -1), k),
    np.kron: products.kron,
    np.linalg.norm: norms.norm,
    np.linalg.inv: linear_algebra.inv,
    np.linalg.det: linear_algebra.det,
    np.linalg.slogdet: linear_algebra.slogdet,
    np.linalg.cholesky: linear_algebra.cholesky,
    np.linalg.eigh: linear_algebra.eigh,
    np.linalg.eigvalsh: linear_algebra.eigvalsh,
    np.linalg.solve: linear_algebra.solve,
    np.linalg.lstsq: linear_algebra.lstsq,
    np.linalg.matrix_power: linear_algebra.matrix_power,
    np.linalg.multi_dot: linear_algebra.multi_dot,
    np.where: where,
    np.clip: selecting.clip,
    np.round: selecting.round_,
    np.around: selecting.round_,
    np.fix: lambda x, out=None: np.trunc(x),
    np.select: pieces.select,
    np.piecewise: pieces.piecewise,
    np.choose: pieces.choose,
    np.nan_to_num: pieces.nan_to_num,
    np.isclose: isclose,
    np.reshape: reshaping.reshape,
    np.ravel: lambda a, order="C": reshaping.reshape(a, -1, order=order),
    np.squeeze: reshaping.squeeze,
    np.expand_dims: reshaping.expand_dims,
    np.broadcast_to: lambda array, shape, subok=False: reshaping.broadcast_to(array, shape),
    np.broadcast_arrays: grids.broadcast_arrays,
    np.flip: reshaping.flip,
    np.fliplr: lambda m: reshaping.flip(m, 1),
    np.flipud: lambda m: reshaping.flip(m, 0),
    np.rot90: padding.rot90,
    np.concatenate: joining.concatenate,
    np.stack: joining.stack,
    np.hstack: joining.hstack,
    np.vstack: joining.vstack,
    np.dstack: padding.dstack,
    np.column_stack: joining.column_stack,
    np.block: padding.block,
    np.split: joining.split,
    np.array_split: joining.array_split,
    np.hsplit: lambda ary, n: joining.split(ary, n, 0 if as_array(ary).ndim == 1 else 1),
    np.vsplit: lambda ary, n: joining.split(ary, n, 0),
    np.pad: padding.pad,
    np.repeat: joining.repeat,
    np.tile: joining.tile,
    np.tril: rearranging.tril,
    np.triu: rearranging.triu,
    np.roll: padding.roll,
    np.diff: rearranging.diff,
    np.ediff1d: rearranging.ediff1d,
    np.gradient: rearranging.gradient,
    np.insert: rearranging.insert,
    np.append: rearranging.append,
    np.delete: padding.delete,
    np.compress: padding.compress,
    np.take: rearranging.take,
    np.take_along_axis: picking.take_along_axis,
    np.argmax: picking.argmax,
    np.argmin: picking.argmin,
    np.argsort: ordering.argsort,
    np.sort: ordering.sort,
    np.median: ordering.median,
    np.quantile: ordering.quantile,
    np.percentile: ordering.percentile,
    np.unravel_index: picking.unravel_index,
    np.lib.stride_tricks.sliding_window_view: windows.sliding_window_view,
    np.meshgrid: grids.meshgrid,
    np.vander: grids.vander,
    np.polyval: grids.polyval,
    np.apply_along_axis: mapping.apply_along_axis,
    np.apply_over_axes: mapping.apply_over_axes,
    np.eye: products.eye,  # these with like=, an array that says whose function is meant
    np.identity: lambda n, dtype=None: products.eye(n),
    np.full: lambda shape, fill_value, **kwargs: joining.full(shape, fill_value),
    np.ones: lambda shape, *args, **kwargs: joining.full(shape, 1),
    np.arange: joining.arange,
    np.tri: rearranging.tri,
    np.zeros_like: joining.zeros_like,
    np.empty_like: joining.zeros_like,
    np.ones_like: joining.ones_like,
    np.full_like: joining.full_like,
    np.shape: lambda a: as_array(a).shape,
    np.ndim: lambda a: as_array(a).ndim,
    np.size: lambda a, axis=None: as_array(a).size if axis is None else as_array(a).shape[axis],
    np.copy: lambda a, **kwargs: copy(a),
    np.real: as_array,
    np.sinc: sinc,
    np.atleast_1d: _each(lambda a: a if a.ndim else a[None]),
    np.atleast_2d: _each(lambda a: a if a.ndim > 1 else a[None, :] if a.ndim else a[None, None]),
    np.atleast_3d: _each(padding.atleast_3d),
    np.result_type: lambda *xs: np.dtype(np.float64),
}
"""NumPy function → what it means on symbolic arrays."""

FUNCTIONS |= {getattr(np, name): function for name, function in statistics.IGNORING_NAN.items()}

NEWER: dict[str, Callable[..., Any]] = {
    "trapezoid": rearranging.trapezoid,
    "trapz": rearranging.trapezoid,
    "matrix_transpose": lambda x: products.swapaxes(x, -1, -2),
    "cumulative_sum": lambda x, *, axis=None: rearranging.cumsum(x, axis),
    "cumulative_prod": lambda x, *, axis=None: statistics.cumprod(x, axis),
    "astype": lambda x, dtype, copy=True: astype(x, dtype),
    "unstack": lambda x, *, axis=0: tuple(products.moveaxis(x, axis, 0)),
    "linalg.outer": products.outer,
    "linalg.matmul": products.matmul,
    "linalg.trace": lambda x, *, offset=0: products.trace(x, offset, -2, -1),
    "linalg.diagonal": lambda x, *, offset=0: products.diagonal(x, offset, -2, -1),
    "linalg.cross": products.cross,
    "linalg.tensordot": products.tensordot,
    "linalg.matrix_transpose": lambda x: products.swapaxes(x, -1, -2),
    "linalg.vecdot": lambda x, y, *, axis=-1: reductions.sum_(as_array(x) * y, axis),
    "linalg.matrix_norm": lambda x, *, keepdims=False, ord="fro": norms.norm(x, ord, (-2, -1), keepdims),
    "linalg.vector_norm": lambda x, *, axis=None, keepdims=False, ord=2: norms.vector_norm(x, axis, keepdims, ord),
}
"""Functions that not every supported NumPy has, by name."""

for _path, _row in NEWER.items():
    _found: Any = np
    for _part in _path.split("."):
        _found = getattr(_found, _part, None)
    if _found is not None:
        FUNCTIONS.setdefault(_found, _row)

REFUSED: dict[Any, str] = {
    np.unique: "its size depends on the data",
    np.interp: "it looks up the piece by the data; write the pieces with np.where",
    np.searchsorted: "it looks up places by the data; compare and add up instead",
    np.digitize: "it looks up places by the data; compare and add up instead",
    np.histogram: "it counts by the data; compare and add up instead",
    np.lexsort: "it sorts by several keys, which the engine does not",
    np.partition: "the order inside of its parts is left open; np.sort has one",
    np.argpartition: "the order inside of its parts is left open; np.argsort has one",
    np.linalg.qr: "triangular factors are not in the engine",
    np.linalg.pinv: "it jumps where the rank changes; for full column rank write np.linalg.solve(A.T @ A, A.T)",
    np.linalg.eig: "eigenvalues may be complex; np.linalg.eigh of a symmetric matrix is in the engine",
    np.linalg.eigvals: "eigenvalues may be complex; np.linalg.eigvalsh of a symmetric matrix is in the engine",
    np.linalg.svd: "singular vectors are not in the engine",
}
"""Known functions that are refused, with the reason."""


_LATER: dict[Any, Callable[..., Any]] = {
    np.copyto: pieces.copyto,
    np.putmask: pieces.putmask,
    np.place: pieces.place,
    np.fill_diagonal: fill_diagonal,
    np.put_along_axis: picking.put_along_axis,
    np.all: statistics.all_,
    np.any: statistics.any_,
    np.allclose: lambda *args, **kwargs: statistics.all_(isclose(*args, **kwargs)),
    np.array_equal: array_equal,
    np.nonzero: masking.nonzero,
    np.flatnonzero: masking.flatnonzero,
    np.argwhere: masking.argwhere,
    np.diag_indices_from: grids.diag_indices_from,
    np.tril_indices_from: grids.tril_indices_from,
    np.triu_indices_from: grids.triu_indices_from,
    np.iscomplexobj: lambda x: False,
    np.isrealobj: lambda x: True,
    np.may_share_memory: lambda a, b, max_work=None: a is b,
}
"""More rows of :data:`FUNCTIONS`: stores, questions, and places that depend on the data."""


def with_out(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a row; ``out=`` stores its result."""
    given = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    out = given.pop("out", None)
    result = function(*args, **given)
    if out is None:
        return result
    from .numpy_ufuncs import store_out

    return store_out(out, result)


def call_function(function: Any, args: Any, kwargs: Any) -> Any:
    """``Array.__array_function__``."""
    found = FUNCTIONS.get(function) or _LATER.get(function)
    if found is not None:
        return with_out(found, args, kwargs)
    name = getattr(function, "__name__", str(function))
    if function in REFUSED:
        raise UnsupportedError(f"np.{name} is not supported on symbolic arrays: {REFUSED[function]}")
    known = ", ".join(sorted({f.__name__ for f in FUNCTIONS}))
    raise UnsupportedError(f"np.{name} is not supported on symbolic arrays; supported are {known}")
