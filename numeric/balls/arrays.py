"""Arrays of balls that flow through user code as ndarrays do: views, slices, masks, in-place updates and all.

:class:`BallArray` is an ndarray of dtype object whose elements are :class:`~gradproof.numeric.balls.ball.Ball`. A
scalar is a 0-d BallArray, so that it keeps every method of a NumPy scalar. :class:`MaskArray` is what a comparison of
balls gives: a boolean array whose arithmetic with floats ends in balls again instead of a float buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from flint import arb
from numpy import asarray, empty, errstate, float64  # bound now: numpy is replaced while user code runs

from gradproof.numeric.balls.ball import ONE, ZERO, Ball, NotOnBalls, ball, current_run
from gradproof.numeric.balls.frames import user_line
from gradproof.numeric.balls.functions import BINARY, PREDICATES, RELATIONS, UNARY, maximum, minimum
from gradproof.numeric.balls.methods import Methods

_to_ball = np.frompyfunc(ball, 1, 1)
_NATIVE: Final = frozenset(
    ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "negative", "positive", "absolute")
)
_REDUCED: Final = _NATIVE | {"maximum", "minimum"}
"""What NumPy reduces by the operators of balls alone."""

_CALLS: Final[dict[str, Any]] = (
    {name: np.frompyfunc(f, 1, 1) for name, f in UNARY.items()}
    | {name: np.frompyfunc(f, 2, 1) for name, f in BINARY.items()}
    | {"clip": np.frompyfunc(lambda x, low, high: minimum(maximum(x, low), high), 3, 1)}
)
_TESTS: Final[dict[str, Any]] = {name: np.frompyfunc(f, 1, 1) for name, f in PREDICATES.items()} | {
    name: np.frompyfunc(f, 2, 1) for name, f in RELATIONS.items()
}


MANY: Final = 64
"""A float array with more different entries is data, and its entries are taken as dyadic rationals."""


def is_real_kind(dtype: Any) -> bool:
    """Whether a buffer of this dtype would hold real numbers, and so has to hold balls: floats and objects."""
    return bool(np.dtype(dtype).kind in "fO")


_view: Final = np.ndarray.view  # past the method of the same name that user code calls


def base(value: Any) -> Any:
    """The plain ndarray below a BallArray or MaskArray; anything else as it is."""
    return _view(value, np.ndarray) if isinstance(value, (BallArray, MaskArray)) else value


def balls_of(value: Any) -> np.ndarray[Any, Any]:
    """Numbers, lists or arrays of any kind as a plain object array of Ball elements."""
    if isinstance(value, BallArray):
        plain: np.ndarray[Any, Any] = _view(value, np.ndarray)
        return plain
    array: np.ndarray[Any, Any] = asarray(base(value))
    if array.dtype.kind not in "fiubO":
        raise NotOnBalls(f"{user_line()}: an array of {array.dtype} cannot meet an array of balls")
    if array.dtype.kind == "f" and array.size > MANY and len(np.unique(array)) > MANY:
        return asarray(base(exact(array)), dtype=object)
    with errstate(invalid="ignore"):  # a NaN stays one
        return asarray(_to_ball(array), dtype=object)


def normalised(value: Any) -> Any:
    """A result of NumPy code as the user should see it: objects become BallArrays, other arrays lose our subclasses."""
    if isinstance(value, Ball):
        return scalar(value)
    if isinstance(value, tuple):
        parts = [normalised(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [normalised(part) for part in value]
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype != object:
        plain = base(value)
        return plain.view(MaskArray) if plain.dtype == bool else plain[()] if plain.ndim == 0 else plain
    plain = base(value)
    if any(type(element) is not Ball for element in plain.flat):
        plain[...] = _to_ball(plain)
    result = plain.view(BallArray)
    if getattr(value, "buffer", False):
        result.buffer = True
    return result


def scalar(value: Ball) -> BallArray:
    """One ball as a 0-d BallArray."""
    array = empty((), dtype=object)
    array[()] = value
    return array.view(BallArray)


def filled(shape: Any, value: Ball) -> BallArray:
    """A new BallArray of one value."""
    array = empty(shape, dtype=object)
    array.fill(value)
    return array.view(BallArray)


def _answers(result: Any) -> Any:
    return asarray(result, dtype=bool).view(MaskArray) if isinstance(result, np.ndarray) else np.bool_(result)


def indices(key: Any) -> Any:
    """An index without our subclasses; exact integers among balls become integers."""
    if isinstance(key, tuple):
        return tuple(indices(part) for part in key)
    if isinstance(key, BallArray):
        return key.astype(int)
    return base(key)


def _one_axis_after_another(function: Any, operand: Any, axis: Any = 0, keepdims: bool = False, **options: Any) -> Any:
    """``function.reduce`` over several axes, which NumPy refuses to a function made from Python's."""
    count = operand.ndim
    axes = range(count) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    where = tuple(sorted(a % count for a in axes))
    options.pop("out", None)
    for one in where:
        operand = balls_of(function.reduce(operand, axis=one, keepdims=True, **options))
    result = operand if keepdims else operand.reshape([n for a, n in enumerate(operand.shape) if a not in where])
    return result[()] if result.ndim == 0 else result


def _takes_both_slopes(name: str) -> bool:
    """Whether a maximum or a minimum is to have the slopes of all that tie."""
    return name in ("maximum", "minimum") and (current_run().hull or current_run().each)


def _constant(result: Any) -> Any:
    """Balls without their tangents."""
    flat = [Ball(element.v) for element in balls_of(result).reshape(-1)]
    made = np.empty(len(flat), dtype=object)
    made[:] = flat
    return made.reshape(np.shape(result))[()]


def stored(result: Any, out: Any) -> Any:
    """``out=``: the result written into a buffer, and the buffer."""
    target = out[0] if isinstance(out, tuple) else out
    if target.dtype.kind == "f":
        raise NotOnBalls(f"{user_line()}: exact values would be rounded into a buffer of {target.dtype}")
    target[...] = result
    return target


class BallArray(Methods):
    """An ndarray of balls; NumPy's functions and operators act on it exactly.

    >>> x = balls_of([0.1, 0.2]).view(BallArray)
    >>> bool(np.sum(np.exp(x) ** 2) > 2.7), type((x > 0.15).astype(float)).__name__
    (True, 'BallArray')
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        name = ufunc.__name__
        for ignored in ("dtype", "casting", "order", "subok", "signature"):
            options.pop(ignored, None)
        if name in ("equal", "not_equal") and method == "__call__" and any(x is None for x in inputs):
            return np.full(np.broadcast(*inputs).shape, name == "not_equal")  # no number is None
        target = None
        if out is not None:
            target = out[0]
            if target is not None and target.dtype != object and name not in _TESTS:
                raise NotOnBalls(f"{user_line()}: exact values would be rounded into a buffer of {target.dtype}")
        if name in ("matmul", "vecdot", "matvec", "vecmat") and method == "__call__":
            from gradproof.numeric.balls.linalg import matmul

            a, b = balls_of(inputs[0]), balls_of(inputs[1])
            rows, columns = name in ("vecdot", "vecmat"), name in ("vecdot", "matvec")
            result = matmul(a[..., np.newaxis, :] if rows else a, b[..., np.newaxis] if columns else b)
            result = result[..., 0] if columns else result
            result = (result[..., 0] if name == "vecdot" else result[..., 0, :]) if rows else result
            if target is None:
                return normalised(result)
            base(target)[...] = result
            return target
        if method == "at":
            function = ufunc if name in _NATIVE else _CALLS.get(name)
            if function is None or base(inputs[0]).dtype != object:
                raise NotOnBalls(f"{user_line()}: np.{name}.at is not implemented on balls in this buffer")
            getattr(function, "at")(base(inputs[0]), indices(inputs[1]), *[balls_of(x) for x in inputs[2:]])  # noqa: B009
            return None
        tests = name in _TESTS
        if method in ("reduce", "accumulate", "reduceat"):
            operand = balls_of(inputs[0])
            rest = [indices(x) for x in inputs[1:]]
            if options.get("initial") is not None and options["initial"] is not np._NoValue:
                options["initial"] = ball(options["initial"])
            if tests:
                operand = asarray(_TESTS["not_equal"](operand, ZERO), dtype=bool)
                result = getattr(ufunc, method)(operand, *rest, **options)
                return _answers(result)
            partial = operand.size == 0 or options.get("where", True) is not True
            if partial and method == "reduce" and name in ("add", "multiply"):
                options.setdefault("initial", ZERO if name == "add" else ONE)
            function = ufunc if name in _REDUCED else _CALLS.get(name, ufunc)
        elif name in _NATIVE:
            function, operand, rest = ufunc, None, []
        elif name in _CALLS or tests:
            function = _CALLS[name] if not tests else _TESTS[name]
        elif getattr(np, name, None) is not ufunc and set("".join(ufunc.types)) <= set("O->"):
            function = ufunc  # np.frompyfunc or np.vectorize of a user's function: it gets the elements
        elif name == "divmod":
            quotient = np.floor_divide(*inputs)
            return quotient, np.remainder(*inputs)
        elif name == "modf":
            whole = np.trunc(inputs[0])
            return inputs[0] - whole, whole
        else:
            raise NotOnBalls(f"{user_line()}: np.{name} is not implemented on balls")
        if target is not None:
            options["out"] = base(target)
        if "where" in options:
            options["where"] = base(options["where"])
        if method == "reduce" and name in _CALLS and (name not in _REDUCED or _takes_both_slopes(name)):
            options.pop("out", None)
            result = _one_axis_after_another(_CALLS[name], operand, *rest, **options)
            return normalised(result) if target is None else stored(result, target)
        if method in ("reduce", "accumulate", "reduceat"):
            result = getattr(function, method)(operand, *rest, **options)
            if name in ("maximum", "minimum") and current_run().still:
                result = _constant(result)
        elif tests:
            options.pop("out", None)
            result = getattr(function, method)(*[balls_of(x) for x in inputs], **options)
            if target is None:
                return _answers(result)
            target[...] = result
            return target
        else:
            result = getattr(function, method)(*[balls_of(x) for x in inputs], **options)
        if target is not None:
            return target
        return normalised(result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from gradproof.numeric.balls.numpy_functions import FUNCTIONS

        out = kwargs.pop("out", None)
        handler = FUNCTIONS.get(func)
        try:
            if handler is not None:
                result = normalised(handler(*args, **kwargs))
            else:
                result = normalised(super().__array_function__(func, types, args, kwargs))
        except TypeError as error:
            if "float64" not in str(error) and "safe" not in str(error):
                raise
            raise NotOnBalls(f"{user_line()}: np.{func.__name__} is not implemented on balls: {error}") from error
        return result if out is None else stored(result, out)

    def __getitem__(self, key: Any) -> Any:
        result = super().__getitem__(indices(key))
        return scalar(result) if type(result) is Ball else result

    def __setitem__(self, key: Any, value: Any) -> None:
        balls = balls_of(value)
        # A 0-d object array would be stored as the element itself.
        super().__setitem__(indices(key), balls[()] if balls.ndim == 0 else balls)


class MaskArray(np.ndarray[Any, Any]):
    """A boolean array that a comparison of balls gave; where its arithmetic would end in floats it ends in balls."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if any(isinstance(x, BallArray) for x in (*inputs, *(out or ()))):
            return NotImplemented
        floats = any(asarray(base(x)).dtype.kind == "f" for x in inputs)
        if method == "__call__" and out is None and (floats or ufunc.__name__ in ("divide", *SMOOTH_NAMES)):
            return getattr(ufunc, method)(*[balls_of(x).view(BallArray) for x in inputs], **options)
        if out is not None:
            options["out"] = tuple(base(x) for x in out)
        result = getattr(ufunc, method)(*[base(x) for x in inputs], **options)
        if isinstance(result, np.ndarray) and result.dtype == bool:
            return result.view(MaskArray)
        return result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, BallArray) for kind in types):
            return NotImplemented  # np.where(mask, balls, balls): theirs is the one that knows
        return super().__array_function__(func, types, args, kwargs)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        if is_real_kind(dtype):
            return balls_of(self).view(BallArray)
        return base(self).astype(dtype, *args, **kwargs)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **_: Any) -> Any:
        return self.astype(float).mean(axis=axis, keepdims=keepdims)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(indices(key))


SMOOTH_NAMES: Final = tuple(name for name in UNARY if name not in ("negative", "positive", "absolute", "conjugate"))


def exact(values: Any, tangents: Sequence[Any] | np.ndarray[Any, Any] | None = None) -> BallArray:
    """Float64 entries as exact dyadic balls, with exact tangents if there are some: how inputs enter a run."""
    array = asarray(values, dtype=float64)
    result = empty(array.shape, dtype=object)
    slopes = None if tangents is None else asarray(tangents, dtype=float64).ravel()
    flat = result.reshape(-1)
    for i, value in enumerate(array.ravel().tolist()):
        flat[i] = Ball(arb(value), None if slopes is None else arb(slopes[i]))
    return result.view(BallArray)


Function = Callable[..., Any]
