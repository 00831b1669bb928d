"""One edit of a syntax tree: what it changes, which cause it would mend, and how it is made and unmade."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from gradproof.numeric.verification.mends.observe import Seen, Sights
from gradproof.numeric.verification.mends.units import Unit

LONGEST: Final = 40
"""An application of a function is repeated in a mend if its text is no longer than that."""


SLOPES: Final = 3
"""So many slopes of a leaky activation are tried."""


@dataclass(frozen=True)
class Change:
    """``holder.field`` (or its entry at ``index``) becomes ``new``; a list of statements stands for one statement."""

    holder: ast.AST
    field: str
    index: int | None
    new: Any


@dataclass(frozen=True, eq=False)
class Edit:
    """A proposal: its changes, the node that it is about, the cause it would mend, and how far-fetched it is.

    ``told`` is the line, text and mended text to tell where they are not those of the site.
    """

    cause: str
    site: ast.AST
    changes: tuple[Change, ...]
    cost: float
    told: tuple[int, str, str] | None = None


@dataclass(frozen=True, eq=False)
class Fit:
    """A proposal with an unknown factor c: the site becomes c·term, or (``adds``) site + c·term.

    Where site and term are one statement, what it stores to is scaled after it.
    """

    cause: str
    site: ast.expr | ast.stmt
    term: ast.expr | ast.stmt
    adds: bool
    cost: float


@contextmanager
def made(edit: Edit) -> Iterator[None]:
    """The tree with the edit in place, inside the block."""
    undo: list[tuple[Change, Any]] = []
    try:
        for change in edit.changes:
            for part in change.new if isinstance(change.new, list) else [change.new]:
                if isinstance(part, ast.AST):
                    _locate(part, edit.site)
            if change.index is None:
                undo.append((change, getattr(change.holder, change.field)))
                setattr(change.holder, change.field, change.new)
                continue
            entries = getattr(change.holder, change.field)
            undo.append((change, entries[change.index]))
            new = change.new if isinstance(change.new, list) else [change.new]
            entries[change.index : change.index + 1] = new
        yield
    finally:
        for change, old in reversed(undo):
            if change.index is None:
                setattr(change.holder, change.field, old)
            else:
                count = len(change.new) if isinstance(change.new, list) else 1
                getattr(change.holder, change.field)[change.index : change.index + count] = [old]


def _locate(node: ast.AST, like: ast.AST) -> None:
    """Give new nodes the place of the site, for the compiler; nodes that have a place are left, with what is below."""
    if "lineno" in node._attributes:
        if hasattr(node, "lineno"):
            return
        ast.copy_location(node, like)
        if not hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    for child in ast.iter_child_nodes(node):
        _locate(child, like)


@dataclass
class Context:
    """What the tables of edits look at: a unit, what was seen of it, and facts about the loss.

    ``numpy`` is the name that the module has in the unit (``np``), or empty; ``literals`` the numbers in the loss;
    ``parameters`` the accesses in the unit that hold a refuted parameter; ``unary`` functions of one array that loss or
    gradient call, as they are called.
    """

    unit: Unit
    sights: Sights
    numpy: str
    literals: tuple[float, ...]
    parameters: frozenset[str] = frozenset()
    unary: tuple[str, ...] = ()

    def seen(self, node: ast.AST) -> Seen | None:
        """What a node was when it ran; None for what did not run or has no value."""
        if isinstance(node, ast.UnaryOp) and is_number(node):
            inner = self.seen(node.operand)
            return None if inner is None else Seen((), inner.kind, -(inner.value or 0.0))
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return Seen((), "i" if isinstance(node.value, int) else "f", float(node.value))
        return self.sights.nodes.get(node)

    def nodes(self) -> list[ast.AST]:
        """Every node of the unit, in the order of the text."""
        return [self.unit.node, *self.unit.slots]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that holds this one."""
        slot = self.unit.slots.get(node)
        return None if slot is None else slot[0]

    def field(self, node: ast.AST) -> str:
        """The field of its parent that holds this one."""
        return self.unit.slots[node][1]

    def statement(self, node: ast.AST) -> ast.AST:
        """The innermost statement around a node, or the lambda."""
        return self.sights.statements[node]

    def put(self, node: ast.AST, new: Any) -> Change:
        """The change that puts something in a node's place."""
        return Change(*self.unit.slots[node], new)

    def edit(self, cause: str, node: ast.AST, new: Any, cost: float) -> Edit:
        """The edit that puts something in a node's place."""
        return Edit(cause, node, (self.put(node, new),), cost)

    def pool(self, node: ast.AST) -> dict[str, tuple[ast.expr, Seen]]:
        """Accesses in scope at a node, by their text, each with its tree: names, dict entries, attributes, entries.

        Besides the scope these are the subscripts and attributes that stand somewhere in the function, as ``hs[t]``.
        """
        statement = self.statement(node)
        if statement not in self._pools:
            found = {
                text: (expression(text), seen)
                for text, seen in self.sights.scope(node).items()
                if "__gradproof" not in text
            }
            for other, seen in self.sights.nodes.items():
                access = isinstance(other, (ast.Subscript, ast.Attribute, ast.Name)) and _plain(other)
                if seen.numeric and (access or self._is_application(other, seen)):
                    text = ast.unparse(other)
                    found.setdefault(text, (expression(text), seen))
            self._pools[statement] = found
        return self._pools[statement]

    def slopes(self, node: ast.AST) -> list[str]:
        """Numbers between 0 and 1 in scope or in the loss: what the slope of a leaky activation may be."""
        named = [name for name, seen in self.sights.scope(node).items() if seen.kind == "f" and _is_part(seen.value)]
        return [*named, *(repr(value) for value in self.literals if _is_part(value))][:SLOPES]

    def _is_application(self, node: ast.AST, seen: Seen) -> bool:
        """``np.tanh(X @ W)``, where the value has no name of its own."""
        if not isinstance(node, ast.Call) or not seen.shape or len(node.args) != 1 or node.keywords:
            return False
        stored = isinstance(self.parent(node), (ast.Assign, ast.AugAssign))
        return not stored and ast.unparse(node.func) in self.unary and len(ast.unparse(node)) <= LONGEST

    def __post_init__(self) -> None:
        self._pools: dict[ast.AST, dict[str, tuple[ast.expr, Seen]]] = {}


def _is_part(value: float | None) -> bool:
    return value is not None and 0 < value < 1


def _plain(node: ast.expr) -> bool:
    """A chain of names, attributes and simple subscripts: an access that can stand anywhere."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.BinOp):
        return _plain(node.value)  # hs[t - 1]
    return not any(isinstance(n, (ast.Call, ast.Slice, ast.BinOp, ast.Compare, ast.Lambda)) for n in ast.walk(node))


def expression(text: str) -> ast.expr:
    """The tree of an expression that is made here, of names in scope."""
    return ast.parse(text, mode="eval").body


def is_number(node: ast.AST) -> bool:
    """A literal int or float, or minus one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return is_number(node.operand) and not isinstance(node.operand, ast.UnaryOp)
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def name_of_call(node: ast.AST) -> str:
    """The last name of what is called: ``sum`` for ``np.sum(x)`` and for ``x.sum()``."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


REDUCTIONS: Final = ("sum", "mean", "max", "min", "prod", "std", "var")

BUILDERS: Final = (
    "zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "range", "arange",
    "reshape", "len", "eye", "shape", "transpose", "isinstance", "print", "enumerate", "zip",
)  # fmt: skip
"""Calls whose arguments are sizes and prototypes, not values."""


def is_value(context: Context, node: ast.AST) -> bool:
    """Whether a node is a number or an array that enters the computation: no index, axis, shape or prototype."""
    seen = context.seen(node)
    if seen is None or not seen.numeric or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    child, parent = node, context.parent(node)
    compared = False
    while parent is not None and not isinstance(parent, (ast.stmt, ast.Lambda)):
        if isinstance(parent, ast.Subscript) and context.field(child) == "slice":
            return compared  # of a mask
        compared |= isinstance(parent, ast.Compare)
        if isinstance(parent, ast.keyword) and parent.arg in ("axis", "keepdims", "shape", "dtype", "axes"):
            return False
        if isinstance(parent, ast.Call) and name_of_call(parent) in BUILDERS and child is not parent.func:
            return False
        if isinstance(parent, ast.Attribute) and parent.attr in ("shape", "size", "ndim", "dtype"):
            return False
        child, parent = parent, context.parent(parent)
    if isinstance(parent, (ast.AugAssign, ast.Assign, ast.AnnAssign)) and context.field(child) in ("target", "targets"):
        return False  # what is stored to
    if isinstance(parent, (ast.For, ast.While, ast.If)) and context.field(child) not in ("body", "orelse"):
        return isinstance(parent, ast.If)
    slot = context.parent(node)
    if isinstance(slot, ast.Call) and context.field(node) == "args" and name_of_call(slot) in REDUCTIONS:
        first = isinstance(slot.func, ast.Attribute) and context.seen(slot.func.value) is not None
        numeric = first and (context.seen(slot.func.value) or Seen((), "o")).numeric  # type: ignore[attr-defined]
        return not numeric and slot.args[0] is node  # x.sum(0) and np.sum(x, 0): the axis is no value
    return True


def twins_of(context: Context, node: ast.AST, text: str) -> list[ast.AST]:
    """All places in a node's statement that read what it reads."""
    statement = context.statement(node)
    kind = type(node)
    return [
        other for other in context.unit.slots
        if type(other) is kind and context.sights.statements.get(other) is statement
        and isinstance(getattr(other, "ctx", None), ast.Load) and ast.unparse(other) == text
    ]  # fmt: skip
