"""From SymPy right-hand sides to normal forms; intermediates are read through their definitions.

An intermediate whose form is one term, or a small elementwise polynomial, is put in where it is used. In a product a
larger one is *cut*: it stands as an atom ``node#n`` for the primitive part of its form, so that forms stay small
however deep the network. Cuts are opened only where a proof needs it (:mod:`.zero`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError

from ..equations.definition import Definition, freshen, owner
from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import Arbitrary, Functional, FunctionalPartial, Iverson, LogSumExp, MaxOver, ProductOver
from ..equations.widening import widened
from .algebra import Algebra
from .classes import Limits
from .exponentials import along
from .index_brackets import index_bracket
from .infinite import minus_infinity
from .terms import Poly, add, constant, is_index, scale, single
from .trigonometry import PARITY, parity

_SMALL_TERMS = 12


class Converter:
    """Normal forms of definitions and expressions over one :class:`~.algebra.Algebra`."""

    def __init__(self) -> None:
        self.algebra = self._algebra()
        self.forms: dict[Definition, Poly] = {}

    def _algebra(self) -> Algebra:
        return Algebra()

    def form(self, definition: Definition) -> Poly:
        """The normal form of a definition's element, in its canonical indices."""
        stack = [definition]
        while stack:
            one = stack[-1]
            missing = [] if one.group else [used for used in one.uses if used not in self.forms]
            stack.extend(missing)
            if not missing:
                stack.pop()
                if one not in self.forms:
                    self.forms[one] = self._form(one)
        return self.forms[definition]

    def _form(self, definition: Definition) -> Poly:
        with self.frame(definition.ranges):
            return self.algebra.places.forwards(self._read(definition))

    @contextmanager
    def frame(self, ranges: Iterable[Any]) -> Iterator[None]:
        """The ranges of indices inside the block: the canonical ones are those of every definition."""
        known = self.algebra.ranges
        limits = [tuple(limit) for limit in ranges]
        before = {index: known.get(index) for index, _, _ in limits}
        self._register(limits)
        try:
            yield
        finally:
            for index, outer in before.items():
                if outer is None:
                    del known[index]
                else:
                    known[index] = outer

    def _read(self, definition: Definition) -> Poly:
        words = definition.assumptions | ({"positive"} if definition.label.is_positive else set())
        if definition.value is not None:
            words |= {"known"}  # it may sit on a corner for good
        if definition.group:
            return self.member(definition)
        if definition.is_input:
            known = self.algebra.places.entry(definition.label, definition.indices)
            if known is not None:
                return known
            self.algebra.facts[definition.label] = frozenset(words)
            head = ("x", definition.label, "symmetric") if "symmetric" in words else ("x", definition.label)
            if "diagonal" in words:
                row, column = definition.indices
                return self.algebra.multiply(self.algebra.delta(row, column), single((head, (row, row))))
            return single((head, definition.indices))
        return self.expression(freshen(definition.rhs))

    def added_up(self, definition: Definition, index: tuple[Any, ...]) -> Poly | None:
        """An element of a member of a recurrence that is a sum; None for any other."""
        return None

    def member(self, definition: Definition) -> Poly:
        """The form of a member of a recurrence: an atom, for it is made of itself."""
        self.algebra.facts[definition.label] = definition.assumptions | {"known"}
        return single((("x", definition.label), definition.indices))

    # -- expressions -------------------------------------------------------------------------------------------------
    def expression(self, e: Any) -> Poly:
        """The normal form of a SymPy expression."""
        if e.is_Rational:
            return constant(e)
        if e is sp.S.NegativeInfinity:
            return minus_infinity()
        if e.is_Add:
            return add(*(self.expression(a) for a in e.args))
        if e.is_Mul:
            return self._product(e.args)
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if isinstance(e, sp.Indexed) or (e.is_Symbol and owner(e) is not None):
            return self.reference(e)
        if e.is_Symbol:
            return single((("idx",), (e,))) if is_index(e) else single((("dim", e), ()))
        if isinstance(e, sp.Sum):
            e = self._widened(e)
            self._register(e.limits)
            return self.algebra.sum_over(self.expression(e.args[0]), _limits(e))
        return self._function(e)

    def _widened(self, total: Any) -> Any:
        """Triangular sums in one spelling, by a bracket, where their range is known."""
        try:
            return widened(total, self.algebra.ranges)
        except UnsupportedError:
            return total

    def _register(self, limits: Iterable[Any]) -> None:
        for index, first, last in limits:
            self.algebra.ranges[index] = (first, last)

    def _product(self, factors: Iterable[Any]) -> Poly:
        """A product; a constant multiple of one thing is linear in it, so nothing is cut there."""
        pieces = list(factors)
        varying = [a for a in pieces if not _constant(a)]
        if len(varying) == 1:
            (only,) = varying
            rest = self.algebra.product(self.expression(a) for a in pieces if a is not only)
            return self.algebra.multiply(rest, self.expression(only))
        return self.algebra.product(self.factor(a) for a in pieces)

    def factor(self, e: Any) -> Poly:
        """As :meth:`expression`, but a large intermediate is cut: it becomes one atom."""
        if isinstance(e, sp.Indexed) or (e.is_Symbol and owner(e) is not None):
            whole = self.reference(e)
            return whole if self._small(whole) else self.algebra.cut(whole)
        if e.is_Pow and e.exp.is_Integer and e.exp.is_positive:
            return self.algebra.product([self.factor(e.base)] * int(e.exp))
        return self.expression(e)

    def _small(self, poly: Poly) -> bool:
        if len(poly) <= 1:
            return True
        if len(poly) > _SMALL_TERMS:
            return False
        return all(atom[0][0] not in ("sum", "node") for mono in poly for atom, _ in mono)

    def reference(self, e: Any) -> Poly:
        """An element of a definition at an index."""
        definition = owner(e)
        assert definition is not None
        index = tuple(e.indices) if isinstance(e, sp.Indexed) else ()
        if definition.group:
            added = self.added_up(definition, index)
            if added is not None:
                return added
        if definition not in self.forms:
            self.form(definition)
        found = self.forms[definition]
        if index != definition.indices:
            return self.algebra.substitute(found, dict(zip(definition.indices, index, strict=True)))
        ranges = self.algebra.ranges
        narrow = [i for i, first, last in definition.ranges if i in ranges and ranges[i] != (first, last)]
        return self.algebra.anew(found, narrow) if narrow else found

    def _power(self, base: Any, exponent: Any) -> Poly:
        el = self.algebra.elementary
        if exponent.is_Integer and exponent.is_negative:
            inner = self._factors_behind(base)
            if inner is not None:
                return self.algebra.product(self._power(b, p * exponent) for b, p in inner)
        if exponent.is_Rational:
            power = Fraction(int(exponent.p), int(exponent.q))
            if power.denominator == 1 and power > 0:
                return self.algebra.product([self.factor(base)] * int(power))
            return el.power(self.expression(base), power)  # type: ignore[no-any-return]
        # x^y = exp(y log x), for x > 0
        return el.exp(self.algebra.multiply(self.expression(exponent), el.log(self.expression(base))))  # type: ignore[no-any-return]

    def _factors_behind(self, base: Any) -> list[tuple[Any, Any]] | None:
        """The factors of an intermediate that is a product or a power, so that 1/(1 + e)² is (1/(1 + e))²."""
        definition = owner(base)
        if definition is None or definition.rhs is None or definition.group:
            return None
        rhs = definition.rhs
        if (rhs.is_Pow and rhs.exp.is_Integer) or rhs.is_Mul:
            index = tuple(base.indices) if isinstance(base, sp.Indexed) else ()
            return [f.as_base_exp() for f in sp.Mul.make_args(definition.expanded_at(*index))]
        return None

    def _function(self, e: Any) -> Poly:
        el = self.algebra.elementary
        if isinstance(e, sp.exp):
            return el.exp(self.expression(e.args[0]))  # type: ignore[no-any-return]
        if isinstance(e, sp.log):
            return el.log(self.expression(e.args[0]))  # type: ignore[no-any-return]
        if isinstance(e, sp.tanh):
            return el.tanh(self.expression(e.args[0]))  # type: ignore[no-any-return]
        row = BY_HEAD.get(type(e))
        if row is not None:
            if row.name == "sigmoid":
                return el.sigmoid(self.expression(e.args[0]))  # type: ignore[no-any-return]
            if row.name == "softplus":
                return el.softplus(self.expression(e.args[0]))  # type: ignore[no-any-return]
            if row.name in PARITY:
                return parity(el, row.name, self.expression(e.args[0]))
            if row.name in ("sinh", "cosh"):
                up = el.exp(self.expression(e.args[0]))
                down = el.exp(scale(self.expression(e.args[0]), -1))
                return scale(add(up, scale(down, 1 if row.name == "cosh" else -1)), Fraction(1, 2))
            if row.jumps:
                number, args = self.algebra.table.intern("fn", self.expression(e.args[0]))
                return single((("fn", number, row.name), args))
            if row.name == "tan":
                inner = self.expression(e.args[0])
                secant = el.power(parity(el, "cos", inner), Fraction(-1))
                return self.algebra.multiply(parity(el, "sin", inner), secant)
            return self.expression(row.definition(*e.args))
        if isinstance(e, Iverson):
            return self.condition(e.args[0])
        if isinstance(e, sp.Piecewise):
            return self._piecewise(e)
        if isinstance(e, KroneckerDelta):
            return self.algebra.delta(*(self._index(a) for a in e.args))
        if isinstance(e, LogSumExp):
            self._register(e.limits)
            return el.log(self.algebra.sum_over(el.exp(self.expression(e.args[0])), _limits(e)))  # type: ignore[no-any-return]
        if isinstance(e, MaxOver):
            return self._maximum(e)
        if isinstance(e, ProductOver):
            self._register(e.limits)
            excluded = tuple(self._index(place) for place in e.excluded)
            return self.algebra.products.over(self.expression(e.args[0]), tuple(e.limits[0]), excluded)
        if isinstance(e, MatrixFunction):
            self._register(e.ends)
            forms: list[Poly] = [self.expression(body) for body in e.bodies]
            ends: Limits = (tuple(e.ends[0]), tuple(e.ends[1]))
            if e.name == "along":
                return along(self.algebra.matrices, forms, ends, e.index)
            return self.algebra.matrices.entry(e.name, forms[0], ends, e.index)
        if isinstance(e, Arbitrary):
            number, args = self.algebra.table.intern("fn", self.expression(e.args[2]))
            return single((("fn", number, str(e.args[0]), int(e.args[1])), args))
        if isinstance(e, FunctionalPartial):
            number, args = self.algebra.table.intern("fn", self.expression(e.args[1]))
            return single((("fn", number, "partial", str(e.args[0])), args))
        if isinstance(e, Functional):
            self._register(e.limits)
            number, args = self.algebra.table.intern("max", self.expression(e.args[0]), _limits(e))
            return single((("max", number, str(e.name)), args))
        if e is sp.pi or (e.is_NumberSymbol):
            return single((("const", str(e)), ()))
        if isinstance(e, (sp.floor, sp.Mod, sp.ceiling)):
            return single((("idx",), (e,)))
        raise UnsupportedError(f"no normal form is known for {type(e).__name__}")

    def _maximum(self, e: Any) -> Poly:
        self._register(e.limits)
        return self.algebra.maximum(self.expression(e.args[0]), _limits(e))

    # -- conditions --------------------------------------------------------------------------------------------------
    def condition(self, c: Any) -> Poly:
        """A condition as its 0/1 value."""
        if c in (sp.true, sp.false):
            return constant(1 if c == sp.true else 0)
        if isinstance(c, sp.And):
            return self.algebra.product(self.condition(a) for a in c.args)
        if isinstance(c, sp.Not):
            return add(constant(1), scale(self.condition(c.args[0]), -1))
        if isinstance(c, sp.Or):
            none = self.algebra.product(add(constant(1), scale(self.condition(a), -1)) for a in c.args)
            return add(constant(1), scale(none, -1))
        left, right = c.args
        if _is_index_expression(left) and _is_index_expression(right):
            return self._index_condition(c, self._index(left), self._index(right))
        difference = add(self.expression(left), scale(self.expression(right), -1))
        if isinstance(c, (sp.Gt, sp.Ge)):
            return self._order(c, difference)
        if isinstance(c, (sp.Lt, sp.Le)):
            return self._order(c, scale(difference, -1))
        equal = self.algebra.equality(difference)
        return equal if isinstance(c, sp.Eq) else add(constant(1), scale(equal, -1))

    def _order(self, c: Any, difference: Poly) -> Poly:
        return self.algebra.bracket(difference, strict=isinstance(c, (sp.Gt, sp.Lt)))

    def _index_condition(self, c: Any, left: Any, right: Any) -> Poly:
        if isinstance(c, sp.Eq):
            return self.algebra.delta(left, right)
        if isinstance(c, sp.Ne):
            return add(constant(1), scale(self.algebra.delta(left, right), -1))
        high, low = (left, right) if isinstance(c, (sp.Gt, sp.Ge)) else (right, left)
        strict = 1 if isinstance(c, (sp.Gt, sp.Lt)) else 0
        return index_bracket(self.algebra, high - low - strict)

    def _piecewise(self, e: Any) -> Poly:
        total: Poly = {}
        before = constant(1)
        for value, test in e.args:
            here = self.condition(test)
            weight = self.algebra.multiply(before, here)
            if weight:
                total = add(total, self.algebra.multiply(weight, self.expression(value)))
            before = self.algebra.multiply(before, add(constant(1), scale(here, -1)))
        return total

    def _index(self, e: Any) -> Any:
        """An index expression; gathers keep their reference (``y[i]``), but of known numbers."""
        return self.algebra.places.resolved(e)


def _constant(e: Any) -> bool:
    """Numbers, dimensions, and powers of them."""
    return all(s.is_Symbol and owner(s) is None and not is_index(s) for s in e.free_symbols) and not e.has(sp.Indexed)


def _limits(e: Any) -> Any:
    return tuple(tuple(limit) for limit in e.limits)


def _is_index_expression(e: Any) -> bool:
    if not e.is_integer:
        return False
    for symbol in e.free_symbols:
        if isinstance(symbol, sp.Indexed):
            found = owner(symbol)
            if found is None or "integer" not in found.assumptions:
                return False
    return True
