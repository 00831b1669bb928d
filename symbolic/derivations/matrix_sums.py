"""Sums of matrix expressions: like terms as one, and what all terms share in front of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import sympy as sp

from .function_nodes import Where
from .matrix_nodes import MatMul, Node, Number, Scale, Sum
from .matrix_scaling import MINUS_ONE, ONE, scale


def like_terms(terms: Sequence[Node]) -> list[Node]:
    """The terms with those that differ by a number as one; what adds up to nothing is left out."""
    numbers: dict[Node, Any] = {}
    for term in terms:
        scalars, operand = (term.scalars, term.operand) if isinstance(term, Scale) else ((), term)
        number = sp.Mul(*(s.expression for s in scalars if isinstance(s, Number)))
        core = scale([s for s in scalars if not isinstance(s, Number)], operand)
        if isinstance(core, Number):
            core, number = Number(core.shape, ONE), number * core.expression
        numbers[core] = numbers.get(core, sp.S.Zero) + number
    kept = [scale([Number((ONE, ONE), number)], core) for core, number in numbers.items() if number != 0]
    return kept or [Number((ONE, ONE), sp.S.Zero)]


OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


def negation(terms: Sequence[Node]) -> Node | None:
    """1 − [a > b] = [a ≤ b]."""
    if len(terms) != 2:
        return None
    for one, other in (terms, reversed(terms)):
        bracket = other.operand if isinstance(other, Scale) and other.scalars == (MINUS_ONE,) else None
        if isinstance(one, Number) and one.expression == 1 and isinstance(bracket, Where):
            return dataclasses.replace(bracket, operator=OPPOSITE[bracket.operator])
    return None


def parts_of(term: Node) -> tuple[Any, list[Node], Node]:
    """The number of a term, its other scalars, and what they are times."""
    scalars, operand = (term.scalars, term.operand) if isinstance(term, Scale) else ((), term)
    number = sp.Mul(*(s.expression for s in scalars if isinstance(s, Number)))
    rest = [s for s in scalars if not isinstance(s, Number)]
    if isinstance(operand, Number):
        return number * operand.expression, rest, Number(operand.shape, ONE)
    return number, rest, operand


def coefficients_together(terms: Sequence[Node]) -> list[Node]:
    """ε Y − Y as (ε − 1) Y: terms of one array with their scalars added."""
    held: dict[Node, list[Node]] = {}
    for term in terms:
        number, scalars, operand = parts_of(term)
        held.setdefault(operand, []).append(scale([Number((ONE, ONE), number), *scalars], Number((ONE, ONE), ONE)))
    if len(held) == len(terms):
        return list(terms)
    added: list[Node] = []
    for operand, found in held.items():
        together = not operand.is_scalar and len(found) > 1
        added += [scale(_added(found), operand)] if together else [scale([s], operand) for s in found]
    return added


def _added(scalars: Sequence[Node]) -> list[Node]:
    """A sum of scalars as factors, its number in front and not negative: 1 − ε, and −1 and 1 − ε for −1 + ε."""
    numbers = [s for s in scalars if isinstance(s, Number)]
    ordered = [*numbers, *(s for s in scalars if s not in numbers)]
    if numbers and numbers[0].expression.could_extract_minus_sign():
        return [MINUS_ONE, Sum((ONE, ONE), tuple(scale([MINUS_ONE], s) for s in ordered))]
    return [Sum((ONE, ONE), tuple(ordered))]


def shared_scalars(terms: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The scalars that all terms have, and the terms without: 2/m A − 2/m B as 2/m and A, −B."""
    parts = [parts_of(term) for term in terms]
    if len(parts) < 2:
        return [], list(terms)
    number = _shared_number([n for n, _, _ in parts])
    common = [s for s in parts[0][1] if all(s in scalars for _, scalars, _ in parts[1:])]
    if number == 1 and not common:
        return [], list(terms)
    rest = [
        scale([Number((ONE, ONE), n / number), *(s for s in scalars if s not in common)], operand)
        for n, scalars, operand in parts
    ]
    return [*([Number((ONE, ONE), number)] if number != 1 else []), *common], rest


def _shared_number(numbers: Sequence[Any]) -> Any:
    """What numbers are multiples of: 2/m of 2/m and −2/m, 1/m of 1/m and 2/m; 1 of 2 and 3."""
    first = numbers[0]
    if first != 0 and all(n in (first, -first) for n in numbers):
        return -first if first.could_extract_minus_sign() else first
    pairs = [n.as_coeff_Mul() for n in numbers]
    (_, size), *others = pairs
    if size.is_number or any(other != size for _, other in others) or not all(n.is_Integer for n, _ in pairs):
        return ONE
    return sp.igcd(*(n for n, _ in pairs)) * size


def shared_factor(terms: Sequence[Node]) -> tuple[Node, bool, list[tuple[Sequence[Node], tuple[Node, ...]]]] | None:
    """The matrix that all terms begin with (True) or end with, and the scalars and other factors of each."""
    parts = [(term.scalars, term.operand) if isinstance(term, Scale) else ((), term) for term in terms]
    if len(parts) < 2:
        return None
    factors = [core.factors for _, core in parts if isinstance(core, MatMul)]
    if len(factors) < len(parts):
        return None
    for place, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
        if len({own[place] for own in factors}) == 1:
            return factors[0][place], place == 0, [(s, own[rest]) for (s, _), own in zip(parts, factors, strict=True)]
    return None
