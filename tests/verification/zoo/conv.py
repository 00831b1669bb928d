"""A one-dimensional convolution over channels with stride, bias and leaky ReLU, against targets."""

import numpy as np

SLOPE = 0.01
STRIDE = 2


def loss(x, w, b, R):
    N, C, L = x.shape
    F, _, K = w.shape
    n = (L - K) // STRIDE + 1
    out = np.empty((N, F, n))
    for i in range(n):
        window = x[:, :, i * STRIDE : i * STRIDE + K]
        out[:, :, i] = np.tensordot(window, w, axes=([1, 2], [1, 2])) + b
    out = np.where(out > 0, out, SLOPE * out)
    return 0.5 * np.sum((out - R) ** 2)


# form: plain
def plain(x, w, b, R):
    N, C, L = x.shape
    F, _, K = w.shape
    n = (L - K) // STRIDE + 1
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for i in range(n):
        window = x[:, :, i * STRIDE : i * STRIDE + K]
        z = np.tensordot(window, w, axes=([1, 2], [1, 2])) + b
        a = np.where(z > 0, z, SLOPE * z)
        dz = (a - R[:, :, i]) * np.where(z > 0, 1.0, SLOPE)
        db += dz.sum(axis=0)
        dw += np.tensordot(dz, window, axes=([0], [0]))
        dx[:, :, i * STRIDE : i * STRIDE + K] += np.tensordot(dz, w, axes=([1], [0]))
    return {"x": dx, "w": dw, "b": db}


# form: scalars
def scalars(x, w, b, R):
    N, C, L = x.shape
    F, _, K = w.shape
    dx = np.zeros((N, C, L))
    dw = np.zeros((F, C, K))
    db = np.zeros(F)
    for m in range(N):
        for f in range(F):
            for i in range(R.shape[2]):
                start = i * STRIDE
                z = b[f]
                for c in range(C):
                    for k in range(K):
                        z += w[f, c, k] * x[m, c, start + k]
                if z > 0:
                    g = z - R[m, f, i]
                else:
                    g = SLOPE * (SLOPE * z - R[m, f, i])
                db[f] += g
                for c in range(C):
                    for k in range(K):
                        dw[f, c, k] += g * x[m, c, start + k]
                        dx[m, c, start + k] += g * w[f, c, k]
    return dx, dw, db


# form: im2col
def im2col(x, w, b, R):
    N, C, L = x.shape
    F, _, K = w.shape
    n = (L - K) // STRIDE + 1
    starts = np.arange(n) * STRIDE
    taps = starts[:, None] + np.arange(K)
    cols = x[:, :, taps].transpose(0, 2, 1, 3).reshape(N * n, C * K)
    z = cols @ w.reshape(F, -1).T + b
    slope = np.ones(z.shape)
    slope[z < 0] = SLOPE
    target = R.transpose(0, 2, 1).reshape(N * n, F)
    dz = (z * slope - target) * slope
    dw = (dz.T @ cols).reshape(w.shape)
    dcols = (dz @ w.reshape(F, -1)).reshape(N, n, C, K).transpose(0, 2, 1, 3)
    dx = np.zeros(x.shape)
    np.add.at(dx, (slice(None), slice(None), taps), dcols)
    return dx, dw, np.sum(dz, 0)


# form: windows
def windows(x, w, b, R):
    K = w.shape[-1]
    view = np.lib.stride_tricks.sliding_window_view(x, K, axis=2)[:, :, ::STRIDE]
    z = np.einsum("nclk,fck->nfl", view, w) + b[None, :, None]
    d = np.where(z >= 0, z - R, SLOPE * (SLOPE * z - R))
    dx = np.zeros_like(x)
    for k in range(K):
        stop = k + STRIDE * (R.shape[2] - 1) + 1
        dx[:, :, k:stop:STRIDE] += np.einsum("nfl,fc->ncl", d, w[:, :, k])
    return {"x": dx, "w": np.einsum("nfl,nclk->fck", d, view), "b": d.sum(axis=(0, 2))}


# inputs
WRT = ["x", "w", "b"]


def normal(rng):
    shapes = {"x": (2, 2, 8), "w": (3, 2, 3), "b": 3, "R": (2, 3, 3)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def wide(rng):
    inputs = normal(rng)
    return inputs | {"x": inputs["x"] * 10.0 ** rng.integers(-3, 3, size=(2, 2, 8)), "R": 1e3 * inputs["R"]}


def kink(rng):
    x = np.array([[[0, 1, 2, 0, 1, 0, 0, 1], [1, 0, 0, -1, 2, 1, 1, 0]], [[0, 1, 2, 0, 1, 0, 0, 1], [0.0] * 7 + [1]]])
    w = np.zeros((3, 2, 3))
    w[0, 0] = [1, 0, -1]
    return {"x": x, "w": w, "b": np.zeros(3), "R": np.array(rng.integers(-2, 3, size=(2, 3, 3)), dtype=float)}


# edits
def far(inputs, rng):
    return inputs | {"x": 30 * inputs["x"], "R": 50 * inputs["R"]}


MUTANTS = [
    ("plain", "derivative", "np.where(z > 0, 1.0, SLOPE)", "(z > 0)"),
    ("plain", "bias", "db += dz.sum(axis=0)", "db += dz.mean(axis=0)"),
    ("plain", "lost path", "* STRIDE + K] += np", "* STRIDE + K] = np"),
    ("plain", "transpose", "np.tensordot(dz, w, axes=([1], [0]))", "np.tensordot(dz, w[:, :, ::-1], axes=([1], [0]))"),
    ("plain", "index", "window = x[:, :, i * STRIDE : i * STRIDE + K]", "window = x[:, :, i : i + K]"),
    ("plain", "bias", "axes=([1, 2], [1, 2])) + b", "axes=([1, 2], [1, 2]))"),
    ("plain", "stale variable", "dw += np.tensordot(dz, window", "dw += np.tensordot(a, window"),
    ("plain", "constant", "np.where(z > 0, 1.0, SLOPE)", "np.where(z > 0, 1.0, 0.0100000001)"),
    ("plain", "region", "dz = (a - R[:, :, i])", "dz = np.maximum(a - R[:, :, i], -50)", far),
    ("plain", "region", "        db += dz", "        dz[z > 40] *= 2\n        db += dz", far),
    ("scalars", "sign", "z - R[m, f, i]\n", "z + R[m, f, i]\n"),
    ("scalars", "index", "dx[m, c, start + k] += g * w[f, c, k]", "dx[m, c, start + k] += g * w[f, c, k - 1]"),
    ("scalars", "derivative", "g = SLOPE * (SLOPE * z", "g = (SLOPE * z"),
    ("scalars", "index", "for f in range(F)", "for f in range(F - 1)"),
    ("scalars", "region", "if z > 0:", "if z > 0 and z < 35:", far),
    ("im2col", "axis", "transpose(0, 2, 1, 3).reshape(N * n, C * K)", "reshape(N * n, C * K)"),
    ("im2col", "lost path", "np.add.at(dx, (slice(None), slice(None), taps), dcols)", "dx[:, :, taps] += dcols"),
    ("im2col", "index", "np.arange(n) * STRIDE", "np.arange(n) + STRIDE"),
    ("im2col", "relative 1e-7", "np.sum(dz, 0)", "np.sum(dz, 0) * 0.9999999"),
    ("im2col", "factor 2", "(z * slope - target) * slope", "2 * (z * slope - target) * slope"),
    ("windows", "axis", "d.sum(axis=(0, 2))", "d.sum(axis=(0, 1))"),
    ("windows", "transpose", "w[:, :, k])", "w[:, :, K - 1 - k])"),
    ("windows", "index", "dx[:, :, k:stop:STRIDE] +=", "dx[:, :, k:stop:STRIDE] ="),
    ("windows", "region", "z - R, SLOPE", "np.minimum(z - R, 40), SLOPE", far),
    ("windows", "one coordinate", "    return {", "    dx[1, 0, 3] -= 1e-6\n    return {"),
]

HARMLESS = [
    ("plain", "np.where(z > 0, 1.0, SLOPE)", "np.where(z >= 0, 1.0, SLOPE)"),
    ("scalars", "if z > 0:", "if not z < 0:"),
    ("im2col", "slope[z < 0]", "slope[z <= 0]"),
    ("windows", "SLOPE * (SLOPE * z - R)", "SLOPE**2 * z - SLOPE * R"),
]
