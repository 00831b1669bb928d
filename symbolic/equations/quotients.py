"""Quotients that cancel across equations: an adjoint that divides by an activation meets that activation's slope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from .definition import Definition, System, define, owner, references
from .nodes import REDUCTIONS


def cancel_quotients(system: System) -> System:
    """a (1 − a) · ((1 − y)/(1 − a) − y/a) = a − y: an adjoint that is used once goes where its quotients cancel.

    Without it a saturated sigmoid, a = 1 in floats, would divide by zero, and a second derivative would not be the
    short one that people know.
    """
    kept: dict[Definition, Definition] = {}
    uses = [r for d in system.equations if not d.group for r in references(d.rhs)]
    for d in system.equations:
        if d.group:
            return system
        rhs = reread(d.rhs, kept)
        if isinstance(rhs, sp.Mul) and not rhs.has(*REDUCTIONS, sp.Piecewise):
            rhs = _cancelled(rhs, system.outputs, uses)
        kept[d] = d if rhs == d.rhs else _with(d, rhs)
    return System.of(*(kept.get(d, d) for d in system.outputs))


def _with(d: Definition, rhs: Any) -> Definition:
    return define(d.name, d.shape, rhs, assumptions=d.assumptions, derivative_of=d.derivative_of)


def reread(rhs: Any, kept: Mapping[Definition, Definition]) -> Any:
    """A right-hand side that refers to rewritten definitions instead of the old ones."""
    mapping = {}
    for reference in references(rhs):
        target = owner(reference)
        if target is not None and kept.get(target, target) is not target:
            index = reference.indices if isinstance(reference, sp.Indexed) else ()
            mapping[reference] = kept[target].at(*index)
    return rhs.xreplace(mapping) if mapping else rhs


def value_of(e: Any) -> Any:
    """What a reference stands for, where that is a scalar expression without a sum; anything else as it is."""
    d = owner(e)
    if d is None or d.rhs is None or d.group or d.rhs.has(sp.Sum):
        return e
    return d.expanded_at(*(e.indices if isinstance(e, sp.Indexed) else ()))


def _cancelled(product: Any, outputs: tuple[Definition, ...], uses: list[Any]) -> Any:
    factors = sp.Mul.make_args(product)
    for factor in factors:
        target = owner(factor)
        if target is None or target.rhs is None or target in outputs or target.rhs.has(*REDUCTIONS, sp.Piecewise):
            continue
        value = value_of(factor)
        below = {b for b in (p.args[0] for p in value.atoms(sp.Pow) if p.args[1].is_negative) if b in factors}
        if not below or sum(owner(r) is target for r in uses) > 1:
            continue
        together = sp.cancel(sp.expand_mul(product.xreplace({factor: value})))
        if not any(p.args[1].is_negative and p.args[0] in below for p in together.atoms(sp.Pow)):
            return sp.factor_terms(together)
    return product
