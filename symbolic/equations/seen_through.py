"""Intermediates that something made of them does not refer to: exp(z) and its sum, where a softmax is read as one.

By such an intermediate no derivative can be taken any more: what looks through it would be missing. It is refused.
"""

from __future__ import annotations

from weakref import WeakSet

import sympy as sp

from .definition import PLAIN_NAMES, Definition

_noted: WeakSet[Definition] = WeakSet()


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
