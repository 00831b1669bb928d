r"""Terms that are equal although they are written through other intermediates: :math:`A X T^{-1}` and what adds to it.

A product of references, summed over indices, is a network; intermediates that are products themselves are opened. Two
networks are equal where a renaming of the summed indices makes one of the other. The renaming is found by telling the
indices apart by what they touch; where two of them cannot be told apart nothing is said, so that what is said is true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .definition import Definition, freshen, ordered, owner, references

_MOST = 16
"""A network of more factors than this is left alone."""


class _Unknown(Exception):
    """This term is no network of references."""


@dataclass(frozen=True, slots=True)
class _Factor:
    """An array at an index, to a power; ``symmetric`` where the two indices may be exchanged."""

    label: Any
    index: tuple[Any, ...]
    exponent: Any
    symmetric: bool


@dataclass(slots=True)
class _Network:
    """Factors under sums over ``bound`` (index → range), times a number."""

    coefficient: Any = sp.S.One
    factors: list[_Factor] = field(default_factory=list)
    bound: dict[Any, Any] = field(default_factory=dict)

    def multiply(self, e: Any, exponent: Any = sp.S.One) -> None:
        definition = owner(e)
        if definition is not None:
            self._reference(e, definition, exponent)
        elif not any(True for _ in references(e)) and not e.has(KroneckerDelta, sp.Sum, *self.bound):
            self.coefficient *= e**exponent
        elif e.is_Mul:
            for factor in e.args:
                self.multiply(factor, exponent)
        elif e.is_Pow and e.exp.is_Rational:
            self.multiply(e.base, exponent * e.exp)
        elif isinstance(e, sp.Sum) and exponent == 1:
            for index, first, last in e.limits:
                if last.has(*self.bound) or first.has(*self.bound):
                    raise _Unknown
                self.bound[index] = (first, last)
            self.multiply(e.args[0])
        elif isinstance(e, KroneckerDelta) and exponent == 1:
            self._add(_Factor("delta", tuple(e.args[:2]), exponent, True))
        else:
            raise _Unknown

    def _reference(self, e: Any, definition: Definition, exponent: Any) -> None:
        from .symmetry import is_symmetric

        index = tuple(e.indices) if isinstance(e, sp.Indexed) else ()
        if exponent == 1 and _is_product(definition):
            self.multiply(definition.expanded_at(*index))
        else:
            self._add(_Factor(definition.label, index, exponent, len(index) == 2 and is_symmetric(definition)))

    def _add(self, factor: _Factor) -> None:
        self.factors.append(factor)
        if len(self.factors) > _MOST:
            raise _Unknown

    def key(self, palette: dict[Any, int]) -> Any:
        """What equal networks have in common; ``palette`` gives numbers to what has been seen."""
        colours: dict[Any, int] = {k: palette.setdefault(("range", r), len(palette)) for k, r in self.bound.items()}
        for _ in self.bound:
            seen = {k: self._touched(k, colours, palette) for k in self.bound}
            colours = {k: palette.setdefault((colours[k], seen[k]), len(palette)) for k in self.bound}
        if len(set(colours.values())) < len(colours):
            raise _Unknown
        # the indices too: the range of one that no factor has is told by nothing else
        return tuple(sorted(_coloured(f, colours, palette) for f in self.factors)), tuple(sorted(colours.values()))

    def _touched(self, k: Any, colours: dict[Any, int], palette: dict[Any, int]) -> Any:
        touched = [f for f in self.factors if any(i is k or i.has(k) for i in f.index)]
        marked = colours | {k: -1}
        return tuple(sorted(_coloured(f, marked, palette) for f in touched))


def _coloured(factor: _Factor, colours: Mapping[Any, int], palette: dict[Any, int]) -> tuple[Any, ...]:
    places = []
    for i in factor.index:
        if i in colours:
            places.append(colours[i])
        elif i.has(*colours) if colours else False:
            raise _Unknown  # a shifted index
        else:
            places.append(palette.setdefault(("free", i), len(palette)))
    head = palette.setdefault(("array", factor.label, factor.exponent), len(palette))
    return (head, *(sorted(places) if factor.symmetric else places))


def _is_product(definition: Definition) -> bool:
    """Whether an intermediate is a product of references, summed or not."""
    if definition.is_input or definition.group or definition.first:
        return False
    rhs = definition.rhs
    while isinstance(rhs, sp.Sum):
        rhs = rhs.args[0]
    factors = sp.Mul.make_args(rhs)
    return all(owner(f) is not None or isinstance(f, (KroneckerDelta, sp.Sum)) or f.is_number for f in factors)


def _terms(expression: Any, palette: dict[Any, int]) -> list[tuple[Any, Any]] | None:
    """Each term's key and number; None where one of them is no network."""
    found = []
    for term in sp.Add.make_args(expression):
        network = _Network()
        try:
            network.multiply(freshen(term))
            found.append((network.key(palette), network.coefficient))
        except _Unknown:
            return None
    return found


def are_equal(one: Any, other: Any) -> bool:
    """Whether two sums of networks are term by term the same; False where that is not known."""
    palette: dict[Any, int] = {}
    totals = []
    for expression in (one, other):
        terms = _terms(expression, palette)
        if terms is None:
            return False
        total: dict[Any, Any] = {}
        for key, coefficient in terms:
            total[key] = total.get(key, sp.S.Zero) + coefficient
        totals.append({key: sp.expand(c) for key, c in total.items() if sp.expand(c) != 0})
    return totals[0] == totals[1]


def with_like_terms_added(expression: Any) -> Any:
    """The sum with equal networks as one term: the one that needs fewer intermediates stands for them."""
    if not expression.is_Add or sum(term.has(sp.Sum) for term in expression.args) < 1:
        return expression
    palette: dict[Any, int] = {}
    classes: dict[Any, list[tuple[Any, Any]]] = {}
    for position, term in enumerate(expression.args):
        found = _terms(term, palette)
        key, coefficient = (position, sp.S.One) if found is None else found[0]
        classes.setdefault(key, []).append((term, coefficient))
    if len(classes) == len(expression.args):
        return expression
    result = []
    for members in classes.values():
        term, own = min(members, key=lambda member: _needed(member[0]))
        result.append(sp.Mul(sp.Add(*(c for _, c in members)) / own, term))
    return sp.Add(*result)


def _needed(term: Any) -> tuple[int, int]:
    owners: Iterable[Definition | None] = map(owner, references(term))
    return len(ordered([d for d in Counter(owners) if d is not None])), int(term.count_ops())
