"""Scaling of data columns: fit on the training rows, then transform any rows; fitted scalers are frozen.

A constant column has no scale and a non-finite value spoils its column's, so both raise a UsageError that names the
column. Where all columns are one kind of quantity (pixels), fit with ``per_column=False``: one range for all of them.

>>> import numpy as np
>>> scaler = MinMaxScaler.fit(np.array([[0.0, 10.0], [5.0, 30.0]]))
>>> scaler.transform(np.array([[2.5, 20.0]])).tolist()
[[0.5, 0.5]]
>>> scaler.inverse(np.array([[0.5, 0.5]])).tolist()
[[2.5, 20.0]]
>>> MinMaxScaler.fit(np.array([[1.0, 7.0], [2.0, 7.0]]), names=["height", "age"])
Traceback (most recent call last):
gradproof.errors.UsageError: column 'age' is constant (7.0 in every row), so it has no scale; leave it out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from gradproof.errors import ShapeError, UsageError

from ..reference.common import FloatArray


def _columns(X: ArrayLike, names: Sequence[str] | None) -> tuple[FloatArray, list[str]]:
    """X as a float array of shape (rows, columns), checked, and what to call its columns."""
    try:
        rows = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the data are not numbers: {error}") from error
    if rows.ndim != 2 or 0 in rows.shape:
        raise ShapeError(f"the data have shape {rows.shape}; expected (rows, columns) with at least one of each")
    if names is not None and len(names) != rows.shape[1]:
        raise ShapeError(f"there are {len(names)} names for {rows.shape[1]} columns")
    called = [f"{j} (counted from 0)" for j in range(rows.shape[1])] if names is None else [repr(n) for n in names]
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        i, j = bad[0]
        raise UsageError(f"column {called[j]} has the value {rows[i, j]} in row {i} (counted from 0); mend or drop it")
    return rows, called


def _refuse_constant(rows: FloatArray, spread: FloatArray, called: Sequence[str]) -> None:
    """A spread of zero, or so small that it is rounding of a constant, cannot be divided by."""
    for j in np.flatnonzero(~(spread > 0)).tolist():
        what = "the data are" if spread.size < len(called) else f"column {called[j]} is"
        raise UsageError(f"{what} constant ({rows[0, j]} in every row), so it has no scale; leave it out")


def _frozen(array: Any) -> FloatArray:
    result: FloatArray = np.array(array, dtype=np.float64)
    result.setflags(write=False)
    return result


@dataclass(frozen=True, eq=False)
class _Affine:
    """x ↦ (x − offset)/scale by column; ``offset`` and ``scale`` have shape (columns,), or (1,) for a common range."""

    offset: FloatArray
    scale: FloatArray
    columns: int

    def transform(self, X: ArrayLike) -> FloatArray:
        """(X − offset)/scale, of X's shape (rows, columns); ShapeError for another number of columns."""
        result: FloatArray = (self._checked(X) - self.offset) / self.scale
        return result

    def inverse(self, scaled: ArrayLike) -> FloatArray:
        """scaled·scale + offset: undoes ``transform``."""
        result: FloatArray = self._checked(scaled) * self.scale + self.offset
        return result

    def _checked(self, X: ArrayLike) -> FloatArray:
        rows, _ = _columns(X, None)
        if rows.shape[1] != self.columns:
            raise ShapeError(f"the data have {rows.shape[1]} columns; the scaler was fitted on {self.columns}")
        return rows


class MinMaxScaler(_Affine):
    """(x − min)/(max − min): the fitted rows lie in [0, 1]."""

    @classmethod
    def fit(cls, X: ArrayLike, names: Sequence[str] | None = None, per_column: bool = True) -> Self:
        """Fit on X of shape (rows, columns), by column or over all values at once."""
        rows, called = _columns(X, names)
        axis = 0 if per_column else None
        low, high = np.atleast_1d(rows.min(axis=axis)), np.atleast_1d(rows.max(axis=axis))
        _refuse_constant(rows, high - low, called)
        return cls(_frozen(low), _frozen(high - low), rows.shape[1])


class StandardScaler(_Affine):
    """(x − mean)/deviation, with the population's deviation √(Σ(x − mean)²/rows)."""

    @classmethod
    def fit(cls, X: ArrayLike, names: Sequence[str] | None = None, per_column: bool = True) -> Self:
        """Fit on X of shape (rows, columns), by column or over all values at once."""
        rows, called = _columns(X, names)
        axis = 0 if per_column else None
        # decided on the range: the deviation of a constant such as 0.1 can be a rounding error above zero
        _refuse_constant(rows, np.atleast_1d(rows.max(axis=axis) - rows.min(axis=axis)), called)
        mean, deviation = np.atleast_1d(rows.mean(axis=axis)), np.atleast_1d(rows.std(axis=axis))
        return cls(_frozen(mean), _frozen(deviation), rows.shape[1])
