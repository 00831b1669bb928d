"""Programs are validated, and each pass keeps the values and does what its name says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from gradproof.codegen.compile import compile, lowered
from gradproof.codegen.lower import lower
from gradproof.codegen.passes import PROGRAM_PASSES, optimise, rewrite
from gradproof.codegen.program import InvalidProgram, Program, validate
from gradproof.symbolic.arrays.array import Array, array, elementwise
from gradproof.symbolic.arrays.reductions import softmax
from gradproof.symbolic.calculus.differentiate import grad
from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import System

X, W, b = array("X", ("m", "n")), array("W", ("n", "k")), array("b", ("k",))
Y = array("Y", ("m", "k"), one_hot=True)


def cost() -> Array:
    return (-np.sum(Y * np.log(softmax(X @ W + b))) / X.shape[0]).named("C")


def program() -> Program:
    return lowered([cost().definition, grad(cost(), W).definition])


def count(program: Program, op: str, text: str = "") -> int:
    return sum(s.op == op and (not text or s.params == (text,)) for s in program.instructions)


def test_a_lowered_program_is_valid_after_every_pass() -> None:
    system = rewrite(System.of(cost().definition, grad(cost(), W).definition))
    current = lower(system)
    for program_pass in PROGRAM_PASSES:
        current = program_pass(current)
        validate(current)


FAULTS = {
    "an operand that is not computed": lambda s: replace(s, args=("nowhere", *s.args[1:])),
    "a wrong shape": lambda s: replace(s, shape=(*s.shape, sp.Integer(7))),
    "a wrong dtype": lambda s: replace(s, dtype="bool"),
    "an unknown op": lambda s: replace(s, op="teleport"),
    "too few operands": lambda s: replace(s, args=s.args[:1]),
    "an axis without a name": lambda s: replace(s, axes=s.axes[:-1]),
    "a name twice": lambda s: replace(s, name="X"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_instruction_is_found(fault: str) -> None:
    good = program()
    place = next(p for p, s in enumerate(good.instructions) if s.op == "matmul")
    broken = list(good.instructions)
    broken[place] = FAULTS[fault](broken[place])
    with pytest.raises(InvalidProgram):
        good.replace(tuple(broken))


def test_an_output_that_is_not_computed_is_found() -> None:
    with pytest.raises(InvalidProgram, match="the output C is not computed"):
        good = program()
        good.replace(tuple(s for s in good.instructions if s.name != "C" and "C" not in s.args))


def test_softmax_takes_its_exponentials_once_and_no_logarithm_of_a_probability() -> None:
    steps = program()
    assert count(steps, "function", "np.exp({0})") == 1
    assert count(steps, "function", "np.log({0})") == 1
    by_name = {s.name: s for s in steps.instructions}
    (log,) = (s for s in steps.instructions if s.params == ("np.log({0})",))
    assert by_name[log.args[0]].op == "sum"


def test_common_work_is_shared_and_dead_work_is_gone() -> None:
    z = np.tanh(X @ W)
    steps = lowered([(np.sum(z) + np.sum(np.tanh(X @ W) ** 2)).definition])
    assert count(steps, "matmul") == 1 and count(steps, "function", "np.tanh({0})") == 1
    used = set(steps.outputs) | {a for s in steps.instructions for a in s.args}
    assert all(s.name in used for s in steps.instructions)


def test_small_powers_are_products_and_products_of_matrices_are_matmul() -> None:
    code = [line.partition("#")[0] for line in compile(np.sum((X @ W) ** 3)).source.splitlines()]
    assert not any("**" in line for line in code) and any("X @ W" in line for line in code)
    assert "A.T @ B" in compile(array("A", ("m", "n")).T @ array("B", ("m", "k"))).source
    assert "B @ A).T" in compile(array("A", ("n", "m")).T @ array("B", ("k", "n")).T).source
    assert "A @ x" in compile(array("A", ("m", "n")) @ array("x", ("n",))).source


def test_a_diagonal_matrix_is_np_diag() -> None:
    assert "np.diag(np.sin(x))" in compile(np.diag(np.sin(array("x", ("n",))))).source


LARGE = np.array([-800.0, -30.0, 0.0, 30.0, 800.0])
STABLE: dict[str, tuple[Any, Any]] = {
    "log of a sigmoid": (lambda z: np.log(elementwise("s", fn.sigmoid, z)), lambda z: -np.logaddexp(0, -z)),
    "log of one minus a sigmoid": (
        lambda z: np.log(1 - elementwise("s", fn.sigmoid, z)),
        lambda z: -np.logaddexp(0, z),
    ),
    "log of softmax": (lambda z: np.log(softmax(z)), lambda z: z - 800.0),
    "softplus": (lambda z: elementwise("s", fn.softplus, z), lambda z: np.logaddexp(0, z)),
}


@pytest.mark.parametrize("name", STABLE)
def test_logarithms_stay_finite_at_large_arguments(name: str) -> None:
    symbolic, expected = STABLE[name]
    computed = compile(symbolic(array("z", ("n",))))(z=LARGE)
    np.testing.assert_allclose(computed, expected(LARGE), rtol=1e-14)


def test_the_gradient_of_a_deep_network_lowers_to_a_program_of_linear_size() -> None:
    sizes = []
    for depth in (4, 8, 16):
        a: Any = array("X", ("m", "n"))
        weights = [array(f"W{layer}", ("n", "n")) for layer in range(depth)]
        for weight in weights:
            a = np.tanh(a @ weight)
        total = np.sum(a**2)
        steps = optimise(lower(rewrite(System.of(total.definition, *(g.definition for g in grad(total, weights))))))
        sizes.append(len(steps.instructions))
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])
