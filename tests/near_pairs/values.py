"""Numbers that tell two expressions apart: at sizes from 1 on, ordinary, zero, equal, large and integer inputs."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import flint
import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import Definition, ordered
from gradproof.symbolic.equations.nodes import Iverson
from gradproof.symbolic.equations.values import Valuation, dimension_symbols, precision

from .expressions import ROWS_OF, m, n

SIZES = ((1, 1), (1, 2), (2, 1), (2, 2), (4, 2), (2, 4))
"""(n, m): powers of two, so that means of short numbers are exact."""

KINDS = ("ordinary", "negative", "zero", "equal", "large", "integer", "signed zeros")
GENERIC = ("ordinary", "negative", "large")
"""At the others an input may sit on a kink."""


def _numbers(kind: str, rng: Random) -> flint.arb:
    ordinary = flint.arb(flint.fmpq(2 * rng.randint(-(10**6), 10**6) + 1, 2**20))
    if kind == "negative":
        return -abs(ordinary)
    if kind == "zero":
        return flint.arb(0)
    if kind == "equal":
        return flint.arb(flint.fmpq(3, 4))
    if kind == "large":
        return ordinary * 16
    if kind == "integer":
        return flint.arb(rng.randint(-2, 2))
    if kind == "signed zeros":
        return ordinary if rng.random() < 0.6 else flint.arb(0)
    return ordinary


class StrictValuation(Valuation):
    """Zero hides what has no value only where it is a bracket, as in a branch; another zero times 1/0 has no value."""

    __slots__ = ()

    def _compile(self, e: Any) -> Any:
        if isinstance(e, sp.log) or (isinstance(e, sp.Pow) and not e.exp.is_nonnegative):
            return self._decided(super()._compile(e), self.compile(e.args[0]))
        if isinstance(e, sp.Pow) and not e.exp.is_Integer:
            return self._decided(super()._compile(e), self.compile(e.base))
        if not isinstance(e, sp.Mul):
            return super()._compile(e)
        hides = [self.compile(a) for a in e.args if isinstance(a, (KroneckerDelta, Iverson))]
        others = [self.compile(a) for a in e.args if not isinstance(a, (KroneckerDelta, Iverson))]

        def multiply(b: Any) -> Any:
            total = flint.arb(1)
            for factor in hides:
                total = total * factor(b)
                if total == 0:
                    return total
            for factor in others:
                total = total * factor(b)
            return total

        return multiply

    def _condition(self, c: Any) -> Any:
        inner = super()._condition(c)
        if not isinstance(c, sp.core.relational.Relational):
            return inner
        sides = [self.compile(side) for side in (c.lhs, c.rhs)]

        def decide(b: Any) -> bool:
            if not all(side(b).is_finite() for side in sides):
                raise UnsupportedError("a comparison with what has no value")
            return bool(inner(b))

        return decide

    @staticmethod
    def _decided(value: Any, base: Any) -> Any:
        """A function that ends at 0, where its argument is 0 exactly or not at all."""

        def at(b: Any) -> Any:
            ball = base(b)
            if ball.contains(0) and not ball == 0:
                raise UnsupportedError("whether the argument is 0 is not decided")
            return value(b)

        return at


def valuation(definitions: tuple[Definition, ...], sizes: tuple[int, int], kind: str, rng: Random) -> Valuation:
    """Sizes and inputs of one kind that keep every assumption."""
    everything = ordered(definitions)
    given = dict(zip((n, m), sizes, strict=True))
    at = StrictValuation({s: given[s] for s in dimension_symbols(everything)} | given)
    for d in everything:
        if not d.is_input:
            continue
        shape = at.shape(d)
        if d.value is not None:
            at.arrays[d] = np.vectorize(flint.arb, otypes=[object])(d.value.tolist())
            continue
        values = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            values[index] = _entry(d, kind, rng, sizes)
        if "one_hot" in d.assumptions:
            for row in np.ndindex(*shape[:-1]):
                hot = rng.randrange(shape[-1])
                for k in range(shape[-1]):
                    values[(*row, k)] = flint.arb(int(k == hot))
        if "simplex" in d.assumptions:
            for row in np.ndindex(*shape[:-1]):
                for k in range(shape[-1]):
                    values[(*row, k)] = flint.arb(flint.fmpq(1, 2**k if k + 1 == shape[-1] else 2 ** (k + 1)))
                values[(*row, shape[-1] - 1)] = 1 - sum((values[(*row, k)] for k in range(shape[-1] - 1)), flint.arb(0))
        if "symmetric" in d.assumptions:
            for i, j in itertools.combinations(range(shape[0]), 2):
                values[j, i] = values[i, j]
        at.arrays[d] = values
    return at


def _entry(d: Definition, kind: str, rng: Random, sizes: tuple[int, int]) -> flint.arb:
    words = d.assumptions
    if d is ROWS_OF.definition:
        return flint.arb(rng.randrange(sizes[0]))
    if "boolean" in words:
        return flint.arb(rng.randint(0, 1))
    if "integer" in words:
        return flint.arb(rng.randint(-2, 2))
    number = _numbers(kind, rng)
    if "positive" in words:
        number = abs(number)
        return number if number > 0 else flint.arb(flint.fmpq(1, 2))
    return number


def difference(left: Array, right: Array, kinks: bool, seed: int, kinds: tuple[str, ...] = KINDS) -> str:
    """Where the two are told apart by numbers, or nothing. ``kinks``: only where no input sits on one.

    A value that one of them has and the other has not counts as a difference at ordinary inputs (a pole or a kink at
    chosen inputs does not).
    """
    a, b = left.definition, right.definition
    with precision(256):
        for sizes, kind in itertools.product(SIZES, kinds):
            if kinks and kind not in GENERIC:
                continue
            rng = Random(f"{seed} {sizes} {kind}")
            at = valuation((a, b), sizes, kind, rng)
            for index in np.ndindex(*at.shape(a)):
                found = _apart(at, a, b, tuple(map(int, index)), kind in GENERIC)
                if found:
                    return f"n = {sizes[0]}, m = {sizes[1]}, {kind} inputs, entry {index}: {found}"
    return ""


def _apart(at: Valuation, a: Definition, b: Definition, index: tuple[int, ...], generic: bool) -> str:
    values = []
    for d in (a, b):
        try:
            values.append(at.element(d, index))
        except (UnsupportedError, ZeroDivisionError, ValueError, IndexError):
            return ""  # a comparison that the precision does not decide, or an entry that does not exist
    defined = [bool(v.is_finite()) for v in values]
    if all(defined):
        return "" if (values[0] - values[1]).contains(0) else f"{_short(values[0])} against {_short(values[1])}"
    if generic and any(defined):
        return f"{_short(values[0])} against {_short(values[1])}, which is no number"
    return ""


def _short(ball: Any) -> str:
    return str(ball.mid().str(8, radius=False)) if ball.is_finite() else "nothing"
