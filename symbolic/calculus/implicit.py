r"""Implicit differentiation: gradients through the solution of equations, without the iterations that found it.

Where :math:`F(z, \theta) = 0` and :math:`\partial F / \partial z` is regular,

.. math:: \frac{\partial z}{\partial \theta} = -\Big(\frac{\partial F}{\partial z}\Big)^{-1}
   \frac{\partial F}{\partial \theta}, \qquad
   \frac{dC}{d\theta} = \frac{\partial C}{\partial \theta}
   + \Big(\frac{\partial F}{\partial \theta}\Big)^{\!\top} \lambda, \quad
   \Big(\frac{\partial F}{\partial z}\Big)^{\!\top} \lambda = -\frac{\partial C}{\partial z}.

A fixed point :math:`z = f(z, \theta)` has the residual :math:`F = z - f`; a minimum of g has :math:`F = \nabla_z g`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from ..arrays.array import Array, as_array
from ..arrays.linear_algebra import solve
from ..arrays.products import tensordot
from ..equations.definition import define, ordered
from ..equations.dims import fits, show_shape
from ..equations.putting import put
from .differentiate import grad, jacobian, vjp


def implicit(residual: Any, z: Array, wrt: Any, of: Any = None, solution: Any = None) -> Any:
    """The gradient of ``of`` by ``wrt`` where ``z`` solves ``residual = 0``; without ``of``, the Jacobian ∂z/∂wrt.

    ``z`` is an input of one axis or a scalar, on which ``residual`` (of the same shape) and the scalar ``of`` depend.
    The result is in terms of ``z``, the solution, however it is found. Where it is known in closed form,
    ``solution`` is put in for ``z`` after it was proved to solve the equations. ``wrt`` is an array or a list of them.
    The derivative of the residual by ``z`` has to be regular: at a singular one there is no gradient.

    >>> from gradproof.symbolic.prove import equal
    >>> from gradproof.symbolic.arrays.array import array
    >>> z, a = array("z"), array("a", positive=True)
    >>> root = implicit(z**2 - a, z, a)  # z is a square root of a
    >>> equal(root, 1 / (2 * z)).name
    'proved'
    """
    equations = as_array(residual)
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    _check(equations, z, targets)
    if of is None:
        results = [_jacobian(equations, z, target) for target in targets]
    else:
        cost = as_array(of)
        direct = grad(cost, targets)
        through = vjp(equations, targets, _adjoint(equations, z, -grad(cost, z)))
        results = [
            t if d.definition.rhs == 0 else _named(d + t, target)
            for d, t, target in zip(direct, through, targets, strict=True)
        ]
    if solution is not None:
        results = _at(results, equations, z, as_array(solution))
    return results if isinstance(wrt, (list, tuple)) else results[0]


def _check(equations: Array, z: Array, targets: list[Any]) -> None:
    if not isinstance(z, Array) or not z.definition.is_input:
        raise UsageError("implicit: z is the unknown, an input made by gp.array; give its closed form as solution=")
    shapes = equations.definition.shape, z.definition.shape
    if len(shapes[0]) != len(shapes[1]) or not all(map(fits, *shapes)):
        raise ShapeError(
            f"implicit: as many equations as unknowns: the residual has the shape {show_shape(shapes[0])}, "
            f"{z.name} has {show_shape(shapes[1])}"
        )
    if z.ndim > 1:
        raise UnsupportedError(
            f"implicit: {z.name} has {z.ndim} axes; only systems of a vector of unknowns are solved yet"
        )
    if z.definition not in ordered([equations.definition]):
        raise UsageError(f"implicit: the residual does not depend on {z.name}")
    if any(isinstance(t, Array) and t.definition is z.definition for t in targets):
        raise UsageError(f"implicit: {z.name} is the unknown, it cannot be in wrt too")
    for target in targets:
        if isinstance(target, Array) and z.definition in ordered([target.definition]):
            raise UsageError(
                f"implicit: {target.name} depends on the unknown {z.name}; wrt is what the unknown depends on"
            )


def _jacobian(equations: Array, z: Array, target: Array) -> Array:
    by_z, by_target = jacobian(equations, z), jacobian(equations, target)
    if z.ndim == 0:
        return _named(-by_target / by_z, target)
    inverse = np.linalg.inv(by_z)
    return _named(-as_array(tensordot(inverse, by_target, 1)), target)


def _adjoint(equations: Array, z: Array, cotangent: Array) -> Array:
    """λ with (∂F/∂z)ᵀ λ = the given cotangent of z."""
    by_z = jacobian(equations, z)
    found = cotangent / by_z if z.ndim == 0 else solve(by_z.T, cotangent)
    return as_array(found).named("adjoint")


def _named(value: Any, target: Array) -> Array:
    made = as_array(value).definition
    return Array(define(f"d_{target.name}", made.shape, made.rhs, derivative_of=target.definition))


def _at(results: list[Array], equations: Array, z: Array, solution: Array) -> list[Array]:
    from ..prove import equal

    shapes = solution.definition.shape, z.definition.shape
    if len(shapes[0]) != len(shapes[1]) or not all(map(fits, *shapes)):
        raise ShapeError(f"implicit: the solution has the shape {show_shape(shapes[0])}, not {show_shape(shapes[1])}")
    instead = {z.definition: solution.definition}
    left = Array(put(equations.definition, instead))
    verdict = equal(left, 0 * z)
    if not verdict:
        raise UsageError(f"implicit: the given solution is not shown to solve the equations ({verdict})")
    return [Array(put(result.definition, instead)) for result in results]
