r"""Cotangents with extra indices, kept as products: what a Jacobian carries backwards is never made dense early.

A row of a Jacobian belongs to one element of the output, so that a cotangent inside it has the output's indices beside
its own. Most are products of arrays with fewer indices,

.. math:: \bar z_{p i} = s_i X_{i p}, \qquad \bar z_{p q i} = -P_{i q} X_{i p} P_{i q'} + \delta_{q q'} X_{i p} P_{i q},

and stay so: factors that are to be computed (:math:`s`) get a name over their own indices, and the product goes into
its uses, where sums take it apart. What is no product of smaller arrays is one equation, as in a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import Definition, define, owner, references

VECTOR, MATRIX = "s", "S"
"""The names of computed factors: of one index, and of more."""


def as_products(total: Any, sizes: Mapping[Any, Any], named: list[Definition]) -> tuple[Any, Any]:
    """The part of a cotangent that stays a sum of products, and the part that is to be an equation (0: none).

    ``sizes`` holds the size of every index of the cotangent, extra ones included. Definitions live as long as somebody
    holds them: those of computed factors are added to ``named``.
    """
    terms = [(term, _product(term, sizes, named)) for term in sp.Add.make_args(_spread(total))]
    dense = [term for term, product in terms if product is None and not term.has(KroneckerDelta)]
    plain = [term for term, _ in terms if not term.has(KroneckerDelta)]
    if dense or len(plain) > 1:  # one dense term makes the whole dense, and so does a sum that holds no delta
        dense = plain
    kept = (term if product is None else product for term, product in terms if term not in dense)
    return sp.Add(*kept), sp.Add(*dense)


def _spread(total: Any) -> Any:
    """Products over a sum that holds a delta, multiplied out: the delta then stands in a term of its own."""
    if isinstance(total, sp.Add):
        return sp.Add(*map(_spread, total.args))
    if isinstance(total, sp.Mul):
        for factor in total.args:
            if isinstance(factor, sp.Add) and factor.has(KroneckerDelta):
                return sp.Add(*(_spread(total / factor * term) for term in factor.args))
    return total


def _product(term: Any, sizes: Mapping[Any, Any], named: list[Definition]) -> Any:
    """The term with its computed factors named, or None where one of them has as many indices as the whole."""
    everything = term.free_symbols & set(sizes)
    kept: list[Any] = []
    computed: dict[Any, Any] = {}
    for factor in sp.Mul.make_args(term):
        if _is_given(factor, sizes):
            kept.append(factor)
            continue
        own = tuple(i for i in sizes if factor.has(i))
        if set(own) == everything or factor.has(KroneckerDelta):
            return None
        key = (own, factor) if isinstance(factor, sp.Sum) else (own, None)  # a contraction is an equation of its own
        computed[key] = computed.get(key, sp.S.One) * factor
    for (own, _), value in computed.items():
        made = define(MATRIX if len(own) > 1 else VECTOR, tuple(sizes[i] for i in own), value, own)
        named.append(made)
        kept.append(made.at(*own))
    return sp.Mul(*kept)


def _is_given(factor: Any, sizes: Mapping[Any, Any]) -> bool:
    """A number, a dimension, a delta, an array's element: nothing to compute."""
    if isinstance(factor, KroneckerDelta) or owner(factor) is not None:
        return True
    return not list(references(factor)) and not factor.free_symbols & set(sizes)
