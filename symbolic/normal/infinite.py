r"""Where :math:`-\infty` may stand in what is proved: as the value of a branch that ends in an exponential.

A mask of attention sets scores to :math:`-\infty`, and :math:`e^{-\infty} = 0`. The forms know it as an atom, which
cancels against itself where a bracket switches its branch off. That is sound as long as nothing is computed with it but
what ends in an exponential or under a maximum: :math:`0 \cdot \infty` and :math:`\infty - \infty` have no value. So the
equations are looked at first, and every other use is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import Definition, owner
from ..equations.nodes import Iverson, LogSumExp, MaxOver
from .terms import Atom, Poly, scale, single

INFINITY: Atom = (("inf",), ())


def minus_infinity() -> Poly:
    """The form of −∞."""
    return scale(single(INFINITY), -1)


def check_infinities(definitions: Iterable[Definition]) -> None:
    """:class:`UnsupportedError` where a value that may be −∞ (in an order from inputs on) is used otherwise."""
    order = list(definitions)
    if not any(d.rhs is not None and d.rhs.has(sp.S.NegativeInfinity) for d in order):
        return
    reached: set[Definition] = set()
    for d in order:
        if d.rhs is not None and _may_be_infinite(d.rhs, reached):
            if d.group:
                raise UnsupportedError("-inf in a recurrence has no normal form")
            reached.add(d)


def _may_be_infinite(e: Any, reached: set[Definition]) -> bool:
    if e is sp.S.NegativeInfinity:
        return True
    target = owner(e)
    if target is not None:
        return target in reached
    if isinstance(e, (sp.exp, LogSumExp, MaxOver, Iverson)) or e.is_Relational:
        # a comparison is what it is for all numbers that are low enough, as an exponential and a maximum are
        for part in e.args if e.is_Relational else e.args[:1]:
            _may_be_infinite(part, reached)
        return False
    if isinstance(e, sp.Piecewise):
        branches = [_may_be_infinite(value, reached) for value, _ in e.args]  # each is looked at
        return any(branches)
    infinite = [a for a in e.args if _may_be_infinite(a, reached)]
    if not infinite:
        return False
    others = [a for a in e.args if a not in infinite]
    if len(infinite) == 1 and (e.is_Add or (e.is_Mul and all(a.is_positive and not a.has(sp.Indexed) for a in others))):
        return True
    raise UnsupportedError(f"-inf stands in {type(e).__name__}: it has a normal form only where an exponential ends it")
