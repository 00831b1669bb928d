"""Recurrences as generated loops, against autograd on loops over NumPy arrays and against balls."""

from __future__ import annotations

import re

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp

T, m, n, k = gp.dims("T m n k")
SHAPES = {"x": (T, m, n), "h0": (m, k), "c0": (m, k), "W": (n, k), "U": (k, k), "b": (k,), "y": (T, m, k)}
ARRAYS = {name: gp.array(name, shape) for name, shape in SHAPES.items()}


def values(times):
    sizes, rng = {T: times, m: 3, n: 4, k: 2}, np.random.default_rng(times)
    return {name: rng.normal(size=[sizes[s] for s in shape]) for name, shape in SHAPES.items()}


def plain(np, a):
    def step(h, x):
        z = x @ a["W"] + h @ a["U"] + a["b"]
        return np.tanh(z)

    return step, a["h0"]


def gated(np, a):
    def step(state, x):
        h, c = state
        gate = 1 / (1 + np.exp(-(x @ a["W"] + h @ a["U"])))
        c = gate * c + (1 - gate) * np.tanh(x @ a["W"] + a["b"])
        return gate * np.tanh(c), c

    return step, (a["h0"], a["c0"])


def shifted(np, a):
    """Two steps of memory, handed on."""

    def step(state, x):
        h, old = state
        return np.tanh(x @ a["W"] + h + 2 * old @ a["U"]), h

    return step, (a["h0"], a["c0"])


STEPS = [plain, gated, shifted]
LOSSES = {
    "all": lambda np, h, a: np.sum((h - a["y"]) ** 2),
    "last": lambda np, h, a: np.sum(h[-1] ** 2),
    "first and last": lambda np, h, a: np.sum(h[0] * h[-1]),
    "all and last": lambda np, h, a: np.sum(h * a["y"]) + np.sum(np.exp(h[-1])),
    "differences": lambda np, h, a: np.sum((h[1:] - h[:-1]) ** 2) + np.sum(h),
}
WRT = ["x", "h0", "W", "U", "b"]


def first(result):
    return result[0] if isinstance(result, tuple) else result


def loop(np, step, initial, xs, reverse=False):
    states, state = [], initial
    for x in reversed(xs) if reverse else xs:
        state = step(state, x)
        states.append(first(state))
    return np.stack(states[::-1] if reverse else states)


CASES = [
    *((gated, loss, False) for loss in LOSSES),
    *((make, loss, False) for make in (plain, shifted) for loss in ("all", "last")),
    *((gated, loss, True) for loss in ("last", "first and last")),
]


@pytest.mark.parametrize(("make", "loss", "reverse"), CASES)
def test_values_and_gradients_are_those_of_the_loop(make, loss, reverse):
    step, initial = make(np, ARRAYS)
    h = first(gp.scan(step, initial, ARRAYS["x"], reverse=reverse))
    cost = LOSSES[loss](np, h, ARRAYS)
    compiled = gp.compile([cost, h, *gp.grad(cost, [ARRAYS[name] for name in WRT])])
    for times in (2, 5) if loss == "differences" else (1, 2, 5):  # of one state there are no differences
        given = values(times)

        def by_loop(changed, given=given):
            a = {name: changed.get(name, value) for name, value in given.items()}
            step, initial = make(anp, a)
            return LOSSES[loss](anp, loop(anp, step, initial, a["x"], reverse), a)

        step, initial = make(np, given)
        expected = autograd.grad(by_loop)({name: given[name] for name in WRT})
        found = compiled(**given)
        assert np.allclose(found[0], by_loop({}), rtol=1e-12)
        assert np.allclose(found[1], loop(np, step, initial, given["x"], reverse), rtol=1e-12)
        for name, gradient in zip(WRT, found[2:], strict=True):
            assert np.allclose(gradient, expected[name], rtol=1e-10, atol=1e-12), (name, times)


def test_a_hand_written_reversed_scan_runs():
    h = gp.scan(*plain(np, ARRAYS), ARRAYS["x"])

    def back(state, dout, h, h_prev, x):
        dh_next, dW, dU = state
        dz = (dout + dh_next) * (1 - h**2)
        return dz @ ARRAYS["U"].T, dW + x.T @ dz, dU + h_prev.T @ dz

    before = np.concatenate([ARRAYS["h0"][None], h[:-1]])
    cost = np.sum((h - ARRAYS["y"]) ** 2)
    start = (0 * ARRAYS["h0"], 0, 0)
    sequences = [2 * (h - ARRAYS["y"]), h, before, ARRAYS["x"]]
    dh, dW, dU = gp.scan(back, start, sequences, reverse=True)
    expected = gp.grad(cost, [ARRAYS[name] for name in ("h0", "W", "U")])
    for times in (1, 4):
        results = gp.compile([dh[0], dW[0], dU[0], *expected])(**values(times))
        assert all(np.allclose(p, q, rtol=1e-10) for p, q in zip(results[:3], results[3:], strict=True))


def test_second_derivatives_and_jacobians_run():
    step, initial = gated(np, ARRAYS)
    h = first(gp.scan(step, initial, ARRAYS["x"]))
    cost, U = np.sum(h[-1] ** 2), ARRAYS["U"]
    hessian, jacobian = gp.hessian(cost, U), gp.jacobian(h[-1], U)
    given = values(3)

    def by_loop(changed):
        a = given | {"U": changed}
        return loop(anp, *gated(anp, a), a["x"])[-1]

    assert np.allclose(jacobian.evaluate(given), autograd.jacobian(by_loop)(given["U"]), rtol=1e-9)
    expected = autograd.hessian(lambda changed: anp.sum(by_loop(changed) ** 2))(given["U"])
    assert np.allclose(hessian.evaluate(given), expected, rtol=1e-8)


def test_the_last_state_alone_is_not_stored():
    source = gp.scan(*plain(np, ARRAYS), ARRAYS["x"])[-1].numpy()
    assert re.search(r"for \w+ in range\(T\):", source) and "np.empty" not in source


def test_what_does_not_depend_on_the_state_is_one_product_before_the_loop():
    source = gp.grad(np.sum(gp.scan(*plain(np, ARRAYS), ARRAYS["x"]) ** 2), ARRAYS["W"]).numpy()
    before, _, rest = source.partition("for ")
    assert "x @ W" in before and "x[t]" not in rest
    assert "np.tensordot(x, d_z, axes=([0, 1], [0, 1]))" in rest and "for t in reversed(range(T)):" in rest


def test_the_dtype_is_that_of_the_inputs():
    cost = np.sum(gp.scan(*gated(np, ARRAYS), ARRAYS["x"])[0] ** 2)
    single = {name: value.astype(np.float32) for name, value in values(3).items()}
    assert gp.grad(cost, ARRAYS["U"]).evaluate(single).dtype == np.float32


def test_a_loop_runs_on_balls():
    import flint

    gradient = gp.grad(np.sum(gp.scan(*plain(np, ARRAYS), ARRAYS["x"])[-1]), ARRAYS["U"])
    given = values(3)
    balls = {name: np.vectorize(flint.arb, otypes=[object])(value) for name, value in given.items()}
    floats = gradient.evaluate(given)
    assert all(abs(p.mid() - q) < 1e-12 for p, q in zip(gradient.evaluate(balls).flat, floats.flat, strict=True))


def test_logarithms_behind_a_loop_are_stable():
    h = gp.scan(*plain(np, ARRAYS), ARRAYS["x"])
    logits = 1000 * h
    loss = -np.sum(ARRAYS["y"] * np.log(gp.softmax(logits)))
    results = gp.compile([loss, *gp.grad(loss, [ARRAYS["W"], ARRAYS["U"]])])(**values(4))
    assert all(np.all(np.isfinite(result)) for result in results)
