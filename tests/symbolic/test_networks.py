"""Dense networks: their gradients against automatic differentiation and the hand-written passes, their size, their
errors."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.scipy.special import erf

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.reference.network import Layer, ReferenceNetwork
from gradproof.symbolic.networks.layers import ACTIVATIONS, Dense
from gradproof.symbolic.networks.network import Network
from gradproof.symbolic.networks.network_check import written_gradients
from gradproof.symbolic.prove import equal

ORACLE = {
    "identity": lambda z: z, "square": lambda z: z * z, "sigmoid": lambda z: 1 / (1 + anp.exp(-z)), "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0), "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "elu": lambda z: anp.where(z > 0, z, anp.exp(z) - 1), "softplus": lambda z: anp.log(1 + anp.exp(z)),
    "selu": lambda z: 1.0507009873554805 * anp.where(z > 0, z, 1.6732632423543772 * (anp.exp(z) - 1)),
    "silu": lambda z: z / (1 + anp.exp(-z)), "gelu": lambda z: z * (1 + erf(z / anp.sqrt(2))) / 2, "exp": anp.exp,
    "gelu_tanh": lambda z: z * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (z + 0.044715 * z**3))) / 2, "sin": anp.sin,
    "cos": anp.cos, "abs": anp.abs, "expm1": lambda z: anp.exp(z) - 1, "sinh": anp.sinh, "cosh": anp.cosh,
    "arctan": anp.arctan, "erf": erf, "tan": anp.tan,
    "softmax": lambda z: anp.exp(z) / anp.sum(anp.exp(z), axis=1, keepdims=True),
}  # fmt: skip
POSITIVE_INPUT = {"log": anp.log, "log1p": anp.log1p}
LOSS = {
    "mse": lambda a, y: anp.sum((a - y) ** 2) / len(y), "half_mse": lambda a, y: anp.sum((a - y) ** 2) / (2 * len(y)),
    "sum_squares": lambda a, y: anp.sum((a - y) ** 2) / 2,
    "cross_entropy": lambda a, y: -anp.sum(y * anp.log(a)) / len(y),
    "binary_cross_entropy": lambda a, y: -anp.sum(y * anp.log(a) + (1 - y) * anp.log(1 - a)) / len(y),
    "binary_cross_entropy_with_logits": lambda a, y: anp.sum(anp.log(1 + anp.exp(a)) - y * a) / len(y),
    "hinge": lambda a, y: anp.sum(anp.maximum(0, 1 - y * a)) / len(y),
    "huber": lambda a, y: anp.sum(anp.where(anp.abs(a - y) <= 1, (a - y) ** 2 / 2, anp.abs(a - y) - 0.5)) / len(y),
}  # fmt: skip


def targets(loss: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    if loss == "cross_entropy":
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], shape)
    return rng.integers(0, 2, shape).astype(float) if "binary" in loss else 2 * rng.normal(size=shape)


def numbers(net: Network, rng: np.random.Generator, rows: int = 3, positive: bool = False) -> dict[str, Any]:
    width = (net.layers[0].inputs, net.layers[-1].outputs)
    values = {name: rng.normal(size=p.shape) for name, p in net.parameters.items()}
    values |= {"X": rng.normal(size=(rows, width[0])), "Y": targets(net.loss, rng, (rows, width[1]))}
    return {k: np.abs(v) if positive else v for k, v in values.items()}


def oracle(net: Network, values: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    known = ORACLE | POSITIVE_INPUT

    def cost(params: dict[str, Any]) -> Any:
        a = values["X"]
        for number, layer in enumerate(net.layers, start=1):
            a = known[layer.activation](anp.dot(a, params[f"W{number}"]) + params.get(f"b{number}", 0))
        weights = [p for name, p in params.items() if name.startswith("W")]
        penalty = sum(net.l1 * anp.sum(anp.abs(w)) + net.l2 / 2 * anp.sum(w**2) for w in weights)
        return LOSS[net.loss](a, values["Y"]) + penalty

    params = {name: values[name] for name in net.parameters}
    return cost(params), autograd.grad(cost)(params)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a not in ("softmax", "linear")])
def test_gradients_of_every_activation_agree_with_automatic_differentiation(
    activation: str, evaluate_naively: Any
) -> None:
    net = Network([Dense(2, 3, activation), Dense(3, 2, "tanh")])
    values = numbers(net, np.random.default_rng(1), positive=activation in POSITIVE_INPUT)
    cost, gradients = oracle(net, values)
    assert evaluate_naively(net.cost, values) == pytest.approx(cost, rel=1e-12)
    for name, found in net.gradients().items():
        np.testing.assert_allclose(evaluate_naively(found, values), gradients[name], rtol=1e-9, atol=1e-12)


NETS = [
    Network([Dense(2, 3, "relu"), Dense(3, 4, "softmax")], "cross_entropy", l2=0.1),
    Network([Dense(2, 3, "tanh"), Dense(3, 1, "sigmoid")], "binary_cross_entropy"),
    Network([Dense(2, 3, "tanh"), Dense(3, 2, "softmax")], "binary_cross_entropy"),
    Network([Dense(1, 1), Dense(1, 2)], "binary_cross_entropy_with_logits", l1=0.2),
    Network([Dense(2, 3, "sigmoid", bias=False), Dense(3, 2, "identity")], "hinge", l1=0.1, l2=0.3),
    Network([Dense(2, 2, "silu"), Dense(2, 2, "gelu"), Dense(2, 2)], "huber"),
    Network([Dense(3, 4, "sigmoid"), Dense(4, 1, "sigmoid")], "sum_squares"),
    Network([Dense(2, 3, "softmax")], "half_mse"),
    Network([Dense(2, 1, "softmax")], "mse"),
]


@pytest.mark.parametrize("net", NETS, ids=lambda n: f"{n.loss}-{n.layers[-1].activation}-{len(n.layers)}")
def test_gradients_agree_with_autograd_and_the_hand_written_pass(net: Network, evaluate_naively: Any) -> None:
    values = numbers(net, np.random.default_rng(2))
    cost, gradients = oracle(net, values)
    written = ReferenceNetwork(
        [Layer(y.inputs, y.outputs, y.activation, y.bias) for y in net.layers], net.loss, net.l1, net.l2
    )
    params = {name: values[name] for name in net.parameters}
    assert evaluate_naively(net.cost, values) == pytest.approx(cost, rel=1e-12)
    assert evaluate_naively(net.cost, values) == pytest.approx(float(written.loss(params, values["X"], values["Y"])))
    hand = written.gradient(params, values["X"], values["Y"])
    for name, found in net.gradients().items():
        number = evaluate_naively(found, values)
        np.testing.assert_allclose(number, gradients[name], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(number, hand[name], rtol=1e-9, atol=1e-12)


def test_a_parameter_of_an_activation_is_used(evaluate_naively: Any) -> None:
    net = Network([Dense(1, 1, ("leaky_relu", 0.25), bias=False)], "sum_squares")
    values = {"X": np.array([[-2.0]]), "W1": np.array([[1.0]]), "Y": np.array([[0.0]])}
    assert evaluate_naively(net.output, values) == -0.5
    assert evaluate_naively(net.gradients()["W1"], values) == 0.25  # a σ′ x = (-1/2)(1/4)(-2)
    assert Dense(1, 1, "elu", alpha=2.0).alpha == 2.0


def test_equations_grow_linearly_with_the_depth() -> None:
    def count(depth: int) -> int:
        return len(Network([Dense("n", "n", "tanh") for _ in range(depth)]).system())

    few, some, many = count(10), count(20), count(40)
    assert many - some == 2 * (some - few)
    assert some - few == 10 * 6  # z, a, ∂C/∂a, δ, ∂C/∂W, ∂C/∂b a layer


def test_a_hundred_layers_have_six_equations_each() -> None:
    system = Network([Dense("n", "n", "tanh") for _ in range(100)]).system()
    assert len(system) == 601


def test_symbolic_widths_give_symbolic_shapes() -> None:
    net = Network([Dense("n", "h", "relu"), Dense("h", "c", "softmax")], "cross_entropy")
    assert [str(d) for d in net.system().dimensions] == ["c", "h", "m", "n"]
    assert {k: str(g.shape) for k, g in net.gradients().items()} == {
        "W1": "(n, h)", "b1": "(h,)", "W2": "(h, c)", "b2": "(c,)"
    }  # fmt: skip


def test_softmax_under_cross_entropy_has_the_error_p_minus_y() -> None:
    net = Network([Dense("n", "c", "softmax")], "cross_entropy")
    names = net.system().names
    delta = next(d for d in names if d.name == "delta1")
    assert {d.name for d in delta.uses} == {"p", "Y"}
    assert net.output.definition in names, "the output and the gradient share one softmax"


def test_the_hand_written_pass_is_proved_to_be_the_derived_one() -> None:
    net = Network([Dense("n", "h", "tanh"), Dense("h", "c", "softmax")], "cross_entropy", l2=0.01)
    assert {v.name for v in net.verify().values()} == {"proved"}


def test_verify_does_not_pass_a_wrong_gradient() -> None:
    net = Network([Dense("n", "h", "tanh"), Dense("h", "c")], "mse")
    written = written_gradients(net)
    assert equal(written["W1"], net.gradients()["W1"])
    assert not equal(written["W1"] * 2, net.gradients()["W1"])


def test_an_activation_without_a_hand_written_one_is_unknown_and_not_success() -> None:
    verdicts = Network([Dense(2, 1, ("leaky_relu", 0.3))]).verify()
    assert {v.name for v in verdicts.values()} == {"unknown"}
    assert "layer 1" in verdicts["W1"].reason


def test_the_representation_is_a_table() -> None:
    net = Network([Dense(4, 3, "relu"), Dense(3, 2, "softmax", name="head")], "cross_entropy", l2=0.5, name="small")
    assert repr(net).splitlines() == [
        "Network 'small': loss cross_entropy, l2 0.5, 23 parameters",
        "layer  inputs  outputs  activation  parameters",
        "1      4       3        relu        15",
        "head   3       2        softmax     8",
    ]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Dense(2, 3, "rleu"), UsageError, "did you mean 'relu'"),
        (lambda: Dense(0, 3), ShapeError | UsageError, "0"),
        (lambda: Dense(2, 3, "tanh", alpha=0.1), UsageError, "leaky_relu, elu"),
        (lambda: Dense(2, 3, ("elu", float("nan"))), UsageError, "finite"),
        (lambda: Network([]), UsageError, "at least one layer"),
        (lambda: Network([Dense(2, 3), Dense(4, 1, name="head")]), ShapeError, "has 3 outputs but layer 2 (head)"),
        (lambda: Network([Dense("n", "h"), Dense("n", 1)]), ShapeError, "layer 1 has h outputs"),
        (lambda: Network([Dense(2, 3, "softmax"), Dense(3, 1)]), UsageError, "layer 1 has softmax but is not the last"),
        (lambda: Network([Dense(2, 3)], "cross_entropy"), UsageError, "give the last layer softmax"),
        (lambda: Network([Dense(2, 3, "relu")], "binary_cross_entropy"), UsageError, "outputs in (0, 1)"),
        (lambda: Network([Dense(2, 3, "sigmoid")], "binary_cross_entropy_with_logits"), UsageError, "identity"),
        (lambda: Network([Dense(2, 3, "sigmoid")], "hinge"), UsageError, "-1 and 1"),
        (lambda: Network([Dense(2, 3)], "mae"), UsageError, "the names are mse, half_mse"),
        (lambda: Network([Dense(2, 3)], l2=-1), UsageError, "l2 is -1"),
        (lambda: Network([Dense("m", 3)]), UsageError, "batch size"),
        (lambda: Network(["relu"]), UsageError, "layer 1 is a str"),  # type: ignore[list-item]
    ],
)
def test_mistakes_are_named_in_one_line(make: Any, error: Any, words: str) -> None:
    with pytest.raises(error if isinstance(error, type) else (ShapeError, UsageError)) as caught:
        make()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_that_do_not_fit_are_refused() -> None:
    net = Network([Dense(2, 3, "softmax")], "cross_entropy")
    net.check_data(np.zeros((4, 2)), np.eye(3)[[0, 1, 2, 0]])
    with pytest.raises(ShapeError, match=r"X has shape \(4, 5\)"):
        net.check_data(np.zeros((4, 5)), np.zeros((4, 3)))
    with pytest.raises(UsageError, match="one-hot"):
        net.check_data(np.zeros((1, 2)), np.array([[0.5, 0.5, 0.0]]))
    with pytest.raises(ShapeError, match="rows"):
        net.check_data(np.zeros((2, 2)), np.eye(3))
