"""Products and sums of elements as a person writes them: common factors of some terms taken out, few signs.

y a b + y a c + u d is y a (b + c) + u d, and −(y − 1) a is (1 − y) a.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .definition import references
from .nodes import REDUCTIONS, Iverson

_MOST = 6
"""A sum of more terms is left as it is."""

_Product = tuple[Any, Mapping[Any, Any]]
"""A number, and the exponent of each other factor."""


def is_elementwise(e: Any) -> bool:
    """Whether an expression is made of elements of arrays at one index and of scalars."""
    if e.has(*REDUCTIONS, KroneckerDelta, Iverson, sp.Piecewise):
        return False
    return len({r.indices for r in references(e) if isinstance(r, sp.Indexed)}) <= 1


def collected(e: Any) -> Any:
    """The sum with common factors of some of its terms taken out, as few operations as there can be."""
    if not isinstance(e, sp.Add) or not 3 <= len(e.args) <= _MOST:
        return e
    products = tuple(_product(term) for term in e.args)
    return min((e, _best(products)), key=lambda form: form.count_ops())


def _product(term: Any) -> _Product:
    """A term as its number and its factors, 1 − y as −(y − 1) where SymPy takes that for the plain one."""
    number, exponents = sp.S.One, dict[Any, Any]()
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if factor.is_Number:
            number *= factor
            continue
        if not exponent.is_Integer:
            base, exponent = factor, sp.S.One
        if base.is_Add and _starts_with_minus(base):
            base, number = -base, number * (-1) ** exponent
        exponents[base] = exponents.get(base, sp.S.Zero) + exponent
    return number, exponents


def _expression(products: tuple[_Product, ...]) -> Any:
    return sp.Add(*(number * sp.Mul(*(b**n for b, n in held.items())) for number, held in products))


def _best(products: tuple[_Product, ...]) -> Any:
    forms = [_expression(products)]
    for group, shared in _groups(products):
        inside = tuple(_over(products[k], shared) for k in group)
        rest = tuple(p for k, p in enumerate(products) if k not in group)
        outside = sp.Mul(*(b**n for b, n in shared.items()))
        forms.append(outside * _best(inside) + (_best(rest) if rest else 0))
    return min(forms, key=lambda form: form.count_ops())


def _groups(products: tuple[_Product, ...]) -> Iterator[tuple[frozenset[int], dict[Any, Any]]]:
    """Terms that share a factor, with all that they share; each group once."""
    seen = set()
    for base in dict.fromkeys(b for _, held in products for b in held):
        group = frozenset(k for k, (_, held) in enumerate(products) if held.get(base, 0) > 0)
        if len(group) < 2 or group in seen:
            continue
        seen.add(group)
        common = set.intersection(*({b for b, n in products[k][1].items() if n > 0} for k in group))
        yield group, {b: min(products[k][1][b] for k in group) for b in products[min(group)][1] if b in common}


def _over(product: _Product, shared: Mapping[Any, Any]) -> _Product:
    number, held = product
    return number, {b: left for b, n in held.items() if (left := n - shared.get(b, 0)) != 0}


def alike(e: Any) -> Any:
    """The expression with one spelling of y − 1 and 1 − y where both stand in it."""
    sums = e.atoms(sp.Add)
    return _alike(e, {a: b for a in sums if _starts_with_minus(a) and (b := -a) in sums})


def with_fewer_signs(e: Any) -> Any:
    """−(y − 1) a as (1 − y) a, where y − 1 stands nowhere else in the expression."""
    e = alike(e)
    return sp.Add(*(_with_fewer_signs(term, e) for term in sp.Add.make_args(e)))


def _starts_with_minus(total: Any) -> bool:
    """Whether the number of a sum is negative, else the first of its terms."""
    return bool(total.args[0].could_extract_minus_sign())


def _alike(e: Any, others: Mapping[Any, Any]) -> Any:
    """The expression with −b for each a, the minus in front of the product."""
    if not others or not e.args or isinstance(e, sp.Indexed):
        return e
    if not e.is_Mul:
        return e.func(*(_alike(a, others) for a in e.args))
    factors = [f.as_base_exp() for f in e.args]
    turned = [(b, n) for b, n in factors if b in others and n.is_Integer]
    kept = [_alike(b**n, others) for b, n in factors if (b, n) not in turned]
    return sp.Mul(*((-1) ** n for _, n in turned), *(_alike(others[b], others) ** n for b, n in turned), *kept)


def _with_fewer_signs(term: Any, whole: Any) -> Any:
    number, rest = term.as_coeff_Mul()
    if not number.is_negative or not rest.is_Mul:
        return term
    for factor in rest.args:
        if factor.is_Add and _is_negative(factor) and _count(whole, factor) == 1:
            return -number * sp.Mul(*(f for f in rest.args if f is not factor), -factor)
    return term


def _is_negative(total: Any) -> bool:
    """Whether a sum reads better turned: y − 1, x − y, but not 1 − y."""
    if total.args[0].is_Number:
        return bool(total.args[0].is_negative)
    return 2 * sum(map(bool, (t.could_extract_minus_sign() for t in total.args))) >= len(total.args)


def _count(e: Any, part: Any) -> int:
    return sum(node == part for node in sp.preorder_traversal(e))
