"""One array as one SymPy expression: intermediates put in, inputs as ``IndexedBase`` or ``Symbol``."""

from __future__ import annotations

from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from .definition import Definition, System, canonical, freshen, ordered, owner, references
from .nodes import Sum


def to_sympy(definition: Definition) -> Any:
    """The element of ``definition`` with canonical indices ``i0, i1, ...``; sums run over ``s0, s1, ...``.

    Inputs become ``IndexedBase(name)`` (rank 0: a real ``Symbol``). A recurrence has no such expression:
    :class:`~gradproof.errors.UnsupportedError`.

    >>> from gradproof.symbolic.arrays.array import array
    >>> X, w = array("X", ("m", "n")), array("w", ("n",))
    >>> to_sympy(((X @ w) ** 2).definition)
    Sum(X[i0, s0]*w[s0], (s0, 0, n - 1))**2
    """
    names = System.of(definition).names
    if definition.is_input:
        return _input(definition, names[definition], definition.indices)
    elements: dict[Definition, Any] = {}
    for each in ordered([definition]):
        if each.group:
            raise UnsupportedError(
                f"{each.name} is a recurrence, which no single SymPy expression holds; print its equations"
            )
        if each.rhs is None:
            continue
        mapping = {}
        for reference in references(each.rhs):
            target = owner(reference)
            assert target is not None
            index = tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()
            if target.is_input:
                mapping[reference] = _input(target, names[target], index)
            else:
                inner = freshen(elements[target])
                mapping[reference] = inner.xreplace(dict(zip(target.indices, index, strict=True)))
        elements[each] = each.rhs.xreplace(mapping)
    return canonical(elements[definition]).replace(lambda e: isinstance(e, Sum), lambda e: sp.Sum(*e.args))


def _input(definition: Definition, name: str, index: Any) -> Any:
    if not definition.rank:
        facts = {word: True for word in ("positive", "nonnegative", "integer") if word in definition.assumptions}
        return sp.Symbol(name, real=True, **facts)
    return sp.Indexed(sp.IndexedBase(name), *index)
