"""Conditions on indices: [i ≥ 0] for index expressions, exactly, in one spelling for all that are equal.

A condition that the ranges of its indices settle is a number; one that leaves a few values of an index is a sum of
deltas; of a condition and its opposite, one is an atom and the other is 1 minus that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.contraction import bounds
from .terms import Atom, Poly, add, constant, scale, single, spelling

if TYPE_CHECKING:
    from .algebra import Algebra

Ranges: TypeAlias = dict[Any, tuple[Any, Any]]

_FEW: Final = 9
"""An axis of fewer places than this is treated place by place where conditions on its index occur."""


def few(ranges: Ranges, index: Any) -> Any:
    """The number of values of an index that runs from 0 to a small number; None for any other."""
    first, last = ranges.get(index, (None, None))
    few = first == 0 and last is not None and last.is_Integer and last < _FEW
    return last + 1 if few else None


def within(algebra: Algebra, value: Any, first: Any, last: Any) -> Poly:
    """[first ≤ value ≤ last] for an index expression."""
    return algebra.multiply(index_bracket(algebra, value - first), index_bracket(algebra, last - value))


def index_bracket(algebra: Algebra, value: Any) -> Poly:
    """[value ≥ 0] for an integer index expression, exact."""
    key = value, algebra.ranges_of((value,))
    known = algebra.brackets.get(key)
    if known is None:
        algebra.brackets[key] = known = _index_bracket(algebra, value)
    return known


def _index_bracket(algebra: Algebra, value: Any) -> Poly:
    test = next(iter(value.atoms(KroneckerDelta)), None)
    if test is not None:
        there, elsewhere = (index_bracket(algebra, value.xreplace({test: sp.Integer(k)})) for k in (1, 0))
        return add(elsewhere, algebra.multiply(algebra.delta(*test.args), add(there, scale(elsewhere, -1))))
    value = sp.expand(value)
    value = primitive(value)
    low, high = bounds(value, algebra.ranges)
    if low is not None and low.is_nonnegative:
        return constant(1)
    if high is not None and high.is_negative:
        return {}
    edge = _at_an_end(algebra, value, low, high) if algebra.recurrent else None
    if edge is not None:
        return edge
    index = next(iter(value.free_symbols), None)
    if (
        index is not None
        and few(algebra.ranges, index)
        and value.free_symbols == {index}
        and not value.has(sp.Function)
    ):
        values = [sp.Integer(k) for k in range(int(few(algebra.ranges, index)))]
        places = [k for k in values if value.xreplace({index: k}) >= 0]
        return add(*(algebra.delta(index, k) for k in places))
    other = sp.expand(-value - 1)
    if spelling(other) < spelling(value):
        return add(constant(1), scale(single((("ibx",), (other,))), -1))
    return single((("ibx",), (value,)))


def _at_an_end(algebra: Algebra, value: Any, low: Any, high: Any) -> Poly | None:
    """[value ≥ 0] where that leaves one value of an index, or all but one: δ, or 1 − δ."""
    if high != 0 and low != -1:
        return None
    places = [s for s in value.free_symbols if s in algebra.ranges]
    if len(places) != 1 or value.has(sp.Function):
        return None
    slope = value.coeff(places[0], 1)
    rest = sp.expand(value - slope * places[0])
    if slope not in (1, -1) or rest.has(places[0]) or any(s in algebra.ranges for s in rest.free_symbols):
        return None
    if high == 0:
        return algebra.delta(places[0], sp.expand(-slope * rest))
    return add(constant(1), scale(algebra.delta(places[0], sp.expand(-slope * (rest + 1))), -1))


def strongest_places(brackets: list[Atom]) -> list[Atom] | None:
    """[i ≥ 0] [i + c ≥ 0] = [i ≥ 0] for c ≥ 0; [i ≥ 0] [−i − c ≥ 0] = 0 for c > 0 (None)."""
    kept: list[Atom] = []
    for atom in brackets:
        value = atom[1][0]
        if any(sp.expand(value + other[1][0]).is_negative for other in kept):
            return None
        if any(sp.expand(value - other[1][0]).is_nonnegative for other in kept):
            continue
        kept = [other for other in kept if not sp.expand(other[1][0] - value).is_nonnegative]
        kept.append(atom)
    return kept


def primitive(value: Any) -> Any:
    """An index expression without a common factor, of the same sign: k/2 − 1 as k − 2, and 2 k − 3 ≥ 0 as k − 2 ≥ 0."""
    constant, rest = value.as_coeff_Add()
    parts = [c for c in rest.as_coefficients_dict().values() if c.is_Rational]
    if rest == 0 or not parts or not constant.is_Rational:
        return value
    scale = sp.ilcm(1, 1, *(c.q for c in parts))
    factor = sp.Rational(sp.igcd(0, 0, *(c * scale for c in parts)), scale)
    return value if factor == 1 else sp.expand(rest / factor) + sp.floor(constant / factor)


def under_division(atom: Atom, deltas: list[Atom], ranges: Ranges) -> Poly | None:
    """[w ≥ 0] beside δ(0, v mod h), where that says what w mod h is: one spelling for all that are equal then."""
    (value,) = atom[1]
    for _, sides in deltas:
        test = next((side for side in sides if isinstance(side, sp.Mod) and side.args[1].is_Integer), None)
        if test is None or sp.S.Zero not in sides:
            continue
        divided, size = test.args
        symbol = next((s for s in sorted(divided.free_symbols, key=spelling) if divided.coeff(s) in (1, -1)), None)
        if symbol is None or not value.coeff(symbol).is_Integer or value.coeff(symbol) == 0:
            continue
        constant_part, rest = sp.expand(value - value.coeff(symbol) / divided.coeff(symbol) * divided).as_coeff_Add()
        if not all((c / size).is_integer for c in rest.as_coefficients_dict().values() if rest != 0):
            continue
        tight = sp.expand(value - constant_part % size)
        low, high = bounds(tight, ranges)
        if (low is not None and low.is_nonnegative) or (high is not None and high.is_negative):
            return constant(1) if low is not None and low.is_nonnegative else {}
        if tight.coeff(symbol).is_negative:
            return add(constant(1), scale(single((("ibx",), (sp.expand(-tight - size),))), -1))
        return None if tight == value else single((("ibx",), (tight,)))
    return None
