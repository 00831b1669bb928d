"""Arrays of numbers that a function finds outside of its arguments (data in a module, on ``self``, in a closure).

For the time of a run symbolic arrays stand in their places: constants, so that ``DATA.T`` is known to be the transpose
of ``DATA``, or arrays of any values and sizes, for which a proof holds whatever the data are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np

from ..arrays.array import Array, as_array
from .scopes import Reached

MOST_HELD: Final = 40
"""Of more arrays than these it is not asked what holds for all of their values."""


def constants_in(reached: Reached) -> list[np.ndarray[Any, Any]]:
    """The arrays of floats that were reached."""
    return [v for v in reached.mutable if isinstance(v, np.ndarray) and v.dtype.kind == "f" and v.size]


def holds_constants(reached: Reached) -> bool:
    """Whether the functions have arrays of numbers of their own: found outside, or written out."""
    written = {"array", "asarray", "linspace"}
    return bool(constants_in(reached)) or any(written.intersection(f.__code__.co_names) for f in reached.functions)


def put_constants(reached: Reached) -> None:
    """Put a symbolic constant wherever one of the arrays stands; whoever calls this puts the old content back."""
    put(reached, {id(v): Array(as_array(v).definition, mutable=v.ndim > 0) for v in constants_in(reached)})


def held_in(reached: Reached, taken: Collection[str] = ()) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of numbers that were reached, by the names under which they stand; none where there are very many.

    A name that is ``taken``, or is that of another array, gets an underscore more.
    """
    plain = [v for v in reached.mutable if type(v) is np.ndarray]  # other kinds of arrays are caches of other runs
    found = [v for v in plain if v.dtype.kind in "fiub" and v.size and v.ndim]
    if len(found) > MOST_HELD:
        return {}
    names: dict[int, str] = {}
    filled = {id(cell) for cell in reached.cells}  # cells compare by what they hold, arrays entry by entry
    for function in reached.functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if id(cell) in filled:
                names.setdefault(id(cell.cell_contents), name)
    for scope in (*reached.modules, *reached.namespaces):
        for name, value in scope.items():
            names.setdefault(id(value), str(name))
    held: dict[str, np.ndarray[Any, Any]] = {}
    for value in found:
        name = names.get(id(value), "c")
        name = name if name.isidentifier() else "c"
        while name in held or name in taken:
            name += "_"
        held[name] = value
    return held


def put(reached: Reached, made: Mapping[int, Array]) -> None:
    """Put arrays wherever those with the given ``id`` stand; whoever calls this puts the old content back."""
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
