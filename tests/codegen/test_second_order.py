"""Hessians in numbers: dense, compressed and as products, against autograd and on balls; and what they allocate."""

from __future__ import annotations

import tracemalloc
from typing import Any

import flint
import numpy as np
import pytest
from beside import module

import gradproof as gp
from gradproof.numeric.compressed import Blocks, Compressed

cases = module(__file__, "../second_order.py")
CASES = cases.CASES


def derived(name: str) -> tuple[Any, Any, list[Any]]:
    case, e = CASES[name], cases.symbols()
    loss, parameters = case.loss(np, e), [e[w] for w in case.wrt]
    return gp.hessian(loss, parameters), gp.hvp(loss, parameters, cases.directions(case)), gp.grad(loss, parameters)


def called(function: Any, case: Any, values: dict[str, Any]) -> Any:
    """A compiled function at the arrays that it reads, and at the parameters, which tell the remaining sizes."""
    names = {*function.parameters, *case.wrt} & set(values)
    return function(**{name: values[name] for name in names})


@pytest.mark.parametrize("name", CASES)
def test_dense_compressed_and_products_are_autograds(name: str) -> None:
    case, values = CASES[name], cases.numbers(1)
    hessian, products, _ = derived(name)
    truth = cases.autograd_hessian(case, values)
    tight = {"rtol": 1e-10, "atol": 1e-10}

    compressed = called(gp.compile(hessian, compressed=True), case, values)
    assert isinstance(compressed, Blocks)
    np.testing.assert_allclose(compressed.matrix(), truth, **tight)

    dense = called(gp.compile(hessian), case, values)
    for row, parts in zip(dense, compressed, strict=True):
        for block, part in zip(row, parts, strict=True):
            assert block.shape == part.shape
            np.testing.assert_allclose(block, part.dense(), **tight)

    vectors = [values[f"v_{w}"] for w in case.wrt]
    expected = truth @ np.concatenate([v.ravel() for v in vectors])
    for made in (compressed @ vectors, called(gp.compile(products), case, values)):
        np.testing.assert_allclose(np.concatenate([p.ravel() for p in made]), expected, **tight)

    ends = np.cumsum([v.size for v in vectors])
    for k, (v, end) in enumerate(zip(vectors, ends, strict=True)):
        own = truth[end - v.size : end, end - v.size : end]
        np.testing.assert_allclose(compressed[k][k].diagonal().ravel(), np.diag(own), **tight)
    for i, row in enumerate(compressed):
        for j, block in enumerate(row):
            np.testing.assert_allclose(block.T.matrix(), compressed[j][i].matrix(), **tight)


@pytest.mark.parametrize("name", ["logistic", "softmax regression", "matrix factorisation", "tanh net"])
def test_a_product_is_the_difference_of_gradients_on_balls(name: str) -> None:
    case = CASES[name]
    hessian, products, gradient = derived(name)
    with_balls = np.vectorize(flint.arb, otypes=[object])
    step = flint.arb(2) ** -200
    with flint.ctx.workprec(800):
        values = {k: with_balls(v) for k, v in cases.numbers(2).items()}
        moved = [values | {w: values[w] + s * step * values[f"v_{w}"] for w in case.wrt} for s in (1, -1)]
        slope = gp.compile(gradient)
        ahead, behind = (called(slope, case, place) for place in moved)
        exact = called(gp.compile(products), case, values)
        compressed = called(gp.compile(hessian, compressed=True), case, values)
        small = compressed @ [values[f"v_{w}"] for w in case.wrt]
        for p, q, forward, other in zip(ahead, behind, exact, small, strict=True):
            difference = (p - q) / (2 * step) - forward
            assert all(abs(d) < flint.arb(10) ** -90 for d in difference.ravel())
            assert all(d.contains(0) and float(d.rad()) < 1e-150 for d in (other - forward).ravel())


def test_what_is_compressed_holds_nothing_of_the_dense_size() -> None:
    case = CASES["matrix factorisation"]
    hessian, _, _ = derived("matrix factorisation")
    function = gp.compile(hessian, compressed=True)
    m, n, r = 300, 200, 5
    rng = np.random.default_rng(0)
    values = {"U": rng.normal(size=(m, r)), "V": rng.normal(size=(n, r)), "M": rng.normal(size=(m, n))}
    called(function, case, values)
    tracemalloc.start()
    blocks = called(function, case, values)
    product = blocks @ [values["U"], values["V"]]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    dense = 8 * ((m + n) * r) ** 2
    assert peak < dense / 20
    assert blocks.nbytes < 8 * (m * n + (m + n) * r + 2 * r * r + 1)
    residual = values["U"] @ values["V"].T - values["M"]
    expected = values["U"] @ (values["V"].T @ values["V"]) + (residual + values["U"] @ values["V"].T) @ values["V"]
    np.testing.assert_allclose(product[0], expected, rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_the_source_of_compressed_factors_makes_no_identity(name: str) -> None:
    source = gp.compile(derived(name)[0], compressed=True).source
    assert "np.eye" not in source


def test_a_factor_of_another_kind_and_an_array_without_deltas_are_kept_whole() -> None:
    x, S = gp.array("x", ("n",)), gp.array("S", ("n", "n"))
    value = np.arange(4.0)
    hessian = gp.hessian(x @ S @ x, x)
    made = gp.compile(hessian, compressed=True)(S=np.diag(value))
    assert isinstance(made, Compressed) and len(made.terms) == 1
    np.testing.assert_allclose(np.asarray(made), 2 * np.diag(value))
    shifted = gp.jacobian(x[1:] * x[:-1], x)  # deltas of an index and the next one
    function = gp.compile(shifted, compressed=True)
    dense = np.array([[1.0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 3, 2]])  # of x = (0, 1, 2, 3)
    np.testing.assert_allclose(shifted.evaluate({"x": value}), dense)
    np.testing.assert_allclose(function(x=value).dense(), dense)
    np.testing.assert_allclose(function(x=value) @ value, dense @ value)


def test_a_hessian_that_is_constant_needs_no_arrays_but_the_size() -> None:
    x = gp.array("x", ("n",))
    function = gp.compile(gp.hessian(np.sum(x**2), x), compressed=True)
    made = function(n=3)
    np.testing.assert_array_equal(made.dense(), 2 * np.eye(3))
    np.testing.assert_array_equal(made @ np.arange(3.0), 2 * np.arange(3.0))
    assert made.nbytes == 0


def test_a_zero_block_is_zero() -> None:
    x, y = gp.array("x", ("n",)), gp.array("y", ("m",))
    blocks = gp.compile(gp.hessian(np.sum(x**3) + np.sum(y**2), [x, y]), compressed=True)(x=np.ones(3), y=np.ones(2))
    np.testing.assert_array_equal(blocks.matrix(), np.diag([6.0, 6, 6, 2, 2]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    made = gp.compile(gp.hessian(np.sum(gp.array("x", ("n",)) ** 3), gp.array("x", ("n",))), compressed=True)(
        x=np.ones(3)
    )
    with pytest.raises(gp.ShapeError, match=r"must have the shape \(3,\)"):
        made @ np.ones(4)
    with pytest.raises(gp.ShapeError, match="one for each"):
        Blocks(((made,),)) @ [np.ones(3), np.ones(3)]
    with pytest.raises(gp.ShapeError, match="no diagonal"):
        Compressed((3, 2), 1, ()).diagonal()
    with pytest.raises(gp.UsageError, match="compile takes"):
        gp.compile([["x"]])


def test_a_product_costs_no_more_than_three_gradients() -> None:
    """By the products of matrices, which are all of the cost of a wide net; and no elementwise function runs twice."""
    counts = []
    for depth in (2, 4, 6):
        a, parameters = gp.array("X", ("m", "n")), []
        for layer in range(depth):
            parameters.append(gp.array(f"W{layer}", ("n", "n")))
            a = np.tanh(a @ parameters[-1])
        loss = np.sum(a**2)
        vectors = [gp.array(f"v{k}", p.shape) for k, p in enumerate(parameters)]
        programs = gp.compile(gp.grad(loss, parameters)).program, gp.compile(gp.hvp(loss, parameters, vectors)).program
        products = [sum(s.op == "matmul" for s in p.instructions) for p in programs]
        assert products[1] <= 3 * products[0]
        assert sum(s.op == "function" for s in programs[1].instructions) == depth
        counts.append(products[1])
    assert counts[2] - counts[1] == counts[1] - counts[0]
