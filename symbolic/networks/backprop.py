r"""The four equations of backpropagation, read off the adjoint of the generic network.

The adjoint of the recurrence :mod:`.generic` is one equation for δ = ∂C/∂z and one for ∂C/∂a, at every layer at once:

.. math::
    \delta^l_j = \frac{\partial C}{\partial a^l_j} \sigma'(z^l_j), \qquad
    \frac{\partial C}{\partial a^l_j} = [l = L] \frac{\partial C}{\partial a^L_j}
        + [l + 1 \le L] \sum_k w^{l+1}_{kj} \delta^{l+1}_k

BP1 is the first at l = L, BP2 at l < L; BP3 and BP4 are the adjoints of b and w.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from gradproof.errors import UsageError

from ..equations.contraction import decide
from ..equations.definition import Definition, owner, references
from ..equations.dims import free_index
from ..equations.nodes import FunctionalPartial
from .generic import GenericNetwork, width
from .layered_latex import IndexForm, matrix_latex


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
