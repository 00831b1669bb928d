"""What the numeric modules share: the array types and the look-up of a named row in a table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UsageError

# The forward and backward passes are duck-typed on purpose: the same lines run on float arrays, on object arrays of
# balls, and on anything that implements __array_ufunc__ and __array_function__. No static type says that today.
Array: TypeAlias = Any
Params: TypeAlias = dict[str, Array]
FloatArray: TypeAlias = NDArray[np.float64]

Row = TypeVar("Row")


def row(table: Mapping[str, Row], name: str, kind: str) -> Row:
    """The row of ``table`` called ``name``; a UsageError that lists the valid names if there is none.

    >>> row({"relu": 1, "tanh": 2}, "tanh", "activation")
    2
    >>> row({"relu": 1, "tanh": 2}, "rleu", "activation")
    Traceback (most recent call last):
    gradproof.errors.UsageError: no activation is called 'rleu' (did you mean 'relu'?); the names are relu, tanh
    """
    if name in table:
        return table[name]
    close = difflib.get_close_matches(str(name).lower(), table, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise UsageError(f"no {kind} is called {name!r}{hint}; the names are {', '.join(table)}")
