"""Kinds of layers: with masks, running statistics, tied parameters, states of their own, losses, steps of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from layer_objects import Affine, normal, verify_layer

from gradproof.errors import UsageError


class Dropout:
    scale = 1.0

    def forward(self, x: Any, train: bool = True) -> Any:
        self.mask = np.random.rand(*x.shape) > 0.4
        return x * self.mask if train else x * 0.6

    def backward(self, dout: Any) -> Any:
        return dout * self.mask * self.scale


def test_dropout_has_one_mask() -> None:
    assert verify_layer(Dropout(), [normal(5, 4)]).ok
    wrong = Dropout()
    wrong.scale = 2.0
    assert verify_layer(wrong, [normal(5, 4)]).findings[0].diagnosis.endswith("multiplication by 1/2")
    assert verify_layer(Dropout(), [normal(5, 4), False]).verdict == "refuted"


class BatchNorm:
    """Statistics of earlier batches are no parameters."""

    def __init__(self, n: int, training: bool) -> None:
        self.gamma, self.beta, self.training = 1 + 0.1 * normal(n), normal(n), training
        self.running_mean, self.running_var = normal(n), 1 + normal(n) ** 2

    def forward(self, x: Any) -> Any:
        mean, var = (x.mean(0), x.var(0)) if self.training else (self.running_mean, self.running_var)
        self.running_mean = 0.9 * self.running_mean + 0.1 * mean
        self.inverse = 1 / np.sqrt(var + 1e-5)
        self.xhat = (x - mean) * self.inverse
        return self.gamma * self.xhat + self.beta

    def backward(self, dout: Any) -> Any:
        self.dgamma, self.dbeta = (dout * self.xhat).sum(0), dout.sum(0)
        d = dout * self.gamma
        if not self.training:
            return d * self.inverse
        return self.inverse * (d - d.mean(0) - self.xhat * (d * self.xhat).mean(0))


@pytest.mark.parametrize("training", [True, False])
def test_running_statistics_are_data(training: bool) -> None:
    report = verify_layer(BatchNorm(3, training), [normal(6, 3)])
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["x", "self.gamma", "self.beta"]
    assert any("running_mean" in note for note in report.notes) is not training


class Tied:
    """One matrix in two places: the sum of their gradients is its gradient."""

    def __init__(self) -> None:
        W = normal(3, 3)
        self.first, self.second = Affine(W, normal(3)), Affine(W, normal(3))

    def forward(self, x: Any) -> Any:
        return self.second.forward(np.tanh(self.first.forward(x)))

    def backward(self, dout: Any) -> Any:
        d = self.second.backward(dout)
        return self.first.backward(d * (1 - np.tanh(self.first.x @ self.first.W + self.first.b) ** 2))


def test_a_tied_parameter_has_the_sum_of_its_gradients() -> None:
    net = Tied()
    assert net.first.W is net.second.W
    report = verify_layer(net, [normal(4, 3)])
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["x", "self.first.W", "self.first.b", "self.second.b"]
    assert any("used in several places" in note for note in report.notes)
    net.second.factor = 2.0
    assert [f.name for f in verify_layer(net, [normal(4, 3)]).findings if not f.ok] == ["self.second.b"]


class Cell:
    """Two inputs and two outputs, as a recurrent cell has them."""

    def __init__(self) -> None:
        self.W = normal(3, 3)

    def forward(self, h: Any, c: Any) -> Any:
        self.h, self.next = h, np.tanh(h @ self.W + c)
        return self.next, self.next * c

    def backward(self, dh: Any, dc: Any) -> Any:
        return self.gradients(dh, dc, self.next)

    def gradients(self, dh: Any, dc: Any, a: Any) -> Any:
        c = np.arctanh(a) - self.h @ self.W
        dz = (dh + dc * c) * (1 - a**2)
        self.dW = self.h.T @ dz
        return dz @ self.W.T, dz + dc * a


def test_several_outputs_have_a_cotangent_each() -> None:
    report = verify_layer(Cell(), [0.3 * normal(2, 3), 0.3 * normal(2, 3)])
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["h", "c", "self.W"]


class Net:
    """``loss(x, t)`` and ``gradient(x, t)``, which returns a dict by the names of the parameters."""

    def __init__(self, decay: float) -> None:
        self.params = {"W1": normal(4, 5), "W2": normal(5, 3)}
        self.decay = decay

    def scores(self, x: Any) -> Any:
        self.hidden = np.maximum(x @ self.params["W1"], 0)
        return self.hidden @ self.params["W2"]

    def loss(self, x: Any, t: Any) -> Any:
        s = self.scores(x)
        s = s - s.max(axis=1, keepdims=True)
        data = -np.mean((s - np.log(np.sum(np.exp(s), axis=1, keepdims=True)))[np.arange(len(t)), t])
        return data + 0.05 * np.sum(self.params["W2"] ** 2)

    def gradient(self, x: Any, t: Any) -> Any:
        s = np.exp(self.scores(x))
        d = s / s.sum(axis=1, keepdims=True)
        d[np.arange(len(t)), t] -= 1
        d /= len(t)
        dh = (d @ self.params["W2"].T) * (self.hidden > 0)
        return {"W1": x.T @ dh, "W2": self.hidden.T @ d + self.decay * self.params["W2"]}


def test_a_network_with_loss_and_gradient() -> None:
    inputs = {"x": normal(6, 4), "t": np.array([0, 1, 2, 2, 1, 0])}
    report = verify_layer(Net(0.1), inputs, forward="loss", backward="gradient")
    assert report.ok, str(report)
    assert [f.name for f in report.findings] == ["self.params.W1", "self.params.W2"]
    wrong = verify_layer(Net(0.05), inputs, forward="loss", backward="gradient")
    assert {f.name: f.verdict.name for f in wrong.findings} == {
        "self.params.W1": "certified",
        "self.params.W2": "refuted",
    }
    assert wrong.findings[1].cause in ("penalty", "factor")
    assert 'self.decay * self.params["W2"]' in wrong.findings[1].line


class SoftmaxLoss:
    def forward(self, x: Any, t: Any) -> Any:
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(np.log(self.y[np.arange(len(t)), t])) / len(t)

    def backward(self, dout: float = 1) -> Any:
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


def test_a_loss_layer_is_asked_without_a_cotangent() -> None:
    report = verify_layer(SoftmaxLoss(), [normal(4, 3), np.array([0, 2, 1, 1])])
    assert report.ok, str(report)
    assert any("without a cotangent" in note for note in report.notes)


class Updating:
    """A backward pass that takes a learning rate and changes the parameter at once."""

    def __init__(self) -> None:
        self.W = normal(4, 3)

    def forward_propagation(self, x: Any) -> Any:
        self.x = x
        return x @ self.W

    def backward_propagation(self, error: Any, rate: float) -> Any:
        before = self.W
        self.gradient_of_W = self.x.T @ error
        self.W = self.W - rate * self.gradient_of_W
        return error @ before.T


def test_functions_stand_for_methods_of_another_form() -> None:
    report = verify_layer(
        Updating(),
        [normal(5, 4)],
        forward="forward_propagation",
        backward=lambda layer, dout: layer.backward_propagation(dout, 0.1),
        gradients={"W": "gradient_of_W"},
    )
    assert report.ok, str(report)


def test_usage_errors_say_what_to_do() -> None:
    with pytest.raises(UsageError, match="not the class itself"):
        verify_layer(Affine, [normal(2, 2)])
    with pytest.raises(UsageError, match="no method for its backward pass"):
        verify_layer(Net(0.1), [normal(2, 4)], forward="scores")
    with pytest.raises(UsageError, match="fails on the inputs"):
        verify_layer(Affine(normal(4, 3), normal(3)), [normal(6, 5)])


def test_options_of_verify_are_passed_on() -> None:
    class Guarded(SoftmaxLoss):
        def forward(self, x: Any, t: Any) -> Any:
            super().forward(x, t)
            return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-7)) / len(t)

    data = [normal(4, 3), np.array([0, 2, 1, 1])]
    assert not verify_layer(Guarded(), data).ok
    assert verify_layer(Guarded(), data, allow="guarded").ok


def traced(method: Any) -> Any:
    def wrapper(*args: Any, **options: Any) -> Any:
        return method(*args, **options)

    return wrapper


class Decorated(Affine):
    """Whose signatures a decorator hides."""

    forward = traced(Affine.forward)
    backward = traced(Affine.backward)


def test_a_method_behind_a_decorator_gets_the_cotangent() -> None:
    report = verify_layer(Decorated(normal(4, 3), normal(3)), [normal(5, 4)])
    assert {finding.name: finding.ok for finding in report.findings} == {"x": True, "self.W": True, "self.b": True}
