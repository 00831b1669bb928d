"""Recurrences of symbolic length: their equations, and their derivatives in both modes, against balls and loops."""

from __future__ import annotations

import flint
import numpy as np
import pytest

import gradproof as gp
from gradproof.symbolic.equations.definition import System
from gradproof.symbolic.equations.values import Valuation, precision

T, m, n, k = gp.dims("T m n k")
x, h0 = gp.array("x", (T, m, n)), gp.array("h0", (m, k))
W, U, b = gp.array("W", (n, k)), gp.array("U", (k, k)), gp.array("b", (k,))
y = gp.array("y", (T, m, k))


def step(h, x):
    z = x @ W + h @ U + b
    return np.tanh(z)


def gated(state, x):
    h, c = state
    gate = gp.sigmoid(x @ W + h @ U)
    c = gate * c + (1 - gate) * np.tanh(x @ W + b)
    return gate * np.tanh(c), c


def vanishes(difference):
    """Whether a symbolic scalar is zero at random inputs, in balls of 2048 bits."""
    at = Valuation.random([difference.definition], seed=3)
    with precision():
        value = at.element(difference.definition, ())
    return value.contains(0) and abs(value) < flint.arb(10) ** -200


def test_the_variables_of_the_step_name_the_members():
    h = gp.scan(step, h0, x)
    assert h.shape == (T, m, k)
    assert [d.name for d in h.system().equations] == ["h_prev", "z", "h"]
    h, _ = gp.scan(gated, (h0, gp.array("c0", (m, k))), x)
    assert {d.name for d in h.system().equations} >= {"h_prev", "c_prev", "gate", "h", "c"}


def test_the_same_scan_is_the_same_recurrence():
    assert gp.scan(step, h0, x).definition is gp.scan(step, h0, x).definition


def test_what_does_not_feed_back_is_no_member():
    def with_output(state, x):
        h = np.tanh(x @ W + state[0] @ U)
        return h, h * 2

    h, out = gp.scan(with_output, (h0, None), x)
    assert h.definition.group and not out.definition.group


def test_a_number_starts_a_state_of_any_shape():
    assert gp.scan(lambda total, x: total + x.T @ x, 0, x).shape == (T, n, n)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_the_loop(reverse):
    a = gp.array("a", (4,))
    s = gp.scan(lambda s, a: 3 * s + a, 1, a, reverse=reverse).definition
    at = Valuation.random([s], seed=1)
    values, state, expected = [at.element(a.definition, (t,)) for t in range(4)], 1, {}
    for t in reversed(range(4)) if reverse else range(4):
        state = 3 * state + values[t]
        expected[t] = state
    assert all(at.element(s, (t,)) == expected[t] for t in range(4))


@pytest.mark.parametrize("axis", [0, 1])
def test_the_time_may_be_another_axis(axis):
    batch_first = gp.array("batch_first", (m, T, n) if axis else (T, m, n))
    assert gp.scan(step, h0, batch_first, axis=axis).shape == ((m, T, k) if axis else (T, m, k))


@pytest.mark.parametrize("reverse", [False, True])
def test_reverse_mode_is_the_transpose_of_forward_mode(reverse):
    c0 = gp.array("c0", (m, k))
    h, c = gp.scan(gated, (h0, c0), x, reverse=reverse)
    loss = np.sum((h - y) ** 2) + np.sum(c[0] * h[-1])
    weights = [W, U, b, h0, c0, x]
    directions = [gp.array(f"v_{w.name}", w.shape) for w in weights]
    pairs = zip(gp.grad(loss, weights), directions, strict=True)
    assert vanishes(gp.jvp(loss, weights, directions) - sum(np.sum(g * v) for g, v in pairs))


def test_second_derivatives_agree_by_all_ways():
    h = gp.scan(step, h0, x)
    loss, v = np.sum((h - y) ** 2), gp.array("v", (k, k))
    over = np.sum(gp.hvp(loss, U, v) * v)
    assert vanishes(over - gp.jvp(gp.jvp(loss, U, v), U, v))
    assert vanishes(over - np.sum(gp.grad(np.sum(gp.grad(loss, U) * v), U) * v))


def test_the_gradient_does_not_grow_with_the_length():
    def equations(length):
        xs = gp.array("xs", (length, m, n))
        loss = np.sum(gp.scan(step, h0, xs)[-1] ** 2)
        return len(System.of(*(g.definition for g in gp.grad(loss, [W, U, b]))))

    assert equations(3) == equations(300) == equations(T)


def test_a_state_that_the_loss_does_not_see_has_no_adjoint():
    def two(state, x):
        h, s = state
        return np.tanh(x @ W + h @ U), s + h

    h, _ = gp.scan(two, (h0, 0), x)
    assert not any("s" in d.name for d in gp.grad(np.sum(h**2), W).system().equations)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: gp.scan(step, None, x), "nothing is carried"),
        (lambda: gp.scan(step, h0), "length="),
        (lambda: gp.scan(lambda h: h @ U, h0, x), "positional argument"),
        (lambda: gp.scan(lambda h, x: (h, h), h0, x), "one array"),
        (lambda: gp.scan(lambda h, x: x, h0, x), "shape"),
        (lambda: gp.scan(step, h0, [x], length=3), "3 are expected"),
    ],
)
def test_what_cannot_be_scanned_is_refused_with_the_reason(wrong, says):
    with pytest.raises((gp.GradproofError, TypeError), match=says):
        wrong()


def test_every_line_of_the_derivation_of_a_recurrence_is_checked():
    h = gp.scan(step, h0, x)
    derivation = gp.derive(np.sum((h - y) ** 2) + np.sum(h[-1]), wrt=[W, U, b, h0, x])
    assert derivation.check().name == "certified"


def test_the_adjoint_of_a_recurrence_prints_as_one_over_the_time():
    h = gp.scan(step, h0, x)
    tex = gp.grad(np.sum(h * y), U).latex("index")
    assert r"h_{\text{prev}, tij} &= \begin{cases} h^{(0)}_{ij} & \text{if } t = 0 \\ h_{t - 1, i, j}" in tex
    assert r"\bar{h}_{\text{prev}, 1 + t, i, j}" in tex
