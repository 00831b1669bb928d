r"""Gauss–Newton: curvature of the loss in the outputs, carried to the parameters by the outputs' Jacobian alone.

For a loss :math:`C = \ell(z(w))` the generalized Gauss–Newton matrix is

.. math:: G = J^\top H_z J, \qquad J = \partial z / \partial w, \quad H_z = \partial^2 \ell / \partial z^2,

the Hessian without the term in which the curvature of z itself stands. It is positive semidefinite where the loss is
convex in z, and the Fisher matrix where the loss is the negative logarithm of an exponential family's density in its
natural parameters z.

>>> import numpy as np
>>> from gradproof.symbolic.arrays.array import array
>>> X, w, y, v = array("X", ("m", "n")), array("w", ("n",)), array("y", ("m",)), array("v", ("n",))
>>> z = np.tanh(X @ w).named("z")
>>> gnvp(np.sum((z - y) ** 2) / 2, z, w, v).shape == w.shape
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradproof.errors import UsageError

from ..arrays.array import Array, array, as_array
from ..equations.definition import Definition, define
from .differentiate import gradients, jacobian, pulled, scalar_of, tangents_of, targets_of
from .tangent import forward


def gnvp(loss: Any, outputs: Any, wrt: Any, v: Any) -> Any:
    """The Gauss–Newton product G v, with no matrix: J v forwards, the loss's curvature, Jᵀ of that backwards.

    ``outputs`` is the array, or the list of arrays, between the parameters and the loss: intermediates of ``loss``,
    best by a name (``z.named("z")``). ``v`` has the shape of ``wrt``, or is a list as ``wrt`` is. A loss that depends
    on ``wrt`` in another way than through ``outputs``, as by a penalty, has no such matrix: a UsageError says by which.
    """
    scalar = scalar_of(as_array(loss), "gnvp")
    between, targets = targets_of(outputs), targets_of(wrt)
    _cut(scalar, between, targets)
    tangents = tangents_of(targets, v, "gnvp")
    moved = dict(zip((z.definition for z in between), forward(between, tangents), strict=True))
    curved = forward(gradients(scalar, between), moved)
    seeds = [(z.definition, u.element(*z.definition.indices)) for z, u in zip(between, curved, strict=True)]
    results = pulled(seeds, targets)
    return results if isinstance(wrt, (list, tuple)) else results[0]


def ggn(loss: Any, outputs: Any, wrt: Any) -> Any:
    """The generalized Gauss–Newton matrix Jᵀ H J, of shape ``wrt.shape + wrt.shape``; for a list, the nested blocks.

    It is the Jacobian of the product :func:`gnvp` by its vector, and stays compressed as a Hessian does.
    """
    targets = targets_of(wrt)
    directions = [array(f"v_{t.name}", t.definition.shape) for t in targets]
    products = gnvp(loss, outputs, targets, directions)
    rows = [
        [_called(entry, over, by) for entry, by in zip(jacobian(product, directions), targets, strict=True)]
        for product, over in zip(products, targets, strict=True)
    ]
    return rows if isinstance(wrt, (list, tuple)) else rows[0][0]


def _called(block: Array, over: Array, by: Array) -> Array:
    name = f"G_{over.name}" if over is by else f"G_{over.name}_{by.name}"
    made = block.definition
    return Array(define(name, made.shape, made.rhs, derivative_of=by.definition))


def _cut(loss: Array, between: Sequence[Array], targets: Sequence[Array]) -> None:
    """Refuse a loss that reaches a target past the outputs, an output that is made of another, and one in no use."""
    passed: dict[Definition, None] = {}
    pending = [loss.definition]
    stops = {z.definition for z in between}
    met: set[Definition] = set()
    while pending:
        definition = pending.pop()
        if definition in passed:
            continue
        passed[definition] = None
        if definition in stops:
            met.add(definition)
            continue
        pending.extend(used for member in definition.group or [definition] for used in member.uses)
    for z in between:
        if z.definition not in met:
            raise UsageError(
                f"the loss does not depend on {z.name} as it is given; name the intermediate, z = (X @ w).named('z'), "
                "and make the loss of that"
            )
        if any(z.definition in _below(other.definition) for other in between if other is not z):
            raise UsageError(f"{z.name} goes into another one of {_names(between)}; outputs stand side by side")
    for target in targets:
        if target.definition in passed and target.definition not in stops:
            raise UsageError(
                f"the loss depends on {target.name} in another way than through {_names(between)}: a Gauss-Newton "
                "matrix takes in what stands between them alone; leave a penalty out, and add its own Hessian"
            )


def _below(definition: Definition) -> set[Definition]:
    found: set[Definition] = set()
    pending = list(definition.uses)
    while pending:
        used = pending.pop()
        if used not in found:
            found.add(used)
            pending.extend(used.uses)
    return found


def _names(arrays: Sequence[Array]) -> str:
    return ", ".join(a.name for a in arrays)
