"""Which intermediates may be one: those with values in one ratio at samples; and how their arguments correspond."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import factorial
from typing import Any, Final

from .terms import symbols_of

_SIMPLE: Final = 64
"""Coefficients whose numerator or denominator is larger are not looked for."""

_ROUNDING: Final = 1e-7

_ORDERS: Final = 24
"""So many orders of interchangeable arguments are tried."""

Values = Sequence[float | None]


def ratio(mine: Values, other: Values) -> Fraction:
    """The simple number c with mine = c other at every sample that has a value; 0 where there is none.

    >>> ratio((1.0, None, -3.0), (-2.0, 5.0, 6.0))
    Fraction(-1, 2)
    >>> ratio((1.0, 2.0), (1.0, 3.0))
    Fraction(0, 1)
    """
    pairs = [(a, b) for a, b in zip(mine, other, strict=True) if a is not None and b is not None]
    if not pairs:
        return Fraction(1)  # nothing is known: a proof is tried
    size, unit = max(pairs, key=lambda pair: abs(pair[1]))
    if abs(unit) < _ROUNDING:
        return Fraction(int(abs(size) < _ROUNDING))
    found = Fraction(size / unit).limit_denominator(_SIMPLE)
    fits = all(abs(a - float(found) * b) <= _ROUNDING * (abs(a) + abs(b)) for a, b in pairs)
    return found if fits and 0 < abs(found) <= _SIMPLE else Fraction(0)


def matches(mine: tuple[Any, ...], other: tuple[Any, ...]) -> Iterator[tuple[int, ...]]:
    """Orders in which ``mine`` stand for ``other``: numbers for the same numbers, indices for indices.

    >>> import sympy as sp
    >>> i, j = sp.symbols("i j", integer=True)
    >>> list(matches((i, sp.S.One, j), (sp.S.One, i, j)))
    [(1, 0, 2), (1, 2, 0)]
    """
    fixed: dict[Any, list[int]] = {}
    free: list[int] = []
    for place, arg in enumerate(mine):
        if any(True for _ in symbols_of((arg,))):
            free.append(place)
        else:
            fixed.setdefault(arg, []).append(place)
    wanted = [None if any(True for _ in symbols_of((arg,))) else arg for arg in other]
    if wanted.count(None) != len(free) or factorial(len(free)) > _ORDERS:
        if len(mine) == len(other):
            yield tuple(range(len(mine)))
        return
    for order in itertools.permutations(free):
        places, numbers = iter(order), {arg: iter(at) for arg, at in fixed.items()}
        found = [next(places) if arg is None else next(numbers.get(arg, iter(())), -1) for arg in wanted]
        if -1 not in found:
            yield tuple(found)
