r"""The tables of expectations: laws of independent entries, and functions of a normal number.

A law is its cumulant generating function :math:`K(t) = \log \mathbb{E}\, e^{t x}`: moments are sums over partitions of
products of cumulants (the derivatives of K at 0), and exponentials tilt them,

.. math:: \mathbb{E}\, x_{1} \cdots x_{n} \, e^{a \cdot x} = e^{\sum_J K(a_J)} \sum_{\pi} \prod_{B \in \pi}
   [\text{all of } B \text{ are one entry}] \; K^{(|B|)}(a).

For normal numbers this is the theorem of Isserlis (Wick). Of a function F of :math:`\ell \sim N(m, v)` the table has
:math:`G(m, v) = \mathbb{E} F(\ell)`; factors beside it follow by Stein's lemma, as
:math:`\partial_m^r G = \mathbb{E} F^{(r)}(\ell)`.

Sources: McCullagh, Tensor Methods in Statistics (1987), chapter 2; Rasmussen and Williams, Gaussian Processes for
Machine Learning (2006), section 3.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import sympy as sp
from sympy.codegen.cfunctions import expm1 as Expm1

from ..equations import functions as fn


@dataclass(frozen=True, slots=True)
class Law:
    """A law of independent entries: ``cgf(t, p)`` is K, ``parameter`` what p is called (empty where there is none).

    ``assumed`` is what may be assumed of the entries; ``rows`` says that they come in one-hot rows, in which they are
    not independent.
    """

    name: str
    cgf: Callable[[Any, Any], Any]
    parameter: str = ""
    assumed: frozenset[str] = frozenset()
    rows: bool = False


LAWS: Final[Mapping[str, Law]] = MappingProxyType({
    law.name: law
    for law in (
        Law("normal", lambda t, p: t**2 / 2),
        Law("bernoulli", lambda t, p: sp.log(1 - p + p * sp.exp(t)), "the probability of 1",
            frozenset({"binary", "nonnegative"})),
        Law("poisson", lambda t, p: p * (sp.exp(t) - 1), "the rate", frozenset({"nonnegative"})),
        Law("signs", lambda t, p: sp.log(sp.cosh(t)), assumed=frozenset({"nonzero"})),
        Law("categorical", lambda t, p: sp.S.Zero, "the probabilities along the last axis",
            frozenset({"one_hot", "simplex", "binary", "nonnegative"}), rows=True),
    )
})  # fmt: skip
"""Every law by name; ``signs`` are −1 and 1 with equal probability, ``categorical`` are one-hot rows."""


def cumulant(law: Law, order: int, t: Any, p: Any) -> Any:
    """The derivative of K of an order at t: 0 for normal numbers from the third on."""
    expression, at, parameter = _derivative(law, order)
    return expression.xreplace({at: sp.sympify(t, strict=True), parameter: sp.sympify(p, strict=True)})


@cache
def _derivative(law: Law, order: int) -> tuple[Any, Any, Any]:
    at, parameter = sp.Dummy("t", real=True), sp.Dummy("p", real=True)
    return sp.simplify(law.cgf(at, parameter).diff(at, order)), at, parameter


def _normal_mass(m: Any, v: Any) -> Any:
    return (1 + sp.erf(m / sp.sqrt(2 * v))) / 2


def _density(m: Any, v: Any) -> Any:
    return sp.exp(-(m**2) / (2 * v)) / sp.sqrt(2 * sp.pi * v)


FUNCTIONS: Final[Mapping[Any, Callable[[Any, Any], Any]]] = MappingProxyType({
    sp.exp: lambda m, v: sp.exp(m + v / 2),
    sp.sin: lambda m, v: sp.sin(m) * sp.exp(-v / 2),
    sp.cos: lambda m, v: sp.cos(m) * sp.exp(-v / 2),
    sp.erf: lambda m, v: sp.erf(m / sp.sqrt(1 + 2 * v)),
    fn.relu: lambda m, v: m * _normal_mass(m, v) + v * _density(m, v),
    sp.Abs: lambda m, v: m * (2 * _normal_mass(m, v) - 1) + 2 * v * _density(m, v),
    sp.sign: lambda m, v: 2 * _normal_mass(m, v) - 1,
})  # fmt: skip
r""":math:`\mathbb{E} F(\ell)` for :math:`\ell \sim N(m, v)`, by the head of F; those with a corner want v > 0."""


def _gelu(x: Any) -> Any:
    return x * (1 + sp.erf(x / sp.sqrt(2))) / 2


IN_TERMS: Final[Mapping[Any, Callable[..., Any]]] = MappingProxyType({
    Expm1: lambda x: sp.exp(x) - 1,
    sp.sinh: lambda x: (sp.exp(x) - sp.exp(-x)) / 2,
    sp.cosh: lambda x: (sp.exp(x) + sp.exp(-x)) / 2,
    fn.gelu: _gelu,
    fn.maximum: lambda x, y: y + fn.relu(x - y),
    fn.minimum: lambda x, y: x - fn.relu(x - y),
    fn.leaky_relu: lambda x, slope: slope * x + (1 - slope) * fn.relu(x),
})  # fmt: skip
"""Functions that are written in those of the table first."""
