r"""Entries of triangular matrices, inputs and Cholesky factors: those on the far side are 0, and no bracket says so.

.. math:: L_{ij} [i - j + c \ge 0] = L_{ij} \text{ for } c \ge 0, \qquad L_{ij} [j - i \ge 0] = \delta_{ij} L_{ii},
   \qquad L_{ij} [j - i - c \ge 0] = 0 \text{ for } c > 0, \qquad L_{ij} M_{ji} = \delta_{ij} L_{ii} M_{ii}.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.contraction import bounds
from .terms import Atom, Poly, symbols_of

if TYPE_CHECKING:
    from .algebra import Algebra


def reduce_triangular(algebra: Algebra, powers: dict[Atom, Fraction]) -> Poly | None:
    """What a product with an entry of a triangular matrix is equal to; None where it is in normal form."""
    brackets = [a for a in powers if a[0][0] == "ibx"]
    depths = list(dict.fromkeys(_depths(algebra, powers)))
    for depth, other in itertools.combinations(depths, 2):
        met = _both(algebra, powers, depth, sp.expand(depth + other))
        if met is not None:
            return met
    for depth in depths:
        _, highest = bounds(depth, algebra.ranges)
        if highest is not None and highest.is_negative:
            return {}
        for bracket in brackets:
            (value,) = bracket[1]
            rest = {a: e for a, e in powers.items() if a != bracket}
            if sp.expand(value - depth).is_nonnegative:
                return algebra.monomial(rest)
            beyond = sp.expand(value + depth)
            if beyond.is_negative:
                return {}
            if beyond == 0:
                return algebra.multiply(algebra.monomial(rest), _on_diagonal(algebra, depth))
    return None


def _both(algebra: Algebra, powers: dict[Atom, Fraction], depth: Any, together: Any) -> Poly | None:
    """Of two entries with depths that are never both positive: 0, or what they are on the diagonal."""
    if together.is_negative:
        return {}
    index = next((s for s in symbols_of((depth,)) if depth.coeff(s) in (1, -1)), None)
    if together != 0 or index is None:
        return None
    there = sp.expand(index - depth.coeff(index) * depth)
    if there.has(index):
        return None
    at = algebra.substitute({frozenset(powers.items()): Fraction(1)}, {index: there})
    return algebra.multiply(at, _on_diagonal(algebra, depth))


def _depths(algebra: Algebra, powers: dict[Atom, Fraction]) -> Iterator[Any]:
    """For each entry of a triangular matrix what is not negative where it is not 0: i − j for a lower one."""
    for (head, args), exponent in powers.items():
        if exponent <= 0:
            continue
        if head[0] == "mat" and algebra.matrices.is_lower((head, args)):
            yield sp.expand(args[-2] - args[-1])
        words = algebra.facts.get(head[1], frozenset()) if head[0] == "x" else frozenset()
        if "lower" in words:
            yield sp.expand(args[0] - args[1])
        elif "upper" in words:
            yield sp.expand(args[1] - args[0])


def _on_diagonal(algebra: Algebra, depth: Any) -> Poly:
    """δ that says that a depth is 0."""
    above = sp.Add(*(t for t in sp.Add.make_args(depth) if not t.could_extract_minus_sign()))
    return algebra.delta(above, sp.expand(above - depth))
