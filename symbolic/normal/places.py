"""Atoms at particular places: at numbers, at equal indices, and beside arrays of known numbers.

A class is a function of indices that differ. Where two of them meet, ``Σ_k x_k x_{k+i}`` at i = 0, it may be another
class, with fewer arguments, or none at all: exp(x_i − x_j) at i = j is 1. So an atom that comes to such a place is made
anew from what it holds, and whatever is equal there has one form again.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from ..equations.definition import owner
from .classes import class_of
from .terms import Atom, Poly, accumulate, constant, single, symbols_of
from .trigonometry import parity

if TYPE_CHECKING:
    from .algebra import Algebra


class Places:
    """Substituted atoms over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._made: dict[tuple[Any, ...], Poly] = {}
        self._cut: dict[int, bool] = {}
        self._affine: dict[Any, tuple[int, ...] | None] = {}

    # -- atoms -------------------------------------------------------------------------------------------------------
    def meets(self, head: Any, args: tuple[Any, ...]) -> bool:
        """Whether a class may be another one at these arguments, which are equal or numbers."""
        number = class_of(head)
        if number is None:
            return False
        if head[0] in ("mat", "prod"):  # behind the arguments of its class stands an index, or places left out
            args = args[: self.algebra.table[number].arity]
            if head[2:3] == ("expm",) and self.algebra.matrices.has_blocks(number):
                return True
        if len(set(args)) < len(args) or any(args[p].is_Integer for p in self.algebra.table[number].shifts):
            return True
        # ⌊(h a + b)/h⌋ in it is a
        digits = self.algebra.digits
        return bool(digits) and self._cuts(number) and any(s in digits for a in args for s in a.free_symbols)

    def _cuts(self, number: int) -> bool:
        """Whether the body of a class reads its indices by ⌊i/h⌋ or i mod h."""
        if number not in self._cut:
            body = self.algebra.table[number].body
            self._cut[number] = any(a.has(sp.floor, sp.Mod) for m in body for (_, args), _ in m for a in args)
        return self._cut[number]

    def forwards(self, poly: Poly) -> Poly:
        """A form in which no sum over a part of a range falls with a free index: its class is that of a growing one."""
        if not any(self._falls(atom) for mono in poly for atom, _ in mono):
            return poly
        total: Poly = {}
        for mono, c in poly.items():
            falling = [(atom, e) for atom, e in self.algebra.table.in_order(mono) if self._falls(atom)]
            turned = (self.algebra.elementary.power(self.made(*atom), e) for atom, e in falling)
            rest: Poly = {mono - set(falling): c}
            accumulate(total, self.algebra.product([rest, *turned]))
        return total

    def _falls(self, atom: Atom) -> bool:
        head, args = atom
        return head[0] == "sum" and any(_runs_back(args[p]) for p in self.algebra.table[head[1]].shifts)

    def made(self, head: Any, args: tuple[Any, ...]) -> Poly:
        """An atom of a class, made anew at its arguments."""
        key = head, args, self.algebra.ranges_of(args) if self.algebra.table[head[1]].ranged else ()
        known = self._made.get(key)
        if known is None:
            self._made[key] = known = self._fresh(head, args)
        return known

    def _fresh(self, head: Any, args: tuple[Any, ...]) -> Poly:
        algebra = self.algebra
        if head[0] == "sum":
            inside, limits = algebra.open_reduction(head[1], args)  # its brackets may be settled here
            return algebra.sum_over(inside, limits)
        if head[0] == "prod":
            return algebra.products.again((head, args))
        if head[0] == "max":
            inside, limits = algebra.open_reduction(head[1], args)
            if len(head) == 2:
                return algebra.maximum(inside, limits)
            number, order = algebra.table.intern("max", inside, limits)
            return single((("max", number, *head[2:]), order))
        if head[0] == "mat":
            return algebra.matrices.entry(head[2], *algebra.matrices.reopened(head, args))
        return self.around(head, algebra.instantiate(head[1], args))

    def around(self, head: Any, inside: Poly) -> Poly:
        """The atom of a head (no sum and no maximum) with another polynomial in it."""
        el = self.algebra.elementary
        kind = head[0]
        if kind == "node":
            return self.algebra.cut(inside)
        if kind == "pow":
            return inside
        if kind == "br":
            return self.algebra.bracket(inside)
        simple = {"exp": el.exp, "sig": el.sigmoid, "lp": el.softplus}
        if kind in simple:
            return simple[kind](inside)  # type: ignore[no-any-return]
        if head[2:] == ("log",):
            return el.log(inside)  # type: ignore[no-any-return]
        if head[2:] == ("zero",):
            return self.algebra.equality(inside)
        if head[2:] and head[2] in ("sin", "cos", "erf", "arctan"):
            return parity(el, head[2], inside)
        number, args = self.algebra.table.intern("fn", inside)
        return single((("fn", number, *head[2:]), args))

    # -- arrays of known numbers -------------------------------------------------------------------------------------
    def entry(self, label: Any, args: tuple[Any, ...]) -> Poly | None:
        """An entry of an array of known whole numbers, at numbers or where it is linear in its indices; else None."""
        definition = owner(label)
        if definition is None or definition.value is None:
            return None
        if all(a.is_Integer for a in args):
            number = _looked_up(definition.value, args)
            return None if number is None else constant(number)
        slopes = self._slopes(label)
        return None if slopes is None else self.algebra.size(sp.expand(_line(slopes, args)))

    def resolved(self, index: Any) -> Any:
        """An index expression with what is known of its gathers put in: ``np.arange(4)[i]`` is i."""
        if not index.args or not index.has(sp.Indexed):
            return index
        known: dict[Any, Any] = {}
        for gather in index.atoms(sp.Indexed):
            definition = owner(gather)
            if definition is None or definition.value is None or definition.value.dtype.kind not in "iub":
                continue
            at = tuple(self.resolved(i) for i in gather.indices)
            slopes = self._slopes(gather.base.label)
            if slopes is not None:
                known[gather] = _line(slopes, at)
            elif all(i.is_Integer for i in at) and (number := _looked_up(definition.value, at)) is not None:
                known[gather] = sp.Integer(number)
        return sp.expand(index.xreplace(known)) if known else index

    def _slopes(self, label: Any) -> tuple[int, ...] | None:
        """First entry and the step along each axis of an array of whole numbers that is linear in its indices."""
        if label not in self._affine:
            definition = owner(label)
            assert definition is not None
            self._affine[label] = _slopes(np.asarray(definition.value))
        return self._affine[label]


def _looked_up(value: Any, at: tuple[Any, ...]) -> int | None:
    """A whole number at numbered places; None for any other, and beyond the ends (a bracket switches that off)."""
    if not all(0 <= k < size for k, size in zip(at, value.shape, strict=True)):
        return None
    number = value[tuple(map(int, at))]
    whole = value.dtype.kind in "iub" or float(number).is_integer()
    return int(number) if whole else None


def _runs_back(arg: Any) -> bool:
    """Whether an index expression falls with an index, as n - 1 - i does."""
    return not arg.is_Symbol and any(arg.coeff(k, 1) == -1 for k in symbols_of((arg,)))


def _line(slopes: tuple[int, ...], at: tuple[Any, ...]) -> Any:
    return slopes[0] + sum((s * i for s, i in zip(slopes[1:], at, strict=True)), sp.S.Zero)


def _slopes(value: Any) -> tuple[int, ...] | None:
    if not value.size or value.dtype.kind not in "iubf" or not all(float(v).is_integer() for v in value.flat):
        return None
    start = (0,) * value.ndim
    first = int(value[start])
    steps = []
    for axis, size in enumerate(value.shape):
        one = tuple(int(a == axis) for a in range(value.ndim))
        steps.append(int(value[one]) - first if size > 1 else 0)
    for at in itertools.product(*map(range, value.shape)):
        if int(value[at]) != first + sum(s * i for s, i in zip(steps, at, strict=True)):
            return None
    return (first, *steps)
