"""Derivatives from the literature: each expression's derived gradient, Jacobian or Hessian equals the published one.

``corpus.json`` holds formulas as text; they are read by the project's own whitelisting parser, never by ``eval``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.symbolic.arrays.reductions import logsumexp, softmax
from gradproof.symbolic.formulas.formula import evaluate_formula

Numbers = Callable[..., Any]
CORPUS = json.loads((Path(__file__).parent / "corpus.json").read_text())
SIZES = {"m": 4, "n": 3, "k": 2, "p": 5, "N": 6, "d": 3, "h": 4, "c": 2}
ASSUMED = {"spd": "symmetric", "symmetric": "symmetric", "positive": "positive", "onehot": "one_hot"}
"""The words of the corpus's domains that an array may be assumed to have."""

_NAMES = [
    "exp", "log", "tanh", "sin", "cos", "tan", "sinh", "cosh", "arctan", "sqrt", "abs", "sign", "maximum",
    "minimum", "where", "clip", "sum", "mean", "max", "min", "var", "std", "trace", "diag", "outer", "dot", "inner",
    "einsum", "transpose", "reshape", "concatenate", "stack", "square", "log1p", "expm1", "kron", "linalg.inv",
    "linalg.det", "linalg.norm", "linalg.slogdet", "linalg.solve", "linalg.matrix_power", "vdot", "diagonal",
    "multiply", "divide", "power", "ones_like", "arctan2", "tril",
]  # fmt: skip


def _function(name: str) -> Any:
    part: Any = np
    for piece in name.split("."):
        part = getattr(part, piece)
    return part


NUMPY = {name: _function(name) for name in _NAMES} | {"eye": np.eye}


def _symbolic_eye(n: Any) -> Any:
    from gradproof.symbolic.arrays.products import eye

    return eye(n)


SYMBOLIC = NUMPY | {"eye": _symbolic_eye, "softmax": softmax, "logsumexp": logsumexp}


def inputs(case: dict[str, Any]) -> dict[str, Any]:
    """The symbolic inputs of a case, with what its domains assume of them."""
    assumed = case.get("domain") or {}
    return {
        name: gp.array(name, tuple(shape), **({ASSUMED[assumed[name]]: True} if assumed.get(name) in ASSUMED else {}))
        for name, shape in case["shapes"].items()
    }


def values(case: dict[str, Any], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    result: dict[str, Any] = {}
    for name, shape in case["shapes"].items():
        sizes = tuple(SIZES[d] for d in shape)
        x = rng.normal(size=sizes)
        kind = (case.get("domain") or {}).get(name, "real")
        if kind == "positive":
            x = np.abs(x) + 0.3
        elif kind == "nonzero":
            x = np.where(x < 0, x - 0.5, x + 0.5)
        elif kind == "unit":
            x = rng.uniform(0.1, 0.9, sizes)
        elif kind == "onehot":
            x = np.eye(sizes[1])[rng.integers(0, sizes[1], sizes[0])]
        elif kind == "symmetric":
            x = x + x.T
        elif kind == "spd":
            x = x @ x.T + np.eye(len(x))
        elif kind == "invertible":
            x = x + 3 * np.eye(len(x))
        else:
            assert kind in ("real", "small"), f"{case['id']}: what is {kind}?"
        result[name] = x
    return result


def derive(case: dict[str, Any], symbols: dict[str, Any] | None = None) -> Any:
    symbols = symbols or {name: gp.array(name, tuple(shape)) for name, shape in case["shapes"].items()}
    y = evaluate_formula(case["expr"], symbols, SYMBOLIC)
    wrt = symbols[case["wrt"]]
    if case["kind"] == "gradient":
        return gp.grad(y, wrt)
    return gp.hessian(y, wrt) if case["kind"] == "hessian" else gp.jacobian(y, wrt)


EVERY = pytest.mark.parametrize("case", CORPUS, ids=[c["id"] for c in CORPUS])


@EVERY
def test_the_published_derivative_is_proved_for_all_shapes(case: dict[str, Any]) -> None:
    symbols = inputs(case)
    derived = derive(case, symbols)
    published = evaluate_formula(case["derivative"], symbols, SYMBOLIC)
    if case["kind"] == "vec-jacobian":
        derived = by_columns(derived)
    verdict = gp.equal(derived, published)
    assert verdict.name == "proved", verdict.reason


@EVERY
def test_its_numpy_code_gives_the_published_numbers(case: dict[str, Any]) -> None:
    symbols = {name: gp.array(name, tuple(shape)) for name, shape in case["shapes"].items()}
    numbers = values(case, 3)
    published = np.asarray(evaluate_formula(case["derivative"], numbers, NUMPY), dtype=float)
    # every input is asked for, since the size of an identity alone stands in none that it uses
    program = gp.compile([derive(case, symbols), *symbols.values()])
    got, *_ = program(**numbers)
    if case["kind"] == "vec-jacobian":
        got = by_columns(got)
    np.testing.assert_allclose(got, published, rtol=1e-8, atol=1e-9)


def by_columns(jacobian: Any) -> Any:
    """d vec(Y) / d vec(X), both stacked by columns."""
    rows, columns, height, width = jacobian.shape
    return np.transpose(jacobian, (1, 0, 3, 2)).reshape(rows * columns, height * width)


@EVERY
def test_the_derived_derivative_is_the_published_one(case: dict[str, Any], numbers_of: Numbers) -> None:
    derived = derive(case)
    for seed in (0, 1):
        numbers = values(case, seed)
        published = np.asarray(evaluate_formula(case["derivative"], numbers, NUMPY), dtype=float)
        got = numbers_of(derived, SIZES | numbers)
        if case["kind"] == "vec-jacobian":
            got = by_columns(got)
        np.testing.assert_allclose(got, published, rtol=1e-9, atol=1e-9)


@EVERY
def test_a_changed_published_derivative_is_noticed(case: dict[str, Any], numbers_of: Numbers) -> None:
    numbers = values(case, 2)
    wrong = np.asarray(evaluate_formula(f"1.0001 * ({case['derivative']})", numbers, NUMPY), dtype=float)
    got = numbers_of(derive(case), SIZES | numbers)
    assert got.size == wrong.size and not np.allclose(np.sort(got, None), np.sort(wrong, None), rtol=1e-6, atol=0)


def test_the_layout_of_every_derivative_is_numpys() -> None:
    right = 0
    for case in CORPUS:
        if case["kind"] == "vec-jacobian":
            continue
        symbols = {name: gp.array(name, tuple(shape)) for name, shape in case["shapes"].items()}
        assert not case.get("domain") or set(case["domain"]) <= set(symbols)
        right += derive(case).shape == _shape(case, symbols)
    assert right == len(CORPUS) - 1


def _shape(case: dict[str, Any], symbols: dict[str, Any]) -> tuple[Any, ...]:
    """Gradients have the shape of ``wrt``, Jacobians ``y.shape + wrt.shape``, Hessians ``wrt.shape`` twice."""
    wrt = symbols[case["wrt"]].shape
    if case["kind"] == "gradient":
        return wrt  # type: ignore[no-any-return]
    if case["kind"] == "hessian":
        return wrt + wrt  # type: ignore[no-any-return]
    y: Any = evaluate_formula(case["expr"], symbols, SYMBOLIC)
    return y.shape + wrt  # type: ignore[no-any-return]
