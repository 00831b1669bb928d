"""Small arrays of unlike entries, written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.nodes import REDUCTIONS, Iverson
from ..equations.values import Valuation
from .matrix_nodes import Node
from .notation import Notation
from .printer import Printer
from .styles import TEX, Style

MAX_ENTRIES = 16
"""An array of unlike entries is written out up to this size."""

_LARGEST = 16
"""So is one whose entries are made of elements of arrays, with up to so many operations in each."""


@dataclass(frozen=True)
class Explicit(Node):
    """A small matrix whose entries are scalar expressions, written out."""

    entries: tuple[tuple[Any, ...], ...]

    def show(self, notation: Notation, style: Style = TEX) -> str:
        printers = [[Printer(notation, notation.assign((), e), style)(e) for e in row] for row in self.entries]
        return style.matrix(printers)

    def value(self, at: Valuation) -> Any:
        return np.array([[at.value(e, {}) for e in row] for row in self.entries], dtype=object)


def explicit(expression: Any, indices: Sequence[Any], shape: Sequence[Any]) -> Node | None:
    """A small array of different entries, written out; None where the size is a symbol or large."""
    if not 1 <= len(shape) <= 2 or not all(n.is_Integer for n in shape) or not 1 < sp.Mul(*shape) <= MAX_ENTRIES:
        return None
    rows = int(shape[0])
    columns = int(shape[1]) if len(shape) == 2 else 1
    cases = expression.atoms(KroneckerDelta, sp.Piecewise, Iverson)
    apart = any(case.has(*indices) for case in cases)  # an array of like entries reads better by index
    entries: list[tuple[Any, ...]] = []
    for r in range(rows):
        row = []
        for c in range(columns):
            row.append(entry(expression, dict(zip(indices, (r, c), strict=False))))
            if row[-1].has(sp.Indexed) and not (apart and _is_short(row[-1])):
                return None  # asked of each at once: an entry may be long to work out
        entries.append(tuple(row))
    return Explicit((sp.Integer(rows), sp.Integer(columns)), tuple(entries))


def _is_short(e: Any) -> bool:
    """Whether an entry is a short expression in single elements."""
    if e.has(KroneckerDelta, sp.Piecewise, Iverson, *REDUCTIONS) or e.count_ops() > _LARGEST:
        return False
    return all(i.is_Integer for element in e.atoms(sp.Indexed) for i in element.indices)


def entry(expression: Any, index: dict[Any, int]) -> Any:
    """One entry of an array: the expression at a fixed index."""
    fixed = expression.xreplace({i: sp.Integer(v) for i, v in index.items()})
    return fixed.doit() if fixed.has(KroneckerDelta) else fixed
