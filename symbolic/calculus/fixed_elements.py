"""Elements at fixed places: where x[2] is read, x has at least three elements, and [2 ≤ n − 1] is 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from ..equations.definition import Definition, owner, references
from ..equations.nodes import Iverson


def least_sizes(order: Iterable[Definition]) -> dict[Any, Any]:
    """How large each dimension is at least by the elements that are read, whatever else holds.

    An element that is read in a case or beside a bracket may not be read at all, and says nothing.
    """
    found: dict[Any, Any] = {}
    for d in order:
        if d.rhs is None or d.group or d.rhs.has(sp.Piecewise, Iverson):
            continue
        for reference in references(d.rhs):
            target = owner(reference)
            if target is None or not isinstance(reference, sp.Indexed):
                continue
            for index, n in zip(reference.indices, target.shape, strict=True):
                if index.is_Integer and n.is_Symbol:
                    found[n] = max(found.get(n, sp.S.One), index + 1)
    return found


def large_enough(expression: Any, sizes: Mapping[Any, Any]) -> Any:
    """The expression without brackets that hold since a dimension is large enough."""
    if not sizes or not expression.has(Iverson):
        return expression
    held = {b: sp.S.One for b in expression.atoms(Iverson) if _holds(b.args[0], sizes)}
    return expression.xreplace(held) if held else expression


def _holds(condition: Any, sizes: Mapping[Any, Any]) -> bool:
    if not isinstance(condition, (sp.Ge, sp.Le)) or not condition.free_symbols <= sizes.keys():
        return False
    excess = sp.expand(condition.gts - condition.lts)
    symbols = list(excess.free_symbols)
    if len(symbols) != 1 or excess.coeff(symbols[0]) != 1:
        return False
    return bool(excess.xreplace({symbols[0]: sizes[symbols[0]]}).is_nonnegative)
