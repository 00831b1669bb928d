"""Stores into parts of arrays: a new definition that is piecewise in the index, or one more sum for ``np.add.at``."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError

from ..equations.definition import PLAIN_NAMES, define
from ..equations.dims import bound_index, broadcast_shapes, free_index, full_range, same_dim
from ..equations.fixed_places import is_place
from ..equations.fixed_places import stored as stored_at
from ..equations.nodes import Iverson, Sum
from ..equations.questions import respondent
from .array import Array, as_array, broadcast_index
from .either import after_stores, assuming, before_store, parted
from .keys import full_key, integer_index, is_gather, is_whole, known_masks, resolved, side_by_side, slice_of
from .masking import is_mask, kept_words, mask_of, masks_in, store_masked
from .picking import at_place, delta
from .taking import taken


def setitem(x: Array, key: Any, stored: Any) -> Array:
    """The array after ``x[key] = stored``."""
    shape = x.definition.shape
    key = known_masks(masks_in(key))
    if is_mask(key):
        return store_masked(x, mask_of(x, key), stored)
    either_key = parted(key)
    if either_key is not None:
        condition, yes, no = either_key
        value = as_array(stored)
        one, other = (assuming(value, condition, outcome) for outcome in (True, False))
        return after_stores(condition, x, setitem(x, yes, one), setitem(x, no, other))
    value = as_array(stored)
    known = None if value.ndim else _known_places(x, key)
    if known is not None:
        return store_masked(x, known, value)
    words = kept_words(x, value)
    indices = [free_index(a) if n != 1 else sp.S.Zero for a, n in enumerate(shape)]
    added = _added(x, key, value)
    if added is not None:
        condition, element = _store(x, key, added, indices)
        old = before_store(x, indices)
        if not (is_place(condition) and (isinstance(old, sp.Piecewise) or old.is_number)):
            return Array(define(x.name, shape, x.element(*indices) + Iverson(condition) * element, assumptions=words))
    condition, element = _store(x, key, value, indices)
    rhs = element if condition is sp.true else stored_at(element, condition, before_store(x, indices))
    hot = _one_hot(rhs, indices[-1]) if indices else None
    if hot is not None:
        return Array(define(x.name, shape, hot, assumptions=words | {"one_hot"}))
    return Array(define(x.name, shape, rhs, assumptions=words))


def _one_hot(rhs: Any, last: Any) -> Any:
    """δ(j, y[i]) where 1 has been stored into zeros at [i, y[i]]: an index, so that every row has its place."""
    if not isinstance(rhs, sp.Piecewise) or rhs.args[1:] != ((sp.S.Zero, sp.true),):
        return None
    one, condition = rhs.args[0]
    if one != 1 or not isinstance(condition, sp.Equality) or last not in condition.args:
        return None
    (label,) = [side for side in condition.args if side != last] or [last]
    return KroneckerDelta(last, label) if isinstance(label, sp.Indexed) and not label.has(last) else None


def _known_places(x: Array, key: Any) -> Array | None:
    """The mask of ``x[rows, columns] = number`` by two or more index arrays of numbers, which may hit a place twice."""
    parts = key if isinstance(key, tuple) else (key,)
    numbers = [p.definition.value if isinstance(p, Array) else p for p in parts]
    shape = x.definition.shape[: len(parts)]
    if not all(isinstance(p, (np.ndarray, list)) and np.ndim(p) == 1 and np.size(p) for p in numbers):
        return None
    who = respondent()
    if len(parts) > x.ndim or (who is None and not all(n.is_Integer for n in shape)):
        return None
    mask = np.zeros([int(n) if who is None else who.number(n) for n in shape], dtype=bool)
    mask[tuple(np.asarray(p) for p in numbers)] = True
    return mask_of(x, as_array(mask))


def _added(x: Array, key: Any, value: Array) -> Array | None:
    """What ``x[key] += v`` adds: the value of such a store is a sum with what stood there; None for other stores."""
    if value._grouped is not None or x._grouped is not None or value.definition.name not in PLAIN_NAMES:
        return None
    if not isinstance(value.definition.rhs, sp.Add) or any(is_gather(p) for p in full_key(key, x.ndim, x)):
        return None
    old = taken(x, key)
    if len(old.definition.shape) != value.ndim or not all(map(same_dim, old.definition.shape, value.definition.shape)):
        return None
    element = old.element(*(sp.S.Zero if n == 1 else free_index(p) for p, n in enumerate(old.definition.shape)))
    rest = value.definition.rhs - element
    if element.is_number or len(sp.Add.make_args(rest)) >= len(value.definition.rhs.args):
        return None
    return Array(define("t", value.definition.shape, rest, assumptions=value.definition.assumptions & _INTEGER))


_INTEGER = frozenset({"integer"})


def _store(x: Array, key: Any, value: Array, indices: list[Any]) -> tuple[Any, Any]:
    """Where the store reaches, and what it stores there, in terms of the index of the whole array."""
    shape = x.definition.shape
    parts = resolved(full_key(key, len(shape), x), x)
    conditions: list[Any] = []
    own: list[Any] = []
    own_shape: list[Any] = []
    axis = 0
    gathers = [p for p in parts if is_gather(p)]
    if gathers:
        return _store_gather(x, parts, value, indices)
    for part in parts:
        if part is None:
            own.append(sp.S.Zero)
            own_shape.append(sp.S.One)
            continue
        if isinstance(part, slice):
            start, length, step = slice_of(part, shape[axis], f"{x.name}[...]")
            place = sp.expand((indices[axis] - start) / step)
            own.append(place)
            own_shape.append(length)
            last = start + step * (length - 1)
            low, high = (start, last) if step > 0 else (last, start)
            if low != 0:
                conditions.append(indices[axis] >= low)
            if not same_dim(high + 1, shape[axis]):
                conditions.append(indices[axis] <= high)
            if abs(step) != 1:
                conditions.append(sp.Eq(sp.Mod(indices[axis] - start, abs(step)), 0))
        else:
            conditions.append(at_place(indices[axis], integer_index(part, shape[axis], x, axis), shape[axis]))
        axis += 1
    broadcast_shapes(tuple(own_shape), value.definition.shape, what=f"the part of {x.name} and what is stored")
    return sp.And(*conditions), value.element(*broadcast_index(value.definition.shape, own_shape, own))


def _store_gather(x: Array, parts: list[Any], value: Array, indices: list[Any]) -> tuple[Any, Any]:
    """``P[np.arange(m), y] = v``: supported where one index array is ``arange`` over its whole axis."""
    arrays = [_as_vector(p) if isinstance(p, Array) and p.ndim else None for p in parts]
    value = _as_vector(value)
    if any(a is None or a.ndim != 1 for a in arrays):
        raise UnsupportedError(f"{x.name}[...] = v with index arrays is supported for one index vector an axis")
    lead = next((p for p, a in enumerate(arrays) if a is not None and _counts(a)), None)
    if lead is None:
        raise UnsupportedError(f"{x.name}[indices] = v may hit an element twice; use np.add.at or np.arange on an axis")
    row = indices[lead]
    conditions = [
        at_place(indices[p], a.element(row), x.definition.shape[p])
        for p, a in enumerate(arrays)
        if a is not None and p != lead
    ]
    element = value.element(*broadcast_index(value.definition.shape, (x.definition.shape[lead],), [row]))
    return sp.And(*conditions), element


def _as_vector(a: Array) -> Array:
    """An array without its leading axes of size 1, as that of ``y.reshape(1, -1)``: they only broadcast."""
    while a.ndim > 1 and a.shape[0] == 1:
        a = a[0]
    return a


def _counts(index: Array) -> bool:
    """Whether an index array is 0, 1, 2, ...: it names every place once."""
    value = index.definition.value
    if value is not None:
        return bool(np.array_equal(value, np.arange(len(value))))
    return bool(index.definition.rhs == free_index(0))


def scatter_add(x: Array, key: Any, value: Array) -> Array:
    """The array after ``np.add.at(x, key, value)``: every occurrence of an index counts."""
    key = masks_in(key)
    if is_mask(key):
        return setitem(x, key, x[key] + value)
    parts = resolved(full_key(key if isinstance(key, tuple) else (key,), x.ndim, x), x)
    gathers = [p for p in parts if isinstance(p, Array) and p.ndim]
    if not gathers:
        return setitem(x, key, x[key] + value)
    words = kept_words(x, value)
    gathered = broadcast_shapes(*(g.definition.shape for g in gathers), what="the index arrays")
    summed = [bound_index(p) for p in range(len(gathered))]
    indices = [free_index(a) for a in range(x.ndim)]
    deltas: list[Any] = []
    full: list[Any] = []  # the shape that the values have, and the index of each of its axes
    places: list[Any] = []
    together = side_by_side([is_gather(part) for part in parts])
    if not together:
        full, places = list(gathered), list(summed)
    seen = not together
    for a, part in enumerate(parts):
        if is_gather(part):
            g = as_array(part)
            place = g.element(*broadcast_index(g.definition.shape, gathered, summed))
            deltas.append(delta(indices[a], place, x.definition.shape[a]))
            if not seen:  # side by side, index arrays leave their axes where they stand
                full, places, seen = [*full, *gathered], [*places, *summed], True
        elif is_whole(part):
            full.append(x.definition.shape[a])
            places.append(indices[a])
        else:
            raise UnsupportedError("np.add.at is supported for index arrays with whole slices beside them")
    broadcast_shapes(tuple(full), value.definition.shape, what="the target and the values of np.add.at")
    element = value.element(*broadcast_index(value.definition.shape, tuple(full), places))
    limits = [full_range(k, n) for k, n in zip(summed, gathered, strict=True)]
    total = Sum(sp.Mul(element, *deltas), *limits)
    return Array(define(x.name, x.definition.shape, x.element(*indices) + total, assumptions=words))
