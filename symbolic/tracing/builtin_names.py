"""Built-in functions that mean something else in the user's modules while a trace runs.

``float`` and ``int`` leave symbolic scalars as they are, ``max(0, x)`` is a maximum and no branch, ``range(m)`` is an
index array where it stands in an index.
"""

from __future__ import annotations

import builtins
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..arrays.array import Array
from ..arrays.joining import SymbolicRange
from ..arrays.reductions import max_, min_, sum_
from ..arrays.selecting import truncated
from ..equations.questions import respondent


class _CastType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        plain = cls.__mro__[1]
        if isinstance(instance, plain):
            return True
        if isinstance(instance, Array):  # a float among the inputs is a scalar array here
            return plain is builtins.float and not instance.definition.shape and instance.dtype.kind == "f"
        return plain is builtins.int and isinstance(instance, sp.Expr) and bool(instance.is_integer)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])


class TracedFloat(float, metaclass=_CastType):
    """``float`` that leaves a symbolic scalar as it is; as a dtype it is ``float64``."""

    dtype = np.dtype(np.float64)

    def __new__(cls, value: Any = 0.0) -> Any:
        if isinstance(value, Array):
            return _scalar(value, "float")
        return value if isinstance(value, sp.Expr) else float(value)


class TracedInt(int, metaclass=_CastType):
    """``int`` that leaves a symbolic integer as it is and rounds towards 0; as a dtype it is ``int64``."""

    dtype = np.dtype(np.int64)

    def __new__(cls, value: Any = 0, *base: Any) -> Any:
        if isinstance(value, Array):
            constant = value.definition.rhs
            if constant is not None and constant.is_number:
                return int(constant)
            return truncated(_scalar(value, "int"))
        if isinstance(value, sp.Expr) and not value.is_number:
            return value if value.is_integer else _rounded(value)
        return int(value, *base)


def _rounded(size: sp.Expr) -> Any:
    """``int((H - h) / stride + 1)``: a quotient of sizes without its rest."""
    above, below = sp.fraction(sp.together(sp.nsimplify(size, rational=True)))
    who = respondent()
    if who is None or not (above.is_integer and below.is_Integer):
        raise UnsupportedError(f"int({size}) rounds a symbolic size; give the size as a number")
    return who.quotient(above, int(below))


def _scalar(value: Array, what: str) -> Array:
    if value.size != 1:
        raise UnsupportedError(f"{what}({value.name}) of an array with more than one element")
    return value if value.ndim == 0 else value[(0,) * value.ndim]


def traced_len(value: Any) -> Any:
    """``len``, which is a symbol for a symbolic array of symbolic length."""
    if isinstance(value, Array):
        if not value.ndim:
            raise TypeError("len() of unsized object")
        return value.shape[0]
    return len(value)


class _RangeType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (range, SymbolicRange))


class TracedRange(metaclass=_RangeType):
    """``range``, which keeps symbolic bounds until they have to be numbers."""

    def __new__(cls, *bounds: Any) -> Any:
        symbolic = any(isinstance(b, sp.Expr) and not b.is_Integer for b in bounds)
        plain = symbolic and (len(bounds) < 3 or bounds[2] == 1)
        return SymbolicRange(*bounds) if plain else range(*bounds)


def traced_sum(values: Any, start: Any = 0) -> Any:
    """``sum`` over the first axis of an array; of anything else it adds up."""
    if isinstance(values, Array) and values.ndim:
        total = sum_(values, 0)
        return total if isinstance(start, int) and start == 0 else start + total
    return sum(values, start)


def traced_max(*values: Any, **options: Any) -> Any:
    """``max``: of symbolic scalars the maximum, without a branch."""
    return _extreme(max, np.maximum, max_, values, options)


def traced_min(*values: Any, **options: Any) -> Any:
    """``min``: of symbolic scalars the minimum, without a branch."""
    return _extreme(min, np.minimum, min_, values, options)


def _extreme(plain: Any, pairwise: Any, over: Any, values: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if options:
        return plain(*values, **options)
    if len(values) == 1 and isinstance(values[0], Array) and values[0].ndim == 1:
        return over(values[0])
    many = list(values[0]) if len(values) == 1 else list(values)
    if any(isinstance(v, Array) and not v.ndim for v in many):
        return reduce(pairwise, many)
    return plain(many)


BUILTINS: dict[str, Any] = {
    "float": TracedFloat, "int": TracedInt, "len": traced_len, "range": TracedRange, "sum": traced_sum,
    "max": traced_max, "min": traced_min,
}  # fmt: skip
"""Built-in names, by what they mean while a trace runs."""
