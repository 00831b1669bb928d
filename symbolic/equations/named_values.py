"""Functions that an equation has worked out stand by its name in later ones: σ(z) is t, and σ(−z) is 1 − t."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sympy as sp

from .collecting import is_elementwise
from .definition import Definition, define, owner, references
from .functions import BY_HEAD, sigmoid
from .tidying import tidy_scalar


def with_names(
    outputs: Sequence[Definition], order: Sequence[Definition], fixed: Collection[Definition]
) -> tuple[Definition, ...]:
    """The outputs over equations in which no function is worked out that one before has; ``fixed`` stay as they are."""
    known: dict[Any, list[Definition]] = {}
    made: dict[Definition, Definition] = {}
    for d in order:
        if d.is_input or d.group or d in fixed:
            made[d] = d
        else:
            made[d] = _renamed(d, made, known)
        own = made[d]
        if own.rhs is not None and not own.group and _is_worth_a_name(own.rhs):
            known.setdefault(type(own.rhs), []).append(own)
    return tuple(made[d] for d in outputs)


def _is_worth_a_name(rhs: Any) -> bool:
    """A function of elements, or a sum of them."""
    held = list(references(rhs))
    return bool(held) and (type(rhs) in BY_HEAD or (rhs.is_Add and len(held) > 1 and is_elementwise(rhs)))


def _renamed(d: Definition, made: dict[Definition, Definition], known: dict[Any, list[Definition]]) -> Definition:
    moved = {}
    for reference in references(d.rhs):
        target = owner(reference)
        if target is not None and made[target] is not target:
            moved[reference] = made[target].at(*_index(reference))
    rhs = d.rhs.xreplace(moved) if moved else d.rhs
    if type(rhs) not in known:
        named = {e: value for head in known for e in rhs.atoms(head) if (value := _value(e, known)) is not None}
        rhs = tidy_scalar(rhs.xreplace(named)) if named else rhs
    target = made.get(d.derivative_of, d.derivative_of) if d.derivative_of is not None else None
    if rhs is d.rhs and target is d.derivative_of:
        return d
    return define(d.name, d.shape, rhs, None, d.assumptions, d.first, target)


def _value(e: Any, known: dict[Any, list[Definition]]) -> Any:
    """The name of what a function is worked out at; None where it has none."""
    for d in known.get(type(e), ()):
        place = _place(d, d.rhs, e)
        if place is not None:
            return d.at(*place)
        place = _place(d, sigmoid(-d.rhs.args[0]), e) if isinstance(e, sigmoid) else None
        if place is not None:
            return 1 - d.at(*place)
    return None


def _place(d: Definition, value: Any, e: Any) -> tuple[Any, ...] | None:
    """The index at which an equation has the value e."""
    if value == e:
        return d.indices
    first = next((r for r in references(value) if set(d.indices) <= set(_index(r))), None)
    if first is None:
        return None
    for reference in references(e):
        if owner(reference) is owner(first):
            at = dict(zip(_index(first), _index(reference), strict=True))
            if value.xreplace(at) == e:
                return tuple(at[i] for i in d.indices)
    return None


def _index(reference: Any) -> tuple[Any, ...]:
    return tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()
