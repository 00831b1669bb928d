"""What layers share: names for intermediates, places along an axis, and the functions that NumPy does not have."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradproof.errors import ShapeError

from ..arrays import activations as symbolic
from ..arrays.array import Array
from ..arrays.joining import arange
from ..recurrences.scan import scan


def named(value: Any, name: str) -> Any:
    """The same value; a symbolic array becomes an intermediate of this name, which derivations and code then show."""
    return value.named(name) if isinstance(value, Array) else value


def places(size: Any) -> Any:
    """0, 1, ..., size − 1, for a size that may be a symbol."""
    return np.arange(size) if isinstance(size, (int, np.integer)) else arange(size)


def whole(size: Any, groups: Any, what: str) -> Any:
    """How many of an axis each of some groups has; a ShapeError where they are not known to divide it."""
    each = size / groups
    if not (each.is_integer() if isinstance(each, float) else each.is_integer):
        raise ShapeError(f"{size} {what} are not known to divide into {groups} groups")
    return int(each) if isinstance(each, float) else each


def sigmoid(x: Any) -> Any:
    r""":math:`1/(1 + e^{-x})`, without overflow."""
    return symbolic.sigmoid(x) if isinstance(x, Array) else np.exp(-np.logaddexp(0, -x))


def softplus(x: Any) -> Any:
    r""":math:`\log(1 + e^x)`, without overflow."""
    return symbolic.softplus(x) if isinstance(x, Array) else np.logaddexp(0, x)


def logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    r""":math:`\log \sum e^x` along an axis, without overflow."""
    if isinstance(x, Array):
        return symbolic.logsumexp(x, axis, keepdims)
    top = np.max(x, axis=axis, keepdims=True)
    total = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return total if keepdims else np.squeeze(total, axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """x − logsumexp x along an axis."""
    return symbolic.log_softmax(x, axis) if isinstance(x, Array) else x - logsumexp(x, axis, keepdims=True)


def softmax(x: Any, axis: int = -1) -> Any:
    """The exponential of :func:`log_softmax`."""
    return symbolic.softmax(x, axis) if isinstance(x, Array) else np.exp(log_softmax(x, axis))


def scanned(step: Any, initial: Any, sequences: Any) -> Any:
    """The states of all times: by :func:`..recurrences.scan.scan` of symbolic arrays, by a loop of NumPy's."""
    if any(isinstance(sequence, Array) for sequence in sequences):
        return scan(step, initial, sequences)
    states, state = [], initial
    for inputs in zip(*sequences, strict=True):
        state = step(state, *inputs)
        states.append(state if isinstance(state, tuple) else (state,))
    found = tuple(np.stack(part) for part in zip(*states, strict=True))
    return found if isinstance(initial, tuple) else found[0]
