"""Arrays of numbers that a function finds outside of its arguments (data in a module, on ``self``, in a closure), made
symbolic constants for the time of a run, so that ``DATA.T`` is known to be the transpose of ``DATA``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import Array, as_array
from .scopes import Reached


def constants_in(reached: Reached) -> list[np.ndarray[Any, Any]]:
    """The arrays of floats that were reached."""
    return [v for v in reached.mutable if isinstance(v, np.ndarray) and v.dtype.kind == "f" and v.size]


def holds_constants(reached: Reached) -> bool:
    """Whether the functions have arrays of numbers of their own: found outside, or written out."""
    written = {"array", "asarray", "linspace"}
    return bool(constants_in(reached)) or any(written.intersection(f.__code__.co_names) for f in reached.functions)


def put_constants(reached: Reached) -> None:
    """Put a symbolic constant wherever one of the arrays stands; whoever calls this puts the old content back."""
    made = {id(value): Array(as_array(value).definition, mutable=value.ndim > 0) for value in constants_in(reached)}
    for names in (*reached.modules, *(m for m in reached.mutable if isinstance(m, dict))):
        names.update({name: made[id(value)] for name, value in names.items() if id(value) in made})
    for owner in reached.mutable:
        if isinstance(owner, list):
            owner[:] = [made.get(id(value), value) for value in owner]
        elif isinstance(attributes := getattr(owner, "__dict__", None), dict):
            attributes.update({name: made[id(value)] for name, value in attributes.items() if id(value) in made})
    for cell in reached.cells:
        if id(cell.cell_contents) in made:
            cell.cell_contents = made[id(cell.cell_contents)]
