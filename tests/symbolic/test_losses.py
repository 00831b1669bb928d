"""Losses: values and derivatives against the independent table in gradproof.numeric, and targets that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.reference import losses as written
from gradproof.symbolic.arrays.array import array
from gradproof.symbolic.calculus.differentiate import grad
from gradproof.symbolic.networks.losses import LOSSES, check_targets, cost, l1_penalty, l2_penalty


def data(loss: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    prediction = (
        rng.uniform(0.05, 0.95, (4, 3)) if "cross" in loss and "logits" not in loss else 2 * rng.normal(size=(4, 3))
    )
    if loss == "cross_entropy":
        return prediction, np.eye(3)[[0, 2, 1, 1]]
    if loss == "hinge":
        return prediction, rng.choice([-1.0, 1.0], (4, 3))
    return prediction, rng.uniform(0, 1, (4, 3))


def test_both_tables_have_the_same_names() -> None:
    assert set(LOSSES) == set(written.LOSSES) - {"cross_entropy_with_logits"}


@pytest.mark.parametrize("loss", LOSSES)
def test_value_and_gradient_are_those_of_the_hand_written_loss(loss: str, evaluate_naively: Any) -> None:
    a, y = data(loss)
    C = cost(loss, (A := array("A", ("m", "n"))), array("Y", ("m", "n")))
    values = {"A": a, "Y": y}
    assert evaluate_naively(C, values) == pytest.approx(float(written.LOSSES[loss].value(a, y)), rel=1e-12)
    expected = written.LOSSES[loss].gradient(a, y)
    np.testing.assert_allclose(evaluate_naively(grad(C, A), values), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_cost_is_one_equation_and_states_its_formula(loss: str) -> None:
    C = cost(loss, array("A", ("m", "n")), array("Y", ("m", "n")))
    assert len(C.system()) == 1
    assert LOSSES[loss].doc.startswith((r"\frac1", r"-\frac1"))


@pytest.mark.parametrize(("penalty", "name"), [(l1_penalty, "l1"), (l2_penalty, "l2")])
def test_penalties_agree_with_the_hand_written_ones(penalty: Any, name: str, evaluate_naively: Any) -> None:
    W = array("W", ("n", "k"))
    weight = np.random.default_rng(3).normal(size=(2, 3))
    R = penalty(W, 0.25)
    assert evaluate_naively(R, {"W": weight}) == pytest.approx(getattr(written, f"{name}_penalty")(weight, 0.25))
    expected = getattr(written, f"{name}_gradient")(weight, 0.25)
    np.testing.assert_allclose(evaluate_naively(grad(R, W), {"W": weight}), expected, rtol=1e-13)


def test_the_strength_of_a_penalty_is_read_as_an_exact_decimal() -> None:
    assert l2_penalty(array("W", ("n", "k")), 0.1).definition.rhs.as_coeff_Mul()[0] == sp.Rational(1, 20)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(m, n\) but the target \(m, k\)"):
        cost("mse", array("A", ("m", "n")), array("Y", ("m", "k")))


@pytest.mark.parametrize(
    ("loss", "targets", "advice"),
    [
        ("hinge", [[0.0], [1.0]], r"2 \* Y - 1"),
        ("binary_cross_entropy", [[-1.0]], r"\(Y \+ 1\) / 2"),
        ("cross_entropy", [[1.0, 1.0]], "numpy.eye"),
        ("mae", [[1.0]], "did you mean"),
    ],
)
def test_targets_that_do_not_fit_the_loss_are_refused(loss: str, targets: Any, advice: str) -> None:
    with pytest.raises(UsageError, match=advice):
        check_targets(loss, targets)


def test_targets_that_fit_are_accepted() -> None:
    check_targets("hinge", [[-1.0, 1.0]])
    check_targets("cross_entropy", [[0.0, 1.0]])
    check_targets("mse", [[7.0]])
