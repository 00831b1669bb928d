"""Equal functions are proved equal for all shapes; different ones never are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.symbolic.arrays import joining, reductions
from gradproof.symbolic.arrays.array import array, as_array
from gradproof.symbolic.calculus.differentiate import grad, hessian, jacobian
from gradproof.symbolic.equations.dims import dims
from gradproof.symbolic.normal.zero import WORK, WORK_EACH, Prover
from gradproof.symbolic.prove import by_numbers, equal, prove

n, k, m = dims("n k m")
X, W, b = array("X", (m, n)), array("W", (n, k)), array("b", (k,))
Y, T = array("Y", (m, k), one_hot=True), array("T", (m, k))
x, y, g = array("x", (n,)), array("y", (n,)), array("g", (n,))
A, S = array("A", (m, n)), array("S", (n, n), symmetric=True)
y2 = array("y2", (m,))
c = array("c", (n,), integer=True)
known, small, halves = array("k", (4,)), array("B", (4, n)), as_array(np.array([0.0, 0.5, -1.0, 0.5]))
long = array("l", (n + 4,))
LAGS = np.lib.stride_tricks.sliding_window_view(long, 4) @ long[:4]
x2, labels = array("v", (2,)), array("labels", (m,), integer=True)
z = X @ W + b


def _sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def _stable_sigmoid(v: Any) -> Any:
    return np.where(v >= 0, 1 / (1 + np.exp(-v)), np.exp(v) / (1 + np.exp(v)))


def _stable_softmax(v: Any) -> Any:
    e = np.exp(v - np.max(v, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


P = reductions.softmax(z)
MU, VAR = np.mean(x), np.var(x) + 1e-5
XH = (x - MU) / np.sqrt(VAR)
GELU_SLOPE = math.sqrt(2 / math.pi) * 0.134145
GELU_T = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))

IDENTITIES: dict[str, tuple[Any, Any]] = {
    "written out place by place": (_sigmoid(small @ x), np.stack([_sigmoid(np.sum(small[i] * x)) for i in range(4)])),
    "a range of known size as an index": (small[np.arange(4), labels[0]], small[:, labels[0]]),
    "a sum of products where its indices meet": (np.tanh(LAGS)[0], np.tanh(np.sum(long[:4] ** 2))),
    "tanh by one exponential": (np.tanh(x), 1 - 2 / (1 + np.exp(2 * x))),
    "tanh by two exponentials": (np.tanh(x), (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))),
    "tanh squared and cosh": (1 - np.tanh(x) ** 2, 1 / np.cosh(x) ** 2),
    "sigmoid of the negative": (_sigmoid(-x), 1 - _sigmoid(x)),
    "sigmoid as tanh": (_sigmoid(x), 0.5 * (1 + np.tanh(0.5 * x))),
    "derivative of sigmoid": (_sigmoid(x) * (1 - _sigmoid(x)), np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "sigmoid in two branches": (_sigmoid(z), _stable_sigmoid(z)),
    "softmax without its shift": (P, _stable_softmax(z)),
    "log of softmax": (np.log(_stable_softmax(z)), z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))),
    "softplus without overflow": (np.log(1 + np.exp(x)), np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))),
    "rows of softmax sum to one": (np.sum(P, axis=1), 0 * np.sum(X, axis=1) + 1),
    "one-hot rows sum to one": (np.sum(Y, axis=1), 0 * np.sum(X, axis=1) + 1),
    "one-hot entries are their squares": (Y**2, Y),
    "centred values sum to zero": (np.sum(x - np.mean(x)), 0 * np.sum(x)),
    "maximum and minimum": (np.maximum(x, y) + np.minimum(x, y), x + y),
    "relu by its mask": (np.maximum(0, x), x * (x > 0)),
    "absolute value": (np.abs(x) * np.sign(x), x),
    "square root of a square": (np.sqrt(x**2), np.abs(x)),
    "power of minus one half": ((x**2 + 1) ** -0.5, 1 / np.sqrt(x**2 + 1)),
    "product over its quotient": ((x**2 + y**2) / (x**2 + y**2) * x, x),
    "trace is cyclic": (np.trace(A @ S @ A.T), np.sum((A @ S) * A)),
    "symmetric transposes": (S.T @ x, S @ x),
    "matmul by einsum": (X @ W, np.einsum("ij,jk->ik", X, W)),
    "norm by dot": (np.linalg.norm(x) ** 2, x @ x),
    "variance by moments": (np.var(x), np.mean(x**2) - np.mean(x) ** 2),
    "computed constants": (np.sqrt(2 / np.pi) * x, x * 2 / np.sqrt(2 * np.pi)),
    "a typed constant times a computed one": (
        x * (3 * math.sqrt(2 / math.pi) * 0.044715),
        x * (0.134145 * math.sqrt(2) / math.sqrt(math.pi)),
    ),
    "all but the last of what is longer": ((np.append(2 * x, 1) + np.append(y, 2))[:-1], 2 * x + y),
    "a row of a product": ((array("Q", (2, 2)) @ array("q", (2,)))[0], array("Q", (2, 2))[0] @ array("q", (2,))),
    "a shifted row of a product": ((A @ x)[1:], A[1:] @ x),
    "one over an expanded square": (
        np.sum(np.exp(-x) / (1 + np.exp(-x)) ** 2),
        np.sum(_sigmoid(x) * (1 - _sigmoid(x))),
    ),
    "entries of a small vector": (
        np.stack([array("q", (2,))[1], array("q", (2,))[0]]),
        array("q", (2,))[::-1],
    ),
    "clipping in its three pieces": (
        np.clip(x, -1, 1),
        np.where(np.abs(x) <= 1, x, np.sign(x)),
    ),
    "zero times its own guard": (y * np.where(y == 0, 1, x), y * x + 0 * x),
    "sum of two exponentials": (
        np.log(np.exp(x) + np.exp(y)),
        np.maximum(x, y) + np.log1p(np.exp(-np.abs(x - y))),
    ),
    "sine of the double": (np.sin(2 * x), 2 * np.sin(x) * np.cos(x)),
    "cosine of the double": (np.cos(2 * x), 1 - 2 * np.sin(x) ** 2),
    "bounds at infinity": (np.clip(x, 0, np.inf) + np.minimum(x, np.inf), np.maximum(x, 0) + np.fmax(-np.inf, x)),
    "a log in the branch where it exists": (np.where(x > 0, np.exp(np.log(x)), 0), np.maximum(x, 0)),
    "the sign of an exponential": ((np.exp(x) > 1) * y, (x > 0) * y),
    "the sign of tanh": (np.sign(np.tanh(x)), np.sign(x)),
    "how many are the largest": (np.sum(x == np.max(x)), 0 * np.sum(x) + 1),
    "the maximum of a shift": (np.max(3 * x + 1), 3 * np.max(x) + 1),
    "responsibilities sum to the number of rows": (np.sum(P), 0 * np.sum(X) + m),
    "shifted slices": (np.sum((x[1:] - x[:-1]) ** 2), np.sum((x[:-1] - x[1:]) ** 2)),
}

GRADIENTS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "softmax cross-entropy": lambda: (
        grad(-np.sum(Y * np.log(_stable_softmax(z))) / m, W),
        X.T @ ((_stable_softmax(z) - Y) / m),
    ),
    "its bias": lambda: (grad(-np.sum(Y * np.log(P)) / m, b), np.sum(P - Y, axis=0) / m),
    "layer norm": lambda: (grad(np.sum(g * XH), x), (g - np.mean(g) - XH * np.mean(g * XH)) / np.sqrt(VAR)),
    "relu layer": lambda: (
        grad(np.sum((np.maximum(0, X @ W) - T) ** 2), W),
        X.T @ (2 * (np.maximum(0, X @ W) - T) * (X @ W > 0)),
    ),
    "gelu": lambda: (
        grad(np.sum(0.5 * x * (1 + GELU_T)), x),
        0.5 * (1 + GELU_T) + 0.5 * x * (1 - GELU_T**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2),
    ),
    "logits of the binary cross-entropy": lambda: (
        grad(np.mean(np.maximum(x, 0) - x * y + np.log(1 + np.exp(-np.abs(x)))), x),
        (_sigmoid(x) - y) / n,
    ),
    "Hessian of logsumexp": lambda: (
        hessian(np.log(np.sum(np.exp(x))), x),
        np.diag(reductions.softmax(x)) - np.outer(reductions.softmax(x), reductions.softmax(x)),
    ),
    "Jacobian of two scalars": lambda: (
        jacobian(np.stack([2 * x2[0] + x2[1] ** 3, 3 * x2[0]]), x2),
        np.stack([np.stack([2 + 0 * x2[0], 3 * x2[1] ** 2]), np.stack([3 + 0 * x2[0], 0 * x2[0]])]),
    ),
    "gathered cross-entropy": lambda: (
        grad(-np.sum(np.log(P[joining.arange(m), labels])) / m, W),
        X.T @ ((P - (joining.arange(k)[None, :] == labels[:, None])) / m),
    ),
    "Jacobian of a layer": lambda: (jacobian(np.sin(A @ x), x), np.diag(np.cos(A @ x)) @ A),
    "quadratic form of a residual": lambda: (
        grad((g - A.T @ y2) @ S @ (g - A.T @ y2), y2),
        -2 * A @ S @ (g - A.T @ y2),
    ),
    "quadratic form": lambda: (grad(x @ S @ x, x), 2 * S @ x),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_of_real_code_are_proved(name: str) -> None:
    verdict = equal(*IDENTITIES[name])
    assert verdict.name == "proved", verdict


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_as_people_write_them_are_proved(name: str) -> None:
    verdict = equal(*GRADIENTS[name]())
    assert verdict.name == "proved", verdict


def _network(depth: int, wrong: int | None = None) -> tuple[list[Any], list[Any]]:
    """The engine's weight gradients of a tanh network, and the ones that a person would write (one may be wrong)."""
    weights = [array(f"W{l}", (n, n)) for l in range(depth)]
    values = [X]
    for l, w in enumerate(weights):
        values.append(np.tanh(values[-1] @ w + array(f"b{l}", (n,))))
    target = array("target", (m, n))
    cost = np.sum((values[-1] - target) ** 2) / m
    delta = 2 * (values[-1] - target) / m
    by_hand = []
    for l in reversed(range(depth)):
        slope = 1 - values[l + 1] ** 2 if l != wrong else 1 - values[l + 1]
        delta = delta * slope
        by_hand.append(values[l].T @ delta)
        delta = delta @ weights[l].T
    return grad(cost, weights), by_hand[::-1]


@pytest.mark.parametrize("depth", [1, 3, 12])
def test_networks_are_proved_layer_by_layer(depth: int) -> None:
    for engine, hand in zip(*_network(depth), strict=True):
        assert prove(engine, hand)


def test_a_fault_in_one_layer_is_refuted_below_it_and_only_there() -> None:
    engine, hand = _network(4, wrong=2)
    names = [equal(a, c).name for a, c in zip(engine, hand, strict=True)]
    assert names == ["refuted", "refuted", "refuted", "proved"]


WRONG: dict[str, tuple[Any, Any]] = {
    "a constant in its last digits": (np.tanh(x + 0.044715 * x**3), np.tanh(x + 0.04471501 * x**3)),
    "a typed constant that is off in its seventh digit": (x * (math.sqrt(2 / math.pi) * 0.1341451), x * GELU_SLOPE),
    "one part in ten million": (x * 1.0000001, x),
    "tanh for its square": (np.tanh(x) ** 2, np.tanh(x)),
    "a transpose": (np.trace(array("Q", (n, n)) @ array("R", (n, n))), np.sum(array("Q", (n, n)) * array("R", (n, n)))),
    "n for m": (np.sum(X) / m, np.sum(X) / n),
    "softmax over the other axis": (P, reductions.softmax(z, axis=0)),
    "one-hot treated as a probability": (array("p", (m, k), simplex=True) ** 2, array("p", (m, k), simplex=True)),
    "a lost shift": (np.sum(x[1:] * x[:-1]), np.sum(x[1:] * x[1:])),
    "the sum of squares for the square of the sum": (np.sum(x) ** 2, np.sum(x**2)),
}


@pytest.mark.parametrize("name", WRONG)
def test_different_functions_are_refuted_with_a_counterexample(name: str) -> None:
    verdict = equal(*WRONG[name])
    assert verdict.name == "refuted"
    assert "differ at" in verdict.reason


NEVER: dict[str, tuple[Any, Any]] = {
    "a mask on relu's output that is always on": ((np.maximum(0, x) >= 0) * y, (x > 0) * y),
    "the sign of a relu where it is off": (np.sign(np.maximum(0, x)), np.sign(x)),
    "a bound at infinity on the wrong side": (np.clip(x, -np.inf, 0), np.clip(x, 0, np.inf)),
    "wrong only where the input passes 50": (np.where(x > 50, x, 0), 0 * x),
    "integer data that can be zero": (
        (array("c", (n,), integer=True) * 0.5 >= 0) * y,
        (array("c", (n,), integer=True) * 0.5 > 0) * y,
    ),
    "a root of a product of unknown signs": (np.sqrt(x * y), np.sqrt(x) * np.sqrt(y)),
    "log of a square": (np.log(x**2), 2 * np.log(x)),
    "one over a mask": (1 / (1 * (x > 0)), 1 * (x > 0)),
    "a sum of relus, which is 0 for all negative inputs": (
        (np.sum(np.maximum(0, x)) >= 0) * y,
        (np.sum(np.maximum(0, x)) > 0) * y,
    ),
    "the largest entry less the maximum": ((x - np.max(x) >= 0) * y, (x - np.max(x) > 0) * y),
    "an entry less itself": (x[:, None] - x[None, :] >= 0, x[:, None] - x[None, :] > 0),
    "one entry less its mean": ((x - np.mean(x) >= 0) * y, (x - np.mean(x) > 0) * y),
    "an integer that is 0 in a product": ((x * c >= 0) * y, (x * c > 0) * y),
    "a sum that is empty for n = 1": ((np.sum(np.exp(x[1:])) > 0) * y, y),
    "the square of a root": (np.sqrt(x) ** 2, x),
    "exp of log": (np.exp(np.log(x)), x),
    "a power by its logarithm": (np.exp(n * np.log(x)), x**n),
    "a pole that integer data can meet": ((c * y) / c, y),
    "a known number that is 0": (known * (halves >= 0), known * (halves > 0)),
    "rows in another order": (small[np.arange(4)[::-1]], small[np.arange(4)]),
    "a lag of 1 for a lag of 0": (np.tanh(LAGS)[1], np.tanh(np.sum(long[:4] ** 2))),
    "a log in a branch and outside of it": (np.where(x > 0, np.log(x), 0), np.log(x) * (x > -1) * (x > 0)),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_is_false_on_some_region_is_never_proved(name: str) -> None:
    assert not equal(*NEVER[name])


def test_what_has_no_value_where_the_loss_has_none_is_proved_within_the_loss() -> None:
    loss, claimed, derived = np.sum(np.log(x)), np.exp(-np.log(x)), 1 / x
    assert "needs" in prove(claimed, derived).reason
    assert prove(claimed, derived, None, [loss]).name == "proved"


def test_a_hopeless_pair_is_given_up_within_its_budget() -> None:
    deep = x
    for _ in range(6):
        deep = np.tanh(np.outer(deep, y) @ np.abs(deep + y)) / np.sqrt(1 + np.sum(deep**2)) + np.maximum(deep, y)
    prover = Prover()
    verdict = prove(deep * np.sum(np.exp(deep)), (deep + 0 * y) * (np.sum(np.exp(deep)) + deep[0] * 1e-9), prover)
    assert not verdict
    assert prover.algebra.work < WORK + WORK_EACH * 200


def test_kinks_are_named() -> None:
    assert "kinks" in equal((x > 0) * y, (x >= 0) * y).reason


def test_what_is_out_of_reach_is_certified_with_the_reason() -> None:
    verdict = equal(np.sin(x + y), np.sin(x) * np.cos(y) + np.cos(x) * np.sin(y))
    assert verdict.name == "certified"
    assert "not proved" in verdict.reason


def test_shapes_must_agree() -> None:
    with pytest.raises(gp.ShapeError, match=r"\(m, n\) and \(n, m\)"):
        equal(X, X.T)


# -- near-equal pairs -------------------------------------------------------------------------------------------------
_UNARY: list[Callable[[Any], Any]] = [
    np.tanh, np.exp, _sigmoid, _stable_sigmoid, np.abs, np.sign, np.square, lambda v: np.maximum(0, v), lambda v: -v,
    lambda v: np.log(1 + np.exp(v)), lambda v: 1 / (1 + v**2), lambda v: np.sqrt(1 + v**2), lambda v: (v > 0) * v,
    lambda v: (v >= 0) * 1.0, lambda v: v - np.mean(v), lambda v: reductions.softmax(v), lambda v: v - np.max(v),
    lambda v: np.where(v > 1, v, 1 - v), np.sin, np.cos, lambda v: v[::-1], lambda v: np.minimum(v, 1),
]  # fmt: skip
_BINARY: list[Callable[[Any, Any], Any]] = [
    lambda u, v: u + v, lambda u, v: u - v, lambda u, v: u * v, lambda u, v: u * np.sum(v), np.maximum,
    lambda u, v: u * (v > 0), lambda u, v: np.where(u > v, u, v * 2), lambda u, v: u / (1 + v**2),
    lambda u, v: np.outer(u, v) @ v,
]  # fmt: skip


def _build(choices: list[int], change: int | None) -> Any:
    """A random vector expression; ``change`` replaces the operation at that place by its neighbour in the table."""
    pool: list[Any] = [x, y, 0.5 * x]
    for place, choice in enumerate(choices):
        number = choice + (1 if place == change else 0)
        left, right = pool[choice % len(pool)], pool[(choice // 7) % len(pool)]
        if choice % 2:
            pool.append(_UNARY[number % len(_UNARY)](left))
        else:
            pool.append(_BINARY[number % len(_BINARY)](left, right))
    return pool[-1]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=5), st.integers(0, 4))
@settings(max_examples=300)
def test_near_equal_pairs_are_never_proved_when_numbers_differ(choices: list[int], change: int) -> None:
    left, right = _build(choices, None), _build(choices, change)
    proof = prove(left, right)
    note(f"{choices} with a change at {change}: {proof}")
    if proof:
        assert by_numbers(left, right, "").name != "refuted"


@given(st.lists(st.integers(0, 500), min_size=1, max_size=5))
@settings(max_examples=100)
def test_the_same_expression_built_twice_is_proved(choices: list[int]) -> None:
    left, right = _build(choices, None) * y + x, x + y * _build(choices, None)
    assert equal(left, right).name == "proved"


@pytest.mark.parametrize("large", [2**53, 2**62])
def test_whole_numbers_that_floats_cannot_tell_apart_are_told_apart(large):
    k = gp.array("k", ())
    assert gp.equal(k * np.array([large, 1, 1]), k * np.array([large + 1, 1, 1])).name == "refuted"
    assert gp.equal(k * np.array([large + 1, 5, 5]), k * np.array([large + 1, 5, 5])).name == "proved"
