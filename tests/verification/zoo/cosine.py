"""A contrastive loss: cosine similarities of normalised rows, a temperature, and cross-entropy on the diagonal."""

import numpy as np

TAU = 0.2


def loss(A, B):
    u = A / np.linalg.norm(A, axis=1, keepdims=True)
    v = B / np.linalg.norm(B, axis=1, keepdims=True)
    s = u @ v.T / TAU
    return np.mean(np.log(np.exp(s).sum(axis=1)) - np.diag(s))


# form: plain
def plain(A, B):
    n = len(A)
    na = np.linalg.norm(A, axis=1, keepdims=True)
    nb = np.linalg.norm(B, axis=1, keepdims=True)
    u, v = A / na, B / nb
    s = u @ v.T / TAU
    P = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    G = (P - np.eye(n)) / (n * TAU)
    du, dv = G @ v, G.T @ u
    dA = (du - u * np.sum(u * du, axis=1, keepdims=True)) / na
    dB = (dv - v * np.sum(v * dv, axis=1, keepdims=True)) / nb
    return dA, dB


# form: pairs
def pairs(A, B):
    n, d = A.shape
    norm_a = [np.sqrt(np.sum(a**2)) for a in A]
    norm_b = [np.sqrt(np.sum(b**2)) for b in B]
    dA, dB = np.zeros((n, d)), np.zeros((n, d))
    for i in range(n):
        cos = np.array([np.dot(A[i], B[j]) / (norm_a[i] * norm_b[j]) for j in range(n)])
        p = np.exp(cos / TAU - np.max(cos / TAU))
        p = p / p.sum()
        for j in range(n):
            g = (p[j] - (1.0 if i == j else 0.0)) / n / TAU
            dA[i] += g * (B[j] / (norm_a[i] * norm_b[j]) - cos[j] * A[i] / norm_a[i] ** 2)
            dB[j] += g * (A[i] / (norm_a[i] * norm_b[j]) - cos[j] * B[j] / norm_b[j] ** 2)
    return {"A": dA, "B": dB}


# form: inverse_norms
def inverse_norms(A, B):
    ia = (np.einsum("nd,nd->n", A, A)) ** -0.5
    ib = 1 / np.sqrt((B * B).sum(-1))
    s = (A @ B.T) * np.outer(ia, ib) * 5.0
    s -= s.max()
    G = np.exp(s)
    G /= G.sum(1).reshape(-1, 1)
    np.fill_diagonal(G, G.diagonal() - 1)
    G *= 5.0 / len(s)

    def through(X, inverse, up):
        unit = X * inverse[:, None]
        return (up - unit * (unit * up).sum(1)[:, None]) * inverse[:, None]

    return through(A, ia, G @ (B * ib[:, None])), through(B, ib, G.T @ (A * ia[:, None]))


# inputs
WRT = ["A", "B"]


def normal(rng):
    return {"A": rng.normal(size=(4, 3)), "B": rng.normal(size=(4, 3))}


def wide(rng):
    scale = np.array([1e-3, 1.0, 50.0, 1e3])[:, None]
    return {"A": scale * rng.normal(size=(4, 3)), "B": scale[::-1] * rng.normal(size=(4, 3))}


def kink(rng):
    return {"A": np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 2]]), "B": np.eye(4)[:, :3] + np.eye(4)[:, 1:]}


# edits
def far(inputs, rng):
    return inputs | {"A": 40 * inputs["A"], "B": 0.01 * inputs["B"]}


def apart(inputs, rng):
    B = inputs["A"] + 0.01 * inputs["B"]
    B[0] *= -1
    return inputs | {"B": B}


MUTANTS = [
    ("plain", "lost path", "(du - u * np.sum(u * du, axis=1, keepdims=True))", "du"),
    ("plain", "scale", "(n * TAU)", "n"),
    ("plain", "transpose", "G.T @ u", "G @ u"),
    ("plain", "axis", "np.exp(s).sum(axis=1, keepdims=True)", "np.exp(s).sum(axis=0, keepdims=True)"),
    ("plain", "sign", "(P - np.eye(n))", "(P + np.eye(n))"),
    ("plain", "stale variable", "np.sum(v * dv, axis=1", "np.sum(v * du, axis=1"),
    ("plain", "derivative", "keepdims=True)) / na", "keepdims=True)) / na**2"),
    ("plain", "eps", "u, v = A / na", "u, v = A / (na + 1e-8)"),
    ("plain", "region", "    dA = (du", "    na = np.minimum(na, 50.0) if na.max() > 30 else na\n    dA = (du", far),
    ("plain", "region", "    du, dv", "    G = np.where(np.abs(s) > 4.9, 0, G)\n    du, dv", apart),
    ("pairs", "index", "(1.0 if i == j", "(1.0 if i == j + 1"),
    ("pairs", "lost path", "dB[j] += g", "dB[j] = g"),
    ("pairs", "derivative", "norm_b[j] ** 2)", "norm_b[j])"),
    ("pairs", "sign", "- cos[j] * A[i]", "+ cos[j] * A[i]"),
    ("pairs", "region", "g = (p[j]", "g = (max(p[j], 1e-4)", apart),
    ("inverse_norms", "constant", "* 5.0\n", "* 5.0000001\n"),
    ("inverse_norms", "factor 2", "G *= 5.0 / len(s)", "G *= 10.0 / len(s)"),
    ("inverse_norms", "relative 1e-7", "** -0.5", "** -0.49999999"),
    ("inverse_norms", "one coordinate", "G *= 5.0", "G[0, 2] *= 1.001; G *= 5.0"),
]

HARMLESS = [
    ("plain", "np.linalg.norm(A, axis=1, keepdims=True)", "np.sqrt(np.sum(A**2, axis=1, keepdims=True))"),
    ("pairs", "np.max(cos / TAU)", "cos[0] / TAU"),
    ("inverse_norms", "s -= s.max()", "s -= s.max(axis=1, keepdims=True)"),
]
