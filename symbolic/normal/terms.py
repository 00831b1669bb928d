"""Atoms, monomials and polynomials: plain tuples, frozensets and dicts, so that they are fast and hashable.

- an atom is ``(head, args)``: a hashable head and a tuple of index expressions;
- a monomial is a frozenset of ``(atom, exponent)`` with rational exponents; the empty one is 1;
- a polynomial is a dict from monomials to nonzero rational coefficients; the empty one is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..equations.definition import owner

Atom = tuple[Any, tuple[Any, ...]]
Mono = frozenset[tuple[Atom, Fraction]]
Poly = dict[Mono, Fraction]

ONE: Mono = frozenset()


class TooLarge(Exception):
    """The form grew beyond its budget; the prover then answers "not proved"."""


LARGEST = 3000
"""A polynomial with more terms than this is given up."""


def constant(value: Any) -> Poly:
    """A rational number as a polynomial."""
    number = Fraction(int(value.p), int(value.q)) if hasattr(value, "q") else Fraction(value)
    return {ONE: number} if number else {}


def single(atom: Atom, exponent: Fraction | int = 1) -> Poly:
    """An atom to a power as a polynomial."""
    return {frozenset({(atom, Fraction(exponent))}): Fraction(1)}


def accumulate(total: Poly, poly: Poly, factor: Fraction | int = 1) -> None:
    """``total += factor * poly``, in place."""
    for mono, coefficient in poly.items():
        before = total.get(mono)
        value = coefficient * factor if before is None else before + coefficient * factor
        if value:
            total[mono] = value
        elif before is not None:
            del total[mono]
    if len(total) > LARGEST:
        raise TooLarge(f"a normal form grew beyond {LARGEST} terms")


def add(*polys: Poly) -> Poly:
    """The sum."""
    total: Poly = {}
    for poly in polys:
        accumulate(total, poly)
    return total


def scale(poly: Poly, factor: Fraction | int) -> Poly:
    """A rational multiple."""
    return {mono: coefficient * factor for mono, coefficient in poly.items()} if factor else {}


def merge(left: Mono, right: Mono) -> dict[Atom, Fraction]:
    """The exponents of a product, before any identity is applied."""
    powers = dict(left)
    for atom, exponent in right:
        powers[atom] = powers.get(atom, Fraction(0)) + exponent
    return {atom: exponent for atom, exponent in powers.items() if exponent}


def atoms(poly: Poly) -> Iterator[Atom]:
    """Every atom that occurs, possibly several times."""
    for mono in poly:
        for atom, _ in mono:
            yield atom


def is_index(symbol: Any) -> bool:
    """Whether a SymPy symbol is an index (dimensions are positive, references to scalars are real, not integer)."""
    return bool(symbol.is_Symbol and symbol.is_integer and not symbol.is_positive and owner(symbol) is None)


def spelling(arg: Any) -> str:
    """An index expression as text, as ``str`` writes it; symbols, of which there are most, are not printed for it."""
    if arg.is_Symbol:
        return f"_{arg.name}" if arg.is_Dummy else arg.name
    return _printed(arg)


@lru_cache(maxsize=1 << 16)
def _printed(arg: Any) -> str:
    return str(arg)


def symbols_of(args: Iterable[Any]) -> Iterator[Any]:
    """The index symbols in index expressions."""
    for arg in args:
        if arg.is_Symbol:
            if is_index(arg):
                yield arg
        elif arg.args:
            for symbol in sorted(arg.free_symbols, key=spelling):
                if is_index(symbol):
                    yield symbol


def depends(atom: Atom, symbol: Any) -> bool:
    """Whether an atom's arguments hold an index symbol."""
    return any(arg is symbol or (arg.args and arg.has(symbol)) for arg in atom[1])


def leading(poly: Poly) -> Fraction:
    """A coefficient to normalise by: the one of smallest size (the same for a polynomial and its multiples' order)."""
    return min(poly.values(), key=lambda c: (abs(c), c))
