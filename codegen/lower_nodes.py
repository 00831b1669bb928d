"""Functions of matrices and products over an index, as instructions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.matrix_functions import ROWS

from .builder import Value
from .gather import read
from .numbers import is_negative

if TYPE_CHECKING:
    from .lower import Lowering


def shared_functions(expressions: Iterable[Any]) -> dict[Any, tuple[Any, Any]]:
    """silu z = z σ(z) and gelu z = z Φ(z) where σ(z) or Φ(z) is computed anyway, as for their derivatives."""
    every = set[Any]().union(*(e.atoms(fn.silu, fn.gelu, fn.sigmoid, sp.erf) for e in expressions))
    made: dict[Any, tuple[Any, Any]] = {}
    for e in every:
        (z,) = e.args
        if isinstance(e, fn.silu) and fn.sigmoid(z) in every:
            made[e] = z, fn.sigmoid(z)
        elif isinstance(e, fn.gelu) and sp.erf(z / sp.sqrt(2)) in every:
            made[e] = z / 2, 1 + sp.erf(z / sp.sqrt(2))
    return made


def lower_softplus(lowering: Lowering, z: Any) -> Value:
    """max(z, 0) + log(1 + e^{−|z|}), which does not overflow; softplus(−z) beside it has the same logarithm."""
    turned = is_negative(z)
    value = lowering.as_float(lowering.lower(-z if turned else z))
    head = f"np.maximum({'-' if turned else ''}{{0}}, 0)"
    parts = [
        lowering.build.elementwise("function", [value], lowering.order, template)
        for template in (head, "np.log1p(np.exp(-np.abs({0})))")
    ]
    return lowering.build.elementwise("add", parts, lowering.order)


def lower_matrix_function(lowering: Lowering, e: Any, ends: list[Any]) -> Value:
    """A function of the matrix (and of its directions) over the last two axes, then the entry that is asked for."""
    build = lowering.build
    values = [lowering.as_float(lowering.lower(body)) for body in e.bodies]
    batch = [a for a in lowering.order if a not in ends and any(a in value.symbols for value in values)]
    full = [_matrices(lowering, value, [*batch, *ends], e.size) for value in values]
    row = ROWS[e.name]
    axes = [*batch, *(sp.Dummy(f"a{p}") for p in range(row.rank))]
    text = row.numpy.format(", ".join(f"{{{k}}}" for k in range(len(full))))
    whole = build.emit("linalg", full, axes, text, row.rank)
    place = [*batch, *e.index]
    return read(build, whole, whole.shape, place, lowering.ranges, lowering.integers, lowering.order)


def _matrices(lowering: Lowering, value: Value, order: list[Any], size: Any) -> Value:
    """Square matrices over the last two axes, which are whole, behind axes that may broadcast."""
    build = lowering.build
    if set(order[-2:]) <= value.symbols:
        return build.align(value, order)
    full = build.align(value, order, exactly=True) if value.axes else value
    return build.emit("broadcast", [full], order[-max(2, len(full.shape)) :], *full.shape[:-2], size, size)


def lower_product(lowering: Lowering, e: Any, k: Any) -> Value:
    """Π over an index: a place that it leaves out is the axis of the products of all others, further ones are 1."""
    build, ranges = lowering.build, lowering.ranges
    along = (s for s in e.excluded if s in ranges and ranges[s] == ranges[k] and not e.args[0].has(s))
    axis = next(along, None)
    ones = [sp.Eq(k, s) for s in e.excluded if s is not axis]
    body = sp.Piecewise((sp.S.One, sp.Or(*ones)), (e.args[0], True), evaluate=False) if ones else e.args[0]
    value = lowering.as_float(lowering.lower(body))
    others = [a for a in value.axes if a is not None and a is not k]
    if axis is None and None not in value.axes and k in value.symbols:
        return build.emit("prod", [value], others, (value.axes.index(k),), False)
    full = build.align(value, [*others, k], exactly=True)
    if k not in value.symbols:
        full = build.emit("broadcast", [full], [*others, k], *full.shape[:-1], ranges[k][1] + 1)
    if axis is None:
        return build.emit("prod", [full], others, (len(others),), False)
    return build.emit("others", [full], [*others, axis])
