"""``gradproof derive``: each kind of source, each kind of output, and the errors of a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradproof.cli.main import main

LOSS = """
import numpy as np

def loss(X, w, y):
    z = X @ w
    a = np.tanh(z)
    return np.sum((a - y) ** 2) / X.shape[0]

def leaves(X):
    raise SystemExit(0)

def pair(X):
    return np.sum(X), X
"""
NETWORK = """
inputs = 5
loss = "mse"

[[layers]]
units = 3
activation = "tanh"

[[layers]]
units = 2
activation = "sigmoid"
"""
SHAPES = "X:m,n w:n y:m"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "loss.py").write_text(LOSS, encoding="utf-8")
    (tmp_path / "net.toml").write_text(NETWORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "sum((X @ w - y)**2) / 2", "--shapes", SHAPES, "--wrt", "w", "--check"]) == 0
    shown = capsys.readouterr().out
    assert "∂C/∂w = Xᵀ t" in shown
    assert "check: certified" in shown


@pytest.mark.parametrize(
    ("formula", "shapes", "last"),
    [
        ("x**2 + cos(y)", "x: y:", "∂C/∂(x,y) = (2 x,-sin(y))"),
        ("[2*x + y**3, exp(y) - 13*x]", "x: y:", "∂f/∂(x,y) = [2, 3 y²; -13, exp(y)]"),
        ("m * sum(X)", "X:m,n", "∂C/∂X = m 𝟏 𝟏ᵀ"),
        ("softmax(x)", "x:n", "∂p/∂x = diag(p) − p pᵀ"),
        ("sum(relu(x))", "x:n", "∂C/∂x = [x > 0]"),
        ("sum(leaky_relu(x, 0.2))", "x:n", "∂C/∂x = [x > 0] + 1/5 [x ≤ 0]"),
    ],
)
def test_the_last_line_is_the_result(formula: str, shapes: str, last: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", formula, "--shapes", shapes]) == 0
    assert capsys.readouterr().out.splitlines()[-1].strip() == last


def test_a_function_by_its_own_names(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "loss.py:loss", "--shapes", SHAPES, "--wrt", "w", "--form", "matrix"]) == 0
    shown = capsys.readouterr().out
    assert "z = X w" in shown and "a = tanh(z)" in shown
    assert shown.splitlines()[-1].strip() == "∂C/∂w = Xᵀ δ"


def test_a_network_by_its_parameters(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "net.toml"]) == 0
    result = capsys.readouterr().out.split("Result\n")[1]
    assert [line.split(" = ")[0].strip() for line in result.splitlines()] == ["∂C/∂W1", "∂C/∂b1", "∂C/∂W2", "∂C/∂b2"]


@pytest.mark.parametrize("suffix", ["tex", "html", "md"])
def test_documents_by_suffix(suffix: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if suffix == "html":
        pytest.importorskip("latex2mathml", reason="formulas in HTML need latex2mathml")
    assert main(["derive", "sum(x**2)", "--shapes", "x:n", "-o", f"out.{suffix}"]) == 0
    assert (files / f"out.{suffix}").stat().st_size > 1000
    assert capsys.readouterr().out.startswith(f"out.{suffix} written: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sum(x)"], "a formula needs --shapes"),
        (["sum(x)", "--shapes", "x:n", "--wrt", "q"], "--wrt q: no input is called 'q'; there are x"),
        (["sum(x)", "--shapes", "x:n", "-o", "a.doc"], "-o a.doc: the suffix says what to write"),
        (["foo(x)", "--shapes", "x:n"], "column 1: unknown function 'foo'"),
        (["sum(y)", "--shapes", "y:n:integer"], "there is nothing to differentiate by"),
        (["loss.py:loss"], "loss.py:loss needs --shapes"),
        (["loss.py", "--shapes", "x:n"], "loss.py: name the function too"),
        (["loss.py:nope", "--shapes", "x:n"], "the file has no function 'nope'"),
        (["loss.py:pair", "--shapes", "X:m,n"], "returns a tuple"),
        (["net.toml", "--shapes", "X:m,n"], "a network states its own shapes"),
        (["gone.toml"], "gone.toml"),
        (["sum(x)", "--shapes", "x:n", "--wrt", ","], "--wrt is empty; name one or more of x"),
        (["3", "--shapes", "x:n"], "C does not depend on x; it is constant"),
        (["loss.py:leaves", "--shapes", "X:m,n"], "the function raised SystemExit"),
        (["X @ w", "--shapes", "X:m,n w:m"], "matmul"),
    ],
)
def test_mistakes_end_in_one_line_and_code_2(
    arguments: list[str], message: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (files / "a.doc").exists()
