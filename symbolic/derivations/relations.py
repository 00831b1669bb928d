"""Conditions as people write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import owner, references
from ..equations.dims import fresh_index
from ..equations.functions import apply
from ..equations.nodes import Iverson

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
    left, right = c.lhs, c.rhs
    if right == 0 and left.is_Add and left.is_integer:  # k − h ≥ 0 as k ≥ h
        taken = [term for term in left.args if term.could_extract_minus_sign()]
        left, right = left - sp.Add(*taken), -sp.Add(*taken)
    return left, right, _RELATIONS[type(c)]


def paired(product: Any) -> Any:
    """A product with [a ≤ e] [e ≤ b] as the one bracket [a ≤ e ≤ b]."""
    factors = list(sp.Mul.make_args(product))
    lower = {f.args[0].lhs: f for f in factors if isinstance(f, Iverson) and isinstance(f.args[0], sp.Ge)}
    for f in [f for f in factors if isinstance(f, Iverson) and isinstance(f.args[0], sp.Le)]:
        other = lower.pop(f.args[0].lhs, None)
        if other is not None and f.args[0].lhs.is_integer:
            factors = [g for g in factors if g is not f and g is not other]
            factors.append(Iverson(sp.And(f.args[0], other.args[0]), evaluate=False))
    return sp.Mul(*factors)


def chain(condition: Any) -> tuple[Any, Any, str, Any, str] | None:
    """The low end, what lies between, and the high end of a ≤ e ≤ b, each end with its relation; None for others."""
    if not isinstance(condition, sp.And) or len(condition.args) != 2:
        return None
    ends = {type(c): c for c in map(_loose, condition.args)}
    low, high = ends.get(sp.Ge), ends.get(sp.Le)
    if low is None or high is None or low.lhs != high.lhs:
        return None
    below = sp.expand(high.rhs + 1)
    strict = len(str(below)) <= len(str(high.rhs))
    return low.rhs, low.lhs, "<=", below if strict else high.rhs, "<" if strict else "<="


def _loose(condition: Any) -> Any:
    """i < n as i ≤ n − 1, of integers."""
    if isinstance(condition, (sp.Lt, sp.Gt)) and condition.lhs.is_integer and condition.rhs.is_integer:
        step = -1 if isinstance(condition, sp.Lt) else 1
        return (sp.Le if step < 0 else sp.Ge)(condition.lhs, sp.expand(condition.rhs + step), evaluate=False)
    return condition


def only_case(e: Any) -> tuple[Any, list[Any], Any] | None:
    """The one value that is no constant, its conditions, and what all other cases are; None where they are unlike."""
    values = [value for value, _ in e.args]
    inner = {value: only_case(value) for value in values if isinstance(value, sp.Piecewise)}
    others = {found[2] if found is not None else None for found in inner.values()}
    others |= {value for value in values if value.is_number}
    places = [k for k, value in enumerate(values) if not value.is_number]
    if len(others) != 1 or None in others or len(places) != 1 or len(e.args) < 3 - len(inner):
        return None
    (place,) = places
    held = [sp.Not(c) for _, c in e.args[:place]]
    held += [c for c in [e.args[place][1]] if c not in (True, sp.true)]
    found = inner.get(values[place])
    value, more = (values[place], []) if found is None else found[:2]
    return (value, [*more, *held], others.pop()) if all(c.is_Relational for c in held) else None


def joined(conditions: Sequence[Any]) -> list[Any]:
    """Conditions that all hold, the two ends of each index together."""
    left = [_loose(c) for c in conditions]
    result: list[Any] = []
    while left:
        one = left.pop(0)
        other = next((c for c in left if c.lhs == one.lhs and {type(c), type(one)} == {sp.Ge, sp.Le}), None)
        if other is not None:
            left.remove(other)
        result.append(one if other is None else sp.And(one, other))
    return sorted(result, key=lambda c: min(map(str, c.free_symbols), default=""))


def within_branches(e: Any) -> Iterator[tuple[Any, Any]]:
    """The cases with what their conditions say put into their values: min(z, 0) is z where z > 0 does not hold."""
    first = e.args[0][1]
    for position, (value, condition) in enumerate(e.args):
        if isinstance(first, sp.Gt) and len(e.args) == 2:
            smaller, larger = (first.lhs, first.rhs) if position else (first.rhs, first.lhs)
            value = value.xreplace(
                {apply("minimum", *pair): smaller for pair in ((smaller, larger), (larger, smaller))}
                | {apply("maximum", *pair): larger for pair in ((smaller, larger), (larger, smaller))}
            )
        yield value, condition


def with_digits(e: Any) -> tuple[Any, dict[Any, tuple[Any, Any, Any]]]:
    """An expression with an index for each digit ⌊q/c⌋, q mod c that stands in it more than once, and their ranges."""
    held = Counter(digit for r in references(e) for digit in _digits(r))
    held.update(digit for f in e.atoms(KroneckerDelta, Iverson) for digit in _digits(f) if not list(references(f)))
    axes = {digit: size for r in references(e) for digit, size in _whole_axes(r)}
    digits = sorted((digit for digit in held if held[digit] > 1 and digit in axes), key=str)  # sets have no order
    named = {digit: (fresh_index(), sp.S.Zero, axes[digit] - 1) for digit in digits}
    return e.xreplace({digit: limit[0] for digit, limit in named.items()}), named


def _digits(e: Any) -> set[Any]:
    return {d for d in e.atoms(sp.floor, sp.Mod) if d.args[0].free_symbols and not d.has(sp.Indexed)}


def _whole_axes(reference: Any) -> Iterator[tuple[Any, Any]]:
    """The axes that a digit is the index of."""
    target = owner(reference)
    if target is not None and isinstance(reference, sp.Indexed):
        yield from ((i, n) for i, n in zip(reference.indices, target.shape, strict=True) if i in _digits(i))
