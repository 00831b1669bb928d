"""Numbers that have a name: a parameter's default (``eps=1e-6``), a constant of the module (``HALF = 1 / 2``).

An edit puts another number in every place where the function reads the name; what is told is where the name gets it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradproof.numeric.verification.mends.edit import Context, Edit, is_number, is_value
from gradproof.symbolic.user_code.trees import parsed


@dataclass(frozen=True)
class Scalar:
    """A name of a number, where it is read, its value, and the line, text and head of its definition."""

    name: str
    reads: tuple[ast.AST, ...]
    value: float
    line: int
    text: str

    def edit(self, context: Context, value: Any) -> Edit:
        """The edit that gives the name another value, a number or an expression."""
        new: ast.expr = value if isinstance(value, ast.expr) else ast.Constant(value)
        changes = tuple(context.put(node, new) for node in self.reads)
        head = self.text.partition("=")[0]
        space = " " if head.endswith(" ") else ""
        cause = "eps" if 0 < abs(self.value) < 1e-3 else "constant"
        return Edit(cause, self.reads[0], changes, 1.1, (self.line, self.text, f"{head}={space}{ast.unparse(new)}"))


def scalars(context: Context, of_loss: frozenset[str]) -> list[Scalar]:
    """The named numbers of a unit; constants that the loss reads too (``of_loss``) are left alone."""
    found = []
    for name, line, text in _definitions(context, of_loss):
        named = [
            node for node in context.unit.slots
            if isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) == name
        ]  # fmt: skip
        reads = tuple(n for n in named if isinstance(n.ctx, ast.Load) and is_value(context, n))
        seen = context.seen(reads[0]) if reads else None
        stored = any(isinstance(node.ctx, ast.Store) for node in named)
        if seen is not None and seen.kind in "fi" and seen.value is not None and not stored:
            found.append(Scalar(name, reads, seen.value, line, text))
    return found


def _definitions(context: Context, of_loss: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    """(name, line, ``name=value`` as the text has it)."""
    arguments = context.unit.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    for argument, default in pairs:
        if is_number(default):
            yield argument.arg, default.lineno, f"{argument.arg}={_text(context, default)}"
    tree = parsed(context.unit.code.co_filename)
    for statement in tree.body if tree is not None else ():
        for prefix, part in [("", statement), *(("self.", s) for s in getattr(statement, "body", ()))]:
            if (prefix and not isinstance(statement, ast.ClassDef)) or not isinstance(part, ast.Assign):
                continue
            target = part.targets[0]
            computed = not isinstance(part.value, ast.Constant) and part.lineno == part.end_lineno
            named = isinstance(target, ast.Name) and target.id not in of_loss
            if isinstance(target, ast.Name) and named and (is_number(part.value) or computed):
                yield f"{prefix}{target.id}", part.lineno, _text(context, part)


def _text(context: Context, node: ast.expr | ast.stmt) -> str:
    """The text of a node that stands on one line."""
    line = context.unit.lines[node.lineno - 1].encode()
    return line[node.col_offset : node.end_col_offset].decode(errors="replace")
