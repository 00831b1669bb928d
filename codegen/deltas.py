"""Deltas leave the sums that they do not concern: Σ_s (δ(j, l) − P[s, l]) Q[s, j] is made of two small sums.

Left inside, a delta would be written out as an identity matrix over every summed index.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.symbolic.equations.definition import Definition, System, define
from gradproof.symbolic.equations.nodes import Sum
from gradproof.symbolic.equations.quotients import reread


def split_deltas(system: System) -> System:
    """The system with deltas between free indices outside of sums, and the index that they fix put in."""
    kept: dict[Definition, Definition] = {}
    for d in system.equations:
        if d.group:
            return system
        rhs = reread(d.rhs, kept)
        if rhs.has(KroneckerDelta) and rhs.has(sp.Sum):
            rhs = rhs.replace(lambda e: isinstance(e, sp.Sum) and e.has(KroneckerDelta), _split)
        if rhs == d.rhs:
            kept[d] = d
        else:
            kept[d] = define(d.name, d.shape, rhs, assumptions=d.assumptions, derivative_of=d.derivative_of)
    return System.of(*(kept.get(d, d) for d in system.outputs))


def _split(total: Any) -> Any:
    limits = tuple(tuple(limit) for limit in total.limits)
    return sp.Add(*(_outside(term, limits) for term in _terms(total.args[0], {limit[0] for limit in limits})))


def _terms(body: Any, summed: set[Any]) -> list[Any]:
    """The body multiplied out as far as a sum in it holds a delta that leaves."""
    if isinstance(body, sp.Add) and any(_leaves(d, summed) for d in body.atoms(KroneckerDelta)):
        return [part for term in body.args for part in _terms(term, summed)]
    if isinstance(body, sp.Mul):
        for factor in body.args:
            if isinstance(factor, sp.Add) and any(
                _leaves(f, summed) for term in factor.args for f in sp.Mul.make_args(term)
            ):
                return [part for term in factor.args for part in _terms(body / factor * term, summed)]
    return [body]


def _leaves(factor: Any, summed: set[Any]) -> bool:
    return isinstance(factor, KroneckerDelta) and not factor.free_symbols & summed


def _outside(term: Any, limits: tuple[Any, ...]) -> Any:
    summed = {limit[0] for limit in limits}
    deltas = [f for f in sp.Mul.make_args(term) if _leaves(f, summed)]
    rest = term
    for found in deltas:
        rest = rest / found
    for found in deltas:
        first, second = sorted(found.args, key=str)
        if first.is_Symbol and second.is_Symbol:
            rest = rest.xreplace({second: first})
    return sp.Mul(*deltas) * Sum(rest, *limits)
