"""Outputs in lists of lists: flattened to be computed, and put back where they stood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradproof.errors import UsageError
from gradproof.symbolic.arrays.array import Array


def numbered(outputs: Any, arrays: list[Array]) -> Any:
    """The outputs with a number for each array; the arrays are added to ``arrays`` in that order."""
    if isinstance(outputs, Array):
        arrays.append(outputs)
        return len(arrays) - 1
    if isinstance(outputs, (list, tuple)):
        return [numbered(part, arrays) for part in outputs]
    raise UsageError("compile takes a symbolic array or a list of them")


def placed(nested: Any, results: Sequence[Any]) -> Any:
    """The results in the place of their numbers."""
    return results[nested] if isinstance(nested, int) else [placed(part, results) for part in nested]
