"""User code runs on balls as it runs on floats, and the elements' tangents are the true derivatives."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from gradproof.errors import UnsupportedError
from gradproof.numeric.balls.arrays import exact
from gradproof.numeric.balls.ball import Ball, precision
from gradproof.numeric.balls.evaluate import evaluate_on_balls
from gradproof.numeric.balls.functions import SMOOTH, UNARY
from gradproof.numeric.balls.linalg import det
from gradproof.numeric.balls.readings import closed_form, read_float

A = np.random.default_rng(1).standard_normal((3, 4))
K = np.array([1, 3, 1])

PROGRAMS = {
    "buffers": lambda x: [np.zeros(3) + x[:, 0], np.ones_like(x) * x, np.full((2, 2), x[0, 0]), np.empty((0, 3))],
    "joins": lambda x: [np.concatenate([x, x]), np.stack([x, 2 * x]), np.hstack([x, x]), np.split(x, 2, axis=1)[1]],
    "moves": lambda x: [
        np.pad(x, 1),
        np.tile(x, (2, 1)),
        np.repeat(x, 2, axis=1),
        np.roll(x, 1, axis=0),
        x[::-1, [0, 2]],
    ],
    "products": lambda x: [
        x @ x.T,
        x.dot(x.T),
        np.outer(x[0], x[1]),
        np.inner(x, x),
        np.tensordot(x, x.T, 1),
        x[0] @ x[1],
    ],
    "einsum": lambda x: [np.einsum("ij,kj->ik", x, x), np.einsum("ii->i", x[:, :3]), np.einsum("ij,ij,kj->k", x, x, x)],
    "einsum dots": lambda x: np.einsum("...j,jk", np.stack([x, x]), x.T),
    "reductions": lambda x: [x.sum(), x.mean(1), x.var(0), x.std(axis=0, ddof=1), x.max(axis=0), x.min(), x.prod(1)],
    "norms": lambda x: [np.linalg.norm(x), np.linalg.norm(x, axis=1), np.linalg.norm(x, 1, axis=0), np.ptp(x, axis=0)],
    "matrices": lambda x: [
        np.linalg.inv(x @ x.T),
        np.linalg.det(x @ x.T),
        np.linalg.solve(x @ x.T, x),
        np.trace(x @ x.T),
    ],
    "stacks": lambda x: np.linalg.inv(np.stack([x @ x.T, 2 * x @ x.T])) @ np.stack([x, x]),
    "pieces": lambda x: [
        np.where(x > 0, x, 0.1),
        np.clip(x, -1, 1),
        np.abs(x),
        np.sign(x),
        np.maximum(x, 0),
        x.clip(0),
    ],
    "masks": lambda x: [(x > 0).astype(float) * 0.3, (x > 0).mean(), (x > 0) * x, ~(x > 0) / 3, np.sum(x > 0)],
    "indices": lambda x: [x[np.arange(3), K], x[x > 0], x[:, None, :], x.argmax(axis=1), np.eye(4)[K], x[..., -1]],
    "scans": lambda x: [np.cumsum(x, axis=1), np.cumsum(x), np.diff(x, axis=0), np.triu(x), np.diag(x[:, :3])],
    "scalars": lambda x: [float(x[0, 0]), np.float64(2) * x[0, 0], x[0, 0].item(), max(0, x[0, 0]), math.exp(x[0, 1])],
    "powers": lambda x: [x**2, x**-1, np.abs(x) ** 0.5, np.power(np.abs(x), 1.5), 2.0**x, (x * x) ** -0.5],
    "lists": lambda x: [
        np.array([x[0, 0], 1.5, 2]),
        np.array([[x[0, 0], 0.0], [1, x[1, 1]]]),
        np.array([r * 2 for r in x]),
    ],
    "grids": lambda x: [np.linspace(0, 1, 4) * x[0], np.arange(4) * x[0], np.arange(0, 1, 0.25) + x[0]],
    "sums": lambda x: [sum(x), sum(list(x[0])), np.sum([x[0], x[1]], axis=0), np.average(x, axis=0)],
}


def stored(x):
    out = np.zeros_like(x)
    out[x > 0] = x[x > 0] * 2
    out[0] += 1
    out[:, 1] -= x[:, 2]
    np.add.at(out, ([0, 1, 1], K), 0.5)
    alias = out
    alias *= 3
    total = x[0, 0]
    before = total
    total += 1
    return [out, total, before]


PROGRAMS["stores"] = stored


def flat(result):
    if isinstance(result, (list, tuple)):
        return [number for part in result for number in flat(part)]
    return [float(v) for v in np.asarray(result, dtype=object).ravel()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_numpy_code_gives_the_same_numbers_on_balls_as_on_floats(name):
    expected = PROGRAMS[name](A.copy())
    got = evaluate_on_balls(PROGRAMS[name], {"x": A})
    assert len(flat(got)) == len(flat(expected))
    np.testing.assert_allclose(flat(got), flat(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", SMOOTH)
def test_every_derivative_in_the_table_is_the_derivative_of_its_value(name):
    x = {"arccosh": 1.7, "logit": 0.3, "arctanh": 0.3}.get(name, 0.7)
    with precision(512):
        h = arb(2) ** -120
        y = UNARY[name](Ball(arb(x), arb(1)))
        ends = [UNARY[name](Ball(arb(x) + s)).v for s in (h, -h)]
        assert abs((ends[0] - ends[1]) / (2 * h) - y.d).upper() < arb(2) ** -200


@pytest.mark.parametrize(
    ("name", "oracle"), [("exp", mpmath.exp), ("tanh", mpmath.tanh), ("erf", mpmath.erf), ("log", mpmath.log)]
)
def test_values_agree_with_an_independent_library(name, oracle):
    with mpmath.workdps(60), precision(256):
        assert abs(arb(str(oracle(mpmath.mpf(0.7)))) - UNARY[name](Ball(arb(0.7))).v).upper() < arb(10) ** -55


@given(st.integers(1, 3000), st.integers(1, 3000))
@settings(max_examples=200, deadline=None)
def test_a_fraction_that_was_computed_in_floats_is_read_as_the_fraction(p, q):
    with precision(256):
        assert (read_float(p / q) * q - p).contains(0)


def test_a_typed_decimal_is_that_decimal_and_its_neighbour_is_another_number():
    with precision(256):
        assert (read_float(0.044715) * 10**6 - 44715).contains(0)
        assert not (read_float(0.04471501) * 10**6 - 44715).contains(0)
        assert (read_float(math.sqrt(2 / math.pi)) ** 2 * arb.pi() - 2).contains(0)


@given(st.floats(0.1, 10).filter(lambda c: len(repr(c)) > 17))
@settings(max_examples=100, deadline=None)
def test_a_float_is_never_read_as_something_else_than_itself_up_to_its_last_places(value):
    with precision(256):
        assert abs(read_float(value) - arb(value)).upper() <= arb(4 * math.ulp(value))


def test_random_floats_have_no_closed_form():
    values = np.random.default_rng(0).uniform(0.1, 10, 2000).tolist()
    assert not any(closed_form(value) for value in values)


def test_what_balls_cannot_do_is_refused_with_its_line():
    with pytest.raises(UnsupportedError, match=r"test_balls.py:\d+ .*svd is not implemented"):
        evaluate_on_balls(lambda x: np.linalg.svd(x), {"x": A})


def test_results_are_arbs_in_the_form_that_the_function_returns():
    result = evaluate_on_balls(lambda x, n: {"a": x * n, "b": (x.sum(), x)}, {"x": np.array([0.1, 0.2]), "n": 2})
    assert result["a"].shape == (2,) and isinstance(result["a"][0], arb)
    assert result["a"][0] == 2 * arb(0.1)
    assert isinstance(result["b"][0], arb)


def test_random_numbers_drawn_by_user_code_are_not_disturbed():
    def noise(x):
        return x * np.random.default_rng(3).standard_normal(3) + np.random.RandomState(1).rand(3)

    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(flat(evaluate_on_balls(noise, {"x": x})), noise(x), rtol=1e-12)


def test_code_that_deep_copies_its_arrays_runs_on_balls() -> None:
    def loss(x):  # type: ignore[no-untyped-def]
        import copy

        kept = copy.deepcopy([x, {"x": x[0]}])
        kept[0][0] += 1
        return np.sum(kept[0] * x) + kept[1]["x"]

    value = evaluate_on_balls(loss, {"x": np.array([2.0, 3.0])})
    assert value.contains(3 * 2 + 3 * 3 + 2)


def test_the_determinant_of_a_singular_matrix_has_its_derivative():
    rows = np.array([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [0.0, 1.0, 3.0]])
    slope = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [1.0, 0.0, 0.0]])
    with precision(256):
        found = det(exact(rows, slope))
        h = 1e-6
        expected = (np.linalg.det(rows + h * slope) - np.linalg.det(rows - h * slope)) / (2 * h)
        assert found.v.contains(0)
        assert float(found.d) == pytest.approx(expected, abs=1e-8)


def test_a_singular_matrix_has_no_inverse_and_says_so_as_numpy_does():
    def guarded(x):
        try:
            return np.linalg.inv(x)
        except np.linalg.LinAlgError:
            return np.zeros((2, 2))

    assert flat(evaluate_on_balls(guarded, {"x": np.ones((2, 2))})) == [0.0] * 4


WITHOUT_AXES = {
    "sum": lambda x: x.sum(), "array": lambda x: np.array(x.sum()), "asarray": lambda x: np.asarray(x.sum()),
    "ones_like": lambda x: np.ones_like(np.array(x.sum())), "of a scalar": lambda x: np.zeros_like(x.sum()),
    "copy": lambda x: np.array(x.sum()).copy(), "reshape": lambda x: np.array(x[0, 0]).reshape(()),
    "transpose": lambda x: np.transpose(np.array(x[0, 0])), "T": lambda x: np.array(x[0, 0]).T,
    "squeeze": lambda x: np.squeeze(np.array(x[0, 0])), "astype": lambda x: np.array(x[0, 0]).astype(float),
    "minus": lambda x: -np.array(x[0, 0]), "exp": lambda x: np.exp(np.array(x[0, 0])), "entry": lambda x: x[0, 0],
    "entry of one": lambda x: np.array(x[0, 0])[()], "product": lambda x: np.array(x[0, 0]) * np.ones(()),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_AXES)
def test_what_has_no_axes_is_an_array_or_a_scalar_as_in_numpy(name):
    kinds = []

    def function(x):
        result = WITHOUT_AXES[name](x)
        kinds.append((isinstance(result, np.ndarray), np.isscalar(result)))
        return result

    function(A)
    evaluate_on_balls(function, {"x": A})
    assert kinds[0] == kinds[1]


def test_an_array_made_of_a_scalar_does_not_share_its_memory():
    def function(x):
        total = x.sum()
        other = np.asarray(total)
        other += 1
        return total

    assert float(evaluate_on_balls(function, {"x": A}).mid()) == pytest.approx(A.sum())


def test_a_number_that_is_none_for_want_of_bits_decides_nothing():
    def dropped(z):  # 1 − p is too small for the bits that the run has: its logarithm is a number all the same
        return np.nansum(np.log(1 - 1 / (1 + np.exp(-z))))

    with pytest.raises(UnsupportedError, match="too few bits"):
        evaluate_on_balls(dropped, {"z": np.array([1e5, 1.0])})
    with pytest.raises(UnsupportedError, match="too few bits"):
        evaluate_on_balls(lambda z: np.isfinite(np.log(1 - 1 / (1 + np.exp(-z)))) * z, {"z": np.array([1e5])})
