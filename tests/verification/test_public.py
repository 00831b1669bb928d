"""Gradients that others wrote by hand: those of scikit-learn and of mlxtend, against losses stated here.

What runs on balls is certified; what calls compiled code gets the rung ``agrees``, with the reason. Every family of
gradients is also checked with a fault planted into it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.linear_model._huber import _huber_loss_and_gradient
from sklearn.linear_model._linear_loss import LinearModelLoss
from sklearn.manifold._t_sne import _kl_divergence
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import ACTIVATIONS, DERIVATIVES

import gradproof as gp

RELEASE = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
"""The release of scikit-learn; what is private there was last looked at in 1.9."""

pytestmark = pytest.mark.skipif(RELEASE < (1, 7), reason="the private functions had other arguments before 1.7")
later = pytest.mark.skipif(RELEASE > (1, 9), reason="what was found in scikit-learn 1.9 may be mended since")

rng = np.random.default_rng(11)
X = rng.normal(size=(8, 3))
LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1])


def verify(*arguments: Any, **options: Any) -> gp.Report:
    """On balls or by differences: symbolic work would add nothing here but time."""
    return gp.verify(*arguments, prove=False, **options)


def verify_layer(*arguments: Any, **options: Any) -> gp.Report:
    return gp.verify_layer(*arguments, prove=False, **options)


def verdicts(report: gp.Report) -> set[str]:
    return {finding.verdict.name for finding in report.findings}


def agrees(report: gp.Report) -> bool:
    """On the rung of float64 differences, with the reason for it: not a success. Or better, where balls get through."""
    floats = verdicts(report) == {"agrees"} and not report.ok and "not on balls" in report.findings[0].verdict.reason
    return floats or report.ok


def refused(report: gp.Report) -> bool:
    """Wrong where balls can run; where only floats can, differences that disagree leave it open."""
    return not report.ok and verdicts(report) <= {"refuted", "unknown"}


# -- on balls ----------------------------------------------------------------------------------------------------------
HUBER = {
    "w": np.array([0.3, -0.2, 0.5, 0.1, 1.3]), "X": X, "y": 3 * rng.normal(size=8), "epsilon": 1.35, "alpha": 0.1,
    "sample_weight": 0.5 + rng.random(8),
}  # fmt: skip


def huber_loss(w: Any, X: Any, y: Any, epsilon: Any, alpha: Any, sample_weight: Any) -> Any:
    """sum s (sigma + H(r / sigma) sigma) + alpha |w|^2, H quadratic up to epsilon and linear beyond."""
    r = y - X @ w[:-2] - w[-2]
    z = np.abs(r / w[-1])
    h = np.where(z < epsilon, z**2, 2 * epsilon * z - epsilon**2)
    return np.sum(sample_weight * (w[-1] + h * w[-1])) + alpha * np.sum(w[:-2] ** 2)


@pytest.mark.parametrize("seed", range(2))
def test_the_huber_loss_is_certified_in_both_regions(seed: int) -> None:
    r = np.abs(HUBER["y"] - X @ HUBER["w"][:3] - 0.1) / 1.3
    assert 0 < np.sum(r > 1.35) < 8
    assert verify(huber_loss, _huber_loss_and_gradient, HUBER, wrt="w", seed=seed).ok


def huber_without_scale(**inputs: Any) -> Any:
    loss, gradient = _huber_loss_and_gradient(**inputs)
    gradient[-1] += 0.01 * np.sum(inputs["sample_weight"])
    return loss, gradient


def test_a_wrong_derivative_by_the_scale_is_refuted() -> None:
    report = verify(huber_loss, huber_without_scale, HUBER, wrt="w", budget=0)
    assert report.verdict == "refuted"
    assert report.findings[0].entries[0].index == (4,)


def perceptron(cls: Any, y: Any, activation: str, alpha: float) -> Perceptron:
    model = cls(hidden_layer_sizes=(4,), activation=activation, solver="lbfgs", alpha=alpha, max_iter=1, random_state=0)
    return Perceptron(fitted(model, y))


class Hidden:
    """An activation of scikit-learn's networks with its derivative, which is taken at the output."""

    def __init__(self, name: str, derivative: str) -> None:
        self.name, self.derivative = name, derivative

    def forward(self, z: Any) -> Any:
        a = z.copy()
        ACTIVATIONS[self.name](a)
        self.a = a
        return a.copy()

    def backward(self, dout: Any) -> Any:
        delta = dout.copy()
        DERIVATIVES[self.derivative](self.a, delta)
        return delta


@pytest.mark.parametrize("name", ["identity", "tanh", "relu"])
def test_the_derivatives_of_the_activations_are_certified(name: str) -> None:
    assert verify_layer(Hidden(name, name), [X]).ok


def test_the_derivative_of_another_activation_is_refuted() -> None:
    assert verify_layer(Hidden("tanh", "logistic"), [X]).verdict == "refuted"


def fitted(model: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y.ravel() if y.shape[-1] == 1 else y)
    model.packed_ = np.concatenate([part.ravel() for part in (*model.coefs_, *model.intercepts_)])
    return model


class Perceptron:
    """The loss and the gradient that ``fit`` gives to L-BFGS."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def loss_and_gradient(self, w: Any, X: Any, y: Any) -> Any:
        empty: list[Any] = [None] * (self.model.n_layers_ - 1)
        layers = ([X, *empty], list(empty), list(empty), list(empty))
        return self.model._loss_grad_lbfgs(w, X, y, None, *layers)

    def output(self, w: Any, X: Any) -> Any:
        self.model._unpack(w)
        return self.model._forward_pass([X] + [None] * (self.model.n_layers_ - 1))[-1]

    def penalty(self, w: Any, X: Any) -> Any:
        self.model._unpack(w)
        return sum(0.5 * self.model.alpha * np.sum(c**2) for c in self.model.coefs_) / len(X)


@pytest.mark.parametrize(("activation", "outputs"), [("tanh", 1), ("relu", 1), ("identity", 2)])
def test_backpropagation_of_the_regressor_is_certified(activation: str, outputs: int) -> None:
    """The squared error is summed over the outputs, and averaged over the samples, as its gradient takes it."""
    y = rng.normal(size=(8, outputs))
    net = perceptron(MLPRegressor, y, activation, 0.2)

    def loss(w: Any, X: Any, y: Any) -> Any:
        return 0.5 * np.sum((net.output(w, X) - y) ** 2) / len(X) + net.penalty(w, X)

    inputs = {"w": net.model.packed_, "X": X, "y": y}
    assert verify(loss, net.loss_and_gradient, inputs, wrt="w").ok

    def half(w: Any, X: Any, y: Any) -> Any:
        return 0.5 * loss(w, X, y)

    wrong = verify(half, net.loss_and_gradient, inputs, wrt="w")
    assert "multiplication by 1/2" in wrong.findings[0].diagnosis


@later
def test_the_reported_loss_of_several_outputs_is_their_mean() -> None:
    """``loss_`` averages over the outputs, the gradient that is followed sums over them."""
    y = rng.normal(size=(8, 2))
    net = perceptron(MLPRegressor, y, "tanh", 0.0)
    inputs = {"w": net.model.packed_, "X": X, "y": y}
    report = verify(net.loss_and_gradient, net.loss_and_gradient, inputs, wrt="w")
    assert "multiplication by 1/2" in report.findings[0].diagnosis


def test_backpropagation_of_the_classifier_is_certified() -> None:
    y = np.array([0, 1, 2, 0, 1, 2, 1, 0])
    net = perceptron(MLPClassifier, y, "tanh", 0.2)
    inputs = {"w": net.model.packed_, "X": X, "y": np.eye(3, dtype=int)[y]}

    def loss(w: Any, X: Any, y: Any) -> Any:
        return -np.sum(y * np.log(net.output(w, X))) / len(X) + net.penalty(w, X)

    def gradient(w: Any, X: Any, y: Any) -> Any:
        empty: list[Any] = [None] * 2
        net.model._unpack(w)
        activations = net.model._forward_pass([X, *empty])
        deltas, coefs, intercepts = list(empty), list(empty), list(empty)
        deltas[1] = activations[-1] - y
        net.model._compute_loss_grad(1, len(X), activations, deltas, coefs, intercepts)
        deltas[0] = deltas[1] @ net.model.coefs_[1].T
        DERIVATIVES["tanh"](activations[1], deltas[0])
        net.model._compute_loss_grad(0, len(X), activations, deltas, coefs, intercepts)
        return np.concatenate([part.ravel() for part in (*coefs, *intercepts)])

    assert verify(loss, gradient, inputs, wrt="w").ok


# -- compiled below: float64 differences -------------------------------------------------------------------------------
def softplus(z: Any) -> Any:
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)


LINEAR: dict[str, Callable[[Any, Any], Any]] = {
    "HalfSquaredError": lambda z, y: 0.5 * (z - y) ** 2,
    "HalfBinomialLoss": lambda z, y: softplus(z) - y * z,
    "HalfPoissonLoss": lambda z, y: np.exp(z) - y * z,
    "HalfGammaLoss": lambda z, y: z + y * np.exp(-z),
}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_linear_models_agree(name: str, factor: float) -> None:
    from sklearn._loss import loss as losses

    model = LinearModelLoss(getattr(losses, name)(), fit_intercept=True)
    y = (LABELS if name == "HalfBinomialLoss" else 0.5 + rng.random(8)).astype(float)

    def loss(coef: Any, X: Any, y: Any) -> Any:
        return np.mean(LINEAR[name](X @ coef[:-1] + coef[-1], y)) + 0.5 * 0.3 * np.sum(coef[:-1] ** 2)

    def gradient(coef: Any, X: Any, y: Any) -> Any:
        return factor * model.loss_gradient(coef, X, y, l2_reg_strength=0.3)[1]

    report = verify(loss, gradient, {"coef": rng.normal(size=4), "X": X, "y": y}, wrt="coef")
    assert agrees(report) if factor == 1.0 else refused(report)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_neighbourhood_components_agree(sign: float) -> None:
    same = LABELS[:, None] == LABELS[None, :]
    model = NeighborhoodComponentsAnalysis()
    model.n_iter_ = 1

    def loss(transformation: Any, X: Any, same: Any) -> Any:
        z = X @ transformation.reshape(-1, X.shape[1]).T
        distance = np.sum((z[:, None] - z[None]) ** 2, axis=2)
        e = np.exp(-distance) * (1 - np.eye(len(X)))
        return np.sum(e * same / np.sum(e, axis=1, keepdims=True))

    def gradient(transformation: Any, X: Any, same: Any) -> Any:
        return sign * model._loss_grad_lbfgs(transformation, X, same)[1]

    inputs = {"transformation": rng.normal(size=6), "X": X, "same": same}
    report = verify(loss, gradient, inputs, wrt="transformation")
    assert agrees(report) if sign > 0 else refused(report)


KERNELS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "RBF": (kernels.RBF(0.8), lambda t, d: np.exp(-0.5 * d / np.exp(2 * t[0]))),
    "Constant * RBF": (
        kernels.ConstantKernel(1.5) * kernels.RBF(0.8),
        lambda t, d: np.exp(t[0]) * np.exp(-0.5 * d / np.exp(2 * t[1])),
    ),
    "RationalQuadratic": (
        kernels.RationalQuadratic(0.8, 1.7),
        lambda t, d: (1 + d / (2 * np.exp(t[0]) * np.exp(2 * t[1]))) ** -np.exp(t[0]),
    ),
    "Matern 3/2": (
        kernels.Matern(0.8, nu=1.5),
        lambda t, d: (1 + np.sqrt(3 * d) / np.exp(t[0])) * np.exp(-np.sqrt(3 * d) / np.exp(t[0])),
    ),
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("swap", [False, True])
def test_gradients_of_kernels_agree(name: str, swap: bool) -> None:
    kernel, formula = KERNELS[name]
    weights = rng.normal(size=(8, 8))
    distance = np.sum((X[:, None] - X[None]) ** 2, axis=2)

    def loss(theta: Any) -> Any:
        return np.sum(weights * formula(theta, distance))

    def gradient(theta: Any) -> Any:
        slopes = kernel.clone_with_theta(theta)(X, eval_gradient=True)[1]
        return np.einsum("ij,ijk->k", weights, 1.001 * slopes if swap else slopes)

    report = verify(loss, gradient, {"theta": np.asarray(kernel.theta)}, wrt="theta")
    assert refused(report) if swap else agrees(report)


def test_the_marginal_likelihood_agrees() -> None:
    y = rng.normal(size=8)
    kernel = kernels.ConstantKernel(1.5) * kernels.RBF(0.8) + kernels.WhiteKernel(0.3)
    model = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
    distance = np.sum((X[:, None] - X[None]) ** 2, axis=2)

    def loss(theta: Any) -> Any:
        K = np.exp(theta[0]) * np.exp(-0.5 * distance / np.exp(2 * theta[1])) + (np.exp(theta[2]) + 1e-10) * np.eye(8)
        return -0.5 * y @ np.linalg.solve(K, y) - 0.5 * np.linalg.slogdet(K)[1] - 4 * np.log(2 * np.pi)

    def gradient(theta: Any) -> Any:
        return model.log_marginal_likelihood(theta, eval_gradient=True)[1]

    theta = {"theta": np.asarray(kernel.theta)}
    assert agrees(verify(loss, gradient, theta, wrt="theta"))
    assert refused(verify(loss, lambda theta: gradient(theta)[::-1], theta, wrt="theta"))


P = rng.random(28)
P /= 2 * P.sum()
ROWS, COLUMNS = np.triu_indices(8, 1)


def divergence(params: Any, degrees: int) -> Any:
    """2 sum P log(P / Q), Q from Student's t with so many degrees of freedom."""
    z = params.reshape(8, 2)
    q = (1 + np.sum((z[ROWS] - z[COLUMNS]) ** 2, axis=1) / degrees) ** (-(degrees + 1) / 2)
    return 2 * np.sum(P * np.log(P / (q / (2 * np.sum(q)))))


@pytest.mark.parametrize("skip", [0, 1])
def test_the_divergence_of_an_embedding_agrees(skip: int) -> None:
    def gradient(params: Any, degrees: int) -> Any:
        slopes = _kl_divergence(params, P, degrees, 8, 2)[1]
        slopes[: 2 * skip] = 0  # what skip_num_points leaves out
        return slopes

    report = verify(divergence, gradient, {"params": rng.normal(size=16), "degrees": 1}, wrt="params")
    assert refused(report) if skip else agrees(report)


@later
def test_the_divergence_with_more_degrees_of_freedom_has_another_gradient() -> None:
    """(1 + d / ν) ** (-(ν + 1) / 2) stands where the derivative has (1 + d / ν) ** -1: equal for ν = 1 only."""

    def theirs(params: Any, degrees: int) -> Any:
        return _kl_divergence(params, P, degrees, 8, 2)[1]

    def right(params: Any, degrees: int) -> Any:
        z = params.reshape(8, 2)
        base = 1 + np.sum((z[ROWS] - z[COLUMNS]) ** 2, axis=1) / degrees
        q = base ** (-(degrees + 1) / 2)
        pull = (P - q / (2 * np.sum(q))) / base
        slopes = np.zeros((8, 2))
        np.add.at(slopes, ROWS, pull[:, None] * (z[ROWS] - z[COLUMNS]))
        np.add.at(slopes, COLUMNS, -pull[:, None] * (z[ROWS] - z[COLUMNS]))
        return 2 * (degrees + 1) / degrees * slopes.ravel()

    for degrees in (1, 2):
        inputs = {"params": rng.normal(size=16), "degrees": degrees}
        assert verify(divergence, right, inputs, wrt="params").ok
        assert agrees(verify(divergence, theirs, inputs, wrt="params")) is (degrees == 1)
