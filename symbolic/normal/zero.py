"""Whether a normal form is zero: intermediates are opened, the latest first, until all cancels or the budget ends."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any, TypeAlias

import sympy as sp

from ..calculus.adjoint import index_arrays
from ..equations.definition import Definition, ordered
from ..equations.digits import lowest, radix
from .algebra import Algebra
from .alike import matches, ratio
from .classes import Limits, class_of, parameter
from .convert import Converter
from .determinants import by_determinant_lemma
from .domain import Domain
from .infinite import check_infinities
from .inverse_products import times_a_matrix
from .one_sum import rejoined, under_one_sum
from .recurrences import Recurrences
from .sample import samples
from .terms import Atom, Poly, TooLarge, accumulate, add, merge, scale

_CANDIDATES = 6
"""An intermediate is compared with so many earlier ones, the latest first."""

WORK = 15_000
"""So many operations (products of terms, canonical orders tried) a proof may take, and :data:`WORK_EACH` more for each
equation of the two systems: a second or two, whatever the pair."""

WORK_EACH = 100

MERGING = 3_000
"""So many operations for the comparison of two intermediates."""

PLACES = 16
"""Sums over so many numbered places are written out where nothing else helps."""

_MATRICES = 3
"""A form is multiplied by the matrices of so many inverses in it."""

OPENINGS = 60
"""So many classes are opened before the answer is "not proved"."""


Node: TypeAlias = tuple[int, tuple[Any, ...], tuple[float | None, ...]]
"""The number of an intermediate, the arguments at which it was met first, and its values at the samples."""


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
            with self.budget(MERGING):
                return self._prover.is_zero(poly, openings=20, largest=400)
        except TooLarge:
            return False
        finally:
            self._asking = False

    def representative(self, number: int, args: tuple[Any, ...]) -> tuple[int, tuple[Any, ...], Fraction]:
        return self._prover.representative(number, args)


class Prover(Converter):
    """Normal forms with proofs: decides whether differences vanish, and merges intermediates that are proved equal."""

    def __init__(self) -> None:
        super().__init__()
        self.equal_to: dict[int, tuple[int, tuple[int, ...], Fraction]] = {}
        self._tried: set[int] = set()
        self._nodes: dict[tuple[int, frozenset[Any]], list[Node]] = {}
        self._places: dict[int, bool] = {}
        self.domain = Domain(self)
        self.recurrences = Recurrences(self)
        self.samples = samples(self.algebra)
        self._last_ways = (
            self._cleared, self._zero_at_places, self._zero_times_matrices, self._zero_under_one_sum,
            self._zero_by_determinants,
        )  # fmt: skip

    def _algebra(self) -> Algebra:
        return OpeningAlgebra(self)

    def member(self, definition: Definition) -> Poly:
        summed = self.recurrences.at(definition, definition.indices)
        return self.recurrences.form(definition) if summed is None else summed

    def added_up(self, definition: Definition, index: tuple[Any, ...]) -> Poly | None:
        return self.recurrences.at(definition, index)

    def difference(self, left: Definition, right: Definition) -> Poly:
        """The form of left − right, in the canonical indices of both."""
        order = ordered([left, right])
        check_infinities(order)
        self.algebra.recurrent |= any(d.group for d in order)
        # an array that is used as an index has its entries in the range of that axis
        self.algebra.ranges |= index_arrays(order)
        result = add(self.form(left), scale(self.form(right), -1))
        for index, first, last in left.ranges:
            self.algebra.ranges[index] = (first, last)
        return result

    # -- merging -----------------------------------------------------------------------------------------------------
    def representative(self, number: int, args: tuple[Any, ...]) -> tuple[int, tuple[Any, ...], Fraction]:
        if number not in self._tried:
            self._tried.add(number)
            self._merge(number, args)
        other, order, factor = self.equal_to.get(number, (number, tuple(range(len(args))), Fraction(1)))
        return other, self.algebra.table.ordered_args(other, tuple(args[p] for p in order)), factor

    def _merge(self, number: int, args: tuple[Any, ...]) -> None:
        """Find an earlier intermediate that is a multiple of this one, perhaps written otherwise.

        Only those are compared whose values at the samples are in one ratio.
        """
        table = self.algebra.table
        mine = table[number]
        alike = self._nodes.setdefault((mine.arity, mine.support), [])
        values = self._values(number, args)
        candidates = ((ratio(values, known), other, its_args) for other, its_args, known in reversed(alike))
        for factor, other, its_args in itertools.islice((c for c in candidates if c[0]), _CANDIDATES):
            for order in matches(args, its_args):
                moved = self.algebra.instantiate(other, tuple(parameter(p) for p in order))
                try:
                    with self.algebra.budget(MERGING):
                        same = self.is_zero(add(mine.body, scale(moved, -factor)), openings=12, largest=120)
                except TooLarge:
                    same = False
                if same:
                    self.equal_to[number] = (other, order, factor)
                    return
        alike.append((number, args, values))

    def _values(self, number: int, args: tuple[Any, ...]) -> tuple[float | None, ...]:
        """An intermediate at the samples, its indices all one place, so that their order does not matter."""
        return tuple(sample.at_one_place(("node", number), args) for sample in self.samples)

    # -- zero --------------------------------------------------------------------------------------------------------
    def is_zero(self, poly: Poly, openings: int = OPENINGS, largest: int = 2000) -> bool:
        """Whether a form vanishes for all shapes and inputs. False means "not proved", never "refuted"."""
        if any(sample.differs(poly) for sample in self.samples):
            return False
        poly = self._with_digits(poly)
        apart = self._by_digits(poly)
        if apart:
            return all(self.is_zero(part, openings, largest) for part in apart)
        poly = rejoined(self.algebra, poly)
        for _ in range(openings):
            if not poly:
                return True
            if len(poly) > largest:
                return False
            target = max((n for n in self._held(poly)), default=None)
            if target is None:
                return any(way(poly) for way in self._last_ways)
            poly = self.opened(poly, target)
        return not poly

    def _zero_at_places(self, poly: Poly) -> bool:
        """Last but one: sums over a few numbered places are written out."""
        if not any(self._mentions(atom, None) for mono in poly for atom, _ in mono):
            return False
        written = self.opened(poly, None)
        return not written or self._cleared(written)

    def _zero_under_one_sum(self, poly: Poly, depth: int = 2) -> bool:
        """Sums over the same ranges are one, under which what is divided by is multiplied out."""
        if depth == 0:
            return False
        bodies = under_one_sum(self.algebra, poly)
        return any(self._cleared(body) or self._zero_under_one_sum(body, depth - 1) for body in bodies)

    def _zero_by_determinants(self, poly: Poly, depth: int = 2) -> bool:
        """Determinants of a matrix with a part of low rank are those of what is left."""
        if depth == 0:
            return False
        return any(
            self._cleared(one) or self._zero_times_matrices(one) or self._zero_by_determinants(one, depth - 1)
            for one in by_determinant_lemma(self.algebra, poly)
        )

    def _zero_times_matrices(self, poly: Poly, depth: int = _MATRICES) -> bool:
        """What a matrix with an inverse takes to zero is zero."""
        products = itertools.islice(times_a_matrix(self.algebra, poly), _MATRICES) if depth else ()
        return any(self._cleared(one) or self._zero_times_matrices(one, depth - 1) for one in products)

    def _with_digits(self, poly: Poly) -> Poly:
        """The form with ⌊(h a + b)/h⌋ = a and (h a + b) mod h = b put in, for the indices b below h."""
        arguments = [argument for mono in poly for (_, args), _ in mono for argument in args]
        found = lowest(arguments, self.algebra.ranges)
        names = {index: self.algebra.digit(size) for index, size in found.items() if index not in self.algebra.digits}
        return self.algebra.substitute(poly, names)

    def _by_digits(self, poly: Poly) -> list[Poly]:
        """The form at i = h a + b for an index that ⌊i/h⌋ or i mod h cuts: one for every digit that is one of a few."""
        arguments = [argument for mono in poly for (_, args), _ in mono for argument in args if argument.args]
        for index in sorted({s for a in arguments for s in a.free_symbols if s in self.algebra.ranges}, key=str):
            limit = (index, *self.algebra.ranges[index])
            size = radix(arguments, limit, shifted=True)
            if size is not None:
                apart, digits = self.algebra.by_digits(poly, limit, size)
                few = [(k, int(last) + 1) for k, _, last in digits if last.is_Integer and last < PLACES]
                ways = itertools.product(*([(k, sp.Integer(a)) for a in range(n)] for k, n in few))
                return [self.algebra.substitute(apart, dict(way)) for way in ways]
        return []

    def apart(self, poly: Poly) -> list[Poly]:
        """The form by the digits of every index that is cut: the form itself where none is."""
        parts = self._by_digits(poly)
        return [piece for part in parts for piece in self.apart(part)] if parts else [poly]

    def unfolded(self, poly: Poly, openings: int = 12, largest: int = 200) -> Poly:
        """The form with its intermediates opened, the latest first, as long as it stays small."""
        for _ in range(openings):
            target = max(self._held(poly), default=None)
            if target is None:
                return poly
            poly = self.opened(poly, target)
            if len(poly) > largest:
                raise TooLarge(f"an opened form grew beyond {largest} terms")
        return poly

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
            atom, exponent = self.algebra.table.in_order(lowest.items())[0]
            raised = {atom: Fraction(-(exponent.numerator // exponent.denominator))}
            total: Poly = {}
            for mono, coefficient in poly.items():
                accumulate(total, self.algebra.monomial(merge(mono, frozenset(raised.items()))), coefficient)
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

    def vanishes_step_by_step(self, poly: Poly, openings: int = OPENINGS, largest: int = 2000) -> bool:
        """As :meth:`is_zero`, also where members of recurrences are read through their equations at the present time.

        A member that is read at other times stands as an atom, so that tanh(z[t]) is not h[t] before that.
        """
        if self.is_zero(poly, openings, largest):
            return True
        members = self.recurrences.atoms_in(poly)
        read = self.opened(poly, members) if members else poly
        return read != poly and self.is_zero(read, openings, largest)

    def opened(self, poly: Poly, target: int | frozenset[Any] | None) -> Poly:
        """The form with every occurrence of one intermediate replaced by its polynomial, at any depth.

        For labels of members of recurrences, these become their equations where they stand at the present time. For
        None instead of an intermediate, every sum over a few numbered places becomes its terms.
        """
        total: Poly = {}
        for mono, coefficient in poly.items():
            pieces: list[Poly] = []
            inside = self.algebra.table.in_order((atom, e) for atom, e in mono if self._mentions(atom, target))
            if not inside:
                accumulate(total, {mono: coefficient})
                continue
            rest = dict(mono - set(inside))
            for atom, exponent in inside:
                carried: dict[Atom, Fraction] = {}
                if atom[0][0] == "sum" and exponent == 1:
                    # exponentials go back under the sum: what is opened there may hold the sigmoid that they meet
                    carried = {a: e for a, e in rest.items() if a[0][0] == "exp"}
                    rest = {a: e for a, e in rest.items() if a not in carried}
                pieces.append(self._opened_atom(atom, exponent, target, carried))
            product = self.algebra.product([{frozenset(rest.items()): Fraction(1)}, *pieces])
            accumulate(total, product, coefficient)
        return total

    def _mentions(self, atom: Atom, target: int | frozenset[Any] | None) -> bool:
        number = class_of(atom[0])
        if isinstance(target, frozenset):
            if number is not None:
                return bool(self.algebra.table[number].support & target)
            return atom[0][0] == "x" and atom[0][1] in target and self.recurrences.is_present(atom)
        if number is None:
            return False
        if target is None:
            return self._has_places(number)
        return (atom[0][0] == "node" and number == target) or target in self.algebra.table[number].holds

    def _has_places(self, number: int) -> bool:
        """Whether a class is, or holds, a sum over a few numbered places."""
        if number not in self._places:
            found = self.algebra.table[number]
            own = found.kind == "sum" and any(_numbered(limit) for limit in found.limits)
            inner = (class_of(head) for mono in found.body for (head, _), _e in mono)
            self._places[number] = own or any(self._has_places(n) for n in inner if n is not None)
        return self._places[number]

    def _opened_atom(
        self, atom: Atom, exponent: Fraction, target: int | frozenset[Any] | None, carried: dict[Atom, Fraction]
    ) -> Poly:
        head, args = atom
        el = self.algebra.elementary
        kind = head[0]
        if kind == "x":
            return el.power(self.recurrences.read(head[1], args), exponent)  # type: ignore[no-any-return]
        if kind == "node" and head[1] == target:
            return el.power(self.algebra.instantiate(head[1], args), exponent)  # type: ignore[no-any-return]
        if kind == "sum":
            body, limits = self.algebra.open_sum(head[1], args)
            joined = merge(frozenset(body.items()), frozenset(carried.items()))
            inner = self.opened({frozenset(joined.items()): Fraction(1)}, target)
            if target is None:
                inner, limits = self._at_places(inner, limits)
            return el.power(self.algebra.sum_over(inner, limits), exponent)  # type: ignore[no-any-return]
        if kind == "max":
            body_inside, limits = self.algebra.open_reduction(head[1], args)
            body_inside = self.opened(body_inside, target)
            if len(head) == 2:
                return el.power(self.algebra.maximum(body_inside, limits), exponent)  # type: ignore[no-any-return]
            number, order = self.algebra.table.intern("max", body_inside, limits)
            return self.algebra.monomial({(("max", number, *head[2:]), order): exponent})
        if kind == "prod":
            changed = self.algebra.products.again((head, args), lambda inside: self.opened(inside, target))
            return el.power(changed, exponent)  # type: ignore[no-any-return]
        if kind == "mat":
            entry, limits, index = self.algebra.matrices.reopened(head, args)
            again = self.algebra.matrices.entry(head[2], self.opened(entry, target), limits, index)
            return el.power(again, exponent)  # type: ignore[no-any-return]
        inside = self.opened(self.algebra.instantiate(head[1], args), target)
        rebuilt = self.algebra.places.around(head, inside)
        return el.power(rebuilt, exponent)  # type: ignore[no-any-return]

    def _at_places(self, poly: Poly, limits: Limits) -> tuple[Poly, Limits]:
        """Σ over numbered places as the sum of their terms; the other limits are left."""
        kept = []
        for limit in limits:
            if not _numbered(limit) or any(e.has(limit[0]) for other in limits for e in other[1:]):
                kept.append(limit)
                continue
            total: Poly = {}
            for place in range(int(limit[1]), int(limit[2]) + 1):
                accumulate(total, self.algebra.substitute(poly, {limit[0]: sp.Integer(place)}))
            poly = total
        return poly, tuple(kept)


def _numbered(limit: tuple[Any, Any, Any]) -> bool:
    return bool(limit[1].is_Integer and limit[2].is_Integer and limit[2] - limit[1] < PLACES)
