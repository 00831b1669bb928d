"""Whose names are exchanged while user code runs: globals and closures of its functions and of what these reach.

The walk goes through every module that user code names, and a verification runs it often: it is kept until something
changes that it depends on. That is looked at once a verification, and modules and cells at each run.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.frames import MACHINERY

_OURS: Final = tuple(f"gradproof.numeric.{folder}." for folder in MACHINERY)
_FACE: Final = "gradproof"


@dataclass(frozen=True, slots=True)
class Scopes:
    """What was found: global names by module, and closure cells; ``empty`` are cells that are not filled yet."""

    modules: Sequence[dict[str, Any]]
    cells: Sequence[CellType]
    empty: Sequence[CellType] = ()

    def state(self, functions: Iterable[Any]) -> list[Any]:
        """All that a walk goes by: functions, classes and modules that are named, classes of the objects held, methods.

        Another walk finds the same where these are the same objects, and no module or cell is new.
        """
        named: list[Any] = []
        classes: dict[type, None] = {}
        for value in self._held(functions):
            if isinstance(value, (FunctionType, type, ModuleType)):
                named.append(value)
            else:
                classes |= dict.fromkeys(classes_of(value))
        users = [*classes, *(value for value in named if isinstance(value, type) and is_users(value))]
        methods = [entry for owner in users for entry in vars(owner).values() if isinstance(entry, FunctionType)]
        return [*self.counts(), *named, *classes, *methods]

    def counts(self) -> list[int]:
        """Modules that are loaded, and cells that have been filled since."""
        return [len(sys.modules), sum(map(_is_filled, self.empty))]

    def _held(self, functions: Iterable[Any]) -> Iterator[Any]:
        yield from (function.__self__ for function in functions if isinstance(function, MethodType))
        yield from (cell.cell_contents for cell in self.cells)
        for names in self.modules:
            yield from (value for name, value in list(names.items()) if not name.startswith("__"))


@dataclass(slots=True)
class _Walked:
    functions: tuple[weakref.ref[Any], ...]
    scopes: Scopes
    state: list[Any]
    verification: object | None

    def is_of(self, functions: Sequence[Any]) -> bool:
        if not _are_same([ref() for ref in self.functions], functions):
            return False
        if _verifications and self.verification is _verifications[-1]:
            counts = self.scopes.counts()
            return self.state[: len(counts)] == counts
        if not _are_same(self.state, self.scopes.state(functions)):
            return False
        self.verification = _verifications[-1] if _verifications else None
        return True


def _are_same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two sequences hold the same objects, or equal numbers."""
    return len(one) == len(other) and all(
        a is b or (type(a) is type(b) is int and a == b) for a, b in zip(one, other, strict=True)
    )


_last: list[_Walked] = []
"""The last walk: runs of one verification follow each other."""

_verifications: list[object] = []


@contextmanager
def one_verification() -> Iterator[None]:
    """What the user's functions name is looked at once inside the block: it is not exchanged while a verification runs.

    The data that they hold may be large, and every run on balls would go through them.
    """
    _verifications.append(object())
    try:
        yield
    finally:
        _verifications.pop()


def user_scopes(functions: Iterable[Any]) -> Scopes:
    """The globals and closures of the functions and of those they reach by name.

    Of installed packages only the modules of what user code names itself (a function it calls, the class of an object
    it holds) belong to it: not what these call in turn.
    """
    asked = list({id(function): function for function in functions}.values())
    asked.sort(key=id)
    if _last and _last[0].is_of(asked):
        return _last[0].scopes
    found = _walk(asked)
    _last.clear()
    try:
        refs = tuple(map(weakref.ref, asked))
    except TypeError:  # an object that cannot be referred to weakly would be kept alive
        return found
    _last.append(_Walked(refs, found, found.state(asked), _verifications[-1] if _verifications else None))
    return found


def _walk(functions: Iterable[Any]) -> Scopes:
    found: dict[int, dict[str, Any]] = {}
    queue: list[tuple[Any, bool]] = [(function, True) for function in functions]  # and whether user code names it
    seen: set[tuple[int, bool]] = set()
    cells: list[CellType] = []
    empty: list[CellType] = []
    while queue:
        function, named = queue.pop()
        if (id(function), named) in seen:
            continue
        seen.add((id(function), named))
        queue += [(f, True) for f in getattr(function, "user_functions", ())]
        if isinstance(function, MethodType):
            queue += [(c, True) for c in classes_of(function.__self__)]
            function = function.__func__
        if isinstance(function, type) or not isinstance(function, FunctionType):
            owner: type = function if isinstance(function, type) else type(function)
            entries = [getattr(v, "__func__", v) for c in owner.__mro__[:-1] for v in vars(c).values()]
            methods = [v for v in entries if isinstance(v, FunctionType)]  # static ones too
            queue += [(m, named) for m in methods if id(m.__globals__) not in found]
            continue
        scope = function.__globals__
        ours = scope.get("__name__", "").startswith(_OURS)
        if _is_installed(function.__code__.co_filename) and not ours:
            if named and is_users(function):
                found[id(scope)] = scope
            continue
        for cell in function.__closure__ or ():
            if not _is_filled(cell):
                empty.append(cell)
                continue
            content = cell.cell_contents
            cells.append(cell)
            queue += [
                (c, True) for c in ([content] if callable(content) and is_users(content) else classes_of(content))
            ]
        if ours:
            continue  # what user code reaches through us stands in a cell
        queue += [(f, True) for f in _called(function)]
        if id(scope) in found:
            continue
        found[id(scope)] = scope
        for name, value in list(scope.items()):
            if name.startswith("__"):
                continue
            if isinstance(value, ModuleType):
                # of our own face only what a function names can be the user's
                members = vars(value).values() if is_users(value) and value.__name__ != _FACE else ()
                queue += [(v, False) for v in members if isinstance(v, (FunctionType, type)) and is_users(v)]
            elif isinstance(value, (FunctionType, type)):
                queue += [(value, False)] if is_users(value) else []
            else:
                queue += [(c, True) for c in classes_of(value)]
    return Scopes(list(found.values()), cells, empty)


def _is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - reading is the test
    except ValueError:
        return False
    return True


def _is_installed(file: str) -> bool:
    if "/gradproof/numeric/reference/" in file.replace(os.sep, "/"):
        return False  # our own reference networks are code to be checked, installed or not
    return "site-packages" in file or file.startswith((os.path.dirname(os.__file__), "<frozen"))


def _called(function: FunctionType) -> list[Any]:
    """The functions and classes that the body of a function names: ``f``, ``module.f``, in its lambdas too."""
    codes, names = [function.__code__], set[str]()
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    for module in [v for v in values if isinstance(v, ModuleType) and is_users(v)]:
        values += [vars(module)[name] for name in names if name in vars(module)]
    return [v for v in values if isinstance(v, (FunctionType, type)) and is_users(v)]


def classes_of(value: Any) -> list[type]:
    """The user's classes among an object and what it holds: the layers of a network, say."""
    found: dict[type, None] = {}
    queue: list[tuple[Any, int]] = [(value, 0)]
    seen: set[int] = set()
    while queue and len(seen) < MOST_HELD:
        node, depth = queue.pop()
        if id(node) in seen or depth > DEEPEST_HELD or isinstance(node, (ModuleType, FunctionType, type, np.ndarray)):
            continue
        seen.add(id(node))
        if isinstance(node, (list, tuple)):
            queue += [(part, depth + 1) for part in node[:WIDEST_HELD] if not isinstance(part, (float, int, str))]
        elif isinstance(node, dict):
            queue += [(part, depth + 1) for part in list(node.values())[:WIDEST_HELD]]
        elif is_users(type(node)):
            found[type(node)] = None
            queue += [(part, depth + 1) for part in getattr(node, "__dict__", {}).values()]
    return list(found)


_LIBRARIES: Final = {"numpy", "scipy", "pytest", "flint", "sympy", "torch", "jax"}
_NOT_USERS: Final = frozenset(sys.stdlib_module_names) - {"__main__"} | _LIBRARIES


MOST_HELD: Final = 4096
DEEPEST_HELD: Final = 6
WIDEST_HELD: Final = 256
"""How many objects, how deep and how many parts of each are looked at for the user's classes."""


def is_users(value: Any) -> bool:
    """Whether a function, a class or a module is neither the standard library's nor one of the libraries left alone."""
    module = getattr(value, "__module__", None) or (value.__name__ if isinstance(value, ModuleType) else "")
    return module.partition(".")[0] not in _NOT_USERS
