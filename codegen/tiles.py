"""Arrays that are joined along an index, as the concatenation of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.symbolic.equations.definition import owner, references
from gradproof.symbolic.equations.dims import fresh_index, same_dim
from gradproof.symbolic.equations.nodes import Iverson
from gradproof.symbolic.equations.tiles import Tiles, tiles

from .builder import Value

if TYPE_CHECKING:
    from .lower import Lowering


def join(lowering: Lowering, found: Tiles) -> Value:
    """The concatenation of the parts; those of width 1 are stacked, numbers as one array of them."""
    if all(first == last for first, last, _ in found.parts):
        return _side_by_side(lowering, found)
    parts = []
    for first, last, body in found.parts:
        index = fresh_index()
        order = list(lowering.order)
        lowering.order = [index if i == found.index else i for i in order]
        lowering.ranges[index] = (sp.S.Zero, sp.expand(last - first))
        value = lowering.as_float(lowering.lower(body.xreplace({found.index: index + first})))
        parts.append((value, index))
        lowering.order = order
        lowering.memo = {known: v for known, v in lowering.memo.items() if index not in v.symbols}
    live = {found.index, *(i for value, own in parts for i in value.symbols if i != own)}
    axes = [i for i in lowering.order if i in live]
    values = []
    for value, index in parts:
        own = [index if i == found.index else i for i in axes]
        full = lowering.build.align(value, own, exactly=True) if value.axes else value
        shape = tuple(sp.expand(lowering.ranges[i][1] - lowering.ranges[i][0] + 1) for i in own)
        fits = len(full.shape) == len(shape) and all(map(same_dim, full.shape, shape))
        values.append(full if fits else lowering.build.emit("broadcast", [full], own, *shape))
    for _, index in parts:
        del lowering.ranges[index]
    return lowering.build.emit("concatenate", values, axes, axes.index(found.index))


def joined_parts(e: Any, ranges: Mapping[Any, tuple[Any, Any]]) -> Tiles | None:
    """The parts that an expression joins, where code is shorter by them; None for anything else.

    They may be those of a factor, f (a, b, 1) = (f a, f b, f), or what a bracket leaves of x[i - 1] or x[i + 1].
    """
    if isinstance(e, (sp.Add, sp.Piecewise)):
        return tiles(e, ranges)
    if not isinstance(e, sp.Mul):
        return None
    if _reaches_out(e, ranges):
        return tiles(e, ranges, fewest=1)
    for factor in e.args if e.has(sp.Piecewise, KroneckerDelta) else ():
        found = tiles(factor, ranges) if isinstance(factor, (sp.Add, sp.Piecewise)) else None
        rest = e / factor
        if found is None or rest.has(found.index) or not any(body.is_number for _, _, body in found.parts):
            continue
        if all(first == last for first, last, _ in found.parts):
            return Tiles(found.index, tuple((first, last, rest * body) for first, last, body in found.parts))
    return None


def _reaches_out(e: Any, ranges: Mapping[Any, tuple[Any, Any]]) -> bool:
    """Whether a product under a bracket reads x[i - 1] or x[i + 1], which is a slice where the bracket is 1."""
    if not any(isinstance(f, Iverson) for f in e.args):
        return False
    for reference in references(e):
        d = owner(reference)
        for index, n in zip(reference.indices, d.shape, strict=True) if d is not None and d.shape else ():
            if index.is_Add and any(s in ranges for s in index.free_symbols):
                return True
            if index in ranges and not same_dim(ranges[index][1] + 1, n):
                return True
    return False


def _side_by_side(lowering: Lowering, found: Tiles) -> Value:
    build, count = lowering.build, sp.Integer(len(found.parts))
    values = [lowering.as_float(lowering.lower(body.xreplace({found.index: at}))) for at, _, body in found.parts]
    others = [i for i in lowering.order if any(i in value.symbols for value in values)]
    values = [build.squeeze(value) for value in values]
    axes = [i for i in lowering.order if i == found.index or i in others]
    if not others:
        return build.emit("array", values, axes, count)
    sizes = [sp.expand(lowering.ranges[i][1] - lowering.ranges[i][0] + 1) for i in others]
    rows = _numbers(lowering, values, sizes)
    if rows is not None:
        entries = rows if axes[0] == found.index else list(zip(*rows, strict=True))
        shape = (count, *sizes) if axes[0] == found.index else (*sizes, count)
        return build.emit("array", [value for row in entries for value in row], axes, *shape)
    whole = []
    for value in values:
        full = build.align(value, others, exactly=True) if value.axes else value
        fits = len(full.shape) == len(sizes) and all(map(same_dim, full.shape, sizes))
        whole.append(full if fits else build.emit("broadcast", [full], others, *sizes))
    return build.emit("stack", whole, axes, axes.index(found.index))


def _numbers(lowering: Lowering, values: Sequence[Value], sizes: Sequence[Any]) -> list[list[Value]] | None:
    """The entries of small vectors that are made of numbers; None where one of them is not."""
    steps = {s.name: s for s in lowering.build.instructions}
    known = {name: Value(name, (), s.shape, s.dtype) for name, s in steps.items()}
    rows: list[list[Value]] = []
    for value in values:
        step = steps.get(value.name)
        if not value.axes and len(sizes) == 1 and sizes[0].is_Integer:
            rows.append([value] * int(sizes[0]))
        elif step is not None and step.op == "array" and len(step.shape) == 1:
            rows.append([known[name] for name in step.args])
        else:
            return None
    return rows
