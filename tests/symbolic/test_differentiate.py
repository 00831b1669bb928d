"""Gradients, Jacobians, Hessians and their products, against automatic differentiation of the same NumPy code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.scipy.special import logsumexp as agree_logsumexp

import gradproof as gp
from gradproof.symbolic.arrays import joining, reductions

Numbers = Callable[..., Any]


class _Symbolic:
    """The names that differ between the two: everything else is NumPy's on both sides."""

    logsumexp = staticmethod(reductions.logsumexp)
    softmax = staticmethod(reductions.softmax)
    log_softmax = staticmethod(reductions.log_softmax)
    arange = staticmethod(joining.arange)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


class _Automatic:
    logsumexp = staticmethod(agree_logsumexp)

    @staticmethod
    def softmax(x: Any, axis: int = -1) -> Any:
        return anp.exp(x - agree_logsumexp(x, axis=axis, keepdims=True))

    @staticmethod
    def log_softmax(x: Any, axis: int = -1) -> Any:
        return x - agree_logsumexp(x, axis=axis, keepdims=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(anp, name)


SIZES = {"m": 4, "n": 3, "k": 5, "b": 2}


@dataclass(frozen=True)
class Case:
    """A function of arrays; ``positive`` ones are drawn from (0.3, 2), ``labels`` are integers below a size."""

    name: str
    function: Callable[..., Any]
    shapes: dict[str, tuple[str, ...]]
    positive: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def symbols(self) -> dict[str, Any]:
        return {
            name: gp.array(name, shape, integer=name in self.labels, positive=name in self.positive)
            for name, shape in self.shapes.items()
        }

    def numbers(self, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        result: dict[str, Any] = dict(SIZES)
        for name, shape in self.shapes.items():
            sizes = tuple(SIZES[d] for d in shape)
            if name in self.labels:
                result[name] = rng.integers(0, SIZES[self.labels[name]], sizes)
            else:
                result[name] = rng.uniform(0.3, 2.0, sizes) if name in self.positive else rng.normal(size=sizes)
        return result

    def automatic(self, numbers: dict[str, Any]) -> Any:
        """The same function in automatic differentiation."""
        return self.function(_Automatic(), **{name: numbers[name] for name in self.shapes})

    @property
    def wrt(self) -> list[str]:
        return [name for name in self.shapes if name not in self.labels]


MN, NK, M, N, K = ("m", "n"), ("n", "k"), ("m",), ("n",), ("k",)
CASES = [
    Case("identity", lambda np, x: x, {"x": MN}),
    Case("negation", lambda np, x: -x + 3, {"x": MN}),
    Case("product", lambda np, x, y: x * y, {"x": MN, "y": MN}),
    Case("square", lambda np, x: x * x, {"x": MN}),
    Case("quotient", lambda np, x, y: x / y, {"x": MN, "y": MN}, ("y",)),
    Case("row broadcast", lambda np, x, y: x * y, {"x": MN, "y": N}),
    Case("column broadcast", lambda np, x, y: x / y[:, None], {"x": MN, "y": M}, ("y",)),
    Case("scalar broadcast", lambda np, x, y: x ** 2 * y, {"x": MN, "y": ()}),
    Case("outer by broadcast", lambda np, x, y: np.tanh(x[:, None] - y[None, :]), {"x": M, "y": N}),
    Case("powers", lambda np, x: x**3 - x**-0.5 + x**0.3, {"x": MN}, ("x",)),
    Case("power of arrays", lambda np, x, y: x**y, {"x": MN, "y": MN}, ("x",)),
    Case("exp log", lambda np, x: np.exp(x) * np.log(x) + np.log1p(x) - np.expm1(x), {"x": MN}, ("x",)),
    Case("sqrt", lambda np, x: np.sqrt(x) / (1 + np.sqrt(x)), {"x": MN}, ("x",)),
    Case("trigonometric", lambda np, x: np.sin(x) * np.cos(2 * x) + np.tan(x / 3), {"x": MN}),
    Case("hyperbolic", lambda np, x: np.sinh(x) / np.cosh(x) + np.tanh(x) ** 3 + np.arctan(x), {"x": MN}),
    Case("sigmoid", lambda np, x: 1 / (1 + np.exp(-x)), {"x": MN}),
    Case("silu", lambda np, x: x / (1 + np.exp(-x)), {"x": MN}),
    Case("logaddexp", lambda np, x, y: np.logaddexp(x, y), {"x": MN, "y": N}),
    Case("abs sign", lambda np, x: np.abs(x) * x + np.sign(x) * x**2, {"x": MN}),
    Case("maximum", lambda np, x, y: np.maximum(x, y) * x, {"x": MN, "y": N}),
    Case("minimum", lambda np, x, y: np.minimum(x, y) ** 2, {"x": MN, "y": N}),
    Case("relu", lambda np, x: np.maximum(0, x) + np.maximum(x, 0) ** 2, {"x": MN}),
    Case("where", lambda np, x, y: np.where(x > 0, x * y, np.exp(y)), {"x": MN, "y": MN}),
    Case("where of products", lambda np, x: np.where(x > 0.5, x, 0.1 * x) * np.where(x < -0.5, 2.0, x), {"x": MN}),
    Case("clip", lambda np, x: np.clip(x, -0.5, 0.7) * x, {"x": MN}),
    Case("mask arithmetic", lambda np, x: (x > 0) * x**2 + (x <= 0) * np.sin(x), {"x": MN}),
    Case("sum", lambda np, x: np.sum(x**2), {"x": MN}),
    Case("sum rows", lambda np, x: np.sum(np.exp(x), axis=0), {"x": MN}),
    Case("sum columns", lambda np, x: x.sum(axis=1) ** 2, {"x": MN}),
    Case("sum keepdims", lambda np, x: x / np.sum(x, axis=1, keepdims=True), {"x": MN}, ("x",)),
    Case("sum of both axes", lambda np, x: np.sum(x * x, axis=(0, 2)), {"x": ("b", "m", "n")}),
    Case("sum of a broadcast", lambda np, x, y: np.sum(x + y[:, None]), {"x": MN, "y": M}),
    Case("mean", lambda np, x: (x - np.mean(x, axis=0)) ** 2, {"x": MN}),
    Case("mean keepdims", lambda np, x: np.exp(x - x.mean(axis=-1, keepdims=True)), {"x": MN}),
    Case("var", lambda np, x: np.var(x, axis=0), {"x": MN}),
    Case("std", lambda np, x: np.std(x, axis=1), {"x": MN}),
    Case("normalisation", lambda np, x: (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-5), {"x": MN}),
    Case("layer norm", lambda np, x, g, h: g * (x - np.mean(x, axis=1, keepdims=True))
         / np.sqrt(np.var(x, axis=1, keepdims=True) + 1e-5) + h, {"x": MN, "g": N, "h": N}),
    Case("norm", lambda np, x: np.linalg.norm(x), {"x": N}),
    Case("frobenius", lambda np, x: np.linalg.norm(x), {"x": MN}),
    Case("unit vector", lambda np, x: x / np.sqrt(np.sum(x**2)), {"x": N}),
    Case("max", lambda np, x: np.max(x, axis=1) ** 2, {"x": MN}),
    Case("max of all", lambda np, x: np.exp(np.max(x)), {"x": MN}),
    Case("min", lambda np, x: np.min(x, axis=0) * 2, {"x": MN}),
    Case("shifted softmax", lambda np, x: np.exp(x - np.max(x, axis=1, keepdims=True))
         / np.sum(np.exp(x - np.max(x, axis=1, keepdims=True)), axis=1, keepdims=True), {"x": MN}),
    Case("softmax", lambda np, x: np.softmax(x), {"x": MN}),
    Case("softmax of columns", lambda np, x: np.softmax(x, axis=0) ** 2, {"x": MN}),
    Case("log softmax", lambda np, x: np.log_softmax(x), {"x": MN}),
    Case("logsumexp", lambda np, x: np.logsumexp(x, axis=1), {"x": MN}),
    Case("logsumexp of all", lambda np, x: np.logsumexp(2 * x) ** 2, {"x": MN}),
    Case("logsumexp keepdims", lambda np, x: x * np.logsumexp(x, axis=0, keepdims=True), {"x": MN}),
    Case("logsumexp by hand", lambda np, x: np.log(np.sum(np.exp(x), axis=1)), {"x": MN}),
    Case("transpose", lambda np, x: np.sin(x.T), {"x": MN}),
    Case("transpose axes", lambda np, x: np.transpose(x, (2, 0, 1)) ** 2, {"x": ("b", "m", "n")}),
    Case("swapaxes", lambda np, x: np.swapaxes(x, 0, 1) ** 2, {"x": ("b", "m", "n")}),
    Case("x plus its transpose", lambda np, x: (x + x.T) ** 2, {"x": ("n", "n")}),
    Case("vector product", lambda np, x, y: x @ y, {"x": N, "y": N}),
    Case("matrix vector", lambda np, x, y: np.tanh(x @ y), {"x": MN, "y": N}),
    Case("vector matrix", lambda np, x, y: np.tanh(y @ x), {"x": MN, "y": M}),
    Case("matrix product", lambda np, x, y: x @ y, {"x": MN, "y": NK}),
    Case("matrix product with transposes", lambda np, x, y: (y.T @ x.T) ** 2, {"x": MN, "y": NK}),
    Case("gram", lambda np, x: x.T @ x, {"x": MN}),
    Case("gram of rows", lambda np, x: x @ x.T, {"x": MN}),
    Case("square of a matrix", lambda np, x: x @ x, {"x": ("n", "n")}),
    Case("cube of a matrix", lambda np, x: x @ x @ x, {"x": ("n", "n")}),
    Case("dot", lambda np, x, y: np.dot(x, y), {"x": MN, "y": NK}),
    Case("quadratic form", lambda np, x, a: x @ a @ x, {"x": N, "a": ("n", "n")}),
    Case("outer", lambda np, x, y: np.outer(x, y) ** 2, {"x": M, "y": N}),
    Case("inner", lambda np, x, y: np.inner(x, y), {"x": N, "y": N}),
    Case("trace", lambda np, x: np.trace(x @ x), {"x": ("n", "n")}),
    Case("diagonal", lambda np, x: np.diag(x) ** 2, {"x": ("n", "n")}),
    Case("diagonal matrix", lambda np, x: np.diag(x), {"x": N}),
    Case("tensordot", lambda np, x, y: np.tensordot(x, y, axes=((1,), (0,))), {"x": MN, "y": NK}),
    Case("einsum product", lambda np, x, y: np.einsum("ij,jk->ik", x, y), {"x": MN, "y": NK}),
    Case("einsum diagonal sum", lambda np, x, y: np.einsum("ij,ij->i", x, y), {"x": MN, "y": MN}),
    Case("einsum implicit", lambda np, x, y: np.einsum("ij,jk", x, y), {"x": MN, "y": NK}),
    Case("einsum of three", lambda np, x, y, z: np.einsum("ij,jk,k->i", x, y, z), {"x": MN, "y": NK, "z": K}),
    Case("einsum batched", lambda np, x, y: np.einsum("bij,bjk->bik", x, y),
         {"x": ("b", "m", "n"), "y": ("b", "n", "k")}),
    Case("batched matmul", lambda np, x, y: x @ y, {"x": ("b", "m", "n"), "y": ("b", "n", "k")}),
    Case("broadcast matmul", lambda np, x, y: np.tanh(x @ y), {"x": ("b", "m", "n"), "y": NK}),
    Case("attention", lambda np, q, r, v: np.softmax(q @ r.T) @ v, {"q": MN, "r": ("k", "n"), "v": ("k", "b")}),
    Case("slice", lambda np, x: x[:, 1:] * x[:, :-1], {"x": MN}),
    Case("differences", lambda np, x: (x[1:] - x[:-1]) ** 2, {"x": MN}),
    Case("first row", lambda np, x: x[0] * np.exp(x), {"x": MN}),
    Case("last column", lambda np, x: x[:, -1] ** 2, {"x": MN}),
    Case("one element", lambda np, x: x[1, 2] * x, {"x": MN}),
    Case("reversed", lambda np, x: x[::-1] * x, {"x": MN}),
    Case("newaxis", lambda np, x: np.sin(x[:, None, :] * x[None, :, :]), {"x": MN}),
    Case("second order slice", lambda np, x: x[2:] - 2 * x[1:-1] + x[:-2], {"x": M}),
    Case("gather", lambda np, x, y: np.log_softmax(x)[np.arange(x.shape[0]), y], {"x": MN, "y": M}, (), {"y": "n"}),
    Case("cross entropy by labels", lambda np, x, w, y: -np.mean(np.log_softmax(x @ w)[np.arange(x.shape[0]), y]),
         {"x": MN, "w": NK, "y": M}, (), {"y": "k"}),
    Case("embedding", lambda np, e, y: np.tanh(e[y]), {"e": NK, "y": M}, (), {"y": "n"}),
    Case("gather of columns", lambda np, x, y: x[:, y] ** 2, {"x": MN, "y": K}, (), {"y": "n"}),
    Case("concatenate", lambda np, x, y: np.concatenate([x, y * x[0, 0]], axis=0) ** 2, {"x": MN, "y": ("k", "n")}),
    Case("concatenate columns", lambda np, x, y: np.tanh(np.concatenate([x, y], axis=1)), {"x": ("n", "m"), "y": NK}),
    Case("stack", lambda np, x, y: np.stack([x, y, x * y]), {"x": MN, "y": MN}),
    Case("stack last", lambda np, x, y: np.stack([np.sin(x), y], axis=-1), {"x": MN, "y": MN}),
    Case("reshape", lambda np, x: np.reshape(x, (-1,)) ** 2, {"x": MN}),
    Case("ravel and matmul", lambda np, x, w: np.tanh(np.reshape(x, (x.shape[0], -1))
         @ np.reshape(w, (-1, w.shape[2]))),
         {"x": ("m", "b", "n"), "w": ("b", "n", "k")}),
    Case("net", lambda np, x, w, d, v, c: np.tanh(x @ w + d) @ v + c,
         {"x": MN, "w": NK, "d": K, "v": ("k", "b"), "c": ("b",)}),
    Case("reused intermediate", lambda np, x, w: np.sum((x @ w) * np.exp(x @ w) / (1 + np.sum(np.exp(x @ w)))),
         {"x": MN, "w": NK}),
    Case("ratio of forms", lambda np, x, a: (x @ a @ x) / (x @ x), {"x": N, "a": ("n", "n")}),
    Case("variance by hand", lambda np, x: np.mean(x**2) - np.mean(x) ** 2, {"x": MN}),
    Case("elastic", lambda np, p, q, s: (1 - s / np.sqrt(np.sum((p - q) ** 2))) * (p - q), {"p": N, "q": N, "s": ()}),
]  # fmt: skip
IDS = [case.name for case in CASES]


def _weighted(np_: Any, value: Any, weight: Any) -> Any:
    return np_.sum(np_.tanh(0.3 * value) * weight)


def _check(got: Any, expected: Any, what: str, tolerance: float = 1e-9) -> None:
    assert got.shape == np.shape(expected), what
    scale = 1 + float(np.max(np.abs(expected), initial=0.0))
    worst = float(np.max(np.abs(got - expected), initial=0.0))
    assert worst <= tolerance * scale, f"{what}: {worst:.3g} apart at scale {scale:.3g}"  # NaN fails too


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_values_and_gradients_agree_with_automatic_differentiation(case: Case, numbers_of: Numbers) -> None:
    symbols, numbers = case.symbols(), case.numbers(1)
    value = case.function(_Symbolic(), **symbols)
    expected = case.automatic(numbers)
    _check(numbers_of(value, numbers), expected, "value")
    weight = np.random.default_rng(2).normal(size=np.shape(expected))
    cotangent = gp.array("cotangent", value.shape)
    loss = _weighted(np, value, cotangent)
    found = gp.grad(loss, [symbols[name] for name in case.wrt])
    for name, gradient in zip(case.wrt, found, strict=True):
        right = autograd.grad(lambda v, name=name: _weighted(anp, case.automatic(numbers | {name: v}), weight))(
            numbers[name]
        )
        got = numbers_of(gradient, numbers | {"cotangent": weight})
        _check(got, right, f"gradient by {name}")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_generated_code_computes_the_same_gradients(case: Case, numbers_of: Numbers) -> None:
    symbols, numbers = case.symbols(), case.numbers(8)
    loss = np.sum(case.function(_Symbolic(), **symbols) ** 2)
    for name in case.wrt:
        gradient = gp.grad(loss, symbols[name])
        used = {d.name for d in gradient.system().inputs} | {str(n) for n in gradient.system().dimensions}
        got = gradient.evaluate({k: v for k, v in numbers.items() if k in used})
        _check(np.asarray(got), numbers_of(gradient, numbers), f"gradient by {name}")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_products_agree_with_automatic_differentiation(case: Case, numbers_of: Numbers) -> None:
    symbols, numbers = case.symbols(), case.numbers(3)
    value = case.function(_Symbolic(), **symbols)
    rng = np.random.default_rng(4)
    for name in case.wrt:
        right = autograd.jacobian(lambda v, name=name: case.automatic(numbers | {name: v}))(numbers[name])
        u = rng.normal(size=np.shape(case.automatic(numbers)))
        v = rng.normal(size=numbers[name].shape)
        more = numbers | {"left": u, "right": v}
        pulled = gp.vjp(value, symbols[name], gp.array("left", value.shape))
        _check(numbers_of(pulled, more), np.tensordot(u, right, axes=u.ndim), f"vjp by {name}")
        pushed = gp.jvp(value, symbols[name], gp.array("right", symbols[name].shape))
        _check(numbers_of(pushed, more), np.tensordot(right, v, axes=v.ndim), f"jvp by {name}")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_jacobians_agree_with_automatic_differentiation(case: Case, numbers_of: Numbers) -> None:
    symbols, numbers = case.symbols(), case.numbers(5)
    value = case.function(_Symbolic(), **symbols)
    for name in case.wrt:
        right = autograd.jacobian(lambda v, name=name: case.automatic(numbers | {name: v}))(numbers[name])
        _check(numbers_of(gp.jacobian(value, symbols[name]), numbers), right, f"jacobian by {name}")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_second_derivatives_agree_with_automatic_differentiation(case: Case, numbers_of: Numbers) -> None:
    symbols, numbers = case.symbols(), case.numbers(6)
    loss = np.sum(case.function(_Symbolic(), **symbols) ** 2)
    rng = np.random.default_rng(7)
    for name in case.wrt:

        def gradient(v: Any, name: str = name) -> Any:
            return autograd.grad(lambda w: anp.sum(case.automatic(numbers | {name: w}) ** 2))(v)

        right = autograd.jacobian(gradient)(numbers[name])
        _check(numbers_of(gp.hessian(loss, symbols[name]), numbers), right, f"hessian by {name}")
        v = rng.normal(size=numbers[name].shape)
        product = gp.hvp(loss, symbols[name], gp.array("right", symbols[name].shape))
        _check(numbers_of(product, numbers | {"right": v}), np.tensordot(right, v, axes=v.ndim), f"hvp by {name}")


def test_the_gradient_through_images_made_flat_is_the_product_of_flat_matrices() -> None:
    c, a, b = gp.dims("c a b")
    x, W, D = gp.array("x", ("m", c, a, b)), gp.array("W", (c * a * b, "k")), gp.array("D", ("m", "k"))
    flat = x.reshape(x.shape[0], -1)
    by_x, by_W = gp.vjp(flat @ W, [x, W], D)
    assert gp.equal(by_x, (D @ W.T).reshape(x.shape)).name == gp.equal(by_W, flat.T @ D).name == "proved"
    assert gp.equal(by_W, x.transpose(0, 1, 3, 2).reshape(x.shape[0], -1).T @ D).name != "proved"
