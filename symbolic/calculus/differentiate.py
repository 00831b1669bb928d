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

from typing import Any

import sympy as sp

from gradproof.errors import ShapeError, UsageError

from ..arrays.array import Array, as_array
from ..equations.contraction import delta
from ..equations.definition import Definition, define
from ..equations.dims import fits, free_index, show_shape
from .adjoint import backward
from .tangent import forward


def grad(y: Any, wrt: Any) -> Any:
    """The gradient of the scalar ``y``; ``wrt`` is an array, or a list of arrays (then a list comes back)."""
    scalar = _scalar(as_array(y), "grad")
    return _pull(scalar, wrt, sp.S.One)


def vjp(y: Any, wrt: Any, v: Any) -> Any:
    """The vector-Jacobian product Σ_P v[P] ∂y[P]/∂wrt: ``v`` has the shape of ``y``, the result that of ``wrt``."""
    output, cotangent = as_array(y), as_array(v)
    _same_shape(output, cotangent, "vjp: the output and v")
    return _pull(output, wrt, cotangent.element(*output.definition.indices))


def jvp(y: Any, wrt: Any, v: Any) -> Array:
    """The Jacobian-vector product Σ_Q ∂y/∂wrt[Q] v[Q]: ``v`` (or a list of them) has the shape of ``wrt``."""
    targets = _targets(wrt)
    vectors = [as_array(u) for u in (v if isinstance(v, (list, tuple)) else [v])]
    if len(vectors) != len(targets):
        raise UsageError(f"jvp: {len(targets)} arrays in wrt but {len(vectors)} tangents; give one for each")
    for target, vector in zip(targets, vectors, strict=True):
        _same_shape(target, vector, f"jvp: {target.name} and its tangent")
    tangents = {t.definition: u for t, u in zip(targets, vectors, strict=True)}
    return forward(as_array(y), tangents)


def jacobian(y: Any, wrt: Any) -> Any:
    """∂y[P]/∂wrt[Q], of shape ``y.shape + wrt.shape``; diagonal and identity blocks stay deltas, never made dense."""
    output = as_array(y)
    rank = output.ndim
    extra = output.definition.ranges
    own = [free_index(rank + a) for a in range(rank)]
    ranges = {i: (a, b) for i, a, b in extra} | {p: (a, b) for p, (_, a, b) in zip(own, extra, strict=True)}
    seed = sp.Mul(*(delta(p, i, ranges) for p, i in zip(own, output.definition.indices, strict=True)))
    return _pull(output, wrt, seed, extra)


def hessian(y: Any, wrt: Any) -> Any:
    """∂²y/∂wrt[P]∂wrt[Q], of shape ``wrt.shape + wrt.shape``; for a list of arrays, the nested list of blocks."""
    scalar = _scalar(as_array(y), "hessian")
    targets = _targets(wrt)
    rows = [jacobian(g, targets) for g in grad(scalar, targets)]
    return rows if isinstance(wrt, (list, tuple)) else rows[0][0]


def hvp(y: Any, wrt: Any, v: Any) -> Any:
    """The Hessian-vector product: the directional derivative of the gradient along ``v``, without the Hessian."""
    scalar = _scalar(as_array(y), "hvp")
    targets = _targets(wrt)
    results = [jvp(g, targets, v) for g in grad(scalar, targets)]
    return results if isinstance(wrt, (list, tuple)) else results[0]


def _pull(output: Array, wrt: Any, seed: Any, extra: tuple[Any, ...] = ()) -> Any:
    targets = _targets(wrt)
    found = backward([(output.definition, seed)], [t.definition for t in targets], extra)
    results = [_result(found.of.get(t.definition), t.definition, extra) for t in targets]
    return results if isinstance(wrt, (list, tuple)) else results[0]


def _result(cotangent: Any, target: Definition, extra: tuple[Any, ...]) -> Array:
    shape = tuple(b - a + 1 for _, a, b in extra) + target.shape
    if cotangent is None:
        return Array(define(f"d_{target.name}", shape, sp.S.Zero, derivative_of=target))
    if cotangent.definition is not None:
        return Array(cotangent.definition)
    expression = symmetrised(cotangent.expression, target, cotangent.indices)
    return Array(define(f"d_{target.name}", shape, expression, derivative_of=target))


def symmetrised(expression: Any, target: Definition, indices: Any) -> Any:
    """Derivatives by a symmetric array treat its entries as independent (the usual convention of autodiff)."""
    return expression


def _targets(wrt: Any) -> list[Array]:
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


def _scalar(y: Array, what: str) -> Array:
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
