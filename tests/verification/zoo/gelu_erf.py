"""A layer with the exact GELU through the error function, under half the squared error."""

import math

import numpy as np
from scipy.special import erf

R2 = math.sqrt(2.0)


def loss(x, W, y):
    u = x @ W
    a = 0.5 * u * (1 + erf(u / np.sqrt(2)))
    return 0.5 * np.sum((a - y) ** 2)


# form: plain
def plain(x, W, y):
    u = x @ W
    cdf = 0.5 * (1 + erf(u / R2))
    pdf = np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi)
    a = u * cdf
    return x.T @ ((a - y) * (cdf + u * pdf))


# form: math_loops
INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


def math_loops(x, W, y):
    out = np.zeros(W.shape)
    for i, row in enumerate(x):
        for j in range(W.shape[1]):
            u = sum(row[k] * W[k, j] for k in range(len(row)))
            phi = 0.5 * math.erfc(-u / math.sqrt(2))
            density = INV_SQRT_2PI * math.exp(-u * u / 2)
            out[:, j] += (u * phi - y[i, j]) * (phi + u * density) * row
    return out


# form: ndtr
def ndtr(x, W, y):
    from scipy import special

    u = np.matmul(x, W)
    phi = special.ndtr(u)
    slope = phi + u * np.exp(-np.square(u) / 2) * (2 * np.pi) ** -0.5
    grads = {}
    grads["W"] = np.einsum("bi,bj->ij", x, (u * phi - y) * slope)
    return grads


# inputs
WRT = ["W"]


def normal(rng):
    return {"x": rng.normal(size=(7, 4)), "W": 0.5 * rng.normal(size=(4, 3)), "y": rng.normal(size=(7, 3))}


def wide(rng):
    x = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 2, size=(7, 4))
    return {"x": x, "W": rng.normal(size=(4, 3)), "y": 1e3 * rng.normal(size=(7, 3))}


def kink(rng):
    x = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"x": x, "W": np.zeros((4, 3)), "y": np.array(rng.integers(-2, 3, size=(6, 3)), dtype=float)}


# edits
def far(inputs, rng):
    return inputs | {"W": 6 * inputs["W"], "y": 30 * inputs["y"]}


MUTANTS = [
    ("plain", "scale", "np.sqrt(2 * np.pi)", "np.sqrt(np.pi)"),
    ("plain", "constant", "erf(u / R2)", "erf(u / 1.4142136)"),
    ("plain", "lost path", "cdf + u * pdf", "cdf"),
    ("plain", "sign", "(a - y)", "(a + y)"),
    ("plain", "factor 2", "-0.5 * u**2", "-(u**2)"),
    ("plain", "derivative", "cdf + u * pdf", "cdf + a * pdf"),
    ("plain", "region", "(cdf + u * pdf)", "np.where(u < -3.5, 0, cdf + u * pdf)", far),
    ("plain", "region", "    return x.T", "    a[a > 5] = 5\n    return x.T", far),
    ("math_loops", "index", "row[k] * W[k, j]", "row[k] * W[k - 1, j]"),
    ("math_loops", "sign", "math.erfc(-u", "math.erfc(u"),
    ("math_loops", "lost path", "out[:, j] += (u", "out[:, j] = (u"),
    ("math_loops", "relative 1e-7", "phi = 0.5 *", "phi = 0.50000005 *"),
    ("math_loops", "region", "u * density)", "(u if u < 3.5 else 3.5) * density)", far),
    ("ndtr", "derivative", "phi + u *", "phi + "),
    ("ndtr", "constant", "** -0.5", "** -0.5000001"),
    ("ndtr", "transpose", "(u * phi - y) * slope", "(u * phi - y) * slope.T.reshape(slope.shape)"),
]

HARMLESS = [
    ("plain", "np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi)", "0.3989422804014327 * np.exp(-(u**2) / 2)"),
    ("math_loops", "0.5 * math.erfc(-u / math.sqrt(2))", "0.5 + 0.5 * math.erf(u / math.sqrt(2))"),
]
