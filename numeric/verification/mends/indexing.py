"""Edits of indices, loops and statements: one off, overwritten instead of added, in the wrong order, too many."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradproof.numeric.verification.mends.edit import (
    Change,
    Context,
    Edit,
    expression,
    is_number,
    name_of_call,
    twins_of,
)
from gradproof.numeric.verification.mends.late import is_recurring

LOAD = ast.Load()


def indices(context: Context) -> Iterator[Edit]:
    """An index, a bound of a slice or of a range that is one off; a loop the other way round."""
    for node in context.nodes():
        parent = context.parent(node)
        if isinstance(node, ast.Call) and name_of_call(node) == "range":
            if len(node.args) >= 2:
                yield Edit("step", node, (Change(node, "args", None, node.args[1:2]),), 1.0)
            else:
                for low in (1, -1):
                    yield Edit("step", node, (Change(node, "args", None, [ast.Constant(low), *node.args]),), 1.3)
            if not (isinstance(parent, ast.Call) and name_of_call(parent) == "reversed"):
                yield context.edit("order", node, ast.Call(ast.Name("reversed", LOAD), [node], []), 1.3)
        if isinstance(node, ast.Call) and name_of_call(node) == "reversed" and len(node.args) == 1:
            yield context.edit("order", node, node.args[0], 1.2)
        if isinstance(node, (ast.For, ast.comprehension)):
            several = isinstance(node.iter, ast.Call) and name_of_call(node.iter) in ("zip", "enumerate")
            for part in [node.iter, *(node.iter.args if several else ())]:  # type: ignore[attr-defined]
                yield from _turned_round(context, part)
        if isinstance(node, ast.Slice):
            yield from _unbounded(context, node)
            yield from _other_end(node)
            yield from _other_part(context, node)
        if not isinstance(node, ast.expr) or not _is_index(context, node):
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield Edit("step", node, (Change(node, "op", None, other),), 1.2)
            yield context.edit("step", node, node.left, 1.0)
        elif is_number(node) and isinstance(node, ast.Constant) and isinstance(node.value, int):
            for value in (node.value + 1, node.value - 1):
                yield context.edit("step", node, ast.Constant(value), 1.1)
        else:
            for op in (ast.Add(), ast.Sub()):
                new = ast.BinOp(expression(ast.unparse(node)), op, ast.Constant(1))
                yield context.edit("step", node, new, 1.1)
                twins = twins_of(context, node, ast.unparse(node))
                if len(twins) > 1 and twins[0] is node:
                    yield Edit("step", node, tuple(context.put(twin, new) for twin in twins), 1.5)
        yield from _strided(context, node)
        statement = context.statement(node)
        text = ast.unparse(node)
        for name, (other_name, its) in context.pool(node).items():
            if its.kind == "i" and its.shape == () and name != text and name.isidentifier():
                alike = [
                    n for n in context.unit.slots
                    if type(n) is type(node) and context.sights.statements.get(n) is statement
                    and isinstance(n, ast.expr) and ast.unparse(n) == text
                ]  # fmt: skip
                yield Edit("step", node, tuple(context.put(n, other_name) for n in alike), 1.6)


def _strided(context: Context, node: ast.expr) -> Iterator[Edit]:
    """x[i * stride : i * stride + n] for x[i : i + n]: the place of a window for its number, in the whole index."""
    top: ast.AST | None = node
    while top is not None and not isinstance(top, (ast.Subscript, ast.stmt)):
        top = context.parent(top)
    if not isinstance(top, ast.Subscript):
        return
    pool = {t: (tree, its) for t, (tree, its) in context.pool(node).items() if its.kind == "i" and its.shape == ()}
    for name in dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in pool):
        reads = [n for n in ast.walk(top.slice) if isinstance(n, ast.Name) and n.id == name]
        if not any(n is reads[0] for n in ast.walk(node)):
            continue  # the first bound that reads it speaks for all
        for other, (tree, its) in pool.items():
            if other != name and other.isidentifier() and (its.value or 0) > 1:
                product = ast.BinOp(ast.Name(name, LOAD), ast.Mult(), tree)
                written = 0.0 if other in context.unit.functions[0].__globals__ else 0.2
                yield Edit("step", node, tuple(context.put(n, product) for n in reads), 1.5 + written)


def _turned_round(context: Context, iterated: ast.expr) -> Iterator[Edit]:
    """What a loop goes through, in the other order: layers[::-1] for layers, and the other way round."""
    backwards = ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))
    if isinstance(iterated, (ast.Name, ast.Attribute)):
        yield context.edit("order", iterated, ast.Subscript(iterated, backwards, LOAD), 1.2)
    elif isinstance(iterated, ast.Subscript) and ast.unparse(iterated.slice) == "::-1":
        yield context.edit("order", iterated, iterated.value, 1.2)


def _unbounded(context: Context, node: ast.Slice) -> Iterator[Edit]:
    """A bound of a slice too many, in all slices of the statement that are written alike."""
    statement, text = context.statement(node), ast.unparse(node)
    alike = [
        n for n in context.unit.slots
        if isinstance(n, ast.Slice) and context.sights.statements.get(n) is statement and ast.unparse(n) == text
    ]  # fmt: skip
    for bound in ("lower", "upper", "step"):
        if getattr(node, bound) is not None and alike[0] is node:
            yield Edit("step", node, tuple(Change(n, bound, None, None) for n in alike), 1.3)


def _other_end(node: ast.Slice) -> Iterator[Edit]:
    """x[:-1] for x[1:], and the other way round: all steps but the first, or but the last."""
    if node.step is None and node.upper is None and node.lower is not None and ast.unparse(node.lower) == "1":
        last = ast.UnaryOp(ast.USub(), ast.Constant(1))
        yield Edit("step", node, (Change(node, "lower", None, None), Change(node, "upper", None, last)), 1.1)
    if node.step is None and node.lower is None and node.upper is not None and ast.unparse(node.upper) == "-1":
        first = (Change(node, "lower", None, ast.Constant(1)), Change(node, "upper", None, None))
        yield Edit("step", node, first, 1.1)


def _other_part(context: Context, node: ast.Slice) -> Iterator[Edit]:
    """[n:], [:n] or [-n:] for another of them, with the same size n or another in scope; [k:k + n] for [:n]."""
    if node.step is not None or (node.lower is None) == (node.upper is None):
        return
    given = node.lower if node.upper is None else node.upper
    assert given is not None
    plain = given.operand if isinstance(given, ast.UnaryOp) else given
    own = ast.unparse(plain)
    names = {text: tree for text, (tree, its) in context.pool(node).items() if its.kind == "i" and its.shape == ()}
    for text, bound in {own: plain, **names}.items():
        minus = ast.UnaryOp(ast.USub(), bound)
        if text != own and node.lower is None and plain is given:
            moved = ast.BinOp(bound, ast.Add(), given)
            yield Edit("step", node, (Change(node, "lower", None, bound), Change(node, "upper", None, moved)), 1.7)
        for lower, upper in ((bound, None), (None, bound), (minus, None), (None, minus)):
            changes = (Change(node, "lower", None, lower), Change(node, "upper", None, upper))
            yield Edit("step", node, changes, 1.3 if text == own else 1.6)


def _is_index(context: Context, node: ast.AST) -> bool:
    """A whole index, a bound of a slice, or an argument of range."""
    parent = context.parent(node)
    if isinstance(node, (ast.Slice, ast.Tuple)):
        return False
    if isinstance(parent, ast.Slice):
        return context.field(node) in ("lower", "upper")
    if isinstance(parent, ast.Tuple) and isinstance(context.parent(parent), ast.Subscript):
        return context.field(parent) == "slice"
    if isinstance(parent, ast.Subscript) and context.field(node) == "slice":
        return not isinstance(getattr(node, "value", None), str)
    return isinstance(parent, ast.Call) and name_of_call(parent) == "range"


def accumulations(context: Context) -> Iterator[Edit]:
    """``+=`` for ``=`` and ``=`` for ``+=``; ``np.add.at`` where indices repeat."""
    for node in context.nodes():
        if isinstance(node, ast.AugAssign):
            yield context.edit("accumulation", node, ast.Assign([node.target], node.value), 1.0)
            if context.numpy and isinstance(node.target, ast.Subscript) and isinstance(node.op, (ast.Add, ast.Sub)):
                ufunc = "add" if isinstance(node.op, ast.Add) else "subtract"
                yield context.edit("repeated", node, _at(context, ufunc, node.target, node.value), 1.0)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, (ast.Name, ast.Subscript, ast.Attribute)) and not is_recurring(node):
                yield context.edit("accumulation", node, ast.AugAssign(target, ast.Add(), node.value), 1.0)
            if context.numpy and isinstance(target, ast.Subscript):
                yield context.edit("accumulation", node, _at(context, "add", target, node.value), 1.1)


def _at(context: Context, ufunc: str, target: ast.Subscript, value: ast.expr) -> ast.Expr:
    """``np.add.at(array, index, value)``."""
    return ast.Expr(ast.Call(expression(f"{context.numpy}.{ufunc}.at"), [target.value, target.slice, value], []))


def statements(context: Context) -> Iterator[Edit]:
    """A statement too many: a correction of one entry, a region that is scaled, a cut."""
    for node in context.nodes():
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.If)) and context.parent(node) is not None:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if isinstance(node, ast.If):
                yield context.edit("region", node, list(node.body), 1.4)
                if node.orelse:
                    yield context.edit("region", node, list(node.orelse), 1.4)
            cause = "spare statement"
            if isinstance(node, (ast.AugAssign, ast.Assign)):
                target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
                if isinstance(target, ast.Subscript) and not _is_key(target.slice):
                    fixed = all(is_number(n) for n in getattr(target.slice, "elts", [target.slice]))
                    cause = "coordinate" if fixed else "region"
            yield context.edit(cause, node, [ast.Pass()], 1.0 if cause != "spare statement" else 1.4)


def _is_key(index: ast.AST) -> bool:
    """Whether an index is a name in a dict: what is stored there is a whole array, no part of one."""
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


def stored(context: Context) -> Iterator[Edit]:
    """What is stored under a mask or an index is 1 or 0."""
    for node in context.nodes():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) and not is_number(node.value):
            for value in (1, 0):
                yield context.edit("mask", node.value, ast.Constant(value), 1.5)


def keys(context: Context) -> Iterator[Edit]:
    """``W[name]`` for ``W["k"]``: the key that a loop gives."""
    names = dict.fromkeys(
        node.slice.id for node in context.nodes()
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and _is_no_number(context, node.slice)
    )  # fmt: skip
    for node in context.nodes():
        if isinstance(node, ast.Subscript) and _is_key(node.slice):
            for name in names:
                yield context.edit("variable", node.slice, expression(name), 1.3)


def _is_no_number(context: Context, name: ast.Name) -> bool:
    seen = context.seen(name)
    return seen is not None and not seen.numeric
