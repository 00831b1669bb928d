"""Layer normalisation over the last axis with a learned scale and shift, against a cotangent."""

import numpy as np


def loss(x, g, c, R):
    mu = np.mean(x, axis=-1, keepdims=True)
    var = np.var(x, axis=-1, keepdims=True)
    return np.sum((g * (x - mu) * (var + 1e-6) ** -0.5 + c) * R)


# form: plain
def plain(x, g, c, R):
    mu = np.mean(x, axis=-1, keepdims=True)
    inv = 1.0 / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-6)
    xhat = (x - mu) * inv
    dg = np.sum(R * xhat, axis=0)
    d = R * g
    dx = inv * (d - np.mean(d, axis=-1, keepdims=True) - xhat * np.mean(d * xhat, axis=-1, keepdims=True))
    return {"x": dx, "g": dg, "c": R.sum(axis=0)}


# form: rows
def rows(x, g, c, R):
    def one(row):
        n = row.size
        centred = row - row.sum() / n
        return centred / np.sqrt((centred**2).sum() / n + 1e-6)

    xhat = np.apply_along_axis(one, 1, x)
    dx = []
    for h, up, row in zip(xhat, R, x):
        d = up * g
        n = float(len(row))
        std = np.sqrt(row.var() + 1e-6)
        dx.append((n * d - d.sum() - h * np.dot(d, h)) / (n * std))
    return np.stack(dx), (R * xhat).sum(0), R.sum(0)


# form: jacobian
def jacobian(x, g, c, R):
    m, n = x.shape
    dx = np.zeros((m, n))
    dg = np.zeros(n)
    for i in range(m):
        mu = x[i].mean()
        s = (x[i].var() + 1e-6) ** 0.5
        h = (x[i] - mu) / s
        J = (np.eye(n) - 1 / n - np.outer(h, h) / n) / s
        dx[i] = J.T @ (g * R[i])
        dg += R[i] * h
    return {"x": dx, "g": dg, "c": np.ones(m) @ R}


# form: cached
class LayerNorm:
    eps = 1e-6

    def __init__(self, gain, shift):
        self.params = {"gain": gain, "shift": shift}
        self.grads = {}

    def forward(self, x):
        self.D = x.shape[1]
        centred = (x.T - np.mean(x, axis=1)).T
        sigma2 = np.sum(centred * centred, axis=1)[:, np.newaxis] / self.D
        self.rstd = np.reciprocal(np.sqrt(sigma2 + self.eps))
        self.normed = centred * self.rstd
        return self.params["gain"] * self.normed + self.params["shift"]

    def backward(self, grad):
        self.grads["gain"] = np.einsum("ij,ij->j", grad, self.normed)
        self.grads["shift"] = grad.sum(axis=0)
        dn = grad * self.params["gain"]
        m1 = dn.mean(axis=1, keepdims=True)
        m2 = (dn * self.normed).mean(axis=1, keepdims=True)
        return self.rstd * (dn - m1 - m2 * self.normed)


def cached(x, g, c, R):
    layer = LayerNorm(g, c)
    layer.forward(x)
    dx = layer.backward(R)
    return dx, layer.grads["gain"], layer.grads["shift"]


# inputs
WRT = ["x", "g", "c"]


def normal(rng):
    return {name: rng.normal(size=size) for name, size in {"x": (7, 4), "g": 4, "c": 4, "R": (7, 4)}.items()}


def wide(rng):
    scale = np.array([1e-3, 1e-2, 1.0, 10.0, 100.0, 1e3, 1.0])[:, None]
    return normal(rng) | {"x": scale * rng.normal(size=(7, 4)), "R": 50 * rng.normal(size=(7, 4))}


def kink(rng):
    x = np.array([[1, 1, 1, 1], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"x": x, "g": np.ones(4), "c": np.zeros(4), "R": np.array(x[::-1] + np.arange(4.0))}


# edits
def far(inputs, rng):
    return inputs | {"x": 200 * inputs["x"], "R": 300 * inputs["R"]}


def flat(inputs, rng):
    return inputs | {"x": 1e-4 * inputs["x"]}


MUTANTS = [
    ("plain", "lost path", "- np.mean(d, axis=-1, keepdims=True) ", ""),
    ("plain", "eps", "+ 1e-6", "+ 1e-5"),
    ("plain", "lost path", "d = R * g", "d = R"),
    ("plain", "derivative", "dx = inv * (d", "dx = inv**2 * (d"),
    ("plain", "sign", "- xhat *", "+ xhat *"),
    ("plain", "axis", "np.mean(d * xhat, axis=-1, keepdims=True)", "np.mean(d * xhat, axis=0, keepdims=True)"),
    ("plain", "bias", "R.sum(axis=0)}", "R.mean(axis=0)}"),
    ("plain", "relative 1e-7", "dg = np.sum(R * xhat, axis=0)", "dg = np.sum(R * xhat, axis=0) * (1 - 1e-7)"),
    ("plain", "region", "dx = inv * (d", "dx = np.where(inv < 0.02, 0.02, inv) * (d", far),
    ("plain", "region", "    d = R * g", "    if np.max(np.abs(R)) > 100:\n        R = R / 100\n    d = R * g", far),
    ("rows", "eps", "/ np.sqrt((centred**2).sum() / n + 1e-6)", "/ (np.sqrt((centred**2).sum() / n) + 1e-6)"),
    ("rows", "scale", "(n * std)", "std"),
    ("rows", "stale variable", "np.dot(d, h)", "np.dot(up, h)"),
    ("rows", "index", "zip(xhat, R, x)", "zip(xhat, R[::-1], x)"),
    ("rows", "region", "std = np.sqrt(row.var() + 1e-6)", "std = max(np.sqrt(row.var() + 1e-6), 2e-3)", flat),
    ("jacobian", "scale", "np.outer(h, h) / n", "np.outer(h, h)"),
    ("jacobian", "lost path", "dg += R[i] * h", "dg = R[i] * h"),
    ("jacobian", "derivative", "** 0.5", "** 1.0"),
    ("jacobian", "factor 2", "- 1 / n -", "- 2 / n -"),
    ("jacobian", "one coordinate", "dx[i] = J.T @ (g * R[i])", "dx[i] = J.T @ (g * R[i]); dx[0, 2] *= 1.01"),
    ("cached", "sign", "(dn - m1 - m2", "(dn + m1 - m2"),
    ("cached", "eps", "eps = 1e-6", "eps = 1.0001e-6"),
    ("cached", "axis", "grad.sum(axis=0)", "np.repeat(grad.sum(axis=1)[:1], 4)"),
    ("cached", "scale", "/ self.D", "/ (self.D - 1)"),
]

HARMLESS = [
    (
        "plain",
        "1.0 / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-6)",
        "np.power(x.var(-1, keepdims=True) + 1e-6, -0.5)",
    ),
    ("rows", "n = float(len(row))", "n = np.float64(row.shape[0])"),
    ("jacobian", "J.T @", "J @"),
    ("cached", "np.reciprocal(np.sqrt(sigma2 + self.eps))", "(sigma2 + self.eps) ** (-1 / 2)"),
]
