"""Which square arrays are symmetric by their equations: Xᵀ X, a sum of such, their inverses."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import sympy as sp

from .definition import Definition, canonical, owner
from .dims import free_index, same_dim
from .like_terms import are_equal
from .matrix_functions import ROWS, MatrixFunction

_known: WeakKeyDictionary[Definition, bool] = WeakKeyDictionary()


def is_symmetric(definition: Definition) -> bool:
    """Whether exchanging the two indices of a matrix changes nothing, by assumption or by its equation."""
    found = _known.get(definition)
    if found is None:
        found = _known[definition] = _is_symmetric(definition)
    return found


def _is_symmetric(definition: Definition) -> bool:
    if definition.rank != 2 or not same_dim(*definition.shape):
        return False
    if "symmetric" in definition.assumptions:
        return True
    rhs = definition.rhs
    if rhs is None or definition.group:
        return False
    if isinstance(rhs, MatrixFunction):  # it is symmetric if its matrix is
        if set(rhs.index) != set(definition.indices) or not ROWS[rhs.name].turns:
            return False
        (row, *_), (column, *_) = rhs.limits
        rhs, swap = rhs.args[0], {row: column, column: row}
    else:
        swap = dict(zip(definition.indices, definition.indices[::-1], strict=True))
    if canonical(_sorted(rhs.xreplace(swap))) == canonical(_sorted(rhs)):
        return True
    return not isinstance(definition.rhs, MatrixFunction) and are_equal(rhs, rhs.xreplace(swap))


def _sorted(rhs: Any) -> Any:
    """References to symmetric arrays with their indices in order."""
    found = {}
    for reference in rhs.atoms(sp.Indexed):
        target = owner(reference)
        if target is not None and reference.rank == 2 and is_symmetric(target):
            found[reference] = target.at(*sorted(reference.indices, key=str))
    return rhs.xreplace(found) if found else rhs


def oriented(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """The indices of an entry of a symmetric matrix in the order that reads as a product: a row, sums, a column."""
    row = free_index(0)
    return tuple(sorted(index, key=lambda e: (0 if e == row else 2 if str(e).startswith("i") else 1, str(e))))
