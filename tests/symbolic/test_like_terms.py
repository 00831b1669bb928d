"""Terms are one where they are equal for all sizes, and stay two where they are not."""

from __future__ import annotations

import numpy as np
import sympy as sp

import gradproof as gp
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import define
from gradproof.symbolic.equations.dims import free_index
from gradproof.symbolic.equations.like_terms import are_equal, with_like_terms_added

m, n = gp.dims("m n")
A = gp.array("A", (m, n))
i, j = free_index(0), free_index(1)
one, other = (sp.Symbol(name, integer=True, nonnegative=True) for name in ("one", "other"))
turned = A.definition.at(m - i - 1, j)


def test_sums_over_unlike_ranges_of_what_does_not_depend_on_them_are_unlike() -> None:
    over_rows, over_columns = sp.Sum(turned, (one, 0, m - 1)), sp.Sum(turned, (other, 0, n - 1))
    assert not are_equal(over_rows, over_columns)
    assert are_equal(over_rows, sp.Sum(turned, (other, 0, m - 1)))
    assert with_like_terms_added(over_rows + over_columns) == over_rows + over_columns


def test_their_code_computes_both() -> None:
    total = sp.Sum(turned, (one, 0, m - 1)) + sp.Sum(turned, (other, 0, n - 1))
    given = np.random.default_rng(0).normal(size=(3, 4))
    found = gp.compile(Array(define("v", (m, n), total)))(A=given)
    np.testing.assert_allclose(found, (3 + 4) * given[::-1], rtol=1e-12)
