"""What the user's modules see of NumPy beside its array creation, while a trace runs.

Most functions of NumPy ask a symbolic array themselves. Here stand those that do not: classes (``np.vectorize``,
``np.nditer``), ``np.r_``, functions of sizes (``np.triu_indices``), and every function that is given a list of arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import sympy as sp

from ..arrays import grids, iterating, mapping, windows
from ..arrays.array import Array, as_array, elementwise
from ..arrays.numpy_functions import FUNCTIONS, sinc
from ..arrays.reductions import sum_
from ..arrays.selecting import truncated


def is_symbolic(value: Any) -> bool:
    """Whether a value is, or holds, something that NumPy would need numbers for."""
    if isinstance(value, (Array, sp.Expr)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(is_symbolic(v) for v in value.flat)
    return isinstance(value, (list, tuple)) and any(is_symbolic(v) for v in value)


class Namespace(ModuleType):
    """A module with some of its names meaning something else."""

    def __init__(self, module: ModuleType, changed: dict[str, Any]) -> None:
        super().__init__(module.__name__, module.__doc__)
        self.__dict__["_module"] = module
        self.__dict__.update(changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)


def guarded(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    """The replacement where an argument is symbolic, else the original."""

    def function(*args: Any, **kwargs: Any) -> Any:
        symbolic = any(map(is_symbolic, (*args, *kwargs.values())))
        return replacement(*args, **kwargs) if symbolic else original(*args, **kwargs)

    function.__name__ = getattr(original, "__name__", "function")
    return function


def _listed(original: Callable[..., Any], row: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is given a list with symbolic entries in the place of an array."""

    def replacement(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(value, Array) for value in (*args, *kwargs.values())):
            return original(*args, **kwargs)  # it asks the array itself
        return row(*args, **kwargs)

    return guarded(original, replacement)


_ITERATING: dict[str, Callable[..., Any]] = {
    "nditer": iterating.NdIter, "ndenumerate": iterating.ndenumerate, "ndindex": iterating.ndindex,
}  # fmt: skip

_OF_SIZES: dict[str, Callable[..., Any]] = {
    "diag_indices": grids.diag_indices, "tril_indices": grids.tril_indices, "triu_indices": grids.triu_indices,
}  # fmt: skip


def numpy_names() -> dict[str, Any]:
    """The names of the NumPy module that mean something else."""
    names: dict[str, Any] = {}
    for key, row in FUNCTIONS.items():
        same = getattr(np, key.__name__, None) is key
        if same:
            names[key.__name__] = _listed(key, row)
    for table in (_ITERATING, _OF_SIZES):
        names |= {name: guarded(getattr(np, name), row) for name, row in table.items()}
    names |= {"vectorize": mapping.Vectorized, "frompyfunc": mapping.frompyfunc}
    names |= {"r_": grids.Joiner(np.r_, False), "c_": grids.Joiner(np.c_, True)}
    names["sinc"] = guarded(np.sinc, sinc)
    names["lib"] = Namespace(np.lib, {"stride_tricks": Namespace(np.lib.stride_tricks, _strides())})
    return names


def _strides() -> dict[str, Any]:
    return {"as_strided": guarded(np.lib.stride_tricks.as_strided, windows.as_strided)}


def originals() -> dict[int, Any]:
    """The same by the identity of what they stand for, for names that were imported one by one."""
    found = {id(getattr(np, name)): row for name, row in numpy_names().items()}
    stride_tricks = np.lib.stride_tricks
    own = _strides()
    found[id(stride_tricks)] = Namespace(stride_tricks, own)
    found |= {id(getattr(stride_tricks, name)): row for name, row in own.items()}
    return found


# -- the math module --------------------------------------------------------------------------------------------------
def _erf(x: Any) -> Array:
    return elementwise("erf", sp.erf, x)


def _log(x: Any, base: Any = None) -> Any:
    if base is None:
        return np.log(x)
    by = np.log(base) if isinstance(base, Array) else sp.log(sp.nsimplify(base))
    return as_array(np.log(x) if isinstance(x, Array) else sp.log(sp.nsimplify(x))) / by


def _dist(p: Any, q: Any) -> Any:
    return np.sqrt(sum_((as_array(p) - as_array(q)) ** 2))


_MATH: dict[str, Callable[..., Any]] = {
    "erf": _erf, "erfc": lambda x: 1 - _erf(x), "pow": np.power, "fabs": np.abs, "log1p": np.log1p, "expm1": np.expm1,
    "sqrt": np.sqrt, "exp": np.exp, "log": _log, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "sinh": np.sinh, "cosh": np.cosh, "atan": np.arctan, "asin": np.arcsin, "acos": np.arccos, "atan2": np.arctan2,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "log2": np.log2, "log10": np.log10,
    "exp2": np.exp2, "cbrt": np.cbrt, "hypot": np.hypot, "copysign": np.copysign, "degrees": np.degrees,
    "radians": np.radians, "dist": _dist, "fsum": lambda values: sum(values), "prod": lambda values: math.prod(values),
    "isnan": lambda x: False, "isinf": lambda x: False, "isfinite": lambda x: True,
    "floor": lambda x: truncated(np.floor(x)), "ceil": lambda x: truncated(np.ceil(x)), "trunc": lambda x: truncated(x),
    "fmod": np.fmod, "modf": np.modf, "remainder": lambda x, y: x - y * np.rint(x / y),
}  # fmt: skip
"""Functions of ``math`` on symbolic scalars."""


def math_names() -> dict[str, Any]:
    """The functions of ``math`` that take symbolic scalars and sizes."""
    return {name: _math(name, row) for name, row in _MATH.items() if hasattr(math, name)}


def _math(name: str, symbolic: Callable[..., Any]) -> Callable[..., Any]:
    original = getattr(math, name)
    exact: Callable[..., Any] | None = None if name in ("fsum", "prod", "dist") else getattr(sp, name, None)

    def function(*args: Any) -> Any:
        if exact is not None and len(args) == 1 and isinstance(args[0], sp.Expr) and not args[0].is_number:
            return exact(args[0])
        held = any(isinstance(a, Array) or (isinstance(a, (list, tuple)) and is_symbolic(a)) for a in args)
        return symbolic(*args) if held else original(*args)

    return function


def in_tuples(value: Any, swapped: Mapping[int, Any]) -> Any:
    """A tuple of types (``array_types = (np.ndarray,)``) with what they mean during the trace; None without any."""
    if not isinstance(value, tuple) or not any(id(part) in swapped for part in value):
        return None
    if not all(isinstance(part, type) for part in value):
        return None
    return tuple(swapped.get(id(part), part) for part in value)
