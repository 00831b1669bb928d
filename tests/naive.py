"""Index equations evaluated element by element from their meaning: slow, small, and independent of the generated code.

Members of recurrences refer to each other, so each element is found on demand and kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.symbolic.equations.definition import Definition, owner
from gradproof.symbolic.equations.functions import BY_HEAD
from gradproof.symbolic.equations.nodes import Arbitrary, Functional, FunctionalPartial, Iverson, LogSumExp, MaxOver

_HEADS: dict[Any, Callable[..., Any]] = {
    sp.exp: np.exp, sp.log: np.log, sp.tanh: np.tanh, sp.sin: np.sin, sp.cos: np.cos, sp.tan: np.tan, sp.sinh: np.sinh,
    sp.cosh: np.cosh, sp.atan: np.arctan, sp.Abs: abs, sp.sign: np.sign, sp.erf: math.erf,
}  # fmt: skip


class NaiveEvaluator:
    """``values`` are arrays by the inputs' names, or functions of an index where widths differ from layer to layer.

    ``sizes`` gives dimensions that no array shows, and widths that are functions of a layer; ``functions`` gives σ as
    a list of its derivatives, and C as a pair: its value and its gradient at a vector.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        sizes: Mapping[str, Any] | None = None,
        functions: Mapping[str, Any] | None = None,
    ) -> None:
        self.values, self.sizes, self.functions = values, dict(sizes or {}), functions or {}
        self.known: dict[tuple[Definition, tuple[int, ...]], float] = {}

    def array(self, definition: Definition) -> Any:
        self._read_sizes(definition, set())
        ranges = [(self.number(a, {}), self.number(b, {})) for _, a, b in definition.ranges]
        result = np.empty([b - a + 1 for a, b in ranges])
        for place in np.ndindex(*result.shape):
            result[place] = self.element(definition, tuple(p + a for p, (a, _) in zip(place, ranges, strict=True)))
        return result[()]

    def _read_sizes(self, definition: Definition, seen: set[Definition]) -> None:
        if definition in seen:
            return
        seen.add(definition)
        if definition.is_input and hasattr(self.values[definition.name], "shape"):
            actual = np.shape(self.values[definition.name])
            assert len(actual) == definition.rank, f"{definition.name} has {len(actual)} axes, not {definition.rank}"
            for symbol, size in zip(definition.shape, actual, strict=True):
                if symbol.is_Symbol:
                    assert self.sizes.setdefault(symbol.name, size) == size, (
                        f"{symbol} is {self.sizes[symbol.name]} and {size}"
                    )
        for member in definition.group or [definition]:
            for used in member.uses:
                self._read_sizes(used, seen)

    def element(self, definition: Definition, index: tuple[int, ...]) -> float:
        env = dict(zip(definition.indices, index, strict=True))
        for position, (_, first, last) in zip(index, definition.ranges, strict=True):
            inside = self.number(first, env) <= position <= self.number(last, env)
            assert inside, f"{definition.name}{list(index)} is out of range"
        if definition.is_input:
            source = self.values[definition.name]
            if callable(source):
                return float(source(*index))
            shift = [int(a) for _, a, _ in definition.ranges]
            return float(source[tuple(p - a for p, a in zip(index, shift, strict=True))])
        key = (definition, index)
        if key not in self.known:
            self.known[key] = self.number(definition.rhs, env)
        return self.known[key]

    def number(self, e: Any, env: dict[Any, int]) -> Any:  # one case a kind of node
        if e in env:
            return env[e]
        if e.is_Integer:
            return int(e)
        if e.is_Number or e.is_NumberSymbol:
            return float(e)
        if isinstance(e, (sp.Indexed, sp.Dummy)):
            target = owner(e)
            assert target is not None, f"{e} is no definition"
            return self.element(target, tuple(self.number(i, env) for i in getattr(e, "indices", ())))
        if e.is_Symbol:
            return self.sizes[e.name]
        if isinstance(e, AppliedUndef):
            return self.sizes[e.func.__name__](self.number(e.args[0], env))
        if isinstance(e, sp.Mul):
            return self._product(e, env)
        if isinstance(e, sp.Add):
            return sum(self.number(a, env) for a in e.args)
        if isinstance(e, sp.Pow):
            return float(self.number(e.base, env)) ** self.number(e.exp, env)
        if isinstance(e, sp.Piecewise):
            return next(self.number(branch, env) for branch, condition in e.args if self.holds(condition, env))
        if isinstance(e, Iverson):
            return int(self.holds(e.args[0], env))
        if isinstance(e, KroneckerDelta):
            return int(self.number(e.args[0], env) == self.number(e.args[1], env))
        if isinstance(e, (sp.Sum, LogSumExp, MaxOver, Functional)):
            return self._reduced(e, env)
        if isinstance(e, Arbitrary):
            return self.functions[str(e.args[0])][int(e.args[1])](self.number(e.args[2], env))
        if isinstance(e, FunctionalPartial):
            return self._partial(e, env)
        arguments = [self.number(a, env) for a in e.args]
        if type(e) in _HEADS:
            return _HEADS[type(e)](*arguments)
        symbols = sp.symbols(f"x:{len(arguments)}", real=True)
        meaning = BY_HEAD[type(e)].definition(*symbols)
        return self.number(meaning, {**env, **dict(zip(symbols, arguments, strict=True))})

    def _product(self, e: Any, env: dict[Any, int]) -> Any:
        # brackets first: where one is 0, the rest may be out of range
        result: Any = 1
        for factor in sorted(e.args, key=lambda f: not isinstance(f, (Iverson, KroneckerDelta))):
            result = result * self.number(factor, env)
            if result == 0 and isinstance(factor, (Iverson, KroneckerDelta)):
                return 0
        return result

    def holds(self, condition: Any, env: dict[Any, int]) -> bool:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, sp.And):
            return all(self.holds(c, env) for c in condition.args)
        if isinstance(condition, sp.Or):
            return any(self.holds(c, env) for c in condition.args)
        left, right = (self.number(a, env) for a in condition.args)
        return bool({
            sp.Eq: left == right, sp.Ne: left != right, sp.Gt: left > right, sp.Ge: left >= right,
            sp.Lt: left < right, sp.Le: left <= right,
        }[type(condition)])  # fmt: skip

    def _reduced(self, e: Any, env: dict[Any, int]) -> Any:
        terms: list[dict[Any, int]] = [env]
        # the last limit is the outermost; those before it may depend on it
        for index, first, last in reversed(e.limits):
            terms = [{**t, index: p} for t in terms for p in range(self.number(first, t), self.number(last, t) + 1)]
        found = [self.number(e.args[0], t) for t in terms]
        if isinstance(e, sp.Sum):
            return math.fsum(found)
        if isinstance(e, Functional):
            return self.functions[str(e.name)][0](np.array(found))
        return max(found) if isinstance(e, MaxOver) else math.log(math.fsum(map(math.exp, found)))

    def _partial(self, e: Any, env: dict[Any, int]) -> Any:
        *lead, position = (self.number(i, env) for i in e.args[1].indices)
        vector = owner(e.args[1])
        assert vector is not None
        own = dict(zip(vector.indices, lead, strict=False))
        count = self.number(vector.shape[-1], own)
        values = np.array([self.element(vector, (*lead, p)) for p in range(count)])
        return self.functions[str(e.args[0])][1](values)[position]
