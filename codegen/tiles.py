"""Arrays that are joined along an index, as the concatenation of their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from gradproof.symbolic.equations.dims import fresh_index, same_dim
from gradproof.symbolic.equations.tiles import Tiles

from .builder import Value

if TYPE_CHECKING:
    from .lower import Lowering


def join(lowering: Lowering, found: Tiles) -> Value:
    """The concatenation of the parts."""
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
