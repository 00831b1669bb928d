"""Intermediates that something made of them does not refer to: exp(z) and its sum, where a softmax is read as one.

By such an intermediate no derivative can be taken of what looks through it: it would be missing. It is refused there,
and only there: an output that holds nothing of the kind is differentiated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import sympy as sp

from . import functions as fn
from .definition import PLAIN_NAMES, Definition, ordered
from .nodes import REDUCTIONS, LogSumExp

_noted: WeakSet[Definition] = WeakSet()

_READ_AS_ONE = (LogSumExp, fn.sigmoid, fn.softplus)
"""What exponentials and their sums are read as."""


def see_through(*definitions: Definition) -> None:
    """Note that something has been made of these without a reference to them.

    They live on as long as what they are made of, so that the same equation made anew is still the one that is noted.
    """
    for d in definitions:
        if d.rhs is not None and d not in _noted:
            _noted.add(d)
            for used in d.uses:
                used.companions.append(d)


def is_seen_through(definition: Definition) -> bool:
    """Whether something may be made of a definition without a reference to it: it was noted, or is a view."""
    return definition in _noted or (isinstance(definition.rhs, sp.Indexed) and definition.name in PLAIN_NAMES)


def unreferenced(target: Definition, outputs: Iterable[Definition]) -> str | None:
    """Why outputs may depend on a target without a reference to it, as an end of a sentence; None where none does.

    What looks through a target refers to what the target is made of, and is none of that itself.
    """
    if target.is_input or target.group or any(d is target for d in outputs):
        return None
    if not target.uses:
        return None if target.rhs.has(*REDUCTIONS) else "it is a constant, which is put into what is made of it"
    if not is_seen_through(target):
        return None
    below = set(ordered([target])) - {target}
    beside = [d for d in _without(target, outputs) if d not in below]
    if isinstance(target.rhs, sp.Indexed):
        blind = any(used in d.uses for d in beside for used in target.uses)
        return "it is a view, and what is made of it refers to the array that it is a view of" if blind else None
    if isinstance(target.rhs, sp.Piecewise):
        numbers = any(d.rhs is not None and _has_numbers(d.rhs) for d in (target, *below))
        blind = numbers or any(used in below for d in beside for used in d.uses)
        return "an element of it was read, which is that of the part that was joined or stored there" if blind else None
    if isinstance(target.rhs, sp.Pow):
        found = next((d for d in beside if any(used in d.uses for used in target.uses)), None)
        return None if found is None else f"{found.name} may hold its square, which is read as the sum below the root"
    found = next((d for d in beside if d.rhs is not None and d.rhs.has(*_READ_AS_ONE) and _reaches(d, below)), None)
    return None if found is None else f"{found.name} is a softmax, logsumexp or sigmoid that is read as one thing"


def _has_numbers(rhs: Any) -> bool:
    """Whether a store or a join has a number in a place: that is what is read there."""
    return isinstance(rhs, sp.Piecewise) and any(branch.is_number for branch, _ in rhs.args)


def _without(target: Definition, outputs: Iterable[Definition]) -> list[Definition]:
    """What outputs are made of, when nothing is looked for below the target."""
    found: dict[Definition, None] = {}
    pending = list(outputs)
    while pending:
        definition = pending.pop()
        if definition in found or definition is target:
            continue
        found[definition] = None
        pending.extend(used for member in definition.group or [definition] for used in (member, *member.uses))
    return list(found)


def _reaches(definition: Definition, near: set[Definition]) -> bool:
    """Whether a definition refers to one of the given ones, itself or through one equation for its argument."""
    return any(used in near or any(inner in near for inner in used.uses) for used in definition.uses)
