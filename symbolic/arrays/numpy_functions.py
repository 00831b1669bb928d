"""NumPy's functions on symbolic arrays: one row each; methods of arrays come from the same table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import define
from . import joining, linear_algebra, norms, picking, products, rearranging, reductions, reshaping, selecting
from .array import Array, as_array, elementwise
from .grouping import grouped, joined

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: reductions.sum_,
    np.mean: reductions.mean,
    np.average: reductions.mean,
    np.max: reductions.max_,
    np.amax: reductions.max_,
    np.min: reductions.min_,
    np.amin: reductions.min_,
    np.var: reductions.var,
    np.std: reductions.std,
    np.dot: products.dot,
    np.inner: products.inner,
    np.vdot: products.vdot,
    np.outer: products.outer,
    np.tensordot: products.tensordot,
    np.einsum: products.einsum,
    np.transpose: products.transpose,
    np.swapaxes: products.swapaxes,
    np.moveaxis: products.moveaxis,
    np.trace: products.trace,
    np.diagonal: products.diagonal,
    np.diag: products.diag,
    np.kron: products.kron,
    np.linalg.norm: norms.norm,
    np.linalg.inv: linear_algebra.inv,
    np.linalg.det: linear_algebra.det,
    np.linalg.slogdet: linear_algebra.slogdet,
    np.linalg.solve: linear_algebra.solve,
    np.linalg.matrix_power: linear_algebra.matrix_power,
    np.linalg.multi_dot: linear_algebra.multi_dot,
    np.where: selecting.where,
    np.clip: selecting.clip,
    np.reshape: reshaping.reshape,
    np.ravel: lambda x, order="C": reshaping.reshape(x, -1),
    np.squeeze: reshaping.squeeze,
    np.expand_dims: reshaping.expand_dims,
    np.broadcast_to: reshaping.broadcast_to,
    np.flip: reshaping.flip,
    np.fliplr: lambda x: reshaping.flip(x, 1),
    np.flipud: lambda x: reshaping.flip(x, 0),
    np.concatenate: joining.concatenate,
    np.stack: joining.stack,
    np.hstack: joining.hstack,
    np.vstack: joining.vstack,
    np.column_stack: joining.column_stack,
    np.split: joining.split,
    np.array_split: joining.array_split,
    np.hsplit: lambda x, n: joining.split(x, n, 1),
    np.vsplit: lambda x, n: joining.split(x, n, 0),
    np.pad: joining.pad,
    np.repeat: joining.repeat,
    np.tile: joining.tile,
    np.tril: rearranging.tril,
    np.triu: rearranging.triu,
    np.roll: rearranging.roll,
    np.diff: rearranging.diff,
    np.insert: rearranging.insert,
    np.append: rearranging.append,
    np.take: rearranging.take,
    np.take_along_axis: picking.take_along_axis,
    np.argmax: picking.argmax,
    np.argmin: picking.argmin,
    np.unravel_index: picking.unravel_index,
    np.cumsum: rearranging.cumsum,
    np.lib.stride_tricks.sliding_window_view: rearranging.sliding_window_view,
    np.rollaxis: lambda x, axis, start=0: products.moveaxis(x, axis, start - (start > axis)),
    np.prod: lambda x, axis=None, **kwargs: reductions.prod(x, axis, **kwargs),
    np.count_nonzero: lambda x, axis=None, keepdims=False: reductions.sum_(as_array(x) != 0, axis, keepdims=keepdims),
    np.zeros_like: joining.zeros_like,
    np.empty_like: joining.zeros_like,
    np.ones_like: joining.ones_like,
    np.full_like: joining.full_like,
    np.shape: lambda x: as_array(x).shape,
    np.ndim: lambda x: as_array(x).ndim,
    np.size: lambda x, axis=None: as_array(x).size if axis is None else as_array(x).shape[axis],
    np.copy: lambda x, **kwargs: copy(x),
    np.real: as_array,
    np.atleast_1d: lambda x: x if as_array(x).ndim else as_array(x)[None],
    np.atleast_2d: lambda x: x if as_array(x).ndim > 1 else as_array(x)[None, :],
    np.result_type: lambda *xs: np.dtype(np.float64),
}
"""NumPy function → what it means on symbolic arrays."""

REFUSED: dict[Any, str] = {
    np.sort: "a sort permutes by the data, and the engine has no permutations",
    np.argsort: "a sort permutes by the data, and the engine has no permutations",
    np.unique: "its size depends on the data",
    np.nonzero: "its size depends on the data",
    np.median: "it picks elements by the data",
    np.linalg.pinv: "it jumps where the rank changes; for full column rank write np.linalg.solve(A.T @ A, A.T)",
    np.linalg.lstsq: "it goes through the pseudo-inverse; for full column rank write np.linalg.solve(A.T @ A, A.T @ b)",
    np.linalg.eig: "eigenvalues are not in the engine",
    np.linalg.eigvals: "eigenvalues are not in the engine",
    np.linalg.svd: "singular vectors are not in the engine",
}
"""Known functions that are refused, with the reason."""


def copy(x: Any, **kwargs: Any) -> Any:
    """Another handle on the same equation, so that stores into one do not reach the other."""
    source = as_array(x)
    made = Array(source.definition)
    made._grouped = source._grouped
    return made


def astype(x: Any, dtype: Any, **kwargs: Any) -> Any:
    """A cast to floats keeps the values; a cast of values to integers is refused, since it rounds."""
    source = as_array(x)
    kind = np.dtype(dtype)
    definition = source.definition
    words = definition.assumptions & {"integer", "boolean"}
    if np.issubdtype(kind, np.integer) and not words:
        raise UnsupportedError(f"astype({kind}) rounds {source.name}: rounding has no useful derivative")
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


def copyto(target: Any, source: Any, casting: Any = None, where: Any = True) -> None:
    """``np.copyto``: a store into the whole array, or where a mask holds."""
    if not isinstance(target, Array):
        raise UnsupportedError("np.copyto stores a symbolic value into a NumPy array of floats; make it symbolic first")
    if where is True:
        target[...] = source
    else:
        target[...] = selecting.where(where, source, target)


def fill_diagonal(x: Any, value: Any) -> None:
    """``np.fill_diagonal`` of a matrix."""
    if not isinstance(x, Array) or x.ndim != 2:
        raise UnsupportedError("np.fill_diagonal is supported for symbolic matrices")
    rows, columns = x.definition.shape
    x[...] = selecting.where(products.eye(rows, columns) > 0, value, x)


def fill(x: Any, value: Any) -> None:
    """``x.fill(value)``."""
    x[...] = value


def known_truth(x: Any, what: str) -> bool:
    """``np.all``/``np.any`` where the mask is the same constant everywhere (shape checks, ``np.isfinite``)."""
    value = as_array(x).definition.rhs
    if value is not None and value.is_number:
        return bool(value)
    raise UnsupportedError(f"{what} of {as_array(x).name} depends on values, which are symbolic; use np.where")


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
    "ravel": lambda x: reshaping.reshape(x, -1),
    "flatten": lambda x: reshaping.reshape(x, -1),
    "squeeze": reshaping.squeeze,
    "tolist": lambda x: list(as_array(x)) if as_array(x).ndim == 1 else [row.tolist() for row in as_array(x)],
    "cumsum": rearranging.cumsum,
    "take": rearranging.take,
    "argmax": picking.argmax,
    "argmin": picking.argmin,
    "prod": lambda x, axis=None, **kwargs: reductions.prod(x, axis, **kwargs),
    "repeat": joining.repeat,
    "clip": selecting.clip,
    "copy": copy,
    "astype": astype,
    "item": lambda x: x if as_array(x).ndim == 0 else reshaping.reshape(x, ()),
    "conj": lambda x: x,
    "erf": lambda x: elementwise("erf", sp.erf, x),
    "fill": fill,
    "all": lambda x, axis=None: known_truth(x, "all()"),
    "any": lambda x, axis=None: known_truth(x, "any()"),
}
"""Methods of :class:`~gradproof.symbolic.arrays.array.Array`."""


_LATER: dict[Any, Callable[..., Any]] = {
    np.copyto: copyto,
    np.fill_diagonal: fill_diagonal,
    np.put_along_axis: picking.put_along_axis,
    np.all: lambda x, axis=None: known_truth(x, "np.all"),
    np.any: lambda x, axis=None: known_truth(x, "np.any"),
}
"""More rows of :data:`FUNCTIONS`: stores and questions."""


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
