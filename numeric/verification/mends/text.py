"""An edited statement as source text: what the edit leaves alone keeps the user's own spelling."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from itertools import product
from typing import Final

from gradproof.numeric.verification.mends.edit import Context, Edit, made

LONG: Final = 160
_HEADERS: Final = (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef)


def line_of(context: Context, edit: Edit) -> int:
    """The line of the file that an edit is about."""
    if edit.told is not None:
        return edit.told[0]
    lines = [n.lineno for n in [edit.site, *(c.holder for c in edit.changes)] if hasattr(n, "lineno")]
    return lines[0] if lines else getattr(context.statement(edit.site), "lineno", 1)


def before(context: Context, edit: Edit) -> str:
    """The statement as it is, on one line."""
    if edit.told is not None:
        return edit.told[1]
    statement = _around(context, edit)
    return _one_line(_source(context, statement))


def after(context: Context, edit: Edit) -> str:
    """The statement as the edit has it, on one line."""
    if edit.told is not None:
        return edit.told[2]
    statement = _around(context, edit)
    if edit.site is statement:
        new = edit.changes[0].new
        if isinstance(new, list):
            if all(isinstance(s, ast.Pass) for s in new):
                return "pass"
            return "; ".join(_one_line(_render(context, s, edit)) for s in new)
        if isinstance(new, ast.stmt):
            return _one_line(_render(context, new, edit))
    spans = _spans(context, edit)
    with made(edit):
        mended = _around(context, edit)
        goal = ast.dump(_loaded(_headed(mended)))
        for text in _spliced(context, statement, edit, spans):
            if _parses_to(text, mended, goal):
                return _one_line(text)
        return _one_line(_render(context, mended, edit))


def piece(context: Context, edit: Edit) -> tuple[str, str]:
    """The smallest part of the text that changes, as it is and as the edit has it."""
    if edit.told is not None:
        return edit.told[1], edit.told[2]
    spans = _spans(context, edit)
    if len(spans) != 1:
        return before(context, edit), after(context, edit)
    old, new = spans[0]
    with made(edit):
        shown = _expression(context, new, {change.holder for change in edit.changes}, False)
        if ast.dump(_loaded(ast.parse(shown, mode="eval").body)) != ast.dump(_loaded(new)):
            shown = _expression(context, new, {change.holder for change in edit.changes}, True)
    return _one_line(_source(context, old)), _one_line(shown)


def _spans(context: Context, edit: Edit) -> list[tuple[ast.expr, ast.expr]]:
    """(a node of the text, what stands in its place afterwards) for each change; empty if a statement changes."""
    found: list[tuple[ast.expr, ast.expr]] = []
    for change in edit.changes:
        old = getattr(change.holder, change.field)
        old = old if change.index is None else old[change.index]
        if isinstance(old, ast.expr) and isinstance(change.new, ast.expr) and old in context.unit.slots:
            found.append((old, change.new))
        elif isinstance(change.holder, ast.expr):
            holder = context.parent(change.holder) if isinstance(change.holder, ast.Slice) else change.holder
            if not isinstance(holder, ast.Subscript if holder is not change.holder else ast.expr):
                return []
            found.append((holder, holder))
        else:
            return []
    return list(dict(found).items())


def _spliced(context: Context, statement: ast.AST, edit: Edit, spans: list[tuple[ast.expr, ast.expr]]) -> Iterator[str]:
    """The statement's text with the changed spans replaced, with fewer parentheses first."""
    if not spans:
        return
    touched = {change.holder for change in edit.changes}
    first = statement.lineno  # type: ignore[attr-defined]
    lines = [line.encode() for line in context.unit.lines[first - 1 : statement.end_lineno]]  # type: ignore[attr-defined]
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    whole = _source(context, statement)
    offset = statement.col_offset  # type: ignore[attr-defined]
    text = b"".join(lines)

    def place(line: int | None, column: int | None) -> int:
        return int(starts[(line or first) - first]) + (column or 0)

    for wider, inner, outer in product((True, False), (False, True), (False, True)):
        result = text[: offset + len(whole.encode())]
        for old, new in sorted(spans, key=lambda s: -place(s[0].lineno, s[0].col_offset)):
            piece = _expression(context, new, touched, inner)
            piece = f"({piece})" if outer else piece
            start, end = place(old.lineno, old.col_offset), place(old.end_lineno, old.end_col_offset)
            if wider and result[start - 1 : start] == b"(" and result[end : end + 1] == b")":
                start, end = start - 1, end + 1  # its own parentheses
            result = result[:start] + piece.encode() + result[end:]
        yield result[offset:].decode(errors="replace").strip()


def _expression(context: Context, node: ast.expr, touched: set[ast.AST], parentheses: bool) -> str:
    pieces: list[str] = []
    shown = _Kept(context, touched, pieces, parentheses).visit(_shallow(node))
    return _filled(ast.unparse(ast.fix_missing_locations(shown)), pieces)


def _filled(text: str, pieces: list[str]) -> str:
    return re.sub(r"__kept(\d+)__", lambda match: pieces[int(match[1])], text)


def _headed(statement: ast.AST) -> ast.AST:
    """The statement, a compound one with an empty body."""
    if not isinstance(statement, _HEADERS):
        return statement
    root = copy.copy(statement)
    root.body = [ast.Pass()]
    if isinstance(root, (ast.For, ast.While, ast.If)):
        root.orelse = []
    return root


def _parses_to(text: str, statement: ast.AST, goal: str) -> bool:
    try:
        parsed = ast.parse(f"{text} pass" if isinstance(statement, _HEADERS) else text)
    except SyntaxError:
        return False
    body: ast.AST | None = parsed.body[0] if parsed.body else None
    if isinstance(statement, ast.expr) and isinstance(body, ast.Expr):
        body = body.value
    return body is not None and ast.dump(_loaded(body)) == goal


def _around(context: Context, edit: Edit) -> ast.AST:
    statement = context.statement(edit.site)
    return statement.body if isinstance(statement, ast.Lambda) and edit.site is not statement else statement


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


def _source(context: Context, node: ast.AST) -> str:
    """The text of a node; of a compound statement its head."""
    first, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
    start, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
    if isinstance(node, _HEADERS):
        inner = node.body[0]
        last, end = inner.lineno, inner.col_offset
    lines = [line.encode() for line in context.unit.lines[first - 1 : last]]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return b"".join(lines).decode(errors="replace").strip()


def _render(context: Context, statement: ast.AST, edit: Edit) -> str:
    """Source text of a statement of the edited tree, checked by parsing it again."""
    touched = {change.holder for change in edit.changes}
    root = _headed(statement)
    goal = ast.dump(_loaded(root))
    plain = ast.unparse(ast.fix_missing_locations(copy.deepcopy(root)))
    for parentheses in (False, True):
        pieces: list[str] = []
        shown = _Kept(context, touched, pieces, parentheses).visit(_shallow(root))
        text = _filled(ast.unparse(ast.fix_missing_locations(shown)), pieces)
        if isinstance(statement, _HEADERS):
            text = text.splitlines()[0]
        for written in (_bare_tuple(text), text):
            if _parses_to(written, statement, goal):
                return written
    return plain.splitlines()[0] if isinstance(statement, _HEADERS) else plain


def _bare_tuple(text: str) -> str:
    """``return a, b`` for ``return (a, b)``."""
    return f"return {text[8:-1]}" if text.startswith("return (") and text.endswith(")") else text


def _loaded(node: ast.AST) -> ast.AST:
    """A copy with every context the same, so that only structure is compared."""
    node = copy.deepcopy(node)
    for part in ast.walk(node):
        if hasattr(part, "ctx"):
            part.ctx = ast.Load()
    return node


def _shallow(node: ast.AST) -> ast.AST:
    """A copy of the tree whose nodes know which node they stand for."""
    new = copy.copy(node)
    new._stands_for = node  # type: ignore[attr-defined]
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            setattr(new, name, _shallow(value))
        elif isinstance(value, list):
            setattr(new, name, [_shallow(v) if isinstance(v, ast.AST) else v for v in value])
    return new


class _Kept(ast.NodeTransformer):
    """Puts a placeholder in the place of each largest expression that the edit leaves alone."""

    def __init__(self, context: Context, touched: set[ast.AST], pieces: list[str], parentheses: bool) -> None:
        self.context, self.touched, self.pieces, self.parentheses = context, touched, pieces, parentheses

    def visit(self, node: ast.AST) -> ast.AST:
        old = getattr(node, "_stands_for", node)
        if isinstance(old, ast.expr) and not isinstance(old, (ast.Starred, ast.Tuple, ast.Slice)) and self._alone(old):
            text = _source(self.context, old)
            if self.parentheses and isinstance(old, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Lambda)):
                text = f"({text})"
            self.pieces.append(text)
            return ast.Name(f"__kept{len(self.pieces) - 1}__", ast.Load())
        self.generic_visit(node)
        return node

    def _alone(self, old: ast.AST) -> bool:
        slots = self.context.unit.slots
        if old not in slots:
            return False
        for part in ast.walk(old):
            if part in self.touched or (isinstance(part, (ast.expr, ast.keyword)) and part not in slots):
                return False
        return True
