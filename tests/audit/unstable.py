"""Functions that are right and lose their digits: one or more for each row of the table of rewritings."""

from __future__ import annotations

import math

import numpy as np


def log_of_complement(p):
    return np.log(1 - p)


def log_of_one_plus(x):
    return np.log(1 + x)


def softplus(z):
    return np.log(1 + np.exp(z))


def log_of_two_exponentials(a, b):
    return np.log(np.exp(a) + np.exp(b))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(z, y):
    p = sigmoid(z)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def log_partition(z):
    return np.log(np.sum(np.exp(z), axis=1))


def log_softmax_of_shifted(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.log(p)


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def softmax_gradient(z, y):
    p = softmax(z)
    p[np.arange(len(y)), y] -= 1
    return p / len(y)


def negative_log_likelihood(z, y):
    return -np.log(softmax(z)[np.arange(len(y)), y]).mean()


def softmax_of_columns(z):
    return np.exp(z) / np.exp(z).sum(axis=0, keepdims=True)


def softmax_of_all(z):
    return np.exp(z) / np.sum(np.exp(z))


def growth(x):
    return np.exp(x) - 1


def decay(x):
    return 1 - np.exp(x)


def logistic(z):
    return np.exp(z) / (1 + np.exp(z))


def sigmoid_slope(z):
    s = sigmoid(z)
    return s * (1 - s)


def slope_of_a_layer(x, w):
    s = 1 / (1 + np.exp(-x @ w))
    return s * (1 - s)


def logistic_density(z):
    return np.exp(-z) / (1 + np.exp(-z)) ** 2


def survival(z):
    return 1 - sigmoid(z)


def tanh_slope(z):
    a = np.tanh(z)
    return 1 - a * a


def versine(x):
    return 1 - np.cos(x)


def length(a, b):
    return np.sqrt(a**2 + b**2)


def variance(x):
    return np.mean(x**2, axis=0) - np.mean(x, axis=0) ** 2


def variance_by_sums(x):
    n = len(x)
    return np.sum(x * x) / n - (np.sum(x) / n) ** 2


def log_likelihood(p):
    return np.log(np.prod(p))


def log_cosh(x):
    return np.log(np.cosh(x))


def entropy(p):
    return -np.sum(p * np.log(p))


def direction(x):
    return x / np.sqrt(np.sum(x**2))


def unit_vector(x):
    return x / np.linalg.norm(x)


def difference_of_squares(x):
    return (x + 1e-3) ** 2 - x**2


def relativistic(x):
    return np.sqrt(1 + x) - 1


def step_of_root(x):
    return np.sqrt(x + 1) - np.sqrt(x)


def difference_of_exponentials(x):
    return np.exp(2 * x) - np.exp(x)


def difference_of_logarithms(x):
    return np.log(x + 1e-3) - np.log(x)


class Layer:
    """A layer object whose method overflows."""

    def forward(self, z):
        e = np.exp(z)
        return e / np.sum(e)

    def __call__(self, z):
        return self.forward(z)


class Network:
    """Layers in a list, as small frameworks have them."""

    def __init__(self):
        self.layers = [Layer()]

    def predict(self, z):
        for layer in self.layers:
            z = layer.forward(z)
        return z


as_lambda = lambda x: np.exp(x) - 1  # noqa: E731


def scalar_sigmoid(z):
    return 1 / (1 + math.exp(-z))


def lost_in_a_constant(x):
    return (x + 1e12) - 1e12


def several_lines(x):
    shifted = x + 3
    square = shifted * shifted
    difference = square - 9
    return difference / x


def pole(x):
    return 1 / x + np.log(np.abs(x))


def opaque(x):
    return np.linalg.svd(x)[1]
