r"""The generic network: symbolic depth L, a width n(l) for every layer, any activation σ and any cost C.

In the column convention of textbooks, where w[l, j, k] weighs the way from neuron k in layer l − 1 to neuron j in
layer l:

.. math::
    z^l_j = \sum_k w^l_{jk} a^{l-1}_k + b^l_j \quad (1 \le l \le L), \qquad
    a^0_j = x_j, \quad a^l_j = \sigma(z^l_j), \qquad C = C(a^L_0, a^L_1, \dots)

It is a recurrence over the layer index; backpropagation is its adjoint, by the engine that differentiates everything
else.

>>> net = GenericNetwork()
>>> print(net.backprop().bp1.latex())
\delta^{L}_{j} = \frac{\partial C}{\partial a^{L}_{j}} \sigma'\left(z^{L}_{j}\right)
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..calculus.adjoint import backward
from ..calculus.cotangents import Adjoints
from ..equations.definition import Definition, System, define, define_group, input_definition, new_label
from ..equations.dims import bound_index, dim, free_index
from ..equations.nodes import Arbitrary, Functional, Sum

if TYPE_CHECKING:
    from .backprop import BackpropagationEquations


def width(layer: Any) -> Any:
    """The number of neurons in a layer: n(l), a positive integer for every l."""
    return sp.Function("n", integer=True, positive=True)(layer)


class GenericNetwork:
    """The definitions of the generic network: inputs ``x``, ``w``, ``b``; the recurrence ``z``, ``a``; the cost
    ``C``."""

    name = "generic network"

    def __init__(self) -> None:
        self.depth = dim("L")
        self.sigma, self.cost_name = sp.Symbol("sigma"), sp.Symbol("C")
        layer, j, k = free_index(0), free_index(1), bound_index(0)
        last, zero, one = self.depth, sp.S.Zero, sp.S.One
        self.x = input_definition("x", (width(zero),))
        self.w = input_definition("w", (last, width(layer), width(layer - 1)), first=(one, zero, zero))
        self.b = input_definition("b", (last, width(layer)), first=(one, zero))
        z, a = new_label("z"), new_label("a")
        before = sp.Indexed(sp.IndexedBase(a), layer - 1, k)
        weighted = Sum(self.w.at(layer, j, k) * before, (k, zero, width(layer - 1) - 1)) + self.b.at(layer, j)
        activated = Arbitrary(self.sigma, zero, sp.Indexed(sp.IndexedBase(z), layer, j))
        cases = sp.Piecewise((self.x.at(j), sp.Eq(layer, 0)), (activated, True))
        self.z, self.a = define_group([
            (z, "z", (last, width(layer)), (one, zero), weighted),
            (a, "a", (last + 1, width(layer)), (zero, zero), cases),
        ])  # fmt: skip
        output = Functional(self.a.at(last, k), (k, zero, width(last) - 1), self.cost_name)
        self.cost: Definition = define("C", (), output)

    @cached_property
    def adjoints(self) -> Adjoints:
        """The adjoint equations of everything that C depends on; that of z is called delta."""
        names = {self.z: "delta", self.a: "d_a", self.w: "d_w", self.b: "d_b", self.x: "d_x"}
        return backward([(self.cost, sp.S.One)], [self.w, self.b, self.x], names=names)

    def system(self) -> System:
        """The equations of the network, its cost, and the reversed recurrence of its adjoint."""
        found = (self.adjoints.of[d].definition for d in (self.z, self.w, self.b, self.x))
        return System.of(self.cost, *(d for d in found if d is not None))

    def backprop(self) -> BackpropagationEquations:
        """The four equations of backpropagation, read off the adjoint."""
        from .backprop import BackpropagationEquations

        return BackpropagationEquations(self)

    def __repr__(self) -> str:
        return (
            "Network.generic(): depth L, widths n(l), activation sigma, cost C\n"
            "z[l,j] = Sum(w[l,j,k]*a[l-1,k], k) + b[l,j]   for l = 1..L\n"
            "a[0,j] = x[j],  a[l,j] = sigma(z[l,j])        for l = 1..L\n"
            "C      = C(a[L,0], a[L,1], ...)"
        )
