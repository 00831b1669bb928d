"""The syntax tree that a code object of the user's was compiled from, with the true line numbers of its file.

Nothing but the text that ``inspect`` would find is ever read.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias

Node: TypeAlias = ast.FunctionDef | ast.Lambda


def parsed(file: str, scope: dict[str, Any] | None = None) -> ast.Module | None:
    """The tree of a file as ``linecache`` has it, or None; ``scope``, a module's globals, may name its loader."""
    text = "".join(linecache.getlines(file, scope))
    return _parsed(text, file) if text else None


@lru_cache(maxsize=64)
def _parsed(text: str, file: str) -> ast.Module | None:
    try:
        return ast.parse(text, file)
    except SyntaxError:  # the text has changed since, or is no Python by itself (a notebook's cell with magics, say)
        return None


def tree_of(module: ast.Module, code: CodeType) -> Node | None:
    """The function or lambda of a module that a code object was compiled from, if it can be told which it is."""
    if code.co_name == "<lambda>":
        lambdas = [n for n in ast.walk(module) if isinstance(n, ast.Lambda) and n.lineno == code.co_firstlineno]
        places = [p for p in code.co_positions() if p[0] and p[2] is not None and p[1] and p[3] is not None]
        inside = [n for n in lambdas if all(_within(p, n.body) for p in places)]
        inside.sort(key=lambda n: (n.end_lineno or 0) - n.lineno + (n.end_col_offset or 0) - n.col_offset)
        return inside[0] if inside else None
    found = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef)
        and node.name == code.co_name
        and min([node.lineno, *(d.lineno for d in node.decorator_list)]) == code.co_firstlineno
        and _arguments(node.args) == _arguments_of(code)
    ]
    return found[0] if len(found) == 1 else None


def codes_within(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it: nested functions, comprehensions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_within(constant)


def _arguments(given: ast.arguments) -> tuple[str, ...]:
    rest = [x for x in (given.vararg, given.kwarg) if x is not None]
    return tuple(x.arg for x in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest))


def _arguments_of(code: CodeType) -> tuple[str, ...]:
    extra = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # CO_VARARGS, CO_VARKEYWORDS
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + extra]


def _within(place: Any, node: ast.expr) -> bool:
    line, end_line, column, end_column = place
    if (line, end_line, column, end_column) == (line, line, 0, 0):
        return True  # the entry of the code itself
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    return start <= (line, column) and (end_line, end_column) <= end
