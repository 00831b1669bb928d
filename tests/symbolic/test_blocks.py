"""Parts of arrays in matrix form: slices, arrays side by side, and the gates that stand in one weight."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from beside import module

import gradproof as gp
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.derivations.block_nodes import Block, Joined
from gradproof.symbolic.derivations.latex import inlined, shown
from gradproof.symbolic.derivations.matrix_form import matrix_form
from gradproof.symbolic.derivations.matrix_nodes import MatMul
from gradproof.symbolic.derivations.time_nodes import SumOver
from gradproof.symbolic.equations.definition import System, define
from gradproof.symbolic.equations.dims import bound_index, free_index
from gradproof.symbolic.equations.nodes import Sum
from gradproof.symbolic.equations.tidy import tidy
from gradproof.symbolic.equations.values import Valuation

agrees = module(__file__, "matrix_values.py").agrees

T, m, n, k = gp.dims("T m n k")
X, Y, W = gp.array("X", (m, n)), gp.array("Y", (m, k)), gp.array("W", (n, 3 * k))
S, v, b, x = gp.array("S", (n, n)), gp.array("v", (3 * k,)), gp.array("b", (k,)), gp.array("x", (m,))
B, D = gp.array("B", (n, 2 * k)), gp.array("D", (m, n - 1))


def thirds(a):
    return [a[..., q * k : (q + 1) * k] for q in range(3)]


PRINTED = {
    "differences of rows": (X[1:] - X[:-1], r"X_{1:m, :} - X_{0:m - 1, :}"),
    "a product of columns": (X @ W[:, k : 2 * k], r"X W_{:, k:2 k}"),
    "its transpose": ((X @ W[:, k : 2 * k]).T, r"W_{:, k:2 k}^{\top} X^{\top}"),
    "a part of a vector": (Y + v[:k], r"Y + \mathbf{1} v_{0:k}^{\top}"),
    "a part of a Gram matrix": ((X.T @ X)[:, 1:], r"X^{\top} X_{:, 1:n}"),
    "the gradient by a part": (
        gp.grad(np.sum(Y * (X @ W[:, k : 2 * k])), W),
        r"\begin{pmatrix} 0 & X^{\top} Y & 0 \end{pmatrix}",
    ),
    "by all of them": (
        gp.grad(np.sum(Y * (X @ thirds(W)[0])) + np.sum(Y**2 * (X @ thirds(W)[1])) + np.sum(X @ thirds(W)[2]), W),
        r"X^{\top} \begin{pmatrix} Y & Y^{\odot 2} & \mathbf{1} \mathbf{1}^{\top} \end{pmatrix}",
    ),
    "a part of a gradient by a vector": (
        gp.grad(np.sum(Y * v[k : 2 * k]), v),
        r"\begin{pmatrix} 0 & \mathbf{1}^{\top} Y & 0 \end{pmatrix}^{\top}",
    ),
    "a lag": (gp.grad(x[1:] @ x[:-1], x), None),
    "side by side": (np.concatenate([X, Y], axis=1), r"\begin{pmatrix} X & Y \end{pmatrix}"),
    "below each other": (np.concatenate([X @ B, Y @ thirds(W)[0].T @ B], axis=0), None),
    "what they share": (np.concatenate([X @ B, X @ W], axis=1), r"X \begin{pmatrix} B & W \end{pmatrix}"),
    "columns": (np.concatenate([v, b]), r"\begin{pmatrix} v^{\top} & b^{\top} \end{pmatrix}^{\top}"),
    "differences of columns": (gp.grad(np.sum(D * (X[:, 1:] - X[:, :-1])), X), None),
    "a triangle of a product": (
        np.tril(np.outer(x, x)) @ X,
        r"\operatorname{tril}\left(x x^{\top}\right) X",
    ),
    "a shifted diagonal": (np.sum(np.diag(S[1:, :-1])) * X, None),
}


@pytest.mark.parametrize("case", [case for case, (_, text) in PRINTED.items() if text])
def test_parts_print_as_a_person_would_write_them(case):
    expression, expected = PRINTED[case]
    assert expression.latex() == expected


@pytest.mark.parametrize("case", PRINTED)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_matrix_form_has_the_value_of_its_equation(case, seed):
    (definition,) = tidy([PRINTED[case][0].definition])
    at = Valuation.random([definition], seed)
    system = System.of(definition)
    found = [*((d, matrix_form(d)) for d in system.equations), *inlined(shown(system), definition).items()]
    assert all(node is None or agrees(node, d, at) for d, node in found)


def test_a_part_that_is_another_one_has_another_value():
    (definition,) = tidy([(X @ W[:, k : 2 * k]).definition])
    node, at = matrix_form(definition), Valuation.random([definition], 1)
    left, block = node.factors
    assert isinstance(block, Block) and agrees(node, definition, at)
    other = dataclasses.replace(block, columns=(2 * k, 3 * k))
    assert not agrees(dataclasses.replace(node, factors=(left, other)), definition, at)


def test_parts_in_another_order_have_another_value():
    (definition,) = tidy([np.concatenate([X, Y**2], axis=1).definition])
    node, at = matrix_form(definition), Valuation.random([definition], 1)
    assert isinstance(node, Joined) and agrees(node, definition, at)
    assert not agrees(dataclasses.replace(node, parts=node.parts[::-1]), definition, at)


def test_what_may_lie_outside_of_an_array_is_no_part_of_it():
    lag = gp.grad(x[1:] @ x[:-1], x)
    assert ":" not in lag.latex("index")
    assert r"x_{-1" not in lag.latex()


def test_a_sum_up_to_another_index_says_so_and_is_a_triangle():
    i, j, s = free_index(0), free_index(1), bound_index(0)
    running = Array(define("t", (n, k), Sum(S.definition.at(i, s) * B.definition.at(s, j), (s, 0, i))))
    assert running.latex("index") == r"t_{ij} = \sum_{l=0}^{i} S_{il} B_{lj}"
    assert running.latex() == r"\operatorname{tril}\left(S\right) B_{:, 0:k}"
    at = Valuation.random([running.definition], 1)
    assert agrees(matrix_form(running.definition), running.definition, at)


def test_an_axis_of_size_one_has_no_index():
    text = (np.sum(X, axis=0, keepdims=True) * X).latex("index")
    assert ", 0" not in text and "_{0" not in text


# -- gates ------------------------------------------------------------------------------------------------------------
def gates(layer, count, wrt):
    shapes = {"x": (T, m, n), "h0": (m, k), "W": (n, count * k), "U": (k, count * k), "b": (count * k,)}
    a = {name: gp.array(name, shape) for name, shape in shapes.items()}
    if layer is gp.layers.lstm:
        a["c0"] = gp.array("c0", (m, k))
    states = layer(**a)
    h = states[0] if isinstance(states, tuple) else states
    return np.sum(h**2).named("C"), a[wrt]


def test_the_gates_of_an_lstm_have_the_equations_of_textbooks():
    lines = gp.grad(*gates(gp.layers.lstm, 4, "W")).latex().splitlines()
    assert r"W &= \begin{pmatrix} W_{\text{i}} & W_{\text{f}} & W_{\text{o}} & W_{\text{g}} \end{pmatrix} \\" in lines
    for gate, function in (("i", r"\sigma"), ("f", r"\sigma"), ("o", r"\sigma"), ("g", r"\tanh")):
        label = rf"\text{{{gate}}}"
        terms = rf"h_{{t - 1}} U_{{{label}}} + x_{{t}} W_{{{label}}} + \mathbf{{1}} b_{{{label}}}^{{\top}}"
        assert rf"z_{{{label}, t}} &= {terms} \\" in lines
        assert rf"{gate}_{{t}} &= {function}\left(z_{{{label}, t}}\right) \\" in lines
    deltas = " & ".join(rf"\delta_{{\text{{{gate}}}, t}}" for gate in "ifog")
    assert lines[-2] == rf"\bar{{W}} &= \sum_{{t}} x_{{t}}^{{\top}} \begin{{pmatrix}} {deltas} \end{{pmatrix}}"


@pytest.fixture(scope="module")
def gru():
    """The derivation of the gradient of a loss of a GRU's states by the weights of its states."""
    return gp.derive(*gates(gp.layers.gru, 3, "U"))


def test_the_gates_of_a_gru_have_the_equations_of_textbooks(gru):
    text = gru.latex("matrix")
    assert r"\tilde{h}_{t} &= \tanh\left(z_{\text{h}, t}\right)" in text
    assert (
        r"x_{t} W_{\text{h}} + \left(r_{t} \odot h_{t - 1}\right) U_{\text{h}} + \mathbf{1} b_{\text{h}}^{\top}" in text
    )
    first = r"h_{t - 1}^{\top} \delta_{\text{r}, t} & h_{t - 1}^{\top} \delta_{\text{u}, t}"
    last = r"\left(r_{t} \odot h_{t - 1}\right)^{\top} \delta_{\text{h}, t}"
    assert rf"\sum_{{t}} \begin{{pmatrix}} {first} & {last} \end{{pmatrix}}" in text


def test_every_equation_of_a_gated_layer_has_a_matrix_form(gru):
    assert all(step.matrix_after is not None for step in gru.steps)


def test_a_derivation_says_which_columns_a_gate_has(gru):
    text = gru.latex("matrix")
    assert r"$U_{\text{u}}$ & $k \times k$ & columns k to 2 k of U" in text
    assert r"$b_{\text{u}}$ & $k$ & entries k to 2 k of b" in text


def test_matrix_forms_of_gates_are_checked_as_equations_are():
    A, h0, s = gp.array("A", (k, 2 * k)), gp.array("h0", (m, k)), gp.array("s", (T, m, k))

    def step(h, s):
        u = np.tanh(s + h @ A[:, :k])
        return u * (h @ A[:, k:])

    derivation = gp.derive(np.sum(gp.scan(step, h0, s)[-1]).named("C"), [A])
    last = derivation.steps[-1]
    assert derivation.check(seeds=(1,))
    assert isinstance(last.matrix_after, SumOver) and isinstance(last.matrix_after.operand.factors[1], Joined)
    swapped = dataclasses.replace(
        last.matrix_after.operand.factors[1], parts=last.matrix_after.operand.factors[1].parts[::-1]
    )
    wrong = dataclasses.replace(
        last.matrix_after, operand=MatMul(last.shape, (last.matrix_after.operand.factors[0], swapped))
    )
    assert not derivation.replaced(last, dataclasses.replace(last, matrix_after=wrong, steps=())).check(seeds=(1,))


def test_parts_that_one_equation_uses_are_numbered():
    first, second, third = thirds(W)
    loss = np.sum((X @ first) * (X @ second) * (X @ third) * Y)
    text = gp.grad(loss, X).latex()
    assert r"W &= \begin{pmatrix} W_{\text{1}} & W_{\text{2}} & W_{\text{3}} \end{pmatrix}" in text


def test_a_name_that_is_taken_is_not_given_to_a_part():
    Wo, A = gp.array("Wo", (n, k)), gp.array("W", (n, 2 * k))
    i, o = np.tanh(X @ A[:, :k]).named("i"), np.tanh(X @ A[:, k:]).named("o")
    text = gp.grad(np.sum(i * o * (X @ Wo)), A).latex()
    assert "W_{:, 0:k}" in text and r"W &= " not in text


def test_parts_that_leave_a_gap_keep_their_ranges():
    first, _, third = thirds(W)
    text = gp.grad(np.sum((X @ first) * (X @ third) * Y), X).latex()
    assert "W_{:, 0:k}" in text and "W_{:, 2 k:3 k}" in text


# -- names ------------------------------------------------------------------------------------------------------------
def test_what_an_activation_is_taken_of_is_called_after_it():
    def sigma(z):
        return 1 / (1 + np.exp(-z))

    def step(h, x):
        u = sigma(x @ S + h)
        r = sigma(x - h)
        return u * h + (1 - u) * r

    h = gp.scan(step, gp.array("h0", (m, n)), gp.array("x", (T, m, n)))
    names = set(np.sum(h).system().names.values())
    assert {"z_u", "z_r"} <= names
    assert not any(name.startswith("z_2") for name in names)


def test_a_part_of_an_array_is_not_called_after_its_activation():
    z = gp.array("Z", (m, 2, k)) * 2
    a = np.tanh(z[:, 0]).named("a")
    assert "z" not in np.sum(a).system().names.values()
