r"""The table of matrix functions: what is no sum over entries (inverse, determinant), a row each.

An entry of f(A) is the node ``MatrixFunction(body, row, column, name, *index)``: the body is the entry of A at the two
bound indices, and ``index`` says which entry of f(A) is meant. A row holds the shape of the value, its partial
derivatives (as entries of functions of the same matrix), NumPy's name for it, and where it has a value.

Source of the formulas: Petersen and Pedersen, The Matrix Cookbook (2012), equations 40, 43, 49, 57, 60.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import sympy as sp
from sympy.core.symbol import Str

from .nodes import Reduction


class MatrixFunction(Reduction):
    """An entry of a function of a square matrix, ``MatrixFunction(body, (r, 0, n - 1), (c, 0, n - 1), name, *index)``.

    >>> A, n = sp.IndexedBase("A", real=True), sp.Symbol("n", integer=True, positive=True)
    >>> r, c, i, j = sp.symbols("r c i j", integer=True)
    >>> inverse = MatrixFunction(A[r, c], (r, 0, n - 1), (c, 0, n - 1), "inv", i, j)
    >>> inverse.name, inverse.index
    ('inv', (i, j))
    """

    def __new__(cls, body: Any, row: Any, column: Any, name: Any, *index: Any, **assumptions: Any) -> Any:
        label = name if isinstance(name, Str) else Str(str(name))
        body = sp.sympify(body, strict=True)
        return sp.Expr.__new__(cls, body, sp.Tuple(*row), sp.Tuple(*column), label, *map(sp.sympify, index))

    @property
    def limits(self) -> tuple[Any, ...]:
        return self.args[1:3]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return str(self.args[3].name)

    @property
    def index(self) -> tuple[Any, ...]:
        return self.args[4:]  # type: ignore[no-any-return]

    @property
    def size(self) -> Any:
        """The number of rows of the matrix."""
        return sp.expand(self.args[1][2] - self.args[1][1] + 1)

    @property
    def free_symbols(self) -> set[Any]:
        bound = {limit[0] for limit in self.limits}
        inside = set().union(*(e.free_symbols for e in (self.args[0], *(x for l in self.limits for x in l[1:]))))
        return (inside - bound).union(*(e.free_symbols for e in self.index))

    def rebuilt(self, body: Any, limits: tuple[Any, ...]) -> Any:
        """The same function of another body."""
        return MatrixFunction(body, *limits, self.args[3], *self.index)

    def other(self, name: str, *index: Any) -> Any:
        """An entry of another function of the same matrix."""
        return MatrixFunction(*self.args[:3], name, *index)


Entry = Callable[..., Any]
"""``at(name, *index)``: an entry of a function of the same matrix."""


@dataclass(frozen=True, slots=True)
class Row:
    """One function of a square matrix A.

    ``called`` is its name in a sentence, ``rank`` the number of axes of its value, each as long as A's;
    ``partial(at, index, r, c)`` is ∂f(A)[index]/∂A[r, c]; ``numpy`` is source with ``{0}`` for A, which may have axes
    before its two; ``regular`` says that the determinant must not vanish; ``formula`` is the differential, in LaTeX.
    """

    name: str
    called: str
    rank: int
    partial: Callable[[Entry, tuple[Any, ...], Any, Any], Any]
    numpy: str
    formula: str
    regular: bool = False


def _inverse(at: Entry, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    i, j = index
    return -at("inv", i, r) * at("inv", c, j)


def _determinant(at: Entry, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    return at("det") * at("inv", c, r)


def _logdet(at: Entry, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    return at("inv", c, r)


def _nothing(at: Entry, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    return sp.S.Zero


ROWS: Final[Mapping[str, Row]] = MappingProxyType({
    row.name: row
    for row in (
        Row("inv", "the inverse", 2, _inverse, "np.linalg.inv({0})", r"d(A^{-1}) = -A^{-1} \, dA \, A^{-1}", True),
        Row("det", "the determinant", 0, _determinant, "np.linalg.det({0})",
            r"d \det A = \det A \operatorname{tr}(A^{-1} \, dA)"),
        Row("logabsdet", "log |det|", 0, _logdet, "np.linalg.slogdet({0})[1]",
            r"d \log |\det A| = \operatorname{tr}(A^{-1} \, dA)", True),
        Row("detsign", "the sign of the determinant", 0, _nothing, "np.linalg.slogdet({0})[0]",
            r"d \operatorname{sign} \det A = 0"),
    )
})  # fmt: skip
"""Every matrix function by name."""
