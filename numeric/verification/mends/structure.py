"""Edits that need no number to be found: one generator a cause, each the inverse of a usual slip."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, Final

from gradproof.numeric.verification.mends.edit import (
    REDUCTIONS,
    Change,
    Context,
    Edit,
    expression,
    is_number,
    is_value,
    name_of_call,
)

LOAD: Final = ast.Load()


def signs(context: Context) -> Iterator[Edit]:
    """+ for −, − for +, also in ``+=``; a unary minus too many or (by the factors' table) too few."""
    for node in context.nodes():
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Add, ast.Sub)):
            if isinstance(node, ast.BinOp) and not is_value(context, node):
                continue
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield Edit("sign", node, (Change(node, "op", None, other),), 1.0)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and is_value(context, node):
            yield context.edit("sign", node, node.operand, 1.0)


def operators(context: Context) -> Iterator[Edit]:
    """× for ÷ and the other way round; the operands of −, ÷, @ exchanged."""
    for node in context.nodes():
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Mult, ast.Div)):
            other: ast.operator = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
            yield Edit("factor", node, (Change(node, "op", None, other),), 1.5)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)) and is_value(context, node):
            yield context.edit("operands", node, ast.BinOp(node.right, node.op, node.left), 1.6)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and is_number(node.right):
            base = node.left
            for new in (ast.BinOp(ast.Constant(2), ast.Mult(), base), base):
                yield context.edit("power", node, new, 1.8)


def dropped(context: Context) -> Iterator[Edit]:
    """An operand, a call or an index too many: a node becomes one of the nodes below it that has its shape."""
    for node in context.nodes():
        seen = context.seen(node)
        if seen is None or not seen.numeric or not isinstance(node, ast.expr) or isinstance(node, ast.Constant):
            continue
        for depth, inner in _below(node):
            other = context.seen(inner)
            if other is None or not other.numeric or other.shape != seen.shape or inner is node:
                continue
            if isinstance(inner, ast.Constant) and depth > 1:
                continue
            yield context.edit(_spare(node), node, inner, 1.0 + 0.4 * (depth - 1))


def _below(node: ast.AST, depth: int = 1) -> Iterator[tuple[int, ast.expr]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield depth, child
            if depth < 4:
                yield from _below(child, depth + 1)


def _spare(node: ast.AST) -> str:
    if isinstance(node, ast.BinOp):
        return "spare term" if isinstance(node.op, (ast.Add, ast.Sub)) else "spare factor"
    if isinstance(node, ast.Subscript):
        return "order" if isinstance(node.slice, ast.Slice) else "variable"
    if isinstance(node, (ast.IfExp,)) or name_of_call(node) == "where":
        return "region"
    return "spare function"


def literals(context: Context) -> Iterator[Edit]:
    """Another constant: 0, 1, 2, 1/2, a neighbour, or one that the loss has."""
    for node in context.nodes():
        if not (is_number(node) and isinstance(node, ast.Constant) and is_value(context, node)):
            continue
        value = node.value
        assert isinstance(value, (int, float))
        parent = context.parent(node)
        power = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and context.field(node) == "right"
        near = [v for v in context.literals if v != value and 1e-3 <= abs(v / value if value else 0) <= 1e3]
        far = [v for v in context.literals if v != value and v not in near]
        plain = [v for v in (0, 1, 2, 0.5, 3, value + 1, value - 1, -value, *_tenfold(value)) if v != value]
        cause = "power" if power else "eps" if 0 < abs(value) < 1e-3 else "constant"
        compared = isinstance(parent, ast.Compare)
        for cost, values in ((1.0, near), (1.2, plain), (1.6, far)):
            for v in dict.fromkeys(values):
                yield context.edit("threshold" if compared else cause, node, ast.Constant(v), cost)


def _tenfold(value: float) -> list[float]:
    """The decimal point one place off."""
    return [float(f"{value:.15g}e{shift}") for shift in (1, -1)] if "e" not in f"{value:.15g}" else [
        float(f"{10 * value:.12g}"), float(f"{value / 10:.12g}")
    ]  # fmt: skip


def axes(context: Context) -> Iterator[Edit]:
    """Another axis, none, or one where there is none; ``keepdims`` turned."""
    for node in context.nodes():
        if name_of_call(node) not in (*REDUCTIONS, "argmax", "cumsum", "flip", "roll"):
            continue
        assert isinstance(node, ast.Call)
        method = isinstance(node.func, ast.Attribute) and (
            (seen := context.seen(node.func.value)) is not None and seen.numeric
        )
        operand = node.func.value if method else node.args[0] if node.args else None  # type: ignore[attr-defined]
        seen = None if operand is None else context.seen(operand)
        rank = len(seen.shape) if seen is not None else 2
        choices: list[int | None] = [None, *range(rank)]
        place = 0 if method else 1
        given = [k for k in node.keywords if k.arg == "axis"]
        for keyword in given:
            now = keyword.value.value if isinstance(keyword.value, ast.Constant) else "?"
            minus = -1 if isinstance(keyword.value, ast.UnaryOp) else 1
            for axis in choices:
                if axis != (now if minus == 1 else rank - 1):
                    yield Edit("axis", node, (Change(keyword, "value", None, ast.Constant(axis)),), 1.0)
        if not given and len(node.args) > place and name_of_call(node) in REDUCTIONS:
            for axis in choices:
                yield Edit("axis", node, (Change(node, "args", place, ast.Constant(axis)),), 1.0)
        if not given and len(node.args) <= place and name_of_call(node) in REDUCTIONS:
            for axis in choices[1:]:
                for keep in (False, True):
                    new = [*node.keywords, ast.keyword("axis", ast.Constant(axis))]
                    new += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
                    yield Edit("axis", node, (Change(node, "keywords", None, new),), 1.1)
        for keyword in node.keywords:
            if keyword.arg == "keepdims" and isinstance(keyword.value, ast.Constant):
                turned = ast.Constant(not keyword.value.value)
                yield Edit("axis", node, (Change(keyword, "value", None, turned),), 1.2)


_OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "sum": ("mean",), "mean": ("sum",), "max": ("min",), "min": ("max",), "maximum": ("minimum",),
    "minimum": ("maximum",), "var": ("std",), "std": ("var",), "sin": ("cos",), "cos": ("sin",), "sinh": ("cosh",),
    "cosh": ("sinh",), "tanh": ("sinh", "cosh"), "exp": ("expm1",), "log": ("log1p",), "log1p": ("log",),
    "zeros_like": ("ones_like",), "ones_like": ("zeros_like",), "zeros": ("ones",), "ones": ("zeros",),
    "argmax": ("argmin",), "sqrt": ("square",), "square": ("sqrt",), "abs": ("sign",), "sign": ("abs",),
}  # fmt: skip


def functions(context: Context) -> Iterator[Edit]:
    """A related function: mean for sum, min for max, cos for sin."""
    for node in context.nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            for other in _OTHERS.get(node.func.attr, ()):
                cause = "reduction" if other in REDUCTIONS else "function"
                yield Edit(cause, node, (Change(node.func, "attr", None, other),), 1.0)


def transposes(context: Context) -> Iterator[Edit]:
    """``.T`` too many or too few; the two factors of a product exchanged and transposed."""
    for node in context.nodes():
        if isinstance(node, ast.Attribute) and node.attr == "T" and is_value(context, node):
            yield context.edit("transpose", node, node.value, 1.0)
        elif isinstance(node, ast.expr) and is_value(context, node):
            seen = context.seen(node)
            parent = context.parent(node)
            already = isinstance(parent, ast.Attribute) and parent.attr == "T"
            if seen is not None and len(seen.shape) == 2 and not already:
                yield context.edit("transpose", node, ast.Attribute(node, "T", LOAD), 1.1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            a, b = node.left, node.right
            turned_a, turned_b = _turned(a), _turned(b)
            for left, right in ((b, a), (turned_b, a), (b, turned_a), (turned_a, turned_b), (turned_b, turned_a)):
                yield context.edit("operands", node, ast.BinOp(left, ast.MatMult(), right), 1.5)


def _turned(node: ast.expr) -> ast.expr:
    """The transpose of an expression, as text has it: ``.T`` taken away or put on."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", LOAD)


def exchanged(context: Context) -> Iterator[Edit]:
    """Arguments of a call, parts of a tuple or values of a dict exchanged."""
    for node in context.nodes():
        entries, name = [], ""
        if isinstance(node, ast.Call) and len(node.args) >= 2 and name_of_call(node) not in ("range", "zip"):
            entries, name = node.args, "args"
        elif isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
            parent = context.parent(node)
            if not isinstance(parent, ast.Subscript):
                entries, name = node.elts, "elts"
        elif isinstance(node, ast.Dict):
            entries, name = node.values, "values"
        for i in range(min(len(entries), 8)):
            for j in range(i + 1, min(len(entries), 8)):
                changes = (Change(node, name, i, entries[j]), Change(node, name, j, entries[i]))
                yield Edit("operands", node, changes, 1.5)


def variables(context: Context) -> Iterator[Edit]:
    """Another variable of the same shape: z for a, another entry of the cache, another attribute, the fresh value."""
    for node in context.nodes():
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not isinstance(node.ctx, ast.Load):
            continue
        seen = context.seen(node)
        if seen is None or not seen.numeric or (isinstance(context.parent(node), ast.Attribute) and seen.shape == ()):
            continue
        text = ast.unparse(node)
        twins = _twins(context, node, text)
        for name, (other, its) in context.pool(node).items():
            if name == text or its.shape != seen.shape:
                continue
            if seen.shape == () and (its.kind == "f") != (seen.kind == "f"):
                continue
            cause = "step" if name.partition("[")[0] == text.partition("[")[0] and "[" in name else "variable"
            yield context.edit(cause, node, other, 1.2)
            if twins and twins[0] is node and len(twins) > 1:
                yield Edit(cause, node, tuple(context.put(twin, other) for twin in twins), 1.5)


def _twins(context: Context, node: ast.AST, text: str) -> list[ast.AST]:
    statement = context.statement(node)
    kind = type(node)
    return [
        other for other in context.unit.slots
        if type(other) is kind and context.sights.statements.get(other) is statement
        and isinstance(getattr(other, "ctx", None), ast.Load) and ast.unparse(other) == text
    ]  # fmt: skip


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
                twins = _twins(context, node, ast.unparse(node))
                if len(twins) > 1 and twins[0] is node:
                    yield Edit("step", node, tuple(context.put(twin, new) for twin in twins), 1.5)
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
                at = expression(f"{context.numpy}.{ufunc}.at")
                array = _loaded(node.target.value)
                call = ast.Expr(ast.Call(at, [array, node.target.slice, node.value], []))
                yield context.edit("repeated", node, call, 1.0)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, (ast.Name, ast.Subscript, ast.Attribute)):
                yield context.edit("accumulation", node, ast.AugAssign(target, ast.Add(), node.value), 1.0)
                if isinstance(target, ast.Name):
                    # the buffer of that name has the parameter's shape, while the term may be broadcast
                    continue


def _loaded(node: ast.expr) -> ast.expr:
    return node


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
                if isinstance(target, ast.Subscript):
                    fixed = all(is_number(n) for n in getattr(target.slice, "elts", [target.slice]))
                    cause = "coordinate" if fixed else "region"
            yield context.edit(cause, node, [ast.Pass()], 1.0 if cause != "spare statement" else 1.4)


def stored(context: Context) -> Iterator[Edit]:
    """What is stored under a mask or an index is 1 or 0."""
    for node in context.nodes():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) and not is_number(node.value):
            for value in (1, 0):
                yield context.edit("mask", node.value, ast.Constant(value), 1.5)


def comparisons(context: Context) -> Iterator[Edit]:
    """> for <, ≥ for >, or a comparison the other way round."""
    others: dict[type[Any], tuple[Any, ...]] = {
        ast.Gt: (ast.Lt,), ast.Lt: (ast.Gt,), ast.GtE: (ast.LtE,), ast.LtE: (ast.GtE,), ast.Eq: (ast.NotEq,),
        ast.NotEq: (ast.Eq,),
    }  # fmt: skip
    for node in context.nodes():
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for kind in others.get(type(node.ops[0]), ()):
                yield Edit("mask", node, (Change(node, "ops", None, [kind()]),), 1.0)


def guards(context: Context) -> Iterator[Edit]:
    """An eps moved into or out of a root, or one of the loss's put into a root, a logarithm or a denominator."""
    small = [v for v in context.literals if 0 < abs(v) < 1e-2]
    names = [
        text for text, seen in (context.sights.scope(context.unit.node) or {}).items()
        if seen.kind == "f" and seen.shape == () and seen.value is not None and 0 < abs(seen.value) < 1e-2
    ]  # fmt: skip
    amounts: list[ast.expr] = [ast.Constant(v) for v in dict.fromkeys(small)] + [expression(n) for n in names]
    for node in context.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, ast.Call):
            call, eps = node.left, node.right
            if len(call.args) == 1 and not call.keywords:
                inner = ast.Call(call.func, [ast.BinOp(call.args[0], ast.Add(), eps)], [])
                yield context.edit("eps", node, inner, 1.0)
        if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
            inside = node.args[0]
            if isinstance(inside.op, ast.Add):
                outer = ast.BinOp(ast.Call(node.func, [inside.left], node.keywords), ast.Add(), inside.right)
                yield context.edit("eps", node, outer, 1.0)
        if not (isinstance(node, ast.expr) and is_value(context, node)) or isinstance(node, ast.Constant):
            continue
        parent = context.parent(node)
        guarded = name_of_call(parent) in ("sqrt", "log", "rsqrt", "power") if parent is not None else False
        if isinstance(parent, ast.BinOp):
            guarded |= isinstance(parent.op, ast.Div) and context.field(node) == "right"
            guarded |= isinstance(parent.op, ast.Pow) and context.field(node) == "left"
        if guarded:
            for eps in amounts:
                yield context.edit("eps", node, ast.BinOp(node, ast.Add(), eps), 1.2)


Generator = Callable[[Context], Iterator[Edit]]

STRUCTURE: Final[tuple[Generator, ...]] = (
    signs, statements, dropped, accumulations, literals, axes, functions, transposes, operators, comparisons, guards,
    indices, variables, exchanged, stored,
)  # fmt: skip
"""The table of edits without a factor, the cheapest and commonest first."""
