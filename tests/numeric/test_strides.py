"""Views by as_strided on balls: none reaches beyond the memory of its array, where reading would end the process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from gradproof.numeric.balls.strides import outside
from gradproof.numeric.verification.verify import verify_backward

RNG = np.random.default_rng(0)
INPUTS = {"x": RNG.standard_normal(6), "w": RNG.standard_normal(3)}


def windows(x: Any, count: int) -> Any:
    return np.lib.stride_tricks.as_strided(x, (count, 3), (x.strides[0], x.strides[0]))


def forward(x: Any, w: Any) -> Any:
    return windows(x, 4) @ w


def backward(dout: Any, x: Any, w: Any) -> Any:
    return windows(np.pad(dout, 2), 6) @ w[::-1], windows(x, 4).T @ dout


def too_short(dout: Any, x: Any, w: Any) -> Any:
    """The last window reads one element that is not there."""
    return windows(np.pad(dout, (2, 1)), 6) @ w[::-1], windows(x, 4).T @ dout


def imported(dout: Any, x: Any, w: Any) -> Any:
    padded = np.pad(dout, (2, 1))
    return as_strided(padded, (6, 3), padded.strides * 2) @ w[::-1], windows(x, 4).T @ dout


def misaligned(dout: Any, x: Any, w: Any) -> Any:
    return as_strided(np.pad(dout, 2), (6, 3), (8, 4)) @ w[::-1], windows(x, 4).T @ dout


@pytest.mark.parametrize("prove", [True, False])
def test_windows_within_an_array_are_certified(prove: bool) -> None:
    assert verify_backward(forward, backward, INPUTS, prove=prove).ok


@pytest.mark.parametrize("gradient", [too_short, imported])
def test_what_is_read_beside_an_array_decides_nothing(gradient: Any) -> None:
    report = verify_backward(forward, gradient, INPUTS)
    assert report.verdict.name == "unknown"
    reason = report.findings[0].verdict.reason
    assert "test_strides.py" in reason and "reads 1 element behind the end of an array of 7" in reason


def test_a_stride_that_is_no_multiple_of_an_element_is_refused() -> None:
    reason = verify_backward(forward, misaligned, INPUTS).findings[0].verdict.reason
    assert "no multiple of the 8 bytes" in reason


def test_a_view_may_reach_beyond_a_slice_into_the_array_that_it_is_of() -> None:
    whole = np.zeros((4, 5))
    middle = whole[1:3, 1:3]
    assert outside(middle, (3, 4), middle.strides) == ""
    assert outside(middle, (4, 4), middle.strides) == "as_strided reads 5 elements behind the end of an array of 20"
    assert outside(middle, (2, 8), (8, -8)) == "as_strided reads 1 element before the beginning of an array of 20"
    assert outside(middle, (0, 99), (8, 8)) == ""
