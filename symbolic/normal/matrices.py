r"""Matrix functions in normal forms: an entry of A⁻¹ is an atom for the class of A's form, and so is det A.

A class holds the form of an entry of A with its row and its column marked. What is known of it:

.. math:: (A^\top)^{-1}_{ij} = A^{-1}_{ji}, \quad (A^{-1})^{-1} = A, \quad (c A)^{-1} = A^{-1} / c, \quad
   \operatorname{diag}(d)^{-1} = \operatorname{diag}(1 / d), \quad \sum_j A^{-1}_{ij} A_{jk} = \delta_{ik},

.. math:: (A B)^{-1} = B^{-1} A^{-1}, \quad \det A B = \det A \det B, \quad \det A^\top = \det A, \quad
   \det A^{-1} = 1 / \det A

for square A and B. Of A = X + ... with an input X, :math:`\sum_j A^{-1}_{ij} X_{jk}` is
:math:`\delta_{ik} - \sum_j A^{-1}_{ij} (A - X)_{jk}`, so that X does not stand beside the inverse.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.dims import fresh_index
from ..equations.matrix_functions import ROWS
from . import exponentials
from .classes import Limits
from .definite import DEFINITE, definiteness
from .factorisations import contracted, entry_of, of_factor
from .inverse_products import inverse_times_matrix
from .terms import Atom, Poly, add, depends, scale, single

if TYPE_CHECKING:
    from .algebra import Algebra

_MARKS = ("row", "column")


class Matrices:
    """Atoms of matrix functions over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._definite: dict[Atom, int | None] = {}
        self._lower: dict[Any, bool] = {}
        self._blocks: dict[int, bool] = {}

    def entry(self, name: str, body: Poly, limits: Limits, index: tuple[Any, ...]) -> Poly:
        """``f(A)[index]`` for the matrix whose entry at the two limits' indices is ``body``."""
        row, column = (limit[0] for limit in limits)
        for part in limits:
            self.algebra.ranges[part[0]] = part[1:]
        if name == "along":
            return exponentials.along_units(self, body, limits, index)
        if not ROWS[name].turns:
            number, args = self.algebra.table.intern("mat", _marked(body, limits, _MARKS), limits)
            return single(self.algebra.table.atom(("mat", number, name), (*args, *index)))
        if name == "inv" and entry_of(self, body, "chol", (column, row)) is not None:  # of Lᵀ by that of L
            return self.entry(name, body, limits[::-1], index[::-1])
        if name == "expm":
            block = exponentials.of_blocks(self, body, limits, index)
            return self._atom(name, body, limits, index) if block is None else block
        known = of_factor(self, name, body, row, column) or self._of_inverse(name, body, row, column, index)
        if known is None and name == "inv":
            known = self._of_diagonal(body, row, column, index)
        if known is not None:
            return known
        factor, body = self._without_factor(name, body, row, column)
        known = self._of_product(name, body, limits, index)
        if known is not None:
            return self.algebra.multiply(factor, known)
        if name == "detsign" and definiteness(self.algebra, body, row, column) == DEFINITE:
            return single_one()
        return self.algebra.multiply(factor, self._atom(name, body, limits, index))

    def _atom(self, name: str, body: Poly, limits: Limits, index: tuple[Any, ...]) -> Poly:
        """The atom of a function that has the same value for a transposed matrix, transposed."""
        number, args, turned = self.class_of_matrix(body, limits)
        tail = index[::-1] if turned is True and len(index) == 2 else index
        head: tuple[Any, ...] = ("mat", number, name)
        if turned is None and len(index) == 2:
            head = (*head, "symmetric")
        return single(self.algebra.table.atom(head, (*args, *tail)))

    def reopened(self, head: Any, args: tuple[Any, ...]) -> tuple[Poly, Limits, tuple[Any, ...]]:
        """The entry of A, its limits (row first) and the index behind an atom."""
        arity = self.algebra.table[head[1]].arity
        body, limits = self.algebra.open_reduction(head[1], args[:arity])
        plain, row = _unmarked(body)
        return plain, tuple(sorted(limits, key=lambda limit: limit[0] != row)), args[arity:]

    def definiteness(self, atom: Atom) -> int | None:
        """Whether the matrix behind an atom is positive definite (1), or semidefinite (0); None where it is unknown."""
        if atom not in self._definite:
            body, limits, _ = self.reopened(*atom)
            self._definite[atom] = definiteness(self.algebra, body, limits[0][0], limits[1][0])
        return self._definite[atom]

    def has_blocks(self, number: int) -> bool:
        """Whether a class of matrices is [[A, E], [0, A]]: the exponential of one is written by A and E."""
        if number not in self._blocks:
            args = tuple(fresh_index() for _ in range(self.algebra.table[number].arity))
            body, ends, _ = self.reopened(("mat", number, "expm"), args)
            self._blocks[number] = exponentials.blocks(self, body, ends) is not None
        return self._blocks[number]

    def is_lower(self, atom: Atom) -> bool:
        """Whether an atom is an entry of a Cholesky factor, or of the inverse of one."""
        head = atom[0]
        if head[2] != "inv":
            return bool(head[2] == "chol")
        if head not in self._lower:
            body, limits, _ = self.reopened(*atom)
            self._lower[head] = entry_of(self, body, "chol", (limits[0][0], limits[1][0])) is not None
        return self._lower[head]

    def cancelled(self, powers: dict[Atom, Fraction], limits: list[Any]) -> Poly | None:
        """Σ_j A⁻¹[i, j] A[j, k] = δ(i, k) in a sum of products; None where there is no such pair."""
        factored = contracted(self, powers, limits) or exponentials.contracted(self, powers, limits)
        if factored is not None:
            return factored
        return inverse_times_matrix(self.algebra, powers, limits)

    # -- what is known of a matrix ------------------------------------------------------------------------------------
    def _of_inverse(self, name: str, body: Poly, row: Any, column: Any, index: tuple[Any, ...]) -> Poly | None:
        found = _single_atom(body)
        if found is None or found[0][0][0] != "mat" or found[0][0][2] != "inv":
            return None
        (head, args), coefficient = found
        inner, limits, own = self.reopened(head, args)
        of_class = args[: self.algebra.table[head[1]].arity]
        if coefficient != 1 or set(own) != {row, column} or any(_any_has(of_class, end) for end in (row, column)):
            return None
        turned = own[0] is column  # the transposed inverse
        if name == "inv":
            i, j = index[::-1] if turned else index
            return self.algebra.substitute(inner, {limits[0][0]: i, limits[1][0]: j})
        outside: Poly = self.entry(name, inner, limits, ())
        if name == "det":
            return self.algebra.elementary.power(outside, Fraction(-1))  # type: ignore[no-any-return]
        return scale(outside, -1) if name == "logabsdet" else outside

    def _of_diagonal(self, body: Poly, row: Any, column: Any, index: tuple[Any, ...]) -> Poly | None:
        """diag(d)⁻¹ where every term holds δ(row, column)."""
        diagonal = on_diagonal(body, row, column)
        if diagonal is None:
            return None
        i, j = index
        at = self.algebra.substitute(diagonal, {row: i, column: i})
        return self.algebra.multiply(self.algebra.delta(i, j), self.algebra.elementary.power(at, Fraction(-1)))

    def _of_product(self, name: str, body: Poly, limits: Limits, index: tuple[Any, ...]) -> Poly | None:
        """Of Σ_k L[row, k] R[k, column] with square L and R."""
        found = _single_atom(body)
        if found is None or found[0][0][0] != "sum" or found[1] != 1:
            return None
        powers, inner = self.algebra.open_sum(found[0][0][1], found[0][1])
        factors = frozenset(powers.items())
        (row, *ends), (column, *_) = limits
        for limit in inner:
            if list(limit[1:]) != ends:
                continue
            others = [l for l in inner if l is not limit]
            left = connected(factors, row, {l[0] for l in others})
            right = factors - left
            if right != connected(factors, column, {l[0] for l in others}):
                continue
            parts = [
                self.algebra.sum_over({side: Fraction(1)}, tuple(l for l in others if _uses(side, l[0])))
                for side in (left, right)
            ]
            return self._of_factors(name, parts, (limits[0], limit, limits[1]), index)
        return None

    def _of_factors(self, name: str, parts: list[Poly], limits: Limits, index: tuple[Any, ...]) -> Poly:
        ends = limits[:2], limits[1:]
        if name != "inv":
            values = [self.entry(name, part, pair, index) for part, pair in zip(parts, ends, strict=True)]
            return add(*values) if name == "logabsdet" else self.algebra.product(values)
        between = fresh_index()
        right = self.entry(name, parts[1], ends[1], (index[0], between))
        left = self.entry(name, parts[0], ends[0], (between, index[1]))
        return self.algebra.sum_over(self.algebra.multiply(right, left), ((between, *limits[1][1:]),))

    def _without_factor(self, name: str, body: Poly, row: Any, column: Any) -> tuple[Poly, Poly]:
        """A common factor of all entries, outside: of an inverse only, since elsewhere it gets the power n."""
        if name != "inv" or not body:
            return single_one(), body
        content, primitive = self.algebra.contents.content(body)
        ((mono, number),) = content.items()
        inside = frozenset((a, e) for a, e in mono if depends(a, row) or depends(a, column))
        outside = {mono - inside: number}
        return (
            self.algebra.elementary.power(outside, Fraction(-1)),
            self.algebra.multiply(primitive, {inside: Fraction(1)}),
        )

    def class_of_matrix(self, body: Poly, limits: Limits) -> tuple[int, tuple[Any, ...], bool | None]:
        """The class of A or of its transpose, whichever came first; True for the transpose, None for a symmetric A."""
        straight = self.algebra.table.intern("mat", _marked(body, limits, _MARKS), limits)
        turned = self.algebra.table.intern("mat", _marked(body, limits, _MARKS[::-1]), limits)
        if straight[0] == turned[0]:
            return (*straight, None if straight[1] == turned[1] else False)
        return (*turned, True) if turned[0] < straight[0] else (*straight, False)


def on_diagonal(body: Poly, row: Any, column: Any) -> Poly | None:
    """The entries of a diagonal matrix, without their δ(row, column); None for any other matrix."""
    diagonal: Poly = {}
    for mono, coefficient in body.items():
        deltas = [(a, e) for a, e in mono if a[0][0] == "delta" and set(a[1]) == {row, column}]
        if not deltas:
            return None
        diagonal = add(diagonal, {mono - set(deltas): coefficient})
    return diagonal


def single_one() -> Poly:
    return {frozenset(): Fraction(1)}


def _marked(body: Poly, limits: Limits, names: tuple[str, ...]) -> Poly:
    marks = {
        (((name, sp.expand(last - first + 1)), (k,)), Fraction(1))
        for name, (k, first, last) in zip(names, limits, strict=True)
    }
    return {mono | marks: c for mono, c in body.items()}


def _unmarked(body: Poly) -> tuple[Poly, Any]:
    """The form without its marks, and the index that was marked as the row."""
    plain: Poly = {}
    row = None
    for mono, c in body.items():
        marks = {(a, e) for a, e in mono if a[0][0] in _MARKS}
        row = next(a[1][0] for a, _ in marks if a[0][0] == "row")
        plain[mono - marks] = c
    return plain, row


def _single_atom(poly: Poly) -> tuple[Atom, Fraction] | None:
    if len(poly) != 1:
        return None
    ((mono, coefficient),) = poly.items()
    if len(mono) != 1:
        return None
    ((atom, exponent),) = mono
    return (atom, coefficient) if exponent == 1 else None


def connected(factors: Any, start: Any, through: set[Any]) -> frozenset[Any]:
    """The factors that hold an index, or one that is summed inside with them."""
    reached, symbols = set[Any](), {start}
    while True:
        more = {(a, e) for a, e in factors if (a, e) not in reached and any(depends(a, symbol) for symbol in symbols)}
        if not more:
            return frozenset(reached)
        reached |= more
        symbols |= {k for k in through if any(depends(a, k) for a, _ in more)}


def _uses(factors: Any, symbol: Any) -> bool:
    return any(depends(a, symbol) for a, _ in factors)


def _any_has(expressions: tuple[Any, ...], symbol: Any) -> bool:
    return any(_has(e, symbol) for e in expressions)


def _has(expression: Any, symbol: Any) -> bool:
    return bool(expression is symbol or (expression.args and expression.has(symbol)))
