r"""Which forms are the entries of a positive (semi)definite matrix, so that a determinant is known not to be negative.

A Gram matrix is, with any weights that are not negative, and so is what a definite matrix becomes by a congruence:

.. math:: \sum_k w_k B_{kr} B_{kc}, \qquad \sum_{kl} B_{kr} M_{kl} B_{lc}, \qquad \operatorname{diag}(d), \qquad M^{-1},

and a sum of such. Positive definite is a sum with one term that is: an input assumed so, its inverse, a diagonal matrix
of positive numbers. Nothing else is; in particular a product of two definite matrices is not.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .classes import Limits
from .terms import Atom, Mono, Poly, depends

if TYPE_CHECKING:
    from .algebra import Algebra

DEFINITE, SEMIDEFINITE = 1, 0

Powers = dict[Atom, Fraction]


def definiteness(algebra: Algebra, body: Poly, row: Any, column: Any) -> int | None:
    """1 if the matrix with these entries is positive definite for certain, 0 if it is semidefinite, None if unknown."""
    found = [_term(algebra, mono, row, column) if c > 0 else None for mono, c in body.items()]
    known = [f for f in found if f is not None]
    return max(known) if known and len(known) == len(found) else None


def is_quadratic(algebra: Algebra, powers: Powers, limits: Limits) -> bool:
    """Whether a sum of products is Σ_kl a_k M_kl a_l for a (semi)definite M, so that it is not negative."""
    for (k, *ends), (l, *others) in itertools.combinations(limits, 2):
        if ends != others or any(end.has(k) or end.has(l) for limit in limits for end in limit[1:]):
            continue
        left = {a: e for a, e in powers.items() if depends(a, k) and not depends(a, l)}
        right = {a: e for a, e in powers.items() if depends(a, l) and not depends(a, k)}
        bound = [limit for limit in limits if limit[0] not in (k, l)]
        apart = not any(depends(a, own[0]) for own in bound for a in left)
        if left and apart and _moved(algebra, left, {k: l}) == right:
            rest = {a: e for a, e in powers.items() if a not in left and a not in right}
            middle = _inner(algebra, rest, tuple(bound), k, l) if bound else _split(algebra, rest, k, l)
            if middle is not None:
                return True
    return False


def _split(algebra: Algebra, rest: Powers, row: Any, column: Any) -> int | None:
    """The definiteness of one product of atoms, its factors without an end apart."""
    inside = {a: e for a, e in rest.items() if depends(a, row) or depends(a, column)}
    outside = _least(algebra, {a: e for a, e in rest.items() if a not in inside})
    own = None if outside is None or not inside else _matrix(algebra, inside, row, column)
    return None if own is None or outside is None else min(own, outside)


def _term(algebra: Algebra, mono: Mono, row: Any, column: Any) -> int | None:
    """The definiteness of one product of atoms."""
    inside = {a: e for a, e in mono if depends(a, row) or depends(a, column)}
    outside = _least(algebra, {a: e for a, e in mono if a not in inside})
    if outside is None:
        return None
    sums = [a for a, e in inside.items() if a[0][0] == "sum" and e == 1]
    if len(inside) == 1 and sums:
        powers, limits = algebra.open_sum(sums[0][0][1], sums[0][1])
        own = _congruence(algebra, powers, limits, row, column)
    else:
        own = _matrix(algebra, inside, row, column)
    return None if own is None else min(own, outside)


def _matrix(algebra: Algebra, inside: Powers, row: Any, column: Any) -> int | None:
    """Of factors that all depend on an end: a diagonal matrix, a known one, or v vᵀ."""
    deltas = [a for a, e in inside.items() if a[0][0] == "delta" and set(a[1]) == {row, column}]
    if deltas:
        return _least(algebra, {a: e for a, e in inside.items() if a not in deltas})
    if len(inside) == 1:
        ((atom, exponent),) = inside.items()
        if exponent == 1 and _known(algebra, atom, row, column):
            return DEFINITE
    return _congruence(algebra, inside, (), row, column)


def _known(algebra: Algebra, atom: Atom, row: Any, column: Any) -> bool:
    """An entry of an input that is assumed positive definite, or of the inverse of a matrix that is not negative."""
    head, args = atom
    if head[0] == "x":
        return "positive_definite" in algebra.facts.get(head[1], frozenset()) and set(args) == {row, column}
    if head[0] != "mat" or head[2] != "inv":
        return False
    body, limits, index = algebra.matrices.reopened(head, args)
    batch = args[: len(args) - len(index)]
    if set(index) != {row, column} or any(depends((head, batch), end) for end in (row, column)):
        return False
    return definiteness(algebra, body, limits[0][0], limits[1][0]) is not None


def _congruence(algebra: Algebra, powers: Powers, limits: Limits, row: Any, column: Any) -> int | None:
    """Of B[k, row] M[k, l] B[l, column], or of B[k, row] B[k, column] times what is not negative; summed over k, l."""
    left = {a: e for a, e in powers.items() if depends(a, row)}
    right = {a: e for a, e in powers.items() if depends(a, column)}
    if not left or left.keys() & right.keys():
        return None
    rest = {a: e for a, e in powers.items() if a not in left and a not in right}
    bound = [limit[0] for limit in limits]
    near, far = ({k for k in bound if any(depends(a, k) for a in side)} for side in (left, right))
    if any(e.has(k) for k in bound for limit in limits for e in limit[1:]):
        return None
    if near == far:
        same = _moved(algebra, left, {row: column}) == right
        return SEMIDEFINITE if same and _least(algebra, rest) is not None else None
    if len(near) != 1 or len(far) != 1:
        return None
    (k,), (l,) = near, far
    same_range = len({limit[1:] for limit in limits if limit[0] in (k, l)}) == 1
    if not same_range or _moved(algebra, left, {row: column, k: l}) != right:
        return None
    others = tuple(limit for limit in limits if limit[0] not in (k, l))
    middle = _matrix(algebra, rest, k, l) if not others else _inner(algebra, rest, others, k, l)
    return None if middle is None else SEMIDEFINITE


def _inner(algebra: Algebra, rest: Powers, limits: Limits, row: Any, column: Any) -> int | None:
    """The matrix between two equal outer factors, with sums of its own."""
    held = {limit[0] for limit in limits}
    inside = {a: e for a, e in rest.items() if any(depends(a, s) for s in (row, column, *held))}
    if _least(algebra, {a: e for a, e in rest.items() if a not in inside}) is None:
        return None
    return _congruence(algebra, inside, limits, row, column)


def _moved(algebra: Algebra, powers: Powers, names: dict[Any, Any]) -> Powers:
    moved = ((algebra.atom(head, tuple(a.xreplace(names) for a in args)), e) for (head, args), e in powers.items())
    return dict(moved)


def _least(algebra: Algebra, powers: Powers) -> int | None:
    """The sign of a product of powers: 1 if it is positive for certain, 0 if it is never negative, else None."""
    least = DEFINITE
    for atom, exponent in powers.items():
        if algebra.signs.atom_positive(atom):
            continue
        words = algebra.facts.get(atom[0][1], frozenset()) if atom[0][0] == "x" else frozenset()
        never_negative = words & {"nonnegative", "one_hot", "boolean", "binary", "simplex"}
        even = exponent.denominator == 1 and exponent % 2 == 0
        if not (even or (never_negative and exponent > 0)):
            return None
        least = SEMIDEFINITE
    return least
