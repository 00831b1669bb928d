"""What an index means: its parts, one an axis, as places that count from the front, slices and integers of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from ..equations.definition import define
from ..equations.dims import fits, free_index
from ..equations.questions import respondent
from .array import Array, as_array
from .joining import SymbolicRange
from .masking import is_mask


def known_masks(key: Any) -> Any:
    """An index with the places of a mask of plain truth values behind other parts (``x[:, [True, False]]``)."""
    if not isinstance(key, tuple) or not is_mask(key) or is_mask(key[0]):
        return key
    plain = [isinstance(part, np.ndarray) and part.dtype == bool and part.ndim == 1 for part in key]
    return tuple(np.flatnonzero(part) if known else part for part, known in zip(key, plain, strict=True))


def full_key(key: Any, rank: int, x: Array) -> list[Any]:
    """The parts of an index with ``:`` for what it leaves out: one an axis, and ``None`` for new axes."""
    parts = [_listed(part) for part in (key if isinstance(key, tuple) else (key,))]
    used = sum(1 for p in parts if p is not None and p is not Ellipsis)
    if used > rank:
        raise UsageError(f"{x.name} has {rank} axes but the index names {used}")
    missing = [slice(None)] * (rank - used)
    for position, part in enumerate(parts):
        if part is Ellipsis:
            return parts[:position] + missing + parts[position + 1 :]
    return parts + missing


def _listed(part: Any) -> Any:
    """A range is an index array."""
    if isinstance(part, SymbolicRange):
        return part.array()
    return np.array(part, dtype=int) if isinstance(part, range) else part


def is_gather(part: Any) -> bool:
    """Whether a part of an index is an index array."""
    if isinstance(part, Array):
        return part.ndim > 0
    return isinstance(part, (np.ndarray, list)) and np.ndim(part) > 0


def is_whole(part: Any) -> bool:
    """Whether a part of an index is ``:``."""
    return isinstance(part, slice) and part == slice(None)


def side_by_side(flags: list[bool]) -> bool:
    """Whether the parts with a flag follow each other: the axes of index arrays stay in place then."""
    first = flags.index(True) if True in flags else 0
    last = len(flags) - 1 - flags[::-1].index(True) if True in flags else -1
    return all(flags[first : last + 1])


def keeps_order(parts: list[Any]) -> bool:
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


def resolved(parts: list[Any], x: Array) -> list[Any]:
    """Index arrays as symbolic integers that count from the front; a symbolic one is taken not to be negative."""
    result: list[Any] = []
    axis = 0
    for part in parts:
        if is_gather(part):
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
