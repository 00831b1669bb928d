"""Which symbol stands for which axis, found by running: sizes that have to be equal become one symbol.

Every axis of every input starts with a symbol of its own. Where the code needs two sizes to be equal, and those of the
given arrays are, one is replaced by the other (``p`` by ``4*h`` where four gates are cut out of one array); where it
needs a number (``range(X.shape[0])``), the symbols in it become the sizes of the given arrays. Each replacement keeps
the line of user code that asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sympy as sp

from ..equations.dims import dim
from ..equations.questions import Restart, TooLong

Axis: TypeAlias = tuple[Any, int]
"""An input, by whatever key it has, and the position of one of its axes."""

_LETTERS = "m n k p q r s h d l u v w a b c e f g"


@dataclass(frozen=True, slots=True)
class Decided:
    """A size that the code decided: what became what, on which line, and in which function's run."""

    what: str
    line: str
    during: str
    kind: str
    """``number`` (a size was fixed), ``one`` (nothing but 1 fits there), ``equal`` (two became one), ``paired`` (equal,
    for products of them have to be), ``multiple`` (one is so many times another), ``least`` (smaller ones are left
    out), or ``unequal`` (taken to differ)."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Sizes below ``least`` are left out of one that is ``least - 1 + part``, which ``name`` shows."""

    name: str
    least: int
    part: sp.Symbol


@dataclass(slots=True)
class Sizes:
    """The sizes of all axes: those of the given arrays, and the expressions that stand for them."""

    given: dict[sp.Symbol, int]
    axes: dict[Axis, sp.Symbol]
    line: Callable[[], str]
    reserved: frozenset[str] = frozenset()
    longest: float = float("inf")
    """A size above this is no number for a loop: :class:`~gradproof.symbolic.equations.questions.TooLong`."""
    exact: bool = False
    """Whether a size that has to be so large becomes a number; else smaller ones are left out."""
    during: str = ""
    changed: bool = False
    solved: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    decisions: list[Decided] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    _letters: dict[sp.Symbol, sp.Symbol] = field(default_factory=dict)
    _names_of: dict[sp.Symbol, str] = field(default_factory=dict)
    _bounds: list[tuple[sp.Expr, str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, shapes: Mapping[Any, tuple[int, ...]], line: Callable[[], str], reserved: Iterable[str] = ()) -> Sizes:
        """A new symbol for every axis of every input."""
        given: dict[sp.Symbol, int] = {}
        axes: dict[Axis, sp.Symbol] = {}
        for key, shape in shapes.items():
            for position, size in enumerate(shape):
                symbol = sp.Dummy(f"n{len(given)}", integer=True, positive=True)
                given[symbol], axes[key, position] = size, symbol
        return cls(given, axes, line, frozenset(reserved))

    def begin(self) -> None:
        """A new run: letters for the symbols that are left, by first appearance."""
        self.changed = False
        self._bounds.clear()
        free: dict[sp.Symbol, None] = {}
        for symbol in self.given:
            if symbol not in self.solved:
                free[symbol] = None
        names = (name for name in self._names() if name not in self.reserved)
        self._letters = {symbol: dim(next(names)) for symbol in free}

    @staticmethod
    def _names() -> Iterable[str]:
        yield from _LETTERS.split()
        number = 1
        while True:
            yield f"n{number}"
            number += 1

    def shape(self, key: Any, rank: int) -> tuple[sp.Expr, ...]:
        """The dimensions of an input in the present run."""
        return tuple(self._shown(self.axes[key, position]) for position in range(rank))

    def factors(self, size: sp.Expr) -> tuple[sp.Expr, ...]:
        """What a size of the present run is the product of: its number, then its symbols in the order of their axes."""
        coefficient, rest = size.as_coeff_Mul()
        order = {letter: position for position, letter in enumerate(self._letters.values())}
        parts = [coefficient] if coefficient != 1 else []
        for part in sorted(sp.Mul.make_args(rest), key=lambda p: order.get(p.as_base_exp()[0], -1)):
            base, exponent = part.as_base_exp()
            if base not in order or not exponent.is_Integer:
                return (size,)
            parts += [base] * int(exponent)
        return tuple(parts) if len(parts) > 1 and coefficient.is_Integer else (size,)

    def numbers(self) -> dict[sp.Symbol, int]:
        """Each symbol of the present run with its size in the given arrays."""
        return {letter: self.given[symbol] for symbol, letter in self._letters.items()}

    def value(self, size: Any) -> int:
        """What a size of the present run is for the given arrays."""
        numbers = {letter: sp.Integer(size) for letter, size in self.numbers().items()}
        return int(sp.sympify(size, strict=True).xreplace(numbers))

    def free(self, size: Any) -> bool:
        """Whether a size still has symbols in it."""
        return bool(self._own(size).free_symbols)

    def _number(self, own: sp.Expr) -> sp.Expr:
        return own.xreplace({symbol: sp.Integer(size) for symbol, size in self.given.items()})

    def _letters_for(self, own: sp.Expr) -> Any:
        shown = own.xreplace(self._letters)
        return int(shown) if shown.is_Integer else shown

    def _own(self, size: Any) -> sp.Expr:
        back = {letter: symbol for symbol, letter in self._letters.items()}
        expression = sp.sympify(size, strict=True).xreplace(back)
        return sp.expand(expression.xreplace(self.solved))

    def _shown(self, size: sp.Expr) -> sp.Expr:
        return sp.expand(size.xreplace(self.solved)).xreplace(self._letters)

    # -- answers ----------------------------------------------------------------------------------------------------
    def same(self, left: Any, right: Any) -> bool:
        """Make two sizes one where those of the given arrays are equal."""
        difference = self._own(sp.sympify(left, strict=True) - sp.sympify(right, strict=True))
        if difference == 0:
            return True
        if self._number(difference) != 0:
            return False
        self._equate(difference)
        return True

    def _equate(self, difference: sp.Expr, kind: str = "equal") -> None:
        factors = sp.factor_list(difference)[1]
        difference = next((f for f, _ in factors if self._number(f) == 0), difference)
        found: list[tuple[bool, int, sp.Symbol, sp.Expr]] = []
        order = {symbol: position for position, symbol in enumerate(self.given)}
        for symbol in difference.free_symbols:
            slope = difference.coeff(symbol, 1)
            rest = sp.expand(difference - slope * symbol)
            if abs(slope) == 1 and not rest.has(symbol, sp.floor, sp.ceiling, sp.Mod, sp.Pow):
                solution = sp.expand(-rest / slope)
                found.append((surely_at_least(solution, 1), order[symbol], symbol, solution))
        if not found and self._pair(difference):
            return
        if not found:
            self.fix(difference)
            return
        _, _, symbol, solution = max(found, key=lambda f: f[:2])
        self._note(f"{self._name(symbol)} = {self._described(solution)}", _kind(solution, kind))
        self._replace(symbol, solution)

    def _pair(self, difference: sp.Expr) -> bool:
        """Two products are equal: factors of one size become one, in the order of their axes; the rest follows."""
        terms = difference.as_ordered_terms()
        if len(terms) != 2 or not difference.is_polynomial(*difference.free_symbols):
            return False
        order = {symbol: position for position, symbol in enumerate(self.given)}
        one, other = (sorted(t.free_symbols, key=order.__getitem__) for t in terms)
        for symbol in one:
            for twin in other:
                if symbol is not twin and self.given[symbol] == self.given[twin]:
                    self._equate(symbol - twin, "paired")
                    return self.same(*(sp.expand(t.xreplace(self.solved)) for t in (terms[0], -terms[1])))
        return False

    def fix(self, size: Any, line: str = "", kind: str = "number") -> None:
        """Give every symbol of a size the number of the given arrays."""
        for symbol in sorted(self._own(size).free_symbols, key=str):
            shown = self._name(symbol)
            self._replace(symbol, sp.Integer(self.given[symbol]))
            self._note(f"{shown} = {self.given[symbol]}", kind, line)

    def number(self, size: Any) -> int:
        """A number for a size; unless it is one already, the run begins again with it."""
        if self.free(size):
            number = self.value(size)
            self._equate(self._own(size - number), "number")
            raise TooLong if number > self.longest else Restart
        return int(self._own(size))

    def broadcast(self, left: Any, right: Any) -> bool:
        """Equal sizes become one; a size that is 1 beside another one is 1."""
        if self.same(left, right):
            return True
        for size in (left, right):
            if self.free(size) and self.value(size) == 1:
                self.fix(size, kind="one")
                raise Restart
        return False

    def at_most(self, left: Any, right: Any) -> None:
        """Sizes for which ``left`` is more than ``right`` are left out, in the end (:meth:`settled`)."""
        difference = self._own(sp.sympify(right, strict=True) - sp.sympify(left, strict=True))
        if not difference.free_symbols or surely_at_least(difference, 0):
            return
        if self._number(difference) < 0:
            self.fix(difference)
            raise Restart
        self._bounds.append((difference, self.line(), self.during))

    def settled(self) -> bool:
        """Whether what :meth:`at_most` was told holds for all sizes, with all that was learned since."""
        for difference, line, during in self._bounds:
            now = sp.expand(difference.xreplace(self.solved))
            if now.free_symbols and not surely_at_least(now, 0):
                self.during = during
                if self.exact or not self._leave_out(now, line):
                    self.fix(now, line)
        return not self.changed

    def _leave_out(self, difference: sp.Expr, line: str) -> bool:
        """Where n ≥ r is asked for, n = r - 1 + n' with n' ≥ 1 stands for the sizes that are left."""
        for symbol in sorted(difference.free_symbols, key=list(self.given).index):
            rest = sp.expand(symbol - difference)
            if rest.has(symbol, sp.floor, sp.ceiling, sp.Mod, sp.Pow) or not surely_at_least(rest, 1):
                continue
            part = sp.Dummy(f"n{len(self.given)}", integer=True, positive=True)
            self.given[part] = int(self.given[symbol] - self._number(rest) + 1)
            name, least = self._name(symbol), self._described(rest)
            before = next((left for left in self.left_out if left.part is symbol), None)
            if before is not None:  # more is left out of the same size
                name, least = before.name, before.least - 1 + least
                self.left_out.remove(before)
                self.decisions = [d for d in self.decisions if d.what != f"{name} ≥ {before.least}"]
            self._names_of[part] = str(sp.Symbol(name) - least + 1)
            self._note(f"{name} ≥ {least}", "least", line)
            if least.is_Integer:
                self.left_out.append(LeftOut(name, int(least), part))
            self._replace(symbol, rest - 1 + part)
            return True
        return False

    def quotient(self, size: Any, divisor: Any, required: bool = False) -> Any:
        """``size // divisor`` where one divides the other for all sizes, which becomes so if it does for the given.

        ``required`` says that the code accepts no other sizes, as ``np.split`` does.
        """
        kind = "equal" if required else "multiple"
        own, by = self._own(size), self._own(divisor)
        ratio = sp.cancel(own / by)
        if sp.fraction(ratio)[1] == 1 and all(c.is_Integer for c in _coefficients(ratio)):
            return self._letters_for(ratio)
        whole, rest = divmod(self.value(size), self.value(divisor))
        if rest or not own.is_Symbol:
            self.fix(own + by)
        elif by.is_number:
            part = sp.Dummy(f"n{len(self.given)}", integer=True, positive=True)
            self.given[part] = whole
            self._names_of[part] = f"{self._name(own)}/{by}"
            self._note(f"{self._name(own)} is a multiple of {by}", kind)
            self._replace(own, by * part)
        else:
            self._note(f"{self._name(own)} = {self._described(whole * by)}", kind)
            self._replace(own, whole * by)
        raise Restart

    def equals(self, left: Any, right: Any) -> bool:
        """What ``m == n`` in the user's code is: for all sizes, else by the given ones."""
        try:
            difference = self._own(sp.sympify(left, strict=True) - sp.sympify(right, strict=True))
        except (sp.SympifyError, TypeError):
            return False
        if not difference.free_symbols:
            return bool(difference == 0)
        if difference.has(sp.floor, sp.ceiling, sp.Mod):
            self.fix(difference)
            raise Restart
        if self.same(left, right):
            return True
        if not (surely_at_least(difference, 1) or surely_at_least(-difference, 1)):
            self._note(f"{self._described(self._own(left))} ≠ {self._described(self._own(right))}", "unequal")
        return False

    # -- keeping ----------------------------------------------------------------------------------------------------
    def _described(self, size: sp.Expr) -> sp.Expr:
        """A size in the words of the inputs: ``X.shape[0] + 1``."""
        return size.xreplace({symbol: sp.Symbol(self._name(symbol)) for symbol in size.free_symbols})

    def _name(self, symbol: sp.Symbol) -> str:
        found = [key for key, axis in self.axes.items() if axis is symbol]
        if not found:
            return self._names_of.get(symbol, str(symbol))
        key, position = found[0]
        label = ".".join(map(str, key)) if isinstance(key, tuple) else str(key)
        return f"{label}.shape[{position}]"

    def _replace(self, symbol: sp.Symbol, solution: sp.Expr) -> None:
        step = {symbol: solution}
        self.solved = {s: sp.expand(e.xreplace(step)) for s, e in self.solved.items()} | step
        self.changed = True

    def _note(self, what: str, kind: str, line: str = "") -> None:
        made = Decided(what, line or self.line(), self.during, kind)
        if not any(d.what == what and d.kind == kind for d in self.decisions):
            self.decisions.append(made)


def _kind(solution: sp.Expr, kind: str) -> str:
    """A size that has to equal a number: 1 is what nothing else could be there, any other one is fixed."""
    if not solution.is_number:
        return kind
    return "one" if solution == 1 and kind == "equal" else "number"


def _coefficients(polynomial: sp.Expr) -> list[Any]:
    symbols = sorted(polynomial.free_symbols, key=str)
    if not symbols:
        return [polynomial]
    return list(sp.Poly(polynomial, *symbols).coeffs()) if polynomial.is_polynomial(*symbols) else [sp.S.Half]


def surely_at_least(expression: sp.Expr, least: int) -> bool:
    """Whether a polynomial in sizes is at least a number for all sizes from 1 on: by its coefficients around 1."""
    symbols = sorted(expression.free_symbols, key=str)
    if not symbols:
        return bool(expression >= least)
    if not expression.is_polynomial(*symbols):
        return False
    around = sp.Poly(expression.xreplace({s: s + 1 for s in symbols}) - least, *symbols)
    return all(c >= 0 for c in around.coeffs())
