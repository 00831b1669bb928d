r"""The four equations of backpropagation, read off the adjoint of the generic network, and put to use for a concrete
one.

The adjoint of the recurrence :mod:`.generic` is one equation for δ = ∂C/∂z and one for ∂C/∂a, at every layer at once:

.. math::
    \delta^l_j = \frac{\partial C}{\partial a^l_j} \sigma'(z^l_j), \qquad
    \frac{\partial C}{\partial a^l_j} = [l = L] \frac{\partial C}{\partial a^L_j}
        + [l + 1 \le L] \sum_k w^{l+1}_{kj} \delta^{l+1}_k

BP1 is the first at l = L, BP2 at l < L; BP3 and BP4 are the adjoints of b and w.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from gradproof.errors import UsageError

from .array import Array
from .contraction import decide
from .definition import Definition, define, freshen, owner, references
from .differentiate import grad
from .dims import free_index, fresh_index, full_range
from .generic import GenericNetwork, width
from .layered_latex import IndexForm, matrix_latex
from .layers import derivative_of
from .nodes import Arbitrary, FunctionalPartial, Sum
from .numbers import exact

if TYPE_CHECKING:
    from gradproof.verdicts import Verdict

    from .networks import Network


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation: the rule, what is derived, and its value before and after."""

    rule: str
    left: Any
    before: Any
    after: Any

    def latex(self) -> str:
        """``left = before = after`` in index form."""
        form = IndexForm()
        parts = [form.show(self.left), form.show(self.before), form.show(self.after)]
        return " = ".join(dict.fromkeys(parts))


@dataclass(frozen=True, slots=True)
class BackpropagationEquation:
    """One of the four equations: ``left = right`` for the layers in ``holds``, and how it was derived."""

    name: str
    statement: str
    holds: str
    left: Any
    right: Any
    free: tuple[Any, ...]
    derivation: tuple[Step, ...]

    @property
    def equation(self) -> Any:
        """The index form as a SymPy equation in the symbols δ, w, a, z, with l, j, k as indices."""
        form = IndexForm()
        return sp.Eq(form.symbols(self.left), form.symbols(self.right), evaluate=False)

    def latex(self, form: str = "index") -> str:
        """The equation in LaTeX; ``form`` is "index" or "matrix" (column vectors, destination rows, source columns)."""
        if form == "index":
            index_form = IndexForm()
            return f"{index_form.show(self.left)} = {index_form.show(self.right)}"
        if form == "matrix":
            return f"{matrix_latex(self.left, self.free)} = {matrix_latex(self.right, self.free)}"
        raise UsageError(f"no form is called {form!r}; the forms are index, matrix")

    def __str__(self) -> str:
        return f"{self.name} ({self.holds}): {self.statement}\n    {self.equation.lhs} = {self.equation.rhs}"


class BackpropagationEquations:
    """BP1 to BP4 of the generic network.

    >>> print(GenericNetwork().backprop().bp2.latex("matrix"))
    \\delta^{l} = \\left(\\left(W^{l + 1}\\right)^{\\top} \\delta^{l + 1}\\right) \\odot \\sigma'\\left(z^{l}\\right)
    """

    def __init__(self, network: GenericNetwork) -> None:
        self.network = network
        found = network.adjoints
        steps = {step.target: step for step in found.steps}
        of_z, of_a = found.of[network.z].definition, found.of[network.a].definition
        assert of_z is not None and of_a is not None
        layer, j, k = (free_index(p) for p in range(3))
        last = network.depth
        self._error = put_in(of_z.rhs, of_a)
        at_z = Step("chain rule through a = σ(z)", of_z.lhs, steps[network.z].before, of_z.rhs)
        at_a = Step(
            "chain rule through z of the next layer, and through C", of_a.lhs, steps[network.a].before, of_a.rhs
        )
        both = Step("put the second into the first", of_z.lhs, of_z.rhs, self._error)
        output = self._error.xreplace({layer: last})
        inner_ranges = {layer: (sp.S.One, last - 1), j: (sp.S.Zero, width(layer) - 1)}
        hidden = decide(self._error, inner_ranges)
        at_output, lhs_output = of_z.at(last, j), of_z.lhs
        self.bp1 = BackpropagationEquation(
            "BP1", "the error of the last layer is the cost's derivative by the output times σ′", "l = L",
            at_output, output, (j,), (at_z, at_a, both, Step("at l = L", at_output, self._error, output)),
        )  # fmt: skip
        self.bp2 = BackpropagationEquation(
            "BP2", "the error of a layer is the next layer's error carried back through its weights, times σ′",
            "1 ≤ l < L", lhs_output, hidden, (j,),
            (at_z, at_a, both, Step("for 1 ≤ l < L", lhs_output, self._error, hidden)),
        )  # fmt: skip
        of_b = found.of[network.b].at((layer, j))
        self.bp3 = BackpropagationEquation(
            "BP3", "the derivative by a bias is the error", "1 ≤ l ≤ L", partial_by(network.b, (layer, j)), of_b, (j,),
            (Step("chain rule through z", partial_by(network.b, (layer, j)), steps[network.b].before, of_b),),
        )  # fmt: skip
        of_w = found.of[network.w].expression
        self.bp4 = BackpropagationEquation(
            "BP4", "the derivative by a weight is the error at its end times the activation at its start", "1 ≤ l ≤ L",
            partial_by(network.w, (layer, j, k)), of_w, (j, k),
            (Step("chain rule through z", partial_by(network.w, (layer, j, k)), steps[network.w].before, of_w),),
        )  # fmt: skip

    def __iter__(self) -> Any:
        return iter((self.bp1, self.bp2, self.bp3, self.bp4))

    def latex(self, form: str = "index") -> str:
        """All four, one on a line, aligned."""
        lines = [rf"\text{{{e.name}:}}\quad {e.latex(form).replace(' = ', ' &= ', 1)}" for e in self]
        return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


def partial_by(definition: Definition, index: tuple[Any, ...]) -> Any:
    """∂C/∂u at ``index``, as a node that prints so."""
    return FunctionalPartial(sp.Symbol("C"), definition.at(*index))


def put_in(expression: Any, definition: Definition) -> Any:
    """Every reference to ``definition`` replaced by its right-hand side there."""
    found = {r: definition.expanded_at(*r.indices) for r in references(expression) if owner(r) is definition}
    return expression.xreplace(found)


class Backpropagation:
    """The four equations with a concrete network's layers, cost and batch put into them, in row-batch convention.

    The generic equations speak of one example and of column vectors. Each row i of the batch is such an example; so δ
    has the shape ``(m, outputs)``, ``W`` is the transpose of w, and since all rows share the parameters, BP3 and BP4
    are summed over i. Softmax is no function of one entry: the last layer then counts as identity, and the softmax to
    the cost. The penalties, which the generic cost does not have, add their own derivative to BP4.

    >>> from gradproof.symbolic.networks import Network
    >>> from gradproof.symbolic.layers import Dense
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

    @property
    def bp1(self) -> Array:
        """The error of the last layer."""
        return self.deltas[len(self.network.layers)]

    @property
    def bp2(self) -> dict[int, Array]:
        """The errors of the layers before, by the layer's number."""
        return {number: delta for number, delta in self.deltas.items() if number < len(self.network.layers)}

    @cached_property
    def bp3(self) -> dict[str, Array]:
        """∂C/∂b of each layer that has a bias."""
        result: dict[str, Array] = {}
        for number, layer in enumerate(self.network.layers, start=1):
            if layer.bias:
                i, j = fresh_index(), fresh_index()
                places = {free_index(1): (j, self._width(number))}
                value = Specialisation(self, self.deltas, i).at(self.equations.bp3.right, number, places)
                result[f"b{number}"] = self._summed(f"b{number}", value, i, [j])
        return result

    @cached_property
    def bp4(self) -> dict[str, Array]:
        """∂C/∂W of each layer, in the layout of W: (inputs, outputs)."""
        result: dict[str, Array] = {}
        for number in range(1, len(self.network.layers) + 1):
            i, j, k = fresh_index(), fresh_index(), fresh_index()
            places = {free_index(1): (j, self._width(number)), free_index(2): (k, self._width(number - 1))}
            value = Specialisation(self, self.deltas, i).at(self.equations.bp4.right, number, places)
            result[f"W{number}"] = self._summed(f"W{number}", value, i, [k, j])
        return result

    def gradients(self) -> dict[str, Array]:
        """BP3 and BP4 in the order of the network's parameters."""
        both = {**self.bp3, **self.bp4}
        return {name: both[name] for name in self.network.parameters}

    def check(self) -> dict[str, Verdict]:
        """Each of them against the engine's own gradient of the network's cost, by ``equal``."""
        from .prove import equal

        engine = self.network.gradients()
        return {name: equal(mine, engine[name]) for name, mine in self.gradients().items()}

    def _width(self, number: int) -> Any:
        layers = self.network.layers
        return sp.sympify(layers[0].inputs if number == 0 else layers[number - 1].outputs)

    def _summed(self, name: str, value: Any, i: Any, index: list[Any]) -> Array:
        total = Sum(value, full_range(i, self.network.batch))
        weight = self.network.parameters[name]
        if name.startswith("W"):
            own = [sp.S.Zero if n == 1 else p for p, n in zip(index, weight.definition.shape, strict=True)]
            element = weight.element(*own)
            total = total + exact(self.network.l2) * element + exact(self.network.l1) * sp.sign(element)
        return Array(define(f"d_{name}", weight.definition.shape, total, index))

    def __repr__(self) -> str:
        rows = [f"delta{n} {a.shape}: {'BP1' if a is self.bp1 else 'BP2'}" for n, a in reversed(self.deltas.items())]
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
