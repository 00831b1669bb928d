"""A long short-term memory of one layer with its gates in one matrix, and a squared error at the last step."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(x, W, b, y):
    H = y.shape[1]
    h, c = np.zeros_like(y), np.zeros_like(y)
    for t in range(x.shape[0]):
        a = np.hstack((x[t], h)) @ W + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
        c = f * c + i * np.tanh(a[:, 3 * H :])
        h = o * np.tanh(c)
    return 0.5 * np.sum((h - y) ** 2) / y.shape[0]


# form: plain
def plain(x, W, b, y):
    N, H = y.shape
    h, c = np.zeros((N, H)), np.zeros((N, H))
    caches = []
    for t in range(x.shape[0]):
        joined = np.hstack((x[t], h))
        a = joined @ W + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        caches.append((joined, i, f, o, g, c))
        c = f * c + i * g
        h = o * np.tanh(c)
        caches[-1] += (c,)
    dW, db = np.zeros_like(W), np.zeros_like(b)
    dh, dc = (h - y) / N, 0.0
    for joined, i, f, o, g, before, after in reversed(caches):
        dc = dc + dh * o * (1 - np.tanh(after) ** 2)
        da = np.hstack(
            (
                dc * g * i * (1 - i),
                dc * before * f * (1 - f),
                dh * np.tanh(after) * o * (1 - o),
                dc * i * (1 - g**2),
            )
        )
        dW += joined.T @ da
        db += da.sum(axis=0)
        dh = (da @ W.T)[:, -H:]
        dc = dc * f
    return {"W": dW, "b": db}


# form: buffers
def buffers(x, W, b, y):
    T, N, D = x.shape
    H = b.size // 4
    hs, cs = np.zeros((T + 1, N, H)), np.zeros((T + 1, N, H))
    gates = np.empty((T, N, 4, H))
    for t in range(T):
        a = x[t].dot(W[:D]) + hs[t].dot(W[D:]) + b
        gates[t] = a.reshape(N, 4, H)
        gates[t, :, :3] = sigmoid(gates[t, :, :3])
        gates[t, :, 3] = np.tanh(gates[t, :, 3])
        cs[t + 1] = gates[t, :, 1] * cs[t] + gates[t, :, 0] * gates[t, :, 3]
        hs[t + 1] = gates[t, :, 2] * np.tanh(cs[t + 1])
    dWx, dWh, db = np.zeros((D, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H)
    dh = (hs[T] - y) / N
    dc = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        i, f, o, g = (gates[t, :, k] for k in range(4))
        tc = np.tanh(cs[t + 1])
        dc += dh * o * (1 - tc * tc)
        d = np.zeros((N, 4, H))
        d[:, 0] = dc * g * i * (1 - i)
        d[:, 1] = dc * cs[t] * f * (1 - f)
        d[:, 2] = dh * tc * o * (1 - o)
        d[:, 3] = dc * i * (1 - g * g)
        flat = d.reshape(N, 4 * H)
        dWx += x[t].T.dot(flat)
        dWh += hs[t].T.dot(flat)
        db += flat.sum(0)
        dh = flat.dot(W[D:].T)
        dc *= f
    return np.vstack([dWx, dWh]), db


# form: class_cell
class Memory:
    def __init__(self, W, b, H):
        self.W, self.b, self.H = W, b, H
        self.tape = []
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def step(self, x, state):
        h, c = state
        inp = np.concatenate([x, h], axis=1)
        parts = np.split(inp @ self.W + self.b, 4, axis=1)
        i, f, o = map(sigmoid, parts[:3])
        g = np.tanh(parts[3])
        new_c = f * c + i * g
        self.tape.append(dict(inp=inp, i=i, f=f, o=o, g=g, c=c, tc=np.tanh(new_c)))
        return o * self.tape[-1]["tc"], new_c

    def back(self, dh, dc):
        k = self.tape.pop()
        dc = dc + dh * k["o"] * (1 - k["tc"] ** 2)
        di, df, do, dg = dc * k["g"], dc * k["c"], dh * k["tc"], dc * k["i"]
        for name, part in (("i", di), ("f", df), ("o", do)):
            part *= k[name] * (1 - k[name])
        dg *= 1 - k["g"] ** 2
        da = np.concatenate([di, df, do, dg], axis=1)
        self.grads[0] += k["inp"].T @ da
        self.grads[1] += np.sum(da, axis=0)
        return np.dot(da, self.W.T)[:, k["inp"].shape[1] - self.H :], dc * k["f"]


def class_cell(x, W, b, y):
    net = Memory(W, b, y.shape[1])
    state = (np.zeros(y.shape), np.zeros(y.shape))
    for step in x:
        state = net.step(step, state)
    flow = ((state[0] - y) / len(y), np.zeros(y.shape))
    while net.tape:
        flow = net.back(*flow)
    return tuple(net.grads)


# inputs
WRT = ["W", "b"]


def normal(rng):
    return {"x": rng.normal(size=(3, 2, 3)), "W": rng.normal(size=(5, 8)), "b": rng.normal(size=8)} | {
        "y": rng.normal(size=(2, 2))
    }


def wide(rng):
    inputs = normal(rng)
    return inputs | {"x": inputs["x"] * 10.0 ** rng.integers(-3, 2, size=(3, 2, 3)), "y": 100 * inputs["y"]}


def kink(rng):
    x = np.array([[[0, 1, 2], [1, 1, 0]], [[1, 1, 0], [1, 1, 0]], [[0.0, 0, 1], [-1, 0, 2]]])
    return {"x": x, "W": np.zeros((5, 8)), "b": np.zeros(8), "y": np.array([[1.0, 0], [0, 1]])}


# edits
def far(inputs, rng):
    return inputs | {"x": 6 * inputs["x"], "y": 400 * inputs["y"]}


MUTANTS = [
    ("plain", "lost path", "dc = dc + dh * o", "dc = dh * o"),
    ("plain", "lost path", "        dc = dc * f\n", ""),
    ("plain", "derivative", "(1 - np.tanh(after) ** 2)", "(1 - after**2)"),
    ("plain", "time", "dc * before * f", "dc * after * f"),
    ("plain", "derivative", "dc * i * (1 - g**2)", "dc * i * (1 - g)"),
    ("plain", "index", "[:, -H:]", "[:, :H]"),
    ("plain", "lost path", "db += da.sum(axis=0)", "db = da.sum(axis=0)"),
    ("plain", "scale", "(h - y) / N", "(h - y)"),
    ("plain", "region", "        dW += joined", "        da = np.clip(da, -20, 20)\n        dW += joined", far),
    ("plain", "region", "dc = dc * f", "dc = dc * np.where(f < 1e-3, 0.0, f)", far),
    ("buffers", "time", "dc * cs[t] * f", "dc * cs[t + 1] * f"),
    ("buffers", "time", "dWh += hs[t].T", "dWh += hs[t + 1].T"),
    ("buffers", "stale variable", "d[:, 0] = dc * g * i", "d[:, 0] = dh * g * i"),
    ("buffers", "index", "dh = flat.dot(W[D:].T)", "dh = flat.dot(W[:H].T)"),
    ("buffers", "relative 1e-7", "        dc *= f\n", "        dc *= f * 1.0000001\n"),
    ("class_cell", "sign", "(1 - k[name])", "(1 + k[name])"),
    ("class_cell", "stale variable", 'dc * k["c"], dh', 'dc * k["tc"], dh'),
    ("class_cell", "lost path", ', dc * k["f"]', ", dc"),
    ("class_cell", "axis", "/ len(y)", "/ len(x)"),
    (
        "class_cell",
        "one coordinate",
        "    return tuple(net.grads)",
        "    net.grads[0][3, 5] *= 1.01\n    return tuple(net.grads)",
    ),
]

HARMLESS = [
    ("plain", "(1 - np.tanh(after) ** 2)", "(1 - np.tanh(after)) * (1 + np.tanh(after))"),
    ("buffers", "dc * i * (1 - g * g)", "dc * (i - i * g**2)"),
    ("class_cell", "np.zeros(y.shape))\n    while", "0.0)\n    while"),
]
