"""Edited syntax trees as running code.

A function is edited by giving it another code object (``function.__code__ = ...``), compiled from its own syntax tree
with the edit in place; its globals, defaults and closure stay what they are, and whoever holds the function (a helper
imported elsewhere, a bound method, a closure) calls the edited one.
"""

from __future__ import annotations

import ast
import sys
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any, TypeVar

from .trees import Node, codes_within


def recompiled(code: CodeType, node: Node) -> CodeType | None:
    """The code of an edited tree, fit to take the place of ``code``; None where it does not fit (another closure)."""
    free = code.co_freevars
    closure = ast.arguments([], [_at(ast.arg(name)) for name in free if name != "__class__"], None, [], [], None, [])
    inner: ast.stmt
    if isinstance(node, ast.Lambda):
        inner = _at(ast.Expr(_at(ast.Lambda(_bare(node.args), node.body))))
    else:
        # A free variable that an edit removes is still named behind the end, so that the closure fits.
        names = ast.Expr(ast.Tuple([ast.Name(name, ast.Load()) for name in free], ast.Load()))
        unreached = [ast.fix_missing_locations(_at(ast.If(ast.Constant(0), [names], [])))] if free else []
        inner = _at(ast.FunctionDef(node.name, _bare(node.args), [*node.body, *unreached], []))
    owner = code.co_qualname.split(".")[-2:-1]
    if owner and owner != ["<locals>"]:  # in its class, whose name mangles private names
        inner = _at(ast.ClassDef(owner[0], [], [], [inner], []))
    outer = _at(ast.FunctionDef("outer", closure, [inner], []))
    flags = code.co_flags & 0x1FF0000  # the __future__ imports of the user's module
    try:
        module = compile(ast.Module([outer], []), code.co_filename, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for found in codes_within(module):
        if found.co_name == code.co_name and found.co_freevars == free:
            _edited[id(found)] = found
            return found
    return None


_edited: weakref.WeakValueDictionary[int, CodeType] = weakref.WeakValueDictionary()


def is_edited(code: CodeType) -> bool:
    """Whether a code object is one that :func:`recompiled` made, and so another one than its file says."""
    return _edited.get(id(code)) is code


@contextmanager
def running_instead(codes: Mapping[FunctionType, CodeType], names: Mapping[str, Any]) -> Iterator[None]:
    """Inside the block the functions run other code, which also sees ``names`` among its globals."""
    old = {function: function.__code__ for function in codes}
    with seeing(codes, names):
        try:
            for function, code in codes.items():
                function.__code__ = code
            yield
        finally:
            for function, code in old.items():
                function.__code__ = code


@contextmanager
def seeing(functions: Mapping[FunctionType, Any], names: Mapping[str, Any]) -> Iterator[None]:
    """Let functions see further global names inside the block."""
    scopes = {id(f.__globals__): f.__globals__ for f in functions}.values()
    try:
        for scope in scopes:
            scope.update(names)
        yield
    finally:
        for scope in scopes:
            for name in names:
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
