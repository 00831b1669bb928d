"""Batch normalisation over the first axis with a learned scale and shift, against targets."""

import numpy as np

EPS = 1e-5


def loss(x, gamma, beta, R):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + EPS)
    return 0.5 * np.sum((gamma * xhat + beta - R) ** 2)


# form: plain
def plain(x, gamma, beta, R):
    N = x.shape[0]
    xc = x - x.mean(axis=0)
    var = np.mean(xc**2, axis=0)
    std = np.sqrt(var + EPS)
    xhat = xc / std
    dout = gamma * xhat + beta - R
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = (N * dxhat - np.sum(dxhat, axis=0) - xhat * np.sum(dxhat * xhat, axis=0)) / (N * std)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}


# form: staged
def forward(x, gamma, beta, eps=1e-5):
    N, D = x.shape
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu**2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    return out, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


def backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    return dx1 + dx2, dgamma, dbeta


def staged(x, gamma, beta, R):
    out, cache = forward(x, gamma, beta)
    return backward(out - R, cache)


# form: columns
def columns(x, gamma, beta, R):
    dx = np.empty_like(x)
    dgamma = np.zeros(x.shape[1])
    dbeta = np.zeros(x.shape[1])
    n = len(x)
    for j in range(x.shape[1]):
        col = x[:, j]
        c = col - sum(col) / n
        inv = (np.dot(c, c) / n + EPS) ** -0.5
        h = c * inv
        d = gamma[j] * h + beta[j] - R[:, j]
        dgamma[j] = d @ h
        dbeta[j] = d.sum()
        t = gamma[j] * d
        dx[:, j] = inv * (t - t.mean() - h * (t * h).mean())
    return dx, dgamma, dbeta


# form: projector
def projector(x, gamma, beta, R):
    N = x.shape[0]
    centre = np.eye(N) - 1.0 / N
    xc = centre @ x
    inv = 1 / np.sqrt(np.einsum("nd,nd->d", xc, xc) / N + EPS)
    xhat = xc * inv
    res = gamma[None, :] * xhat + beta[None, :] - R
    up = res * gamma
    dvar = -0.5 * np.einsum("nd,nd->d", up, xc) * inv**3
    dx = centre @ (up * inv + 2.0 * xc * dvar / N)
    return {"x": dx, "gamma": np.einsum("nd,nd->d", res, xhat), "beta": np.add.reduce(res)}


# inputs
WRT = ["x", "gamma", "beta"]


def normal(rng):
    return {"x": rng.normal(size=(7, 4)), "gamma": rng.normal(size=4), "beta": rng.normal(size=4)} | {
        "R": rng.normal(size=(7, 4))
    }


def wide(rng):
    x = rng.normal(size=(7, 4)) * np.array([1e-3, 1.0, 30.0, 1e3])
    return {"x": x, "gamma": np.array([1e-2, 1.0, 50.0, 1.0]), "beta": np.array([-50.0, 0, 1, 0]), "R": 40 * x[::-1]}


def kink(rng):
    x = np.array([[1, 0, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [1, 0, 0, 1], [1.0, 0, -3, 1]])
    return {"x": x, "gamma": np.ones(4), "beta": np.zeros(4), "R": np.array(x[::-1])}


# edits
def far(inputs, rng):
    return inputs | {"x": 80 * inputs["x"], "gamma": 90 * inputs["gamma"], "R": 300 * inputs["R"]}


def flat(inputs, rng):
    return inputs | {"x": 1e-5 * inputs["x"]}


MUTANTS = [
    ("plain", "lost path", "N * dxhat - np.sum(dxhat, axis=0) -", "N * dxhat -"),
    ("plain", "lost path", " - xhat * np.sum(dxhat * xhat, axis=0)", ""),
    ("plain", "eps", "(var + EPS)", "(var + 10 * EPS)"),
    ("plain", "eps", "np.sqrt(var + EPS)", "(np.sqrt(var) + EPS)"),
    ("plain", "eps", "var + EPS", "var"),
    ("plain", "lost path", "dxhat = dout * gamma", "dxhat = dout"),
    ("plain", "scale", "(N * std)", "((N - 1) * std)"),
    ("plain", "derivative", "(N * std)", "(N * var)"),
    ("plain", "bias", "dout.sum(axis=0)", "dout.sum(axis=0) / N"),
    ("plain", "stale variable", "np.sum(dout * xhat, axis=0)", "np.sum(dout * xc, axis=0)"),
    ("plain", "axis", "np.sum(dxhat * xhat, axis=0)", "np.sum(dxhat * xhat, axis=1)[:, None]"),
    ("plain", "one coordinate", "    return {", "    dx[0, 1] *= 1 + 1e-6\n    return {"),
    (
        "plain",
        "region",
        "dxhat = dout * gamma",
        "dxhat = np.where(np.abs(dout) > 50, 50 * np.sign(dout), dout) * gamma",
        far,
    ),
    ("plain", "region", "std = np.sqrt(var + EPS)", "std = np.sqrt(np.maximum(var, 1e-6) + EPS)", flat),
    ("staged", "sign", "dsqrtvar = -1.0", "dsqrtvar = 1.0"),
    ("staged", "factor 2", "dxmu2 = 2 * xmu", "dxmu2 = xmu"),
    ("staged", "factor 2", "dvar = 0.5 * 1.0", "dvar = 1.0"),
    ("staged", "lost path", "return dx1 + dx2, dgamma", "return dx1, dgamma"),
    ("staged", "derivative", "(sqrtvar**2)", "sqrtvar"),
    ("staged", "eps", "eps=1e-5", "eps=1e-6"),
    ("staged", "sign", "dmu = -1 * np", "dmu = np"),
    ("columns", "bias", "dbeta[j] = d.sum()", "dbeta[j] = gamma[j] * d.sum()"),
    ("columns", "index", "beta[j] - R[:, j]", "beta[j - 1] - R[:, j]"),
    ("columns", "sign", "- h * (t * h).mean()", "+ h * (t * h).mean()"),
    ("columns", "region", "inv * (t - t.mean()", "min(inv, 300.0) * (t - t.mean()", flat),
    ("projector", "derivative", "inv**3", "inv**2"),
    ("projector", "relative 1e-7", "2.0 * xc", "2.0000002 * xc"),
    ("projector", "lost path", "centre @ (up * inv", "(up * inv"),
]

HARMLESS = [
    ("plain", "np.sqrt(var + EPS)", "(var + EPS) ** 0.5"),
    ("plain", "x.mean(axis=0)", "sum(x) / len(x)"),
    ("staged", "dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)", "dmu = -1 * np.sum(dxmu1, axis=0)"),
    ("columns", "(np.dot(c, c) / n + EPS) ** -0.5", "1 / np.sqrt(np.var(col) + EPS)"),
    ("projector", "1.0 / N", "np.full((N, N), 1 / N)"),
]
