"""A report says the same in every rendering: plain text, a rich terminal, HTML, Markdown and JSON."""

from __future__ import annotations

import io
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from gradproof.errors import UsageError
from gradproof.numeric.verification.rendering.formulas import mathml
from gradproof.numeric.verification.report import Entry, Finding, Report
from gradproof.verdicts import LADDER, Verdict

WHY_NOT_PROVED = "model.py:31 (in loss) loops over range(X.shape[0])"
CERTIFIED = Verdict("certified", f"equal to 200 digits in a random direction; not proved: {WHY_NOT_PROVED}")
WRONG = Finding(
    "w",
    Verdict("refuted", "a ball that excludes zero"),
    diagnosis="off by a constant factor: it is right after multiplication by 1/7 (X.shape[0] is 7)",
    where="w[1] at the given inputs: claimed -12.5, derived -1.785714286, ratio 7",
    shape=(3,),
    entries=(Entry((1,), -12.5, -12.5 / 7), Entry((0,), 1e-9, 0.0)),
    cause="mean",
    line="model.py:12 (in gradient):     return X.T @ (p - y)",
    mend="    return X.T @ (p - y) / len(X)",
    region="|X @ w - y| > 50",
    counterexample={"X": np.ones((32, 784)), "params": {"w": [0.5, 0.1, -0.25]}},
    latex=r"\frac{6}{7} X_{ik}",
)
REPORT = Report(
    (Finding("W1", CERTIFIED, shape=(784, 128)), WRONG, Finding("b1", CERTIFIED, shape=())),
    ("the inputs stand on a tie in model.py:9",),
    3,
    {"parameters": 101770, "precision_bits": 1024, "points": ["given"]},
)
TEXT = """\
refuted: the gradient of w is wrong (1 of 3)

  w   3        refuted
    diagnosis       off by a constant factor: it is right after multiplication by 1/7 (X.shape[0] is
                    7)
    reason          a ball that excludes zero
    where           at the given inputs
    region          |X @ w - y| > 50
    entries               claimed       derived         ratio
                    w[1]    -12.5  -1.785714286             7
                    w[0]    1e-09             0  derived is 0
    counterexample  X = [[1.0, …, 1.0], …, [1.0, …, 1.0]]  of shape (32, 784)
                    params.w = [0.5, 0.1, -0.25]
    line            model.py:12 (in gradient)
                    - return X.T @ (p - y)
                    + return X.T @ (p - y) / len(X)
    difference      claimed − derived = \\frac{6}{7} X_{ik}

  W1  784×128  certified
  b1           certified
    reason          equal to 200 digits in a random direction
    not proved      model.py:31 (in loss) loops over range(X.shape[0])

note: the inputs stand on a tie in model.py:9
seed 3, 101,770 entries of gradients, balls of 1024 bits"""
SAID = [
    "the gradient of w is wrong (1 of 3)", "W1", "b1", "784×128", "certified", "multiplication by 1/7",
    "a ball that excludes zero", "at the given inputs", "X @ w - y", "-12.5", "-1.785714286", "derived is 0",
    "[0.5, 0.1, -0.25]", "of shape (32, 784)", "model.py:12 (in gradient)", "- return X.T @ (p - y)",
    "+ return X.T @ (p - y) / len(X)", "loops over range(X.shape[0])", "the inputs stand on a tie", "seed 3",
]  # fmt: skip
"""What a person has to find in every rendering."""


class Reader(HTMLParser):
    """The text and the tags of a document; every tag is closed in its turn."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def on_a_terminal(report: Report, width: int = 120) -> str:
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=False, highlight=False).print(report)
    return stream.getvalue()


def unmarked(markdown: str) -> str:
    return re.sub(r"\\([\\`*_{}\[\]<>#|~$&])", r"\1", markdown)


def test_the_plain_text_is_aligned_and_wrapped():
    assert str(REPORT) == TEXT


@pytest.mark.parametrize("said", SAID)
def test_every_rendering_says_it(said):
    squeezed = " ".join(said.split())
    for text in (
        str(REPORT), on_a_terminal(REPORT), Reader(REPORT.html()).text, Reader(REPORT._repr_html_()).text,
        unmarked(REPORT.markdown()),
    ):  # fmt: skip
        assert squeezed in " ".join(text.split())


@pytest.mark.parametrize("name", LADDER)
def test_every_verdict_shows_as_its_word_with_its_meaning(name):
    report = Report((Finding("W", Verdict(name), shape=(2,)),))
    for text in (str(report), on_a_terminal(report), report.html(), report._repr_html_(), report.markdown()):
        assert name in text
        assert LADDER[name].split(",")[0] in text
        assert "✓" not in text and "✗" not in text


def test_a_hundred_parameters_with_one_reason_give_it_once_and_what_is_wrong_comes_first():
    findings = [Finding(f"layers.{i}.weight", CERTIFIED, shape=(9,)) for i in range(100)]
    text = str(Report((*findings, WRONG)))
    assert text.count(WHY_NOT_PROVED) == 1
    assert all(f"layers.{i}.weight " in text for i in range(100))
    assert text.index("w  ") < text.index("layers.0.weight")


def test_names_of_any_script_and_length_keep_their_columns():
    names = ["δ̂_重み", "W", "a" * 200]
    lines = str(Report(tuple(Finding(n, Verdict("proved"), shape=(2,)) for n in names))).splitlines()[2:5]
    assert lines == ["  δ̂_重み  2  proved", "  W       2  proved", f"  {'a' * 200}  2  proved"]


def test_many_inputs_of_any_size_are_abbreviated_and_small_ones_are_exact():
    counterexample = {"X": np.zeros((300, 20, 5)), "w": np.array([0.1, 1 / 3]), "n": np.int64(3), "lam": 1e-300}
    text = str(Report((Finding("w", Verdict("refuted"), counterexample=counterexample),)))
    assert "w = [0.1, 0.3333333333333333]" in text and "n = 3" in text and "lam = 1e-300" in text
    assert "of shape (300, 20, 5)" in text
    assert max(map(len, text.splitlines())) < 200


def test_a_mend_of_several_lines_is_one_difference():
    finding = Finding("b", Verdict("refuted"), line="    db = d\n    db /= m", mend="    db = d.sum(0)\n    db /= m")
    text = str(Report((finding,)))
    assert re.findall(r"[-+] .*", text) == ["- db = d", "- db /= m", "+ db = d.sum(0)", "+ db /= m"]


@pytest.mark.parametrize("line", ["", "model.py:3", "C:/models/net.py:3 (in grad)", "return x[1:2] * 3", "lambda: x"])
def test_a_line_of_any_form_is_shown_as_it_is(line):
    assert line in str(Report((Finding("w", Verdict("refuted"), line=line),)))


def test_backticks_around_the_line_are_not_part_of_it():
    text = str(Report((Finding("w", Verdict("refuted"), line="model.py:3 `g = 2 * x`", mend="g = x"),)))
    assert re.findall(r"[-+] .*", text) == ["- g = 2 * x", "+ g = x"]


HOSTILE = "<script>alert(1)</script>&\"'`|"


@pytest.mark.parametrize("field", ["name", "diagnosis", "where", "region", "line", "mend", "latex"])
def test_nothing_in_a_report_becomes_markup(field):
    finding = Finding(**{"name": "w", "verdict": Verdict("refuted", HOSTILE), field: HOSTILE})
    report = Report((finding,), (HOSTILE,))
    for text in (report.html(HOSTILE), report._repr_html_()):
        assert HOSTILE in Reader(text).text
        assert "script" not in {tag for tag, _ in Reader(text).tags}
    rendered = unmarked(report.markdown()) if field != "name" else report.markdown()
    assert "<script>" in rendered and on_a_terminal(report).count("<script>") >= 2


def test_a_formula_is_mathematics_or_code():
    pytest.importorskip("latex2mathml", reason="without it formulas are shown as TeX, which the next test sees")
    assert "<math" in REPORT.html() and r"\frac" not in REPORT.html()
    assert mathml(r"\text{<img src=x onerror=alert(1)/>}") is None
    report = Report((Finding("w", Verdict("refuted"), latex=r"\frac{1}{"),))
    assert r"<code>\frac{1}{</code>" in report.html()


def test_the_rows_of_aligned_equations_are_formulas_one_below_the_other():
    pytest.importorskip("latex2mathml", reason="without it formulas are shown as TeX, which the next test sees")
    latex = r"""\begin{aligned}
r &= w \odot x \\
g_{i} &= \begin{cases} r_{i} & \text{if } r_{i} < 50 \\ 0 & \text{otherwise} \end{cases}
\end{aligned}"""
    report = Report((Finding("w", Verdict("refuted"), latex=latex),))
    assert report.html().count("<math") == 2 and "aligned" not in report.html()
    assert latex in str(report).replace("\n                    ", "\n")
    longer = latex.replace("r &=", "s &= 1 \\\\\nr &=")
    told = str(Report((Finding("w", Verdict("refuted"), latex=longer),)))
    assert "takes 3 equations: see report.html()" in told and "aligned" not in told


def test_without_latex2mathml_the_formula_is_its_tex(monkeypatch):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert r"<code>\frac{6}{7} X_{ik}</code>" in REPORT.html()


def test_the_page_opens_offline_and_the_fragment_needs_no_style_sheet():
    page, fragment = Reader(REPORT.html()), Reader(REPORT._repr_html_())
    for reader in (page, fragment):
        assert not {"src", "href", "onclick"} & {key for _, attributes in reader.tags for key in attributes}
    assert REPORT.html().startswith("<!doctype html>")
    assert not {"style", "script", "link", "html"} & {tag for tag, _ in fragment.tags}
    assert "class" not in {key for _, attributes in fragment.tags for key in attributes}


def test_without_rich_the_coloured_report_says_what_to_install(monkeypatch):
    for module in ("rich.console", "rich.text"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match="install rich"):
        REPORT.rich()


def test_the_json_keeps_its_keys_and_holds_no_nan():
    entries = (Entry((0,), float("nan"), 1.0),)
    finding = Finding("w", Verdict("refuted"), entries=entries, counterexample={"x": np.eye(2)})
    data = json.loads(Report((finding,), seed=1).to_json())
    assert list(data) == [
        "schema", "ok", "verdict", "reason", "exit_code", "findings", "notes", "seed", "figures",
    ]  # fmt: skip
    assert data["schema"] == 1 and data["exit_code"] == 1
    assert list(data["findings"][0]) == [
        "name", "shape", "verdict", "reason", "evidence", "diagnosis", "where", "entries", "cause", "line", "mend",
        "region", "counterexample", "latex",
    ]  # fmt: skip
    assert data["findings"][0]["entries"] == [{"index": [0], "claimed": None, "derived": 1.0, "ratio": None}]
    assert data["findings"][0]["counterexample"] == {"x": [[1.0, 0.0], [0.0, 1.0]]}


@pytest.mark.parametrize(
    ("suffix", "start"), [(".html", "<!doctype"), (".md", "# Gradient"), (".json", "{"), (".TXT", "refuted")]
)
def test_a_file_is_written_in_the_form_of_its_suffix(tmp_path, suffix, start):
    path = REPORT.write(tmp_path / f"report{suffix}")
    assert path.read_text(encoding="utf-8").startswith(start)


@pytest.mark.parametrize("name", ["report.doc", "report"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"written as \.html, \.md, \.json, \.txt"):
        REPORT.write(tmp_path / name)
    assert not (tmp_path / name).exists()
