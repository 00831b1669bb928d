"""Derivations: their steps, their own check, a planted fault for each kind of line, and the documents."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from beside import module

from gradproof.errors import UsageError
from gradproof.symbolic.arrays.array import Array, array, as_array
from gradproof.symbolic.arrays.reductions import logsumexp, softmax
from gradproof.symbolic.calculus.differentiate import grad
from gradproof.symbolic.derivations.derivation import Derivation, Step, derive
from gradproof.symbolic.derivations.jacobian_matrix import entries
from gradproof.symbolic.derivations.styles import TEXT
from gradproof.symbolic.equations.dims import dims
from gradproof.symbolic.networks.layers import Dense
from gradproof.symbolic.networks.network import Network

n, k, m, h = dims("n k m h")
X, Y = array("X", (m, n)), array("Y", (m, k), one_hot=True)
W1, b1, W2, b2 = array("W1", (n, h)), array("b1", (h,)), array("W2", (h, k)), array("b2", (k,))
x, w, y = array("x", (n,)), array("w", (n,)), array("y", (m,))


HIDDEN = (X @ w).named("z")


def two_layers() -> Derivation:
    z1 = (X @ W1 + b1).named("z1")
    a1 = np.maximum(z1, 0).named("a1")
    z2 = (a1 @ W2 + b2).named("z2")
    C = (-np.sum(Y * np.log(softmax(z2))) / m).named("C")
    return derive(C, wrt=[W1, b1, W2, b2])


DERIVATIONS: dict[str, Any] = {
    "two layers": two_layers,
    "least squares": lambda: derive(np.sum((X @ w - y) ** 2) / 2, wrt=w),
    "tanh": lambda: derive(np.sum(np.tanh(X @ W1 + b1) ** 2) / m, wrt=[W1, b1]),
    "logistic": lambda: derive(np.sum(np.log(1 + np.exp(-y * (X @ w)))) / m, wrt=[w]),
    "logsumexp": lambda: derive(logsumexp(X @ w), wrt=[w, X]),
    "softmax Jacobian": lambda: derive(softmax(x), wrt=x),
    "Jacobian of a product": lambda: derive(X @ w, wrt=[X, w]),
    "largest": lambda: derive(np.sum(np.max(X, axis=1) ** 2), wrt=X),
    "a slice": lambda: derive(np.sum((x[1:] - x[:-1]) ** 2), wrt=x),
    "a quadratic form": lambda: derive(x @ array("S", (n, n)) @ x, wrt=x),
    "standardised": lambda: derive(
        np.sum(((X - np.mean(X, axis=1, keepdims=True)) / np.std(X, axis=1, keepdims=True)) ** 3), wrt=X
    ),
    "an intermediate": lambda: derive(np.sum(np.exp(HIDDEN) * y), wrt=[HIDDEN, w]),
    "a logarithm": lambda: derive(np.sum(np.log(X) * np.sqrt(X)), wrt=X),
    "two branches": lambda: derive(np.sum(np.where(X > 0, X**2, 3 * X)), wrt=X),
}


@pytest.mark.parametrize("case", list(DERIVATIONS))
def test_every_line_follows_from_the_one_before_it(case: str) -> None:
    verdicts = DERIVATIONS[case]().checks(seeds=(1, 2))
    assert {number: str(v) for number, v in verdicts.items() if v.name != "certified"} == {}


@pytest.mark.parametrize("case", ["two layers", "least squares", "logsumexp"])
def test_the_results_are_what_grad_gives(case: str) -> None:
    derivation = DERIVATIONS[case]()
    output = Array(derivation.original)
    gradients = grad(output, [Array(d) for d in derivation.wrt])
    from gradproof.symbolic.prove import equal

    for result, gradient in zip(derivation.results, gradients, strict=True):
        assert equal(Array(result), gradient)


def test_forward_equations_come_first_then_adjoints_in_reverse_order() -> None:
    derivation = two_layers()
    kinds = [s.kind for s in derivation.steps]
    assert kinds == sorted(kinds, key=["value", "adjoint"].index)
    order = [s.target.name for s in derivation.steps if s.kind == "adjoint"]
    assert order.index("z2") < order.index("a1") < order.index("z1") < order.index("W1")
    assert [s.number for s in derivation.steps] == [str(p + 1) for p in range(len(derivation.steps))]


def test_numbers_of_steps_are_distinct_and_in_reading_order() -> None:
    numbers = [s.number for s in two_layers().walk()]
    assert len(set(numbers)) == len(numbers)
    assert [s for s in numbers if s.startswith("9")][:3] == ["9", "9a", "9b"]


def test_the_rules_carry_the_names_of_the_field() -> None:
    rules = {rule for s in two_layers().walk() for rule in s.rule.split(", ")}
    assert {"definition", "chain rule", "linearity", "sum rule", "derivative of relu", "derivative of log",
            "delta elimination", "simplex rule", "collect", "matrix form"} <= rules  # fmt: skip


def test_softmax_and_cross_entropy_collapse_to_p_minus_y() -> None:
    assert "δ2 = ∂C/∂z2 = 1/m (p − Y)" in two_layers().summary()


def test_the_errors_and_gradients_of_a_network_are_the_textbooks() -> None:
    summary = two_layers().summary()
    for line in ("δ1 = ∂C/∂z1 = ā1 ⊙ [z1 > 0]", "∂C/∂W1 = Xᵀ δ1", "∂C/∂b1 = δ1ᵀ 𝟏", "∂C/∂W2 = a1ᵀ δ2"):
        assert line in summary


# -- planted faults ---------------------------------------------------------------------------------------------------
def _tampered(derivation: Derivation, step: Step, **changes: Any) -> Derivation:
    return derivation.replaced(step, dataclasses.replace(step, **changes))


def _faults(step: Step) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    if step.before is not step.after:
        result += [{"after": 2 * step.after}, {"after": -step.after}, {"before": step.before + 1}]
    if step.matrix_after is not None and step.before is step.after:
        import sympy as sp

        from gradproof.symbolic.derivations.matrix_algebra import scale
        from gradproof.symbolic.derivations.matrix_nodes import Number

        half = Number((sp.S.One, sp.S.One), sp.Rational(1, 2))
        result.append({"matrix_after": scale([half], step.matrix_after)})
    return result


@pytest.mark.parametrize(("case", "stride"), [("two layers", 7), ("tanh", 1), ("softmax Jacobian", 1)])
def test_a_wrong_line_anywhere_is_refuted_with_its_number(case: str, stride: int) -> None:
    derivation = DERIVATIONS[case]()
    planted = 0
    for step in list(derivation.walk())[::stride]:
        for fault in _faults(step):
            planted += 1
            verdict = _tampered(derivation, step, **fault).check(seeds=(1,))
            assert verdict.name == "refuted", (step.number, step.rule, fault)
            assert f"step {step.number}:" in verdict.reason
    assert planted > 15


def test_a_lost_transpose_in_a_matrix_form_is_refuted() -> None:
    from gradproof.symbolic.derivations.matrix_algebra import transpose

    derivation = two_layers()
    step = next(s for s in derivation.steps if s.target is W1.definition)
    assert step.matrix_after is not None
    assert _tampered(derivation, step, matrix_after=transpose(step.matrix_after)).check().name == "refuted"


def test_a_wrong_result_is_refuted_by_differences_of_the_output() -> None:
    derivation = DERIVATIONS["least squares"]()
    doubled = (2 * Array(derivation.results[0])).definition
    verdict = dataclasses.replace(derivation, results=(doubled,)).check()
    assert verdict.name == "refuted" and "dw" in verdict.reason


# -- scalar examples --------------------------------------------------------------------------------------------------
def test_gradient_of_x_squared_plus_cosine() -> None:
    s, t = array("x"), array("y")
    derivation = derive((s**2 + np.cos(t)).named("f"), wrt=[s, t])
    assert derivation.text().endswith("∂f/∂(x,y) = (2 x,-sin(y))\n")
    assert derivation.check()


def test_jacobian_of_two_functions_of_two_scalars() -> None:
    import sympy as sp

    s, t = array("x"), array("y")
    derivation = derive(as_array([2 * s + t**3, np.exp(t) - 13 * s]), wrt=[s, t])
    Y_ = sp.Symbol("y", real=True)
    assert entries(derivation) == [[2, 3 * Y_**2], [-13, sp.exp(Y_)]]
    assert r"\begin{pmatrix} 2 & 3 y^{2} \\ -13 & e^{y} \end{pmatrix}" in derivation.latex()
    assert derivation.check()


def test_a_chain_of_scalar_functions_gives_three_over_y() -> None:
    import sympy as sp

    s, t = array("x"), array("y", positive=True)
    rows = entries(derive(as_array([np.sin(s**2 + t), np.log(t**3)]), wrt=[s, t]))
    assert rows is not None
    X_, Y_ = sp.Symbol("x", real=True), sp.Symbol("y", real=True, positive=True)
    expected = [[2 * X_ * sp.cos(X_**2 + Y_), sp.cos(X_**2 + Y_)], [0, 3 / Y_]]
    assert (sp.Matrix(rows) - sp.Matrix(expected)).applyfunc(sp.simplify) == sp.zeros(2, 2)


# -- networks ---------------------------------------------------------------------------------------------------------
def test_a_networks_derivation_is_certified() -> None:
    net = Network([Dense(3, 4, "sigmoid"), Dense(4, 2, "softmax")], loss="cross_entropy")
    derivation = net.derive()
    assert derivation.check()
    assert "δ1" in derivation.summary()


def test_the_number_of_steps_grows_linearly_with_depth() -> None:
    def steps(depth: int) -> int:
        net = Network([Dense("n", "n", "tanh") for _ in range(depth)], loss="mse")
        return sum(1 for _ in net.derive().walk())

    four, eight, twelve = steps(4), steps(8), steps(12)
    assert twelve - eight == eight - four


def test_the_generic_network_derives_and_says_that_its_lines_are_not_checked_by_numbers() -> None:
    generic = Network.generic()
    derivation = derive(Array(generic.cost), wrt=[Array(generic.w), Array(generic.b)])
    summary = derivation.summary()
    assert "δ[i,j] = ∂C/∂z[i,j] = ā[i,j] σ'(z[i,j])" in summary
    assert "∂C/∂b[i,j] = δ[i,j]" in summary
    assert derivation.check().name == "unknown"


# -- errors -----------------------------------------------------------------------------------------------------------
def test_what_the_output_does_not_depend_on_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="does not depend on w; its arrays are x"):
        derive(np.sum(x**2), wrt=w)


def test_an_unknown_suffix_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"written as \.tex, \.html, \.md, \.pdf, not as '\.doc'"):
        DERIVATIONS["least squares"]().write(tmp_path / "a.doc")
    assert list(tmp_path.iterdir()) == []


def test_a_pdf_without_pdflatex_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="a PDF needs pdflatex, which is not installed"):
        DERIVATIONS["least squares"]().write(tmp_path / "a.pdf")


# -- documents --------------------------------------------------------------------------------------------------------
tex_checker = module(__file__, "tex_checker.py")


@pytest.mark.parametrize("case", list(DERIVATIONS))
@pytest.mark.parametrize("form", ["both", "matrix", "index"])
def test_the_tex_document_parses(case: str, form: str) -> None:
    source = DERIVATIONS[case]().latex(form)
    assert tex_checker.parsed(source)
    assert source.isascii(), sorted({c for c in source if not c.isascii()})


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("case", list(DERIVATIONS))
def test_pdflatex_compiles_it_without_overfull_lines(case: str, tmp_path: Path) -> None:
    (tmp_path / "d.tex").write_text(DERIVATIONS[case]().latex(), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-1500:]
    widths = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert [p for p in widths if p > 3] == []


class _Page(HTMLParser):
    """Collects what a page loads and how its elements nest."""

    VOID = frozenset({"meta", "br", "link", "img", "hr", "mspace"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.resources: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attrs:
            if name in ("src", "href") and not str(value).startswith("#"):
                self.resources.append(str(value))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


@pytest.mark.parametrize("case", list(DERIVATIONS))
def test_the_page_is_whole_and_loads_nothing(case: str) -> None:
    pytest.importorskip("latex2mathml", reason="formulas in HTML need latex2mathml")
    derivation = DERIVATIONS[case]()
    source = derivation.html()
    page = _Page()
    page.feed(source)
    assert page.open == [] and page.faults == []
    assert page.resources == [] and "url(" not in source and "<script" not in source
    assert page.counts["section"] == len(derivation.steps)
    assert page.counts["math"] > len(derivation.steps)
    formulas = "".join(re.findall(r"<math.*?</math>", source, re.S))
    assert "\\" not in formulas, "a macro that MathML does not know"
    assert "prefers-color-scheme: dark" in source and "@media print" in source


def test_the_page_states_the_layout_and_the_shapes() -> None:
    pytest.importorskip("latex2mathml", reason="formulas in HTML need latex2mathml")
    source = two_layers().html()
    assert "A derivative by an array has the shape of that array" in source
    assert "<th>symbol</th><th>shape</th><th>meaning</th>" in source


def test_markdown_has_every_numbered_equation_between_dollar_signs() -> None:
    derivation = two_layers()
    source = derivation.markdown()
    assert source.count("$$") % 2 == 0
    for step in derivation.steps:
        assert f"**({step.number})** {step.rule}" in source


def test_writing_takes_the_kind_from_the_suffix(tmp_path: Path) -> None:
    derivation = DERIVATIONS["least squares"]()
    for suffix, start in ((".tex", "% A derivation"), (".md", "# The gradient"), (".html", "<!doctype html>")):
        path = derivation.write(tmp_path / f"d{suffix}")
        assert path.read_text(encoding="utf-8").startswith(start)


def test_text_has_each_step_with_its_shape() -> None:
    text = two_layers().text("matrix")
    assert "chain rule   ∂C/∂W1, n × h" in text
    assert TEXT.one in text
