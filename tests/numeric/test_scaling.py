"""Scalers put the fitted rows where they say, undo themselves, and name the column they cannot scale."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.training.scaling import MinMaxScaler, StandardScaler

SCALERS = [MinMaxScaler, StandardScaler]
ROWS = np.array([[1.0, -50.0], [2.0, 0.0], [4.0, 25.0], [3.0, 10.0]])


def test_min_max_reaches_zero_and_one_in_every_column() -> None:
    scaled = MinMaxScaler.fit(ROWS).transform(ROWS)
    assert scaled.min(axis=0).tolist() == [0, 0] and scaled.max(axis=0).tolist() == [1, 1]


def test_standard_gives_mean_zero_and_deviation_one() -> None:
    scaled = StandardScaler.fit(ROWS).transform(ROWS)
    assert_allclose(scaled.mean(axis=0), 0, atol=1e-15)
    assert_allclose((scaled**2).mean(axis=0), 1, rtol=1e-14)


def test_one_common_range_keeps_blank_columns() -> None:
    pixels = np.array([[0.0, 16.0], [0.0, 4.0]])
    assert MinMaxScaler.fit(pixels, per_column=False).transform(pixels).tolist() == [[0, 1], [0, 0.25]]
    with pytest.raises(UsageError, match="the data are constant"):
        MinMaxScaler.fit(np.ones((2, 3)), per_column=False)


@pytest.mark.parametrize("scaler", SCALERS)
@given(rows=arrays(float, (4, 2), elements=st.floats(-1e6, 1e6)))
def test_the_inverse_undoes_the_transformation(scaler: type[MinMaxScaler], rows: np.ndarray) -> None:
    fitted = scaler.fit(ROWS)
    assert_allclose(fitted.inverse(fitted.transform(rows)), rows, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("scaler", SCALERS)
def test_new_rows_are_scaled_by_what_was_fitted(scaler: type[MinMaxScaler]) -> None:
    fitted = scaler.fit(ROWS)
    assert_allclose(fitted.transform(ROWS[:1]), fitted.transform(ROWS)[:1])


@pytest.mark.parametrize("scaler", SCALERS)
def test_a_constant_column_is_named(scaler: type[MinMaxScaler]) -> None:
    rows = np.column_stack([ROWS, np.full(4, 0.1)])
    with pytest.raises(UsageError, match=r"column 2 \(counted from 0\) is constant \(0.1 in every row\)"):
        scaler.fit(rows)
    with pytest.raises(UsageError, match="column 'height' is constant"):
        scaler.fit(rows, names=["a", "b", "height"])


@pytest.mark.parametrize("scaler", SCALERS)
def test_a_constant_whose_deviation_is_a_rounding_error_is_still_constant(scaler: type[MinMaxScaler]) -> None:
    rows = np.column_stack([np.arange(10.0), np.full(10, 0.1)])
    assert 0 < rows.std(axis=0)[1] < 1e-15
    with pytest.raises(UsageError, match=r"column 1 .*constant"):
        scaler.fit(rows)


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_with_its_column_and_row(scaler: type[MinMaxScaler], bad: float) -> None:
    rows = ROWS.copy()
    rows[2, 1] = bad
    with pytest.raises(UsageError, match=r"column 'b' has the value .* in row 2"):
        scaler.fit(rows, names=["a", "b"])
    with pytest.raises(UsageError, match="column 1 "):
        scaler.fit(ROWS).transform(rows)


@pytest.mark.parametrize("scaler", SCALERS)
def test_shapes_that_do_not_fit_are_refused(scaler: type[MinMaxScaler]) -> None:
    with pytest.raises(ShapeError, match="have 3 columns; the scaler was fitted on 2"):
        scaler.fit(ROWS).transform(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"shape \(3,\)"):
        scaler.fit([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match="3 names for 2 columns"):
        scaler.fit(ROWS, names=["a", "b", "c"])
    with pytest.raises(UsageError, match="not numbers"):
        scaler.fit([["a", "b"]])


@pytest.mark.parametrize("scaler", SCALERS)
def test_a_fitted_scaler_is_frozen(scaler: type[MinMaxScaler]) -> None:
    fitted = scaler.fit(ROWS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fitted.scale = np.ones(2)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        fitted.scale[0] = 1.0
