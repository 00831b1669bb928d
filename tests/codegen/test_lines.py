"""Lines of generated code as a good engineer writes them, each beside its value."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp

import gradproof as gp
from gradproof.codegen.numbers import rational_steps
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import define
from gradproof.symbolic.equations.numbers import exact
from gradproof.symbolic.equations.values import Valuation, precision

x, t, w = gp.array("x", ("n",)), gp.array("t", ("n",)), gp.array("w", ("n",), positive=True)
X, A, B = (gp.array(name, ("n", "n")) for name in "XAB")
u, v, V = gp.array("u", (3,)), gp.array("v", (2,)), gp.array("V", ("m", 2))
c = gp.array("c", ())
Z, Y = gp.array("Z", ("m", "n")), gp.array("Y", ("m", "n"))

LINES: dict[str, tuple[Array, list[str]]] = {
    "a root and a square": (
        gp.grad(np.sum(np.sqrt(1 + (A @ x - t) ** 2)), x),
        ["t_2 = A @ x - t", "d_t_2 = t_2 / np.sqrt(t_2 * t_2 + 1)", "d_x = d_t_2 @ A"],
    ),
    "the transpose of a transpose": (
        gp.grad(np.trace(A @ np.linalg.inv(X) @ B), X),
        ["X_inv = np.linalg.inv(X)", "d_X = -(X_inv @ (B @ A) @ X_inv).T"],
    ),
    "a sum of transposes": (gp.grad(np.trace(X @ X @ B), X), ["d_X = (B @ X + X @ B).T"]),
    "a diagonal of quotients": (gp.jacobian(x / w, w), ["d_w = -np.diag(x / (w * w))"]),
    "one over a diagonal": (gp.jacobian(x / w, x), ["d_x = np.diag(1 / w)"]),
    "several sizes below": (gp.grad(gp.losses.mse(Z, Y), Z), ["d_Z = 2 * (Z - Y) / (m * n)"]),
    "a number among sizes": (gp.grad(np.mean(Z * Y) / 3, Z), ["d_Z = Y / (3 * m * n)"]),
    "a vector's softmax": (
        gp.softmax(x),
        ["t1 = np.exp(x - x.max())", "p = t1 / t1.sum()"],
    ),
    "an output that is broadcast": (
        gp.vjp(np.sum(X, axis=1), X, x),
        ["d_X = np.broadcast_to(x[:, None], (n, n)).copy()"],
    ),
    "silu beside its sigmoid": (
        gp.grad(np.sum(gp.silu(x) ** 2), x),
        ["t1 = 0.5 * (1 + np.tanh(0.5 * x))", "t2 = x * t1", "d_x = 2 * ((1 - t1) * t2 + t1) * t2"],
    ),
    "gelu beside its distribution function": (
        gp.grad(np.sum(gp.gelu(x) ** 2), x),
        [
            "t1 = erf(x / math.sqrt(2))",
            "d_x = (math.sqrt(2 / math.pi) * x * np.exp(-x * x / 2) + t1 + 1) * (x / 2 * (t1 + 1))",
        ],
    ),
    "a fixed entry": (gp.grad(x[0] ** 2 + x @ x, x), ["d_x = 2 * (x[0] * (np.arange(n) == 0) + x)"]),
    "a number in front of a product": (gp.grad((x @ x) ** 2, x), ["d_x = 4 * (x @ x) * x"]),
    "what has the same axes first": (
        gp.grad(np.sum(np.tanh(Z @ B)[-1] ** 2), B),
        [
            "t = Z @ B",
            "t1 = np.tanh(t[m - 1])",
            "d_B = 2 * (1 - t1 * t1) * t1 * Z[m - 1][:, None]",
        ],
    ),
    "a short vector": (
        gp.grad(u[0] * u[1] + u[2] ** 2, u),
        ["d_u = np.array([u[1], u[0], 2 * u[2]], dtype=dtype)"],
    ),
    "a small Hessian": (
        gp.hessian((1 - v[0]) ** 2 + 100 * (v[1] - v[0] ** 2) ** 2, v),
        [
            "t1 = v[0]",
            "t2 = -400 * t1",
            "H_v = np.array([[1200 * t1 * t1 + 2 - 400 * v[1], t2], [t2, 200]], dtype=dtype)",
        ],
    ),
    "columns side by side": (
        gp.grad(np.sum(np.exp(V[:, 0]) * V[:, 1]), V),
        ["t1 = np.exp(V[:, 0])", "d_V = np.stack([V[:, 1] * t1, t1], axis=1)"],
    ),
    "differences of neighbours": (
        gp.grad(np.sum(np.diff(x) ** 2), x),
        [
            "t1 = x[1:] - x[:n - 1]",
            "t2 = np.zeros((1,), dtype=dtype)",
            "d_x = 2 * (np.concatenate([t2, t1]) - np.concatenate([t1, t2]))",
        ],
    ),
    "all but the first": (gp.grad(np.sum(x[1:] ** 2), x), ["d_x = 2 * x * (np.arange(n) >= 1)"]),
    "layer normalisation": (
        gp.grad(np.sum(Y * ((Z - Z.mean(axis=1, keepdims=True)) / np.sqrt(Z.var(axis=1, keepdims=True) + 1))), Z),
        [
            "t = Z - Z.mean(axis=1, keepdims=True)",
            "t_2 = np.mean(t * t, axis=1, keepdims=True) + 1",
            "d_t = (Y - np.mean(Y * t, axis=1, keepdims=True) * t / t_2) / np.sqrt(t_2)",
            "d_Z = d_t - d_t.mean(axis=1, keepdims=True)",
        ],
    ),
    "batch normalisation": (
        gp.grad(np.sum(Y * ((Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + 1))), Z),
        [
            "t = Z - Z.mean(axis=0)",
            "t_2 = np.mean(t * t, axis=0) + 1",
            "t1 = np.sqrt(t_2)",
            "d_t = Y / t1",
            "d_Z = d_t - d_t.mean(axis=0) - np.mean(Y * t, axis=0) * t / (t_2 * t1)",
        ],
    ),
    "softmax of squares": (
        gp.grad(np.sum((gp.softmax(x) - t) ** 2) / 2, x),
        ["t1 = np.exp(x - x.max())", "p = t1 / t1.sum()", "t2 = p - t", "d_x = (t2 - t2 @ p) * p"],
    ),
    "a scale by maximum likelihood": (
        gp.grad(np.sum((x - t) ** 2) / (2 * c**2) + 3 * np.log(c), c),
        ["t1 = x - t", "d_c = 3 / c - (t1 @ t1) / (c * c * c)"],
    ),
    "products of vectors": (np.sum(x * t * w), ["t_2 = (t * x) @ w"]),
    "sums of squares of rows": (np.sum(Z**2, axis=1), ["t = np.sum(Z * Z, axis=1)"]),
    "a mean of all": (np.sum(Z) / Z.size, ["t = Z.mean()"]),
    "a step of an autoregression": (
        gp.grad(np.sum((x[1:] - c * x[:-1]) ** 2) / 2, x),
        [
            "t = x[1:] - c * x[:n - 1]",
            "t1 = np.zeros((1,), dtype=dtype)",
            "d_x = np.concatenate([t1, t]) - np.concatenate([c * t, t1])",
        ],
    ),
    "gelu by tanh, written out": (
        gp.grad(np.sum(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))), x),
        [
            "t1 = x * x",
            "t = np.tanh(math.sqrt(2 / math.pi) * (0.044715 * t1 * x + x))",
            "t2 = t / 2 + (0.5 * math.sqrt(2 / math.pi)) * (1 - t * t) * (0.134145 * t1 + 1) * x",
            "d_x = t2 + 0.5",
        ],
    ),
    "softplus of both signs": (
        np.log(gp.sigmoid(x)) * t + np.log(1 - gp.sigmoid(x)) * w,
        ["t1 = np.log1p(np.exp(-np.abs(x)))", "t_2 = -t * (np.maximum(-x, 0) + t1) - w * (np.maximum(x, 0) + t1)"],
    ),
    "the logarithm of odds": (np.log(gp.sigmoid(x)) - np.log(1 - gp.sigmoid(x)), ["t = x.copy()"]),
    "elu with the parameter 1": (gp.elu(x), ["t = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))"]),
    "constants of selu": (
        gp.grad(np.sum(gp.selu(x)), x),
        ["d_x = 1.0507009873554805 * np.where(x > 0, 1, 1.6732632423543772 * np.exp(np.minimum(x, 0)))"],
    ),
}  # fmt: skip


def code(array: Array) -> list[str]:
    """The lines of its source that compute, without what they are the equations of."""
    body = array.numpy().split('"""')[-1].splitlines()
    lines = [re.sub(r"\s+# .*", "", line).strip() for line in body]
    kept = (line for line in lines if line and not re.match(r"if |raise |return |# ", line))
    return [line for line in kept if "np.asarray" not in line and ".shape" not in line and not line.startswith("dtype")]


@pytest.mark.parametrize("case", list(LINES))
def test_lines_are_short_and_have_the_value_of_their_equation(case: str) -> None:
    array, expected = LINES[case]
    assert code(array) == expected
    with precision():
        at = Valuation.random([array.definition], 3)
        given = {a.name: at.array(a) for a in array.system().inputs}
        difference = np.asarray(array.evaluate(given) - at.array(array.definition), dtype=object)
    assert all(x.contains(0) and float(x.rad()) < 1e-30 for x in difference.ravel())


def test_masks_are_joined_as_masks() -> None:
    image, kernel = gp.array("x", ("m", "c", "n")), gp.array("W", ("k", "c", 3))
    y = gp.layers.conv1d(image, kernel)
    source = gp.vjp(y, image, gp.array("v", y.shape)).numpy()
    assert re.search(r"\(t\d >= 0\) & \(t\d <= n - 3\)", source), source


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (exact(np.sqrt(2 / np.pi)), "math.sqrt(2 / math.pi)"),
        (exact(np.sqrt(2) / 2), "1 / math.sqrt(2)"),
        (exact(3 * np.sqrt(2) / 4), "1.5 / math.sqrt(2)"),
        (exact(1.6732632423543772), "1.6732632423543772"),
        (exact(1 / 3), "1 / 3"),
    ],
)
def test_numbers_have_one_root_and_floats_all_of_their_digits(number: object, text: str) -> None:
    assert rational_steps(number) == text


def test_the_sum_of_a_product_with_a_diagonal_is_no_trace() -> None:
    n, k = gp.dims("n k")
    B, S = gp.array("B", (n, k)), gp.array("S", (n, n))
    row, column = (sp.Symbol(name, integer=True, nonnegative=True) for name in ("row", "column"))
    inner = sp.Sum(B.definition.at(n - row - 1, k - column - 1) * S.definition.at(row, row), (row, 0, n - 1))
    function = gp.compile(Array(define("v", (), sp.Sum(2 * inner, (column, 0, k - 1)))))
    rng = np.random.default_rng(0)
    for sizes in ((3, 3), (4, 2)):
        given = {"B": rng.normal(size=sizes), "S": rng.normal(size=2 * sizes[:1])}
        expected = 2 * np.sum(given["B"][::-1].T @ given["S"].diagonal())
        assert function(**given) == pytest.approx(expected, rel=1e-12), function.source
    assert "np.trace(S)" in gp.compile(np.sum(S.diagonal())).source
