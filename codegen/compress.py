r"""From an equation to the factors of a compressed array: what :func:`gradproof.compile` computes with ``compressed``.

An equation over several axes is multiplied out into terms: numbers, deltas of two axes, and factors over few indices.
A sum over at most two axes is one factor, a matrix (:math:`V^\top V`); a sum over more stays open, its index a label
that factors share.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError
from gradproof.numeric.compressed import Compressed, Term
from gradproof.symbolic.equations.definition import Definition, define, freshen, owner, references
from gradproof.symbolic.equations.dims import dim, same_dim

from .program import Program

MATRIX = 2
"""A sum over so many axes at most is computed as one array."""

MOST = 64
"""An equation of more terms than this is one factor: itself."""


@dataclass(frozen=True, slots=True)
class Factor:
    """An array of a term, with the label of each of its axes."""

    definition: Definition
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A compressed array before its factors have numbers: ``terms`` hold scale, factors, deltas."""

    definition: Definition
    rows: int
    terms: tuple[tuple[Any, tuple[Factor, ...], tuple[tuple[int, int], ...]], ...]

    @property
    def factors(self) -> tuple[Definition, ...]:
        """The arrays to compute, each once."""
        return tuple(dict.fromkeys(f.definition for _, factors, _ in self.terms for f in factors))

    def filled(self, arrays: Mapping[Definition, Any], sizes: Mapping[Any, int]) -> Compressed:
        """The compressed array with the numbers of its factors, at the given sizes of the dimensions."""
        shape = tuple(sizes[n] if n in sizes else int(n.subs(sizes)) for n in self.definition.shape)
        exact = any(np.asarray(array).dtype == object for array in arrays.values())
        terms = tuple(
            Term(
                _number(scale.subs(sizes) if scale.free_symbols else scale, exact),
                tuple((np.asarray(arrays[f.definition]), f.labels) for f in factors),
                deltas,
            )
            for scale, factors, deltas in self.terms
        )
        return Compressed(shape, self.rows, terms)


def _number(scale: Any, exact: bool) -> Any:
    """A scale as a float, or as a ball beside balls."""
    if not exact:
        return float(scale)
    import flint

    rational = sp.Rational(scale) if scale.is_Rational else None
    if rational is None:
        raise UnsupportedError(f"the scale {scale} of a compressed array is no fraction, which balls need; use floats")
    return flint.arb(int(rational.p)) / int(rational.q)


def layout(definition: Definition, rows: int) -> Layout:
    """How an array is put together from factors; its first ``rows`` axes are those of the result of a product."""
    parts = _terms(definition.rhs, frozenset(definition.indices)) if definition.rhs is not None else []
    if definition.rhs is None or (definition.rank <= MATRIX and not definition.rhs.has(KroneckerDelta)):
        return _whole(definition, rows)
    terms = []
    for factors, limits in parts:
        made = _term(factors, limits, definition)
        if made is None or len(parts) > MOST:
            return _whole(definition, rows)
        terms.append(made)
    return Layout(definition, rows, tuple(terms))


def _whole(definition: Definition, rows: int) -> Layout:
    factor = Factor(definition, tuple(range(definition.rank)))
    return Layout(definition, rows, ((sp.S.One, (factor,), ()),))


def rows_of(definition: Definition) -> int:
    """How many axes stand for a row: those before the axes of what it is the derivative by, else all but the last."""
    by = definition.derivative_of
    return max(definition.rank - (by.rank if by is not None else 1), 0)


def unread(layouts: Sequence[Layout], program: Program) -> list[Any]:
    """Dimensions in the shapes of compressed arrays that no input of the program has."""
    seen = {s for i in program.inputs for n in i.shape for s in n.free_symbols}
    found = {s for made in layouts for n in made.definition.shape for s in n.free_symbols}
    return sorted(found - seen, key=str)


def sizes_of(program: Program, parameters: Mapping[str, str], given: Mapping[str, Any]) -> dict[Any, int]:
    """The sizes of the dimensions, from the arguments of a compiled function."""
    sizes = {dim(name): int(given[own]) for name, own in parameters.items() if isinstance(given[own], int)}
    for row in program.inputs:
        if row.name in given:
            for size, number in zip(row.shape, np.shape(given[row.name]), strict=True):
                for symbol in size.free_symbols - sizes.keys():
                    sizes[symbol] = int(number if size is symbol else sp.solve(size - number, symbol)[0])
    return sizes


_Product = tuple[tuple[Any, ...], tuple[Any, ...]]


def _terms(e: Any, free: frozenset[Any]) -> list[_Product]:
    """The expression multiplied out: each product as its factors and the limits of the sums that stand open over it."""
    if isinstance(e, sp.Add):
        return [term for part in e.args for term in _terms(part, free)]
    if isinstance(e, sp.Sum) and len(e.free_symbols & free) > MATRIX:
        opened = freshen(e)
        limits = tuple(tuple(limit) for limit in opened.limits)
        if not any(part.free_symbols & free for limit in limits for part in limit[1:]):
            inside = _terms(opened.args[0], free | {limit[0] for limit in limits})
            return [(factors, (*limits, *more)) for factors, more in inside]
    if isinstance(e, sp.Mul):
        choices = [_terms(f, free) if _opens(f, free) else [((f,), ())] for f in e.args]
        return [
            (tuple(f for factors, _ in chosen for f in factors), tuple(limit for _, more in chosen for limit in more))
            for chosen in itertools.product(*choices)
        ]
    return [((e,), ())]


def _opens(factor: Any, free: frozenset[Any]) -> bool:
    """A sum over many axes, and a sum of terms that each have fewer of them, or that hold a delta."""
    own = factor.free_symbols & free
    if isinstance(factor, sp.Add):
        return factor.has(KroneckerDelta) or all((term.free_symbols & free) < own for term in factor.args)
    return isinstance(factor, sp.Sum) and len(own) > MATRIX


def _term(factors: Sequence[Any], limits: Sequence[Any], d: Definition) -> Any:
    """Scale, factors and deltas of one product; None where a delta or a limit is of another kind."""
    sizes = dict(zip(d.indices, d.shape, strict=True))
    label = {index: axis for axis, index in enumerate(d.indices)}
    for index, first, last in limits:
        if first != 0:
            return None
        sizes[index] = last + 1
        label[index] = len(label)
    scale, deltas, equal = sp.S.One, [], dict[Any, Any]()
    for factor in factors:
        if isinstance(factor, KroneckerDelta):
            axes = sorted(label[i] for i in factor.args if i in d.indices)
            if len(axes) != 2 or not same_dim(d.shape[axes[0]], d.shape[axes[1]]) or d.indices[axes[1]] in equal:
                return None
            deltas.append((axes[0], axes[1]))
            equal[d.indices[axes[1]]] = equal.get(d.indices[axes[0]], d.indices[axes[0]])
    groups: dict[frozenset[Any], Any] = {}
    for factor in factors:
        if isinstance(factor, KroneckerDelta):
            continue
        placed = factor.xreplace(equal)
        own = frozenset(placed.free_symbols & set(sizes))
        if not own and not list(references(placed)):  # of numbers and dimensions alone
            scale *= placed
        else:
            groups[own] = groups.get(own, sp.S.One) * placed
    made = tuple(_factor(value, own, sizes, label) for own, value in groups.items())
    return scale, made, tuple(deltas)


def _factor(value: Any, own: frozenset[Any], sizes: Mapping[Any, Any], label: Mapping[Any, int]) -> Factor:
    """The factors over one set of indices as one array: as it is where it is an array already."""
    if _is_plain(value, sizes):
        target = owner(value)
        assert target is not None
        return Factor(target, tuple(label[i] for i in value.indices))
    axes = [i for i in sizes if i in own]
    return Factor(define("factor", tuple(sizes[i] for i in axes), value, axes), tuple(label[i] for i in axes))


def _is_plain(factor: Any, sizes: Mapping[Any, Any]) -> bool:
    """An array read whole, each axis by an index of its own."""
    target = owner(factor)
    if target is None or not isinstance(factor, sp.Indexed) or target.assumptions & {"integer", "boolean"}:
        return False
    distinct = len(set(factor.indices)) == len(factor.indices)
    return distinct and all(
        i in sizes and same_dim(sizes[i], n) for i, n in zip(factor.indices, target.shape, strict=True)
    )
