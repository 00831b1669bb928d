"""Functions of arrays, one a feature of NumPy: ``FEATURES`` for all shapes, ``FIXED`` with a size as a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def in_place_on_a_name(x, b):  # type: ignore[no-untyped-def]
    a = x * 1.0
    other = a
    other += b
    a *= 2
    return other


def in_place_on_a_row(x, b):  # type: ignore[no-untyped-def]
    a = np.zeros_like(x)
    a[0] += b
    a[1:, 0] -= 1
    return a


def in_place_on_a_slice_view(x):  # type: ignore[no-untyped-def]
    a = x.copy()
    top = a[:1]
    top *= 3
    return a


def rebound_name(x, b):  # type: ignore[no-untyped-def]
    a = x
    a = a + b
    return a - x


def store_columns(x, v):  # type: ignore[no-untyped-def]
    out = np.empty((x.shape[0], x.shape[1]))
    out[:, :] = x
    out[:, 0] = v
    return out


def store_a_vector_in_rows(x, b):  # type: ignore[no-untyped-def]
    out = np.ones(x.shape)
    out[...] = b
    return out


def dict_cache(x, w):  # type: ignore[no-untyped-def]
    cache = {"z": x @ w}
    cache["a"] = np.tanh(cache["z"])
    return cache["a"] * (1 - cache["a"] ** 2) + cache.get("z")


def tuple_cache(x, w, c):  # type: ignore[no-untyped-def]
    def forward(x, w, c):  # type: ignore[no-untyped-def]
        z = x @ w + c
        return np.maximum(z, 0), (x, w, z)

    out, (x, w, z) = forward(x, w, c)
    return x.T @ (out * (z > 0))


class Layer:
    def __init__(self, w: Any) -> None:
        self.w = w

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.w

    def backward(self, d: Any) -> Any:
        self.dw = self.x.T @ d
        return d @ self.w.T


def state_on_self(x, w):  # type: ignore[no-untyped-def]
    layer = Layer(w)
    return layer.backward(layer.forward(x)) @ layer.dw


def loop_over_layers(x, Q, v):  # type: ignore[no-untyped-def]
    h = x
    for weight in [Q, Q.T, 2 * Q]:
        h = np.tanh(weight @ h)
    return h


def loop_over_steps(T, w):  # type: ignore[no-untyped-def]
    total = 0.0
    for t in range(T.shape[0]):
        total = total + T[t] @ w
    return total


def loop_over_rows(x):  # type: ignore[no-untyped-def]
    return np.array([np.sum(row**2) for row in x])


def loop_with_enumerate_and_zip(x, z):  # type: ignore[no-untyped-def]
    out = np.zeros(x.shape[0])
    for i, (a, b) in enumerate(zip(x, z)):  # noqa: B905
        out[i] = a @ b
    return out


def loop_backwards(x):  # type: ignore[no-untyped-def]
    carry, out = np.zeros(x.shape[1]), np.zeros_like(x)
    for i in reversed(range(len(x))):
        carry = carry * 0.5 + x[i]
        out[i] = carry
    return out


def gather_and_store(x, y):  # type: ignore[no-untyped-def]
    p = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)
    p[np.arange(x.shape[0]), y] -= 1
    return p / x.shape[0]


def gather_and_store_by_range(x, y):  # type: ignore[no-untyped-def]
    p = x * 2
    p[range(len(y)), y] -= 1
    return p


def one_hot_by_store(x, y):  # type: ignore[no-untyped-def]
    t = np.zeros(x.shape)
    t[np.arange(len(y)), y] = 1
    return x - t


def one_hot_by_eye(x, y):  # type: ignore[no-untyped-def]
    return x - np.eye(x.shape[1])[y]


def one_hot_by_comparison(x, y):  # type: ignore[no-untyped-def]
    return x * (y[:, None] == np.arange(x.shape[1]))


def masked_store(x):  # type: ignore[no-untyped-def]
    d = x * 2
    d[x <= 0] = 0
    return d


def masked_update(x, z):  # type: ignore[no-untyped-def]
    d = x * 2
    d[z > 0] *= 0.1
    return d


def masked_exchange(x):  # type: ignore[no-untyped-def]
    out = np.zeros_like(x)
    positive = x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    out[~positive] = np.exp(x[~positive]) / (1 + np.exp(x[~positive]))
    return out


def add_at(E, ids, x):  # type: ignore[no-untyped-def]
    out = np.zeros_like(E)
    np.add.at(out, ids, x)
    return out


def add_at_behind(x, ids):  # type: ignore[no-untyped-def]
    out = np.zeros((x.shape[0], 6))
    np.add.at(out, (slice(None), ids), np.outer(x[:, 0], np.arange(1.0, len(ids) + 1)))
    return out


def store_one_by_one(e):  # type: ignore[no-untyped-def]
    out = np.zeros(e.shape[1])
    for i in range(e.shape[0]):
        for j in range(e.shape[1]):
            out[j] += e[i, j] * (i + 1)
    return out


def windows(e):  # type: ignore[no-untyped-def]
    out = np.zeros((5, 4))
    for i in range(5):
        out[i] = e[i : i + 2].sum(axis=0)
    return out


def windows_stored(e):  # type: ignore[no-untyped-def]
    out = np.zeros_like(e)
    for i in range(0, 6, 2):
        out[i : i + 2] += e[i : i + 2].max()
    return out


def strided(img):  # type: ignore[no-untyped-def]
    out = np.zeros((2, 2, 2))
    for i in range(2):
        for j in range(2):
            out[:, i, j] = img[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(1, 2))
    return out


def out_argument(x, z):  # type: ignore[no-untyped-def]
    buffer = np.empty_like(x)
    np.multiply(x, z, out=buffer)
    np.add(buffer, 1, out=buffer)
    return buffer


def branch_on_a_value(x, s):  # type: ignore[no-untyped-def]
    if np.sum(x) > s:
        return x * 2
    return -x


def branch_on_an_option(x):  # type: ignore[no-untyped-def]
    scale = None
    return x if scale is None else x * scale


def max_of_scalars(v, s):  # type: ignore[no-untyped-def]
    return max(0, s) + min(np.sum(v), 1.0) + max(v[0], v[1], 0)


def bias_column(x):  # type: ignore[no-untyped-def]
    return np.hstack([np.ones((x.shape[0], 1)), x])


def inner_import(x):  # type: ignore[no-untyped-def]
    import numpy

    return numpy.tanh(x) + numpy.zeros(x.shape)


def power_by_log(p, s):  # type: ignore[no-untyped-def]
    return p**-0.5 + p**s + np.power(p, 1.5) + 2.0**p


def argmax_stored(x, v):  # type: ignore[no-untyped-def]
    d = np.zeros_like(x)
    d[np.arange(x.shape[0]), np.argmax(x, axis=1)] = v
    d[range(len(x)), x.argmin(axis=1)] -= 2 * v
    return d


def argmax_of_columns_stored(x, b):  # type: ignore[no-untyped-def]
    d = x * 1.0
    d[np.argmax(x, axis=0), np.arange(x.shape[1])] += b
    return d


def argmax_added(x, v):  # type: ignore[no-untyped-def]
    d = np.zeros_like(x)
    np.add.at(d, (np.arange(len(x)), np.argmax(x, 1)), v)
    return d


def argmax_put(x, y):  # type: ignore[no-untyped-def]
    d, picks = np.zeros_like(x), np.expand_dims(np.argmax(x, axis=-1), -1)
    np.put_along_axis(d, picks, 2 * np.take_along_axis(x, picks, axis=-1), axis=-1)
    np.put_along_axis(d, x.argmin(0, keepdims=True), 3.0, axis=0)
    np.put_along_axis(d, y[:, None], 1.0, axis=1)
    return d


def argmax_of_ties(x):  # type: ignore[no-untyped-def]
    a = np.where(x > 0, 1.0, 0.0)
    return np.eye(x.shape[1])[np.argmax(a, axis=1)] + (a.argmin(axis=1)[:, None] == np.arange(x.shape[1]))


def argmax_of_pairs(e):  # type: ignore[no-untyped-def]
    pairs = e.reshape(-1, 2)
    best = np.argmax(pairs, axis=1)
    d = np.zeros_like(pairs)
    d[np.arange(best.size), best.flatten()] = pairs[np.arange(best.size), best]
    return d.reshape(e.shape)


def argmax_in_a_table(x, E):  # type: ignore[no-untyped-def]
    return np.eye(12)[np.argmax(x, axis=1)] + np.arange(12) * (np.argmax(E) == 0)


def argmax_in_a_loop(x):  # type: ignore[no-untyped-def]
    d = np.zeros_like(x)
    for i in range(x.shape[0]):
        j = np.argmax(x[i])
        d[i, j] += x[i, int(j)]
    return d


def argmax_of_windows(img):  # type: ignore[no-untyped-def]
    d = np.zeros_like(img)
    for i in range(0, 4, 2):
        window = img[1, i : i + 2, 1:3]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        d[1, i + row, 1 + column] += 2 * window[row, column]
    return d


def label_beside_a_number(x, y):  # type: ignore[no-untyped-def]
    return np.array([x[i, y[i]] for i in range(len(y))])


FEATURES: dict[str, Callable[..., Any]] = {
    # elementwise arithmetic, powers, functions
    "arithmetic": lambda x, z, s: (x + 2 * z - 1) / (1 + z**2) * s - -x,
    "powers": power_by_log,
    "functions": lambda x, p: np.exp(-x) + np.log(p) + np.tanh(x) + np.sqrt(p) + np.sin(x) * np.cos(x),
    "stable functions": lambda x, p: np.log1p(p) + np.expm1(x) + np.logaddexp(0, x) + np.square(x) + np.reciprocal(p),
    "hyperbolic and inverse functions": lambda x: np.cosh(x) + np.sinh(x) + np.arctan(x),
    "abs and sign": lambda x: np.abs(x) + abs(x) * np.sign(x),
    "the math module": lambda x, s: x * math.sqrt(2 / math.pi) + math.exp(s) + math.tanh(s),
    "broadcasting": lambda x, b, row, col, s: x + b - row * col + s,
    "rounding to other floats": lambda x: x.astype(np.float64) + np.float32(1) + np.asarray(x, dtype=float),
    # reductions
    "sums": lambda x: np.sum(x) + x.sum(axis=0) + np.sum(x, 1, keepdims=True) + x.sum(-1)[:, None],
    "means": lambda x: x.mean() + np.mean(x, axis=0) * np.mean(x, axis=1, keepdims=True),
    "sums over two axes": lambda T: T.sum(axis=(0, 2)) + T.mean(axis=(0, -1)),
    "variance": lambda x: np.var(x, axis=0) + x.std(axis=0) + np.var(x) + x.var(axis=0, ddof=0),
    "maxima": lambda x: x - np.max(x, axis=1, keepdims=True) + x.max() - np.min(x, axis=0),
    "norms": lambda x, v: np.linalg.norm(x) + np.linalg.norm(v) + np.linalg.norm(x, axis=0),
    "running sums": lambda x: np.cumsum(x, axis=1) + x.cumsum(axis=0),
    "products": lambda e: np.prod(e, axis=1) + e.prod(axis=1, keepdims=True)[:, 0],
    "built-in sum": lambda x: sum(x) + sum([x[0], x[1]]),
    "counts": lambda x: np.count_nonzero(x > 0) + (x > 0).sum(axis=0),
    # comparisons
    "comparisons as numbers": lambda x, z: (x > 0) * 1.0 + (x <= z) + (x > z).astype(float) * (x != 0),
    "masks": lambda x, z: ((x > 0) & (z > 0)) + 1.0 * ((x > 1) | ~(z < 0)),
    "given masks": lambda x, mask: x * mask + np.where(mask, 1, -x),
    "where": lambda x, z: np.where(x > z, x, 0.01 * z) + np.where(x > 0, 1.0, 0.0),
    "maximum, minimum, clip": lambda x, z: np.maximum(0, x) + np.minimum(x, z) + np.clip(x, -0.5, 0.5) + x.clip(0, 1),
    "heaviside": lambda x: np.heaviside(x, 0.0),
    # products
    "matrix products": lambda x, w, b: x @ w + np.dot(x, w) + np.matmul(x, w) + x.dot(b)[:, None],
    "transposes": lambda x, w, v: (w.T @ x.T).T + np.transpose(x.T @ v[:, None]) @ w,
    "outer": lambda v, b, x: np.outer(v, b) + np.multiply.outer(v, b) + v[:, None] * b[None, :] * x,
    "inner and vdot": lambda v, b, x: np.inner(v, v) + np.vdot(x, x) + np.inner(x, x).sum(),
    "einsum": lambda x, w, T: np.einsum("ij,jk->ik", x, w) + np.einsum("tij,jk->ik", T, w) + np.einsum("ij,ij", x, x),
    "batched products": lambda T, w: T @ w + np.tensordot(T, w, axes=1) + np.matmul(T, w),
    "transposed axes": lambda T: T.transpose(0, 2, 1) @ T + np.swapaxes(T, 1, 2) @ np.moveaxis(T, 2, 2),
    "trace and diagonals": lambda Q, v: np.trace(Q) + np.diag(Q) + np.diagonal(Q) + np.diag(v) @ v,
    "eye": lambda Q: Q - np.eye(Q.shape[0]) + np.identity(len(Q)) * 2,
    "triangles": lambda Q: np.tril(Q) + np.triu(Q, 1) * 2 + np.tril(np.ones((len(Q), len(Q)))) + np.tri(len(Q)),
    # shapes
    "new axes": lambda x, b, v: x * b[np.newaxis, :] + v[:, None] + np.expand_dims(v, 1),
    "reshape to columns": lambda v, b: v.reshape(-1, 1) * b.reshape(1, -1) + np.reshape(v, (v.shape[0], 1)),
    "flattening": lambda x: x.ravel() + x.flatten() * x.reshape(-1) + np.ravel(x),
    "flattened and back": lambda T: T.reshape(T.shape[0], -1).reshape(T.shape) + T,
    "joined batch axes": lambda T, w: (T.reshape(-1, T.shape[2]) @ w).reshape(T.shape[0], T.shape[1], -1),
    "squeeze": lambda col, row: np.squeeze(col) * np.sum(row.squeeze()) + np.squeeze(np.sum(col)),
    "broadcast_to": lambda b, x: np.broadcast_to(b, x.shape) * x,
    "repeat and tile of one column": lambda col: np.repeat(col, 3, axis=1) + np.tile(col, (1, 3)),
    "repeat": lambda x, v: np.repeat(x, 2, axis=0) + x.repeat(2, axis=0) * np.repeat(v, 2)[:, None],
    "tile": lambda x, b: np.tile(x, (2, 1)) + np.tile(b, (2, 1))[0],
    "atleast": lambda v, b: np.atleast_2d(b) * v[:, None],
    "shape, ndim, size, len": lambda x: x / x.shape[0] + x * x.ndim - len(x) / x.size + np.shape(x)[1] * np.ndim(x),
    "flip": lambda x: x[::-1] + np.flip(x, 1) + x[:, ::-1] + np.fliplr(x) + np.flipud(x),
    # joining and cutting
    "concatenate": lambda x, z: np.concatenate([x, z], axis=1) @ np.concatenate((x, z), axis=-1).T,
    "stacks": lambda v, b: np.stack([v, v + 1]) @ np.stack([v, 2 * v], axis=1) + np.vstack([v, v]).sum(),
    "hstack of vectors": lambda v, b: np.hstack([v, b, 1.0 * v]) if False else np.concatenate([v, b]),
    "bias column": bias_column,
    "insert a column": lambda x: np.insert(x, 0, 1, axis=1),
    "column_stack": lambda v: np.column_stack([v, v**2]),
    "split": lambda e: np.split(e, 2, axis=1)[0] * np.split(e, 2, axis=1)[1] + np.array_split(e, 2, axis=1)[1],
    "pad": lambda x: np.pad(x, ((1, 1), (0, 2))) + 0 * np.pad(x, ((1, 1), (0, 2)), mode="constant"),
    "slices": lambda x: x[1:] - x[:-1] + x[1:, :1] * x[:-1, -1:],
    "differences and shifts": lambda x: np.diff(x, axis=0)[:, 1:] * np.diff(x, axis=1)[1:] + np.roll(x, 1, 0)[1:, 1:],
    "strides": lambda e: e[::2] + e[1::2] * e[::2, ::-1],
    "sliding windows": lambda v: np.lib.stride_tricks.sliding_window_view(v, 2) @ np.ones(2),
    "negative indices": lambda x: x[-1] + x[:, -1].sum() + x[0, 0],
    "append, rollaxis": lambda x, z, v: np.append(x, z, axis=0) @ np.rollaxis(x, 1) + np.append(v, v[0]).sum(),
    "take": lambda E, ids, x, y: np.take(E, ids, axis=0) + x.take(y, axis=1)[:, :1],
    "take along an axis": lambda x, y: np.take_along_axis(x, y[:, None], axis=1),
    # gathers and scatters
    "labels": lambda x, y: -np.log(np.exp(x)[np.arange(len(y)), y]).mean(),
    "gather and store": gather_and_store,
    "gather and store by range": gather_and_store_by_range,
    "one-hot by store": one_hot_by_store,
    "one-hot by eye": one_hot_by_eye,
    "one-hot by comparison": one_hot_by_comparison,
    "embedding": lambda E, ids: E[ids] ** 2,
    "add.at": add_at,
    "add.at behind whole axes": add_at_behind,
    "outer ufuncs": lambda v, b, y: np.subtract.outer(v, b) + np.equal.outer(y, np.arange(3))[:, :1],
    # places of maxima
    "argmax": lambda x, v: np.argmax(x, axis=1) + x.argmin(axis=1) * 2.0 + np.argmax(x) - v.argmax(),
    "argmax with its axis kept": lambda x: np.argmax(x, axis=0, keepdims=True) * x - x.argmin(1, keepdims=True),
    "argmax read": lambda x, z, v: z[np.arange(len(x)), np.argmax(x, axis=1)] + v[v.argmin()] + x[0][x[0].argmax()],
    "argmax as one-hot": lambda x: np.eye(x.shape[1])[np.argmax(x, axis=1)] * x,
    "argmax compared": lambda x, y: (np.arange(x.shape[1]) == x.argmax(1)[:, None]) + np.mean(np.argmax(x, 1) == y),
    "argmax of ties": argmax_of_ties,
    "argmax against argmax": lambda x: (np.argmax(x, axis=1) != np.argmax(-x, axis=1)) * 1.0,
    "last argmax": lambda x: x[x.shape[0] - 1 - np.argmax(x[::-1, 0]), 0] + x[len(x) - 1 - np.argmax(x[:, 0]), 1],
    "argmax stored": argmax_stored,
    "argmax of columns stored": argmax_of_columns_stored,
    "argmax added": argmax_added,
    "argmax put along an axis": argmax_put,
    "argmax of pairs": argmax_of_pairs,
    "argmax in a table": argmax_in_a_table,
    "picks along an inner axis": lambda T: np.take_along_axis(T, np.argmax(T, axis=1)[:, None, :], axis=1),
    # state, caches, stores
    "in place on a name": in_place_on_a_name,
    "in place on a row": in_place_on_a_row,
    "in place on a view": in_place_on_a_slice_view,
    "a rebound name": rebound_name,
    "stored columns": store_columns,
    "stored rows": store_a_vector_in_rows,
    "dict cache": dict_cache,
    "tuple cache": tuple_cache,
    "state on self": state_on_self,
    "masked store": masked_store,
    "masked update": masked_update,
    "masked exchange": masked_exchange,
    "buffers": lambda x: np.zeros(x.shape) + np.ones_like(x) * np.full(x.shape, 2.0) + np.zeros((len(x), 1)),
    "out=": out_argument,
    # Python
    "loop over layers": loop_over_layers,
    "branch on a value": branch_on_a_value,
    "branch on an option": branch_on_an_option,
    "max of scalars": max_of_scalars,
    "casts": lambda x, s: float(np.sum(x)) + int("3") * float(s) + x.sum().item(),
    "import inside": inner_import,
    "isinstance": lambda x, s: x * (isinstance(x, np.ndarray) and isinstance(s, float) and not np.isscalar(x)),
}  # fmt: skip
"""Features that keep every size symbolic."""


def store_at_known_places(Q):  # type: ignore[no-untyped-def]
    out = Q * 2.0
    for t in range(Q.shape[0]):
        out[t, t] += 1
    out[np.triu_indices(len(out), 1)] = 7.0
    out[[0, 0], [0, 0]] = -1.0
    return out


FIXED: dict[str, Callable[..., Any]] = {
    "stored at known places": store_at_known_places,
    "loop over steps": loop_over_steps,
    "loop over rows": loop_over_rows,
    "enumerate and zip": loop_with_enumerate_and_zip,
    "loop backwards": loop_backwards,
    "stored one by one": store_one_by_one,
    "tolist": lambda x: np.array(x.tolist()) + np.array(x[0].tolist()),
    "argmax in a loop": argmax_in_a_loop,
    "argmax of windows": argmax_of_windows,
    "a label beside a number": label_beside_a_number,
    "windows": windows,
    "stored windows": windows_stored,
    "pooling windows": strided,
    "unpacking": lambda x: (lambda a, *rest: a + sum(rest))(*x),
    "random masks of a shape": lambda x: x * (np.random.RandomState(0).rand(*x.shape) > 0.5),
}
"""Features that need some size as a number, or at least as large as a window."""
