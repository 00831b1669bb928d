"""Deltas: δ(i, j) of indices, by ranges and digits, and what they do to the other factors of a product."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.contraction import bounds
from .index_brackets import few
from .terms import Atom, Poly, add, constant, depends, scale, single, spelling, symbols_of

if TYPE_CHECKING:
    from .algebra import Algebra


class Deltas:
    """The deltas of one algebra."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra

    def made(self, left: Any, right: Any) -> Poly:
        """δ(left, right), decided where the ranges decide it."""
        difference = sp.expand(left - right)
        if difference == 0:
            return constant(1)
        low, high = bounds(difference, self.algebra.ranges)
        if (low is not None and low.is_positive) or (high is not None and high.is_negative):
            return {}
        apart = self._digits_apart(left, right) if self.algebra.digits else None
        if apart is not None:
            return apart
        first, second = sorted((left, right), key=spelling)
        index, place = (second, first) if first.is_Integer else (first, second)
        if place.is_Integer and index.is_Symbol and few(self.algebra.ranges, index) == place + 1:
            # the last of a few numbered places: one minus the others, so that each vector has one form
            others = [self.algebra.delta(index, sp.Integer(k)) for k in range(int(place))]
            return add(constant(1), *(scale(other, -1) for other in others))
        return single((("delta",), (first, second)))

    def _digits_apart(self, left: Any, right: Any) -> Poly | None:
        """δ(h a + b, h c + d) = δ(a, c) δ(b, d) for digits b, d below h."""
        pairs = itertools.product(*([s for s in e.free_symbols if s in self.algebra.digits] for e in (left, right)))
        for one, other in sorted(pairs, key=lambda pair: tuple(map(spelling, pair))):
            size = self.algebra.digits[one]
            rest = sp.expand((left - one - right + other) / size)
            if rest == 0 or self.algebra.digits[other] != size or not rest.is_integer or rest.has(one, other):
                continue
            above = sp.Add(*(t for t in sp.Add.make_args(rest) if not t.could_extract_minus_sign()))
            return self.algebra.multiply(
                self.algebra.delta(one, other), self.algebra.delta(above, sp.expand(above - rest))
            )
        return None

    def through(self, atom: Atom, powers: dict[Atom, Fraction]) -> Poly | None:
        """δ(i, j) f(j) = δ(i, j) f(i): one representative is used on both sides.

        A gather gives way to the index: δ(y[i], j) f(y[i]) = δ(y[i], j) f(j), and f(j) can leave a sum over i.
        """
        left, right = atom[1]
        if isinstance(left, sp.Indexed) and right.is_Symbol and not left.has(right):
            left, right = right, left
        elif isinstance(right, sp.Indexed) and left.is_Symbol and not right.has(left):
            pass
        elif left.is_Symbol and right.is_Symbol:
            if spelling(right) < spelling(left):
                left, right = right, left
        elif left.is_Symbol and not right.has(left):
            left, right = right, left
        elif not right.is_Symbol and not any(True for _ in symbols_of((left, right))):
            # a fact of the sizes, as δ(0, T − 1): what stands at the one place stands at the other
            if not any(arg == right for a in powers if a != atom for arg in a[1]):
                return None
        elif not right.is_Symbol or left.has(right):
            return None
        rest = {a: e for a, e in powers.items() if a != atom}
        if not any(depends(a, right) for a in rest):
            return None
        moved = self.algebra.substitute({frozenset(rest.items()): Fraction(1)}, {right: left})
        return self.algebra.multiply(moved, single(atom))

    def one_hot_pair(self, powers: dict[Atom, Fraction]) -> Poly | None:
        """y[.., j] y[.., k] = δ(j, k) y[.., j] for one-hot rows."""
        rows: dict[Any, Atom] = {}
        for atom in powers:
            head, args = atom
            if head[0] == "x" and "one_hot" in self.algebra.facts.get(head[1], frozenset()):
                other = rows.setdefault((head, args[:-1]), atom)
                if other != atom:
                    rest = {a: e for a, e in powers.items() if a != atom}
                    return self.algebra.multiply(
                        self.algebra.monomial(rest), self.algebra.delta(other[1][-1], args[-1])
                    )
        return None
