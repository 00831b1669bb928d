r"""What a person reads as one thing although it is written out: a softmax, a logsumexp, a sigmoid.

.. math:: \frac{e^{z_j}}{\sum_k e^{z_k}} = \operatorname{softmax}(z)_j, \quad
   \log \sum_k e^{z_k} = \operatorname{logsumexp} z, \quad
   \frac{1}{1 + e^{-z}} = \sigma(z), \quad \log \sigma(z) = -\operatorname{softplus}(-z)

They are the same functions everywhere; as one thing they have the derivatives that are in books, p − y among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from ..equations import functions as fn
from ..equations.definition import Definition, define, owner
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
        return _logsumexp(inputs[0])
    return None


def _softmax(above: Array, below: Array) -> Array | None:
    """exp(z) / Σ exp(z) over one axis."""
    shape = above.definition.shape
    summed = _sum_of_exponentials(below)
    if summed is None or grouped(above) or grouped(below) or not isinstance(above.definition.rhs, sp.exp):
        return None
    total, index = summed
    if total is not above.definition:
        return None
    axes = [axis for axis, i in enumerate(index) if i not in above.definition.indices]
    if len(axes) != 1 or [i for a, i in enumerate(index) if a != axes[0]] != _outer(below, above.ndim, axes[0]):
        return None
    see_through(above.definition, below.definition)
    z = Array(define("t", shape, above.definition.rhs.args[0]))
    return softmax(z, axes[0])


def _outer(below: Array, rank: int, axis: int) -> list[Any] | None:
    """The indices that the other axes of the sum have if it broadcasts against the exponentials axis by axis."""
    shape = below.definition.shape
    if len(shape) == rank and shape[axis] == 1:
        return [free_index(a) for a in range(rank) if a != axis]
    return [] if rank == 1 and not shape else None


def _logsumexp(inside: Array) -> Array | None:
    """log Σ exp(z) over any axes."""
    summed = _sum_of_exponentials(inside)
    if summed is None or grouped(inside):
        return None
    total, index = summed
    own = [i for i in index if i in inside.definition.indices]
    lost = [axis for axis, i in enumerate(index) if i not in inside.definition.indices]
    kept = own == list(inside.definition.indices)
    full = inside.ndim == len(index) and all(inside.definition.shape[a] == 1 for a in lost)
    if not (kept or (full and own == [free_index(a) for a in range(len(index)) if a not in lost])):
        return None
    see_through(total, inside.definition)
    z = Array(define("t", total.shape, total.rhs.args[0]))
    return logsumexp(z, tuple(lost), keepdims=not kept)


def _sum_of_exponentials(x: Array) -> tuple[Definition, tuple[Any, ...]] | None:
    """The definition of exponentials that ``x`` is the sum of over whole axes, and the index that it is summed at."""
    rhs = x.definition.rhs
    if not isinstance(rhs, sp.Sum) or x.definition.group or not isinstance(rhs.args[0], sp.Indexed):
        return None
    reference = rhs.args[0]
    found = owner(reference)
    if found is None or not isinstance(found.rhs, sp.exp) or found.rhs.args[0] is sp.S.One or found.group:
        return None
    whole = {limit[0]: limit[2] + 1 for limit in rhs.limits if limit[1] == 0}
    if len(whole) != len(rhs.limits) or len(set(reference.indices)) != len(reference.indices):
        return None
    for index, size in zip(reference.indices, found.shape, strict=True):
        if index in whole and not same_dim(whole.pop(index), size):
            return None
    return None if whole else (found, tuple(reference.indices))


def _sigmoid(above: Any, below: Array) -> Array | None:
    """a / (1 + exp(−z)) = a σ(z), and exp(z) / (1 + exp(z)) = σ(z)."""
    rhs = below.definition.rhs
    if not isinstance(rhs, sp.Add) or len(rhs.args) != 2 or sp.S.One not in rhs.args or grouped(below):
        return None
    (power,) = (term for term in rhs.args if term is not sp.S.One)
    found = owner(power)
    if found is not None and isinstance(found.rhs, sp.exp) and not found.group:
        power = found.expanded_at(*(power.indices if isinstance(power, sp.Indexed) else ()))
    if not isinstance(power, sp.exp):
        return None
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
