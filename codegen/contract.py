r"""Sums of products over named axes: :math:`\sum_{k} A_{ik} B_{kj} \cdots` as matmul, einsum or an elementwise sum.

Factors whose axes another factor has are multiplied into it; an index of one factor alone is summed at once; then pairs
are contracted, the pair with the smallest result first; of equal ones, a pair of different arrays that share a summed
index, so that X[s, i] P[s, j] X[s, k] P[s, l] is (X P)[s, i, j] (X P)[s, k, l], one array used twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from .builder import Builder, Value

AsFloat = Callable[[Value], Value]


def contract(
    build: Builder,
    factors: Sequence[Value],
    summed: Sequence[Any],
    order: Sequence[Any],
    as_float: AsFloat,
    units: bool,
) -> Value:
    """The product of array ``factors``, summed over the index symbols ``summed`` (each stands in some factor).

    ``order`` holds every index symbol in the order that is preferred for results; ``units`` says that axes of size 1
    are wanted in the result (a column stays a column).
    """
    if len(summed) == 1 and all(f.axes == tuple(summed) for f in factors):
        *first, last = sorted(factors, key=lambda f: f.dtype == "float")
        if last.dtype == "float" and any(f.dtype == "float" for f in first):
            (left,) = _merged(build, first, order, as_float)
            return build.emit("matmul", [left, last], ())  # x @ y
    groups = _merged(build, list(factors), order, as_float)
    pending = list(summed)
    while True:
        groups = [_sum_alone(build, group, groups, pending, as_float, units) for group in groups]
        if len(groups) == 1:
            return groups[0]
        left, right = _cheapest(groups, pending)
        others = [g for g in groups if g is not left and g is not right]
        inner = [k for k in pending if k in left.symbols | right.symbols and not any(k in g.symbols for g in others)]
        made = _pair(build, as_float(left), as_float(right), inner, order, units)
        groups = _merged(build, [made, *others], order, as_float)


def _merged(build: Builder, factors: list[Value], order: Sequence[Any], as_float: AsFloat) -> list[Value]:
    """Factors over the same axes multiplied; of three or more, also those whose axes another one has.

    The last two are kept apart: their contraction is a product of matrices or vectors.
    """
    groups: list[Value] = []
    for factor in factors:
        same = next((p for p, g in enumerate(groups) if g.symbols == factor.symbols), None)
        if same is None:
            groups.append(factor)
        else:
            groups[same] = _times(build, groups[same], factor, order, as_float)
    while len(groups) > 2:
        pairs = [(s, g) for s in groups for g in groups if s is not g and s.symbols < g.symbols]
        if not pairs:
            break
        small, large = min(pairs, key=lambda pair: len(pair[1].symbols))
        groups = [_times(build, large, small, order, as_float) if g is large else g for g in groups if g is not small]
    return groups


def _times(build: Builder, left: Value, right: Value, order: Sequence[Any], as_float: AsFloat) -> Value:
    if left.dtype == right.dtype == "bool":
        return build.elementwise("and", [left, right], order)
    if left.dtype != "float" and right.dtype != "float":
        left = as_float(left)
    return build.elementwise("mul", [left, right], order)


def _sum_alone(
    build: Builder, group: Value, groups: list[Value], pending: Sequence[Any], as_float: AsFloat, units: bool
) -> Value:
    alone = [k for k in pending if k in group.symbols and sum(k in g.symbols for g in groups) == 1]
    return sum_over(build, as_float(group), alone, units) if alone else group


def sum_over(build: Builder, value: Value, summed: Sequence[Any], units: bool) -> Value:
    """Σ over some of the axes of a value, and over those of size 1 unless they are wanted."""
    gone = [a in summed or (a is None and not units) for a in value.axes]
    axes = tuple(p for p, g in enumerate(gone) if g)
    return build.emit("sum", [value], [a for a, g in zip(value.axes, gone, strict=True) if not g], axes, False)


def _cheapest(groups: list[Value], pending: Sequence[Any]) -> tuple[Value, Value]:
    def cost(pair: tuple[Value, Value]) -> tuple[int, int, bool, bool]:
        others = [g for g in groups if g is not pair[0] and g is not pair[1]]
        union = pair[0].symbols | pair[1].symbols
        gone = [k for k in pending if k in union and not any(k in g.symbols for g in others)]
        apart = not pair[0].symbols & pair[1].symbols & set(pending)
        return len(union) - len(gone), -len(gone), pair[0].name == pair[1].name, apart

    return min(itertools.combinations(groups, 2), key=cost)


def _pair(build: Builder, a: Value, b: Value, inner: Sequence[Any], order: Sequence[Any], units: bool) -> Value:
    """Σ over ``inner`` of a · b, with the result's axes in the preferred order where that is free."""
    if not inner:
        return build.elementwise("mul", [a, b], order)
    for matrix, column in ((a, b), (b, a)):
        rows = [s for s in matrix.symbols if s not in inner]
        if units and len(inner) == len(rows) == 1 and column.axes == (inner[0], None) and matrix.symbols >= set(inner):
            left = build.transpose(build.squeeze(matrix), [rows[0], inner[0]])
            return build.emit("matmul", [left, column], [rows[0], None])
    a, b = build.squeeze(a), build.squeeze(b)
    both = a.symbols & b.symbols
    batch = [s for s in order if s in both and s not in inner]
    rows = [s for s in order if s in a.symbols and s not in both]
    columns = [s for s in order if s in b.symbols and s not in both]
    if not rows and not columns:
        return (
            _rowwise(build, a, b, inner, order, units) if batch or len(inner) > 1 else build.emit("matmul", [a, b], ())
        )
    if len(inner) == 1 and not batch:
        if rows and columns and order.index(columns[0]) < order.index(rows[0]):
            a, b, rows, columns = b, a, columns, rows
        if len(columns) > 1 and len(rows) <= 1:
            a, b, rows, columns = b, a, columns, rows
        if len(columns) <= 1:
            return _matmul(build, a, b, inner[0], rows, columns)
    if len(inner) == 1 and len(rows) == 1 and len(columns) == 1:
        left = build.transpose(a, [*batch, rows[0], inner[0]])
        right = build.transpose(b, [*batch, inner[0], columns[0]])
        return build.emit("matmul", [left, right], [*batch, rows[0], columns[0]])
    if rows and columns and not batch:
        return _tensordot(build, a, b, inner, rows, columns, order)
    return _einsum(build, [a, b], [*batch, *sorted([*rows, *columns], key=order.index)])


def _matmul(build: Builder, a: Value, b: Value, k: Any, rows: list[Any], columns: list[Any]) -> Value:
    """A plain product; the axis k of a vector needs no place, that of a matrix is brought to it by a transpose."""
    if not rows:  # vector @ matrix, or its mirror image when that saves the transpose
        if b.axes[-1] == k:
            return build.emit("matmul", [b, a], columns)
        return build.emit("matmul", [a, b], columns)
    left = build.transpose(a, [*rows, k])
    right = build.transpose(b, [k, *columns])
    return build.emit("matmul", [left, right], [*rows, *columns])


def _tensordot(
    build: Builder, a: Value, b: Value, inner: Sequence[Any], rows: list[Any], columns: list[Any], order: Sequence[Any]
) -> Value:
    """A product over several axes, which NumPy makes one product of matrices (an einsum of it is a slow loop)."""
    if order.index(columns[0]) < order.index(rows[0]):
        a, b, rows, columns = b, a, columns, rows
    together = [s for s in a.axes if s in inner]
    places = tuple(tuple(v.axes.index(s) for s in together) for v in (a, b))
    made = build.emit("tensordot", [a, b], [s for v in (a, b) for s in v.axes if s not in inner], *places)
    return build.transpose(made, sorted([*rows, *columns], key=order.index))


def _rowwise(build: Builder, a: Value, b: Value, inner: Sequence[Any], order: Sequence[Any], units: bool) -> Value:
    return sum_over(build, build.elementwise("mul", [a, b], order), inner, units)


def _einsum(build: Builder, factors: Sequence[Value], result: Sequence[Any]) -> Value:
    letters = {
        s: "abcdefghijklmnopqrstuvwxyz"[p] for p, s in enumerate(dict.fromkeys(s for f in factors for s in f.axes))
    }
    spec = ",".join("".join(letters[s] for s in f.axes) for f in factors) + "->" + "".join(letters[s] for s in result)
    return build.emit("einsum", factors, result, spec)
