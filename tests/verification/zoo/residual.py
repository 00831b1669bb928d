"""Two residual blocks with shared shapes and a linear read-out, under the mean squared error."""

import numpy as np


def loss(x, y, A1, B1, A2, B2, v):
    h = x + np.maximum(x @ A1, 0) @ B1
    h = h + np.maximum(h @ A2, 0) @ B2
    return np.mean((h @ v - y) ** 2)


# form: plain
def plain(x, y, A1, B1, A2, B2, v):
    z1 = x @ A1
    r1 = np.maximum(z1, 0)
    h1 = x + r1 @ B1
    z2 = h1 @ A2
    r2 = np.maximum(z2, 0)
    h2 = h1 + r2 @ B2
    e = 2 * (h2 @ v - y) / len(y)
    dv = h2.T @ e
    dh2 = np.outer(e, v)
    dB2 = r2.T @ dh2
    dz2 = (dh2 @ B2.T) * (z2 > 0)
    dA2 = h1.T @ dz2
    dh1 = dh2 + dz2 @ A2.T
    dB1 = r1.T @ dh1
    dz1 = (dh1 @ B1.T) * (z1 > 0)
    dA1 = x.T @ dz1
    return {"A1": dA1, "B1": dB1, "A2": dA2, "B2": dB2, "v": dv}


# form: blocks
class Block:
    def __init__(self, A, B):
        self.A, self.B = A, B

    def __call__(self, x):
        self.x = x
        self.z = np.dot(x, self.A)
        self.r = np.where(self.z > 0, self.z, 0)
        return x + np.dot(self.r, self.B)

    def backward(self, g):
        self.dB = np.dot(self.r.T, g)
        inner = np.dot(g, self.B.T)
        inner[self.z <= 0] = 0
        self.dA = np.dot(self.x.T, inner)
        g += np.dot(inner, self.A.T)
        return g


def blocks(x, y, A1, B1, A2, B2, v):
    stack = [Block(A1, B1), Block(A2, B2)]
    h = x
    for block in stack:
        h = block(h)
    error = h.dot(v) - y
    value = float(np.mean(error**2))
    error *= 2.0 / error.size
    dv = h.T.dot(error)
    g = error[:, np.newaxis] * v[np.newaxis, :]
    for block in stack[::-1]:
        g = block.backward(g)
    return value, (stack[0].dA, stack[0].dB, stack[1].dA, stack[1].dB, dv)


# form: loops
def loops(x, y, A1, B1, A2, B2, v):
    grads = {"A1": np.zeros_like(A1), "B1": np.zeros_like(B1)}
    grads |= {"A2": np.zeros_like(A2), "B2": np.zeros_like(B2), "v": np.zeros_like(v)}
    m = len(x)
    for i in range(m):
        states = [x[i]]
        hidden = []
        for A, B in ((A1, B1), (A2, B2)):
            r = np.clip(states[-1] @ A, 0, None)
            hidden.append(r)
            states.append(states[-1] + r @ B)
        e = (states[2] @ v - y[i]) * 2 / m
        grads["v"] += e * states[2]
        g = e * v
        for level in (2, 1):
            A, B = (A1, B1) if level == 1 else (A2, B2)
            grads[f"B{level}"] += np.outer(hidden[level - 1], g)
            s = (B @ g) * np.heaviside(hidden[level - 1], 0)
            grads[f"A{level}"] += np.outer(states[level - 1], s)
            g = g + A @ s
    return grads


# inputs
WRT = ["A1", "B1", "A2", "B2", "v"]


def normal(rng):
    shapes = {"x": (6, 4), "y": 6, "A1": (4, 5), "B1": (5, 4), "A2": (4, 3), "B2": (3, 4), "v": 4}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def wide(rng):
    inputs = normal(rng)
    return inputs | {"x": inputs["x"] * 10.0 ** rng.integers(-3, 3, size=(6, 4)), "y": 1e3 * inputs["y"]}


def kink(rng):
    inputs = normal(rng)
    x = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1], [0.0, 0, 0, 0]])
    zeros = {"A1": np.zeros((4, 5)), "B1": np.zeros((5, 4)), "A2": np.round(inputs["A2"])}
    return inputs | zeros | {"x": x, "y": np.zeros(6), "v": np.array([1.0, -1, 0, 2])}


# edits
def far(inputs, rng):
    return inputs | {"x": 20 * inputs["x"], "y": 100 * inputs["y"]}


MUTANTS = [
    ("plain", "lost path", "dh1 = dh2 + dz2 @ A2.T", "dh1 = dz2 @ A2.T"),
    ("plain", "lost path", "dh1 = dh2 + dz2 @ A2.T", "dh1 = dh2"),
    ("plain", "stale variable", "dB1 = r1.T @ dh1", "dB1 = r1.T @ dh2"),
    ("plain", "stale variable", "dA2 = h1.T @ dz2", "dA2 = x.T @ dz2"),
    ("plain", "factor 2", "e = 2 * (h2", "e = (h2"),
    ("plain", "scale", "/ len(y)", ""),
    ("plain", "derivative", "(z2 > 0)", "(r2 > 0.5)"),
    ("plain", "sign", "dv = h2.T @ e", "dv = -h2.T @ e"),
    ("plain", "lost path", "h1 = x + r1 @ B1", "h1 = r1 @ B1"),
    ("plain", "region", "dh2 = np.outer(e, v)", "dh2 = np.outer(np.where(np.abs(e) > 50, 50.0, e), v)", far),
    ("plain", "region", "(z1 > 0)", "((z1 > 0) & (z1 < 40))", far),
    ("blocks", "lost path", "g += np.dot(inner", "g = np.dot(inner"),
    ("blocks", "lost path", "        inner[self.z <= 0] = 0\n", ""),
    ("blocks", "factor 2", "2.0 / error.size", "1.0 / error.size"),
    ("blocks", "index", "for block in stack[::-1]", "for block in stack"),
    ("blocks", "region", "inner[self.z <= 0] = 0", "inner[(self.z <= 0) | (self.z > 80)] = 0", far),
    ("loops", "transpose", "np.outer(hidden[level - 1], g)", "np.outer(g, hidden[level - 1]).reshape(B.shape)"),
    ("loops", "index", "e * states[2]", "e * states[1]"),
    ("loops", "lost path", "g = g + A @ s", "g = A @ s"),
    ("loops", "relative 1e-7", "* 2 / m", "* 2.0000001 / m"),
    ("loops", "one coordinate", "    return grads", '    grads["B1"][4, 0] *= 1 - 1e-6\n    return grads'),
]

HARMLESS = [
    ("plain", "(z2 > 0)", "(z2 >= 0)"),
    ("blocks", "self.z <= 0", "self.z < 0"),
    ("loops", "np.heaviside(hidden[level - 1], 0)", "(hidden[level - 1] > 0)"),
]
