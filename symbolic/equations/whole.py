"""Whether an array holds whole numbers for certain: counts, labels, sums and products of them."""

from __future__ import annotations

from typing import Any

import sympy as sp

from .definition import Definition, owner
from .nodes import Iverson


def is_whole(definition: Definition) -> bool:
    """Whether every element is an integer; False where that is not known.

    >>> from .dims import dims
    >>> from ..arrays.array import array
    >>> x, y = array("x", dims("n")), array("y", dims("n"), integer=True)
    >>> is_whole(((x > 0) * 2 - y).definition), is_whole((x * y).definition)
    (True, False)
    """
    known: dict[Definition, bool] = {}

    def whole(e: Any) -> bool:
        if isinstance(e, sp.Indexed) or (e.is_Symbol and owner(e) is not None):
            found = owner(e)
            return found is not None and defined(found)
        if e.is_Add or e.is_Mul:
            return all(map(whole, e.args))
        if e.is_Pow:
            return bool(e.exp.is_Integer and e.exp.is_nonnegative) and whole(e.base)
        if isinstance(e, sp.Sum):
            return whole(e.args[0])
        if isinstance(e, sp.Piecewise):
            return all(whole(value) for value, _ in e.args)
        return isinstance(e, Iverson) or bool(e.is_integer)

    def defined(one: Definition) -> bool:
        if one not in known:
            known[one] = bool(one.assumptions & {"integer", "boolean", "binary", "one_hot"}) or (
                one.rhs is not None and not one.group and whole(one.rhs)
            )
        return known[one]

    return defined(definition)
