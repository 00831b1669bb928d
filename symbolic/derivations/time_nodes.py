"""Matrix expressions at times: the matrix of one time, sums over times, and an equation for each time."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.values import Valuation
from .matrix_nodes import PRODUCT, SUM, Leaf, Node
from .notation import Notation
from .printer import Printer
from .styles import TEX, Style
from .times import Time


@dataclass(frozen=True)
class Slice(Leaf):
    """What an array is at a time: ``index`` has the index of each of its axes that are times.

    ``start`` is its value before the first step, where it is read there.
    """

    index: tuple[tuple[int, Any], ...]
    start: Node | None = None

    def replaced(self, replace: Callable[[Leaf], Node]) -> Node:
        start = self.start.replaced(replace) if self.start is not None else None
        own = dataclasses.replace(self, start=start) if start != self.start else self
        found = replace(own)
        if not isinstance(found, AtTimes):
            return found
        node: Node = at_times(found.operand, {time: dict(self.index)[axis] for axis, time in found.times})
        return node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return notation.symbol(self.definition, style, self.times(notation, style))

    def times(self, notation: Notation, style: Style = TEX) -> list[str]:
        """The times as subscripts."""
        show = Printer(notation, {}, style)
        return [show(index) for _, index in self.index]

    def value(self, at: Valuation) -> Any:
        array = np.asarray(at.array(self.definition), dtype=object)
        places = {axis: at.size(index) for axis, index in self.index}
        if self.start is not None and any(not 0 <= place < array.shape[axis] for axis, place in places.items()):
            return self.start.value(at)
        for axis, place in places.items():
            if not 0 <= place < array.shape[axis]:
                raise UnsupportedError(f"{self.definition.name} is read at the time {place}, which it does not have")
        part = np.asarray(array[tuple(places.get(axis, slice(None)) for axis in range(array.ndim))], dtype=object)
        return part.reshape((*part.shape, *(1,) * (2 - part.ndim)))


@dataclass(frozen=True)
class SumOver(Node):
    """The sum of a matrix over times, each with its first and last value."""

    limits: tuple[tuple[Time, Any, Any], ...]
    operand: Node
    level = PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        show = Printer(notation, {}, style)
        text = self.operand.within(SUM + 1, notation, style)
        for time, first, last in self.limits:
            whole = first == 0 and sp.expand(last + 1 - time.size) == 0
            under = show(time) if whole else f"{show(time)}={show(first)}"
            text = style.sum(text, under, "" if whole else show(last))
        return text

    def value(self, at: Valuation) -> Any:
        spans = [range(at.size(first), at.size(last) + 1) for _, first, last in self.limits]
        zero = np.zeros(tuple(map(at.size, self.shape)), dtype=int).astype(object)
        parts = (at_times(self.operand, dict(self._place(place))).value(at) for place in itertools.product(*spans))
        return functools.reduce(lambda a, b: a + b, parts, zero)

    def _place(self, place: Sequence[int]) -> Iterator[tuple[Time, Any]]:
        for (time, _, _), k in zip(self.limits, place, strict=True):
            yield time, sp.Integer(k)


@dataclass(frozen=True)
class AtTimes(Node):
    """An equation for each time; ``times`` has the axes of the left side that they are. It is no part of another node.

    Its value is the whole array of the shape ``whole`` (with two axes where that has fewer).
    """

    times: tuple[tuple[int, Time], ...]
    operand: Node
    whole: tuple[Any, ...]

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return self.operand.show(notation, style)

    def letters(self, notation: Notation, style: Style = TEX) -> list[tuple[int, str]]:
        """The times as subscripts of the left side, by axis."""
        return [(axis, Printer(notation, {}, style)(time)) for axis, time in self.times]

    def value(self, at: Valuation) -> Any:
        lengths = [at.size(time.size) for _, time in self.times]
        parts = [
            at_times(self.operand, {t: sp.Integer(k) for (_, t), k in zip(self.times, place, strict=True)}).value(at)
            for place in itertools.product(*map(range, lengths))
        ]
        places = [axis for axis, _ in self.times]
        rest = [at.size(n) for axis, n in enumerate(self.whole) if axis not in places]
        whole = np.array(parts, dtype=object).reshape((*lengths, *rest))
        whole = np.moveaxis(whole, range(len(lengths)), places)
        return whole.reshape((*whole.shape, *(1,) * (2 - whole.ndim)))


def at_times(node: Node, times: Mapping[Time, Any]) -> Any:
    """A matrix expression with other values for its times."""
    return _put(node, dict(times))


def _put(part: Any, times: dict[Time, Any]) -> Any:
    if isinstance(part, Node):
        changed = {f.name: _put(getattr(part, f.name), times) for f in fields(part)}
        return dataclasses.replace(part, **changed)
    if isinstance(part, tuple):
        return tuple(_put(p, times) for p in part)
    return part.xreplace(times) if isinstance(part, sp.Basic) else part
