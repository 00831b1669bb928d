r"""The table of matrix functions: what is no sum over entries (inverse, determinant), a row each.

An entry of f(A) is the node ``MatrixFunction(body, row, column, name, *index)``: the body is the entry of A at the two
bound indices, and ``index`` says which entry of f(A) is meant. A row holds the shape of the value, its partial
derivatives (as entries of functions of the same matrix), NumPy's name for it, and where it has a value.

Functions of a symmetric matrix are those of :math:`(A + A^\top) / 2`, as in JAX, so that their gradients are
symmetric: with :math:`\Phi(B)` the lower triangle of B, its diagonal halved, :math:`L L^\top = A` and
:math:`A = V \operatorname{diag}(\lambda) V^\top`,

.. math:: dL = L \, \Phi(L^{-1} dA \, L^{-\top}), \qquad d\lambda_k = v_k^\top dA \, v_k, \qquad
   dv_k = \sum_{j \ne k} \frac{v_j^\top dA \, v_k}{\lambda_k - \lambda_j} v_j .

The derivatives of the exponential are exponentials of block matrices (:mod:`.exponentials`).

The eigenvalues have to be distinct for the last two. Eigenvectors are known up to a sign: what depends on it, NumPy
decides.

Source of the formulas: Petersen and Pedersen, The Matrix Cookbook (2012), equations 40, 43, 49, 57, 60, 67, 68; Murray,
Differentiation of the Cholesky decomposition (2016), equation 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import sympy as sp
from sympy.core.symbol import Str
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError

from .dims import fresh_index
from .nodes import Reduction, Sum, expressions


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
        return sp.Expr.__new__(cls, body, sp.Tuple(*row), sp.Tuple(*column), label, *expressions(index))

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
    def ends(self) -> tuple[Any, ...]:
        """The bound row and column of the matrix."""
        return self.limits[-2:]

    @property
    def bodies(self) -> tuple[Any, ...]:
        """The entry of each matrix that the function has: of one."""
        return self.args[:1]  # type: ignore[no-any-return]

    @property
    def size(self) -> Any:
        """The number of rows of the matrix."""
        _, first, last = self.ends[0]
        return sp.expand(last - first + 1)

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


class Beside:
    """Entries of functions that stand beside one: of the same matrix, or of its own value."""

    def __init__(self, node: MatrixFunction, make: Callable[..., Any]) -> None:
        self.node, self.make = node, make

    def __call__(self, name: str, *index: Any) -> Any:
        """An entry of another function of the same matrix."""
        return self.make(self.node.other(name, *index))

    def of_value(self, name: str, *index: Any) -> Any:
        """An entry of a function of the value f(A), which is a matrix."""
        r, c = fresh_index(), fresh_index()
        limits = ((r, 0, self.node.size - 1), (c, 0, self.node.size - 1))
        return self.make(MatrixFunction(self(self.node.name, r, c), *limits, name, *index))

    def sum(self, body: Callable[[Any], Any]) -> Any:
        """Σ_k over the places of the matrix."""
        k = fresh_index()
        return Sum(body(k), (k, 0, self.node.size - 1))


@dataclass(frozen=True, slots=True)
class Row:
    """One function of a square matrix A.

    ``called`` is its name in a sentence, ``rank`` the number of axes of its value, each as long as A's;
    ``partial(at, index, r, c)`` is ∂f(A)[index]/∂A[r, c]; ``numpy`` is source with ``{0}`` for A, which may have axes
    before its two; ``formula`` is the differential, in LaTeX. ``where`` says of which matrices it has a value: of
    "all", of the "regular" or the "definite" ones, of those whose eigenvalues are "split"; ``of`` which are taken:
    "all", or "symmetric" ones; ``turns`` says that f(Aᵀ) = f(A)ᵀ, so that f(A) is symmetric where A is.
    """

    name: str
    called: str
    rank: int
    partial: Callable[[Beside, tuple[Any, ...], Any, Any], Any]
    numpy: str
    formula: str
    where: str = "all"
    of: str = "all"
    turns: bool = True


def _inverse(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    i, j = index
    return -at("inv", i, r) * at("inv", c, j)


def _determinant(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    return at("det") * at("inv", c, r)


def _logdet(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    return at("inv", c, r)


def _nothing(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    return sp.S.Zero


def _elsewhere(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    raise UnsupportedError("derivatives of exponentials have more than one matrix; they are in calculus.exponential")


def lower_half(k: Any, j: Any) -> Any:
    """The entry of the mask Φ: 1 below the diagonal, ½ on it."""
    return sp.Piecewise((sp.S.One, k >= j + 1), (sp.S.Half, sp.Eq(k, j)), (sp.S.Zero, True), evaluate=False)


def _cholesky(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    i, j = index
    return at.sum(lambda k: at("chol", i, k) * lower_half(k, j) * at.of_value("inv", k, r) * at.of_value("inv", j, c))


def _eigenvalue(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    (k,) = index
    return at("eigvec", r, k) * at("eigvec", c, k)


def _eigenvector(at: Beside, index: tuple[Any, ...], r: Any, c: Any) -> Any:
    i, k = index

    def others(j: Any) -> Any:
        same = KroneckerDelta(j, k)  # on the diagonal nothing is divided by 0
        gap = (1 - same) / (at("eigval", k) - at("eigval", j) + same)
        return at("eigvec", i, j) * gap * at("eigvec", r, j) * at("eigvec", c, k)

    return at.sum(others)


ROWS: Final[Mapping[str, Row]] = MappingProxyType({
    row.name: row
    for row in (
        Row("inv", "the inverse", 2, _inverse, "np.linalg.inv({0})", r"d(A^{-1}) = -A^{-1} \, dA \, A^{-1}", "regular"),
        Row("det", "the determinant", 0, _determinant, "np.linalg.det({0})",
            r"d \det A = \det A \operatorname{tr}(A^{-1} \, dA)"),
        Row("logabsdet", "log |det|", 0, _logdet, "np.linalg.slogdet({0})[1]",
            r"d \log |\det A| = \operatorname{tr}(A^{-1} \, dA)", "regular"),
        Row("detsign", "the sign of the determinant", 0, _nothing, "np.linalg.slogdet({0})[0]",
            r"d \operatorname{sign} \det A = 0"),
        Row("expm", "the exponential", 2, _elsewhere, "expm({0})",
            r"d e^A = \int_0^1 e^{s A} \, dA \, e^{(1 - s) A} \, ds"),
        Row("along", "the exponential along directions", 2, _elsewhere, "expm_along({0})",
            r"d C(A; E) = C(A; dA, E) + C(A; E, dA) + C(A; dE)", turns=False),
        Row("chol", "the Cholesky factor", 2, _cholesky, "np.linalg.cholesky({0})",
            r"dL = L \, \Phi(L^{-1} \, dA \, L^{-\top})", "definite", "symmetric", False),
        Row("eigval", "the eigenvalues", 1, _eigenvalue, "np.linalg.eigvalsh({0})",
            r"d\lambda_k = v_k^\top \, dA \, v_k", "all", "symmetric", False),
        Row("eigvec", "the eigenvectors", 2, _eigenvector, "np.linalg.eigh({0})[1]",
            r"dv_k = \sum_{j \ne k} \frac{v_j^\top \, dA \, v_k}{\lambda_k - \lambda_j} v_j",
            "split", "symmetric", False),
    )
})  # fmt: skip
"""Every matrix function by name."""
