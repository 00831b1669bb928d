"""Expectations in closed form, against quadrature, against sums over all outcomes, and against their textbook forms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.scipy.special import erf

import gradproof as gp
from gradproof.errors import ShapeError, UnsupportedError, UsageError

E = gp.expectation
A, L, S = (gp.array(name, ("n", "n")) for name in "ALS")
mu, s, b, e = (gp.array(name, ("n",)) for name in ("mu", "s", "b", "e"))
w, z = mu + s * e, mu + L @ e
RNG = np.random.default_rng(0)
AT: dict[str, Any] = {name: RNG.normal(size=(2, 2)) for name in "AL"} | {
    n: RNG.normal(size=2) for n in ("mu", "s", "b")
}
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)

CLOSED: dict[str, tuple[Any, Any]] = {
    "a quadratic form": (z @ A @ z, mu @ A @ mu + np.trace(A @ L @ L.T)),
    "squares": (np.sum(w**2), np.sum(mu**2 + s**2)),
    "a covariance": (np.outer(z - mu, z - mu), L @ L.T),
    "a square of a sum of squares": (
        np.sum(w**2) ** 2, np.sum(mu**2 + s**2) ** 2 + np.sum(2 * s**4 + 4 * mu**2 * s**2)
    ),
    "exponentials": (np.exp(w), np.exp(mu + s**2 / 2)),
    "exponentials of products": (np.exp(A @ z), np.exp(A @ mu + np.sum((A @ L) ** 2, axis=1) / 2)),
    "powers beside exponentials": (w * np.exp(w), (mu + s**2) * np.exp(mu + s**2 / 2)),
    "waves": (np.cos(b @ z), np.cos(b @ mu) * np.exp(-np.sum((b @ L) ** 2) / 2)),
    "a probit": (
        (1 + gp.erf(b @ z / np.sqrt(2))) / 2, (1 + gp.erf(b @ mu / np.sqrt(2 * (1 + np.sum((b @ L) ** 2))))) / 2
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_the_textbook_form_for_every_number_of_dimensions(name: str) -> None:
    value, closed = CLOSED[name]
    found = E(value, e)
    assert gp.equal(found, closed).name == "proved"
    assert gp.equal(found, closed + mu[0] / 1000).name == "refuted"


def _relu(x: Any) -> Any:
    return gp.relu(x) if isinstance(x, gp.Array) else anp.maximum(x, 0)


FUNCTIONS: dict[str, Callable[..., Any]] = {  # of the library, w and z
    "exp": lambda l, w, z: z[0] ** 2 * l.exp(w[0] / 2 + w[1] / 3),
    "sin": lambda l, w, z: w[1] * z[1] * l.sin(z[0]),
    "cos": lambda l, w, z: w[0] ** 3 * l.cos(w[0] - w[1]),
    "erf": lambda l, w, z: z[0] * z[1] * (gp.erf(w[0]) if isinstance(w, gp.Array) else erf(w[0])),
    "sinh": lambda l, w, z: l.sinh(w[0]) * l.cosh(w[1]),
    "expm1": lambda l, w, z: l.expm1(z[0]) * w[0],
    "degree four": lambda l, w, z: w[0] ** 2 * z[1] ** 2,
}
CORNERS: dict[str, Callable[..., Any]] = {  # of numbers with a kink, where quadrature is slow: split at the kink
    "relu": lambda l, x: _relu(x) * x, "abs": lambda l, x: l.abs(x), "maximum": lambda l, x: l.maximum(x, 0.5) * x,
    "sign": lambda l, x: l.sign(x) * x**2, "leaky": lambda l, x: gp.leaky_relu(x, 0.1) if isinstance(x, gp.Array)
    else anp.where(x > 0, x, 0.1 * x),
    "gelu": lambda l, x: gp.gelu(x) if isinstance(x, gp.Array) else x * (1 + erf(x / np.sqrt(2))) / 2,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_quadrature_gives_the_same_number(name: str) -> None:
    found = gp.compile(E(FUNCTIONS[name](np, w, z), e))
    weights = WEIGHTS / WEIGHTS.sum()
    points = np.array(list(itertools.product(NODES, NODES)))
    mass = np.outer(weights, weights).ravel()
    values = FUNCTIONS[name](anp, (AT["mu"] + AT["s"] * points).T, (AT["mu"] + points @ AT["L"].T).T)
    value = found(**{name: AT[name] for name in found.parameters})
    np.testing.assert_allclose(value, np.sum(mass * values), rtol=1e-9)


@pytest.mark.parametrize("name", CORNERS)
def test_functions_with_a_corner(name: str) -> None:
    """Gauss–Legendre on both sides of the corners, over twelve standard deviations."""
    m, v, x = gp.array("m"), gp.array("v"), gp.array("x")
    found = gp.compile(E(CORNERS[name](np, m + v * x), x))(m=0.4, v=-0.7)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    total = 0.0
    for left, right in itertools.pairwise([0.4 - 12 * 0.7, 0.0, 0.5, 0.4 + 12 * 0.7]):
        at = (right - left) / 2 * nodes + (left + right) / 2
        density = np.exp(-(((at - 0.4) / 0.7) ** 2) / 2) / (0.7 * math.sqrt(2 * math.pi))
        total += np.sum((right - left) / 2 * weights * density * CORNERS[name](anp, at))
    np.testing.assert_allclose(found, total, rtol=1e-10)


@pytest.mark.parametrize("wrt", [mu, s, L, A], ids=lambda a: a.name)
def test_the_gradient_of_the_expectation_is_the_expectation_of_the_reparameterised_gradient(wrt: Any) -> None:
    f = np.sum(np.exp(w) * w) + z @ A @ z
    assert gp.equal(gp.grad(E(f, e), wrt), E(gp.grad(f, wrt), e)).name == "proved"
    assert gp.equal(gp.grad(E(f, e), wrt), E(2 * gp.grad(f, wrt), e)).name == "refuted"


def log_normal(z: Any, mean: Any, cholesky: Any) -> Any:
    """log N(z; mean, C Cᵀ) but for the constant."""
    r = np.linalg.solve(cholesky, z - mean)
    return -r @ r / 2 - np.log(np.abs(np.linalg.det(cholesky)))


def test_entropy_cross_entropy_and_divergence_of_gaussians() -> None:
    other, C = gp.array("nu", ("n",)), gp.array("C", ("n", "n"))
    n = gp.dims("n")
    entropy = -E(log_normal(z, mu, L), e)
    assert gp.equal(entropy, np.linalg.slogdet(L)[1] + n / 2).name == "proved"
    cross = -E(log_normal(z, other, C), e)
    precision, gap = np.linalg.inv(C @ C.T), mu - other
    textbook = (np.trace(precision @ L @ L.T) + gap @ precision @ gap) / 2
    assert gp.equal(cross, textbook + np.linalg.slogdet(C)[1]).name == "proved"
    divergence = cross - entropy
    logs = np.linalg.slogdet(C @ C.T)[1] - np.linalg.slogdet(L @ L.T)[1]
    assert gp.equal(divergence, textbook + (logs - n) / 2).name == "proved"
    assert gp.equal(gp.grad(divergence, mu), precision @ gap).name == "proved"


def test_the_evidence_bound_of_a_linear_decoder() -> None:
    """A batch of codes: log-likelihood and divergence in closed form, and their gradient for every shape."""
    X, M, H, V = (gp.array(k, tuple(t)) for k, t in {"X": "md", "M": "mk", "H": "mk", "V": "kd"}.items())
    noise = gp.array("noise", ("m", "k"))
    code = M + np.exp(H / 2) * noise  # H is the logarithm of the variance
    prior = -np.sum(code**2) / 2
    posterior = -np.sum(noise**2 + H) / 2
    bound = -np.sum((X - code @ V) ** 2) / 2 + prior - posterior
    found = E(bound, noise)
    likelihood = -np.sum((X - M @ V) ** 2) / 2 - np.sum(np.exp(H) @ V**2) / 2
    assert gp.equal(found, likelihood - np.sum(M**2 + np.exp(H) - 1 - H) / 2).name == "proved"
    for wrt in (M, H, V):
        assert gp.equal(gp.grad(found, wrt), E(gp.grad(bound, wrt), noise)).name == "proved"


def outcomes(law: str, p: Any) -> Any:
    """Every array of two entries (or of one row) with its probability."""
    if law == "categorical":
        return [(np.eye(2)[c], p[c] / p.sum()) for c in range(2)]
    values = {"bernoulli": (0, 1), "signs": (-1, 1), "poisson": range(60)}[law]
    mass = {
        "bernoulli": lambda x, p: p if x else 1 - p,
        "signs": lambda x, p: 0.5,
        "poisson": lambda x, p: math.exp(-p) * p**x / math.factorial(x),
    }[law]
    return [
        (np.array(x, dtype=float), mass(x[0], p[0]) * mass(x[1], p[1])) for x in itertools.product(values, repeat=2)
    ]


@pytest.mark.parametrize("law", ["bernoulli", "signs", "poisson", "categorical"])
@pytest.mark.parametrize(
    "f", [lambda l, x: l.sum(b_of(l) * x) ** 3, lambda l, x: l.sum(x) * l.sum(x**2 * b_of(l)),
          lambda l, x: l.sum(x) * x[0] * l.exp(l.sum(b_of(l) * x) / 3), lambda l, x: l.exp(b_of(l) * x) * x],
    ids=["cube", "squares", "exponential of a sum", "exponentials"],
)  # fmt: skip
def test_discrete_laws_are_sums_over_outcomes(law: str, f: Callable[..., Any]) -> None:
    x, p = gp.array("x", ("n",)), gp.array("p", ("n",), positive=True)
    chance = {"signs": None, "categorical": p / np.sum(p)}.get(law, p)
    try:
        found = gp.compile(E(f(np, x), x, law, chance))
    except UnsupportedError:
        assert law == "categorical" and f(np, x).definition.name != "x"
        return
    numbers = np.array([0.3, 0.8])
    right = sum(mass * f(anp, outcome) for outcome, mass in outcomes(law, numbers))
    given = {name: value for name, value in {"p": numbers, "b": AT["b"]}.items() if name in found.parameters}
    np.testing.assert_allclose(found(**given), right, rtol=1e-10)


def b_of(lib: Any) -> Any:
    return b if lib is np else AT["b"]


def test_a_lookup_by_a_random_class_is_the_sum_over_classes() -> None:
    rows, table = gp.array("X", ("m", "n"), one_hot=True), gp.array("W", ("n", "k"))
    p = gp.softmax(gp.array("Z", ("m", "n")))
    assert gp.equal(E(rows @ table, rows, "categorical", p), p @ table).name == "proved"
    assert gp.equal(E((rows @ table) ** 2, rows, "categorical", p), p @ table**2).name == "proved"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (lambda: np.tanh(w), "tanh of random numbers"), (lambda: 1 / w, "a root or a quotient"),
        (lambda: np.exp(w**2), "not linear in e"),
        (lambda: np.sin(w) * np.exp(w), r"a product of (exp and sin|sin and exp)"),
        (lambda: np.max(w), "a maximum of random"), (lambda: np.where(w > 0, w, 2 * w), "a branch on random"),
        (lambda: w**10, "the power 10"), (lambda: np.sum(w**5) * np.sum(w**4), "more than 8"),
        (lambda: gp.scan(lambda h, x: h * x, gp.array("h"), e)[-1], "a recurrence"),
        (lambda: np.linalg.inv(np.outer(e, e)), "a function of a matrix"),
    ],
)  # fmt: skip
def test_what_has_no_closed_form_is_refused_with_the_reason(value: Callable[[], Any], why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        E(value(), e)


def test_wrong_use_is_said() -> None:
    p = gp.array("p", ("n",))
    with pytest.raises(UsageError, match="no law is called 'cauchy'"):
        E(w, e, "cauchy")
    with pytest.raises(UsageError, match="needs the probability of 1"):
        E(w, e, "bernoulli")
    with pytest.raises(UsageError, match="has no parameter"):
        E(w, e, "normal", p)
    with pytest.raises(UsageError, match="an input made by"):
        E(w, 2 * e)
    with pytest.raises(UsageError, match="is assumed to be positive"):
        E(np.abs(gp.array("u", positive=True)), gp.array("u", positive=True))
    with pytest.raises(ShapeError, match="does not broadcast"):
        E(w, e, "poisson", gp.array("p", ("n", "n")))
    assert E(mu, e) is mu
