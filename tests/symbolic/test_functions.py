"""Every row of the table of functions: its value, derivative, definition and source, against independent numbers."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import special

from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.nodes import Iverson

mpmath.mp.dps = 40
POINTS = {
    "real": ["-3.1", "-1.25", "-0.4", "-0.03", "0.02", "0.7", "1.9", "4.5"],
    "positive": ["0.001", "0.2", "0.9", "1.7", "12.5"],
    "above -1": ["-0.99", "-0.3", "0.001", "0.8", "5"],
}
SECOND = ["0.3", "-0.85", "1.6"]

ORACLES: dict[str, Any] = {
    "exp": mpmath.exp, "log": mpmath.log, "tanh": mpmath.tanh, "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan,
    "sinh": mpmath.sinh, "cosh": mpmath.cosh, "arctan": mpmath.atan, "erf": mpmath.erf, "log1p": mpmath.log1p,
    "expm1": mpmath.expm1, "abs": abs, "sign": mpmath.sign, "floor": mpmath.floor, "rint": mpmath.nint,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "maximum": max, "minimum": min, "arctan2": mpmath.atan2,
    "leaky_relu": lambda x, a: x if x > 0 else a * x,
    "elu": lambda x, a: x if x > 0 else a * mpmath.expm1(x),
    # the constants of the paper, rounded to float64 as every implementation has them
    "selu": lambda x: mpmath.mpf(1.0507009873554804934193349852946)
    * (x if x > 0 else mpmath.mpf(1.6732632423543772848170429916717) * mpmath.expm1(x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu_tanh": lambda x: x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3))),
}  # fmt: skip
"""The functions by their definitions in the literature, written down independently of the table."""


def points(row: fn.Row) -> list[tuple[Any, ...]]:
    firsts = [mpmath.mpf(p) for p in POINTS[row.domain]]
    if row.arity == 1:
        return [(p,) for p in firsts]
    return [(p, mpmath.mpf(q)) for p in firsts for q in SECOND]


def number(expression: Any) -> Any:
    return mpmath.mpf(str(sp.N(expression, 40)))


def exact(point: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sp.Rational(mpmath.nstr(p, 20)) for p in point)


def test_every_row_has_an_oracle() -> None:
    assert set(fn.TABLE) <= set(ORACLES), f"write down what {set(fn.TABLE) - set(ORACLES)} mean"


@pytest.mark.parametrize("name", fn.TABLE)
def test_the_definition_of_a_row_is_the_function(name: str) -> None:
    row = fn.TABLE[name]
    for point in points(row):
        assert mpmath.almosteq(number(row.definition(*exact(point))), ORACLES[name](*point), 1e-30, 1e-30), point


@pytest.mark.parametrize("name", fn.TABLE)
def test_the_derivative_of_a_row_is_the_limit_of_differences(name: str) -> None:
    row = fn.TABLE[name]
    for point in points(row):
        for position in range(row.arity):

            def along(v: Any, position: int = position, point: Any = point) -> Any:
                return ORACLES[name](*(v if k == position else p for k, p in enumerate(point)))

            if row.jumps and 2 * point[position] == mpmath.nint(2 * point[position]):
                continue  # it jumps there, or at the half beside
            right = mpmath.diff(along, point[position], h=mpmath.mpf("1e-15"))
            at = exact(point)
            got = number(row.derivatives[position](*at, row.definition(*at)))
            assert mpmath.almosteq(got, right, 1e-12, 1e-12), f"{name} by argument {position + 1} at {point}"


@pytest.mark.parametrize("name", fn.TABLE)
def test_sympy_differentiates_a_row_by_its_derivative(name: str) -> None:
    row = fn.TABLE[name]
    symbols = sp.symbols("x y", real=True)[: row.arity]
    for point in points(row)[::2]:
        at = dict(zip(symbols, exact(point), strict=True))
        for position, symbol in enumerate(symbols):
            got = row.head(*symbols).diff(symbol).subs(at)
            right = row.derivatives[position](*at.values(), row.definition(*at.values()))
            assert mpmath.almosteq(number(got), number(right), 1e-25, 1e-25), (name, point)


@pytest.mark.parametrize("name", fn.TABLE)
def test_the_numpy_source_of_a_row_computes_it(name: str) -> None:
    row = fn.TABLE[name]
    source = row.numpy.format(*("x", "y")[: row.arity])
    code = compile(source, name, "eval")  # our own table, not a text from outside
    for point in points(row):
        floats = [np.float64(float(p)) for p in point]
        names = {"np": np, "math": math, "erf": special.erf} | dict(zip("xy", floats, strict=False))
        got = eval(code, {"__builtins__": {}}, names)
        right = float(ORACLES[name](*(mpmath.mpf(float(p)) for p in floats)))
        assert abs(got - right) <= 1e-14 * (1 + abs(right)), f"{source} at {floats}"


@pytest.mark.parametrize(
    "name", [n for n, r in fn.TABLE.items() if r.domain == "real" and n not in ("exp", "sinh", "cosh", "expm1")]
)
def test_the_numpy_source_of_a_row_neither_overflows_nor_warns(name: str) -> None:
    row = fn.TABLE[name]
    code = compile(row.numpy.format(*("x", "y")[: row.arity]), name, "eval")
    x = np.array([-800.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 800.0])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        got = eval(code, {"__builtins__": {}}, {"np": np, "math": math, "erf": special.erf, "x": x, "y": 0.5})
    assert np.all(np.isfinite(got))


def wrong(name: str, definition: Any, derivative: Any, domain: str = "real") -> fn.Row:
    return fn.Row(name, sp.tanh, definition, (derivative,), "", "", domain)


PLANTED = {
    "sign": wrong("tanh", sp.tanh, lambda x, y: y**2 - 1),
    "factor": wrong("square", lambda x: x**2, lambda x, y: x),
    "argument for value": wrong("exp", sp.exp, lambda x, y: sp.exp(y)),
    "twelfth digit": wrong("sin", sp.sin, lambda x, y: sp.cos(x) * (1 + sp.Rational(1, 10**12))),
    "one side of a kink": wrong("relu", lambda x: x * Iverson(x > 0), lambda x, y: sp.S.One),
    "one branch": wrong("elu", lambda x: sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)), lambda x, y: sp.exp(x)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_row_is_not_loaded(name: str) -> None:
    with pytest.raises(AssertionError, match="derivative by argument 1"):
        fn.check_row(PLANTED[name])


def test_a_piecewise_row_must_name_its_kinks() -> None:
    row = wrong("bent", lambda x: sp.Piecewise((x, x > 0), (2 * x, True)),
                lambda x, y: sp.Piecewise((1, x > 0), (2, True)))  # fmt: skip
    with pytest.raises(AssertionError, match="kink"):
        fn.check_row(row)


@pytest.mark.parametrize("name", [n for n, r in fn.TABLE.items() if r.kinks])
def test_the_derivative_jumps_at_every_named_kink_and_nowhere_else_in_sight(name: str) -> None:
    row = fn.TABLE[name]
    second = (sp.S.Zero,) if name in ("maximum", "minimum") else (sp.Rational(3, 10),)
    rest = second * (row.arity - 1)

    def slope(x: Any) -> Any:
        return number(row.derivatives[0](x, *rest, row.definition(x, *rest)))

    step = sp.Rational(1, 10**9)
    for kink in row.kinks:
        if name == "sign":
            assert number(row.definition(kink + step)) != number(row.definition(kink - step))
        else:
            assert abs(slope(kink + step) - slope(kink - step)) > 0.5
    for place in (sp.Rational(1, 2), sp.Rational(-3, 2), sp.Integer(2)):
        assert abs(slope(place + step) - slope(place - step)) < 1e-6
