"""Grids and index arrays: meshgrid, ``np.r_`` and ``np.c_``, the indices of diagonals and triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.dims import as_dim, broadcast_shapes
from .array import Array, as_array
from .joining import arange, concatenate, full
from .masking import MaskPlaces, nonzero
from .reshaping import broadcast_to


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> list[Array]:
    """``np.meshgrid``: each vector along its own axis, spread over the others."""
    from .products import swapaxes

    if indexing not in ("xy", "ij"):
        raise ShapeError(f"np.meshgrid: the indexing is 'xy' or 'ij', not {indexing!r}")
    vectors = [as_array(x) for x in xi]
    if any(v.ndim > 1 for v in vectors):
        raise UnsupportedError("np.meshgrid flattens arrays with more axes; give vectors")
    rank = len(vectors)
    made = []
    for p, v in enumerate(vectors):
        line = v if v.ndim else v[None]
        made.append(line[tuple(slice(None) if q == p else None for q in range(rank))])
    if indexing == "xy" and rank > 1:
        made = [swapaxes(one, 0, 1) for one in made]
    if not sparse:
        shape = broadcast_shapes(*(one.definition.shape for one in made), what="np.meshgrid")
        made = [Array(broadcast_to(one, shape).definition) for one in made]
    return [Array(one.definition) for one in made] if copy else made


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Array, ...]:
    """``np.broadcast_arrays``."""
    arrays = [as_array(a) for a in args]
    shape = broadcast_shapes(*(a.definition.shape for a in arrays), what="np.broadcast_arrays")
    return tuple(broadcast_to(a, shape) for a in arrays)


class Joiner:
    """``np.r_`` (``columns`` false) and ``np.c_``: what stands between the brackets, joined."""

    def __init__(self, plain: Any, columns: bool) -> None:
        self._plain, self._columns = plain, columns

    def __getitem__(self, key: Any) -> Any:
        parts = list(key) if isinstance(key, tuple) else [key]
        if not any(_is_symbolic(part) for part in parts):
            return self._plain[key]
        if any(isinstance(part, str) for part in parts):
            raise UnsupportedError("np.r_ with a text that says how to join is not supported; use np.concatenate")
        arrays = [_of_slice(part) if isinstance(part, slice) else as_array(part) for part in parts]
        rows = [a if a.ndim else a[None] for a in arrays]
        if self._columns:
            return concatenate([a if a.ndim > 1 else a[:, None] for a in rows], -1)
        return concatenate(rows, 0)


def _is_symbolic(part: Any) -> bool:
    if isinstance(part, slice):
        return any(isinstance(bound, (Array, sp.Expr)) for bound in (part.start, part.stop, part.step))
    if isinstance(part, (list, tuple)):
        return any(map(_is_symbolic, part))
    return isinstance(part, (Array, sp.Expr))


def _of_slice(part: slice) -> Array:
    if any(isinstance(bound, sp.Expr) for bound in (part.start, part.stop, part.step)):
        return arange(part.start or 0, part.stop, part.step or 1)
    return as_array(np.r_[part])


# -- indices ----------------------------------------------------------------------------------------------------------
def diag_indices(n: Any, ndim: int = 2) -> tuple[Array, ...]:
    """``np.diag_indices``: the places on the main diagonal."""
    return (arange(as_dim(n, "np.diag_indices")),) * ndim


def diag_indices_from(arr: Any) -> tuple[Array, ...]:
    """``np.diag_indices_from``."""
    a = as_array(arr)
    return diag_indices(a.definition.shape[0], a.ndim)


def _triangle(n: Any, k: Any, m: Any, lower: bool) -> tuple[MaskPlaces, ...]:
    from .rearranging import tril, triu

    whole = full((n, n if m is None else m), 1)
    return nonzero((tril if lower else triu)(whole, k) > 0)


def tril_indices(n: Any, k: int = 0, m: Any = None) -> tuple[MaskPlaces, ...]:
    """``np.tril_indices`` of a symbolic size, as an index."""
    return _triangle(n, k, m, True)


def triu_indices(n: Any, k: int = 0, m: Any = None) -> tuple[MaskPlaces, ...]:
    """``np.triu_indices`` of a symbolic size, as an index."""
    return _triangle(n, k, m, False)


def _from(numbers: Any, places: Any) -> Any:
    """The indices for the shape of a matrix: NumPy's own where it consists of numbers, which keeps their order."""

    def indices(arr: Any, k: int = 0) -> Any:
        rows, columns = as_array(arr).definition.shape
        if rows.is_Integer and columns.is_Integer:
            return numbers(int(rows), k, int(columns))
        return places(rows, k, columns)

    return indices


tril_indices_from = _from(np.tril_indices, tril_indices)
triu_indices_from = _from(np.triu_indices, triu_indices)


def vander(x: Any, N: Any = None, increasing: bool = False) -> Array:
    """``np.vander``: powers of a vector as columns."""
    from .joining import stack

    a = as_array(x)
    count = a.definition.shape[0] if N is None else as_dim(N, "np.vander")
    if not count.is_Integer:
        raise UnsupportedError("np.vander with a symbolic number of columns is not supported; give N")
    powers: Sequence[int] = range(int(count))
    return stack([a ** int(p) if p else a * 0 + 1 for p in (powers if increasing else reversed(powers))], 1)


def polyval(p: Any, x: Any) -> Array:
    """``np.polyval`` by Horner's rule."""
    coefficients = as_array(p)
    if coefficients.ndim != 1 or not coefficients.definition.shape[0].is_Integer:
        raise UnsupportedError("np.polyval takes a vector of a known number of coefficients")
    a, result = as_array(x), as_array(0)
    for c in coefficients:
        result = result * a + c
    return result
