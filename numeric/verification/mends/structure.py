"""Edits that need no number to be found: one generator a cause, each the inverse of a usual slip."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, Final

from gradproof.numeric.verification.mends.edit import (
    Change,
    Context,
    Edit,
    expression,
    is_number,
    is_value,
    name_of_call,
    twins_of,
)
from gradproof.numeric.verification.mends.indexing import accumulations, indices, keys, statements, stored
from gradproof.numeric.verification.mends.reductions import axes, divisors, functions, summed

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
        if isinstance(node, ast.expr) and isinstance(context.parent(node), ast.Call) and is_value(context, node):
            yield context.edit("sign", node, ast.UnaryOp(ast.USub(), node), 1.1)


def operators(context: Context) -> Iterator[Edit]:
    """× for ÷ and the other way round; the operands of −, ÷, @ exchanged."""
    for node in context.nodes():
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Mult, ast.Div)):
            other: ast.operator = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
            yield Edit("factor", node, (Change(node, "op", None, other),), 1.5)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_whole(context, node):
            yield Edit("step", node, (Change(node, "op", None, ast.Mult()),), 1.5)  # i * stride for i + stride
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and is_value(context, node):
            yield context.edit("power", node, ast.BinOp(node, ast.Pow(), ast.Constant(2)), 1.8)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)) and is_value(context, node):
            yield context.edit("operands", node, ast.BinOp(node.right, node.op, node.left), 1.6)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and is_number(node.right):
            base = node.left
            for new in (ast.BinOp(ast.Constant(2), ast.Mult(), base), base):
                yield context.edit("power", node, new, 1.8)


def _is_whole(context: Context, node: ast.AST) -> bool:
    seen = context.seen(node)
    return seen is not None and seen.kind == "i"


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
            if other.kind != "b" and _decides(context, node):
                continue  # a number that is taken for a truth value: nobody means that
            cause = "step" if seen.kind == "i" and not is_value(context, node) else _spare(context, node, inner)
            if cause == "spare function" and _is_applied_twice(context, node, inner):
                cause = "derivative"  # σ′ at a instead of z, as 1 - tanh(a)² for a = tanh(z)
            yield context.edit(cause, node, inner, 1.0 + 0.4 * (depth - 1) + 0.5 * _compared(context, node))


ACTIVATIONS: Final = ("1 - {v} ** 2", "{v} * (1 - {v})", "{v} > 0", "1 - {v}", "{v}", "1 + {v}", "{v} ** 2", "2 * {v}")
"""What stands for the derivative of an activation, by its value or its argument."""


SMOOTH: Final = ("1 / (1 + {np}.exp(-{v}))", "1 - {np}.tanh({v}) ** 2", "{np}.exp({v})", "{np}.sign({v})")
"""Derivatives of softplus, tanh, exp and the absolute value, where a mask stands in their place."""


def activations(context: Context) -> Iterator[Edit]:
    """Another derivative of an activation where an expression of one variable stands: 1 − a² for a(1 − a)."""
    for node in context.nodes():
        seen = context.seen(node)
        if not isinstance(node, (ast.BinOp, ast.Compare, ast.Call)) or seen is None or not is_value(context, node):
            continue
        if not seen.shape:
            continue
        names = _arrays(context, node)
        plain = not any(isinstance(n, ast.MatMult) for n in ast.walk(node))
        if plain and len(names) == 1 and _shape_of(context, node, min(names)) == seen.shape:
            called = 0.3 if any(isinstance(n, ast.Call) for n in ast.walk(node)) else 0.0
            leaky = [f"{context.numpy}.where({{v}} > 0, 1, {c})" for c in context.slopes(node) if context.numpy]
            is_mask = isinstance(node, ast.Compare) and bool(context.numpy)
            smooth = [form.replace("{np}", context.numpy) for form in SMOOTH if is_mask]
            for form in (*ACTIVATIONS, *leaky, *smooth):
                yield context.edit("derivative", node, expression(form.replace("{v}", min(names))), 1.3 + called)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            yield from _regrouped(context, node)


def _regrouped(context: Context, node: ast.BinOp) -> Iterator[Edit]:
    """d · a · (1 − a): the factors of one variable replaced together."""
    factors = _factors(node)
    of = [_arrays(context, factor) for factor in factors]
    for name in sorted({next(iter(names)) for names in of if len(names) == 1}):
        rest = [factor for factor, names in zip(factors, of, strict=True) if names != {name}]
        if not rest or len(factors) - len(rest) < 2:
            continue
        product = rest[0]
        for factor in rest[1:]:
            product = ast.BinOp(product, ast.Mult(), factor)
        for form in ACTIVATIONS:
            new = ast.BinOp(product, ast.Mult(), expression(form.replace("{v}", name)))
            yield context.edit("derivative", node, new, 1.4)


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _arrays(context: Context, node: ast.AST) -> set[str]:
    """The arrays that an expression is made of, by their texts."""
    return {
        ast.unparse(n) for n in _accesses(node)
        if (seen := context.seen(n)) is not None and seen.numeric and seen.shape
    }  # fmt: skip


def _shape_of(context: Context, node: ast.AST, name: str) -> tuple[int, ...] | None:
    found = context.pool(node).get(name)
    return None if found is None else found[1].shape


def _accesses(node: ast.AST) -> Iterator[ast.AST]:
    """The largest names, attributes and subscripts of an expression, without what is called."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        yield node
        return
    parts: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call):
        parts = [*node.args, *(k.value for k in node.keywords)]
        parts += [node.func.value] if isinstance(node.func, ast.Attribute) else []
    for part in parts:
        yield from _accesses(part)


def _below(node: ast.AST, depth: int = 1) -> Iterator[tuple[int, ast.expr]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield depth, child
            if depth < 4:
                yield from _below(child, depth + 1)


def _decides(context: Context, node: ast.AST) -> bool:
    """Whether a node is a condition: of an ``if``, a ``while`` or a conditional expression, or a part of one."""
    parent = context.parent(node)
    if isinstance(parent, (ast.BoolOp, ast.UnaryOp)) and not isinstance(getattr(parent, "op", None), ast.USub):
        return _decides(context, parent)
    return isinstance(parent, (ast.If, ast.IfExp, ast.While)) and context.field(node) == "test"


def unmasked(context: Context) -> Iterator[Edit]:
    """A selection too many: x for x[x < 500]."""
    for node in context.nodes():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and is_value(context, node.value):
            index = context.seen(node.slice)
            if index is not None and index.kind == "b":
                yield context.edit("region", node, node.value, 0.9)


def _is_applied_twice(context: Context, node: ast.AST, inner: ast.AST) -> bool:
    """Whether a call f(a) has an argument that was computed as a = f(...)."""
    if not isinstance(node, ast.Call) or node.args != [inner]:
        return False
    function, argument = ast.dump(node.func), ast.unparse(inner)
    return any(
        isinstance(made, ast.Assign) and isinstance(made.value, ast.Call) and ast.dump(made.value.func) == function
        and argument in map(ast.unparse, made.targets)
        for made in context.nodes()
    )  # fmt: skip


SMALL: Final = 1e-2
"""A number below that is an eps."""


def _spare(context: Context, node: ast.AST, kept: ast.AST) -> str:
    """The cause of a node that is right as the node ``kept`` below it."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return "mask"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        compared = [n for n in (node.left, node.right) if isinstance(n, ast.Compare)]
        return "mask" if compared else "spare factor"
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        return _spare_term(context, node, kept)
    if isinstance(node, ast.BinOp):
        return "spare factor"
    if isinstance(node, ast.Compare):
        return "mask"
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return "transpose"
    if isinstance(node, ast.Subscript):
        return "order" if isinstance(node.slice, ast.Slice) else "variable"
    if isinstance(node, ast.IfExp) or name_of_call(node) in ("where", "maximum", "minimum", "clip"):
        return "region"
    return "spare function"


def _spare_term(context: Context, node: ast.BinOp, kept: ast.AST) -> str:
    """What a term too many is: an eps, or a size that is wrong by it, as n - 1 for n."""
    gone = context.seen(node.left if any(n is kept for n in ast.walk(node.right)) else node.right)
    if gone is not None and gone.value is not None and 0 < abs(gone.value) < SMALL:
        return "eps"
    parent, seen = context.parent(node), context.seen(kept)
    divides = isinstance(parent, (ast.BinOp, ast.AugAssign)) and isinstance(parent.op, ast.Div)
    whole = seen is not None and seen.kind == "i" and not seen.shape
    if whole and context.field(node) in ("right", "value") and (divides or isinstance(parent, ast.Assign)):
        return "size"
    return "spare term"


def literals(context: Context) -> Iterator[Edit]:
    """Another constant: 0, 1, 2, 1/2, a neighbour, or one that the loss has."""
    for node in context.nodes():
        parent = context.parent(node)
        if not is_number(node) or not is_value(context, node) or (parent is not None and is_number(parent)):
            continue  # -1 is one number
        value = ast.literal_eval(node)
        power = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and context.field(node) == "right"
        near = [v for v in context.literals if v != value and 1e-3 <= abs(v / value if value else 0) <= 1e3]
        far = [v for v in context.literals if v != value and v not in near]
        plain = [v for v in (0, 1, 2, 0.5, 3) if v != value]
        varied = [v for v in (value + 1, value - 1, -value, *_tenfold(value)) if v != value]
        cause = "power" if power else "eps" if 0 < abs(value) < 1e-3 else "constant"
        compared = _compared(context, node)
        for cost, values in ((1.0, near), (1.2, plain), (1.7 if compared else 1.2, varied), (1.6, far)):
            for v in dict.fromkeys(values):
                yield context.edit("threshold" if compared else cause, node, ast.Constant(v), cost)


def _tenfold(value: float) -> list[float]:
    """The decimal point one place off."""
    return [float(f"{value:.15g}e{shift}") for shift in (1, -1)] if "e" not in f"{value:.15g}" else [
        float(f"{10 * value:.12g}"), float(f"{value / 10:.12g}")
    ]  # fmt: skip


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
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            yield from _other_axes(context, node.func.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            a, b = node.left, node.right
            turned_a, turned_b = _turned(a), _turned(b)
            for left, right in ((b, a), (turned_b, a), (b, turned_a), (turned_a, turned_b), (turned_b, turned_a)):
                yield context.edit("operands", node, ast.BinOp(left, ast.MatMult(), right), 1.5)


def _other_axes(context: Context, node: ast.expr) -> Iterator[Edit]:
    """Two axes exchanged before entries are put in another shape."""
    seen = context.seen(node)
    rank = len(seen.shape) if seen is not None and seen.numeric else 0
    for a, b in combinations(range(rank if rank > 2 else 0), 2):
        order = list(range(rank))
        order[a], order[b] = order[b], order[a]
        places: list[ast.expr] = [ast.Constant(axis) for axis in order]
        yield context.edit("transpose", node, ast.Call(ast.Attribute(node, "transpose", LOAD), places, []), 1.2)


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
        twins = twins_of(context, node, text)
        for name, (other, its) in context.pool(node).items():
            if name == text or its.shape != seen.shape:
                continue
            if seen.shape == () and (its.kind == "f") != (seen.kind == "f"):
                continue
            cause = "step" if name.partition("[")[0] == text.partition("[")[0] and "[" in name else "variable"
            cost = 1.2 + 0.5 * _compared(context, node) + 0.3 * isinstance(other, ast.Call)
            yield context.edit(cause, node, other, cost)
            if twins and twins[0] is node and len(twins) > 1:
                yield Edit(cause, node, tuple(context.put(twin, other) for twin in twins), 1.5)


def applied(context: Context) -> Iterator[Edit]:
    """A function that is not applied: σ(z)(1 − σ(z)) for z(1 − z)."""
    for node in context.nodes():
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not is_value(context, node):
            continue
        seen = context.seen(node)
        if seen is None or seen.kind != "f" or isinstance(context.parent(node), ast.Attribute):
            continue
        text = ast.unparse(node)
        twins = twins_of(context, node, text)
        for function in context.unary:
            new = expression(f"{function}({text})")
            around = context.parent(node)
            kept = name_of_call(around) == "append" if around is not None else False  # stored for later
            given = isinstance(around, ast.Call) and isinstance(around.func, ast.Name)  # to a function of the user's
            yield context.edit("function", node, new, 1.5 + 0.3 * (kept or given))
            if len(twins) > 1 and twins[0] is node:
                yield Edit("function", node, tuple(context.put(twin, new) for twin in twins), 1.6)


def constants(context: Context) -> Iterator[Edit]:
    """A variable where a constant stands, as in 1 / (1 + e) for e / (1 + e); what is left to 1, as of a rate."""
    for node in context.nodes():
        seen = context.seen(node)
        between = seen is not None and seen.kind == "f" and not seen.shape and 0 < (seen.value or 0) < 1
        if between and isinstance(node, (ast.Name, ast.Attribute)) and is_value(context, node):
            yield context.edit("constant", node, ast.BinOp(ast.Constant(1), ast.Sub(), node), 1.4)
        parent = context.parent(node)
        around = None if parent is None else context.seen(parent)
        if not is_number(node) or not isinstance(parent, ast.BinOp) or around is None or not is_value(context, node):
            continue
        for other, its in context.pool(node).values():
            if its.kind == "f" and len(its.shape) <= len(around.shape) and its.shape in (around.shape, ()):
                yield context.edit("variable", node, other, 1.4)


def _compared(context: Context, node: ast.AST) -> bool:
    """Whether a node is a side of a comparison: an edit there moves the border of a region."""
    while (parent := context.parent(node)) is not None and not isinstance(parent, ast.stmt):
        if isinstance(parent, ast.Compare):
            return True
        node = parent
    return False


def comparisons(context: Context) -> Iterator[Edit]:
    """> for <, ≥ for >, or a comparison the other way round."""
    others: dict[type[Any], tuple[Any, ...]] = {
        ast.Gt: (ast.Lt,), ast.Lt: (ast.Gt,), ast.GtE: (ast.LtE,), ast.LtE: (ast.GtE,), ast.Eq: (ast.NotEq,),
        ast.NotEq: (ast.Eq,),
    }  # fmt: skip
    for node in context.nodes():
        if isinstance(node, ast.Compare) and len(node.ops) == 2:  # 0 < x < 90: one side is too many
            middle, last = node.comparators
            for new in (ast.Compare(node.left, node.ops[:1], [middle]), ast.Compare(middle, node.ops[1:], [last])):
                yield context.edit("region", node, new, 1.0)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for kind in others.get(type(node.ops[0]), ()):
                yield Edit("mask", node, (Change(node, "ops", None, [kind()]),), 1.0)


def guards(context: Context) -> Iterator[Edit]:
    """An eps moved into or out of a root, or one of the loss's put into a root, a logarithm or a denominator."""
    small = [v for v in context.literals if 0 < abs(v) < SMALL]
    names = dict.fromkeys(
        text for scope in context.sights.scopes.values() for text, seen in scope.items()
        if seen.kind == "f" and seen.shape == () and seen.value is not None and 0 < abs(seen.value) < SMALL
    )  # fmt: skip
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
    signs, statements, dropped, unmasked, activations, accumulations, literals, divisors, axes, summed, functions,
    transposes, operators, comparisons, guards, indices, keys, variables, constants, applied, exchanged, stored,
)  # fmt: skip
"""The table of edits without a factor, the cheapest and commonest first."""
