r"""What is known of the factors of a symmetric matrix: of L with :math:`L L^\top = A`, and of V and λ.

.. math:: \sum_k L_{ik} L_{jk} = A_{ij}, \quad \sum_k L^{-1}_{ki} L^{-1}_{kj} = A^{-1}_{ij}, \quad
   \sum_i \log L_{ii} = \tfrac12 \log \det A, \quad \det L = \sqrt{\det A},

.. math:: \sum_m A^{-1}_{lm} L_{mk} = L^{-1}_{kl}, \quad \sum_m L^{-1}_{km} A_{ml} = L_{lk}, \quad
   \sum_j A_{ij} V_{jk} = \lambda_k V_{ik},

.. math:: \sum_i V_{ik} V_{il} = \delta_{kl}, \quad \sum_k V_{ik} \lambda_k^p V_{jk} = (A^p)_{ij}, \quad
   \sum_k \lambda_k^p = \operatorname{tr} A^p, \quad \sum_k \log \lambda_k = \log \det A

for whole p, :math:`V \operatorname{diag}(e^\lambda) V^\top = e^A`, :math:`\det e^A = e^{\operatorname{tr} A}`, and
:math:`L_{ij} = 0` for i < j (:mod:`.triangular`).
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..equations.dims import fresh_index
from .classes import Limits
from .terms import Atom, Poly, depends, scale

if TYPE_CHECKING:
    from .matrices import Matrices

HALF = Fraction(1, 2)
Powers = dict[Atom, Fraction]
MOST = 6
"""Powers of a matrix up to this one are written as products."""


def of_factor(matrices: Matrices, name: str, body: Poly, row: Any, column: Any) -> Poly | None:
    """det L, log |det L| and the sign of det L for a Cholesky factor L, in terms of its matrix."""
    exponent = entry_of(matrices, body, "expm", (row, column)) or entry_of(matrices, body, "expm", (column, row))
    if exponent is not None and name in ("det", "logabsdet"):  # det exp A = exp tr A
        inner, limits, _ = matrices.reopened(*exponent)
        traced = matrices.algebra.substitute(inner, {limits[1][0]: limits[0][0]})
        trace = matrices.algebra.sum_over(traced, limits[:1])
        return trace if name == "logabsdet" else matrices.algebra.elementary.exp(trace)
    atom = entry_of(matrices, body, "chol", (row, column)) or entry_of(matrices, body, "chol", (column, row))
    if atom is None or name not in ("det", "logabsdet", "detsign"):
        return None
    if name == "detsign":
        return {frozenset(): Fraction(1)}
    inner, limits, _ = matrices.reopened(*atom)
    value = matrices.entry(name, inner, limits, ())
    return scale(value, HALF) if name == "logabsdet" else matrices.algebra.elementary.power(value, HALF)


def contracted(matrices: Matrices, powers: Powers, limits: list[Any]) -> Poly | None:
    """Σ over a product of entries of factors as what it is in terms of the matrix; None where there is no such pair."""
    for limit in limits:
        k = limit[0]
        holders = {atom: e for atom, e in powers.items() if depends(atom, k)}
        found = _Summed(matrices, holders, limit).value() if _is_free(limits, k) else None
        if found is not None:
            rest = {atom: e for atom, e in powers.items() if atom not in holders}
            outer = tuple(other for other in limits if other[0] is not k)
            algebra = matrices.algebra
            return algebra.sum_over(algebra.multiply(algebra.monomial(rest), found), outer)
    return None


def _is_free(limits: list[Any], k: Any) -> bool:
    return not any(end.has(k) for _, *ends in limits for end in ends)


class _Summed:
    """A product of powers that all depend on k, and the range of k."""

    def __init__(self, matrices: Matrices, holders: Powers, limit: tuple[Any, Any, Any]) -> None:
        self.matrices, self.holders, self.limit = matrices, holders, limit
        self.algebra = matrices.algebra

    def value(self) -> Poly | None:
        """The sum in terms of the matrix."""
        functions = [a for a in self.holders if a[0][0] == "mat" and a[0][2] in ("chol", "eigvec", "inv")]
        rest = {a: e for a, e in self.holders.items() if a not in functions}
        pairs = [a for a in functions for _ in range(int(self.holders[a])) if self.holders[a] in (1, 2)]
        if len(pairs) == 2 and pairs[0][0] == pairs[1][0]:
            return self._of_pair(pairs[0], pairs[1], rest)
        if len(pairs) == 2 and not rest and {a[0][2] for a in pairs} == {"chol", "inv"}:
            return self._of_factor_and_inverse(*sorted(pairs, key=lambda a: str(a[0][2])))
        if len(functions) == 1 and functions[0][0][2] == "eigvec":
            return self._of_eigenvector(functions[0], rest)
        if len(functions) == 1 and functions[0][0][2] == "inv":
            return self._of_inverse_factor(functions[0], rest)
        return self._of_spectrum(rest) if not functions else None

    def _of_eigenvector(self, vector: Atom, rest: Powers) -> Poly | None:
        """Σ_j A[i, j] V[j, k] = λ_k V[i, k]."""
        j, column = vector[1][-2:]
        body, limits, _ = self.matrices.reopened(*vector)
        partner = entry_of_input(body, rest, (limits[0][0], limits[1][0]), j)
        if j is not self.limit[0] or partner is None or not self._is_whole(vector):
            return None
        own = self._class(vector)
        if any(a.has(j) for a in (*own, column, partner[0])):
            return None
        value = self.algebra.table.atom((*vector[0][:2], "eigval"), (*own, column))
        moved = self.algebra.table.atom(vector[0], (*own, partner[0], column))
        return {frozenset({(value, Fraction(1)), (moved, Fraction(1))}): partner[1]}

    def _of_pair(self, one: Atom, other: Atom, rest: Powers) -> Poly | None:
        own, (left, right) = self._class(one), (a[1][len(self._class(a)) :] for a in (one, other))
        if own != self._class(other) or any(a.has(self.limit[0]) for a in own) or not self._is_whole(one):
            return None
        k = self.limit[0]
        by_column = left[1] is k and right[1] is k
        ends = (left[0], right[0]) if by_column else (left[1], right[1])
        if not (by_column or (left[0] is k and right[0] is k)) or any(end.has(k) for end in ends):
            return None
        kind = one[0][2]
        if kind == "chol" and by_column and not rest:
            return self._at(self.matrices.reopened(*one)[:2], ends)
        if kind == "inv" and not by_column and not rest:
            return self._inverse_of_factor(one, ends)
        if kind == "eigvec" and not by_column and not rest:
            return self.algebra.delta(*ends)
        if kind == "eigvec" and by_column and self._is_exponential(one, rest):
            return self.matrices.entry("expm", *self.matrices.reopened(*one)[:2], ends)
        power = self._power_of_eigenvalue(one, rest) if kind == "eigvec" and by_column else None
        return None if power is None else self._matrix_power(one, power, ends)

    def _inverse_of_factor(self, atom: Atom, ends: tuple[Any, Any]) -> Poly | None:
        inner, limits, _ = self.matrices.reopened(*atom)
        factor = entry_of(self.matrices, inner, "chol", (limits[0][0], limits[1][0]))
        if factor is None:
            return None
        body, own, _ = self.matrices.reopened(*factor)
        return self.matrices.entry("inv", body, own, ends)

    def _of_factor_and_inverse(self, factor: Atom, inverse: Atom) -> Poly | None:
        """Σ_m A⁻¹[l, m] L[m, k] = L⁻¹[k, l]."""
        m, k = factor[1][-2:]
        others = [i for i in inverse[1][-2:] if i is not m]
        own = self._class(factor)
        same = factor[0][1] == inverse[0][1] and own == self._class(inverse) and inverse[0][-1] == "symmetric"
        if not same or m is not self.limit[0] or len(others) != 1 or any(a.has(m) for a in (*own, k, *others)):
            return None
        limits = self.matrices.reopened(*factor)[1]
        whole = self.algebra.table.atom(factor[0], (*own, limits[0][0], limits[1][0]))
        value: Poly = {frozenset({(whole, Fraction(1))}): Fraction(1)}
        return self.matrices.entry("inv", value, limits, (k, others[0])) if self._is_whole(factor) else None

    def _of_inverse_factor(self, inverse: Atom, rest: Powers) -> Poly | None:
        """Σ_m L⁻¹[k, m] A[m, l] = L[l, k]."""
        k, m = inverse[1][-2:]
        body, limits, _ = self.matrices.reopened(*inverse)
        factor = entry_of(self.matrices, body, "chol", (limits[0][0], limits[1][0]))
        if factor is None or m is not self.limit[0] or not self._is_whole(inverse):
            return None
        inner, ends, _ = self.matrices.reopened(*factor)
        partner = entry_of_input(inner, rest, (ends[0][0], ends[1][0]), m)
        own = self._class(factor)
        if partner is None or any(a.has(m) for a in (*self._class(inverse), k, partner[0])):
            return None
        return {frozenset({(self.algebra.table.atom(factor[0], (*own, partner[0], k)), Fraction(1))}): partner[1]}

    def _of_spectrum(self, rest: Powers) -> Poly | None:
        """Σ_k of λ_k^p, of log λ_k, of log L_kk."""
        if len(rest) != 1:
            return None
        ((atom, exponent),) = rest.items()
        if atom[0][0] == "mat" and atom[0][2] == "eigval" and atom[1][-1] is self.limit[0] and self._is_whole(atom):
            place = fresh_index()
            self.algebra.ranges[place] = self.limit[1:]
            power = self._matrix_power(atom, exponent, (place, place))
            return None if power is None else self.algebra.sum_over(power, ((place, *self.limit[1:]),))
        if atom[0][0] != "fn" or atom[0][2:] != ("log",) or exponent != 1:
            return None
        found = spectrum(self.matrices, self.algebra.instantiate(atom[0][1], atom[1]), self.limit)
        return None if found is None else scale(self.matrices.entry("logabsdet", *found[0], ()), found[1])

    def _is_exponential(self, vector: Atom, rest: Powers) -> bool:
        """Whether the other factors are e^{λ_k} of the same matrix."""
        if len(rest) != 1:
            return False
        ((atom, exponent),) = rest.items()
        if atom[0][0] != "exp" or exponent != 1:
            return False
        found = entry_of(self.matrices, self.algebra.instantiate(atom[0][1], atom[1]), "eigval", (self.limit[0],))
        return found is not None and found[0][1] == vector[0][1] and self._class(found) == self._class(vector)

    def _power_of_eigenvalue(self, vector: Atom, rest: Powers) -> Fraction | None:
        """p where the other factors are λ_k^p of the same matrix."""
        if not rest:
            return Fraction(0)
        if len(rest) != 1:
            return None
        ((atom, exponent),) = rest.items()
        same = atom[0][:2] == vector[0][:2] and atom[0][2] == "eigval" if atom[0][0] == "mat" else False
        return exponent if same and atom[1] == (*self._class(vector), self.limit[0]) else None

    def _matrix_power(self, atom: Atom, power: Fraction, ends: tuple[Any, Any]) -> Poly | None:
        if power.denominator != 1 or abs(power) > MOST:
            return None
        if power == 0:
            return self.algebra.delta(*ends)
        places = [ends[0], *(fresh_index() for _ in range(abs(int(power)) - 1)), ends[1]]
        for place in places[1:-1]:
            self.algebra.ranges[place] = self.limit[1:]
        opened = self.matrices.reopened(*atom)[:2]
        factors = [self._at(opened, pair, power < 0) for pair in itertools.pairwise(places)]
        return self.algebra.sum_over(self.algebra.product(factors), tuple((p, *self.limit[1:]) for p in places[1:-1]))

    def _at(self, opened: tuple[Poly, Limits], ends: tuple[Any, Any], inverse: bool = False) -> Poly:
        body, limits = opened
        if inverse:
            return self.matrices.entry("inv", body, limits, ends)
        return self.algebra.substitute(body, {limits[0][0]: ends[0], limits[1][0]: ends[1]})

    def _class(self, atom: Atom) -> tuple[Any, ...]:
        return atom[1][: self.algebra.table[atom[0][1]].arity]

    def _is_whole(self, atom: Atom) -> bool:
        """Whether the sum runs over all places of the matrix."""
        return bool(self.matrices.reopened(*atom)[1][0][1:] == tuple(self.limit[1:]))


def spectrum(
    matrices: Matrices, factor: Poly, limit: tuple[Any, Any, Any]
) -> tuple[tuple[Poly, Limits], Fraction] | None:
    """The matrix, and the power of its determinant, that Π_k of a factor is: of all λ_k, or of all L_kk."""
    k = limit[0]
    for kind, index, power in (("chol", (k, k), HALF), ("eigval", (k,), Fraction(1))):
        found = entry_of(matrices, factor, kind, index)
        if found is None or any(a.has(k) for a in found[1][: matrices.algebra.table[found[0][1]].arity]):
            continue
        body, limits, _ = matrices.reopened(*found)
        if limits[0][1:] == tuple(limit[1:]):
            return (body, limits), power
    return None


def entry_of_input(body: Poly, rest: Powers, ends: tuple[Any, Any], j: Any) -> tuple[Any, Fraction] | None:
    """Where the matrix is c · X of a symmetric input X and ``rest`` is its entry X[i, j]: the place i, and 1 / c."""
    if len(body) != 1 or len(rest) != 1:
        return None
    ((mono, coefficient),) = body.items()
    ((atom, exponent),) = rest.items()
    if len(mono) != 1 or exponent != 1:
        return None
    (((head, args), own),) = mono
    places = [a for a in atom[1] if a is not j]
    if own != 1 or head != atom[0] or head[-1] != "symmetric" or set(args) != set(ends) or len(places) != 1:
        return None
    return places[0], 1 / coefficient


def entry_of(matrices: Matrices, body: Poly, name: str, index: tuple[Any, ...]) -> Atom | None:
    """The atom that a form is, if it is this entry of such a function."""
    if len(body) != 1:
        return None
    ((mono, coefficient),) = body.items()
    if coefficient != 1 or len(mono) != 1:
        return None
    ((atom, exponent),) = mono
    if exponent != 1 or atom[0][0] != "mat" or atom[0][2] != name:
        return None
    own = atom[1][matrices.algebra.table[atom[0][1]].arity :]
    return atom if own == index else None
