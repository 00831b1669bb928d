"""What every expression of a function is while it runs: shapes, kinds and the names in scope, seen in one float run.

The tree is copied with each expression ``e`` wrapped as ``see(number, e)``, compiled and run once. Edits are then only
proposed where shapes fit, instead of being tried at random.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.mends.units import Unit

SEE: Final = "__gradproof_see_{}__"
"""The name of the watcher in the user's module; it ends in ``__``, so that classes do not mangle it."""
VISITS: Final = 3
"""Names in scope are looked at during the first visits of an expression only: loops would repeat them."""

MANY: Final = 80
"""A scope with more entries than that is not searched further."""


@dataclass(frozen=True)
class Seen:
    """A value's shape, its kind (``f``, ``i``, ``b``, or ``o`` for anything else), and the number if it is one."""

    shape: tuple[int, ...]
    kind: str
    value: float | None = None

    @property
    def numeric(self) -> bool:
        """A number or an array of numbers."""
        return self.kind in "fib"


@dataclass
class Sights:
    """What was seen of a unit: each expression's value, and for each statement the accesses that are in scope."""

    nodes: dict[ast.AST, Seen] = field(default_factory=dict)
    scopes: dict[ast.AST, dict[str, Seen]] = field(default_factory=dict)
    statements: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def scope(self, node: ast.AST) -> dict[str, Seen]:
        """Names, string entries of dicts and attributes that are in scope where a node runs."""
        return self.scopes.get(self.statements.get(node, node), {})


def describe(value: Any) -> Seen:
    """A value as :class:`Seen`."""
    if isinstance(value, (bool, np.bool_)):
        return Seen((), "b", float(value))
    if isinstance(value, (int, np.integer)):
        return Seen((), "i", float(value) if abs(int(value)) < 2**53 else None)
    if isinstance(value, (float, np.floating)):
        return Seen((), "f", float(value))
    if isinstance(value, np.ndarray):
        kind = {"f": "f", "i": "i", "u": "i", "b": "b"}.get(value.dtype.kind, "o")
        return Seen(value.shape, kind, float(value) if value.ndim == 0 and kind in "fib" else None)
    return Seen((), "o")


def statements_of(node: ast.AST) -> dict[ast.AST, ast.AST]:
    """The innermost statement (or, in a lambda, the lambda) around each node."""
    found: dict[ast.AST, ast.AST] = {}

    def walk(part: ast.AST, statement: ast.AST) -> None:
        found[part] = statement
        for child in ast.iter_child_nodes(part):
            walk(child, child if isinstance(child, ast.stmt) else statement)

    walk(node, node)
    return found


def observe(units: list[Unit], call: Callable[[], Any]) -> dict[Unit, Sights]:
    """Run ``call`` once with every expression of the units watched."""
    sights = {unit: Sights(statements=statements_of(unit.node)) for unit in units}
    with ExitStack() as stack:
        for unit in units:
            nodes = list(ast.walk(unit.node))
            numbers = {node: i for i, node in enumerate(nodes)}
            code = unit.compiled(_watched(unit, numbers))
            if code is None:
                continue
            name = SEE.format(id(unit))
            stack.enter_context(unit.names({name: _watcher(sights[unit], nodes)}))
            stack.enter_context(unit.swapped(code))
        call()
    return sights


def _watcher(sights: Sights, nodes: list[ast.AST]) -> Callable[[int, Any], Any]:
    visits: dict[int, int] = {}

    def see(number: int, value: Any) -> Any:
        node = nodes[number]
        count = visits.get(number, 0)
        if count < VISITS:
            visits[number] = count + 1
            first = sights.nodes.get(node)  # layers of a loop have several shapes: all are seen in its first round
            if first is None or not first.numeric:
                sights.nodes[node] = describe(value)
            scope = sights.scopes.setdefault(sights.statements[node], {})
            if len(scope) < MANY:
                for name, held in sys._getframe(1).f_locals.items():
                    _collect(name, held, scope)
        return value

    return see


def _collect(name: str, value: Any, scope: dict[str, Seen], depth: int = 0) -> None:
    """``name`` itself, ``name['key']`` and ``name.attribute`` of it, two steps deep."""
    if not name.replace(".", "").replace("_", "").replace("['", "").replace("']", "").isalnum():
        return
    seen = describe(value)
    if seen.numeric:
        scope.setdefault(name, seen)
        return
    if depth > 2 or isinstance(value, (type, ModuleType, FunctionType)):
        return
    if isinstance(value, Mapping):
        for key, part in list(value.items())[:MANY]:
            if isinstance(key, str) and key.isidentifier():
                _collect(f"{name}['{key}']", part, scope, depth + 1)
    elif hasattr(value, "__dict__") and depth < 2:
        for key, part in list(vars(value).items())[:MANY]:
            if key.isidentifier() and not key.startswith("__"):
                _collect(f"{name}.{key}", part, scope, depth + 1)


def _watched(unit: Unit, numbers: dict[ast.AST, int]) -> Any:
    for node, number in numbers.items():
        node._number = number  # type: ignore[attr-defined]
    return ast.fix_missing_locations(_Watch(SEE.format(id(unit))).visit(copy.deepcopy(unit.node)))


class _Watch(ast.NodeTransformer):
    """Wraps every expression that has a value of its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def see(self, node: Any) -> Any:
        number = getattr(node, "_number", None)
        if number is None:
            return node
        call = ast.Call(ast.Name(self.name, ast.Load()), [ast.Constant(number), node], [])
        return ast.copy_location(call, node)

    def _seen(self, node: Any) -> Any:
        self.generic_visit(node)
        return self.see(node)

    visit_BinOp = visit_UnaryOp = visit_BoolOp = visit_Compare = visit_IfExp = visit_Dict = _seen
    visit_ListComp = visit_DictComp = visit_SetComp = _seen

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        return self.see(node) if isinstance(node.ctx, ast.Load) else node

    def _accessed(self, node: Any) -> Any:
        self.generic_visit(node)
        return self.see(node) if isinstance(node.ctx, ast.Load) else node

    visit_Attribute = visit_Subscript = _accessed

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        elif not isinstance(node.func, ast.Name):
            node.func = self.visit(node.func)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "range", "reversed", "zip"):
            return node
        return self.see(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.body = [self.visit(s) for s in node.body]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        node.body = self.visit(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        node.target = self.visit(node.target)
        node.value = None if node.value is None else self.visit(node.value)
        return node
