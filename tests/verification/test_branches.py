"""Gradients written with an ``if`` on each element of a loop are proved, and one wrong line in them is not.

``WRONG`` plants one fault into each: an edit of its source.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from beside import module

from gradproof.numeric.verification.interfaces import chosen
from gradproof.numeric.verification.proofs.proof import Proof, prove_gradients

hinge_grad = module(__file__, "zoo/hinge.py").naive


def relu_loss(X, W):  # type: ignore[no-untyped-def]
    Z = X @ W
    n, k = Z.shape
    A = np.zeros_like(Z)
    for i in range(n):
        for j in range(k):
            if Z[i, j] > 0:
                A[i, j] = Z[i, j]
            else:
                A[i, j] = 0.0
    return np.sum(A**2) / n


def relu_grad(X, W):  # type: ignore[no-untyped-def]
    Z = X @ W
    n, k = Z.shape
    D = np.zeros_like(Z)
    for i in range(n):
        for j in range(k):
            if Z[i, j] > 0:
                D[i, j] = 2 * Z[i, j] / n
    return X.T @ D


def hinge_loss(X, y, W):  # type: ignore[no-untyped-def]
    loss = 0.0
    num_classes = W.shape[1]
    num_train = X.shape[0]
    for i in range(num_train):
        scores = X[i].dot(W)
        correct = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct + 1
            if margin > 0:
                loss += margin
    return loss / num_train + 0.1 * np.sum(W * W)


def pool_loss(X, W):  # type: ignore[no-untyped-def]
    Z = X * W
    H, V = Z.shape
    out = np.zeros((H // 2, V // 2))
    for i in range(H // 2):
        for j in range(V // 2):
            best = -np.inf
            for a in range(2):
                for b in range(2):
                    if Z[2 * i + a, 2 * j + b] > best:
                        best = Z[2 * i + a, 2 * j + b]
            out[i, j] = best
    return np.sum(out**3)


def pool_grad(X, W):  # type: ignore[no-untyped-def]
    Z = X * W
    H, V = Z.shape
    dZ = np.zeros((H, V))
    for i in range(H // 2):
        for j in range(V // 2):
            best, arg = Z[2 * i, 2 * j], (2 * i, 2 * j)
            for a in range(2):
                for b in range(2):
                    if Z[2 * i + a, 2 * j + b] > best:
                        best = Z[2 * i + a, 2 * j + b]
                        arg = (2 * i + a, 2 * j + b)
            dZ[arg] += 3 * best**2
    return dZ * X


def huber_loss(p, t, delta=1.0):  # type: ignore[no-untyped-def]
    loss = 0
    for i in range(p.shape[0]):
        r = p[i] - t[i]
        if abs(r) <= delta:
            loss += 0.5 * r**2
        else:
            loss += delta * (abs(r) - 0.5 * delta)
    return loss / p.shape[0]


def huber_grad(p, t, delta=1.0):  # type: ignore[no-untyped-def]
    g = []
    for i in range(p.shape[0]):
        r = p[i] - t[i]
        if abs(r) <= delta:
            g.append(r)
        elif r > 0:
            g.append(delta)
        else:
            g.append(-delta)
    return np.array(g) / p.shape[0]


def clip_loss(x, w):  # type: ignore[no-untyped-def]
    s = 0.0
    for i in range(len(x)):
        v = x[i] * w[i]
        if v > 2:
            v = 2
        if v < -2:
            v = -2
        s += v**2
    return s


def clip_grad(x, w):  # type: ignore[no-untyped-def]
    dw = np.zeros(len(w))
    for i in range(len(w)):
        v = x[i] * w[i]
        if v > 2 or v < -2:
            dw[i] = 0
        else:
            dw[i] = 2 * v * x[i]
    return dw


rng = np.random.default_rng(0)
X, Z = rng.normal(size=(2, 4)), rng.normal(size=(2, 2))
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any], str, str]] = {
    "relu": (relu_loss, relu_grad, {"X": X, "W": rng.normal(size=(4, 2))}, "2 * Z[i, j]", "Z[i, j]"),
    "hinge": (hinge_loss, hinge_grad, {"X": X, "y": np.array([1, 0]), "W": rng.normal(size=(4, 2))},
              "dW[:, y[i]] -= X[i]", "pass"),
    "pool": (pool_loss, pool_grad, {"W": Z[:, :2], "X": X[:, :2] + 3}, "> best", "< best"),
    "huber": (huber_loss, huber_grad, {"p": Z[0] * 2, "t": Z[1]}, "r > 0", "r < 0"),
    "clip": (clip_loss, clip_grad, {"w": Z[0], "x": Z[1]}, "2 * v", "v"),
}  # fmt: skip


def proof_of(loss: Callable[..., Any], grad: Callable[..., Any], inputs: dict[str, Any]) -> Proof:
    (path,) = chosen(inputs, [next(iter({"W", "Z", "p", "w"} & inputs.keys()))])
    return prove_gradients(loss, grad, inputs, [path], seconds=60)[0][path]


@pytest.mark.parametrize("name", CASES)
def test_an_if_on_each_element_is_proved_and_a_fault_in_it_is_not(name: str) -> None:
    loss, grad, inputs, old, new = CASES[name]
    proof = proof_of(loss, grad, inputs)
    assert proof.verdict.name == "certified" and "by normal form, for all inputs" in proof.verdict.reason
    source = inspect.getsource(grad)
    assert old in source
    text, file = source.replace(old, new), f"<{name} with a fault>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = dict(globals())
    exec(compile(text, file, "exec"), names)  # the test's own text
    assert not proof_of(loss, names[grad.__name__], inputs)
