"""The audit finds planted instabilities, names line and region, and mends them; it leaves stable code alone."""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
from beside import module

import gradproof as gp
from gradproof.cli.main import main
from gradproof.errors import UsageError
from gradproof.numeric.audit import mend, rewritings
from gradproof.numeric.audit.accuracy import CARRIED, float_run, judged, truth
from gradproof.numeric.audit.patterns import parsed
from gradproof.numeric.audit.rewritings import ROWS, Rewriting

unstable, stable = (module(__file__, f"{name}.py", f"audited_{name}") for name in ("unstable", "stable"))
RNG = np.random.default_rng(5)
Z = RNG.normal(size=(3, 4))
LOGITS = {"z": RNG.normal(size=6), "y": np.array([0.0, 1, 1, 0, 1, 0])}
CLASSES = {"z": Z, "y": np.array([0, 3, 1])}
UNIT = {"p": np.array([0.2, 0.5, 0.9])}
X = {"x": RNG.normal(size=6)}
TWO = {"a": RNG.normal(size=4), "b": RNG.normal(size=4)}
WIDE = (1e-200, 1.0, 1e200)

ROW, COLUMN, ALL = (f"softmax with the maximum {which}subtracted" for which in ("of each row ", "of each column ", ""))
CENTRED = "E[x²] − E[x]² as the mean square of what is centred"
TAIL = "σ(1 − σ) from the exponential"
DIRECTION = "x / |x| is 0 where x is 0"
STRICT = {"entrywise": True, "magnitudes": (1.0, 40.0, 100.0)}

PLANTED = [
    ("log_of_complement", UNIT, {}, "log(1 − p) as log1p(−p)", "return np.log1p(-p)"),
    ("log_of_one_plus", {"x": np.array([0.1, 0.3])}, {}, "log(1 + x) as log1p(x)", "return np.log1p(x)"),
    ("softplus", {"z": Z}, {}, "log(1 + exp(z)) as logaddexp(0, z)", "return np.logaddexp(0, z)"),
    ("log_of_two_exponentials", TWO, {}, "log(exp(a) + exp(b)) as logaddexp(a, b)", "return np.logaddexp(a, b)"),
    ("cross_entropy", LOGITS, {}, "binary cross-entropy from the logits", "y * -np.logaddexp(0, -z)"),
    ("log_partition", {"z": Z}, {}, "log(sum(exp(z))) with the maximum subtracted", "return np.max(z, axis=1) + "),
    (
        "log_softmax_of_shifted", {"z": Z}, {}, "log(softmax) as z − log(sum(exp(z)))",
        "return z - z.max(axis=1, keepdims=True) - np.log(np.sum(np.exp(z - z.max(axis=1, keepdims=True)), axis=1, "
        "keepdims=True))",
    ),
    ("negative_log_likelihood", CLASSES, {}, "log(softmax) as z − logsumexp(z)", "[np.arange(len(y)), y].mean()"),
    ("softmax", {"z": Z}, {}, ROW, "e = np.exp(z - np.max(z, axis=-1, keepdims=True))"),
    ("softmax_gradient", CLASSES, {}, ROW, "e = np.exp(z - np.max(z, axis=-1, keepdims=True))"),
    (
        "softmax_of_columns", {"z": Z}, {}, COLUMN,
        "np.exp(z - np.max(z, axis=0, keepdims=True)) / np.exp(z - np.max(z, axis=0, keepdims=True)).sum(axis=0, ",
    ),
    ("softmax_of_all", {"z": Z}, {}, ALL, "return np.exp(z - np.max(z)) / np.sum(np.exp(z - np.max(z)))"),
    ("growth", X, {}, "exp(x) − 1 as expm1(x)", "return np.expm1(x)"),
    ("decay", X, {}, "exp(x) − 1 as expm1(x)", "return -np.expm1(x)"),
    ("as_lambda", X, {}, "exp(x) − 1 as expm1(x)", "as_lambda = lambda x: np.expm1(x)"),
    ("logistic", {"z": Z}, {}, "exp(z) / (1 + exp(z)) as 1 / (1 + exp(−z))", "return 1 / (1 + np.exp(-z))"),
    ("scalar_sigmoid", {"z": -0.5}, {}, "the sigmoid in two branches", "return np.where(z >= 0, 1, np.exp(-np."),
    ("sigmoid_slope", {"z": Z}, STRICT, TAIL, "np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2"),
    ("slope_of_a_layer", {"x": Z, "w": Z[0]}, STRICT, TAIL, "return np.exp(-np.abs(x @ w)) / (1 + np."),
    ("logistic_density", {"z": Z}, STRICT, TAIL, "return np.exp(-np.abs(z)) / ("),
    ("survival", {"z": Z}, STRICT, "1 − σ(z) as σ(−z)", "return 1 / (1 + np.exp(z))"),
    ("tanh_slope", {"z": Z}, STRICT, "1 − tanh² as 1 / cosh²", "return (1 / np.cosh(z)) ** 2"),
    ("versine", X, {"magnitudes": (1e-8, 1e-4, 1.0)}, "1 − cos(x) as 2 sin²(x / 2)", "return 2 * np.sin(x / 2) ** 2"),
    ("length", TWO, {"magnitudes": WIDE}, "sqrt(a² + b²) as hypot(a, b)", "return np.hypot(a, b)"),
    ("variance", {"x": Z}, {}, CENTRED, "return np.var(x, axis=0)"),
    ("variance_by_sums", X, {}, CENTRED, "return np.var(x)"),
    ("log_likelihood", UNIT, {"magnitudes": WIDE}, "log of a product as a sum of logs", "return np.sum(np.log(p))"),
    ("log_cosh", X, {"magnitudes": (1.0, 800.0)}, "log(cosh(x)) as |x| + log1p(expm1(−2|x|) / 2)", "np.abs(x) + np."),
    ("entropy", {"p": np.array([0.0, 0.25, 0.75])}, {}, "y · log(p) is 0 where y is 0", "np.where(p == 0, 1, p)"),
    ("direction", X, {}, DIRECTION, "return x / np.sqrt(np.where("),
    ("unit_vector", X, {}, DIRECTION, "return x / np.where(np.linalg.norm(x) == 0, 1,"),
    ("difference_of_squares", X, {}, "(x + d)² − x² as d (2x + d)", "return 0.001 * (2 * x + 0.001)"),
    ("relativistic", {"x": np.array([0.5, 0.2])}, {}, "√(1 + x) − 1 as x / (√(1 + x) + 1)", "return x / (np.sqrt("),
    ("step_of_root", {"x": np.array([2.0, 5.0])}, {}, "√a − √b as (a − b) / (√a + √b)", "return 1 / (np.sqrt(x + 1)"),
    ("difference_of_exponentials", X, {}, "exp(a) − exp(b) as exp(b) expm1(a − b)", "np.exp(x) * np.expm1(2 * x - x)"),
    ("difference_of_logarithms", {"x": np.array([2.0])}, {}, "log(x + d) − log(x) as log1p(d / x)", "np.log1p(0.001"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "options", "row", "line"), PLANTED, ids=[case[0] for case in PLANTED])
def test_a_planted_instability_is_found_and_mended(name, inputs, options, row, line):
    report = gp.audit(getattr(unstable, name), inputs, **options)
    assert not report.ok and report.exit_code == 1
    names = [rewriting.name for finding in report.findings for rewriting in finding.rewritings]
    lines = [rewriting.after for finding in report.findings for rewriting in finding.rewritings]
    assert row in names, str(report)
    assert any(line in after for after in lines), lines
    assert "unstable.py:" in report.findings[0].line
    assert all(finding.mended for finding in report.findings), str(report)


def test_every_row_of_the_table_has_a_planted_instability():
    assert {row.name for row in ROWS} == {case[3] for case in PLANTED}


STABLE = [
    ("log_of_complement", UNIT), ("softplus", {"z": Z}), ("cross_entropy", LOGITS), ("softmax", {"z": Z}),
    ("softmax_loss", CLASSES), ("sigmoid", {"z": Z}), ("variance", {"x": Z}), ("growth", X),
    ("least_squares", {"X": Z, "w": Z[0], "y": Z[:, 1]}), ("least_squares_gradient", {"X": Z, "w": Z[0], "y": Z[:, 1]}),
    ("relu_net", {"X": Z, "W1": Z.T, "W2": Z}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs"), STABLE, ids=[case[0] for case in STABLE])
def test_stable_code_is_left_alone(name, inputs):
    report = gp.audit(getattr(stable, name), inputs)
    assert report.ok and report.exit_code == 0, str(report)
    assert report.kept["float64"] > 14 and report.kept["float32"] > 6


def test_the_region_begins_where_exp_overflows():
    report = gp.audit(unstable.softmax, {"z": np.array([[1.0, 0.0, -1.0]])})
    (finding,) = report.findings
    conditions = {region.dtype: region.condition for region in finding.regions if "reversed" not in region.condition}
    for dtype in ("float64", "float32"):
        edge = float(conditions[dtype].rpartition("≥ ")[2])
        assert edge == pytest.approx(math.log(float(np.finfo(dtype).max)), rel=0.01)
    assert finding.operations == ("np.exp(z)",) and finding.kind == "inf"
    assert "exp overflows from 709.8 in float64, 88.72 in float32 on" in str(report)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
def test_the_digits_are_those_that_mpmath_counts(dtype, offset):
    x = (np.array([0.5, 1.25, -2.0, 0.75]) + offset).astype(np.float32).astype(np.float64)
    right, _ = truth(unstable.variance_by_sums, {"x": x}, 0)
    floats = float_run(unstable.variance_by_sums, {"x": x}, dtype)
    loss = judged(floats, right, dtype, False)["result"]
    with mpmath.workdps(60):
        mean = mpmath.fsum(map(mpmath.mpf, x.tolist())) / 4
        exact = mpmath.fsum((mpmath.mpf(v) - mean) ** 2 for v in x.tolist()) / 4
        relative = abs(mpmath.mpf(float(floats["result"])) - exact) / exact
        digits = CARRIED[dtype] if relative == 0 else min(CARRIED[dtype], max(0.0, float(-mpmath.log10(relative))))
    assert loss.kept == pytest.approx(digits, abs=0.01)


def softplus_loss(x):
    return np.sum(np.log(1 + np.exp(x)))


def softplus_gradient(x):
    return np.exp(x) / (1 + np.exp(x))


def test_a_loss_and_its_gradient_are_audited_together_and_each_is_mended():
    report = gp.audit(softplus_loss, softplus_gradient, X, "x")
    assert [(f.outputs, f.mended) for f in report.findings] == [(("the loss",), True), (("x",), True)]
    both = gp.audit(lambda x: (softplus_loss(x), {"x": softplus_gradient(x)}), X)
    assert [(f.outputs, f.mended, len(f.rewritings)) for f in both.findings] == [(("0", "1.x"), True, 2)]


def test_a_result_without_a_right_digit_is_told_where_its_inputs_determine_some():
    def gradient(x):
        return 2 * (x - np.mean(x)) / x.size / (np.mean(x**2) - np.mean(x) ** 2)

    (finding,) = gp.audit(gradient, X).findings
    assert "np.var(x)" in finding.rewritings[0].after
    assert "float32" in {region.dtype for region in finding.regions}


def test_the_first_step_that_loses_its_digits_is_named():
    report = gp.audit(unstable.several_lines, {"x": np.array([0.5, 0.25])}, magnitudes=(1e-8, 1.0))
    assert [finding.operations for finding in report.findings] == [("square - 9",)]
    assert report.findings[0].line.endswith("(in several_lines): difference = square - 9")
    assert "cancellation" in report.findings[0].cause


def test_what_no_row_mends_is_told_without_a_rewriting():
    report = gp.audit(unstable.lost_in_a_constant, X)
    (finding,) = report.findings
    assert finding.operations == ("x + 1000000000000.0 - 1000000000000.0",)
    assert not finding.mended and finding.rewritings == ()
    assert "none of the table keeps the digits" in str(report)


def test_a_rewriting_that_changes_the_values_is_not_taken(monkeypatch):
    wrong = Rewriting("wrong", (("log(1 - _p)", "np.log1p(_p)"),))
    monkeypatch.setattr(mend, "ROWS", (wrong,))
    monkeypatch.setitem(rewritings._PARSED, "wrong", [tuple(map(parsed, pair)) for pair in wrong.pairs])
    (finding,) = gp.audit(unstable.log_of_complement, UNIT).findings
    assert finding.rewritings == () and not finding.mended


def test_a_rewriting_that_is_right_for_the_signs_of_the_given_inputs_only_is_not_taken(monkeypatch):
    row = Rewriting("for positive x", (("sqrt(1 + _x) - 1", "np.abs(_x) / (np.sqrt(1 + np.abs(_x)) + 1)"),))
    monkeypatch.setattr(mend, "ROWS", (row,))
    monkeypatch.setitem(rewritings._PARSED, row.name, [tuple(map(parsed, pair)) for pair in row.pairs])
    (finding,) = gp.audit(unstable.relativistic, {"x": np.array([0.5, 0.2])}, magnitudes=(1e-8, 1.0)).findings
    assert finding.rewritings == ()


def test_a_pole_is_no_fault():
    assert gp.audit(unstable.pole, {"x": 0.5}).ok


def test_code_that_balls_cannot_run_is_undecided():
    report = gp.audit(unstable.opaque, {"x": np.eye(2) + 1})
    assert not report.ok and report.exit_code == 3 and not report.findings
    assert "svd" in report.undecided and str(report).startswith("undecided")


def test_methods_closures_and_callable_objects_are_audited_and_left_as_they_were():
    scale = 2.0

    def closure(z):
        e = np.exp(scale * z)
        return e / np.sum(e)

    layer = unstable.Layer()
    before = [f.__code__ for f in (unstable.Layer.forward, closure)]
    network = unstable.Network()

    def through_an_object(z):
        return network.predict(z)

    several = (layer.forward, layer, closure, functools.partial(closure), network.predict, through_an_object)
    for function in several:
        (finding,) = gp.audit(function, {"z": X["x"]}).findings
        assert finding.operations[0].startswith("np.exp(") and finding.mended
    assert [f.__code__ for f in (unstable.Layer.forward, closure)] == before
    assert "__gradproof_record__" not in vars(unstable)


def test_labels_and_what_is_not_to_vary_stay_as_they_are():
    seen = []

    def watched(x, w, y):
        if type(w) is np.ndarray:  # not on balls
            seen.append((w.tolist(), y.tolist()))
        return np.sum((x * w - y) ** 2)

    y = np.array([0.0, 1.0, 1.0])
    gp.audit(watched, {"x": np.ones(3) / 3, "w": np.ones(3) / 3, "y": y}, vary="x")
    assert len(seen) > 20
    for w, labels in seen:
        assert w == [float(np.float32(1 / 3))] * 3 and labels == y.tolist()


def test_more_digits_may_be_lost_when_they_are_allowed():
    inputs = {"x": np.array([0.5, 1.5, 2.5]) + 1000}
    assert not gp.audit(unstable.variance_by_sums, inputs, vary=(), bound=2).ok
    assert gp.audit(unstable.variance_by_sums, inputs, vary=(), bound=6).ok


@pytest.mark.parametrize(
    ("function", "inputs", "options", "words"),
    [
        (unstable.softmax, {}, {}, "inputs must be a dict of arrays"),
        (unstable.softmax, {"x": Z}, {}, "fails on the given inputs"),
        (unstable.softmax, {"z": Z * np.nan}, {}, "NaN or infinity"),
        (unstable.softmax, {"z": Z}, {"vary": "x"}, "the floating-point inputs are z"),
        (len, {"obj": Z}, {}, "fails on the given inputs"),
        (lambda z: z.shape[0], {"z": Z}, {}, "no floating-point number"),
        ("softmax", {"z": Z}, {}, "wants a function"),
    ],
)
def test_a_mistake_in_the_use_is_one_line(function, inputs, options, words):
    with pytest.raises(UsageError, match=words):
        gp.audit(function, inputs, **options)


def test_every_rendering_says_the_same():
    report = gp.audit(unstable.softmax, {"z": Z})
    for text in (str(report), report.html(), report._repr_html_(), report.markdown()):
        for said in ("np.exp(z)", "overflow", "float32", "axis=-1, keepdims=True", "unstable.py:", "(in softmax)"):
            assert said in re.sub(r"</?b[^>]*>|\\", "", text)
    data = json.loads(report.to_json())
    assert list(data) == [
        "schema", "ok", "exit_code", "findings", "kept", "undecided", "notes", "bound", "seed", "figures",
    ]  # fmt: skip
    assert list(data["findings"][0]) == [
        "kind", "operations", "cause", "line", "outputs", "regions", "got", "truth", "mended", "rewritings",
    ]  # fmt: skip


FILE = Path(__file__).with_name("unstable.py")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([f"{FILE}:softmax", "--shapes", "z:3,4"], 1, "digits lost"),
        ([f"{FILE.with_name('stable.py')}:softmax", "--shapes", "z:3,4"], 0, "keeps its digits"),
        ([f"{FILE}:opaque", "--shapes", "x:3,3"], 3, "undecided"),
        ([f"{FILE}:softmax", "--shapes", "z:3,4", "--json"], 1, '"kind": "inf"'),
        ([f"{FILE}:variance_by_sums", "--shapes", "x:3", "--digits", "20"], 2, "between 0 and 16"),
        ([f"{FILE}:softmax", "--shapes", "z:3,4", "--vary", "q"], 2, "the floating-point inputs are z"),
        ([f"{FILE}:softmax", "--shapes", "z:3,4", "-o", "x.doc"], 2, "written as .html"),
    ],
)
def test_the_command_line_ends_with_its_code(capsys, arguments, code, words):
    assert main(["audit", *arguments]) == code
    printed = capsys.readouterr()
    assert words in printed.out + printed.err
