"""Labels and probabilities that add up to 1, along whichever axis, are that at other shapes too, and exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gradproof.numeric.verification.domains import axis_of_shares, exact_shares, kind_of
from gradproof.numeric.verification.verify import verify

RNG = np.random.default_rng(0)
LABELS = [0, 2, 1, 1]
HOT = np.eye(3)[LABELS]
SOFT = RNG.dirichlet(np.ones(3), size=4)


def softmax(z: Any, axis: int) -> Any:
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def checked(y: Any, axis: int, times: float = 1, prove: bool = True) -> Any:
    """The report on p − y, the gradient of the cross-entropy by its logits."""

    def loss(z: Any, y: Any) -> Any:
        return -np.sum(y * np.log(softmax(z, axis)))

    def gradient(z: Any, y: Any) -> Any:
        return times * (softmax(z, axis) - y)

    inputs = {"z": RNG.standard_normal(y.shape), "y": y}
    return verify(loss, gradient, inputs, wrt="z", prove=prove)


@pytest.mark.parametrize("prove", [True, False])
@pytest.mark.parametrize(
    ("y", "axis"),
    [
        (HOT, 1), (HOT.T, 0), (HOT[:1].T, 0), (HOT[0], 0), (SOFT, 1), (SOFT.T, 0), (SOFT[:1].T, 0), (SOFT[0], 0),
        (np.stack([HOT, HOT[::-1]]).transpose(0, 2, 1), 1), (SOFT.astype(np.float32), 1),
    ],
)  # fmt: skip
def test_the_gradient_of_a_cross_entropy_is_right_whichever_axis_the_classes_are(
    y: Any, axis: int, prove: bool
) -> None:
    report = checked(y, axis, prove=prove)
    assert report.ok, str(report)


@pytest.mark.parametrize("y", [HOT.T, SOFT.T])
def test_it_is_refuted_where_it_is_wrong(y: Any) -> None:
    assert checked(y, 0, times=2).verdict.name == "refuted"
    assert checked(y, 0, times=1 + 1e-9).verdict.name == "refuted"


def test_a_mean_over_classes_is_refuted_though_there_are_as_many_examples() -> None:
    y = np.eye(4)[[0, 2, 1, 1]].T

    def loss(z: Any, y: Any) -> Any:
        return -np.sum(y * np.log(softmax(z, 0))) / z.shape[1]

    report = verify(
        loss, lambda z, y: (softmax(z, 0) - y) / z.shape[0], {"z": RNG.standard_normal((4, 4)), "y": y}, "z"
    )
    assert report.verdict.name == "refuted"


def test_a_rounding_that_was_taken_away_is_told() -> None:
    assert any("y adds up to 1 along axis 1 but for rounding" in note for note in checked(SOFT, 1).notes)
    assert not any("but for rounding" in note for note in checked(HOT, 1).notes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_shares_add_up_to_one_and_differ_by_roundings(dtype: Any) -> None:
    given = np.concatenate([SOFT, [[1e-12, 0, 1 - 1e-12]]]).astype(dtype)
    axis = axis_of_shares(given)
    assert axis == 1
    exact = exact_shares(given, axis)
    assert exact.dtype == dtype
    assert [sum(map(Fraction, row.tolist())) for row in exact] == [1] * len(given)
    assert np.max(np.abs(exact - given)) <= 3 * np.finfo(dtype).eps
    assert np.array_equal(exact > 0, given > 0)


def test_what_adds_up_to_something_else_is_no_share() -> None:
    assert axis_of_shares(np.full((2, 3), 0.3)) is None
    assert axis_of_shares(np.array([[2.0, -1.0], [0.5, 0.5]])) is None
    assert kind_of(np.array([[0.2, 0.8], [0.3, 0.7]]), parameter=True) == "unit"
