r"""Where a system of equations has a value: what its logarithms, roots and denominators need.

Forms know :math:`e^{\log x} = x` and :math:`(\sqrt x)^2 = x`, which hold where both sides are defined. A proof for all
inputs needs more: that one side has a value wherever the other has one. So the conditions of both are listed, ``log b``
needs b > 0, a fractional power b ≥ 0, a denominator b ≠ 0, and those that do not hold by themselves are compared:

- b > 0 holds by its sign (exponentials, squares plus a constant, sums of such), or by its normal form;
- b ≠ 0 holds almost everywhere by :mod:`.generic`: a pole at exceptional inputs is left out, and so is a symmetric
  input with equal eigenvalues, where there are no derivatives of eigenvectors;
- a Cholesky factor needs a matrix that is positive definite (:mod:`.definite`);
- a branch guards what stands in it: ``where(x > 0, log(x), 0)`` needs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.codegen.cfunctions import log1p as Log1p

from ..equations.definition import Definition, freshen, ordered, owner, references
from ..equations.effort import spend
from ..equations.matrix_functions import ROWS, MatrixFunction
from ..equations.nodes import REDUCTIONS, Iverson, MaxOver
from .definite import DEFINITE, definiteness
from .generic import not_empty
from .infinite import check_infinities
from .terms import ONE, Poly, TooLarge, constant, is_index, scale, single

if TYPE_CHECKING:
    from .zero import Prover

POSITIVE, NOT_NEGATIVE, NOT_ZERO = "> 0", ">= 0", "!= 0"
IS_DEFINITE, IS_SPLIT = "positive definite", "with distinct eigenvalues"

_IMPLIES = {
    POSITIVE: (POSITIVE, NOT_NEGATIVE), NOT_NEGATIVE: (NOT_NEGATIVE,), NOT_ZERO: (NOT_ZERO,),
    IS_DEFINITE: (IS_DEFINITE,), IS_SPLIT: (IS_SPLIT,),
}  # fmt: skip
"""What covers what; whatever has to be positive has a condition of its own that it is not zero."""


@dataclass(frozen=True, slots=True)
class Need:
    """One condition: a class of forms at given indices (``*`` for any), and the class of the branch it stands in."""

    kind: str
    number: int
    at: tuple[str, ...]
    guard: tuple[int, tuple[str, ...]] | None
    text: str

    def covers(self, other: Need) -> bool:
        """Whether the other one holds wherever this one does."""
        if other.kind not in _IMPLIES[self.kind] or self.number != other.number:
            return False
        if self.guard is not None and self.guard != other.guard:
            return False
        return all(mine in ("*", theirs) for mine, theirs in zip(self.at, other.at, strict=True))


class Domain:
    """The conditions of definitions, over one prover's forms."""

    def __init__(self, prover: Prover) -> None:
        self.prover = prover
        self._signs: dict[Definition, int | None] = {}
        self._needs: dict[Definition, tuple[Need, ...]] = {}
        self._partial: dict[Definition, bool] = {}
        self._holds: dict[Need, None] = {}

    def gap(self, left: Definition, right: Definition, within: Iterable[Definition] = ()) -> str:
        """A condition that one side has and the other has not, in words; nothing where they have the same domain.

        ``within`` are definitions that are taken to have a value, such as the loss whose gradients are compared.
        """
        check_infinities(ordered(list(within)))
        given = self.needs(within)
        sides = self.needs([left]), self.needs([right])
        for (mine, others), names in zip((sides, sides[::-1]), (("first", "second"), ("second", "first")), strict=True):
            for need in mine:
                if not any(other.covers(need) for other in (*others, *given, *self._holds)):
                    return f"the {names[0]} needs {need.text}, the {names[1]} does not"
        return ""

    def needs(self, definitions: Iterable[Definition]) -> list[Need]:
        """Every condition of the definitions and of what they are made of."""
        found: dict[Need, None] = {}
        for definition in definitions:
            if definition not in self._needs:
                self._collect(definition)
            found |= dict.fromkeys(self._needs[definition])
        return list(found)

    def _collect(self, root: Definition) -> None:
        """The conditions of a definition and of all that it is made of, the earliest first, each looked at once.

        What is used outside of branches has its own; what stands in a branch comes with its guard (:meth:`_walk`).
        """
        for one in ordered([root]):
            if one in self._needs:
                continue
            members = list(one.group or [one])
            found = dict.fromkeys(need for used in _outside_of(members) for need in self.needs([used]))
            for member in members:
                found |= dict.fromkeys(self._of(member))
            self._needs |= dict.fromkeys(members, tuple(found))

    def _of(self, definition: Definition) -> Iterator[Need]:
        if definition.rhs is None:
            return
        rhs = freshen(definition.rhs)
        with self.prover.frame(definition.ranges):
            yield from self._walk(rhs, ())

    # -- the walk ----------------------------------------------------------------------------------------------------
    def _walk(self, e: Any, guards: tuple[Any, ...]) -> Iterator[Need]:
        """The conditions in an expression; ``guards`` are the conditions of the branches that it stands in."""
        spend()
        if isinstance(e, sp.Piecewise):
            before: tuple[Any, ...] = ()
            for value, test in e.args:
                yield from self._walk(test, (*guards, *before))
                yield from self._walk(value, (*guards, *before, *(() if test == sp.true else (test,))))
                before = (*before, sp.Not(test))
            return
        if isinstance(e, sp.Mul):
            tests = tuple(f.args[0] for f in e.args if isinstance(f, Iverson))
            for factor in e.args:
                inside = guards if isinstance(factor, Iverson) else (*guards, *tests)
                yield from self._walk(factor, inside)
            return
        if isinstance(e, sp.Pow):
            yield from self._of_power(e, guards)
        elif isinstance(e, sp.log):
            yield from self._needed(POSITIVE, e.args[0], guards)
        elif isinstance(e, Log1p):
            yield from self._needed(POSITIVE, 1 + e.args[0], guards)
        elif isinstance(e, sp.tan):
            yield from self._needed(NOT_ZERO, sp.cos(e.args[0]), guards)
        found = owner(e)
        if found is not None:
            partial = found.rhs is not None and not found.group and self._has_partial(found)
            if guards and found.group and found in self._needs:
                # its members refer to each other at other indices, so their conditions are taken without the guard
                yield from self._needs[found]
            if guards and partial and self.needs([found]):
                index = tuple(e.indices) if isinstance(e, sp.Indexed) else ()
                yield from self._walk(found.expanded_at(*index), guards)
            return
        if isinstance(e, MatrixFunction):
            yield from self._of_matrix_function(e, guards)
        if isinstance(e, REDUCTIONS):
            with self.prover.frame(e.limits):
                yield from self._walk(e.args[0], guards)
            return
        for argument in e.args:
            yield from self._walk(argument, guards)

    def _of_matrix_function(self, e: Any, guards: tuple[Any, ...]) -> Iterator[Need]:
        where = ROWS[e.name].where
        if where == "regular":
            yield from self._needed(NOT_ZERO, e.other("det"), guards)
        elif where == "definite" and self._sign_of_det(e) != DEFINITE:
            yield self._need(IS_DEFINITE, self.prover.expression(e.other("det")), self._weight(guards), _made_of(e))
        elif where == "split" and not self._is_input(e):
            yield self._need(IS_SPLIT, self.prover.expression(e.other("det")), self._weight(guards), _made_of(e))

    def _is_input(self, e: Any) -> bool:
        """Whether a function is of an input itself, whose eigenvalues are distinct but at exceptional values."""
        with self.prover.frame(e.limits):
            form = self.prover.expression(e.args[0])
        return len(form) == 1 and all(len(mono) == 1 and atom[0][0] == "x" for mono in form for atom, _ in mono)

    def _of_power(self, e: Any, guards: tuple[Any, ...]) -> Iterator[Need]:
        base, exponent = e.base, e.exp
        if base is sp.E or (exponent.is_integer and exponent.is_nonnegative):
            return
        if exponent.is_integer:
            yield from self._needed(NOT_ZERO, base, guards)
        else:
            # where the sign of the exponent is open, 0 may have a value: then the weaker condition is the safe one
            kind = POSITIVE if exponent.is_negative else NOT_NEGATIVE
            yield from self._needed(kind, base, guards)

    def _has_partial(self, definition: Definition) -> bool:
        """Whether something with conditions is used anywhere in a definition."""
        found = self._partial.get(definition)
        if found is None:
            for one in ordered([definition]):
                if one not in self._partial:
                    own = one.rhs is not None and one.rhs.has(sp.Pow, sp.log, Log1p, sp.tan, MatrixFunction)
                    self._partial[one] = own or any(self._partial.get(used, False) for used in one.uses)
            found = self._partial[definition]
        return found

    # -- one condition -----------------------------------------------------------------------------------------------
    def _needed(self, kind: str, base: Any, guards: tuple[Any, ...]) -> Iterator[Need]:
        """The conditions b > 0, b ≥ 0 or b ≠ 0 that do not hold by themselves."""
        sign = self.sign(base)
        if sign == 1:
            return
        algebra = self.prover.algebra
        form = self.prover.expression(base)
        if kind == NOT_ZERO:
            yield from self._poles(form, guards, _readable(base))
            return
        primitive = algebra.contents.positive_content(form)[1] if form else form
        if algebra.signs.is_positive(primitive):
            return
        if sign == 0:
            # never negative by the way it is written: so it is where it is written otherwise
            self._holds[self._need(NOT_NEGATIVE, primitive, constant(1), _readable(base))] = None
            if kind == NOT_NEGATIVE:
                return
            yield from self._poles(form, guards, _readable(base))  # never negative: what is left is that it is not zero
            return
        weight = self._weight(guards)
        held = algebra.multiply(weight, algebra.bracket(primitive, strict=kind == POSITIVE))
        if held == weight:
            return
        yield self._need(kind, primitive, weight, _readable(base))
        if kind == POSITIVE:
            yield from self._poles(form, guards, _readable(base))

    def _poles(self, form: Poly, guards: tuple[Any, ...], text: str) -> Iterator[Need]:
        algebra = self.prover.algebra
        for factor in self._factors(form):
            if self._never_zero(factor) or all(map(self._never_zero, self.prover.apart(factor))):
                continue
            weight = self._weight(guards)
            if algebra.multiply(weight, algebra.equality(factor)):
                yield self._need(NOT_ZERO, self.prover.algebra.contents.oriented(factor)[1], weight, text)

    def _never_zero(self, form: Poly) -> bool:
        algebra = self.prover.algebra
        signs = algebra.signs
        if signs.is_positive(form) or signs.is_positive(scale(form, -1)) or algebra.generic.nonzero(form):
            return True
        # 1 − (1 − [y = 1]) σ(z): whatever the bracket is, what is left does not vanish
        cases = algebra.elementary.cases(form)
        return cases is not None and all(map(self._never_zero, cases))

    def _factors(self, form: Poly) -> list[Poly]:
        """What has to vanish for a form to vanish: its factors that are not positive for certain, powers left out."""
        contents = self.prover.algebra.contents
        if not form:
            return [form]
        _, form = contents.on_one_denominator(form, positive_only=False)
        content, primitive = contents.content(form)
        (mono,) = content
        found: list[Poly] = []
        for atom, exponent in mono:
            if exponent < 0 or self.prover.algebra.signs.atom_positive(atom):
                continue
            if atom[0][0] == "pow":
                found += self._factors(self.prover.algebra.instantiate(atom[0][1], atom[1]))
            else:
                found.append(single(atom))
        return found if set(primitive) == {ONE} else [*found, primitive]

    def _weight(self, guards: tuple[Any, ...]) -> Poly:
        return self.prover.algebra.product(self.prover.condition(g) for g in guards)

    def _need(self, kind: str, form: Poly, weight: Poly, text: str) -> Need:
        table = self.prover.algebra.table
        number, args = table.intern("poly", self._plain(form))
        guard = None
        if weight != constant(1):
            own, places = table.intern("poly", weight)
            guard = (own, _pattern(places))
        return Need(kind, number, _pattern(args), guard, f"{text} {kind}")

    def _plain(self, form: Poly) -> Poly:
        """The form with its intermediates opened, so that two spellings of one condition are one."""
        try:
            opened = self.prover.unfolded(form)
        except TooLarge:
            return form
        return self.prover.algebra.contents.positive_content(opened)[1] if opened else form

    # -- signs -------------------------------------------------------------------------------------------------------
    def sign(self, e: Any) -> int | None:
        """1 for what is positive for certain, 0 for what is never negative, else None; read off the expression."""
        definition = owner(e)
        if definition is not None:
            return self._sign_of(definition)
        if e.is_positive:
            return 1
        if isinstance(e, sp.Add):
            signs = [self.sign(a) for a in e.args]
            return None if None in signs else max(s for s in signs if s is not None)
        if isinstance(e, sp.Mul):
            return self._sign_of_product(e)
        if isinstance(e, sp.Pow):
            return self._sign_of_power(e)
        if isinstance(e, sp.Piecewise):
            return _least(self.sign(value) for value, _ in e.args)
        if isinstance(e, sp.Sum):
            inner = self.sign(e.args[0])
            return 0 if inner == 1 and not not_empty(tuple(tuple(l) for l in e.limits)) else inner
        if isinstance(e, MaxOver):
            return self.sign(e.args[0])
        if isinstance(e, (sp.exp, sp.cosh)):
            return 1
        if isinstance(e, MatrixFunction) and e.name == "det":
            return self._sign_of_det(e)
        return 0 if e.is_nonnegative or isinstance(e, sp.Abs) else None

    def _sign_of_det(self, e: Any) -> int | None:
        """A determinant of a definite matrix is positive, of a semidefinite one not negative."""
        with self.prover.frame(e.limits):
            (row, *_), (column, *_) = e.limits
            return definiteness(self.prover.algebra, self.prover.expression(e.args[0]), row, column)

    def _sign_of_product(self, e: Any) -> int | None:
        return _least(self.sign(a) for a in e.args)

    def _sign_of_power(self, e: Any) -> int | None:
        inner = self.sign(e.base)
        if inner == 1:
            return 1
        if e.exp.is_even:
            return 0
        return 0 if inner == 0 or (e.exp.is_Rational and not e.exp.is_Integer) else None

    def _sign_of(self, definition: Definition) -> int | None:
        if definition in self._signs:
            return self._signs[definition]
        for one in ordered([definition]):
            if one not in self._signs and one.group:
                self._by_induction(one.group)
            elif one not in self._signs:
                self._signs[one] = self._own_sign(one)
        return self._signs[definition]

    def _by_induction(self, members: Sequence[Definition]) -> None:
        """The signs of a recurrence: those that every step has where the members before it have them."""
        supposed: dict[Definition, int | None] = dict.fromkeys(members, 1)
        while True:
            self._signs |= supposed
            found = {one: _least((supposed[one], self._own_sign(one))) for one in members}
            if found == supposed:
                return
            supposed = found

    def _own_sign(self, d: Definition) -> int | None:
        words = d.assumptions
        if "positive" in words or d.label.is_positive:
            return 1
        if words & {"nonnegative", "one_hot", "boolean", "binary", "simplex"} or d.label.is_nonnegative:
            return 0
        return None if d.rhs is None else self.sign(d.rhs)


def _made_of(e: Any) -> str:
    """The matrix of a function, by the names of its inputs."""
    used = (d for d in map(owner, references(e.args[0])) if d is not None)
    return f"the matrix of {' and '.join(d.name for d in ordered(used) if d.is_input) or 'numbers'}"


def _least(signs: Iterable[int | None]) -> int | None:
    found = list(signs)
    return None if None in found else min(s for s in found if s is not None)


def _outside_of(members: list[Definition]) -> list[Definition]:
    """What a definition, or a whole recurrence, uses outside of branches."""
    found = (owner(e) for m in members if m.rhs is not None for e in _outside(m.rhs))
    return [d for d in dict.fromkeys(found) if d is not None and d not in members]


def _outside(e: Any) -> Iterator[Any]:
    """The references of an expression that stand in no branch and beside no bracket."""
    if isinstance(e, sp.Piecewise):
        yield from _outside(e.args[0].cond)
        return
    if isinstance(e, sp.Mul) and any(isinstance(f, Iverson) for f in e.args):
        for factor in e.args:
            if isinstance(factor, Iverson):
                yield from references(factor)
        return
    if owner(e) is not None:
        yield e
        return
    for argument in e.args:
        yield from _outside(argument)


def _readable(base: Any) -> str:
    """An expression as text, its fresh indices by short names."""
    names: dict[str, str] = {}
    return re.sub(r"_r\d{9}", lambda found: names.setdefault(found[0], f"j{len(names)}"), str(base))


def _pattern(args: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple("*" if a.is_Symbol and is_index(a) else str(a) for a in args)
