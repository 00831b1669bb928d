"""``numpy.linalg`` on symbolic arrays: inverses and determinants by their table, solving and powers in terms of them.

Leading axes are a batch, as in NumPy. A system is solved by the inverse here, ``solve(A, b) = A⁻¹ b``; generated code
calls ``np.linalg.solve``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.dims import fits, free_index, fresh_index, own_index, same_dim, show_shape
from ..equations.exponentials import along
from ..equations.matrix_definitions import matrix_definition
from ..equations.matrix_functions import ROWS, MatrixFunction
from ..equations.symmetry import is_symmetric
from .array import Array, as_array
from .products import eye, swapaxes


class SlogdetResult(NamedTuple):
    """What ``np.linalg.slogdet`` gives: det A = sign · exp(logabsdet)."""

    sign: Array
    logabsdet: Array


def inv(x: Any) -> Array:
    """A⁻¹, of a matrix or of each matrix in a stack."""
    return _function("inv", x, "np.linalg.inv")


def det(x: Any) -> Array:
    """det A."""
    return _function("det", x, "np.linalg.det")


def slogdet(x: Any) -> SlogdetResult:
    """The sign of det A and log |det A|."""
    what = "np.linalg.slogdet"
    return SlogdetResult(_function("detsign", x, what), _function("logabsdet", x, what))


class EighResult(NamedTuple):
    """What ``np.linalg.eigh`` gives: eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Array
    eigenvectors: Array


def cholesky(x: Any, /, *, upper: bool = False) -> Array:
    """L with L Lᵀ = A, lower triangular with a positive diagonal, for a symmetric A that is positive definite."""
    lower = _function("chol", x, "np.linalg.cholesky")
    return swapaxes(lower, -1, -2) if upper else lower


def eigvalsh(a: Any, UPLO: str = "L") -> Array:
    """The eigenvalues of a symmetric A in ascending order. They have derivatives where they are distinct."""
    return _function("eigval", a, "np.linalg.eigvalsh")


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """The eigenvalues and eigenvectors of a symmetric A; the sign of each vector is NumPy's."""
    what = "np.linalg.eigh"
    return EighResult(_function("eigval", a, what), _function("eigvec", a, what))


def expm(x: Any) -> Array:
    """The exponential e^A = I + A + A²/2 + ... of a square matrix or of each matrix in a stack: SciPy's ``expm``.

    >>> from .array import array
    >>> expm(array("A", ("n", "n")))
    <symbolic array expm_A(n, n)>
    """
    return _function("expm", x, "expm")


def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    """e^A and its derivative along E, or that alone: SciPy's ``expm_frechet``, for matrices or stacks of one shape.

    ``method`` and ``check_finite`` say how numbers are computed, and mean nothing here.

    >>> from .array import array
    >>> A, E = array("A", ("n", "n")), array("E", ("n", "n"))
    >>> expm_frechet(A, E, compute_expm=False)
    <symbolic array D(n, n)>
    """
    matrix, direction = _square(A, "expm_frechet"), _square(E, "expm_frechet")
    shape, other = matrix.definition.shape, direction.definition.shape
    if len(shape) != len(other) or not all(map(fits, shape, other)):
        raise ShapeError(
            f"expm_frechet: {matrix.name} and {direction.name} have the shapes {show_shape(shape)} and "
            f"{show_shape(other)}, which must be one"
        )
    own, index = own_index(shape[:-2]), tuple(free_index(len(shape) - 2 + a) for a in range(2))
    ends = [(k, 0, shape[-1] - 1) for k in (fresh_index(), fresh_index())]
    entries = [x.definition.at(*own, *(k for k, *_ in ends)) for x in (matrix, direction)]
    if shape[-1] == 1 or same_dim(shape[-1], sp.S.One):
        derivative = as_array(np.exp(matrix)) * direction
    else:
        derivative = Array(matrix_definition("along", along(entries, ends, index), shape[:-2]))
    return (expm(matrix), derivative) if compute_expm else derivative


def solve(a: Any, b: Any) -> Array:
    """The x with A x = b: b is a vector, or a matrix whose columns are solved for."""
    matrix, right = _square(a, "np.linalg.solve"), as_array(b)
    rows = right.definition.shape[-1 if right.ndim == 1 else -2] if right.ndim else None
    if rows is None or not fits(rows, matrix.definition.shape[-1]):
        shapes = f"{show_shape(matrix.definition.shape)} and {show_shape(right.definition.shape)}"
        raise ShapeError(f"np.linalg.solve: {matrix.name} and {right.name} have the shapes {shapes}, which do not fit")
    return inv(matrix) @ right  # type: ignore[no-any-return]


class LstsqResult:
    """What ``np.linalg.lstsq`` gives: the solution, and three results that are refused where they are used."""

    def __init__(self, solution: Array) -> None:
        self.solution = solution

    def __getitem__(self, position: int) -> Array:
        if position in (0, -4):
            return self.solution
        raise UnsupportedError("np.linalg.lstsq: of its results the solution, [0], is in the engine")

    def __iter__(self) -> Iterator[Any]:
        return iter((self.solution, *(_Missing(name) for name in ("residuals", "rank", "singular values"))))

    def __len__(self) -> int:
        return 4


class _Missing:
    """A result that may be unpacked and not used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"np.linalg.lstsq: its {self._name} are not in the engine; its solution is")


def lstsq(a: Any, b: Any, rcond: Any = None) -> LstsqResult:
    """The x that makes ‖A x − b‖ smallest, (AᵀA)⁻¹ Aᵀ b: for A of full column rank, and of no other."""
    matrix = as_array(a)
    if matrix.ndim != 2:
        raise ShapeError(
            f"np.linalg.lstsq: {matrix.name} has shape {show_shape(matrix.definition.shape)}, not a matrix's"
        )
    rows, columns = matrix.definition.shape
    if (rows - columns).is_negative:
        raise UnsupportedError(
            f"np.linalg.lstsq: {matrix.name} has fewer rows than columns, and the smallest of many solutions goes "
            "through the pseudo-inverse; for full row rank write A.T @ np.linalg.solve(A @ A.T, b)"
        )
    return LstsqResult(solve(matrix.T @ matrix, matrix.T @ b))


def matrix_power(x: Any, n: Any) -> Array:
    """Aⁿ for a whole number n."""
    matrix = _square(x, "np.linalg.matrix_power")
    if not isinstance(n, (int, np.integer)) and not getattr(n, "is_Integer", False):
        raise UnsupportedError(f"np.linalg.matrix_power: the exponent {n} must be a whole number")
    power = int(n)
    base = matrix if power >= 0 else inv(matrix)
    if power == 0:
        size = matrix.definition.shape[-1]
        return eye(size) + 0 * matrix if matrix.ndim > 2 else eye(size)
    result = base
    for _ in range(abs(power) - 1):
        result = result @ base
    return result


def multi_dot(arrays: Any, **kwargs: Any) -> Array:
    """The product of several matrices."""
    first, *rest = arrays
    for other in rest:
        first = as_array(first) @ other
    return as_array(first)


def _square(x: Any, what: str) -> Array:
    matrix = as_array(x)
    shape = matrix.definition.shape
    if len(shape) < 2 or not fits(shape[-1], shape[-2]):
        raise ShapeError(f"{what}: {matrix.name} has shape {show_shape(shape)}; it must be square in its last two axes")
    return matrix


def _function(name: str, x: Any, what: str) -> Array:
    matrix = _square(x, what)
    if ROWS[name].of == "symmetric" and not is_symmetric(matrix.definition):
        raise UnsupportedError(
            f"{what}: {matrix.name} is not known to be symmetric, and NumPy would read one of its triangles; make it "
            "gp.array(..., symmetric=True) or positive_definite=True, or take (A + A.T) / 2"
        )
    if not ROWS[name].turns:
        matrix = (matrix + swapaxes(matrix, -1, -2)) / 2
    shape = matrix.definition.shape
    batch = shape[:-2]
    if shape[-1] == 1 or same_dim(shape[-1], sp.S.One):
        return _of_number(name, matrix)
    argument = matrix.definition
    r, c = fresh_index(), fresh_index()
    own = own_index(batch)
    limits = (r, 0, shape[-1] - 1), (c, 0, shape[-1] - 1)
    index = tuple(free_index(len(batch) + a) for a in range(ROWS[name].rank))
    node = MatrixFunction(argument.at(*own, r, c), *limits, name, *index)
    return Array(matrix_definition(name, node, batch))


_OF_NUMBER: dict[str, Callable[[Array], Any]] = {
    "inv": lambda x: 1 / x,
    "det": lambda x: x[..., 0, 0],
    "logabsdet": lambda x: np.log(np.abs(x[..., 0, 0])),
    "detsign": lambda x: np.sign(x[..., 0, 0]),
    "expm": np.exp,
    "chol": np.sqrt,
    "eigval": lambda x: x[..., 0],
    "eigvec": np.ones_like,
}
"""The functions of a 1 × 1 matrix."""


def _of_number(name: str, matrix: Array) -> Array:
    return as_array(_OF_NUMBER[name](matrix))


__all__ = [
    "EighResult", "LstsqResult", "SlogdetResult", "cholesky", "det", "eigh", "eigvalsh", "expm", "expm_frechet", "inv",
    "lstsq", "matrix_power", "multi_dot", "slogdet", "solve",
]  # fmt: skip
