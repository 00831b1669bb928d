"""Going through a symbolic array element by element: ``ndindex``, ``ndenumerate``, ``nditer``, ``x.flat``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.dims import fits, same_dim
from .array import Array, as_array


def sizes_of(shape: Sequence[Any]) -> list[range]:
    """The places along each axis of a shape, whose sizes have to be numbers."""
    from .keys import integer_range

    return [integer_range(sp.sympify(n, strict=True)) for n in shape]


def ndindex(*shape: Any) -> Iterator[tuple[int, ...]]:
    """``np.ndindex``: all indices of a shape."""
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    return itertools.product(*sizes_of(sizes))


def ndenumerate(x: Any) -> Iterator[tuple[tuple[int, ...], Array]]:
    """``np.ndenumerate``: all indices with their elements."""
    a = as_array(x)
    return ((index, a[index]) for index in itertools.product(*sizes_of(a.definition.shape)))


class Flat:
    """``x.flat``: the elements in C order, to be read, stored and gone through."""

    def __init__(self, x: Array) -> None:
        self.base = x

    def _diagonal(self, key: Any) -> bool:
        """``[::n + 1]`` of a square matrix of symbolic size."""
        if not isinstance(key, slice) or not isinstance(key.step, sp.Expr) or self.base.ndim != 2:
            return False
        rows, columns = self.base.definition.shape
        whole = key.start is None and key.stop is None
        return whole and any(same_dim(key.step, n + 1) for n in (rows, columns)) and fits(rows, columns)

    def __getitem__(self, key: Any) -> Any:
        from .products import diagonal
        from .reshaping import reshape

        if self._diagonal(key):
            return Array(diagonal(self.base).definition)
        return Array(reshape(self.base, -1)[key].definition)

    def __setitem__(self, key: Any, value: Any) -> None:
        from .numpy_functions import fill_diagonal
        from .reshaping import reshape
        from .storing import setitem

        if self._diagonal(key):
            fill_diagonal(self.base, value)
            return
        shape = self.base.definition.shape
        self.base.assign(reshape(setitem(Array(reshape(self.base, -1).definition), key, value), shape))

    def __iter__(self) -> Iterator[Array]:
        return (self.base[index] for index in itertools.product(*sizes_of(self.base.definition.shape)))

    def __len__(self) -> int:
        return len(list(itertools.product(*sizes_of(self.base.definition.shape))))


class NdIter:
    """``np.nditer`` of one symbolic array: its elements in C order, with ``multi_index`` if asked for."""

    def __init__(self, op: Any, flags: Sequence[str] = (), op_flags: Any = None, order: str = "K", **kwargs: Any):
        if not isinstance(op, Array):
            raise UnsupportedError("np.nditer over more than one symbolic array is not supported; loop over indices")
        if (not op.contiguous and order == "K" and "multi_index" not in flags) or order == "F" or kwargs:
            raise UnsupportedError("np.nditer goes by the order in memory here; loop over np.ndindex(x.shape)")
        unknown = set(flags) - {"multi_index", "refs_ok", "zerosize_ok"}
        if unknown:
            raise UnsupportedError(f"np.nditer with the flag {min(unknown)!r} is not supported on symbolic arrays")
        self._array = op
        self._indices = list(itertools.product(*sizes_of(op.definition.shape)))
        self._at = 0

    @property
    def finished(self) -> bool:
        return self._at >= len(self._indices)

    @property
    def multi_index(self) -> tuple[int, ...]:
        return self._indices[self._at]

    def iternext(self) -> bool:
        self._at += 1
        return not self.finished

    def __getitem__(self, key: int) -> Any:
        if key != 0:
            raise IndexError("np.nditer of one array has one operand")
        return _element_view(self._array, self._indices[self._at])

    @property
    def value(self) -> Any:
        return self[0]

    def __iter__(self) -> Iterator[Any]:
        while not self.finished:
            yield self[0]
            self._at += 1

    def __enter__(self) -> NdIter:
        return self

    def __exit__(self, *error: object) -> None:
        return None


def _element_view(x: Array, index: tuple[int, ...]) -> Array:
    """One element as an array without axes that stores into ``x``."""
    return x[(*index, Ellipsis)]  # type: ignore[no-any-return]
