"""The meaning of index equations, element by element: loops over indices, and recursion over the right-hand side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import Definition, System, owner
from gradproof.symbolic.equations.nodes import Iverson, LogSumExp, MaxOver

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sp.tanh: math.tanh,
    sp.sin: math.sin,
    sp.exp: math.exp,
    sp.log: math.log,
    sp.Abs: abs,
    sp.floor: math.floor,
    sp.Mod: lambda a, b: a % b,
    fn.relu: lambda x: max(x, 0.0),
    fn.sigmoid: lambda x: 1 / (1 + math.exp(-x)),
    fn.softplus: lambda x: math.log1p(math.exp(x)),
}
RELATIONS: dict[Any, Callable[[Any, Any], bool]] = {
    sp.Gt: lambda a, b: a > b, sp.Ge: lambda a, b: a >= b, sp.Lt: lambda a, b: a < b, sp.Le: lambda a, b: a <= b,
    sp.Eq: lambda a, b: a == b, sp.Ne: lambda a, b: a != b,
}  # fmt: skip


class Meaning:
    """Arrays by name for the inputs, and integers by name for the dimensions."""

    def __init__(self, inputs: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        self.inputs, self.sizes = inputs, sizes
        self.arrays: dict[Definition, Any] = {}

    def of(self, output: Definition) -> Any:
        system = System.of(output)
        for d in system.inputs:
            self.arrays[d] = self.inputs[d.name]
        for d in system.equations:
            if d not in self.arrays:
                shape = tuple(int(self.value(n, {})) for n in d.shape)
                result = np.empty(shape)
                for index in itertools.product(*map(range, shape)):
                    result[index] = self.value(d.rhs, dict(zip(d.indices, index, strict=True)))
                self.arrays[d] = result
        return self.arrays[output]

    def value(self, e: Any, at: dict[Any, int]) -> Any:
        if e in at:
            return at[e]
        definition = owner(e)
        if definition is not None:
            return self.arrays[definition][tuple(int(self.value(i, at)) for i in getattr(e, "indices", ()))]
        if e.is_Symbol:
            return self.sizes[e.name]
        if e.is_Number or e.is_NumberSymbol:
            return int(e) if e.is_Integer else float(e)
        if isinstance(e, sp.Add):
            return math.fsum(self.value(a, at) for a in e.args)
        if isinstance(e, sp.Mul):
            return math.prod(self.value(a, at) for a in e.args)
        if isinstance(e, sp.Pow):
            return self.value(e.base, at) ** self.value(e.exp, at)
        if isinstance(e, KroneckerDelta):
            return int(self.value(e.args[0], at) == self.value(e.args[1], at))
        if isinstance(e, Iverson):
            return int(self.holds(e.args[0], at))
        if isinstance(e, sp.Piecewise):
            return next(self.value(v, at) for v, c in e.args if self.holds(c, at))
        if isinstance(e, (sp.Sum, LogSumExp, MaxOver)):
            ranges = [range(int(self.value(a, at)), int(self.value(b, at)) + 1) for _, a, b in e.limits]
            symbols = [limit[0] for limit in e.limits]
            terms = [
                self.value(e.args[0], {**at, **dict(zip(symbols, p, strict=True))}) for p in itertools.product(*ranges)
            ]
            if isinstance(e, sp.Sum):
                return math.fsum(terms)
            return max(terms) if isinstance(e, MaxOver) else math.log(math.fsum(map(math.exp, terms)))
        return FUNCTIONS[type(e)](*(self.value(a, at) for a in e.args))

    def holds(self, condition: Any, at: dict[Any, int]) -> bool:
        if condition in (True, sp.true):
            return True
        if isinstance(condition, sp.And):
            return all(self.holds(c, at) for c in condition.args)
        return RELATIONS[type(condition)](*(self.value(a, at) for a in condition.args))


@pytest.fixture(scope="session")
def meaning() -> Callable[[Array, Mapping[str, Any], Mapping[str, int]], Any]:
    """``meaning(array, inputs, sizes)``: the numbers that an array's equations stand for."""
    return lambda array, inputs, sizes: Meaning(inputs, sizes).of(array.definition)
