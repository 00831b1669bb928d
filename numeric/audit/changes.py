"""The lines that differ between a function and its edited tree, with as much of the user's own writing as possible."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradproof.numeric.audit.source import Source
from gradproof.symbolic.user_code.trees import Node


def changes(source: Source, before: Node, after: Node) -> Iterator[tuple[int, str, str]]:
    """(line number, the statement as it is, the statement as it would be) for every statement that was edited."""
    if isinstance(before, ast.Lambda) and isinstance(after, ast.Lambda):
        old = source.line(before.lineno).strip()
        segment = ast.get_source_segment(source.line(before.lineno), _first_line(before.body))
        new = ast.unparse(after.body)
        yield before.lineno, old, old.replace(segment, new, 1) if segment else new
        return
    for one, two in zip(_statements(before), _statements(after), strict=True):
        if ast.dump(_head(one)) != ast.dump(_head(two)):
            yield one.lineno, _text(source, one), _spliced(source, one, two)


def _first_line(node: ast.expr) -> ast.expr:
    moved = ast.copy_location(ast.Constant(0), node)
    moved.lineno, moved.end_lineno = 1, (node.end_lineno or node.lineno) - node.lineno + 1
    return moved


def _statements(tree: Node) -> list[ast.stmt]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node is not tree]


def _head(statement: ast.stmt) -> ast.stmt:
    """A statement without the statements inside it."""
    empty: dict[str, list[ast.stmt]] = {"body": [ast.Pass()], "orelse": [], "finalbody": []}
    fields = {name: empty.get(name, value) for name, value in ast.iter_fields(statement)}
    return ast.copy_location(type(statement)(**fields), statement)


def _text(source: Source, statement: ast.stmt) -> str:
    single = statement.lineno == statement.end_lineno and not hasattr(statement, "body")
    if single and _is_as_written(source, statement):
        return source.line(statement.lineno).strip()
    return ast.unparse(_head(statement)).splitlines()[0]


def _is_as_written(source: Source, statement: ast.stmt) -> bool:
    try:
        written = ast.parse(source.line(statement.lineno).strip()).body
    except SyntaxError:
        return False
    return len(written) == 1 and ast.dump(written[0]) == ast.dump(statement)


def _spliced(source: Source, before: ast.stmt, after: ast.stmt) -> str:
    """The edited statement, written as the user wrote it except for the expressions that changed."""
    plain = ast.unparse(_head(after)).splitlines()[0]
    if before.lineno != before.end_lineno or hasattr(before, "body") or not _is_as_written(source, before):
        return plain
    encoded = source.line(before.lineno).encode()
    pieces = sorted(_differing(before, after), key=lambda pair: pair[0].col_offset, reverse=True)
    for brackets in (False, True):
        text = encoded
        for old, new in pieces:
            written = ast.unparse(new).encode()
            if brackets:
                written = b"(" + written + b")"
            text = text[: old.col_offset] + written + text[old.end_col_offset :]
        line = text.decode().strip()
        try:
            same = ast.dump(ast.parse(line).body[0]) == ast.dump(after)
        except (SyntaxError, IndexError):
            same = False
        if same:
            return line
    return plain


def _differing(before: ast.AST, after: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The smallest expressions that differ, old and new."""
    if ast.dump(before) == ast.dump(after):
        return
    old, new = list(ast.iter_child_nodes(before)), list(ast.iter_child_nodes(after))
    simple = type(before) is type(after) and len(old) == len(new)
    changed = [(a, b) for a, b in zip(old, new, strict=False) if ast.dump(a) != ast.dump(b)]
    inside = simple and changed and all(isinstance(a, ast.expr) and isinstance(b, ast.expr) for a, b in changed)
    if isinstance(before, ast.expr) and isinstance(after, ast.expr) and not (inside and _edited_inside(before, after)):
        yield before, after
        return
    for a, b in changed:
        yield from _differing(a, b)


def _edited_inside(before: ast.expr, after: ast.expr) -> bool:
    """Whether two nodes differ in their children alone, so that the text around these can stay."""
    own = [
        [(name, value) for name, value in ast.iter_fields(node) if not isinstance(value, (ast.AST, list))]
        for node in (before, after)
    ]
    one, two = ([type(c) for c in ast.iter_child_nodes(n) if not isinstance(c, ast.expr)] for n in (before, after))
    return own[0] == own[1] and one == two
