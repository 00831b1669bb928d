r"""What a person reads as one thing although it is written out: a softmax, a logsumexp, a sigmoid, a softplus.

.. math:: \frac{e^{z_j}}{\sum_k e^{z_k}} = \operatorname{softmax}(z)_j, \quad
   \log \sum_k e^{z_k} = \operatorname{logsumexp} z, \quad
   \frac{1}{1 + e^{-z}} = \sigma(z), \quad \log \sigma(z) = -\operatorname{softplus}(-z), \quad
   \log(1 + e^z) = \max(z, 0) + \log(1 + e^{-|z|}) = \operatorname{softplus}(z)

They are the same functions everywhere; as one thing they have the derivatives that are in books, p − y among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from ..equations import functions as fn
from ..equations.definition import PLAIN_NAMES, Definition, define, owner
from ..equations.dims import free_index, same_dim
from ..equations.seen_through import see_through
from .array import Array, as_array, elementwise
from .grouping import grouped
from .reductions import logsumexp, softmax


def recognised(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Array | None:
    """The result of a ufunc where it completes a pattern; None where it does not."""
    if ufunc is np.divide and isinstance(inputs[1], Array):
        found = _softmax(*inputs) if isinstance(inputs[0], Array) else None
        return _sigmoid(*inputs) if found is None else found
    if ufunc is np.log and isinstance(inputs[0], Array):
        found = _logsumexp(inputs[0])
        return _softplus(inputs[0], one_is_added=True) if found is None else found
    if ufunc is np.log1p and isinstance(inputs[0], Array):
        return _softplus(inputs[0], one_is_added=False)
    if ufunc is np.add and all(isinstance(x, Array) for x in inputs):
        return _stable_softplus(*inputs)
    return None


def _softmax(above: Array, below: Array) -> Array | None:
    """exp(z) / Σ exp(z) over one axis, where the sum broadcasts against the exponentials axis by axis."""
    summed = _sum_of_exponentials(below)
    if summed is None or grouped(above) or not isinstance(above.definition.rhs, sp.exp):
        return None
    total, axes, keeps = summed
    if total is not above.definition or len(axes) != 1 or not (keeps or above.ndim == 1):
        return None
    see_through(above.definition, below.definition)
    z = Array(define("t", total.shape, total.rhs.args[0]))
    return softmax(z, axes[0])


def _logsumexp(inside: Array) -> Array | None:
    """log Σ exp(z) over any axes."""
    summed = _sum_of_exponentials(inside)
    if summed is None:
        return None
    total, axes, keeps = summed
    see_through(total, inside.definition)
    z = Array(define("t", total.shape, total.rhs.args[0]))
    return logsumexp(z, axes, keepdims=keeps)


def _sum_of_exponentials(x: Array) -> tuple[Definition, tuple[int, ...], bool] | None:
    """The exponentials that ``x`` is the sum of, the axes that it is taken over, and whether they are kept.

    Every other axis has to be an axis of ``x``, whole and in its place: a row, a slice or a transpose of the
    exponentials is another array than they are.
    """
    rhs = x.definition.rhs
    if not isinstance(rhs, sp.Sum) or x.definition.group or grouped(x) or not isinstance(rhs.args[0], sp.Indexed):
        return None
    reference, shape = rhs.args[0], x.definition.shape
    found = owner(reference)
    if found is None or not isinstance(found.rhs, sp.exp) or found.rhs.args[0] is sp.S.One or found.group:
        return None
    whole = {limit[0]: limit[2] + 1 for limit in rhs.limits if limit[1] == 0}
    axes = tuple(axis for axis, index in enumerate(reference.indices) if index in whole)
    if not len(axes) == len(whole) == len(rhs.limits):
        return None
    keeps = len(shape) == found.rank
    places = [a for a in range(found.rank) if keeps or a not in axes]
    if len(places) != len(shape) or (keeps and any(shape[a] != 1 for a in axes)):
        return None
    kept = [(a, place) for place, a in enumerate(places) if a not in axes]
    if any(
        reference.indices[a] != free_index(place) or not same_dim(shape[place], found.shape[a]) for a, place in kept
    ):
        return None
    same = all(same_dim(whole[reference.indices[a]], found.shape[a]) for a in axes)
    return (found, axes, keeps) if same else None


def _one_and_exponential(x: Array) -> tuple[Any, Definition | None] | None:
    """The exponential in 1 + exp(u), and the intermediate that it is where it is one."""
    rhs = x.definition.rhs
    if not isinstance(rhs, sp.Add) or len(rhs.args) != 2 or sp.S.One not in rhs.args or grouped(x):
        return None
    (power,) = (term for term in rhs.args if term is not sp.S.One)
    return _exponential(power)


def _exponential(power: Any) -> tuple[Any, Definition | None] | None:
    found = owner(power)
    if found is not None and isinstance(found.rhs, sp.exp) and not found.group:
        power = found.expanded_at(*(power.indices if isinstance(power, sp.Indexed) else ()))
    return (power, found) if isinstance(power, sp.exp) else None


def _sigmoid(above: Any, below: Array) -> Array | None:
    """a / (1 + exp(−z)) = a σ(z), and exp(z) / (1 + exp(z)) = σ(z)."""
    parts = _one_and_exponential(below)
    if parts is None:
        return None
    power, found = parts
    argument = power.args[0]
    shape = below.definition.shape
    see_through(below.definition, *([found] if found is not None else []))
    same = isinstance(above, Array) and not grouped(above) and above.definition.rhs == power
    if same and above.definition.shape == shape:
        return elementwise("sigmoid", fn.sigmoid, Array(define("t", shape, argument)))
    inner = owner(argument)
    if inner is not None and inner.rhs is not None and not inner.group and _is_negative(inner.rhs):
        see_through(inner)
        argument = inner.expanded_at(*(argument.indices if isinstance(argument, sp.Indexed) else ()))
    result = elementwise("sigmoid", fn.sigmoid, Array(define("t", shape, -argument)))
    one = not isinstance(above, (Array, bool, np.bool_, np.ndarray)) and above == 1
    return result if one else as_array(above) * result


def _is_negative(rhs: Any) -> bool:
    """−z for one array z, which is put in: the minus goes away."""
    return bool(rhs.is_Mul and rhs.args[0] == -1 and len(rhs.args) == 2)


def _softplus(inside: Array, one_is_added: bool) -> Array | None:
    """log(1 + exp(z)), and log1p(exp(z))."""
    if grouped(inside) or inside.definition.rhs is None:
        return None
    parts = _one_and_exponential(inside) if one_is_added else _exponential(inside.definition.rhs)
    if parts is None:
        return None
    power, found = parts
    see_through(inside.definition, *([found] if found is not None else []))
    return elementwise("softplus", fn.softplus, Array(define("t", inside.definition.shape, power.args[0])))


def _stable_softplus(*operands: Array) -> Array | None:
    """max(z, 0) + softplus(−|z|), each a term of one of two operands, as softplus(z): what does not overflow."""
    if any(map(grouped, operands)) or operands[0].definition.shape != operands[1].definition.shape:
        return None
    whole, seen = list[Any](), list[Definition]()
    for x in operands:
        whole += _terms(x.definition.at(*x.definition.indices), seen)
    for tail in (term for term in whole if isinstance(term, fn.softplus)):
        size = -_opened(tail.args[0], seen)
        z = _opened(size.args[0], seen) if isinstance(size, sp.Abs) else sp.nan
        head = next((t for t in whole if isinstance(t, fn.relu) and _opened(t.args[0], []) in (z, -z)), None)
        if head is not None:
            see_through(*seen)
            total = sp.Add(fn.softplus(head.args[0]), *(t for t in whole if t is not tail and t is not head))
            return elementwise("add", lambda *_, total=total: total, *operands)
    return None


_TERMS = (fn.softplus, fn.relu)


def _terms(e: Any, seen: list[Definition]) -> list[Any]:
    """The terms of a sum, those of intermediates without a name put in; these are noted in ``seen``."""
    d = owner(e)
    if d is None or d.rhs is None or d.group or d.name not in PLAIN_NAMES or not isinstance(d.rhs, (sp.Add, *_TERMS)):
        return [e]
    seen.append(d)
    value = d.expanded_at(*(e.indices if isinstance(e, sp.Indexed) else ()))
    return [part for term in sp.Add.make_args(value) for part in _terms(term, seen)]


def _opened(e: Any, seen: list[Definition]) -> Any:
    """An expression with the intermediates in it that are |z|, −z or a copy; these are noted in ``seen``."""
    if e.is_Mul:
        return sp.Mul(*(_opened(factor, seen) for factor in e.args))
    d = owner(e)
    if d is None or d.rhs is None or d.group or not (isinstance(d.rhs, (sp.Abs, sp.Indexed)) or _is_negative(d.rhs)):
        return e
    seen.append(d)
    return _opened(d.expanded_at(*(e.indices if isinstance(e, sp.Indexed) else ())), seen)
