"""A network of a tanh and a ReLU layer with parameters in a dict, under half the mean squared error."""

import numpy as np


def loss(X, Y, params):
    a1 = np.tanh(X @ params["W1"] + params["b1"])
    a2 = np.maximum(0, a1 @ params["W2"] + params["b2"])
    out = a2 @ params["W3"]
    return np.sum((out - Y) ** 2) / (2 * len(X))


# form: plain
def plain(X, Y, params):
    m = len(X)
    a1 = np.tanh(X @ params["W1"] + params["b1"])
    z2 = a1 @ params["W2"] + params["b2"]
    a2 = np.maximum(0, z2)
    d3 = (a2 @ params["W3"] - Y) / m
    d2 = d3 @ params["W3"].T * (z2 > 0)
    d1 = d2 @ params["W2"].T * (1 - a1**2)
    grads = {}
    grads["W3"] = a2.T @ d3
    grads["W2"] = a1.T @ d2
    grads["b2"] = d2.sum(axis=0)
    grads["W1"] = X.T @ d1
    grads["b1"] = d1.sum(axis=0)
    return grads


# form: layers
class Affine:
    def __init__(self, W, b=None):
        self.W = W
        self.b = b
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        out = np.dot(self.x, self.W)
        return out if self.b is None else out + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1.0 - self.out**2)


def layers(X, Y, params):
    first, second = Affine(params["W1"], params["b1"]), Affine(params["W2"], params["b2"])
    third = Affine(params["W3"])
    chain = [first, Tanh(), second, Relu(), third]
    out = X
    for layer in chain:
        out = layer.forward(out)
    dout = (out - Y) / Y.shape[0]
    for layer in reversed(chain):
        dout = layer.backward(dout)
    return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db, "W3": third.dW}


# form: samples
def samples(X, Y, params):
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    for x, y in zip(X, Y):
        cache = []
        h = np.tanh(params["W1"].T @ x + params["b1"])
        cache.append(h)
        z = params["W2"].T @ h + params["b2"]
        a = z * (z > 0)
        cache.append(a)
        err = params["W3"].T @ a - y
        grads["W3"] += np.outer(cache[1], err) / len(X)
        back = (params["W3"] @ err) * np.where(z > 0, 1.0, 0.0)
        grads["W2"] += np.outer(cache[0], back) / len(X)
        grads["b2"] += back / len(X)
        back = (params["W2"] @ back) * (1 + cache[0]) * (1 - cache[0])
        grads["W1"] += x[:, None] * back[None, :] / len(X)
        grads["b1"] += back / len(X)
    return grads


# form: in_place
def in_place(X, Y, params):
    W1, b1, W2, b2, W3 = (params[k] for k in ("W1", "b1", "W2", "b2", "W3"))
    hidden = X.dot(W1)
    hidden += b1
    np.tanh(hidden, out=hidden)
    pre = hidden.dot(W2)
    pre += b2
    live = np.zeros(pre.shape)
    live[pre > 0] = 1.0
    pre *= live
    err = pre.dot(W3) - Y
    value = 0.5 * np.sum(err**2) / err.shape[0]
    err /= err.shape[0]
    dW3 = pre.T.dot(err)
    back = err.dot(W3.T)
    back *= live
    dW2, db2 = hidden.T.dot(back), np.add.reduce(back, axis=0)
    back = back.dot(W2.T)
    back *= 1 - np.square(hidden)
    dW1, db1 = X.T.dot(back), np.add.reduce(back, axis=0)
    return value, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3}


# inputs
WRT = None


def _params(rng, scale=1.0):
    shapes = {"W1": (4, 5), "b1": 5, "W2": (5, 6), "b2": 6, "W3": (6, 2)}
    return {name: scale * rng.normal(size=shape) for name, shape in shapes.items()}


def normal(rng):
    return {"X": rng.normal(size=(7, 4)), "Y": rng.normal(size=(7, 2)), "params": _params(rng)}


def wide(rng):
    X = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-3, 2, size=(7, 4))
    return {"X": X, "Y": 1e3 * rng.normal(size=(7, 2)), "params": _params(rng, 3.0)}


def kink(rng):
    params = _params(rng)
    params = {"W1": np.round(params["W1"]), "b1": np.zeros(5), "W2": 0 * params["W2"], "b2": np.zeros(6)} | {
        "W3": np.round(2 * params["W3"])
    }
    X = np.array([[0, 1, 2, 0], [1, 1, 0, -1], [1, 1, 0, -1], [2, 0, 0, 1], [0, 0, -3, 1.0]])
    return {"X": X, "Y": np.zeros((5, 2)), "params": params}


# edits
def far(inputs, rng):
    params = inputs["params"] | {"W3": 30 * inputs["params"]["W3"], "b2": inputs["params"]["b2"] + 20}
    return inputs | {"params": params, "X": 5 * inputs["X"]}


MUTANTS = [
    ("plain", "derivative", "1 - a1**2", "1 - a1"),
    ("plain", "derivative", "1 - a1**2", "1 - np.tanh(a1) ** 2"),
    ("plain", "sign", "1 - a1**2", "1 + a1**2"),
    ("plain", "lost path", " * (z2 > 0)", ""),
    ("plain", "derivative", "(z2 > 0)", "(z2 > 0.5)"),
    ("plain", "scale", "/ m", ""),
    ("plain", "bias", "d2.sum(axis=0)", "d2.mean(axis=0)"),
    ("plain", "factor 2", "a2.T @ d3", "a2.T @ d3 * 2"),
    ("plain", "sign", "X.T @ d1", "-X.T @ d1"),
    ("plain", "index", "d1.sum(axis=0)", "d1[0]"),
    ("plain", "bias", '+ params["b1"])', ")"),
    ("plain", "region", "d3 = (a2", "a2 = np.where(a2 > 20, 20.0, a2); d3 = (a2", far),
    ("plain", "region", "(1 - a1**2)", "np.where(np.abs(a1) > 0.9999, 0.0, 1 - a1**2)", far),
    ("layers", "derivative", "self.mask = x <= 0", "self.mask = x <= 1"),
    ("layers", "lost path", "        dout[self.mask] = 0\n", ""),
    ("layers", "derivative", "(1.0 - self.out**2)", "self.out * (1.0 - self.out)"),
    ("layers", "axis", "np.sum(dout, axis=0)", "np.sum(dout, axis=0) / len(dout)"),
    ("layers", "scale", "Y.shape[0]", "Y.size"),
    ("layers", "region", "self.mask = x <= 0", "self.mask = (x <= 0) | (x > 20)", far),
    ("samples", "transpose", "x[:, None] * back[None, :]", "(back[:, None] * x[None, :]).reshape(4, 5)"),
    ("samples", "sign", "(1 + cache[0])", "(1 - cache[0])"),
    ("samples", "index", "np.outer(cache[0], back)", "np.outer(cache[0][::-1], back)"),
    ("samples", "lost path", 'grads["b2"] += back', 'grads["b2"] = back'),
    ("samples", "scale", 'grads["b1"] += back / len(X)', 'grads["b1"] += back / len(x)'),
    ("samples", "region", "np.where(z > 0, 1.0, 0.0)", "((z > 0) * (z < 18))", far),
    ("in_place", "derivative", "1 - np.square(hidden)", "1 - hidden"),
    ("in_place", "stale variable", "dW3 = pre.T", "dW3 = live.T"),
    ("in_place", "relative 1e-7", "err /= err.shape[0]", "err /= err.shape[0] + 1e-6"),
    ("in_place", "lost path", "    back *= live\n", ""),
    ("in_place", "one coordinate", "    return value", "    dW2[1, 2] += 1e-6\n    return value"),
]

HARMLESS = [
    ("plain", "(z2 > 0)", "np.where(z2 > 0, 1.0, 0.0)"),
    ("plain", "(z2 > 0)", "(z2 >= 0).astype(np.float64)"),
    ("plain", "1 - a1**2", "(1 + a1) * (1 - a1)"),
    ("plain", "(z2 > 0)", "np.sign(a2)"),
    ("layers", "x <= 0", "x < 0"),
    ("in_place", "pre > 0", "pre >= 0"),
    ("samples", "a = z * (z > 0)", "a = (np.abs(z) + z) / 2"),
]
