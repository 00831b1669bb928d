"""Random index equations: the generated code against their meaning, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from beside import examples
from hypothesis import given, note
from hypothesis import strategies as st
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.codegen.compile import compile
from gradproof.codegen.execute import load
from gradproof.codegen.function_source import function_source
from gradproof.codegen.lower import lower
from gradproof.codegen.passes import expand_logsumexp
from gradproof.symbolic.arrays.array import Array, array
from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import System, define, freshen
from gradproof.symbolic.equations.dims import bound_index, dim, free_index, full_range
from gradproof.symbolic.equations.nodes import Iverson, LogSumExp, MaxOver

pytestmark = pytest.mark.random_programs
Naive = Callable[..., Any]
DIMS = {"m": 3, "n": 4, "k": 2}
INPUTS = {
    "A": ("m", "n"),
    "B": ("n", "k"),
    "C": ("m", "n"),
    "u": ("n",),
    "w": ("m",),
    "c": (),
    "S": ("n", "n"),
    "R": ("m", 1),
}
LABELS = ("y", ("m",), "n")


def numbers(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    made = {name: rng.normal(size=tuple(DIMS.get(d, d) for d in shape)) for name, shape in INPUTS.items()}
    return {**made, "y": rng.integers(0, DIMS["n"], size=DIMS["m"])}


class Expressions:
    """Draws scalar expressions over index symbols that each have a dimension."""

    def __init__(self, draw: Any, earlier: list[Any]) -> None:
        self.draw = draw
        self.arrays = [array(name, shape).definition for name, shape in INPUTS.items()] + earlier
        self.labels = array(LABELS[0], LABELS[1], integer=True).definition
        self.fresh = 0

    def choose(self, options: list[Any]) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def leaf(self, scope: dict[Any, Any]) -> Any:
        usable = [d for d in self.arrays if all(n == 1 or n in scope.values() for n in d.shape)]
        definition = self.choose(usable)
        index = []
        for size in definition.shape:
            if size == 1:
                index.append(sp.S.Zero)
                continue
            symbols = [i for i, n in scope.items() if n == size]
            symbol = self.choose(symbols)
            kind = self.draw(st.integers(0, 7))
            rows = [i for i, n in scope.items() if n == dim("m")]
            if kind == 0:
                index.append(size - 1 - symbol)
            elif kind == 1:
                index.append(sp.Integer(self.draw(st.integers(0, 1))))
            elif kind == 2 and size == dim("n") and rows:
                index.append(self.labels.at(self.choose(rows)))
            else:
                index.append(symbol)
        return definition.at(*index)

    def scalar(self, scope: dict[Any, Any], depth: int) -> Any:
        if depth == 0:
            return self.leaf(scope)
        kind = self.draw(st.integers(0, 10))
        if kind <= 1:
            return self.scalar(scope, depth - 1) + self.draw(st.sampled_from([1, -1, 2])) * self.scalar(
                scope, depth - 1
            )
        if kind <= 3:
            return self.scalar(scope, depth - 1) * self.scalar(scope, depth - 1)
        if kind == 4:
            head = self.choose([sp.tanh, fn.sigmoid, fn.relu, sp.sin, fn.softplus])
            return head(self.scalar(scope, depth - 1))
        if kind == 5:
            return self.scalar(scope, depth - 1) / (1 + self.scalar(scope, depth - 1) ** 2)
        if kind == 6:
            return self.bracket(scope) * self.scalar(scope, depth - 1)
        if kind == 7:
            other = self.scalar(scope, depth - 1)
            # SymPy draws a Piecewise out of a sum in a sum, also where its condition holds the summed index
            summed = [i for i in scope if i.name.startswith("s")]
            visible = scope if len(summed) <= 1 else {i: n for i, n in scope.items() if i not in summed}
            condition = sp.Gt(self.leaf(visible), sp.Rational(1, 4))
            if condition in (sp.true, sp.false):
                return other
            return sp.Piecewise((self.scalar(scope, depth - 1), condition), (other, True), evaluate=False)
        return self.reduction(scope, depth)

    def bracket(self, scope: dict[Any, Any]) -> Any:
        i, n = self.choose(list(scope.items()))
        same = [j for j, size in scope.items() if size == n and j != i]
        if same and self.draw(st.booleans()):
            return KroneckerDelta(i, self.choose(same))
        rows = [j for j, size in scope.items() if size == dim("m")]
        if n == dim("n") and rows and self.draw(st.booleans()):
            return KroneckerDelta(i, self.labels.at(self.choose(rows)))
        return Iverson(sp.Ge(i, 1))

    def reduction(self, scope: dict[Any, Any], depth: int) -> Any:
        size = self.choose([dim(d) for d in DIMS])
        index = bound_index(100 + self.fresh)
        self.fresh += 1
        body = self.scalar({**scope, index: size}, depth - 1)
        kind = self.choose([sp.Sum, sp.Sum, sp.Sum, sp.Sum, LogSumExp, MaxOver])
        if kind is sp.Sum and self.draw(st.booleans()):
            body = body * self.leaf({**scope, index: size})
        return kind(body, full_range(index, size))


@st.composite
def systems(draw: Any) -> list[Array]:
    made: list[Any] = []
    for number in range(draw(st.integers(1, 3))):
        shape = tuple(dim(d) for d in draw(st.lists(st.sampled_from(list(DIMS)), max_size=3)))
        scope = {free_index(p): n for p, n in enumerate(shape)} or {}
        source = Expressions(draw, made)
        rhs = source.reduction(scope, 2) if not scope else source.scalar(scope, draw(st.integers(1, 3)))
        made.append(define(f"v{number}", shape, freshen(rhs)))
    return [Array(d) for d in made]


def arguments(parameters: Any, seed: int) -> dict[str, Any]:
    values = numbers(seed)
    return {p: values[p] if p in values else DIMS[p] for p in parameters}


@examples(0.8)
@given(systems(), st.integers(0, 5))
def test_generated_code_computes_what_the_equations_mean(meaning: Naive, arrays: list[Array], seed: int) -> None:
    note("\n".join(str(a.definition) for a in arrays))
    function = compile(arrays)
    results = function(**arguments(function.parameters, seed))
    for one, result in zip(arrays, results, strict=True):
        expected = meaning(one, numbers(seed), DIMS)
        assert np.shape(result) == np.shape(expected), function.source
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9, err_msg=function.source)


@examples(3)
@given(systems(), st.integers(0, 5))
def test_the_passes_do_not_change_what_is_computed(arrays: list[Array], seed: int) -> None:
    function = compile(arrays)
    plain = expand_logsumexp(lower(System.of(*(a.definition for a in arrays))))
    source = function_source(plain, "plain", single=False)
    given_names = {i.name for i in plain.inputs} | set(function.parameters)
    values = arguments(given_names, seed)
    wanted = source.split("def plain(")[1].split(")")[0].replace("*, ", "").split(", ")
    before = load(source, "plain").plain(**{name: values[name] for name in wanted if name})
    after = function(**{name: values[name] for name in function.parameters})
    for left, right in zip(before, after, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_notices_a_wrong_program(meaning: Naive, seed: int) -> None:
    A, u = array("A", INPUTS["A"]), array("u", INPUTS["u"])
    wrong = compile(A @ (2 * u))(**arguments(["A", "u"], seed))
    assert not np.allclose(wrong, meaning(A @ u, numbers(seed), DIMS))
