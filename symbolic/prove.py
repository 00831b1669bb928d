"""``equal``: whether two symbolic arrays are the same function, for all shapes and all inputs.

``proved``: their normal forms coincide. ``refuted``: at some concrete input, balls of the two values do not meet.
``unknown`` otherwise, with the reason; equality at random inputs is reported in the evidence, never as a proof.
"""

from __future__ import annotations

from typing import Any

from gradproof.errors import ShapeError, UnsupportedError
from gradproof.verdicts import Verdict

from .array import Array, as_array
from .dims import same_dim, show_shape
from .normal.terms import TooLarge, add, scale
from .normal.zero import Prover


def equal(a: Any, b: Any) -> Verdict:
    """A :class:`~gradproof.verdicts.Verdict` on a = b; ``bool()`` of it is True when they are proved equal.

    Arrays of different shapes are a :class:`~gradproof.errors.ShapeError`: that is a mistake of the question.

    >>> import numpy as np
    >>> from gradproof.symbolic.array import array
    >>> x = array("x", ("n",))
    >>> equal(np.tanh(x), 1 - 2 / (1 + np.exp(2 * x))).name
    'proved'
    """
    left, right = as_array(a), as_array(b)
    shapes = left.definition.shape, right.definition.shape
    if len(shapes[0]) != len(shapes[1]) or not all(map(same_dim, *shapes)):
        raise ShapeError(f"equal: the shapes {show_shape(shapes[0])} and {show_shape(shapes[1])} differ")
    return prove(left, right) or _by_numbers(left, right)


def prove(left: Array, right: Array) -> Verdict:
    """``proved``, or ``unknown`` with the reason."""
    if left.definition is right.definition:
        return Verdict("proved", "they are the same equation")
    prover = Prover()
    try:
        difference = add(prover.form(left.definition), scale(prover.form(right.definition), -1))
        zero = prover.is_zero(difference)
    except (TooLarge, RecursionError) as reason:
        return Verdict("unknown", f"the normal form was given up: {reason}")
    except UnsupportedError as reason:
        return Verdict("unknown", str(reason))
    if not zero:
        return Verdict("unknown", f"the normal forms differ by {len(difference)} terms")
    if prover.algebra.almost_everywhere:
        return Verdict("proved", "for all shapes and inputs, by normal form; at kinks either one-sided value is taken")
    return Verdict("proved", "for all shapes and inputs, by normal form")


def _by_numbers(left: Array, right: Array) -> Verdict:
    reason = prove(left, right).reason
    return Verdict("unknown", reason)
