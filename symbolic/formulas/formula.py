"""Formula text to a symbolic value: a whitelisting walk over the syntax tree, which never reaches ``eval``.

``evaluate_formula`` knows a short list of node types. Everything else is refused with the column where it stands. What
is allowed is carried out by calling the NumPy functions and the operators on the objects that the caller passed in, so
text and traced code go through the same engine. Plain numbers stay exact: ``1/3`` is a third and ``sqrt(2/pi)`` is
itself, not a float.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import sympy

from gradproof.errors import GradproofError, UsageError

from .formula_numbers import EXACT_FUNCTIONS, NumberError, apply_exact, checked, number, power
from .formula_shapes import ArraySpec as ArraySpec
from .formula_shapes import parse_shapes as parse_shapes

MAX_LENGTH: Final = 4000
MAX_DEPTH: Final = 60
MAX_POWER: Final = 10_000  # the product of the exponents of powers of powers: coefficients grow with it

NUMPY_NAMES: Final = ("np", "numpy")
CONSTANTS: Final[dict[str, sympy.Expr]] = {"pi": sympy.pi, "e": sympy.E}
"""Written ``np.pi`` and ``np.e``; ``pi`` alone works too, unless an array is called so."""

ATTRIBUTES: Final = ("T", "shape")
METHODS: Final = ("sum", "mean", "max", "min", "var", "std", "dot", "transpose", "reshape")
KEYWORDS: Final = ("axis", "keepdims", "ddof")

_BINARY: Final[dict[type[ast.operator], tuple[str, Callable[..., object]]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
    ast.MatMult: ("@", operator.matmul),
}
_UNARY: Final[dict[type[ast.unaryop], tuple[str, Callable[..., object]]]] = {
    ast.UAdd: ("+", operator.pos),
    ast.USub: ("-", operator.neg),
}
_COMPARE: Final[dict[type[ast.cmpop], tuple[str, Callable[..., object]]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
_OPERATORS: Final = ", ".join(symbol for symbol, _ in (*_BINARY.values(), *_COMPARE.values()))

_FORBIDDEN: Final[dict[type[ast.AST], str]] = {
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a generator expression",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "an assignment",
    ast.IfExp: "a conditional (use np.where)",
    ast.BoolOp: "and/or",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.Starred: "a starred argument",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}


def evaluate_formula(
    text: str, environment: Mapping[str, object], functions: Mapping[str, Callable[..., object]]
) -> object:
    """Evaluate formula text on the objects of ``environment`` by calling ``functions`` and operators on them.

    Allowed are names, numbers, ``+ - * / ** @``, comparisons, calls of ``functions`` with or without ``np.``, ``.T``,
    ``.shape``, the methods in :data:`METHODS`, subscripts, tuples, and the keywords ``axis``, ``keepdims``, ``ddof``.
    A name with a dot, such as ``linalg.inv``, is one key of ``functions``.

    Plain numbers are exact SymPy numbers; whole ones reach arrays and functions as ``int``. The shape of the result
    is whatever the functions return.

    Raises:
        UsageError: the text is not a formula, or a name, function or syntax is not on the list; with the column.
        GradproofError: the engine refuses (a ShapeError, an UnsupportedError), as it is.

    >>> import numpy as np
    >>> float(evaluate_formula("np.sum(X @ W) / 2", {"X": np.eye(2), "W": np.ones((2, 3))}, {"sum": np.sum}))
    3.0
    >>> evaluate_formula("1/3 + 0.1", {}, {})
    13/30
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError('the formula is empty; write one such as "sum(tanh(X @ W)**2) / m"')
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the formula has {len(text)} characters; at most {MAX_LENGTH} are read: put it into a file")
    # Leading blanks would be an indentation to the parser; the columns in messages still count them.
    start = len(text) - len(text.lstrip())
    return _Walk(text, start, environment, functions).value(_parse(text, start))


def _parse(text: str, start: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "1if x" and "\d" are mistakes here, not warnings
            tree = ast.parse(text[start:].rstrip(), mode="eval")
    except SyntaxError as error:
        column = start + (error.offset or 1) if (error.lineno or 1) == 1 else error.offset or 1
        raise UsageError(f"column {column}: the formula cannot be read: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError, Warning) as error:
        raise UsageError(f"column 1: the formula cannot be read: {error or 'it is nested too deeply'}") from error
    return tree.body


class _Walk:
    """One evaluation: the text for the columns, and what its names mean."""

    def __init__(
        self, text: str, start: int, environment: Mapping[str, object], functions: Mapping[str, Callable[..., object]]
    ) -> None:
        self.lines = text[start:].rstrip().splitlines() or [""]
        self.start = start
        self.environment = environment
        self.functions = functions
        self.depth = 0
        self.growth = 1.0

    def fail(self, node: ast.AST, message: str, cause: BaseException | None = None) -> NoReturn:
        raise UsageError(f"{self.where(node)}: {message}") from cause

    def where(self, node: ast.AST) -> str:
        line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        column = len(text.encode()[:offset].decode(errors="replace")) + 1  # the parser counts bytes
        return f"column {column + self.start}" if line == 1 else f"line {line}, column {column}"

    def value(self, node: ast.expr) -> object:
        """Evaluate one node by the method for its type."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            what = _FORBIDDEN.get(type(node), type(node).__name__)
            self.fail(node, f"{what} is not allowed in a formula; it has names, numbers, calls and {_OPERATORS}")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(node, f"the formula is nested more than {MAX_DEPTH} deep; name its parts in a function instead")
        try:
            result = handler(self, node)
        finally:
            self.depth -= 1
        # A size that an array or the environment holds as int is a plain number like any other, and as dangerous
        return sympy.Integer(result) if type(result) is int else result

    def apply(self, node: ast.AST, what: str, function: Callable[..., object], *args: object, **kw: object) -> object:
        """Call, and turn what NumPy or Python says about wrong arguments into one line with the column."""
        try:
            return function(*args, **kw)
        except GradproofError:
            raise
        except (TypeError, ValueError, ArithmeticError, IndexError) as error:
            self.fail(node, f"{what} does not work here: {error or type(error).__name__}", error)

    def constant(self, node: ast.Constant) -> object:
        value = node.value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self.numeric(node, number, ast.get_source_segment("\n".join(self.lines), node) or repr(value))
        kind = "text" if isinstance(value, str) else f"{value!r:.20}"
        return self.fail(node, f"{kind} is not allowed here; a formula has real numbers and names")

    def numeric(self, node: ast.AST, function: Callable[..., sympy.Expr], *args: object) -> sympy.Expr:
        try:
            return function(*args)
        except NumberError as error:
            self.fail(node, str(error), error)

    def name(self, node: ast.Name) -> object:
        if node.id in self.environment:
            return self.environment[node.id]
        if node.id == "pi":
            return CONSTANTS["pi"]
        if node.id in self.functions:
            self.fail(node, f"{node.id} is a function; call it, as in {node.id}(...)")
        return self.fail(node, f"unknown name {node.id!r}; the names are {', '.join(self.environment) or 'none'}")

    def binary(self, node: ast.BinOp) -> object:
        if type(node.op) not in _BINARY:
            self.fail(node, f"{type(node.op).__name__} is not an operator of formulas; they are {_OPERATORS}")
        symbol, function = _BINARY[type(node.op)]
        if symbol == "**":  # the exponent first: it bounds what the base may be
            right = self.value(node.right)
            left = self.base(node, right)
        else:
            left, right = self.value(node.left), self.value(node.right)
        if _is_number(left) and _is_number(right):
            if symbol == "@":
                self.fail(node, "@ multiplies arrays, and these are two numbers; use *")
            return self.numeric(node, power if symbol == "**" else _checked_operation(function), left, right)
        for operand, side in ((left, node.left), (right, node.right)):
            self.operand(side, operand, symbol)
        return self.apply(node, symbol, function, _plain(left), _plain(right))

    def base(self, node: ast.BinOp, exponent: object) -> object:
        """Evaluate the base of a power, where the exponents of all powers around it multiply."""
        before = self.growth
        if isinstance(exponent, sympy.Expr) and exponent.is_number:
            self.growth *= max(1.0, abs(float(exponent)))
        if self.growth > MAX_POWER:
            self.fail(node, f"this power is too large; exponents multiply to at most {MAX_POWER}")
        try:
            return self.value(node.left)
        finally:
            self.growth = before

    def operand(self, node: ast.AST, value: object, symbol: str) -> None:
        # Python would repeat a tuple, or count True as 1: neither is meant
        if value is None or isinstance(value, (bool, tuple, list, str)):
            self.fail(node, f"{symbol} does not work on {_kind(value)}; it takes arrays and numbers")

    def unary(self, node: ast.UnaryOp) -> object:
        if type(node.op) not in _UNARY:
            self.fail(node, f"{type(node.op).__name__} is not an operator of formulas; they are {_OPERATORS}")
        symbol, function = _UNARY[type(node.op)]
        value = self.value(node.operand)
        self.operand(node.operand, value, symbol)
        return self.apply(node, symbol, function, value)

    def compare(self, node: ast.Compare) -> object:
        if len(node.ops) != 1:
            self.fail(node, "a chain of comparisons is not allowed; multiply two of them, as in (0 < x) * (x < 1)")
        if type(node.ops[0]) not in _COMPARE:
            self.fail(node, f"{type(node.ops[0]).__name__} is not allowed in a formula; it has {_OPERATORS}")
        symbol, function = _COMPARE[type(node.ops[0])]
        left, right = self.value(node.left), self.value(node.comparators[0])
        if _is_number(left) and _is_number(right):
            self.fail(node, f"{symbol} compares an array with a number or an array; these are two numbers")
        for operand, side in ((left, node.left), (right, node.comparators[0])):
            self.operand(side, operand, symbol)
        return self.apply(node, symbol, function, _plain(left), _plain(right))

    def attribute(self, node: ast.Attribute) -> object:
        dotted = _numpy_name(node, self.environment)
        if dotted is not None:
            if dotted in CONSTANTS:
                return CONSTANTS[dotted]
            if dotted == "newaxis":
                return None
            if dotted in self.functions:
                self.fail(node, f"{dotted} is a function; call it, as in np.{dotted}(...)")
            self.unknown_function(node, dotted)
        if node.attr not in ATTRIBUTES:
            self.fail(node, f".{node.attr} is not allowed; an array has .{', .'.join((*ATTRIBUTES, *METHODS))}")
        return self.member(node, self.value(node.value), node.attr)

    def member(self, node: ast.AST, owner: object, name: str) -> object:
        if _is_number(owner) or owner is None or isinstance(owner, (bool, tuple, list, str)):
            self.fail(node, f"{_kind(owner)} has no .{name}; an array has")
        try:
            return getattr(owner, name)
        except AttributeError as error:
            self.fail(node, f"{_kind(owner)} has no .{name}", error)

    def call(self, node: ast.Call) -> object:
        for keyword in node.keywords:
            if keyword.arg not in KEYWORDS:
                what = "**" if keyword.arg is None else f"{keyword.arg}="
                self.fail(keyword, f"{what} is not a keyword of formulas; they are {', '.join(KEYWORDS)}")
        name, function = self.callee(node.func)
        values: list[object] = []
        for place, argument in enumerate(node.args):
            is_einsum = name == "einsum" and place == 0
            values.append(self.subscripts(argument) if is_einsum else self.value(argument))
        keywords = {str(keyword.arg): _plain(self.value(keyword.value)) for keyword in node.keywords}
        if name in EXACT_FUNCTIONS and not keywords and len(values) == 1 and _is_number(values[0]):
            return self.numeric(node, apply_exact, name, values[0])
        return self.apply(node, name, function, *map(_plain, values), **keywords)

    def callee(self, node: ast.expr) -> tuple[str, Callable[..., object]]:
        if isinstance(node, ast.Attribute):
            dotted = _numpy_name(node, self.environment)
            if dotted is not None:
                return dotted, self.functions.get(dotted) or self.unknown_function(node, dotted)
            if node.attr not in METHODS:
                self.fail(node, f".{node.attr}() is not allowed; the methods are {', '.join(METHODS)}")
            method = self.member(node, self.value(node.value), node.attr)
            if not callable(method):
                self.fail(node, f".{node.attr} is not a method")
            return f".{node.attr}", method
        if not isinstance(node, ast.Name):
            self.fail(node, "only a named function can be called; multiply with *")
        if node.id in self.functions:
            return node.id, self.functions[node.id]
        if node.id in self.environment:
            self.fail(node, f"{node.id} is an array, not a function; multiply with *")
        return self.unknown_function(node, node.id)

    def unknown_function(self, node: ast.AST, name: str) -> NoReturn:
        self.fail(node, f"unknown function {name!r}; the functions are {', '.join(sorted(self.functions)) or 'none'}")

    def subscripts(self, node: ast.expr) -> str:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            self.fail(node, "einsum takes its subscripts first, as in einsum('ij,jk->ik', A, B)")
        if not re.fullmatch(r"[A-Za-z,. ]*(->[A-Za-z. ]*)?", node.value):
            self.fail(node, "the subscripts of einsum are letters, commas and one ->, as in 'ij,jk->ik'")
        return node.value

    def subscript(self, node: ast.Subscript) -> object:
        owner = self.value(node.value)
        if _is_number(owner) or owner is None or isinstance(owner, bool):
            self.fail(node, f"{_kind(owner)} has no entries; an array has")
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        index = tuple(self.index(part) for part in parts)
        key = index if isinstance(node.slice, ast.Tuple) else index[0]
        return self.apply(node, "this subscript", operator.getitem, owner, key)

    def index(self, node: ast.expr) -> object:
        if isinstance(node, ast.Slice):
            bounds = (node.lower, node.upper, node.step)
            return slice(*(None if bound is None else _plain(self.value(bound)) for bound in bounds))
        if isinstance(node, ast.Constant) and node.value is Ellipsis:
            return Ellipsis
        return _plain(self.value(node))

    def sequence(self, node: ast.Tuple | ast.List) -> object:
        values = (_plain(self.value(item)) for item in node.elts)
        return tuple(values) if isinstance(node, ast.Tuple) else list(values)


_HANDLERS: Final[dict[type[ast.AST], Callable[..., object]]] = {
    ast.Constant: _Walk.constant,
    ast.Name: _Walk.name,
    ast.BinOp: _Walk.binary,
    ast.UnaryOp: _Walk.unary,
    ast.Compare: _Walk.compare,
    ast.Attribute: _Walk.attribute,
    ast.Call: _Walk.call,
    ast.Subscript: _Walk.subscript,
    ast.Tuple: _Walk.sequence,
    ast.List: _Walk.sequence,
}
"""The whitelist: a node type that is not here is refused."""


def _checked_operation(function: Callable[[object, object], object]) -> Callable[..., sympy.Expr]:
    return lambda left, right: checked(function, left, right)


def _is_number(value: object) -> bool:
    """True for a plain number or a dimension, which SymPy holds; arrays are objects of the engine."""
    return isinstance(value, sympy.Expr)


def _plain(value: object) -> object:
    """Hand whole numbers on as ``int``: an axis or an index has to be one."""
    return int(value) if isinstance(value, sympy.Integer) else value


def _numpy_name(node: ast.Attribute, environment: Mapping[str, object]) -> str | None:
    """Return "linalg.inv" for ``np.linalg.inv``; None if the chain does not start at NumPy."""
    parts: list[str] = []
    current: ast.expr = node
    while isinstance(current, ast.Attribute):
        parts.append(current.attr)
        current = current.value
    if isinstance(current, ast.Name) and current.id in NUMPY_NAMES and current.id not in environment:
        return ".".join(reversed(parts))
    return None


def _kind(value: object) -> str:
    if _is_number(value):
        return "a number"
    if value is None or isinstance(value, bool):
        return str(value)
    names: dict[type, str] = {tuple: "a tuple", list: "a list", str: "text"}
    return names.get(type(value), f"a value of type {type(value).__name__}")
