"""Right gradients as people write them by hand: the tests mutate their source text, one edit at a time."""

from __future__ import annotations

import numpy as np


def linear_loss(X, y, w, b, lam):
    r = X @ w + b - y
    return 0.5 * np.mean(r**2) + 0.5 * lam * np.sum(w**2)


def linear_grad(X, y, w, b, lam):
    m = X.shape[0]
    r = X @ w + b - y
    dw = X.T @ r / m + lam * w
    db = np.sum(r) / m
    return {"w": dw, "b": db}


def logistic_loss(X, y, w, b):
    z = X.dot(w) + b
    p = 1.0 / (1.0 + np.exp(-z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def logistic_grad(X, y, w, b):
    p = 1.0 / (1.0 + np.exp(-(X.dot(w) + b)))
    d = (p - y) / len(y)
    return np.dot(X.T, d), d.sum()


def softmax_loss(X, y, W, b):
    z = X @ W + b
    z = z - np.max(z, axis=1, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return float(-np.sum(logp[np.arange(X.shape[0]), y]) / X.shape[0] + 0.005 * np.sum(W * W))


def softmax_grad(X, y, W, b):
    m = X.shape[0]
    e = np.exp(X @ W + b)
    P = e / np.sum(e, axis=1, keepdims=True)
    P[np.arange(m), y] -= 1
    P /= m
    dW = np.zeros(W.shape)
    dW += X.T @ P
    dW += 0.01 * W
    db = np.sum(P, axis=0)
    return {"W": dW, "b": db}


def mlp_loss(X, Y, params):
    a1 = np.tanh(X @ params["W1"] + params["b1"])
    z2 = a1 @ params["W2"] + params["b2"]
    a2 = np.maximum(0, z2)
    out = a2 @ params["W3"]
    return np.sum((out - Y) ** 2) / (2 * len(X))


def mlp_grad(X, Y, params):
    m = len(X)
    a1 = np.tanh(X @ params["W1"] + params["b1"])
    z2 = a1 @ params["W2"] + params["b2"]
    a2 = np.maximum(0, z2)
    d3 = (a2 @ params["W3"] - Y) / m
    d2 = d3 @ params["W3"].T * (z2 > 0)
    d1 = d2 @ params["W2"].T * (1 - a1**2)
    grads = {}
    grads["W3"] = a2.T @ d3
    grads["W2"] = a1.T @ d2
    grads["b2"] = d2.sum(axis=0)
    grads["W1"] = X.T @ d1
    grads["b1"] = d1.sum(axis=0)
    return grads


def sigmoid_loss(X, y, W0, W1):
    l1 = 1 / (1 + np.exp(-X @ W0))
    l2 = 1 / (1 + np.exp(-l1 @ W1))
    return 0.5 * np.sum((y - l2) ** 2)


def sigmoid_grad(X, y, W0, W1):
    l1 = 1 / (1 + np.exp(-X @ W0))
    l2 = 1 / (1 + np.exp(-l1 @ W1))
    l2_delta = (l2 - y) * (l2 * (1 - l2))
    l1_delta = l2_delta.dot(W1.T) * (l1 * (1 - l1))
    return X.T.dot(l1_delta), l1.T.dot(l2_delta)


def batchnorm_loss(x, gamma, beta, R):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + 1e-5)
    return np.sum((gamma * xhat + beta) * R)


def batchnorm_grad(x, gamma, beta, R):
    N = x.shape[0]
    mu = x.mean(axis=0)
    xc = x - mu
    var = np.mean(xc**2, axis=0)
    std = np.sqrt(var + 1e-5)
    xhat = xc / std
    dgamma = np.sum(R * xhat, axis=0)
    dbeta = R.sum(axis=0)
    dxhat = R * gamma
    dx = (N * dxhat - np.sum(dxhat, axis=0) - xhat * np.sum(dxhat * xhat, axis=0)) / (N * std)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}


def layernorm_loss(x, g, R):
    mu = np.mean(x, axis=-1, keepdims=True)
    var = np.var(x, axis=-1, keepdims=True)
    return np.sum(g * (x - mu) * (var + 1e-6) ** -0.5 * R)


def layernorm_grad(x, g, R):
    mu = np.mean(x, axis=-1, keepdims=True)
    inv = 1.0 / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-6)
    xhat = (x - mu) * inv
    dg = np.sum(R * xhat, axis=0)
    d = R * g
    dx = inv * (d - np.mean(d, axis=-1, keepdims=True) - xhat * np.mean(d * xhat, axis=-1, keepdims=True))
    return {"x": dx, "g": dg}


def hinge_loss(X, y, W):
    s = X.dot(W)
    n = X.shape[0]
    margins = np.maximum(0, s - s[np.arange(n), y][:, np.newaxis] + 1.0)
    margins[np.arange(n), y] = 0
    return margins.sum() / n


def hinge_grad(X, y, W):
    s = X.dot(W)
    n = X.shape[0]
    margins = np.maximum(0, s - s[np.arange(n), y][:, np.newaxis] + 1.0)
    margins[np.arange(n), y] = 0
    mask = np.zeros_like(margins)
    mask[margins > 0] = 1
    mask[np.arange(n), y] = -np.sum(mask, axis=1)
    return X.T.dot(mask) / n


def gelu_loss(x, W):
    u = x @ W
    c = np.sqrt(2 / np.pi)
    return np.sum(0.5 * u * (1 + np.tanh(c * (u + 0.044715 * u**3))))


def gelu_grad(x, W):
    u = x @ W
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (u + 0.044715 * u**3))
    du = 0.5 * (1 + t) + 0.5 * u * (1 - t**2) * c * (1 + 3 * 0.044715 * u**2)
    return x.T @ du


def rnn_loss(xs, U, V, b, target):
    T = xs.shape[0]
    h = np.zeros(U.shape[0])
    total = 0.0
    for t in range(T):
        h = np.tanh(V @ xs[t] + U @ h + b)
        total += np.sum((h - target[t]) ** 2)
    return total


def rnn_grad(xs, U, V, b, target):
    T = xs.shape[0]
    hs = {-1: np.zeros(U.shape[0])}
    for t in range(T):
        hs[t] = np.tanh(V @ xs[t] + U @ hs[t - 1] + b)
    dU, dV, db = np.zeros_like(U), np.zeros_like(V), np.zeros_like(b)
    dnext = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        dh = 2 * (hs[t] - target[t]) + dnext
        dz = (1 - hs[t] * hs[t]) * dh
        db += dz
        dU += np.outer(dz, hs[t - 1])
        dV += np.outer(dz, xs[t])
        dnext = U.T @ dz
    return {"U": dU, "V": dV, "b": db}


def attention_loss(X, Wq, Wk, Wv, R):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / np.sqrt(Q.shape[1])
    A = np.exp(S - S.max(axis=1, keepdims=True))
    A = A / A.sum(axis=1, keepdims=True)
    return np.sum(A @ V * R)


def attention_grad(X, Wq, Wk, Wv, R):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scale = 1 / np.sqrt(Q.shape[1])
    S = Q @ K.T * scale
    A = np.exp(S - S.max(axis=1, keepdims=True))
    A = A / A.sum(axis=1, keepdims=True)
    dV = A.T @ R
    dA = R @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    dQ = dS @ K * scale
    dK = dS.T @ Q * scale
    return X.T @ dQ, X.T @ dK, X.T @ dV


def embedding_loss(E, W, idx, y):
    h = E[idx].mean(axis=1)
    z = h @ W
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean()


def embedding_grad(E, W, idx, y):
    h = E[idx].mean(axis=1)
    z = h @ W
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    dW = h.T @ p
    dh = p @ W.T
    dE = np.zeros_like(E)
    np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])
    return {"E": dE, "W": dW}


def conv_loss(x, w, b, R):
    n = len(x) - len(w) + 1
    out = np.empty(n)
    for i in range(n):
        out[i] = np.sum(x[i : i + len(w)] * w) + b
    return np.sum(np.where(out > 0, out, 0.01 * out) * R)


def conv_grad(x, w, b, R):
    n = len(x) - len(w) + 1
    out = np.array([np.dot(x[i : i + len(w)], w) + b for i in range(n)])
    dout = R * np.where(out > 0, 1.0, 0.01)
    dw, dx = np.zeros(len(w)), np.zeros(len(x))
    for i in range(n):
        dw += dout[i] * x[i : i + len(w)]
        dx[i : i + len(w)] += dout[i] * w
    return {"x": dx, "w": dw, "b": dout.sum()}


def inputs_of(name: str, seed: int = 0) -> dict:
    """Inputs of different sizes in every dimension, so that no transpose or size is hidden."""
    rng = np.random.default_rng(seed)
    n = rng.standard_normal
    X, labels = n((7, 4)), np.array([0, 2, 1, 2, 0, 1, 1])
    tables = {
        "linear": lambda: {"X": X, "y": n(7), "w": n(4), "b": 0.3, "lam": 0.1},
        "logistic": lambda: {"X": X, "y": (n(7) > 0).astype(float), "w": n(4), "b": 0.1},
        "softmax": lambda: {"X": X, "y": labels, "W": n((4, 3)), "b": np.zeros(3)},
        "mlp": lambda: {
            "X": X, "Y": n((7, 2)),
            "params": {"W1": n((4, 5)), "b1": n(5), "W2": n((5, 6)), "b2": n(6), "W3": n((6, 2))},
        },
        "sigmoid": lambda: {
            "X": np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]), "y": np.array([[0.0], [1], [1], [0]]),
            "W0": 2 * rng.random((3, 5)) - 1, "W1": 2 * rng.random((5, 1)) - 1,
        },
        "batchnorm": lambda: {"x": X, "gamma": n(4), "beta": n(4), "R": n((7, 4))},
        "layernorm": lambda: {"x": X, "g": n(4), "R": n((7, 4))},
        "hinge": lambda: {"X": X, "y": labels, "W": n((4, 3))},
        "gelu": lambda: {"x": X, "W": n((4, 3))},
        "rnn": lambda: {"xs": n((4, 3)), "U": n((5, 5)), "V": n((5, 3)), "b": n(5), "target": n((4, 5))},
        "attention": lambda: {"X": n((5, 4)), "Wq": n((4, 3)), "Wk": n((4, 3)), "Wv": n((4, 2)), "R": n((5, 2))},
        "embedding": lambda: {
            "E": n((6, 3)), "W": n((3, 4)), "idx": np.array([[0, 1], [1, 1], [5, 2]]), "y": np.array([3, 0, 1])
        },
        "conv": lambda: {"x": n(9), "w": n(3), "b": 0.2, "R": n(7)},
    }  # fmt: skip
    return tables[name]()


WRT = {
    "linear": ["w", "b"], "logistic": ["w", "b"], "softmax": None, "mlp": None, "sigmoid": ["W0", "W1"],
    "batchnorm": None, "layernorm": None, "hinge": ["W"], "gelu": ["W"], "rnn": None,
    "attention": ["Wq", "Wk", "Wv"], "embedding": None, "conv": None,
}  # fmt: skip
"""What each gradient is by; None where its dict says so."""
