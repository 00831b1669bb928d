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

import numpy as np
import sympy as sp

from ..equations.definition import Definition
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

    def transposed(self, notation: Notation, style: Style) -> str:
        """The formula of the transpose."""
        return style.transpose(self.within(ATOM, notation, style))

    @property
    def under(self) -> Node | None:
        """What stands under the line where this factor belongs into a denominator."""
        return None

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

    def transposed(self, notation: Notation, style: Style) -> str:
        symbol = self.show(notation, style)
        # W^{(1)} and its transposition share one superscript
        return _merge_superscript(symbol, r"\top") if style is TEX and "^{" in symbol else style.transpose(symbol)

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
        return self.operand.transposed(notation, style)

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
        below = [f for f in self.factors if f.under is not None]
        above = [f for f in self.factors if f not in below]
        if not above:
            above, below = below, []
        shown = style.hadamard.join(f.within(FACTOR, notation, style) for f in above)
        if not below:
            return shown
        under = style.hadamard.join(f.within(FACTOR, notation, style) for f in _unders(below))
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
        operand = self.operand
        if operand.is_scalar and operand.under is not None:  # m (1/s) as m/s
            others, operand = [*others, operand], Number(operand.shape, sp.S.One)
        negative = "-" if numbers.could_extract_minus_sign() else ""
        numbers = -numbers if negative else numbers
        below = [s for s in others if s.under is not None]
        above = [s for s in others if s not in below]
        if below:
            parts = [self._fraction(numbers, above, below, notation, style)]
        else:
            alone = isinstance(operand, Number) and operand.expression == 1
            parts = [
                s.within(PRODUCT if alone and s is others[-1] and style is TEX else FACTOR, notation, style)
                for s in others
            ]
            if numbers != 1:
                parts.insert(0, Number(self.shape, numbers).within(PRODUCT, notation, style))
        if not (isinstance(operand, Number) and operand.expression == 1 and parts):
            plain = all(isinstance(s, (Leaf, Sum)) for s in others)  # c x ⊙ y, but 1ᵀx (y ⊙ z)
            loose = SUM + 1 if not parts else PRODUCT if plain or not isinstance(operand, Hadamard) else FACTOR
            parts.append(operand.within(loose, notation, style))
        return negative + style.times.join(parts)

    def _fraction(self, numbers: Any, above: list[Node], below: list[Node], notation: Notation, style: Style) -> str:
        """The scalars as one fraction: 2 ‖u‖² / t."""
        up, down = (Number(self.shape, e) for e in numbers.as_numer_denom())
        sides = []
        for number, nodes in ((up, above), (down, _unders(below))):
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


def _loose(node: Node) -> int:
    return PRODUCT if isinstance(node, Number) else FACTOR


def _unders(below: list[Node]) -> list[Node]:
    return [node.under for node in below if node.under is not None]


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
