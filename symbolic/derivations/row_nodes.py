"""Nodes of rows: softmax, logsumexp and max of each row or of one column, one-hot rows of labels, unit vectors."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ..equations.values import Valuation
from .matrix_nodes import Node, Transpose
from .notation import Notation
from .printer import Printer
from .styles import TEX, Style


@dataclass(frozen=True)
class RowWise(Node):
    """A function of each row: softmax (a row), logsumexp or max (a number)."""

    function: str
    operand: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        inner = self.operand.show(notation, style)
        if self.operand.shape[1] == 1 or self.operand.shape[0] == 1:
            return style.call(self.function, inner)
        return style.over(self.function, "rows" if style is not TEX else r"\text{rows}", inner)

    def value(self, at: Valuation) -> Any:
        x = self.operand.value(at)
        if self.function == "max":
            return np.array([[functools.reduce(lambda a, b: a.max(b), row)] for row in x], dtype=object)
        powers = np.vectorize(lambda v: v.exp(), otypes=[object])(x)
        total = powers.sum(axis=1, keepdims=True)
        return powers / total if self.function == "softmax" else np.vectorize(lambda v: v.log(), otypes=[object])(total)


@dataclass(frozen=True)
class OfVector(RowWise):
    """softmax, logsumexp or max of one column vector."""

    def value(self, at: Any) -> Any:
        inner = Transpose((self.operand.shape[1], self.operand.shape[0]), self.operand)
        return RowWise(self.shape, self.function, inner).value(at).T


@dataclass(frozen=True)
class OneHot(Node):
    """Rows with a 1 at the label of each, from a column of labels."""

    labels: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.call("onehot", self.labels.show(notation, style))

    def value(self, at: Valuation) -> Any:
        zero, one = (at.value(number, {}) for number in (sp.S.Zero, sp.S.One))
        classes = range(at.size(self.shape[1]))
        hot = [[one if label == q else zero for q in classes] for (label,) in self.labels.value(at)]
        return np.array(hot, dtype=object)


@dataclass(frozen=True)
class Unit(Node):
    """The column with 1 at a place and else 0."""

    place: Any

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.unit(Printer(notation, {}, style)(self.place))

    def value(self, at: Valuation) -> Any:
        zero, one = (at.value(number, {}) for number in (sp.S.Zero, sp.S.One))
        place = at.value(self.place, {})
        return np.array([[one if place == k else zero] for k in range(at.size(self.shape[0]))], dtype=object)
