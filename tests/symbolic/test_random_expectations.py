"""Random polynomial array programs: their expectation is the sum over all outcomes, or by exact quadrature."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from beside import examples, module
from hypothesis import given, note
from hypothesis import strategies as st

import gradproof as gp

programs = module(__file__, "random_arrays.py", "gradproof_tests_polynomials")
programs.UNARY = {name: programs.UNARY[name] for name in ("square", "negative", "half")}
programs.BINARY = {name: programs.BINARY[name] for name in ("add", "subtract", "multiply")}
programs.REDUCTIONS = {name: programs.REDUCTIONS[name] for name in ("sum", "mean", "var")}
programs.KINDS = (
    ["unary", "binary"] * 3 + ["reduce", "matmul", "slice"] * 2
    + ["transpose", "join", "stack", "pad", "gather", "reshape", "einsum", "line"]
)  # fmt: skip
INPUTS, SIZES = programs.INPUTS, programs.SIZES
pytestmark = pytest.mark.random_programs
POINTS: dict[str, Any] = {  # values with their probabilities; seven nodes are exact up to degree 13
    "normal": np.polynomial.hermite_e.hermegauss(7),
    "signs": (np.array([-1.0, 1.0]), np.ones(2)),
    "bernoulli": (np.array([0.0, 1.0]), None),
}


@examples(4, shrink=False)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), steps=st.integers(2, 6))
def test_the_expectation_of_a_random_polynomial(
    data: Any, seed: int, steps: int, numbers_of: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(seed)
    symbols = {name: gp.array(name, shape) for name, shape in INPUTS.items()}
    builder = programs.Builder(data.draw, symbols, gp.array("labels", ("m",), integer=True))
    for _ in range(steps):
        builder.step()
    note("\n".join(builder.log))
    symbolic, automatic, _ = builder.nodes[-1]
    at: dict[str, Any] = {name: rng.normal(size=tuple(SIZES[d] for d in shape)) for name, shape in INPUTS.items()}
    at["labels"] = rng.integers(0, SIZES["n"], SIZES["m"])
    noise = data.draw(st.sampled_from(["u", "v", "c"]), label="noise")
    law = data.draw(st.sampled_from(sorted(POINTS)), label="law")
    shape = at[noise].shape
    chance = rng.uniform(0.2, 0.8, size=shape)
    parameter = gp.array("chance", INPUTS[noise]) if law == "bernoulli" else None
    found = numbers_of(gp.expectation(symbolic, symbols[noise], law, parameter), at | {"chance": chance} | SIZES)

    values, weights = POINTS[law]
    right: Any = 0.0
    for picked in itertools.product(range(len(values)), repeat=int(np.prod(shape))):
        point = values[list(picked)].reshape(shape)
        if weights is None:
            mass = np.prod(np.where(point == 1, chance, 1 - chance))
        else:
            mass = np.prod(weights[list(picked)] / weights.sum())
        right = right + mass * automatic(at | {noise: point})
    scale = 1 + np.max(np.abs(right), initial=0)
    assert np.shape(found) == np.shape(right)
    np.testing.assert_allclose(found / scale, right / scale, rtol=0, atol=1e-9)
