"""BP1 to BP4: derived from the recurrence over the layer, in both forms, and equal to the engine's gradients when put
to use."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp

from gradproof.errors import UnsupportedError, UsageError
from gradproof.symbolic.equations.dims import free_index
from gradproof.symbolic.networks.backprop import BackpropagationEquations
from gradproof.symbolic.networks.generic import GenericNetwork, width
from gradproof.symbolic.networks.layered_latex import matrix_latex
from gradproof.symbolic.networks.layers import Dense
from gradproof.symbolic.networks.network import Network
from gradproof.symbolic.prove import equal

WIDTHS = [2, 4, 3, 2]
DEPTH = len(WIDTHS) - 1


@pytest.fixture(scope="module")
def network() -> GenericNetwork:
    return Network.generic()


@pytest.fixture(scope="module")
def equations(network: GenericNetwork) -> BackpropagationEquations:
    return network.backprop()


def test_the_index_forms_are_those_of_the_textbooks(equations: BackpropagationEquations) -> None:
    assert [e.latex("index") for e in equations] == [
        r"\delta^{L}_{j} = \frac{\partial C}{\partial a^{L}_{j}} \sigma'\left(z^{L}_{j}\right)",
        r"\delta^{l}_{j} = \sum_{k} w^{l + 1}_{kj} \delta^{l + 1}_{k} \sigma'\left(z^{l}_{j}\right)",
        r"\frac{\partial C}{\partial b^{l}_{j}} = \delta^{l}_{j}",
        r"\frac{\partial C}{\partial w^{l}_{jk}} = a^{l - 1}_{k} \delta^{l}_{j}",
    ]


def test_the_matrix_forms_are_those_of_the_textbooks(equations: BackpropagationEquations) -> None:
    assert [e.latex("matrix") for e in equations] == [
        r"\delta^{L} = \nabla_{a^{L}} C \odot \sigma'\left(z^{L}\right)",
        r"\delta^{l} = \left(\left(W^{l + 1}\right)^{\top} \delta^{l + 1}\right) \odot \sigma'\left(z^{l}\right)",
        r"\frac{\partial C}{\partial b^{l}} = \delta^{l}",
        r"\frac{\partial C}{\partial W^{l}} = \delta^{l} \left(a^{l - 1}\right)^{\top}",
    ]


def test_the_matrix_form_follows_the_indices_and_is_no_template(network: GenericNetwork) -> None:
    layer, j = free_index(0), free_index(1)
    k = sp.Symbol("k", integer=True)
    limits = (k, 0, width(layer - 1) - 1)
    straight = sp.Sum(network.w.at(layer, j, k) * network.a.at(layer - 1, k), limits)
    assert matrix_latex(straight, (j,)) == "W^{l} a^{l - 1}"
    with pytest.raises(UnsupportedError, match="form='index'"):
        matrix_latex(sp.Sum(network.w.at(layer, j, k) ** 2, limits), (j,))
    with pytest.raises(UsageError, match="index, matrix"):
        network.backprop().bp1.latex("table")


def test_each_equation_carries_its_layers_statement_and_derivation(equations: BackpropagationEquations) -> None:
    assert [(e.name, e.holds) for e in equations] == [
        ("BP1", "l = L"), ("BP2", "1 ≤ l < L"), ("BP3", "1 ≤ l ≤ L"), ("BP4", "1 ≤ l ≤ L")
    ]  # fmt: skip
    for equation in equations:
        assert isinstance(equation.equation, sp.Eq)
        assert equation.derivation[-1].after == equation.right
        assert equation.statement
        assert all(step.latex() for step in equation.derivation)


def test_the_adjoint_is_one_recurrence_whatever_the_depth(network: GenericNetwork) -> None:
    delta = network.adjoints.of[network.z].definition
    assert delta is not None
    assert delta.group is not None
    assert len(delta.group) == 2
    # z, a, the adjoints of both, of w, and C (those of b and x are elements of the others)
    assert len(network.system()) <= 6


def sample() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[Any], list[Any]]:
    """Concrete numbers for the generic network: widths 2-4-3-2, σ = sin, C(a) = Σ j a_j³ + a_0 a_1."""
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=(WIDTHS[p + 1], WIDTHS[p])) for p in range(DEPTH)]
    biases = [rng.normal(size=WIDTHS[p + 1]) for p in range(DEPTH)]
    values = {
        "x": rng.normal(size=WIDTHS[0]),
        "w": lambda l, j, k: weights[l - 1][j, k],
        "b": lambda l, j: biases[l - 1][j],
    }
    functions = {"sigma": [np.sin, np.cos], "C": (_cost, autograd.grad(_cost))}
    return values, {"L": DEPTH, "n": lambda l: WIDTHS[l]}, functions, weights, biases


def _cost(a: Any) -> Any:
    return anp.sum(anp.arange(1, len(a) + 1) * a**3) + a[0] * a[1]


class TestAtNumbers:
    """The symbolic recurrence put to numbers, layers of different widths included."""

    @pytest.fixture
    def evaluator(self, naive_evaluator: Any) -> Any:
        values, sizes, functions, _, _ = sample()
        return naive_evaluator(values, sizes, functions)

    def test_the_adjoints_agree_with_automatic_differentiation(self, network: GenericNetwork, evaluator: Any) -> None:
        values, _, _, weights, biases = sample()

        def run(x: Any, weights: Any, biases: Any) -> Any:
            for w, b in zip(weights, biases, strict=True):
                x = anp.sin(anp.dot(w, x) + b)
            return _cost(x)

        assert evaluator.element(network.cost, ()) == pytest.approx(float(run(values["x"], weights, biases)))
        of_x, of_w, of_b = (autograd.grad(run, p)(values["x"], weights, biases) for p in range(3))
        found = network.adjoints.of

        def at(definition: Any, *index: int) -> float:
            return float(evaluator.number(found[definition].at(tuple(map(sp.Integer, index))), {}))

        assert [at(network.x, j) for j in range(WIDTHS[0])] == pytest.approx(list(of_x))
        for l in range(1, DEPTH + 1):
            for j in range(WIDTHS[l]):
                assert at(network.b, l, j) == pytest.approx(of_b[l - 1][j])
                for k in range(WIDTHS[l - 1]):
                    assert at(network.w, l, j, k) == pytest.approx(of_w[l - 1][j, k])

    def test_every_line_of_every_derivation_is_an_equality(
        self, equations: BackpropagationEquations, evaluator: Any
    ) -> None:
        checked = 0
        for equation in equations:
            layers = {"l = L": [DEPTH], "1 ≤ l < L": range(1, DEPTH), "1 ≤ l ≤ L": range(1, DEPTH + 1)}[equation.holds]
            for step in equation.derivation:
                for l in layers:
                    for j in range(WIDTHS[l]):
                        env = {free_index(0): l, free_index(1): j, free_index(2): 1}
                        assert evaluator.number(step.before, env) == pytest.approx(evaluator.number(step.after, env))
                        checked += 1
        assert checked > 40

    def test_the_check_of_a_line_sees_a_wrong_one(self, equations: BackpropagationEquations, evaluator: Any) -> None:
        env = {free_index(0): 1, free_index(1): 0}
        right = evaluator.number(equations.bp2.right, env)
        wrong = equations.bp2.right.replace(
            lambda e: e.func.__name__ == "Arbitrary", lambda e: e.func(e.args[0], 0, e.args[2])
        )
        assert evaluator.number(wrong, env) != pytest.approx(right)


CONCRETE = [
    Network([Dense("n", "h", "tanh"), Dense("h", "c", "softmax")], "cross_entropy", l2=0.001),
    Network([Dense("n", "h", "sigmoid"), Dense("h", "k", "relu"), Dense("k", "c")], "mse"),
    Network([Dense(3, 4, "sigmoid"), Dense(4, 1, "sigmoid")], "sum_squares"),
    Network([Dense(3, 4, "sigmoid"), Dense(4, 1, "sigmoid")], "binary_cross_entropy"),
    Network([Dense("n", 4, "relu", bias=False), Dense(4, 2)], "huber", l1=0.1),
    Network([Dense(1, 1, ("leaky_relu", 0.2))], "hinge"),
]


@pytest.mark.parametrize("net", CONCRETE, ids=lambda n: f"{n.loss}-{len(n.layers)}")
def test_for_a_concrete_network_they_are_proved_equal_to_the_engines_gradients(net: Network) -> None:
    verdicts = net.backprop().check()
    assert list(verdicts) == list(net.parameters)
    assert {name: v.name for name, v in verdicts.items()} == dict.fromkeys(net.parameters, "proved")


def test_the_concrete_equations_have_the_shapes_of_row_batches() -> None:
    back = CONCRETE[1].backprop()
    assert {n: str(d.shape) for n, d in back.deltas.items()} == {1: "(m, h)", 2: "(m, k)", 3: "(m, c)"}
    assert back.bp1.definition is back.deltas[3].definition
    assert list(back.bp2) == [1, 2]
    generic = back.equations
    assert [e.derivation for e in (back.bp1, back.bp2, back.bp3, back.bp4)] == [e.derivation for e in generic]
    assert "delta" in back.bp2.latex("matrix")
    assert {n: g.shape for n, g in back.gradients().items()} == {n: p.shape for n, p in back.network.parameters.items()}


def test_an_error_taken_with_sigma_at_the_wrong_place_is_not_equal() -> None:
    """The check has teeth: δ without σ′, or with a factor 2, is told from the derived one."""
    net = CONCRETE[0]
    good = net.backprop().bp3["b1"]
    assert equal(good, net.gradients()["b1"])
    assert not equal(good * 2, net.gradients()["b1"])
    assert not equal(net.backprop().bp3["b1"] * net.parameters["b1"], net.gradients()["b1"])
