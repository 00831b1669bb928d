"""Match an expression of user code against a pattern, looking through names and through small helper functions.

A pattern is an expression of ours: ``log(1 - _p)``. Names that begin with ``_`` stand for any expression, the same one
at each place; ``*_k`` stands for the rest of a reduction's arguments (axis, keepdims). Functions are told by what they
are, not by how they are called: ``np.log``, ``numpy.log`` and ``math.log`` are ``log``, and ``x.sum(axis=1)`` is
``sum(x, axis=1)``. Sums and products match in either order.
"""

from __future__ import annotations

import ast
import builtins
import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Final

import numpy as np

from gradproof.numeric.audit.source import Source, source_of
from gradproof.symbolic.user_code.trees import Node

Bindings = dict[str, Any]

_NUMPY: Final = (
    "log", "exp", "sqrt", "sum", "mean", "prod", "max", "tanh", "cos", "sin", "cosh", "abs", "square", "power", "log1p",
    "expm1",
)  # fmt: skip
NAMES: Final[dict[int, str]] = (
    {id(getattr(np, name)): name for name in _NUMPY}
    | {id(getattr(math, name)): name for name in ("log", "exp", "sqrt", "tanh", "cos", "sin", "cosh", "log1p", "expm1")}
    | {id(np.amax): "max", id(np.linalg.norm): "norm", id(builtins.abs): "abs"}
)
METHODS: Final = frozenset({"sum", "mean", "prod", "max"})
DEPTH: Final = 6
"""So many names and helpers are looked through, one behind the other."""


@dataclass
class Scope:
    """The names of one function: what each stands for, where it is assigned once."""

    source: Source
    tree: Node
    definitions: dict[str, ast.expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        arguments = {a.arg for a in ast.walk(self.tree.args) if isinstance(a, ast.arg)}
        stored = [n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        for node in ast.walk(self.tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if stored.count(name) == 1 and name not in arguments:
                        self.definitions[name] = value
        self.locals = arguments | set(stored)

    def value(self, node: ast.expr) -> Any:
        """The object that a name or a dotted name stands for at module level, or None."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            scope = self.source.function.__globals__
            return scope.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            return getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        return None

    def call(self, node: ast.expr) -> tuple[str, list[ast.expr], dict[str, ast.expr]] | None:
        """A call of a known function as its name, its operands and its further arguments by keyword."""
        if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
            return None
        name = NAMES.get(id(self.value(node.func)))
        operands = list(node.args)
        if name is None and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            if isinstance(self.value(node.func.value), ModuleType):
                return None
            name, operands = node.func.attr, [node.func.value, *operands]
        if name is None or any(k.arg is None for k in node.keywords):
            return None
        rest = {str(k.arg): k.value for k in node.keywords}
        if name in METHODS or name == "norm":
            if len(operands) == 2 and name != "norm":
                rest["axis"] = operands.pop()
            if len(operands) != 1:
                return None
        return name, operands, rest

    def behind(self, node: ast.expr) -> ast.expr | None:
        """What a name was assigned, or what a call of a small helper returns, in terms of this function's names."""
        if isinstance(node, ast.Name):
            return self.definitions.get(node.id)
        if isinstance(node, ast.Call):
            helper = self.value(node.func)
            if isinstance(helper, FunctionType):
                return _inlined(helper, node, self)
        return None

    def alias(self) -> str | None:
        """How this module calls NumPy."""
        scope = self.source.function.__globals__
        return next((k for k, v in scope.items() if v is np and k not in self.locals), None)


def _inlined(helper: FunctionType, node: ast.Call, scope: Scope) -> ast.expr | None:
    source = source_of(helper)
    if source is None or helper.__globals__ is not scope.source.function.__globals__:
        return None
    inner = Scope(source, source.tree)
    if isinstance(source.tree, ast.Lambda):
        value: ast.expr | None = source.tree.body
    else:
        returns = [n for n in ast.walk(source.tree) if isinstance(n, ast.Return)]
        plain = all(isinstance(s, (ast.Assign, ast.Return, ast.Expr)) for s in source.tree.body)
        value = returns[0].value if len(returns) == 1 and plain else None
    names = [a.arg for a in source.tree.args.args]
    if value is None or len(node.args) > len(names) or any(k.arg not in names for k in node.keywords):
        return None
    given = dict(zip(names, node.args, strict=False)) | {str(k.arg): k.value for k in node.keywords}
    result = _substituted(value, given, inner.definitions)
    used = {n.id for n in ast.walk(result) if isinstance(n, ast.Name)}
    passed = {n.id for part in given.values() for n in ast.walk(part) if isinstance(n, ast.Name)}
    return None if (used & inner.locals) - passed else result


def _substituted(node: ast.expr, given: Mapping[str, ast.expr], definitions: Mapping[str, ast.expr]) -> ast.expr:
    class Substitute(ast.NodeTransformer):
        depth = 0

        def visit_Name(self, name: ast.Name) -> ast.expr:
            if name.id in given:
                return copy.deepcopy(given[name.id])
            if name.id in definitions and self.depth < DEPTH:
                self.depth += 1
                found: ast.expr = self.visit(copy.deepcopy(definitions[name.id]))
                self.depth -= 1
                return found
            return name

    result: ast.expr = Substitute().visit(copy.deepcopy(node))
    return result


def parsed(text: str) -> ast.expr:
    """A pattern or a replacement of the table."""
    return ast.parse(text, mode="eval").body


def matches(pattern: ast.expr, node: ast.expr, scope: Scope, bound: Bindings, depth: int = 0) -> Iterator[Bindings]:
    """Every way in which the pattern fits the expression."""
    if isinstance(pattern, ast.Name) and pattern.id.startswith("_"):
        if pattern.id not in bound:
            yield {**bound, pattern.id: node}
        elif _same(bound[pattern.id], node, scope):
            yield bound
        return
    found = False
    for result in _structural(pattern, node, scope, bound, depth):
        found = True
        yield result
    if not found and depth < DEPTH:
        behind = scope.behind(node)
        if behind is not None:
            yield from matches(pattern, behind, scope, bound, depth + 1)


def _structural(pattern: ast.expr, node: ast.expr, scope: Scope, bound: Bindings, depth: int) -> Iterator[Bindings]:
    match pattern:
        case ast.Constant(value=value):
            if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and node.value == value:
                yield bound
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                yield from matches(operand, node.operand, scope, bound, depth)
            elif isinstance(operand, ast.Name):
                yield from matches(operand, negated(node), scope, bound, depth)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            base = _squared(node, scope)
            if base is not None:
                yield from matches(left, base, scope, bound, depth)
        case ast.BinOp(left=left, op=op, right=right):
            if isinstance(node, ast.BinOp) and type(node.op) is type(op):
                orders = [(node.left, node.right)]
                if isinstance(op, (ast.Add, ast.Mult)):
                    orders.append((node.right, node.left))
                for one, two in orders:
                    for found in matches(left, one, scope, bound, depth):
                        yield from matches(right, two, scope, found, depth)
        case ast.Subscript(value=value, slice=index):
            if isinstance(node, ast.Subscript):
                for found in matches(value, node.value, scope, bound, depth):
                    yield from matches(index, node.slice, scope, found, depth)
        case ast.Call(func=ast.Name(id=name), args=args):
            yield from _calls(name, args, node, scope, bound, depth)


def _calls(
    name: str, args: list[ast.expr], node: ast.expr, scope: Scope, bound: Bindings, depth: int
) -> Iterator[Bindings]:
    call = scope.call(node)
    if call is None or call[0] != name:
        return
    _, operands, rest = call
    starred = [a.value.id for a in args if isinstance(a, ast.Starred) and isinstance(a.value, ast.Name)]
    plain = [a for a in args if not isinstance(a, ast.Starred)]
    if len(plain) != len(operands) or (rest and not starred):
        return
    for key in starred:
        if key in bound and not _same_keywords(bound[key], rest, scope):
            return
        bound = {**bound, key: rest} if key not in bound else bound
    ways = [bound]
    for pattern, operand in zip(plain, operands, strict=True):
        ways = [found for way in ways for found in matches(pattern, operand, scope, way, depth)]
    yield from ways


def negated(node: ast.expr) -> ast.expr:
    """Minus an expression, without a double minus: that of ``-X @ W`` is ``X @ W``.

    >>> ast.unparse(negated(parsed("-X @ W"))), ast.unparse(negated(parsed("a + b")))
    ('X @ W', '-(a + b)')
    """
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=left), op=ast.Mult() | ast.MatMult() | ast.Div() as op):
            return ast.BinOp(left, op, node.right)
    return ast.UnaryOp(ast.USub(), node)


def _squared(node: ast.expr, scope: Scope) -> ast.expr | None:
    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            return left
        case ast.BinOp(left=left, op=ast.Mult(), right=right) if ast.dump(left) == ast.dump(right):
            return left
    call = scope.call(node)
    if call is not None and call[0] == "square":
        return call[1][0]
    return None


def _same(one: Any, two: ast.expr, scope: Scope) -> bool:
    return _expanded(one, scope) == _expanded(two, scope)


def _same_keywords(one: Mapping[str, ast.expr], two: Mapping[str, ast.expr], scope: Scope) -> bool:
    reduced = [{k: v for k, v in keywords.items() if k != "keepdims"} for keywords in (one, two)]
    return set(reduced[0]) == set(reduced[1]) and all(_same(v, reduced[1][k], scope) for k, v in reduced[0].items())


def _expanded(node: ast.expr, scope: Scope) -> str:
    return ast.dump(_substituted(node, {}, scope.definitions))


def filled(template: ast.expr, bound: Bindings, numpy: str) -> ast.expr:
    """A replacement with the bindings in place; ``*_kd`` are the arguments ``*_k`` with keepdims=True."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id == "np":
                return ast.Name(numpy, ast.Load())
            return copy.deepcopy(bound[node.id]) if node.id in bound else node

        def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
            operand: ast.expr = self.visit(node.operand)
            return negated(operand) if isinstance(node.op, ast.USub) else ast.UnaryOp(node.op, operand)

        def visit_Call(self, node: ast.Call) -> ast.expr:
            keywords: list[ast.keyword] = list(node.keywords)
            args: list[ast.expr] = []
            for part in node.args:
                if isinstance(part, ast.Starred) and isinstance(part.value, ast.Name):
                    rest: dict[str, ast.expr] = dict(bound["_k"])
                    if part.value.id == "_kd":
                        rest["keepdims"] = ast.Constant(True)
                    keywords += [ast.keyword(key, copy.deepcopy(value)) for key, value in rest.items()]
                else:
                    args.append(self.visit(part))
            return ast.Call(self.visit(node.func), args, keywords)

    result: ast.expr = Fill().visit(copy.deepcopy(template))
    return result
