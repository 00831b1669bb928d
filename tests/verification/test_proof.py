"""Right gradients are proved for all shapes, wrong ones never are, and tracing leaves the user's state as it was."""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from gradproof.numeric.verification.interfaces import chosen, infer_wrt, label, replaced
from gradproof.numeric.verification.proofs.proof import Proof, Traced, prove_gradients

sys.path.insert(0, str(Path(__file__).parents[1] / "numeric"))
import zoo


def proofs_of(
    loss: Callable[..., Any], grad: Callable[..., Any], inputs: dict[str, Any], wrt: list[str] | None = None
) -> tuple[dict[str, Proof], Traced | None]:
    paths = infer_wrt(grad(**replaced(inputs, {})), inputs) if wrt is None else chosen(inputs, wrt)
    proofs, traced = prove_gradients(loss, grad, inputs, paths, seconds=60)
    return {label(path): proof for path, proof in proofs.items()}, traced


def of_the_zoo(name: str, grad: Callable[..., Any] | None = None) -> dict[str, Proof]:
    wrong = grad or getattr(zoo, f"{name}_grad")
    return proofs_of(getattr(zoo, f"{name}_loss"), wrong, zoo.inputs_of(name), zoo.WRT[name])[0]


def edited(name: str, old: str, new: str) -> Callable[..., Any]:
    source = inspect.getsource(getattr(zoo, f"{name}_grad"))
    assert old in source
    text = source.replace(old, new, 1)
    file = f"<{name}: {old} -> {new}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = dict(vars(zoo))
    exec(compile(text, file, "exec"), names)  # the test's own text
    return names[f"{name}_grad"]  # type: ignore[no-any-return]


# -- right and wrong gradients -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["linear", "logistic", "softmax", "mlp", "sigmoid", "batchnorm", "layernorm", "gelu", "attention"]
)
def test_a_right_gradient_is_proved_for_all_shapes(name: str) -> None:
    for parameter, proof in of_the_zoo(name).items():
        assert proof.verdict.name == "proved", f"{parameter}: {proof.verdict}"
        assert proof.verdict.reason.startswith("for all shapes and inputs")


def test_a_loop_over_steps_fixes_their_number_alone_and_its_line_is_named() -> None:
    for proof in of_the_zoo("rnn").values():
        assert proof.verdict.name == "certified"
        assert "xs.shape[0] = 4" in proof.verdict.reason and "for t in range(T)" in proof.lines[0]
        assert "U.shape" not in proof.verdict.reason


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("linear", "lam * w", "lam * w * 1.0000001"), ("logistic", "/ len(y)", "/ X.shape[1]"),
        ("logistic", "(p - y)", "(p - y) * p * (1 - p)"), ("softmax", "-= 1", "-= 1.0000001"),
        ("softmax", "np.sum(P, axis=0)", "np.sum(P, axis=0)[::-1]"), ("mlp", "(z2 > 0)", "(z2 > 0.5)"),
        ("mlp", "a1.T @ d2", "np.tanh(a1).T @ d2"), ("batchnorm", "+ 1e-5", "+ 1e-6"),
        ("batchnorm", "(N * std)", "std"),
        ("layernorm", "d = R * g", "d = R"), ("gelu", "u + 0.044715", "u + 0.04471501"),
        ("attention", "dA * A, axis=1", "dA * A, axis=0"), ("rnn", "dU += np", "dU = np"),
        ("embedding", "-= 1", "-= 0.9999999"), ("hinge", "+ 1.0)", "+ 1.2)"),
    ],
)  # fmt: skip
def test_a_wrong_gradient_is_never_proved(name: str, old: str, new: str) -> None:
    proofs = of_the_zoo(name, edited(name, old, new))
    assert not all(proofs.values()), {parameter: str(proof.verdict) for parameter, proof in proofs.items()}


def most(X: Any, W: Any) -> Any:
    return np.sum(np.max(X @ W, axis=1) ** 2)


def through_the_place_of_the(pick: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(X: Any, W: Any) -> Any:
        Z = X @ W
        D = np.zeros_like(Z)
        D[np.arange(Z.shape[0]), pick(Z, axis=1)] = 2 * np.max(Z, axis=1)
        return {"W": X.T @ D}

    return gradient


def test_the_derivative_of_a_maximum_is_stored_at_its_argmax() -> None:
    rng = np.random.default_rng(0)
    inputs = {"X": rng.normal(size=(5, 4)), "W": rng.normal(size=(4, 3))}
    right = proofs_of(most, through_the_place_of_the(np.argmax), inputs)[0]["W"]
    assert right.verdict.name == "proved" and "at kinks" in right.verdict.reason
    assert not proofs_of(most, through_the_place_of_the(np.argmin), inputs)[0]["W"]


# -- sizes -------------------------------------------------------------------------------------------------------------
def product_loss(X: Any, W: Any) -> Any:
    return np.sum((X @ W) ** 2)


def test_square_arrays_are_proved_for_all_shapes_and_a_transpose_is_not_hidden_by_them() -> None:
    square = {"X": np.arange(9.0).reshape(3, 3), "W": np.eye(3)}
    proofs, traced = proofs_of(product_loss, lambda X, W: {"W": 2 * X.T @ (X @ W)}, square)
    assert proofs["W"].verdict.name == "proved" and traced is not None
    assert [str(n) for n in traced.dims["X",] + traced.dims["W",]] == ["m", "n", "n", "k"]
    assert not proofs_of(product_loss, lambda X, W: {"W": 2 * X @ (X @ W)}, square)[0]["W"]


def test_a_gradient_that_fits_square_shapes_only_is_not_called_proved() -> None:
    def loss(X: Any, W: Any) -> Any:
        return np.sum((X + X.T) @ W)  # symmetric, but this needs a square X

    def grad(X: Any, W: Any) -> Any:
        return {"W": (X + X.T) @ np.ones_like(W)}

    inputs = {"X": np.arange(4.0).reshape(2, 2), "W": np.ones((2, 2))}
    assert proofs_of(loss, grad, inputs)[0]["W"].verdict.name == "proved"

    def narrower(X: Any, W: Any) -> Any:
        return {"W": (X + X.T) @ np.ones_like(W.T).T + 0 * (W - W.T)}

    proof = proofs_of(loss, narrower, inputs)[0]["W"]
    assert proof.verdict.name == "certified" and "0 * (W - W.T)" in proof.lines[0]


def test_gates_cut_out_of_one_array_make_its_width_a_multiple() -> None:
    def loss(x: Any, W: Any) -> Any:
        z = x @ W
        h = z.shape[1] // 2
        return np.sum(np.tanh(z[:, :h]) * z[:, h:])

    def grad(x: Any, W: Any) -> Any:
        z = x @ W
        h = z.shape[1] // 2
        a = np.tanh(z[:, :h])
        return {"W": x.T @ np.concatenate([(1 - a**2) * z[:, h:], a], axis=1)}

    rng = np.random.default_rng(0)
    proof = proofs_of(loss, grad, {"x": rng.normal(size=(2, 3)), "W": rng.normal(size=(3, 4))})[0]["W"]
    assert proof, proof.verdict


def test_a_loop_over_one_example_is_no_proof_for_more() -> None:
    def loss(w: Any, X: Any) -> Any:
        return sum(np.sum((x @ w) ** 2) for x in X)

    def first_only(w: Any, X: Any) -> Any:
        rows = list(X)
        return {"w": 2 * rows[0] * (rows[0] @ w)}

    inputs = {"w": np.array([1.0, 2.0]), "X": np.array([[3.0, -1.0]])}
    proof = proofs_of(loss, first_only, inputs, ["w"])[0]["w"]
    assert proof.verdict.name == "certified" and "X.shape[0] = 1" in proof.verdict.reason


def test_a_column_that_is_added_to_every_column_is_a_one() -> None:
    proof = proofs_of(
        lambda c, X: np.sum((X + c) ** 2),
        lambda c, X: {"c": 2 * np.sum(X + c, axis=1, keepdims=True)},
        {"c": np.ones((3, 1)), "X": np.arange(12.0).reshape(3, 4)},
        ["c"],
    )[0]["c"]
    assert proof.verdict.name == "proved", proof.verdict


def test_a_size_that_the_code_compares_with_a_number_is_no_silent_assumption() -> None:
    def loss(w: Any) -> Any:
        return np.sum(w**2)

    def grad(w: Any) -> Any:
        return {"w": 3 * w if w.shape[0] == 5 else 2 * w}

    proof = proofs_of(loss, grad, {"w": np.ones(4)})[0]["w"]
    assert proof.verdict.name == "certified" and "≠ 5" in proof.verdict.reason
    assert not proofs_of(loss, grad, {"w": np.ones(5)})[0]["w"]


# -- branches ----------------------------------------------------------------------------------------------------------
def clipped_loss(w: Any) -> Any:
    if np.sum(w) > 1:
        return np.sum(w**2)
    return np.sum(w)


def test_both_sides_of_a_branch_on_values_are_explored() -> None:
    def right(w: Any) -> Any:
        return {"w": 2 * w if np.sum(w) > 1 else np.ones_like(w)}

    def wrong(w: Any) -> Any:
        return {"w": 2 * w if np.sum(w) > 1 else np.zeros_like(w)}

    for values in (np.ones(3), -np.ones(3)):
        assert proofs_of(clipped_loss, right, {"w": values})[0]["w"].verdict.name == "proved"
        assert not proofs_of(clipped_loss, wrong, {"w": values})[0]["w"]


def test_a_loop_until_convergence_is_refused_with_its_line() -> None:
    def loss(w: Any) -> Any:
        while np.sum(w**2) > 1:
            w = w / 2
        return np.sum(w)

    proof = proofs_of(loss, lambda w: {"w": np.ones_like(w)}, {"w": np.ones(3)})[0]["w"]
    assert proof.verdict.name == "unknown"
    assert "while np.sum(w**2) > 1" in proof.verdict.reason


# -- facts -------------------------------------------------------------------------------------------------------------
def test_a_fact_of_the_data_is_named_where_the_proof_needs_it() -> None:
    def loss(Z: Any, Y: Any) -> Any:
        P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
        return -np.sum(Y * np.log(P))

    def grad(Z: Any, Y: Any) -> Any:
        return {"Z": np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True) - Y}

    Z = np.random.default_rng(0).normal(size=(3, 4))
    proof = proofs_of(loss, grad, {"Z": Z, "Y": np.eye(4)[[0, 3, 1]]})[0]["Z"]
    assert proof.verdict.name == "proved" and "one_hot Y" in proof.verdict.reason
    assert not proofs_of(loss, grad, {"Z": Z, "Y": 2 * np.eye(4)[[0, 3, 1]]})[0]["Z"]


# -- state -------------------------------------------------------------------------------------------------------------
class Layer:
    seen: ClassVar[list[Any]] = []

    def __init__(self, W: Any) -> None:
        self.W = W
        self.calls = 0
        self.cache: dict[str, Any] = {}
        self.rng = np.random.default_rng(3)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.x = x
        self.cache["a"] = np.tanh(x @ self.W)
        Layer.seen.append(x)
        return self.cache["a"]

    def backward(self, d: Any) -> Any:
        self.dW = self.x.T @ (d * (1 - self.cache["a"] ** 2))
        return self.dW


def test_a_layer_with_state_is_proved_and_left_as_it_was() -> None:
    W, x = np.ones((2, 3)), np.arange(8.0).reshape(4, 2)
    layer = Layer(W)

    def loss(W: Any, x: Any) -> Any:
        layer.W = W
        np.random.seed(0)
        return 0.5 * np.sum(layer.forward(x) ** 2)

    def grad(W: Any, x: Any) -> Any:
        layer.W = W
        return {"W": layer.backward(layer.forward(x))}

    state, held = np.random.get_state()[1].copy(), layer.rng.bit_generator.state
    assert proofs_of(loss, grad, {"W": W, "x": x}, ["W"])[0]["W"].verdict.name == "proved"
    assert vars(layer).keys() == {"W", "calls", "cache", "rng"}
    assert layer.W is W and layer.calls == 0 and layer.cache == {} and Layer.seen == []
    assert np.array_equal(state, np.random.get_state()[1]) and layer.rng.bit_generator.state == held


def test_what_cannot_be_traced_is_unknown_with_the_line() -> None:
    def loss(x: Any) -> Any:
        return np.linalg.svd(np.outer(x, x))[1].sum()

    proof = proofs_of(loss, lambda x: {"x": 2 * x}, {"x": np.ones(3)})[0]["x"]
    assert proof.verdict.name == "unknown"
    assert "np.linalg.svd" in proof.verdict.reason


def test_the_work_is_bounded() -> None:
    inputs = zoo.inputs_of("mlp")
    paths = chosen(inputs, ["params"])
    proofs, _ = prove_gradients(zoo.mlp_loss, zoo.mlp_grad, inputs, paths, steps=60)
    assert all("given up after 60 steps" in proof.verdict.reason for proof in proofs.values())


# -- loops over examples and joined axes -------------------------------------------------------------------------------
def hinge_by_loops(W: Any, X: Any, y: Any) -> Any:
    total = 0.0
    for i in range(X.shape[0]):
        total += max(0, 1 - y[i] * np.dot(X[i], W))
    return total


def hinge_gradient_by_loops(W: Any, X: Any, y: Any) -> Any:
    dW = np.zeros(W.shape)
    for i in range(X.shape[0]):
        if 1 - y[i] * np.dot(X[i], W) > 0:
            dW -= y[i] * X[i]
    return {"W": dW}


def test_a_branch_for_each_of_many_examples_is_explored_for_a_few_of_them() -> None:
    rng = np.random.default_rng(0)
    inputs = {"W": rng.normal(size=3), "X": rng.normal(size=(9, 3)), "y": np.array([1, -1, 1, 1, -1, 1, -1, -1, 1])}
    proof = proofs_of(hinge_by_loops, hinge_gradient_by_loops, inputs, ["W"])[0]["W"]
    assert proof.verdict.name == "certified" and "X.shape[0] = 3" in proof.verdict.reason

    def wrong(W: Any, X: Any, y: Any) -> Any:
        return {"W": hinge_gradient_by_loops(W, X, y)["W"] * (1 + 1e-9)}

    assert not proofs_of(hinge_by_loops, wrong, inputs, ["W"])[0]["W"]


def test_a_long_loop_is_proved_for_a_few_turns() -> None:
    def loss(h: Any, U: Any, x: Any) -> Any:
        for t in range(x.shape[0]):
            h = np.tanh(U @ h + x[t])
        return np.sum(h)

    def grad(h: Any, U: Any, x: Any) -> Any:
        hs = [h]
        for t in range(len(x)):
            hs.append(np.tanh(U @ hs[-1] + x[t]))
        dU, d = np.zeros_like(U), np.ones_like(h)
        for t in range(len(x))[::-1]:
            dz = d * (1 - hs[t + 1] ** 2)
            dU += np.outer(dz, hs[t])
            d = U.T @ dz
        return {"h": d, "U": dU}

    rng = np.random.default_rng(1)
    inputs = {"h": rng.normal(size=4), "U": rng.normal(size=(4, 4)), "x": rng.normal(size=(40, 4))}
    for proof in proofs_of(loss, grad, inputs)[0].values():
        assert proof.verdict.name == "certified" and "x.shape[0] = 3" in proof.verdict.reason, proof.verdict


def test_joined_axes_are_seen_through() -> None:
    def loss(x: Any, W: Any) -> Any:
        N, T, D = x.shape
        return np.sum((x.reshape(N * T, D) @ W).reshape(N, T, -1).sum(axis=1) ** 2)

    def grad(x: Any, W: Any) -> Any:
        N, T, D = x.shape
        s = (x.reshape(N * T, D) @ W).reshape(N, T, -1).sum(axis=1)
        d = np.repeat(2 * s[:, None, :], T, axis=1).reshape(N * T, -1)
        return {"x": (d @ W.T).reshape(x.shape), "W": x.reshape(-1, D).T @ d}

    rng = np.random.default_rng(1)
    inputs = {"x": rng.normal(size=(2, 3, 4)), "W": rng.normal(size=(4, 5))}
    for proof in proofs_of(loss, grad, inputs)[0].values():
        assert proof.verdict.name == "proved", proof.verdict


def test_flattened_images_before_a_dense_layer() -> None:
    def loss(x: Any, W: Any) -> Any:
        return np.sum(np.tanh(x.reshape(x.shape[0], -1) @ W))

    def grad(x: Any, W: Any) -> Any:
        flat = x.reshape(x.shape[0], -1)
        d = 1 - np.tanh(flat @ W) ** 2
        return {"x": (d @ W.T).reshape(x.shape), "W": flat.T @ d}

    rng = np.random.default_rng(1)
    inputs = {"x": rng.normal(size=(2, 2, 3, 4)), "W": rng.normal(size=(24, 5))}
    for proof in proofs_of(loss, grad, inputs)[0].values():
        assert proof.verdict.name == "proved", proof.verdict


def test_a_rounded_weight_has_the_derivative_zero_and_the_straight_through_estimator_is_another_one() -> None:
    def loss(X: Any, W: Any) -> Any:
        quantised = np.round(8 * W) / 8
        return np.sum((X @ quantised) ** 2) + np.sum(W % 0.5)

    def straight_through(X: Any, W: Any) -> Any:
        return {"W": 2 * X.T @ (X @ (np.round(8 * W) / 8)) + 1}

    rng = np.random.default_rng(0)
    inputs = {"X": rng.normal(size=(3, 2)), "W": rng.normal(size=(2, 2))}
    right = proofs_of(loss, lambda X, W: {"W": np.ones_like(W)}, inputs)[0]["W"]
    assert right.verdict.name == "proved" and right.verdict.reason.endswith("nothing is said where rounding jumps")
    assert not proofs_of(loss, straight_through, inputs)[0]["W"]


DATA, TARGETS = np.random.default_rng(0).normal(size=(5, 3)), np.arange(5.0)


def data_loss(w: Any) -> Any:
    error = DATA.dot(w) - TARGETS
    value = 0.5 * error.dot(error) / len(TARGETS)
    print("loss %.3f of %d, %s" % (value, len(DATA), f"{value:.2f}"))  # noqa: UP031
    assert value < 1e6, "loss %f" % value  # noqa: UP031
    return value


def data_grad(w: Any) -> Any:
    gradient = np.array([0.0, 0.0, 0.0])
    for x, t in zip(DATA, TARGETS, strict=True):
        gradient += x * (x.dot(w) - t)
    return gradient / DATA.shape[0]


def data_grad_of_another_sign(w: Any) -> Any:
    return DATA.T.dot(DATA.dot(w) + TARGETS) / DATA.shape[0]


def test_data_that_a_function_holds_is_known_to_a_proof() -> None:
    inputs = {"w": np.array([0.5, -1.0, 2.0])}
    proof = proofs_of(data_loss, data_grad, inputs)[0]["w"]
    assert proof.verdict.name == "certified" and "by normal form" in proof.verdict.reason
    assert not proofs_of(data_loss, data_grad_of_another_sign, inputs)[0]["w"]
    assert isinstance(DATA, np.ndarray) and isinstance(data_loss.__globals__["TARGETS"], np.ndarray)


def test_a_gradient_without_leading_axes_of_size_one_is_proved_as_it_broadcasts() -> None:
    def loss(X: Any, b: Any) -> Any:
        return np.sum((X + b) ** 2)

    inputs = {"X": np.ones((3, 2)), "b": np.array([[0.5, 0.25]])}
    proofs = proofs_of(loss, lambda X, b: {"b": np.sum(2 * (X + b), axis=0)}, inputs)[0]
    assert proofs["b"].verdict.name == "proved"
