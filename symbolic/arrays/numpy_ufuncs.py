"""NumPy's ufuncs on symbolic arrays: one row each, from the ufunc to a scalar SymPy expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from sympy.codegen.cfunctions import expm1 as Expm1
from sympy.codegen.cfunctions import log1p as Log1p

from gradproof.errors import UnsupportedError

from ..equations import functions as fn
from ..equations.definition import PLAIN_NAMES, define, owner
from ..equations.dims import broadcast_shapes, free_index
from ..equations.nodes import Iverson
from ..equations.seen_through import see_through
from .array import Array, as_array, elementwise
from .grouping import grouped
from .selecting import extreme

_BOOLEAN = frozenset({"boolean"})
_WHOLE = frozenset({"integer", "boolean"})


def _divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise ZeroDivisionError("division by the constant 0 in a symbolic expression")
    return a / b


def _power(a: Any, b: Any) -> Any:
    under = _under_root(a) if getattr(b, "is_even", b in (2, 4)) else None
    return a**b if under is None else under ** (sp.sympify(b, strict=True) / 2)


def _under_root(a: Any) -> Any:
    """The sum of squares whose square root this is; squaring the root gives it back, and it is smooth at 0."""
    found = owner(a)
    if (
        found is None
        or found.name not in PLAIN_NAMES
        or not isinstance(found.rhs, sp.Pow)
        or found.rhs.exp != sp.S.Half
    ):
        return None
    under = found.expanded_at(*(a.indices if isinstance(a, sp.Indexed) else ())).base
    total = owner(under)
    squares = isinstance(total.rhs, sp.Sum) and total.rhs.args[0].is_nonnegative if total is not None else False
    if squares:
        see_through(found)
    return under if squares else None


def _multiply(a: Any, b: Any) -> Any:
    return _power(a, sp.Integer(2)) if a == b else a * b


def _logaddexp(a: Any, b: Any) -> Any:
    return a + fn.softplus(b - a) if a.is_number else b + fn.softplus(a - b)


def _log(a: Any) -> Any:
    """log |u| and log cosh u are read as one function each: their slopes are 1/u and tanh u."""
    found = owner(a)
    if found is None or found.name not in PLAIN_NAMES or not isinstance(found.rhs, (sp.Abs, sp.cosh)):
        return sp.log(a)
    see_through(found)
    return sp.log(found.expanded_at(*(a.indices if isinstance(a, sp.Indexed) else ())))


def _heaviside(a: Any, b: Any) -> Any:
    """A value from 0 to 1 at the jump is a mean of those beside it: [a ≥ 0] for 1."""
    if b.is_number and 0 <= b <= 1:
        return b * Iverson(a >= 0) + (1 - b) * Iverson(a > 0)
    return Iverson(a > 0) + b * Iverson(sp.Eq(a, 0))


def _both_boolean(arrays: tuple[Any, ...]) -> bool:
    return all(isinstance(x, (bool, np.bool_)) or "boolean" in as_array(x).definition.assumptions for x in arrays)


ARITHMETIC: dict[np.ufunc, Callable[..., Any]] = {
    np.add: lambda a, b: a + b,
    np.subtract: lambda a, b: a - b,
    np.multiply: _multiply,
    np.divide: _divide,
    np.power: _power,
    np.float_power: _power,
    np.negative: lambda a: -a,
    np.positive: lambda a: a,
    np.square: lambda a: _power(a, sp.Integer(2)),
    np.sqrt: sp.sqrt,
    np.cbrt: lambda a: sp.sign(a) * sp.Abs(a) ** sp.Rational(1, 3),
    np.reciprocal: lambda a: _divide(sp.S.One, a),
    np.absolute: sp.Abs,
    np.fabs: sp.Abs,
    np.sign: sp.sign,
    np.exp: sp.exp,
    np.exp2: lambda a: sp.exp(a * sp.log(2)),
    np.expm1: Expm1,
    np.log: _log,
    np.log2: lambda a: sp.log(a) / sp.log(2),
    np.log10: lambda a: sp.log(a) / sp.log(10),
    np.log1p: Log1p,
    np.logaddexp: _logaddexp,
    np.sin: sp.sin,
    np.cos: sp.cos,
    np.tan: sp.tan,
    np.sinh: sp.sinh,
    np.cosh: sp.cosh,
    np.tanh: sp.tanh,
    np.arctan: sp.atan,
    np.arcsin: lambda a: sp.atan(a / sp.sqrt(1 - a**2)),
    np.arccos: lambda a: sp.pi / 2 - sp.atan(a / sp.sqrt(1 - a**2)),
    np.arcsinh: lambda a: sp.log(a + sp.sqrt(a**2 + 1)),
    np.arccosh: lambda a: sp.log(a + sp.sqrt(a**2 - 1)),
    np.arctanh: lambda a: (Log1p(a) - Log1p(-a)) / 2,
    np.arctan2: fn.arctan2,
    np.logaddexp2: lambda a, b: _logaddexp(a * sp.log(2), b * sp.log(2)) / sp.log(2),
    np.copysign: lambda a, b: sp.Abs(a) * (1 - 2 * Iverson(b < 0)),
    np.rad2deg: lambda a: a * 180 / sp.pi,
    np.degrees: lambda a: a * 180 / sp.pi,
    np.radians: lambda a: a * sp.pi / 180,
    np.hypot: lambda a, b: sp.sqrt(a**2 + b**2),
    np.maximum: lambda a, b: _maximum(a, b),
    np.fmax: lambda a, b: _maximum(a, b),
    np.minimum: lambda a, b: extreme(fn.minimum, a, b),
    np.fmin: lambda a, b: extreme(fn.minimum, a, b),
    np.heaviside: _heaviside,
    np.conjugate: lambda a: a,
    np.deg2rad: lambda a: a * sp.pi / 180,
}
"""Ufuncs with values in the reals."""


def _equal(a: Any, b: Any) -> Any:
    """[a = b]; that a ReLU is 0, as in ``max(0, m) == 0``, is said of its argument."""
    found = owner(a)
    plain = found is not None and found.name in PLAIN_NAMES and isinstance(found.rhs, fn.relu)
    inner = found.expanded_at(*(a.indices if isinstance(a, sp.Indexed) else ())) if plain and found is not None else a
    return Iverson(sp.Le(inner.args[0], 0)) if b == 0 and isinstance(inner, fn.relu) else Iverson(sp.Eq(a, b))


COMPARISONS: dict[np.ufunc, Callable[..., Any]] = {
    np.greater: lambda a, b: Iverson(sp.Gt(a, b)),
    np.greater_equal: lambda a, b: Iverson(sp.Ge(a, b)),
    np.less: lambda a, b: Iverson(sp.Lt(a, b)),
    np.less_equal: lambda a, b: Iverson(sp.Le(a, b)),
    np.equal: _equal,
    np.not_equal: lambda a, b: 1 - _equal(a, b),
    np.isfinite: lambda a: sp.S.One,
    np.isnan: lambda a: sp.S.Zero,
    np.isinf: lambda a: sp.S.Zero,
    np.signbit: lambda a: Iverson(sp.Lt(a, 0)),
}
"""Ufuncs whose result is 0 or 1; it can be used as a mask and in arithmetic."""

LOGICAL: dict[np.ufunc, Callable[..., Any]] = {
    np.logical_and: lambda a, b: a * b,
    np.bitwise_and: lambda a, b: a * b,
    np.logical_or: lambda a, b: a + b - a * b,
    np.bitwise_or: lambda a, b: a + b - a * b,
    np.logical_xor: lambda a, b: a + b - 2 * a * b,
    np.bitwise_xor: lambda a, b: a + b - 2 * a * b,
    np.logical_not: lambda a: 1 - a,
    np.invert: lambda a: 1 - a,
}
"""Ufuncs on masks."""

_ON_MASKS: dict[np.ufunc, np.ufunc | None] = {
    np.add: np.logical_or,
    np.multiply: np.logical_and,
    np.maximum: np.logical_or,
    np.minimum: np.logical_and,
    np.subtract: None,
    np.negative: None,
}
"""What NumPy means by arithmetic on masks (``True + True`` is ``True``)."""

ROUNDING: dict[np.ufunc, Callable[..., Any]] = {
    np.floor: fn.floor,
    np.ceil: lambda a: -fn.floor(-a),
    np.rint: fn.rint,
    np.trunc: fn.trunc,
    np.floor_divide: lambda a, b: _quotient(a, b),
    np.remainder: lambda a, b: sp.Mod(a, b) if a.is_integer and b.is_integer else a - b * _quotient(a, b),
    np.fmod: lambda a, b: a - b * fn.trunc(_divide(a, b)),
}
"""Ufuncs that jump, and between their jumps are constant or straight: of integers they give integers."""


def _quotient(a: Any, b: Any) -> Any:
    ratio = _divide(a, b)
    if ratio.is_integer:
        return ratio
    return sp.floor(ratio) if a.is_integer and b.is_integer else fn.floor(ratio)


def _rounded(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Array:
    whole = all(_is_whole(x) for x in inputs)
    if whole and len(inputs) == 1:
        return as_array(inputs[0])
    words = frozenset({"integer"} if whole else ())
    return elementwise(ufunc.__name__, ROUNDING[ufunc], *inputs, assumptions=words)


def _is_whole(x: Any) -> bool:
    """Integers in NumPy's sense, masks and sizes among them."""
    if isinstance(x, (bool, int, np.integer)) or (isinstance(x, sp.Expr) and x.is_integer):
        return True
    return bool(as_array(x).definition.assumptions & _WHOLE)


_SPECIAL: dict[str, Callable[..., Any]] = {
    "erf": sp.erf,
    "erfc": lambda a: 1 - sp.erf(a),
    "expit": fn.sigmoid,
    "log_expit": lambda a: -fn.softplus(-a),
    "logit": lambda a: sp.log(a) - sp.log(1 - a),
    "ndtr": lambda a: (1 + sp.erf(a / sp.sqrt(2))) / 2,
    "xlogy": lambda a, b: a * sp.log(b),
    "xlog1py": lambda a, b: a * sp.log(1 + b),
}
"""Ufuncs of ``scipy.special``, by name."""


def _maximum(a: Any, b: Any) -> Any:
    """``max(0, z)`` is read as relu(z), which is what it is called."""
    if a == 0:
        return fn.relu(b)
    return fn.relu(a) if b == 0 else extreme(fn.maximum, a, b)


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Array.__array_ufunc__``: plain calls and ``reduce`` of add, maximum and minimum; ``out=`` rebinds the array."""
    out = kwargs.pop("out", None)
    kwargs.pop("dtype", None)
    kwargs.pop("casting", None)
    if method == "reduce":
        return _reduced(ufunc, inputs, kwargs, out)
    if method == "accumulate":
        return _accumulated(ufunc, inputs, kwargs, out)
    if method == "at":
        from .storing import scatter_add

        if ufunc not in (np.add, np.subtract):
            raise UnsupportedError(f"np.{ufunc.__name__}.at is not supported on symbolic arrays; np.add.at is")
        target, where, values = inputs
        if not isinstance(target, Array):
            raise UnsupportedError("np.add.at adds a symbolic value to a NumPy array; make it symbolic first")
        change = as_array(values) if ufunc is np.add else -as_array(values)
        target.definition = scatter_add(target, where, change).definition
        return None
    if method == "outer" and ufunc is np.multiply:
        from .products import outer_nd

        return outer_nd(*inputs)
    if method == "outer":
        left, right = map(as_array, inputs)
        return _call(ufunc, (left[(..., *[None] * right.ndim)], right))
    if method != "__call__":
        raise UnsupportedError(f"np.{ufunc.__name__}.{method} is not supported on symbolic arrays")
    where = kwargs.pop("where", True)
    if kwargs:
        raise UnsupportedError(f"np.{ufunc.__name__}: the argument {next(iter(kwargs))} has no symbolic form")
    if ufunc in (np.equal, np.not_equal) and any(x is None for x in inputs):
        known = next(x for x in inputs if x is not None)
        ufunc, inputs = np.not_equal if ufunc is np.equal else np.equal, (known, known)  # no number is None
    result = _call(ufunc, inputs)
    if out is not None:
        return store_out(out, result, where)
    if where is not True:
        raise UnsupportedError(f"np.{ufunc.__name__}(where=...) without out= leaves entries undefined; use np.where")
    return result


def _reduced(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    from .reductions import REDUCE, logsumexp
    from .statistics import all_, any_

    rows: dict[np.ufunc, Callable[..., Any]] = {
        **REDUCE, np.logical_and: all_, np.logical_or: any_, np.logaddexp: logsumexp,
    }  # fmt: skip
    if ufunc not in rows:
        raise UnsupportedError(f"np.{ufunc.__name__}.reduce has no symbolic form; use np.sum or np.max")
    kwargs.setdefault("axis", 0)
    reduced = rows[ufunc](*inputs, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
    return reduced if out is None else store_out(out, reduced)


def _accumulated(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    from .rearranging import cumsum
    from .statistics import accumulate

    array, axis = inputs[0], inputs[1] if len(inputs) > 1 else kwargs.pop("axis", 0)
    result = cumsum(array, axis) if ufunc is np.add else accumulate(ufunc)(array, axis)
    return result if out is None else store_out(out, result)


def store_out(out: Any, result: Array, where: Any = True) -> Array:
    """``out=`` and ``x += y``: the result goes into the target; a scalar is replaced instead, as NumPy's are."""
    (target,) = out if isinstance(out, tuple) else (out,)
    if not isinstance(target, Array):
        raise UnsupportedError(
            "a symbolic value is stored into a NumPy array of floats, which would lose it; inside gp.trace and "
            "gp.verify array creation is taken over, elsewhere use np.zeros_like of a symbolic array"
        )
    if not target.mutable and where is True:
        return result
    from .masking import kept_words
    from .reshaping import broadcast_to

    words = kept_words(target, result)
    if where is not True:
        from .selecting import where as choose

        result = choose(where, result, target)
    whole = broadcast_to(result, target.definition.shape)
    if words != whole.definition.assumptions & {"integer", "boolean"}:
        old = whole.definition
        whole = Array(define(old.name, old.shape, target_rhs(old), assumptions=words))
    target.assign(whole)
    return target


def target_rhs(definition: Any) -> Any:
    """The right-hand side for another definition of the same values."""
    return definition.lhs if definition.rhs is None else definition.rhs


def _equality(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Array:
    """Equality of integers, one of which may be the place of a maximum."""
    from .picking import equal_places

    shape = broadcast_shapes(*(as_array(x).definition.shape for x in inputs), what=f"the operands of {ufunc.__name__}")
    # joined axes are taken apart, and indices then count other axes
    apart = any(grouped(as_array(x)) for x in inputs)
    sizes = {} if apart else {free_index(p): n for p, n in enumerate(shape)}

    def build(a: Any, b: Any) -> Any:
        same = equal_places(a, b, sizes)
        return same if ufunc is np.equal else 1 - same

    return elementwise(ufunc.__name__, build, *inputs, assumptions=_BOOLEAN)


def _call(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    if ufunc is np.matmul:
        from .products import matmul

        return matmul(*inputs)
    if ufunc in _ON_MASKS and _both_boolean(inputs):
        replacement = _ON_MASKS[ufunc]
        if replacement is None:
            raise UnsupportedError(f"NumPy has no {ufunc.__name__} of masks; turn them into numbers by .astype(float)")
        ufunc = replacement
    if ufunc in (np.divide, np.log, np.log1p, np.add):
        from .recognised import recognised

        whole = recognised(ufunc, inputs)
        if whole is not None:
            return whole
    if ufunc in ARITHMETIC:
        words = frozenset[str]()
        if ufunc in (np.add, np.subtract, np.multiply, np.negative) and all(map(_is_whole, inputs)):
            words = frozenset({"integer"})
        return elementwise(ufunc.__name__, ARITHMETIC[ufunc], *inputs, assumptions=words)
    if ufunc in (np.equal, np.not_equal) and all(map(_is_whole, inputs)):
        return _equality(ufunc, inputs)
    if ufunc in COMPARISONS:
        return elementwise(ufunc.__name__, COMPARISONS[ufunc], *inputs, assumptions=_BOOLEAN)
    if ufunc in LOGICAL:
        if not _both_boolean(inputs):
            raise UnsupportedError(f"np.{ufunc.__name__} is supported on masks (comparisons) only")
        return elementwise(ufunc.__name__, LOGICAL[ufunc], *inputs, assumptions=_BOOLEAN)
    if ufunc in ROUNDING:
        return _rounded(ufunc, inputs)
    if ufunc is np.divmod:
        return _call(np.floor_divide, inputs), _call(np.remainder, inputs)
    if ufunc is np.modf:
        whole = _call(np.trunc, inputs)
        return as_array(inputs[0]) - whole, whole
    special = _SPECIAL.get(ufunc.__name__)
    if special is not None:
        return elementwise(ufunc.__name__, special, *inputs)
    known = sorted(u.__name__ for u in (*ARITHMETIC, *COMPARISONS, *LOGICAL, *ROUNDING))
    raise UnsupportedError(f"np.{ufunc.__name__} is not supported on symbolic arrays; supported are {', '.join(known)}")
