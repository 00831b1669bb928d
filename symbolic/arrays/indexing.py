"""Reading and storing parts of symbolic arrays: slices, integers, newaxis, gathers.

A slice is index arithmetic (``x[1 + 2*i]``); a gather keeps its integer array in the index (``P[i, y[i]]``); a store
gives a new definition that is piecewise in the index. The handle on the left of ``x[...] = v`` is rebound to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from ..equations.definition import PLAIN_NAMES, define
from ..equations.dims import bound_index, broadcast_shapes, fits, free_index, full_range, same_dim
from ..equations.fixed_places import is_place
from ..equations.fixed_places import stored as stored_at
from ..equations.nodes import Iverson, Sum
from ..equations.questions import respondent
from .array import Array, as_array, broadcast_index
from .either import after_stores, assuming, before_store, either, parted
from .grouping import grouped, joined
from .joining import SymbolicRange
from .masking import Selection, is_mask, kept_words, mask_of, masks_in, store_masked
from .picking import at_place, delta, element_at


def getitem(x: Array, key: Any) -> Any:
    """``x[key]`` for integers, slices, ``None``, ``...``, integer arrays (which broadcast together) and masks.

    Without integer arrays and masks the result is a view, as in NumPy: stores into one are seen in the other.
    """
    given = key
    key = _known_masks(masks_in(key))
    if is_mask(key):
        return Selection(x, mask_of(x, key))
    either_key = parted(key)
    if either_key is not None:
        condition, yes, no = either_key
        made = either(condition, getitem(x, yes), getitem(x, no))
        if not made.ndim:
            return made
        return made.view_of(x, lambda base: getitem(base, key), lambda base, new: setitem(base, key, new), given)
    result = _taken(x, key)
    parts = _full_key(key, x.ndim, x)
    if any(_is_gather(p) for p in parts):
        return result
    if result.ndim == 0 and not any(part is Ellipsis for part in (key if isinstance(key, tuple) else (key,))):
        return result
    result.mutable = True
    result.contiguous = x.contiguous and _keeps_order(parts)
    frozen = tuple(part.element() if isinstance(part, Array) else part for part in parts)
    result.view_of(x, lambda base: _taken(base, frozen), lambda base, new: setitem(base, frozen, new), given)
    return result


def _known_masks(key: Any) -> Any:
    """An index with the places of a mask of plain truth values behind other parts (``x[:, [True, False]]``)."""
    if not isinstance(key, tuple) or not is_mask(key) or is_mask(key[0]):
        return key
    plain = [isinstance(part, np.ndarray) and part.dtype == bool and part.ndim == 1 for part in key]
    return tuple(np.flatnonzero(part) if known else part for part, known in zip(key, plain, strict=True))


def _keeps_order(parts: list[Any]) -> bool:
    """Integers, then at most one slice of step 1, then whole axes: the elements still lie side by side."""
    opened = False
    for part in parts:
        if isinstance(part, slice):
            if part.step not in (None, 1) or (opened and (part.start is not None or part.stop is not None)):
                return False
            opened = True
        elif part is not None and opened:
            return False
    return True


def _of_groups(x: Array, parts: list[Any]) -> Array | None:
    """The part of an array with joined axes, where those are taken whole."""
    known = grouped(x)
    if known is None or any(_is_gather(p) for p in parts):
        return None
    key: list[Any] = []
    groups: list[int] = []
    counts = iter(known.groups)
    factors = iter(known.factors())
    for part in parts:
        count = 1 if part is None else next(counts)
        sizes = () if part is None else next(factors)
        if count > 1 and not _is_whole(part):
            blocks = _blocks(part, sizes, x)
            if blocks is None:
                return None
            key += [blocks, *[slice(None)] * (count - 1)]
            groups.append(count if isinstance(blocks, slice) else count - 1)
            continue
        key += [part] * count
        if part is None or isinstance(part, slice):
            groups.append(count)
    return joined(known.inner[tuple(key)], groups)


def _blocks(part: Any, factors: tuple[Any, ...], x: Array) -> Any:
    """A slice of a joined axis as a number or a slice of its first factor: one gate of four, one head of several."""
    if not isinstance(part, slice) or part.step not in (None, 1):
        return None
    width = sp.Mul(*factors[1:])
    start, length, _ = slice_of(part, sp.expand(sp.Mul(*factors)), x.name)
    first, count = sp.cancel(start / width), sp.cancel(length / width)
    if not (first.is_Integer and count.is_Integer):
        return None
    return int(first) if count == 1 else slice(int(first), int(first + count))


def _taken(x: Array, key: Any) -> Array:
    shape = x.definition.shape
    whole = _of_groups(x, _full_key(key, len(shape), x))
    if whole is not None:
        return whole
    parts = _resolved(_full_key(key, len(shape), x), x)
    gathers = [p for p in parts if isinstance(p, Array)]
    gathered = broadcast_shapes(*(g.definition.shape for g in gathers), what="the index arrays") if gathers else ()
    # beside an index array an integer counts as one, too: that decides where the gathered axes go
    advanced = [isinstance(p, Array) or (bool(gathers) and p is not None and not isinstance(p, slice)) for p in parts]
    contiguous = _contiguous(advanced)
    result_shape: list[Any] = list(gathered) if gathers and not contiguous else []
    index: list[Any] = []
    block_at = 0
    axis, seen = 0, False
    for part, joins in zip(parts, advanced, strict=True):
        if joins and contiguous and not seen:
            block_at = len(result_shape)
            result_shape.extend(gathered)
            seen = True
        if part is None:
            result_shape.append(sp.S.One)
            continue
        if isinstance(part, slice):
            start, length, step = slice_of(part, shape[axis], f"{x.name}[...]")
            index.append(start + step * (sp.S.Zero if length == 1 else free_index(len(result_shape))))
            result_shape.append(length)
        elif isinstance(part, Array):
            index.append(part)
        else:
            index.append(integer_index(part, shape[axis], x, axis))
        axis += 1
    block = [free_index(block_at + p) for p in range(len(gathered))]
    index = [
        part.element(*broadcast_index(part.definition.shape, gathered, block)) if isinstance(part, Array) else part
        for part in index
    ]
    words = x.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    if len(index) and index[-1] == free_index(len(result_shape) - 1) and len(result_shape) == len(shape):
        words |= x.definition.assumptions & {"one_hot", "simplex"}
    if _is_identity(x) and isinstance(parts[0], Array) and index[1] == free_index(len(result_shape) - 1):
        words |= {"one_hot"}  # np.eye(k)[y]
    return Array(define("t", tuple(result_shape), element_at(x, index), assumptions=frozenset(words)))


def _is_identity(x: Array) -> bool:
    square = len(x.definition.shape) == 2 and same_dim(*x.definition.shape)
    return square and x.definition.rhs == KroneckerDelta(free_index(0), free_index(1))


def _resolved(parts: list[Any], x: Array) -> list[Any]:
    """Index arrays as symbolic integers that count from the front; a symbolic one is taken not to be negative."""
    result: list[Any] = []
    axis = 0
    for part in parts:
        if _is_gather(part):
            part = places_from_front(part, x.definition.shape[axis], x, axis)
        result.append(part)
        axis += part is not None
    return result


def places_from_front(part: Any, size: Any, x: Array, axis: int) -> Array:
    """An index array that counts from the front of an axis of ``size``."""
    if isinstance(part, Array):
        if not part.definition.assumptions & {"integer", "boolean"} and part.definition.value is None:
            raise UsageError(f"{x.name}[{part.name}]: an index holds integers; declare it with integer=True")
        if part.definition.rhs == free_index(0):
            fits(part.definition.shape[0], size)  # np.arange(m) names every row once, as a rule
        return part
    numbers = np.asarray(part)
    if not np.issubdtype(numbers.dtype, np.integer):
        if numbers.dtype.kind == "f" and numbers.size:
            raise UsageError(f"{x.name}[...]: an index array holds integers, not {numbers.dtype}")
        return places_from_front(as_array(part), size, x, axis)
    if size.is_Integer:
        if numbers.size and not -int(size) <= numbers.min() <= numbers.max() < int(size):
            raise UsageError(f"{x.name}[...]: an index is out of range for axis {axis} of size {size}")
        return _places(np.where(numbers < 0, numbers + int(size), numbers))
    if (numbers >= 0).all():
        return _places(numbers)
    if (numbers < 0).all():
        return _places(numbers) + size  # type: ignore[no-any-return]
    raise UnsupportedError(f"{x.name}[...]: indices from both ends of an axis of symbolic size; use one end")


def _places(numbers: np.ndarray[Any, Any]) -> Array:
    """Numbers as an index array; those at equal distances along one axis, as ``np.arange(6)``, as index arithmetic."""
    long = [axis for axis, n in enumerate(numbers.shape) if n > 1]
    if len(long) == 1:
        flat = numbers.reshape(-1).tolist()
        first, step = flat[0], flat[1] - flat[0]
        if step and flat == list(range(first, first + step * len(flat), step)):
            place = first + step * free_index(long[0])
            shape = tuple(map(sp.Integer, numbers.shape))
            return Array(define("t", shape, place, assumptions=frozenset({"integer"})))
    return as_array(numbers)


def _contiguous(flags: list[bool]) -> bool:
    first = flags.index(True) if True in flags else 0
    last = len(flags) - 1 - flags[::-1].index(True) if True in flags else -1
    return all(flags[first : last + 1])


def _is_gather(part: Any) -> bool:
    if isinstance(part, Array):
        return part.ndim > 0
    return isinstance(part, (np.ndarray, list)) and np.ndim(part) > 0


def _is_whole(part: Any) -> bool:
    return isinstance(part, slice) and part == slice(None)


def _listed(part: Any) -> Any:
    """A range is an index array."""
    if isinstance(part, SymbolicRange):
        return part.array()
    return np.array(part, dtype=int) if isinstance(part, range) else part


def _full_key(key: Any, rank: int, x: Array) -> list[Any]:
    parts = [_listed(part) for part in (key if isinstance(key, tuple) else (key,))]
    used = sum(1 for p in parts if p is not None and p is not Ellipsis)
    if used > rank:
        raise UsageError(f"{x.name} has {rank} axes but the index names {used}")
    missing = [slice(None)] * (rank - used)
    for position, part in enumerate(parts):
        if part is Ellipsis:
            return parts[:position] + missing + parts[position + 1 :]
    return parts + missing


def integer_index(part: Any, size: Any, x: Array, axis: int) -> Any:
    """One element along an axis; negative integers count from the end; out of range is an error where it is known."""
    value = _whole(part, x.name)
    if isinstance(part, Array):
        return value
    if value.is_Integer:
        if value.is_negative:
            value = size + value
        excess = sp.expand(value - size)
        if excess.is_nonnegative or (value.is_number and value.is_negative):
            raise UsageError(f"{x.name}[...]: index {part} is out of range for axis {axis} of size {size}")
    return value


def _whole(part: Any, name: str) -> Any:
    """An integer of an index, a size or a symbolic number; anything else is refused (text is never read as one)."""
    value = part.element() if isinstance(part, Array) and not part.ndim else part
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return sp.Integer(int(value))
    if isinstance(value, sp.Expr) and value.is_integer is not False:
        return value
    raise UsageError(f"{name}[...]: {part!r} is no index; use integers, sizes, slices, None or ...")


def integer_range(size: Any) -> range:
    """All places along an axis, whose size has to be a number."""
    who = respondent()
    if not size.is_Integer and who is None:
        raise UnsupportedError(f"the places along an axis of symbolic size {size} are gone through; give a number")
    return range(int(size) if who is None else who.number(size))


def slice_of(part: slice, size: Any, where: str) -> tuple[Any, Any, Any]:
    """Start, length and step of a slice along an axis of (symbolic) ``size``."""
    step = sp.Integer(1) if part.step is None else _whole(part.step, where.removesuffix("[...]"))
    if not step.is_Integer or step == 0:
        raise UnsupportedError(f"{where}: the step of a slice must be a nonzero integer, not {part.step}")
    first, beyond = (sp.S.Zero, size) if step > 0 else (size - 1, -sp.S.One)
    start = first if part.start is None else _bound(part.start, size, step, where)
    stop = beyond if part.stop is None else _bound(part.stop, size, step, where)
    length = sp.expand(stop - start) if step > 0 else sp.expand(start - stop)
    if abs(step) != 1:
        length = sp.ceiling(length / abs(step))
    if length.is_nonpositive:
        raise ShapeError(f"{where}: the slice {part.start}:{part.stop}:{part.step} is empty")
    return start, length, step


def _bound(value: Any, size: Any, step: Any, where: str) -> Any:
    """An end of a slice from the front; a symbolic axis is taken to be long enough for the numbers in the slice."""
    bound = _whole(value, where.removesuffix("[...]"))
    if bound.is_negative:
        bound = size + bound
    if bound.is_Integer and size.is_Integer:
        low, high = (sp.S.Zero, size) if step > 0 else (-sp.S.One, size - 1)
        return max(low, min(bound, high))
    who = respondent()
    if who is not None:
        who.at_most(sp.S.Zero, bound)
        who.at_most(bound, size)
    return bound


def setitem(x: Array, key: Any, stored: Any) -> Array:
    """The array after ``x[key] = stored``."""
    shape = x.definition.shape
    key = _known_masks(masks_in(key))
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
    if not isinstance(value.definition.rhs, sp.Add) or any(_is_gather(p) for p in _full_key(key, x.ndim, x)):
        return None
    old = _taken(x, key)
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
    parts = _resolved(_full_key(key, len(shape), x), x)
    conditions: list[Any] = []
    own: list[Any] = []
    own_shape: list[Any] = []
    axis = 0
    gathers = [p for p in parts if _is_gather(p)]
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
        return setitem(x, key, getitem(x, key) + value)
    parts = _resolved(_full_key(key if isinstance(key, tuple) else (key,), x.ndim, x), x)
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
    together = _contiguous([_is_gather(part) for part in parts])
    if not together:
        full, places = list(gathered), list(summed)
    seen = not together
    for a, part in enumerate(parts):
        if _is_gather(part):
            g = as_array(part)
            place = g.element(*broadcast_index(g.definition.shape, gathered, summed))
            deltas.append(delta(indices[a], place, x.definition.shape[a]))
            if not seen:  # side by side, index arrays leave their axes where they stand
                full, places, seen = [*full, *gathered], [*places, *summed], True
        elif _is_whole(part):
            full.append(x.definition.shape[a])
            places.append(indices[a])
        else:
            raise UnsupportedError("np.add.at is supported for index arrays with whole slices beside them")
    broadcast_shapes(tuple(full), value.definition.shape, what="the target and the values of np.add.at")
    element = value.element(*broadcast_index(value.definition.shape, tuple(full), places))
    limits = [full_range(k, n) for k, n in zip(summed, gathered, strict=True)]
    total = Sum(sp.Mul(element, *deltas), *limits)
    return Array(define(x.name, x.definition.shape, x.element(*indices) + total, assumptions=words))
