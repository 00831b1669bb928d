r"""The trace of a matrix exponential: :math:`\sum_i \partial (e^A)_{ii} / \partial A_{rc} = (e^A)_{cr}`."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.definition import owner
from ..equations.matrix_definitions import matrix_definition
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import Iverson


def traced_exponential(product: Any) -> Any:
    """δ(i, j) ∂(e^A)[i, j]/∂A[r, c] as [i = 0] δ(i, j) (e^A)[c, r] in a product that is summed over i and j."""
    factors = sp.Mul.make_args(product)
    for factor in factors:
        definition = owner(factor)
        rhs = None if definition is None else definition.rhs
        if not isinstance(rhs, MatrixFunction) or rhs.name != "slopes" or definition is None:
            continue
        *batch, i, r, c, j = factor.indices
        pair = next((f for f in factors if isinstance(f, KroneckerDelta) and set(f.args[:2]) == {i, j}), None)
        rest = sp.Mul(*(f for f in factors if f not in (factor, pair)))
        if pair is not None and not rest.has(i, j):
            whole = matrix_definition("expm", rhs.other("expm", r, c), definition.shape[: len(batch)])
            return rest * pair * Iverson(sp.Eq(i, 0)) * whole.at(*batch, c, r)
    return product
