"""Functions in matrix expressions: of each element, and of a matrix as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
import sympy as sp

from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import ROWS
from ..equations.matrix_values import BALLS
from ..equations.nodes import Iverson
from ..equations.values import Valuation
from .matrix_nodes import ATOM, FACTOR, SUM, Identity, Node
from .notation import Notation
from .printer import Printer
from .styles import TEX, Style


@dataclass(frozen=True)
class Power(Node):
    """An elementwise power; of a scalar, a power."""

    base: Node
    exponent: Any
    level = FACTOR

    @property
    def under(self) -> Node | None:
        if not (self.exponent.is_Rational and self.exponent < 0):
            return None
        return self.base if self.exponent == -1 else Power(self.shape, self.base, -self.exponent)

    def show(self, notation: Notation, style: Style = TEX) -> str:
        if self.exponent == sp.S.Half and not isinstance(self.base, SquaredNorm):
            return style.sqrt(self.base.show(notation, style))
        exponent = str(self.exponent) if self.exponent.is_Rational else Printer(notation, {}, style)(self.exponent)
        inner = self.base.within(ATOM, notation, style)
        if style is TEX and ("^" in inner and not inner.startswith(r"\left")):
            inner = style.paren(inner)
        if not self.is_scalar:
            return style.elementwise_power(inner, exponent)
        if (below := self.under) is not None:
            plain = style is TEX or not isinstance(below, Power)
            return style.frac("1", below.show(notation, style) if plain else below.within(FACTOR, notation, style))
        if isinstance(self.base, SquaredNorm):
            return self.base.show(notation, style, 2 * self.exponent)
        return style.power(inner, exponent)

    def value(self, at: Valuation) -> Any:
        return _elementwise(at, lambda x: x**self.exponent, self.base)


@dataclass(frozen=True)
class Apply(Node):
    """A function applied to each element; arguments broadcast."""

    head: Any
    arguments: tuple[Node, ...]

    def show(self, notation: Notation, style: Style = TEX) -> str:
        shown = [a.show(notation, style) for a in self.arguments]
        row = BY_HEAD[self.head]
        if row.name == "abs":
            return style.absolute(shown[0])
        if row.name == "log1p":
            return style.call("log", f"1 + {self.arguments[0].within(SUM + 1, notation, style)}")
        return style.call(row.name, *shown)

    def value(self, at: Valuation) -> Any:
        return _elementwise(at, self.head, *self.arguments)


@dataclass(frozen=True)
class Where(Node):
    """The bracket [left ? right] of a comparison, 1 or 0 at each element."""

    operator: str
    left: Node
    right: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        parts = self.left.show(notation, style), self.right.show(notation, style)
        return style.bracket(style.relation(self.operator).join(parts))

    def value(self, at: Valuation) -> Any:
        relation = _RELATIONS[self.operator]
        return _elementwise(at, lambda a, b: Iverson(relation(a, b)), self.left, self.right)


_RELATIONS: dict[str, Any] = {
    ">": sp.StrictGreaterThan, ">=": sp.GreaterThan, "<": sp.StrictLessThan, "<=": sp.LessThan, "==": sp.Equality,
    "!=": sp.Unequality,
}  # fmt: skip
OPERATORS = {relation: operator for operator, relation in _RELATIONS.items()}
"""How a comparison is written."""


@dataclass(frozen=True)
class Diag(Node):
    """The diagonal matrix of a vector."""

    operand: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.call("diag", self.operand.show(notation, style))

    def value(self, at: Valuation) -> Any:
        vector = self.operand.value(at)
        return Identity((self.shape[0], self.shape[0])).value(at) * vector


@dataclass(frozen=True)
class DiagonalOf(Node):
    """The diagonal of a matrix, as a vector."""

    operand: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.call("diag", self.operand.show(notation, style))

    def value(self, at: Valuation) -> Any:
        matrix = self.operand.value(at)
        return np.array([[matrix[k, k]] for k in range(matrix.shape[0])], dtype=object)


@dataclass(frozen=True)
class Trace(Node):
    operand: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.call("tr", self.operand.show(notation, style))

    def value(self, at: Valuation) -> Any:
        return DiagonalOf((self.operand.shape[0], sp.S.One), self.operand).value(at).sum(axis=0, keepdims=True)


@dataclass(frozen=True)
class OfMatrix(Node):
    """A function of a square matrix by its row in the table: an inverse, a determinant."""

    function: str
    operand: Node

    @property
    def level(self) -> int:  # type: ignore[override]
        return FACTOR if self.function in ("inv", "expm") else ATOM

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.of_matrix(self.function, self._inside(notation, style))

    def transposed(self, notation: Notation, style: Style) -> str:
        """The transpose, written with one superscript."""
        if self.function == "inv":
            return style.of_matrix("inv", self._inside(notation, style), transposed=True)
        return style.transpose(style.paren(self.show(notation, style)))

    def _inside(self, notation: Notation, style: Style) -> str:
        inner = self.operand.within(ATOM, notation, style)
        return style.paren(inner) if "^" in inner and not inner.startswith(style.paren("")[:5]) else inner

    def value(self, at: Valuation) -> Any:
        matrix = self.operand.value(at)
        n = matrix.shape[0]
        entries = flint.arb_mat([[flint.arb(x) for x in row] for row in matrix])
        function = BALLS[self.function]
        rank = ROWS[self.function].rank
        if rank == 0:
            return np.array([[function(entries)]], dtype=object)
        if rank == 1:
            return np.array([[function(entries, i)] for i in range(n)], dtype=object)
        return np.array([[function(entries, i, j) for j in range(n)] for i in range(n)], dtype=object)


@dataclass(frozen=True)
class Inner(Node):
    """The Frobenius inner product of two matrices: the sum of the products of their elements."""

    left: Node
    right: Node

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.inner(self.left.show(notation, style), self.right.show(notation, style))

    def value(self, at: Valuation) -> Any:
        return np.array([[(self.left.value(at) * self.right.value(at)).sum()]], dtype=object)


@dataclass(frozen=True)
class SquaredNorm(Node):
    """The sum of the squares of all elements."""

    operand: Node

    def show(self, notation: Notation, style: Style = TEX, exponent: Any = 2) -> str:
        return style.norm(self.operand.show(notation, style), self.operand.shape[1] != 1, str(exponent))

    def value(self, at: Valuation) -> Any:
        return np.array([[(self.operand.value(at) ** 2).sum()]], dtype=object)


def _elementwise(at: Valuation, build: Any, *operands: Node) -> Any:
    """``build`` as a function of numbers, on broadcast values."""
    holes = [sp.Dummy(f"x{k}", real=True) for k in range(len(operands))]
    function = at.compile(build(*holes))

    def call(*numbers: Any) -> Any:
        return function(dict(zip(holes, numbers, strict=True)))

    return np.vectorize(call, otypes=[object])(*(o.value(at) for o in operands))
