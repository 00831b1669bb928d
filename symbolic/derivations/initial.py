r"""What a state is before the first step, as an equation of its own: :math:`h_{-1} = h^{(0)}`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..equations.definition import Definition
from .matrix_form import matrix_expression
from .matrix_nodes import Node
from .notation import Range
from .printer import Printer
from .times import Times


@dataclass(frozen=True, slots=True)
class Start:
    """``value`` is the state at the time ``time`` before the first step, over the ``ranges`` of its other indices."""

    place: tuple[Any, ...]
    time: Any
    ranges: tuple[Range, ...]
    value: Any

    @classmethod
    def of(cls, state: Definition, times: Times) -> Start:
        """The start of a state that has one."""
        value, time = times.starts[state]
        (axis,) = (a for a in times.axes[state] if sp.expand(time - state.shape[a]) == 0 or time == -1)
        place = tuple(time if p == axis else i for p, i in enumerate(state.indices))
        return cls(place, time, tuple(r for p, r in enumerate(state.ranges) if p != axis), value)

    def node(self) -> Node | None:
        """The matrix form of the value."""
        return matrix_expression(self.value, self.ranges, [last + 1 for _, _, last in self.ranges])

    def below(self, show: Printer, index: bool) -> list[str]:
        """The subscripts of the state: the time, and in index form the others."""
        return [show(i) for i in (self.place if index else (self.time,))]


def starts_before(equation: Definition, equations: Sequence[Definition], times: Times) -> list[Definition]:
    """The states whose starts are written before an equation: those of a recurrence before its first one."""
    first = next((d for d in equations if d.group and d.group is equation.group), None)
    if first is not equation:
        return []
    return [d for d in equations if d.group is equation.group and d in times.starts]
