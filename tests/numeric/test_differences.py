"""Differences have the order of accuracy that is claimed for them, and say so where they cannot work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gradproof.errors import ShapeError, UnsupportedError, UsageError
from gradproof.numeric.reference.common import Params
from gradproof.numeric.reference.differences import central_difference, compare, complex_step, directional

PARAMS: Params = {"w": np.array([[0.3, -1.2], [2.0, 0.7]]), "b": np.array(0.5)}


def curve(p: Params) -> Any:
    return np.sum(np.exp(p["w"]) * np.sin(p["b"])) + p["w"][0, 1] ** 3


def slopes() -> Params:
    w, b = PARAMS["w"], PARAMS["b"]
    by_w = np.exp(w) * np.sin(b)
    by_w[0, 1] += 3 * w[0, 1] ** 2
    return {"w": by_w, "b": np.sum(np.exp(w)) * np.cos(b)}


def worst(claimed: Params) -> float:
    return max(compare(claimed, slopes()).values())


def test_each_method_has_its_accuracy() -> None:
    assert worst(central_difference(curve, PARAMS)) < 1e-8
    assert worst(central_difference(curve, PARAMS, richardson=True)) < 1e-11
    assert worst(complex_step(curve, PARAMS)) < 1e-15


def test_the_error_of_a_central_difference_falls_with_h_squared_and_by_richardson_with_h_to_the_fourth() -> None:
    plain = [worst(central_difference(curve, PARAMS, h=h)) for h in (0.1, 0.05)]
    mended = [worst(central_difference(curve, PARAMS, h=h, richardson=True)) for h in (0.1, 0.05)]
    assert plain[0] / plain[1] == pytest.approx(4, rel=0.05)
    assert mended[0] / mended[1] == pytest.approx(16, rel=0.05)


def test_a_directional_difference_is_the_gradient_along_the_direction() -> None:
    along = {"w": np.array([[1.0, -2.0], [0.5, 0.0]]), "b": np.array(3.0)}
    expected = sum(float(np.sum(g * along[name])) for name, g in slopes().items())
    assert directional(curve, PARAMS, along) == pytest.approx(expected, rel=1e-8)
    assert directional(curve, PARAMS, along, richardson=True) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("method", [central_difference, complex_step])
def test_parameters_are_left_as_they_were(method: Any) -> None:
    before = {name: value.copy() for name, value in PARAMS.items()}
    grads = method(curve, PARAMS)
    assert all((PARAMS[name] == before[name]).all() for name in before)
    assert {name: g.shape for name, g in grads.items()} == {"w": (2, 2), "b": ()}


def test_a_loss_that_drops_the_imaginary_part_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="use central_difference"):
        complex_step(lambda p: np.sum(np.abs(p["w"])), {"w": np.ones(2)})


def test_integers_are_taken_as_floats_and_other_things_refused() -> None:
    assert_allclose(central_difference(lambda p: np.sum(p["w"] ** 2), {"w": np.array([1, 2])})["w"], [2.0, 4.0])
    with pytest.raises(UsageError, match="parameter w has dtype object"):
        central_difference(lambda p: 0.0, {"w": np.array([None])})


def test_bad_steps_directions_and_claims_are_refused() -> None:
    with pytest.raises(UsageError, match="the step h is 0"):
        central_difference(curve, PARAMS, h=0)
    with pytest.raises(UsageError, match="the direction has w; expected w, b"):
        directional(curve, PARAMS, {"w": PARAMS["w"]})
    with pytest.raises(ShapeError, match=r"w of the claimed gradient has shape \(4,\); expected \(2, 2\)"):
        compare({**slopes(), "w": slopes()["w"].ravel()}, slopes())
    with pytest.raises(UsageError, match="claimed gradient has nothing"):
        compare({}, slopes())


def test_compare_judges_each_parameter_by_itself_and_calls_nan_infinite() -> None:
    claimed = {"w": 1.01 * slopes()["w"], "b": slopes()["b"]}
    errors = compare(claimed, slopes())
    assert errors["w"] == pytest.approx(0.01 / 1.01) and errors["b"] == 0
    assert compare({**claimed, "b": np.array(np.nan)}, slopes())["b"] == np.inf
    zero = {"w": np.zeros(2)}
    assert compare(zero, zero) == {"w": 0.0}
    assert compare({"w": np.array([0.0, 1e-30])}, zero) == {"w": 1.0}
    assert compare({"w": np.zeros(0)}, {"w": np.zeros(0)}) == {"w": 0.0}


@given(factor=st.floats(-10, 10), scale=st.sampled_from([1e-12, 1.0, 1e12]))
def test_compare_is_relative_at_every_scale(factor: float, scale: float) -> None:
    reference = {"w": scale * np.array([1.0, -0.5])}
    expected = abs(factor - 1) / max(abs(factor), 1)
    assert compare({"w": factor * reference["w"]}, reference)["w"] == pytest.approx(expected, abs=1e-12)
