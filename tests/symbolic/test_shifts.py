"""A softmax or logsumexp that is written with its maximum subtracted is one: in formulas, in code, in derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

SHAPES = {"X": ("m", "k"), "Y": ("m", "k")}


def softmax_loss(X: Any, Y: Any) -> Any:
    e = np.exp(X - X.max(axis=1, keepdims=True))
    P = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.sum(Y * np.log(P), axis=1))


def named_loss(X: Any, Y: Any) -> Any:
    z = X - np.max(X, axis=-1, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
    return -np.sum(Y * logp) / Y.shape[0]


def logsumexp_loss(X: Any, Y: Any) -> Any:
    top = X.max(axis=1, keepdims=True)
    lse = top + np.log(np.sum(np.exp(X - top), axis=1, keepdims=True))
    return -np.mean(np.sum(Y * (X - lse), axis=1))


def sliced_loss(X: Any, Y: Any) -> Any:
    top = np.max(X, axis=1)
    lse = top + np.log(np.sum(np.exp(X - top[:, None]), axis=1))
    return np.mean(lse - np.sum(X * Y, axis=1))


def squared_loss(X: Any, Y: Any) -> Any:
    z = (X - X.max(axis=1, keepdims=True)) / 3
    e = np.exp(z)
    P = e / e.sum(axis=1, keepdims=True)
    return np.sum((P - Y) ** 2)


def attention_loss(X: Any, Y: Any) -> Any:
    scores = X @ Y.T
    scores = scores - scores.max(axis=1, keepdims=True)
    e = np.exp(scores)
    A = e / e.sum(axis=1, keepdims=True)
    return np.sum((A @ Y) ** 2)


LOSSES = [softmax_loss, named_loss, logsumexp_loss, sliced_loss, squared_loss, attention_loss]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_maximum_that_cancels_is_not_in_the_formula_and_taken_once_by_the_code(loss: Any) -> None:
    value = gp.trace(loss, SHAPES)
    gradient = gp.grad(value, gp.array("X", ("m", "k")))
    for array in (value, gradient):
        assert r"\operatorname{max}" not in array.latex()
        assert "{max}" not in array.latex("index")
        assert array.numpy().count(".max(") <= 1


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_loss_as_written(loss: Any) -> None:
    rng = np.random.default_rng(1)
    X, Y, step = rng.normal(size=(3, 4)), rng.uniform(size=(3, 4)), rng.normal(size=(3, 4))
    found = gp.grad(gp.trace(loss, SHAPES), gp.array("X", ("m", "k"))).evaluate({"X": X, "Y": Y})
    h = 1e-6
    along = (loss(X + h * step, Y) - loss(X - h * step, Y)) / (2 * h)
    assert np.sum(found * step) == pytest.approx(along, rel=1e-7)


@pytest.mark.parametrize("loss", [softmax_loss, named_loss, squared_loss])
def test_the_code_keeps_its_digits_at_large_logits(loss: Any) -> None:
    X, Y = np.array([[1000.0, 0.0, -1000.0]]), np.array([[1.0, 0.0, 0.0]])
    compute = gp.compile(gp.grad(gp.trace(loss, SHAPES), gp.array("X", ("m", "k"))))
    assert np.all(np.isfinite(compute(X=X, Y=Y)))


def test_a_name_that_somebody_gave_to_the_logsumexp_is_that_of_the_whole_one() -> None:
    assert (
        r"\operatorname{lse} &= \operatorname{logsumexp}_{\text{rows}}\left(X\right)"
        in gp.trace(logsumexp_loss, SHAPES).latex()
    )


def test_a_maximum_that_the_loss_needs_stays() -> None:
    def loss(X: Any, Y: Any) -> Any:
        top = X.max(axis=1, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(X - top), axis=1)) * Y[:, 0])

    value = gp.trace(loss, SHAPES)
    assert r"\operatorname{max}" in value.latex()
    X, Y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])
    assert value.evaluate({"X": X, "Y": Y}) == pytest.approx(loss(X, Y), rel=1e-12)
    step, h = np.array([[0.3, -0.2], [0.7, 0.1]]), 1e-6
    along = (loss(X + h * step, Y) - loss(X - h * step, Y)) / (2 * h)
    gradient = gp.grad(value, gp.array("X", ("m", "k"))).evaluate({"X": X, "Y": Y})
    assert np.sum(gradient * step) == pytest.approx(along, rel=1e-7)


def test_a_maximum_over_all_that_shifts_rows_drops_out() -> None:
    X = gp.array("X", ("m", "k"))
    e = np.exp(X - X.max())
    assert (e / e.sum(axis=1, keepdims=True)).latex() == r"\operatorname{softmax}_{\text{rows}}\left(X\right)"


def test_a_maximum_that_depends_on_the_index_of_the_sum_stays() -> None:
    X = gp.array("X", ("m", "k"))
    e = np.exp(X - X.max(axis=0))
    P = e / e.sum(axis=1, keepdims=True)
    assert "{max}" in P.latex("index")
    at = np.random.default_rng(2).normal(size=(3, 4))
    direct = np.exp(at - at.max(axis=0))
    assert P.evaluate({"X": at}) == pytest.approx(direct / direct.sum(axis=1, keepdims=True), rel=1e-12)


def test_derivatives_by_the_shifted_logits_are_those_by_what_the_user_named() -> None:
    X, Y = gp.array("X", ("m", "k")), gp.array("Y", ("m", "k"))
    z = (X - X.max(axis=1, keepdims=True)).named("z")
    e = np.exp(z)
    loss = -np.sum(Y * np.log(e / e.sum(axis=1, keepdims=True)))
    at = {"X": np.random.default_rng(3).normal(size=(2, 3)), "Y": np.eye(2, 3)}
    shifted = np.exp(at["X"] - at["X"].max(axis=1, keepdims=True))
    expected = shifted / shifted.sum(axis=1, keepdims=True) - at["Y"]
    assert gp.grad(loss, z).evaluate(at) == pytest.approx(expected, rel=1e-12)
    assert gp.grad(loss, X).evaluate(at) == pytest.approx(expected, rel=1e-12)
    assert gp.derive(loss, wrt=[z]).check()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_line_of_the_derivation_holds(loss: Any) -> None:
    derivation = gp.derive(gp.trace(loss, SHAPES), wrt=[gp.array("X", ("m", "k"))])
    assert derivation.check()
    assert r"\operatorname{max}" not in derivation.latex()


def test_the_softmax_in_the_derivative_is_the_one_that_somebody_named() -> None:
    X, Y = gp.array("X", ("m", "k")), gp.array("Y", ("m", "k"))
    P = (np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)).named("P")
    loss = np.sum((P - Y) ** 2)
    assert "p &=" not in gp.grad(loss, X).latex()
    assert "p_" not in gp.derive(loss, wrt=[X]).latex("index")
    V = gp.array("V", ("m", "k"))
    assert "p &=" not in gp.hvp(loss, X, V).latex()


def test_a_derivation_in_matrix_form_says_what_the_softmax_has_to_do_with_the_logsumexp() -> None:
    X, Y = gp.array("X", ("m", "k")), gp.array("Y", ("m", "k"))
    tex = gp.derive(-np.sum(Y * np.log(gp.softmax(X))) / X.shape[0], wrt=[X]).latex("matrix")
    assert (
        r"p &= \operatorname{softmax}_{\text{rows}}\left(X\right) \\ &= \exp\left(X - t \mathbf{1}^{\top}\right)" in tex
    )
