"""More derivatives of the same families, each proved for all shapes and held against its own code.

The published derivative is itself held against central differences of the expression in floats, which know neither.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.symbolic.formulas.formula import evaluate_formula
from tests.symbolic.test_corpus import NUMPY, SYMBOLIC, by_columns, derive, inputs, values

CORPUS = json.loads((Path(__file__).parent / "more_corpus.json").read_text())


@pytest.mark.parametrize("case", CORPUS, ids=[c["id"] for c in CORPUS])
def test_the_published_derivative_is_proved_and_its_code_gives_the_numbers(case: dict[str, Any]) -> None:
    symbols, numbers = inputs(case), values(case, 3)
    derived = derive(case, symbols)
    turn = by_columns if case["kind"] == "vec-jacobian" else (lambda x: x)
    verdict = gp.equal(turn(derived), evaluate_formula(case["derivative"], symbols, SYMBOLIC))
    assert verdict.name == "proved", verdict.reason
    published = np.asarray(evaluate_formula(case["derivative"], numbers, NUMPY), dtype=float)
    got, *_ = gp.compile([derived, *symbols.values()])(**numbers)
    np.testing.assert_allclose(turn(got), np.broadcast_to(published, np.shape(turn(got))), rtol=1e-8, atol=1e-9)
    if case["kind"] != "hessian":
        np.testing.assert_allclose(got, differences(case, numbers), rtol=1e-4, atol=1e-4)


def differences(case: dict[str, Any], numbers: dict[str, Any]) -> Any:
    """The derivative by central differences; a move of a symmetric input leaves it unsymmetric, as the formula does."""
    point = np.asarray(numbers[case["wrt"]], dtype=float)

    def value(x: Any) -> Any:
        return np.asarray(evaluate_formula(case["expr"], numbers | {case["wrt"]: x}, NUMPY), dtype=float)

    step = 1e-6
    found = np.zeros(value(point).shape + point.shape)
    for index in np.ndindex(*point.shape):
        move = np.zeros(point.shape)
        move[index] = step
        found[(..., *index)] = (value(point + move) - value(point - move)) / (2 * step)
    return found


def test_the_table_names_its_cases_once() -> None:
    assert len({case["id"] for case in CORPUS}) == len(CORPUS) >= 60
