"""Small NumPy programs, in ``x`` of 3 by 4: stores, aliasing, buffers, scalars, and Python around them.

Each returns numbers that must be the same on floats and on balls.
"""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import numpy as np

K = np.array([1, 3, 1])
PROGRAMS = {}


def program(function):
    """Put a function into the table by its name."""
    PROGRAMS[function.__name__] = function
    return function


@program
def puts(x):
    y = x.copy()
    np.put(y, [0, 5], [1.0, 2.0])
    y.put([1], 7.0)
    np.place(y, y > 1, [9.0])
    np.putmask(y, y < -1, 0.25)
    np.fill_diagonal(y, 0.5)
    return y


@program
def put_along(x):
    y = x.copy()
    np.put_along_axis(y, K[:, None], 0.5, axis=1)
    return y


@program
def flat_store(x):
    y = x.copy()
    y.flat[3] = 1.5
    y.flat = np.arange(12.0)
    return y


@program
def flat_store2(x):
    y = x.copy()
    y.flat[3] = 1.5
    y.flat[[0, 1]] = x[0, 0]
    return y, y.flat[3]


@program
def fill(x):
    y = np.zeros(3)
    y.fill(0.1)
    z = x.copy()
    z.fill(2)
    return y, z


@program
def outs(x):
    o = np.zeros(4)
    x.sum(axis=0, out=o)
    p = np.empty((3, 4))
    np.exp(x, out=p)
    np.multiply(p, 2, p)
    q = np.zeros(3)
    np.dot(x, x[0], out=q)
    r = np.zeros((3, 3))
    np.matmul(x, x.T, out=r)
    m = np.zeros(4)
    np.mean(x, axis=0, out=m)
    mx = np.zeros(3)
    np.max(x, axis=1, out=mx)
    e = np.zeros(3)
    np.einsum("ij->i", x, out=e)
    c = np.zeros((3, 4))
    np.clip(x, -1, 1, out=c)
    t = np.zeros((3, 2))
    np.take(x, [0, 1], axis=1, out=t)
    cc = np.zeros((6, 4))
    np.concatenate([x, x], out=cc)
    ss = np.zeros((2, 3, 4))
    np.stack([x, x], out=ss)
    w = np.zeros((3, 4))
    np.cumsum(x, axis=1, out=w)
    ou = np.zeros((4, 4))
    np.outer(x[0], x[1], out=ou)
    v = np.zeros(4)
    np.var(x, axis=0, out=v)
    st = np.zeros(4)
    np.std(x, axis=0, out=st)
    ro = np.zeros((3, 4))
    np.round(x, 1, out=ro)
    return o, p, q, r, m, mx, e, c, t, cc, ss, w, ou, v, st, ro


@program
def out_method(x):
    q = np.zeros(3)
    x.dot(x[0], out=q)
    w = np.zeros(4)
    x.max(axis=0, out=w)
    z = np.zeros(4)
    x.mean(axis=0, out=z)
    c = np.zeros((3, 4))
    x.clip(0, 1, out=c)
    return q, w, z, c


@program
def int_buffer(x):
    b = np.zeros(4, dtype=int)
    b[0] = 2.7
    b[1] = -1.5
    b[2] = 3
    return b * x[0]


@program
def int_buffer_data(x):
    b = np.zeros(4, dtype=int)
    b[:] = x[0] * 3
    c = np.zeros((3, 4), np.int32)
    c[...] = 5 * x
    d = np.zeros_like(K)
    d[:] = 2 * x[:3, 0]
    e = np.array([1, 2, 3])
    e[0] = 5 * x[0, 0]
    return b, c, d, e


@program
def int_list_array(x):
    b = np.array([0, 0, 0, 0])
    b[1] = x[0, 1]
    return b


@program
def bool_buffer(x):
    b = np.zeros(4, dtype=bool)
    b[0] = True
    b[1:3] = x[0, 1:3] > 0
    b[3] = x[0, 3]
    return x[0] * b, b.sum()


@program
def bool_iadd(x):
    m = x > 0
    m &= x < 1
    m |= x < -1
    return m, x * m


@program
def float32_buffer(x):
    b = np.zeros((3, 4), dtype=np.float32)
    b += 0.5
    return b.shape, b


@program
def alias(x):
    y = x
    y += 1
    z = x[0]
    z *= 2
    w = x.T
    w[0, 1] = 9.0
    v = x.reshape(-1)
    v[3] = -1
    return x


@program
def alias_copy(x):
    y = x.copy()
    y += 1
    z = y[[0, 1]]
    z *= 2
    w = y[y > 0]
    w[:] = 0
    u = y.flatten()
    u[0] = 77
    return x, y


@program
def alias_asarray(x):
    y = np.asarray(x)
    y[0, 0] = 3.0
    z = np.array(x)
    z[0, 1] = 4.0
    w = np.asarray(x, dtype=float)
    w[0, 2] = 5.0
    v = np.ascontiguousarray(x)
    v[0, 3] = 7
    return x


@program
def alias_astype(x):
    y = x.astype(float)
    y[0, 0] = 3.0
    z = x.astype(float, copy=False)
    z[0, 1] = 6.0
    w = x.ravel()
    w[2] = 8.0
    return x


@program
def alias_swap(x):
    a, b = x[0], x[1]
    a[:], b[:] = b.copy(), a.copy()
    x[[0, 2]] = x[[2, 0]]
    return x


@program
def alias_scalar(x):
    t = x[0, 0]
    t += 5
    s = x.sum()
    u = s
    u *= 2
    return x, t, s, u


@program
def alias_zero_d(x):
    z = np.zeros(())
    y = z
    y += 1
    z[...] = x[0, 0]
    return z, y


@program
def alias_zero_d2(x):
    z = np.array(0.0)
    y = z
    y += x[0, 0]
    return z, y


@program
def overlap(x):
    x[1:] = x[:-1]
    x[:, 1:] += x[:, :-1]
    return x


@program
def fancy_iadd(x):
    y = np.zeros(4)
    y[[0, 0, 1]] += 1.0
    y[K] += x[:, 0]
    z = np.zeros((3, 4))
    z[np.arange(3), K] -= 1
    z[x > 0] += 2
    z[:, K] *= 2
    z[x < 0] = x[x < 0]
    z[0][1] = 4
    z[K > 1] = 0.5
    return y, z


@program
def ufunc_at(x):
    y = np.zeros(4)
    np.add.at(y, K, x[:, 0])
    np.add.at(y, K, 1)
    np.subtract.at(y, [0], 0.5)
    np.maximum.at(y, [1, 2], 0.3)
    np.multiply.at(y, [1], 2.0)
    z = np.zeros((4, 4))
    np.add.at(z, K, x)
    np.add.at(z, (K, K), 1.0)
    np.add.at(z, (slice(None), K), 1.0)
    np.negative.at(y, [0])
    np.exp.at(y, [2])
    return y, z


@program
def int_at(x):
    n = np.zeros(5, dtype=int)
    np.add.at(n, K, 1)
    return n / 3


@program
def at_list(x):
    y = np.zeros(4)
    np.add.at(y, [0, 1, 1], [1.0, 2.0, 3.0])
    np.add.at(y, x[0] > 0, 1)
    return y


@program
def copyto(x):
    y = np.zeros((3, 4))
    np.copyto(y, x)
    np.copyto(y, 0.5, where=x > 0)
    return y


@program
def divide_where(x):
    return (
        np.divide(1, x, out=np.zeros_like(x), where=x > 0),
        np.divide(x, np.abs(x), where=x != 0),
        np.log(x, out=np.zeros((3, 4)), where=x > 0),
    )


@program
def errstate(x):
    with np.errstate(divide="ignore", invalid="ignore", over="raise"):
        return np.exp(x) / 2


@program
def warn(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.warn(f"the norm is {np.linalg.norm(x)}", stacklevel=1)
        return x * 2


@program
def printing(x):
    started = time.time()
    texts = [str(x), repr(x), np.array2string(x), f"{x.sum():.3f}"]
    logging.getLogger("balls").info("loss %f after %.1f s", x.sum(), time.time() - started)
    with np.printoptions(precision=3):
        print(x, end="", file=io.StringIO())
    return x * len(texts)


@program
def percent_format(x):
    pattern = "loss: %.2f %d %s"
    return pattern % (x.sum(), 3, "a")


@program
def asserts(x):
    assert np.allclose(x, x), "no"
    assert x.shape == (3, 4)
    assert np.all(np.isfinite(x))
    assert not np.isnan(x).any()
    assert abs(x.sum() - np.sum(x)) < 1e-12
    assert x.dtype == np.float64
    assert x.min() > -10
    np.testing.assert_allclose(x, x)
    assert np.isclose(np.exp(x).sum(), np.exp(x).sum())
    np.testing.assert_array_equal(x.shape, (3, 4))
    return x


P = namedtuple("P", "W b")


@program
def named(x):
    p = P(x, x[0])
    q = p._replace(b=p.b * 2)
    return q.W @ q.b, p.b


@dataclass
class D:
    W: object
    b: object = 0.0


@program
def dataclasses_(x):
    d = D(x, x[0].copy())
    d.b += 1
    return d.W @ d.b


@program
def generator(x):
    def gen():
        for r in x:
            yield r * 2

    return np.array(list(gen())), np.sum(list(gen()), axis=0), sum(gen())


@program
def nested(x):
    L = [[0.0] * 4 for _ in range(3)]
    for i in range(3):
        for j in range(4):
            L[i][j] = x[i][j] * 2
    return np.array(L), L


@program
def list_of_arrays(x):
    Ls = [x[0], x[1]]
    Ls[0] = Ls[0] + 1
    return np.array(Ls), np.concatenate(Ls), np.sum(Ls), np.mean(Ls, axis=0), np.max(Ls), np.stack(Ls).T


@program
def object_array(x):
    o = np.empty(2, dtype=object)
    o[0] = x[0]
    o[1] = x[1, :2]
    return o[0] * 2, o[1].sum()


@program
def structured_loop(x):
    h = np.zeros((3, 5))
    h[:, 0] = 1
    for t in range(4):
        h[:, t + 1] = np.tanh(h[:, t] + x[:, t])
    return h, h[:, 1:][::-1], h[-1]


@program
def while_loop(x):
    i, acc = 0, 0.0
    while acc < 2 and i < 12:
        acc += abs(x.flat[i])
        i += 1
    return acc, i


@program
def newton(x):
    y = 1.0
    for _ in range(3):
        y = 0.5 * (y + abs(x[0, 0]) / y)
    return y


@program
def lambda_table(x):
    acts = {"relu": lambda t: np.maximum(t, 0), "tanh": np.tanh, "sq": np.square}
    return [fn(x) for fn in acts.values()]


@program
def partials(x):
    return partial(np.sum, axis=0)(x), partial(np.einsum, "ij->j")(x)


@program
def getattr_np(x):
    names = ["exp", "tanh", "zeros", "ones"]
    return [getattr(np, name)(x if name in names[:2] else 3) for name in names] + [getattr(x, names[0] and "sum")(0)]


@program
def inner_import(x):
    import numpy as other
    from numpy import exp, zeros

    return exp(x) + other.zeros((3, 4)) + zeros((3, 4))


@program
def setitem_scalar(x):
    y = np.zeros((2, 2))
    y[0, 0] = x[0, 0]
    y[1] = [x[0, 1], 2.0]
    y[0, 1] = float(x[1, 1])
    y[:, 0] += x[0, 0]
    return y


@program
def setitem_list(x):
    y = np.zeros((3, 2))
    y[:] = [[1, 2], [3, 4], [5, 0.1]]
    y[0] = x[0, :2].tolist()
    y[1] = (x[1, 0], 0.3)
    return y


@program
def del_rows(x):
    m = np.ones(3, bool)
    m[1] = False
    return x[m], x[~m]


@program
def sum_out_kw(x):
    return np.sum(x, axis=None, out=None), np.sum(x, keepdims=False)


@program
def idx_from_balls(x):
    i = int(np.floor(abs(x[0, 0])))
    return x[i], x[np.abs(np.floor(x[0])).astype(int) % 3, 0], [10, 20, 30][int(abs(x[0, 0]))]


@program
def range_ball(x):
    n = int(x.shape[0])
    return [x[k].sum() for k in range(n)], np.arange(n) * 2


@program
def one_hot_loops(x):
    y = np.zeros((3, 4))
    y[np.arange(len(K)), K] = 1
    return x - y, (x - y)[range(3), K], y.argmax(1)


@program
def minmax_builtin(x):
    return (
        max(x.ravel()),
        min(x.flatten().tolist()),
        max(x[0], key=lambda v: abs(v)),
        sorted(x[0], reverse=True),
        sorted(range(4), key=lambda i: x[0, i]),
    )


@program
def try_except(x):
    try:
        return np.linalg.inv(x @ x.T)
    except np.linalg.LinAlgError:
        return np.eye(3)


@program
def cov_manual(x):
    c = x - x.mean(0)
    return c.T @ c / (len(x) - 1), np.dot(c.T, c)


@program
def matrix_class(x):
    m = np.asmatrix(x)
    return np.asarray(m * m.T)


@program
def ma(x):
    m = np.ma.masked_array(x, mask=x < 0)
    return m.sum()


@program
def float_str(x):
    return (
        float("0.1") * x,
        float("inf") > x[0, 0],
        float(3) * x,
        int("3") * x,
        float(K[0]) * x,
        -float("inf") < x.min(),
    )


@program
def inf_init(x):
    best = -np.inf
    for v in x[0]:
        best = max(best, v)
    b = np.full(3, -np.inf)
    b = np.maximum(b, x[:, 0])
    z = np.where(x > 0, x, -np.inf).max(axis=1)
    return best, b, z, np.exp(np.where(x > 0, x, -np.inf)).sum()


@program
def const_types(x):
    return x * np.float32(0.1), x * np.float16(0.5), x * np.int8(3), x * True, x * np.bool_(True), x * 1e-3, x + 1_000
