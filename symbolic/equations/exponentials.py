r"""Exponentials along directions: an upper right block of the exponential of a block bidiagonal matrix.

.. math:: C(A; E_1, \dots, E_k) = \left[\exp \begin{pmatrix} A & E_1 & & \\ & A & \ddots & \\ & & \ddots & E_k \\
   & & & A \end{pmatrix}\right]_{1,k+1} = \int_{s_0 + \dots + s_k = 1} e^{s_0 A} E_1 e^{s_1 A} \cdots E_k e^{s_k A}

(Van Loan, Computing integrals involving the matrix exponential, 1978). :math:`C(A; E)` is the Fréchet derivative of the
exponential along E (Higham, Functions of Matrices, 2008, theorem 3.6). The family is closed under differentiation: a
direction put in at each place, since C is linear in each of its directions, and

.. math:: \operatorname{tr}(G^\top C(A; E_1, \dots, E_k)) =
   \operatorname{tr}(E_s^\top C(A^\top; E_{s-1}^\top, \dots, E_1^\top, G, E_k^\top, \dots, E_{s+1}^\top)).

An entry is a node whose body holds the matrix and its directions side by side: at the first bound index p = 0 it is the
entry of A, at p = s that of :math:`E_s`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.functions.special.tensor_functions import KroneckerDelta

from .definition import Definition, owner
from .dims import Range, free_index, fresh_index
from .matrix_functions import MatrixFunction
from .nodes import expressions


class ExponentialAlong(MatrixFunction):
    """An entry of C(A; E₁, ..., E_k): ``ExponentialAlong(body, (p, 0, k), (r, 0, n - 1), (c, 0, n - 1), name, i, j)``.

    >>> from .nodes import KroneckerDelta
    >>> A, E = sp.IndexedBase("A", real=True), sp.IndexedBase("E", real=True)
    >>> r, c, i, j = sp.symbols("r c i j", integer=True)
    >>> n = sp.Symbol("n", integer=True, positive=True)
    >>> entry = along((A[r, c], E[r, c]), ((r, 0, n - 1), (c, 0, n - 1)), (i, j))
    >>> entry.bodies, entry.index
    ((A[r, c], E[r, c]), (i, j))
    """

    def __new__(cls, body: Any, place: Any, row: Any, column: Any, name: Any, *index: Any, **assumptions: Any) -> Any:
        limits = (sp.Tuple(*limit) for limit in (place, row, column))
        return sp.Expr.__new__(cls, sp.sympify(body, strict=True), *limits, Str(str(name)), *expressions(index))

    @property
    def limits(self) -> tuple[Any, ...]:
        return self.args[1:4]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return "along"

    @property
    def index(self) -> tuple[Any, ...]:
        return self.args[5:]  # type: ignore[no-any-return]

    @property
    def bodies(self) -> tuple[Any, ...]:
        """The entry of the matrix, and that of each direction."""
        place, _, last = self.args[1]
        return tuple(self.args[0].xreplace({place: sp.Integer(s)}) for s in range(int(last) + 1))

    def rebuilt(self, body: Any, limits: tuple[Any, ...]) -> Any:
        return ExponentialAlong(body, *limits, self.args[4], *self.index)

    def other(self, name: str, *index: Any) -> Any:
        """An entry of another function of the matrix, or of this one at another index."""
        if name == "along":
            return ExponentialAlong(*self.args[:4], name, *index)
        return MatrixFunction(self.bodies[0], *self.ends, name, *index)


def along(bodies: Sequence[Any], ends: Sequence[Range], index: Sequence[Any]) -> Any:
    """An entry of C(A; E₁, ..., E_k) from the entries of A, E₁, ... at the bound row and column ``ends``."""
    if len(bodies) == 1:
        return MatrixFunction(bodies[0], *ends, "expm", *index)
    place = fresh_index()
    body = sp.Add(*(KroneckerDelta(place, s) * part for s, part in enumerate(bodies)))
    return ExponentialAlong(body, (place, 0, len(bodies) - 1), *ends, "along", *index)


def is_exponential(e: Any) -> bool:
    """Whether a node is an entry of an exponential, along directions or along none."""
    return isinstance(e, MatrixFunction) and e.name in ("expm", "along")


def turned(body: Any, ends: Sequence[Any]) -> Any:
    """The entry of the transposed matrix."""
    (row, *_), (column, *_) = ends
    return body.xreplace({row: column, column: row})


def transposed(bodies: Sequence[Any], ends: Sequence[Any], place: int, cotangent: Any) -> list[Any]:
    """The matrix and directions of ∂ tr(Gᵀ C) / ∂E_s for s = ``place``, where ``cotangent`` is the entry of G."""
    matrix, *directions = (turned(body, ends) for body in bodies)
    return [matrix, *directions[: place - 1][::-1], cotangent, *directions[place:][::-1]]


def unit_place(definition: Definition | None) -> int | None:
    """The s for which E_s is the unit matrix at the two indices before the last two: then C is ∂C/∂E_s[r, c]."""
    node = None if definition is None else definition.rhs
    if definition is None or not isinstance(node, ExponentialAlong) or definition.rank < 4:
        return None
    *_, r, c, i, j = definition.indices
    unit = unit_entry(node.ends, r, c)
    found = [s for s, body in enumerate(node.bodies) if s and body == unit]
    return found[0] if node.index == (i, j) and len(found) == 1 else None


def slope_of(definition: Definition) -> Definition | None:
    """The array A for which a definition is all of ∂(e^A)/∂A, or of ∂(e^(Aᵀ))/∂Aᵀ; None for any other."""
    if unit_place(definition) is None or definition.rank != 4 or len(definition.rhs.bodies) != 2:
        return None
    body, ends = definition.rhs.bodies[0], [limit[0] for limit in definition.rhs.ends]
    is_entry = isinstance(body, sp.Indexed) and list(body.indices) in (ends, ends[::-1])
    return owner(body) if is_entry else None


def unit_entry(ends: Sequence[Any], r: Any, c: Any) -> Any:
    """The entry of the matrix that has a 1 at (r, c) and is 0 elsewhere."""
    (row, *_), (column, *_) = ends
    return KroneckerDelta(row, r) * KroneckerDelta(column, c)


def whole_index(batch: int) -> tuple[Any, Any]:
    """The row and the column of a value behind ``batch`` leading axes."""
    return free_index(batch), free_index(batch + 1)
