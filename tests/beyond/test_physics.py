"""Losses with derivatives by inputs: a network's u(x), u′ and u″ in the loss, and then the gradient by its weights."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import gradproof as gp

x, f = gp.array("x", ("m",)), gp.array("f", ("m",))
w, b, v = (gp.array(name, ("h",)) for name in "wbv")
(m,) = x.shape
PARAMETERS = [w, b, v]


def net(lib: Any, x: Any, w: Any, b: Any, v: Any) -> Any:
    return lib.tanh(x[:, None] * w + b) @ v


u = net(np, x, w, b, v)
slope = gp.grad(np.sum(u), x)  # each u(x) depends on its own x alone
curvature = gp.grad(np.sum(slope), x)
LOSS = np.mean((curvature + f) ** 2)


def test_derivatives_by_the_input() -> None:
    a = np.tanh(x[:, None] * w + b)
    assert gp.equal(slope, (1 - a**2) @ (v * w)).name == "proved"
    assert gp.equal(curvature, (-2 * a * (1 - a**2)) @ (v * w**2)).name == "proved"
    assert gp.equal(curvature, (-2 * a * (1 - a**2)) @ (v * w)).name == "refuted"


def test_the_jacobian_is_diagonal() -> None:
    assert gp.equal(np.einsum("ii->i", gp.jacobian(u, x)), slope).name == "proved"
    assert gp.equal(gp.jacobian(u, x), np.diag(slope)).name == "proved"


def test_the_gradient_by_the_weights_is_the_textbook_one() -> None:
    a = np.tanh(x[:, None] * w + b)
    s = 1 - a**2
    error = 2 / m * np.outer(curvature + f, v)
    third = -2 * s * (1 - 3 * a**2)
    by_w, by_b, by_v = gp.grad(LOSS, PARAMETERS)
    assert gp.equal(by_v, 2 / m * (curvature + f) @ (-2 * a * s * w**2)).name == "proved"
    assert gp.equal(by_b, np.sum(error * w**2 * third, axis=0)).name == "proved"
    assert gp.equal(by_w, np.sum(error * (w**2 * third * x[:, None] - 4 * w * a * s), axis=0)).name == "proved"
    assert gp.equal(by_w, np.sum(error * w**2 * third * x[:, None], axis=0)).name == "refuted"


def test_generated_numpy() -> None:
    """The same loss by automatic differentiation of the network, three levels deep."""

    def loss(x: Any, f: Any, w: Any, b: Any, v: Any) -> Any:
        first = autograd.elementwise_grad(lambda x: net(anp, x, w, b, v))
        return anp.mean((autograd.elementwise_grad(first)(x) + f) ** 2)

    rng = np.random.default_rng(4)
    at = {"x": rng.normal(size=5), "f": rng.normal(size=5)} | {name: rng.normal(size=3) for name in "wbv"}
    value, *gradients = gp.compile([LOSS, *gp.grad(LOSS, PARAMETERS)])(**at)
    np.testing.assert_allclose(value, loss(**at), rtol=1e-10)
    for place, gradient in enumerate(gradients, start=2):
        np.testing.assert_allclose(gradient, autograd.grad(loss, place)(*at.values()), rtol=1e-8)


def test_a_laplacian_of_two_layers() -> None:
    X, W, V, c = (
        gp.array(name, shape) for name, shape in zip("XWVc", (("m", "d"), ("d", "h"), ("h", "k"), ("k",)), strict=True)
    )
    u = np.tanh(np.tanh(X @ W) @ V) @ c
    gradient = gp.grad(np.sum(u), X)
    laplacian = np.einsum("iaia->i", gp.jacobian(gradient, X))
    loss = np.sum(laplacian**2)

    rng = np.random.default_rng(5)
    shapes = {"X": (3, 2), "W": (2, 4), "V": (4, 3), "c": (3,)}
    at = {name: rng.normal(size=shape) for name, shape in shapes.items()}

    def one(point: Any, W: Any) -> Any:
        return anp.dot(anp.tanh(anp.dot(anp.tanh(anp.dot(point, W)), at["V"])), at["c"])

    def total(W: Any) -> Any:
        return sum(anp.trace(autograd.hessian(one)(point, W)) ** 2 for point in at["X"])

    value, by_W = gp.compile([loss, gp.grad(loss, W)])(**at)
    np.testing.assert_allclose(value, total(at["W"]), rtol=1e-9)
    np.testing.assert_allclose(by_W, autograd.grad(total)(at["W"]), rtol=1e-7)


def test_burgers_equation_of_two_layers() -> None:
    """u_t + u u_x = ν u_xx in the loss, with mixed derivatives that are one."""
    t, nu = gp.array("t", ("m",)), gp.array("nu")
    W, c, V, a = gp.array("W", (2, "h")), gp.array("c", ("h",)), gp.array("V", ("h", "k")), gp.array("a", ("k",))

    def of(lib: Any, x: Any, t: Any, W: Any, c: Any, V: Any, a: Any) -> Any:
        return lib.tanh(lib.tanh(lib.stack([x, t], axis=1) @ W + c) @ V) @ a

    u = of(np, x, t, W, c, V, a)
    u_x, u_t = gp.grad(np.sum(u), [x, t])
    u_xx, u_xt = gp.grad(np.sum(u_x), [x, t])
    assert gp.equal(u_xt, gp.grad(np.sum(u_t), x)).name == "proved"
    loss = np.mean((u_t + u * u_x - nu * u_xx) ** 2)

    rng = np.random.default_rng(6)
    at = {"x": rng.normal(size=4), "t": rng.normal(size=4), "nu": np.array(0.3)}
    weights = {
        "W": rng.normal(size=(2, 3)),
        "c": rng.normal(size=3),
        "V": rng.normal(size=(3, 2)),
        "a": rng.normal(size=2),
    }

    def automatic(W: Any, c: Any, V: Any, a: Any) -> Any:
        def value(x: Any, t: Any) -> Any:
            return of(anp, x, t, W, c, V, a)

        by_x = autograd.elementwise_grad(value, 0)
        x, t = at["x"], at["t"]
        residual = autograd.elementwise_grad(value, 1)(x, t) + value(x, t) * by_x(x, t)
        return anp.mean((residual - at["nu"] * autograd.elementwise_grad(by_x, 0)(x, t)) ** 2)

    found = gp.compile([loss, *gp.grad(loss, [W, c, V, a])])(**at, **weights)
    np.testing.assert_allclose(found[0], automatic(*weights.values()), rtol=1e-12)
    right = autograd.grad(automatic, (0, 1, 2, 3))(*weights.values())
    for gradient, wanted in zip(found[1:], right, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-9, atol=1e-12)
