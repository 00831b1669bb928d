"""Random array programs: the derived gradient is right, whoever computes it.

Each example is drawn by hypothesis and printed with what repeats it. Values, gradients, second derivatives and the
generated NumPy are held against automatic differentiation, gradients against differences of balls too, and ``equal``
against what is known to be equal, and to differ.

``GRADPROOF_EXAMPLES=10000 python -m pytest -m random_programs`` runs more of them, and ``--hypothesis-seed=1`` others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import flint
import numpy as np
import pytest
import sympy as sp
from beside import examples, module
from hypothesis import given, note, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.errors import UnsupportedError
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import Definition, System, ordered
from gradproof.symbolic.equations.dims import dim
from gradproof.symbolic.equations.values import Valuation, precision

programs = module(__file__, "random_arrays.py")
pytestmark = pytest.mark.random_programs
INPUTS, SIZES = programs.INPUTS, programs.SIZES
Numbers = Callable[..., Any]
LARGEST = 1e6
"""Values beyond this are not compared: their rounding is not."""


class Case:
    """A random program with numbers: the last value of it, its gradient, and the same by automatic differentiation."""

    def __init__(self, draw: Any, seed: int, steps: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.symbols = {name: gp.array(name, shape) for name, shape in INPUTS.items()}
        labels = gp.array("labels", ("m",), integer=True)
        self.numbers: dict[str, Any] = {
            name: self.rng.normal(size=tuple(SIZES[d] for d in shape)) for name, shape in INPUTS.items()
        }
        self.numbers["labels"] = self.rng.integers(0, SIZES["n"], SIZES["m"])
        self.builder = programs.Builder(draw, self.symbols, labels)
        for _ in range(steps):
            self.builder.step()
        note("\n".join(self.builder.log))
        self.symbolic, self.automatic, _ = self.builder.nodes[-1]
        self.wrt = draw(st.sampled_from(sorted(INPUTS)), label="wrt")
        self.target = self.symbols[self.wrt]
        with np.errstate(all="ignore"):
            self.value = self.automatic(self.numbers)
        self.usable = bool(np.all(np.isfinite(self.value)) and np.max(np.abs(self.value), initial=0) < LARGEST)
        self.weight = self.rng.normal(size=np.shape(self.value))
        self.direction = self.rng.normal(size=np.shape(self.numbers[self.wrt]))
        self.known = self.numbers | {"weight": self.weight, "direction": self.direction}

    def scalar(self, v: Any) -> Any:
        """Σ weight · value; the added zero lets autograd differentiate by an input that the program does not use."""
        return anp.sum(self.automatic(self.numbers | {self.wrt: v}) * self.weight) + 0 * anp.sum(v**3)

    def gradient(self) -> Any:
        with np.errstate(all="ignore"):
            return autograd.grad(self.scalar)(self.numbers[self.wrt])

    def derived(self, output: Array | None = None) -> Array:
        output = self.symbolic if output is None else output
        return gp.vjp(output, self.target, gp.array("weight", output.shape))  # type: ignore[no-any-return]

    def inputs_of(self, *arrays: Array) -> dict[str, Any]:
        needed = {d.name for d in System.of(*(a.definition for a in arrays)).inputs if d.value is None}
        return {name: self.known[name] for name in sorted(needed)}


def close(found: Any, right: Any, digits: float = 1e-9) -> None:
    scale = 1 + np.max(np.abs(right), initial=0)
    np.testing.assert_allclose(found / scale, right / scale, rtol=0, atol=digits)


RANDOM = {"data": st.data(), "seed": st.integers(0, 2**32 - 1), "steps": st.integers(2, 9)}


@examples(1)
@given(**RANDOM)
def test_the_gradient_of_a_random_program(data: Any, seed: int, steps: int, numbers_of: Numbers) -> None:
    case = Case(data.draw, seed, steps)
    if not case.usable:
        return
    right = case.gradient()
    gradient = case.derived()
    value, got = numbers_of([case.symbolic, gradient], case.known | SIZES)
    np.testing.assert_allclose(value, case.value, rtol=1e-9, atol=1e-9)
    close(got, right)
    tangent = gp.jvp(case.symbolic, case.target, gp.array("direction", case.target.shape))
    forward = numbers_of(tangent, case.known | SIZES)
    # forward mode and reverse mode are two algorithms: v · (J d) = (Jᵀ v) · d
    left, other = float(np.sum(forward * case.weight)), float(np.sum(got * case.direction))
    scale = 1 + np.max(np.abs(right), initial=0)
    assert abs(left - other) <= 1e-8 * (scale + abs(left)), f"{left} by jvp, {other} by vjp"


@examples(4)
@given(**RANDOM)
def test_the_generated_numpy_of_a_random_program(data: Any, seed: int, steps: int) -> None:
    case = Case(data.draw, seed, steps)
    gradient = case.derived()
    given = case.inputs_of(case.symbolic, gradient)
    if not case.usable or not _sizes_known(case, given, gradient):
        return
    compiled = gp.compile([case.symbolic, gradient])
    note(compiled.source)
    with np.errstate(all="ignore"):
        value, got = compiled(**given)
    assert np.shape(got) == np.shape(case.numbers[case.wrt])
    np.testing.assert_allclose(value, case.value, rtol=1e-9, atol=1e-9)
    close(got, case.gradient())


def _sizes_known(case: Case, given: dict[str, Any], *arrays: Array) -> bool:
    """Whether every dimension is the size of an axis of an input: a constant result may have another one."""
    system = System.of(case.symbolic.definition, *(a.definition for a in arrays))
    return {s for d in system.inputs if d.name in given for n in d.shape for s in n.free_symbols} >= set(
        system.dimensions
    )


@examples(4)
@given(**RANDOM)
def test_second_derivatives_of_a_random_program(data: Any, seed: int, steps: int, numbers_of: Numbers) -> None:
    case = Case(data.draw, seed, steps)
    if not case.usable:
        return
    scalar = np.sum(case.symbolic * gp.array("weight", case.symbolic.shape))
    try:
        with np.errstate(all="ignore"):
            right = autograd.grad(lambda v: anp.sum(autograd.grad(case.scalar)(v) * case.direction))(
                case.numbers[case.wrt]
            )
    except NotImplementedError:  # autograd knows no second derivative of some functions
        return
    if not np.all(np.isfinite(right)) or np.max(np.abs(right), initial=0) > LARGEST:
        return
    product = gp.hvp(scalar, case.target, gp.array("direction", case.target.shape))
    close(numbers_of(product, case.known | SIZES), right, 1e-8)
    hessian = numbers_of(gp.hessian(scalar, case.target), case.known | SIZES)
    close(np.tensordot(hessian, case.direction, case.target.ndim), right, 1e-8)
    rank = case.target.ndim
    close(hessian, np.transpose(hessian, (*range(rank, 2 * rank), *range(rank))))


@examples(4)
@given(**RANDOM)
def test_derivatives_by_an_intermediate_of_a_random_program(
    data: Any, seed: int, steps: int, numbers_of: Numbers
) -> None:
    """What is made of an intermediate is differentiated by it, or that is refused: nothing is left out.

    Nodes that are the same equation are the same intermediate; so is the same equation inside of another operation,
    which automatic differentiation takes for another one, and such programs are left out.
    """
    case = Case(data.draw, seed, steps)
    made = range(len(INPUTS), len(case.builder.nodes) - 1)
    if not case.usable or not made:
        return
    place = data.draw(st.sampled_from(made), label="intermediate")
    inner = case.builder.nodes[place]
    if inner.symbolic.definition is case.symbolic.definition:
        return
    try:
        gradient = gp.vjp(case.symbolic, inner.symbolic, gp.array("weight", case.symbolic.shape))
    except UnsupportedError as reason:
        note(str(reason))
        return

    uses = [n for n in case.builder.nodes if inner.symbolic.definition in ordered([n.symbolic.definition])]
    same = {f"t{k}" for k in made if case.builder.nodes[k].symbolic.definition is inner.symbolic.definition}
    if not all(n.made_of & same for n in uses):
        return

    def scalar(v: Any) -> Any:
        return anp.sum(case.automatic(case.numbers | dict.fromkeys(same, v)) * case.weight) + 0 * anp.sum(v**3)

    with np.errstate(all="ignore"):
        right = autograd.grad(scalar)(np.asarray(inner.automatic(case.numbers), dtype=float))
    if np.all(np.isfinite(right)) and np.max(np.abs(right), initial=0) < LARGEST:
        close(numbers_of(gradient, case.known | SIZES), right)


STEP = flint.arb(2) ** -340


@examples(8)
@given(**RANDOM)
def test_differences_of_balls_of_a_random_program(data: Any, seed: int, steps: int) -> None:
    """Σ weight · (f(x + h d) − f(x − h d)) / 2h is the gradient along d, to 200 digits."""
    case = Case(data.draw, seed, steps)
    if not case.usable:
        return
    gradient = case.derived()
    try:
        with precision():
            ends = [_ball_sum(case, sign * STEP) for sign in (1, -1)]
            difference = (ends[0] - ends[1]) / (2 * STEP)
            along = _along(case, gradient)
            assert (difference - along).contains(0) or abs(difference - along) < flint.arb(10) ** -150, (
                f"{difference} by differences, {along} by the gradient"
            )
    except UnsupportedError as reason:  # a comparison that the balls do not decide: a tie
        note(str(reason))


def _valuation(case: Case, definitions: list[Definition], shift: Any = 0) -> Valuation:
    at = Valuation({dim(name): size for name, size in SIZES.items()})
    for d in ordered(definitions):
        if d.is_input and d.value is None:
            number = np.vectorize(lambda x: flint.arb(x.item() if hasattr(x, "item") else x), otypes=[object])
            array = number(case.known[d.name])
            if d is case.target.definition and shift:
                array = np.asarray(array + number(case.direction) * shift, dtype=object)
            at.arrays[d] = array
        elif d.is_input:
            at.arrays[d] = np.vectorize(lambda x: flint.arb(x.item()), otypes=[object])(d.value)
    return at


def _ball_sum(case: Case, shift: Any) -> Any:
    definition = case.symbolic.definition
    values = np.asarray(_valuation(case, [definition], shift).array(definition), dtype=object)
    return sum((v * flint.arb(float(w)) for v, w in zip(values.flat, case.weight.flat, strict=True)), flint.arb(0))


def _along(case: Case, gradient: Array) -> Any:
    values = np.asarray(_valuation(case, [gradient.definition]).array(gradient.definition), dtype=object)
    return sum((v * flint.arb(float(d)) for v, d in zip(values.flat, case.direction.flat, strict=True)), flint.arb(0))


REWRITINGS: dict[str, Callable[[Any, Any], Any]] = {
    "twice": lambda x, y: (x + x) / 2,
    "and back": lambda x, y: (x + y) - y,
    "negatives": lambda x, y: -(1 - (1 + x)),
    "transposes": lambda x, y: np.transpose(np.transpose(x)),
    "branches": lambda x, y: np.where(x > 0.3, x, x),
    "exponentials": lambda x, y: np.log(np.exp(x)),
    "stacked": lambda x, y: np.sum(np.stack([x / 3, 2 * x / 3]), axis=0),
    "a square": lambda x, y: (x + y) ** 2 - x**2 - 2 * x * y - y**2 + x,
    "parts": lambda x, y: np.maximum(x, 0) + np.minimum(x, 0),
}


@examples(20)
@given(**RANDOM)
def test_equal_of_gradients_of_a_random_program(data: Any, seed: int, steps: int, numbers_of: Numbers) -> None:
    """The gradient of a program written otherwise is never refuted, and a gradient that is off is never proved."""
    case = Case(data.draw, seed, steps)
    if not case.usable:
        return
    gradient = case.derived()
    name = data.draw(st.sampled_from(sorted(REWRITINGS)), label="rewriting")
    others = [n.symbolic for n in case.builder.nodes if n.symbolic.shape == case.symbolic.shape]
    other = data.draw(st.sampled_from(others), label="other")
    rewritten = case.derived(REWRITINGS[name](case.symbolic, other))
    verdict = gp.equal(gradient, rewritten)
    assert verdict.name != "refuted", f"{name}: {verdict}"
    got = numbers_of(gradient, case.known | SIZES)
    if np.max(np.abs(got), initial=0) > 1e-6:
        off = data.draw(st.sampled_from([sp.Rational(1, 1000), sp.Rational(1, 10**9), sp.S.One]), label="off")
        assert not gp.equal(gradient, (1 + off) * rewritten)
        entry = (0,) * case.target.ndim
        if abs(got[entry] if entry else got) > 1e-6:
            assert not gp.equal(gradient, gradient + off * rewritten[entry])


@pytest.mark.parametrize("kind", sorted(set(programs.KINDS)))
def test_programs_of_one_kind(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of operation is reached, and is not refused throughout."""
    monkeypatch.setattr(programs, "KINDS", [kind])
    made, refused = [], []

    @settings(max_examples=20, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def build(data: Any) -> None:
        symbols = {name: gp.array(name, shape) for name, shape in INPUTS.items()}
        builder = programs.Builder(data.draw, symbols, gp.array("labels", ("m",), integer=True))
        builder.step()
        made.extend(builder.log)
        refused.extend(builder.refused)

    build()
    assert made, f"{kind} is always refused: {sorted(set(refused))}"
