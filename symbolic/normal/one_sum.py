r"""Several sums as one: :math:`c \sum_i f_i + \sum_i g_i + d = \sum_i (c f_i + g_i + d/n)`.

Fractions under a sum cancel only with what stands under the same sum:
:math:`\sum_i \frac{1}{1 + x_i} + \sum_i \frac{1}{1 - x_i}` is :math:`\sum_i \frac{2}{1 - x_i^2}`, but no term of the
one is a term of the other. What vanishes under the sum, denominators multiplied out, vanishes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from ..equations.dims import fresh_index
from .generic import not_empty
from .terms import Atom, Mono, Poly, accumulate, add, depends, symbols_of

if TYPE_CHECKING:
    from .algebra import Algebra

_WAYS = 16
"""So many choices of the index that is shared, where sums run over a range several times, are tried."""

Range = tuple[Any, Any]


def under_one_sum(algebra: Algebra, poly: Poly) -> Iterator[Poly]:
    """What is summed where the form is one sum over a range that is not empty, for each choice of the shared index."""
    if len(poly) < 2 or not any(_divides(algebra, atom) for mono in poly for atom, _ in mono):
        return
    terms = sorted(poly.items(), key=lambda term: str(algebra.table.in_order(term[0])))
    for shared in _ranges(algebra, [mono for mono, _ in terms]):
        index = fresh_index()
        algebra.ranges[index] = shared
        share = algebra.elementary.power(algebra.size(shared[1] - shared[0] + 1), Fraction(-1))
        ways = [
            _bodies(algebra, mono, index, shared) or [algebra.multiply({mono: Fraction(1)}, share)] for mono, _ in terms
        ]
        for way in itertools.product(*ways) if prod(map(len, ways)) <= _WAYS else ():
            total: Poly = {}
            for (_, c), body in zip(terms, way, strict=True):
                accumulate(total, body, c)
            yield total


def rejoined(algebra: Algebra, poly: Poly) -> Poly:
    """The form with sums under conditions on their index taken again, those over one range together.

    What was half of a band where an index ran further is a band here (:mod:`.bands`).
    """
    joint: dict[Range, Poly] = {}
    rest: Poly = {}
    indices: dict[Range, Any] = {}
    for mono, c in poly.items():
        conditional = next(
            ((a, l) for a, e in algebra.table.in_order(mono) if e == 1 for l in _conditional(algebra, a)), None
        )
        if conditional is None:
            rest[mono] = c
            continue
        atom, shared = conditional
        index = indices.setdefault(shared, fresh_index())
        algebra.ranges[index] = shared
        body = _bodies(algebra, frozenset({(atom, Fraction(1))}), index, shared)[0]
        accumulate(joint.setdefault(shared, {}), algebra.multiply({mono - {(atom, Fraction(1))}: Fraction(1)}, body), c)
    if len(poly) - len(rest) < 2:
        return poly
    return add(rest, *(algebra.sum_over(body, ((indices[shared], *shared),)) for shared, body in joint.items()))


def _conditional(algebra: Algebra, atom: Atom) -> list[Range]:
    """The range of the only index of a sum, where a condition on it stands in the sum."""
    if atom[0][0] != "sum":
        return []
    found = algebra.table[atom[0][1]]
    ((body,), limits) = (found.body, found.limits)
    if len(limits) != 1 or not any(a[0][0] == "ibx" and depends(a, limits[0][0]) for a, _ in body):
        return []
    return [limit[1:] for limit in algebra.open_sum(atom[0][1], atom[1])[1]]


def _divides(algebra: Algebra, atom: Atom) -> bool:
    """Whether something under a sum is divided by several terms."""
    if atom[0][0] != "sum":
        return False
    return any(
        (a[0][0] == "pow" and e < 0) or _divides(algebra, a) for mono in algebra.table[atom[0][1]].body for a, e in mono
    )


def _ranges(algebra: Algebra, monos: list[Mono]) -> list[Range]:
    """The ranges over which sums in several terms run."""
    found: dict[Range, int] = {}
    for mono in monos:
        atoms = (atom for atom, exponent in algebra.table.in_order(mono) if exponent == 1)
        for shared in dict.fromkeys(limit[1:] for atom in atoms for limit in _outer(algebra, atom)[1]):
            found[shared] = found.get(shared, 0) + 1
    return [shared for shared, count in found.items() if count > 1 and not_empty(((None, *shared),))]


def _outer(algebra: Algebra, atom: Atom) -> tuple[dict[Atom, Fraction], list[Any], Any]:
    """A sum opened: its body, the limits that depend on no other one, and all of them."""
    if atom[0][0] != "sum":
        return {}, [], ()
    body, limits = algebra.open_sum(atom[0][1], atom[1])
    bound = {k for k, _, _ in limits}
    return body, [limit for limit in limits if not bound.intersection(symbols_of(limit[1:]))], limits


def _bodies(algebra: Algebra, mono: Mono, index: Any, shared: Range) -> list[Poly]:
    """A term as what is summed in it over the shared range, for each of its indices that has it."""
    found = []
    for atom, exponent in algebra.table.in_order(mono):
        body, outer, limits = _outer(algebra, atom) if exponent == 1 else ({}, [], ())
        for limit in outer:
            if limit[1:] == shared:
                inside = algebra.substitute(algebra.monomial(body), {limit[0]: index})
                others = tuple(
                    (k, a.xreplace({limit[0]: index}), b.xreplace({limit[0]: index}))
                    for k, a, b in limits if k is not limit[0]
                )  # fmt: skip
                rest: Poly = {mono - {(atom, exponent)}: Fraction(1)}
                found.append(algebra.multiply(rest, algebra.sum_over(inside, others)))
    return found
