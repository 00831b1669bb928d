"""The whole derivative as one vector or matrix, where every input is a scalar."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.definition import Definition
from ..equations.views import to_sympy
from .explicit import MAX_ENTRIES, entry
from .notation import Notation
from .printer import Printer
from .styles import Style

if TYPE_CHECKING:
    from .derivation import Derivation


def entries(derivation: Derivation) -> list[list[Any]] | None:
    """One row for each element of the output, one column for each scalar of ``wrt``; None where it is not that simple.

    Entries are SymPy expressions in symbols of the inputs' names, intermediates put in.
    """
    shape = derivation.output.shape
    if any(d.rank for d in derivation.wrt) or any(d.rank or d.group for d in derivation.inputs):
        return None
    if not all(n.is_Integer for n in shape) or sp.Mul(*shape) * len(derivation.wrt) > MAX_ENTRIES:
        return None
    values = [to_sympy(result) for result in derivation.results]
    rows = itertools.product(*(range(int(n)) for n in shape))
    pairs = list(zip(values, derivation.results, strict=True))
    return [[_at(value, row, result) for value, result in pairs] for row in rows]


def _at(value: Any, row: tuple[int, ...], result: Definition) -> Any:
    return entry(value, dict(zip(result.indices, row, strict=True)))


def assembled(derivation: Derivation, style: Style) -> tuple[str, str] | None:
    """The two sides of the equation that shows the gradient or Jacobian as a whole."""
    rows = entries(derivation)
    if rows is None or (len(derivation.wrt) == 1 and derivation.output.rank == 0):
        return None
    show = Printer(Notation.of({}), {}, style)
    shown = [[show(e) for e in row] for row in rows]
    names = style.comma.join(derivation.notation.symbol(d, style) for d in derivation.wrt)
    output = derivation.notation.symbol(derivation.output, style)
    left = style.derivative(output, style.paren(names))
    return left, style.paren(style.comma.join(shown[0])) if derivation.output.rank == 0 else style.matrix(shown)
