"""Index expressions as code on integers: ``arange``, sums and products of them, floors of quotients, remainders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.errors import UnsupportedError
from gradproof.symbolic.equations.definition import owner

from .builder import Value
from .numbers import is_negative
from .program import LoopTime
from .ranges import common_denominator

if TYPE_CHECKING:
    from .lower import Lowering


def is_integer(lowering: Lowering, e: Any) -> bool:
    """Whether an expression is built of indices, dimensions and integer arrays alone."""
    if isinstance(e, (sp.Indexed, sp.Dummy)) and owner(e) is not None:
        d = owner(e)
        assert d is not None
        return "integer" in d.assumptions and lowering.stored[d].value.dtype in ("int", "weak")
    if isinstance(e, (sp.Add, sp.Mul, sp.floor, sp.Mod)):
        return all(is_integer(lowering, a) for a in e.args)
    return isinstance(e, sp.Rational) or e in lowering.ranges or (isinstance(e, sp.Symbol) and owner(e) is None)


def integers(lowering: Lowering, e: Any) -> Value:
    """An index expression in integers; a fraction is floored (the equation masks where it is none)."""
    build = lowering.build
    e = sp.sympify(e, strict=True)
    if isinstance(e, (sp.Indexed, sp.Dummy)) and owner(e) is not None:
        value = lowering.leaf(e)
        return build.emit("whole", [value], value.axes) if value.dtype == "float" else value
    if e in lowering.ranges:
        first, last = lowering.ranges[e]
        return build.emit("arange", [], (e,), first, sp.expand(last + 1))
    if not e.has(sp.Indexed) and not any(s in lowering.ranges or owner(s) for s in e.free_symbols):
        loose = next((s for s in e.free_symbols if not s.is_positive and not isinstance(s, LoopTime)), None)
        if loose is not None:
            raise UnsupportedError(f"the index {loose} stands outside of its sum")
        return build.emit("size", [], (), e)
    if isinstance(e, sp.Mod):
        return build.elementwise("mod", [integers(lowering, a) for a in e.args], lowering.order)
    if isinstance(e, sp.floor):
        return _quotient(lowering, *sp.fraction(sp.together(e.args[0])))
    if isinstance(e, sp.Add):
        numerator, q = common_denominator(e)
        if q != 1:
            return _quotient(lowering, numerator, sp.Integer(q))
        terms = sorted(e.args, key=is_negative)
        value = integers(lowering, terms[0])
        for term in terms[1:]:
            op, part = ("sub", -term) if is_negative(term) else ("add", term)
            value = build.elementwise(op, [value, integers(lowering, part)], lowering.order)
        return value
    if isinstance(e, sp.Mul):
        numerator, denominator = sp.fraction(e)
        if denominator != 1:
            return _quotient(lowering, numerator, denominator)
        value = integers(lowering, e.args[0])
        for factor in e.args[1:]:
            value = build.elementwise("mul", [value, integers(lowering, factor)], lowering.order)
        return value
    if isinstance(e, sp.Piecewise) and e.args[-1][1] in (True, sp.true):
        value = integers(lowering, e.args[-1][0])
        for branch, condition in reversed(e.args[:-1]):
            value = build.elementwise(
                "where", [lowering.condition(condition), integers(lowering, branch), value], lowering.order
            )
        return value
    raise UnsupportedError(f"the index {e} has no NumPy code")


def _quotient(lowering: Lowering, numerator: Any, denominator: Any) -> Value:
    return lowering.build.elementwise(
        "floordiv", [integers(lowering, numerator), integers(lowering, denominator)], lowering.order
    )
