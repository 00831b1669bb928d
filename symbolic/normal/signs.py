"""What is positive, or not negative, for certain: for all inputs and all sizes.

Nothing is concluded from numbers. The rows are few: exponentials, sizes, what is declared positive, determinants of
definite matrices, sums of such over ranges that are not empty, and counts of ties.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ..equations.dims import fresh_index
from .classes import Class
from .definite import DEFINITE, is_quadratic
from .generic import not_empty
from .terms import ONE, Atom, Mono, Poly, add

if TYPE_CHECKING:
    from .algebra import Algebra


class Signs:
    """The signs of forms over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._quadratic: dict[int, bool] = {}

    def is_positive(self, poly: Poly) -> bool:
        """Whether a polynomial is positive for certain: one of its terms is and none is negative, or c + d σ with both
        ends not negative."""
        if len(poly) == 2 and ONE in poly:
            ((mono, slope),) = ((m, c) for m, c in poly.items() if m != ONE)
            if slope < 0 and len(mono) == 1 and all(a[0][0] == "sig" and e == 1 for a, e in mono):
                return poly[ONE] + slope >= 0
        return self.never_negative(poly) and any(all(self.atom_positive(a) for a, _ in m) for m in poly)

    def never_negative(self, poly: Poly) -> bool:
        """Whether a polynomial has no negative term, for certain."""
        return all(c > 0 and self._never_negative(m) for m, c in poly.items())

    def _never_negative(self, mono: Mono) -> bool:
        return all(e % 2 == 0 or self.atom_nonnegative(a) for a, e in mono)

    def atom_positive(self, atom: Atom) -> bool:
        """Whether an atom is positive for certain."""
        head = atom[0]
        kind = head[0]
        if kind in ("exp", "sig", "lp", "dim", "num"):
            return True
        if kind == "x":
            words = self.algebra.facts.get(head[1], frozenset())
            return "positive" in words or ("positive_definite" in words and atom[1][0] == atom[1][1])
        if kind == "mat":
            return self._matrix_entry_positive(atom)
        if kind == "prod":
            return self.is_positive(self.algebra.table[head[1]].body)
        if kind in ("sum", "pow", "node"):
            found = self.algebra.table[head[1]]
            return not_empty(found.limits) and (self.is_positive(found.body) or self.counts_ties(found))
        return False

    def _matrix_entry_positive(self, atom: Atom) -> bool:
        """A determinant, an eigenvalue of a definite matrix; the diagonal of a Cholesky factor and of its inverse."""
        matrices, index = self.algebra.matrices, atom[1][-2:]
        if atom[0][2] in ("det", "eigval"):
            return matrices.definiteness(atom) == DEFINITE
        return bool(len(index) == 2 and index[0] == index[1] and matrices.is_lower(atom))

    def atom_nonnegative(self, atom: Atom) -> bool:
        """Whether an atom is positive or a sum of squares: the root of a product of such is the product of roots."""
        if self.atom_positive(atom):
            return True
        if atom[0][0] not in ("sum", "pow", "node"):
            return False
        found = self.algebra.table[atom[0][1]]
        return self.never_negative(found.body) or (len(found.limits) > 1 and self._is_quadratic(atom))

    def _is_quadratic(self, atom: Atom) -> bool:
        """Whether a sum is a quadratic form of a matrix that is not negative; every class is looked at once."""
        number = atom[0][1]
        if number not in self._quadratic:
            generic = tuple(fresh_index() for _ in atom[1])
            self._quadratic[number] = is_quadratic(self.algebra, *self.algebra.open_sum(number, generic))
        return self._quadratic[number]

    def counts_ties(self, found: Class) -> bool:
        """Σ_k [x_k = max_l x_l], which counts at least one."""
        if found.kind != "sum" or not found.limits:
            return False
        ((mono, _),) = found.body.items()
        tests = [atom for atom, _ in mono]
        if len(tests) != 1 or tests[0][0][2:] != ("zero",):
            return False
        equation = self.algebra.instantiate(tests[0][0][1], tests[0][1])
        for mono, c in equation.items():
            largest = [(atom, e) for atom, e in mono if atom[0][0] == "max" and len(atom[0]) == 2]
            rest = frozenset(mono - set(largest))
            if len(largest) != 1 or largest[0][1] != 1 or not all(self.atom_positive(a) for a, _ in rest):
                continue
            ((_, number), args), _ = largest[0]
            if any(a.has(index) for a in args for index, _, _ in found.limits):
                continue
            body, limits = self.algebra.open_reduction(number, args)
            for order in itertools.permutations(found.limits) if len(found.limits) == len(limits) < 4 else ():
                if all(mine[1:] == own[1:] for mine, own in zip(limits, order, strict=True)):
                    names = {mine[0]: own[0] for mine, own in zip(limits, order, strict=True)}
                    at = self.algebra.substitute(body, names)
                    if add(equation, {mono: -c}, self.algebra.multiply({rest: c}, at)) == {}:
                        return True
            return False
        return False
