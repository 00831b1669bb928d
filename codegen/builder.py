"""Building instructions: values with named axes, and their alignment to a common order of axes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from .program import Instruction, Shape, result_type


@dataclass(frozen=True, slots=True)
class Value:
    """A computed array: ``axes`` has the index symbol of each axis, None for an axis of size 1 that only broadcasts."""

    name: str
    axes: tuple[Any, ...]
    shape: Shape
    dtype: str

    @property
    def symbols(self) -> frozenset[Any]:
        """The index symbols that the value depends on."""
        return frozenset(a for a in self.axes if a is not None)


@dataclass
class Builder:
    """Collects instructions; ``equation`` is the name of the equation that is being lowered."""

    instructions: list[Instruction] = field(default_factory=list)
    equation: str = ""

    def emit(self, op: str, args: Sequence[Value], axes: Sequence[Any], *params: Any) -> Value:
        """One more instruction; its shape and dtype come from its row."""
        shape, dtype = result_type(op, tuple(a.shape for a in args), tuple(a.dtype for a in args), params)
        name = f"_{len(self.instructions)}"
        shown = tuple("1" if a is None else str(a) for a in axes)
        self.instructions.append(
            Instruction(name, op, tuple(a.name for a in args), params, shown, shape, dtype, self.equation)
        )
        return Value(name, tuple(axes), shape, dtype)

    # -- axes ---------------------------------------------------------------------------------------------------------
    def squeeze(self, value: Value) -> Value:
        """Without the axes that only broadcast."""
        if None not in value.axes:
            return value
        items = tuple(("int", sp.S.Zero) if a is None else ("all",) for a in value.axes)
        return self.emit("index", [value], [a for a in value.axes if a is not None], *items)

    def transpose(self, value: Value, axes: Sequence[Any]) -> Value:
        """The axes in another order (there must be no broadcasting axes)."""
        if tuple(axes) == value.axes:
            return value
        order = tuple(value.axes.index(a) for a in axes)
        return self.emit("transpose", [value], axes, order)

    def align(self, value: Value, order: Sequence[Any], exactly: bool = False) -> Value:
        """Broadcastable against the axes ``order``; axes before its first are left out unless ``exactly``."""
        wanted: list[Any] = [a if a in value.symbols else None for a in order]
        if not exactly:
            while wanted and wanted[0] is None:
                wanted.pop(0)
        own = list(value.axes)
        if own == wanted or (len(own) <= len(order) and not exactly and _stripped(own) == wanted):
            return value
        plain = self.squeeze(value)
        plain = self.transpose(plain, [a for a in wanted if a is not None])
        positions = tuple(p for p, a in enumerate(wanted) if a is None)
        return self.emit("expand", [plain], wanted, positions) if positions else plain

    def common_order(self, values: Sequence[Value], canonical: Sequence[Any]) -> list[Any]:
        """An order of axes for an elementwise result that needs no transposition where that is possible."""
        everything = set().union(*(v.symbols for v in values)) if values else set()
        widest = max(values, key=lambda v: len(v.symbols), default=None)
        if widest is not None and widest.symbols == everything:
            order = [a for a in widest.axes if a is not None]
            position = {a: p for p, a in enumerate(order)}
            if all(_increasing([position[a] for a in v.axes if a is not None]) for v in values):
                return order
        return [a for a in canonical if a in everything]

    def elementwise(self, op: str, values: Sequence[Value], canonical: Sequence[Any], *params: Any) -> Value:
        """An elementwise instruction on operands that are aligned first."""
        natural = _broadcast_axes([v.axes for v in values])
        if natural is not None:
            return self.emit(op, values, natural, *params)
        order = self.common_order([v for v in values if v.axes], canonical)
        aligned = [self.align(v, order) if v.axes else v for v in (self._fitting(v, order) for v in values)]
        rank = max((len(v.axes) for v in aligned), default=0)
        axes = [None] * (rank - len(order)) + list(order)[max(0, len(order) - rank) :]
        present = set().union(*(v.symbols for v in aligned))
        return self.emit(op, aligned, [a if a in present else None for a in axes], *params)

    def _fitting(self, value: Value, order: Sequence[Any]) -> Value:
        return self.squeeze(value) if len(value.axes) > len(order) else value


def _broadcast_axes(axes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The axes of the result if NumPy's broadcasting already does what the names ask for; else None."""
    rank = max((len(a) for a in axes), default=0)
    result: list[Any] = [None] * rank
    for own in axes:
        for position, axis in enumerate(own, start=rank - len(own)):
            if axis is None:
                continue
            if result[position] not in (None, axis):
                return None
            result[position] = axis
    named = [a for a in result if a is not None]
    return tuple(result) if len(set(named)) == len(named) else None


def _stripped(axes: list[Any]) -> list[Any]:
    start = 0
    while start < len(axes) and axes[start] is None:
        start += 1
    return axes[start:]


def _increasing(numbers: list[int]) -> bool:
    return all(p < q for p, q in itertools.pairwise(numbers))
