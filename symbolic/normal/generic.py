r"""Which forms are zero at exceptional inputs only, for every size from 1 on and at every entry.

Two sides of a kink may be told apart only where the quantity that decides does not sit on the kink by itself:
:math:`[p \ge 0] = [p > 0]` almost everywhere if p is zero on a set of inputs of measure zero. That fails for
:math:`p = \sum_k \max(x_k, 0)` (all entries negative), for :math:`x_i - x_j` (the entry i = j), for
:math:`x_i - \bar x` (one entry alone), and for :math:`c\,x` with integer c. Two sufficient reasons are looked for:

- p is analytic and positive (or negative) where all real inputs are positive: positive coefficients, sums that are not
  empty, and factors that are real inputs or positive for certain;
- p is a polynomial in the entries of one real input, and its part of some degree is a single term none of whose factors
  vanishes: that polynomial is not zero, whatever the other inputs are (almost everywhere).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from .classes import Class, Limits, class_of, parameter
from .terms import Atom, Mono, Poly, accumulate, depends

if TYPE_CHECKING:
    from .algebra import Algebra

_DISCRETE = {"integer", "boolean", "one_hot", "binary", "known"}
_STRUCTURED = {"symmetric", "positive_definite", "diagonal", "lower", "upper"}
"""Inputs some of whose entries are equal, or zero."""
_FEW_BRACKETS = 3
"""Comparisons in a form whose sides are looked at one by one."""

_ZERO_WITH = (("erf",), ("arctan",))
_ZERO_AT = (("sin",), ("cos",), ("log",))
"""Functions that are zero where their argument is, and at certain values of it (a polynomial has them by exception)."""

_ANALYTIC = ("x", "exp", "sig", "lp", "dim", "num", "const", "lognum", "sum", "node", "pow")


def _sides(poly: Poly) -> Iterator[Poly]:
    """A form on each side of its comparisons, |x| as x and as −x, each on its own region; itself if they are many."""
    brackets = list(dict.fromkeys(atom for mono in poly for atom, _ in mono if atom[0][0] == "br"))
    if len(brackets) > _FEW_BRACKETS or any(e != 1 for mono in poly for atom, e in mono if atom in brackets):
        yield poly
        return
    for values in itertools.product((0, 1), repeat=len(brackets)):
        off = {atom for atom, value in zip(brackets, values, strict=True) if not value}
        side: Poly = {}
        for mono, c in poly.items():
            if not any(atom in off for atom, _ in mono):
                accumulate(side, {frozenset((a, e) for a, e in mono if a not in brackets): c})
        yield side


def not_empty(limits: Limits) -> bool:
    """Whether sums over these limits have a term for every size."""
    return all(sp.expand(last - first).is_nonnegative for _, first, last in limits)


class Generic:
    """Answers :meth:`nonzero` for forms over one :class:`~.algebra.Algebra`, each class looked at once."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._atoms: dict[tuple[str, int], bool] = {}
        self._analytic: dict[int, bool] = {}

    def nonzero(self, poly: Poly) -> bool:
        """Whether a form is nonzero almost everywhere, for all sizes and at every entry."""
        if not poly:
            return False
        if len(poly) == 1:
            (mono,) = poly
            return self._mono(mono)
        signs = {c > 0 for c in poly.values()}
        if len(signs) == 1 and all(self._ample(m) for m in poly):
            return True
        return any(self._witness(poly, label) for label in self._labels(poly))

    def without_ties(self, ties: Class) -> bool:
        """Whether Σ_k [x_k = max_l x_l] is 1 almost everywhere: other k read other entries of a real input."""
        ((mono, _),) = ties.body.items()
        ((head, args),) = (atom for atom, _ in mono)
        equation = self.algebra.instantiate(head[1], args)
        indices = [k for k, _, _ in ties.limits]
        return all(self._alone(side, indices, p) for side in _sides(equation) for p in range(len(indices)))

    def _alone(self, equation: Poly, indices: list[Any], place: int) -> bool:
        """Whether some term reads entries that only one value of an index reads, whatever the others are."""
        index, others = indices[place], indices[:place] + indices[place + 1 :]
        # terms of the other indices too: in z_i + z_j the entries (i, j) and (j, i) are a tie
        body = {m: c for m, c in equation.items() if any(depends(a, k) for a, _ in m for k in indices)}
        for label in self._labels(body):
            parts = self._parts(body, label)
            for degree, monos in (parts or {}).items():
                if degree > 0 and len(monos) == 1 and self._tells_apart(monos[0], label, index, others):
                    return True
        return False

    def _tells_apart(self, mono: Mono, label: Any, index: Any, others: list[Any]) -> bool:
        """Whether a term that does not vanish reads entries of the input that only this value of the index reads."""
        holding = [atom for atom, _ in mono if label in self.support(atom)]
        if len(holding) != 1 or not self._mono(mono):
            return False
        ((head, args),) = holding
        if head[-1] == "symmetric" or self._words(label) & _STRUCTURED:
            return False
        if head[0] == "x":
            return any(_moves_with(a, index, others) for a in args)
        if head[0] != "sum":
            return False
        (body,) = self.algebra.table[head[1]].body
        inside = [atom for atom, _ in body if label in self.support(atom)]
        return (
            len(inside) == 1
            and inside[0][0][0] == "x"
            and inside[0][0][-1] != "symmetric"
            and any(parameter(p) in inside[0][1] for p, a in enumerate(args) if _moves_with(a, index, others))
        )

    # -- factors -----------------------------------------------------------------------------------------------------
    def _mono(self, mono: Mono) -> bool:
        return all(self.atom(atom) for atom, _ in mono)

    def atom(self, atom: Atom) -> bool:
        """Whether an atom is nonzero almost everywhere."""
        head = atom[0]
        kind = head[0]
        if kind in ("exp", "sig", "lp", "dim", "num", "const", "lognum"):
            return True
        if kind == "x":
            return self._real(head[1])
        if kind == "mat":
            return head[2] in ("det", "eigval") and self._determinant(atom)
        if kind not in ("sum", "node", "pow") and head[2:] not in _ZERO_WITH + _ZERO_AT:
            return False
        key = (".".join(map(str, (kind, *head[2:]))), head[1])
        if key not in self._atoms:
            self._atoms[key] = False  # a class does not hold itself; this ends a search that would
            self._atoms[key] = self._class(head)
        return self._atoms[key]

    def _determinant(self, atom: Atom) -> bool:
        body, limits, _ = self.algebra.matrices.reopened(*atom)
        return self.regular(body, limits[0][0], limits[1][0])

    def regular(self, body: Poly, row: Any, column: Any) -> bool:
        """Whether the matrix with these entries is regular: by one term alone, or where an input is 0."""
        if len(body) == 1:
            (mono,) = body
            across = [(a, e) for a, e in mono if depends(a, row) and depends(a, column)]
            diagonal = len(across) == 1 and across[0][0][0][0] == "delta"
            if (diagonal or self._is_inverse(across, row, column)) and self._mono(mono - set(across)):
                return True
        for label in self._labels(body):
            parts = self._parts(body, label) or {}
            if self._leads(body, label, row, column):
                return True
            at_zero = {mono: body[mono] for mono in parts.get(Fraction(0), ())}
            if 0 < len(at_zero) < len(body) and self.regular(at_zero, row, column):
                return True
        return False

    def _is_inverse(self, across: list[tuple[Atom, Fraction]], row: Any, column: Any) -> bool:
        """Whether the only factor of both ends is the entry of an inverse, which is regular."""
        if len(across) != 1 or across[0][1] != 1:
            return False
        ((head, args), _) = across[0]
        return head[0] == "mat" and head[2] == "inv" and set(args[-2:]) == {row, column} and row not in args[:-2]

    def _leads(self, body: Poly, label: Any, row: Any, column: Any) -> bool:
        """Whether it is a_i X_ij b_j + ... with a real input X that stands nowhere else: its part det X is not 0."""
        holding = [mono for mono in body if any(label in self.support(a) for a, _ in mono)]
        if len(holding) != 1:
            return False
        across = [(a, e) for a, e in holding[0] if depends(a, row) and depends(a, column)]
        if len(across) != 1 or across[0][1] != 1:
            return False
        ((head, args),) = (a for a, _ in across)
        whole = head[:2] == ("x", label) and row in args and column in args
        return whole and all(label not in self.support(a) and self.atom(a) for a, _ in holding[0] - set(across))

    def _class(self, head: Any) -> bool:
        found = self.algebra.table[head[1]]
        if head[2:] in _ZERO_AT:
            return any(self._witness(found.body, label) for label in self._labels(found.body))
        if head[0] != "sum":
            return self.nonzero(found.body)
        if not not_empty(found.limits):
            return False
        (mono,) = found.body
        return self._ample(mono) or self._separated(mono, found.limits)

    def _real(self, label: Any) -> bool:
        return not self._words(label) & _DISCRETE

    def _words(self, label: Any) -> frozenset[str]:
        return self.algebra.facts.get(label, frozenset())

    def _separated(self, mono: Mono, limits: Limits) -> bool:
        """Σ_k a_k L_k^d where different k are different entries of an input L that stands nowhere else in the term."""
        bound = {k for k, _, _ in limits}
        for atom, exponent in mono:
            head, args = atom
            if head[0] != "x" or exponent < 0 or exponent.denominator != 1 or not self._free(head[1]):
                continue
            if not bound <= {a for a in args if a.is_Symbol} or head[-1] == "symmetric":
                continue
            others = [a for a, _ in mono if a != atom]
            if all(head[1] not in self.support(a) and self.atom(a) for a in others):
                return True
        return False

    # -- positive somewhere ------------------------------------------------------------------------------------------
    def _ample(self, mono: Mono) -> bool:
        """Whether a term is analytic, and positive where all real inputs are."""
        return all(self._ample_atom(atom, exponent) for atom, exponent in mono)

    def _ample_atom(self, atom: Atom, exponent: Fraction) -> bool:
        head = atom[0]
        if head[0] == "x":
            return self._real(head[1]) and exponent > 0 and exponent.denominator == 1
        if not self._is_analytic(atom):
            return False
        if self.algebra.signs.atom_positive(atom) or head[0] == "const":
            return True
        if head[0] not in ("sum", "node") or exponent < 0 or exponent.denominator != 1:
            return False
        found = self.algebra.table[head[1]]
        if not not_empty(found.limits):
            return False
        return all(c > 0 and self._ample(m) for m, c in found.body.items())

    def _is_analytic(self, atom: Atom) -> bool:
        """No bracket, maximum or function of another kind at any depth, and powers of what is positive only."""
        if atom[0][0] not in _ANALYTIC:
            return False
        number = class_of(atom[0])
        if number is None:
            return True
        if number not in self._analytic:
            body = self.algebra.table[number].body
            self._analytic[number] = all(self._is_analytic(a) for mono in body for a, _ in mono) and (
                atom[0][0] != "pow" or self.algebra.signs.is_positive(body)
            )
        return self._analytic[number]

    # -- a polynomial in one input -----------------------------------------------------------------------------------
    def _labels(self, poly: Poly) -> list[Any]:
        """The real inputs whose entries may take any values, those that occur directly first."""
        found: dict[Any, None] = {}
        for direct in (True, False):
            for mono in poly:
                for atom, _ in mono:
                    if (atom[0][0] == "x") == direct:
                        found |= dict.fromkeys(sorted(self.support(atom), key=str))
        return [label for label in found if self._free(label)]

    def _free(self, label: Any) -> bool:
        return self._real(label) and "simplex" not in self._words(label)

    def support(self, atom: Atom) -> frozenset[Any]:
        """The inputs that an atom is made of."""
        if atom[0][0] == "x":
            return frozenset({atom[0][1]}) | self.algebra.table.beneath.get(atom[0][1], frozenset())
        number = class_of(atom[0])
        return frozenset() if number is None else self.algebra.table[number].support

    def _witness(self, poly: Poly, label: Any) -> bool:
        """Whether the form, a polynomial in the entries of one input, has a part of one degree that does not vanish."""
        parts = self._parts(poly, label) or {}
        return any(len(monos) == 1 and self._mono(monos[0]) for monos in parts.values())

    def _parts(self, poly: Poly, label: Any) -> dict[Fraction, list[Mono]] | None:
        """The terms by their degree in the entries of an input; None where the form is no polynomial in them."""
        parts: dict[Fraction, list[Mono]] = {}
        for mono in poly:
            degree = self._degree(mono, label)
            if degree is None:
                return None
            parts.setdefault(degree, []).append(mono)
        return parts

    def _degree(self, mono: Mono, label: Any) -> Fraction | None:
        """The degree of a term in the entries of an input; None where it is no polynomial in them."""
        total = Fraction(0)
        for atom, exponent in mono:
            if label not in self.support(atom):
                continue
            if exponent < 0 or exponent.denominator != 1:
                return None
            if atom[0][0] == "x" and atom[0][1] != label:  # a member of a recurrence that is made of it
                return None
            inner: Fraction | None = Fraction(1)
            if atom[0][0] == "sum":
                (body,) = self.algebra.table[atom[0][1]].body
                inner = self._degree(body, label)
            elif atom[0][0] == "node":
                degrees = {self._degree(m, label) for m in self.algebra.table[atom[0][1]].body}
                inner = degrees.pop() if len(degrees) == 1 else None
            elif atom[0][0] != "x":
                return None
            if inner is None:
                return None
            total += inner * exponent
        return total


def _moves_with(arg: Any, index: Any, others: Iterable[Any] = ()) -> bool:
    """Whether an index expression, without the others, differs for every value of the index: i, 2 i + 1, j - i."""
    if arg == index:
        return True
    if any(arg.has(other) for other in others):
        return False
    return bool(arg.has(index) and not arg.has(sp.Indexed, sp.Function) and arg.diff(index).is_nonzero)
