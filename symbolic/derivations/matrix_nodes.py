r"""Matrix expressions: a small tree that prints itself and can evaluate itself.

Every node has two axes (rows, columns); a vector is a column, a scalar is 1×1, and a number or scalar added to an array
is added to each of its elements. Evaluation is by NumPy on whatever numbers the inputs hold (floats, or balls in object
arrays), so that a printed matrix form can be held against the index equation that it claims to be.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import flint
import numpy as np
import sympy as sp

from ..equations.definition import Definition
from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import ROWS
from ..equations.matrix_values import BALLS
from ..equations.nodes import Iverson
from ..equations.values import Valuation
from .notation import Notation
from .printer import Printer
from .styles import TEX, Style

Shape = tuple[Any, Any]
SUM, PRODUCT, FACTOR, ATOM = 1, 2, 4, 5


@dataclass(frozen=True)
class Node(ABC):
    """A matrix expression of shape (rows, columns)."""

    shape: Shape

    level = ATOM

    @abstractmethod
    def show(self, notation: Notation, style: Style = TEX) -> str:
        """The formula of this node."""

    @abstractmethod
    def value(self, at: Valuation) -> Any:
        """The value, with two axes."""

    def within(self, level: int, notation: Notation, style: Style) -> str:
        text = self.show(notation, style)
        return text if self.level >= level else style.paren(text)

    def replaced(self, replace: Callable[[Leaf], Node]) -> Node:
        """The same expression with other nodes in the place of its arrays."""
        changed: dict[str, Any] = {}
        for f in fields(self):
            old = getattr(self, f.name)
            if isinstance(old, Node):
                changed[f.name] = old.replaced(replace)
            elif isinstance(old, tuple) and old and all(isinstance(part, Node) for part in old):
                changed[f.name] = tuple(part.replaced(replace) for part in old)
        return dataclasses.replace(self, **changed) if changed else self

    @property
    def is_scalar(self) -> bool:
        return bool(self.shape[0] == 1 and self.shape[1] == 1)


@dataclass(frozen=True)
class Leaf(Node):
    """An array of the system: scalars and vectors as 1×1 and n×1."""

    definition: Definition

    def replaced(self, replace: Callable[[Leaf], Node]) -> Node:
        return replace(self)

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return notation.symbol(self.definition, style)

    def value(self, at: Valuation) -> Any:
        array = np.asarray(at.array(self.definition), dtype=object)
        return array.reshape((*array.shape, *(1,) * (2 - array.ndim)))


@dataclass(frozen=True)
class Number(Node):
    """A number, or an expression in the dimensions."""

    expression: Any

    @property
    def level(self) -> int:  # type: ignore[override]
        e = self.expression
        if e.is_Symbol or (e.is_Integer and e >= 0):
            return ATOM
        return SUM if e.is_Add or e.could_extract_minus_sign() else PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return Printer(notation, {}, style)(self.expression)

    def value(self, at: Valuation) -> Any:
        return np.array([[at.value(self.expression, {})]], dtype=object)


@dataclass(frozen=True)
class Ones(Node):
    """The column of ones."""

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.one

    def value(self, at: Valuation) -> Any:
        return np.full((at.size(self.shape[0]), 1), at.value(sp.S.One, {}), dtype=object)


@dataclass(frozen=True)
class Identity(Node):
    """The identity matrix."""

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return style.letter("I")

    def value(self, at: Valuation) -> Any:
        n = at.size(self.shape[0])
        return Ones(self.shape).value(at).reshape(n) * np.eye(n, dtype=int).astype(object)


@dataclass(frozen=True)
class Transpose(Node):
    operand: Node
    level = FACTOR

    def show(self, notation: Notation, style: Style = TEX) -> str:
        if isinstance(self.operand, OfMatrix):
            return self.operand.transposed(notation, style)
        inner = self.operand.within(ATOM, notation, style)
        if style is TEX and "^{" in inner and isinstance(self.operand, Leaf):
            # W^{(1)} and its transposition share one superscript
            return _merge_superscript(inner, r"\top")
        return style.transpose(inner)

    def value(self, at: Valuation) -> Any:
        return self.operand.value(at).T


@dataclass(frozen=True)
class MatMul(Node):
    factors: tuple[Node, ...]
    level = PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        runs = [(f, len(list(run))) for f, run in itertools.groupby(self.factors)]
        return style.times.join(text for f, count in runs for text in _repeated(f, count, notation, style))

    def value(self, at: Valuation) -> Any:
        return functools.reduce(lambda a, b: a @ b, (f.value(at) for f in self.factors))


def _repeated(factor: Node, count: int, notation: Notation, style: Style) -> list[str]:
    """X X, X³, (X³)ᵀ."""
    plain = factor.operand if isinstance(factor, Transpose) else factor
    if count < 3 or not isinstance(plain, Leaf):
        return [factor.within(FACTOR, notation, style)] * count
    symbol = plain.show(notation, style)
    plain_symbol = "^" not in symbol if style is TEX else symbol.isidentifier()
    power = style.power(symbol if plain_symbol else style.paren(symbol), str(count))
    return [style.transpose(style.paren(power)) if factor is not plain else power]


@dataclass(frozen=True)
class Hadamard(Node):
    """The elementwise product of factors of one shape."""

    factors: tuple[Node, ...]

    @property
    def level(self) -> int:  # type: ignore[override]
        return ATOM if isinstance(self.factors[0], Mask) else PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        mask, *rest = self.factors
        if isinstance(mask, Mask):
            inner = rest[0] if len(rest) == 1 else Hadamard(self.shape, tuple(rest))
            return mask.around(inner.show(notation, style), style)
        below = [f for f in self.factors if _is_below(f)]
        above = [f for f in self.factors if f not in below]
        if not above:
            above, below = below, []
        shown = style.hadamard.join(f.within(FACTOR, notation, style) for f in above)
        if not below:
            return shown
        under = style.hadamard.join(_inverted(f).within(FACTOR, notation, style) for f in below)
        return style.divided.join((shown, under if len(below) == 1 else style.paren(under)))

    def value(self, at: Valuation) -> Any:
        return functools.reduce(lambda a, b: a * b, (f.value(at) for f in self.factors))


@dataclass(frozen=True)
class Mask(Node):
    """Ones on and below the diagonal ``offset`` (tril) or above (triu); below and halves on the diagonal (Φ)."""

    kind: str
    offset: int

    def show(self, notation: Notation, style: Style = TEX) -> str:
        return self.around(f"{style.one}{style.times}{style.transpose(style.one)}", style)

    def around(self, inner: str, style: Style) -> str:
        """The triangle of what is within."""
        return style.call(self.kind, inner, *([str(self.offset)] if self.offset else []))

    @property
    def turned(self) -> Mask:
        """The transpose of a triangle of ones."""
        return Mask((self.shape[1], self.shape[0]), {"tril": "triu", "triu": "tril"}[self.kind], -self.offset)

    def value(self, at: Valuation) -> Any:
        rows, columns = (np.arange(at.size(n)) for n in self.shape)
        away = (columns - rows[:, None]) - self.offset
        kept = {"tril": away <= 0, "triu": away >= 0, "Φ": away < 0}[self.kind].astype(int).astype(object)
        return kept * at.value(sp.S.One, {}) + (away == 0) * at.value(sp.S.Half if self.kind == "Φ" else sp.S.Zero, {})


@dataclass(frozen=True)
class Scale(Node):
    """A scalar times an array."""

    scalars: tuple[Node, ...]
    operand: Node

    @property
    def level(self) -> int:  # type: ignore[override]
        return SUM if is_negative(self) else PRODUCT

    def show(self, notation: Notation, style: Style = TEX) -> str:
        numbers = sp.Mul(*(s.expression for s in self.scalars if isinstance(s, Number)))
        if numbers == 0:
            return "0"
        others = [s for s in self.scalars if not isinstance(s, Number)]
        negative = "-" if numbers.could_extract_minus_sign() else ""
        numbers = -numbers if negative else numbers
        below = [s for s in others if _is_below(s)]
        above = [s for s in others if s not in below]
        if below:
            parts = [self._fraction(numbers, above, below, notation, style)]
        else:
            alone = isinstance(self.operand, Number) and self.operand.expression == 1
            parts = [
                s.within(PRODUCT if alone and s is others[-1] and style is TEX else FACTOR, notation, style)
                for s in others
            ]
            if numbers != 1:
                parts.insert(0, Number(self.shape, numbers).within(PRODUCT, notation, style))
        if not (isinstance(self.operand, Number) and self.operand.expression == 1 and parts):
            loose = SUM + 1 if not parts else FACTOR if isinstance(self.operand, Hadamard) and others else PRODUCT
            parts.append(self.operand.within(loose, notation, style))
        return negative + style.times.join(parts)

    def _fraction(self, numbers: Any, above: list[Node], below: list[Node], notation: Notation, style: Style) -> str:
        """The scalars as one fraction: 2 ‖u‖² / t."""
        up, down = (Number(self.shape, e) for e in numbers.as_numer_denom())
        sides = []
        for number, nodes in ((up, above), (down, [_inverted(s) for s in below])):
            every = [*([number] if number.expression != 1 else []), *nodes]
            single = len(every) == 1 and style is TEX
            shown = [e.show(notation, style) if single else e.within(_loose(e), notation, style) for e in every]
            sides.append(style.times.join(shown) or "1")
        return style.frac(*sides)

    def value(self, at: Valuation) -> Any:
        scalars = [s.value(at) for s in self.scalars]
        if any(s.item() == 0 for s in scalars):  # what stands behind a bracket that is 0 need not exist
            return np.zeros(tuple(map(at.size, self.shape)), dtype=int).astype(object) * scalars[0]
        return functools.reduce(lambda a, s: a * s, scalars, self.operand.value(at))


@dataclass(frozen=True)
class Sum(Node):
    """A sum; scalars among the terms are added to each element."""

    terms: tuple[Node, ...]
    level = SUM

    def show(self, notation: Notation, style: Style = TEX) -> str:
        text = ""
        for number, term in enumerate(sorted(self.terms, key=is_negative)):
            shown = term.within(SUM + 1, notation, style) if not is_negative(term) else term.show(notation, style)
            if number == 0:
                text = shown
            elif shown.startswith("-"):
                text += style.minus + shown[1:]
            else:
                text += f" + {shown}"
        return text

    def value(self, at: Valuation) -> Any:
        return functools.reduce(lambda a, b: a + b, (t.value(at) for t in self.terms))


@dataclass(frozen=True)
class Power(Node):
    """An elementwise power; of a scalar, a power."""

    base: Node
    exponent: Any
    level = FACTOR

    def show(self, notation: Notation, style: Style = TEX) -> str:
        if self.exponent == sp.S.Half and not isinstance(self.base, SquaredNorm):
            return style.sqrt(self.base.show(notation, style))
        exponent = str(self.exponent) if self.exponent.is_Rational else Printer(notation, {}, style)(self.exponent)
        inner = self.base.within(ATOM, notation, style)
        if style is TEX and ("^" in inner and not inner.startswith(r"\left")):
            inner = style.paren(inner)
        if not self.is_scalar:
            return style.elementwise_power(inner, exponent)
        if _is_below(self):
            below = _inverted(self)
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


def _loose(node: Node) -> int:
    return PRODUCT if isinstance(node, Number) else FACTOR


def _is_below(node: Node) -> bool:
    """Whether a factor belongs under a fraction."""
    return isinstance(node, Power) and bool(node.exponent.is_Rational and node.exponent < 0)


def _inverted(node: Node) -> Node:
    assert isinstance(node, Power)
    return node.base if node.exponent == -1 else Power(node.shape, node.base, -node.exponent)


def is_negative(node: Node) -> bool:
    if isinstance(node, Number):
        return bool(node.expression.could_extract_minus_sign())
    if isinstance(node, Scale):
        numbers = sp.Mul(*(s.expression for s in node.scalars if isinstance(s, Number)))
        return bool(numbers.could_extract_minus_sign())
    return False


def _merge_superscript(symbol: str, above: str) -> str:
    """``W^{(1)}_{x}`` transposed: ``W^{(1)\\top}_{x}``."""
    start = symbol.index("^{")
    end = symbol.index("}", start)
    return f"{symbol[:end]}{above}{symbol[end:]}"
