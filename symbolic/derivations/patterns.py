"""Patterns that a person reads as one thing: exp(z − logsumexp z) is softmax."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..equations.definition import owner
from ..equations.nodes import LogSumExp


def softmax_pattern(e: Any) -> tuple[Any, Any] | None:
    """``(z, k)`` if the expression is exp(z − logsumexp_k z): softmax over the index k at the element z; else None."""
    if not isinstance(e, sp.exp) or not isinstance(e.args[0], sp.Add):
        return None
    for term in e.args[0].args:
        found = _logsumexp(-term)
        if found is None:
            continue
        body, summed = found
        value = e.args[0] - term
        for index in sorted((s for s in value.free_symbols if s.is_Symbol and s.is_integer), key=str):
            if body.xreplace({summed: index}) == value:
                return value, index
    return None


def _logsumexp(term: Any) -> tuple[Any, Any] | None:
    """The body and the summed index of a logsumexp over one index, inline or by name."""
    if isinstance(term, LogSumExp) and len(term.limits) == 1:
        return term.args[0], term.limits[0][0]
    definition = owner(term)
    if definition is None or not isinstance(definition.rhs, LogSumExp):
        return None
    index = tuple(term.indices) if isinstance(term, sp.Indexed) else ()
    inner = definition.expanded_at(*index)
    return (inner.args[0], inner.limits[0][0]) if len(inner.limits) == 1 else None
