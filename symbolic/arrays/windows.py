r"""Windows and strides: ``as_strided`` and ``sliding_window_view`` as index arithmetic; convolutions as sums.

The element of ``as_strided`` at :math:`(i, j, \dots)` lies at the address :math:`\sum_p s_p i_p`. In a C-contiguous
array the strides of the axes are known, so that the address falls into one index an axis wherever these stay in range.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import define
from ..equations.dims import as_dim, bound_index, free_index, full_range, own_index
from ..equations.nodes import Sum
from ..equations.questions import respondent
from .array import Array, as_array
from .reductions import normalise_axes


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Array:
    """``np.lib.stride_tricks.sliding_window_view``: ``v[..., i, ..., j] = x[..., i + j, ...]``."""
    a = as_array(x)
    sizes = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = tuple(range(a.ndim)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    axes = tuple(normalise_axes(one, a.ndim, "sliding_window_view")[0] for one in axes)
    if len(axes) != len(sizes):
        raise ShapeError(f"sliding_window_view: {len(sizes)} window sizes for {len(axes)} axes")
    widths = [as_dim(n, "sliding_window_view") for n in sizes]
    shape = list(a.definition.shape)
    index: list[Any] = [free_index(p) for p in range(a.ndim)]
    for position, (where, width) in enumerate(zip(axes, widths, strict=True)):
        shape[where] = sp.expand(shape[where] - width + 1)
        index[where] = index[where] + free_index(a.ndim + position)
    whole = (*shape, *widths)
    ones = {free_index(p): sp.S.Zero for p, n in enumerate(whole) if n == 1}
    return Array(define("t", whole, a.element(*(i.xreplace(ones) for i in index))), mutable=False, contiguous=False)


def strides(x: Array) -> tuple[Any, ...]:
    """The strides in bytes of an array whose elements lie in memory in the order of its indices."""
    if not x.contiguous and x.ndim:
        raise UnsupportedError(f"the strides of {x.name} depend on its layout; np.ascontiguousarray fixes it")
    found: list[Any] = []
    step: Any = sp.Integer(x.dtype.itemsize)
    for n in reversed(x.definition.shape):
        found.append(step)
        step = step * n
    return tuple(int(s) if s.is_Integer else sp.expand(s) for s in reversed(found))


def as_strided(x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True) -> Array:
    """``np.lib.stride_tricks.as_strided`` of a C-contiguous array, as a view that is read only."""
    a = as_array(x)
    own = _steps(a)
    sizes = a.definition.shape if shape is None else tuple(as_dim(n, "as_strided") for n in _many(shape))
    given = own if strides is None else tuple(sp.sympify(s, strict=True) for s in _many(strides))
    if len(given) != len(sizes):
        raise ShapeError(f"as_strided: {len(sizes)} sizes and {len(given)} strides")
    element = _by_axes(a, sizes, given, own)
    if element is None:
        element = _by_address(a, sizes, given)
    words = a.definition.assumptions & {"integer", "boolean"}
    made = Array(define("t", tuple(sizes), element, assumptions=words), contiguous=False)
    return made.view_of(a, lambda base: as_strided(Array(base.definition), sizes, given), None)


def _by_axes(a: Array, sizes: tuple[Any, ...], given: tuple[Any, ...], own: tuple[Any, ...]) -> Any:
    """The element by one index an axis, None where such indices might leave their axes."""
    factors = [_counts(sp.expand(step), own) for step in given]
    index = own_index(sizes)
    places: list[Any] = []
    for axis, size in enumerate(a.definition.shape):
        counts = [f[axis] for f in factors if f is not None]
        if len(counts) < len(factors):
            return None
        last = sp.expand(sp.Add(*(c * (n - 1) for c, n in zip(counts, sizes, strict=True))))
        if not _in_range(last, size):
            return None
        places.append(sp.expand(sp.Add(*(c * i for c, i in zip(counts, index, strict=True)))))
    return a.element(*places)


def _by_address(a: Array, sizes: tuple[Any, ...], given: tuple[Any, ...]) -> Any:
    """The element by its place in the flattened array."""
    from .reshaping import reshape

    item = sp.Integer(a.dtype.itemsize)
    if not all(sp.cancel(step / item).is_integer for step in given):
        raise UnsupportedError("as_strided: a stride is no multiple of the size of an element")
    address = sp.expand(sp.Add(*(step * i for step, i in zip(given, own_index(sizes), strict=True))) / item)
    return reshape(a, -1).element(address)


def _many(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _steps(a: Array) -> tuple[Any, ...]:
    return tuple(sp.sympify(s, strict=True) for s in strides(a))


def _counts(step: Any, own: tuple[Any, ...]) -> list[Any] | None:
    """A stride as so many times the stride of each axis, largest strides first; None where a rest is left."""
    counts: list[Any] = [sp.S.Zero] * len(own)
    for term in sp.Add.make_args(step):
        for axis, unit in enumerate(own):
            quotient = sp.cancel(term / unit)
            if quotient.is_integer and sp.fraction(quotient)[1] == 1 and quotient.is_nonnegative:
                counts[axis] += quotient
                break
        else:
            number = sp.Integer(term) if term.is_Integer else None
            if number is None or not all(unit.is_Integer for unit in own):
                return None
            for axis, unit in enumerate(own):
                whole, number = divmod(number, unit)
                counts[axis] += whole
            if number:
                return None
    return counts


def _in_range(last: Any, size: Any) -> bool:
    """Whether an index that reaches ``last`` stays in an axis, for all sizes or by who answers for them."""
    spare = sp.expand(size - 1 - last)
    if spare.is_nonnegative:
        return True
    if spare.is_number:
        return False
    who = respondent()
    if who is not None:
        who.at_most(last, size - 1)
    return who is not None


# -- convolutions -----------------------------------------------------------------------------------------------------
def convolve(a: Any, v: Any, mode: str = "full") -> Array:
    r"""``np.convolve``: :math:`\sum_k a_k v_{i-k}`."""
    from .reshaping import flip

    x, y = _vectors(a, v, "np.convolve")
    if not _longer(x, y):
        x, y = y, x
    return _slid(x, Array(flip(y).definition), mode)


def correlate(a: Any, v: Any, mode: str = "valid") -> Array:
    r"""``np.correlate``: :math:`\sum_k a_{i+k} v_k`; with the shorter vector first it is turned around."""
    from .reshaping import flip

    x, y = _vectors(a, v, "np.correlate")
    return _slid(x, y, mode) if _longer(x, y) else Array(flip(_slid(y, x, mode)).definition)


def _vectors(a: Any, v: Any, what: str) -> tuple[Array, Array]:
    x, y = as_array(a), as_array(v)
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(f"{what} takes two vectors")
    return x, y


def _longer(x: Array, y: Array) -> bool:
    """Whether the first vector has at least as many elements, for all sizes, or by who answers."""
    n, m = x.definition.shape[0], y.definition.shape[0]
    who = respondent()
    if sp.expand(n - m).is_nonnegative:
        return True
    if sp.expand(m - n).is_positive:
        return False
    if who is None:
        raise UnsupportedError(f"which of two vectors is longer, {n} or {m}, has to be known for a convolution")
    return who.number(n) >= who.number(m)


def _slid(x: Array, kernel: Array, mode: str) -> Array:
    """The products of a kernel with the part of ``x`` under it, summed, for all its places."""
    from .padding import pad

    n, m = x.definition.shape[0], kernel.definition.shape[0]
    if mode not in ("full", "same", "valid"):
        raise UnsupportedError(f"a convolution has the modes full, same and valid, not {mode!r}")
    if mode != "valid" and m != 1:
        x = pad(x, ((m - 1, m - 1),))
    if m == 1:
        return x * kernel[0]  # type: ignore[no-any-return]
    size = sp.expand(x.definition.shape[0] - m + 1)
    place = sp.S.Zero if size == 1 else free_index(0)
    k = bound_index(0)
    made = Array(define("t", (size,), Sum(x.element(place + k) * kernel.element(k), full_range(k, m))))
    if mode != "same":
        return made
    who = respondent()
    if not m.is_Integer and who is None:
        raise UnsupportedError(f"whether the size {m} is odd has to be known for a convolution of the mode 'same'")
    start = ((int(m) if who is None else who.number(m)) - 1) // 2
    return Array(made[start : n + start].definition)
