"""Recurrences of symbolic length: their equations, and their derivatives in both modes, against balls and loops."""

from __future__ import annotations

import dataclasses

import flint
import numpy as np
import pytest

import gradproof as gp
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import System
from gradproof.symbolic.equations.values import Valuation, precision
from gradproof.symbolic.recurrences.written import written

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
    assert derivation.check(seeds=[1]).name == "certified"


FORWARD = [
    r"h_{-1} &= h^{(0)}", r"z_{t} &= h_{t - 1} U + x_{t} W + \mathbf{1} b^{\top}", r"h_{t} &= \tanh\left(z_{t}\right)",
]  # fmt: skip
ERROR = r"\delta_{t} &= \left(1 - h_{t}^{\odot 2}\right) \odot \bar{h}_{t}"
FORMULAS = {
    "the last state": (
        lambda h: np.sum(h[-1] ** 2),
        r"\bar{h}_{t} &= \left[t < T - 1\right] \delta_{t + 1} U^{\top} + 2 \left[t = T - 1\right] h_{T - 1}",
    ),
    "all states": (
        lambda h: np.sum((h - y) ** 2),
        r"\bar{h}_{t} &= \left[t < T - 1\right] \delta_{t + 1} U^{\top} + 2 \left(h_{t} - y_{t}\right)",
    ),
}


@pytest.mark.parametrize("loss", FORMULAS)
def test_a_recurrence_prints_in_matrix_form_at_one_time(loss):
    cost, adjoint = FORMULAS[loss]
    gradients = gp.grad(cost(gp.scan(step, h0, x)), [W, U, h0])
    results = [r"\bar{W} &= \sum_{t} x_{t}^{\top} \delta_{t}", r"\bar{U} &= \sum_{t} h_{t - 1}^{\top} \delta_{t}",
               r"\bar{h}^{(0)} &= \delta_{0} U^{\top}"]  # fmt: skip
    for gradient, result in zip(gradients, results, strict=True):
        lines = gradient.latex().splitlines()[1:-1]
        assert [line.removesuffix(r" \\") for line in lines] == [*FORWARD, adjoint, ERROR, result]


def test_a_recurrence_prints_in_index_form_without_the_state_before_a_step():
    tex = gp.grad(np.sum(gp.scan(step, h0, x) * y), U).latex("index")
    assert r"h_{-1, i, j} &= h^{(0)}_{ij}" in tex and r"U_{j'j} h_{t - 1, i, j'}" in tex
    assert r"\left[t < T - 1\right] \sum_{j'} U_{jj'} \delta_{t + 1, i, j'}" in tex and "prev" not in tex


def test_the_last_time_may_come_first_and_the_state_may_start_with_a_number():
    h = gp.scan(lambda h, x: np.tanh(x @ W + h @ U), 0 * h0, x, reverse=True)
    tex = gp.grad(np.sum(h[0]), U).latex()
    assert r"h_{T} &= 0" in tex and r"\left[t > 0\right]" in tex and r"\sum_{t} h_{t + 1}^{\top}" in tex


def test_a_derivation_says_each_line_of_a_recurrence_at_one_time():
    derivation = gp.derive(np.sum((gp.scan(step, h0, x) - y) ** 2), wrt=[U, h0])
    lines = [line.partition("  ")[2] for line in derivation.summary().splitlines()]
    assert lines[:3] == ["h[-1] = h0", "z[t] = h[t − 1] U + x[t] W + 𝟏 bᵀ", "h[t] = tanh(z[t])"]
    assert lines[3] == "C = Σ_t ‖h[t] − y[t]‖²" and lines[5:7] == [
        "h̄[t] = ∂C/∂h[t] = [t < T − 1] δ[t + 1] Uᵀ + 2 h[t] − 2 y[t]", "δ[t] = ∂C/∂z[t] = (1 − h[t]^⊙2) ⊙ h̄[t]",
    ]  # fmt: skip
    assert lines[7:] == ["∂C/∂h0 = δ[0] Uᵀ", "∂C/∂U = Σ_t h[t − 1]ᵀ δ[t]"]
    equations, _, derivatives = derivation.markdown().partition("## Derivatives, from the output back")
    assert "definition: C" in equations and "start: ∂C/∂C" in derivatives and derivation.html().count("<math") > 50


def test_a_matrix_form_at_another_time_is_refuted():
    derivation = gp.derive(np.sum(gp.scan(step, h0, x) * y), wrt=[U])
    z = next(s for s in derivation.steps if s.target.name == "z" and s.kind == "value")
    last = derivation.steps[-1]  # Σ_t h_{t-1}ᵀ δ_t

    def later(leaf):  # h_t for h_{t-1}
        return leaf if leaf.definition.name != "h" else dataclasses.replace(leaf, index=((0, leaf.index[0][1] + 1),))

    ((time, first, end),) = last.matrix_after.limits
    shorter = dataclasses.replace(last.matrix_after, limits=((time, first, end - 1),))
    shifted = last.matrix_after.replaced(later)
    for right, node in ((z, z.matrix_after.replaced(later)), (last, shifted), (last, shorter)):
        wrong = dataclasses.replace(right, matrix_after=node, steps=())
        assert dataclasses.replace(derivation, steps=(wrong,)).check(seeds=[1]).name == "refuted"


def test_the_states_before_a_step_go_and_the_values_stay():
    c0 = gp.array("c0", (m, k))
    h, c = gp.scan(gated, (h0, c0), x)
    gradient = gp.grad(np.sum(h * y) + np.sum(c[-1]), U)
    direction = gp.jvp(np.sum(gradient * gradient), U, U)
    for array in (gradient, direction):
        (same,), _ = written([array.definition])
        assert not any("prev" in d.name for d in System.of(same).equations)
        assert vanishes(np.sum(Array(same) - array))
