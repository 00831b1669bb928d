"""Numbers in front of intermediates that nobody named go where these are used: 2/N stands in the gradient."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from ..equations.definition import PLAIN_NAMES, Definition, define
from .function_nodes import Diag
from .matrix_nodes import Hadamard, Leaf, MatMul, Node, Number, Scale, Sum, Transpose
from .matrix_scaling import ONE, scale
from .rebuilding import rebuilt

_LINEAR = (Diag, Hadamard, MatMul, Scale, Transpose)
"""Nodes that a number in a part of them stands in front of as well."""


def numbers_handed_on(nodes: Mapping[Definition, Node | None], output: Definition) -> dict[Definition, Node | None]:
    """Equations with the numbers of anonymous intermediates in the one place where each is used.

    An adjoint of something that is printed keeps its own: its name says what it is.
    """
    result = dict(nodes)
    made: dict[Definition, Definition] = {}
    for d in reversed(list(nodes)):
        node = result[d]
        if d is output or not isinstance(node, Scale) or d.group or d.first or not is_anonymous(d, nodes):
            continue
        number = sp.Mul(*(s.expression for s in node.scalars if isinstance(s, Number)))
        user = _only_user(d, result)
        if number == 1 or user is None or any(other.derivative_of is d for other in nodes):
            continue
        made[d] = define(d.name, d.shape, d.rhs / number, derivative_of=d.derivative_of)
        whole = result[user]
        assert whole is not None
        result[d] = scale([s for s in node.scalars if not isinstance(s, Number)], node.operand)
        result[user] = rebuilt(whole.replaced(_times(number, d, made[d])))
    return {made.get(d, d): node for d, node in result.items()}


def _times(number: Any, d: Definition, made: Definition) -> Callable[[Leaf], Node]:
    """A replacement of the leaf of ``d`` by a number times that of ``made``."""

    def replace(leaf: Leaf) -> Node:
        if leaf.definition is not d:
            return leaf
        return scale([Number((ONE, ONE), number)], dataclasses.replace(leaf, definition=made))

    return replace


def is_anonymous(d: Definition, printed: Mapping[Definition, Node | None]) -> bool:
    """Whether nobody named an intermediate, and its name does not refer to anything that is printed."""
    target = d.derivative_of
    if target is None:
        return d.name in PLAIN_NAMES
    return target not in printed and not target.is_input and target.name in PLAIN_NAMES and d.name == f"d_{target.name}"


def _only_user(d: Definition, nodes: Mapping[Definition, Node | None]) -> Definition | None:
    """The one equation that uses an intermediate, once and linearly."""
    users = [u for u, node in nodes.items() if u is not d and (d in u.uses if node is None else _count(node)[d])]
    if len(users) != 1:
        return None
    whole = nodes[users[0]]
    return users[0] if whole is not None and _count(whole)[d] == 1 and _is_linear(whole, d) else None


def _count(node: Node) -> Counter[Definition]:
    found: Counter[Definition] = Counter()

    def note(leaf: Leaf) -> Node:
        found[leaf.definition] += 1
        return leaf

    node.replaced(note)
    return found


def _is_linear(node: Node, d: Definition) -> bool:
    if isinstance(node, Leaf):
        return node.definition is d and type(node) is Leaf
    values = (v if isinstance(v, tuple) else (v,) for v in vars(node).values())
    held = [p for value in values for p in value if isinstance(p, Node) and _count(p)[d]]
    return len(held) == 1 and isinstance(node, (*_LINEAR, Sum)) and _is_linear(held[0], d)


__all__ = ["is_anonymous", "numbers_handed_on"]
