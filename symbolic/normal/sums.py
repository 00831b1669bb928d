"""Sums in normal forms: what leaves a sum, deltas that it eliminates, the parts that it falls into."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import owner
from ..equations.digits import digit_pair, radix
from .bands import bands
from .classes import RANGED, Limits
from .index_brackets import within
from .stretches import stretches
from .terms import Atom, Mono, Poly, accumulate, add, constant, depends, merge, single, symbols_of
from .triangles import Triangles

if TYPE_CHECKING:
    from .algebra import Algebra


class Sums:
    """Sums of forms over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.triangles = Triangles(algebra)

    def over(self, poly: Poly, limits: Limits) -> Poly:
        """Σ over each of the limits, inner ones first."""
        for limit in limits:
            self.algebra.ranges[limit[0]] = (limit[1], limit[2])
        if len(limits) > 1 and not any(end.has(k) for k, _, _ in limits for limit in limits for end in limit[1:]):
            done, poly = self._by_digit_pairs(poly, limits)
            return add(done, self._one_by_one(poly, limits)) if poly else done
        return self._one_by_one(poly, limits)

    def _by_digit_pairs(self, poly: Poly, limits: Limits) -> tuple[Poly, Poly]:
        """Σ_ab δ(p, h a + b) f(a, b) = f(⌊p/h⌋, p mod h) for the terms with such a δ; and the other terms."""
        done: Poly = {}
        rest: Poly = {}
        for mono, coefficient in poly.items():
            deltas = [a for a, _ in self.algebra.table.in_order(mono) if a[0][0] == "delta"]
            pairs = ((a, digit_pair(KroneckerDelta(*a[1]), limits)) for a in deltas)
            found = next(((atom, pair) for atom, pair in pairs if pair is not None), None)
            if found is None:
                rest[mono] = coefficient
                continue
            atom, (_, high, low, size, value) = found
            inside = {mono - {(atom, Fraction(1))}: coefficient}
            inside = self.algebra.substitute(inside, {high[0]: sp.floor(value / size), low[0]: sp.Mod(value, size)})
            inside = self.algebra.multiply(
                inside, within(self.algebra, value, sp.S.Zero, sp.expand(size * (high[2] + 1) - 1))
            )
            accumulate(done, self.over(inside, tuple(limit for limit in limits if limit not in (high, low))))
        return done, rest

    def _one_by_one(self, poly: Poly, limits: Limits) -> Poly:
        for limit in limits:
            total: Poly = {}
            for stretch, over in stretches(self.algebra, poly, limit):
                for part, own in bands(self.algebra, stretch, over):
                    for mono, coefficient in part.items():
                        accumulate(total, self._term(mono, own), coefficient)
            poly = total
        return poly

    def _term(self, mono: Mono, limit: tuple[Any, Any, Any]) -> Poly:
        index, first, last = limit
        dependent = dict(self.algebra.table.in_order((atom, e) for atom, e in mono if depends(atom, index)))
        outside = frozenset((a, e) for a, e in mono if a not in dependent)
        outer: Poly = {outside: Fraction(1)}
        if not dependent:
            return self.algebra.multiply(outer, self.algebra.size(last - first + 1))
        for atom in dependent:
            if atom[0][0] == "delta":
                solved = _solve(atom[1], index)
                if solved is not None:
                    rest = frozenset((a, e) for a, e in dependent.items() if a != atom)
                    inside = self.algebra.substitute({rest: Fraction(1)}, {index: solved})
                    return self.algebra.product([outer, inside, within(self.algebra, solved, first, last)])
        size = radix((argument for atom in dependent for argument in atom[1]), limit)
        if size is not None:
            inside, digits = self.algebra.by_digits({frozenset(dependent.items()): Fraction(1)}, limit, size)
            return self.algebra.multiply(outer, self.over(inside, digits))
        if _is_reversed(dependent, index):
            inside = self.algebra.substitute({frozenset(dependent.items()): Fraction(1)}, {index: first + last - index})
            return self.algebra.multiply(outer, self.over(inside, (limit,)))
        powers: dict[Atom, Fraction] = {}
        live: list[tuple[Any, Any, Any]] = [limit]
        for atom, exponent in dependent.items():
            if atom[0][0] == "sum" and exponent.denominator == 1 and exponent > 0:
                for _ in range(int(exponent)):
                    body, inner = self.algebra.open_sum(atom[0][1], atom[1])
                    live = [*inner, *live]
                    powers = merge(frozenset(powers.items()), frozenset(body.items()))
            else:
                powers[atom] = powers.get(atom, Fraction(0)) + exponent
        powers = dict(self.algebra.table.in_order(powers.items()))
        picked = self._picked(powers, live)
        if picked is not None:
            return self.algebra.multiply(outer, picked)
        if any(atom[0][0] == "mat" or atom[0][2:] == ("log",) for atom in powers):
            cancelled = self.algebra.matrices.cancelled(powers, live)
            if cancelled is not None:
                return self.algebra.multiply(outer, cancelled)
        products = self.algebra.monomial(powers)
        if len(products) == 1 and frozenset(powers.items()) in products:
            return self.algebra.multiply(outer, self._components(powers, live))
        # an identity changed the product: the opened sums are taken again over what came out
        return self.algebra.multiply(outer, self.over(products, tuple(live)))

    def _picked(self, powers: dict[Atom, Fraction], live: list[tuple[Any, Any, Any]]) -> Poly | None:
        """Σ_k Σ_i δ(k, y_i) f(i, k) = Σ_i f(i, y_i): a delta in a sum that was opened, solved for the last index."""
        index, first, last = live[-1]
        if any(end.has(index) for limit in live[:-1] for end in limit[1:]):
            return None
        for atom in powers:
            solved = _solve(atom[1], index) if atom[0][0] == "delta" and depends(atom, index) else None
            if solved is not None:
                rest = frozenset((a, e) for a, e in powers.items() if a != atom)
                inside = self.algebra.substitute({rest: Fraction(1)}, {index: solved})
                inside = self.algebra.multiply(inside, within(self.algebra, solved, first, last))
                return self.over(inside, tuple(live[:-1]))
        return None

    def _components(self, powers: dict[Atom, Fraction], limits: list[tuple[Any, Any, Any]]) -> Poly:
        """Σ of a product as the product of its connected parts' sums."""
        bound = {k for k, _, _ in limits}
        ends = {k: bound.intersection(symbols_of((first, last))) for k, first, last in limits}
        parts: list[tuple[set[Any], dict[Atom, Fraction]]] = []
        free: dict[Atom, Fraction] = {}
        for atom, exponent in powers.items():
            touched = {s for s in symbols_of(atom[1]) if s in bound}
            while more := set().union(*(ends[s] for s in touched)) - touched:
                touched |= more  # where a range ends belongs to what runs over it
            if not touched:
                free[atom] = exponent
                continue
            joined: dict[Atom, Fraction] = {atom: exponent}
            rest = []
            for symbols, own in parts:
                if symbols & touched:
                    touched |= symbols
                    joined |= own
                else:
                    rest.append((symbols, own))
            parts = [*rest, (touched, joined)]
        result = self.algebra.monomial(free) if free else constant(1)
        used: set[Any] = set()
        for symbols, own in parts:
            mine = tuple(limit for limit in limits if limit[0] in symbols)
            used |= symbols
            normalised = (self._of_row(own, mine) or self._normalised(own, mine)) if len(mine) > 1 else None
            result = self.algebra.multiply(result, self._class(own, mine) if normalised is None else normalised)
        for k, first, last in limits:
            if k not in used:
                result = self.algebra.multiply(result, self.algebra.size(last - first + 1))
        return result

    def _of_row(self, powers: dict[Atom, Fraction], limits: Limits) -> Poly | None:
        """Σ_i Σ_k y_ik f(i) = Σ_i f(i) for rows y that sum to 1."""
        for limit in limits:
            k = limit[0]
            inside = [(atom, e) for atom, e in powers.items() if depends(atom, k)]
            free = not any(end.has(k) for other in limits for end in other[1:])
            if free and len(inside) == 1 and self._is_row(*inside[0], limit):
                rest: Poly = {frozenset((a, e) for a, e in powers.items() if a != inside[0][0]): Fraction(1)}
                return self.over(rest, tuple(other for other in limits if other is not limit))
        return None

    def _is_row(self, atom: Atom, exponent: Fraction, limit: tuple[Any, Any, Any]) -> bool:
        """Whether an atom is an entry of a row, along its summed index, whose sum is 1."""
        head, args = atom
        k, first, last = limit
        words = self.algebra.facts.get(head[1], frozenset()) if head[0] == "x" else frozenset()
        row = bool(words & {"one_hot", "simplex"}) and args[-1] is k and not any(a.has(k) for a in args[:-1])
        return row and exponent == 1 and first == 0 and sp.expand(_last_axis(head[1]) - last - 1) == 0

    def _normalised(self, powers: dict[Atom, Fraction], limits: Limits) -> Poly | None:
        """Σ_i Σ_k f(i, k) / F(i) = Σ_i 1 for F(i) = Σ_k f(i, k): an inner sum that something divides by is first."""
        below = {atom for atom, e in powers.items() if atom[0][0] == "sum" and e < 0}
        for limit in limits if below else ():
            k = limit[0]
            if any(e.has(k) for other in limits for e in other[1:]) or any(depends(a, k) for a in below):
                continue
            inside = frozenset((a, e) for a, e in powers.items() if depends(a, k))
            if any(a[0][0] == "sum" for a, _ in inside):
                continue
            inner = self._class(dict(inside), (limit,))
            if len(inner) == 1 and any(atom in below for mono in inner for atom, _ in mono):
                rest = {frozenset((a, e) for a, e in powers.items() if not depends(a, k)): Fraction(1)}
                return self.over(
                    self.algebra.multiply(rest, inner), tuple(other for other in limits if other is not limit)
                )
        return None

    def _class(self, powers: dict[Atom, Fraction], limits: Limits) -> Poly:
        if len(powers) == 1 and len(limits) == 1 and self._is_row(*next(iter(powers.items())), limits[0]):
            return constant(1)
        algebra = self.algebra
        number, args = algebra.table.intern("sum", {frozenset(powers.items()): Fraction(1)}, limits)
        ties = algebra.table[number]
        if algebra.signs.counts_ties(ties) and algebra.generic.without_ties(ties):
            self.algebra.almost_everywhere = True
            return constant(1)
        turned = self.triangles.turned(number, args)
        return single((("sum", number), args)) if turned is None else turned


def _is_reversed(atoms: Iterable[Atom], index: Any) -> bool:
    """Whether an index runs against what is read by it: x[n - 1 - k] alone, brackets aside."""
    read = [arg for head, args in atoms if head[0] not in RANGED for arg in args if arg is index or arg.has(index)]
    return {arg.coeff(index, 1) for arg in read} == {-1}


def _last_axis(label: Any) -> Any:
    """The size of an input's last axis."""
    definition = owner(label)
    assert definition is not None
    return definition.shape[-1]


def _solve(pair: tuple[Any, ...], index: Any) -> Any:
    difference = sp.expand(pair[0] - pair[1])
    slope = difference.coeff(index, 1)
    rest = sp.expand(difference - slope * index)
    if slope not in (1, -1) or rest.has(index):
        return None
    return sp.expand(-slope * rest)
