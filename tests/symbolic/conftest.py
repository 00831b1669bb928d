"""Numbers of symbolic arrays, straight from their index equations and independent of the generated code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import special
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import Definition, System, owner
from gradproof.symbolic.equations.dims import dim
from gradproof.symbolic.equations.functions import BY_HEAD
from gradproof.symbolic.equations.matrix_functions import MatrixFunction
from gradproof.symbolic.equations.nodes import Iverson, LogSumExp, MaxOver, ProductOver

_HEADS: dict[Any, Callable[..., Any]] = {
    sp.exp: np.exp, sp.log: np.log, sp.tanh: np.tanh, sp.sin: np.sin, sp.cos: np.cos, sp.tan: np.tan,
    sp.sinh: np.sinh, sp.cosh: np.cosh, sp.atan: np.arctan, sp.Abs: np.abs, sp.sign: np.sign, sp.erf: special.erf,
    sp.floor: np.floor, sp.ceiling: np.ceil, sp.Mod: np.mod, sp.Max: np.maximum, sp.Min: np.minimum,
    # by NumPy itself: through a difference the result is rounded, and min(x, 0.7) > x may hold
    fn.maximum: np.maximum, fn.minimum: np.minimum,
}  # fmt: skip
_RELATIONS: dict[Any, Callable[..., Any]] = {
    sp.StrictGreaterThan: np.greater, sp.StrictLessThan: np.less, sp.GreaterThan: np.greater_equal,
    sp.LessThan: np.less_equal, sp.Equality: np.equal, sp.Unequality: np.not_equal,
}  # fmt: skip


_OF_MATRICES = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logabsdet": lambda a: np.linalg.slogdet(a)[1],
    "detsign": lambda a: np.linalg.slogdet(a)[0],
}


class Evaluator:
    """Equations one after the other, each on the grid of its indices; a summed index is one more axis in front.

    An element read out of range is NaN, and a branch or a bracket that is not taken hides it: an index error that is
    not hidden shows in the result.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: np.asarray(value) for name, value in values.items()}
        self.sizes: dict[Any, Any] = {dim(n): sp.Integer(v) for n, v in values.items() if isinstance(v, int)}
        self.known: dict[Definition, np.ndarray[Any, Any]] = {}

    def run(self, outputs: tuple[Definition, ...]) -> list[Any]:
        system = System.of(*outputs)
        for definition in system.inputs:
            self.known[definition] = self._input(definition)
        for definition in system.equations:
            shape = tuple(int(n.xreplace(self.sizes)) for n in definition.shape)
            grid = np.indices(shape, sparse=True) if shape else ()
            env: dict[Any, Any] = dict(zip(definition.indices, grid, strict=True))
            with np.errstate(all="ignore"):
                value = self.value(definition.rhs, env, len(shape))
            self.known[definition] = np.array(np.broadcast_to(np.asarray(value, dtype=float), shape))
        return [self.known[d] for d in outputs]

    def _input(self, definition: Definition) -> np.ndarray[Any, Any]:
        value = np.asarray(self.values[definition.name] if definition.value is None else definition.value)
        assert value.ndim == definition.rank, f"{definition.name} has {value.ndim} axes, not {definition.rank}"
        for size, actual in zip(definition.shape, value.shape, strict=True):
            if size.is_Symbol:
                assert self.sizes.setdefault(size, sp.Integer(actual)) == actual, f"{definition.name}: {size}"
            elif size.is_Integer:
                assert int(size) == actual, f"{definition.name} has size {actual}, not {size}"
        return value

    def value(self, e: Any, env: dict[Any, Any], depth: int) -> Any:
        if e in env:
            return env[e]
        if e in self.sizes:
            return float(self.sizes[e])
        definition = owner(e)
        if definition is not None:
            return self._element(self.known[definition], [self.value(i, env, depth) for i in getattr(e, "indices", ())])
        if e.is_number:
            return float(e)
        if isinstance(e, (sp.Sum, LogSumExp, MaxOver, ProductOver)):
            return self._reduction(e, env, depth)
        if isinstance(e, MatrixFunction):
            return self._matrix_function(e, env, depth)
        if isinstance(e, sp.Add):
            return sum(self.value(a, env, depth) for a in e.args)
        if isinstance(e, sp.Mul):
            return self._product([self.value(a, env, depth) for a in e.args])
        if isinstance(e, sp.Pow):
            exponent: Any = float(e.exp) if e.exp.is_number else self.value(e.exp, env, depth)
            return np.power(np.asarray(self.value(e.base, env, depth), dtype=float), exponent)
        if isinstance(e, KroneckerDelta):
            left, right = (self.value(a, env, depth) for a in e.args)
            return np.asarray(left == right).astype(float)
        if isinstance(e, Iverson):
            return np.asarray(self.test(e.args[0], env, depth)).astype(float)
        if isinstance(e, sp.Piecewise):
            result: Any = np.nan
            for branch, condition in reversed(e.args):
                result = np.where(self.test(condition, env, depth), self.value(branch, env, depth), result)
            return result
        head = _HEADS.get(type(e))
        arguments = [self.value(a, env, depth) for a in e.args]
        if head is not None:
            return head(*arguments)
        row = BY_HEAD[type(e)]
        symbols = sp.symbols("x y", real=True)[: row.arity]
        return self.value(row.definition(*symbols), dict(zip(symbols, arguments, strict=True)), depth)

    def _product(self, factors: list[Any]) -> Any:
        """0 wherever a factor is 0, even against an element that does not exist."""
        result = factors[0]
        for factor in factors[1:]:
            product = np.multiply(result, factor)
            result = np.where((np.asarray(result) == 0) | (np.asarray(factor) == 0), 0.0, product)
        return result

    def test(self, condition: Any, env: dict[Any, Any], depth: int) -> Any:
        if condition in (True, sp.true):
            return np.True_
        if condition in (False, sp.false):
            return np.False_
        if isinstance(condition, sp.And):
            return np.logical_and.reduce(np.broadcast_arrays(*(self.test(c, env, depth) for c in condition.args)))
        if isinstance(condition, sp.Or):
            return np.logical_or.reduce(np.broadcast_arrays(*(self.test(c, env, depth) for c in condition.args)))
        if isinstance(condition, sp.Not):
            return ~np.asarray(self.test(condition.args[0], env, depth))
        left, right = (self.value(a, env, depth) for a in condition.args)
        return _RELATIONS[type(condition)](left, right)

    def _element(self, array: np.ndarray[Any, Any], index: list[Any]) -> Any:
        if not index:
            return float(array)
        places = [np.asarray(i) for i in np.broadcast_arrays(*index)]
        whole = [np.rint(np.where(np.isnan(p.astype(float)), -1, p)).astype(int) for p in places]
        inside = np.logical_and.reduce([(p >= 0) & (p < n) for p, n in zip(whole, array.shape, strict=True)])
        taken = array[tuple(np.where(inside, p, 0) for p in whole)] if array.size else np.nan
        return np.where(inside, taken, np.nan)

    def _matrix_function(self, e: Any, env: dict[Any, Any], depth: int) -> Any:
        """The matrices along two new axes, NumPy's function of them, and the entry that is asked for."""
        n = int(e.size.xreplace(self.sizes))
        steps = np.arange(n).reshape(n, 1), np.arange(n)
        inside = {key: np.asarray(v)[..., None, None] for key, v in env.items()}
        inside |= {limit[0]: step for limit, step in zip(e.limits, steps, strict=True)}
        matrices = np.asarray(self.value(e.args[0], inside, depth + 2), dtype=float)
        matrices = np.broadcast_to(matrices, (*matrices.shape[:-2], n, n))
        whole = _OF_MATRICES[e.name](matrices)
        index = [np.asarray(self.value(i, env, depth)).astype(int) for i in e.index]
        batch = np.indices(whole.shape[: whole.ndim - len(index)], sparse=True)
        return whole[(*batch, *index)] if index else whole

    def _reduction(self, e: Any, env: dict[Any, Any], depth: int) -> Any:
        inner = dict(env)
        level = depth + len(e.limits)
        outside: Any = False
        # the outermost first: a range may depend on an outer index, or on a free one as that of a running sum does
        for place, (index, first, last) in reversed(list(enumerate(e.limits))):
            low, high = (np.asarray(self.value(bound, inner, level)).astype(int) for bound in (first, last))
            steps = np.arange(np.min(low, initial=0), np.max(high, initial=-1) + 1)
            inner[index] = steps.reshape(-1, *([1] * (depth + place)))
            outside = outside | (inner[index] < low) | (inner[index] > high)
        body = np.asarray(self.value(e.args[0], inner, level), dtype=float)
        body = body.reshape((1,) * (level - body.ndim) + body.shape)
        front = tuple(inner[limit[0]].shape[0] for limit in reversed(e.limits))
        body = np.broadcast_to(body, front + body.shape[len(front) :])
        axes = tuple(range(len(front)))
        if isinstance(e, ProductOver):
            ((index, *_),) = e.limits
            for place in e.excluded:
                outside = outside | (inner[index] == self.value(place, env, depth))
            return np.where(outside, 1.0, body).prod(axis=axes)
        body = np.where(outside, 0.0 if isinstance(e, sp.Sum) else -np.inf, body)
        if isinstance(e, sp.Sum):
            return body.sum(axis=axes)
        if isinstance(e, MaxOver):
            return body.max(axis=axes)
        return special.logsumexp(body, axis=axes)


@pytest.fixture(scope="session")
def numbers_of() -> Callable[..., Any]:
    """``numbers_of(arrays, values)``: the value of an array, or the list of values of a list of arrays.

    Sizes are read off the values; an ``int`` among the values is the size of the dimension of that name.
    """

    def run(arrays: Any, values: Mapping[str, Any]) -> Any:
        many = list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]
        assert all(isinstance(a, Array) for a in many)
        results = Evaluator(values).run(tuple(a.definition for a in many))
        return results if isinstance(arrays, (list, tuple)) else results[0]

    return run
