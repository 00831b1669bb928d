r"""Summation with elimination of deltas: the algebra that keeps derivatives compressed.

``contract(expression, ranges)`` is :math:`\sum_{k \in ranges} expression`, simplified by rules, each a line below:

- δ rule:       Σ_k δ(k, e) f(k) = f(e) · [first ≤ e ≤ last]   (also for δ(±k + c, e))
- constants:    Σ_k c f(k) = c Σ_k f(k);   Σ_k c = size · c
- digits:       Σ_i f(⌊i/h⌋, i mod h) = Σ_a Σ_b f(a, b);  Σ_a Σ_b δ(p, h a + b) f(a, b) = f(⌊p/h⌋, p mod h)
- simplex rule: Σ_k y[.., k] = 1 for a one-hot or softmax row
- linearity:    only where a delta or a bare constant asks for it, since unsplit sums read better
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.functions.special.tensor_functions import KroneckerDelta

from .definition import owner
from .digits import count, digit_pair, picked, radix, settled
from .dims import Range, fresh_index
from .effort import spend
from .nodes import REDUCTIONS, Iverson, Sum, rebuild

Facts = Callable[[Any], tuple[Any, Any] | None]
"""The known range of an index symbol: ``(first, last)``, or None."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """One use of a rule: the sum before and after it, with the ranges of the indices that stay free."""

    rule: str
    before: Any
    after: Any
    ranges: tuple[Range, ...]


_record: ContextVar[list[Rewriting] | None] = ContextVar("_record", default=None)


@contextmanager
def recording() -> Iterator[list[Rewriting]]:
    """Collect the rules that contractions use inside the block, in order."""
    uses: list[Rewriting] = []
    token = _record.set(uses)
    try:
        yield uses
    finally:
        _record.reset(token)


def noted(rule: str, expression: Any, limits: Sequence[Range], after: Any, known: dict[Any, tuple[Any, Any]]) -> Any:
    """``after``, which a rule makes of the sum of ``expression``; the use of it is recorded where somebody asks."""
    uses = _record.get()
    if uses is not None:
        free = (expression.free_symbols | after.free_symbols) - {limit[0] for limit in limits}
        ranges = tuple((i, a, b) for i, (a, b) in known.items() if i in free)
        uses.append(Rewriting(rule, Sum(expression, *limits), after, ranges))
    return after


def delta(left: Any, right: Any, ranges: dict[Any, tuple[Any, Any]]) -> Any:
    """δ(left, right), which is 0 at once where the known ranges of the two are disjoint."""
    difference = sp.expand(left - right)
    if difference == 0:
        return sp.S.One
    if difference.is_number:
        return sp.S.Zero
    low, high = bounds(difference, ranges)
    if (low is not None and low.is_positive) or (high is not None and high.is_negative):
        return sp.S.Zero
    if low == 0 and high == 0:  # both have one value only: an axis of size 1
        return sp.S.One
    return KroneckerDelta(left, right)


def through_gathers(product: Any) -> Any:
    """δ(j, y[i]) f(j) = δ(j, y[i]) f(y[i]): with the gather in it, f may cancel against what was gathered.

    So it may with a place that is the same everywhere, δ(j, 0) p[j] / p[0] = δ(j, 0).
    """
    for factor in sp.Mul.make_args(product):
        if isinstance(factor, KroneckerDelta):
            gather = next((a for a in factor.args if isinstance(a, sp.Indexed)), None)
            place = next((a for a in factor.args if _is_place(a)), None) if gather is None else gather
            other = next((a for a in factor.args if a is not place), None)
            if place is not None and other is not None and other.is_Symbol and not place.has(other):
                put_in = factor * (product / factor).xreplace({other: place})
                if gather is not None or put_in.count_ops() < product.count_ops():
                    product = put_in
    return product


def _is_place(e: Any) -> bool:
    """Whether an index is made of numbers and sizes alone."""
    return all(s.is_positive and s.is_integer for s in e.free_symbols)


def bounds(expression: Any, ranges: dict[Any, tuple[Any, Any]]) -> tuple[Any, Any]:
    """The lowest and highest value of an expression linear in ranged indices (None where not known).

    Widths that depend on an index, ``n(l)``, are positive numbers that are not known otherwise.
    """
    gathers = {g: sp.Dummy(integer=True) for g in expression.atoms(sp.Indexed) if g.base.label in ranges}
    if gathers:
        # an element of an array that is used as an index: its range is that of the axis it indexes
        expression = expression.xreplace(gathers)
        ranges = ranges | {symbol: ranges[g.base.label] for g, symbol in gathers.items()}
    for node in expression.atoms(sp.Mod, sp.floor):
        ends = _digit_range(node, ranges)
        if ends is not None:
            digit = sp.Dummy(integer=True)
            expression, ranges = expression.xreplace({node: digit}), ranges | {digit: ends}
    if expression.has(sp.Indexed, sp.Mod, sp.floor) or any(not isinstance(f, AppliedUndef) for f in _calls(expression)):
        return None, None
    return _extreme(expression, ranges, lowest=True), _extreme(expression, ranges, lowest=False)


def _digit_range(node: Any, ranges: dict[Any, tuple[Any, Any]]) -> tuple[Any, Any] | None:
    """The range of i mod h, and of ⌊i/h⌋ for an index i from 0 whose range is made of whole h."""
    if isinstance(node, sp.Mod):
        return (sp.S.Zero, node.args[1] - 1) if node.args[1].is_positive else None
    index, size = sp.fraction(sp.together(node.args[0]))
    first, last = ranges.get(index, (None, None))
    parts = count(last, size) if first == 0 and last is not None and size.is_positive else None
    return None if parts is None else (sp.S.Zero, parts - 1)


def _calls(expression: Any) -> set[Any]:
    return expression.atoms(sp.Function)  # type: ignore[no-any-return]


def _extreme(expression: Any, ranges: dict[Any, tuple[Any, Any]], lowest: bool) -> Any:
    """Put in the end of each range, those first whose ends depend on other indices."""
    result = sp.expand(expression)
    hidden = {call: sp.Dummy(positive=True) for call in _calls(result)}
    open_indices = [s for s in result.xreplace(hidden).free_symbols if s in ranges]
    for _ in range(8):
        if not open_indices:
            return result
        ends = {s: (ranges[s][0].free_symbols | ranges[s][1].free_symbols) for s in open_indices}
        symbol = next((s for s in open_indices if not any(s in ends[o] for o in open_indices if o != s)), None)
        if symbol is None:
            return None
        slope = result.coeff(symbol, 1)
        rest = sp.expand(result - slope * symbol)
        hidden = {call: sp.Dummy(positive=True) for call in _calls(rest)}
        if not (slope.is_number or slope.is_positive or slope.is_negative) or rest.xreplace(hidden).has(symbol):
            return None
        first, last = ranges[symbol]
        result = sp.expand(slope * (first if slope.is_positive == lowest else last) + rest)
        hidden = {call: sp.Dummy(positive=True) for call in _calls(result)}
        open_indices = [s for s in result.xreplace(hidden).free_symbols if s in ranges]
    return None


def within(value: Any, first: Any, last: Any, ranges: dict[Any, tuple[Any, Any]]) -> Any:
    """``[first ≤ value ≤ last]``, with the halves that always hold left out."""
    result = sp.S.One
    parts = sp.ilcm(1, 1, *(c.q for c in sp.expand(value).as_coefficients_dict().values() if c.is_Rational))
    if parts != 1:  # (p − u)/2 ≤ n as p − u ≤ 2 n
        value, first, last = sp.expand(parts * value), parts * first, parts * last
    for excess, condition in ((value - first, value >= first), (last - value, value <= last)):
        low, high = bounds(sp.expand(excess), ranges)
        if low is not None and low.is_nonnegative:
            continue
        if high is not None and high.is_negative:
            return sp.S.Zero
        result *= Iverson(condition)
    return result


def contract(expression: Any, summed: Iterable[Range], ranges: dict[Any, tuple[Any, Any]] | None = None) -> Any:
    """Σ over the ``summed`` indices; ``ranges`` are those of the free indices, as far as they are known."""
    known = dict(ranges or {})
    pending = list(summed)
    for index, first, last in pending:
        known[index] = (first, last)
    while pending and expression != 0:
        if (left := _digits_of_another(expression, pending, known)) is not None:
            return left
        limit = _next(pending, expression)
        pending.remove(limit)
        expression = _sum_one(expression, limit, known)
    return expression


def _digits_of_another(expression: Any, pending: list[Range], known: dict[Any, tuple[Any, Any]]) -> Any:
    """The sum where a δ picks the two digits of another index; None where no δ of a product or of a term does."""
    if isinstance(expression, sp.Add):
        if any(digit_pair(term, pending) is not None for term in expression.args):
            return sp.Add(*(contract(term, pending, known) for term in expression.args))
        return None
    found = digit_pair(expression, pending)
    if found is None:
        return None
    factor, high, low, size, value = found
    above = _digit_above(value, sp.expand(size * (high[2] + 1)), pending)
    if above is not None:
        return contract(*_as_one_digit(expression, found, above, pending), known)
    inside = within(value, sp.S.Zero, size * (high[2] + 1) - 1, known)
    chosen = picked(expression / factor, high[0], low[0], size, value) * inside
    left = [limit for limit in pending if limit is not high and limit is not low]
    return contract(noted("digits of an index", expression, (low,), chosen, known), left, known)


def _digit_above(value: Any, size: Any, pending: list[Range]) -> Range | None:
    """The digit that stands before two others: δ(p, h A k + h a + b) holds p − h A k = h a + b."""
    return next((k for k in pending if k[1] == 0 and sp.expand(value.coeff(k[0], 1) + size) == 0), None)


def _as_one_digit(
    expression: Any, pair: tuple[Any, ...], above: Range, pending: list[Range]
) -> tuple[Any, list[Range]]:
    """Σ_k Σ_a δ(p, h A k + h a + b) f(k, a) = Σ_j δ(p, h j + b) f(⌊j/A⌋, j mod A), for a below A."""
    factor, high, low, size, value = pair
    joined, count_of = fresh_index(), sp.expand(high[2] + 1)
    rest = picked(expression / factor, above[0], high[0], count_of, joined)
    number = sp.expand(value + size * count_of * above[0])
    left = [limit for limit in pending if limit is not high and limit is not above]
    body = KroneckerDelta(number, size * joined + low[0]) * rest
    return body, [(joined, sp.S.Zero, sp.expand(count_of * (above[2] + 1) - 1)), *left]


def _next(pending: list[Range], expression: Any) -> Range:
    """The limit to sum over next: none that another's range depends on; those in deltas first, since they vanish.

    Of two indices in one δ, a place along an axis and an offset in a kernel, the place goes: it has the longer range.
    """
    free = [p for p in pending if not any(e.has(p[0]) for q in pending if q is not p for e in (q[1], q[2]))]
    return min(free or pending, key=lambda limit: (not _has_delta(expression, limit[0]), _is_short(limit)))


def _is_short(limit: Range) -> bool:
    """Whether a range is a number: short beside one of symbolic size, as a kernel is."""
    return bool((limit[2] - limit[1]).is_number)


def decide(expression: Any, ranges: dict[Any, tuple[Any, Any]]) -> Any:
    """Every delta and bracket of index conditions that the ranges settle, replaced by 0 or 1; no case for no index."""
    if not expression.has(KroneckerDelta, Iverson, sp.Piecewise):
        return expression
    if isinstance(expression, sp.Piecewise):
        return sp.Piecewise(*((decide(value, ranges), _possible(c, ranges)) for value, c in expression.args))
    if isinstance(expression, KroneckerDelta):
        left, right = expression.args
        return delta(left, right, ranges)
    if isinstance(expression, Iverson):
        excess = _excess(expression.args[0])
        if excess is not None:
            low, high = bounds(excess, ranges)
            if low is not None and low.is_nonnegative:
                return sp.S.One
            if high is not None and high.is_negative:
                return sp.S.Zero
        return expression
    if isinstance(expression, REDUCTIONS):
        limits = tuple(tuple(limit) for limit in expression.limits)
        inner = dict(ranges) | {k: (a, b) for k, a, b in limits}
        return rebuild(expression, decide(expression.args[0], inner), limits)
    return expression.func(*(decide(argument, ranges) for argument in expression.args))


def _possible(condition: Any, ranges: dict[Any, tuple[Any, Any]]) -> Any:
    """A condition, or false where two indices that it takes for equal never are."""
    if isinstance(condition, sp.Eq) and all(side.is_integer and not side.has(sp.Indexed) for side in condition.args):
        left, right = condition.args
        return sp.false if delta(left, right, ranges) == 0 else condition
    return condition


def _excess(condition: Any) -> Any:
    """What is at least 0 exactly where an inequality of indices holds; None for other conditions."""
    if not isinstance(condition, (sp.Ge, sp.Gt, sp.Le, sp.Lt)):
        return None
    excess = condition.gts - condition.lts - (1 if isinstance(condition, (sp.Gt, sp.Lt)) else 0)
    return sp.expand(excess) if excess.is_integer and not excess.has(sp.Indexed) else None


def _has_delta(expression: Any, index: Any) -> bool:
    return any(d.has(index) for d in expression.atoms(KroneckerDelta))


def _sum_one(expression: Any, limit: Range, known: dict[Any, tuple[Any, Any]]) -> Any:
    spend()
    index, first, last = limit
    if first == last:
        return expression.xreplace({index: first})
    if not expression.has(index):
        return noted("sum of a constant", expression, (limit,), (last - first + 1) * expression, known)
    if isinstance(expression, sp.Add):
        if _has_delta(expression, index) or any(not term.has(index) for term in expression.args):
            return sp.Add(*(_sum_one(term, limit, known) for term in expression.args))
        common, rest = _pull_common(expression, index)
        total = common * _make_sum(rest, limit)
        return noted("constants leave the sum", expression, (limit,), total, known) if common != 1 else total
    outside, inside = _split(expression, index)
    if _has_delta(inside, index):
        size = radix([d for d in inside.atoms(KroneckerDelta) if d.has(index)], limit)
        if size is not None:
            return outside * _by_digits(inside, limit, size, known)
        for factor in sp.Mul.make_args(inside):
            if isinstance(factor, KroneckerDelta) and factor.has(index):
                solved, whole = _solve(factor, index)
                if solved is not None:
                    rest = inside / factor * whole
                    equal = _implied(outside * rest, known, index)
                    there = {i: (a.xreplace(equal), b.xreplace(equal)) for i, (a, b) in known.items()}
                    allowed = within(solved, first.xreplace(equal), last.xreplace(equal), there)
                    chosen = outside * rest.xreplace({index: solved}) * allowed
                    return noted("delta elimination", expression, (limit,), chosen, known)
        expanded = sp.expand_mul(inside)
        if isinstance(expanded, sp.Add):
            return sp.Add(*(_sum_one(outside * term, limit, known) for term in expanded.args))
    for factor in sp.Mul.make_args(inside):
        narrowed = _narrowed(factor, limit, known)
        if narrowed is not None:
            return outside * _sum_one(inside / factor, narrowed, known | {index: narrowed[1:]})
    if isinstance(inside, sp.Add):
        return outside * _sum_one(inside, limit, known)
    total = _make_sum(inside, limit)
    if total == 1:
        return noted("simplex rule", expression, (limit,), outside, known)
    if outside != 1 and not outside.is_number:
        return noted("constants leave the sum", expression, (limit,), outside * total, known)
    return outside * total


def _by_digits(product: Any, limit: Range, size: Any, known: dict[Any, tuple[Any, Any]]) -> Any:
    """Σ over an index as the sum over its two digits, which deltas of ⌊i/h⌋ and i mod h then pick."""
    index, _, last = limit
    high, low = fresh_index(), fresh_index()
    body = settled(product.xreplace({index: size * high + low}), {low: size})
    parts = [(low, sp.S.Zero, size - 1), (high, sp.S.Zero, count(last, size) - 1)]
    return contract(body, parts, known)


def _implied(product: Any, known: dict[Any, tuple[Any, Any]], but: Any) -> dict[Any, Any]:
    """What the other deltas of a product say: under δ(l, L) an index up to n(l) - 1 runs up to n(L) - 1."""
    equal: dict[Any, Any] = {}
    for factor in sp.Mul.make_args(product):
        if isinstance(factor, KroneckerDelta):
            for left, right in (factor.args, factor.args[::-1]):
                if left in known and left != but and not right.has(left) and left not in equal:
                    equal[left] = right
                    break
    return equal


def _narrowed(factor: Any, limit: Range, known: dict[Any, tuple[Any, Any]]) -> Range | None:
    """The range that a bracket leaves of a summed index, where that range is never turned around."""
    index, first, last = limit
    excess = _excess(factor.args[0]) if isinstance(factor, Iverson) else None
    if excess is None:
        return None
    slope = excess.coeff(index, 1)
    rest = sp.expand(excess - slope * index)
    if slope not in (1, -1) or rest.has(index):
        return None
    end = sp.expand(-slope * rest)
    # inside the range, or just past it, where nothing is left
    low, _ = bounds(sp.expand(end - first + (1 if slope == -1 else 0)), known)
    high, _ = bounds(sp.expand(last - end + (1 if slope == 1 else 0)), known)
    if low is None or high is None or not low.is_nonnegative or not high.is_nonnegative:
        return None
    return (index, end, last) if slope == 1 else (index, first, end)


def _split(product: Any, index: Any) -> tuple[Any, Any]:
    outside, inside = [], []
    for factor in sp.Mul.make_args(product):
        if not factor.has(index):
            outside.append(factor)
        elif isinstance(factor, sp.Sum) and not any(l.has(index) for l in factor.limits):
            # Σ_k Σ_l f = one sum over both, so that the parts that do not depend on k can leave it
            inside.append(factor)
        else:
            inside.append(factor)
    return sp.Mul(*outside), sp.Mul(*inside)


def _pull_common(total: Any, index: Any) -> tuple[Any, Any]:
    """The factors without ``index`` that every term of a sum shares, and the rest."""
    shared: set[Any] | None = None
    for term in total.args:
        factors = {f for f in sp.Mul.make_args(term) if not f.has(index)}
        shared = factors if shared is None else shared & factors
    common = sp.Mul(*(shared or ()))
    return common, (sp.Add(*(term / common for term in total.args)) if common != 1 else total)


def _solve(factor: Any, index: Any) -> tuple[Any, Any]:
    """The value of ``index`` at which δ(left, right) is 1, and where it is whole; None where it is not linear in it.

    With slope ±1 it always is; δ(p, s k + r) has the value (p − r)/s where s divides p − r.
    """
    left, right = factor.args
    difference = sp.expand(left - right)
    slope = difference.coeff(index, 1)
    rest = sp.expand(difference - slope * index)
    if not slope.is_Integer or slope == 0 or rest.has(index):
        return None, sp.S.One
    if slope in (1, -1):
        return sp.expand(-slope * rest), sp.S.One
    return sp.expand(-rest / slope), KroneckerDelta(sp.Mod(-sp.sign(slope) * rest, abs(slope)), 0)


def picks(expression: Any, indices: tuple[Any, ...]) -> bool:
    """Whether an expression has a δ that picks an element by one of the indices; that s divides an index is a mask."""
    return any(not d.has(sp.Mod) and d.has(*indices) for d in expression.atoms(KroneckerDelta) if indices)


def _make_sum(body: Any, limit: Range) -> Any:
    index, first, last = limit
    if isinstance(body, sp.Indexed):
        definition = owner(body)
        if definition is not None and {"one_hot", "simplex"} & definition.assumptions:
            whole = sp.expand(last - first + 1 - definition.shape[-1]) == 0
            if whole and body.indices[-1] == index and not any(i.has(index) for i in body.indices[:-1]):
                return sp.S.One
    if isinstance(body, sp.Sum):
        return Sum(body.args[0], *body.limits, limit)
    if isinstance(body, sp.Mul) and any(isinstance(f, sp.Sum) for f in body.args):
        sums = [f for f in body.args if isinstance(f, sp.Sum)]
        if len({l[0] for s in sums for l in s.limits}) == sum(len(s.limits) for s in sums):
            rest = sp.Mul(*(f for f in body.args if not isinstance(f, sp.Sum)))
            inner = sp.Mul(rest, *(s.args[0] for s in sums))
            return Sum(inner, *(l for s in sums for l in s.limits), limit)
    return Sum(body, limit)
