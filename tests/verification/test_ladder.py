"""One call climbs as high as it can: proved where it can be traced, certified beside it, refuted where it is wrong."""

from __future__ import annotations

import numpy as np

from gradproof.numeric.verification.verify import verify

RNG = np.random.default_rng(11)
INPUTS = {"X": RNG.standard_normal((5, 3)), "W": RNG.standard_normal((3, 2)), "Y": RNG.standard_normal((5, 2))}


def loss(X, W, Y):
    A = np.tanh(X @ W)
    return np.sum((A - Y) ** 2) / (2 * len(X))


def grad(X, W, Y):
    A = np.tanh(X @ W)
    return X.T @ ((A - Y) * (1 - A**2)) / len(X)


def test_a_right_gradient_is_proved_for_all_shapes_and_certified_on_balls_beside_it():
    report = verify(loss, grad, INPUTS, "W")
    finding = report.findings[0]
    assert finding.verdict.name == "proved"
    assert "for all shapes and inputs" in finding.verdict.reason
    assert finding.verdict.evidence == ("equal to 200 digits on balls at the given inputs",)
    assert report.figures["dimensions"]["X"] == "m, n"


def test_without_a_proof_it_is_certified():
    assert verify(loss, grad, INPUTS, "W", prove=False).verdict.name == "certified"


def test_a_loop_over_examples_is_certified_at_other_shapes_too():
    def looped(X, W, Y):
        g = np.zeros_like(W)
        for i in range(X.shape[0]):
            a = np.tanh(X[i] @ W)
            g += np.outer(X[i], (a - Y[i]) * (1 - a**2)) / X.shape[0]
        return g

    finding = verify(loss, looped, INPUTS, "W").findings[0]
    assert finding.verdict.name == "certified"
    assert "at other shapes" in finding.verdict.reason


def test_a_wrong_gradient_is_refuted_with_the_difference_as_a_formula():
    def wrong(X, W, Y):
        A = np.tanh(X @ W)
        return X.T @ ((A - Y) * (1 - A)) / len(X)

    finding = verify(loss, wrong, INPUTS, "W").findings[0]
    assert finding.verdict.name == "refuted"
    assert r"\tanh" in finding.latex and r"X^{\top}" in finding.latex


def test_positive_parameters_do_not_prove_what_needs_their_sign():
    w = RNG.uniform(0.1, 0.9, size=4)
    report = verify(lambda w: 0.3 * np.sum(np.abs(w)), lambda w: 0.3 * np.ones_like(w), {"w": w})
    assert report.verdict.name == "refuted", str(report)


def test_one_hot_rows_prove_what_needs_them_and_say_so():
    def cross_entropy(X, W, Y):
        s = X @ W
        return -np.sum(Y * (s - np.log(np.sum(np.exp(s), axis=1, keepdims=True)))) / len(X)

    def p_minus_y(X, W, Y):
        e = np.exp(X @ W)
        return X.T @ (e / e.sum(axis=1, keepdims=True) - Y) / len(X)

    inputs = INPUTS | {"Y": np.eye(2)[[0, 1, 1, 0, 1]]}
    finding = verify(cross_entropy, p_minus_y, inputs, "W").findings[0]
    assert finding.verdict.name == "proved"
    assert "for one_hot Y" in finding.verdict.reason


def test_code_that_changes_state_is_left_as_it_was():
    class Model:
        def __init__(self):
            self.cache = {}

        def loss(self, X, W, Y):
            self.cache["A"] = np.tanh(X @ W)
            return np.sum((self.cache["A"] - Y) ** 2) / (2 * len(X))

        def grad(self, X, W, Y):
            self.loss(X, W, Y)
            A = self.cache["A"]
            return X.T @ ((A - Y) * (1 - A**2)) / len(X)

    model = Model()
    assert verify(model.loss, model.grad, INPUTS, "W").verdict.name == "proved"
    assert type(model.cache.get("A", np.zeros(1))) is np.ndarray


def test_a_gradient_that_is_no_number_where_the_derivative_is_one_is_refuted_there():
    x = np.array([[0.0, 0.0], [1.0, -2.0]])

    def shared(x):  # 0/0 in the row without a positive number
        on = x > 0
        return np.maximum(x, 0) * on / on.sum(axis=1, keepdims=True) * on.sum(axis=1, keepdims=True)

    finding = verify(lambda x: 0.5 * np.sum(np.maximum(x, 0) ** 2), shared, {"x": x}, "x", budget=0).findings[0]
    assert (finding.verdict.name, finding.cause) == ("refuted", "undefined")
    assert finding.entries[0].index == (0, 0) and np.isnan(finding.entries[0].claimed)
    assert finding.entries[0].derived == 0


def test_what_overflows_in_floats_alone_is_no_fault_and_what_is_too_small_to_tell_is_open():
    def loss(z):
        return np.sum(np.log(1 + np.exp(z)))

    z = np.array([1000.0, -2.0])
    assert verify(loss, lambda z: np.exp(z) / (1 + np.exp(z)), {"z": z}, "z", prove=False).ok

    def divided(z):  # right, but 1 - p is not told from zero at any precision that is tried
        p = 1 / (1 + np.exp(-z))
        return p * (1 - p) / (1 - p)

    report = verify(loss, divided, {"z": np.array([1e6, -2.0])}, "z", prove=False, move=False)
    assert report.verdict.name == "unknown", str(report)
