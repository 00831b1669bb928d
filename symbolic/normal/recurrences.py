"""Recurrences in normal forms: what is read at another time stands as an atom; equal recurrences are one, by induction.

A member that others read at another time is *cut*: it stands as an atom of its own, as an input does. Every other
member is read through its equation. Of two recurrences over the same times, members whose values agree at random inputs
are paired, and each pair is proved: with the members of the first replaced by their partners, its equation is that of
its partner. Members are replaced at earlier times, or at the same time where they come before in the order of
computation, so this is an induction over the time and that order. A pair that is not proved is given up, and the others
are tried without it.

A state that only adds up, s[t] = s[t - 1] + f[t], is the sum of what was added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import flint
import sympy as sp

from gradproof.errors import GradproofError

from ..equations.definition import Definition, freshen, ordered, owner, references
from ..equations.dims import free_index, fresh_index, same_dim
from ..equations.recurrence import step_of
from .terms import Poly, TooLarge, constant, is_index, scale, single
from .terms import add as added

if TYPE_CHECKING:
    from .zero import Prover

_WORK = 30_000
"""So many operations for the proof of one pair."""

_SEEDS = (11, 12)
_PLACES = 40
"""So many entries of a member are compared with those of another, at each seed."""

Pairs = dict[Definition, Definition]


class Recurrences:
    """The recurrences that one prover has met."""

    def __init__(self, prover: Prover) -> None:
        self.prover = prover
        self._settled: dict[int, list[Definition]] = {}
        self._cut: set[Definition] = set()
        self._sums: dict[Definition, tuple[Poly, int, Any]] = {}
        self._reading = False

    def form(self, definition: Definition) -> Poly:
        """The form of a member in its canonical indices."""
        group = definition.group
        assert group is not None
        if id(group) not in self._settled:
            self._settle(group)
        forms = self.prover.forms
        if definition in forms:
            return forms[definition]
        if definition in self._cut:
            return self._atom(definition)
        return self._equation(definition)

    def at(self, definition: Definition, index: tuple[Any, ...]) -> Poly | None:
        """A member that adds up, at an index; None for any other."""
        if definition.group and id(definition.group) not in self._settled:
            self._settle(definition.group)
        found = self._sums.get(definition)
        if found is None:
            return None
        terms, axis, way = found
        algebra, time = self.prover.algebra, fresh_index()
        names = {i: to for p, (i, to) in enumerate(zip(definition.indices, index, strict=True)) if p != axis}
        _, first, last = definition.ranges[axis]
        limit = (time, first, index[axis]) if way < 0 else (time, index[axis], last)
        algebra.ranges[time] = limit[1:]
        return algebra.sum_over(algebra.substitute(terms, {definition.indices[axis]: time} | names), (limit,))

    # -- reading -----------------------------------------------------------------------------------------------------
    def _atom(self, definition: Definition) -> Poly:
        algebra = self.prover.algebra
        if definition.label in algebra.table.beneath:
            return single((("x", definition.label), definition.indices))
        words = set(definition.assumptions) | ({"positive"} if definition.label.is_positive else set())
        # it takes no values but its own: nothing is generic in it, nor in what it is made of
        algebra.facts[definition.label] = frozenset(words | {"known"})
        members = definition.group or [definition]
        algebra.table.beneath[definition.label] = frozenset(d.label for d in ordered(members) if d.is_input)
        return single((("x", definition.label), definition.indices))

    def _equation(self, definition: Definition) -> Poly:
        with self.prover.frame(definition.ranges):
            return self.prover.expression(freshen(definition.rhs))

    def atoms_in(self, poly: Poly) -> frozenset[Any]:
        """The labels of the members that stand as atoms in a form, at any depth."""
        beneath = self.prover.algebra.table.beneath
        return frozenset(label for mono in poly for label in self._support(mono) if label in beneath)

    def is_present(self, atom: Any) -> bool:
        """Whether a member's atom stands at a plain time, or at the first or last one."""
        definition = owner(atom[0][1])
        step = None if definition is None or not definition.group else step_of(definition.group)
        if definition is None or step is None:
            return False
        _, first, last = definition.ranges[step[0]]
        time = atom[1][step[0]]
        return bool(is_index(time) or time in (first, last))

    def read(self, label: Any, index: tuple[Any, ...]) -> Poly:
        """A member's element through its equation."""
        definition = owner(label)
        assert definition is not None
        names = dict(zip(definition.indices, index, strict=True))
        return self.prover.algebra.substitute(self._equation(definition), names)

    def _settle(self, group: list[Definition]) -> None:
        for member in group:
            for used in member.uses:
                if used not in self.prover.forms:
                    self.prover.form(used)
        # those that it is compared with were there before: none of them is made of this one
        earlier = list(self._settled.values())
        self._settled[id(group)] = group
        for other in earlier:
            if _alike(group, other):
                pairs = self._proved(group, other)
                if pairs:
                    self.prover.forms |= {mine: self.prover.form(theirs) for mine, theirs in pairs.items()}
                    return
        self._cut |= _read_at_other_times(group)
        self._add_up(group)

    # -- sums --------------------------------------------------------------------------------------------------------
    def _add_up(self, group: Sequence[Definition]) -> None:
        """Recognise s[t] = s[t - 1] + f[t], where s is the only member that is read at another time."""
        cut = [m for m in group if m in self._cut]
        if len(cut) != 1:
            return
        (state,) = cut
        found = step_of(group)
        if found is None:
            return
        axis, way = found
        algebra, (first, last) = self.prover.algebra, state.ranges[axis][1:]
        edge = first if way < 0 else last
        before = tuple(i + way if p == axis else i for p, i in enumerate(state.indices))
        atom = (("x", state.label), before)
        whole = self._equation(state)
        with self.prover.frame(state.ranges):
            carried = algebra.multiply(
                single(atom), added(constant(1), scale(algebra.delta(state.indices[axis], edge), -1))
            )
            rest = added(whole, scale(carried, -1))
        if not any(state.label in self._support(mono) for mono in rest):
            self._cut.discard(state)
            self._sums[state] = rest, axis, way

    def _support(self, mono: Any) -> set[Any]:
        return {label for atom, _ in mono for label in self.prover.algebra.generic.support(atom)}

    # -- induction ---------------------------------------------------------------------------------------------------
    def _proved(self, mine: Sequence[Definition], theirs: Sequence[Definition]) -> Pairs:
        """The members of a recurrence that are proved equal to members of another one, enough to stand for it."""
        if self._reading:
            return {}
        pairs = _candidates(mine, theirs)
        while pairs and _breaks(mine, pairs) and _breaks(theirs, pairs.values()):
            failed = self._failing(mine, theirs, pairs)
            if not failed:
                return pairs
            pairs = {a: b for a, b in pairs.items() if a not in failed}
        return {}

    def _failing(self, mine: Sequence[Definition], theirs: Sequence[Definition], pairs: Pairs) -> set[Definition]:
        """The pairs whose equations are not proved equal, with all pairs taken to be equal where they are read."""
        prover = self.prover
        everything = {*mine, *theirs}
        before = {m: prover.forms.pop(m) for m in everything if m in prover.forms}
        cut, sums = self._cut, self._sums
        self._cut = (cut - everything) | set(pairs.values())
        self._sums = {m: s for m, s in sums.items() if m not in everything}
        self._reading = True
        failed = set()
        try:
            for other in pairs.values():
                prover.forms[other] = self._atom(other)
            for one, other in pairs.items():
                prover.forms[one] = prover.forms[other]
            for one, other in pairs.items():
                try:
                    with self._budget():
                        difference = added(self._equation(one), scale(self._equation(other), -1))
                        with prover.frame(one.ranges):
                            same = prover.vanishes_step_by_step(difference, openings=20, largest=400)
                except TooLarge:
                    same = False
                if not same:
                    failed.add(one)
        finally:
            for m in everything:
                prover.forms.pop(m, None)
            prover.forms |= before
            self._cut, self._sums = cut, sums
            self._reading = False
        return failed

    @contextmanager
    def _budget(self) -> Iterator[None]:
        """Work for one pair, beside what the proof as a whole may take."""
        algebra = self.prover.algebra
        limit, work = algebra.limit, algebra.work
        algebra.limit = work + _WORK
        try:
            yield
        finally:
            algebra.limit, algebra.work = limit, work


# -- shapes of recurrences -------------------------------------------------------------------------------------------
def _inner(members: Iterable[Definition], group: Sequence[Definition]) -> Iterable[tuple[Definition, Any]]:
    """The references of members to members of their group."""
    for member in members:
        for reference in references(member.rhs):
            if owner(reference) in group:
                yield member, reference


def _read_at_other_times(group: Sequence[Definition]) -> set[Definition]:
    found: set[Definition] = set()
    for _, reference in _inner(group, group):
        target = owner(reference)
        if target is not None and _shifts(reference):
            found.add(target)
    return found


def _shifts(reference: Any) -> list[tuple[int, Any]]:
    """The axes on which a reference reads another time, with the step."""
    moves = ((p, sp.expand(i - free_index(p))) for p, i in enumerate(reference.indices))
    return [(p, move) for p, move in moves if move.is_number and move != 0]


def _alike(mine: Sequence[Definition], theirs: Sequence[Definition]) -> bool:
    """Whether two recurrences go over the same times in the same direction."""
    own, other = step_of(mine), step_of(theirs)
    if own is None or own != other:
        return False
    axis = own[0]
    return same_dim(mine[0].shape[axis], theirs[0].shape[axis]) and mine[0].first == theirs[0].first


def _breaks(group: Sequence[Definition], cut: Iterable[Definition]) -> bool:
    """Whether every way around the recurrence passes through a member of the cut."""
    held = set(cut)
    pending = [m for m in group if m not in held]
    uses: Mapping[Definition, set[Any]] = {m: {owner(r) for _, r in _inner([m], group)} - held for m in pending}
    while pending:
        ready = [m for m in pending if not uses[m] & set(pending)]
        if not ready:
            return False
        pending = [m for m in pending if m not in ready]
    return True


def _candidates(mine: Sequence[Definition], theirs: Sequence[Definition]) -> Pairs:
    """Members that have equal values at random inputs; this proves nothing, it says what to try."""
    from ..equations.values import Valuation, precision

    values: dict[Definition, list[Any]] = {m: [] for m in (*mine, *theirs)}
    try:
        with precision():
            for seed in _SEEDS:
                at = Valuation.random([*mine, *theirs], seed)
                for member, found in values.items():
                    found += [at.element(member, place) for place in _places(at.shape(member))]
    except (GradproofError, ArithmeticError, ValueError, StopIteration, KeyError, IndexError):
        return {}
    pairs: Pairs = {}
    for one in mine:
        for other in theirs:
            if len(one.shape) == len(other.shape) and all(map(same_dim, one.shape, other.shape)) and all(
                map(_meet, values[one], values[other])
            ):  # fmt: skip
                pairs[one] = other
                break
    return pairs


def _meet(a: Any, b: Any) -> bool:
    difference: flint.arb = a - b
    return bool(difference.is_finite() and difference.contains(0))


def _places(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Some entries of an array, over all of it."""
    total = 1
    for size in shape:
        total *= size
    numbers = range(0, total, max(1, total // _PLACES))
    places = []
    for number in numbers:
        place: list[int] = []
        for size in reversed(shape):
            number, digit = divmod(number, size)
            place.append(digit)
        places.append(tuple(reversed(place)))
    return places
