r"""Slopes as a person writes them: what SymPy's scalar calculus leaves as a quotient or as cases.

.. math:: \frac{\operatorname{sign} u}{|u|} = \frac1u, \qquad \frac{\sinh u}{\cosh u} = \tanh u, \qquad
   \frac{u^p}{u} = u^{p - 1}, \qquad \{1 \text{ if } c; 0 \text{ otherwise}\} = [c].

The first has a value wherever the second has one, and no float overflows on the way.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from .definition import references
from .nodes import Iverson


def as_written(slope: Any) -> Any:
    """A slope with its quotients taken and its cases as brackets."""
    if not slope.args:
        return slope
    if isinstance(slope, sp.Piecewise):
        return _bracket(slope)
    if slope.has(sp.sign, sp.sinh, sp.Piecewise) or any(p.exp.free_symbols for p in slope.atoms(sp.Pow)):
        inner = slope.func(*map(as_written, slope.args))
        return _quotients(inner) if inner.is_Mul else inner
    return slope


def _bracket(cases: Any) -> Any:
    """[c] for 1 where c and else 0, on data; cases by index stay, since sums read them as ranges."""
    if len(cases.args) == 2 and any(True for _ in references(cases.args[0].cond)):
        (value, condition), (other, _) = cases.args
        if (value, other) == (1, 0):
            return Iverson(condition)
        if (value, other) == (0, 1):
            return 1 - Iverson(condition)
    return cases


def _quotients(product: Any) -> Any:
    powers = product.as_powers_dict()
    for base, exponent in list(powers.items()):
        if isinstance(base, sp.sign) and exponent == 1:
            size = sp.Abs(*base.args)
            if powers.get(size, sp.S.Zero).is_negative:
                changed = {base: sp.S.Zero, size: powers[size] + 1, base.args[0]: powers.get(base.args[0], 0) - 1}
                return _product({**powers, **changed})
        if isinstance(base, sp.sinh) and powers.get(sp.cosh(*base.args), sp.S.Zero).is_negative:
            down = sp.cosh(*base.args)
            return _product({**powers, base: exponent - 1, down: powers[down] + 1, sp.tanh(*base.args): sp.S.One})
    return sp.powsimp(product, combine="exp") if any(e.free_symbols for e in powers.values()) else product


def _product(powers: dict[Any, Any]) -> Any:
    return sp.Mul(*(base**exponent for base, exponent in powers.items()))
