r"""What the arrays and the indices of a document are called.

Choices, stated in every document: a number at the end of an array's name is a layer and stands above in parentheses
(``W1`` is :math:`W^{(1)}`), at the end of a scalar's name it stands below (``x1`` is :math:`x_1`); the adjoint of a
pre-activation z is the error δ, of anything else the name with a bar; each dimension has one index letter, with primes
for a second index along it. Indices start at 0, as in NumPy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from ..equations.definition import Definition, owner
from ..equations.exponentials import slope_of
from ..equations.matrix_definitions import FACTORS, is_default, is_factor
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import REDUCTIONS
from ..equations.numbers import exact
from ..equations.recurrence import step_of
from .styles import Name, Style
from .times import NO_TIMES, Times

LETTERS = "ijklpqrsuvwhgfxyz"

_WRITTEN_OUT = 9
"""An array of numbers with at most so many entries is printed as its entries, not by a name."""

Range = tuple[Any, Any, Any]


@dataclass(slots=True)
class Notation:
    """Names for definitions and letters for indices, kept the same through one document.

    ``adjoints`` maps the definition of a cotangent to what it is the adjoint of. ``mixed`` are the arrays that the
    output depends on directly and through others: their direct derivative is marked.
    """

    names: dict[Definition, str]
    adjoints: Mapping[Definition, Definition] = field(default_factory=dict)
    output: Definition | None = None
    mixed: frozenset[Definition] = frozenset()
    reused: frozenset[Definition] = frozenset()
    letter_of: dict[Any, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    apart: bool = False
    """Whether two indices of one dimension have letters of their own, i and k, instead of i and i′."""
    defined: frozenset[Definition] = frozenset()
    """Inverses and determinants that an equation defines: they keep their names, others are written as X⁻¹, det X."""
    times: Times = NO_TIMES
    blocks: dict[Any, str] = field(default_factory=dict)
    """Words for the blocks of arrays, by the array and its rows and columns: those of W[:, k:2*k] may be W_f."""

    @classmethod
    def of(
        cls,
        names: Mapping[Definition, str],
        adjoints: Mapping[Definition, Definition] | None = None,
        output: Definition | None = None,
        mixed: frozenset[Definition] = frozenset(),
        times: Times = NO_TIMES,
    ) -> Notation:
        """The notation for some definitions; letters in use as names of arrays or dimensions are no index letters."""
        names = _beside_time(names) if times else names
        made = cls(dict(names), dict(adjoints or {}), output, mixed, times=times)
        made.taken = {_parts(n).head for n in names.values()} | {
            str(s) for d in names for n in d.shape for s in n.free_symbols
        }
        for group in (d.group for d in names if d.group and not any(d.first)):
            found = step_of(group)
            if found is not None and "t" not in made.taken:  # the time of a recurrence
                made.letter_of[sp.expand(group[0].shape[found[0]])] = "t"
        return made

    # -- names --------------------------------------------------------------------------------------------------------
    def parts(self, definition: Definition) -> Name:
        """The symbol of a definition in its parts."""
        target = self.adjoints.get(definition)
        if target is not None:
            return _adjoint_of(self.parts(target))
        return _parts(self.names.get(definition, definition.name))

    def symbol(self, definition: Definition, style: Style, subscripts: Sequence[str] = ()) -> str:
        if definition.value is not None and 1 <= definition.rank <= 2 and definition.value.size <= _WRITTEN_OUT:
            rows = definition.value.reshape(len(definition.value), -1)
            return style.entry(style.matrix([[_number(v, style) for v in row] for row in rows]), subscripts)
        matrix = _matrix_of(definition)
        if matrix is not None and definition not in self.adjoints and definition not in self.defined:
            if definition.rhs.name == "along" and not subscripts:  # of four axes there is no formula without indices
                return style.symbol(self.parts(definition), subscripts)
            if definition.rhs.name == "along":
                return self.slope(definition, self.symbol(matrix, style), style, subscripts)
            whole = style.of_matrix(definition.rhs.name, self.symbol(matrix, style))
            return style.entry(style.paren(whole), subscripts) if subscripts else whole
        return style.symbol(self.parts(definition), subscripts, number_below=definition.rank == 0)

    def block(self, definition: Definition, place: Any) -> Name | None:
        """The symbol of a block that has a name of its own."""
        word = self.blocks.get((definition, place))
        own = self.parts(definition)
        return None if word is None else replace(own, word=f"{own.word} {word}".strip())

    def slope(self, unit: Definition, matrix: str, style: Style, index: Sequence[str]) -> str:
        """∂(e^A)[i, j]/∂A[r, c] for the index (r, c, i, j) of an exponential along the unit matrix at (r, c)."""
        body, ends = unit.rhs.bodies[0], [limit[0] for limit in unit.rhs.ends]
        r, c, i, j = index if list(body.indices) == ends else (index[1], index[0], index[3], index[2])
        exponential = style.entry(style.paren(style.of_matrix("expm", matrix)), [i, j])
        return style.derivative(exponential, style.entry(matrix, [r, c]))

    def derivative(self, target: Definition, style: Style, below: Sequence[str] = (), above: Sequence[str] = ()) -> str:
        """∂C/∂W with the output's name, and indices if given."""
        output = self.symbol(self.output, style, above) if self.output is not None else style.letter("C")
        return style.derivative(output, self.symbol(target, style, below))

    def is_direct(self, of: Definition | None, by: Definition | None) -> bool:
        """Whether ∂of/∂by by the equation of ``of`` alone has to be told apart from the whole derivative."""
        return of is self.output and by in self.mixed

    # -- letters ------------------------------------------------------------------------------------------------------
    def letter(self, size: Any) -> str:
        """The index letter of a dimension."""
        key = size if isinstance(size, sp.Tuple) else sp.expand(size)
        if key not in self.letter_of:
            used = self.taken | set(self.letter_of.values())
            free = (c for c in LETTERS if c not in used)
            self.letter_of[key] = next(free, f"i_{{{len(self.letter_of)}}}")
        return self.letter_of[key]

    def assign(self, free: Iterable[Range], *expressions: Any) -> dict[Any, str]:
        """A letter for every free and every summed index of one formula."""
        result: dict[Any, str] = {}
        for limit in free:
            self._letter_for(limit, result, set(result.values()))
        used = set(result.values())
        for expression in expressions:
            self._scope(expression, result, used)
        return result

    def _letter_for(self, limit: Range, result: dict[Any, str], used: set[str]) -> str:
        index, first, last = limit
        if first == 0 and last == 0:
            result[index] = "0"  # an axis of size 1 has one index
            return "0"
        letter = self.letter(last - first + 1 if first == 0 else sp.Tuple(first, last))
        if self.apart and letter in used:
            taken = self.taken | used | set(self.letter_of.values())
            letter = next((c for c in LETTERS if c not in taken), letter)
        while letter in used:
            letter += "'"
        result[index] = letter
        return letter

    def _scope(self, expression: Any, result: dict[Any, str], used: set[str]) -> None:
        """Letters for the sums inside an expression: two sums side by side may share one."""
        inside = used
        if isinstance(expression, REDUCTIONS):
            inside = set(used)
            limits = expression.ends if isinstance(expression, MatrixFunction) else expression.limits
            for limit in limits:
                if limit[0] not in result:
                    inside.add(self._letter_for(tuple(limit), result, inside))
        for argument in expression.args:
            self._scope(argument, result, inside)

    def is_full(self, limit: Range) -> bool:
        """Whether a summed index runs over a whole dimension from 0, so that its letter says its range."""
        return bool(limit[1] == 0)

    def ranges(self) -> list[tuple[str, Any]]:
        """Each index letter with its dimension, for the table of symbols."""
        return [(letter, size) for size, letter in self.letter_of.items() if not isinstance(size, sp.Tuple)]


def _beside_time(names: Mapping[Definition, str]) -> dict[Definition, str]:
    """The same names but t for arrays that nobody named, which would be the letter of the time."""
    heads = {_parts(name).head for name in names.values()}
    letter = next((c for c in "srqp" if c not in heads), "t")
    return {
        d: name if d.is_input else re.sub(r"^((?:[dt]_)*)t(_\d+)?$", rf"\g<1>{letter}\g<2>", name)
        for d, name in names.items()
    }


def _matrix_of(definition: Definition) -> Definition | None:
    """The input (or factor of one) whose inverse or determinant a definition is, where nobody has given it a name."""
    rhs = definition.rhs
    if not isinstance(rhs, MatrixFunction) or rhs.name in FACTORS or not is_default(definition):
        return None
    matrix, ends = owner(rhs.bodies[0]), [limit[0] for limit in rhs.ends]
    if rhs.name == "along":
        return slope_of(definition)
    known = matrix is not None and (matrix.is_input or is_factor(matrix))
    plain = known and list(rhs.args[0].indices) == ends
    return matrix if plain and rhs.index == definition.indices else None


def _number(value: Any, style: Style) -> str:
    number = exact(value) if math.isfinite(value) else None
    return style.number(number) if isinstance(number, sp.Rational) else repr(float(value))


def _parts(name: str) -> Name:
    """The symbol for a name; ``d_x`` is an adjoint and ``t_x`` a tangent, as the engine names them."""
    if name.startswith("d_") and len(name) > 2:
        return _adjoint_of(_parts(name[2:]))
    if name.startswith("t_") and len(name) > 2 and not name[2:].replace("_", "").isdigit():
        own = _parts(name[2:])
        return Name(own.head, own.word, own.number, f"dot {own.accent}".strip())
    return Name.of(name)


def _adjoint_of(own: Name) -> Name:
    if own.head == "z" and not own.accent:
        return Name("delta", own.word, own.number)
    return Name(own.head, own.word, own.number, f"bar {own.accent}".strip())


def output_name(definition: Definition) -> str:
    """C for a cost that nobody named, f for an array."""
    return definition.name if definition.name not in ("t", "c") else ("C" if definition.rank == 0 else "f")
