"""Whether a normal form is zero: intermediates are opened, the latest first, until all cancels or the budget ends."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..equations.definition import Definition
from ..equations.dims import fresh_index
from .algebra import Algebra
from .classes import Limits, class_of, parameter
from .convert import Converter
from .terms import Atom, Poly, TooLarge, add, scale, single

_CANDIDATES = 6
"""An intermediate is compared with so many earlier ones of the same inputs, the latest first."""

OPENINGS = 60
"""So many classes are opened before the answer is "not proved"."""


class OpeningAlgebra(Algebra):
    """An algebra that opens intermediates before it lets a bracket depend on the sign of something."""

    def __init__(self, prover: Prover) -> None:
        super().__init__()
        self._prover = prover
        self._asking = False

    def vanishes(self, poly: Poly) -> bool:
        if self._asking or not self._prover._held(poly):
            return not poly
        self._asking = True
        try:
            return self._prover.is_zero(poly, openings=20, largest=400)
        finally:
            self._asking = False


class Prover(Converter):
    """Normal forms with proofs: decides whether differences vanish, and merges intermediates that are proved equal."""

    def __init__(self) -> None:
        super().__init__()
        self.equal_to: dict[int, tuple[int, tuple[int, ...], Fraction]] = {}
        self._tried: set[int] = set()
        self._nodes: dict[tuple[int, frozenset[Any]], list[int]] = {}

    def _algebra(self) -> Algebra:
        return OpeningAlgebra(self)

    def difference(self, left: Definition, right: Definition) -> Poly:
        """The form of left − right, in the canonical indices of both."""
        result = add(self.form(left), scale(self.form(right), -1))
        for index, first, last in left.ranges:
            self.algebra.ranges[index] = (first, last)
        return result

    # -- merging -----------------------------------------------------------------------------------------------------
    def representative(self, number: int, args: tuple[Any, ...]) -> tuple[int, tuple[Any, ...], Fraction]:
        if number not in self._tried:
            self._tried.add(number)
            self._merge(number)
        other, order, factor = self.equal_to.get(number, (number, tuple(range(len(args))), Fraction(1)))
        return other, self.algebra.table.ordered_args(other, tuple(args[p] for p in order)), factor

    def _merge(self, number: int) -> None:
        """Find an earlier intermediate that is the same function of the same inputs, perhaps written otherwise."""
        table = self.algebra.table
        mine = table[number]
        alike = self._nodes.setdefault((mine.arity, mine.support), [])
        for other in [table[n] for n in alike[-_CANDIDATES:]]:
            for order, factor in self._ways(mine.arity):
                moved = self.algebra.instantiate(other.number, tuple(_parameters(mine.arity)[p] for p in order))
                try:
                    same = self.is_zero(add(mine.body, scale(moved, -factor)), openings=12, largest=120)
                except TooLarge:
                    same = False
                if same:
                    self.equal_to[number] = (other.number, order, factor)
                    return
        alike.append(number)

    def _ways(self, arity: int) -> list[tuple[tuple[int, ...], Fraction]]:
        straight = tuple(range(arity))
        orders = [straight, (1, 0)] if arity == 2 else [straight]
        return [(order, factor) for order in orders for factor in (Fraction(1), Fraction(-1))]

    # -- zero --------------------------------------------------------------------------------------------------------
    def is_zero(self, poly: Poly, openings: int = OPENINGS, largest: int = 2000) -> bool:
        """Whether a form vanishes for all shapes and inputs. False means "not proved", never "refuted"."""
        for _ in range(openings):
            if not poly:
                return True
            if len(poly) > largest:
                return False
            target = max((n for n in self._held(poly)), default=None)
            if target is None:
                return self._cleared(poly)
            poly = self.opened(poly, target)
        return not poly

    def _cleared(self, poly: Poly) -> bool:
        """Last resort: multiply by what stands in denominators, which cancels P · (1/P) in another order."""
        for _ in range(4):
            lowest: dict[Atom, Fraction] = {}
            for mono in poly:
                for atom, exponent in mono:
                    if atom[0][0] == "pow" and exponent < 0:
                        lowest[atom] = min(lowest.get(atom, Fraction(0)), exponent)
            if not lowest:
                return not poly
            atom, exponent = next(iter(lowest.items()))
            total: Poly = {}
            for mono, coefficient in poly.items():
                powers = dict(mono)
                missing = powers.pop(atom, Fraction(0)) - exponent
                base = self.algebra.instantiate(atom[0][1], atom[1])
                if missing.denominator != 1:
                    return False
                raised = self.algebra.product([base] * int(missing))
                total = add(total, scale(self.algebra.multiply(self.algebra.monomial(powers), raised), coefficient))
            poly = total
            if not poly:
                return True
        return False

    def _held(self, poly: Poly) -> set[int]:
        table = self.algebra.table
        held: set[int] = set()
        for mono in poly:
            for (head, _), _e in mono:
                number = class_of(head)
                if number is not None:
                    held |= table[number].holds
                    if head[0] == "node":
                        held.add(number)
        return held

    def opened(self, poly: Poly, target: int) -> Poly:
        """The form with every occurrence of one intermediate replaced by its polynomial, at any depth."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            pieces: list[Poly] = []
            rest: dict[Atom, Fraction] = {}
            for atom, exponent in mono:
                if self._mentions(atom, target):
                    pieces.append(self._opened_atom(atom, exponent, target))
                else:
                    rest[atom] = exponent
            if pieces:
                product = self.algebra.product([{frozenset(rest.items()): Fraction(1)}, *pieces])
                total = add(total, scale(product, coefficient))
            else:
                total = add(total, {mono: coefficient})
        return total

    def _mentions(self, atom: Atom, target: int) -> bool:
        number = class_of(atom[0])
        return number is not None and (
            (atom[0][0] == "node" and number == target) or target in self.algebra.table[number].holds
        )

    def _opened_atom(self, atom: Atom, exponent: Fraction, target: int) -> Poly:
        head, args = atom
        el = self.algebra.elementary
        kind = head[0]
        if kind == "node" and head[1] == target:
            return el.power(self.algebra.instantiate(target, args), exponent)  # type: ignore[no-any-return]
        if kind == "sum":
            body, limits = self.algebra.open_sum(head[1], args)
            inner = self.algebra.sum_over(self.opened({body: Fraction(1)}, target), limits)
            return el.power(inner, exponent)  # type: ignore[no-any-return]
        if kind == "max":
            inner_body, inner_limits = self._open_reduction(head[1], args)
            number, order = self.algebra.table.intern("max", self.opened(inner_body, target), inner_limits)
            return self.algebra.monomial({(("max", number, *head[2:]), order): exponent})
        inside = self.opened(self.algebra.instantiate(head[1], args), target)
        rebuilt = self._rebuilt(head, inside)
        return el.power(rebuilt, exponent)  # type: ignore[no-any-return]

    def _rebuilt(self, head: Any, inside: Poly) -> Poly:
        el = self.algebra.elementary
        kind = head[0]
        if kind == "node":
            return self.cut(inside)
        if kind == "pow":
            return inside
        if kind == "br":
            return self.algebra.bracket(inside)
        simple = {"exp": el.exp, "sig": el.sigmoid, "lp": el.softplus}
        if kind in simple:
            return simple[kind](inside)  # type: ignore[no-any-return]
        if head[2:] == ("log",):
            return el.log(inside)  # type: ignore[no-any-return]
        if head[2:] == ("zero",):
            return self.algebra.equality(inside)
        if head[2:] and head[2] in ("sin", "cos", "erf", "arctan"):
            return self._parity(head[2], inside)
        number, args = self.algebra.table.intern("fn", inside)
        return single((("fn", number, *head[2:]), args))

    def _open_reduction(self, number: int, args: tuple[Any, ...]) -> tuple[Poly, Limits]:
        """The body of a maximum at given arguments, its bound indices new."""
        found = self.algebra.table[number]
        names: dict[Any, Any] = {parameter(p): a for p, a in enumerate(args)}
        fresh = {k: fresh_index() for k, _, _ in found.limits}
        names |= fresh
        limits = tuple((fresh[k], a.xreplace(names), b.xreplace(names)) for k, a, b in found.limits)
        for k, first, last in limits:
            self.algebra.ranges[k] = (first, last)
        return self.algebra.substitute(found.body, names), limits


def _parameters(arity: int) -> list[Any]:
    return [parameter(p) for p in range(arity)]
