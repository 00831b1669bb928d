"""What is written out is read as one thing where it is that thing, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

X, x, W = gp.array("X", ("m", "n")), gp.array("x", ("n",)), gp.array("W", ("n", "n"))
NUMBERS = {
    name: np.random.default_rng(k).normal(size=size)
    for k, (name, size) in enumerate({"X": (4, 3), "x": (3,), "W": (3, 3)}.items())
}

FORMS: dict[str, tuple[Callable[..., Any], str]] = {
    "softmax of a vector": (lambda X, x, W: np.exp(x) / np.sum(np.exp(x)), "softmax"),
    "softmax of rows": (lambda X, x, W: np.exp(X) / np.sum(np.exp(X), axis=1, keepdims=True), "softmax"),
    "stable softmax": (
        lambda X, x, W: np.exp(X - X.max(1, keepdims=True)) / np.exp(X - X.max(1, keepdims=True)).sum(1, keepdims=True),
        "softmax",
    ),
    "softmax of columns": (lambda X, x, W: np.exp(X) / np.sum(np.exp(X), axis=0, keepdims=True), ""),
    "rows by another axis's sums": (lambda X, x, W: np.exp(W) / np.sum(np.exp(W), axis=1), ""),
    "exponentials of another array": (lambda X, x, W: np.exp(W) / np.sum(np.exp(W.T), axis=1, keepdims=True), ""),
    "all entries": (lambda X, x, W: np.exp(X) / np.sum(np.exp(X)), ""),
    "the diagonal's sum": (lambda X, x, W: np.log(np.trace(np.exp(W))), ""),
    "logsumexp": (lambda X, x, W: np.log(np.sum(np.exp(x))), "logsumexp"),
    "logsumexp of rows": (lambda X, x, W: np.log(np.sum(np.exp(X), axis=1)), "logsumexp"),
    "logsumexp of rows that stay": (lambda X, x, W: np.log(np.sum(np.exp(X), axis=1, keepdims=True)), "logsumexp"),
    "logsumexp of columns": (lambda X, x, W: np.log(np.sum(np.exp(X), axis=0)), ""),
    "logsumexp of all": (lambda X, x, W: np.log(np.sum(np.exp(X))), ""),
    "sum of two": (lambda X, x, W: np.log(np.exp(x) + np.exp(-x)), ""),
    "part of a sum": (lambda X, x, W: np.log(np.sum(np.exp(x[1:]))), ""),
    "sigmoid": (lambda X, x, W: 1 / (1 + np.exp(-x)), "sigma"),
    "sigmoid of the negative": (lambda X, x, W: 1 / (1 + np.exp(x)), "sigma"),
    "sigmoid as a quotient": (lambda X, x, W: np.exp(x) / (1 + np.exp(x)), "sigma"),
    "the other quotient": (lambda X, x, W: np.exp(-x) / (1 + np.exp(x)), ""),
    "swish": (lambda X, x, W: x / (1 + np.exp(-x)), "sigma"),
    "twice a sigmoid": (lambda X, x, W: 2 / (1 + np.exp(-x)), "sigma"),
    "a vector over rows": (lambda X, x, W: x / (1 + np.exp(-X)), "sigma"),
    "softplus": (lambda X, x, W: np.log(1 + np.exp(x)), "softplus"),
    "softplus by log1p": (lambda X, x, W: np.log1p(np.exp(-x)), "softplus"),
    "softplus that does not overflow": (
        lambda X, x, W: np.maximum(x, 0) - x * W[0] + np.log1p(np.exp(-np.abs(x))),
        "softplus",
    ),
    "its tail alone": (lambda X, x, W: np.log1p(np.exp(-np.abs(x))), "softplus"),
    "the tail of another": (lambda X, x, W: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(W))), "relu"),
    "a tail that grows": (lambda X, x, W: np.maximum(x, 0) + np.log1p(np.exp(np.abs(x))), "relu"),
    "twice the tail": (lambda X, x, W: np.maximum(x, 0) + 2 * np.log1p(np.exp(-np.abs(x))), "relu"),
    "two and an exponential in a logarithm": (lambda X, x, W: np.log(2 + np.exp(x)), ""),
    "two and an exponential": (lambda X, x, W: 1 / (2 + np.exp(-x)), ""),
    "a squared norm": (lambda X, x, W: np.linalg.norm(X, axis=1) ** 2, ""),
    "a fourth power": (lambda X, x, W: np.linalg.norm(x) ** 4, ""),
    "a cubed norm": (lambda X, x, W: np.linalg.norm(x) ** 3, ""),
    "root of signed numbers": (lambda X, x, W: np.sqrt(np.sum(np.abs(x))) ** 2, ""),
}


@pytest.mark.parametrize("name", FORMS)
def test_values_are_numpys_and_the_reading_is_a_persons(name: str) -> None:
    function, word = FORMS[name]
    symbolic = function(X, x, W)
    value, gradient, *_ = gp.compile([symbolic, gp.grad(np.sum(np.sin(symbolic)), X), X, x, W])(**NUMBERS)
    np.testing.assert_allclose(value, function(**NUMBERS), rtol=1e-12)
    assert word in symbolic.latex()
    for index in ((0, 0), (3, 1)):
        move = np.zeros((4, 3))
        move[index] = 1e-6
        up, down = (np.sum(np.sin(function(**NUMBERS | {"X": NUMBERS["X"] + sign * move}))) for sign in (1, -1))
        assert gradient[index] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-8)


def test_the_literature_is_found() -> None:
    t = gp.array("t", ("n",), simplex=True)
    assert gp.grad(-np.sum(t * np.log(np.exp(x) / np.sum(np.exp(x)))), x).latex().endswith("p - t\n\\end{aligned}")
    y = gp.array("y", ("n",))
    loss = -np.sum(y * np.log(1 / (1 + np.exp(-x))) + (1 - y) * np.log(1 - 1 / (1 + np.exp(-x))))
    assert gp.grad(loss, x).latex() == r"\sigma\left(x\right) - y"


A = gp.array("A", ("n",))
SEEN_THROUGH: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "exponentials of a softmax": (lambda: np.exp(x), lambda e: e / np.sum(e)),
    "sum of a logsumexp": (lambda: np.sum(np.exp(x)), lambda e: np.log(e)),
    "exponentials of a sigmoid": (lambda: np.exp(-x), lambda e: 1 / (1 + e)),
    "exponentials of a softplus": (lambda: np.exp(x), lambda e: np.log1p(e)),
    "size of a softplus": (lambda: np.abs(x), lambda e: np.maximum(x, 0) + np.log1p(np.exp(-e))),
    "a norm": (lambda: np.linalg.norm(x), lambda e: e**2),
    "a view": (lambda: x[::-1], lambda e: e**2),
    "a join": (lambda: np.concatenate([gp.array("c", (2,)), x]), lambda e: e[0] * A),
    "a join with numbers": (lambda: np.concatenate([np.array([3.0]), x]), lambda e: e[0] * A),
    "a constant": (lambda: np.ones_like(x), lambda e: e * A),
}


@pytest.mark.parametrize("name", SEEN_THROUGH)
def test_no_derivative_is_taken_by_what_is_seen_through(name: str) -> None:
    make, outer = SEEN_THROUGH[name]
    inner = make()
    y = np.sum(outer(inner))
    for target in (inner, inner.named("inner")):
        with pytest.raises(gp.UnsupportedError, match="take the derivative by an input"):
            gp.grad(y, target)
        with pytest.raises(gp.UnsupportedError, match="take the derivative by an input"):
            gp.jvp(y, target, target)


def test_what_is_seen_through_elsewhere_has_its_derivatives() -> None:
    """A softmax beside an output takes nothing from the output."""
    e = np.exp(x)
    p, total, root = e / np.sum(e), np.sum(e), np.linalg.norm(x)
    assert (p.name, (root**2).ndim) == ("p", 0)
    for y, target, right in (
        (np.sum(A * e), e, A), (np.sum(x * e), e, x), (total * np.sum(A * x), total, np.sum(A * x)),
        (np.sum(gp.softmax(np.tanh(A)) * e), e, gp.softmax(np.tanh(A))), (root * np.sum(A), root, np.sum(A)),
    ):  # fmt: skip
        assert gp.equal(gp.grad(y, target), right).name == "proved"
    with pytest.raises(gp.UnsupportedError, match="softmax, logsumexp or sigmoid"):
        gp.grad(np.sum(p * e), e)


def test_least_squares_is_the_solution_of_the_normal_equations() -> None:
    b = gp.array("b", ("m",))
    solution = np.linalg.lstsq(X, b, rcond=None)[0]
    assert gp.equal(solution, np.linalg.inv(X.T @ X) @ X.T @ b).name == "proved"
    assert gp.equal(solution, np.linalg.inv(X.T @ X) @ X.T @ (2 * b)).name != "proved"
    numbers = {"X": NUMBERS["X"], "b": np.arange(4.0)}
    value = solution.evaluate(numbers)
    np.testing.assert_allclose(value, np.linalg.lstsq(numbers["X"], numbers["b"], rcond=None)[0], rtol=1e-10)
    kept, *rest = np.linalg.lstsq(X, b, rcond=None)
    assert kept.shape == solution.shape and len(rest) == 3
    with pytest.raises(gp.UnsupportedError, match="residuals"):
        _ = rest[0].shape
    with pytest.raises(gp.UnsupportedError, match="fewer rows than columns"):
        np.linalg.lstsq(gp.array("A", (2, 3)), gp.array("c", (2,)))


Z, HOT = gp.array("Z", ("m", "k")), gp.array("Y", ("m", "k"), one_hot=True)


@pytest.mark.parametrize(
    "cost",
    [
        np.sum(-HOT * gp.log_softmax(Z)) / Z.shape[0],
        -np.sum(HOT * np.log(gp.softmax(Z))) / Z.shape[0],
        -np.mean(np.sum(HOT * (Z - gp.logsumexp(Z, axis=1, keepdims=True)), axis=1)),
        np.mean(gp.logsumexp(Z, axis=1) - np.sum(Z * HOT, axis=1)),
    ],
)
def test_cross_entropy_has_the_error_p_minus_y_however_it_is_written(cost: Any) -> None:
    assert gp.grad(cost, Z).latex().splitlines()[2] == r"\bar{Z} &= \frac{1}{m} \left(p - Y\right)"


LABELS = gp.array("y", ("m",), integer=True)
TOP = Z - np.max(Z, axis=1, keepdims=True)


def test_labels_give_the_same_error_with_their_one_hot_rows() -> None:
    picked = gp.trace(lambda Z, y: gp.log_softmax(Z)[np.arange(len(y)), y], {"Z": Z, "y": LABELS})
    formula = gp.grad(-np.mean(picked), Z).latex()
    assert formula.splitlines()[2] == r"\bar{Z} &= \frac{1}{m} \left(p - \operatorname{onehot}\left(y\right)\right)"


def rows_of_the_identity(y: Any, k: Any) -> Any:
    return np.eye(k)[y]


def stored_ones(y: Any, k: Any) -> Any:
    rows = np.zeros((len(y), k))
    rows[np.arange(len(y)), y] = 1
    return rows


def compared(y: Any, k: Any) -> Any:
    return (y[:, None] == np.arange(k)).astype(float)


@pytest.mark.parametrize(
    ("hot", "verdict"), [(rows_of_the_identity, "proved"), (stored_ones, "proved"), (compared, "certified")]
)
def test_one_hot_rows_of_labels_add_up_to_one_where_a_label_out_of_range_would_be_an_error(
    hot: Any, verdict: str
) -> None:
    def smoothed(y: Any, k: Any) -> Any:
        return 0.9 * hot(y, k) + 0.1 / k

    def cost(Z: Any, y: Any) -> Any:
        return -np.sum(smoothed(y, Z.shape[1]) * gp.log_softmax(Z))

    shapes = {"Z": Z, "y": LABELS}
    derived = gp.grad(gp.trace(cost, shapes), Z)
    by_hand = gp.trace(lambda Z, y: gp.softmax(Z) - smoothed(y, Z.shape[1]), shapes)
    assert gp.equal(derived, by_hand).name == verdict
    assert gp.equal(derived, gp.trace(lambda Z, y: gp.softmax(Z) - hot(y, Z.shape[1]), shapes)).name == "refuted"


@pytest.mark.parametrize(
    "cost",
    [
        -np.sum(HOT * gp.log_softmax(TOP)),
        -np.sum(Z * (TOP - np.log(np.sum(np.exp(TOP), axis=1, keepdims=True)))),
        np.sum((np.exp(TOP) / np.sum(np.exp(TOP), axis=1, keepdims=True) - HOT) ** 2),
    ],
)
def test_the_maximum_that_a_softmax_subtracts_gives_no_term(cost: Any) -> None:
    assert r"\left[" not in gp.grad(cost, Z).latex(form="index")  # the bracket of a tie


@pytest.mark.parametrize(
    "cost",
    [
        np.sum(HOT * TOP),
        -np.sum(HOT[:, 1:] * gp.log_softmax(TOP)[:, 1:] + Z[:, 1:] * TOP[:, 1:]),
        np.sum(HOT * np.exp(TOP)) + np.sum(gp.softmax(TOP) ** 2),
    ],
)
def test_a_maximum_that_counts_keeps_its_term(cost: Any) -> None:
    assert r"\left[" in gp.grad(cost, Z).latex(form="index")
    numbers = {"Z": NUMBERS["X"], "Y": np.eye(3)[[0, 2, 1, 1]]}
    value = gp.compile([cost, gp.grad(cost, Z)])
    gradient = value(**numbers)[1]
    for index in np.ndindex(4, 3):
        move = np.zeros((4, 3))
        move[index] = 1e-6
        up, down = (value(**numbers | {"Z": numbers["Z"] + sign * move})[0] for sign in (1, -1))
        assert gradient[index] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-8)


def test_the_derivative_of_logaddexp_is_a_sigmoid() -> None:
    x = gp.array("x", ("m",))
    assert gp.grad(np.sum(np.logaddexp(0, x)), x).latex() == gp.sigmoid(x).latex()


E3 = np.exp(gp.array("V", ("p", "m", "n")))
ROW, COLUMN, PART = np.exp(X)[0], np.exp(X)[:, 0], np.exp(X)[:-1]


@pytest.mark.parametrize(
    ("written", "other"),
    [
        (np.log(np.sum(ROW)), gp.logsumexp(X)),
        (np.log(np.sum(COLUMN)), gp.logsumexp(X)),
        (np.log(np.sum(np.exp(X)[-1])), gp.logsumexp(X)),
        (np.log(np.sum(np.exp(X)[:1], axis=(0, 1))), gp.logsumexp(X)),
        (np.log(np.sum(E3[0], axis=1)), gp.logsumexp(gp.array("V", ("p", "m", "n")), (0, 2))),
    ],
)
def test_the_sum_of_a_part_is_not_that_of_the_whole(written: Any, other: Any) -> None:
    assert gp.equal(written, other).name == "refuted"


def test_a_shorter_axis_stays_shorter() -> None:
    m, n = X.shape
    assert np.log(np.sum(PART, axis=1)).shape == (m - 1,)
    assert np.log(np.sum(np.exp(gp.array("D", (2 * m, n)))[::2], axis=1)).shape == (m,)
    with pytest.raises(gp.ShapeError):
        np.exp(X) / np.sum(PART, axis=1, keepdims=True)


def test_the_gradient_of_one_row_reaches_that_row_alone() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4))
    got = gp.grad(np.log(np.sum(ROW)), X).evaluate({"X": values})
    right = np.zeros((3, 4))
    right[0] = np.exp(values[0]) / np.exp(values[0]).sum()
    np.testing.assert_allclose(got, right, rtol=1e-12)


def test_forward_mode_refuses_what_reverse_mode_refuses() -> None:
    e, u = np.exp(x), -x
    for y, by in ((e / np.sum(e), e), (np.log(np.sum(e)), e), (1 / (1 + np.exp(u)), u), (np.tanh(x), x[:])):
        with pytest.raises(gp.UnsupportedError, match="take the derivative by an input"):
            gp.jvp(y, by, gp.array("v", ("n",)))
