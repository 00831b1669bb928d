"""Scalars times matrix expressions, and powers of one base as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp

from .function_nodes import Power
from .matrix_nodes import MatMul, Node, Number, Scale, Sum, is_negative

ONE = sp.S.One
MINUS_ONE = Number((ONE, ONE), sp.S.NegativeOne)


def scale(scalars: Iterable[Node], node: Node) -> Node:
    """Scalars times a node; numbers are multiplied together."""
    every: list[Node] = []
    for s in scalars:
        every.extend((*s.scalars, s.operand) if isinstance(s, Scale) else (s,))
    if isinstance(node, Scale):
        every += node.scalars
        node = node.operand
    if isinstance(node, Number):
        every, node = [*every, node], Number(node.shape, ONE)
    number = sp.Mul(*(s.expression for s in every if isinstance(s, Number)))
    others = powers([s for s in every if not isinstance(s, Number)])
    if isinstance(node, Number) and len(others) == 1 and number == 1:
        return others[0]
    if isinstance(node, Number) and not others:
        return Number(node.shape, number)
    if number == -1 and not others and isinstance(node, Sum) and any(map(is_negative, node.terms)):
        return Sum(node.shape, tuple(scale([MINUS_ONE], term) for term in node.terms))
    if number.could_extract_minus_sign() and isinstance(node, MatMul):
        turned = _turned(node)
        number, node = (number, node) if turned is None else (-number, turned)
    kept: list[Node] = [*([Number((ONE, ONE), number)] if number != 1 else []), *others]
    return Scale(node.shape, tuple(kept), node) if kept else node


def _turned(product: MatMul) -> MatMul | None:
    """A product with a minus, which a difference in it takes up: −Xᵀ (y − X w) as Xᵀ (X w − y)."""
    for place, factor in enumerate(product.factors):
        if not isinstance(factor, Sum) or 2 * sum(map(is_negative, factor.terms)) < len(factor.terms):
            continue
        other = Sum(factor.shape, tuple(scale([MINUS_ONE], term) for term in factor.terms))
        if not any(isinstance(term, Number) and not is_negative(term) for term in factor.terms):
            return MatMul(product.shape, (*product.factors[:place], other, *product.factors[place + 1 :]))
    return None


def powers(factors: Sequence[Node]) -> list[Node]:
    """Factors with the powers of each together, t (1/t²) = 1/t."""
    exponents: dict[Node, Any] = {}
    for s in factors:
        base, exponent = (s.base, s.exponent) if isinstance(s, Power) else (s, ONE)
        exponents[base] = exponents.get(base, sp.S.Zero) + exponent
    kept = {base: exponent for base, exponent in exponents.items() if exponent != 0}
    return [base if exponent == 1 else Power(base.shape, base, exponent) for base, exponent in kept.items()]
