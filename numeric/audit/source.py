"""The functions of the user's that a function can reach, each with its syntax tree."""

from __future__ import annotations

import functools
import linecache
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from gradproof.numeric.balls.frames import MACHINERY, place
from gradproof.numeric.balls.scopes import classes_of
from gradproof.symbolic.user_code.trees import Node, codes_within, parsed, tree_of

_NOT_USERS: Final = frozenset(sys.stdlib_module_names) - {"__main__"} | {"numpy", "scipy", "pytest", "flint", "sympy"}
_OURS: Final = tuple(f"gradproof.numeric.{folder}." for folder in MACHINERY)


@dataclass(frozen=True, eq=False)
class Source:
    """A function and its syntax tree, with the true line numbers of its file."""

    function: FunctionType
    tree: Node

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return self.function.__code__.co_filename

    def line(self, number: int) -> str:
        """A line of the file."""
        return linecache.getline(self.file, number).rstrip("\n")

    def place(self, number: int) -> str:
        """``model.py:12 (in loss)``."""
        return place(self.file, number, self.function.__name__)


@lru_cache(maxsize=1024)
def source_of(function: FunctionType) -> Source | None:
    """The syntax tree of a function, or None where it cannot be told which part of which file it is."""
    module = parsed(function.__code__.co_filename, function.__globals__)
    tree = None if module is None else tree_of(module, function.__code__)
    return None if tree is None else Source(function, tree)


def user_functions(function: Callable[..., Any]) -> list[FunctionType]:
    """The function and every function of the user's that it can reach by name, the function itself first."""
    found: dict[int, FunctionType] = {}
    queue: list[Any] = [function]
    seen: set[int] = set()
    while queue:
        value = queue.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, functools.partial):
            queue.append(value.func)
        elif isinstance(value, MethodType):
            queue += [value.__func__, type(value.__self__), *classes_of(value.__self__)]
        elif isinstance(value, type):
            members = [getattr(v, "__func__", v) for c in value.__mro__[:-1] for v in vars(c).values()]
            queue += [v for v in members if isinstance(v, FunctionType)]
        elif isinstance(value, FunctionType):
            wrapped = getattr(value, "__wrapped__", None)
            if wrapped is not None:
                queue.append(wrapped)
            if value is function or not _is_library(value):
                found[id(value)] = value
                queue += _mentioned(value)
        elif callable(value):
            queue += [type(value), *classes_of(value)]
    return list(found.values())


def _is_library(function: FunctionType) -> bool:
    file = function.__code__.co_filename
    module = function.__module__ or ""
    return (
        "site-packages" in file
        or file.startswith((os.path.dirname(os.__file__), "<frozen"))
        or module.partition(".")[0] in _NOT_USERS
        or module.startswith(_OURS)
    )


def _mentioned(function: FunctionType) -> list[Any]:
    names: set[str] = set()
    for code in codes_within(function.__code__):
        names |= set(code.co_names)
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # a cell that is not filled yet
            continue
    for module in [v for v in values if isinstance(v, ModuleType) and v.__name__.partition(".")[0] not in _NOT_USERS]:
        values += [vars(module)[name] for name in names if name in vars(module)]
    users = [v for v in values if isinstance(v, (FunctionType, MethodType, functools.partial, type))]
    held = [c for v in values if not isinstance(v, (ModuleType, FunctionType, type)) for c in classes_of(v)]
    return [v for v in (*users, *held) if _belongs_to_user(v)]


def _belongs_to_user(value: Any) -> bool:
    return (getattr(value, "__module__", None) or "").partition(".")[0] not in _NOT_USERS | {"builtins"}
