r"""Implicit differentiation: gradients through the solution of equations, without the iterations that found it.

Where :math:`F(z, \theta) = 0` and :math:`\partial F / \partial z` is regular,

.. math:: \frac{\partial z}{\partial \theta} = -\Big(\frac{\partial F}{\partial z}\Big)^{-1}
   \frac{\partial F}{\partial \theta}, \qquad
   \frac{dC}{d\theta} = \frac{\partial C}{\partial \theta}
   + \Big(\frac{\partial F}{\partial \theta}\Big)^{\!\top} \lambda, \quad
   \Big(\frac{\partial F}{\partial z}\Big)^{\!\top} \lambda = -\frac{\partial C}{\partial z}.

A fixed point :math:`z = f(z, \theta)` has the residual :math:`F = z - f`; a minimum of g has :math:`F = \nabla_z g`.

Unknowns have any shape; the Jacobian acts on all entries of them (:mod:`.linearised`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradproof.errors import ShapeError, UsageError

from ..arrays.array import Array, as_array
from ..equations.definition import define, ordered
from ..equations.dims import fits, show_shape
from ..equations.putting import put
from .differentiate import grad, jacobian, pulled
from .linearised import inverse_of


def implicit(residual: Any, z: Any, wrt: Any, of: Any = None, solution: Any = None) -> Any:
    """The gradient of ``of`` by ``wrt`` where ``z`` solves ``residual = 0``; without ``of``, the Jacobian ∂z/∂wrt.

    ``z`` is an input of any shape, on which ``residual`` (of the same shape) and the scalar ``of`` depend; for several
    unknowns both are lists, and so is the result without ``of``. It is in terms of ``z``, the solution, however it is
    found. Where it is known in closed form, ``solution`` is put in for ``z`` after it was proved to solve the
    equations. ``wrt`` is an array or a list of them. The derivative of the residual by ``z`` has to be regular: at a
    singular one there is no gradient.

    >>> import numpy as np
    >>> from gradproof.symbolic.prove import equal
    >>> from gradproof.symbolic.arrays.array import array
    >>> z, a = array("z"), array("a", positive=True)
    >>> root = implicit(z**2 - a, z, a)  # z is a square root of a
    >>> equal(root, 1 / (2 * z)).name
    'proved'
    >>> A, X, Q = (array(name, ("n", "n")) for name in "AXQ")
    >>> implicit(A @ X + X @ A.T - Q, X, A, of=np.trace(X)).shape  # X solves the Lyapunov equation
    (n, n)
    """
    several = isinstance(z, (list, tuple))
    if several != isinstance(residual, (list, tuple)):
        raise UsageError("implicit: give one residual and one unknown, or a list of each")
    equations = [as_array(r) for r in residual] if several else [as_array(residual)]
    unknowns = list(z) if several else [z]
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    _check(equations, unknowns, targets)
    results = _jacobians(equations, unknowns, targets) if of is None else _gradients(
        equations, unknowns, targets, as_array(of)
    )  # fmt: skip
    if solution is not None:
        found = list(solution) if several and isinstance(solution, (list, tuple)) else [solution]
        results = _at(results, equations, unknowns, [as_array(s) for s in found])
    shaped = [row if isinstance(wrt, (list, tuple)) else row[0] for row in results]
    return shaped if several and of is None else shaped[0]


def _check(equations: Sequence[Array], unknowns: Sequence[Any], targets: Sequence[Any]) -> None:
    if not unknowns or len(equations) != len(unknowns):
        raise UsageError(f"implicit: {len(equations)} residuals for {len(unknowns)} unknowns; give one for each")
    if not all(isinstance(z, Array) and z.definition.is_input for z in unknowns):
        raise UsageError("implicit: z is the unknown, an input made by gp.array; give its closed form as solution=")
    for equation, z in zip(equations, unknowns, strict=True):
        if not _same_shape(equation, z):
            raise ShapeError(
                f"implicit: as many equations as unknowns: the residual has the shape "
                f"{show_shape(equation.definition.shape)}, {z.name} has {show_shape(z.definition.shape)}"
            )
    below = set(ordered([equation.definition for equation in equations]))
    for z in unknowns:
        if z.definition not in below:
            raise UsageError(f"implicit: the residual does not depend on {z.name}")
        if any(isinstance(t, Array) and t.definition is z.definition for t in targets):
            raise UsageError(f"implicit: {z.name} is the unknown, it cannot be in wrt too")
        for target in targets:
            if isinstance(target, Array) and z.definition in ordered([target.definition]):
                raise UsageError(
                    f"implicit: {target.name} depends on the unknown {z.name}; wrt is what the unknown depends on"
                )


def _same_shape(one: Array, other: Array) -> bool:
    shapes = one.definition.shape, other.definition.shape
    return len(shapes[0]) == len(shapes[1]) and all(map(fits, *shapes))


def _jacobians(equations: Sequence[Array], unknowns: Sequence[Array], targets: Sequence[Array]) -> list[list[Array]]:
    """∂z/∂θ, a row for each unknown."""
    inverse = inverse_of(equations, unknowns)
    columns = [
        [_named(-part, target) for part in inverse.times([jacobian(equation, target) for equation in equations])]
        for target in targets
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _gradients(
    equations: Sequence[Array], unknowns: Sequence[Array], targets: Sequence[Array], cost: Array
) -> list[list[Array]]:
    """dC/dθ by the adjoint system, in one row."""
    direct, by_z = grad(cost, list(targets)), grad(cost, list(unknowns))
    found = inverse_of(equations, unknowns).times([-g for g in by_z], transposed=True)
    names = ["adjoint"] if len(found) == 1 else [f"adjoint_{z.name}" for z in unknowns]
    adjoints = [part.named(name) for part, name in zip(found, names, strict=True)]
    seeds = [(e.definition, a.element(*e.definition.indices)) for e, a in zip(equations, adjoints, strict=True)]
    through = pulled(seeds, targets)
    pairs = zip(direct, through, targets, strict=True)
    return [[t if d.definition.rhs == 0 else _named(d + t, target) for d, t, target in pairs]]


def _named(value: Any, target: Array) -> Array:
    made = as_array(value).definition
    return Array(define(f"d_{target.name}", made.shape, made.rhs, derivative_of=target.definition))


def _at(
    results: Sequence[Sequence[Array]], equations: Sequence[Array], unknowns: Sequence[Array],
    solutions: Sequence[Array],
) -> list[list[Array]]:  # fmt: skip
    from ..prove import equal

    if len(solutions) != len(unknowns):
        raise UsageError(f"implicit: {len(solutions)} solutions for {len(unknowns)} unknowns; give one for each")
    for solution, z in zip(solutions, unknowns, strict=True):
        if not _same_shape(solution, z):
            raise ShapeError(
                f"implicit: the solution has the shape {show_shape(solution.definition.shape)}, "
                f"not {show_shape(z.definition.shape)}"
            )
    instead = {z.definition: solution.definition for z, solution in zip(unknowns, solutions, strict=True)}
    for equation, z in zip(equations, unknowns, strict=True):
        verdict = equal(Array(put(equation.definition, instead)), 0 * z)
        if not verdict:
            raise UsageError(f"implicit: the given solution is not shown to solve the equations ({verdict})")
    return [[Array(put(result.definition, instead)) for result in row] for row in results]
