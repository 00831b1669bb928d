"""``float``, ``np.float64``, ``np.ndarray`` and their like as user code sees them while it runs on balls.

Each is a class that leaves balls exact when it is called, and that answers ``isinstance`` as the original would for a
float64 number: a ball is a ``float``, a ``np.floating`` and a ``numbers.Real``.
"""

from __future__ import annotations

import builtins
import numbers
from typing import Any, Final

import numpy as np
from numpy import float64  # bound now: the attributes of numpy are replaced while user code runs

from gradproof.numeric.balls.arrays import BallArray, base, filled, is_real_kind, normalised, scalar
from gradproof.numeric.balls.ball import ZERO, Ball, ball


class CastMeta(type):
    """The metaclass of the substitutes: what is asked of the class is asked of the original."""

    original: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (cls.original, Ball)) or (isinstance(instance, BallArray) and instance.ndim == 0)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(getattr(subclass, "original", subclass), cls.original)

    def __getattr__(cls, name: str) -> Any:
        return getattr(type.__getattribute__(cls, "original"), name)

    def __getitem__(cls, key: Any) -> Any:
        return cls.original[key]

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.original

    def __hash__(cls) -> int:
        return hash(cls.original)


def cast(original_type: Any, numpy_type: Any) -> Any:
    """``float`` and ``np.float64`` as a class that leaves balls exact and casts everything else as before."""

    class Cast(metaclass=CastMeta):
        original = original_type
        dtype = np.dtype(numpy_type)

        def __new__(cls, value: Any = 0.0) -> Any:
            if isinstance(value, Ball):
                return scalar(value)
            if isinstance(value, BallArray):
                if value.size != 1:
                    raise TypeError("only length-1 arrays can be converted to Python scalars")
                return scalar(base(value).item())
            if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
                return scalar(ball(value.item()))
            return original_type(base(value))

    Cast.__name__ = original_type.__name__
    return Cast


def kind(original_class: Any) -> Any:
    """An abstract class of numbers (``np.floating``, ``numbers.Real``) of which a ball is an instance."""

    class Kind(metaclass=CastMeta):
        original = original_class

    Kind.__name__ = original_class.__name__
    return Kind


class ArrayMeta(CastMeta):
    """``isinstance(x, np.ndarray)``: an array, and no scalar."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, np.ndarray) and not (isinstance(instance, BallArray) and instance.scalar_like)


class Ndarray(metaclass=ArrayMeta):
    """``np.ndarray`` as a constructor of buffers; in ``isinstance`` and for its methods it is the class itself."""

    original = np.ndarray

    def __new__(cls, shape: Any, dtype: Any = float, *args: Any, **options: Any) -> Any:
        if is_real_kind(dtype) and not args and not options:
            return filled(base(shape), ZERO)
        return np.ndarray(shape, dtype, *args, **options)


class Vectorize(np.vectorize):
    """``np.vectorize``: the function gets scalars that are balls, and what it returns stays exact."""

    def __init__(self, pyfunc: Any = np._NoValue, otypes: Any = None, *args: Any, **options: Any) -> None:
        if otypes is not None:
            otypes = ["O" if is_real_kind(t) else t for t in otypes]
        if pyfunc is np._NoValue:
            super().__init__(pyfunc, otypes, *args, **options)
            return

        def function(*numbers: Any, **named: Any) -> Any:
            return pyfunc(*[scalar(x) if type(x) is Ball else x for x in numbers], **named)

        super().__init__(function, otypes, *args, **options)

    def __call__(self, *args: Any, **options: Any) -> Any:
        result = super().__call__(*args, **options)
        return normalised(result) if isinstance(result, np.ndarray) and result.dtype == object else result


def isscalar(element: Any) -> bool:
    """``np.isscalar``: a ball is one, by itself as NumPy hands it out of arrays without axes, or as a scalar array."""
    ball_scalar = isinstance(element, Ball) or (isinstance(element, BallArray) and element.scalar_like)
    return ball_scalar or bool(_original_isscalar(element))


def finfo(dtype: Any) -> Any:
    """``np.finfo``: an array of balls has that of float64."""
    own = getattr(dtype, "original", dtype)
    return _original_finfo(float64 if isinstance(own, BallArray) or own == np.dtype(object) else own)


def issubdtype(first: Any, second: Any) -> bool:
    """``np.issubdtype``, where objects are balls and so float64."""
    one, two = getattr(first, "original", first), getattr(second, "original", second)
    return bool(_original_issubdtype(float64 if one == np.dtype(object) else one, two))


def nditer(op: Any, flags: Any = (), *args: Any, **options: Any) -> Any:
    """``np.nditer``, which needs to be told that balls are objects."""
    parts = tuple(map(base, op)) if isinstance(op, (tuple, list)) else base(op)
    return _original_nditer(parts, [*flags, "refs_ok"], *args, **options)


_original_isscalar, _original_finfo, _original_issubdtype = np.isscalar, np.finfo, np.issubdtype
_original_nditer = np.nditer


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, attribute, replacement) of the types and of the questions about them."""
    double = cast(np.float64, np.float64)
    return [
        (builtins, "float", cast(builtins.float, float64)), (np, "float64", double), (np, "double", double),
        (np, "float32", cast(np.float32, np.float32)), (np, "float16", cast(np.float16, np.float16)),
        (np, "longdouble", cast(np.longdouble, np.float64)), (np, "ndarray", Ndarray), (np, "vectorize", Vectorize),
        (np, "isscalar", isscalar), (np, "finfo", finfo), (np, "issubdtype", issubdtype), (np, "nditer", nditer),
        *((np, c.__name__, kind(c)) for c in (np.floating, np.inexact, np.number, np.generic)),
        *((numbers, c.__name__, kind(c)) for c in (numbers.Number, numbers.Complex, numbers.Real)),
    ]  # fmt: skip


__all__: Final = ["replacements"]
