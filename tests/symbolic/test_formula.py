"""Formula text: what is on the whitelist means what NumPy means by it, and nothing else ever runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gradproof.errors import ShapeError, UsageError
from gradproof.symbolic.formulas.formula import MAX_DEPTH, MAX_LENGTH, evaluate_formula
from gradproof.symbolic.formulas.formula_numbers import EXACT_FUNCTIONS, LARGEST

X = np.array([[0.5, -1.0], [2.0, 0.25]])
W = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
m = sympy.Symbol("m", integer=True, positive=True)
n = sympy.Symbol("n", integer=True, positive=True)
NAMES = ("sum", "mean", "tanh", "exp", "log", "sqrt", "where", "maximum", "einsum", "dot", "trace", "arange", "abs")
FUNCTIONS: dict[str, Callable[..., object]] = {name: getattr(np, name) for name in NAMES} | {
    "linalg.inv": np.linalg.inv
}


def evaluate(text: str, **environment: object) -> object:
    return evaluate_formula(text, environment or {"X": X, "W": W, "m": m, "n": n}, FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("np.sum(np.tanh(X @ W) ** 2)", np.sum(np.tanh(X @ W) ** 2)),
        ("sum(tanh(X @ W) ** 2)", np.sum(np.tanh(X @ W) ** 2)),
        ("numpy.tanh(X)", np.tanh(X)),
        ("np.linalg.inv(X)", np.linalg.inv(X)),
        ("X.T @ W", X.T @ W),
        ("-X + +X * 2", -X + X * 2),
        ("X - X.mean(axis=0, keepdims=True)", X - X.mean(axis=0, keepdims=True)),
        ("X.sum(axis=(0, 1))", X.sum(axis=(0, 1))),
        ("X[0]", X[0]),
        ("X[:, None, 1:]", X[:, None, 1:]),
        ("X[..., np.newaxis]", X[..., np.newaxis]),
        ("X[-1, ::-1]", X[-1, ::-1]),
        ("where(X > 0, X, 0)", np.where(X > 0, X, 0)),
        ("maximum(0, X)", np.maximum(0, X)),
        ("(X <= 0.5) * X", (X <= 0.5) * X),
        ("(X == 2) * 1", (X == 2) * 1),
        ("(X != 2) * 1", (X != 2) * 1),
        ("(X < W[:, :2]) * (X >= -1)", (X < W[:, :2]) * (X >= -1)),
        ("einsum('ij,jk->ik', X, W)", X @ W),
        ("X[arange(2), arange(2)]", X[[0, 1], [0, 1]]),
        ("X * X.shape[0]", X * 2),
        ("  X / 2  ", X / 2),
        ("(X\n + X)", 2 * X),
        ("X[np.arange(2), (0, 1)]", np.diagonal(X)),
    ],
)
def test_a_formula_means_what_numpy_means_by_it(text: str, expected: object) -> None:
    np.testing.assert_array_equal(evaluate(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/3", sympy.Rational(1, 3)),
        ("0.1 + 0.2", sympy.Rational(3, 10)),
        ("0.044715", sympy.Rational(44715, 10**6)),
        ("1e-7", sympy.Rational(1, 10**7)),
        ("1_000", sympy.Integer(1000)),
        ("0x1F", sympy.Integer(31)),
        ("0.12345678901234567890123456789", sympy.Rational(12345678901234567890123456789, 10**29)),
        ("sqrt(2/np.pi)", sympy.sqrt(2 / sympy.pi)),
        ("2**0.5", sympy.sqrt(2)),
        ("2**-2", sympy.Rational(1, 4)),
        ("np.e", sympy.E),
        ("-pi", -sympy.pi),
        ("1/sqrt(m)", 1 / sympy.sqrt(m)),
        ("m*n/2", m * n / 2),
        ("abs(-3)", sympy.Integer(3)),
        ("0**0", sympy.Integer(1)),
    ],
)
def test_plain_numbers_stay_exact(text: str, expected: sympy.Expr) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize("name", sorted(EXACT_FUNCTIONS))
def test_the_exact_functions_agree_with_those_of_python(name: str) -> None:
    python = {"abs": abs}.get(name) or getattr(math, name)
    value = evaluate_formula(f"{name}(0.75)", {}, {name: python})
    assert float(value) == pytest.approx(python(0.75), rel=1e-15)  # type: ignore[arg-type]


def test_whole_numbers_reach_functions_as_int_and_fractions_exactly() -> None:
    received: list[object] = []
    evaluate_formula("f(2, 6/3, 0.5, (1, 2), [3])", {}, {"f": lambda *args: received.extend(args)})
    assert received == [2, 2, sympy.Rational(1, 2), (1, 2), [3]]
    assert [type(value) for value in received[:2]] == [int, int]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X + Y", r"column 5: unknown name 'Y'; the names are X, W, m, n"),
        ("  Y", r"column 3: unknown name 'Y'"),
        ("σ + Y", r"column 1: unknown name 'σ'"),
        ("(X +\n  Y)", r"line 2, column 3: unknown name 'Y'"),
        ("X * foo(X)", r"column 5: unknown function 'foo'; the functions are abs, arange, .*where"),
        ("np.random.seed(0)", r"column 1: unknown function 'random.seed'"),
        ("np.load('a.npy')", r"unknown function 'load'"),
        ("__import__('os').system('true')", r"column 1: \.system\(\) is not allowed"),
        ("__import__('os')", r"unknown function '__import__'"),
        ("X.__class__", r"\.__class__ is not allowed; an array has \.T, \.shape, \.sum"),
        ("X.tofile('a')", r"\.tofile\(\) is not allowed; the methods are sum, mean"),
        ("X.sum.__globals__", r"\.__globals__ is not allowed"),
        ("X.dtype", r"\.dtype is not allowed"),
        ("m.subs", r"\.subs is not allowed"),
        ("m.T", r"a number has no \.T"),
        ("(lambda: X)()", r"only a named function can be called"),
        ("lambda: X", r"column 1: a lambda is not allowed in a formula"),
        ("[x for x in X]", r"a comprehension is not allowed"),
        ("{x for x in X}", r"a comprehension is not allowed"),
        ("sum(x for x in X)", r"a generator expression is not allowed"),
        ("f'{X}'", r"an f-string is not allowed"),
        ("'text'", r"text is not allowed here"),
        ("sum('ij')", r"text is not allowed here"),
        ("einsum(X, X)", r"einsum takes its subscripts first"),
        ("einsum('i;j', X)", r"the subscripts of einsum are letters"),
        ("b'x'", r"b'x' is not allowed here"),
        ("1j * X", r"1j is not allowed here"),
        ("X if X else W", r"a conditional \(use np\.where\) is not allowed"),
        ("X and W", r"and/or is not allowed"),
        ("not X", r"Not is not an operator of formulas"),
        ("~X", r"Invert is not an operator of formulas"),
        ("X // 2", r"FloorDiv is not an operator of formulas; they are \+, -, \*, /, \*\*, @"),
        ("X << 2", r"LShift is not an operator"),
        ("X is W", r"Is is not allowed in a formula"),
        ("0 < X < 1", r"a chain of comparisons is not allowed"),
        ("1 < 2", r"these are two numbers"),
        ("(y := X)", r"an assignment is not allowed"),
        ("{'a': X}", r"a dictionary is not allowed"),
        ("sum(*X)", r"a starred argument is not allowed"),
        ("sum(**X)", r"\*\* is not a keyword of formulas"),
        ("sum(X, out=X)", r"out= is not a keyword of formulas; they are axis, keepdims, ddof"),
        ("sum", r"sum is a function; call it"),
        ("np.sum", r"sum is a function; call it, as in np\.sum"),
        ("X(2)", r"X is an array, not a function"),
        ("(1, 2) * 3", r"\* does not work on a tuple"),
        ("True + 1", r"\+ does not work on True"),
        ("2 @ 3", r"@ multiplies arrays, and these are two numbers"),
        ("X @ W @ X", r"column 1: @ does not work here: .*mismatch"),
        ("X[5]", r"this subscript does not work here: index 5"),
        ("m[0]", r"a number has no entries"),
        ("1 / 0", r"column 1: division by zero"),
        ("1 / (m - m)", r"division by zero"),
        ("0 ** -1", r"division by zero"),
        ("(-1) ** 0.5", r"not real"),
        ("sqrt(-2)", r"sqrt of a negative number is not real"),
        ("log(0)", r"log of a number that is not positive"),
        ("exp(10**6)", r"exp of a number this large is out of range"),
        ("1e400", r"1e400 is out of range"),
        ("1e-400", r"out of range"),
        ("1 +", r"the formula cannot be read: invalid syntax"),
        ("x = 1", r"the formula cannot be read"),
        ("1if X", r"the formula cannot be read"),
        ("import os", r"column \d+: the formula cannot be read"),
        ("X; X", r"the formula cannot be read"),
        ("\x00", r"the formula cannot be read"),
        ("", r"the formula is empty"),
        (" \n", r"the formula is empty"),
    ],
)
def test_everything_else_is_refused_in_one_line_that_says_where(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        evaluate(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "9**9**9**9**9",
        "m**10**100",
        "X**10**9",
        "(((X**999)**999)**999)",
        "((9e299*m)**1000)**1000",
        "(9e299*m)**1000",
        "9**X.shape[0]**9**9",
        "exp(exp(exp(exp(9))))",
        "1" * 3000,
        "9" * 61,
        "10**299 * 10**299",
        "(" * 500 + "X" + ")" * 500,
        "-" * 3000 + "1",
        "+".join("X" * 3000),
        "X" + "[0]" * 1000,
        "sum(" * 150 + "X" + ")" * 150,
        "X" + ".T" * 1000,
    ],
)
def test_a_text_that_would_keep_the_machine_busy_is_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UsageError):
        evaluate(text)
    assert time.perf_counter() - start < 2


def test_the_limits_on_length_and_depth_are_stated() -> None:
    with pytest.raises(UsageError, match=f"at most {MAX_LENGTH} are read"):
        evaluate("X" * (MAX_LENGTH + 1))
    with pytest.raises(UsageError, match=f"nested more than {MAX_DEPTH} deep"):
        evaluate("-" * MAX_DEPTH + "X")
    np.testing.assert_array_equal(evaluate("-" * (MAX_DEPTH - 2) + "X"), X)


def test_an_error_of_the_engine_passes_as_it_is() -> None:
    def refuse(_: object) -> object:
        raise ShapeError("X is 2×2 and W is 2×3")

    with pytest.raises(ShapeError, match=r"^X is 2×2 and W is 2×3$"):
        evaluate_formula("f(X)", {"X": X}, {"f": refuse})


def test_a_fault_of_the_engine_is_not_disguised_as_a_mistake_of_the_user() -> None:
    def crash(_: object) -> object:
        raise KeyError("a table lacks a row")

    with pytest.raises(KeyError):
        evaluate_formula("f(X)", {"X": X}, {"f": crash})


def test_a_name_of_the_environment_comes_before_numpy_and_before_pi() -> None:
    np.testing.assert_array_equal(evaluate("np.T + pi", np=X, pi=X), X.T + X)


def _value_or_usage_error(text: str) -> None:
    with np.errstate(all="ignore"):
        try:
            value = evaluate(text)
        except UsageError as error:
            assert "\n" not in str(error)
            return
    if isinstance(value, sympy.Expr) and value.is_number:
        assert value.is_extended_real is not False
        assert abs(float(value)) <= LARGEST


_atoms = st.sampled_from(["X", "W", "m", "n", "0", "1", "2", "-1", "0.5", "1e300", "9", "None", "True", "np.pi", "Y"])
_binary = st.sampled_from(["+", "-", "*", "/", "**", "@", "<", "==", "//", "%", " and ", " if ", ":=", ","])
# without arange: NumPy's own, unlike that of symbolic arrays, would really fill 9**9 entries
_calls = st.sampled_from(
    [*sorted({*NAMES} - {"arange"}), "np.sum", "np.linalg.inv", "eval", "X.sum", "X.mean", "np.load", ""]
)
_tails = st.sampled_from([".T", ".shape", "[0]", "[:, None]", "[m]", ".__class__", ".sum()", "[0:m:2]", "(axis=1)"])


@settings(max_examples=300)
@given(
    st.recursive(
        _atoms,
        lambda inner: st.one_of(
            st.tuples(inner, _binary, inner).map("".join).map("({})".format),
            st.tuples(_calls, inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
            st.tuples(inner, _tails).map("".join),
            st.tuples(inner, inner).map(lambda pair: f"where({pair[0]} > 0, {pair[1]}, 0)"),
        ),
        max_leaves=12,
    )
)
def test_a_made_up_formula_gives_a_value_or_a_usage_error(text: str) -> None:
    _value_or_usage_error(text)


@settings(max_examples=300)
@given(st.text(max_size=60) | st.text(alphabet="XWmn0123456789.+-*/@()[]:,<>=_ 'npsumT\\\n\t{}", max_size=60))
def test_any_text_gives_a_value_or_a_usage_error(text: str) -> None:
    _value_or_usage_error(text)
