"""Blocks of matrices: the columns of a gate in a weight, and matrices that stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..equations.values import Valuation
from .matrix_nodes import Leaf, Node
from .notation import Notation
from .printer import Printer
from .styles import TEX, Style
from .time_nodes import Slice

Cut = tuple[Any, Any]
"""The first index of a part and the one behind its last."""


@dataclass(frozen=True)
class Block(Node):
    """The part of an array at the given rows and columns, None for all of them."""

    operand: Node
    rows: Cut | None
    columns: Cut | None

    def show(self, notation: Notation, style: Style = TEX) -> str:
        show = Printer(notation, {}, style)
        times = self.operand.times(notation, style) if isinstance(self.operand, Slice) else []
        if isinstance(self.operand, Leaf):
            own = notation.block(self.operand.definition, (self.rows, self.columns))
            if own is not None:
                return style.symbol(own, times)
        cuts = [self.rows] if self.operand.shape[1] == 1 else [self.rows, self.columns]
        if self.operand.shape[0] == 1 and len(cuts) == 2:
            cuts = cuts[1:]
        below = [*times, *(":" if cut is None else _shown(cut, show) for cut in cuts)]
        if isinstance(self.operand, Leaf):
            return notation.symbol(self.operand.definition, style, below)
        return style.entry(style.paren(self.operand.show(notation, style)), below)

    def value(self, at: Valuation) -> Any:
        parts = [slice(None) if cut is None else slice(*map(at.size, cut)) for cut in (self.rows, self.columns)]
        return self.operand.value(at)[tuple(parts)]


def _shown(cut: Cut, show: Printer) -> str:
    """k:2k, or the one place."""
    return show(cut[0]) if cut[1] - cut[0] == 1 else f"{show(cut[0])}:{show(cut[1])}"


@dataclass(frozen=True)
class Joined(Node):
    """Matrices side by side (``axis`` 1) or below each other (0)."""

    axis: int
    parts: tuple[Node, ...]

    def show(self, notation: Notation, style: Style = TEX) -> str:
        shown = [part.show(notation, style) for part in self.parts]
        return style.matrix([shown] if self.axis else [[part] for part in shown])

    def value(self, at: Valuation) -> Any:
        return np.concatenate([part.value(at) for part in self.parts], axis=self.axis)
