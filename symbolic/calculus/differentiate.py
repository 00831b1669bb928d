"""Derivatives of symbolic arrays: grad, jacobian, hessian, vjp, jvp, hvp.

Layout follows NumPy and JAX: a gradient has the shape of ``wrt``; a Jacobian has ``y.shape + wrt.shape``. Every result
is a symbolic array of index equations: it can be differentiated, printed, evaluated and compiled again.

>>> import numpy as np
>>> from gradproof.symbolic.arrays.array import array
>>> from gradproof.symbolic.equations.dims import dims
>>> n, m = dims("n m")
>>> X, w = array("X", (m, n)), array("w", (n,))
>>> grad(np.sum(np.tanh(X @ w)), w).shape == w.shape
True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from ..arrays.array import Array, as_array
from ..equations.contraction import delta
from ..equations.definition import Definition, System, define, ordered
from ..equations.dims import fits, free_index, show_shape
from ..equations.quotients import cancel_quotients
from ..equations.seen_through import unreferenced
from ..equations.shifts import has_shifts
from ..equations.tidy import tidy
from .adjoint import backward
from .tangent import forward


def grad(y: Any, wrt: Any) -> Any:
    """The gradient of the scalar ``y``; ``wrt`` is an array, or a list of arrays (then a list comes back)."""
    scalar = scalar_of(as_array(y), "grad")
    return _pull(scalar, wrt, sp.S.One)


def vjp(y: Any, wrt: Any, v: Any) -> Any:
    """The vector-Jacobian product Σ_P v[P] ∂y[P]/∂wrt: ``v`` has the shape of ``y``, the result that of ``wrt``."""
    output, cotangent = as_array(y), as_array(v)
    _same_shape(output, cotangent, "vjp: the output and v")
    return _pull(output, wrt, cotangent.element(*output.definition.indices))


def jvp(y: Any, wrt: Any, v: Any) -> Array:
    """The Jacobian-vector product Σ_Q ∂y/∂wrt[Q] v[Q]: ``v`` (or a list of them) has the shape of ``wrt``."""
    output, targets = as_array(y), targets_of(wrt)
    _refuse_seen_through(targets, [output.definition])
    (tangent,) = forward([output], tangents_of(targets, v, "jvp"))
    return tangent


def jacobian(y: Any, wrt: Any) -> Any:
    """∂y[P]/∂wrt[Q], of shape ``y.shape + wrt.shape``; diagonal and identity blocks stay deltas, never made dense."""
    return _rows(as_array(y), wrt, {})


def hessian(y: Any, wrt: Any) -> Any:
    """∂²y/∂wrt[P]∂wrt[Q], of shape ``wrt.shape + wrt.shape``; for a list of arrays, the nested list of blocks.

    The blocks below the diagonal are those above it with their axes exchanged.
    """
    scalar = scalar_of(as_array(y), "hessian")
    targets = targets_of(wrt)
    single = not isinstance(wrt, (list, tuple))
    rows: list[list[Any]] = []
    for row, gradient in enumerate(gradients(scalar, targets)):
        over = targets[row]
        names = {t.definition: f"H_{t.name}" if t is over else f"H_{over.name}_{t.name}" for t in targets[row:]}
        mirrored = [_exchanged(rows[r][row], over, targets[r]) for r in range(row)]
        rows.append([*mirrored, *_rows(gradient, targets[row:], names)])
    return rows[0][0] if single else rows


def hvp(y: Any, wrt: Any, v: Any) -> Any:
    """The Hessian-vector product: the directional derivative of the gradient along ``v``, without the Hessian.

    One tangent of each equation of the gradient: the cost is that of a few gradients, whatever the depth.
    """
    scalar = scalar_of(as_array(y), "hvp")
    targets = targets_of(wrt)
    tangents = tangents_of(targets, v, "hvp")
    results = forward(gradients(scalar, targets), tangents)
    return results if isinstance(wrt, (list, tuple)) else results[0]


def gradients(scalar: Array, targets: Sequence[Array]) -> list[Array]:
    """The gradient as it is differentiated once more: quotients that cancel across its equations are cancelled first.

    Where a target is an intermediate its equation has to stay what it is, and nothing is cancelled.
    """
    found: list[Array] = pulled([(scalar.definition, sp.S.One)], targets)
    if not all(t.definition.is_input for t in targets):
        return found
    fused = tidy([g.definition for g in found], by=[t.definition for t in targets])
    system = cancel_quotients(System.of(*fused))
    return [Array(d) for d in system.outputs]


def _rows(output: Array, wrt: Any, names: Mapping[Definition, str]) -> Any:
    """The Jacobian: a cotangent with the indices of the output as extra ones."""
    rank = output.ndim
    extra = output.definition.ranges
    own = [free_index(rank + a) for a in range(rank)]
    ranges = {i: (a, b) for i, a, b in extra} | {p: (a, b) for p, (_, a, b) in zip(own, extra, strict=True)}
    seed = sp.Mul(*(delta(p, i, ranges) for p, i in zip(own, output.definition.indices, strict=True)))
    return _pull(output, wrt, seed, extra, names)


def _exchanged(block: Array, over: Array, by: Array) -> Array:
    """∂²y/∂over∂by from ∂²y/∂by∂over."""
    lower = [free_index(over.ndim + a) for a in range(by.ndim)]
    upper = [free_index(a) for a in range(over.ndim)]
    value = block.definition.expanded_at(*lower, *upper)
    shape = (*over.definition.shape, *by.definition.shape)
    return Array(define(f"H_{over.name}_{by.name}", shape, value, derivative_of=by.definition))


def _pull(
    output: Array, wrt: Any, seed: Any, extra: tuple[Any, ...] = (), names: Mapping[Definition, str] | None = None
) -> Any:
    results = pulled([(output.definition, seed)], targets_of(wrt), extra, names or {})
    return results if isinstance(wrt, (list, tuple)) else results[0]


def pulled(
    outputs: Sequence[tuple[Definition, Any]],
    targets: Sequence[Array],
    extra: tuple[Any, ...] = (),
    names: Mapping[Definition, str] | None = None,
) -> list[Array]:
    """The cotangent of each target, given outputs with theirs; ``extra`` and ``names`` as in :func:`.backward`."""
    _refuse_seen_through(targets, [d for d, _ in outputs])
    outputs = _unshifted(outputs, targets)
    called = dict(names or {})
    found = backward(outputs, [t.definition for t in targets], extra, called)
    return [
        _result(found.of.get(t.definition), t.definition, extra, called.get(t.definition, f"d_{t.name}"))
        for t in targets
    ]


def _unshifted(outputs: Sequence[tuple[Definition, Any]], targets: Sequence[Array]) -> list[tuple[Definition, Any]]:
    """Outputs without the maxima that softmaxes subtract, as far as these cancel: they need no derivatives."""
    if not (all(t.definition.is_input for t in targets) and has_shifts(ordered([d for d, _ in outputs]))):
        return list(outputs)
    fused = tidy([d for d, _ in outputs], by=[t.definition for t in targets])
    return [(d, seed) for d, (_, seed) in zip(fused, outputs, strict=True)]


def _refuse_seen_through(targets: Sequence[Array], outputs: Sequence[Definition]) -> None:
    """UnsupportedError for a target that an output may depend on without a reference to it."""
    for target in targets:
        reason = unreferenced(target.definition, outputs)
        if reason is not None:
            raise UnsupportedError(f"no derivative by {target.name}: {reason}; take the derivative by an input")


def _result(cotangent: Any, target: Definition, extra: tuple[Any, ...], name: str) -> Array:
    shape = tuple(b - a + 1 for _, a, b in extra) + target.shape
    if cotangent is None:
        return Array(define(name, shape, sp.S.Zero, derivative_of=target))
    if cotangent.definition is not None:
        return Array(cotangent.definition)
    expression = symmetrised(cotangent.expression, target, cotangent.indices)
    return Array(define(name, shape, expression, derivative_of=target))


def symmetrised(expression: Any, target: Definition, indices: Any) -> Any:
    """Derivatives by a symmetric array treat its entries as independent (the usual convention of autodiff)."""
    return expression


def tangents_of(targets: Sequence[Array], v: Any, what: str) -> dict[Definition, Array]:
    """The direction of each target: ``v`` is an array of its shape, or a list of them."""
    vectors = [as_array(u) for u in (v if isinstance(v, (list, tuple)) else [v])]
    if len(vectors) != len(targets):
        raise UsageError(f"{what}: {len(targets)} arrays in wrt but {len(vectors)} tangents; give one for each")
    for target, vector in zip(targets, vectors, strict=True):
        _same_shape(target, vector, f"{what}: {target.name} and its tangent")
    return {t.definition: u for t, u in zip(targets, vectors, strict=True)}


def targets_of(wrt: Any) -> list[Array]:
    """What to differentiate by, as a list; a UsageError for what has no derivatives."""
    many = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    if not many:
        raise UsageError("wrt is empty; name at least one array")
    for target in many:
        if not isinstance(target, Array):
            raise UsageError(f"wrt must be symbolic arrays, not {type(target).__name__}")
        words = target.definition.assumptions
        if words & {"integer", "boolean"}:
            raise UsageError(f"{target.name} holds integers or a mask; derivatives by it do not exist")
    return many


def scalar_of(y: Array, what: str) -> Array:
    """The scalar that ``y`` is, also where its axes are of size 1; a ShapeError for anything else."""
    if y.definition.shape and any(n != 1 for n in y.definition.shape):
        raise ShapeError(
            f"{what} needs a scalar, but the output has shape {show_shape(y.definition.shape)}; "
            "use np.sum, vjp or jacobian"
        )
    return y[(0,) * y.ndim] if y.definition.shape else y


def _same_shape(a: Array, b: Array, what: str) -> None:
    left, right = a.definition.shape, b.definition.shape
    if len(left) != len(right) or any(not fits(p, q) for p, q in zip(left, right, strict=True)):
        raise ShapeError(f"{what} must have one shape, but have {show_shape(left)} and {show_shape(right)}")
