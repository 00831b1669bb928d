"""Symbolic work has an end: what grows with the terms of one equation is counted, too, not the equations alone."""

from __future__ import annotations

import pytest
import sympy as sp

from gradproof.symbolic.equations.contraction import contract
from gradproof.symbolic.equations.effort import Exhausted, limited
from gradproof.symbolic.equations.tidying import tidy_scalar

TERMS = 100
k, n = sp.Symbol("k", integer=True), sp.Symbol("n", integer=True, positive=True)
x = sp.IndexedBase("x")
SCATTERED = sp.Add(*(sp.KroneckerDelta(k, place) * x[k, place] for place in range(TERMS)))
ENTRIES = sp.Add(*(x[k, place] for place in range(TERMS)))


@pytest.mark.parametrize(
    "work", [lambda: contract(SCATTERED, [(k, sp.S.Zero, n - 1)]), lambda: tidy_scalar(ENTRIES + n)],
    ids=["summation", "tidying"],
)  # fmt: skip
def test_the_terms_of_one_equation_are_counted(work):
    with limited(steps=1000, seconds=60):
        assert work() != 0
    with limited(steps=TERMS // 2, seconds=60), pytest.raises(Exhausted, match="given up after 50 steps"):
        work()
