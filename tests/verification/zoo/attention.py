"""Scaled dot-product attention of one head with a causal mask, against a cotangent."""

import numpy as np


def loss(X, Wq, Wk, Wv, R):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / np.sqrt(Q.shape[1])
    S = np.where(np.tri(len(X)) > 0, S, -1e9)
    A = np.exp(S - S.max(axis=1, keepdims=True))
    A = A / A.sum(axis=1, keepdims=True)
    return np.sum(A @ V * R)


# form: plain
def plain(X, Wq, Wk, Wv, R):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scale = 1 / np.sqrt(Q.shape[1])
    S = np.where(np.tri(len(X)) > 0, Q @ K.T * scale, -1e9)
    A = np.exp(S - S.max(axis=1, keepdims=True))
    A = A / A.sum(axis=1, keepdims=True)
    dV = A.T @ R
    dA = R @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    dQ = dS @ K * scale
    dK = dS.T @ Q * scale
    return X.T @ dQ, X.T @ dK, X.T @ dV


# form: rows
def rows(X, Wq, Wk, Wv, R):
    T, d = X.shape[0], Wq.shape[1]
    Q, K, V = np.dot(X, Wq), np.dot(X, Wk), np.dot(X, Wv)
    dQ, dK, dV = np.zeros_like(Q), np.zeros_like(K), np.zeros_like(V)
    for i in range(T):
        s = K[: i + 1].dot(Q[i]) / d**0.5
        p = np.exp(s - np.max(s))
        p /= p.sum()
        for j in range(i + 1):
            dV[j] += p[j] * R[i]
        dp = V[: i + 1].dot(R[i])
        ds = (np.diag(p) - np.outer(p, p)).dot(dp) / d**0.5
        dQ[i] += ds.dot(K[: i + 1])
        dK[: i + 1] += ds[:, None] * Q[i]
    return {"Wq": X.T.dot(dQ), "Wk": X.T.dot(dK), "Wv": X.T.dot(dV)}


# form: einsums
def softmax(scores, axis=-1):
    e = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def einsums(X, Wq, Wk, Wv, R):
    q, k, v = (np.einsum("td,dh->th", X, W) for W in (Wq, Wk, Wv))
    c = Wq.shape[1] ** -0.5
    scores = c * np.einsum("ih,jh->ij", q, k)
    mask = np.triu(np.ones((len(X), len(X)), dtype=bool), 1)
    scores[mask] = -np.inf
    probs = softmax(scores)
    gv = np.einsum("ij,io->jo", probs, R)
    gp = np.einsum("io,jo->ij", R, v)
    gs = probs * (gp - np.einsum("ij,ij->i", gp, probs)[:, None])
    gq = c * np.einsum("ij,jh->ih", gs, k)
    gk = c * np.einsum("ij,ih->jh", gs, q)
    return tuple(np.einsum("td,th->dh", X, g) for g in (gq, gk, gv))


# form: module
class Attention:
    def __init__(self, **weights):
        self.W = weights
        self.grads = {}

    def forward(self, X):
        self.X = X
        self.Q, self.K, self.V = (X @ self.W[n] for n in ("Wq", "Wk", "Wv"))
        self.root = np.sqrt(self.Q.shape[-1])
        raw = np.matmul(self.Q, self.K.transpose()) / self.root
        raw -= 1e10 * (1 - np.tril(np.ones(raw.shape)))
        raw -= np.amax(raw, axis=1)[:, np.newaxis]
        np.exp(raw, out=raw)
        raw /= np.sum(raw, axis=1)[:, np.newaxis]
        self.A = raw
        return np.matmul(self.A, self.V)

    def backward(self, dout):
        dA = np.matmul(dout, self.V.transpose())
        dV = np.matmul(self.A.transpose(), dout)
        dS = self.A * dA
        dS -= self.A * dS.sum(axis=1, keepdims=True)
        dS /= self.root
        for name, g in (("Wq", dS @ self.K), ("Wk", dS.T @ self.Q), ("Wv", dV)):
            self.grads[name] = self.X.T @ g


def module(X, Wq, Wk, Wv, R):
    net = Attention(Wq=Wq, Wk=Wk, Wv=Wv)
    net.forward(X)
    net.backward(R)
    return net.grads


# inputs
WRT = ["Wq", "Wk", "Wv"]


def normal(rng):
    shapes = {"X": (5, 4), "Wq": (4, 3), "Wk": (4, 3), "Wv": (4, 2), "R": (5, 2)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def wide(rng):
    inputs = normal(rng)
    X = inputs["X"] * 10.0 ** rng.integers(-2, 2, size=(5, 4))
    return inputs | {"X": X, "R": 100 * inputs["R"]}


def kink(rng):
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0.0, 0, -3, 1]])
    R = np.array([[1, 0], [0, 1], [1, 1], [-1, 2], [2.0, -1]])
    return {"X": X, "Wq": np.zeros((4, 3)), "Wk": np.eye(4)[:, :3], "Wv": np.ones((4, 2)), "R": R}


# edits
def far(inputs, rng):
    return inputs | {"Wq": 6 * inputs["Wq"], "R": 200 * inputs["R"]}


MUTANTS = [
    ("plain", "scale", "dQ = dS @ K * scale", "dQ = dS @ K"),
    ("plain", "transpose", "dS.T @ Q", "dS @ Q"),
    ("plain", "lost path", "dA - np.sum(dA * A, axis=1, keepdims=True)", "dA"),
    ("plain", "transpose", "A.T @ R", "A @ R"),
    ("plain", "axis", "dA * A, axis=1", "dA * A, axis=0"),
    ("plain", "lost path", "np.sum(dA * A, axis=1", "np.sum(dA, axis=1"),
    ("plain", "stale variable", "X.T @ dQ, X.T @ dK", "X.T @ dK, X.T @ dQ"),
    ("plain", "index", "np.tri(len(X))", "np.tri(len(X), k=1)"),
    ("plain", "axis", "Q.shape[1]", "Q.shape[0]"),
    ("plain", "region", "dS = A *", "dS = np.where(A < 1e-6, 0, A) *", far),
    ("plain", "region", "    dV = A.T", "    A = A * (np.abs(S) < 8)\n    dV = A.T", far),
    ("plain", "region", "dA = R @ V.T", "dA = np.clip(R @ V.T, -100, 100)", far),
    ("rows", "sign", "np.diag(p) - np.outer(p, p)", "np.diag(p) + np.outer(p, p)"),
    ("rows", "index", "for j in range(i + 1)", "for j in range(i)"),
    ("rows", "lost path", "dK[: i + 1] += ds", "dK[: i + 1] = ds"),
    ("rows", "scale", ".dot(dp) / d**0.5", ".dot(dp) / d"),
    ("rows", "factor 2", "dV[j] += p[j] * R[i]", "dV[j] += 2 * p[j] * R[i]"),
    ("einsums", "transpose", '"ij,ih->jh", gs, q', '"ji,ih->jh", gs, q'),
    ("einsums", "index", "dtype=bool), 1)", "dtype=bool), 2)"),
    ("einsums", "constant", "** -0.5", "** -0.50000001"),
    ("einsums", "relative 1e-7", "gp = np.einsum", "gp = 1.0000001 * np.einsum"),
    ("einsums", "region", "gs = probs *", "gs = probs * (probs > 1e-6) *", far),
    ("module", "lost path", "        dS -= self.A * dS.sum(axis=1, keepdims=True)\n", ""),
    ("module", "eps", "raw /= np.sum(raw, axis=1)[:, np.newaxis]", "raw /= np.sum(raw, axis=1)[:, np.newaxis] + 1e-6"),
    ("module", "derivative", "dS -= self.A *", "dS -= dA *"),
    (
        "module",
        "one coordinate",
        "            self.grads[name] = self.X.T @ g",
        "            self.grads[name] = self.X.T @ g\n        self.grads['Wk'][1, 1] *= 1.0001",
    ),
]

HARMLESS = [
    ("plain", "1 / np.sqrt(Q.shape[1])", "Q.shape[1] ** -0.5"),
    ("plain", "dS.T @ Q * scale", "np.einsum('ij,ik->jk', dS, Q) * scale"),
    ("rows", "np.exp(s - np.max(s))", "np.exp(s)"),
    ("einsums", "-np.inf", "-1e30"),
    ("module", "1e10", "1e8"),
]
