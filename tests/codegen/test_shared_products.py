"""Products that share an operand are one, and the values stay: against autograd, and on planted near misses."""

from __future__ import annotations

import re

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp
from gradproof.codegen.compile import lowered

T, m, n, k = gp.dims("T m n k")
SHAPES = {"x": (m, n), "W": (n, 3 * k), "U": (3 * k, n), "b": (3 * k,), "y": (m, k), "h0": (m, n), "s": (T, m, n)}
ARRAYS = {name: gp.array(name, shape) for name, shape in SHAPES.items()}
SIZES = {T: 3, m: 2, n: 4, k: 5}


def values(dtype=float):
    rng = np.random.default_rng(8)
    return {name: rng.normal(size=[int(d.subs(SIZES)) for d in shape]).astype(dtype) for name, shape in SHAPES.items()}


def thirds(a, axis=-1):
    width = a.shape[axis] // 3
    parts = [slice(q * width, (q + 1) * width) for q in range(3)]
    return [a[..., p] if axis == -1 else a[p] for p in parts]


def columns(np, x, W, b, **_):
    return sum(np.sum(np.tanh(x @ w + c) ** (q + 1)) for q, (w, c) in enumerate(zip(thirds(W), thirds(b), strict=True)))


def rows(np, y, U, x, **_):
    a, b, c = thirds(U, 0)
    return np.sum((x + y @ b + np.exp(y) @ a + np.tanh(y) @ c) ** 2)


def uneven(np, x, W, **_):
    """Parts with a gap, and one that is used twice."""
    first, _, last = thirds(W)
    return np.sum(np.exp(x @ first) * np.tanh(x @ last)) + np.sum((x @ last) ** 2)


def overlapping(np, x, W, **_):
    return np.sum(np.tanh(x @ W[:, 1:]) * np.exp(x @ W[:, :-1]))


def recurrent(np, s, h0, W, U, b, **_):
    def step(h, x):
        i, f, g = (x @ w + h @ w + c for w, c in zip(thirds(W), thirds(b), strict=True))
        p, q, r = thirds(U, 0)
        return np.tanh(i) @ p + np.tanh(f) @ q + np.exp(-g * g) @ r

    if np is anp:
        h, total = h0, 0
        for x in s:
            h = step(h, x)
            total = total + anp.sum(h**2)
        return total
    return np.sum(gp.scan(step, h0, s) ** 2)


CASES = {
    "columns": (columns, ["x", "W", "b"], 1),
    "rows": (rows, ["y", "U"], 1),
    "uneven": (uneven, ["W", "x"], None),
    "overlapping": (overlapping, ["W"], None),
    "recurrent": (recurrent, ["W", "U", "b", "h0"], None),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_stay(case):
    loss, wrt, _ = CASES[case]
    cost = loss(np, **ARRAYS)
    compiled = gp.compile([cost, *gp.grad(cost, [ARRAYS[name] for name in wrt])])
    given = values()
    used = {i.name for i in cost.system().inputs}
    found = compiled(**{name: given[name] for name in used})
    assert np.isclose(found[0], loss(anp, **given), rtol=1e-12)
    for name, gradient in zip(wrt, found[1:], strict=True):
        expected = autograd.grad(lambda value, name=name: loss(anp, **(given | {name: value})))(given[name])
        assert np.allclose(gradient, expected, rtol=1e-10, atol=1e-12), name


@pytest.mark.parametrize("case", [name for name, (*_, products) in CASES.items() if products])
def test_one_product_is_left(case):
    loss, _, products = CASES[case]
    steps = lowered([loss(np, **ARRAYS).definition]).instructions
    assert sum(s.op == "matmul" for s in steps) == products


def test_what_is_done_to_all_gates_is_done_once():
    source = gp.compile(columns(np, **ARRAYS)).source
    assert source.count("@") == 1 and source.count("np.tanh(x @ W + b)") == 1


def test_the_gates_of_an_lstm_take_three_products_a_step_back_and_forth():
    shapes = {"x": (T, m, n), "h0": (m, k), "c0": (m, k), "W": (n, 4 * k), "U": (k, 4 * k), "b": (4 * k,)}
    a = {name: gp.array(name, shape) for name, shape in shapes.items()}
    h, _ = gp.layers.lstm(**a)
    source = gp.compile(gp.grad(np.sum(h**2), [a["W"], a["U"], a["b"]])).source
    code = "\n".join(line.partition("#")[0] for line in source.splitlines())
    loops = re.split(r"\n    for ", code)
    assert code.count("@") == 3 and [part.count("@") for part in loops] == [1, 1, 1]  # x @ W, h_prev[t] @ U, d @ U.T
    assert code.count("np.tensordot") == 2 and code.count("np.concatenate") == 1
