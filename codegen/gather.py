"""Reading elements of an array by index expressions: axes, slices, scalar indices, and index arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError
from gradproof.symbolic.equations.contraction import bounds
from gradproof.symbolic.equations.definition import references
from gradproof.symbolic.equations.dims import same_dim

from .builder import Builder, Value
from .program import LoopTime
from .ranges import Ranges, affine, common_denominator, stays_within

Integers = Callable[[Any], Value]


def read(
    build: Builder, source: Value, sizes: Sequence[Any], indices: Sequence[Any], ranges: Ranges, integers: Integers,
    order: Sequence[Any],
) -> Value:  # fmt: skip
    """``source[indices]`` with the index symbols in ``indices`` as the axes of the result.

    ``sizes`` are those of the source's axes (1 for one that only broadcasts); ``integers`` lowers an index expression.
    An index that could leave its axis is clipped: the equation masks such elements.
    """
    items: list[Any] = []
    axes: list[Any] = []  # of the value after basic indexing; an index expression where an index array is to come
    extra: list[Value] = []
    used: set[Any] = set()
    for size, index in zip(sizes, indices, strict=True):
        item, axis = _basic(size, index, ranges, used)
        if item == "scalar":
            item = ("arg", len(extra))
            extra.append(integers(index))
        if axis is not None and axis != "unit":
            used |= {axis} if isinstance(axis, sp.Symbol) else set()
        items.append(item)
        if item[0] in ("all", "slice"):
            axes.append(None if axis == "unit" else axis)
    value = source
    if any(item != ("all",) for item in items):
        value = build.emit("index", [source, *extra], axes, *items)
    elif tuple(axes) != source.axes:
        value = Value(source.name, tuple(axes), source.shape, source.dtype)
    if _is_diagonal(axes, sizes, items):
        return build.emit("diagonal", [value], axes[:1])
    gathered = [p for p, a in enumerate(axes) if a is not None and not isinstance(a, sp.Symbol)]
    return _take(build, value, axes, gathered, ranges, integers, order) if gathered else value


def _is_diagonal(axes: Sequence[Any], sizes: Sequence[Any], items: Sequence[Any]) -> bool:
    """Whether a square matrix is read at (i, i), for every i."""
    if len(axes) != 2 or len(items) != 2 or not isinstance(axes[0], sp.Symbol) or not isinstance(axes[1], _Gather):
        return False
    return bool(axes[1].index == axes[0] and all(i == ("all",) for i in items) and same_dim(*sizes))


def _basic(size: Any, index: Any, ranges: Ranges, used: set[Any]) -> tuple[Any, Any]:
    """The item of basic indexing, and the axis that stays: a symbol, "unit", an index to gather by, or None."""
    index = sp.sympify(index, strict=True)
    if size == 1 and not index.free_symbols & set(ranges):
        return ("all",), "unit"
    if index in ranges and index not in used:
        first, last = ranges[index]
        if first == 0 and same_dim(last + 1, size):
            return ("all",), index
    if not index.free_symbols & set(ranges) and not any(True for _ in references(index)):
        loose = next((s for s in index.free_symbols if not s.is_positive and not isinstance(s, LoopTime)), None)
        if loose is not None:
            raise UnsupportedError(f"the index {loose} stands outside of its sum")
        return ("int", index), None
    if not any(s in ranges for s in index.free_symbols) and not index.has(sp.Indexed):
        return "scalar", None
    form = affine(index, ranges)
    if form is not None and form[0] not in used and stays_within(index, size, ranges):
        symbol, offset, step = form
        first, last = ranges[symbol]
        start, length = sp.expand(offset + step * first), sp.expand(last - first + 1)
        stop = sp.expand(start + step * (length - 1) + (1 if step > 0 else -1))
        if step < 0 and stop == -1:
            stop = None
        return ("slice", start, stop, step, length), symbol
    return ("all",), _Gather(index)


class _Gather:
    """An index expression that has to be gathered by."""

    __slots__ = ("index",)

    def __init__(self, index: Any) -> None:
        self.index = index


def _take(
    build: Builder, value: Value, axes: list[Any], gathered: list[int], ranges: Ranges, integers: Integers,
    order: Sequence[Any],
) -> Value:  # fmt: skip
    arrays: dict[int, Value] = {}
    for p in gathered:
        index = axes[p].index
        raw = integers(index)
        trusted = (
            isinstance(index, sp.Indexed)
            or stays_within(index, value.shape[p], ranges)
            or (index.has(sp.Mod, sp.Piecewise) and not index.has(sp.floor))
            or (index.has(sp.floor) and _floors_within(index, value.shape[p], ranges))
        )
        arrays[p] = (
            raw if trusted and common_denominator(index)[1] == 1 else _clipped(build, raw, value.shape[p], order)
        )
    linked = set().union(*(a.symbols for a in arrays.values()))
    for p, axis in enumerate(axes):
        if isinstance(axis, sp.Symbol) and axis in linked:
            arrays[p] = integers(axis)
    where = sorted(arrays)
    if where != list(range(where[0], where[-1] + 1)):  # apart: NumPy would move their block to the front
        for p, axis in enumerate(axes):
            if p not in arrays and where[0] < p < where[-1] and axis is not None:
                arrays[p] = integers(axis)
        where = sorted(arrays)
    together = where == list(range(where[0], where[-1] + 1))
    symbols = [s for s in order if any(s in a.symbols for a in arrays.values())]
    parts = [build.align(arrays[p], symbols) if arrays[p].axes else arrays[p] for p in where]
    block: list[Any] = list(symbols)
    before = [a for p, a in enumerate(axes) if p not in arrays and p < where[0]] if together else []
    after = [a for p, a in enumerate(axes) if p not in arrays and (p > where[0] or not together)]
    items = tuple(where.index(p) if p in arrays else ":" for p in range(len(axes)))
    return build.emit("take", [value, *parts], [*before, *block, *after], *items)


def _floors_within(index: Any, size: Any, ranges: Ranges) -> bool:
    """Whether a floor, as a reshape has it, is known to stay within the axis: 0 ≤ value < size · divisor.

    Inside one branch of a concatenation the index runs on, before and beyond the part that this branch reads.
    """
    if not isinstance(index, sp.floor):
        return False
    value, divisor = sp.fraction(sp.together(index.args[0]))
    if isinstance(value, sp.floor):
        return _floors_within(value, sp.sympify(size, strict=True) * divisor, ranges)
    low, high = bounds(value, dict(ranges))
    if low is None or high is None or not low.is_nonnegative:
        return False
    return bool(sp.expand(sp.sympify(size, strict=True) * divisor - 1 - high).is_nonnegative)


def _clipped(build: Builder, index: Value, size: Any, order: Sequence[Any]) -> Value:
    low = build.emit("literal", [], (), "0")
    high = build.emit("size", [], (), sp.expand(size - 1))
    return build.elementwise("clip", [index, low, high], order)
