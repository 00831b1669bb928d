"""Matrix forms: each is evaluated as matrices and held against its index equation, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from beside import module
from hypothesis import given
from hypothesis import strategies as st

from gradproof.symbolic.arrays.activations import elu
from gradproof.symbolic.arrays.array import Array, array
from gradproof.symbolic.arrays.reductions import logsumexp, softmax
from gradproof.symbolic.calculus.differentiate import grad, hessian, hvp, jacobian
from gradproof.symbolic.derivations.latex import array_latex, inlined, shown
from gradproof.symbolic.derivations.matrix_form import matrix_form
from gradproof.symbolic.derivations.matrix_nodes import Leaf, MatMul, Node, Transpose
from gradproof.symbolic.equations.definition import System
from gradproof.symbolic.equations.dims import dims
from gradproof.symbolic.equations.tidy import tidy
from gradproof.symbolic.equations.values import Valuation

agrees = module(__file__, "matrix_values.py").agrees

n, k, m, h = dims("n k m h")
X, W, b, A = array("X", (m, n)), array("W", (n, k)), array("b", (k,)), array("A", (m, n))
Y = array("Y", (m, k), one_hot=True)
x, v, w, y = array("x", (n,)), array("v", (n,)), array("w", (n,)), array("y", (m,))
P = array("P", (n, n), positive_definite=True)
S, c, q = array("S", (n, n)), array("c"), array("q", (n,), positive=True)
SYM = array("M", (n, n), symmetric=True)


u = array("u", (3,))

LOSS = np.sum(np.tanh(X @ W + b) ** 2) / m
CROSS = -np.sum(Y * np.log(softmax(X @ W + b))) / m
LOGISTIC = np.sum(np.log(1 + np.exp(-y * (X @ w)))) / m
LEAST = np.sum((X @ w - y) ** 2) / 2

PRINTED: dict[str, tuple[Array, str]] = {
    "product": (X @ W, r"X W"),
    "affine": (X @ W + b, r"X W + \mathbf{1} b^{\top}"),
    "transposed": ((X @ W).T, r"W^{\top} X^{\top}"),
    "least squares": (grad(LEAST, w), r"X^{\top} \left(X w - y\right)"),
    "its Hessian": (hessian(LEAST, w), r"X^{\top} X"),
    "outer": (np.outer(x, y), r"x y^{\top}"),
    "quadratic": (grad(x @ S @ x, x), r"\left(S + S^{\top}\right) x"),
    "symmetric quadratic": (grad(x @ SYM @ x, x), r"2 M x"),
    "trace": (np.trace(S @ S), r"\operatorname{tr}\left(S S\right)"),
    "cube": (grad(np.trace(S @ S @ S), S), r"3 S^{\top} S^{\top}"),
    "norm": (np.sum(X**2), r"\lVert X \rVert_F^{2}"),
    "inner": (np.sum((X @ W) * Y), None),  # type: ignore[dict-item]
    "sum over rows": (np.sum(X, axis=0), r"X^{\top} \mathbf{1}"),
    "sum of all": (np.sum(X), r"\mathbf{1}^{\top} X \mathbf{1}"),
    "elementwise": (np.tanh(X) * A, None),  # type: ignore[dict-item]
    "diagonal": (jacobian(np.sin(x), x), r"\operatorname{diag}\left(\cos\left(x\right)\right)"),
    "softmax": (softmax(X), r"\operatorname{softmax}_{\text{rows}}\left(X\right)"),
    "rows scaled": (y[:, None] * X, r"\operatorname{diag}\left(y\right) X"),
    "scalar times": (c * X, r"c X"),
    "max": (np.max(X, axis=1), r"\operatorname{max}_{\text{rows}}\left(X\right)"),
    "gradient of a norm": (grad(np.linalg.norm(x - v), x), r"\frac{1}{\lVert x - v \rVert} \left(x - v\right)"),
    "of a Frobenius norm": (grad(np.linalg.norm(X), X), r"\frac{1}{\lVert X \rVert_F} X"),
    "its Jacobian": (
        jacobian(x / np.linalg.norm(x), x),
        r"\frac{1}{\lVert x \rVert} I - \frac{1}{\lVert x \rVert^{3}} x x^{\top}",
    ),
    "determinant of square matrices": (
        grad(np.linalg.det(S.T @ SYM @ S), S),
        r"2 \det \left(S^{\top} M S\right) S^{-\top}",
    ),
    "of a power": (
        grad(np.linalg.det(np.linalg.matrix_power(S, 3)), S),
        r"3 \det \left(S^{3}\right) S^{-\top}",
    ),
    "of a rectangular product": (
        grad(np.linalg.slogdet(X.T @ X + SYM)[1], X),
        r"2 X \left(X^{\top} X + M\right)^{-1}",
    ),
    "trace of an inverse's slope": (
        grad(np.linalg.slogdet(S + c * SYM)[1], c),
        r"\operatorname{tr}\left(\left(c M + S\right)^{-1} M\right)",
    ),
    "powers": (grad(np.trace(S @ S @ S @ S), S), r"4 \left(S^{3}\right)^{\top}"),
    "scalars to a power": (np.trace(S) ** 2 * np.trace(S) * x, r"\operatorname{tr}\left(S\right)^{3} x"),
    "below a threshold": (1 - (x > v), r"\left[x \le v\right]"),
    "curvature of logsumexp of a product": (
        hessian(logsumexp(A @ x), x),
        "\\begin{aligned}\np &= \\operatorname{softmax}\\left(A x\\right) \\\\\n"
        "H_{\\text{x}} &= A^{\\top} \\left(\\operatorname{diag}\\left(p\\right) - p p^{\\top}\\right) A\n"
        "\\end{aligned}",
    ),
    "squared hinge": (
        grad(np.sum(np.maximum(0, 1 - X @ w) ** 2), w),
        r"-2 X^{\top} \operatorname{relu}\left(1 - X w\right)",
    ),
    "squares of differences": (
        grad(np.sum(SYM * np.sum((S[:, None, :] - S[None, :, :]) ** 2, axis=2)) / 2, S),
        r"2 \left(\operatorname{diag}\left(M \mathbf{1}\right) - M\right) S",
    ),
    "a symbolic power": (grad(np.sum(v * q**c), q), r"c q^{\odot \left(c - 1\right)} \odot v"),
    "a difference turned": (-(x - v) * w, r"\left(v - x\right) \odot w"),
    "the inverse of a transpose": (np.linalg.inv(S.T) @ x, r"S^{-\top} x"),
    "a likelihood by a Cholesky factor": (
        grad(np.sum(np.linalg.solve(np.linalg.cholesky(P), x) ** 2), P),
        None,  # type: ignore[dict-item]
    ),
    "gradient of a variance": (
        grad(np.var(x), x),
        r"\frac{2}{n} \left(x - \frac{1}{n} \mathbf{1}^{\top} x\right)",
    ),
    "a fixed row": (X[0] * x, r"x \odot X_{0, :}^{\top}"),
    "a column of a product": ((X @ W)[:, 0], r"X W_{:, 0}"),
    "columns side by side": (np.stack([x, v], axis=1) @ array("V", (2, k)), r"\begin{pmatrix} x & v \end{pmatrix} V"),
    "the mean of rows": (np.mean(X, axis=0, keepdims=True), r"\frac{1}{m} \mathbf{1}^{\top} X"),
    "columns by their norm": (
        X / np.sqrt(np.sum(X**2, axis=0, keepdims=True)),
        r"X \operatorname{diag}\left(\left(\mathbf{1}^{\top} X^{\odot 2}\right)^{\odot -1/2}\right)",
    ),
    "roots of one base": (np.sqrt(q) * q**2 * x, r"q^{\odot 5/2} \odot x"),
    "scalars of one array": (c * X + X - A, r"\left(1 + c\right) X - A"),
    "what all terms share": (c * (X @ W) / m - c * Y / m, r"\frac{1}{m} c \left(X W - Y\right)"),
    "a factor in front": (X.T @ (X @ x) - X.T @ y, r"X^{\top} \left(X x - y\right)"),
    "cases of elements": (
        np.where(x > 0, x**2, np.exp(v)),
        r"\left[x > 0\right] \odot x^{\odot 2} + \left[x \le 0\right] \odot \exp\left(v\right)",
    ),
    "slopes of elu": (
        grad(np.sum(elu(x)), x),
        r"\left[x > 0\right] + \left[x \le 0\right] \odot \exp\left(x\right)",
    ),
    "half a root": (x * np.sqrt(2) / 2, r"\frac{1}{\sqrt{2}} x"),
    "rows scaled and multiplied": ((y[:, None] * X) * A, r"\operatorname{diag}\left(y\right) \left(A \odot X\right)"),
    "a size over a scalar": (
        grad(x @ x / c**2 + n * np.log(c), c),
        r"\frac{n}{c} - \frac{2 \lVert x \rVert^{2}}{c^{3}}",
    ),
    "a residual with a minus": (
        grad(np.exp(-c) * np.sum((y - X @ w) ** 2) / 2, w),
        r"\exp\left(-c\right) X^{\top} \left(X w - y\right)",
    ),
    "a sum that has a name": (
        grad(np.sum(q * np.log(2 * q / (q + v**2)) + v**2 * np.log(2 * v**2 / (q + v**2))) / 2, q),
        r"\frac{1}{2} \log\left(2 q \oslash \left(v^{\odot 2} + q\right)\right)",
    ),
    "two entries": (grad(x[0] * x[1], x), r"x_{0} \mathbf{e}_{1} + x_{1} \mathbf{e}_{0}"),
    "an entry beside all": (grad(x[0] ** 2 + x @ x, x), r"2 \left(x_{0} \mathbf{e}_{0} + x\right)"),
    "one entry of a matrix": (grad(X[0, 0] ** 2, X), r"2 X_{0, 0} \mathbf{e}_{0} \mathbf{e}_{0}^{\top}"),
    "the last row": (grad(np.sum(X[-1] ** 2), X), r"2 \mathbf{e}_{m - 1} X_{m - 1, :}"),
    "the first column": (grad(np.sum(X[:, 0] ** 2), X), r"2 X_{:, 0} \mathbf{e}_{0}^{\top}"),
    "a row of a product": (grad((S @ x)[0], S), r"\mathbf{e}_{0} x^{\top}"),
    "a short vector": (grad(u[0] * u[1] + u[2] ** 2, u), r"\begin{pmatrix} u_{1} \\ u_{0} \\ 2 u_{2} \end{pmatrix}"),
    "a small Jacobian": (
        jacobian(np.stack([u[0] ** 2 * u[1], 5 * u[0] + np.sin(u[1])]), u),  # type: ignore[call-overload]
        r"\begin{pmatrix} 2 u_{0} u_{1} & u_{0}^{2} & 0 \\ 5 & \cos\left(u_{1}\right) & 0 \end{pmatrix}",
    ),
    "used once": (grad(np.sum(((X @ W) @ W.T - A) ** 2) / 2, X), r"\left(X W W^{\top} - A\right) W W^{\top}"),
}


@pytest.mark.parametrize("case", [c for c in PRINTED if PRINTED[c][1] is not None])
def test_prints_as_a_person_would_write_it(case: str) -> None:
    expression, expected = PRINTED[case]
    assert array_latex(expression, "matrix") == expected


CHECKED: dict[str, list[Array]] = {
    **{name: [a] for name, (a, _) in PRINTED.items()},
    "tanh layer": [LOSS, *grad(LOSS, [W, b])],
    "softmax cross-entropy": [CROSS, *grad(CROSS, [W, b])],
    "logistic Hessian": [hessian(LOGISTIC, w)],
    "Hessian of logsumexp": [hessian(logsumexp(x), x)],
    "softmax Jacobian": [jacobian(softmax(x), x)],
    "Hessian times vector": [hvp(np.sum(np.tanh(A @ x)), x, v)],
    "normalised rows": [(X - np.mean(X, axis=1, keepdims=True)) / np.std(X, axis=1, keepdims=True)],
    "unit vector": [x / np.sqrt(np.sum(x**2)), grad(np.sqrt(np.sum(x**2)), x)],
    "relu and brackets": [np.maximum(X, 0), grad(np.sum(np.maximum(X @ W, 0)), W)],
    "maximum of two": [np.maximum(X, A), grad(np.sum(np.maximum(X, A)), X)],
    "kernel": [np.exp(-np.sum((X[:, None, :] - A[None, :, :]) ** 2, axis=2))],
    "bilinear": [np.sum((X @ W) * Y), grad(np.sum((X @ W) * Y), X)],
    "diagonal of a product": [np.diag(S @ S), np.einsum("ij,ij->i", X, A), np.einsum("ij,ij->j", X, A)],
    "weighted Gram": [X.T @ (y[:, None] * X), np.einsum("ij,i,ik->jk", X, y, X)],
}


@pytest.mark.parametrize("case", list(CHECKED))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_matrix_form_has_the_value_of_its_equation(case: str, seed: int) -> None:
    definitions = tidy([a.definition for a in CHECKED[case]])
    at = Valuation.random(definitions, seed)
    for output in definitions:
        system = System.of(output)
        found = [(matrix_form(d), d) for d in system.equations]
        put_in = [(node, d) for d, node in inlined(shown(system), output).items()]
        for node, definition in found + put_in:
            assert node is None or agrees(node, definition, at)


NO_FORM: dict[str, Array] = {
    "three axes": jacobian(np.sum(X, axis=0), X),
    "a reversal": x[::-1] + x,
    "a triple product": np.einsum("ik,jk,lk->ijl", X, A, A),
}


def test_a_likelihood_by_a_cholesky_factor_has_no_sums() -> None:
    factor = np.linalg.cholesky(P)
    inner = np.linalg.solve(factor.T, np.linalg.solve(factor, x))
    tex = array_latex(grad(x @ inner + np.sum(np.log(np.diag(factor))), P))
    assert r"\Phi" in tex and r"\sum" not in tex and "cases" not in tex


@pytest.mark.parametrize("case", list(NO_FORM))
def test_what_has_no_matrix_form_is_printed_by_index(case: str) -> None:
    (definition,) = tidy([NO_FORM[case].definition])
    assert matrix_form(definition) is None
    assert array_latex(NO_FORM[case], "matrix") == array_latex(NO_FORM[case], "index")
    assert "_{" in array_latex(NO_FORM[case], "matrix")


@pytest.mark.parametrize("column", [0, -1, 2])
def test_cross_entropy_with_a_fixed_class_is_softmax_less_a_unit_vector(column: int) -> None:
    gradient = grad(-np.mean(np.log(softmax(X)[:, column])), X)
    place = "n - 1" if column < 0 else str(column)
    last = array_latex(gradient, "matrix").splitlines()[2]
    assert last == rf"\bar{{X}} &= \frac{{1}}{{m}} \left(p - \mathbf{{1}} \mathbf{{e}}_{{{place}}}^{{\top}}\right)"


def test_cross_entropy_of_one_example_is_softmax_less_the_unit_vector_of_its_label() -> None:
    label = array("l", (), integer=True)
    gradient = grad(logsumexp(x) - x[label], x)
    assert array_latex(gradient, "matrix").splitlines()[2] == r"\bar{x} &= p - \mathbf{e}_{l}"


def test_small_arrays_of_unlike_entries_are_written_out() -> None:
    s, t = array("s"), array("t")
    stacked = np.stack([s**2, s * t, t])  # type: ignore[call-overload]
    assert array_latex(stacked, "matrix") == r"\begin{pmatrix} s^{2} \\ s t \\ t \end{pmatrix}"
    node = matrix_form(tidy([stacked.definition])[0])
    assert node is not None
    assert agrees(node, tidy([stacked.definition])[0], Valuation.random([stacked.definition], 5))


WRONG: dict[str, Callable[[Node, Node], Node]] = {
    "a transpose lost": lambda a, b: MatMul((a.shape[0], b.shape[1]), (a, Transpose((b.shape[1], b.shape[0]), b))),
    "the factors swapped": lambda a, b: MatMul((b.shape[0], a.shape[1]), (b, a)),
    "a factor twice": lambda a, b: MatMul(a.shape, (a, a)),
}


@pytest.mark.parametrize("fault", list(WRONG))
def test_the_yardstick_itself_sees_a_wrong_matrix_form(fault: str) -> None:
    T = array("T", (n, n))
    definition = (S @ T).definition
    leaves = [Leaf((n, n), d.definition) for d in (S, T)]
    at = Valuation.random([definition], 1)
    assert agrees(MatMul((n, n), tuple(leaves)), definition, at)
    assert not agrees(WRONG[fault](*leaves), definition, at)


UNARY = [np.tanh, np.exp, lambda a: a.T.T, lambda a: -a, lambda a: 2 * a, lambda a: a**2]
BINARY = [np.add, np.subtract, np.multiply, lambda a, b: a @ b, lambda a, b: a @ b.T, lambda a, b: a.T @ b,
          lambda a, b: a + np.sum(b, axis=0), lambda a, b: a * np.sum(b, axis=1, keepdims=True)]  # fmt: skip


@st.composite
def expressions(draw: Any) -> Array:
    """Random expressions of two square matrices."""
    parts: list[Any] = [S, array("T", (n, n))]
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            parts.append(draw(st.sampled_from(UNARY))(draw(st.sampled_from(parts))))
        else:
            parts.append(draw(st.sampled_from(BINARY))(draw(st.sampled_from(parts)), draw(st.sampled_from(parts))))
    return parts[-1]  # type: ignore[no-any-return]


@given(expressions())
def test_random_expressions_and_their_gradients_have_matrix_forms_of_their_value(expression: Array) -> None:
    gradient = grad(np.sum(expression), S)
    for definition in tidy([expression.definition, gradient.definition]):
        at = Valuation.random([definition], 2)
        for each in System.of(definition).equations:
            node = matrix_form(each)
            assert node is None or agrees(node, each, at)


def test_no_form_is_made_up_for_symbols_that_are_not_arrays() -> None:
    position = np.arange(3) * x[:3]  # type: ignore[call-overload]
    (definition,) = tidy([position.definition])
    node = matrix_form(definition)
    assert node is None or agrees(node, definition, Valuation.random([definition], 1, extra=[sp.Symbol("q")]))
