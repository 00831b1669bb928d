"""Random expressions over random shapes: the derived gradient is the one of automatic differentiation.

Each example is drawn by hypothesis and printed with what repeats it. ``GRADPROOF_EXAMPLES=20000 pytest
tests/symbolic/test_properties.py`` runs more of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.arrays.joining import arange
from gradproof.symbolic.arrays.reductions import logsumexp, softmax

EXAMPLES = int(os.environ.get("GRADPROOF_EXAMPLES", "300"))
SIZES = {"m": 3, "n": 2, "k": 4}
INPUTS = {"A": ("m", "n"), "B": ("m", "n"), "S": ("n", "n"), "W": ("n", "k"), "u": ("m",), "v": ("n",), "c": ()}
Numbers = Callable[..., Any]
Node = tuple[Any, Any, tuple[Any, ...]]
"""A value on the symbolic side, the same on the other side, and the shape of both in symbols."""


def _softmax(x: Any, axis: int) -> Any:
    e = anp.exp(x - anp.max(x, axis=axis, keepdims=True))
    return e / anp.sum(e, axis=axis, keepdims=True)


UNARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (np.tanh, anp.tanh),
    "sin": (np.sin, anp.sin),
    "exp of tanh": (lambda x: np.exp(np.tanh(x)), lambda x: anp.exp(anp.tanh(x))),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (1 + anp.exp(-x))),
    "log1p of square": (lambda x: np.log1p(x * x), lambda x: anp.log1p(x * x)),
    "sqrt": (lambda x: np.sqrt(x**2 + 1), lambda x: anp.sqrt(x**2 + 1)),
    "square": (lambda x: 0.3 * x**2, lambda x: 0.3 * x**2),
    "cube": (lambda x: 0.1 * x**3, lambda x: 0.1 * x**3),
    "relu": (lambda x: np.maximum(x - 0.1, 0), lambda x: anp.maximum(x - 0.1, 0)),
    "where": (lambda x: np.where(x > 0.2, x, 0.1 * x * x), lambda x: anp.where(x > 0.2, x, 0.1 * x * x)),
    "clip": (lambda x: np.clip(x, -0.6, 0.7), lambda x: anp.clip(x, -0.6, 0.7)),
    "abs": (np.abs, anp.abs),
    "negative": (lambda x: 1 - x, lambda x: 1 - x),
    "half": (lambda x: x / 2, lambda x: x / 2),
}
BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y),
    "divide": (lambda x, y: x / (1 + y**2), lambda x, y: x / (1 + y**2)),
    "maximum": (np.maximum, anp.maximum),
    "minimum": (np.minimum, anp.minimum),
    "power": (lambda x, y: (1 + x**2) ** np.tanh(y), lambda x, y: (1 + x**2) ** anp.tanh(y)),
    "mask": (lambda x, y: (x > y) * x, lambda x, y: (x > y) * x),
}


def broadcast(p: tuple[Any, ...], q: tuple[Any, ...]) -> tuple[Any, ...] | None:
    rank = max(len(p), len(q))
    left, right = (1,) * (rank - len(p)) + p, (1,) * (rank - len(q)) + q
    if any(a != b and 1 not in (a, b) for a, b in zip(left, right, strict=True)):
        return None
    return tuple(b if a == 1 else a for a, b in zip(left, right, strict=True))


class Builder:
    """Grows a list of nodes by random operations that fit."""

    def __init__(self, draw: Any, symbols: dict[str, Array]) -> None:
        self.draw = draw
        self.nodes: list[Node] = [
            (symbols[name], (lambda e, name=name: e[name]), symbols[name].shape) for name in INPUTS
        ]
        self.log: list[str] = []

    def pick(self, options: list[Any], what: str) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1), label=what)]

    def node(self, ranks: tuple[int, ...] = (0, 1, 2, 3)) -> tuple[int, Node]:
        # later nodes are likelier, so that expressions get deep
        fitting = [k for k, n in enumerate(self.nodes) if len(n[2]) in ranks]
        position = self.pick(fitting + [k for k in fitting if k >= len(INPUTS)], "node")
        return position, self.nodes[position]

    def add(self, text: str, symbolic: Any, automatic: Any) -> None:
        self.nodes.append((symbolic, automatic, symbolic.shape))
        self.log.append(f"t{len(self.nodes) - 1} = {text}")

    def step(self) -> None:
        kind = self.pick(
            ["unary", "unary", "binary", "binary", "binary", "reduce", "matmul", "transpose", "slice", "softmax",
             "join", "normalise", "gather", "reshape", "einsum", "reverse"], "kind"
        )  # fmt: skip
        getattr(self, f"_{kind}")()

    def _unary(self) -> None:
        k, (x, f, _) = self.node()
        name = self.pick(list(UNARY), "function")
        here, there = UNARY[name]
        self.add(f"{name}(t{k})", here(x), lambda e: there(f(e)))

    def _binary(self) -> None:
        k, (x, f, shape) = self.node()
        others = [j for j, n in enumerate(self.nodes) if broadcast(shape, n[2]) is not None]
        j = self.pick(others, "other")
        y, g, _ = self.nodes[j]
        name = self.pick(list(BINARY), "function")
        here, there = BINARY[name]
        self.add(f"{name}(t{k}, t{j})", here(x, y), lambda e: there(f(e), g(e)))

    def _reduce(self) -> None:
        k, (x, f, shape) = self.node((1, 2, 3))
        axis = self.pick([None, *range(len(shape))], "axis")
        keepdims = self.draw(st.booleans(), label="keepdims")
        name = self.pick(["sum", "mean", "max", "var", "logsumexp"], "reduction")
        if name == "logsumexp":
            there = lambda v: anp.log(anp.sum(anp.exp(v), axis=axis, keepdims=keepdims))  # noqa: E731
            made = logsumexp(x, axis, keepdims)
        else:
            there = lambda v: getattr(anp, name)(v, axis=axis, keepdims=keepdims)  # noqa: E731
            made = getattr(np, name)(x, axis=axis, keepdims=keepdims)
        self.add(f"{name}(t{k}, {axis}, {keepdims})", made, lambda e: there(f(e)))

    def _softmax(self) -> None:
        k, (x, f, shape) = self.node((1, 2, 3))
        axis = self.pick(list(range(len(shape))), "axis")
        self.add(f"softmax(t{k}, {axis})", softmax(x, axis), lambda e: _softmax(f(e), axis))

    def _normalise(self) -> None:
        k, (x, f, shape) = self.node((1, 2))
        axis = self.pick(list(range(len(shape))), "axis")

        def form(v: Any, module: Any) -> Any:
            centred = v - module.mean(v, axis=axis, keepdims=True)
            return centred / module.sqrt(module.mean(centred**2, axis=axis, keepdims=True) + 0.1)

        self.add(f"normalise(t{k}, {axis})", form(x, np), lambda e: form(f(e), anp))

    def _matmul(self) -> None:
        k, (x, f, shape) = self.node((1, 2, 3))
        fitting = [j for j, n in enumerate(self.nodes) if n[2] and len(n[2]) < 3 and n[2][-2:][0] == shape[-1]]
        if not fitting:
            return self._transpose()
        j = self.pick(fitting, "other")
        y, g, _ = self.nodes[j]
        return self.add(f"t{k} @ t{j}", x @ y, lambda e: f(e) @ g(e))

    def _einsum(self) -> None:
        k, (x, f, shape) = self.node((2,))
        fitting = [j for j, n in enumerate(self.nodes) if n[2] == shape]
        j = self.pick(fitting, "other")
        y, g, _ = self.nodes[j]
        text = self.pick(["ij,ij->i", "ij,kj->ik", "ij,ij->", "ij,ik->jk", "ij,ij->ji", "ij,kl->j"], "subscripts")
        self.add(f"einsum({text}, t{k}, t{j})", np.einsum(text, x, y), lambda e: anp.einsum(text, f(e), g(e)))

    def _transpose(self) -> None:
        k, (x, f, _) = self.node((2, 3))
        self.add(f"t{k}.T", x.T, lambda e: f(e).T)

    def _reverse(self) -> None:
        k, (x, f, _) = self.node((1, 2))
        self.add(f"t{k}[::-1]", x[::-1], lambda e: f(e)[::-1])

    def _slice(self) -> None:
        fitting = [k for k, n in enumerate(self.nodes) if n[2] and all(s in ("m", "n", "k") for s in map(str, n[2]))]
        k = self.pick(fitting, "node")
        x, f, _ = self.nodes[k]
        keys = [slice(1, None), slice(None, -1), (..., 0), (..., -1), 1, (slice(None), None), slice(None, None, 2),
                (..., slice(1, 2))]  # fmt: skip
        key = self.pick(keys, "key")
        self.add(f"t{k}[{key}]", x[key], lambda e: f(e)[key])

    def _join(self) -> None:
        k, (x, f, shape) = self.node((1, 2))
        fitting = [j for j, n in enumerate(self.nodes) if len(n[2]) == len(shape) and n[2][1:] == shape[1:]]
        j = self.pick(fitting, "other")
        y, g, _ = self.nodes[j]
        self.add(f"concatenate(t{k}, t{j})", np.concatenate([x, y]), lambda e: anp.concatenate([f(e), g(e)]))

    def _gather(self) -> None:
        fitting = [k for k, n in enumerate(self.nodes) if len(n[2]) == 2 and list(map(str, n[2])) == ["m", "n"]]
        k = self.pick(fitting, "node")
        x, f, shape = self.nodes[k]
        labels = gp.array("labels", ("m",), integer=True)
        if self.draw(st.booleans(), label="rows"):
            self.add(f"t{k}[:, labels]", x[:, labels], lambda e: f(e)[:, e["labels"]])
        else:
            self.add(f"t{k}[arange, labels]", x[arange(shape[0]), labels], lambda e: f(e)[anp.arange(3), e["labels"]])

    def _reshape(self) -> None:
        k, (x, f, _) = self.node((1, 2))
        self.add(f"t{k}.reshape(-1)", x.reshape(-1), lambda e: anp.reshape(f(e), (-1,)))


@settings(
    max_examples=EXAMPLES, print_blob=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), steps=st.integers(2, 9))
def test_the_gradient_of_a_random_expression(data: Any, seed: int, steps: int, numbers_of: Numbers) -> None:
    rng = np.random.default_rng(seed)
    symbols = {name: gp.array(name, shape) for name, shape in INPUTS.items()}
    values: dict[str, Any] = {name: rng.normal(size=tuple(SIZES[d] for d in s)) for name, s in INPUTS.items()}
    values["labels"] = rng.integers(0, SIZES["n"], SIZES["m"])
    builder = Builder(data.draw, symbols)
    for _ in range(steps):
        builder.step()
    note("\n".join(builder.log))
    symbolic, automatic, shape = builder.nodes[-1]
    target = data.draw(st.sampled_from(sorted(INPUTS)), label="wrt")
    with np.errstate(all="ignore"):
        expected = automatic(values)
        if not np.all(np.isfinite(expected)) or np.max(np.abs(expected), initial=0) > 1e6:
            return
        weight = rng.normal(size=np.shape(expected))

        def scalar(v: Any) -> Any:
            # the added zero lets autograd differentiate by an input that the expression does not use
            return anp.sum(automatic(values | {target: v}) * weight) + 0 * anp.sum(v)

        right = autograd.grad(scalar)(values[target])
    gradient = gp.vjp(symbolic, symbols[target], gp.array("weight", shape))
    value, got = numbers_of([symbolic, gradient], values | SIZES | {"weight": weight})
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)
    scale = 1 + np.max(np.abs(right), initial=0)
    np.testing.assert_allclose(got / scale, right / scale, rtol=0, atol=1e-9)
    direction = rng.normal(size=np.shape(values[target]))
    tangent = gp.jvp(symbolic, symbols[target], gp.array("direction", symbols[target].shape))
    forward = numbers_of(tangent, values | SIZES | {"direction": direction})
    # forward mode and reverse mode are two algorithms: v · (J d) = (Jᵀ v) · d
    left, other = float(np.sum(forward * weight)), float(np.sum(got * direction))
    assert abs(left - other) <= 1e-8 * (scale + abs(left)), f"{left} by jvp, {other} by vjp"
