"""Whether a small constant guards something, read off the line of code that it stands in: ``log(p + 1e-7)``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

_CLIPPED: Final = ("log", "clip", "maximum", "minimum")


def guards(line: str, given: float, bare: int, denominators: bool) -> bool:
    """Whether a line holds what a constant near ``bare`` may guard: a logarithm, a clipping, a denominator."""
    if not _may_guard(line, abs(given)):
        return False
    if denominators and bare == 0 and ("/" in line or "divide" in line):
        return True
    return any(word in line for word in _CLIPPED)


@lru_cache(maxsize=4096)
def _may_guard(line: str, size: float) -> bool:
    """Whether a constant is written as a term or an argument, ``p + 1e-7``, ``clip(p, 1e-7, 1)``, and not as a factor.

    Where something is compared with it, as in ``where(r > 1e-7, x / r, 0)``, that is what has to be guarded. One that
    is not written in the line (``eps``) may be anything, and so may one in a line that is no whole statement.
    """
    text = line.strip()
    try:
        tree = ast.parse(text + " pass" if text.endswith(":") else text)
    except SyntaxError:
        return True
    written = allowed = False
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            negative = isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.USub)
            inner = child.operand if negative else child  # type: ignore[attr-defined]
            if isinstance(inner, ast.Constant) and isinstance(inner.value, float) and inner.value == size:
                written = True
                factor = isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Sub))
                elsewhere = isinstance(node, ast.Compare) and not _names([node]) & _names(_guarded(tree))
                allowed |= not factor and not elsewhere and not isinstance(node, ast.UnaryOp)
    return allowed or not written


def _guarded(tree: ast.AST) -> Iterator[ast.AST]:
    """What a guard can be for: denominators, and what goes into logarithms and clippings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield node.right
        if isinstance(node, ast.Call) and any(word in ast.unparse(node.func) for word in (*_CLIPPED, "divide")):
            yield from node.args


def _names(trees: Iterable[ast.AST]) -> set[str]:
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
