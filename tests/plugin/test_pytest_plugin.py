"""Gradients as tests: the marker and the fixtures, seen from a user's test file."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

MODEL = """
import numpy as np
import pytest

SHAPES = "X:5,3 w:3 y:5"
DATA = {"X": np.eye(2), "w": np.ones(2), "y": np.ones(2)}

def loss(X, w, y):
    return 0.5 * np.mean((X @ w - y) ** 2)

def grad(X, w, y):
    return X.T @ (X @ w - y) / len(y)

def wrong(X, w, y):
    return X.T @ (X @ w - y)

def guarded_loss(p):
    return -np.sum(np.log(p + 1e-7))

def opaque(X, w, y):
    return np.linalg.svd(np.outer(w, w))[1].sum()
"""

INSTALLED = any(point.name == "gradproof" for point in entry_points(group="pytest11"))


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    """Load what the inner runs load: pytester forgets modules after each run, and NumPy cannot be loaded twice."""
    import_module("gradproof.symbolic.prove")
    import_module("gradproof.symbolic.tracing.trace")
    from gradproof.numeric.verification.testing import verified

    for factor in (2, 3):
        str(verified(loss=lambda w: w * w, grad=lambda w, c=factor: c * w, inputs={"w": 0.5}))


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test file with strict markers and warnings as errors, and return the outcome."""
    monkeypatch.setenv("COLUMNS", "160")

    def function(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(MODEL + tests)
        plugin = [] if INSTALLED else ["-p", "gradproof.pytest_plugin"]
        arguments = [*plugin, "--strict-markers", "-W", "error", "-p", "no:cacheprovider", *options]
        return pytester.runpytest_inprocess(*arguments)

    return function


@pytest.mark.parametrize(
    "test",
    [
        '@pytest.mark.gradient(loss=loss, shapes=SHAPES, wrt="w")\ndef test_it(X, w, y):\n    return grad(X, w, y)',
        '@pytest.mark.gradient(shapes=SHAPES, wrt="w")\ndef test_it():\n    return loss, grad',
        '@pytest.mark.gradient(loss=loss, grad=grad, shapes=SHAPES, wrt="w")\ndef test_it():\n    pass',
        'def test_it(assert_gradient):\n    assert_gradient(loss, grad, shapes=SHAPES, wrt="w")',
        'def test_it(assert_gradient):\n    assert_gradient(loss, grad, DATA, "w")',
        '@pytest.mark.gradient\ndef test_it():\n    return (lambda w: w**3), (lambda w: 3 * w**2), {"w": 0.5}',
        '@pytest.mark.gradient(forward=lambda x: x**2, inputs=[np.ones(3)])\ndef test_it(d, x):\n    return 2 * x * d',
        "def test_it(assert_backward):\n    assert_backward(lambda x: (x**2, x), lambda d, x: 2 * x * d, [np.ones(3)])",
        '@pytest.mark.gradient(loss=loss, inputs=lambda: DATA, wrt="w")\n'
        "def test_it(X, w, y):\n    return grad(X, w, y)",
    ],
)  # fmt: skip
def test_a_right_gradient_passes(run, test):
    result = run(test)
    result.assert_outcomes(passed=1)
    assert "gradients: 1 certified" in result.stdout.str() or "gradients: 1 proved" in result.stdout.str()


@pytest.mark.parametrize(
    "test",
    [
        '@pytest.mark.gradient(loss=loss, shapes=SHAPES, wrt="w")\ndef test_it(X, w, y):\n    return wrong(X, w, y)',
        '@pytest.mark.gradient(shapes=SHAPES, wrt="w")\ndef test_it():\n    return loss, wrong',
        '@pytest.mark.gradient(loss=loss, grad=wrong, shapes=SHAPES, wrt="w")\ndef test_it():\n    pass',
        'def test_it(assert_gradient):\n    assert_gradient(loss, wrong, shapes=SHAPES, wrt="w")',
    ],
)
def test_a_wrong_gradient_fails_with_the_report_and_without_our_internals(run, test):
    result = run(test)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    for said in ("refuted: the gradient of w is wrong", "off by a constant factor", "claimed", "seed 0"):
        assert said in text
    assert "pytest_plugin.py" not in text and "numeric/verification" not in text and "testing.py" not in text
    assert "gradients: 1 refuted" in text
    shown = text.partition("short test summary info")[0]  # where CI is set, pytest repeats the message in the summary
    assert shown.count("off by a constant factor") == 1


def test_the_summary_names_the_verdict(run):
    result = run('@pytest.mark.gradient(loss=loss, grad=wrong, shapes=SHAPES, wrt="w")\ndef test_it():\n    pass')
    result.stdout.fnmatch_lines(["FAILED *::test_it - *refuted: the gradient of w is wrong"])


def test_the_fixture_shows_the_line_of_the_test_that_called_it(run):
    result = run('def test_it(assert_gradient):\n    assert_gradient(loss, wrong, shapes=SHAPES, wrt="w")')
    result.stdout.fnmatch_lines(
        [">*assert_gradient(loss, wrong, shapes=SHAPES*", "E*refuted: the gradient of w is wrong"]
    )


GUARDED = '@pytest.mark.gradient(loss=guarded_loss, shapes="p:4:unit"{})\ndef test_it(p):\n    return -1 / p'
OPAQUE = '@pytest.mark.gradient(loss=opaque, shapes=SHAPES, wrt="w"{})\ndef test_it(X, w, y):\n    return {}'


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (GUARDED.format(""), ["guarded", "1e-07", 'to let this pass: allow="guarded"']),
        (OPAQUE.format("", "2 * w"), ["agrees", "svd", 'to let this pass: allow="agrees"']),
        (OPAQUE.format("", "3 * w"), ["unknown", "svd", 'to let this pass: allow="unknown"']),
        (OPAQUE.format(', allow="agrees"', "3 * w"), ["unknown", "svd"]),
    ],
)
def test_what_is_not_certified_fails_with_its_reason(run, test, words):
    result = run(test)
    result.assert_outcomes(failed=1)
    assert all(word in result.stdout.str() for word in words)


@pytest.mark.parametrize(
    "test",
    [GUARDED.format(', allow="guarded"'), OPAQUE.format(', allow=["agrees", "guarded"]', "2 * w")],
)
def test_what_is_allowed_passes(run, test):
    run(test).assert_outcomes(passed=1)


def test_nothing_lets_a_refuted_gradient_pass(run):
    result = run(GUARDED.format(', allow=["guarded", "agrees", "unknown"]').replace("-1 / p", "-2 / p"))
    result.assert_outcomes(failed=1)
    assert "to let this pass" not in result.stdout.str()


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("@pytest.mark.gradient(lose=loss)\ndef test_it(w): pass", "there is no 'lose'; the keywords are loss, grad"),
        ("@pytest.mark.gradient(shapes=SHAPES)\ndef test_it(): return 3", "has to return (loss, grad) or"),
        ("@pytest.mark.gradient(loss=loss)\ndef test_it(X, w, y): return w", "give either inputs"),
        ("@pytest.mark.gradient(loss=loss, shapes='w:x')\ndef test_it(w): return w", "'w:x' is not NAME:SIZES"),
        ('@pytest.mark.gradient(loss=loss, shapes=SHAPES, wrt="v")\ndef test_it(X, w, y): return w', "wrt='v' is not"),
        (GUARDED.format(', allow="refuted"'), "the verdicts that can be allowed are agrees, guarded, unknown"),
        ("@pytest.mark.gradient(loss=loss, shapes=SHAPES)\ndef test_it(X, w, y, z): return w", "fixture 'z' not found"),
        (
            '@pytest.mark.gradient(loss=loss, shapes=SHAPES, wrt="w")\ndef test_it(X, w, y): return 1 / 0',
            "ZeroDivision",
        ),
    ],
)
def test_a_mistake_in_the_use_is_told_in_one_line(run, test, words):
    result = run(test)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert words in result.stdout.str()
    assert "pytest_plugin.py:" not in result.stdout.str()


def test_inputs_fixtures_and_parameters_of_the_test_go_together(run):
    result = run(
        """
@pytest.fixture
def scale():
    return 2.0

@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.gradient(loss=lambda w: np.sum(w**2) + np.sum(w**3), shapes="w:4")
def test_sum(w, scale, power):
    return scale * w ** (2 - 1) + 3 * w**2 * (power / power)

@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.gradient
def test_returned(n):
    return (lambda w: np.sum(w**n)), (lambda w: n * w ** (n - 1)), {"w": np.linspace(1, 2, 3)}

class TestMethods:
    @pytest.mark.gradient(loss=lambda w: np.sum(w**2), shapes="w:4")
    def test_method(self, w):
        return 2 * w

@pytest.mark.gradient(loss=lambda w: np.sum(w**2), shapes="w:4")
class TestMarkedClass:
    def test_method(self, w, scale):
        return scale * w
"""
    )
    result.assert_outcomes(passed=6)


def test_tests_without_the_marker_are_left_alone(run):
    result = run("def test_it():\n    assert 1 == 1")
    result.assert_outcomes(passed=1)
    assert "gradients:" not in result.stdout.str()


def test_the_marker_is_listed(run):
    assert "@pytest.mark.gradient(loss=, grad=, forward=, inputs= or shapes=" in run("", "--markers").stdout.str()


def test_the_verdict_stands_in_the_junit_file(run, pytester):
    run('def test_it(assert_gradient):\n    assert_gradient(loss, wrong, shapes=SHAPES, wrt="w")', "--junitxml=out.xml")
    assert '<property name="gradproof" value="refuted"' in (pytester.path / "out.xml").read_text()


def test_the_plugin_loads_neither_numpy_nor_the_rest():
    program = (
        "import gradproof.pytest_plugin, sys; print(sorted({'sympy', 'numpy', 'flint', 'jinja2'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_it_works_in_several_processes(run):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    result = run(
        '@pytest.mark.gradient(loss=loss, shapes=SHAPES, wrt="w")\ndef test_it(X, w, y):\n    return wrong(X, w, y)',
        "-n2",
    )
    result.assert_outcomes(failed=1)
    assert "gradients: 1 refuted" in result.stdout.str()
