"""The face of compilation: functions by array name, errors in one line, source that can be read and stepped through."""

from __future__ import annotations

import linecache
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

import gradproof as gp
from gradproof.codegen.compile import compile, evaluate, source_of
from gradproof.codegen.lower import lower
from gradproof.codegen.size_text import size_source
from gradproof.errors import ShapeError, UnsupportedError, UsageError
from gradproof.symbolic.arrays.array import Array, array, elementwise
from gradproof.symbolic.arrays.reductions import softmax
from gradproof.symbolic.calculus.differentiate import grad
from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import System, define
from gradproof.symbolic.equations.dims import dim, free_index
from gradproof.symbolic.equations.nodes import Arbitrary

X, W = array("X", ("m", "n")), array("W", ("n", "k"))
VALUES = {"X": np.arange(6.0).reshape(2, 3), "W": np.ones((3, 4))}


def test_one_array_gives_one_result_and_a_list_gives_a_list_in_order() -> None:
    product = X @ W
    assert np.array_equal(compile(product)(**VALUES), VALUES["X"] @ VALUES["W"])
    first, second = gp.compile([np.sum(product), product])(**VALUES)
    assert first == second.sum()


def test_arrays_evaluate_and_show_their_source() -> None:
    assert np.array_equal((X @ W).evaluate(VALUES), VALUES["X"] @ VALUES["W"])
    assert "X @ W" in (X @ W).numpy() and (X @ W).named("z").numpy() == source_of((X @ W).named("z"))


def test_the_source_is_a_module_that_runs_alone(tmp_path: Path) -> None:
    z = np.tanh(X @ W).named("z")
    path = tmp_path / "z.py"
    path.write_text(z.numpy() + "\nprint(z(X=np.ones((2, 3)), W=np.zeros((3, 4))).sum())\n")
    done = subprocess.run([sys.executable, "-I", str(path)], capture_output=True, text=True)
    assert done.stdout == "0.0\n", done.stderr


def test_the_source_shows_in_tracebacks() -> None:
    function = compile((1 / np.sum(X)).named("inverse"), name="inverse_of_sum")
    assert linecache.getline(function.function.__code__.co_filename, 4).startswith("def inverse_of_sum(")
    with pytest.raises(RuntimeWarning) as caught:
        function(X=np.zeros((1, 1)))
    assert "inverse = 1 / t" in "".join(traceback.format_tb(caught.value.__traceback__))


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"X": VALUES["X"]}, UsageError, "the input W is missing; the inputs are"),
        ({**VALUES, "V": np.ones(3)}, UsageError, "there is no input called 'V'"),
        ({**VALUES, "X": np.ones(3)}, ShapeError, r"X must have the shape \(m, n\), and has \(3,\)"),
        ({**VALUES, "W": np.ones((4, 4))}, ShapeError, "size 4 while n = 3 in|size 3 while n = 4 in"),
        ({**VALUES, "X": np.array([["a"]])}, UsageError, "X holds"),
        ({**VALUES, "n": 5}, ShapeError, "n is 5, but 3 in"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(values: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        evaluate(X @ W, values)
    assert "\n" not in str(caught.value)


def test_an_array_that_the_result_does_not_depend_on_may_be_given_and_tells_sizes() -> None:
    gradient = grad(np.sum(X @ W), W)
    assert evaluate(gradient, VALUES).shape == (3, 4)
    assert evaluate(gradient, {"X": VALUES["X"], "k": 5}).shape == (3, 5)
    with pytest.raises(UsageError, match="the size k is missing"):
        evaluate(gradient, {"X": VALUES["X"]})


def test_sizes_that_are_expressions_are_solved_and_checked() -> None:
    n = dim("n")
    long, short = array("long", (2 * n + 1,)), array("short", (n,))
    total = np.sum(long) * short
    assert evaluate(total, {"long": np.ones(5), "short": np.ones(2)}).tolist() == [5.0, 5.0]
    with pytest.raises(ShapeError, match="long"):
        evaluate(total, {"long": np.ones(6), "short": np.ones(2)})


def test_the_generated_source_checks_shapes_itself() -> None:
    function = compile(X @ W).function
    with pytest.raises(ValueError, match=r"must have the shape \(\w, \w\) = .*, and has"):
        function(X=np.ones((2, 3)), W=np.ones((4, 4)))


def test_results_are_writable_and_share_no_memory_with_the_inputs() -> None:
    values = np.ones((2, 3))
    for result in (
        compile(X.T)(X=values),
        compile(X)(X=values),
        compile(X[1:])(X=values),
        compile(X[None] * 1)(X=values),
    ):
        result += 1
    assert np.array_equal(values, np.ones((2, 3)))


def test_float32_stays_and_a_dtype_can_be_asked_for() -> None:
    z = np.mean(np.exp(X) * 0.1 + (X > 0) / 3 + np.sqrt(2) * X.shape[0])
    single = {"X": VALUES["X"].astype(np.float32)}
    assert evaluate(z, single).dtype == np.float32
    assert compile(z, dtype="float64")(**single).dtype == np.float64
    assert compile(z, dtype="float32")(X=VALUES["X"]).dtype == np.float32
    with pytest.raises(UsageError, match="dtype must be a float type"):
        compile(z, dtype="int32")


def test_names_that_python_keeps_and_names_that_collide_are_renamed() -> None:
    strange = array("lambda", ("np",)) * array("n", ("n", "np")) + array("dtype", ("np",))
    values = {"lambda": np.ones(2), "n": np.ones((3, 2)), "dtype": np.ones(2)}
    assert np.array_equal(evaluate(strange, values), np.full((3, 2), 2.0))


@pytest.mark.parametrize("name", ["a b", "def", "np", ""])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a name for a function"):
        compile(X, name=name)


def test_what_has_no_numpy_code_is_refused_with_its_equation() -> None:
    element = array("x", ("n",)).definition.at(free_index(0))
    unknown = Array(define("a", (dim("n"),), Arbitrary(sp.Symbol("sigma"), 0, element)))
    with pytest.raises(UnsupportedError, match=r"Arbitrary has no NumPy code.*\(in the equation a\[i\] = "):
        lower(System.of(unknown.definition))


# -- balls -----------------------------------------------------------------------------------------------------------
def balls(values: Any) -> Any:
    return np.vectorize(lambda v: arb(float(v)), otypes=[object])(values)


def test_balls_enclose_the_value_to_the_working_precision() -> None:
    p = np.sum(np.log(softmax(X @ W)) * 0.1)
    before = flint.ctx.prec
    flint.ctx.prec = 400
    try:
        result = evaluate(grad(p, W), {name: balls(v) for name, v in VALUES.items()})
        x = evaluate(np.sum(X) / 3 + 0.1, {"X": balls([[1.0, 2.0]])})
        assert x.contains(fmpq(11, 10)) and x.rad() < arb(2) ** -350  # a typed 0.1 is one tenth, not its float
    finally:
        flint.ctx.prec = before
    assert result.shape == (3, 4) and all(entry.rad() < arb(2) ** -350 for entry in result.ravel())
    np.testing.assert_allclose(
        [float(v) for v in result.ravel()], evaluate(grad(p, W), VALUES).ravel(), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("name", fn.TABLE)
def test_every_elementwise_function_and_its_derivative_runs_on_balls(name: str) -> None:
    row, x = fn.TABLE[name], array("x", ("n",))
    y = elementwise(name, row.head, x, *([0.5] * (row.arity - 1)))
    function = compile([y, np.diag(y), grad(np.sum(y * x), x)])
    points = np.array([0.3, 1.7, 2.2])
    for exact, plain in zip(function(x=balls(points)), function(x=points), strict=True):
        np.testing.assert_allclose(np.vectorize(float)(exact), plain, rtol=1e-12, atol=1e-15)


def test_sizes_come_from_the_array_that_the_output_is_the_derivative_by() -> None:
    other = gp.array("u_target", ("n",))  # an input of the same name elsewhere, of another shape
    u, v = gp.array("u_target", ("m",)), gp.array("v", ("n",))
    jacobian = gp.jacobian(np.outer(u, v), u)
    for m, n in ((4, 3), (3, 3), (1, 2)):
        values = {"u_target": np.ones(m), "v": np.arange(1.0, n + 1)}
        assert np.array_equal(jacobian.evaluate(values), np.einsum("ik,j->ijk", np.eye(m), values["v"]))
        hessian = gp.hessian(np.sum(u**2) * np.sum(v), u)
        assert np.array_equal(hessian.evaluate(values), 2 * values["v"].sum() * np.eye(m))
    assert other.shape != u.shape


def test_a_size_that_stands_in_a_product_alone_is_read_off_it() -> None:
    m, n = gp.dims("m n")
    v, x = gp.array("v", (m * n,)), gp.array("x", (m, 3))
    f = gp.compile([2 * v, np.sum(x) * n])
    twice, scaled = f(v=np.ones(6), x=np.ones((2, 3)))
    np.testing.assert_array_equal(twice, 2 * np.ones(6))
    assert scaled == 18
    with pytest.raises(ValueError, match=r"v must have the shape \(m\*n,\) = \(6,\), and has \(7,\)"):
        f(v=np.ones(7), x=np.ones((2, 3)))


def test_a_sum_whose_range_depends_on_another_index_is_a_sum_with_a_condition() -> None:
    m, n = gp.dims("m n")
    x = gp.array("x", (m, n))
    weights = gp.array("weights", (m * n,))
    slope = gp.grad(np.sum(np.cumsum(x) * weights), x)
    given = np.arange(6.0)
    expected = np.cumsum(given[::-1])[::-1].reshape(2, 3)
    np.testing.assert_array_equal(gp.compile(slope)(weights=given, m=2, n=3), expected)


@pytest.mark.parametrize("evaluated", [True, False])
def test_half_of_a_size_and_one_is_rounded_as_python_does(evaluated: bool) -> None:
    m = gp.dims("m")
    half = sp.Mul(sp.Rational(1, 2), m + 1, evaluate=evaluated)
    assert size_source(sp.ceiling(half), {m: "m"}) == "-(-(m + 1) // 2)"
    assert size_source(sp.floor(half), {m: "m"}) == "(m + 1) // 2"
