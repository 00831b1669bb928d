"""What a user's function can reach: the modules and closures whose names it reads, and the state that it may change.

A loss is seldom alone: it is a method of a layer, a closure over data, a lambda around a model in another module.
:func:`reach` follows all of these, except into installed packages; :func:`preserved` gives everything found there its
old content back after a block, so that running the function on symbolic arrays leaves no trace.
"""

from __future__ import annotations

import random
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_OWN = frozenset({"numpy", "scipy", "sympy", "mpmath", "flint", "gradproof", "hypothesis", "pytest", "_pytest"})
"""Packages whose own names are left alone."""

_HAND_WRITTEN = "gradproof.numeric.reference"
"""Where code stands that is itself checked."""

_MOST = 20_000
"""So many objects are followed; what lies behind more of them is data."""


@dataclass(slots=True)
class Reached:
    """What was found: global names by module, closure cells, everything that can be changed in place, functions."""

    modules: list[dict[str, Any]] = field(default_factory=list)
    cells: list[CellType] = field(default_factory=list)
    mutable: list[Any] = field(default_factory=list)
    classes: list[type] = field(default_factory=list)
    functions: list[FunctionType] = field(default_factory=list)

    @property
    def namespaces(self) -> list[dict[str, Any]]:
        """Dicts that names are read from beside the modules: ``{"np": np}`` for ``eval``, an object's attributes."""
        held = (value if isinstance(value, dict) else getattr(value, "__dict__", None) for value in self.mutable)
        return [names for names in held if isinstance(names, dict)]

    def __contains__(self, names: object) -> bool:
        return any(names is module for module in self.modules)


def reach(*roots: Any) -> Reached:
    """Everything that the functions can read or change, outside of installed packages (but inside their own)."""
    result = Reached()
    packages = {p for p in map(_package, roots) if p is not None} - _OWN
    seen: dict[int, Any] = {}
    pending = list(reversed(roots))
    while pending and len(seen) < _MOST:
        value = pending.pop()
        if id(value) in seen or value is None or isinstance(value, (str, bytes, int, float, complex, np.generic)):
            continue
        seen[id(value)] = value
        pending.extend(_followed(value, result, packages))
    return result


def _package(value: Any) -> str | None:
    while isinstance(value, (partial, MethodType)):
        value = value.func if isinstance(value, partial) else value.__func__
    module = value.__module__ if hasattr(value, "__module__") else type(value).__module__
    return module.partition(".")[0] if isinstance(module, str) else None


def _is_users(module: Any, packages: set[str]) -> bool:
    """A module by name: neither the standard library nor an installed package, or one that was asked about."""
    root = module.partition(".")[0] if isinstance(module, str) else ""
    if root in packages or root == "__main__" or (isinstance(module, str) and module.startswith(_HAND_WRITTEN)):
        return True
    if root in sys.stdlib_module_names or root in _OWN:
        return False
    loaded = sys.modules.get(module) if isinstance(module, str) else None
    path = getattr(loaded, "__file__", None)
    if loaded is not None and path is None:
        return False
    return path is None or not any(path.startswith(sysconfig.get_path(key)) for key in ("purelib", "platlib"))


def _followed(value: Any, result: Reached, packages: set[str]) -> list[Any]:
    if isinstance(value, FunctionType):
        return _behind_function(value, result, packages)
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset]
    if isinstance(value, type):
        return _behind_class(value, result, packages)
    if isinstance(value, np.ndarray):
        result.mutable.append(value)
        return list(value.flat) if value.dtype == object else []
    if isinstance(value, dict):
        result.mutable.append(value)
        return list(value.values())
    if isinstance(value, (list, set)):
        result.mutable.append(value)
        return list(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, (np.random.Generator, np.random.RandomState)):
        result.mutable.append(value)
        return []
    if isinstance(value, ModuleType) or not _is_users(type(value).__module__, packages):
        return []
    result.mutable.append(value)
    return [type(value), *getattr(value, "__dict__", {}).values()]


def _behind_function(function: FunctionType, result: Reached, packages: set[str]) -> list[Any]:
    found: list[Any] = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # a cell that is not filled yet
            continue
        result.cells.append(cell)
    names = function.__globals__
    module = sys.modules.get(names.get("__name__", ""))
    if getattr(module, "__dict__", None) is names and not _is_users(names.get("__name__"), packages):
        return found
    result.functions.append(function)
    if names not in result:
        result.modules.append(names)
    used = _names(function.__code__)
    for name in used:
        value = names.get(name)
        if isinstance(value, ModuleType):
            if _is_users(value.__name__, packages):
                found += [vars(value)[inner] for inner in used if inner in vars(value)]
        else:
            found.append(value)
    return found


def _names(code: CodeType) -> list[str]:
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant)]
    return list(dict.fromkeys([*code.co_names, *inner]))


def _behind_class(cls: type, result: Reached, packages: set[str]) -> list[Any]:
    if not _is_users(cls.__module__, packages):
        return []
    result.classes.append(cls)
    return [*cls.__bases__, *(v for k, v in vars(cls).items() if not k.startswith("__") or callable(v))]


# -- putting back ---------------------------------------------------------------------------------------------------
@contextmanager
def preserved(reached: Reached) -> Iterator[None]:
    """Whatever the block changes in what was reached, and in the global random states, has its old content after it."""
    undo = [restore for value in reached.mutable if (restore := _kept(value)) is not None]
    undo += [_kept_dict(module) for module in reached.modules]
    undo += [_kept_class(cls) for cls in reached.classes]
    undo += [_kept_cell(cell) for cell in reached.cells]
    plain, legacy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(legacy)
        for restore in reversed(undo):
            restore()


def _kept(value: Any) -> Callable[[], None] | None:
    if isinstance(value, np.ndarray):
        return _kept_array(value) if value.flags.writeable else None
    if isinstance(value, dict):
        return _kept_dict(value)
    if isinstance(value, list):
        items = list(value)
        return lambda: value.__setitem__(slice(None), items)
    if isinstance(value, set):
        return _kept_set(value)
    if isinstance(value, np.random.Generator):
        bits, state = value.bit_generator, value.bit_generator.state
        return lambda: setattr(bits, "state", state)
    if isinstance(value, np.random.RandomState):
        held = value.get_state()
        return lambda: value.set_state(held)
    names = getattr(value, "__dict__", None)
    return _kept_dict(names) if isinstance(names, dict) else None


def _kept_array(value: np.ndarray[Any, Any]) -> Callable[[], None]:
    content = value.copy()

    def restore() -> None:
        value[...] = content

    return restore


def _kept_set(value: set[Any]) -> Callable[[], None]:
    members = set(value)

    def restore() -> None:
        value.clear()
        value.update(members)

    return restore


def _kept_dict(names: dict[Any, Any]) -> Callable[[], None]:
    before = dict(names)

    def restore() -> None:
        if names.keys() != before.keys() or any(names[key] is not value for key, value in before.items()):
            for key in [key for key in names if key not in before]:
                del names[key]
            names.update(before)

    return restore


def _kept_class(cls: type) -> Callable[[], None]:
    before = dict(vars(cls))

    def restore() -> None:
        for key in [key for key in vars(cls) if key not in before]:
            delattr(cls, key)
        for key, value in before.items():
            if vars(cls).get(key) is not value:
                setattr(cls, key, value)

    return restore


def _kept_cell(cell: CellType) -> Callable[[], None]:
    content = cell.cell_contents

    def restore() -> None:
        cell.cell_contents = content

    return restore
