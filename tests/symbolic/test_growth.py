"""The size of a derivative: linear in the depth of the network, whatever its activation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp

import gradproof as gp
from gradproof.symbolic.arrays.reductions import softmax
from gradproof.symbolic.equations.contraction import contract
from gradproof.symbolic.equations.definition import System
from gradproof.symbolic.equations.dims import fresh_index
from gradproof.symbolic.equations.effort import Exhausted, limited


def net(depth: int, activation: Callable[[Any], Any]) -> tuple[Any, list[Any]]:
    m, n = gp.dims("m n")
    a = gp.array("X", (m, n))
    parameters = []
    for layer in range(depth):
        W, b = gp.array(f"W{layer}", (n, n)), gp.array(f"b{layer}", (n,))
        parameters += [W, b]
        a = activation(a @ W + b)
    return np.sum(a**2) / m, parameters


def size(arrays: list[Any]) -> tuple[int, int]:
    """The number of equations and the number of operations in them."""
    system = System.of(*(a.definition for a in arrays))
    return len(system), sum(int(sp.count_ops(d.rhs)) for d in system.equations)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0),
    "softmax": softmax,
    "normalised": lambda z: (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5),
    "residual": lambda z: z + np.tanh(z),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_of_a_deep_net_grows_by_the_same_amount_with_every_layer(name: str) -> None:
    sizes = []
    for depth in (2, 4, 6, 8):
        loss, parameters = net(depth, ACTIVATIONS[name])
        sizes.append(size([loss, *gp.grad(loss, parameters)]))
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(sizes)]
    assert steps[0] == steps[1] == steps[2], f"{sizes} does not grow linearly"


def test_a_layer_adds_a_handful_of_equations() -> None:
    loss, parameters = net(20, np.tanh)
    equations, _ = size([loss, *gp.grad(loss, parameters)])
    assert equations <= 7 * 20 + 5


def test_hessian_products_grow_linearly_too() -> None:
    sizes = []
    for depth in (2, 4, 6):
        loss, parameters = net(depth, np.tanh)
        directions = [gp.array(f"d{k}", p.shape) for k, p in enumerate(parameters)]
        sizes.append(size(gp.hvp(loss, parameters, directions))[0])
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]


def test_a_jacobian_of_an_elementwise_function_stays_a_diagonal() -> None:
    x = gp.array("x", ("n",))
    jacobian = gp.jacobian(np.tanh(x), x)
    assert jacobian.definition.rhs.has(sp.KroneckerDelta)
    assert not any(d.rank > 1 for d in jacobian.system().equations if d is not jacobian.definition)


def test_every_sum_over_an_index_counts_as_work() -> None:
    one, two = fresh_index(), fresh_index()
    limits = [(one, sp.S.Zero, sp.Integer(3)), (two, sp.S.Zero, sp.Integer(5))]
    with limited(steps=2, seconds=60):
        assert contract(one * two, limits).doit() == 90
    with limited(steps=1, seconds=60), pytest.raises(Exhausted, match="after 1 steps"):
        contract(one * two, limits)
