"""Forms at sample inputs in floats: what is not zero there is not worth a proof.

This decides nothing: a form that is zero at the samples still has to be proved zero, and one that cannot be evaluated
is tried all the same. It spares the search for proofs of what is false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

import flint
import sympy as sp
from sympy.core.function import AppliedUndef

from gradproof.errors import UnsupportedError

from ..equations.definition import owner
from ..equations.matrix_values import BALLS, along_units
from .classes import Limits, parameter
from .terms import Atom, Poly, is_index, symbols_of

if TYPE_CHECKING:
    from .algebra import Algebra

_SIZES = (3, 4)
_TOLERANCE = 1e-6
"""Of the size of the terms; rounding is far below."""

_ROUNDING = 1e-10
"""A single term may be zero inside, where its sum cancels: what is smaller than this is not known to differ."""

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin, "cos": math.cos, "erf": math.erf, "arctan": math.atan, "log": math.log, "floor": math.floor,
    "rint": round,
}  # fmt: skip


class Unsampled(Exception):
    """There is no float for this at the sample: a pole, an overflow, a tie, or a size that is no number."""


NO_VALUE = (Unsampled, UnsupportedError, OverflowError, ValueError, ZeroDivisionError, RecursionError)


class Sample:
    """Values of forms at one choice of sizes and inputs, drawn by name from a seed."""

    def __init__(self, algebra: Algebra, seed: int, sign: int) -> None:
        self.algebra = algebra
        self.seed = seed
        self.sign = sign
        self._classes: dict[tuple[str, int, tuple[int, ...]], float] = {}
        self._inputs: dict[tuple[Any, tuple[int, ...]], float] = {}
        self._sizes: dict[Any, int] = {}
        self._cost = 0

    def differs(self, poly: Poly) -> bool:
        """Whether the form is not zero here, at some entry, for certain up to rounding; False where it is not known."""
        self._cost = 0
        symbols = sorted({s for mono in poly for (_, args), _ in mono for a in args for s in _indices(a)}, key=str)
        rng = Random(self.seed)
        try:
            at: dict[Any, int] = {}
            for symbol in symbols:
                first, last = self.algebra.ranges.get(symbol, (sp.S.Zero, sp.S.One))
                low, high = self._index(first, at), self._index(last, at)
                at[symbol] = rng.randint(low, max(low, min(high, low + 2)))
            terms = [float(c) * self._mono(mono, at) for mono, c in poly.items()]
        except NO_VALUE:
            return False
        total, size = math.fsum(terms), math.fsum(map(abs, terms))
        return math.isfinite(size) and abs(total) > max(_TOLERANCE * size, _ROUNDING)

    def at_one_place(self, head: Any, args: tuple[Any, ...]) -> float | None:
        """The value of a class where its indices are all 1 and its numbers what they are; None where there is none."""
        self._cost = 0
        try:
            places = tuple(1 if any(True for _ in symbols_of((a,))) else self._index(a, {}) for a in args)
            value = self._atom((head, tuple(map(sp.Integer, places))), {})
        except NO_VALUE:
            return None
        return value if math.isfinite(value) else None

    # -- forms -------------------------------------------------------------------------------------------------------
    def _poly(self, poly: Poly, at: dict[Any, int]) -> float:
        return sum(float(c) * self._mono(mono, at) for mono, c in poly.items())

    def _mono(self, mono: Any, at: dict[Any, int]) -> float:
        self._cost += 1
        if self._cost > 20_000:
            raise Unsampled
        result = 1.0
        # what can be 0 comes first: the rest need not exist then
        powers = self.algebra.table.in_order(mono)
        for atom, exponent in sorted(powers, key=lambda power: power[0][0][0] not in ("br", "ibx", "delta", "fn")):
            value = self._atom(atom, at)
            if exponent != 1:
                value = value ** (int(exponent) if exponent.denominator == 1 else float(exponent))
            if isinstance(value, complex) or math.isnan(value):
                raise Unsampled
            result *= value
            if result == 0:
                return 0.0
        return result

    def _atom(self, atom: Atom, at: dict[Any, int]) -> float:
        head, args = atom
        kind = head[0]
        if kind == "dim":
            return float(self._index(head[1], at))
        if kind == "num":
            return float(head[1])
        if kind == "lognum":
            return math.log(head[1])
        if kind == "const":
            return float(sp.N(head[1]) if not isinstance(head[1], str) else {"pi": math.pi, "E": math.e}[head[1]])
        if kind in ("undefined", "inf"):
            raise Unsampled
        places = tuple(self._index(a, at) for a in args)
        if kind == "x":
            return self._input(head[1], places, head[-1] == "symmetric")
        if kind == "delta":
            return float(places[0] == places[1])
        if kind == "ibx":
            return float(places[0] >= 0)
        if kind == "idx":
            return float(places[0])
        key = (".".join(map(str, (kind, *head[2:]))), head[1], places)
        if key not in self._classes:
            self._classes[key] = self._class(head, places)
        return self._classes[key]

    def _class(self, head: Any, places: tuple[int, ...]) -> float:
        found = self.algebra.table[head[1]]
        at = {parameter(p): value for p, value in enumerate(places)}
        kind = head[0]
        if kind == "mat":
            return self._matrix(head, places)
        if found.limits:
            values = [self._poly(found.body, inner) for inner in self._all(found.limits, at)]
            if kind == "sum":
                return math.fsum(values)
            if kind == "prod":
                first, left_out = self._index(found.limits[0][1], at), places[found.arity :]
                return math.prod(value for k, value in enumerate(values, first) if k not in left_out)
            if len(head) > 2 or not values:
                raise Unsampled
            return max(values)
        inside = self._poly(found.body, at)
        if kind in ("node", "pow"):
            return inside
        if kind == "exp":
            return math.exp(inside)
        if kind == "sig":
            return 1 / (1 + math.exp(-inside))
        if kind == "lp":
            return math.log1p(math.exp(inside))
        if kind == "br" or head[2:] == ("zero",):
            if inside and abs(inside) < 1e-9:
                raise Unsampled
            return float(inside > 0 if kind == "br" else inside == 0)
        if head[2] in _FUNCTIONS:
            return _FUNCTIONS[head[2]](inside)
        # an arbitrary function: some function, the same one everywhere
        return math.sin(inside * 1.37 + Random(str(head[2:])).uniform(0, 3))

    def _matrix(self, head: Any, places: tuple[int, ...]) -> float:
        """A function of a matrix, by Arb's matrices of exact floats."""
        body, limits, index = self.algebra.matrices.reopened(head, tuple(map(sp.Integer, places)))
        (r, _, last), (c, _, _) = limits
        size = self._index(last, {}) + 1
        entries = [[flint.arb(self._poly(body, {r: i, c: j})) for j in range(size)] for i in range(size)]
        value = (along_units if head[2] == "along" else BALLS[head[2]])(flint.arb_mat(entries), *map(int, index))
        if not value.is_finite():
            raise Unsampled
        return float(value)

    def _all(self, limits: Limits, at: dict[Any, int]) -> Iterator[dict[Any, int]]:
        if not limits:
            yield at
            return
        *inner, (index, first, last) = limits
        for k in range(self._index(first, at), self._index(last, at) + 1):
            yield from self._all(tuple(inner), at | {index: k})

    # -- sizes, indices and inputs -----------------------------------------------------------------------------------
    def _index(self, e: Any, at: dict[Any, int]) -> int:
        if e in at:
            return at[e]
        if e.is_Integer:
            return int(e)
        if e.is_Symbol:
            if is_index(e) or owner(e) is not None:
                raise Unsampled
            if e not in self._sizes:
                self._sizes[e] = Random(f"{self.seed} {e}").choice(_SIZES)
            return self._sizes[e]
        if e.is_Add:
            return sum(self._index(a, at) for a in e.args)
        if e.is_Mul:
            return math.prod(self._index(a, at) for a in e.args)
        if isinstance(e, sp.Indexed):
            return int(self._input(e.base.label, tuple(self._index(a, at) for a in e.indices), False))
        if isinstance(e, sp.Mod):
            return self._index(e.args[0], at) % self._index(e.args[1], at)
        if isinstance(e, AppliedUndef):
            raise Unsampled
        if isinstance(e, sp.floor):
            numerator, denominator = e.args[0].as_numer_denom()
            return self._index(numerator, at) // self._index(denominator, at)
        raise Unsampled

    def _input(self, label: Any, places: tuple[int, ...], symmetric: bool) -> float:
        if symmetric:
            places = tuple(sorted(places))
        key = (label, places)
        if key not in self._inputs:
            self._inputs[key] = self._drawn(label, places)
        return self._inputs[key]

    def _drawn(self, label: Any, places: tuple[int, ...]) -> float:
        words = self.algebra.facts.get(label, frozenset())
        definition = owner(label)
        name = f"{self.seed} {self.algebra.table.named(label)}"
        if definition is not None and definition.value is not None:
            if not all(0 <= k < size for k, size in zip(places, definition.value.shape, strict=True)):
                raise Unsampled
            return float(definition.value[places])
        if "one_hot" in words or "simplex" in words:
            if definition is None:
                raise Unsampled
            width = self._index(definition.shape[-1], {})
            if "one_hot" in words:
                return float(Random(f"{name} {places[:-1]}").randrange(width) == places[-1])
            row = [Random(f"{name} {places[:-1]} {k}").uniform(0.2, 1) for k in range(width)]
            return row[places[-1]] / sum(row)
        rng = Random(f"{name} {places}")
        if words & {"diagonal", "lower", "upper"}:
            below, beyond = places[0] > places[1], places[0] < places[1]
            if (below and words & {"diagonal", "upper"}) or (beyond and words & {"diagonal", "lower"}):
                return 0.0
        if "positive_definite" in words and definition is not None:
            # a diagonal that outweighs its row
            off = rng.uniform(-0.25, 0.25) / self._index(definition.shape[-1], {})
            off = abs(off) if "positive" in words else off
            return rng.uniform(0.5, 1.7) if places[0] == places[1] else off
        if words & {"integer", "boolean", "binary"}:
            return float(rng.randint(0, 1))
        value = rng.uniform(0.3, 1.7)
        if words & {"positive", "nonnegative"}:
            return value
        return value * (self.sign or rng.choice((1, -1)))


def samples(algebra: Algebra) -> tuple[Sample, ...]:
    """Three samples: of positive inputs, where logarithms and roots exist, of both signs, and of negative ones."""
    return Sample(algebra, 1, 1), Sample(algebra, 2, 0), Sample(algebra, 3, -1)


def _indices(arg: Any) -> Iterator[Any]:
    for symbol in arg.free_symbols:
        if is_index(symbol):
            yield symbol
