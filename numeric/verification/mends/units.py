"""The user's functions that ran, with their syntax trees: found, recompiled after an edit, and swapped in for a run.

A function is edited by giving it another code object (``function.__code__ = ...``), compiled from its own syntax tree
with the edit in place; its globals, defaults and closure stay what they are, and whoever holds the function calls the
edited one. Nothing but the user's own source text, as ``inspect`` would find it, is ever compiled.
"""

from __future__ import annotations

import ast
import gc
import linecache
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np

from gradproof.numeric.balls.ball import MACHINERY

_HERE: Final = os.path.abspath(__file__)
_PARENT: Final = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
_OURS: Final = tuple(
    os.path.join(parent, folder) + os.sep
    for parent in {_PARENT, os.path.realpath(_PARENT)}
    for folder in MACHINERY
)  # fmt: skip
_INSTALLED: Final = tuple(os.path.dirname(str(module.__file__)) + os.sep for module in (np, os))
_LIBRARIES: Final = (*_INSTALLED, "<frozen", "<__array")

TICK: Final = "__gradproof_tick__"
"""What every turn of a ``while`` loop calls in an edited function, which may not end by itself."""


class TooLong(BaseException):
    """A candidate that does not end; not an Exception, so that user code does not catch it."""


_ends_at = math.inf


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Edited functions may loop for so long inside the block, then they end with TooLong."""
    global _ends_at
    before, _ends_at = _ends_at, time.process_time() + seconds
    try:
        yield
    finally:
        _ends_at = before


def _tick() -> None:
    if time.process_time() > _ends_at:
        raise TooLong


Node: TypeAlias = ast.FunctionDef | ast.Lambda


@dataclass(eq=False)
class Unit:
    """A function of the user's: the objects that share its code, and its tree, which edits change in place.

    ``shared`` says that the loss runs it too: an edit of it must leave the loss as it is.
    """

    functions: tuple[FunctionType, ...]
    code: CodeType
    node: Node
    lines: Sequence[str]
    shared: bool = False
    slots: dict[ast.AST, tuple[ast.AST, str, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ticks: set[ast.AST] = set()
        for loop in [node for node in ast.walk(self.node) if isinstance(node, ast.While)]:
            tick = ast.Expr(ast.Call(ast.Name(TICK, ast.Load()), [], []))
            loop.body.insert(0, ast.fix_missing_locations(ast.copy_location(tick, loop.body[0])))
            ticks.update(ast.walk(tick))
        for parent in ast.walk(self.node):
            for name, value in ast.iter_fields(parent):
                if isinstance(value, ast.AST):
                    self.slots[value] = (parent, name, None)
                elif isinstance(value, list):
                    for i, item in enumerate(value):
                        if isinstance(item, ast.AST):
                            self.slots[item] = (parent, name, i)
        self.slots = {node: slot for node, slot in self.slots.items() if node not in ticks}
        free = self.code.co_freevars
        self._arguments = _bare(self.node.args)
        outer = [_at(ast.arg(name)) for name in free if name != "__class__"]
        self._closure = ast.arguments([], outer, None, [], [], None, [])
        # A free variable that an edit removes is still named behind the end, so that the closure fits.
        names = ast.Expr(ast.Tuple([ast.Name(name, ast.Load()) for name in free], ast.Load()))
        unreached = _at(ast.If(ast.Constant(0), [names], []))
        self._unreached = [ast.fix_missing_locations(unreached)] if free else []

    @property
    def file(self) -> str:
        """The name of the file, without its folder."""
        return os.path.basename(self.code.co_filename)

    def compiled(self, node: Node | None = None) -> CodeType | None:
        """The code of the tree as it stands, or None if it cannot stand for the function's (another closure)."""
        node = self.node if node is None else node
        inner: ast.stmt
        if isinstance(node, ast.Lambda):
            inner = _at(ast.Expr(_at(ast.Lambda(self._arguments, node.body))))
        else:
            inner = _at(ast.FunctionDef(node.name, self._arguments, [*node.body, *self._unreached], []))
        owner = self.code.co_qualname.split(".")[-2:-1]
        if owner and owner != ["<locals>"]:
            inner = _at(ast.ClassDef(owner[0], [], [], [inner], []))
        outer = _at(ast.FunctionDef("outer", self._closure, [inner], []))
        flags = self.code.co_flags & 0x1FF0000  # the __future__ imports of the user's module
        try:
            code = compile(ast.Module([outer], []), self.code.co_filename, "exec", flags=flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return None
        for found in _codes(code):
            if found.co_name == self.code.co_name and found.co_freevars == self.code.co_freevars:
                return found
        return None

    @contextmanager
    def swapped(self, code: CodeType) -> Iterator[None]:
        """Let the function run with another code inside the block."""
        with self.names({TICK: _tick}):
            try:
                for function in self.functions:
                    function.__code__ = code
                yield
            finally:
                for function in self.functions:
                    function.__code__ = self.code

    @contextmanager
    def names(self, values: dict[str, Any]) -> Iterator[None]:
        """Let the function see further global names inside the block."""
        scopes = {id(f.__globals__): f.__globals__ for f in self.functions}.values()
        try:
            for scope in scopes:
                scope.update(values)
            yield
        finally:
            for scope in scopes:
                for name in values:
                    scope.pop(name, None)


_Placed = TypeVar("_Placed", bound=ast.AST)


def _at(node: _Placed) -> _Placed:
    """The node with a place in the file, which the compiler asks for, and nothing else it could miss."""
    node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
    node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    if sys.version_info >= (3, 12) and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        node.type_params = []
    return node


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Parameters without defaults and annotations: those belong to the function object, not to its code."""

    def plain(argument: ast.arg | None) -> ast.arg | None:
        return None if argument is None else _at(ast.arg(argument.arg))

    def all_of(given: list[ast.arg]) -> list[ast.arg]:
        return [_at(ast.arg(a.arg)) for a in given]

    return ast.arguments(
        all_of(arguments.posonlyargs), all_of(arguments.args), plain(arguments.vararg), all_of(arguments.kwonlyargs),
        [_at(ast.Constant(None)) for _ in arguments.kwonlyargs], plain(arguments.kwarg), [],
    )  # fmt: skip


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def is_users(file: str) -> bool:
    """Whether code of this file is the user's: not ours, not a library's."""
    return not file.startswith((*_OURS, *_LIBRARIES)) and "site-packages" not in file


def codes_run(call: Callable[[], Any]) -> list[CodeType]:
    """The user's code objects that run during a call, in the order in which they start."""
    found: dict[CodeType, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and is_users(frame.f_code.co_filename):
            found.setdefault(frame.f_code)

    # A profiler written in C cannot be set again by what getprofile returns: where one runs, the tracer is used.
    profiled = sys.getprofile() is not None
    before: Any = sys.gettrace() if profiled else None
    install: Callable[[Any], None] = sys.settrace if profiled else sys.setprofile
    install(note)
    try:
        call()
    finally:
        install(before)
    return list(found)


def units_of(codes: Sequence[CodeType], also: Sequence[CodeType] = ()) -> list[Unit]:
    """The functions of some code objects; ``also`` are those that the loss runs. What has no source text is left out.

    Code inside another one's (a nested function, a comprehension) is part of that one's tree.
    """
    inner = {part for code in codes for part in _codes(code) if part is not code}
    trees: dict[str, ast.Module | None] = {}
    found = []
    for code in codes:
        if code in inner:
            continue
        functions = tuple(f for f in gc.get_referrers(code) if isinstance(f, FunctionType) and f.__code__ is code)
        name = code.co_filename
        if name not in trees:
            trees[name] = parsed(name)
        tree = trees[name]
        node = None if tree is None else _find(tree, code)
        if node is not None and functions:
            found.append(Unit(functions, code, node, linecache.getlines(name), code in set(also)))
    return found


def parsed(file: str) -> ast.Module | None:
    """The tree of a file as ``linecache`` has it, or None."""
    text = "".join(linecache.getlines(file))
    try:
        return ast.parse(text, file) if text else None
    except SyntaxError:  # the text has changed since, or is no Python by itself
        return None


def _find(tree: ast.Module, code: CodeType) -> Node | None:
    """The function or lambda of a tree that a code object was compiled from."""
    if code.co_name == "<lambda>":
        lambdas = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and n.lineno == code.co_firstlineno]
        places = [p for p in code.co_positions() if p[0] and p[2] is not None and p[1] and p[3] is not None]
        inside = [n for n in lambdas if all(_within(p, n.body) for p in places)]
        inside.sort(key=lambda n: (n.end_lineno or 0) - n.lineno + (n.end_col_offset or 0) - n.col_offset)
        return inside[0] if inside else None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            count = len(node.args.args) + len(node.args.posonlyargs)
            if first == code.co_firstlineno and count == code.co_argcount:
                return node
    return None


def _within(place: Any, node: ast.expr) -> bool:
    line, end_line, column, end_column = place
    if (line, end_line, column, end_column) == (line, line, 0, 0):
        return True  # the entry of the code itself
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    return start <= (line, column) and (end_line, end_column) <= end
