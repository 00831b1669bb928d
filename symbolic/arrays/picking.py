r"""``argmax`` as an index: the first maximum along an axis as a one-hot array, and what an index of such places means.

:math:`a_i = \sum_j j\,h_{ij}` with :math:`h_{ij} = 1` at the first maximum of row i and else 0. Where the index is
used (``x[rows, a]``, ``d[rows, a] = v``, ``a == k``) h stands in its place,
:math:`x_{i a_i} = \sum_j h_{ij} x_{ij}`, so that what was picked is differentiated and compared like anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError

from ..equations.definition import Definition, define, owner, references
from ..equations.dims import bound_index, free_index, fresh_index, full_range, own_index, same_dim
from ..equations.nodes import REDUCTIONS, Iverson, Sum
from .array import Array, as_array
from .grouping import grouped, joined
from .reductions import max_, normalise_axes, sum_

_ONE_HOT = frozenset({"boolean", "one_hot"})


def argmax(x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Array:
    """``np.argmax``: the place of the first maximum; without an axis in the flattened array."""
    from .reshaping import reshape

    a = as_array(x)
    if out is not None:
        raise UnsupportedError("np.argmax(out=) is not supported on symbolic arrays; assign the result")
    if axis is None:
        found = _place(a if a.ndim == 1 else reshape(a, -1), 0)
        return found[(None,) * a.ndim] if keepdims is True else found
    (axis,) = normalise_axes(axis, a.ndim, "np.argmax")
    found = _place(a, axis)
    return found[(*[slice(None)] * axis, None)] if keepdims is True else found


def argmin(x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Array:
    """``np.argmin``: the place of the first minimum."""
    return argmax(-as_array(x), axis, out, keepdims)


def _place(a: Array, axis: int) -> Array:
    known = grouped(a)
    if known is not None and known.groups[axis] == 1:
        inner = known.axes()[axis][0]
        return joined(_place(known.inner, inner), [n for p, n in enumerate(known.groups) if p != axis])
    return place_of(first_maximum(Array(a.definition), axis))


def first_maximum(a: Array, axis: int) -> Array:
    """A mask with the picked axis at its end: 1 at the first maximum, which a tie does not change."""
    from .products import moveaxis
    from .rearranging import cumsum

    rows = moveaxis(a, axis, -1)
    hit = rows == max_(rows, -1, keepdims=True)
    # where nothing ties the second factor is 1 without a look at what came before: that is what proofs see
    alone = sum_(hit, -1, keepdims=True) == 1
    earliest = cumsum(hit, -1) == 1
    first = (hit & (alone | earliest)).definition
    return Array(define("t", first.shape, first.rhs, assumptions=_ONE_HOT))


def place_of(first: Array) -> Array:
    """The index that a one-hot array stands for, along its last axis."""
    *rest, size = first.definition.shape
    index = list(own_index(rest))
    k = bound_index(0)
    total = sp.S.Zero if size == 1 else Sum(k * first.element(*index, k), full_range(k, size))
    return Array(define("t", tuple(rest), total, assumptions=frozenset({"integer"})))


def picked(place: Any) -> Callable[[Any], Any] | None:
    """If ``place`` is an element of an ``argmax``: its one-hot row, as a function of the place along it."""
    found = owner(place)
    rhs = None if found is None or found.group else found.rhs
    if found is None or not isinstance(rhs, sp.Sum) or len(rhs.limits) != 1 or "integer" not in found.assumptions:
        return None
    index, first, last = rhs.limits[0]
    row = rhs.function / index if isinstance(rhs.function, sp.Mul) else None
    hot = owner(row) if isinstance(row, sp.Indexed) else None
    if row is None or hot is None or "one_hot" not in hot.assumptions or row.indices[-1] != index:
        return None
    if first != 0 or not same_dim(last + 1, hot.shape[-1]) or any(i.has(index) for i in row.indices[:-1]):
        return None
    own = dict(zip(found.indices, place.indices if isinstance(place, sp.Indexed) else (), strict=True))
    lead = tuple(i.xreplace(own) for i in row.indices[:-1])
    return lambda at: hot.at(*lead, at)


def row_size(place: Any) -> Any:
    """How many places the ``argmax`` behind an element ranges over."""
    return owner(place).rhs.limits[0][2] + 1  # type: ignore[union-attr]


def element_at(x: Array, index: Sequence[Any]) -> Any:
    """The element of ``x`` at an index whose parts may be places of an ``argmax``, or arithmetic of such."""
    weights: list[Any] = []
    limits: list[Any] = []
    plain: list[Any] = []
    for part, size in zip(index, x.definition.shape, strict=True):
        if not _holds_places(part):
            plain.append(part)
            continue
        k = fresh_index()
        weights.append(delta(k, part, size))
        limits.append(full_range(k, size))
        plain.append(k)
    element = x.element(*plain)
    return Sum(sp.Mul(element, *weights), *limits) if limits else element


def at_place(index: Any, place: Any, size: Any) -> Any:
    """The condition that ``index``, along an axis of ``size``, is ``place``."""
    return sp.Gt(delta(index, place, size), sp.S.Half) if _holds_places(place) else sp.Eq(index, place)


def delta(index: Any, place: Any, size: Any) -> Any:
    r"""1 where ``index`` is ``place``, else 0: :math:`\sum_q h_q\,\delta_{i,f(q)}` for a place f(a) of an argmax."""
    row = picked(place)
    if row is not None and same_dim(row_size(place), size):
        return row(index)
    opened, rows, limits = _opened(place)
    return Sum(sp.Mul(KroneckerDelta(index, opened), *rows), *limits) if limits else KroneckerDelta(index, place)


def _holds_places(place: Any) -> bool:
    return bool(_opened(place)[2])


def _opened(place: Any) -> tuple[Any, list[Any], list[Any]]:
    """An index with a new summed index for each place of an ``argmax`` in it, their one-hot rows and ranges."""
    expression, rows, limits = place, [], []
    pending = True
    while pending:
        pending = False
        for reference in list(references(expression)):
            d = owner(reference)
            row = picked(reference)
            if row is not None:
                k = fresh_index()
                rows.append(row(k))
                limits.append(full_range(k, row_size(reference)))
                expression = expression.xreplace({reference: k})
            elif d is not None and _is_arithmetic(d):
                index = reference.indices if isinstance(reference, sp.Indexed) else ()
                expression, pending = expression.xreplace({reference: d.expanded_at(*index)}), True
    return expression, rows, limits


def _is_arithmetic(d: Definition) -> bool:
    """Whether an equation computes integers from others, element by element."""
    return d.rhs is not None and not d.group and "integer" in d.assumptions and not d.rhs.has(*REDUCTIONS)


def equal_places(left: Any, right: Any, sizes: dict[Any, Any]) -> Any:
    """[left = right]; ``sizes`` are those of the axes that the free indices run over."""
    for place, other in ((left, right), (right, left)):
        row = picked(place)
        if row is not None and _reaches(other, row_size(place), sizes):
            return row(other)
    return Iverson(sp.Eq(left, right))


def _reaches(other: Any, size: Any, sizes: dict[Any, Any]) -> bool:
    """Whether a value is surely a place along an axis of a size: its own index, a small number, another such place."""
    if picked(other) is not None:
        return same_dim(row_size(other), size)
    if other.is_Integer:
        return bool(other >= 0 and (size - 1 - other).is_nonnegative)
    return other in sizes and same_dim(sizes[other], size)


def unravel_index(place: Any, shape: Any, order: str = "C") -> tuple[Array, ...]:
    """``np.unravel_index`` of an ``argmax``: the place along each axis of the array that was flattened."""
    from .reshaping import reshape

    a = as_array(place)
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    index = list(own_index(a.definition.shape))
    row = picked(a.element(*index))
    if row is None or order != "C":
        raise UnsupportedError("np.unravel_index is supported for the result of np.argmax, in C order")
    last = free_index(a.ndim)
    size = row_size(a.element(*index))
    first = Array(define("t", (*a.definition.shape, size), row(last), assumptions=_ONE_HOT))
    apart = reshape(first, (*a.shape, *sizes))
    found: list[Array] = []
    for p in range(len(sizes)):
        others = tuple(a.ndim + q for q in range(len(sizes)) if q != p)
        marginal = (sum_(apart, others) if others else apart).definition
        found.append(place_of(Array(define("t", marginal.shape, marginal.rhs, assumptions=_ONE_HOT))))
    return tuple(found)


def take_along_axis(x: Any, indices: Any, axis: Any = -1) -> Array:
    """``np.take_along_axis``: ``x[..., indices[..., i, ...], ...]``."""
    a, picks, where, shape = _along(x, indices, axis, "np.take_along_axis")
    index = list(own_index(shape))
    own = list(index)
    for p, n in enumerate(a.definition.shape):
        own[p] = sp.S.Zero if n == 1 else index[p]
    own[where] = picks.element(*(sp.S.Zero if n == 1 else index[p] for p, n in enumerate(picks.definition.shape)))
    words = a.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    return Array(define("t", shape, element_at(a, own), assumptions=words), mutable=True)


def put_along_axis(x: Any, indices: Any, values: Any, axis: Any = -1) -> None:
    """``np.put_along_axis``: a store at one place (or a few, the last one counts) of every line."""
    from .keys import integer_range
    from .masking import kept_words
    from .reshaping import broadcast_to

    if not isinstance(x, Array):
        raise UnsupportedError("np.put_along_axis stores a symbolic value into a NumPy array; make it symbolic first")
    a, picks, where, shape = _along(x, indices, axis, "np.put_along_axis")
    stored = as_array(values)
    words = kept_words(a, stored)
    stored = broadcast_to(stored, shape)
    element = a.element(*own_index(a.definition.shape))
    for k in integer_range(shape[where]):
        index = list(own_index(shape))
        index[where] = sp.Integer(k)
        place = picks.element(*(sp.S.Zero if n == 1 else index[p] for p, n in enumerate(picks.definition.shape)))
        own = a.definition.shape[where]
        here = at_place(sp.S.Zero if own == 1 else free_index(where), place, own)
        element = sp.Piecewise((stored.element(*index), here), (element, True), evaluate=False)
    x.assign(Array(define(a.name, a.definition.shape, element, assumptions=words)))


def _along(x: Any, indices: Any, axis: Any, what: str) -> tuple[Array, Array, int, tuple[Any, ...]]:
    """The array, the places along an axis, counted from the front, that axis, and the shape of what is picked."""
    from ..equations.dims import broadcast_shapes
    from .keys import places_from_front

    a = as_array(x)
    if axis is None:
        if a.ndim != 1:
            raise UnsupportedError(f"{what} without an axis flattens the array; name an axis")
        axis = 0
    (where,) = normalise_axes(axis, a.ndim, what)
    given = indices if isinstance(indices, Array) else np.asarray(indices)
    if given.ndim != a.ndim:
        raise UnsupportedError(f"{what}: the indices have {given.ndim} axes, the array has {a.ndim}")
    picks = places_from_front(given, a.definition.shape[where], a, where)
    beside = [sp.S.One if p == where else n for p, n in enumerate(picks.definition.shape)]
    rest = [sp.S.One if p == where else n for p, n in enumerate(a.definition.shape)]
    shape = list(broadcast_shapes(tuple(rest), tuple(beside), what=f"{what}: the array and the indices"))
    shape[where] = picks.definition.shape[where]
    return a, picks, where, tuple(shape)
