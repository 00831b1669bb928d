"""Layer objects: parameters and gradients are found on ``self``, checked one by one, and the object stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layer_objects import Affine, normal, verify_backward, verify_layer

import gradproof as gp
from gradproof.errors import UsageError


class Listed:
    """Lists of parameters and of buffers that their gradients are stored into."""

    def __init__(self, *params: Any) -> None:
        self.params = list(params)
        self.grads = [np.zeros_like(p) for p in params]

    def forward(self, x: Any) -> Any:
        W, b = self.params
        self.out = np.tanh(x @ W + b)
        return self.out

    def backward(self, dout: Any) -> Any:
        dz = dout * (1 - self.out**2)
        self.grads[0][...] = self.x_of(dz)
        self.grads[1][...] = dz.sum(axis=0)
        return dz @ self.params[0].T

    def x_of(self, dz: Any) -> Any:
        return self.x.T @ dz


class ListedRight(Listed):
    def forward(self, x: Any) -> Any:
        self.x = x
        return super().forward(x)


class Keyed:
    """Dicts with one key for both, and gradients that are added to."""

    def __init__(self) -> None:
        self.params = {"gamma": 1 + 0.1 * normal(3), "beta": normal(3)}
        self.grads = {"gamma": np.ones(3), "beta": np.ones(3)}  # left over from an earlier batch

    def forward(self, x: Any, training: bool = True) -> Any:
        self.x = x
        return x * self.params["gamma"] + self.params["beta"]

    def backward(self, dout: Any) -> Any:
        self.grads["gamma"] += (dout * self.x).sum(axis=0)
        self.grads["beta"] += dout.sum(axis=0)
        return dout * self.params["gamma"]


class Returning:
    """Gradients that backward returns after that of the input, in the order of the attributes."""

    def __init__(self) -> None:
        self.weights, self.bias = normal(4, 3), normal(3)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, dout: Any) -> Any:
        return dout @ self.weights.T, self.x.T @ dout, dout.sum(axis=0)


class Slope:
    def __init__(self, data: Any) -> None:
        self.data, self.grad = data, None


class Boxed:
    """Parameter objects with ``data`` and ``grad``."""

    def __init__(self) -> None:
        self.W = Slope(normal(4, 3))

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W.data

    def backward(self, dout: Any) -> Any:
        self.W.grad = self.x.T @ dout
        return dout @ self.W.data.T


class Stack:
    """Layers in a list, in the way of a network."""

    def __init__(self) -> None:
        self.layers = [Affine(normal(4, 5), normal(5)), ListedRight(normal(5, 3), normal(3))]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout: Any) -> Any:
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


RIGHT: list[tuple[str, Callable[[], Any], list[str]]] = [
    ("W and dW", lambda: Affine(normal(4, 3), normal(3)), ["x", "self.W", "self.b"]),
    ("params[0] and grads[0]", lambda: ListedRight(normal(4, 3), normal(3)), ["x", "self.params.0", "self.params.1"]),
    ("float32", lambda: ListedRight(np.float32(normal(4, 3)), np.float32(normal(3))), ["x", "self.params.0"]),
    ("W.data and W.grad", Boxed, ["x", "self.W.data"]),
    ("returned", Returning, ["x", "self.weights", "self.bias"]),
    ("layers", Stack, ["x", "self.layers.0.W", "self.layers.0.b", "self.layers.1.params.0", "self.layers.1.params.1"]),
]


@pytest.mark.parametrize(("build", "names"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_parameters_are_found_and_certified(build: Callable[[], Any], names: list[str]) -> None:
    report = verify_layer(build(), [normal(6, 4)])
    assert report.ok, str(report)
    assert set(names) <= {finding.name for finding in report.findings}


def test_gradients_that_are_added_to_start_from_zero() -> None:
    report = verify_layer(Keyed(), {"x": normal(5, 3), "training": True})
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["x", "self.params.gamma", "self.params.beta"]


class WrongBias(Affine):
    factor = 1.0 + 1e-12


class ForgetsBias(Affine):
    def backward(self, dout: Any) -> Any:
        self.dW = np.dot(self.x.T, dout)
        return np.dot(dout, self.W.T)


class SwapsInput(Affine):
    def backward(self, dout: Any) -> Any:
        super().backward(dout)
        return dout @ self.W.T / len(dout)


@pytest.mark.parametrize(
    ("wrong", "name", "verdict"),
    [(WrongBias, "self.b", "refuted"), (ForgetsBias, "self.b", "unknown"), (SwapsInput, "x", "refuted")],
)
def test_the_one_wrong_gradient_is_named_and_the_others_are_not(wrong: type[Affine], name: str, verdict: str) -> None:
    report = verify_layer(wrong(normal(4, 3), normal(3)), [normal(6, 4)])
    assert not report.ok
    assert {f.name: f.verdict.name for f in report.findings if not f.ok} == {name: verdict}


def test_a_gradient_that_was_not_found_can_be_named() -> None:
    class Odd(Affine):
        def backward(self, dout: Any) -> Any:
            self.somewhere = {"first": self.x.T @ dout, "second": dout.sum(axis=0)}
            return dout @ self.W.T

    layer = Odd(normal(4, 3), normal(3))
    report = verify_layer(layer, [normal(6, 4)])
    assert [f.verdict.name for f in report.findings] == ["certified", "unknown", "unknown"]
    places = {"W": "somewhere.first", "b": "somewhere.second"}
    assert verify_layer(layer, [normal(6, 4)], gradients=places).ok
    with pytest.raises(UsageError, match=r"no float array self\.V"):
        verify_layer(layer, [normal(6, 4)], gradients={"V": "somewhere.first"})


def test_the_layer_stays_as_it_is() -> None:
    np.random.seed(3)
    state = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    layer = Stack()
    before = copy.deepcopy(layer)
    verify_layer(layer, [normal(6, 4)])
    assert vars(layer.layers[0]).keys() == vars(before.layers[0]).keys()
    assert np.array_equal(layer.layers[0].W, before.layers[0].W)
    assert layer.layers[0].dW is None
    assert np.array_equal(state, np.random.get_state()[1])  # type: ignore[index]


def test_two_methods_of_one_object_are_a_layer() -> None:
    layer = Affine(normal(4, 3), normal(3))
    report = verify_backward(layer.forward, layer.backward, [normal(6, 4)])
    assert [f.name for f in report.findings] == ["x", "self.W", "self.b"]
    assert report.ok


def test_wrt_restricts_to_inputs_or_parameters() -> None:
    layer = ForgetsBias(normal(4, 3), normal(3))
    x = normal(6, 4)
    assert [f.name for f in verify_layer(layer, [x], wrt="self").findings] == ["self.W", "self.b"]
    assert verify_layer(layer, [x], wrt=["x", "W"]).ok
    with pytest.raises(UsageError, match="neither a floating-point input nor a parameter"):
        verify_layer(layer, [x], wrt="V")


class Halving:
    """A layer whose output has axes of its own: at other input shapes the cotangent is another one."""

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return x[:, : x.shape[1] // 2] * 3

    def backward(self, dout: Any) -> Any:
        dx = np.zeros(self.shape)
        dx[:, : dout.shape[1]] = dout * 3
        return dx


def test_the_cotangent_fits_the_output_at_other_shapes() -> None:
    report = verify_layer(Halving(), [normal(4, 2)])
    assert report.ok, str(report)
    assert "other shapes" in report.findings[0].verdict.reason


def test_a_pair_of_functions_with_two_outputs() -> None:
    def forward(x: Any, h: Any, W: Any) -> Any:
        a = np.tanh(x @ W + h)
        return a, a * h, (x, h, W, a)

    def backward(da: Any, db: Any, cache: Any) -> Any:
        x, h, W, a = cache
        dz = (da + db * h) * (1 - a**2)
        return dz @ W.T, dz + db * a, x.T @ dz

    inputs = [normal(4, 3), normal(4, 2), normal(3, 2)]
    assert verify_backward(forward, backward, inputs).ok
    wrong = verify_backward(forward, lambda da, db, cache: backward(da, da, cache), inputs)
    assert [f.verdict.name for f in wrong.findings] == ["refuted"] * 3


def test_a_gradient_that_is_none_is_unknown_and_an_output_that_is_none_is_refused() -> None:
    def forward(x: Any, w: Any) -> Any:
        return x @ w, (x, w)

    def backward(dout: Any, cache: Any) -> Any:
        return None, cache[0].T @ dout

    report = verify_backward(forward, backward, [normal(4, 3), normal(3, 2)])
    assert [f.verdict.name for f in report.findings] == ["unknown", "certified"]
    with pytest.raises(UsageError, match="forward returned None"):
        verify_backward(lambda x, w: (None, None), backward, [normal(4, 3), normal(3, 2)])


class RowBias(Affine):
    """A bias of shape (1, n) whose gradient has shape (n,): the update b -= rate * db is the same."""

    def backward(self, dout: Any) -> Any:
        dx = super().backward(dout)
        self.db = self.shaped(self.db)
        return dx

    def shaped(self, db: Any) -> Any:
        return db


class ColumnBias(RowBias):
    def shaped(self, db: Any) -> Any:
        return db[:, None]


def test_missing_leading_axes_mean_the_same_and_other_shapes_do_not() -> None:
    assert verify_layer(RowBias(normal(4, 3), normal(1, 3)), [normal(5, 4)]).ok
    report = verify_layer(ColumnBias(normal(4, 3), normal(1, 3)), [normal(5, 4)])
    assert {f.name: f.verdict.name for f in report.findings if not f.ok} == {"self.b": "refuted"}


class Texted(Affine):
    """Layers that are numbered by text."""

    def __init__(self) -> None:
        super().__init__(None, 0.0)
        self.weights, self.out = {"1": normal(4, 3)}, {"1": None}

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.weights["1"]

    def backward(self, dout: Any) -> Any:
        self.out["1"] = self.x.T @ dout
        return dout @ self.weights["1"].T


def test_a_key_that_is_a_number_in_text_is_found() -> None:
    assert verify_layer(Texted(), [normal(6, 4)], gradients={"weights.1": "out.1"}).ok


class Lazy:
    """Parameters that the first forward pass makes."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.grads: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        if not self.params:
            self.params = {"w": np.random.normal(size=(x.shape[1], 2)), "b": np.zeros(2)}
        self.x = x
        return x @ self.params["w"] + self.params["b"]

    def backward(self, dout: Any) -> Any:
        self.grads = {"w": self.x.T @ dout, "b": dout.sum(axis=0)}
        return dout @ self.params["w"].T


def test_parameters_of_a_lazy_layer_are_those_of_its_first_pass() -> None:
    report = verify_layer(Lazy(), [normal(5, 3)])
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["x", "self.params.w", "self.params.b"]
    assert any("exists only after a forward pass" in note for note in report.notes)


def test_layers_and_pairs_are_proved_for_every_shape_and_cotangent() -> None:
    layer = gp.verify_layer(ListedRight(normal(4, 3), normal(3)), [normal(6, 4)])
    assert {f.verdict.name for f in layer.findings} == {"proved"}, str(layer)

    def forward(x: Any, w: Any) -> Any:
        return np.maximum(x @ w, 0), (x, w)

    def backward(dout: Any, cache: Any) -> Any:
        x, w = cache
        d = dout * (x @ w > 0)
        return d @ w.T, x.T @ d

    pair = gp.verify_backward(forward, backward, [normal(4, 3), normal(3, 2)])
    assert {f.verdict.name for f in pair.findings} == {"proved"}, str(pair)
