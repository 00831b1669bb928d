"""The gradients that mlxtend's linear models and its perceptron are trained with, as steps of size 1 or as returned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

classifier = pytest.importorskip("mlxtend.classifier", reason="mlxtend's gradients are what is verified here")

rng = np.random.default_rng(5)
X = rng.normal(size=(7, 3))
BINARY = np.array([0, 1, 1, 0, 1, 0, 1])
CLASSES = np.array([0, 1, 2, 0, 1, 2, 1])


def verify_layer(*arguments: Any, **options: Any) -> gp.Report:
    return gp.verify_layer(*arguments, prove=False, **options)


def model(cls: Any, weights: Any, bias: Any, **options: Any) -> Any:
    made = cls(epochs=1, minibatches=1, random_seed=1, **options)
    made.w_, made.b_ = weights, bias
    return made


def cross_entropy(model: Any, X: Any, y: Any) -> Any:
    """Summed over the samples: what the returned gradient is of."""
    return np.sum(model._cross_entropy(output=model._forward(X), y_target=y))


def softmax_gradient(model: Any, X: Any, y: Any) -> Any:
    return model._backward(X, y_true=y, y_probas=model._forward(X))


def softmax() -> Any:
    return model(classifier.SoftmaxRegression, rng.normal(size=(3, 3)), rng.normal(size=3), l2=0.3, n_classes=3)


RETURNED = {"w_": "returned.0", "b_": "returned.1"}
DATA = {"X": X, "y": np.eye(3, dtype=int)[CLASSES]}


def test_softmax_regression_returns_the_gradient_of_the_summed_cross_entropy() -> None:
    options: dict[str, Any] = {"wrt": "self", "backward": softmax_gradient, "gradients": RETURNED}
    assert verify_layer(softmax(), DATA, forward=cross_entropy, **options).ok

    def reported(model: Any, X: Any, y: Any) -> Any:
        return model._cost(model._cross_entropy(output=model._forward(X), y_target=y)) - 0.5 * 0.3 * np.sum(model.w_**2)

    report = verify_layer(softmax(), DATA, forward=reported, **options)  # ``cost_`` is half of the mean
    assert all("multiplication by 1/14" in finding.diagnosis for finding in report.findings)


def logit_cost(model: Any, X: Any, y: Any) -> Any:
    return model._logit_cost(y, model._forward(X))


def logistic(penalty: float) -> Any:
    made = model(classifier.LogisticRegression, rng.normal(size=(3, 1)), rng.normal(size=1), l2_lambda=penalty)
    made.penalty = penalty
    return made


def logistic_step(model: Any, X: Any, y: Any) -> Any:
    slopes, bias = model._backward(X, y_true=y, y_probas=model._forward(X))
    return slopes + model.penalty * model.w_, np.reshape(bias, 1)


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_logistic_regression_follows_the_gradient_of_its_cost(penalty: float) -> None:
    options: dict[str, Any] = {"wrt": "self", "forward": logit_cost, "gradients": RETURNED}
    inputs = {"X": X, "y": BINARY}
    assert verify_layer(logistic(penalty), inputs, backward=logistic_step, **options).ok

    def without_penalty(model: Any, X: Any, y: Any) -> Any:
        slopes, bias = logistic_step(model, X, y)
        return slopes - 0.3 * model.w_, bias

    report = verify_layer(logistic(0.3), inputs, backward=without_penalty, **options)
    assert {f.name: f.ok for f in report.findings} == {"self.w_": False, "self.b_": True}
    assert "L2 penalty" in report.findings[0].diagnosis or "model.w_" in report.findings[0].diagnosis


def step(model: Any, X: Any, y: Any) -> None:
    """One pass over the data with learning rate 1, as a gradient."""
    before = {"w_": _copied(model.w_), "b_": _copied(model.b_)}
    model._fit(X, y, init_params=False)
    model.step_ = {name: _difference(value, getattr(model, name)) for name, value in before.items()}


def _copied(value: Any) -> Any:
    return {k: v.copy() for k, v in value.items()} if isinstance(value, dict) else value.copy()


def _difference(a: Any, b: Any) -> Any:
    return {k: a[k] - b[k] for k in a} if isinstance(a, dict) else a - b


def adaline_cost(model: Any, X: Any, y: Any) -> Any:
    return model._sum_squared_error_cost(np.where(y == 0, -1.0, 1.0), model._net_input(X))


def test_adaline_follows_the_gradient_of_its_cost() -> None:
    made = model(classifier.Adaline, rng.normal(size=(3, 1)), rng.normal(size=1), eta=1.0)
    made.cost_ = []
    places = {"w_": "step_.w_", "b_": "step_.b_"}
    options: dict[str, Any] = {"wrt": "self", "forward": adaline_cost, "backward": step, "gradients": places}
    assert verify_layer(made, {"X": X, "y": BINARY}, **options).ok
    made.eta = 0.5
    report = verify_layer(made, {"X": X, "y": BINARY}, **options)
    assert all("multiplication by 2" in finding.diagnosis for finding in report.findings)


def perceptron_cost(factor: float) -> Any:
    def cost(model: Any, X: Any, y: Any) -> Any:
        target = np.eye(3, dtype=int)[y]
        output = model._feedforward(X)[-1]
        penalty = model.l2 / 2 * sum(np.sum(w**2) for w in model.w_.values())
        return factor * np.sum(model._cross_entropy(output=output, y_target=target)) + penalty

    return cost


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_the_perceptron_follows_the_gradient_of_the_summed_cross_entropy(factor: float) -> None:
    weights = {"1": rng.normal(size=(3, 4)), "out": rng.normal(size=(4, 3))}
    biases = {"1": rng.normal(size=4), "out": rng.normal(size=3)}
    made = model(classifier.MultiLayerPerceptron, weights, biases, eta=1.0, hidden_layers=[4], n_classes=3, l2=0.3)
    made.cost_, made._decr_eta = [], 1.0
    places = {f"{kind}.{layer}": f"step_.{kind}.{layer}" for kind in ("w_", "b_") for layer in ("1", "out")}
    report = verify_layer(
        made, {"X": X, "y": CLASSES}, wrt="self", forward=perceptron_cost(factor), backward=step, gradients=places
    )
    assert len(report.findings) == 4
    assert {finding.ok for finding in report.findings} == {factor == 1.0}
