"""Compiled gradients, Jacobians, Hessians and products against autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.scipy.special import logsumexp

from gradproof.codegen.compile import compile
from gradproof.symbolic.arrays import reductions
from gradproof.symbolic.arrays.array import Array, array
from gradproof.symbolic.arrays.joining import arange
from gradproof.symbolic.calculus.differentiate import grad, hessian, hvp, jacobian
from gradproof.symbolic.equations.dims import dim

SHAPES: dict[str, tuple[Any, ...]] = {
    "X": ("m", "n"), "W": ("n", "k"), "b": ("k",), "V": ("k", 2), "x": ("n",), "u": ("n",), "S": ("n", "n"),
    "Z": ("m", "n", "k", "p"), "F": (dim("n") * dim("k") * dim("p"), "k"),
}  # fmt: skip
SIZES = {"m": 5, "n": 4, "k": 3, "p": 2, SHAPES["F"][0]: 24}


def symbols() -> dict[str, Array]:
    return {name: array(name, shape) for name, shape in SHAPES.items()}


def numbers(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=tuple(SIZES.get(d, d) for d in shape)) for name, shape in SHAPES.items()}


def _log_sum(x: Any, axis: int) -> Any:
    return reductions.logsumexp(x, axis=axis) if isinstance(x, Array) else logsumexp(x, axis=axis)


Case = Callable[[Any, dict[str, Any]], Any]
SCALARS: dict[str, tuple[Case, list[str]]] = {
    "tanh layer": (lambda np, e: np.sum(np.tanh(e["X"] @ e["W"] + e["b"]) ** 2) / 3, ["X", "W", "b"]),
    "two layers": (lambda np, e: np.sum(np.sin(np.tanh(e["X"] @ e["W"]) @ e["V"]) ** 3), ["X", "W", "V"]),
    "logsumexp of rows": (lambda np, e: np.sum(_log_sum(e["X"] @ e["W"], 1) ** 2), ["X", "W"]),
    "logsumexp of columns": (lambda np, e: np.sum(np.exp(_log_sum(e["X"] @ e["W"], 0))), ["X", "W"]),
    "quadratic form": (lambda np, e: e["x"] @ e["S"] @ e["x"], ["x", "S"]),
    "slices": (lambda np, e: np.sum(e["X"][1:] * e["X"][:-1]) + np.sum(e["X"][::-1, ::2] ** 3), ["X"]),
    "variance": (lambda np, e: np.sum(np.sqrt(np.var(e["X"], axis=0) + 1)), ["X"]),
    "maximum": (lambda np, e: np.sum(np.maximum(e["X"] @ e["W"], 0.1) * e["b"]), ["X", "W", "b"]),
    "maximum of rows": (lambda np, e: np.sum(np.max(e["X"] @ e["W"], axis=1) ** 2), ["X", "W"]),
    "einsum": (lambda np, e: np.einsum("ij,jk,jl,pl->", e["X"] ** 2, e["W"], e["S"], e["S"] ** 2), ["X", "W", "S"]),
    "diagonal": (lambda np, e: np.sum(np.diag(e["S"]) ** 2) + np.trace(e["S"] @ e["S"]), ["S"]),
    "concatenate": (lambda np, e: np.sum(np.concatenate([e["X"], e["S"] * 2]) ** 3), ["X", "S"]),
    "flat images": (lambda np, e: np.sum(np.sin(np.reshape(e["Z"], (e["Z"].shape[0], -1)) @ e["F"])), ["Z", "F"]),
    "where": (lambda np, e: np.sum(np.where(e["X"] > 0, e["X"] ** 2, -3 * e["X"])), ["X"]),
}


@pytest.mark.parametrize("name", SCALARS)
def test_a_compiled_gradient_is_autograds(name: str) -> None:
    case, wrt = SCALARS[name]
    e, v = symbols(), numbers()
    cost = case(np, e)
    function = compile([cost, *grad(cost, [e[w] for w in wrt])])
    value, *gradients = function(**{p: v[p] for p in function.parameters})

    def plain(*arguments: Any) -> Any:
        return case(anp, {**v, **dict(zip(wrt, arguments, strict=True))})

    expected = autograd.grad(plain, argnum=tuple(range(len(wrt))))(*(v[w] for w in wrt))
    np.testing.assert_allclose(value, plain(*(v[w] for w in wrt)), rtol=1e-12)
    for computed, truth in zip(gradients, expected, strict=True):
        assert computed.shape == truth.shape
        np.testing.assert_allclose(computed, truth, rtol=1e-10, atol=1e-12, err_msg=function.source)


VECTORS: dict[str, tuple[Case, str]] = {
    "sine": (lambda np, e: np.sin(e["x"]), "x"),
    "layer": (lambda np, e: np.tanh(e["X"] @ e["x"]), "x"),
    "matrix": (lambda np, e: np.tanh(e["X"] @ e["W"]), "W"),
    "normalised": (lambda np, e: e["x"] / np.sqrt(np.sum(e["x"] ** 2)), "x"),
    "reversed": (lambda np, e: e["x"][::-1] * e["x"], "x"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_compiled_jacobian_is_autograds(name: str) -> None:
    case, wrt = VECTORS[name]
    e, v = symbols(), numbers(1)
    function = compile(jacobian(case(np, e), e[wrt]))
    expected = autograd.jacobian(lambda x: case(anp, {**v, wrt: x}))(v[wrt])
    computed = function(**{p: v[p] for p in function.parameters})
    np.testing.assert_allclose(computed, expected, rtol=1e-10, atol=1e-12, err_msg=function.source)


CURVED: dict[str, Case] = {
    "tanh": lambda np, e: np.sum(np.tanh(e["X"] @ e["x"])),
    "logsumexp": lambda np, e: _log_sum(e["x"] * e["u"], 0),
    "logistic": lambda np, e: np.sum(np.log(1 + np.exp(e["X"] @ e["x"]))) + np.sum(e["x"] ** 2),
}


@pytest.mark.parametrize("name", CURVED)
def test_compiled_second_derivatives_are_autograds(name: str) -> None:
    e, v = symbols(), numbers(2)
    cost = CURVED[name](np, e)

    def plain(x: Any) -> Any:
        return CURVED[name](anp, {**v, "x": x})

    function = compile([hessian(cost, e["x"]), hvp(cost, e["x"], e["u"])])
    full, product = function(**{p: v[p] for p in function.parameters})
    expected = autograd.hessian(plain)(v["x"])
    np.testing.assert_allclose(full, expected, rtol=1e-9, atol=1e-12, err_msg=function.source)
    np.testing.assert_allclose(product, expected @ v["u"], rtol=1e-9, atol=1e-12, err_msg=function.source)


def test_softmax_cross_entropy_is_autograds_and_survives_large_logits() -> None:
    X, W, y = array("X", ("m", "n")), array("W", ("n", "k")), array("y", ("m",), integer=True)
    logits = X @ W
    p = reductions.softmax(logits)
    cost = -np.sum(np.log(p[arange(X.shape[0]), y])) / X.shape[0]
    function = compile([cost, grad(cost, W)])
    v = numbers(3)
    labels = np.array([0, 2, 1, 2, 0])

    def plain(W: Any) -> Any:
        z = v["X"] @ W
        return -anp.sum((z - logsumexp(z, axis=1, keepdims=True))[anp.arange(5), labels]) / 5

    value, gradient = function(X=v["X"], W=v["W"], y=labels)
    np.testing.assert_allclose(value, plain(v["W"]), rtol=1e-12)
    np.testing.assert_allclose(gradient, autograd.grad(plain)(v["W"]), rtol=1e-10, atol=1e-14)
    large = compile([cost, grad(cost, W)])(X=v["X"] * 1000, W=v["W"], y=labels)
    assert all(np.all(np.isfinite(part)) for part in large)
