"""Random pairs of near-equal expressions, and numbers that tell them apart.

An expression is a nested tuple ``(operation, *parts)`` of one of a few shapes, so that it prints as its own reproducer
(:func:`built` reads it back). A pair is an expression and the same with one operation changed: another constant, index,
axis or branch, or a *tempting* rewriting that holds on a part of the inputs only. :func:`difference` looks for a place
where the two differ: at sizes from 1 on, at ordinary, negative, zero, equal, large and integer inputs.
"""

from .expressions import LEAVES, near_pair
from .values import difference

__all__ = ["LEAVES", "difference", "near_pair"]
