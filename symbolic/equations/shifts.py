r"""What a logsumexp subtracts to stay in range drops out where it cancels.

.. math:: \log \sum_k e^{x_k - s} = \log \sum_k e^{x_k} - s

A softmax that is written with its maximum subtracted is the softmax, a logsumexp with the maximum added again is the
logsumexp: their code subtracts a maximum anyway. A maximum that something else needs stays where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sympy as sp

from .definition import PLAIN_NAMES, Definition, define, freshen, owner, references
from .nodes import REDUCTIONS, LogSumExp, MaxOver, rebuild
from .tidying import tidy_scalar


def has_shifts(order: Sequence[Definition]) -> bool:
    """Whether a logsumexp is taken of something less a maximum."""
    return any(isinstance(d.rhs, LogSumExp) and _shift(d, ()) != 0 for d in order)


def without_shifts(
    outputs: Sequence[Definition], order: Sequence[Definition], fixed: Collection[Definition]
) -> tuple[Definition, ...]:
    """The outputs without maxima that cancel; ``order`` holds all they are made of, ``fixed`` what has to stay."""
    shifts = {d: s for d in order if d not in fixed and d not in outputs and (s := _shift(d, fixed)) != 0}
    if not shifts:
        return tuple(outputs)
    users: dict[Definition, list[Definition]] = {d: [u for u in order if d in u.uses] for d in shifts}
    # one that stays keeps the others in its users, so that they are asked again
    while True:
        values = {u: _unshifted(u, shifts, fixed) for d in shifts for u in users[d]}
        kept = [d for d in shifts if any(u in fixed or u.group or values[u] is None for u in users[d])]
        if not kept:
            break
        for d in kept:
            del shifts[d]
    bodies = {d: _body(d, shift, fixed) for d, shift in shifts.items()}
    return _rebuilt(outputs, order, bodies, values) if shifts else tuple(outputs)


def _rebuilt(
    outputs: Sequence[Definition], order: Sequence[Definition], bodies: Mapping[Definition, Any],
    values: Mapping[Definition, Any],
) -> tuple[Definition, ...]:  # fmt: skip
    named = {owner(value): u for u, value in values.items() if u not in bodies and _is_whole(u, value)}
    made: dict[Definition, Definition] = {}
    for d in order:
        rhs = bodies.get(d, values.get(d, d.rhs))
        if d.is_input or d.group:
            made[d] = d
            continue
        moved = {r: made[t].at(*_index(r)) for r in references(rhs) if made[t := _owner(r)] is not t}
        target = made.get(d.derivative_of, d.derivative_of) if d.derivative_of is not None else None
        if d in named.values() and (same := _owner(rhs)) in made:
            made[d] = made[same]
        elif moved or rhs != d.rhs or target is not d.derivative_of:
            name, words = (named[d].name, named[d].assumptions) if d in named else (d.name, d.assumptions)
            made[d] = define(name, d.shape, rhs.xreplace(moved), None, words, d.first, target)
        else:
            made[d] = d
    return tuple(made[d] for d in outputs)


def _is_whole(u: Definition, value: Any) -> bool:
    """Whether what somebody named is a logsumexp as it is, which then has that name."""
    d = owner(value)
    if d is None or u.name in PLAIN_NAMES or d.shape != u.shape:
        return False
    return all(n == 1 or i == own for n, i, own in zip(u.shape, _index(value), u.indices, strict=True))


def _unshifted(u: Definition, shifts: Mapping[Definition, Any], fixed: Collection[Definition]) -> Any:
    """The right-hand side over logsumexps without their shifts; None where these do not cancel.

    A reference to a logsumexp stands for the one without a shift.
    """
    rhs = _opened(u.rhs, fixed)
    mapping, gone = dict[Any, Any](), set[Any]()
    for reference in references(rhs):
        d = owner(reference)
        if d is not None and d in shifts:
            at = dict(zip(d.indices, _index(reference), strict=True))
            shift = shifts[d].xreplace(at)
            mapping[reference] = reference + shift
            gone.update(r for r in references(shift) if _is_maximum(r))
    rhs = _multiplied_out(rhs.xreplace(mapping), set(mapping))
    if gone & set(references(rhs)):
        return None
    return tidy_scalar(rhs)


def _multiplied_out(e: Any, around: set[Any]) -> Any:
    """The sums that hold given references multiplied out, so that what cancels in them is gone."""
    if e in around or not e.args or not e.has(*around):
        return e
    if isinstance(e, REDUCTIONS):
        return rebuild(e, _multiplied_out(e.args[0], around), tuple(map(tuple, e.limits)))
    e = e.func(*(_multiplied_out(a, around) for a in e.args))
    return sp.Add(*(sp.expand_mul(term, deep=False) for term in e.args)) if e.is_Add else e


def _shift(d: Definition, fixed: Collection[Definition]) -> Any:
    """The terms with a maximum in what a logsumexp is taken of that are the same for all that it runs over; else 0."""
    if not isinstance(d.rhs, LogSumExp) or d.group:
        return sp.S.Zero
    summed = {limit[0] for limit in d.rhs.limits}
    terms = sp.Add.make_args(_terms(_opened(d.rhs.args[0], fixed)))
    return sp.Add(*(t for t in terms if not t.has(*summed) and any(map(_is_maximum, references(t)))))


def _body(d: Definition, shift: Any, fixed: Collection[Definition]) -> Any:
    return rebuild(d.rhs, _terms(_opened(d.rhs.args[0], fixed)) - shift, tuple(map(tuple, d.rhs.limits)))


def _terms(e: Any) -> Any:
    return sp.expand_mul(e, deep=False)


def _opened(e: Any, fixed: Collection[Definition]) -> Any:
    """An expression with intermediates in it that are an array less a maximum, whatever they are called."""
    opened = {}
    for reference in references(e):
        d = owner(reference)
        if d is not None and d not in fixed and not d.is_input and not d.group and _is_shifted(d.rhs):
            opened[reference] = freshen(d.rhs).xreplace(dict(zip(d.indices, _index(reference), strict=True)))
    return e.xreplace(opened) if opened else e


def _is_shifted(rhs: Any) -> bool:
    """x − max x, perhaps by a number: one array and maxima."""
    if rhs.has(*REDUCTIONS, sp.Function, sp.Piecewise):
        return False
    terms = sp.Add.make_args(_terms(rhs))
    others = [t for t in terms if not any(map(_is_maximum, references(t)))]
    return len(terms) > 1 and len(others) == 1 and len(list(references(others[0]))) <= 2


def _is_maximum(reference: Any) -> bool:
    d = owner(reference)
    if d is None or d.rhs is None or d.group:
        return False
    return isinstance(d.rhs, MaxOver) or (isinstance(d.rhs, sp.Indexed) and _is_maximum(d.rhs))


def _owner(reference: Any) -> Definition:
    d = owner(reference)
    assert d is not None
    return d


def _index(reference: Any) -> tuple[Any, ...]:
    return tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()
