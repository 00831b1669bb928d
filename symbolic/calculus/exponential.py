r"""The calculus of exponentials along directions, C(A; E₁, ..., E_k): e^A is the one without directions.

The partial derivative by an entry of a direction is the same exponential along the unit matrix of that entry, an
array of four axes. What a cotangent or a tangent makes of it is again one exponential of one block matrix:

.. math:: \sum_{ij} G_{ij} \frac{\partial (e^A)_{ij}}{\partial A_{rc}} = C(A^\top; G)_{rc}, \qquad
   \sum_{rc} \frac{\partial (e^A)_{ij}}{\partial A_{rc}} \, \dot A_{rc} = C(A; \dot A)_{ij}, \qquad
   \sum_i \frac{\partial (e^A)_{ii}}{\partial A_{rc}} = (e^A)_{cr} .

Source: Higham, Functions of Matrices (2008), section 3.1 and theorem 3.6; Van Loan (1978).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.contraction import contract
from ..equations.definition import Definition, define, freshen, owner, substitute
from ..equations.dims import Range, free_index
from ..equations.exponentials import along, is_exponential, transposed, unit_entry, unit_place, whole_index
from ..equations.matrix_definitions import default_name, matrix_definition
from ..equations.tidying import tidy_scalar

MOST_OUTPUTS = 1
"""A Jacobian of more output axes than this needs every entry of the derivative: it stays an array of four axes."""


def weights(node: Any, definition: Definition | None) -> Iterator[tuple[Any, Any]]:
    """The entry of the matrix and of each direction, with ∂node by it: C along the unit matrix there."""
    matrix, *directions = node.bodies
    (row, *_), (column, *_) = node.ends
    for s in range(1, len(directions) + 2):
        yield matrix, _unit(node, [matrix, *directions[: s - 1], None, *directions[s - 1 :]], row, column, definition)
    for s, body in enumerate(directions, 1):
        yield body, _unit(node, [matrix, *directions[: s - 1], None, *directions[s:]], row, column, definition)


def _unit(node: Any, bodies: list[Any], r: Any, c: Any, definition: Definition | None) -> Any:
    """C along the directions given and, in the place of None, the unit matrix at (r, c): by name where it can be."""
    batch = _batch(node, definition)
    free = (r, c) if batch is None else tuple(free_index(len(batch) + a) for a in range(2))
    fresh = freshen(along([sp.S.Zero if b is None else b for b in bodies], node.ends, node.index))
    ends = fresh.ends
    moved = dict(zip((limit[0] for limit in node.ends), (limit[0] for limit in ends), strict=True))
    entries = [unit_entry(ends, *free) if b is None else b.xreplace(moved) for b in bodies]
    if batch is None or definition is None:
        return along(entries, ends, node.index)
    lead = definition.shape[: len(batch)]
    made = matrix_definition("along", along(entries, ends, node.index), (*lead, node.size, node.size))
    if made not in definition.companions:
        definition.companions.append(made)
    return made.at(*batch, r, c, *node.index)


def _batch(node: Any, definition: Definition | None) -> tuple[Any, ...] | None:
    """The leading indices where a definition is the whole value of a node; None where it is not."""
    if definition is None or definition.rank < 2 or definition.indices[-2:] != node.index:
        return None
    inside = set().union(*(body.free_symbols for body in node.bodies))
    return None if inside & set(node.index) else definition.indices[:-2]


def pulled(
    user: Definition,
    own: Sequence[Any],
    coefficient: Any,
    cotangent: Callable[[Sequence[Any]], Any],
    extra: Sequence[Range],
) -> tuple[Any, Definition] | None:
    """What a cotangent, with the leading indices ``extra``, makes of the derivative of an exponential along a unit.

    The product of the two, summed over the last two of the indices ``own`` of ``user``, as an entry of one exponential
    with what stands beside it, and that exponential, which nothing else holds yet; None where it has to stay a sum.
    """
    found = _unit_factor(user, own, coefficient)
    if found is None:
        return None
    made, s, (*_, r, c, i, j), rest = found
    lead = own[:-2]
    traced = _traced(cotangent(own), i, j)
    if traced is not None and len(made.rhs.bodies) == 2:
        whole = matrix_definition("expm", made.rhs.other("expm", *whole_index(len(lead))), user.shape[:-2])
        return traced * rest * whole.at(*lead, c, r), whole
    if len(extra) > MOST_OUTPUTS:
        return None
    moved = {old: free_index(len(extra) + a) for a, old in enumerate(user.indices)}
    fresh = freshen(made.rhs)
    ends = fresh.ends
    at_ends = cotangent((*(moved[p] for p in user.indices[:-2]), ends[0][0], ends[1][0]))
    bodies = transposed([substitute(body, moved) for body in fresh.bodies], ends, s, at_ends)
    node = along(bodies, ends, whole_index(len(extra) + len(lead)))
    shape = (*(last - first + 1 for _, first, last in extra), *(n.xreplace(moved) for n in user.shape))
    whole = define(default_name(node), shape, node)
    return rest * whole.at(*(index for index, _, _ in extra), *lead, r, c), whole


def pushed(user: Definition, coefficient: Any, summed: Sequence[Range], step: Any) -> Definition | None:
    """What the tangent ``step`` of an exponential's argument makes of its derivative: C along it."""
    found = _unit_factor(user, user.indices, coefficient)
    if found is None:
        return None
    made, s, (*_, r, c, _i, _j), rest = found
    fresh = freshen(made.rhs)
    ends = fresh.ends
    ranges = {i: (first, last) for i, first, last in (*user.ranges, *summed)}
    inner = [limit for limit in summed if limit[0] not in (r, c)]
    direction = contract(tidy_scalar(rest * step), inner, ranges)
    at_ends = direction.xreplace({r: ends[0][0], c: ends[1][0]})
    bodies = [at_ends if place == s else body for place, body in enumerate(fresh.bodies)]
    node = along(bodies, ends, user.indices[-2:])
    return define(default_name(node), user.shape, node)


def _unit_factor(
    user: Definition, own: Sequence[Any], coefficient: Any
) -> tuple[Definition, int, tuple[Any, ...], Any] | None:
    """The derivative along a unit matrix in a product: its definition, the place of the unit, its index, the rest.

    None in a recurrence: what an exponential there is multiplied by belongs to the recurrence.
    """
    if not is_exponential(user.rhs) or user.group:
        return None
    factors = sp.Mul.make_args(coefficient)
    for factor in factors:
        made = owner(factor)
        s = unit_place(made)
        if made is not None and s is not None and tuple(factor.indices[-2:]) == tuple(own[-2:]):
            rest = sp.Mul(*(f for f in factors if f is not factor))
            return None if rest.has(*own[-2:]) else (made, s, factor.indices, rest)
    return None


def _traced(product: Any, i: Any, j: Any) -> Any:
    """The factor beside δ(i, j) in a product that depends on neither otherwise; None where there is none."""
    factors = sp.Mul.make_args(product)
    pair = next((f for f in factors if isinstance(f, KroneckerDelta) and set(f.args[:2]) == {i, j}), None)
    rest = sp.Mul(*(f for f in factors if f is not pair))
    return None if pair is None or rest.has(i, j) else rest
