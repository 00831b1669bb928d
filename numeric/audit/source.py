"""The user's functions as syntax trees, and edited trees as running code.

Nothing is executed from text: the tree of a function that is already loaded is edited, compiled, and its code takes the
place of the old one inside a block. The code is exchanged in the function object itself, so that every reference to it
(a helper imported elsewhere, a bound method, a closure) runs the edited one.
"""

from __future__ import annotations

import ast
import copy
import functools
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from gradproof.numeric.balls.ball import MACHINERY
from gradproof.numeric.balls.interception import classes_of

Tree = ast.FunctionDef | ast.Lambda

_NOT_USERS: Final = frozenset(sys.stdlib_module_names) - {"__main__"} | {"numpy", "scipy", "pytest", "flint", "sympy"}
_OURS: Final = tuple(f"gradproof.numeric.{folder}." for folder in MACHINERY)


@dataclass(frozen=True, eq=False)
class Source:
    """A function and its syntax tree, with the true line numbers of its file."""

    function: FunctionType
    tree: Tree

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return self.function.__code__.co_filename

    def line(self, number: int) -> str:
        """A line of the file."""
        return linecache.getline(self.file, number).rstrip("\n")

    def place(self, number: int) -> str:
        """``model.py:12 (in loss)``."""
        return f"{os.path.basename(self.file)}:{number} (in {self.function.__name__})"


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:  # a notebook's cell with magics, say
        return None


@lru_cache(maxsize=1024)
def source_of(function: FunctionType) -> Source | None:
    """The syntax tree of a function, or None where it cannot be told which part of which file it is."""
    code = function.__code__
    module = _parsed("".join(linecache.getlines(code.co_filename, function.__globals__)))
    if module is None:
        return None
    found = [
        node
        for node in ast.walk(module)
        if isinstance(node, (ast.FunctionDef, ast.Lambda)) and _first_line(node) == code.co_firstlineno
        and _name(node) == code.co_name and _arguments(node) == _arguments_of_code(code)
    ]  # fmt: skip
    return Source(function, found[0]) if len(found) == 1 else None


def _first_line(node: Tree) -> int:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return min([node.lineno, *[d.lineno for d in decorators]])


def _name(node: Tree) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else "<lambda>"


def _arguments(node: Tree) -> tuple[str, ...]:
    a = node.args
    rest = [x for x in (a.vararg, a.kwarg) if x is not None]
    return tuple(x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, *rest))


def _arguments_of_code(code: CodeType) -> tuple[str, ...]:
    extra = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # CO_VARARGS, CO_VARKEYWORDS
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + extra]


def compiled(source: Source, tree: Tree) -> CodeType | None:
    """The code of an edited tree, fit to take the place of the function's own; None where it does not fit."""
    old = source.function.__code__
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    if any(name.startswith("__") and not name.endswith("__") for name in attributes):
        return None  # a private name is mangled by its class, which is not compiled here
    tree = copy.deepcopy(tree)
    names = [ast.arg(name) for name in old.co_freevars]
    arguments = ast.arguments(posonlyargs=[], args=names, kwonlyargs=[], kw_defaults=[], defaults=[])
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list = []
        body: list[ast.stmt] = [tree]
    else:
        body = [ast.Return(tree)]
    outer = ast.FunctionDef("_outer", arguments, body, [], None, None)
    if sys.version_info >= (3, 12):
        outer.type_params = []
    module = ast.Module([outer], type_ignores=[])
    code = compile(ast.fix_missing_locations(module), old.co_filename, "exec", dont_inherit=True)
    inner = [c for c in _codes(next(_codes(code))) if c.co_name == old.co_name]
    return inner[0] if inner and inner[0].co_freevars == old.co_freevars else None


def _codes(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


@contextmanager
def running_instead(codes: Mapping[FunctionType, CodeType], names: Mapping[str, Any]) -> Iterator[None]:
    """Inside the block the functions run other code, which also sees ``names``."""
    old = {function: function.__code__ for function in codes}
    scopes = {id(f.__globals__): f.__globals__ for f in codes}
    try:
        for function, code in codes.items():
            function.__code__ = code
        for scope in scopes.values():
            scope.update(names)
        yield
    finally:
        for function, code in old.items():
            function.__code__ = code
        for scope in scopes.values():
            for name in names:
                scope.pop(name, None)


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
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += _codes(code)
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
