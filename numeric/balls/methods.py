"""The methods of an ndarray that an array of balls answers in its own way: casts, reductions, scalars, the dtype.

To user code an array of balls looks like one of float64; NumPy's own Python code sees the objects that it holds.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy import asarray, float64  # bound now: the attributes of numpy are replaced while user code runs

import gradproof.numeric.balls.arrays as arrays
from gradproof.numeric.balls.ball import NotOnBalls, integer
from gradproof.numeric.balls.frames import is_machinery, user_line

if TYPE_CHECKING:
    pass

_OBJECT: Final = np.dtype(object)
_FLOAT64: Final = np.dtype(float64)
_dtype: Final = np.ndarray.dtype.__get__
_BINARY: Final = dis.opmap["BINARY_OP"]
_REMAINDER: Final = (6, 19)
"""The arguments of BINARY_OP for ``%`` and ``%=``."""


def _formats(frame: Any) -> bool:
    """Whether the instruction at work in a frame is ``text % numbers``: it asks for a float only to print it."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == _BINARY and code[at + 1] in _REMAINDER


class Flat:
    """``x.flat``: the entries of an array of balls in order, read and written as balls."""

    def __init__(self, array: Any) -> None:
        self.base = array

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Iterator[Any]:
        return (arrays.scalar(element) for element in arrays.base(self.base).flat)

    def __getitem__(self, key: Any) -> Any:
        return self.base.flatten()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        balls = arrays.balls_of(value)
        arrays.base(self.base).flat[arrays.indices(key)] = balls[()] if balls.ndim == 0 else balls.reshape(-1)


class Methods(np.ndarray[Any, Any]):
    """What an array of balls does otherwise than an ndarray of objects."""

    buffer: bool
    """Set on an array that was made with shape (), which is no scalar, and on its views and copies."""

    def __array_finalize__(self, source: Any) -> None:
        if self.ndim == 0 and getattr(source, "buffer", False):
            self.buffer = True

    @property
    def dtype(self) -> Any:
        own = _dtype(self)
        return own if own != _OBJECT or is_machinery(sys._getframe(1).f_code.co_filename) else _FLOAT64

    @property
    def flat(self) -> Any:
        return Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        balls = arrays.balls_of(value)
        arrays.base(self).flat = balls[()] if balls.ndim == 0 else balls.reshape(-1)

    def fill(self, value: Any) -> None:
        self[...] = value

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        np.put(self, indices, values, mode)  # type: ignore[arg-type]

    @property
    def scalar_like(self) -> bool:
        """Whether this stands for a NumPy scalar, which is immutable; an array made with shape () is none."""
        return self.ndim == 0 and not getattr(self, "buffer", False)

    # A 0-d array stands for a NumPy scalar here, which is immutable: `b = a; b += 1` must not change a.
    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]
        return self + other if self.scalar_like else super().__iadd__(other)

    def __isub__(self, other: Any) -> Any:  # type: ignore[misc]
        return self - other if self.scalar_like else super().__isub__(other)

    def __imul__(self, other: Any) -> Any:  # type: ignore[misc]
        return self * other if self.scalar_like else super().__imul__(other)

    def __itruediv__(self, other: Any) -> Any:  # type: ignore[misc]
        return self / other if self.scalar_like else super().__itruediv__(other)

    def __ipow__(self, other: Any) -> Any:  # type: ignore[misc, override]
        return self**other if self.scalar_like else super().__ipow__(other)

    def __ifloordiv__(self, other: Any) -> Any:  # type: ignore[misc]
        return self // other if self.scalar_like else super().__ifloordiv__(other)

    def __imod__(self, other: Any) -> Any:  # type: ignore[misc]
        return self % other if self.scalar_like else super().__imod__(other)

    def __hash__(self) -> int:  # type: ignore[override]
        if self.ndim:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.approximate())

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()  # a ball is immutable, and an arb has no copy of its own

    def __format__(self, spec: str) -> str:
        return format(self.approximate(), spec) if self.ndim == 0 else super().__format__(spec)

    def __round__(self, digits: int | None = None) -> Any:
        return int(np.rint(self)) if digits is None else np.round(self, digits)

    def __trunc__(self) -> int:
        return int(self)

    def __floor__(self) -> int:
        return int(np.floor(self))

    def __ceil__(self) -> int:
        return int(np.ceil(self))

    def __float__(self) -> float:
        if _formats(sys._getframe(1)):
            return float(self.approximate())
        raise NotOnBalls(f"{user_line()}: a cast to float would round an exact value")

    def __repr__(self) -> str:
        return f"BallArray({np.array2string(self.approximate(), separator=', ')})"

    __str__ = __repr__

    def approximate(self) -> Any:
        """The midpoints as float64, for printing and for what only has to be nearly right."""
        return asarray(np.frompyfunc(lambda x: float(x.v), 1, 1)(arrays.base(self)), dtype=float64)[()]

    def tobytes(self, order: Any = "C") -> bytes:
        return asarray(self.approximate()).tobytes(order)

    def view(self, *args: Any, **options: Any) -> Any:
        kind = args[0] if args else options.get("dtype", options.get("type"))
        if kind is None or (isinstance(kind, type) and issubclass(kind, np.ndarray)):
            return super().view(*args, **options)
        if np.dtype(kind).kind == "f" and np.dtype(kind).itemsize == float64().itemsize:
            return super().view()
        raise NotOnBalls(f"{user_line()}: the bits of a ball cannot be viewed as {np.dtype(kind)}")

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        kind = np.dtype(dtype).kind
        if kind in "fO":
            same = np.dtype(dtype) in (_FLOAT64, _OBJECT)
            return self if same and kwargs.get("copy") is False else self.copy()
        if kind == "b":
            return np.not_equal(self, 0)
        if kind in "iu":
            return asarray(np.frompyfunc(integer, 1, 1)(arrays.base(self)), dtype=dtype)
        raise NotOnBalls(f"{user_line()}: balls cannot be cast to {np.dtype(dtype)}")

    def item(self, *args: Any) -> Any:
        if not args:
            return arrays.scalar(arrays.base(self).item())
        return self.reshape(-1)[args[0]] if len(args) == 1 and not isinstance(args[0], tuple) else self[args]

    def tolist(self) -> Any:
        return arrays.scalar(arrays.base(self)[()]) if self.ndim == 0 else [row.tolist() for row in self]

    def dot(self, other: Any, out: Any = None) -> Any:
        return np.dot(self, other) if out is None else arrays.stored(np.dot(self, other), out)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
        total = self.sum(axis=axis, keepdims=keepdims, **options)
        if options.get("where", True) is not True and options["where"] is not np._NoValue:
            return total / np.sum(np.broadcast_to(options["where"], self.shape), axis=axis, keepdims=keepdims)
        result = total / (self.size // max(total.size, 1) if total.size else 1)
        return result if out is None else arrays.stored(result, out)

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, **options: Any) -> Any:
        centred = self - self.mean(axis=axis, keepdims=True)
        keepdims = options.get("keepdims") not in (None, False, np._NoValue)
        total = (centred * centred).sum(axis=axis, keepdims=keepdims)
        correction = options.get("correction", ddof)
        result = total / (self.size // max(total.size, 1) - (ddof if correction is np._NoValue else correction))
        return result if out is None else arrays.stored(result, out)

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, **options: Any) -> Any:
        result = np.sqrt(self.var(axis=axis, ddof=ddof, **options))
        return result if out is None else arrays.stored(result, out)

    def argmax(self, axis: Any = None, out: Any = None, **options: Any) -> Any:
        return np.argmax(arrays.base(self), axis=axis, out=out, **options)

    def argmin(self, axis: Any = None, out: Any = None, **options: Any) -> Any:
        return np.argmin(arrays.base(self), axis=axis, out=out, **options)

    def argsort(self, axis: Any = -1, *_: Any, **options: Any) -> Any:
        return np.argsort(arrays.base(self), axis=axis, **options)

    def nonzero(self) -> Any:
        return np.nonzero(arrays.base(np.not_equal(self, 0)))

    def any(self, *args: Any, **options: Any) -> Any:
        return np.any(arrays.base(np.not_equal(self, 0)), *args, **options)

    def all(self, *args: Any, **options: Any) -> Any:
        return np.all(arrays.base(np.not_equal(self, 0)), *args, **options)

    def round(self, decimals: Any = 0, out: Any = None) -> Any:
        result = np.rint(self * 10**decimals) / 10**decimals
        return result if out is None else arrays.stored(result, out)

    def trace(self, *args: Any, **options: Any) -> Any:
        return arrays.normalised(np.trace(arrays.base(self), *args, **options))

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        result = np.add.accumulate(self.ravel() if axis is None else self, axis=axis or 0)
        return result if out is None else arrays.stored(result, out)
