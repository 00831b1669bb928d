"""The names of the rules of calculus that differentiate one equation by one of its arrays."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..equations.definition import Definition, owner, references
from ..equations.functions import BY_HEAD
from ..equations.matrix_functions import ROWS, MatrixFunction
from ..equations.nodes import Arbitrary, Functional, Iverson, LogSumExp, MaxOver, ProductOver
from .patterns import softmax_pattern

_REDUCTIONS = {
    LogSumExp: "derivative of logsumexp", MaxOver: "derivative of max", ProductOver: "derivative of a product",
    Functional: "derivative of the cost",
}  # fmt: skip


def local_rule(equation: Definition, by: Definition) -> str:
    """What differentiates ``equation`` by ``by``, outermost rule first: "linearity, derivative of log".

    >>> from gradproof.symbolic.arrays.array import array
    >>> import numpy as np
    >>> x = array("x", ("n",))
    >>> local_rule(np.tanh(x).definition, x.definition)
    'derivative of tanh'
    """
    found: dict[str, None] = {}
    _collect(equation.rhs, by, found)
    return ", ".join(found) or "identity"


def _depends(e: Any, by: Definition) -> bool:
    return any(owner(r) is by for r in references(e))


def _collect(e: Any, by: Definition, found: dict[str, None]) -> None:
    if owner(e) is not None or not _depends(e, by):
        return
    rule = _rule(e, by)
    if rule:
        found[rule] = None
    if isinstance(e, Iverson):
        return
    parts = (
        [value for value, _ in e.args]
        if isinstance(e, sp.Piecewise)
        else e.args[:1]
        if hasattr(e, "limits")
        else e.args
    )
    for part in parts:
        _collect(part, by, found)


def _rule(e: Any, by: Definition) -> str:
    if softmax_pattern(e) is not None:
        return "derivative of exp"
    if isinstance(e, sp.Add):
        return "sum rule"
    if isinstance(e, sp.Sum):
        return "linearity"
    if isinstance(e, sp.Mul):
        return "product rule" if sum(_depends(f, by) for f in e.args) > 1 else "constant factor"
    if isinstance(e, sp.Pow):
        return "power rule"
    if type(e) in _REDUCTIONS:
        return _REDUCTIONS[type(e)]
    if isinstance(e, MatrixFunction):
        return f"derivative of {ROWS[e.name].called}"
    if isinstance(e, sp.Piecewise):
        return "derivative on each branch"
    if isinstance(e, Arbitrary):
        return "derivative of σ"
    if isinstance(e, Iverson):
        return "a bracket is constant between its jumps"
    return f"derivative of {BY_HEAD[type(e)].name}" if type(e) in BY_HEAD else f"derivative of {type(e).__name__}"
