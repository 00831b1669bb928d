r"""Which arrays may hold :math:`-\infty`, as the scores of a mask do, and what SymPy must not fold of them.

SymPy's symbols are finite: it makes 0 of :math:`s - s` and of :math:`0 \cdot s`, where NumPy has NaN.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import sympy as sp

from gradproof.errors import UnsupportedError

from .definition import Definition, owner
from .nodes import Iverson, LogSumExp, MaxOver

_known: WeakKeyDictionary[Definition, bool] = WeakKeyDictionary()


def may_be_infinite(e: Any) -> bool:
    """Whether :math:`-\\infty` may be the value of an expression: it stands in it outside of what ends it."""
    if e is sp.S.NegativeInfinity:
        return True
    target = owner(e)
    if target is not None:
        return _is_infinite(target)
    if isinstance(e, (sp.exp, LogSumExp, MaxOver, Iverson)) or e.is_Relational:
        return False
    return any(map(may_be_infinite, e.args))


def _is_infinite(definition: Definition) -> bool:
    found = _known.get(definition)
    if found is None:
        _known[definition] = False  # a recurrence is what its other members make it
        found = definition.rhs is not None and may_be_infinite(definition.rhs)
        _known[definition] = found
    return found


def keeps_infinities(name: str, operands: list[Any], result: Any) -> Any:
    """The result of an operation; :class:`UnsupportedError` where an infinite operand has vanished from it."""
    if any(map(_refers_to_infinite, operands)) and not _refers_to_infinite(result):
        raise UnsupportedError(
            f"{name} of an array that holds -inf: where it does, NumPy gives nan (-inf + inf, 0 * inf), which has no "
            "derivative; compute on the values before the mask is put in"
        )
    return result


def _refers_to_infinite(e: Any) -> bool:
    return any(owner(part) is not None and may_be_infinite(part) for part in sp.preorder_traversal(e))
