"""Classes: polynomials and sums up to the renaming of their indices, numbered once and for all.

``sum_k A[i,k] B[k,j]`` and ``sum_l A[p,l] B[l,q]`` are one class with two arguments. The canonical order of the indices
comes from colour refinement (what an index touches, then what those touch); ties are settled by trying their orders.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from typing import Any

import sympy as sp

from ..equations.dims import fresh_index
from .terms import Atom, Mono, Poly, TooLarge, is_index, spelling, symbols_of

Limits = tuple[tuple[Any, Any, Any], ...]

DELTA = ("delta",)
"""The head of δ(i, j): a number stands in the second place."""

RANGED = ("delta", "ibx", "idx")
"""Atoms whose value depends on the range of an index: nothing that holds them is kept for later."""


@cache
def parameter(number: int) -> Any:
    """The placeholder of a class's ``number``-th argument."""
    return sp.Symbol(f"_p{number}", integer=True, nonnegative=True)


@cache
def summed(number: int) -> Any:
    """The placeholder of a class's ``number``-th summed index."""
    return sp.Symbol(f"_q{number}", integer=True, nonnegative=True)


@dataclass(frozen=True, slots=True)
class Class:
    """A polynomial (or, with ``limits``, a sum of products) over placeholders.

    ``symmetries`` are the orders of the arguments that give the same polynomial. ``holds`` are the intermediates
    (classes of kind "node") that occur in it at any depth. ``shifts`` are the arguments that stand in index expressions
    of its own (``k + i``) or in conditions, ``ranged`` tells whether a value in it depends on the range of an index;
    both at any depth.
    """

    number: int
    kind: str
    arity: int
    body: Poly
    limits: Limits = ()
    symmetries: tuple[tuple[int, ...], ...] = ()
    holds: frozenset[int] = frozenset()
    support: frozenset[Any] = field(default=frozenset())
    shifts: frozenset[int] = frozenset()
    ranged: bool = False


class Table:
    """All classes of one proof, by number and by canonical text."""

    def __init__(self, spend: Callable[[int], None] = lambda work: None) -> None:
        self._spend = spend
        self.classes: list[Class] = []
        self.beneath: dict[Any, frozenset[Any]] = {}  # the inputs that a member of a recurrence is made of
        self._by_text: dict[tuple[str, str], int] = {}
        self._heads: dict[Any, tuple[str, int]] = {}
        self._labels: dict[Any, int] = {}
        self._order: dict[Atom, tuple[str, ...]] = {}

    def __getitem__(self, number: int) -> Class:
        return self.classes[number]

    def intern(self, kind: str, body: Poly, limits: Limits = ()) -> tuple[int, tuple[Any, ...]]:
        """The class number of a body with the arguments, in the class's order, at which it is used here."""
        bound = [limit[0] for limit in limits]
        body, stands_for = _abstracted(body, set(bound))
        found: dict[Any, None] = {}
        for mono in body:
            for (_, args), _e in mono:
                for symbol in symbols_of(args):
                    found[symbol] = None
        for _, first, last in limits:
            for symbol in symbols_of((first, last)):
                found[symbol] = None
        free = [s for s in found if s not in bound]
        best: tuple[str, list[Any], list[Any]] | None = None
        orders: list[list[Any]] = []
        for candidate in self._candidates(free, bound, body, limits):
            self._spend(1 + len(body))
            names = {s: parameter(p) for p, s in enumerate(candidate[0])}
            names |= {s: summed(p) for p, s in enumerate(candidate[1])}
            text = self._serial(body, limits, names)
            if best is None or text < best[0]:
                best = (text, *candidate)
                orders = [candidate[0]]
            elif text == best[0] and candidate[0] not in orders:
                orders.append(candidate[0])
        assert best is not None
        text, free_order, bound_order = best
        known = self._by_text.get((kind, text))
        number = known if known is not None else self._make((kind, text), body, limits, free_order, bound_order, orders)
        return number, self.ordered_args(number, tuple(stands_for.get(s, s) for s in free_order))

    def _make(
        self,
        key: tuple[str, str],
        body: Poly,
        limits: Limits,
        free: list[Any],
        bound: list[Any],
        orders: list[list[Any]],
    ) -> int:
        names = {s: parameter(p) for p, s in enumerate(free)} | {s: summed(p) for p, s in enumerate(bound)}
        place = {s: p for p, s in enumerate(free)}
        symmetries = tuple(tuple(place[s] for s in order) for order in orders)
        renamed = self.renamed(body, names)
        fixed = tuple((names[k], a.xreplace(names), b.xreplace(names)) for k, a, b in limits)
        number = len(self.classes)
        contents = self._contents(renamed, len(free))
        self.classes.append(Class(number, key[0], len(free), renamed, fixed, symmetries, *contents))
        self._by_text[key] = number
        return number

    def _contents(self, body: Poly, arity: int) -> tuple[frozenset[int], frozenset[Any], frozenset[int], bool]:
        holds: set[int] = set()
        support: set[Any] = set()
        shifted: set[Any] = set()
        ranged = False
        for mono in body:
            for (head, args), _e in mono:
                inside = args if head[0] in RANGED else [a for a in args if not a.is_Symbol]
                shifted |= set(symbols_of(inside))
                ranged = ranged or head[0] in RANGED
                if head[0] == "x":
                    support |= {head[1]} | self.beneath.get(head[1], frozenset())
                inner = class_of(head)
                if inner is not None:
                    holds |= self.classes[inner].holds
                    support |= self.classes[inner].support
                    shifted |= set(symbols_of(args[p] for p in self.classes[inner].shifts))
                    ranged = ranged or self.classes[inner].ranged
                    if head[0] == "node":
                        holds.add(inner)
        shifts = frozenset(p for p in range(arity) if parameter(p) in shifted)
        return frozenset(holds), frozenset(support), shifts, ranged

    def atom(self, head: Any, args: tuple[Any, ...]) -> Atom:
        """An atom with its arguments in the canonical order of its symmetries."""
        if head == DELTA:
            return (head, tuple(sorted(args, key=lambda a: (bool(a.is_Integer), spelling(a)))))
        number = class_of(head)
        if number is not None:
            args = self.ordered_args(number, args)
        kept = self._before_index(number)
        return (head, (*args[:kept], *in_order(head, args[kept:], spelling)))

    def _before_index(self, number: int | None) -> int:
        """How many arguments stand before those that a head itself orders: those of the class of its matrix."""
        return 0 if number is None else self.classes[number].arity

    def ordered_args(self, number: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments in the first of the orders that are equal by symmetry."""
        return self._first(number, args, spelling)

    def _first(self, number: int, args: Sequence[Any], key: Callable[[Any], str]) -> tuple[Any, ...]:
        """The arguments of the class in order; what stands behind them (the index of a matrix function) stays."""
        found = self.classes[number]
        symmetries = found.symmetries
        if len(symmetries) <= 1:
            return tuple(args)
        args, rest = args[: found.arity], args[found.arity :]
        base = symmetries[0]
        options = []
        for order in symmetries:
            moved = [None] * len(args)
            for position, source in zip(base, order, strict=True):
                moved[position] = args[source]
            options.append(tuple(moved))
        return (*min(options, key=lambda option: [key(a) for a in option]), *rest)

    def renamed(self, body: Poly, names: dict[Any, Any]) -> Poly:
        """Indices renamed, arguments in the order of their classes' symmetries."""
        changed: Poly = {}
        for mono, c in body.items():
            atoms = []
            for (head, args), e in mono:
                atoms.append((self.atom(head, tuple(a.xreplace(names) for a in args)), e))
            changed[frozenset(atoms)] = c
        return changed

    # -- canonical order ---------------------------------------------------------------------------------------------
    def _serial(self, body: Poly, limits: Limits, names: dict[Any, Any]) -> str:
        terms = sorted(self._mono_text(mono, c, names) for mono, c in body.items())
        ends = sorted(f"{names[k]}:{spelling(a.xreplace(names))}:{spelling(b.xreplace(names))}" for k, a, b in limits)
        return "+".join(terms) + "|" + ";".join(ends)

    def _mono_text(self, mono: Mono, coefficient: Fraction, names: dict[Any, Any]) -> str:
        return f"{coefficient}*" + "*".join(sorted(self._atom_text(atom, e, names) for atom, e in mono))

    def _atom_text(self, atom: Atom, exponent: Fraction, names: dict[Any, Any]) -> str:
        head, args = atom
        inside = [spelling(names.get(a, a)) if a.is_Symbol else spelling(a.xreplace(names)) for a in args]
        number = class_of(head)
        if number is not None:
            inside = list(self._first(number, inside, lambda text: text))
        kept = self._before_index(number)
        inside[kept:] = in_order(head, inside[kept:], str)
        return f"{self._head(head)[0]}[{','.join(inside)}]^{exponent}"

    def _head(self, head: Any) -> tuple[str, int]:
        """A head as text, and a number for it."""
        known = self._heads.get(head)
        if known is None:
            text = ".".join(self.named(p) if isinstance(p, sp.Symbol) else str(p) for p in head)
            self._heads[head] = known = (text, _number(text))
        return known

    def named(self, label: Any) -> str:
        """The name of a label, and which one it is: those that differ get numbers as they are met."""
        return f"{label.name}~{self._labels.setdefault(label, len(self._labels))}"

    def in_order(self, powers: Iterable[tuple[Atom, Fraction]]) -> list[tuple[Atom, Fraction]]:
        """The factors of a product in an order of their own: a set has another one in every run of Python."""
        return sorted(powers, key=lambda power: (self._place(power[0]), power[1]))

    def _place(self, atom: Atom) -> tuple[str, ...]:
        known = self._order.get(atom)
        if known is None:
            self._order[atom] = known = (self._head(atom[0])[0], *map(spelling, atom[1]))
        return known

    def _candidates(
        self, free: list[Any], bound: list[Any], body: Poly, limits: Limits
    ) -> Iterator[tuple[list[Any], list[Any]]]:
        colours = self._refine(free, bound, body, limits)
        for ordered_free in _tied(free, colours):
            for ordered_bound in _tied(bound, colours):
                yield ordered_free, ordered_bound

    def _places(self, head: Any, count: int) -> tuple[int, ...]:
        """For each argument the first place that a symmetry can move it to: what looks the same gets one number."""
        number = class_of(head)
        place = list(range(count))
        kept = self._before_index(number)
        if is_of_pairs(head):
            step = 1 if is_symmetric(head) else 2
            place[kept:] = [kept + p % step for p in range(count - kept)]
        elif head[0] == "prod":
            place[kept:] = [kept] * (count - kept)
        elif is_symmetric(head):
            place[-1] = place[-2]
        if number is None or len(self.classes[number].symmetries) <= 1:
            return tuple(place)
        base, *others = self.classes[number].symmetries
        for _ in range(self.classes[number].arity):
            for order in others:
                for here, there in zip(base, order, strict=True):
                    place[here] = place[there] = min(place[here], place[there])
        return tuple(place)

    def _refine(self, free: list[Any], bound: list[Any], body: Poly, limits: Limits) -> dict[Any, int]:
        colours: dict[Any, int] = dict.fromkeys(free, 1)
        for k, first, last in limits:
            fixed = (spelling(e) for e in (first, last) if not any(True for _ in symbols_of((e,))))
            colours[k] = hash((2, *map(_number, fixed)))
        if len(free) <= 1 and len(bound) <= 1:
            return colours
        for _ in range(3):
            touched: dict[Any, list[int]] = {s: [] for s in colours}
            for mono, coefficient in body.items():
                terms = []
                for (head, args), exponent in mono:
                    places = self._places(head, len(args))
                    shape = tuple(sorted(hash((p, _coloured(a, colours))) for p, a in zip(places, args, strict=True)))
                    terms.append((hash((self._head(head)[1], exponent, shape)), places, args))
                whole = hash((coefficient, tuple(sorted(t for t, _, _ in terms))))
                for key, places, args in terms:
                    for place, arg in zip(places, args, strict=True):
                        for symbol in symbols_of((arg,)):
                            touched[symbol].append(hash((whole, key, place, _marked(arg, symbol))))
            colours = {s: hash((colours[s], tuple(sorted(touched[s])))) for s in colours}
            if len(set(colours.values())) == len(colours):
                break
        return colours


def _abstracted(body: Poly, bound: set[Any]) -> tuple[Poly, dict[Any, Any]]:
    """Index expressions without a summed index (``0``, ``i + 1``, ``y[i]``) become arguments like any other index."""
    found: dict[Any, Any] = {}
    for mono in body:
        for (_, args), _e in mono:
            for arg in args:
                if not (arg.is_Symbol and is_index(arg)) and arg not in found and not arg.free_symbols & bound:
                    found[arg] = fresh_index()
    if not found:
        return body, {}
    changed = {
        frozenset(((head, tuple(found.get(a, a) for a in args)), e) for (head, args), e in mono): c
        for mono, c in body.items()
    }
    return changed, {symbol: arg for arg, symbol in found.items()}


_OF_CLASSES = frozenset({"exp", "sig", "lp", "pow", "sum", "prod", "br", "ib", "node", "max", "fn", "mat"})


def class_of(head: Any) -> int | None:
    """The class number in a head such as ``("exp", 17)``; None for a head without one."""
    return head[1] if head[0] in _OF_CLASSES else None


def is_symmetric(head: Any) -> bool:
    """Whether the order of an atom's two arguments does not matter: an input assumed symmetric, a delta."""
    return bool(head[-1] == "symmetric" or head == DELTA)


def is_of_pairs(head: Any) -> bool:
    """Whether an atom's own arguments are pairs whose order does not matter (:mod:`.exponentials`)."""
    return bool(head[2:3] == ("along",))


def in_order(head: Any, places: Sequence[Any], key: Callable[[Any], str]) -> list[Any]:
    """The own arguments of an atom in the first of the orders that are one: of pairs, and of two that are symmetric."""
    if is_of_pairs(head):
        pairs = zip(places[::2], places[1::2], strict=True)
        turned = [sorted(pair, key=key) for pair in pairs] if is_symmetric(head) else [list(pair) for pair in pairs]
        return [place for pair in sorted(turned, key=lambda pair: [key(p) for p in pair]) for place in pair]
    if head[0] == "prod":  # the places that it leaves out are a set
        return sorted(dict.fromkeys(places), key=key)
    return sorted(places, key=key) if is_symmetric(head) else list(places)


@cache
def _number(text: str) -> int:
    """A number for a text, the same in every run: Python's own hash of text is not, that of numbers is."""
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest())


def _tied(symbols: list[Any], colours: dict[Any, int]) -> Iterator[list[Any]]:
    ranked = sorted(symbols, key=lambda s: colours[s])
    groups = [list(g) for _, g in itertools.groupby(ranked, key=lambda s: colours[s])]
    size = 1
    for group in groups:
        for factor in range(2, len(group) + 1):
            size *= factor
    if size > 720:
        raise TooLarge("an expression has too many interchangeable indices")
    for choice in itertools.product(*(itertools.permutations(g) for g in groups)):
        yield [s for group in choice for s in group]


def _coloured(arg: Any, colours: dict[Any, int]) -> Any:
    if arg.is_Symbol:
        return colours.get(arg, _number(spelling(arg)))
    terms = ((_number(text), sorted(colours.get(s, 0) for s in symbols)) for text, symbols in _shape(arg))
    return tuple(sorted((number, *inside) for number, inside in terms))


_MARK = sp.Symbol("_mark")


@cache
def _shape(arg: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The terms of an index expression without the names of its indices, which say nothing, each with its indices."""
    found = []
    for term in sp.Add.make_args(arg):
        symbols = tuple(s for s in term.free_symbols if is_index(s))
        found.append((spelling(term.xreplace(dict.fromkeys(symbols, _MARK)) if symbols else term), symbols))
    return tuple(found)


def _marked(arg: Any, symbol: Any) -> int:
    if arg is symbol:
        return 1
    return _number(f"{type(arg).__name__} {spelling(arg.coeff(symbol, 1)) if arg.is_Add or arg.is_Mul else ''}")
