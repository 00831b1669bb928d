r"""The place of a maximum is one place: :math:`[x_j = \max x]\,[x_k = \max x] = \delta_{jk}\,[x_j = \max x]`.

That holds almost everywhere, where no two entries are equal but at exceptional inputs (:mod:`.generic`): of a row of
``argmax`` that is multiplied by what it picks, only the picked one is left,

.. math:: [x_j = \max x] \sum_k [x_k = \max x]\,f_k = [x_j = \max x]\,f_j.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..equations.dims import fresh_index
from .terms import Atom, Poly, atoms, merge, single

if TYPE_CHECKING:
    from .algebra import Algebra

Powers = dict[Atom, Fraction]


def one_place(algebra: Algebra, powers: Powers) -> Poly | None:
    """A product without the second of two tests for one maximum, at two places; None where there is no such pair."""
    tests = [atom for atom in powers if atom[0][0] == "fn" and atom[0][2:] == ("zero",)]
    for number, test in enumerate(tests):
        for other in tests[number + 1 :]:
            place = _place(algebra, test, other)
            if place is not None:
                algebra.almost_everywhere = True
                rest = algebra.monomial({a: e for a, e in powers.items() if a != other})
                return algebra.multiply(rest, algebra.delta(test[1][place], other[1][place]))
        picked = _picked(algebra, test, powers)
        if picked is not None:
            return picked
    return None


def _picked(algebra: Algebra, test: Atom, powers: Powers) -> Poly | None:
    """A product of a test and a sum over such tests, with the test under the sum."""
    for atom, exponent in powers.items():
        if atom[0][0] != "sum" or exponent != 1:
            continue
        body, limits = algebra.open_sum(atom[0][1], atom[1])
        bound = [limit[0] for limit in limits]
        for other in body:
            place = _place(algebra, test, other) if other[0] == test[0] else None
            if place is not None and other[1][place] in bound:
                inside = merge(frozenset(body.items()), frozenset({(test, Fraction(1))}))
                rest = algebra.monomial({a: e for a, e in powers.items() if a not in (test, atom)})
                return algebra.multiply(rest, algebra.sum_over(algebra.monomial(inside), limits))
    return None


def _place(algebra: Algebra, one: Atom, other: Atom) -> int | None:
    """The argument in which two tests for one maximum differ, if it is the one that the maximum is over."""
    if one[0] != other[0]:
        return None
    differ = [p for p, (a, b) in enumerate(zip(one[1], other[1], strict=True)) if a != b]
    return differ[0] if len(differ) == 1 and _is_place(algebra, one, other, differ[0]) else None


def _is_place(algebra: Algebra, one: Atom, other: Atom, place: int) -> bool:
    """Whether a test is for the maximum over one of its arguments, and holds at one value of it alone."""
    index = fresh_index()
    test = algebra.atom(one[0], (*one[1][:place], index, *one[1][place + 1 :]))
    for head, args in dict.fromkeys(atoms(algebra.instantiate(one[0][1], one[1]))):
        limits = algebra.open_reduction(head[1], args)[1] if head[0] == "max" and len(head) == 2 else ()
        if len(limits) == 1:
            number, _ = algebra.table.intern("sum", single(test), ((index, *limits[0][1:]),))
            ties = algebra.table[number]
            return algebra.signs.counts_ties(ties) and algebra.generic.without_ties(ties)
    return False
