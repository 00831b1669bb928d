"""A layer with the tanh approximation of GELU, summed."""

import math

import numpy as np


def loss(x, W, b):
    u = x @ W + b
    c = np.sqrt(2 / np.pi)
    return np.sum(0.5 * u * (1 + np.tanh(c * (u + 0.044715 * u**3))))


# form: plain
def plain(x, W, b):
    u = x @ W + b
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (u + 0.044715 * u**3))
    du = 0.5 * (1 + t) + 0.5 * u * (1 - t**2) * c * (1 + 3 * 0.044715 * u**2)
    return x.T @ du, du.sum(axis=0)


# form: sigmoid_form
ROOT = 0.7978845608028654
CUBIC = 0.044715


def sigmoid_form(x, W, b):
    u = np.add(x.dot(W), b)
    inner = ROOT * (u + CUBIC * u * u * u)
    s = 1.0 / (1.0 + np.exp(-2.0 * inner))
    slope = 2.0 * s * (1.0 - s) * ROOT * (1.0 + 3.0 * CUBIC * np.square(u))
    grad = s + u * slope
    return {"W": np.dot(x.T, grad), "b": np.sum(grad, axis=0)}


# form: elementwise
def gelu_prime(v):
    k = math.sqrt(2.0 / math.pi)
    t = math.tanh(k * (v + 0.044715 * pow(v, 3)))
    return 0.5 * (1.0 + t + v * (1.0 - t * t) * k * (1.0 + 0.134145 * v * v))


def elementwise(x, W, b):
    dW = np.zeros_like(W)
    db = np.zeros_like(b)
    for i in range(x.shape[0]):
        for j in range(W.shape[1]):
            g = gelu_prime(float(x[i] @ W[:, j] + b[j]))
            dW[:, j] += x[i] * g
            db[j] += g
    return dW, db


# form: vectorized
def vectorized(x, W, b):
    pre = x @ W + b
    prime = np.vectorize(lambda v: 0.5 * (1 + np.tanh(K * (v + 0.044715 * v**3))))
    sech = np.cosh(K * (pre + 0.044715 * pre**3)) ** -2
    total = prime(pre) + 0.5 * pre * sech * (K + 3 * K * 0.044715 * pre**2)
    return {"W": np.einsum("bi,bj->ij", x, total), "b": np.ones(len(x)) @ total}


K = np.sqrt(2.0) / np.sqrt(np.pi)


# inputs
WRT = ["W", "b"]


def normal(rng):
    return {"x": rng.normal(size=(7, 4)), "W": 0.5 * rng.normal(size=(4, 3)), "b": 0.3 * rng.normal(size=3)}


def wide(rng):
    x = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 2, size=(7, 4))
    return {"x": x, "W": rng.normal(size=(4, 3)), "b": np.array([-20.0, 1e-3, 20])}


def kink(rng):
    x = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    return {"x": x, "W": np.zeros((4, 3)), "b": np.zeros(3)}


# edits
def far(inputs, rng):
    return inputs | {"W": 1.5 * inputs["W"], "b": np.array([-4.0, 4.0, 0.3])}


MUTANTS = [
    ("plain", "constant", "u + 0.044715", "u + 0.04471501"),
    ("plain", "factor 2", "3 * 0.044715", "0.044715"),
    ("plain", "derivative", "(1 - t**2)", "(1 - t)"),
    ("plain", "lost path", "0.5 * (1 + t) +", ""),
    ("plain", "constant", "3 * 0.044715", "3 * 0.0447150001"),
    ("plain", "constant", "2 / np.pi", "2 / 3.14159265"),
    ("plain", "scale", "2 / np.pi", "2 * np.pi"),
    ("plain", "sign", "0.5 * (1 + t)", "0.5 * (1 - t)"),
    ("plain", "bias", "x @ W + b", "x @ W"),
    ("plain", "axis", "du.sum(axis=0)", "du.mean(axis=0)"),
    ("plain", "region", "    return x.T", "    du = np.where(u < -4, 0, du)\n    return x.T", far),
    ("plain", "region", "    return x.T", "    du = np.where(u > 4, 1.0, du)\n    return x.T", far),
    ("sigmoid_form", "constant", "0.7978845608028654", "0.79788456"),
    ("sigmoid_form", "constant", "0.044715\n", "0.04471500001\n"),
    ("sigmoid_form", "factor 2", "-2.0 * inner", "-inner"),
    ("sigmoid_form", "derivative", "s * (1.0 - s)", "s * (1.0 + s)"),
    ("sigmoid_form", "lost path", "s + u * slope", "s"),
    ("elementwise", "constant", "0.134145", "0.1341450001"),
    ("elementwise", "derivative", "(1.0 - t * t)", "(1.0 - t)"),
    ("elementwise", "index", "W[:, j] + b[j]", "W[:, j] + b[j - 1]"),
    ("elementwise", "lost path", "dW[:, j] += x[i] * g", "dW[:, j] = x[i] * g"),
    (
        "elementwise",
        "region",
        "    return 0.5 * (1.0",
        "    if v < -4.2:\n        return 0.0\n    return 0.5 * (1.0",
        far,
    ),
    ("vectorized", "derivative", "** -2", "** -1"),
    ("vectorized", "constant", "v**3", "v**2"),
    ("vectorized", "relative 1e-7", "prime(pre) + 0.5", "prime(pre) + 0.50000005"),
    ("vectorized", "constant", "np.sqrt(2.0)", "1.41421356"),
]

HARMLESS = [
    ("plain", "3 * 0.044715", "0.134145"),
    ("plain", "np.sqrt(2 / np.pi)", "0.7978845608028654"),
    ("plain", "0.5 * (1 + t)", "(1 + t) / 2"),
    ("elementwise", "0.134145", "3 * 0.044715"),
    ("vectorized", "np.sqrt(2.0) / np.sqrt(np.pi)", "(2 / np.pi) ** 0.5"),
]
