"""Lowering: index equations become array instructions, by named axes.

Every scalar right-hand side is evaluated as arrays whose axes are the index symbols in it; operands are aligned by
transposing and by axes of size 1, sums of products become contractions, and each equation ends in the axis order of its
left-hand side. What has no faster form is computed on grids of indices, so that every equation has a lowering; what has
no NumPy meaning (an arbitrary σ, a recurrence) is an UnsupportedError that names the equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import GradproofError, UnsupportedError
from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import Definition, System, owner
from gradproof.symbolic.equations.dims import free_index, same_dim
from gradproof.symbolic.equations.functions import BY_HEAD
from gradproof.symbolic.equations.matrix_functions import MatrixFunction
from gradproof.symbolic.equations.nodes import REDUCTIONS, Iverson, LogSumExp, MaxOver, ProductOver

from .builder import Builder, Value
from .conditions import condition, lower_cases, lower_delta
from .contract import contract
from .equation_text import equation_text
from .factors import diagonal, means_of, times, with_numbers
from .gather import read
from .index_code import integers
from .loops import lower_recurrence
from .lower_nodes import lower_matrix_function, lower_product, lower_softplus, shared_functions
from .numbers import fraction, is_negative, rational_steps
from .outputs import output
from .own_ranges import with_own_ranges
from .program import Input, LoopTime, Program, validate
from .tiles import join, joined_parts

_MATH = {
    name: f"math.{name}({{0}})"
    for name in ("exp", "log", "tanh", "sin", "cos", "tan", "sinh", "cosh", "erf", "log1p", "expm1")
} | {"arctan": "math.atan({0})"}


def lower(system: System, names: dict[Definition, str] | None = None) -> Program:
    """The program that computes a system's outputs, before any pass.

    Raises UnsupportedError, with the equation, for what NumPy code cannot express.
    """
    lowering = Lowering(system, names or system.names)
    program = lowering.run()
    validate(program)
    return program


@dataclass
class Stored:
    """A lowered definition: its array, and which of its axes each axis of the array is (None: only broadcasts)."""

    value: Value
    places: tuple[int | None, ...]


@dataclass
class Lowering:
    system: System
    names: dict[Definition, str]
    build: Builder = field(default_factory=Builder)
    stored: dict[Definition, Stored] = field(default_factory=dict)
    ranges: dict[Any, tuple[Any, Any]] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)
    memo: dict[Any, Value] = field(default_factory=dict)
    shared: dict[Any, tuple[Any, Any]] = field(default_factory=dict)
    units: bool = False  # the equation being lowered has an axis of size 1
    texts: dict[str, str] = field(default_factory=dict)

    def run(self) -> Program:
        self.shared = shared_functions([d.rhs for d in self.system.equations])
        inputs = []
        for d in self.system.inputs:
            dtype = "int" if "integer" in d.assumptions else "bool" if "boolean" in d.assumptions else "float"
            inputs.append(Input(self.names[d], d.shape, dtype, d.value))
            axes = tuple(f"a{p}" for p in range(d.rank))
            self.stored[d] = Stored(Value(self.names[d], axes, d.shape, dtype), tuple(range(d.rank)))
        done: set[Definition] = set()
        for d in self.system.equations:
            if d in done:
                continue
            members = d.group or [d]
            done.update(members)
            for member in members:
                self.texts[self.names[member]] = equation_text(member, self.names)
            try:
                if d.group:
                    lower_recurrence(self, d.group)
                else:
                    self.equation(d, self.names[d])
            except GradproofError as error:
                raise type(error)(f"{error} (in the equation {self.texts[self.names[d]]})") from error
        outputs = tuple(output(self, d) for d in self.system.outputs)
        return Program(tuple(inputs), self.system.dimensions, tuple(self.build.instructions), outputs, self.texts)

    # -- for loops (:mod:`.loops`) -----------------------------------------------------------------------------------
    def fresh(self) -> Lowering:
        """Another lowering of the same system, for the body of a loop."""
        return Lowering(self.system, self.names)

    def stored_as(self, value: Value, places: Iterable[int]) -> Stored:
        """A value whose axes are those axes of its definition."""
        return Stored(value, tuple(places))

    def extra(self, d: Definition) -> None:
        """Lower a definition that the system does not have, under a name of its own."""
        self.names = self.names | {d: self.free_name(d.name)}
        self.texts[self.names[d]] = equation_text(d, self.names)
        self.equation(d, self.names[d])

    def free_name(self, name: str) -> str:
        """``name``, or that with underscores behind it where it is taken."""
        taken = {*self.names.values(), *map(str, self.system.dimensions)}
        while name in taken:
            name += "_"
        return name

    def whole(self, expression: Any, shape: tuple[Any, ...]) -> Any:
        """An expression in the canonical indices as an array of the full shape."""
        self.ranges = {free_index(p): (sp.S.Zero, n - 1) for p, n in enumerate(shape)}
        self.order, self.memo, self.units = list(self.ranges), {}, any(n == 1 for n in shape)
        value = self.lower(expression)
        return self.full(self.build.align(value, self.order), shape)

    def full(self, value: Value, shape: tuple[Any, ...]) -> Any:
        """A value as floats, in the full shape."""
        if value.dtype in ("bool", "int"):
            value = self.as_float(value)
        if len(value.shape) == len(shape) and all(same_dim(p, q) for p, q in zip(value.shape, shape, strict=True)):
            return value
        return self.build.emit("broadcast", [value], tuple(free_index(p) for p in range(len(shape))), *shape)

    # -- equations ---------------------------------------------------------------------------------------------------
    def equation(self, d: Definition, name: str) -> None:
        self.build.equation = name
        self.ranges = {i: (a, b) for i, a, b in d.ranges}
        self.order = list(d.indices)
        self.units = any(n == 1 for n in d.shape)
        self.memo = {}
        if any(first != 0 for first in d.first):
            raise UnsupportedError("an index that does not start at 0 is not supported by code generation")
        value = self.lower(d.rhs)
        value = self._in_place(value, d)
        places = tuple(None if a is None else d.indices.index(a) for a in value.axes)
        self.stored[d] = Stored(self.rename(value, name), places)

    def _in_place(self, value: Value, d: Definition) -> Value:
        """The axes in the order of the left-hand side; an axis of literal size 1 is one that only broadcasts."""
        rank = len(value.axes)
        lead = d.rank - rank
        if rank <= d.rank and all(a is None or a == d.indices[lead + p] for p, a in enumerate(value.axes)):
            return value
        return self.build.align(value, d.indices)

    def rename(self, value: Value, name: str) -> Value:
        """Name the last instruction by its equation, or note a copy where the equation is another value itself."""
        last = self.build.instructions[-1] if self.build.instructions else None
        if last is None or last.name != value.name or last.equation != name or last.name == name:
            return value
        from dataclasses import replace

        self.build.instructions[-1] = replace(last, name=name)
        return Value(name, value.axes, value.shape, value.dtype)

    # -- expressions -------------------------------------------------------------------------------------------------
    def lower(self, expr: Any) -> Value:
        """The value of a scalar expression as an array over its index symbols."""
        found = self.memo.get(expr)
        if found is None:
            found = self._lower(expr)
            self.memo[expr] = found
        return found

    def _lower(self, e: Any) -> Value:
        build = self.build
        if e.is_number and not e.has(sp.Function):
            return self.number(e)
        if isinstance(e, (sp.Indexed, sp.Dummy)) and owner(e) is not None:
            return self.as_float_unless_bool(self.leaf(e))
        if e in self.ranges:
            return self.as_float(self.integers(e))
        if isinstance(e, sp.Symbol):
            if not e.is_positive and not isinstance(e, LoopTime):  # dimensions are positive, indices start at 0
                raise UnsupportedError(f"the index {e} stands outside of its sum")
            return build.emit("size", [], (), e)
        joined = joined_parts(e, self.ranges)
        if joined is not None:
            return join(self, joined)
        if isinstance(e, sp.Add):
            return self._add(e)
        if isinstance(e, sp.Mul):
            return self._product(sp.Mul.make_args(e), [])
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, KroneckerDelta):
            return lower_delta(self, e)
        if isinstance(e, Iverson):
            return self.condition(e.args[0])
        if isinstance(e, sp.Piecewise):
            return lower_cases(self, e)
        if isinstance(e, REDUCTIONS):
            return self._reduction(e)
        if isinstance(e, (sp.floor, sp.ceiling, sp.Mod)):
            return self.as_float(self.integers(e))
        if isinstance(e, fn.softplus):
            return lower_softplus(self, e.args[0])
        shared = self.shared.get(e)
        if shared is not None:
            return build.elementwise("mul", [self.as_float(self.lower(part)) for part in shared], self.order)
        row = BY_HEAD.get(type(e))
        if row is not None:
            operands = [self.as_float(self.lower(a)) for a in e.args]
            template = row.numpy
            if all(o.dtype == "weak" for o in operands):  # NumPy would make a float64 of it, math keeps a Python number
                template = _MATH.get(row.name, template)
            return build.elementwise("function", operands, self.order, template)
        if isinstance(e, (sp.Max, sp.Min)):
            template = "np.maximum({0}, {1})" if isinstance(e, sp.Max) else "np.minimum({0}, {1})"
            value, *rest = [self.as_float(self.lower(a)) for a in e.args]
            for other in rest:
                value = build.elementwise("function", [value, other], self.order, template)
            return value
        raise UnsupportedError(f"{type(e).__name__} has no NumPy code: {e}")

    def number(self, number: Any) -> Value:
        return self.build.emit("literal", [], (), rational_steps(number))

    def leaf(self, reference: Any) -> Value:
        d = owner(reference)
        assert d is not None
        stored = self.stored[d]
        if not isinstance(reference, sp.Indexed):
            return stored.value
        indices, sizes = [], []
        for place, size in zip(stored.places, stored.value.shape, strict=True):
            indices.append(sp.S.Zero if place is None else reference.indices[place])
            sizes.append(sp.S.One if place is None else size)
        return read(self.build, stored.value, sizes, indices, self.ranges, self.integers, self.order)

    def as_float(self, value: Value) -> Value:
        """A mask or integers as floats; Python scalars stay what they are."""
        return self.build.emit("cast", [value], value.axes) if value.dtype in ("bool", "int") else value

    def as_float_unless_bool(self, value: Value) -> Value:
        return self.as_float(value) if value.dtype == "int" else value

    def _add(self, e: Any) -> Value:
        positive: list[Any] = []
        negative: list[Any] = []
        for term in sp.Add.make_args(e):
            (negative if is_negative(term) else positive).append(term)
        positive.sort(key=lambda t: (t.is_number, not t.has(sp.Sum), -len(t.free_symbols & set(self.ranges))))
        terms = [(t, "add") for t in positive] + [(-t, "sub") for t in negative]
        if not positive:
            terms = [(e.args[0], "add"), *((-t, "sub") for t in e.args[1:])]
        total: Value | None = None
        for term, op in terms:
            value = self.as_float(self.lower(term))
            total = value if total is None else self.build.elementwise(op, [total, value], self.order)
        assert total is not None
        return total

    def _power(self, e: Any) -> Value:
        base, exponent = e.args
        if base == sp.E:
            return self.lower(sp.exp(exponent))
        if is_negative(exponent):
            one = self.number(sp.S.One)
            return self.build.elementwise("div", [one, self.as_float(self.lower(1 / e))], self.order)
        value = self.as_float(self.lower(base))
        if exponent == sp.Rational(1, 2):
            return self.build.elementwise(
                "function", [value], self.order, "math.sqrt({0})" if value.dtype == "weak" else "np.sqrt({0})"
            )
        return self.build.elementwise("pow", [value, self.as_float(self.lower(exponent))], self.order)

    # -- conditions and integers -------------------------------------------------------------------------------------
    def condition(self, c: Any) -> Value:
        """A mask (:mod:`.conditions`)."""
        return condition(self, c)

    def integers(self, e: Any) -> Value:
        """An index expression in integers (:mod:`.index_code`)."""
        return integers(self, e)

    # -- products and reductions -------------------------------------------------------------------------------------
    def _product(self, factors: Sequence[Any], summed: list[Any]) -> Value:
        """Σ over ``summed`` of a product: scalars outside, numerators over denominators, arrays contracted."""
        build = self.build
        factors, means = ([*factors], []) if summed else means_of(factors)
        sign, upper, lower = fraction(factors)
        constants = [f for f in upper if f.is_number and not f.has(sp.Function)]
        roots = [f for f in lower if f.is_number and not f.has(sp.Function)]
        lower = [f for f in lower if f not in roots]
        number = sp.Mul(*constants, *(1 / f for f in roots))
        values = [self.lower(f) for f in upper if f not in constants]
        values += [build.elementwise("div", [self.lower(part) for part in pair], self.order) for pair in means]
        below = [self.as_float(self.lower(f)) for f in lower]
        outer = [v for v in values if not v.symbols & set(summed)] if summed else []
        inner = [v for v in values if v not in outer]
        if summed:
            deep = [v for v in below if v.symbols & set(summed)]
            below = [v for v in below if v not in deep]
            one = self.number(sp.S.One)
            inner += [build.elementwise("div", [one, v], self.order) for v in deep]
        result = diagonal(self, inner, below) if not summed else None
        if result is None:
            scalars = [v for v in inner if not v.axes]
            arrays = [v for v in inner if v.axes]
            result = None
            if arrays:
                covered = set().union(*(v.symbols for v in arrays))
                for k in summed:
                    if k not in covered:
                        scalars.append(build.emit("size", [], (), sp.expand(self.ranges[k][1] - self.ranges[k][0] + 1)))
                live = [k for k in summed if k in covered]
                result = (
                    contract(build, arrays, live, self.order, self.as_float, self.units)
                    if live
                    else times(self, arrays)
                )
            elif summed:
                scalars += [
                    build.emit("size", [], (), sp.expand(self.ranges[k][1] - self.ranges[k][0] + 1)) for k in summed
                ]
            outer = scalars + outer
        else:
            below = []
        if outer:
            result = times(self, [*outer, *([result] if result is not None else [])])
        result, divisors = with_numbers(self, result, sp.Mul(number, sign), below)
        for divisor in divisors:
            result = build.elementwise("div", [self.as_float(result), divisor], self.order)
        return result

    @contextmanager
    def _bound(self, limits: Sequence[Any]) -> Iterator[list[Any]]:
        """Ranges of the bound indices while a body is lowered."""
        symbols = [limit[0] for limit in limits]
        for k, first, last in limits:
            if {first, last} and any(s in self.ranges for part in (first, last) for s in part.free_symbols):
                raise UnsupportedError(f"the range {first}..{last} of a sum depends on another index")
            self.ranges[k] = (first, last)
        self.order += symbols
        try:
            yield symbols
        finally:
            for k in symbols:
                del self.ranges[k]
                self.order.remove(k)
            self.memo = {e: v for e, v in self.memo.items() if not v.symbols & set(symbols)}

    def _reduction(self, e: Any) -> Value:
        e = with_own_ranges(e, self.ranges)
        with self._bound(e.limits) as summed:
            body = e.args[0]
            if isinstance(e, sp.Sum):
                return self._sum(body, summed)
            if isinstance(e, MatrixFunction):
                return lower_matrix_function(self, e, summed[-2:])
            if isinstance(e, ProductOver):
                return lower_product(self, e, summed[0])
            value = self.as_float(self.lower(body))
            missing = [k for k in summed if k not in value.symbols]
            axes = tuple(p for p, a in enumerate(value.axes) if a in summed)
            left = [a for a in value.axes if a not in summed]
            op = "logsumexp" if isinstance(e, LogSumExp) else "max" if isinstance(e, MaxOver) else ""
            if not op:
                raise UnsupportedError(
                    f"{type(e).__name__} is left arbitrary and has no NumPy code; give the function itself"
                )
            reduced = self.build.emit(op, [value], left, axes, False) if axes else value
            if missing and op == "logsumexp":
                count = sp.Mul(*(self.ranges[k][1] - self.ranges[k][0] + 1 for k in missing))
                log = self.build.emit(
                    "function", [self.build.emit("size", [], (), sp.expand(count))], (), "math.log({0})"
                )
                reduced = self.build.elementwise("add", [reduced, log], self.order)
            return reduced

    def _sum(self, body: Any, summed: list[Any]) -> Value:
        if isinstance(body, sp.Add) and self._splits(body, summed):
            values = [self._sum(term, summed) for term in sp.Add.make_args(body)]
            total = values[0]
            for value in values[1:]:
                total = self.build.elementwise("add", [self.as_float(total), self.as_float(value)], self.order)
            return total
        if isinstance(body, sp.Sum):
            body = with_own_ranges(body, self.ranges)
            with self._bound(body.limits) as more:
                return self._sum(body.args[0], summed + more)
        number, rest = body.as_coeff_Mul()
        if rest.is_Pow and rest.exp == 2 and [s for s in self.ranges if s in rest.free_symbols] == summed[:1] == summed:
            return self._product([number, rest.base, rest.base], summed)  # x @ x
        return self._product(sp.Mul.make_args(body), summed)

    def _splits(self, body: Any, summed: list[Any]) -> bool:
        """Whether the terms of a sum are smaller arrays than the whole, so that each is contracted by itself."""
        widths = [len({s for s in term.free_symbols if s in self.ranges}) for term in body.args]
        return (
            len({s for s in body.free_symbols if s in self.ranges}) > max(widths)
            or any(isinstance(f, sp.Sum) for term in body.args for f in sp.Mul.make_args(term))
            or len({s for s in body.free_symbols if s in self.ranges}) > len(summed) + 1
        )
