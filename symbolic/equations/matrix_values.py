"""Matrix functions of balls, by Arb's matrices: one row for each of :data:`.matrix_functions.ROWS`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import flint

from gradproof.errors import UnsupportedError


def _inverse(matrix: Any, i: int, j: int) -> Any:
    try:
        return matrix.inv()[i, j]
    except ZeroDivisionError as error:
        raise UnsupportedError("a matrix is singular at this point, or its balls are too wide to invert it") from error


def _logabsdet(matrix: Any) -> Any:
    return abs(matrix.det()).log()


def _detsign(matrix: Any) -> Any:
    value = matrix.det()
    if value > 0 or value < 0:
        return value / abs(value)
    raise UnsupportedError("a determinant is zero at this point, or its ball too wide to have a sign")


def along(matrix: Any, *rest: Any) -> Any:
    """An entry (i, j) of C(A; E_1, ..., E_k): of the upper right block of exp of A with the directions beside it."""
    *directions, i, j = rest
    n, count = matrix.nrows(), len(directions)
    block = flint.arb_mat((count + 1) * n, (count + 1) * n)
    for s, (p, q) in itertools.product(range(count + 1), itertools.product(range(n), repeat=2)):
        block[s * n + p, s * n + q] = matrix[p, q]
        if s < count:
            block[s * n + p, (s + 1) * n + q] = directions[s][p, q]
    return block.exp()[i, count * n + j]


def along_units(matrix: Any, i: int, *pairs: int) -> Any:
    """The entry of C(A; E_1, ...) at (i, j) for unit matrices E_s at (r_s, c_s), given as i, r_1, c_1, r_2, ..., j."""
    *places, j = pairs
    n = matrix.nrows()
    units = [flint.arb_mat(n, n) for _ in places[::2]]
    for unit, r, c in zip(units, places[::2], places[1::2], strict=True):
        unit[r, c] = 1
    return along(matrix, *units, i, j)


def _cholesky(matrix: Any, i: int, j: int) -> Any:
    """An entry of the Cholesky factor L of the symmetric part S; beside it, for A = S + N, L Φ(L⁻¹ N L⁻ᵀ).

    What is factored is symmetric. Moving one entry alone, as differences do, leaves it unsymmetric: there the second
    term is what makes the slope by every entry the L Φ(L⁻¹ dA L⁻ᵀ) of the calculus.
    """
    n = matrix.nrows()
    turned = matrix.transpose()
    odd = (matrix - turned) / 2
    if all(odd[r, c].contains(0) for r in range(n) for c in range(n)):
        return _factor(_entries(matrix))[i][j]
    lower = flint.arb_mat(_factor(_entries((matrix + turned) / 2)))
    inverse = lower.inv()
    inside = inverse * odd * inverse.transpose()
    return lower[i, j] + sum((lower[i, k] * inside[k, j] for k in range(j + 1, n)), flint.arb(0))


def _eigenvalue(matrix: Any, k: int) -> Any:
    return _spectrum(_entries(matrix))[k][0]


def _eigenvector(matrix: Any, i: int, k: int) -> Any:
    """An entry of the eigenvector of length 1 whose largest entry is positive."""
    return _spectrum(_entries(matrix))[k][1][i]


def _entries(matrix: Any) -> tuple[tuple[_Ball, ...], ...]:
    return tuple(tuple(_Ball(matrix[i, j]) for j in range(matrix.ncols())) for i in range(matrix.nrows()))


class _Ball:
    """A ball that can be a key: two are equal where they are the same set."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key = (flint.ctx.prec, *(part.man_exp() for part in (value.mid(), value.rad()) if value.is_finite()))

    def __hash__(self) -> int:
        return hash(str(self.key))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ball) and self.key == other.key and len(self.key) == 3


@lru_cache(maxsize=32)
def _factor(entries: tuple[tuple[_Ball, ...], ...]) -> list[list[Any]]:
    """L with L Lᵀ = A by the textbook's algorithm, row after row."""
    n = len(entries)
    lower = [[flint.arb(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = entries[i][j].value - sum((lower[i][k] * lower[j][k] for k in range(j)), flint.arb(0))
            if i == j and not rest > 0:
                raise UnsupportedError("a matrix is not positive definite at this point, or its balls are too wide")
            lower[i][j] = rest.sqrt() if i == j else rest / lower[j][j]
    return lower


@lru_cache(maxsize=32)
def _spectrum(entries: tuple[tuple[_Ball, ...], ...]) -> list[tuple[Any, list[Any]]]:
    """The eigenvalues of a symmetric matrix in ascending order, each with its eigenvector."""
    matrix = flint.acb_mat([[entry.value for entry in row] for row in entries])
    try:
        values, vectors = matrix.eig(right=True)
    except ValueError as error:
        raise UnsupportedError("eigenvalues are equal at this point, or their balls too wide to tell") from error
    columns = [_turned([vectors[i, k] for i in range(len(entries))]) for k in range(len(values))]
    pairs = [(value.real, column) for value, column in zip(values, columns, strict=True)]
    return sorted(pairs, key=functools.cmp_to_key(_in_order))


def _in_order(one: Any, other: Any) -> int:
    return -1 if one[0] < other[0] else 1


def _turned(vector: list[Any]) -> list[Any]:
    """A multiple of a complex vector that is real, of length 1, and positive in its largest entry."""
    largest = max(vector, key=lambda z: float(abs(z).mid()))
    real = [(z / largest).real for z in vector]
    length = sum((x * x for x in real), flint.arb(0)).sqrt()
    return [x / length for x in real]


BALLS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "inv": _inverse,
        "det": lambda matrix: matrix.det(),
        "logabsdet": _logabsdet,
        "detsign": _detsign,
        "expm": lambda matrix, i, j: matrix.exp()[i, j],
        "along": along,
        "chol": _cholesky,
        "eigval": _eigenvalue,
        "eigvec": _eigenvector,
    }
)
"""``BALLS[name](matrix, *index)``: one entry of a function of a matrix of balls; "along" has its directions, too."""
