r"""Sums over an axis that is joined of parts: :math:`\sum_{k<D+H} [k < D]\,f_k = \sum_{k<D} f_k`.

``np.hstack([x, h]) @ W`` sums over cases, which are brackets on the summed index; ``x @ W[:D] + h @ W[D:]`` sums over
each part. A sum with such brackets is taken over each stretch between their thresholds, each from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sympy as sp

from ..equations.dims import fresh_index
from .terms import Atom, Mono, Poly

if TYPE_CHECKING:
    from .algebra import Algebra

Limit = tuple[Any, Any, Any]


def stretches(algebra: Algebra, poly: Poly, limit: Limit) -> Iterator[tuple[Poly, Limit]]:
    """The terms of a form with the range that each is summed over: those under brackets on the index by stretches."""
    cores: dict[Mono, Poly] = {}
    for mono, coefficient in poly.items():
        core = frozenset((atom, e) for atom, e in mono if _threshold(atom, limit) is None)
        cores.setdefault(core, {})[mono] = coefficient
    whole: Poly = {}
    for terms in cores.values():
        cut = next((c for c in (_threshold(atom, limit) for mono in terms for atom, _ in mono) if c is not None), None)
        if cut is None:
            whole |= terms
            continue
        index, _, last = limit
        for start, end in ((sp.S.Zero, cut - 1), (cut, last)):
            own = fresh_index()
            part = (own, sp.S.Zero, sp.expand(end - start))
            algebra.ranges[own] = part[1:]
            yield from stretches(algebra, algebra.substitute(terms, {index: own + start}), part)
    if whole:
        yield whole, limit


def _threshold(atom: Atom, limit: Limit) -> Any:
    """The c of a bracket [k ≥ c] or [k < c] on the index, a size that lies within its range whatever the sizes are."""
    index, first, last = limit
    if atom[0][0] != "ibx" or first != 0:
        return None
    (value,) = atom[1]
    slope = value.coeff(index, 1)
    rest = sp.expand(value - slope * index)
    if slope not in (1, -1) or rest.is_number or not all(s.is_positive for s in rest.free_symbols):
        return None
    cut = sp.expand(-rest) if slope == 1 else sp.expand(rest + 1)
    return cut if cut.is_positive and sp.expand(last + 1 - cut).is_positive else None
