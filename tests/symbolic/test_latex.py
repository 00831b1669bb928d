"""Printed formulas: names, indices, the index form, SymPy views, and well-formed TeX for everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from beside import module

from gradproof.errors import UsageError
from gradproof.symbolic.arrays.array import Array, array
from gradproof.symbolic.arrays.reductions import logsumexp, softmax
from gradproof.symbolic.calculus.differentiate import grad, hessian, jacobian
from gradproof.symbolic.derivations.latex import array_latex, show_array
from gradproof.symbolic.derivations.styles import TEX, TEXT, Name
from gradproof.symbolic.equations.dims import dims, free_index
from gradproof.symbolic.equations.functions import TABLE
from gradproof.symbolic.equations.values import Valuation, precision
from gradproof.symbolic.equations.views import to_sympy

tex_checker = module(__file__, "tex_checker.py")

n, k, m = dims("n k m")
X, W, b = array("X", (m, n)), array("W", (n, k)), array("b", (k,))
x, w, y = array("x", (n,)), array("w", (n,)), array("y", (m,))


@pytest.mark.parametrize(
    ("name", "tex"),
    [
        ("W1", r"W^{(1)}_{ij}"),
        ("b12", r"b^{(12)}_{ij}"),
        ("W_out", r"W_{\text{out}, ij}"),
        ("x_hat", r"\hat{x}_{ij}"),
        ("sigma", r"\sigma_{ij}"),
        ("delta2", r"\delta^{(2)}_{ij}"),
        ("loss", r"\operatorname{loss}_{ij}"),
        ("θ", r"\theta_{ij}"),
        ("Σ2", r"\Sigma^{(2)}_{ij}"),
        ("é", r"\text{é}_{ij}"),
    ],
)
def test_names_are_typeset_in_their_parts(name: str, tex: str) -> None:
    assert TEX.symbol(Name.of(name), ["i", "j"]) == tex


def test_a_number_in_a_scalars_name_stands_below() -> None:
    s = array("x1")
    assert array_latex(s**2 + 1, "index") == "1 + x_{1}^{2}"


INDEX_FORM: dict[str, tuple[Array, str]] = {
    "sum": (X @ w, r"t_{i} = \sum_{j} X_{ij} w_{j}"),
    "delta": (jacobian(np.sin(x), x), r"\bar{x}_{ii'} = \delta_{ii'} \cos\left(x_{i}\right)"),
    "bracket": (grad(np.sum(np.maximum(x, 0)), x), r"\bar{x}_{i} = \left[x_{i} > 0\right]"),
    "scalar": (np.sum(x**2) / m, r"\frac{1}{m} \sum_{i} x_{i}^{2}"),
    "fraction of the dimension": (-np.sum(x) / 2, r"-\frac{1}{2} \sum_{i} x_{i}"),
    "slice": (x[1:] - x[:-1], r"t_{i} = x_{i + 1} - x_{i}"),
    "largest": (np.max(X, axis=1), r"t_{i} = \operatorname{max}_{j}\left(X_{ij}\right)"),
}


@pytest.mark.parametrize("case", list(INDEX_FORM))
def test_index_form(case: str) -> None:
    expression, expected = INDEX_FORM[case]
    assert array_latex(expression, "index") == expected


def test_a_dimension_keeps_its_letter_and_letters_avoid_names_in_use() -> None:
    i, j = array("i", (n,)), array("j", (m,))
    assert array_latex(np.outer(i, j), "index") == "t_{kl} = i_{k} j_{l}"


def test_softmax_is_recognised_and_its_logsumexp_not_listed() -> None:
    tex = array_latex(softmax(X), "index")
    assert tex == r"p_{ij} = \operatorname{softmax}\left(X\right)_{ij}"


def test_a_value_with_intermediates_is_one_aligned_set_of_equations() -> None:
    gradient = grad(np.sum(np.tanh(X @ W + b) ** 2) / m, W)
    tex = array_latex(gradient, "matrix")
    assert tex.startswith("\\begin{aligned}\n") and tex.endswith("\n\\end{aligned}")
    assert tex.count("&=") == tex.count(r"\\") + 1
    assert r"\bar{W} &= \frac{2}{m} X^{\top}" in tex


def test_an_unknown_form_is_a_usage_error_that_lists_the_forms() -> None:
    with pytest.raises(UsageError, match=r"no form is called 'einsum'; the forms are matrix, index"):
        array_latex(x, "einsum")


def test_every_function_of_the_table_prints_well_formed_tex() -> None:
    for row in TABLE.values():
        arguments = [x.element(free_index(0)) for _ in range(row.arity)]
        from gradproof.symbolic.equations.definition import define

        made = Array(define("t", (n,), row.head(*arguments)))
        for form in ("matrix", "index"):
            assert tex_checker.problems(array_latex(made, form)) == [], row.name


EXPRESSIONS = [
    X @ W + b, softmax(X @ W), logsumexp(x), np.where(X > 0, X, 2 * X), X[::-1], np.max(X, axis=0), x**3 / 2,
    hessian(np.log(np.sum(np.exp(x))), x), grad(np.sum(np.sqrt(X**2 + 1)), X), np.concatenate([x, x]),
    jacobian(softmax(x), x), jacobian(X @ W, W), np.abs(x), 1 / x, np.stack([array("s") ** 2, array("u_hat")]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
@pytest.mark.parametrize("form", ["matrix", "index"])
def test_printed_tex_is_well_formed(number: int, form: str) -> None:
    tex = array_latex(EXPRESSIONS[number], form)
    assert tex_checker.problems(tex, tex_checker.FORMULA_MACROS) == []
    assert tex_checker.parsed(f"${tex}$")
    assert "Dummy" not in tex and "Indexed" not in tex
    assert show_array(EXPRESSIONS[number].definition, form, TEXT)


@pytest.mark.parametrize("bad", [r"\frac{1}{2", r"\left(x", r"\begin{aligned} x", r"\foo{x}", r"x^{2}^{3}"])
def test_the_tex_checker_itself_sees_faults(bad: str) -> None:
    assert tex_checker.problems(bad)


# -- SymPy views ------------------------------------------------------------------------------------------------------
def test_sympy_view_puts_intermediates_in() -> None:
    i0, s0 = free_index(0), sp.Symbol("s0", integer=True, nonnegative=True)
    Xs, ws = sp.IndexedBase("X"), sp.IndexedBase("w")
    expected = sp.tanh(sp.Sum(Xs[i0, s0] * ws[s0], (s0, 0, n - 1)))
    assert to_sympy(np.tanh(X @ w).definition) == expected


def test_sympy_view_of_scalars_has_symbols_of_their_names() -> None:
    s, t = array("s"), array("t", positive=True)
    view = (s**2 * np.log(t)).sympy()
    assert view == sp.Symbol("s", real=True) ** 2 * sp.log(sp.Symbol("t", real=True, positive=True))


# -- the yardstick ----------------------------------------------------------------------------------------------------
def test_naive_values_agree_with_an_independent_evaluator(numbers_of: Any) -> None:
    outputs = [X @ W + b, softmax(X @ W), logsumexp(X, axis=1), np.max(X, axis=0), np.where(X > 0, X, 2 * X)]
    at = Valuation.random([a.definition for a in outputs], 1)
    with precision():
        numbers = {d.name: np.vectorize(lambda v: float(v.mid()), otypes=[float])(a) for d, a in at.arrays.items()}
        mine = [np.vectorize(lambda v: float(v.mid()), otypes=[float])(at.array(a.definition)) for a in outputs]
    for own, other in zip(mine, numbers_of(outputs, numbers), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-13)


def test_notebooks_show_the_formula_and_the_steps() -> None:
    import gradproof as gp

    gradient = grad(np.sum((X @ W) ** 2), W)
    assert gradient._repr_latex_() == rf"$\displaystyle {gradient.latex()}$"
    derivation = gp.derive(np.sum((X @ W) ** 2), wrt=[W])
    assert derivation._repr_markdown_() == derivation.markdown()


def test_a_notebook_shows_the_text_of_a_value_without_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(array: Array, form: str) -> str:
        raise UsageError("no formula")

    monkeypatch.setattr("gradproof.symbolic.derivations.latex.array_latex", none)
    assert X._repr_latex_() is None
