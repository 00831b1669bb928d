"""Values of index equations straight from their meaning: naive loops over every index, in ball arithmetic.

This is the yardstick for printed formulas and for the lines of a derivation, so it shares nothing with the code that
makes them: elementwise functions are evaluated by their elementary definitions, sums by adding up. It is slow on
purpose and meant for small sizes.

>>> from gradproof.symbolic.arrays.array import array
>>> x = array("x", (3,))
>>> at = Valuation.random([(x * x).definition], seed=1)
>>> (at.array((x * x).definition)[0] - at.array(x.definition)[0] ** 2).contains(0)
True
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import flint
import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError

from .ball_operations import ELEMENTARY, RELATIONS, ROUNDING, integer, to_the
from .definition import Definition, ordered, owner, references
from .functions import BY_HEAD
from .matrix_functions import MatrixFunction
from .matrix_values import BALLS
from .nodes import Iverson, LocalPartial, LogSumExp, MaxOver, ProductOver

BITS = 2048
"""Working precision: differences with a step of 2⁻³⁴⁰ then keep more than 200 digits."""

STEP_BITS = 400
"""Central differences have the step 2⁻⁴⁰⁰: their error, of the order of its square, lies below 200 digits."""

Bindings = dict[Any, int]
Closure = Callable[[Bindings], Any]


@contextmanager
def precision(bits: int = BITS) -> Iterator[None]:
    """Run a block at ``bits`` of ball arithmetic, and give the caller's precision back."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def dimension_symbols(definitions: Iterable[Definition]) -> list[sp.Symbol]:
    """The dimension symbols that occur in shapes or in equations, sorted by name."""
    found: set[Any] = set()
    for d in definitions:
        for expression in (*d.shape, *(() if d.rhs is None else (d.rhs,))):
            found |= {s for s in expression.free_symbols if s.is_integer and s.is_positive and owner(s) is None}
    return sorted(found, key=str)


@dataclass(slots=True)
class Valuation:
    """Sizes for the dimensions and values for the inputs; everything else follows from the equations.

    ``arrays`` caches values by definition; an entry set beforehand overrides the equation (a perturbed intermediate).
    """

    sizes: dict[Any, int]
    arrays: dict[Definition, Any] = field(default_factory=dict)
    elements: dict[Any, Any] = field(default_factory=dict)
    closures: dict[Any, Closure] = field(default_factory=dict)

    @classmethod
    def random(
        cls, definitions: Iterable[Definition], seed: int = 0, extra: Iterable[Any] = (), positive: bool = False
    ) -> Valuation:
        """Small sizes and random inputs that keep every assumption (one-hot rows, positive entries, ...).

        ``positive`` makes every input positive; ``extra`` are further dimensions to give a size.
        """
        rng = Random(seed)
        everything = ordered(definitions)
        symbols = dimension_symbols(everything)
        symbols += sorted((s for s in set(extra) if s not in symbols), key=str)
        pool = itertools.cycle((3, 2, 4, 5))
        shift = rng.randrange(4)
        sizes = dict(zip(symbols, itertools.islice(pool, shift, shift + len(symbols)), strict=True))
        at = cls(sizes)
        with precision():
            for d in everything:
                if d.is_input:
                    at.arrays[d] = at._input(d, rng, positive)
        return at

    def size(self, dimension: Any) -> int:
        """The number that a dimension expression stands for."""
        number = sp.sympify(dimension, strict=True).xreplace({k: sp.Integer(v) for k, v in self.sizes.items()})
        if not number.is_Integer:
            raise UnsupportedError(
                f"the size {dimension} depends on an index, and arrays of such sizes are not tabulated"
            )
        return int(number)

    def shape(self, definition: Definition) -> tuple[int, ...]:
        return tuple(self.size(n) for n in definition.shape)

    def _input(self, d: Definition, rng: Random, positive: bool) -> Any:
        shape = self.shape(d)
        if d.value is not None:
            return np.vectorize(lambda v: flint.arb(v.item() if hasattr(v, "item") else v), otypes=[object])(d.value)
        result = np.empty(shape, dtype=object)
        words = d.assumptions
        for index in np.ndindex(*shape):
            number = flint.arb(flint.fmpq(rng.randint(-99, 99) * 2 + 1, 128))
            if positive or words & {"positive", "nonnegative", "simplex"}:
                number = abs(number)
            if words & {"boolean", "binary", "integer"}:
                number = flint.arb(rng.randint(0, 1))
            result[index] = number
        if "one_hot" in words:
            for row in np.ndindex(*shape[:-1]):
                hot = rng.randrange(shape[-1])
                for k in range(shape[-1]):
                    result[(*row, k)] = flint.arb(int(k == hot))
        elif "simplex" in words:
            result = result / result.sum(axis=-1, keepdims=True)
        if "symmetric" in words:
            for i, j in itertools.combinations(range(shape[0]), 2):
                result[j, i] = result[i, j]
        for i, j in np.ndindex(*shape) if words & {"diagonal", "lower", "upper"} else ():
            if (i > j and words & {"diagonal", "upper"}) or (i < j and words & {"diagonal", "lower"}):
                result[i, j] = flint.arb(0)
        if "positive_definite" in words:
            for i in range(shape[0]):  # a diagonal that outweighs its row
                result[i, i] = 1 + abs(result[i, i]) + sum((abs(x) for j, x in enumerate(result[i]) if j != i), 0)
        return result

    # -- values -------------------------------------------------------------------------------------------------------
    def array(self, definition: Definition) -> Any:
        """The value of a definition as an object array of balls."""
        found = self.arrays.get(definition)
        if found is not None:
            return found
        for needed in ordered([definition]):
            if needed not in self.arrays and not needed.group:  # those of recurrences are computed one by one
                self.arrays[needed] = self.tabulate(needed.rhs, needed.indices, self.shape(needed))
        return self._lazy_array(definition) if definition.group else self.arrays[definition]

    def _lazy_array(self, definition: Definition) -> Any:
        result = np.empty(self.shape(definition), dtype=object)
        for index in np.ndindex(*result.shape):
            result[index] = self.element(definition, tuple(map(int, index)))
        return result

    def element(self, definition: Definition, index: tuple[int, ...]) -> Any:
        """One element; members of a recurrence are computed on demand and kept."""
        if not definition.group or definition in self.arrays:
            return self.array(definition)[index]
        key = (definition, index)
        if key not in self.elements:
            self.elements[key] = self.value(definition.rhs, dict(zip(definition.indices, index, strict=True)))
        return self.elements[key]

    def tabulate(self, expression: Any, indices: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        """An expression at every value of its free indices."""
        result = np.empty(shape, dtype=object)
        with precision():
            evaluate = self.compile(expression)
            for index in np.ndindex(*shape):
                result[index] = evaluate(dict(zip(indices, map(int, index), strict=True)))
        return result

    def value(self, expression: Any, bindings: Mapping[Any, int]) -> Any:
        """A scalar expression at given index values."""
        with precision():
            return self.compile(expression)(dict(bindings))

    # -- expressions as closures --------------------------------------------------------------------------------------
    def compile(self, e: Any) -> Closure:
        """A function of the index values, put together once an expression."""
        found = self.closures.get(e)
        if found is None:
            found = self.closures[e] = self._compile(sp.sympify(e, strict=True))
        return found

    def _compile(self, e: Any) -> Closure:
        if e.is_Rational:
            number = flint.arb(flint.fmpq(int(e.p), int(e.q)))
            return lambda b: number
        if e.is_Float:
            exact = sp.Rational(str(e))
            return self._compile(exact)
        if e is sp.pi:
            return lambda b: flint.arb.pi()
        if e is sp.E:
            return lambda b: flint.arb(1).exp()
        if e is sp.S.NegativeInfinity:
            return lambda b: flint.arb("-inf")
        definition = owner(e)
        if definition is not None:
            return self._reference(e, definition)
        if e.is_Symbol:
            if e in self.sizes:
                size = flint.arb(self.sizes[e])
                return lambda b: size
            return lambda b: flint.arb(b[e])
        if isinstance(e, (sp.Add, sp.Mul)):
            # brackets and deltas first: where one is 0, the rest of the product may not exist
            parts = [
                self.compile(a) for a in sorted(e.args, key=lambda a: not isinstance(a, (KroneckerDelta, Iverson)))
            ]
            return _adder(parts) if isinstance(e, sp.Add) else _multiplier(parts)
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, (sp.Sum, LogSumExp, MaxOver)):
            return self._reduction(e)
        if isinstance(e, ProductOver):
            return self._product(e)
        if isinstance(e, MatrixFunction):
            return self._matrix_function(e)
        if isinstance(e, KroneckerDelta):
            left, right = (self.compile(a) for a in e.args[:2])
            return lambda b: flint.arb(int(integer(left(b)) == integer(right(b))))
        if isinstance(e, Iverson):
            condition = self._condition(e.args[0])
            return lambda b: flint.arb(int(condition(b)))
        if isinstance(e, sp.Piecewise):
            branches = [(self.compile(v), self._condition(c)) for v, c in e.args]
            return lambda b: next(v(b) for v, c in branches if c(b))
        if type(e) in ELEMENTARY:
            function, argument = ELEMENTARY[type(e)], self.compile(e.args[0])
            return lambda b: function(argument(b))
        if type(e) in ROUNDING:
            rounding, argument = ROUNDING[type(e)], self.compile(e.args[0])
            return lambda b: rounding(argument(b))
        if type(e) in BY_HEAD:
            return self.compile(BY_HEAD[type(e)].definition(*e.args))
        if isinstance(e, LocalPartial):
            return self._partial(*e.args)
        if isinstance(e, sp.Mod):
            left, right = (self.compile(a) for a in e.args)
            return lambda b: flint.arb(integer(left(b)) % integer(right(b)))
        if isinstance(e, sp.floor):  # of a quotient of indices and sizes, in whole numbers: a ball cannot decide 3/3
            above, below = (self.compile(part) for part in sp.fraction(sp.together(e.args[0])))
            return lambda b: flint.arb(integer(above(b)) // integer(below(b)))
        raise UnsupportedError(f"no value is known for {type(e).__name__}, which stands for something arbitrary")

    def _reference(self, e: Any, definition: Definition) -> Closure:
        if not isinstance(e, sp.Indexed):
            return lambda b: self.element(definition, ())
        positions = [self._position(i) for i in e.indices]
        if definition.group:
            return lambda b: self.element(definition, tuple(p(b) for p in positions))

        def read(b: Bindings) -> Any:
            # looked up at every call: a perturbed array may stand there by then
            array, index = self.array(definition), tuple(p(b) for p in positions)
            if any(not 0 <= i < size for i, size in zip(index, array.shape, strict=True)):
                raise UnsupportedError(f"{definition.name} has no element {index}; its shape is {array.shape}")
            return array[index]

        return read

    def _position(self, index: Any) -> Callable[[Bindings], int]:
        if index.is_Integer:
            number = int(index)
            return lambda b: number
        if index.is_Symbol and index not in self.sizes and owner(index) is None:
            return lambda b: b[index]
        inner = self.compile(index)
        return lambda b: integer(inner(b))

    def _power(self, e: Any) -> Closure:
        base, exponent = self.compile(e.base), e.exp
        if exponent.is_Integer:
            number = int(exponent)
            return lambda b: to_the(base(b), number)
        if exponent == sp.S.Half:
            return lambda b: base(b).sqrt()
        if exponent == -sp.S.Half:
            return lambda b: base(b).rsqrt()
        if e.base is sp.E:
            inner = self.compile(exponent)
            return lambda b: inner(b).exp()
        other = self.compile(exponent)
        return lambda b: base(b) ** other(b)

    def _partial(self, of: Any, by: Any) -> Closure:
        """∂v[I]/∂u[P] of the equation of v alone, by central differences with a step of 2⁻⁴⁰⁰."""
        v, u = owner(of), owner(by)
        if v is None or u is None or v.rhs is None:
            raise UnsupportedError(f"{of} has no equation whose partial derivatives could be measured")
        places = [[self._position(i) for i in (e.indices if isinstance(e, sp.Indexed) else ())] for e in (of, by)]
        evaluate, own = self.compile(v.rhs), v.indices
        members = [m for m in v.group or () if any(owner(r) is m for r in references(v.rhs))]
        held = (*v.uses, *members)

        def measure(b: Bindings) -> Any:
            at, moved = (tuple(p(b) for p in part) for part in places)
            key = (v, u, at, moved)
            if key not in self.elements:
                bindings = dict(zip(own, at, strict=True))
                self.elements[key] = self._central(u, moved, lambda: evaluate(dict(bindings)), held)
            return self.elements[key]

        return measure

    def _central(
        self, u: Definition, index: tuple[int, ...], read: Callable[[], Any], held: Iterable[Definition]
    ) -> Any:
        """(f(u + h) − f(u − h)) / 2h in one element of u, everything in ``held`` staying as it is."""
        for definition in (u, *held):
            # members of a recurrence too: an element that is computed later would follow the one that is moved
            self.arrays[definition] = self.array(definition)
        before, step = self.arrays[u], flint.arb(2) ** -STEP_BITS
        values = []
        for move in (step, -step):
            shifted = before.copy()
            shifted[index] = before[index] + move
            self.arrays[u] = shifted
            try:
                values.append(read())
            finally:
                self.arrays[u] = before
        return (values[0] - values[1]) / (2 * step)

    def _reduction(self, e: Any) -> Closure:
        body = self.compile(e.args[0])
        limits = [(limit[0], self.compile(limit[1]), self.compile(limit[2])) for limit in e.limits]

        def terms(b: Bindings, depth: int) -> Iterator[Any]:
            if depth < 0:
                yield body(b)
                return
            index, first, last = limits[depth]
            for k in range(integer(first(b)), integer(last(b)) + 1):
                b[index] = k
                yield from terms(b, depth - 1)

        top = len(limits) - 1
        if isinstance(e, sp.Sum):
            return lambda b: sum(terms(dict(b), top), flint.arb(0))
        if isinstance(e, LogSumExp):
            return lambda b: sum((t.exp() for t in terms(dict(b), top)), flint.arb(0)).log()

        def largest(b: Bindings) -> Any:
            values = list(terms(dict(b), top))
            best = values[0]
            for other in values[1:]:
                best = best.max(other)
            return best

        return largest

    def _product(self, e: Any) -> Closure:
        ((k, start, stop),) = e.limits
        body, first, last = self.compile(e.args[0]), self.compile(start), self.compile(stop)
        excluded = [self._position(place) for place in e.excluded]

        def read(b: Bindings) -> Any:
            without, total = {place(b) for place in excluded}, flint.arb(1)
            for at in range(integer(first(b)), integer(last(b)) + 1):
                if at not in without:
                    total = total * body(b | {k: at})
            return total

        return read

    def _matrix_function(self, e: Any) -> Closure:
        (r, *_), (c, *_) = e.ends
        bodies, size, value = [self.compile(body) for body in e.bodies], self.compile(e.size), BALLS[e.name]
        positions = [self._position(i) for i in e.index]

        def read(b: Bindings) -> Any:
            n, at = integer(size(b)), dict(b)
            entries = ([[body(at | {r: i, c: j}) for j in range(n)] for i in range(n)] for body in bodies)
            return value(*map(flint.arb_mat, entries), *(p(b) for p in positions))

        return read

    def _condition(self, c: Any) -> Callable[[Bindings], bool]:
        if c in (True, sp.true):
            return lambda b: True
        if c in (False, sp.false):
            return lambda b: False
        if isinstance(c, (sp.And, sp.Or)):
            parts = [self._condition(a) for a in c.args]
            combine = all if isinstance(c, sp.And) else any
            return lambda b: combine(p(b) for p in parts)
        if isinstance(c, sp.Not):
            inner = self._condition(c.args[0])
            return lambda b: not inner(b)
        if not isinstance(c, sp.core.relational.Relational):
            raise UnsupportedError(f"no value is known for the condition {c}")
        left, right = self.compile(c.lhs), self.compile(c.rhs)
        decide = RELATIONS[type(c)]
        return lambda b: decide(left(b) - right(b))


def _adder(parts: list[Closure]) -> Closure:
    def add(b: Bindings) -> Any:
        total = parts[0](b)
        for p in parts[1:]:
            total = total + p(b)
        return total

    return add


def _multiplier(parts: list[Closure]) -> Closure:
    def multiply(b: Bindings) -> Any:
        total = parts[0](b)
        for p in parts[1:]:
            if total == 0:
                return total
            total = total * p(b)
        return total

    return multiply
