r"""The derivative of a product by one of its factors is the product of the others, :math:`\prod_{j \ne k} x_j`.

It is not the product divided by the factor, which has no value where that is zero.
"""

from __future__ import annotations

from typing import Any, Final

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import Definition, define
from ..equations.dims import fresh_index
from ..equations.nodes import ProductOver

OTHERS: Final = "others"
"""What the products of all others are called."""


def others(node: Any, definition: Definition | None) -> Any:
    """∂node/∂body at its bound index: 0 at the places that it leaves out, elsewhere the product without this one.

    By name where ``definition`` has the product for its right-hand side: an intermediate with one more axis.
    """
    k, first, last = node.limits[0]
    counts = sp.Mul(*(1 - KroneckerDelta(k, place) for place in node.excluded))
    inner = fresh_index()
    body = node.args[0].xreplace({k: inner})
    if definition is None or definition.group or definition.first or first != 0:
        return counts * ProductOver(body, (inner, first, last), *node.excluded, k)
    axes = [a for a, index in enumerate(definition.indices) if definition.rhs.has(index)]
    index = [definition.indices[a] for a in axes]
    rest = ProductOver(body, (inner, first, last), *node.excluded, k)
    made = define(OTHERS, (*(definition.shape[a] for a in axes), last + 1), rest, [*index, k])
    if made not in definition.companions:
        definition.companions.append(made)
    return counts * made.at(*index, k)
