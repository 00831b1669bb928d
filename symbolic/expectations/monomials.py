"""A scalar expression as a sum of monomials in the entries of a random array, each with one function of a linear form.

``terms`` multiplies out what holds random entries and leaves all else alone: sums stay sums over symbolic ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import Definition, freshen, ordered, owner, references
from ..equations.dims import Range, fresh_index
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import Iverson, LogSumExp, MaxOver, ProductOver
from .laws import FUNCTIONS, IN_TERMS

DEGREE = 8
"""So many random factors a product may have: the pairings of 8 are 105, and those of 10 are 945."""


@dataclass(frozen=True, slots=True)
class Monomial:
    """``coefficient`` · Π x[index] · head(argument), summed over ``limits``; ``head`` is None where there is none."""

    coefficient: Any
    limits: tuple[Range, ...] = ()
    factors: tuple[tuple[Any, ...], ...] = ()
    head: Any = None
    argument: Any = sp.S.Zero

    def renamed(self) -> Monomial:
        """The same with summed indices that nothing else uses."""
        names = {index: fresh_index() for index, _, _ in self.limits}
        if not names:
            return self
        return Monomial(
            self.coefficient.xreplace(names),
            tuple((names[i], a.xreplace(names), b.xreplace(names)) for i, a, b in self.limits),
            tuple(tuple(e.xreplace(names) for e in index) for index in self.factors),
            self.head,
            self.argument.xreplace(names),
        )

    def times(self, other: Monomial) -> Monomial:
        """The product; exponentials are one exponential."""
        head, argument = self.head or other.head, self.argument + other.argument
        if self.head is not None and other.head is not None and not self.head is other.head is sp.exp:
            raise UnsupportedError(
                f"expectation: a product of {_called(self.head)} and {_called(other.head)} of random numbers has no "
                "closed form here"
            )
        factors = (*self.factors, *other.factors)
        if len(factors) > DEGREE:
            raise UnsupportedError(f"expectation: a product of more than {DEGREE} random numbers is too long")
        return Monomial(self.coefficient * other.coefficient, (*self.limits, *other.limits), factors, head, argument)


class Opened:
    """Expressions with everything that depends on a random input written out in terms of it."""

    def __init__(self, noise: Definition, output: Definition) -> None:
        self.noise = noise
        self.random: set[Definition] = {noise}
        for definition in ordered([output]):
            members = definition.group or [definition]
            if any(used in self.random for member in members for used in member.uses):
                self.random.update(members)

    def is_random(self, expression: Any) -> bool:
        return any(owner(reference) in self.random for reference in references(expression))

    def written_out(self, expression: Any) -> Any:
        """The expression with random intermediates put in; a recurrence of them is refused."""
        found: dict[Any, Any] = {}
        for reference in references(expression):
            d = owner(reference)
            if d is None or d is self.noise or d not in self.random:
                continue
            if d.group:
                raise UnsupportedError(f"expectation: {d.name} is a recurrence of random numbers, which is not taken")
            index = reference.indices if isinstance(reference, sp.Indexed) else ()
            found[reference] = self.written_out(d.expanded_at(*index))
        return expression.xreplace(found) if found else expression

    def terms(self, expression: Any) -> list[Monomial]:
        """The monomials of a written-out expression."""
        if not self.is_random(expression):
            return [Monomial(expression)]
        if owner(expression) is self.noise:
            index = tuple(expression.indices) if isinstance(expression, sp.Indexed) else ()
            return [Monomial(sp.S.One, factors=(index,))]
        if isinstance(expression, sp.Add):
            return [term for part in expression.args for term in self.terms(part)]
        if isinstance(expression, sp.Mul):
            return self._product([self.terms(part) for part in expression.args])
        if isinstance(expression, sp.Pow) and expression.exp.is_Integer and expression.exp.is_positive:
            if expression.exp > DEGREE:
                raise UnsupportedError(f"expectation: the power {expression.exp} of random numbers is too high")
            return self._product([self.terms(expression.base)] * int(expression.exp))
        if isinstance(expression, sp.Sum):
            fresh = freshen(expression)
            own = tuple(tuple(limit) for limit in fresh.limits)
            return [replace(term, limits=(*term.limits, *own)) for term in self.terms(fresh.args[0])]
        if isinstance(expression, sp.Piecewise):
            return self._branches(expression)
        for head, written in IN_TERMS.items():
            if isinstance(expression, head):
                return self.terms(written(*expression.args))
        head = next((h for h in FUNCTIONS if isinstance(expression, h)), None)
        if head is None:
            raise UnsupportedError(
                f"expectation: {_called(type(expression))} of random numbers has no closed form here; it is taken of "
                "polynomials, and of exp, sin, cos, erf, relu, abs and sign of what is linear in them"
            )
        return [Monomial(sp.S.One, head=head, argument=expression.args[0])]

    def _product(self, factors: Sequence[list[Monomial]]) -> list[Monomial]:
        result = [Monomial(sp.S.One)]
        for terms in factors:
            result = [left.times(right.renamed()) for left in result for right in terms]
        return result

    def _branches(self, expression: Any) -> list[Monomial]:
        found: list[Monomial] = []
        remaining = sp.S.One
        for branch, condition in expression.args:
            if self.is_random(condition):
                raise UnsupportedError("expectation: a branch on random numbers has no closed form here; relu, abs "
                                       "and sign of what is linear in them do")  # fmt: skip
            mask = remaining * Iverson(condition)
            found += [replace(term, coefficient=mask * term.coefficient) for term in self.terms(branch)]
            remaining *= Iverson(sp.Not(condition))
        return found


def _called(head: Any) -> str:
    words = {
        sp.Pow: "a root or a quotient", sp.Abs: "abs", MaxOver: "a maximum", LogSumExp: "logsumexp",
        ProductOver: "a product over an axis",
        Iverson: "a comparison", MatrixFunction: "a function of a matrix",
    }  # fmt: skip
    return words.get(head, str(getattr(head, "__name__", head)))


def partitions(items: Sequence[Any], largest: int) -> Iterable[list[list[Any]]]:
    """All ways to cut a sequence into blocks of at most ``largest``."""
    if not items:
        yield []
        return
    first, *rest = items
    for others in partitions(rest, largest):
        for place, block in enumerate(others):
            if len(block) < largest:
                yield [*others[:place], [first, *block], *others[place + 1 :]]
        yield [[first], *others]
