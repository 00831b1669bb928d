"""A dense network in row-batch convention, forward and backward written by hand: the independent check.

Layer l computes ``z = a_prev @ W + b`` and ``a = σ(z)``, examples in rows: a_prev (m, inputs), W (inputs, outputs),
b (outputs,). (The lectures' equations use column vectors, ``W a + b`` with W transposed.) Parameters are a dict
``{"W1": ..., "b1": ..., "W2": ..., ...}``; a layer whose bias is absent from the dict has none.

The passes use arithmetic, ``@``, ``.T`` and NumPy functions only: no conversion, no cast, no store by index. So the
same lines run on floats, on object arrays of balls, and on array-likes that record what is done to them.

>>> import numpy as np
>>> net = ReferenceNetwork((Layer(2, 3, "tanh"), Layer(3, 2, "softmax")), loss="cross_entropy")
>>> params = net.initialise(np.random.default_rng(0))
>>> X, Y = np.array([[1.0, -1.0], [0.5, 2.0]]), np.eye(2)
>>> {name: g.shape for name, g in net.gradient(params, X, Y).items()}
{'W1': (2, 3), 'b1': (3,), 'W2': (3, 2), 'b2': (2,)}
>>> bool(net.loss({k: params[k] - 0.1 * g for k, g in net.gradient(params, X, Y).items()}, X, Y)
...      < net.loss(params, X, Y))
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradproof.errors import ShapeError, UsageError

from .activations import ACTIVATIONS
from .common import Array, Params, row
from .initialise import INITIALISERS, Initialiser
from .losses import LOSSES, l1_gradient, l1_penalty, l2_gradient, l2_penalty


@dataclass(frozen=True, slots=True)
class Layer:
    """A dense layer: ``inputs`` units in, ``outputs`` units out, the name of its activation, and whether it has a bias.

    >>> Layer(784, 128, "rleu")
    Traceback (most recent call last):
    gradproof.errors.UsageError: no activation is called 'rleu' (did you mean 'relu'?); the names are identity, \
sigmoid, tanh, relu, leaky_relu, elu, selu, softplus, silu, gelu, gelu_tanh, softmax, exp, square, sin, cos, abs
    """

    inputs: int
    outputs: int
    activation: str = "identity"
    bias: bool = True

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.outputs < 1:
            raise UsageError(f"a layer needs at least one unit in and out, but Layer has {self.inputs}, {self.outputs}")
        row(ACTIVATIONS, self.activation, "activation")


def _is_fused(layers: Sequence[Layer], loss: str) -> bool:
    """Softmax under cross-entropy: one function of the logits, since log(exp(z)/Σ) loses what it must keep."""
    return loss == "cross_entropy" and layers[-1].activation == "softmax"


def forward(params: Mapping[str, Array], X: Array, layers: Sequence[Layer]) -> list[tuple[Array, Array]]:
    """The pre-activation z and the activation a of every layer, first to last; each has shape (m, outputs)."""
    passed, a = [], X
    for number, layer in enumerate(layers, start=1):
        z = a @ params[f"W{number}"]
        if f"b{number}" in params:
            z = z + params[f"b{number}"]
        a = ACTIVATIONS[layer.activation].value(z)
        passed.append((z, a))
    return passed


def _cost(
    params: Mapping[str, Array], last: tuple[Array, Array], Y: Array, layers: Sequence[Layer],
    loss: str, l1: float, l2: float,
) -> Array:  # fmt: skip
    z, a = last
    if _is_fused(layers, loss):
        cost = LOSSES["cross_entropy_with_logits"].value(z, Y)
    else:
        cost = row(LOSSES, loss, "loss").value(a, Y)
    for number in range(1, len(layers) + 1):
        if l2 != 0:
            cost = cost + l2_penalty(params[f"W{number}"], l2)
        if l1 != 0:
            cost = cost + l1_penalty(params[f"W{number}"], l1)
    return cost


def _backward(
    params: Mapping[str, Array], X: Array, Y: Array, passed: Sequence[tuple[Array, Array]], layers: Sequence[Layer],
    loss: str, l1: float, l2: float,
) -> Params:  # fmt: skip
    z, a = passed[-1]
    if _is_fused(layers, loss):
        delta = LOSSES["cross_entropy_with_logits"].gradient(z, Y)  # (P - Y)/m
    else:
        delta = ACTIVATIONS[layers[-1].activation].pullback(z, a, row(LOSSES, loss, "loss").gradient(a, Y))
    gradients: Params = {}
    for number in range(len(layers), 0, -1):
        weight, below = params[f"W{number}"], passed[number - 2][1] if number > 1 else X
        gradient = below.T @ delta
        if l2 != 0:
            gradient = gradient + l2_gradient(weight, l2)
        if l1 != 0:
            gradient = gradient + l1_gradient(weight, l1)
        gradients[f"W{number}"] = gradient
        if f"b{number}" in params:
            gradients[f"b{number}"] = np.sum(delta, axis=0)
        if number > 1:
            z, a = passed[number - 2]
            delta = ACTIVATIONS[layers[number - 2].activation].pullback(z, a, delta @ weight.T)
    return {name: gradients[name] for name in params}


def loss(
    params: Mapping[str, Array], X: Array, Y: Array, layers: Sequence[Layer],
    loss: str = "mse", l1: float = 0.0, l2: float = 0.0,
) -> Array:  # fmt: skip
    """The cost, a scalar: the named loss of the prediction plus l1·Σ|W| + (l2/2)·ΣW² over the weight matrices.

    Softmax under ``cross_entropy`` is evaluated from the logits as log Σ exp z − Σ y z, which equals −Σ y log p for
    targets whose rows sum to one.
    """
    return _cost(params, forward(params, X, layers)[-1], Y, layers, loss, l1, l2)


def gradient(
    params: Mapping[str, Array], X: Array, Y: Array, layers: Sequence[Layer],
    loss: str = "mse", l1: float = 0.0, l2: float = 0.0,
) -> Params:  # fmt: skip
    """The gradient of ``loss`` by backpropagation, one array of the parameter's shape for every key of ``params``.

    With δ = ∂C/∂z: δ of the last layer is the loss's gradient through its activation, or (P − Y)/m where softmax meets
    cross-entropy; δ below is (δ @ W.T) ∘ σ′(z); ∂C/∂W = a_prev.T @ δ; ∂C/∂b is δ summed over the batch.
    """
    return _backward(params, X, Y, forward(params, X, layers), layers, loss, l1, l2)


@dataclass(frozen=True, slots=True)
class ReferenceNetwork:
    """Layers, a loss and penalties: what the functions of this module need besides parameters and data.

    Raises ShapeError where the layers do not fit each other, UsageError for an unknown loss or a bad penalty.
    """

    layers: tuple[Layer, ...]
    loss_name: str
    l1: float
    l2: float

    def __init__(self, layers: Sequence[Layer], loss: str = "mse", l1: float = 0.0, l2: float = 0.0) -> None:
        for name, value in (("layers", tuple(layers)), ("loss_name", loss), ("l1", l1), ("l2", l2)):
            object.__setattr__(self, name, value)
        if not self.layers:
            raise UsageError("a network needs at least one layer")
        row(LOSSES, loss, "loss")
        for number, (lower, upper) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=1):
            if lower.outputs != upper.inputs:
                raise ShapeError(
                    f"layer {number} has {lower.outputs} outputs but layer {number + 1} takes {upper.inputs} inputs"
                )
        for name, strength in (("l1", l1), ("l2", l2)):
            if not (strength >= 0 and math.isfinite(strength)):
                raise UsageError(f"{name} is {strength}; a penalty must be a finite number of at least 0")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, in the order W1, b1, W2, b2, ..."""
        shapes: dict[str, tuple[int, ...]] = {}
        for number, layer in enumerate(self.layers, start=1):
            shapes[f"W{number}"] = (layer.inputs, layer.outputs)
            if layer.bias:
                shapes[f"b{number}"] = (layer.outputs,)
        return shapes

    def initialise(
        self, rng: np.random.Generator, how: str | Initialiser = "glorot_uniform", dtype: type = np.float64
    ) -> Params:
        """Fresh parameters: weights by a name of INITIALISERS or a function (rng, shape) -> array; biases zero."""
        draw = row(INITIALISERS, how, "initialiser") if isinstance(how, str) else how
        params: Params = {}
        for number, layer in enumerate(self.layers, start=1):
            params[f"W{number}"] = draw(rng, (layer.inputs, layer.outputs)).astype(dtype)
            if layer.bias:
                params[f"b{number}"] = np.zeros(layer.outputs, dtype=dtype)
        return params

    def check(self, params: Mapping[str, Array], X: Array, Y: Array | None = None) -> None:
        """ShapeError or UsageError where parameters or data do not fit the layers; the passes themselves do not look.

        >>> net = ReferenceNetwork([Layer(2, 1)])
        >>> net.check({"W1": np.zeros((2, 1)), "b1": np.zeros(1)}, np.zeros((5, 3)))
        Traceback (most recent call last):
        gradproof.errors.ShapeError: X has shape (5, 3) but the first layer takes 2 inputs: expected (m, 2)
        """
        expected = self.shapes
        if set(params) != set(expected):
            raise UsageError(f"the parameters are {', '.join(params)}; this network has {', '.join(expected)}")
        for name, shape in expected.items():
            if tuple(params[name].shape) != shape:
                raise ShapeError(f"{name} has shape {tuple(params[name].shape)}; expected {shape}")
        inputs, outputs = self.layers[0].inputs, self.layers[-1].outputs
        if len(X.shape) != 2 or X.shape[1] != inputs:
            raise ShapeError(
                f"X has shape {tuple(X.shape)} but the first layer takes {inputs} inputs: expected (m, {inputs})"
            )
        if X.shape[0] == 0:
            raise UsageError("X has no rows; give at least one example")
        if Y is not None and tuple(Y.shape) != (X.shape[0], outputs):
            raise ShapeError(f"Y has shape {tuple(Y.shape)}; expected {(X.shape[0], outputs)}, one row for each of X")

    def forward(self, params: Mapping[str, Array], X: Array) -> list[tuple[Array, Array]]:
        """(z, a) of every layer; see ``forward``."""
        return forward(params, X, self.layers)

    def predict(self, params: Mapping[str, Array], X: Array) -> Array:
        """The last layer's activation, of shape (m, outputs)."""
        return forward(params, X, self.layers)[-1][1]

    def loss(self, params: Mapping[str, Array], X: Array, Y: Array) -> Array:
        """The cost, a scalar; see ``loss``."""
        return loss(params, X, Y, self.layers, self.loss_name, self.l1, self.l2)

    def gradient(self, params: Mapping[str, Array], X: Array, Y: Array) -> Params:
        """The gradient of the cost for every parameter; see ``gradient``."""
        return gradient(params, X, Y, self.layers, self.loss_name, self.l1, self.l2)

    def loss_and_gradient(self, params: Mapping[str, Array], X: Array, Y: Array) -> tuple[Array, Params]:
        """Both of them from one forward pass."""
        passed = forward(params, X, self.layers)
        cost = _cost(params, passed[-1], Y, self.layers, self.loss_name, self.l1, self.l2)
        return cost, _backward(params, X, Y, passed, self.layers, self.loss_name, self.l1, self.l2)

    def accuracy(self, params: Mapping[str, Array], X: Array, Y: Array) -> float | None:
        """The share of right decisions by the loss's own rule; None where the loss is one of regression."""
        decide = LOSSES[self.loss_name].accuracy
        return None if decide is None else decide(self.predict(params, X), Y)
