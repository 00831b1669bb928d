"""Dimensions and index symbols: what ranges over what.

A dimension is a positive-integer SymPy expression (``n``, ``n + 1``, ``3``); a result that holds for the symbol holds
for every size. An index symbol names a position along a dimension. Equations use the canonical symbols ``i0, i1, ...``
for their free indices and ``s0, s1, ...`` for summed ones, so that equality of structure is equality up to renaming.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UsageError

from .questions import respondent

Range = tuple[sp.Symbol, sp.Expr, sp.Expr]
"""An index with its first and last value, both included, as SymPy's ``Sum`` takes it."""


def dims(names: str) -> Any:
    """Dimensions by name: a tuple of positive-integer SymPy symbols, or the symbol itself for a single name.

    >>> n, k = dims("n k")
    >>> dims("m").is_positive
    True
    """
    parts = names.replace(",", " ").split()
    if not parts:
        raise UsageError("dims() got no names; write for example dims('n k m')")
    for part in parts:
        if not part.isidentifier():
            raise UsageError(f"{part!r} is not a name for a dimension; use letters, digits and underscores")
    symbols = tuple(dim(part) for part in parts)
    return symbols[0] if len(symbols) == 1 else symbols


@cache
def dim(name: str) -> sp.Symbol:
    """The dimension called ``name``: the same symbol at every call."""
    return sp.Symbol(name, integer=True, positive=True)


def as_dim(value: object, where: str = "shape") -> sp.Expr:
    """A dimension from a symbol, a positive integer, or a name; errors name ``where``."""
    if isinstance(value, str):
        if not value.isidentifier():
            raise UsageError(f"{where}: {value!r} is not a name for a dimension")
        return dim(value)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer, sp.Expr)):
        raise ShapeError(f"{where}: {value!r} is no dimension; use a positive integer or a symbol from gp.dims()")
    expression = sp.Integer(int(value)) if isinstance(value, (int, np.integer)) else value
    if expression.is_integer is False or expression.is_negative:
        raise ShapeError(f"{where}: {value} is no dimension; use a positive integer or a symbol from gp.dims()")
    return expression


@cache
def free_index(position: int) -> sp.Symbol:
    """The canonical index symbol for an equation's axis ``position``."""
    return sp.Symbol(f"i{position}", integer=True, nonnegative=True)


def own_index(shape: Sequence[Any]) -> tuple[Any, ...]:
    """The index of each entry of an array by its free indices; an axis of size 1 has the index 0."""
    return tuple(sp.S.Zero if n == 1 else free_index(p) for p, n in enumerate(shape))


@cache
def bound_index(number: int) -> sp.Symbol:
    """The canonical symbol for the ``number``-th summed index of an equation."""
    return sp.Symbol(f"s{number}", integer=True, nonnegative=True)


_fresh = itertools.count()


def fresh_index() -> sp.Symbol:
    """An index symbol that nothing else uses (canonical names come back when a definition is made).

    The names sort as the symbols were made, so that what is ordered by name does not depend on what was made before.
    """
    return sp.Dummy(f"r{next(_fresh):09d}", integer=True, nonnegative=True)


def full_range(index: sp.Symbol, size: sp.Expr) -> Range:
    """``index`` from 0 to ``size - 1``."""
    return (index, sp.S.Zero, size - 1)


def same_dim(left: sp.Expr, right: sp.Expr) -> bool:
    """Whether two dimensions are equal for every size of their symbols."""
    return bool(left == right or sp.expand(left - right) == 0)


def fits(left: sp.Expr, right: sp.Expr) -> bool:
    """Whether two dimensions that have to be equal are: for every size, or else by whoever answers for the sizes."""
    if same_dim(left, right):
        return True
    who = respondent()
    return who is not None and who.same(left, right)


def _meet(left: sp.Expr, right: sp.Expr) -> bool:
    who = respondent()
    return who is not None and who.broadcast(left, right)


def broadcast_shapes(*shapes: tuple[sp.Expr, ...], what: str = "operands") -> tuple[sp.Expr, ...]:
    """The common shape by NumPy's rule; a symbol never silently stands for 1.

    Raises :class:`ShapeError` that names both shapes.
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[sp.Expr] = [sp.S.One] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if same_dim(result[axis], sp.S.One):
                result[axis] = size
            elif not (same_dim(size, sp.S.One) or same_dim(size, result[axis]) or _meet(result[axis], size)):
                shown = " and ".join(show_shape(s) for s in shapes)
                raise ShapeError(f"{what} have shapes {shown}, which do not broadcast: {result[axis]} against {size}")
    return tuple(result)


def show_shape(shape: tuple[sp.Expr, ...]) -> str:
    """A shape as NumPy prints it: ``(m, n)``, ``(m,)``, ``()``."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
