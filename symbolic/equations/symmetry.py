"""Which square arrays are symmetric by their equations: Xᵀ X, a sum of such, their inverses."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from .definition import Definition, canonical, owner
from .dims import free_index, same_dim
from .matrix_functions import MatrixFunction


@lru_cache(maxsize=4096)
def is_symmetric(definition: Definition) -> bool:
    """Whether exchanging the two indices of a matrix changes nothing, by assumption or by its equation."""
    if definition.rank != 2 or not same_dim(*definition.shape):
        return False
    if "symmetric" in definition.assumptions:
        return True
    rhs = definition.rhs
    if rhs is None or definition.group:
        return False
    if isinstance(rhs, MatrixFunction) and set(rhs.index) == set(definition.indices):
        inner = owner(rhs.args[0])
        return inner is not None and is_symmetric(inner)
    i, j = definition.indices
    return bool(canonical(_sorted(rhs.xreplace({i: j, j: i}))) == canonical(_sorted(rhs)))


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
