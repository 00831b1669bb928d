"""Products over axes of any size: derivatives are products of the others, which have values where entries are zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from decided import is_decided

import gradproof as gp

Case = Callable[[], tuple[Any, Any]]
m, n = gp.dims("m n")
x, u = gp.array("x", (n,)), gp.array("u", (n,))
X = gp.array("X", (m, n))
p = gp.array("p", (n,), positive=True)
product = np.prod(x)
EYE = gp.numpy.eye(n)

EQUAL: dict[str, Case] = {
    "gradient": lambda: (gp.grad(product, x), product / x),
    "gradient times its entry": lambda: (x * gp.grad(product, x), product + 0 * x),
    "gradient by an axis": lambda: (
        gp.grad(np.sum(np.prod(X, axis=1) ** 2), X), 2 * np.prod(X, axis=1, keepdims=True) ** 2 / X,
    ),
    "gradient over all axes": lambda: (gp.grad(np.prod(X), X), np.prod(X) / X),
    "gradient of a part": lambda: (gp.grad(np.prod(x[1:]), x)[1:], np.prod(x[1:]) / x[1:]),
    "Hessian": lambda: (gp.hessian(product, x), (1 - EYE) * product / np.outer(x, x)),
    "Hessian times its entries": lambda: (gp.hessian(product, x) * np.outer(x, x), (1 - EYE) * product),
    "Hessian along a direction": lambda: (gp.hvp(product, x, u), gp.hessian(product, x) @ u),
    "a product of products": lambda: (np.prod(x * u), product * np.prod(u)),
    "a power": lambda: (np.prod(x**3), product**3),
    "a root": lambda: (np.sqrt(np.prod(p)), np.prod(np.sqrt(p))),
    "exponentials": lambda: (np.prod(np.exp(x)), np.exp(np.sum(x))),
    "logarithm": lambda: (np.log(np.prod(p)), np.sum(np.log(p))),
    "gradient of the logarithm": lambda: (gp.grad(np.log(np.prod(p)), p), 1 / p),
    "gradient of a geometric mean": lambda: (gp.grad(np.sqrt(np.prod(p)), p), np.sqrt(np.prod(p)) / p / 2),
    "a noisy or": lambda: (gp.grad(1 - np.prod(1 - p), p), np.prod(1 - p) / (1 - p)),
}  # fmt: skip
WRONG: dict[str, Case] = {
    "gradient that is the product": lambda: (gp.grad(product, x), product + 0 * x),
    "Hessian with a diagonal": lambda: (gp.hessian(product, x), product / np.outer(x, x)),
    "gradient by the other axis": lambda: (
        gp.grad(np.sum(np.prod(X, axis=1)), X), np.prod(X, axis=0, keepdims=True) / X,
    ),
    "a constant factor": lambda: (np.prod(2 * x), 2 * product),
    "a sum": lambda: (np.prod(x + u), product + np.prod(u)),
    "a root of what may be negative": lambda: (np.sqrt(np.prod(x) ** 2), product),
    "the neighbours' product": lambda: (gp.grad(np.prod(x[1:]), x)[:-1], np.prod(x[1:]) / x[1:]),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_an_identity_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_hold_is_refuted(name: str) -> None:
    is_decided(WRONG[name], "refuted")


def test_a_condition_that_one_side_alone_has_is_named() -> None:
    t = np.tanh(X)
    by_quotient = (1 - t**2) * np.prod(t, axis=1, keepdims=True) / t
    verdict = gp.equal(gp.grad(np.sum(np.prod(t, axis=1)), X), by_quotient)
    assert verdict.name == "certified" and "needs" in verdict.reason


VECTORS = {
    "no zero": [1.5, -0.5, 2.0, 3.0], "one zero": [1.5, 0.0, -2.0, 3.0], "two zeros": [1.5, 0.0, 0.0, 3.0],
    "one entry": [2.5], "one entry, zero": [0.0], "two entries": [0.0, 4.0],
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_derivatives_have_their_values_at_zeros_too(name: str) -> None:
    at = np.array(VECTORS[name])
    others = [np.prod(np.delete(at, i)) for i in range(len(at))]
    pairs = [
        [np.prod(np.delete(at, [i, j])) if i != j else 0.0 for j in range(len(at))] for i in range(len(at))
    ]  # fmt: skip
    results = [product, gp.grad(product, x), gp.hessian(product, x)]
    for compiled, symbolic, expected in zip(
        gp.compile(results)(x=at), results, [np.prod(at), others, pairs], strict=True
    ):
        np.testing.assert_allclose(compiled, expected, atol=1e-15)
        np.testing.assert_allclose(symbolic.evaluate({"x": at}), expected, atol=1e-15)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "columns": lambda np, a: np.sum(np.prod(a, axis=0) ** 2),
    "rows kept": lambda np, a: np.sum(np.prod(np.sin(a), axis=1, keepdims=True) * a),
    "all": lambda np, a: np.exp(np.prod(a)),
    "last of three": lambda np, a: np.sum(np.prod(a[None] + a[:, None], axis=-1)),
    "a constant": lambda np, a: np.prod(0 * a + np.sum(a) / 9),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_and_products_with_hessians_are_those_of_automatic_differentiation(name: str) -> None:
    function = FUNCTIONS[name]
    a, v = np.random.default_rng(6).normal(size=(2, 3, 4))
    V = gp.array("V", (m, n))
    y = function(np, X)
    gradient, along = gp.compile([gp.grad(y, X), gp.hvp(y, X, V)])(X=a, V=v)
    np.testing.assert_allclose(gradient, autograd.grad(lambda b: function(anp, b))(a), rtol=1e-9, atol=1e-12)
    expected = autograd.hessian_vector_product(lambda b: function(anp, b))(a, v)
    np.testing.assert_allclose(along, expected, rtol=1e-8, atol=1e-11)


def test_long_axes_of_a_known_size_are_one_product() -> None:
    long = gp.array("long", (50,))
    value = np.random.default_rng(7).normal(size=50)
    source = gp.grad(np.prod(long), long).numpy()
    assert "product_of_others(long)" in source and len(source) < 2000
    (found,) = gp.compile([gp.grad(np.prod(long), long)])(long=value)
    np.testing.assert_allclose(found, np.prod(value) / value, rtol=1e-12)


def test_formulas_name_the_place_that_is_left_out() -> None:
    assert product.latex() == r"\prod_{i} x_{i}"
    assert gp.grad(product, x).latex() == r"\bar{x}_{i} = \prod_{i' \ne i} x_{i'}"
    assert r"\prod_{i'' \ne i, i'' \ne i'} x_{i''}" in gp.hessian(product, x).latex()


def test_every_line_of_a_derivation_is_right() -> None:
    derivation = gp.derive(np.sum(np.prod(np.tanh(X), axis=1) ** 2), [X])
    assert derivation.check().name == "certified", derivation.check().reason
    assert "derivative of a product" in derivation.markdown()


def likelihood(w: Any, A: Any) -> Any:
    return -np.log(1 - np.prod(1 - w * A, axis=1)).sum()


def gradient(w: Any, A: Any) -> Any:
    rest = np.prod(1 - w * A, axis=1, keepdims=True)
    return -(rest / (1 - w * A) * A / (1 - rest)).sum(axis=0)


def test_hand_written_gradients_through_products_are_decided() -> None:
    inputs = {"w": np.array([0.25, 0.5]), "A": np.array([[0.5, 0.25], [0.75, 0.125], [0.5, 0.5]])}
    assert gp.verify(likelihood, gradient, inputs=inputs, wrt=["w"]).ok
    wrong = gp.verify(lambda w: np.prod(w), lambda w: np.prod(w) * w, inputs={"w": inputs["w"]}, wrt=["w"])
    assert wrong.verdict.name == "refuted", str(wrong)
