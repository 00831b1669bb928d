"""The hand-written activations against closed forms in mpmath, the complex step, and their own stated properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gradproof.errors import UnsupportedError, UsageError
from gradproof.numeric.reference.activations import ACTIVATIONS, erf
from gradproof.numeric.reference.common import row

mp = mpmath.mp.clone()
mp.dps = 60
ELEMENTWISE = [name for name, activation in ACTIVATIONS.items() if activation.elementwise]
# exp overflows where the exact value does; its own test is below
BOUNDED = [name for name in ELEMENTWISE if name != "exp"]
POINTS = np.array([-1e4, -800.0, -40.0, -6.5, -1.0, -0.3, -1e-9, 1e-9, 0.3, 1.0, 6.5, 40.0, 800.0, 1e4])

SELU_A, SELU_L = mp.mpf("1.6732632423543772848170429916717"), mp.mpf("1.0507009873554804934193349852946")

# An independent statement of each function, from its definition, at 60 digits.
EXACT: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "tanh": lambda z: (mp.exp(2 * z) - 1) / (mp.exp(2 * z) + 1),
    "relu": lambda z: max(z, mp.zero),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else mp.exp(z) - 1,
    "selu": lambda z: SELU_L * (z if z > 0 else SELU_A * (mp.exp(z) - 1)),
    "softplus": lambda z: mp.log1p(mp.exp(z)),
    "silu": lambda z: z / (1 + mp.exp(-z)),
    "gelu": lambda z: z * mp.ncdf(z),
    "gelu_tanh": lambda z: z / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (z + mp.mpf("0.044715") * z**3))),
    "exp": mp.exp,
    "square": lambda z: z**2,
    "sin": mp.sin,
    "cos": mp.cos,
    "abs": abs,
}


def exact(name: str, z: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([float(EXACT[name](mp.mpf(float(x)))) for x in z])


def exact_slope(name: str, z: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # a difference at 200 digits with h = 1e-60: its error is far below a double's
    with mp.workdps(200):
        h = mp.mpf(10) ** -60
        return np.array(
            [float((EXACT[name](mp.mpf(float(x)) + h) - EXACT[name](mp.mpf(float(x)) - h)) / (2 * h)) for x in z]
        )


def test_every_elementwise_row_has_an_exact_oracle() -> None:
    assert set(EXACT) == set(ELEMENTWISE)


def test_the_table_is_frozen_and_its_keys_are_the_names() -> None:
    assert all(name == activation.name and activation.doc for name, activation in ACTIVATIONS.items())
    with pytest.raises(TypeError):
        ACTIVATIONS["relu"] = ACTIVATIONS["tanh"]  # type: ignore[index]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", BOUNDED)
def test_values_and_slopes_are_right_up_to_ten_thousand(name: str, dtype: Any) -> None:
    z = POINTS.astype(dtype)
    eps = float(np.finfo(dtype).eps)
    activation = ACTIVATIONS[name]
    a = activation.value(z)
    slope = activation.derivative(z, a)
    assert a.dtype == dtype and slope.dtype == dtype
    assert a.shape == slope.shape == z.shape
    # gelu_tanh cancels in 1 + t and in its cubic argument, hence the factors
    assert_allclose(a, exact(name, z), rtol=8 * eps, atol=8 * eps)
    assert_allclose(slope, exact_slope(name, z), rtol=8 * eps, atol=16 * eps)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "silu", "elu"])
def test_small_values_keep_their_relative_accuracy(name: str) -> None:
    z = np.array([-700.0, -100.0, -37.0, -1e-8])
    assert_allclose(ACTIVATIONS[name].value(z), exact(name, z), rtol=1e-14)


def test_exp_and_its_slope_where_it_is_finite() -> None:
    z = np.array([-1e4, -1.0, 0.0, 3.0, 700.0])
    a = ACTIVATIONS["exp"].value(z)
    assert_allclose(a, exact("exp", z), rtol=1e-15)
    assert_allclose(ACTIVATIONS["exp"].derivative(z, a), exact_slope("exp", z), rtol=1e-15)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n not in ("gelu", "abs")])
@given(z=st.floats(-30, 30).filter(lambda z: abs(z) > 1e-6))
def test_the_derivative_is_the_complex_step_of_the_value(name: str, z: float) -> None:
    activation = ACTIVATIONS[name]
    here = np.array([z])
    stepped = activation.value(here + 1e-30j).imag / 1e-30
    slope = activation.derivative(here, activation.value(here))
    assert_allclose(slope, stepped, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_kink_is_named_and_nothing_else_is_one(name: str) -> None:
    activation = ACTIVATIONS[name]
    sides = np.array([-1e-9, 1e-9])
    left, right = activation.derivative(sides, activation.value(sides))
    assert (abs(left - right) > 1e-3) == (activation.kinks == (0.0,))


@pytest.mark.parametrize(
    ("name", "at_zero"), [("relu", 0.0), ("leaky_relu", 0.01), ("abs", 0.0), ("selu", float(SELU_L * SELU_A))]
)
def test_at_a_kink_the_documented_side_is_taken(name: str, at_zero: float) -> None:
    z = np.zeros(1)
    assert_allclose(ACTIVATIONS[name].derivative(z, ACTIVATIONS[name].value(z)), [at_zero], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_softmax_rows_are_probabilities_even_at_large_logits(dtype: Any) -> None:
    z = np.array([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4 - 1]], dtype=dtype)
    p = ACTIVATIONS["softmax"].value(z)
    e = 1 / (2 + np.exp(-1.0))
    assert p.dtype == dtype
    assert_allclose(p, [[1, 0, 0], [e, e, np.exp(-1.0) * e]], rtol=1e-6)


def test_the_softmax_jacobian_is_the_complex_step_of_its_value() -> None:
    z = np.random.default_rng(0).normal(size=(2, 3))
    softmax = ACTIVATIONS["softmax"]
    jacobian = softmax.derivative(z, softmax.value(z))
    assert jacobian.shape == (2, 3, 3)
    for k in range(3):
        step = np.zeros((2, 3), dtype=complex)
        step[:, k] = 1e-30j
        assert_allclose(jacobian[:, :, k], softmax.value(z + step).imag / 1e-30, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_the_pullback_contracts_the_derivative_with_the_cotangent(name: str) -> None:
    rng = np.random.default_rng(1)
    z, c = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    activation = ACTIVATIONS[name]
    a = activation.value(z)
    derivative = activation.derivative(z, a)
    expected = c * derivative if activation.elementwise else np.einsum("mjk,mj->mk", derivative, c)
    assert_allclose(activation.pullback(z, a, c), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_object_arrays_of_balls_go_through_unchanged(name: str) -> None:
    floats = np.array([[-2.5, 0.25, 1.5]])
    balls = np.array([[arb(x) for x in floats[0]]], dtype=object)
    activation = ACTIVATIONS[name]
    ctx.prec, before = 200, ctx.prec
    try:
        a = activation.value(balls)
        pulled = activation.pullback(balls, a, balls)
        assert all(entry.rad() < arb("1e-50") for entry in pulled.ravel() if isinstance(entry, arb))
        assert_allclose(np.array(a, dtype=float), activation.value(floats), rtol=1e-13)
        expected = activation.pullback(floats, activation.value(floats), floats)
        assert_allclose(np.array(pulled, dtype=float), expected, rtol=1e-12)
    finally:
        ctx.prec = before


def test_erf_keeps_the_dtype_and_refuses_complex_numbers() -> None:
    assert erf(np.float32(0.5)).dtype == np.float32
    assert erf(np.array([1, 2])).dtype == np.float64
    assert isinstance(erf(0.5), float)
    x = np.linspace(-4, 4, 33)
    assert_allclose(erf(x), [float(mp.erf(mp.mpf(float(t)))) for t in x], rtol=4e-16)
    with pytest.raises(UnsupportedError, match="complex"):
        erf(np.array([1j]))


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(UsageError, match=r"'Relu'.*did you mean 'relu'.*identity, sigmoid, tanh"):
        row(ACTIVATIONS, "Relu", "activation")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_value_and_derivative_are_an_exact_pair_on_balls(name: str) -> None:
    activation = ACTIVATIONS[name]
    ctx.prec, before = 1024, ctx.prec
    try:
        h = arb(2) ** -340
        for x in (-1.75, -0.3, 0.4, 2.5):
            z = np.array([arb(x)], dtype=object)
            difference = (activation.value(z + h) - activation.value(z - h)) / (2 * h)
            error = abs(difference - activation.derivative(z, activation.value(z)))[0]
            # the float constants 1/√2 and 1/√(2π) of gelu do not round alike, which 1024 bits can see
            assert (arb(0) < error < arb(10) ** -16) if name == "gelu" else (error < arb(10) ** -200)
    finally:
        ctx.prec = before
