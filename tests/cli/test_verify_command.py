"""``gradproof verify``: exit codes, random inputs by shape, and one-line errors."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest

from gradproof.cli.main import main
from gradproof.cli.verify import random_inputs
from gradproof.symbolic.formulas.formula_shapes import parse_shapes

SOURCE = """
import numpy as np

def loss(X, y, W):
    z = X @ W
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean()

def grad(X, y, W):
    z = X @ W
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return X.T @ p / len(y)

def wrong(X, y, W):
    return grad(X, y, W) * len(y)

def leaves(X, y, W):
    raise SystemExit(0)

def talking(X, y, W):
    print("the loss is computed")
    return loss(X, y, W)

def opaque(X, y, W):
    return np.linalg.svd(W)[1].sum()
"""
SHAPES = "X:6,4 y:6:int<3 W:4,3"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(SOURCE)
    return str(path)


@pytest.mark.parametrize(("function", "code", "word"), [("grad", 0, "proved"), ("wrong", 1, "refuted")])
def test_the_exit_code_is_the_verdict(file, capsys, function, code, word):
    assert main(["verify", f"{file}:loss", f"{file}:{function}", "--shapes", SHAPES, "--wrt", "W"]) == code
    assert capsys.readouterr().out.startswith(word)


def test_one_text_of_shapes_serves_numbers_and_symbols(file, tmp_path, capsys):
    text = "X:6,4 y:6:int<3 Y:6,3:one_hot Z:6,3:onehot A:4,4:symmetric p:5:unit t:5:binary s:5:sign lam: mu:-"
    drawn, read = random_inputs(text, seed=0), parse_shapes(text)
    assert {name: np.shape(value) for name, value in drawn.items()} == {name: s.shape for name, s in read.items()}
    assert (drawn["A"] == drawn["A"].T).all() and read["A"].flags == ("symmetric",)
    for hot in "YZ":
        assert (drawn[hot].sum(axis=1) == 1).all() and set(np.unique(drawn[hot])) == {0.0, 1.0}
        assert read[hot].flags == ("one_hot",)
    assert set(drawn["y"]) <= {0, 1, 2} and read["y"].flags == ("integer",)
    assert main(["derive", f"{file}:loss", "--shapes", SHAPES, "--wrt", "W", "-o", str(tmp_path / "loss.md")]) == 0


def test_what_is_not_decided_ends_in_3(file, capsys):
    assert main(["verify", f"{file}:opaque", f"{file}:grad", "--shapes", SHAPES, "--wrt", "W"]) == 3
    assert "svd" in capsys.readouterr().out


def test_inputs_come_from_an_npz_file_and_the_report_is_json(file, tmp_path, capsys):
    data = tmp_path / "data.npz"
    np.savez(data, X=np.eye(3), y=np.array([0, 1, 1]), W=np.ones((3, 2)))
    assert main(["verify", f"{file}:loss", f"{file}:grad", "--inputs", str(data), "--wrt", "W", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "proved"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.py:loss", "nowhere.py:grad", "--shapes", SHAPES], "no file nowhere.py"),
        (["{file}:los", "{file}:grad", "--shapes", SHAPES], "no function 'los'; it has loss, grad"),
        (["{file}", "{file}:grad", "--shapes", SHAPES], "is not FILE.py:function"),
        (["{file}:loss", "{file}:grad", "--shapes", "X:a"], "'X:a' is not NAME:SIZES"),
        (["{file}:loss", "{file}:grad", "--shapes", "y:6:integer"], "say below what; int<10 has"),
        (["{file}:loss", "{file}:grad", "--shapes", "A:6,4:symmetric"], "two equal sizes, as in A:5,5"),
        (["{file}:loss", "{file}:grad", "--shapes", "X:6,4 W:4,3"], "cannot be called with the inputs X, W"),
        (["{file}:loss", "{file}:grad", "--inputs", "none.npz"], "no file none.npz"),
        (["{file}:loss", "{file}:grad", "--shapes", SHAPES, "--wrt", "y"], "not a floating-point input"),
        (["{file}:loss", "{file}:grad", "--shapes", SHAPES, "--seed", "-1"], "a seed is 0 or more"),
        (["{file}:loss", "{file}:grad", "--shapes", f"W:{10**30}"], "does not fit into memory; give smaller sizes"),
        (["{file}:loss", "{file}:leaves", "--shapes", SHAPES], "SystemExit"),
        (["{file}:leaves", "{file}:grad", "--shapes", SHAPES, "--wrt", "W"], "SystemExit"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(file, capsys, arguments, words):
    assert main(["verify", *[a.format(file=file) for a in arguments]]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_an_array_without_a_name_is_no_set_of_inputs(file, tmp_path, capsys):
    np.save(tmp_path / "one.npy", np.zeros(3))
    assert main(["verify", f"{file}:loss", f"{file}:grad", "--inputs", str(tmp_path / "one.npy")]) == 2
    assert "one array without a name; save with np.savez" in capsys.readouterr().err


def test_with_json_the_report_is_all_of_standard_output(file, capsys):
    assert main(["verify", f"{file}:talking", f"{file}:grad", "--shapes", SHAPES, "--wrt", "W", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["verdict"] == "proved"
    assert "the loss is computed" in printed.err


def test_the_report_is_written_to_a_file_too(file, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main(["verify", f"{file}:loss", f"{file}:wrong", "--shapes", SHAPES, "--wrt", "W", "-o", str(page)]) == 1
    assert capsys.readouterr().out.startswith("refuted")
    assert "off by a constant factor" in page.read_text(encoding="utf-8")


def test_a_file_of_unknown_form_is_refused_before_anything_runs(file, tmp_path, capsys):
    assert main(["verify", f"{file}:talking", f"{file}:grad", "--shapes", SHAPES, "-o", str(tmp_path / "r.doc")]) == 2
    printed = capsys.readouterr()
    assert "written as .html, .md, .json, .txt, not as .doc" in printed.err and printed.out == ""


def test_on_a_terminal_the_verdict_has_its_colour(file, capsys, monkeypatch):
    pytest.importorskip("rich", reason="without rich a terminal gets the plain text")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert main(["verify", f"{file}:loss", f"{file}:grad", "--shapes", SHAPES, "--wrt", "W"]) == 0
    assert re.search(r"\x1b\[[0-9;]*32m ?proved", capsys.readouterr().out)
