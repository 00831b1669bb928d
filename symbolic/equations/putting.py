"""Put other arrays in the place of some definitions: what depends on them is defined anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from .definition import Definition, define, ordered, owner, references


def put(output: Definition, instead: Mapping[Definition, Definition]) -> Definition:
    """``output`` with each definition of ``instead`` replaced by another one of the same shape."""
    changed = dict(instead)
    for definition in ordered([output]):
        if definition in changed or not any(used in changed for used in definition.uses):
            if definition.group and any(used in changed for member in definition.group for used in member.uses):
                raise UnsupportedError(f"nothing can be put into the recurrence of {definition.name} yet")
            continue
        if definition.group:
            raise UnsupportedError(f"nothing can be put into the recurrence of {definition.name} yet")
        rhs = _replaced(definition.rhs, changed)
        derivative_of = definition.derivative_of
        changed[definition] = define(
            definition.name, definition.shape, rhs, first=definition.first, derivative_of=derivative_of
        )
    return changed.get(output, output)


def _replaced(rhs: Any, changed: Mapping[Definition, Definition]) -> Any:
    labels = {
        found.label: changed[found].label
        for found in (owner(reference) for reference in references(rhs))
        if found is not None and found in changed
    }
    return rhs.xreplace(labels | {sp.IndexedBase(old): sp.IndexedBase(new) for old, new in labels.items()})
