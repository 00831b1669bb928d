"""A user's own NumPy function, traced: its values, its names, NumPy's aliasing, and errors that name the line."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import autograd
import numpy as np
import pytest
import scipy.special
import sympy as sp
from numpy import zeros
from scipy.special import expit, logsumexp

import gradproof as gp

Numbers = Callable[..., Any]
SIZES = {"m": 4, "n": 3, "k": 5}


def numbers(**shapes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=tuple(SIZES.get(d, d) for d in shape)) for name, shape in shapes.items()}


# -- the functions that are traced: each returns what NumPy returns ----------------------------------------------------
def alias_of_a_name(x: Any) -> Any:
    a = x * 1.0
    b = a
    b += 1
    return a


def no_alias_of_a_sum(x: Any) -> Any:
    a = x * 1.0
    b = a + 0
    b += 1
    return a


def view_of_a_row(x: Any) -> Any:
    a = x * 1.0
    b = a[0]
    b += 1
    return a


def row_after_the_whole(x: Any) -> Any:
    a = x * 1.0
    b = a[1]
    a *= 2
    return b


def view_of_a_view(x: Any) -> Any:
    a = x * 1.0
    b = a[1:]
    c = b[0]
    c[:] = 5
    return a + b[0]


def view_of_a_transpose(x: Any) -> Any:
    a = x * 1.0
    a.T[0] += np.arange(a.shape[0])
    return a


def view_of_a_reshape(x: Any) -> Any:
    a = np.zeros(x.shape)
    flat = a.reshape(-1)
    flat[0] = x[0, 0]
    a[1, 1] = 3
    return flat


def copies_are_apart(x: Any) -> Any:
    a = x * 1.0
    b, c = a.copy(), np.array(a)
    a[:] = 0
    return b + c + a


def scalars_are_replaced(x: Any) -> Any:
    s = np.sum(x)
    t = s
    t += 1
    u = x[0, 0]
    u *= 3
    return s + 0 * t + x[0, 0]


def arrays_without_axes_are_changed(x: Any) -> Any:
    s = np.zeros(())
    t = s
    t += np.sum(x)
    return s


def argument_is_changed(x: Any) -> Any:
    def centre(v: Any) -> None:
        v -= v.mean(axis=0)

    a = x * 1.0
    centre(a)
    return a


def store_elements(x: Any) -> Any:
    out = np.zeros((3, 2))
    for i in range(3):
        out[i, 0] = np.sum(x) * i
        out[i, 1] = x[0, 0] + i
    return out


def store_slices(x: Any) -> Any:
    out = np.empty_like(x)
    out[0] = x[1]
    out[1:] = x[:-1] ** 2
    out[:, 0] = 7
    out[::2, 1] *= 2
    return out


def store_by_mask(x: Any) -> Any:
    out = x.copy()
    out[x < 0] = 0
    out[out > 0.5] *= 3
    return out


def select_by_mask(x: Any) -> Any:
    return np.sum(x[x > 0] ** 2) + x[x > 0].mean()


def store_by_labels(x: Any, y: Any) -> Any:
    p = np.exp(x)
    p[np.arange(len(y)), y] -= 1
    return p


def one_hot(x: Any, y: Any) -> Any:
    rows = np.zeros(x.shape)
    rows[np.arange(x.shape[0]), y] = 1
    return rows * x


def add_at(x: Any, y: Any) -> Any:
    out = np.zeros((3, x.shape[1]))
    np.add.at(out, y, x)
    return out


def out_arguments(x: Any) -> Any:
    buffer = np.empty(x.shape)
    np.exp(x, out=buffer)
    np.multiply(buffer, 2, out=buffer)
    np.sum(buffer, axis=0, out=buffer[0])
    np.clip(buffer, 0.5, 4, out=buffer)
    product = np.zeros((x.shape[0], x.shape[0]))
    np.dot(x, x.T, out=product)
    return product @ buffer


def copy_to(x: Any) -> Any:
    a = np.ones_like(x)
    np.copyto(a, x, where=x > 0)
    b = np.empty_like(x)
    b.fill(2)
    return a * b


def masks_add_as_masks(x: Any) -> Any:
    return ((x > 0) + (x > 0.5)) * 1.0 + (x > 0).astype(float) + (x > 0.5).astype(int) + ((x > 0) * (x < 1))


def counts(x: Any) -> Any:
    return x / (x > 0).sum() + np.mean(x > 0)


def truth_of_numbers(x: Any) -> Any:
    return np.where(x * (x > 0), x, -2 * x)


def sizes(x: Any) -> Any:
    m, n = x.shape
    return x / np.sqrt(n) / math.sqrt(m) / float(m) + int(n) - len(x) / x.size + np.log(m)


def loops(x: Any) -> Any:
    h = np.zeros((2, x.shape[1]))
    total = 0
    for t in range(3):
        h = np.tanh(h + x[t])
        total += np.sum(h)
    return total


def from_numpy_itself(x: Any) -> Any:
    out = zeros(x.shape)
    out += expit(x)
    return out.sum() + logsumexp(x) + scipy.special.logsumexp(x, axis=1).sum() + scipy.special.softmax(x, axis=1)[0, 0]


def nested(x: Any) -> Any:
    return np.array([[x[0, 0], 1.0], [x.sum(), x[1, 1]]]) @ np.array([1.0, 2.0])


def numbers_of_its_own(x: Any) -> Any:
    weights = np.array([0.5, 0.25, 0.25])
    weights = weights / weights.sum()
    return x @ weights + np.random.default_rng(1).normal(size=3).sum()


def shape_of_an_image(x: Any) -> Any:
    return x.reshape(2, 2, 3).transpose(1, 0, 2).reshape(2, -1) * 2


def swapped(x: Any) -> Any:
    return np.swapaxes(x, 0, 1) + np.moveaxis(x, 0, 1) * x.transpose(1, 0)


def stacked(x: Any) -> Any:
    return np.vstack([x, x[:1]]), np.hstack([x, x]), np.stack([x, -x]), np.pad(x, 1), np.split(x, 2)


def isinstance_of_ndarray(x: Any) -> Any:
    assert isinstance(x, np.ndarray) and not isinstance(1.5, np.ndarray)
    assert isinstance(1.5, float) and isinstance(3, int) and not isinstance("a", (int, float))
    return x.astype(float) + np.asarray(x, dtype=np.float64)


LABELS = np.array([2, 0, 1, 2])
CASES: list[tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = [
    (f, {"x": ("m", "n")}, {})
    for f in (
        alias_of_a_name, no_alias_of_a_sum, view_of_a_row, row_after_the_whole, view_of_a_view, view_of_a_transpose,
        copies_are_apart, scalars_are_replaced, arrays_without_axes_are_changed, argument_is_changed, store_elements,
        store_slices, store_by_mask, select_by_mask, out_arguments, copy_to, masks_add_as_masks, counts,
        truth_of_numbers, sizes, loops, from_numpy_itself, nested, swapped, isinstance_of_ndarray, view_of_a_reshape,
    )
]  # fmt: skip
CASES += [(f, {"x": (4, 3)}, {}) for f in (numbers_of_its_own, shape_of_an_image, stacked)]
CASES += [
    (f, {"x": ("m", "n"), "y": (("m",), {"integer": True})}, {"y": LABELS}) for f in (store_by_labels, one_hot, add_at)
]


@pytest.mark.parametrize(("function", "inputs", "more"), CASES, ids=[f.__name__ for f, _, _ in CASES])
def test_a_traced_function_computes_what_numpy_computes(
    function: Callable[..., Any], inputs: dict[str, Any], more: dict[str, Any], numbers_of: Numbers
) -> None:
    values = numbers(x=("m", "n")) | more
    expected = function(**{name: np.copy(value) for name, value in values.items()})
    traced = gp.trace(function, inputs)
    flat = lambda r: [v for part in r for v in flat(part)] if isinstance(r, (tuple, list)) else [r]  # noqa: E731
    for got, right in zip(flat(traced), flat(expected), strict=True):
        assert got.ndim == np.ndim(right)
        np.testing.assert_allclose(numbers_of(got, values | SIZES), right, rtol=1e-12, atol=1e-12)


# -- a net with its gradient ------------------------------------------------------------------------------------------
def softmax(s: Any) -> Any:
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def net(X: Any, params: dict[str, Any], y: Any) -> tuple[Any, dict[str, Any]]:
    cache = {}
    m = X.shape[0]
    z1 = X @ params["W1"] + params["b1"]
    cache["a1"] = np.maximum(z1, 0)
    probs = softmax(cache["a1"] @ params["W2"])
    loss = -np.sum(np.log(probs[np.arange(m), y])) / m
    dz2 = probs.copy()
    dz2[np.arange(m), y] -= 1
    dz2 /= m
    grads = {"W2": cache["a1"].T.dot(dz2)}
    dz1 = dz2 @ params["W2"].T
    dz1[z1 <= 0] = 0
    grads["W1"] = X.T.dot(dz1)
    grads["b1"] = dz1.sum(axis=0)
    return float(loss), grads


NET = {"X": ("m", "n"), "params": {"W1": ("n", "k"), "b1": ("k",), "W2": ("k", "n")}, "y": (("m",), {"integer": True})}


def test_a_hand_written_gradient_agrees_with_the_derived_one(numbers_of: Numbers) -> None:
    loss, grads = gp.trace(net, NET)
    values = numbers(X=("m", "n"), W1=("n", "k"), b1=("k",), W2=("k", "n")) | {"y": LABELS}
    for name, shape in NET["params"].items():
        derived = gp.grad(loss, gp.array(name, shape))
        got, right = numbers_of([grads[name], derived], values)
        np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-12)
    oracle = net(values["X"], {k: values[k] for k in NET["params"]}, LABELS)[1]["W1"]
    np.testing.assert_allclose(numbers_of(grads["W1"], values), oracle, rtol=1e-10, atol=1e-12)


def test_the_users_variables_name_the_intermediates() -> None:
    loss, grads = gp.trace(net, NET)
    names = {d.name for d in loss.system().equations}
    assert {"z1", "a1", "probs", "loss"} <= names
    assert "e" not in names  # exp(z) / Σ exp(z) is read as one thing, a softmax
    assert {"dz1", "dz2"} <= {d.name for d in grads["W1"].system().equations}
    assert loss.name == "loss"


def rebinding(x: Any) -> Any:
    a = x
    for _ in range(3):
        z = a @ x
        a = np.tanh(z)
    return a.sum()


def test_a_variable_that_is_bound_again_names_each_of_its_values() -> None:
    traced = gp.trace(rebinding, {"x": ("n", "n")})
    names = [d.name for d in traced.system().equations]
    assert names.count("z") == 3 and names.count("a") == 3


class Layer:
    def __init__(self) -> None:
        self.W = gp.array("W", ("n", "k"))

    def forward(self, x: Any) -> Any:
        self.x = x
        self.z = x @ self.W
        return np.tanh(self.z)

    def backward(self, dout: Any) -> Any:
        self.dz = dout * (1 - np.tanh(self.z) ** 2)
        self.dW = self.x.T @ self.dz
        return self.dz @ self.W.T

    def both(self, x: Any, dout: Any) -> Any:
        self.forward(x)
        return self.backward(dout), self.dW


def test_state_on_self_carries_over(numbers_of: Numbers) -> None:
    dx, dW = gp.trace(Layer().both, {"x": ("m", "n"), "dout": ("m", "k")})
    values = numbers(x=("m", "n"), dout=("m", "k"), W=("n", "k"))
    out = gp.trace(Layer().forward, {"x": ("m", "n")})
    for got, wrt in ((dx, gp.array("x", ("m", "n"))), (dW, gp.array("W", ("n", "k")))):
        derived = gp.vjp(out, wrt, gp.array("dout", ("m", "k")))
        np.testing.assert_allclose(*numbers_of([got, derived], values), rtol=1e-12)
    assert {"z", "dz"} <= {d.name for d in dW.system().equations}


# -- refusals ---------------------------------------------------------------------------------------------------------
def branch_on_data(x: Any) -> Any:
    while np.sum(x) > 0:  # the branch
        x = x - 1
    return x


def branch_on_a_size(x: Any) -> Any:
    return x if x.shape[0] > 5 else -x  # the size


def loop_over_a_size(x: Any) -> Any:
    return [x[i] for i in range(x.shape[0])]  # the loop


def shapes_do_not_fit(x: Any) -> Any:
    return x @ x  # the product


def integers_round(x: Any) -> Any:
    out = np.zeros((3,), dtype=int)
    out[0] = np.sum(x)  # the store
    return out


def view_or_copy(x: Any) -> Any:
    flat = x.T.reshape(-1)
    flat += 1  # the store
    return x


def floats_of_its_own(x: Any) -> Any:
    table = np.array([1.0, 2.0, 3.0])
    table[0] = np.sum(x)  # the store
    return table


def random_of_a_size(x: Any) -> Any:
    return x * np.random.default_rng(0).normal(size=x.shape)  # the draw


def helper_fails(x: Any) -> Any:
    return branch_on_data(x)


def masks_keep_truth(x: Any) -> Any:
    mask = x > 0
    mask[0] = 2  # the store
    return mask


REFUSED = [
    (masks_keep_truth, gp.UnsupportedError, "# the store"),
    (branch_on_data, gp.UnsupportedError, "# the branch"),
    (branch_on_a_size, gp.UnsupportedError, "# the size"),
    (loop_over_a_size, gp.UnsupportedError, "# the loop"),
    (shapes_do_not_fit, gp.ShapeError, "# the product"),
    (integers_round, gp.UnsupportedError, "# the store"),
    (view_or_copy, gp.UnsupportedError, "# the store"),
    (floats_of_its_own, gp.UnsupportedError, "# the store"),
    (random_of_a_size, gp.UnsupportedError, "# the draw"),
    (helper_fails, gp.UnsupportedError, "# the branch"),
]


@pytest.mark.parametrize(("function", "error", "mark"), REFUSED, ids=[f.__name__ for f, _, _ in REFUSED])
def test_what_cannot_be_traced_is_refused_with_the_line(function: Any, error: Any, mark: str) -> None:
    with pytest.raises(error) as caught:
        gp.trace(function, {"x": ("m", "n")})
    assert "test_trace.py line " in str(caught.value) and mark in str(caught.value)


def test_inputs_that_the_function_does_not_take_are_named() -> None:
    with pytest.raises(gp.UsageError, match="softmax"):
        gp.trace(softmax, {"t": ("m", "n")})
    with pytest.raises(gp.UsageError, match="function"):
        gp.trace(3, {})  # type: ignore[arg-type]


def test_everything_is_put_back(numbers_of: Numbers) -> None:
    before = {
        name: globals().get(name) for name in ("np", "math", "zeros", "logsumexp", "scipy", "float", "int", "len")
    }
    with pytest.raises(gp.UnsupportedError):
        gp.trace(branch_on_data, {"x": ("m",)})
    gp.trace(from_numpy_itself, {"x": ("m", "n")})
    assert {name: globals().get(name) for name in before} == before
    assert not hasattr(sp.Expr, "sqrt") and isinstance(np.zeros(3), np.ndarray)


def test_another_thread_keeps_numpys_own_functions() -> None:
    made: list[Any] = []

    def beside(x: Any) -> Any:
        worker = threading.Thread(target=lambda: made.append(np.random.default_rng(0).permutation(3)))
        worker.start()
        worker.join()
        return x

    gp.trace(beside, {"x": ("m",)})
    assert isinstance(made[0], np.ndarray)


def test_a_traced_loss_differentiates_as_automatic_differentiation_does(numbers_of: Numbers) -> None:
    import autograd.numpy as anp

    def loss(x: Any) -> Any:
        return np.sum(np.tanh(x - np.mean(x, axis=0)) ** 2) / x.shape[0]

    def automatic(x: Any) -> Any:
        return anp.sum(anp.tanh(x - anp.mean(x, axis=0)) ** 2) / x.shape[0]

    values = numbers(x=("m", "n"))
    derived = gp.grad(gp.trace(loss, {"x": ("m", "n")}), gp.array("x", ("m", "n")))
    np.testing.assert_allclose(numbers_of(derived, values), autograd.grad(automatic)(values["x"]), rtol=1e-10)
