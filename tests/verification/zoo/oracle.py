"""The losses once more, in mpmath's numbers, and their gradients by central differences: nothing is shared.

Every loss is written out for object arrays of ``mpf`` with sums, products and mpmath's own functions. With 60 digits
and h = 10⁻²⁰ a central difference is right to some forty digits, wherever the loss is smooth within h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

DIGITS = 60
STEP = "1e-20"


def _each(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    ufunc = np.frompyfunc(function, 1, 1)
    return lambda x: ufunc(x)


exp, log, tanh, sqrt = (_each(f) for f in (mpmath.exp, mpmath.log, mpmath.tanh, mpmath.sqrt))
erf, absolute = _each(mpmath.erf), _each(abs)
relu = _each(lambda v: v if v > 0 else mpf(0))
sigmoid = _each(lambda v: 1 / (1 + mpmath.exp(-v)))
softplus = _each(lambda v: mpmath.log(1 + mpmath.exp(v)))


def exact(value: Any) -> Any:
    """Floats as mpf, in arrays, dicts and lists; integers as they are."""
    if isinstance(value, dict):
        return {key: exact(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(part) for part in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return np.frompyfunc(mpf, 1, 1)(value.astype(object))
    return mpf(value) if isinstance(value, float) else value


def linear(X, y, w, b, lam):
    r = [sum(x * c for x, c in zip(row, w)) + b - t for row, t in zip(X, y)]
    return sum(e * e for e in r) / len(r) / 2 + lam * sum(c * c for c in w) / 2


def logistic(X, y, w, b):
    z = X @ w + b
    return sum(softplus(z) - y * z) / len(y) + sum(w * w) / 20


def _cross_entropy(z, labels):
    return sum(mpmath.log(sum(exp(row))) - row[k] for row, k in zip(z, labels)) / len(labels)


def softmax(X, y, W, b):
    return _cross_entropy(X @ W + b, y) + np.sum(W * W) / 200


def mlp(X, Y, params):
    h = tanh(X @ params["W1"] + params["b1"])
    out = relu(h @ params["W2"] + params["b2"]) @ params["W3"]
    return np.sum((out - Y) ** 2) / len(X) / 2


def deep(x, y, Ws, bs):
    for W, b in zip(Ws, bs):
        z = x @ W + b
        x = sigmoid(z)
    return np.sum(softplus(z) - y * z) / len(y)


def _normalised(row, eps):
    mu = sum(row) / len(row)
    return (row - mu) / mpmath.sqrt(sum((row - mu) ** 2) / len(row) + mpf(eps))


def batchnorm(x, gamma, beta, R):
    hat = np.array([_normalised(column, "1e-5") for column in x.T]).T
    return np.sum((hat * gamma + beta - R) ** 2) / 2


def layernorm(x, g, c, R):
    return np.sum((np.array([_normalised(row, "1e-6") for row in x]) * g + c) * R)


def rnn(xs, U, V, b, target):
    h, total = np.array([mpf(0)] * len(b)), 0
    for x, goal in zip(xs, target):
        h = tanh(V @ x + U @ h + b)
        total += sum((h - goal) ** 2)
    return total


def lstm(x, W, b, y):
    N, H = y.shape
    h = c = np.array([[mpf(0)] * H] * N)
    for step in x:
        a = step @ W[: step.shape[1]] + h @ W[step.shape[1] :] + b
        i, f, o, g = (a[:, k * H : (k + 1) * H] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
    return np.sum((h - y) ** 2) / N / 2


def attention(X, Wq, Wk, Wv, R):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    total = 0
    for i in range(len(X)):
        weights = exp(K[: i + 1] @ Q[i] / mpmath.sqrt(len(Q[0])))
        total += sum((weights @ V[: i + 1]) / sum(weights) * R[i])
    return total


def conv(x, w, b, R):
    total = 0
    for n, f, l in np.ndindex(*R.shape):
        z = np.sum(x[n, :, 2 * l : 2 * l + w.shape[2]] * w[f]) + b[f]
        total += ((z if z > 0 else z / 100) - R[n, f, l]) ** 2
    return total / 2


def maxpool(X, W, b, y):
    z = X @ W + b
    top = [[max(row[3 * g : 3 * g + 3]) for g in range(y.shape[1])] for row in z]
    return np.sum((np.array(top) - y) ** 2) / len(X) / 2


def hinge(X, y, W):
    total = 0
    for s, k in zip(X @ W, y):
        total += sum(max(mpf(0), s[j] - s[k] + 1) for j in range(len(s)) if j != k)
    return total / len(y) + np.sum(W * W) / 10


def huber(X, y, w, b, k):
    d = mpf("1.5")
    r = X @ w + b - y
    return sum(c * (e * e / 2 if abs(e) < d else d * (abs(e) - d / 2)) for c, e in zip(k, r))


def elastic(X, y, w, l1, l2):
    return sum(absolute(X @ w - y)) / len(y) + l1 * sum(absolute(w)) + l2 * sum(w * w)


def gelu(x, W, b):
    u = x @ W + b
    return np.sum(u * (1 + tanh(mpmath.sqrt(2 / mp.pi) * (u + mpf("0.044715") * u * u * u)))) / 2


def gelu_erf(x, W, y):
    u = x @ W
    return np.sum((u * (1 + erf(u / mpmath.sqrt(2))) / 2 - y) ** 2) / 2


def residual(x, y, A1, B1, A2, B2, v):
    h = x + relu(x @ A1) @ B1
    h = h + relu(h @ A2) @ B2
    return sum((h @ v - y) ** 2) / len(y)


def embedding(E, W, idx, y):
    h = np.array([sum(E[token] for token in tokens) / len(tokens) for tokens in idx])
    return _cross_entropy(h @ W, y)


def dropout(X, y, W, v, rate):
    uniform = np.random.RandomState(7).rand(X.shape[0], W.shape[1])
    a = softplus(X @ W) * np.where(uniform >= float(rate), 1, 0) / (1 - rate)
    return sum((a @ v - y) ** 2) / len(y) / 2


def cosine(A, B):
    u, v = (M / sqrt(np.sum(M * M, axis=1))[:, None] for M in (A, B))
    return _cross_entropy(u @ v.T * 5, range(len(A)))


def _leaf(inputs: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        inputs = inputs[part]
    return inputs


def _replaced(inputs: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    if not path:
        return leaf
    copy = dict(inputs) if isinstance(inputs, dict) else list(inputs)
    copy[path[0]] = _replaced(inputs[path[0]], path[1:], leaf)
    return copy


def gradient(name: str, inputs: dict[str, Any], path: tuple[Any, ...]) -> np.ndarray:
    """The gradient of a model's loss by the leaf at a path, rounded to floats."""
    function = globals()[name]
    with mp.workdps(DIGITS):
        numbers = exact(inputs)
        leaf = np.array(_leaf(numbers, path), dtype=object)
        result = np.zeros(leaf.shape)
        h = mpf(STEP) * max(1, max((abs(v) for v in leaf.ravel()), default=1))
        for index in np.ndindex(*leaf.shape):
            ends = []
            for step in (h, -h):
                moved = leaf.copy()
                moved[index] += step
                ends.append(function(**_replaced(numbers, path, moved if leaf.ndim else moved[()])))
            result[index] = float((ends[0] - ends[1]) / (2 * h))
    return result
