"""Recurrences: the adjoint of one is the recurrence that runs the other way, whatever the length."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp

from gradproof.symbolic.arrays.array import Array, array
from gradproof.symbolic.calculus.adjoint import backward
from gradproof.symbolic.calculus.cotangents import Adjoints
from gradproof.symbolic.calculus.differentiate import hessian, hvp, jacobian
from gradproof.symbolic.equations.definition import (
    Definition,
    System,
    define,
    define_group,
    input_definition,
    new_label,
)
from gradproof.symbolic.equations.dims import bound_index, dims, free_index

T, n, d = dims("T n d")
t, j = free_index(0), free_index(1)
k, q = bound_index(0), bound_index(1)


class Recurrent:
    """h[0] = h0, h[t] = tanh(U h[t−1] + V x[t] + b) for t = 1..T; C = Σ_t Σ_j (h[t, j] − y[t, j])²."""

    def __init__(self) -> None:
        one, zero = sp.S.One, sp.S.Zero
        self.U, self.V = input_definition("U", (n, n)), input_definition("V", (n, d))
        self.b, self.h0 = input_definition("b", (n,)), input_definition("h0", (n,))
        self.x = input_definition("x", (T, d), first=(one, zero))
        self.y = input_definition("y", (T, n), first=(one, zero))
        label = new_label("h")
        past = sp.Indexed(sp.IndexedBase(label), t - 1, k)
        inner = sp.Sum(self.U.at(j, k) * past, (k, 0, n - 1)) + sp.Sum(self.V.at(j, q) * self.x.at(t, q), (q, 0, d - 1))
        rhs = sp.Piecewise((self.h0.at(j), sp.Eq(t, 0)), (sp.tanh(inner + self.b.at(j)), True))
        (self.h,) = define_group([(label, "h", (T + 1, n), (zero, zero), rhs)])
        self.cost = define("C", (), sp.Sum((self.h.at(k, q) - self.y.at(k, q)) ** 2, (q, 0, n - 1), (k, 1, T)))

    def adjoints(self) -> Adjoints:
        return backward([(self.cost, sp.S.One)], [self.U, self.V, self.b, self.h0, self.x])


@pytest.fixture(scope="module")
def net() -> Recurrent:
    return Recurrent()


def adjoint(found: Adjoints, of: Definition) -> Definition:
    cotangent = found.of[of]
    return cotangent.definition or define(f"d_{of.name}", of.shape, cotangent.expression, first=of.first)


def unrolled(params: dict[str, Any], y: Any) -> Any:
    h, total = params["h0"], 0.0
    for step in range(len(y)):
        h = anp.tanh(anp.dot(params["U"], h) + anp.dot(params["V"], params["x"][step]) + params["b"])
        total = total + anp.sum((h - y[step]) ** 2)
    return total


@pytest.mark.parametrize("length", [1, 2, 4])
def test_the_adjoint_agrees_with_automatic_differentiation_of_the_unrolled_loop(
    net: Recurrent, length: int, evaluate_naively: Any
) -> None:
    rng = np.random.default_rng(length)
    params = {"U": rng.normal(size=(3, 3)), "V": rng.normal(size=(3, 2)), "b": rng.normal(size=3),
              "h0": rng.normal(size=3), "x": rng.normal(size=(length, 2))}  # fmt: skip
    values = params | {"y": rng.normal(size=(length, 3))}
    assert evaluate_naively(net.cost, values) == pytest.approx(unrolled(params, values["y"]), rel=1e-12)
    expected = autograd.grad(unrolled)(params, values["y"])
    found = net.adjoints()
    for definition in (net.U, net.V, net.b, net.h0, net.x):
        number = evaluate_naively(adjoint(found, definition), values)
        np.testing.assert_allclose(number, expected[definition.name], rtol=1e-10, atol=1e-13)


def test_the_adjoint_is_the_reversed_recurrence(net: Recurrent) -> None:
    made = adjoint(net.adjoints(), net.h)
    assert made.group == [made]
    own = [r for r in made.rhs.atoms(sp.Indexed) if r.base.label == made.label]
    assert {r.indices[0] for r in own} == {t + 1}, "each step needs the next one's adjoint, and no other"


def test_the_length_stays_a_symbol_and_the_system_small(net: Recurrent) -> None:
    found = net.adjoints()
    system = System.of(*(adjoint(found, p) for p in (net.U, net.V, net.b, net.h0, net.x)))
    assert T in system.dimensions
    assert len(system) == 7  # h, its adjoint, and one for each of the five


def test_a_sum_over_time_leaves_out_the_start(net: Recurrent) -> None:
    made = adjoint(net.adjoints(), net.b)
    (total,) = made.rhs.atoms(sp.Sum)
    assert total.limits[0][1:] == (1, T)


def test_the_own_value_is_named_in_the_derivative(net: Recurrent) -> None:
    assert not adjoint(net.adjoints(), net.h).rhs.has(sp.tanh), "tanh′ is 1 - h², with h as it stands"


def test_a_scalar_recurrence_differentiates_to_its_closed_form(evaluate_naively: Any) -> None:
    """s[t] = r s[t−1], s[0] = c: s[T] = c rᵀ, so ∂s[T]/∂r = T c rᵀ⁻¹ and ∂s[T]/∂c = rᵀ."""
    r, c = input_definition("r", ()), input_definition("c", ())
    label = new_label("s")
    before = sp.Indexed(sp.IndexedBase(label), t - 1)
    rhs = sp.Piecewise((c.lhs, sp.Eq(t, 0)), (r.lhs * before, True))
    (s,) = define_group([(label, "s", (T + 1,), (sp.S.Zero,), rhs)])
    found = backward([(define("C", (), s.at(T)), sp.S.One)], [r, c])
    values = {"r": np.array(1.5), "c": np.array(2.0)}
    assert evaluate_naively(adjoint(found, r), values, {"T": 5}) == pytest.approx(5 * 2 * 1.5**4)
    assert evaluate_naively(adjoint(found, c), values, {"T": 5}) == pytest.approx(1.5**5)


def test_a_recurrence_that_reaches_back_two_steps(evaluate_naively: Any) -> None:
    """f[t] = p f[t−1] + q f[t−2] with f[0] = f[1] = 1: f[4] = p⁴ + … by hand below."""
    p, u = input_definition("p", ()), input_definition("u", ())
    label = new_label("f")
    one, two = (sp.Indexed(sp.IndexedBase(label), t - s) for s in (1, 2))
    rhs = sp.Piecewise((sp.S.One, t <= 1), (p.lhs * one + u.lhs * two, True))
    (f,) = define_group([(label, "f", (T + 1,), (sp.S.Zero,), rhs)])
    found = backward([(define("C", (), f.at(T)), sp.S.One)], [p, u])
    P, Q = sp.symbols("P Q")
    terms = [sp.S.One, sp.S.One]
    for _ in range(4):
        terms.append(sp.expand(P * terms[-1] + Q * terms[-2]))
    at = {P: sp.Rational(3, 2), Q: sp.Rational(-1, 2)}
    values = {"p": np.array(1.5), "u": np.array(-0.5)}
    assert evaluate_naively(f, values, {"T": 5})[-1] == pytest.approx(float(terms[5].subs(at)))
    assert evaluate_naively(adjoint(found, p), values, {"T": 5}) == pytest.approx(float(terms[5].diff(P).subs(at)))
    assert evaluate_naively(adjoint(found, u), values, {"T": 5}) == pytest.approx(float(terms[5].diff(Q).subs(at)))


def test_jacobians_and_hessians_go_through_a_recurrence(evaluate_naively: Any) -> None:
    U, h0 = array("U", ("n", "n")), array("h0", ("n",))
    label = new_label("h")
    past = sp.Indexed(sp.IndexedBase(label), t - 1, k)
    step = sp.tanh(sp.Sum(U.definition.at(j, k) * past, (k, 0, n - 1)))
    rhs = sp.Piecewise((h0.definition.at(j), sp.Eq(t, 0)), (step, True))
    (h,) = define_group([(label, "h", (T + 1, n), (0, 0), rhs)])
    last = Array(define("last", (n,), h.at(T, t), [t]))
    rng = np.random.default_rng(0)
    values, sizes = {"U": rng.normal(size=(3, 3)), "h0": rng.normal(size=3)}, {"T": 3}

    def run(start: Any, matrix: Any) -> Any:
        for _ in range(3):
            start = anp.tanh(anp.dot(matrix, start))
        return start

    for position, of in enumerate((h0, U)):
        expected = autograd.jacobian(run, position)(values["h0"], values["U"])
        number = evaluate_naively(jacobian(last, of), values, sizes)
        np.testing.assert_allclose(number, expected, rtol=1e-10, atol=1e-13)
    expected = autograd.hessian(lambda start: anp.sum(run(start, values["U"]) ** 2))(values["h0"])
    number = evaluate_naively(hessian(np.sum(last**2), h0), values, sizes)
    np.testing.assert_allclose(number, expected, rtol=1e-10, atol=1e-13)
    product = hvp(np.sum(last**2), h0, array("v", ("n",)))
    v = rng.normal(size=3)
    number = evaluate_naively(product, values | {"v": v}, sizes)
    np.testing.assert_allclose(number, expected @ v, rtol=1e-10, atol=1e-13)
