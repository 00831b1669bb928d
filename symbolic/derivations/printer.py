"""Index equations as formulas: one element, with index letters, sums with the index below, deltas and brackets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import Definition, owner, references
from ..equations.exponentials import ExponentialAlong
from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import (
    Arbitrary,
    Functional,
    FunctionalPartial,
    Iverson,
    LocalPartial,
    LogSumExp,
    MaxOver,
    ProductOver,
    Sum,
)  # fmt: skip
from ..equations.tiles import as_cases
from .notation import Notation
from .number_forms import decimal, fraction
from .patterns import softmax_pattern
from .relations import chain, joined, only_case, paired, sides_of, with_digits, within_branches
from .styles import TEX, Name, Style, bidiagonal
from .times import Time

LOOSE, ADD, MUL, POW, ATOM = 0, 1, 2, 4, 5
"""How tightly a printed piece holds together."""

_BEHIND = (LocalPartial, FunctionalPartial, KroneckerDelta, Iverson)
"""Factors that stand behind a fraction, not on it."""


class Printer:
    """Prints scalar expressions of one formula, whose indices have the given letters."""

    def __init__(self, notation: Notation, letters: dict[Any, str], style: Style = TEX, patterns: bool = True) -> None:
        self.patterns = patterns
        self.notation = notation
        self.letters = letters
        self.style = style

    def __call__(self, expression: Any) -> str:
        return self.show(sp.sympify(expression, strict=True))[0]

    def at_least(self, e: Any, level: int) -> str:
        """A piece, in parentheses where it holds together less tightly than ``level``."""
        text, own = self.show(e)
        return text if own >= level else self.style.paren(text)

    def show(self, e: Any) -> tuple[str, int]:
        """The formula of an expression, and how tightly it holds together."""
        style = self.style
        definition = owner(e)
        if definition is not None:
            below = self.subscripts(definition, e.indices) if isinstance(e, sp.Indexed) else []
            return self.notation.symbol(definition, style, below), ATOM
        if e in self.letters:
            return self.letters[e], ATOM
        if isinstance(e, Time):
            return self.notation.letter(e.size) + "'" * e.depth, ATOM
        if e.is_Rational and decimal(abs(e)):
            return decimal(e), (ATOM if e >= 0 else ADD)
        if e.is_Rational:
            return style.number(e), (ATOM if e.q == 1 and e >= 0 else MUL if e >= 0 else ADD)
        if e is sp.pi:
            return style.pi, ATOM
        if e.is_Symbol:
            return style.symbol(Name.of(str(e)), (), number_below=True), ATOM
        softmax = softmax_pattern(e) if self.patterns else None
        if softmax is not None:
            return self._softmax(*softmax), ATOM
        before = self.notation.times.before(e)
        if before is not None:
            below = self.subscripts(before.state, before.index)
            return self.notation.symbol(before.state, style, below), ATOM
        handler = _HANDLERS.get(type(e))
        if handler is not None:
            shown: tuple[str, int] = handler(self, e)
            return shown
        if type(e) in BY_HEAD:
            return self._table(e), ATOM
        if isinstance(e, sp.Function):
            return style.call(type(e).__name__, *(self(a) for a in e.args)), ATOM
        return (sp.latex(e) if style is TEX else str(e)), ADD

    def subscripts(self, definition: Definition, index: Sequence[Any]) -> list[str]:
        """The indices of an element; an axis of size 1 has none."""
        return [self(i) for i, n in zip(index, definition.shape, strict=True) if n != 1]

    # -- arithmetic ---------------------------------------------------------------------------------------------------
    def add(self, e: Any) -> tuple[str, int]:
        loose = not any(True for _ in references(e))
        if loose and all(s.is_integer for s in e.free_symbols) and any(t.as_coeff_Mul()[0].q != 1 for t in e.args):
            above, below = sp.fraction(sp.together(e))  # (l + 1)/2 − q as one fraction
            if below.is_Integer and below != 1:
                return self.style.frac(self(above), self(below)), MUL
        index = e.is_integer and loose
        terms = sorted(e.args, key=lambda term: self._term_key(term, index))
        parts = []
        for number, term in enumerate(terms):
            negative = _is_negative(term)
            text = self.at_least(_negated(term) if negative else term, MUL)
            if number == 0:
                parts.append(f"-{text}" if negative else text)
            else:
                parts.append((self.style.minus if negative else " + ") + text)
        return "".join(parts), ADD

    def _term_key(self, term: Any, index: bool) -> Any:
        # positive terms first; sums of products before what is added to them; constants before arrays (1 − a²), but
        # not before an index (t + 1)
        if term.is_Integer and index:
            return (_is_negative(term), 2)
        held = list(references(term))
        weight = 0 if term.has(sp.Sum) else 2 if term.is_Rational and not term.is_Integer else 1
        return (_is_negative(term), weight, len(held) > 0 and term.is_Indexed, str(self(term)))

    def mul(self, e: Any) -> tuple[str, int]:
        if _is_negative(e):
            return f"-{self.at_least(-e, MUL)}", ADD
        e = paired(e)
        number, other = e.as_coeff_Mul()
        if decimal(number):
            return decimal(number) + self.style.times + self.at_least(other, MUL), MUL
        above, below = fraction(e)
        front = [f for f in above if not list(references(f)) and not f.has(sp.Sum)]
        rest = [f for f in above if f not in front]
        behind = [f for f in rest if isinstance(f, _BEHIND)]
        if below and behind:
            lead, _ = self.show(e / sp.Mul(*behind))
            return lead + self.style.times + self.factors(self.chained(behind)), MUL
        numbers = [f for f in front if f.is_number]
        front = numbers + sorted((f for f in front if f not in numbers), key=str)
        if below:
            ordered = sorted(below, key=lambda f: (any(True for _ in references(f)), str(f)))
            under = self.factors(ordered) if len(below) > 1 else self(below[0])
            plain = not any(list(references(f)) for f in below)
            sums = any(isinstance(f, sp.Sum) for f in rest)
            if not plain and sums and len(rest) > 1:
                loose = [f for f in rest if not isinstance(f, sp.Sum)]
                lead = self.style.frac(self.factors(front + self.chained(loose)), under)
                return lead + self.style.times + self.factors([f for f in rest if f not in loose]), MUL
            if plain and rest and (sums or any(isinstance(f, sp.Add) for f in rest) or len(rest) > 1):
                lead = self.style.frac(self.factors(front) if front else "1", under)
                return lead + self.style.times + self.factors(self.chained(rest)), MUL
            over = self.factors(front + self.chained(rest)) if len(front + rest) != 1 else self((front + rest)[0])
            return self.style.frac(over if front + rest else "1", under), MUL
        return self.factors(front + self.chained(rest)), MUL

    def factors(self, parts: Sequence[Any]) -> str:
        """A product in the given order: sums go last, what follows a sum is in parentheses."""
        ordered = [f for f in parts if not isinstance(f, sp.Sum)] + [f for f in parts if isinstance(f, sp.Sum)]
        shown = []
        for number, f in enumerate(ordered):
            last = number == len(ordered) - 1
            shown.append(
                self(f) if isinstance(f, sp.Sum) and last else self.at_least(f, POW if len(ordered) > 1 else MUL)
            )
        text = shown[0] if shown else "1"
        for before, after in itertools.pairwise(shown):
            digits = before[-1:].isdigit() and after[:1].isdigit()
            text += (self.style.dot if digits else self.style.times) + after
        return text

    def chained(self, parts: Sequence[Any]) -> list[Any]:
        """Factors in the order of their indices, as in a matrix product: X_ik W_kj."""
        left = sorted(parts, key=self._factor_key)
        result: list[Any] = []
        while left:
            ends = _index_symbols(result[-1]) if result else list(self.letters)[:1]
            following = next((f for f in left if ends and _index_symbols(f)[:1] == ends[-1:]), None)
            result.append(following if following is not None else left[0])
            left.remove(result[-1])
        return result

    def _factor_key(self, f: Any) -> Any:
        kind = 3 if isinstance(f, KroneckerDelta) else 2 if isinstance(f, Iverson) else 1 if f.has(sp.Add) else 0
        return (kind, self(f))

    def pow(self, e: Any) -> tuple[str, int]:
        style, base, exponent = self.style, e.base, e.exp
        if exponent.is_negative or (exponent.is_Mul and _is_negative(exponent)):
            return style.frac("1", self(base**-exponent)), MUL
        if exponent == sp.S.Half:
            return style.sqrt(self(base)), ATOM
        text = self.at_least(base, ATOM)
        if style is TEX and ("^" in text and not text.startswith(r"\left")):
            text = style.paren(text)
        if isinstance(base, sp.Sum):
            text = style.paren(self(base))
        return style.power(text, str(exponent) if exponent.is_Rational else self(exponent)), POW

    # -- reductions and the rest --------------------------------------------------------------------------------------
    def sum(self, e: Any) -> tuple[str, int]:
        if _is_negative(e):
            return f"-{self.at_least(_negated(e), MUL)}", ADD
        body = self.at_least(e.args[0], MUL)
        inner = self.letters.keys()
        plain = [tuple(x) for x in e.limits if self.notation.is_full(tuple(x)) and not x[2].free_symbols & inner]
        text = body
        plain = [limit for limit in plain if limit[2] != 0]  # nothing is summed along an axis of size 1
        for limit in e.limits:
            if tuple(limit) not in plain and not (limit[1] == 0 and limit[2] == 0):
                index, first, last = limit
                text = self.style.sum(text, f"{self.letters[index]}={self(first)}", self(last))
        if plain:
            text = self.style.sum(text, self.style.comma.join(sorted(self.letters[limit[0]] for limit in plain)))
        return text, MUL

    def product(self, e: Any) -> tuple[str, int]:
        """Π over an index, the places that it leaves out below it."""
        (index, first, last), letter = e.limits[0], self.letters[e.limits[0][0]]
        whole = self.notation.is_full((index, first, last)) and last != 0
        without = [f"{letter}{self.style.relation('!=')}{self(place)}" for place in e.excluded]
        start = letter if whole else f"{letter}={self(first)}"
        under = self.style.comma.join(without if whole and without else [start, *without])
        return self.style.product(self.at_least(e.args[0], POW), under, "" if whole else self(last)), MUL

    def reduction(self, e: Any) -> tuple[str, int]:
        under = ", ".join(self.letters[limit[0]] for limit in e.limits)
        return self.style.over(e.short, under, self(e.args[0])), ATOM

    def functional(self, e: Any) -> tuple[str, int]:
        under = ", ".join(self.letters[limit[0]] for limit in e.limits)
        return f"{self(e.name)}{self.style.paren(f'{self(e.args[0])} : {under}')}", ATOM

    def partial(self, e: Any) -> tuple[str, int]:
        shown = self.style.derivative(self(e.args[0]), self(e.args[1]))
        if isinstance(e, LocalPartial) and self.notation.is_direct(owner(e.args[0]), owner(e.args[1])):
            shown = self.style.direct(shown)
        return shown, POW

    def arbitrary(self, e: Any) -> tuple[str, int]:
        name, order, argument = e.args
        return f"{self(name)}{chr(39) * int(order)}{self.style.paren(self(argument))}", ATOM

    def _softmax(self, value: Any, index: Any) -> str:
        if isinstance(value, sp.Indexed) and value.indices[-1] == index:
            definition = owner(value)
            assert definition is not None
            called = self.style.call("softmax", self.notation.symbol(definition, self.style))
            below = [self(i) for i in value.indices]
            if self.style is not TEX:
                return f"{called}[{','.join(below)}]"
            return rf"{called}_{{{''.join(below)}}}"
        return self.style.over("softmax", self.letters.get(index, str(index)), self(value))

    def _table(self, e: Any) -> str:
        row = BY_HEAD[type(e)]
        if row.name == "abs":
            return self.style.absolute(self(e.args[0]))
        if row.name == "log1p":
            return self.style.call("log", self(1 + e.args[0]))
        return self.style.call(row.name, *(self(a) for a in e.args))

    def exp(self, e: Any) -> tuple[str, int]:
        return self.style.exp(self(e.args[0])), (POW if self.style is TEX else ATOM)

    def delta(self, e: Any) -> tuple[str, int]:
        zero, whole = sorted(e.args[:2], key=lambda a: a != 0)
        if zero == 0 and isinstance(whole, sp.Mod):
            return self.style.bracket(
                self(whole.args[1]) + self.style.divides + self.at_least(whole.args[0], MUL)
            ), ATOM
        if self.notation.times and not all(a.is_Symbol for a in e.args[:2]):
            # a bracket, since δ is the error at a time
            time, place = sorted(e.args[:2], key=lambda a: not a.is_Symbol)
            return self.style.bracket(f"{self(time)}{self.style.relation('==')}{self(place)}"), ATOM
        left, right = sorted((self(a) for a in e.args[:2]), key=len)
        if len(left) == len(right):
            left, right = sorted((left, right))
        return self.style.delta(left, right), ATOM

    def iverson(self, e: Any) -> tuple[str, int]:
        return self.style.bracket(self.condition(e.args[0])), ATOM

    def condition(self, c: Any) -> str:
        chained = chain(c)
        if chained is not None:
            low, between, first, high, second = chained
            ends = self.style.relation(first), self.style.relation(second)
            return f"{self(low)}{ends[0]}{self(between)}{ends[1]}{self(high)}"
        if isinstance(c, (sp.And, sp.Or)):
            word = self.style.both if isinstance(c, sp.And) else self.style.either
            return word.join(self.condition(a) for a in c.args)
        if isinstance(c, sp.Not):
            return f"not {self.condition(c.args[0])}"
        left, right, relation = sides_of(c)
        return f"{self(left)}{self.style.relation(relation)}{self(right)}"

    def piecewise(self, e: Any) -> tuple[str, int]:
        alone = only_case(e)
        if alone is not None:
            value, conditions, rest = alone
            shown = self.style.both.join(self.condition(c) for c in joined(conditions))
            return self.style.cases([(self(value), shown), (self(rest), "")]), ATOM
        rows = [(self(v), "" if c in (True, sp.true) else self.condition(c)) for v, c in within_branches(e)]
        return self.style.cases(rows), ATOM

    def matrix_function(self, e: Any) -> tuple[str, int]:
        """``(X^{-1})_{ij}`` where the matrix has a name, else with the formula of its entries."""
        matrix, *directions = (self.matrix(body, [limit[0] for limit in e.ends]) for body in e.bodies)
        if directions:
            row, column = e.index
            whole = self.style.exponential(bidiagonal(matrix, directions))
            return self.style.entry(whole, [self(row), self(column + len(directions) * e.size)]), ATOM
        if "^" in matrix and not matrix.startswith(self.style.paren("")[:5]):
            matrix = self.style.paren(matrix)
        whole = self.style.of_matrix(e.name, matrix)
        return (self.style.entry(self.style.paren(whole), [self(i) for i in e.index]) if e.index else whole), ATOM

    def matrix(self, body: Any, ends: list[Any]) -> str:
        """A matrix by its name, as the transpose of one that has a name, or by the formula of its entries."""
        definition = owner(body)
        own = list(body.indices[-2:]) if definition is not None and isinstance(body, sp.Indexed) else []
        if definition is None or own not in (ends, ends[::-1]):
            return "0" if body == 0 else self.style.paren(self(body))
        whole = self.notation.symbol(definition, self.style, [self(i) for i in body.indices[:-2]])
        return whole if own == ends else self.style.transpose(whole)

    def mod(self, e: Any) -> tuple[str, int]:
        left, right = (self.at_least(a, ATOM) for a in e.args)
        return self.style.mod(left, right), LOOSE

    def floor(self, e: Any) -> tuple[str, int]:
        return self.style.floor(self(e.args[0])), ATOM

    def ceiling(self, e: Any) -> tuple[str, int]:
        return self.style.ceiling(self(e.args[0])), ATOM


_HANDLERS: dict[type, Any] = {
    sp.Add: Printer.add,
    sp.Mul: Printer.mul,
    sp.Pow: Printer.pow,
    Sum: Printer.sum,
    sp.exp: Printer.exp,
    sp.Mod: Printer.mod,
    sp.floor: Printer.floor,
    sp.ceiling: Printer.ceiling,
    sp.Piecewise: Printer.piecewise,
    KroneckerDelta: Printer.delta,
    Iverson: Printer.iverson,
    LogSumExp: Printer.reduction,
    MaxOver: Printer.reduction,
    ProductOver: Printer.product,
    MatrixFunction: Printer.matrix_function,
    ExponentialAlong: Printer.matrix_function,
    Functional: Printer.functional,
    FunctionalPartial: Printer.partial,
    LocalPartial: Printer.partial,
    Arbitrary: Printer.arbitrary,
}
"""How each kind of node is printed; elementwise functions are printed by their row in the table."""


def _is_negative(term: Any) -> bool:
    if isinstance(term, sp.Sum):
        return _is_negative(term.args[0])
    coefficient, _ = term.as_coeff_Mul()
    return bool(coefficient.is_negative)


def _negated(term: Any) -> Any:
    """The term with its sign changed; of a sum, inside."""
    return Sum(-term.args[0], *term.limits) if isinstance(term, sp.Sum) else -term


def _index_symbols(f: Any) -> list[Any]:
    """The indices of the first reference in a factor."""
    if isinstance(f, sp.Indexed):
        return [i for i in f.indices if i.is_Symbol]
    found = next((r for r in references(f) if isinstance(r, sp.Indexed)), None)
    return [i for i in found.indices if i.is_Symbol] if found is not None else []


def equation(
    notation: Notation, definition: Definition, style: Style = TEX, left: str | None = None, rhs: Any = None
) -> tuple[str, str]:
    """The two sides of a definition in index form, with another right-hand side if given."""
    rhs, digits = with_digits(as_cases(definition.rhs if rhs is None else rhs, definition.ranges))
    letters = notation.assign((*definition.ranges, *digits.values()), rhs)
    printer = Printer(notation, letters, style)
    below = printer.subscripts(definition, definition.indices)
    lhs = notation.symbol(definition, style, below) if left is None else left
    where = [f"{letters[limit[0]]}{style.equals}{printer(digit)}" for digit, limit in digits.items()]
    return lhs, style.apart.join([printer(rhs), *where])
