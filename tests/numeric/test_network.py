"""The hand-written passes against automatic differentiation, differences and balls; planted faults are caught."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.reference.activations import ACTIVATIONS, erf
from gradproof.numeric.reference.common import Params
from gradproof.numeric.reference.differences import central_difference, compare, complex_step, directional
from gradproof.numeric.reference.losses import LOSSES
from gradproof.numeric.reference.network import Layer, ReferenceNetwork, gradient, loss

RNG = np.random.default_rng(3)
X = RNG.normal(size=(5, 4))
LABELS = np.array([0, 2, 1, 2, 0])
TARGETS = {
    "cross_entropy": np.eye(3)[LABELS],
    "cross_entropy_with_logits": np.eye(3)[LABELS],
    "binary_cross_entropy": np.eye(3)[LABELS],
    "binary_cross_entropy_with_logits": np.eye(3)[LABELS],
    "hinge": 2 * np.eye(3)[LABELS] - 1,
}
FITTING = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def network(hidden: str = "tanh", last: str = "identity", loss: str = "mse", **penalties: float) -> ReferenceNetwork:
    return ReferenceNetwork([Layer(4, 6, hidden), Layer(6, 5, "sigmoid"), Layer(5, 3, last)], loss, **penalties)


def started(net: ReferenceNetwork, seed: int = 0) -> Params:
    # biases away from zero, or an error in them could not show
    rng = np.random.default_rng(seed)
    return {name: rng.normal(scale=0.6, size=shape) for name, shape in net.shapes.items()}


def worst(claimed: Params, reference: Params) -> float:
    return max(compare(claimed, reference).values())


@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name not in ("gelu", "abs")])
def test_the_gradient_equals_the_complex_step_for_every_hidden_activation(hidden: str) -> None:
    net = network(hidden, l2=0.3)
    params, Y = started(net), RNG.normal(size=(5, 3))
    assert worst(net.gradient(params, X, Y), complex_step(lambda p: net.loss(p, X, Y), params)) < 1e-12


@pytest.mark.parametrize("hidden", list(ACTIVATIONS))
def test_the_gradient_agrees_with_central_differences_for_every_hidden_activation(hidden: str) -> None:
    net = network(hidden, l1=0.2)
    params, Y = started(net), RNG.normal(size=(5, 3))
    difference = central_difference(lambda p: net.loss(p, X, Y), params, richardson=True)
    assert worst(net.gradient(params, X, Y), difference) < 1e-7


@pytest.mark.parametrize("name", list(LOSSES))
def test_the_gradient_equals_the_complex_step_for_every_loss(name: str) -> None:
    net = network(last=FITTING.get(name, "identity"), loss=name)
    params, Y = started(net), TARGETS.get(name, RNG.normal(size=(5, 3)))
    assert worst(net.gradient(params, X, Y), complex_step(lambda p: net.loss(p, X, Y), params)) < 1e-12


def test_softmax_under_another_loss_goes_through_its_jacobian() -> None:
    net = network(last="softmax", loss="half_mse")
    params, Y = started(net), TARGETS["cross_entropy"]
    assert worst(net.gradient(params, X, Y), complex_step(lambda p: net.loss(p, X, Y), params)) < 1e-12


@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 6), units=st.lists(st.integers(1, 5), min_size=2, max_size=5))
@settings(max_examples=25, deadline=None)
def test_any_shape_and_depth_agrees_with_automatic_differentiation(seed: int, m: int, units: list[int]) -> None:
    rng = np.random.default_rng(seed)
    layers = [Layer(i, o, "tanh") for i, o in pairwise(units)]
    net = ReferenceNetwork([*layers, Layer(units[-1], 4, "softmax")], "cross_entropy", l1=0.01, l2=0.1)
    params = started(net, seed)
    x, Y = rng.normal(size=(m, units[0])), np.eye(4)[rng.integers(0, 4, m)]

    def cost(p: Any) -> Any:
        a = x
        for n in range(1, len(layers) + 1):
            a = anp.tanh(anp.dot(a, p[f"W{n}"]) + p[f"b{n}"])
        z = anp.dot(a, p[f"W{len(layers) + 1}"]) + p[f"b{len(layers) + 1}"]
        p_true = anp.sum(Y * anp.exp(z), axis=1) / anp.sum(anp.exp(z), axis=1)
        weights = [p[key] for key in p if key.startswith("W")]
        return -anp.mean(anp.log(p_true)) + sum(0.01 * anp.sum(anp.abs(W)) + 0.05 * anp.sum(W**2) for W in weights)

    assert_allclose(net.loss(params, x, Y), cost(params), rtol=1e-12)
    expected = autograd.grad(cost)(params)
    for name, g in net.gradient(params, x, Y).items():
        assert_allclose(g, expected[name], rtol=1e-9, atol=1e-12, err_msg=f"{name}, seed {seed}")


def test_loss_and_gradient_in_one_pass_equal_the_two() -> None:
    net = network(last="softmax", loss="cross_entropy", l1=0.1, l2=0.2)
    params, Y = started(net), TARGETS["cross_entropy"]
    cost, grads = net.loss_and_gradient(params, X, Y)
    passed = net.forward(params, X)
    assert [(z.shape, a.shape) for z, a in passed] == [((5, 6), (5, 6)), ((5, 5), (5, 5)), ((5, 3), (5, 3))]
    assert (net.predict(params, X) == passed[-1][1]).all()
    assert cost == net.loss(params, X, Y) == loss(params, X, Y, net.layers, "cross_entropy", 0.1, 0.2)
    for name, g in gradient(params, X, Y, net.layers, "cross_entropy", 0.1, 0.2).items():
        assert (g == grads[name]).all() and g.shape == params[name].shape


def test_a_layer_without_bias_has_none() -> None:
    net = ReferenceNetwork([Layer(4, 3, "sigmoid", bias=False), Layer(3, 3, "sigmoid", bias=False)], "sum_squares")
    params = net.initialise(np.random.default_rng(0), "lecture_uniform")
    assert list(net.gradient(params, X, TARGETS["hinge"])) == list(params) == ["W1", "W2"]


def test_large_logits_give_a_finite_loss_and_gradient() -> None:
    net = ReferenceNetwork([Layer(2, 3, "softmax")], "cross_entropy")
    params = {"W1": np.array([[1e4, 0.0, 0.0], [0.0, 1e4, 0.0]]), "b1": np.zeros(3)}
    x, Y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    assert net.loss(params, x, Y) == 1e4
    assert net.gradient(params, x, Y)["W1"].tolist() == [[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]


def test_float32_parameters_give_a_float32_gradient() -> None:
    net = network("gelu", "softmax", "cross_entropy")
    params = net.initialise(np.random.default_rng(0), dtype=np.float32)
    grads = net.gradient(params, X.astype(np.float32), TARGETS["cross_entropy"].astype(np.float32))
    assert {g.dtype for g in grads.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", list(LOSSES))
def test_the_gradient_is_the_derivative_of_the_loss_to_100_digits_on_balls(name: str) -> None:
    net = network("silu", FITTING.get(name, "identity"), name, l2=0.25)
    params, Y = started(net), TARGETS.get(name, RNG.normal(size=(5, 3)))
    to_balls = np.frompyfunc(arb, 1, 1)
    ctx.prec, before = 1024, ctx.prec
    try:
        exact = {key: to_balls(value) for key, value in params.items()}
        x, y, h = to_balls(X), to_balls(Y), arb(2) ** -340
        along = {key: to_balls(np.random.default_rng(1).normal(size=v.shape)) for key, v in params.items()}
        above = net.loss({k: v + h * along[k] for k, v in exact.items()}, x, y)
        below = net.loss({k: v - h * along[k] for k, v in exact.items()}, x, y)
        slope = sum((np.sum(g * along[k]) for k, g in net.gradient(exact, x, y).items()), arb(0))
        assert abs((above - below) / (2 * h) - slope) < arb(10) ** -100
    finally:
        ctx.prec = before


class Recorder(np.lib.mixins.NDArrayOperatorsMixin):
    """An array-like that refuses to become an array, and notes every NumPy function that is called on it."""

    called: ClassVar[set[str]] = set()

    def __init__(self, value: Any) -> None:
        self.value = value

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the pass forces its argument into an array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Recorder:
        self.called.add(ufunc.__name__)
        return Recorder(getattr(ufunc, method)(*(getattr(i, "value", i) for i in inputs), **kwargs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Recorder:
        self.called.add(function.__name__)
        return Recorder(function(*(getattr(i, "value", i) for i in args), **kwargs))

    def erf(self) -> Recorder:
        return Recorder(erf(self.value))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def T(self) -> Recorder:
        return Recorder(self.value.T)


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("hidden", list(ACTIVATIONS))
def test_array_likes_pass_through_loss_and_gradient(hidden: str, name: str) -> None:
    net = network(hidden, FITTING.get(name, "identity"), name, l1=0.1, l2=0.1)
    params, Y = started(net), TARGETS.get(name, RNG.normal(size=(5, 3)))
    likes = {key: Recorder(value) for key, value in params.items()}
    assert net.loss(likes, Recorder(X), Recorder(Y)).value == net.loss(params, X, Y)
    grads = net.gradient(params, X, Y)
    for key, g in net.gradient(likes, Recorder(X), Recorder(Y)).items():
        assert (g.value == grads[key]).all()
    assert "matmul" in Recorder.called


def faults(good: Params, m: int) -> dict[str, Params]:
    return {
        "missing 1/m": {k: m * g for k, g in good.items()},
        "sign": {k: -g for k, g in good.items()},
        "factor 2 in one parameter": {**good, "W2": 2 * good["W2"]},
        "a lost path": {**good, "b1": np.zeros_like(good["b1"])},
        "one small entry": {**good, "W1": good["W1"] + 1e-3 * np.abs(good["W1"]).max() * np.eye(*good["W1"].shape)},
        "a permuted bias": {**good, "b3": np.roll(good["b3"], 1)},
        "NaN": {**good, "b2": np.full_like(good["b2"], np.nan)},
    }


def test_every_planted_fault_is_caught_in_its_parameter() -> None:
    net = network(last="softmax", loss="cross_entropy")
    params, Y = started(net), TARGETS["cross_entropy"]
    good = net.gradient(params, X, Y)
    reference = central_difference(lambda p: net.loss(p, X, Y), params)
    assert worst(good, reference) < 1e-5
    for fault, bad in faults(good, len(X)).items():
        errors = compare(bad, reference)
        changed = {k for k in good if not np.array_equal(bad[k], good[k])}
        assert {k for k, e in errors.items() if e > 1e-3} == changed, fault


def test_a_directional_difference_separates_right_from_wrong() -> None:
    net = network(last="softmax", loss="cross_entropy")
    params, Y = started(net), TARGETS["cross_entropy"]
    along = {k: np.random.default_rng(9).normal(size=v.shape) for k, v in params.items()}
    slope = directional(lambda p: net.loss(p, X, Y), params, along, richardson=True)
    good = net.gradient(params, X, Y)
    assert sum(np.sum(good[k] * along[k]) for k in good) == pytest.approx(slope, rel=1e-8)
    for fault, bad in faults(good, len(X)).items():
        assert sum(np.sum(bad[k] * along[k]) for k in bad) != pytest.approx(slope, rel=1e-5), fault


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="layer 1 has 3 outputs but layer 2 takes 4 inputs"):
        ReferenceNetwork([Layer(2, 3), Layer(4, 1)])
    with pytest.raises(UsageError, match=r"no loss is called 'mae'.*mse, half_mse"):
        ReferenceNetwork([Layer(2, 3)], "mae")
    with pytest.raises(UsageError, match="at least one layer"):
        ReferenceNetwork([])
    with pytest.raises(UsageError, match="l2 is -1"):
        ReferenceNetwork([Layer(2, 3)], l2=-1)
    with pytest.raises(UsageError, match="at least one unit"):
        Layer(0, 3)


def test_data_and_parameters_that_do_not_fit_are_refused() -> None:
    net = ReferenceNetwork([Layer(4, 3)])
    params = net.initialise(np.random.default_rng(0))
    net.check(params, X, TARGETS["hinge"])
    with pytest.raises(ShapeError, match=r"Y has shape \(5,\); expected \(5, 3\)"):
        net.check(params, X, LABELS)
    with pytest.raises(ShapeError, match=r"X has shape \(5, 3\)"):
        net.check(params, X[:, :3])
    with pytest.raises(UsageError, match="no rows"):
        net.check(params, X[:0])
    with pytest.raises(UsageError, match="this network has W1, b1"):
        net.check({"W1": params["W1"]}, X)
    with pytest.raises(ShapeError, match=r"b1 has shape \(4,\)"):
        net.check({**params, "b1": np.zeros(4)}, X)
