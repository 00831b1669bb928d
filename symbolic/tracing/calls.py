"""Calls that no protocol of NumPy hands to a symbolic argument: ``data.dot(w)`` of a plain array, ``"%f" % x``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..arrays.array import Array, as_array
from .stand_ins import is_symbolic

_CONVERSION = re.compile(r"%(?:\((\w+)\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[diouxXeEfFgG]")


def method(receiver: Any, name: str) -> Callable[..., Any]:
    """``receiver.name``, which of a plain array takes symbolic arguments too."""
    bound: Callable[..., Any] = getattr(receiver, name)
    if not isinstance(receiver, np.ndarray):
        return bound

    def call(*args: Any, **kwargs: Any) -> Any:
        symbolic = any(map(is_symbolic, (*args, *kwargs.values())))
        return getattr(as_array(receiver), name)(*args, **kwargs) if symbolic else bound(*args, **kwargs)

    return call


def formatted(text: str, values: Any) -> Any:
    """``text % values``, in which a symbolic value stands by its name.

    >>> from gradproof.symbolic.arrays.array import array
    >>> formatted("step %d: %.3f", (1, array("loss")))
    'step 1: <symbolic array loss()>'
    """
    if isinstance(values, Mapping):
        symbolic = {key for key, value in values.items() if isinstance(value, Array)}
        return _CONVERSION.sub(lambda m: f"%({m[1]})s" if m[1] in symbolic else m[0], text) % values
    row = values if isinstance(values, tuple) else (values,)
    if not any(isinstance(value, Array) for value in row) or "*" in text:
        return text % values
    places = iter(row)

    def by_name(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return found[0]
        return "%s" if isinstance(next(places, None), Array) else found[0]

    return re.sub(rf"%%|{_CONVERSION.pattern}|%[sra]", by_name, text) % row
