"""Eigenvalues and eigenvectors of one matrix in one statement: ``lam, V = np.linalg.eigh(P)`` takes them once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .emit import Line

_VALUES: Final = re.compile(r"np\.linalg\.eigvalsh\((\w+)\)")
_VECTORS: Final = re.compile(r"np\.linalg\.eigh\((\w+)\)\[1\]")


def decomposed_once(lines: Sequence[Line]) -> list[Line]:
    """The lines with the two of each matrix in the place of the first; no line in them stores to the matrix."""
    found: dict[tuple[str, int], dict[str, int]] = {}
    for number, line in enumerate(lines):
        for name, pattern in (("values", _VALUES), ("vectors", _VECTORS)):
            match = pattern.fullmatch(line.source)
            if match is not None and line.target and line.complete:
                found.setdefault((match[1], line.depth), {})[name] = number
    result: list[Line | None] = list(lines)
    for (matrix, _), places in found.items():
        if len(places) < 2:
            continue
        values, vectors = lines[places["values"]], lines[places["vectors"]]
        first, last = sorted(places.values())
        both = replace(
            lines[first], target=f"{values.target}, {vectors.target}", source=f"np.linalg.eigh({matrix})",
            equation=f"{values.equation}, {vectors.equation}",
        )  # fmt: skip
        result[first], result[last] = both, None
    return [line for line in result if line is not None]
