"""Joined axes kept apart: an array reshaped from (m, n, k) to (m·n, k) remembers that its first axis is (m, n).

The element at a position p of a joined axis is ``x[floor(p / n), p mod n]``, and sums and derivatives of such indices
are hard to see through. Code that joins axes (``x.reshape(N * T, D) @ W``, im2col, batch norm of images) takes them
apart again later, so the operations in between are done on the factors: elementwise functions, reductions, products,
transposes, slices of other axes. Everything else sees the plain definition with its quotients and remainders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..equations.definition import define
from ..equations.dims import free_index, same_dim
from .array import Array


@dataclass(frozen=True, slots=True)
class Grouped:
    """The array with its axes apart, and how many of them make up each visible axis."""

    inner: Array
    groups: tuple[int, ...]

    def factors(self) -> list[tuple[Any, ...]]:
        """The sizes that each visible axis is made of."""
        sizes, found, at = self.inner.definition.shape, [], 0
        for count in self.groups:
            found.append(tuple(sizes[at : at + count]))
            at += count
        return found

    def axes(self) -> list[tuple[int, ...]]:
        """The inner axes behind each visible axis."""
        found, at = [], 0
        for count in self.groups:
            found.append(tuple(range(at, at + count)))
            at += count
        return found


def grouped(x: Array) -> Grouped | None:
    """The factors of the axes of an array, where some are joined."""
    x.definition  # noqa: B018 - a view is brought up to date by this
    return x._grouped


def inside(x: Array) -> Array:
    """The array with its axes apart, or the array itself."""
    known = grouped(x)
    return x if known is None else known.inner


def joined(inner: Array, groups: Sequence[int]) -> Array:
    """The array whose axes are groups of consecutive axes of ``inner``."""
    if all(count == 1 for count in groups):
        return Array(inner.definition, mutable=True, contiguous=inner.contiguous)
    shape: list[Any] = []
    index: list[Any] = []
    at = 0
    for count in groups:
        sizes = inner.definition.shape[at : at + count]
        position: Any = free_index(len(shape))
        digits = []
        for size in reversed(sizes[1:]):
            digits.append(sp.Mod(position, size) if size != 1 else sp.S.Zero)
            position = sp.floor(position / size) if size != 1 else position
        index += [position if sizes[0] != 1 else sp.S.Zero, *reversed(digits)]
        shape.append(sp.expand(sp.Mul(*sizes)))
        at += count
    words = inner.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    ones = {free_index(p): sp.S.Zero for p, n in enumerate(shape) if n == 1}
    element = inner.element(*(sp.sympify(i, strict=True).xreplace(ones) for i in index))
    result = Array(define("t", tuple(shape), element, assumptions=words), mutable=True, contiguous=inner.contiguous)
    result._grouped = Grouped(inner, tuple(groups))
    return result


def apart(x: Array, factors: Sequence[tuple[Any, ...]]) -> Array:
    """An array with each axis cut into factors: by their positions ``i * n + j``, or as it was joined."""
    known = grouped(x)
    own = known.factors() if known else [(n,) for n in x.definition.shape]
    if known and _equal(own, factors):
        return known.inner
    shape = tuple(n for part in factors for n in part)
    index, at = [], 0
    for part in factors:
        position: Any = sp.S.Zero
        for n in part:
            position = position * n + (sp.S.Zero if n == 1 else free_index(at))
            at += 1
        index.append(sp.expand(position))
    words = x.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    return Array(define("t", shape, x.element(*index), assumptions=words), contiguous=x.contiguous)


def same_factors(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Whether two axes are made of the same sizes in the same order."""
    return _equal([left], [right])


def _equal(left: Sequence[tuple[Any, ...]], right: Sequence[tuple[Any, ...]]) -> bool:
    return len(left) == len(right) and all(
        len(p) == len(q) and all(map(same_dim, p, q)) for p, q in zip(left, right, strict=True)
    )


def together(arrays: Sequence[Array]) -> tuple[list[Array], tuple[int, ...]] | None:
    """Operands of an elementwise function with their axes apart in the same way, and the groups of the result.

    None where no axis is joined, or axes are joined in different ways.
    """
    if not any(grouped(x) for x in arrays):
        return None
    rank = max(x.ndim for x in arrays)
    axes: list[tuple[Any, ...] | None] = [None] * rank
    for x in arrays:
        known = grouped(x)
        for axis, part in enumerate(known.factors() if known else [], start=rank - x.ndim):
            if len(part) > 1:
                other = axes[axis]
                if other is not None and not _equal([other], [part]):
                    return None
                axes[axis] = part
    cut: list[Array] = []
    for x in arrays:
        factors: list[tuple[Any, ...]] = []
        for axis, size in enumerate(x.definition.shape, start=rank - x.ndim):
            wanted = axes[axis]
            if wanted is None:
                factors.append((size,))
            elif size == 1:
                factors.append((sp.S.One,) * len(wanted))
            elif same_dim(size, sp.Mul(*wanted)):
                factors.append(wanted)
            else:
                return None
        cut.append(apart(x, factors))
    return cut, tuple(len(part) if part else 1 for part in axes)


def refined(old: Sequence[Any], new: Sequence[Any]) -> tuple[list[list[Any]], list[list[Any]]] | None:
    """The coarsest factors of which both shapes are made: those of each old and of each new axis; None if there are
    none with sizes that are known to divide each other."""
    left = [[] for _ in old]  # type: list[list[Any]]
    right = [[] for _ in new]  # type: list[list[Any]]
    p, q = len(old) - 1, len(new) - 1
    rest_old = old[p] if old else sp.S.One
    rest_new = new[q] if new else sp.S.One
    while p >= 0 or q >= 0:
        if p >= 0 and same_dim(rest_old, sp.S.One):
            p -= 1
            rest_old = old[p] if p >= 0 else sp.S.One
            continue
        if q >= 0 and same_dim(rest_new, sp.S.One):
            q -= 1
            rest_new = new[q] if q >= 0 else sp.S.One
            continue
        if p < 0 or q < 0:
            return None
        part = rest_new if _whole(rest_old / rest_new) else rest_old if _whole(rest_new / rest_old) else None
        if part is None:
            return None
        left[p].insert(0, part)
        right[q].insert(0, part)
        rest_old, rest_new = sp.cancel(rest_old / part), sp.cancel(rest_new / part)
    return left, right


def _whole(ratio: Any) -> bool:
    ratio = sp.cancel(ratio)
    top, bottom = sp.fraction(ratio)
    return bool(bottom == 1 and top.is_integer)


def regrouped(x: Array, shape: Sequence[Any]) -> Array | None:
    """A reshape by factors, None where the sizes of one shape do not divide those of the other."""
    known = grouped(x)
    inner = known.inner if known else x
    own = inner.definition.shape
    found = refined(own, shape)
    if found is None:
        return None
    left, right = found
    cut = apart(inner, [tuple(part) or (n,) for part, n in zip(left, own, strict=True)])
    # axes of size 1 come and go: first away with the old ones, then the new ones
    kept = cut[tuple(0 if n == 1 else slice(None) for n in cut.definition.shape)]
    key: list[Any] = []
    for part in right:
        key += [slice(None)] * len(part) if part else [None]
    return joined(kept[tuple(key)] if any(k is None for k in key) else kept, [len(part) or 1 for part in right])
