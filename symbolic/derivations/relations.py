"""Conditions as people write them."""

from __future__ import annotations

from typing import Any

import sympy as sp

_RELATIONS = {
    sp.StrictGreaterThan: ">", sp.GreaterThan: ">=", sp.StrictLessThan: "<", sp.LessThan: "<=", sp.Equality: "==",
    sp.Unequality: "!=",
}  # fmt: skip


def sides_of(c: Any) -> tuple[Any, Any, str]:
    """The sides and the relation of a condition; of integers, i + 1 ≤ n as i < n and i − 1 ≥ 0 as i > 0."""
    if isinstance(c, (sp.Le, sp.Ge)) and c.lhs.is_integer and c.rhs.is_integer:
        step, (constant, rest) = (1 if isinstance(c, sp.Le) else -1), c.lhs.as_coeff_Add()
        if constant == step:
            return rest, c.rhs, "<" if step > 0 else ">"
        if c.rhs.as_coeff_Add()[0] == -step and constant == 0:
            return c.lhs, c.rhs + step, "<" if step > 0 else ">"
        if isinstance(c, sp.Ge) and c.rhs == 1:
            return c.lhs, sp.S.Zero, ">"
    return c.lhs, c.rhs, _RELATIONS[type(c)]
