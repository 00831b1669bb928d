"""The four equations of backpropagation put to use for a concrete network: its layers, cost and batch put in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from ..arrays.array import Array
from ..calculus.differentiate import grad
from ..equations.definition import define, freshen, owner
from ..equations.dims import free_index, fresh_index, full_range
from ..equations.nodes import Arbitrary, FunctionalPartial, Sum
from ..equations.numbers import exact
from .backprop import BackpropagationEquation, BackpropagationEquations, Step
from .generic import GenericNetwork
from .layers import derivative_of

if TYPE_CHECKING:
    from gradproof.verdicts import Verdict

    from .network import Network


class SpecialisedError(Array):
    """BP1 of a concrete network: the error of its last layer, with the generic equation that it was put into."""

    __slots__ = ("generic",)
    generic: BackpropagationEquation

    @classmethod
    def of(cls, array: Array, generic: BackpropagationEquation) -> SpecialisedError:
        made = cls(array.definition)
        made.generic = generic
        return made

    @property
    def derivation(self) -> tuple[Step, ...]:
        """The steps of the generic equation."""
        return self.generic.derivation


class SpecialisedEquations(dict[Any, Array]):
    """One of BP2 to BP4 of a concrete network: an array for each layer or parameter, and the generic equation."""

    def __init__(self, arrays: Mapping[Any, Array], generic: BackpropagationEquation) -> None:
        super().__init__(arrays)
        self.generic = generic

    @property
    def derivation(self) -> tuple[Step, ...]:
        """The steps of the generic equation."""
        return self.generic.derivation

    def latex(self, form: str = "matrix") -> str:
        """Each of the arrays in LaTeX, one on a line; ``form`` is "matrix" or "index"."""
        return " \\\\\n".join(array.latex(form) for array in self.values())


class Backpropagation:
    """The four equations with a concrete network's layers, cost and batch put into them, in row-batch convention.

    The generic equations speak of one example and of column vectors. Each row i of the batch is such an example; so δ
    has the shape ``(m, outputs)``, ``W`` is the transpose of w, and since all rows share the parameters, BP3 and BP4
    are summed over i. Softmax is no function of one entry: the last layer then counts as identity, and the softmax to
    the cost. The penalties, which the generic cost does not have, add their own derivative to BP4.

    >>> from gradproof.symbolic.networks.network import Network
    >>> from gradproof.symbolic.networks.layers import Dense
    >>> layers = [Dense(3, 4, "tanh"), Dense(4, 2, "softmax")]
    >>> back = Network(layers, loss="cross_entropy").backprop()
    >>> {name: g.shape for name, g in back.gradients().items()}
    {'W1': (3, 4), 'b1': (4,), 'W2': (4, 2), 'b2': (2,)}
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.generic = GenericNetwork()
        self.equations = BackpropagationEquations(self.generic)

    @property
    def softmax_is_cost(self) -> bool:
        """Whether the last layer has softmax, which then counts to the cost."""
        return self.network.layers[-1].activation == "softmax"

    @cached_property
    def cost_partial(self) -> Array:
        """The derivative of the concrete cost by the last layer's output (by its logits, where softmax counts to the
        cost)."""
        letter = "z" if self.softmax_is_cost else "a"
        found: Array = grad(self.network.cost, self.network.forward[f"{letter}{len(self.network.layers)}"])
        return found

    @cached_property
    def deltas(self) -> dict[int, Array]:
        """The error of each layer, of shape ``(m, outputs)``: BP1 for the last, then BP2 down to layer 1."""
        count = len(self.network.layers)
        found: dict[int, Array] = {}
        for number in range(count, 0, -1):
            equation = self.equations.bp1 if number == count else self.equations.bp2
            i, j = fresh_index(), fresh_index()
            value = Specialisation(self, found, i).at(equation.right, number, {free_index(1): (j, self._width(number))})
            shape = (self.network.forward[f"z{number}"].definition).shape
            found[number] = Array(define(f"delta{number}", shape, value, [i, j]))
        return dict(sorted(found.items()))

    @cached_property
    def bp1(self) -> SpecialisedError:
        """The error of the last layer."""
        return SpecialisedError.of(self.deltas[len(self.network.layers)], self.equations.bp1)

    @cached_property
    def bp2(self) -> SpecialisedEquations:
        """The errors of the layers before, by the layer's number."""
        hidden = {number: delta for number, delta in self.deltas.items() if number < len(self.network.layers)}
        return SpecialisedEquations(hidden, self.equations.bp2)

    @cached_property
    def bp3(self) -> SpecialisedEquations:
        """∂C/∂b of each layer that has a bias."""
        result: dict[str, Array] = {}
        for number, layer in enumerate(self.network.layers, start=1):
            if layer.bias:
                i, j = fresh_index(), fresh_index()
                places = {free_index(1): (j, self._width(number))}
                value = Specialisation(self, self.deltas, i).at(self.equations.bp3.right, number, places)
                result[f"b{number}"] = self._summed(f"b{number}", value, i, [j])
        return SpecialisedEquations(result, self.equations.bp3)

    @cached_property
    def bp4(self) -> SpecialisedEquations:
        """∂C/∂W of each layer, in the layout of W: (inputs, outputs)."""
        result: dict[str, Array] = {}
        for number in range(1, len(self.network.layers) + 1):
            i, j, k = fresh_index(), fresh_index(), fresh_index()
            places = {free_index(1): (j, self._width(number)), free_index(2): (k, self._width(number - 1))}
            value = Specialisation(self, self.deltas, i).at(self.equations.bp4.right, number, places)
            result[f"W{number}"] = self._summed(f"W{number}", value, i, [k, j])
        return SpecialisedEquations(result, self.equations.bp4)

    def gradients(self) -> dict[str, Array]:
        """BP3 and BP4 in the order of the network's parameters."""
        both = {**self.bp3, **self.bp4}
        return {name: both[name] for name in self.network.parameters}

    def check(self) -> dict[str, Verdict]:
        """Each of them against the engine's own gradient of the network's cost, by ``equal``."""
        from ..prove import equal

        engine = self.network.gradients()
        return {name: equal(mine, engine[name]) for name, mine in self.gradients().items()}

    def _width(self, number: int) -> Any:
        layers = self.network.layers
        return sp.sympify(layers[0].inputs if number == 0 else layers[number - 1].outputs, strict=True)

    def _summed(self, name: str, value: Any, i: Any, index: list[Any]) -> Array:
        total = Sum(value, full_range(i, self.network.batch))
        weight = self.network.parameters[name]
        if name.startswith("W"):
            own = [sp.S.Zero if n == 1 else p for p, n in zip(index, weight.definition.shape, strict=True)]
            element = weight.element(*own)
            total = total + exact(self.network.l2) * element + exact(self.network.l1) * sp.sign(element)
        return Array(define(f"d_{name}", weight.definition.shape, total, index))

    def __repr__(self) -> str:
        last = len(self.deltas)
        rows = [f"delta{n} {a.shape}: {'BP1' if n == last else 'BP2'}" for n, a in reversed(self.deltas.items())]
        rows += [
            f"d_{name} {g.shape}: {'BP3' if name.startswith('b') else 'BP4'}" for name, g in self.gradients().items()
        ]
        return "\n".join(rows)


class Specialisation:
    """The substitution of a concrete network for the symbols of the generic one, in row ``i`` of the batch."""

    def __init__(self, back: Backpropagation, deltas: Mapping[int, Array], i: Any) -> None:
        self.back, self.deltas, self.i = back, deltas, i
        self.generic, self.network = back.generic, back.network

    def at(self, expression: Any, number: int, places: dict[Any, tuple[Any, Any]]) -> Any:
        """``expression`` at layer ``number``; ``places`` maps its free indices to new ones and their widths."""
        numbered = freshen(expression).xreplace({
            free_index(0): sp.Integer(number), self.generic.depth: sp.Integer(len(self.network.layers)),
            **{old: sp.S.Zero if size == 1 else new for old, (new, size) in places.items()},
        })  # fmt: skip
        return self._put(numbered)

    def _put(self, node: Any) -> Any:
        if isinstance(node, Arbitrary):
            return self._derivative(node)
        if isinstance(node, FunctionalPartial):
            return self._cost_partial(int(node.args[1].indices[0]), node.args[1].indices[1])
        if isinstance(node, sp.Indexed):
            return self._element(node)
        if isinstance(node, AppliedUndef):
            return self.back._width(int(node.args[0]))
        if isinstance(node, sp.Sum):
            (index, first, last), body = node.limits[0], node.args[0]
            end = self._put(last)
            if end == first:
                return self._put(body.xreplace({index: first}))
            return Sum(self._put(body), (index, first, end))
        return node.func(*map(self._put, node.args)) if node.args else node

    def _forward(self, letter: str, number: int) -> Array:
        if number == 0:
            return self.network.X
        return self.network.forward[f"{letter}{number}"]

    def _element(self, node: Any) -> Any:
        known, layer = owner(node), int(node.indices[0])
        rest: tuple[Any, ...] = node.indices[1:]
        if known is self.generic.w:
            j, k = rest
            return self.network.parameters[f"W{layer}"].element(k, j)
        if known is self.generic.a:
            return self._forward("a", layer).element(self.i, rest[0])
        if known is self.generic.z:
            return self._forward("z", layer).element(self.i, rest[0])
        # what is left in BP1 to BP4 is the adjoint of z
        return self.deltas[layer].element(self.i, rest[0])

    def _derivative(self, node: Any) -> Any:
        number, j = int(node.args[2].indices[0]), node.args[2].indices[1]
        layer = self.network.layers[number - 1]
        if number == len(self.network.layers) and self.back.softmax_is_cost:
            return sp.S.One
        z = self._forward("z", number).element(self.i, j)
        return derivative_of(layer, z, self._forward("a", number).element(self.i, j))

    def _cost_partial(self, number: int, j: Any) -> Any:
        return self.back.cost_partial.element(self.i, j)
