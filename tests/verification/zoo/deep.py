"""A sigmoid network of any depth with lists of weights and biases, under the summed binary cross-entropy."""

import numpy as np


def loss(x, y, Ws, bs):
    a = x
    for W, b in zip(Ws, bs):
        a = 1 / (1 + np.exp(-(a @ W + b)))
    return np.sum(-y * np.log(a) - (1 - y) * np.log(1 - a)) / x.shape[0]


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


# form: plain
def plain(x, y, Ws, bs):
    activations = [x]
    for W, b in zip(Ws, bs):
        activations.append(1 / (1 + np.exp(-(activations[-1] @ W + b))))
    n = len(Ws)
    dWs = [None] * n
    dbs = [None] * n
    delta = (activations[-1] - y) / x.shape[0]
    for l in range(n - 1, -1, -1):
        dWs[l] = activations[l].T @ delta
        dbs[l] = delta.sum(axis=0)
        if l > 0:
            delta = (delta @ Ws[l].T) * activations[l] * (1 - activations[l])
    return {"Ws": dWs, "bs": dbs}


# form: nielsen
def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def nielsen(x, y, Ws, bs):
    nabla_b = [np.zeros(b.shape) for b in bs]
    nabla_w = [np.zeros(w.shape) for w in Ws]
    for sample, target in zip(x, y):
        activation = sample.reshape(-1, 1)
        activations = [activation]
        zs = []
        for b, w in zip(bs, Ws):
            z = np.dot(w.T, activation) + b.reshape(-1, 1)
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        delta = activations[-1] - target.reshape(-1, 1)
        nabla_b[-1] += delta[:, 0] / len(x)
        nabla_w[-1] += np.dot(delta, activations[-2].transpose()).T / len(x)
        for layer in range(2, len(Ws) + 1):
            sp = sigmoid_prime(zs[-layer])
            delta = np.dot(Ws[-layer + 1], delta) * sp
            nabla_b[-layer] += delta.ravel() / len(x)
            nabla_w[-layer] += np.dot(delta, activations[-layer - 1].transpose()).T / len(x)
    return nabla_w, nabla_b


# form: recursive
def recursive(x, y, Ws, bs):
    grads = {"Ws": [], "bs": []}

    def descend(a, level):
        if level == len(Ws):
            return (a - y) / len(y)
        out = sigmoid(a.dot(Ws[level]) + bs[level])
        upstream = descend(out, level + 1)
        dz = upstream if level == len(Ws) - 1 else upstream * (out - out * out)
        grads["Ws"].insert(0, np.einsum("bi,bj->ij", a, dz))
        grads["bs"].insert(0, np.sum(dz, axis=0))
        return dz @ np.transpose(Ws[level])

    descend(x, 0)
    return grads


# inputs
WRT = ["Ws", "bs"]


def _net(rng, scale):
    sizes = [3, 5, 4, 2]
    Ws = [scale * rng.normal(size=pair) for pair in zip(sizes, sizes[1:])]
    return {"Ws": Ws, "bs": [scale * rng.normal(size=n) for n in sizes[1:]]}


def normal(rng):
    return {"x": rng.normal(size=(6, 3)), "y": np.eye(2)[[0, 1, 1, 0, 1, 1]]} | _net(rng, 1.0)


def wide(rng):
    x = rng.normal(size=(6, 3)) * 10.0 ** rng.integers(-3, 3, size=(6, 3))
    return {"x": x, "y": np.eye(2)[[0, 1, 1, 0, 1, 1]]} | _net(rng, 2.0)


def kink(rng):
    net = _net(rng, 1.0)
    net = {name: [0 * part for part in parts] for name, parts in net.items()}
    return {"x": np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1.0, 1, 1]]), "y": np.eye(2)[[0, 1, 1, 0]]} | net


# edits
def far(inputs, rng):
    return inputs | {"Ws": [8 * W for W in inputs["Ws"]], "x": 4 * inputs["x"]}


MUTANTS = [
    ("plain", "derivative", "* (1 - activations[l])", ""),
    ("plain", "derivative", "(1 - activations[l])", "(1 - activations[l] ** 2)"),
    ("plain", "sign", "activations[-1] - y", "y - activations[-1]"),
    ("plain", "scale", "/ x.shape[0]", ""),
    ("plain", "axis", "/ x.shape[0]", "/ x.shape[1]"),
    ("plain", "index", "dWs[l] = activations[l].T", "dWs[l] = activations[l][::-1].T"),
    ("plain", "bias", "dbs[l] = delta.sum(axis=0)", "dbs[l] = delta[-1]"),
    ("plain", "one coordinate", "    return {", "    dWs[1][2, 3] += 1e-5\n    return {"),
    (
        "plain",
        "region",
        "activations[l] * (1 - activations[l])\n",
        "activations[l] * (1 - activations[l]) * (activations[l] > 1e-4)\n",
        far,
    ),
    ("nielsen", "derivative", "sigmoid_prime(zs[-layer])", "sigmoid_prime(activations[-layer])"),
    ("nielsen", "derivative", "sigmoid(z) * (1 - sigmoid(z))", "z * (1 - z)"),
    ("nielsen", "lost path", "np.dot(Ws[-layer + 1], delta) * sp", "np.dot(Ws[-layer + 1], delta)"),
    ("nielsen", "lost path", "nabla_w[-1] +=", "nabla_w[-1] ="),
    ("nielsen", "factor 2", "delta = activations[-1] - target", "delta = 2 * activations[-1] - target"),
    (
        "nielsen",
        "relative 1e-7",
        "np.dot(Ws[-layer + 1], delta) * sp",
        "np.dot(Ws[-layer + 1], delta) * sp * 0.9999999",
    ),
    ("recursive", "derivative", "(out - out * out)", "(1 - out * out)"),
    ("recursive", "derivative", "(out - out * out)", "(out - out)"),
    ("recursive", "scale", "(a - y) / len(y)", "(a - y) / y.size"),
    ("recursive", "index", "if level == len(Ws) - 1", "if level == len(Ws) - 2"),
    (
        "recursive",
        "region",
        "upstream * (out - out * out)",
        "upstream * np.where(out > 0.999, 0, out - out * out)",
        far,
    ),
]

HARMLESS = [
    ("plain", "activations[l] * (1 - activations[l])", "(activations[l] - activations[l] ** 2)"),
    ("nielsen", "sigmoid(z) * (1 - sigmoid(z))", "sigmoid(z) * sigmoid(-z)"),
    ("nielsen", "sigmoid(z) * (1 - sigmoid(z))", "np.exp(-z) / (1 + np.exp(-z)) ** 2"),
    ("recursive", "(out - out * out)", "0.25 * (1 - (2 * out - 1) ** 2)"),
]
