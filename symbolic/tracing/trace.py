"""A user's own NumPy function, run on symbolic arrays: its result as index equations.

``trace`` makes the inputs, takes over array creation while the function runs (:mod:`.trace_creation`), watches which
variable each array is given to (:mod:`.trace_names`), and says at which line of the user's code something failed.

>>> import numpy as np
>>> def loss(X, w):
...     z = X @ w
...     a = np.tanh(z)
...     return np.sum(a ** 2) / X.shape[0]
>>> traced = trace(loss, {"X": ("m", "n"), "w": ("n",)})
>>> [definition.name for definition in traced.system().equations][:2]
['z', 'a']
"""

from __future__ import annotations

import inspect
import linecache
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import GradproofError, UnsupportedError, UsageError

from ..arrays.array import Array, array, as_array
from .both_sides import Branches, joining_branches
from .scopes import reach
from .trace_creation import watched_creation
from .trace_names import Names, renamed


def trace(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
    """The result of ``function(**inputs)`` on symbolic arrays: an array, or tuples, lists and dicts of them.

    An input is a shape (a tuple of names, positive integers and SymPy symbols), a pair of a shape and assumptions
    (``(("m",), {"integer": True})``), a symbolic array, or a dict or list of such; any other value is passed as it is.
    The user's variables name the intermediates. ``x.shape[0]`` is a symbol where the size is one.

    While the function runs, its module sees a NumPy whose array creation is symbolic, and ``float``, ``int`` and
    ``len`` that know symbolic arrays; other threads should not run the same module meanwhile. What the function keeps
    elsewhere (on ``self``, in a cache) keeps its symbolic value.

    Raises :class:`~gradproof.errors.UnsupportedError` and :class:`~gradproof.errors.ShapeError` with the line of the
    user's code, and :class:`~gradproof.errors.UsageError` for inputs that the function does not take.
    """
    if not callable(function):
        raise UsageError(f"trace() takes a function and its inputs, not a {type(function).__name__}")
    values = {name: as_input(name, spec) for name, spec in inputs.items()}
    positional, keywords = _arguments(function, values)
    reached = reach(function)
    modules, names = reached.modules, Names(reached.modules)
    try:
        branches = Branches(reached, always=True)
        with joining_branches(branches), watched_creation(modules, reached.cells, reached.namespaces), names:
            result = function(*positional, **keywords)
            branches.finish()
    except (Exception, SystemExit) as error:  # a function's own exit would end in a code that reads as a verdict
        raise located(error, modules) from error
    return renamed(result, names.found)


def as_input(name: str, spec: Any) -> Any:
    """The argument that an entry of ``inputs`` stands for."""
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], dict):
        shape, assumptions = spec
        return array(name, shape, **assumptions)
    if isinstance(spec, tuple) and all(_is_size(part) for part in spec):
        return array(name, spec)
    if isinstance(spec, dict):
        return {key: as_input(str(key), part) for key, part in spec.items()}
    if isinstance(spec, (list, tuple)) and spec and all(isinstance(part, (tuple, dict, Array)) for part in spec):
        return type(spec)(as_input(f"{name}{position}", part) for position, part in enumerate(spec))
    if isinstance(spec, Array):
        return Array(spec.definition, mutable=spec.mutable)
    return spec


def _is_size(part: Any) -> bool:
    return isinstance(part, (str, int, np.integer, sp.Expr)) and not isinstance(part, bool)


def _arguments(function: Callable[..., Any], values: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The values as the function takes them; positional-only parameters and ``*args`` are filled by name."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return tuple(values.values()), {}
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    positional = [name for name, kind in kinds.items() if kind is inspect.Parameter.POSITIONAL_ONLY and name in values]
    rest = {name: value for name, value in values.items() if name not in positional}
    arguments = tuple(values[name] for name in positional)
    if inspect.Parameter.VAR_POSITIONAL in kinds.values() and not set(rest) & set(kinds):
        arguments, rest = (*arguments, *rest.values()), {}
    try:
        signature.bind(*arguments, **rest)
    except TypeError as error:
        name = getattr(function, "__name__", "the function")
        given = ", ".join(values) or "no inputs"
        raise UsageError(f"{name}{signature} cannot be called with {given}: {error}") from error
    return arguments, rest


# -- where it happened ---------------------------------------------------------------------------------------------
_HINTS = (
    ("cannot determine truth value", "a branch on a symbolic size or value; give the size as a number or use np.where"),
    ("cannot be interpreted as an integer", "a symbolic size where a number is needed; give this size as a number"),
    ("Cannot convert expression to float", "a symbolic size where a number is needed; give this size as a number"),
    ("Cannot convert symbols to int", "a symbolic size where a number is needed; give this size as a number"),
)


def located(error: Exception | SystemExit, modules: list[dict[str, Any]]) -> GradproofError:
    """The error with the line of the user's code where it happened."""
    where = _line(error.__traceback__, {id(m) for m in modules})
    if isinstance(error, GradproofError):
        return type(error)(f"{error}{where}")
    text = str(error)
    for sign, hint in _HINTS:
        if sign in text:
            return UnsupportedError(f"{hint}{where}")
    return UnsupportedError(f"the function raised {type(error).__name__} on symbolic arrays: {text}{where}")


def _line(traceback: TracebackType | None, modules: set[int]) -> str:
    found: tuple[str, int] | None = None
    while traceback is not None:
        if id(traceback.tb_frame.f_globals) in modules:
            found = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    if found is None:
        return ""
    path, number = found
    source = linecache.getline(path, number).strip()
    return f" (in {os.path.basename(path)} line {number}{f': `{source}`' if source else ''})"


__all__ = ["as_array", "as_input", "located", "trace"]
