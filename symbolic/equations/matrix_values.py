"""Matrix functions of balls, by Arb's matrices: one row for each of :data:`.matrix_functions.ROWS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

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


BALLS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "inv": _inverse,
        "det": lambda matrix: matrix.det(),
        "logabsdet": _logabsdet,
        "detsign": _detsign,
    }
)
"""``BALLS[name](matrix, *index)``: one entry of a function of a matrix of balls."""
