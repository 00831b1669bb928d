"""A tanh recurrence unrolled over time with a squared error at every step."""

import numpy as np


def loss(xs, U, V, b, target):
    h = np.zeros(U.shape[0])
    total = 0.0
    for t in range(xs.shape[0]):
        h = np.tanh(V @ xs[t] + U @ h + b)
        total += np.sum((h - target[t]) ** 2)
    return total


# form: plain
def plain(xs, U, V, b, target):
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


# form: array_states
def array_states(xs, U, V, b, target):
    T, H = target.shape
    H_all = np.zeros((T + 1, H))
    for t in range(T):
        H_all[t + 1] = np.tanh(xs[t].dot(V.T) + H_all[t].dot(U.T) + b)
    deltas = np.zeros((T, H))
    carry = np.zeros(H)
    for step in range(1, T + 1):
        t = T - step
        carry = carry + 2.0 * (H_all[t + 1] - target[t])
        deltas[t, :] = carry * (1 - H_all[t + 1] ** 2)
        carry = deltas[t].dot(U)
    return deltas.T @ H_all[:-1], deltas.T @ xs, deltas.sum(axis=0)


# form: cell
class Cell:
    def __init__(self, U, V, b):
        self.U, self.V, self.b = U, V, b
        self.cache = []
        self.dU = 0 * U
        self.dV = 0 * V
        self.db = 0 * b

    def step(self, x, h):
        new = np.tanh(np.matmul(self.V, x) + np.matmul(self.U, h) + self.b)
        self.cache.append((x, h, new))
        return new

    def back(self, dh):
        x, h, new = self.cache.pop()
        dz = dh - dh * new**2
        self.dU += dz[:, np.newaxis] * h
        self.dV += dz[:, np.newaxis] * x
        self.db += dz
        return np.dot(dz, self.U)


def cell(xs, U, V, b, target):
    net = Cell(U, V, b)
    h = np.zeros(len(b))
    outs = []
    for x in xs:
        h = net.step(x, h)
        outs.append(h)
    dh = np.zeros(len(b))
    for out, goal in zip(outs[::-1], target[::-1]):
        dh = net.back(dh + 2 * (out - goal))
    return net.dU, net.dV, net.db


# form: through_time
def through_time(xs, U, V, b, target):
    hs = [np.zeros(U.shape[0])]
    for x in xs:
        hs.append(np.tanh(V @ x + U @ hs[-1] + b))
    dU, dV, db = np.zeros(U.shape), np.zeros(V.shape), np.zeros(b.shape)
    for t in range(len(xs)):
        delta = 2 * (hs[t + 1] - target[t]) * (1 - hs[t + 1] ** 2)
        for k in range(t, -1, -1):
            dU += np.outer(delta, hs[k])
            dV += np.outer(delta, xs[k])
            db += delta
            if k > 0:
                delta = (U.T @ delta) * (1 - hs[k] ** 2)
    return {"U": dU, "V": dV, "b": db}


# inputs
WRT = ["U", "V", "b"]


def normal(rng):
    shapes = {"xs": (4, 3), "U": (5, 5), "V": (5, 3), "b": 5, "target": (4, 5)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def wide(rng):
    inputs = normal(rng)
    xs = inputs["xs"] * 10.0 ** rng.integers(-3, 2, size=(4, 3))
    return inputs | {"xs": xs, "U": 3 * inputs["U"], "target": 100 * inputs["target"]}


def kink(rng):
    inputs = normal(rng)
    xs = np.array([[0, 1, 2], [0, 1, 2], [1, 0, 0], [0.0, -1, 1]])
    return inputs | {"xs": xs, "U": np.zeros((5, 5)), "V": np.round(inputs["V"]), "b": np.zeros(5)}


# edits
def far(inputs, rng):
    return inputs | {"V": 6 * inputs["V"], "target": 300 * inputs["target"], "U": 2 * inputs["U"]}


MUTANTS = [
    ("plain", "time", "hs[t - 1])\n        dV", "hs[t])\n        dV"),
    ("plain", "lost path", "+ dnext", ""),
    ("plain", "transpose", "U.T @ dz", "U @ dz"),
    ("plain", "time", "np.outer(dz, xs[t])", "np.outer(dz, xs[t - 1])"),
    ("plain", "factor 2", "2 * (hs", "(hs"),
    ("plain", "derivative", "U.T @ dz", "U.T @ dh"),
    ("plain", "transpose", "dU += np.outer(dz, hs[t - 1])", "dU += np.outer(hs[t - 1], dz)"),
    ("plain", "lost path", "db += dz", "db = dz"),
    ("plain", "time", "reversed(range(T))", "reversed(range(1, T))"),
    ("plain", "time", "reversed(range(T))", "range(T)"),
    ("plain", "time", "1 - hs[t] * hs[t]", "1 - hs[t - 1] * hs[t - 1]"),
    ("plain", "region", "        db += dz", "        dz = np.clip(dz, -40, 40)\n        db += dz", far),
    ("plain", "region", "dnext = U.T @ dz", "dnext = U.T @ dz / max(1, np.linalg.norm(dz) / 500)", far),
    ("array_states", "time", "deltas.T @ H_all[:-1]", "deltas.T @ H_all[1:]"),
    ("array_states", "time", "range(1, T + 1)", "range(1, T)"),
    ("array_states", "factor 2", "2.0 * (H_all", "1.0 * (H_all"),
    ("array_states", "lost path", "carry = carry + 2.0", "carry = 2.0"),
    ("array_states", "relative 1e-7", "2.0 * (H_all", "2.0000001 * (H_all"),
    ("array_states", "region", "(1 - H_all[t + 1] ** 2)", "(1 - np.minimum(H_all[t + 1], 0.99999) ** 2)", far),
    ("cell", "sign", "dh - dh * new**2", "dh + dh * new**2"),
    ("cell", "stale variable", "self.dU += dz[:, np.newaxis] * h", "self.dU += dz[:, np.newaxis] * new"),
    ("cell", "transpose", "np.dot(dz, self.U)", "np.dot(self.U, dz)"),
    ("cell", "index", "target[::-1]", "target"),
    ("cell", "bias", "self.db += dz", "self.db += dh"),
    ("through_time", "time", "np.outer(delta, hs[k])", "np.outer(delta, hs[t])"),
    ("through_time", "time", "range(t, -1, -1)", "range(t, 0, -1)"),
    ("through_time", "derivative", "(U.T @ delta) * (1 - hs[k] ** 2)", "(U.T @ delta) * (1 - hs[k])"),
    ("through_time", "time", "range(t, -1, -1)", "range(t, max(-1, t - 3), -1)"),
    ("through_time", "constant", "2 * (hs", "2.000000001 * (hs"),
]

HARMLESS = [
    ("plain", "np.outer(dz, xs[t])", "dz[:, None] * xs[t][None, :]"),
    ("plain", "np.zeros_like(hs[0])", "np.zeros(5)"),
    ("array_states", "carry * (1 - H_all[t + 1] ** 2)", "carry - carry * np.square(H_all[t + 1])"),
    ("through_time", "1 - hs[t + 1] ** 2", "1 / np.cosh(V @ xs[t] + U @ hs[t] + b) ** 2"),
]
