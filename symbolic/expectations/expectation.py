r"""Expectations in closed form: :math:`\mathbb{E}_\epsilon f(\mu + L \epsilon)` and its like, for symbolic dimensions.

What is taken: polynomials in the random entries (matrix quadratic forms among them), exponentials of linear forms, the
products of both, and for normal numbers sin, cos, erf, relu, abs and sign of linear forms, beside polynomials too. The
result is an array of index equations like any other: its gradient is the expectation of the reparameterised gradient,
:math:`\nabla_\theta \mathbb{E} f = \mathbb{E} \nabla_\theta f`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from ..arrays.array import Array, as_array
from ..equations.contraction import contract, delta
from ..equations.definition import Definition, define, ordered
from ..equations.dims import Range, fits, fresh_index, own_index, show_shape
from ..equations.tidying import tidy_scalar
from .laws import FUNCTIONS, LAWS, Law, cumulant
from .monomials import Monomial, Opened, partitions


def expectation(y: Any, noise: Array, law: str = "normal", parameter: Any = None) -> Array:
    r"""E y over the entries of ``noise``, an input on which ``y`` depends, of the shape of ``y``.

    ``law`` is that of the entries: "normal" (independent, mean 0 and variance 1), "bernoulli" and "poisson" with a
    ``parameter`` that broadcasts to the shape of the noise, "signs" (−1 and 1), or "categorical": one-hot rows, with
    the probabilities along the last axis. Reparameterise for others: normal numbers with covariance :math:`L L^\top`
    are ``mu + L @ noise``. Several arrays of noise are taken one after the other.

    Raises UnsupportedError, with the reason, where there is no closed form here.

    >>> import numpy as np
    >>> from gradproof.symbolic.arrays.array import array
    >>> from gradproof.symbolic.prove import equal
    >>> A, L = array("A", ("n", "n")), array("L", ("n", "n"))
    >>> mu, noise = array("mu", ("n",)), array("noise", ("n",))
    >>> z = mu + L @ noise
    >>> equal(expectation(z @ A @ z, noise), mu @ A @ mu + np.trace(A @ L @ L.T)).name
    'proved'
    """
    output = as_array(y)
    if not isinstance(noise, Array) or not noise.definition.is_input or noise.definition.value is not None:
        raise UsageError("expectation: the noise is an input made by gp.array; y is made of it")
    if law not in LAWS:
        raise UsageError(f"expectation: no law is called {law!r}; there are {', '.join(LAWS)}")
    row = LAWS[law]
    if bool(row.parameter) != (parameter is not None):
        raise UsageError(
            f"expectation: the law {law} {'needs ' + row.parameter if row.parameter else 'has no parameter'}"
        )
    source = noise.definition
    wrong = sorted(source.assumptions - row.assumed)
    if wrong:
        raise UsageError(f"expectation: {noise.name} is assumed to be {wrong[0]}, which {law} numbers are not")
    if row.rows and not source.shape:
        raise ShapeError(f"expectation: {noise.name} is a scalar; one-hot rows need an axis of classes")
    chance = None if parameter is None else _broadcast(as_array(parameter), source)
    if chance is not None and source in ordered([chance.definition]):
        raise UsageError(f"expectation: {row.parameter} cannot depend on {noise.name} itself")
    opened = Opened(source, output.definition)
    if output.definition not in opened.random:
        return output
    ranges = {index: (first, last) for index, first, last in output.definition.ranges}
    taken = _Taken(row, opened, chance, ranges)
    indices = own_index(output.definition.shape)
    whole = opened.written_out(output.definition.at(*indices))
    total = sp.Add(*(taken.mean(term) for term in opened.terms(whole)))
    return Array(define("mean", output.definition.shape, tidy_scalar(total)))


def _broadcast(parameter: Array, noise: Definition) -> Array:
    shape = parameter.definition.shape
    behind = noise.shape[len(noise.shape) - len(shape) :]
    if len(shape) > noise.rank or not all(n == 1 or fits(n, s) for n, s in zip(shape, behind, strict=True)):
        raise ShapeError(
            f"expectation: the parameter has the shape {show_shape(shape)}, which does not broadcast to "
            f"{show_shape(noise.shape)}"
        )
    return parameter


@dataclass(frozen=True, slots=True)
class _Linear:
    """``constant`` + Σ coefficient · x[index], each summed over its limits."""

    constant: Any
    parts: tuple[Monomial, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    law: Law
    opened: Opened
    chance: Array | None
    ranges: dict[Any, tuple[Any, Any]]

    def mean(self, term: Monomial) -> Any:
        """E of one monomial."""
        if term.head is None:
            return self._moment(term, None)
        if term.head is not sp.exp and self.law.name != "normal":
            raise UnsupportedError(
                f"expectation: of {self.law.name} numbers, polynomials and exponentials of linear forms are taken"
            )
        return self._moment(term, self._linear(term))

    def _linear(self, term: Monomial) -> _Linear:
        constant, parts = sp.S.Zero, []
        known = self._known(term.limits)
        for part in self.opened.terms(self.opened.written_out(term.argument)):
            if part.head is not None or len(part.factors) > 1:
                raise UnsupportedError(
                    f"expectation: {term.head.__name__} of what is not linear in {self.opened.noise.name} has no "
                    "closed form here"
                )
            if part.factors:
                parts.append(part)
            else:
                constant += contract(part.coefficient, part.limits, known)
        return _Linear(constant, tuple(parts))

    def _known(self, limits: Sequence[Range]) -> dict[Any, tuple[Any, Any]]:
        return self.ranges | {index: (first, last) for index, first, last in limits}

    def _moment(self, term: Monomial, linear: _Linear | None) -> Any:
        known = self._known(term.limits)
        normal = self.law.name == "normal"
        if linear is not None and normal:
            value = _of_normal(term.head, linear.constant, self._variance(linear, known))
        elif linear is not None:
            value = (sp.exp(linear.constant + self._generating(linear, known)),)
        else:
            value = (sp.S.One,)
        total = sp.S.Zero
        for blocks in partitions(term.factors, 2 if normal else len(term.factors) or 1):
            singles = sum(len(block) == 1 for block in blocks) if normal and linear is not None else 0
            weight = sp.Mul(*(self._weight(block, linear, known) for block in blocks))
            if weight != 0:
                total += contract(term.coefficient * weight * _at(value, singles), term.limits, self.ranges)
        return total

    def _weight(self, block: Sequence[tuple[Any, ...]], linear: _Linear | None, known: Any) -> Any:
        """The joint cumulant of a block of factors, tilted by the linear form."""
        if self.law.rows:
            return self._row_cumulant(block, linear, known)
        first, *rest = block
        same = sp.Mul(*(delta(i, j, known) for other in rest for i, j in zip(first, other, strict=True)))
        slope = sp.S.Zero if linear is None else self._slope(linear, first, known)
        return same * cumulant(self.law, len(block), slope, self._parameter(first))

    def _row_cumulant(self, block: Sequence[tuple[Any, ...]], linear: _Linear | None, known: Any) -> Any:
        """Of entries of one-hot rows: those of one row that are not the same exclude each other."""
        if linear is not None:
            raise UnsupportedError("expectation: of one-hot rows, polynomials are taken")
        first, *rest = block
        same_row = sp.Mul(*(delta(i, j, known) for o in rest for i, j in zip(first[:-1], o[:-1], strict=True)))
        total = sp.S.Zero
        for parts in partitions(list(block), len(block)):
            sign = (-1) ** (len(parts) - 1) * math.factorial(len(parts) - 1)
            moments = [
                self._parameter(part[0]) * sp.Mul(*(delta(part[0][-1], other[-1], known) for other in part[1:]))
                for part in parts
            ]
            total += sign * sp.Mul(*moments)
        return same_row * total

    def _parameter(self, index: Sequence[Any]) -> Any:
        if self.chance is None:
            return sp.S.Zero
        shape = self.chance.definition.shape
        behind = index[len(index) - len(shape) :]
        return self.chance.element(*(sp.S.Zero if n == 1 else i for i, n in zip(behind, shape, strict=True)))

    def _slope(self, linear: _Linear, index: Sequence[Any], known: Any) -> Any:
        """The coefficient of the entry ``index`` in the linear form."""
        total = sp.S.Zero
        for part in (p.renamed() for p in linear.parts):
            inside = known | {i: (a, b) for i, a, b in part.limits}
            deltas = sp.Mul(*(delta(i, j, inside) for i, j in zip(part.factors[0], index, strict=True)))
            total += contract(part.coefficient * deltas, part.limits, known)
        return total

    def _variance(self, linear: _Linear, known: Any) -> Any:
        """Σ_J a_J² of normal entries: entry by entry where deltas pick them, else as a sum of squares."""
        index, limits, inside = self._entry(known)
        slope = self._slope(linear, index, inside)
        if not slope.has(KroneckerDelta):
            return contract(slope**2, limits, known)
        total = sp.S.Zero
        for left in linear.parts:
            other = left.renamed()
            slope = self._slope(linear, other.factors[0], known | {i: (a, b) for i, a, b in other.limits})
            total += contract(other.coefficient * slope, other.limits, known)
        return tidy_scalar(total)

    def _entry(self, known: Any) -> tuple[tuple[Any, ...], list[Range], dict[Any, tuple[Any, Any]]]:
        """An index of the random array that nothing else uses, with its ranges."""
        shape = self.opened.noise.shape
        index = tuple(sp.S.Zero if n == 1 else fresh_index() for n in shape)
        limits = [(i, sp.S.Zero, n - 1) for i, n in zip(index, shape, strict=True) if n != 1]
        return index, limits, known | {i: (a, b) for i, a, b in limits}

    def _generating(self, linear: _Linear, known: Any) -> Any:
        """Σ_J K(a_J): one term where the form holds one entry, since K(0) = 0."""
        if self.law.rows:
            raise UnsupportedError("expectation: of one-hot rows, polynomials are taken")
        if len(linear.parts) == 1 and not linear.parts[0].limits:
            (part,) = linear.parts
            return self.law.cgf(part.coefficient, self._parameter(part.factors[0]))
        index, limits, inside = self._entry(known)
        return contract(self.law.cgf(self._slope(linear, index, inside), self._parameter(index)), limits, known)


def _of_normal(head: Any, m: Any, v: Any) -> tuple[Any, ...]:
    """G(m, v), as a function of the order of the derivative by m."""
    at, spread = sp.Dummy("m", real=True), sp.Dummy("v", positive=True)
    value = FUNCTIONS[head](at, spread)
    return (value, at, spread, m, v)


def _at(value: tuple[Any, ...], order: int) -> Any:
    """The derivative of an order, at the mean and the variance."""
    if len(value) == 1:
        return value[0]
    expression, at, spread, m, v = value
    return expression.diff(at, order).xreplace({at: m, spread: v})
