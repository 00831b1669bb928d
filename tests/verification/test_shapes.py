"""Sizes that happen to be equal hide faults: the same code is run at other shapes."""

from __future__ import annotations

import numpy as np

from gradproof.numeric.verification.sizes.axes import axes_by_trial, other_shapes
from gradproof.numeric.verification.verify import verify, verify_backward

RNG = np.random.default_rng(5)


def softmax_loss(X, W, Y):
    P = np.exp(X @ W)
    P = P / P.sum(axis=1, keepdims=True)
    return -np.sum(Y * np.log(P)) / X.shape[0]


def softmax_gradient(divide_by):
    def grad(X, W, Y):
        P = np.exp(X @ W)
        P = P / P.sum(axis=1, keepdims=True)
        return X.T @ (P - Y) / divide_by(X, Y)

    return grad


SQUARE = {"X": RNG.standard_normal((4, 4)), "W": RNG.standard_normal((4, 4)), "Y": np.eye(4)}


def test_the_number_of_classes_in_place_of_the_number_of_examples_is_refuted_though_both_are_four():
    assert verify(softmax_loss, softmax_gradient(lambda X, Y: len(X)), SQUARE, "W").ok
    report = verify(softmax_loss, softmax_gradient(lambda X, Y: Y.shape[1]), SQUARE, "W")
    assert report.verdict.name == "refuted", str(report)
    assert "at other shapes" in report.findings[0].region
    assert "right at the given inputs" in report.findings[0].verdict.reason


def state_loss(x, W, y):
    h = np.zeros(y.shape)
    for step in x:
        h = np.tanh(np.concatenate([step, h], axis=1) @ W)
    return 0.5 * np.sum((h - y) ** 2) / len(y)


def state_gradient(divide_by):
    def grad(x, W, y):
        states = [np.zeros(y.shape)]
        for step in x:
            states.append(np.tanh(np.concatenate([step, states[-1]], axis=1) @ W))
        dh, dW = (states[-1] - y) / divide_by(y), np.zeros_like(W)
        for step, before, after in zip(x[::-1], states[-2::-1], states[:0:-1], strict=True):
            dz = dh * (1 - after**2)
            dW += np.concatenate([step, before], axis=1).T @ dz
            dh = dz @ W.T[:, step.shape[1] :]
        return dW

    return grad


def test_a_size_that_is_part_of_a_sum_and_cannot_change_does_not_hold_up_another():
    inputs = {"x": RNG.standard_normal((3, 2, 4)), "W": RNG.standard_normal((6, 2)), "y": RNG.standard_normal((2, 2))}
    axes = axes_by_trial(inputs, {("W",)}, runs(state_loss), RNG)
    assert axes[("y",)] == (axes[("x",)][1], axes[("W",)][1]) and axes[("x",)][1] != axes[("W",)][1]
    assert verify(state_loss, state_gradient(len), inputs, "W", prove=False).ok
    report = verify(state_loss, state_gradient(lambda y: y.shape[1]), inputs, "W", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
    assert "at other shapes" in report.findings[0].region


def test_a_size_written_into_the_code_is_told_and_is_no_fault_at_that_size():
    def grad(A):
        g = np.zeros((3, 2))
        g += 2 * A
        return g

    report = verify(lambda A: np.sum(A**2), grad, {"A": RNG.standard_normal((3, 2))})
    assert report.ok, str(report)
    assert any("the gradient fails" in note for note in report.notes)


def runs(loss):
    def check(inputs):
        try:
            return bool(np.isfinite(loss(**inputs)))
        except (ValueError, IndexError):
            return False

    return check


def test_axes_of_one_size_come_apart_as_far_as_the_code_allows():
    axes = axes_by_trial(SQUARE, {("W",)}, runs(softmax_loss), np.random.default_rng(0))
    assert axes["X",] == ("X.shape[0]", "X.shape[1]")
    assert axes["W",] == ("X.shape[1]", "W.shape[1]")
    assert axes["Y",] == ("X.shape[0]", "W.shape[1]")


def test_leading_axes_of_data_stay_together():
    def loss(X, y, w):
        return sum((x @ w - t) ** 2 for x, t in zip(X, y, strict=False))

    inputs = {"X": RNG.standard_normal((5, 2)), "y": RNG.standard_normal(5), "w": RNG.standard_normal(2)}
    axes = axes_by_trial(inputs, {("w",)}, runs(loss), np.random.default_rng(0))
    assert axes["X",][0] == axes["y",][0]


def test_data_keep_their_kind_at_other_sizes():
    S = RNG.standard_normal((5, 5))
    inputs = {
        "Y": np.eye(3)[[0, 1, 2, 1]], "labels": np.array([0, 2, 1, 1]), "sign": np.array([1.0, -1, 1, 1]),
        "p": np.array([0.2, 0.5, 0.9, 0.1]), "S": S + S.T,
    }  # fmt: skip
    axes = {("Y",): ("m", "k"), ("labels",): ("m",), ("sign",): ("m",), ("p",): ("m",), ("S",): ("n", "n")}
    found = list(other_shapes(inputs, {("S",), ("p",)}, axes, np.random.default_rng(1)))
    assert found
    for changed, _ in found:
        m, k = changed["Y"].shape
        assert np.array_equal(np.sort(changed["Y"], axis=1)[:, -1], np.ones(m))
        assert np.array_equal(changed["Y"].sum(axis=1), np.ones(m))
        assert changed["labels"].shape == (m,) and changed["labels"].max() < max(k, 3)
        assert set(np.unique(changed["sign"])) <= {-1.0, 1.0}
        assert np.all((changed["p"] > 0) & (changed["p"] < 1))
        assert np.array_equal(changed["S"], changed["S"].T)


def test_sizes_at_which_the_loss_has_no_part_of_a_parameter_are_passed_over():
    """Where the filter is longer than the signal, int((n - f) / s) + 1 is 1, and the output stays as it was made."""

    def convolution(x, w, b):
        n, f = len(x), len(w)
        out = np.zeros(int((n - f) / 2) + 1)
        for k in range((n - f) // 2 + 1):
            out[k] = np.sum(w * x[2 * k : 2 * k + f]) + b[0]
        return out, (x, w)

    def backward(dout, cache):
        x, w = cache
        n, f = len(x), len(w)
        dx, dw = np.zeros(n), np.zeros(f)
        for k in range((n - f) // 2 + 1):
            dw += dout[k] * x[2 * k : 2 * k + f]
            dx[2 * k : 2 * k + f] += dout[k] * w
        return dx, dw, np.array([dout.sum()])

    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=5), rng.normal(size=3), rng.normal(size=1)]
    for seed in range(4):
        report = verify_backward(convolution, backward, inputs, seed=seed, prove=False)
        assert report.ok, report


def test_six_axes_of_one_size_come_apart_though_the_other_parameters_are_proved():
    """A batch norm of five examples of five features, its mean's gradient divided by the features."""

    def loss(x, gamma, beta, dy):
        xc = x - x.mean(axis=0)
        return np.sum(dy * (gamma * xc / np.sqrt(np.mean(xc**2, axis=0) + 1e-5) + beta))

    def grad(x, gamma, beta, dy):
        xc = x - x.mean(axis=0)
        std = np.sqrt(np.mean(xc**2, axis=0) + 1e-5)
        g = dy * gamma / std
        dx = g - g.sum(axis=0) / x.shape[1] - xc * np.mean(g * xc, axis=0) / std**2
        return {"x": dx, "gamma": np.sum(dy * xc / std, axis=0), "beta": dy.sum(axis=0)}

    rng = np.random.default_rng(0)
    inputs = {"x": rng.normal(size=(5, 5)), "gamma": rng.normal(size=5), "beta": rng.normal(size=5)}
    report = verify(loss, grad, inputs | {"dy": rng.normal(size=(5, 5))}, ["x", "gamma", "beta"], budget=0)
    verdicts = {finding.name: finding.verdict.name for finding in report.findings}
    assert verdicts == {"x": "refuted", "gamma": "proved", "beta": "proved"}


def mean_square_by_index(data, labels, w):
    total = 0.0
    for i in range(data.shape[1]):
        total += (w @ data[:, i] - labels[i]) ** 2
    return total / data.shape[1]


def mean_square_by_zip(data, labels, w):
    total = 0.0
    for x, y in zip(data.T, labels, strict=False):
        total += (w @ x - y) ** 2
    return total / len(labels)


COLUMNS = {"data": RNG.standard_normal((3, 5)), "labels": RNG.standard_normal(5), "w": RNG.standard_normal(3)}


def over(count):
    def grad(data, labels, w):
        g = np.zeros_like(w)
        for x, y in zip(data.T, labels, strict=False):
            g += 2 * (w @ x - y) * x
        return g / count(data, labels)

    return grad


def test_columns_of_examples_stay_with_their_labels_though_more_labels_would_do():
    for loss in (mean_square_by_index, mean_square_by_zip):
        runs_here = runs(lambda data, labels, w, loss=loss: loss(data, labels, w))
        assert runs_here({**COLUMNS, "labels": np.zeros(6)})
        for seed in range(3):
            for count in (lambda data, labels: data.shape[1], lambda data, labels: len(labels)):
                report = verify(loss, over(count), COLUMNS, "w", seed=seed, prove=False)
                assert report.ok, str(report)


def test_a_number_of_examples_written_as_a_number_is_refuted_at_another():
    for loss in (mean_square_by_index, mean_square_by_zip):
        report = verify(loss, over(lambda data, labels: 5), COLUMNS, "w", prove=False, budget=0)
        assert report.verdict.name == "refuted", str(report)


def test_other_shapes_change_every_size_where_they_can():
    axes = {("X",): ("m", "n"), ("w",): ("n",), ("y",): ("m",)}
    inputs = {"X": np.ones((3, 2)), "w": np.ones(2), "y": np.ones(3)}
    for seed in range(20):
        _, sizes = next(other_shapes(inputs, {("w",)}, axes, np.random.default_rng(seed)))
        assert set(sizes) == {"m", "n"}


def test_a_kernel_that_is_longer_than_its_signal_is_no_ground_to_refute():
    """There NumPy exchanges the two, and the loss is another one."""

    def padded(x, k):
        return np.convolve(np.pad(x, 1), k, "valid")

    def grad(x, k):
        return np.convolve(2 * padded(x, k), k[::-1])[1 : 1 + len(x)]

    def grad_off_by_one(x, k):
        return np.convolve(2 * padded(x, k), k[::-1])[: len(x)]

    inputs = {"x": RNG.standard_normal(5), "k": RNG.standard_normal(3)}
    for seed in range(3):
        report = verify(lambda x, k: np.sum(padded(x, k) ** 2), grad, inputs, "x", seed=seed, prove=False)
        assert report.ok, str(report)
    report = verify(lambda x, k: np.sum(padded(x, k) ** 2), grad_off_by_one, inputs, "x", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
