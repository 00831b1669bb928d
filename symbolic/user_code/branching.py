"""A function rewritten so that both sides of its branches can be run: ``if``, ``a if c else b``, ``assert``.

    if z > 0:            branch = _gp_branch(z > 0, ...)
        loss += z        while branch.again(locals()):     # once where the condition is known, else for either side
                             (names as they were before)
                             if branch.side:
                                 loss += z
                         (names with their joined values)

A side that ends in ``return`` (in a loop: ``continue``) takes what follows the branch as its other side, and gives its
value to a name that is returned once. A branch with an exit that does not fit this form (``break``, a ``return`` inside
of a loop) stays as it is. Calls that would refuse a symbolic argument (``data.dot(w)``, ``"%f" % x``) go by a function.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Final, TypeAlias, TypeVar

from .trees import Node

Block: TypeAlias = list[ast.stmt]

BRANCH: Final = "_gp_branch"
CHOOSE: Final = "_gp_choose"
ALL: Final = "_gp_all"
ANY: Final = "_gp_any"
NOT: Final = "_gp_not"
IS_SYMBOLIC: Final = "_gp_symbolic"
METHOD: Final = "_gp_method"
FORMAT: Final = "_gp_format"
LOCALS: Final = "_gp_locals"
RETURNED: Final = "_gp_returned"

_METHODS: Final = ("dot", "clip", "take", "choose", "repeat")
"""Methods of arrays that may be given a symbolic argument while the array itself is plain."""

_EXITS: Final = {ast.Return: "return", ast.Continue: "continue", ast.Break: "break"}
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS: Final = (ast.For, ast.While)


def catches(node: Node) -> bool:
    """Whether a function handles exceptions, so that raising one may be a branch like any other."""
    return any(isinstance(n, (ast.Try, ast.TryStar)) for n in ast.walk(node))


def with_both_sides(node: Node, code: CodeType, careful: bool = False) -> Node | None:
    """The tree of a function with its branches rewritten; None where there is nothing to rewrite.

    A side that raises is left out, unless ``careful``: then somebody may catch it.
    """
    rewriter = _Rewriter(code.co_filename, careful)
    made = copy.deepcopy(node)
    if isinstance(made, ast.Lambda):
        made.body = rewriter.expression(made.body)
    else:
        rewriter.function(made)
    return ast.fix_missing_locations(made) if rewriter.count else None


# -- what stands in a block --------------------------------------------------------------------------------------------
def _inside(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """All nodes below, but for those of scopes of their own."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*_SCOPES, *_COMPREHENSIONS)):
            pending.extend(ast.iter_child_nodes(node))


def _exits(block: Sequence[ast.stmt]) -> set[str]:
    """How control may leave a block other than by its end; loops inside keep their own ``break`` and ``continue``."""
    found: set[str] = set()
    for statement in block:
        if type(statement) in _EXITS:
            found.add(_EXITS[type(statement)])
        elif isinstance(statement, _LOOPS):
            found |= {"deep" for kind in _exits(statement.body) if kind == "return"} | _exits(statement.orelse)
        elif isinstance(statement, ast.If):
            found |= _exits(statement.body) | _exits(statement.orelse)
        elif not isinstance(statement, _SCOPES):
            for part in ("body", "orelse", "finalbody"):
                found |= {"deep" for _ in _exits(getattr(statement, part, []))}
            inner = (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ()))
            found |= {"deep" for part in inner if _exits(part.body)}
    return found


def _ends(block: Sequence[ast.stmt]) -> bool:
    """Whether control never reaches the end of a block."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, (ast.Return, ast.Continue, ast.Break, ast.Raise)):
        return True
    return isinstance(last, ast.If) and _ends(last.body) and _ends(last.orelse)


def _raises(block: Sequence[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], ast.Raise)


def _fits(block: Sequence[ast.stmt], kind: str) -> bool:
    """Whether every exit of a block is of a kind, and stands at the end of all that is done then."""
    for position, statement in enumerate(block):
        if type(statement) in _EXITS:
            return _EXITS[type(statement)] == kind and position == len(block) - 1
        if isinstance(statement, ast.If) and _exits([statement]):
            rest = block[position + 1 :]
            if rest and not (_ends(statement.body) or _ends(statement.orelse)):
                return False  # what follows would be written twice
            return all(_fits([*side, *([] if _ends(side) else rest)], kind) for side in _sides(statement))
        if _exits([statement]):
            return False
    return True


def _sides(statement: ast.If) -> tuple[Block, Block]:
    return statement.body, statement.orelse


def _bound(block: Sequence[ast.stmt]) -> list[str]:
    """The names that a block binds or unbinds."""
    found: dict[str, None] = {}
    for node in _inside(block):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = None
        elif isinstance(node, ast.alias):
            found[(node.asname or node.name).partition(".")[0]] = None
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found[node.name] = None
    return list(found)


# -- rewriting ---------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Rewriter:
    """One function's branches; ``careful`` where exceptions may be caught, so that raising is a side like any other."""

    file: str
    careful: bool
    count: int = 0
    declared: set[str] = field(default_factory=set)

    def function(self, node: ast.FunctionDef) -> None:
        """Rewrite the body of a function in place; generators stay as they are."""
        if any(isinstance(n, (ast.Yield, ast.YieldFrom, ast.Await)) for n in _inside(node.body)):
            return
        outer, self.declared = self.declared, {
            name for n in _inside(node.body) if isinstance(n, ast.Global) for name in n.names
        }  # fmt: skip
        node.body = self.block(node.body, "return")
        self.declared = outer

    def block(self, statements: Sequence[ast.stmt], tail: str, exit_to: str = "") -> Block:
        """A block whose end is that of a function (``tail`` is "return") or of a turn of a loop ("continue").

        With ``exit_to`` its exits become the end of the block, where ``return`` gives that name its value.
        """
        done: Block = []
        for position, statement in enumerate(statements):
            rest = list(statements[position + 1 :])
            if isinstance(statement, ast.If):
                exits = _exits([statement])
                leaves = exits == {tail} and _fits([statement, *rest], tail)
                if leaves and not self.may_catch(statement, *rest):
                    return [*done, *self.leaving(statement, rest, tail, exit_to)]
                done += [self.kept(statement)] if exits or self.may_catch(statement) else self.branch(statement)
            elif exit_to and isinstance(statement, ast.Return):
                value = statement.value or ast.Constant(None)
                done.append(_placed(ast.Assign([_name(exit_to, ast.Store())], self.expression(value)), statement))
                return done
            elif exit_to and isinstance(statement, ast.Continue):
                break
            else:
                done.append(self.statement(statement))
        if exit_to == RETURNED and not _ends(statements):
            done.append(ast.Assign([_name(RETURNED, ast.Store())], ast.Constant(None)))
        return done or [ast.Pass()]

    def may_catch(self, *statements: ast.stmt) -> bool:
        """Whether statements raise what somebody may catch: that is a branch to be explored."""
        return self.careful and any(isinstance(n, ast.Raise) for n in _inside(statements))

    def leaving(self, statement: ast.If, rest: Block, tail: str, exit_to: str) -> Block:
        """A branch with an exit: what follows it goes into the sides that go on."""
        to = RETURNED if tail == "return" else "continue"
        sides = [[*side, *([] if _ends(side) else copy.deepcopy(rest))] for side in _sides(statement)]
        raising = tuple(map(_raises, sides))
        blocks = [self.block(side, tail, to) for side in sides]
        made = self.both(statement, blocks, raising)
        if tail == "return" and not exit_to:
            made.append(_placed(ast.Return(_name(RETURNED)), statement))
        return made

    def branch(self, statement: ast.If) -> Block:
        raising = tuple(map(_raises, _sides(statement)))
        return self.both(statement, [self.block(s, "") if s else [ast.Pass()] for s in _sides(statement)], raising)

    def both(self, statement: ast.If, blocks: Sequence[Block], raising: Sequence[bool]) -> Block:
        """The statements that run either side, or both."""
        names = _bound([s for block in blocks for s in block])
        if self.declared.intersection(names):
            kept = ast.If(self.test(statement.test), *blocks)
            return [_placed(kept, statement)]
        self.count += 1
        name = f"_gp{self.count}"
        names = [n for n in names if not (n.startswith("_gp") and n != RETURNED)]
        site = ast.Tuple([ast.Constant(self.file), ast.Constant(statement.lineno), ast.Constant(statement.col_offset)],
                         ast.Load())  # fmt: skip
        held = ast.Tuple([ast.Constant(n) for n in names], ast.Load())
        drops = ast.Tuple([ast.Constant(r and not self.careful) for r in raising], ast.Load())
        made = _call(BRANCH, self.test(statement.test), site, held, drops)
        again = ast.Call(ast.Attribute(_name(name), "again", ast.Load()), [_call(LOCALS)], [])
        restored = [_restored(n, name) for n in names]
        yes, no = blocks
        inner = ast.If(ast.Attribute(_name(name), "side", ast.Load()), yes, no)
        loop = ast.While(again, [*copy.deepcopy(restored), inner], [])
        lines: Block = [ast.Assign([_name(name, ast.Store())], made), loop, *restored]
        return [_placed(line, statement) for line in lines]

    def kept(self, statement: ast.If) -> ast.stmt:
        """A branch that stays, with those inside of it rewritten."""
        statement.test = self.expression(statement.test)
        statement.body = self.block(statement.body, "")
        statement.orelse = self.block(statement.orelse, "") if statement.orelse else []
        return statement

    def statement(self, statement: ast.stmt) -> ast.stmt:
        """Any other statement, with the branches inside of it rewritten."""
        if isinstance(statement, ast.FunctionDef):
            self.function(statement)
            return statement
        if isinstance(statement, (ast.AsyncFunctionDef, ast.ClassDef)):
            return statement
        if isinstance(statement, ast.Assert):
            self.count += 1
            statement.test = self.truth(self.test(statement.test), if_symbolic=not self.careful)
            return statement
        for name, value in list(ast.iter_fields(statement)):
            if isinstance(value, ast.expr):
                setattr(statement, name, self.expression(value))
            elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
                setattr(statement, name, [self.expression(part) for part in value])
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                loops = isinstance(statement, _LOOPS) and name == "body"
                setattr(statement, name, self.block(value, "continue" if loops else ""))
        for handler in getattr(statement, "handlers", []):
            handler.body = self.block(handler.body, "")
        for item in getattr(statement, "items", []):
            item.context_expr = self.expression(item.context_expr)
        return statement

    # -- expressions ---------------------------------------------------------------------------------------------------
    def expression(self, node: ast.expr) -> ast.expr:
        return _Expressions(self).visit(node)  # type: ignore[no-any-return]

    def test(self, node: ast.expr) -> ast.expr:
        """A condition whose parts (``and``, ``or``, ``not``, ``a < x < b``) may all be symbolic."""
        if any(isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
            return self.expression(node)
        if isinstance(node, ast.BoolOp):
            parts = [_lambda(self.truth(self.test(part))) for part in node.values]
            return _placed(_call(ALL if isinstance(node.op, ast.And) else ANY, *parts), node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _placed(_call(NOT, self.truth(self.test(node.operand))), node)
        if isinstance(node, ast.Compare) and len(node.ops) > 1 and all(map(_is_plain, node.comparators[:-1])):
            sides = [node.left, *node.comparators]
            pairs = zip(sides, node.ops, sides[1:], strict=False)
            parts = [_lambda(self.truth(ast.Compare(copy.deepcopy(a), [op], [b]))) for a, op, b in pairs]
            return _placed(_call(ALL, *parts), node)
        return self.expression(node)

    def truth(self, node: ast.expr, if_symbolic: bool | None = None) -> ast.expr:
        """Whether a value is true, asked on the user's own line; a symbolic one as it is."""
        value = _name("_gp_value")
        known: ast.expr = ast.IfExp(value, ast.Constant(True), ast.Constant(False))
        symbolic: ast.expr = value if if_symbolic is None else ast.Constant(if_symbolic)
        if if_symbolic is False:
            return node
        body = ast.IfExp(_call(IS_SYMBOLIC, value), symbolic, known)
        return _placed(ast.Call(_lambda(body, "_gp_value"), [node], []), node)


class _Expressions(ast.NodeTransformer):
    """``a if c else b`` as a call that may evaluate both; methods and formats that a symbolic value may come into."""

    def __init__(self, rewriter: _Rewriter) -> None:
        self.rewriter = rewriter

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            self.rewriter.count += 1
            node.func = _placed(_call(METHOD, node.func.value, ast.Constant(node.func.attr)), node.func)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        text = isinstance(node.left, ast.JoinedStr) or (
            isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        )
        if isinstance(node.op, ast.Mod) and text:
            self.rewriter.count += 1
            return _placed(_call(FORMAT, node.left, node.right), node)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        unfit = (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)
        if any(isinstance(n, unfit) or (isinstance(n, ast.Name) and n.id == "super") for n in ast.walk(node)):
            return node
        rewriter = self.rewriter
        rewriter.count += 1
        site = ast.Tuple([ast.Constant(rewriter.file), ast.Constant(node.lineno), ast.Constant(node.col_offset)],
                         ast.Load())  # fmt: skip
        sides = [_lambda(rewriter.expression(side)) for side in (node.body, node.orelse)]
        given = [_name(n) for n in ("_gp_value", "_gp_yes", "_gp_no")]
        known = ast.IfExp(given[0], ast.Call(given[1], [], []), ast.Call(given[2], [], []))
        both = _call(CHOOSE, *given, site)
        body = ast.IfExp(_call(IS_SYMBOLIC, given[0]), both, known)
        call = ast.Call(_lambda(body, "_gp_value", "_gp_yes", "_gp_no"), [rewriter.test(node.test), *sides], [])
        return _placed(call, node)


def _is_plain(node: ast.expr) -> bool:
    """A value that may be asked for twice."""
    plain = (ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.UnaryOp, ast.BinOp, ast.expr_context,
             ast.operator, ast.unaryop, ast.Tuple)  # fmt: skip
    return all(isinstance(n, plain) for n in ast.walk(node))


_Node = TypeVar("_Node", bound=ast.AST)


# -- building ----------------------------------------------------------------------------------------------------------
def _name(name: str, context: ast.expr_context | None = None) -> ast.Name:
    return ast.Name(name, context or ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_name(function), list(arguments), [])


def _lambda(body: ast.expr, *names: str) -> ast.Lambda:
    return ast.Lambda(ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, []), body)


def _restored(name: str, branch: str) -> ast.stmt:
    """``if 'x' in branch.names: x = branch.names['x']``, else x is unbound."""
    names = ast.Attribute(_name(branch), "names", ast.Load())
    found = ast.Compare(ast.Constant(name), [ast.In()], [names])
    bind = ast.Assign([_name(name, ast.Store())], ast.Subscript(names, ast.Constant(name), ast.Load()))
    unbind = [ast.Assign([_name(name, ast.Store())], ast.Constant(None)), ast.Delete([_name(name, ast.Del())])]
    return ast.If(copy.deepcopy(found), [bind], unbind)


def _placed(node: _Node, at: ast.AST) -> _Node:
    """The node, and all that is new in it, at the line of what it stands for."""
    ast.copy_location(node, at)
    for child in ast.walk(node):
        if isinstance(child, (ast.expr, ast.stmt, ast.arg)) and not hasattr(child, "lineno"):
            ast.copy_location(child, at)
    return node
