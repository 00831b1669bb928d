"""Places that a condition on indices gives as numbers: ``A[0, 2] = v`` is a case of its own, apart from ``A[1, 2]``."""

from __future__ import annotations

from typing import Any

import sympy as sp


def fixed(place: Any) -> dict[Any, Any]:
    """The indices that a condition gives as numbers.

    >>> i, j = sp.symbols("i j", integer=True)
    >>> fixed(sp.And(sp.Eq(i, 0), sp.Eq(j, 2))) == {i: 0, j: 2}
    True
    """
    equal = [part for part in sp.And.make_args(place) if isinstance(part, sp.Eq)]
    return {e.lhs: e.rhs for e in equal if e.lhs.is_Symbol and e.rhs.is_Integer}


def disjoint(one: Any, other: Any) -> bool:
    """Whether two conditions surely hold at no index together, since they give it as different numbers."""
    mine, theirs = fixed(one), fixed(other)
    return any(mine[i] != theirs[i] for i in mine.keys() & theirs.keys())


def is_place(condition: Any) -> bool:
    """Whether a condition does nothing but give indices as numbers."""
    return len(fixed(condition)) == len(sp.And.make_args(condition))


def stored(element: Any, place: Any, old: Any) -> Any:
    """``old`` with ``element`` at a place; stores at single places stand side by side as the cases of one choice."""
    cases = list(old.args) if isinstance(old, sp.Piecewise) and old.args[-1][1] == sp.true else [(old, sp.true)]
    if not is_place(place) or not all(is_place(c) for _, c in cases[:-1]):
        return sp.Piecewise((element, place), (old, True), evaluate=False)
    rest = [(e, c) for e, c in cases if c != place]
    return sp.Piecewise((element, place), *rest, evaluate=False)
