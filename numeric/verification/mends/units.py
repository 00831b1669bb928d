"""The user's functions that ran, with their syntax trees: found, edited in place, and swapped in for a run."""

from __future__ import annotations

import ast
import copy
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
from typing import Any, Final

from gradproof.numeric.balls.frames import is_users
from gradproof.numeric.verification.watching import calls_watched
from gradproof.symbolic.user_code.recompile import recompiled, running_instead, seeing
from gradproof.symbolic.user_code.trees import Node, codes_within, parsed, tree_of

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

    @property
    def file(self) -> str:
        """The name of the file, without its folder."""
        return os.path.basename(self.code.co_filename)

    def compiled(self, node: Node | None = None) -> CodeType | None:
        """The code of the tree as it stands, or None if it cannot stand for the function's (another closure)."""
        return recompiled(self.code, self.node if node is None else node)

    @contextmanager
    def swapped(self, code: CodeType) -> Iterator[None]:
        """Let the function run with another code inside the block."""
        with running_instead(dict.fromkeys(self.functions, code), {TICK: _tick}):
            yield

    @contextmanager
    def names(self, values: dict[str, Any]) -> Iterator[None]:
        """Let the function see further global names inside the block."""
        with seeing(dict.fromkeys(self.functions), values):
            yield


@contextmanager
def _ended_by_lines() -> Iterator[None]:
    """Let functions as they are end with TooLong too, at a line of theirs; not where a debugger follows the lines."""

    def follow(frame: FrameType, event: str, _: Any) -> Any:
        if event == "call" and not is_users(frame.f_code.co_filename):
            return None
        _tick()
        return follow

    if sys.gettrace() is not None or _ends_at == math.inf:
        yield
        return
    sys.settrace(follow)
    try:
        yield
    finally:
        sys.settrace(None)


def codes_run(call: Callable[[], Any]) -> list[CodeType]:
    """The user's code objects that run during a call, in the order in which they start; TooLong if it is limited."""
    found: dict[CodeType, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and is_users(frame.f_code.co_filename):
            found.setdefault(frame.f_code)

    with calls_watched(note), _ended_by_lines():
        call()
    return list(found)


def _in_its_module(code: CodeType) -> Iterator[FunctionType]:
    """The functions and methods of a code object's module, where the collector of garbage does not see them."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) != code.co_filename:
            continue
        classes = [value for value in vars(module).values() if isinstance(value, type)]
        for value in (*vars(module).values(), *(entry for owner in classes for entry in vars(owner).values())):
            function = getattr(value, "__func__", value)
            if isinstance(function, FunctionType) and function.__code__ is code:
                yield function


def units_of(codes: Sequence[CodeType], also: Sequence[CodeType] = ()) -> list[Unit]:
    """The functions of some code objects; ``also`` are those that the loss runs. What has no source text is left out.

    Code inside another one's (a nested function, a comprehension) is part of that one's tree.
    """
    inner = {part for code in codes for part in codes_within(code) if part is not code}
    outer = [code for code in codes if code not in inner]
    holders = [f for f in gc.get_referrers(*outer) if isinstance(f, FunctionType)]  # one pass over all objects
    found = []
    for code in outer:
        functions = tuple(f for f in holders if f.__code__ is code) or tuple(_in_its_module(code))
        module = parsed(code.co_filename)
        node = None if module is None else tree_of(module, code)
        if node is not None and functions:
            lines = linecache.getlines(code.co_filename)
            found.append(Unit(functions, code, copy.deepcopy(node), lines, code in set(also)))
    return found
