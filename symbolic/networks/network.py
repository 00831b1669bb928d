r"""Dense networks as index equations, in row-batch convention: examples in rows, ``z = a_prev @ W + b``, ``a = σ(z)``.

>>> net = Network([Dense(3, 4, "sigmoid"), Dense(4, 1, "sigmoid")], loss="sum_squares")
>>> [name for name in net.forward]
['z1', 'a1', 'z2', 'a2']
>>> {name: g.shape for name, g in net.gradients().items()}
{'W1': (3, 4), 'b1': (4,), 'W2': (4, 1), 'b2': (1,)}
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.errors import ShapeError, UsageError

from ..arrays.array import Array, array, elementwise
from ..arrays.products import matmul
from ..calculus.adjoint import backward
from ..equations.definition import Definition, System, define
from ..equations.dims import dim, free_index, same_dim
from ..equations.nodes import LogSumExp
from .layers import Dense
from .losses import check_targets, cost, cross_entropy_from_logits, find_loss, l1_penalty, l2_penalty

if TYPE_CHECKING:
    from gradproof.verdicts import Verdict

    from .generic import GenericNetwork
    from .specialisation import Backpropagation


class Network:
    """Dense layers, a loss on their output, and penalties on their weights; the batch size is the dimension ``m``.

    ``l1`` and ``l2`` add l1·Σ|W| and (l2/2)·ΣW² for every weight matrix. Raises :class:`UsageError` or
    :class:`ShapeError`, in one line that names the layer, where the layers or the loss do not fit.

    Under ``cross_entropy`` the cost is written from the logits (log Σ exp z − Σ y z), which never takes the logarithm
    of 0.
    """

    def __init__(
        self, layers: Sequence[Dense], loss: str = "mse", l1: float = 0, l2: float = 0, name: str = "network"
    ) -> None:
        self.layers = tuple(layers)
        self.loss = loss
        self.l1, self.l2 = l1, l2
        self.name = name
        _check_layers(self.layers)
        _check_loss(self.layers, loss)
        for key, value in (("l1", l1), ("l2", l2)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 <= value < math.inf):
                raise UsageError(f"{key} is {value!r}; a penalty must be a finite number of at least 0")

    @staticmethod
    def generic() -> GenericNetwork:
        """A network of symbolic depth L with any activation σ and any cost C, as a recurrence over its layers."""
        from .generic import GenericNetwork

        return GenericNetwork()

    # -- arrays
    # -----------------------------------------------------------------------------------------------------------
    @cached_property
    def X(self) -> Array:
        """The inputs, of shape ``(m, inputs)``."""
        return array("X", (self.batch, self.layers[0].inputs))

    @cached_property
    def Y(self) -> Array:
        """The targets, of shape ``(m, outputs)``; one-hot rows where the loss is cross-entropy."""
        return array("Y", (self.batch, self.layers[-1].outputs), one_hot=self.loss == "cross_entropy")

    @property
    def batch(self) -> Any:
        """The batch size, the dimension m."""
        return dim("m")

    @cached_property
    def parameters(self) -> dict[str, Array]:
        """Weights and biases by name, in the order W1, b1, W2, b2, ...; a layer without bias has no b."""
        result: dict[str, Array] = {}
        for number, layer in enumerate(self.layers, start=1):
            result[f"W{number}"] = array(f"W{number}", (layer.inputs, layer.outputs))
            if layer.bias:
                result[f"b{number}"] = array(f"b{number}", (layer.outputs,))
        return result

    @cached_property
    def forward(self) -> dict[str, Array]:
        """The intermediates by name: z1, a1, z2, a2, ... Under identity a and z are one array; a softmax is called
        p."""
        result: dict[str, Array] = {}
        a = self.X
        for number, layer in enumerate(self.layers, start=1):
            z = _affine(a, self.parameters[f"W{number}"], self.parameters.get(f"b{number}"), f"z{number}")
            a = _activated(layer, z, f"a{number}")
            result[f"z{number}"], result[f"a{number}"] = z, a
        return result

    @property
    def output(self) -> Array:
        """The last layer's activation, of shape ``(m, outputs)``."""
        return self.forward[f"a{len(self.layers)}"]

    @cached_property
    def cost(self) -> Array:
        """The cost C, a scalar: the loss of the output against Y, plus the penalties."""
        if not (self.l1 or self.l2):
            return self._data_cost("C")
        terms = [self._data_cost("E")]
        for number in range(1, len(self.layers) + 1):
            weight = self.parameters[f"W{number}"]
            if self.l2:
                terms.append(l2_penalty(weight, self.l2, f"R{number}"))
            if self.l1:
                terms.append(l1_penalty(weight, self.l1, f"S{number}"))
        return Array(define("C", (), sp.Add(*(t.element() for t in terms))))

    def _data_cost(self, name: str) -> Array:
        if self.loss != "cross_entropy":
            return cost(self.loss, self.output, self.Y, name)
        z = self.forward[f"z{len(self.layers)}"]
        return cross_entropy_from_logits(z, _log_sum(z), self.Y, name)

    # -- derivatives
    # ------------------------------------------------------------------------------------------------------
    def gradients(self) -> dict[str, Array]:
        """∂C/∂ every parameter by backpropagation, in the parameters' shapes; the adjoint of z1 is called delta1.

        The number of equations is linear in the number of layers.
        """
        targets = {name: p.definition for name, p in self.parameters.items()}
        names = {f: f"delta{n[1:]}" for n, f in self._definitions("z")} | {
            d: f"d_{name}" for name, d in targets.items()
        }
        found = backward([(self.cost.definition, sp.S.One)], targets.values(), names=names)
        result = {}
        for name, target in targets.items():
            cotangent = found.of.get(target)
            made = None if cotangent is None else cotangent.definition
            if made is None:
                made = define(f"d_{name}", target.shape, 0 if cotangent is None else cotangent.expression)
            result[name] = Array(made)
        return result

    def _definitions(self, letter: str) -> list[tuple[str, Definition]]:
        return [(name, a.definition) for name, a in self.forward.items() if name.startswith(letter)]

    def system(self) -> System:
        """The index equations of the cost and of all its gradients."""
        return System.of(self.cost.definition, *(g.definition for g in self.gradients().values()))

    def derive(self) -> Any:
        """The derivation of the gradients, step by step."""
        from ..derivations.derivation import derive

        return derive(self.cost, wrt=list(self.parameters.values()))

    def backprop(self) -> Backpropagation:
        """BP1–BP4 of the generic network with this network's layers, cost and batch put in."""
        from .specialisation import Backpropagation

        return Backpropagation(self)

    def verify(self) -> dict[str, Verdict]:
        """Each derived gradient against the hand-written backward pass of ``gradproof.numeric.reference.network``.

        One verdict a parameter: ``proved`` where the two have one normal form, for all shapes at once; otherwise what
        ``equal`` says of them, or ``unknown`` with the reason where there is no such hand-written pass.
        """
        from .network_check import verify_network

        return verify_network(self)

    def generate(self, path: Any, **options: Any) -> Any:
        """Write a training program to ``path``; it imports NumPy alone."""
        from gradproof.codegen.generate import generate

        return generate(self, path, **options)

    def check_data(self, X: Any, Y: Any) -> None:
        """:class:`ShapeError` or :class:`UsageError` where numbers do not fit the network or its loss."""
        for what, values, width in (("X", X, self.layers[0].inputs), ("Y", Y, self.layers[-1].outputs)):
            shape = tuple(values.shape)
            if len(shape) != 2 or (isinstance(width, int) and shape[1] != width):
                raise ShapeError(f"{what} has shape {shape}; this network takes (m, {width})")
        if X.shape[0] != Y.shape[0] or X.shape[0] == 0:
            raise ShapeError(f"X has {X.shape[0]} rows and Y {Y.shape[0]}; give one row of each for every example")
        check_targets(self.loss, Y)

    # -- for people
    # -------------------------------------------------------------------------------------------------------
    @property
    def size(self) -> Any:
        """The number of parameters (an expression where a width is a symbol)."""
        total = sp.expand(sp.Add(*(p.size for p in self.parameters.values())))
        return int(total) if total.is_Integer else total

    def __repr__(self) -> str:
        rows = [("layer", "inputs", "outputs", "activation", "parameters")]
        for number, layer in enumerate(self.layers, start=1):
            shown = layer.activation if layer.alpha is None else f"{layer.activation}({layer.alpha:g})"
            count = sp.expand(layer.inputs * layer.outputs + (layer.outputs if layer.bias else 0))
            shown += "" if layer.bias else ", no bias"
            rows.append((layer.name or str(number), str(layer.inputs), str(layer.outputs), shown, str(count)))
        widths = [max(len(row[c]) for row in rows) for c in range(5)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        penalties = "".join(f", {k} {v:g}" for k, v in (("l1", self.l1), ("l2", self.l2)) if v)
        return "\n".join([f"Network {self.name!r}: loss {self.loss}{penalties}, {self.size} parameters", *lines])


def _affine(a: Array, weight: Array, bias: Array | None, name: str) -> Array:
    """a @ W + b as one equation."""
    product = matmul(a, weight).definition
    rhs = product.rhs
    if bias is not None:
        rhs = rhs + bias.element(sp.S.Zero if product.shape[1] == 1 else free_index(1))
    return Array(define(name, product.shape, rhs))


def _log_sum(z: Array) -> Array:
    """The rows' log Σ exp z, of shape (m, 1); it is used by the cost and by the softmax alike."""
    from ..arrays.reductions import logsumexp

    made: Array = logsumexp(z, axis=-1, keepdims=True)
    assert made.definition.rhs.has(LogSumExp) or z.shape[1] == 1
    return made.named("lse")


def _activated(layer: Dense, z: Array, name: str) -> Array:
    if layer.activation == "identity":
        return z
    if layer.activation == "softmax":
        log_sum = _log_sum(z)
        index = [free_index(0), sp.S.Zero if z.shape[1] == 1 else free_index(1)]
        value = sp.exp(z.element(*index) - log_sum.element(index[0], sp.S.Zero))
        # the name that the derivative of logsumexp gives to the same rows, so that they are one intermediate
        return Array(define("p", z.definition.shape, value, assumptions=frozenset({"simplex", "positive"})))
    return elementwise(layer.activation, layer.apply, z).named(name)


def _label(number: int, layer: Dense) -> str:
    return f"layer {number}" if layer.name is None else f"layer {number} ({layer.name})"


def _check_layers(layers: tuple[Dense, ...]) -> None:
    if not layers:
        raise UsageError("a network needs at least one layer; give Network([Dense(inputs, outputs, activation), ...])")
    for number, layer in enumerate(layers, start=1):
        if not isinstance(layer, Dense):
            raise UsageError(f"layer {number} is a {type(layer).__name__}; give Dense(inputs, outputs, activation)")
        if layer.activation == "softmax" and number < len(layers):
            raise UsageError(
                f"{_label(number, layer)} has softmax but is not the last; use an elementwise activation there"
            )
        for what, size in (("inputs", layer.inputs), ("outputs", layer.outputs)):
            if dim("m") in getattr(size, "free_symbols", ()):
                raise UsageError(
                    f"{_label(number, layer)}: {what} uses m, which is the batch size; rename the dimension"
                )
    for number, (lower, upper) in enumerate(pairwise(layers), start=1):
        if not same_dim(sp.sympify(lower.outputs, strict=True), sp.sympify(upper.inputs, strict=True)):
            raise ShapeError(
                f"{_label(number, lower)} has {lower.outputs} outputs but {_label(number + 1, upper)} takes "
                f"{upper.inputs} inputs; make them equal"
            )


def _check_loss(layers: tuple[Dense, ...], loss: str) -> None:
    row = find_loss(loss)
    last = layers[-1]
    if row.activations and last.activation not in row.activations:
        place = _label(len(layers), last)
        raise UsageError(f"{place} has {last.activation}, which does not go with the loss {loss}: {row.otherwise}")
    if loss == "binary_cross_entropy" and last.activation == "softmax" and last.outputs == 1:
        place = _label(len(layers), last)
        raise UsageError(f"{place} has softmax over one unit, which is always 1, so that {loss} has log 0; use sigmoid")
