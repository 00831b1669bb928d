"""The operations on normal forms: products, sums over indices, powers, brackets, deltas, with their identities.

Every identity is sound wherever both sides are defined; those that hold almost everywhere only (at a corner, either
one-sided value is taken) are marked "a.e.". What is not covered stays an atom, so a proof may fail but never errs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import sympy as sp

from ..equations.digits import count, settled
from ..equations.dims import fresh_index
from ..equations.effort import spend
from .classes import RANGED, Limits, Table, class_of, parameter, summed
from .comparisons import Comparisons
from .contents import Contents
from .deltas import Deltas
from .generic import Generic
from .index_brackets import index_bracket, strongest_places, under_division
from .infinite import INFINITY
from .matrices import Matrices
from .places import Places
from .products import Products
from .signs import Signs
from .sizes import dimension
from .sums import Sums
from .terms import (
    ONE,
    Atom,
    Mono,
    Poly,
    TooLarge,
    accumulate,
    add,
    constant,
    depends,
    merge,
    scale,
    single,
    symbols_of,
)
from .tied import one_place
from .triangular import reduce_triangular
from .trigonometry import reduce_pythagoras

UNLIMITED = 1 << 62

Known: TypeAlias = tuple[Any, ...]
"""The ranges that a value depends on."""


class Algebra:
    """Products, sums and substitutions over one table of classes. ``ranges`` knows the range of every index in use."""

    def __init__(self) -> None:
        self.recurrent = False  # whether steps are compared: then what holds but at one end is 1 − δ
        self.work = 0
        self.limit = UNLIMITED
        self.table = Table(self.spend)
        self.ranges: dict[Any, tuple[Any, Any]] = {}
        self.digits: dict[Any, Any] = {}
        self.facts: dict[Any, frozenset[str]] = {}
        self.almost_everywhere = False
        self._products: dict[tuple[Mono, Known], Poly] = {}
        self._instances: dict[tuple[int, tuple[Any, ...], Known], Poly] = {}
        self._deltas: dict[tuple[Any, Any, Known], Poly] = {}
        self.brackets: dict[tuple[Any, Known], Poly] = {}

    @cached_property
    def elementary(self) -> Any:
        """The functions exp, log, sigmoid, powers (in a module of their own; it needs this object)."""
        from .elementary import Elementary

        return Elementary(self)

    @cached_property
    def contents(self) -> Contents:
        """Common factors."""
        return Contents(self)

    @cached_property
    def signs(self) -> Signs:
        """What is positive for certain."""
        return Signs(self)

    @cached_property
    def generic(self) -> Generic:
        """What is zero at exceptional inputs only."""
        return Generic(self)

    @cached_property
    def deltas(self) -> Deltas:
        """Deltas, and products with them."""
        return Deltas(self)

    @cached_property
    def comparisons(self) -> Comparisons:
        """Brackets of comparisons, and products of them."""
        return Comparisons(self)

    @cached_property
    def sums(self) -> Sums:
        """Sums over indices."""
        return Sums(self)

    @cached_property
    def matrices(self) -> Matrices:
        """Inverses and determinants."""
        return Matrices(self)

    @cached_property
    def products(self) -> Products:
        """Products over indices."""
        return Products(self)

    @cached_property
    def places(self) -> Places:
        """Atoms where their indices are equal, or numbers."""
        return Places(self)

    # -- products ----------------------------------------------------------------------------------------------------
    def spend(self, work: int) -> None:
        """Count operations against the budget; :class:`~.terms.TooLarge` where it is used up."""
        self.work += work
        spend(0)
        if self.work > self.limit:
            raise TooLarge("the budget of operations is used up")

    @contextmanager
    def budget(self, work: int) -> Iterator[None]:
        """At most so many operations inside the block, and no more than are left outside."""
        outer = self.limit
        self.limit = min(outer, self.work + work)
        try:
            yield
        finally:
            self.limit = outer

    def multiply(self, left: Poly, right: Poly) -> Poly:
        """The product, with identities applied to each monomial."""
        spend(len(left) * len(right))
        if len(left) * len(right) > 20_000:
            raise TooLarge("a product of normal forms grew too large")
        total: Poly = {}
        for mono_a, a in left.items():
            for mono_b, b in right.items():
                accumulate(total, self.monomial(merge(mono_a, mono_b)), a * b)
        return total

    def product(self, polys: Iterable[Poly]) -> Poly:
        """The product of several."""
        total = constant(1)
        for poly in polys:
            total = self.multiply(total, poly)
        return total

    def monomial(self, powers: dict[Atom, Fraction]) -> Poly:
        """A product of atoms as a polynomial: the identities that a product can trigger, one at a time."""
        self.spend(1)
        ranged = any(map(self._is_ranged, powers))
        key = frozenset(powers.items()), self.ranges_of(a for _, args in powers for a in args) if ranged else ()
        known = self._products.get(key)
        if known is None:
            self._products[key] = known = self._monomial(powers)
        return known

    def _is_ranged(self, atom: Atom) -> bool:
        """Whether the value of an atom depends on the ranges of its indices."""
        if atom[0][0] in RANGED:
            return True
        number = class_of(atom[0])
        return number is not None and self.table[number].ranged

    def ranges_of(self, args: Iterable[Any]) -> Known:
        """The ranges of the indices in index expressions, and of those in the ends of these."""
        found: dict[Any, Any] = {}
        waiting = list(symbols_of(args))
        while waiting:
            index = waiting.pop()
            if index not in found and index in self.ranges:
                found[index] = ends = self.ranges[index]
                waiting += symbols_of(ends)
        return tuple(found.items())

    def _monomial(self, powers: dict[Atom, Fraction]) -> Poly:
        powers = dict(self.table.in_order(powers.items()))
        for atom, exponent in powers.items():
            replaced = self._identity(atom, exponent, powers)
            if replaced is not None:
                rest = {a: e for a, e in powers.items() if a != atom}
                return self.multiply(self.monomial(rest), replaced)
        deltas = [a for a in powers if a[0][0] == "delta"]
        for atom in deltas:
            moved = self.deltas.through(atom, powers)
            if moved is not None:
                return moved
        brackets = [a for a in powers if a[0][0] == "br"]
        if len(brackets) > 1:
            kept = self.comparisons.strongest(brackets)
            if kept is None:
                return {}
            if len(kept) < len(brackets):
                return self.monomial({a: e for a, e in powers.items() if a not in brackets or a in kept})
            covered = self.comparisons.covered([a for a in brackets if powers[a] == 1])
            if covered is not None:
                either = add(*map(single, covered), constant(-1))
                return self.multiply(self.monomial({a: e for a, e in powers.items() if a not in covered}), either)
        places = [a for a in powers if a[0][0] == "ibx"]
        for atom in places if deltas else ():
            tight = under_division(atom, deltas, self.ranges)
            if tight is not None:
                return self.multiply(self.monomial({a: e for a, e in powers.items() if a != atom}), tight)
        if len(places) > 1:
            needed = strongest_places(places)
            if needed is None:
                return {}
            if len(needed) < len(places):
                return self.monomial({a: e for a, e in powers.items() if a not in places or a in needed})
        for atom in powers:
            if atom[0][0] == "fn" and atom[0][2:] == ("zero",):
                moved = self.comparisons.through_equality(atom, powers)
                if moved is not None:
                    return moved
        of_products = self.products.reduced(powers)
        if of_products is not None:
            return of_products
        one_hot = self.deltas.one_hot_pair(powers) or one_place(self, powers)
        if one_hot is not None:
            return one_hot
        reduced = self.elementary.reduce_exp_sigmoid(powers)
        if reduced is None:
            reduced = reduce_pythagoras(self, powers)
        if reduced is None:
            reduced = self.elementary.reduce_pivot(powers)
        if reduced is None:
            reduced = self.elementary.reduce_detsign(powers)
        if reduced is None:
            reduced = reduce_triangular(self, powers)
        if reduced is not None:
            return reduced  # type: ignore[no-any-return]
        return {frozenset(powers.items()): Fraction(1)}

    def _identity(self, atom: Atom, exponent: Fraction, powers: dict[Atom, Fraction]) -> Poly | None:
        """What a single power of an atom is equal to, when it is not in normal form."""
        head = atom[0]
        kind = head[0]
        two_valued = kind in ("br", "ibx", "delta") or (kind == "fn" and head[2:] == ("zero",))
        if two_valued and exponent > 1:
            return single(atom)
        if kind == "x" and exponent > 1 and self.facts.get(head[1], frozenset()) & {"one_hot", "boolean", "binary"}:
            return single(atom)
        if kind == "num" and isinstance(head[1], int) and not 0 < exponent < 1:
            whole = exponent.numerator // exponent.denominator
            factor = constant(Fraction(head[1]) ** whole)
            rest = exponent - whole
            return self.multiply(factor, single(atom, rest)) if rest else factor
        if kind == "pow" and exponent >= 1:
            whole = exponent.numerator // exponent.denominator
            base = self.instantiate(head[1], atom[1])
            rest = exponent - whole
            return self.product([base] * whole + ([single(atom, rest)] if rest else []))
        if kind == "sig" and exponent < 0 and exponent.denominator == 1:
            inverse = add(constant(1), self.elementary.exp(scale(self.instantiate(head[1], atom[1]), -1)))
            return self.product([inverse] * int(-exponent))
        return None

    # -- deltas and brackets -----------------------------------------------------------------------------------------
    def delta(self, left: Any, right: Any) -> Poly:
        """δ(left, right)."""
        key = left, right, self.ranges_of((left, right))
        known = self._deltas.get(key)
        if known is None:
            self._deltas[key] = known = self.deltas.made(left, right)
        return known

    def bracket(self, poly: Poly, strict: bool = True) -> Poly:
        """[poly > 0], or [poly ≥ 0] when not ``strict``."""
        return self.comparisons.bracket(poly, strict)

    def equality(self, poly: Poly) -> Poly:
        """[poly = 0] for real values."""
        return self.comparisons.equality(poly)

    def cut(self, poly: Poly) -> Poly:
        """content · node#n for the primitive part of a polynomial."""
        if not poly:
            return poly
        content, primitive = self.contents.content(poly)
        if set(primitive) == {ONE}:
            return content
        if len(primitive) <= 2 and all(a[0][0] in ("br", "ibx") for mono in primitive for a, _ in mono):
            return self.multiply(content, primitive)  # a bracket turned around stays a bracket
        number, args = self.table.intern("node", primitive)
        number, args, factor = self.representative(number, args)
        return self.multiply(scale(content, factor), single((("node", number), args)))

    def representative(self, number: int, args: tuple[Any, ...]) -> tuple[int, tuple[Any, ...], Fraction]:
        """The intermediate that stands for this one, where two have been proved equal (see :mod:`.zero`)."""
        return number, args, Fraction(1)

    def vanishes(self, poly: Poly) -> bool:
        """Whether a polynomial is known to be zero although it has terms (the prover opens intermediates)."""
        return not poly

    # -- substitution and classes ------------------------------------------------------------------------------------
    def substitute(self, poly: Poly, names: dict[Any, Any]) -> Poly:
        """Indices replaced by index expressions, identities applied."""
        names = {old: new for old, new in names.items() if old is not new}
        if not names:
            return poly
        spend(len(poly))
        total: Poly = {}
        for mono, coefficient in poly.items():
            touched = any(depends(atom, old) for atom, _ in mono for old in names)
            pieces = {mono: Fraction(1)} if not touched else self._substitute_mono(mono, names)
            accumulate(total, pieces, coefficient)
        return total

    def anew(self, poly: Poly, indices: Iterable[Any]) -> Poly:
        """A form whose indices have other ranges than where it was made: its conditions are settled again."""
        if not any(self._is_ranged(atom) for mono in poly for atom, _ in mono):
            return poly
        names = {index: fresh_index() for index in indices}
        self.ranges |= {name: self.ranges[index] for index, name in names.items()}
        return self.substitute(self.substitute(poly, names), {name: index for index, name in names.items()})

    def by_digits(self, poly: Poly, limit: tuple[Any, Any, Any], size: Any) -> tuple[Poly, Limits]:
        """A form at an index written as h a + b, and the ranges of the new b and a."""
        high, low = fresh_index(), self.digit(size)
        self.ranges[high] = (sp.S.Zero, sp.expand(count(limit[2], size) - 1))
        parts = ((low, *self.ranges[low]), (high, *self.ranges[high]))
        return self.substitute(poly, {limit[0]: size * high + low}), parts

    def digit(self, size: Any) -> Any:
        """A new index below a size, so that ⌊(h a + b)/h⌋ is a."""
        low = fresh_index()
        self.ranges[low], self.digits[low] = (sp.S.Zero, size - 1), size
        return low

    def _substitute_mono(self, mono: Mono, names: dict[Any, Any]) -> Poly:
        powers: dict[Atom, Fraction] = {}
        others: list[Poly] = []
        for (head, args), exponent in self.table.in_order(mono):
            moved = tuple(self.places.resolved(settled(a.xreplace(names), self.digits)) for a in args)
            if self.places.meets(head, moved):
                others.append(self.elementary.power(self.places.made(head, moved), exponent))
            elif head[0] == "x" and (number := self.places.entry(head[1], moved)) is not None:
                others.append(self.elementary.power(number, exponent))
            elif head[0] == "delta":
                others.append(self.delta(*moved))
            elif head[0] == "ibx":
                others.append(index_bracket(self, moved[0]))
            elif head[0] == "sum" and (turned := self.sums.triangles.turned(head[1], moved)) is not None:
                others.append(self.elementary.power(turned, exponent))
            elif head[0] == "idx":
                others.append(self.elementary.power(self.size(moved[0]), exponent))
            else:
                atom = self.atom(head, moved)
                powers[atom] = powers.get(atom, Fraction(0)) + exponent
        return self.product([self.monomial({a: e for a, e in powers.items() if e}), *others])

    def atom(self, head: Any, args: tuple[Any, ...]) -> Atom:
        """An atom with its arguments in the canonical order of its class's symmetries."""
        return self.table.atom(head, args)

    def instantiate(self, number: int, args: tuple[Any, ...]) -> Poly:
        """The polynomial of a class at given arguments."""
        found = self.table[number]
        key = number, args, self.ranges_of(args) if found.ranged else ()
        known = self._instances.get(key)
        if known is None:
            known = self.substitute(found.body, {parameter(p): a for p, a in enumerate(args)})
            self._instances[key] = known
        return known

    def open_sum(self, number: int, args: tuple[Any, ...]) -> tuple[dict[Atom, Fraction], Limits]:
        """The body of a sum class at given arguments, its summed indices new."""
        found = self.table[number]
        names: dict[Any, Any] = {parameter(p): a for p, a in enumerate(args)}
        fresh = {summed(p): fresh_index() for p in range(len(found.limits))}
        names |= fresh
        limits = tuple((fresh[k], a.xreplace(names), b.xreplace(names)) for k, a, b in found.limits)
        for k, a, b in limits:
            self.ranges[k] = (a, b)
        (body,) = found.body
        powers: dict[Atom, Fraction] = {}
        for (head, arguments), exponent in body:
            # two factors can become one: x_k x_{k+i} at i = 0
            atom = self.atom(head, tuple(a.xreplace(names) for a in arguments))
            powers[atom] = powers.get(atom, Fraction(0)) + exponent
        return {a: e for a, e in powers.items() if e}, limits

    def maximum(self, poly: Poly, limits: Limits) -> Poly:
        """max over the limits: max (c x + y) = c max x + y for c > 0 and y without the index."""
        bound = [k for k, _, _ in limits]
        # −∞ stands in a branch: it does not leave the maximum
        whole = any(a == INFINITY for m in poly for a, _ in m)
        moving = {m: c for m, c in poly.items() if whole or any(depends(a, k) for a, _ in m for k in bound)}
        still = {m: c for m, c in poly.items() if m not in moving}
        if not moving:
            return poly
        content, rest = self.contents.positive_content(moving)
        ((mono, size),) = content.items()
        inside = {(a, e) for a, e in mono if any(depends(a, k) for k in bound)}
        body = self.multiply(rest, {frozenset(inside): Fraction(1)})
        number, args = self.table.intern("max", body, limits)
        outside = {frozenset(mono - inside): size}
        return add(still, self.multiply(outside, single((("max", number), args))))

    def open_reduction(self, number: int, args: tuple[Any, ...]) -> tuple[Poly, Limits]:
        """The body of a maximum at given arguments, its bound indices new."""
        found = self.table[number]
        names: dict[Any, Any] = {parameter(p): a for p, a in enumerate(args)}
        fresh = {k: fresh_index() for k, _, _ in found.limits}
        names |= fresh
        limits = tuple((fresh[k], a.xreplace(names), b.xreplace(names)) for k, a, b in found.limits)
        for k, first, last in limits:
            self.ranges[k] = (first, last)
        return self.substitute(found.body, names), limits

    # -- sums --------------------------------------------------------------------------------------------------------
    def sum_over(self, poly: Poly, limits: Limits) -> Poly:
        """Σ over each of the limits, inner ones first."""
        return self.sums.over(poly, limits)

    def size(self, length: Any) -> Poly:
        """A dimension expression as a polynomial."""
        return dimension(self, length)
