"""More of NumPy on symbolic arrays: each row against NumPy for other sizes than it was traced at, and differentiated.

The value of a row is compared at two sets of sizes, its derivative along a random direction with a central difference
of NumPy's own value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.lib.stride_tricks import as_strided

import gradproof as gp
from gradproof.symbolic.tracing.general import Symbolic, Traced, trace_general
from gradproof.symbolic.tracing.scopes import reach

Row = Callable[..., Any]
SIZES = ({"m": 3, "n": 2, "k": 2}, {"m": 2, "n": 4, "k": 3})
LABELS = 3


def given(sizes: dict[str, int], seed: int) -> dict[str, Any]:
    """x, z (m, n), v (n,), u (m,), w (k,), Q (n, n), e (6, 4), h (2, 2), T (2, m, n), p > 0, labels y and l."""
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal
    return {
        "x": normal((m, n)), "z": normal((m, n)), "v": normal(n), "u": normal(m), "w": normal(k), "Q": normal((n, n)),
        "e": normal((6, 4)), "h": normal((2, 2)), "T": normal((2, m, n)), "p": rng.uniform(0.5, 2, (m, n)), "a": 0.7,
        "y": rng.integers(0, LABELS, m), "l": rng.integers(0, LABELS, (m, n)), "mask": rng.random((m, n)) > 0.4,
    }  # fmt: skip


def strided_windows(x):  # type: ignore[no-untyped-def]
    rows, columns = x.shape
    s = x.strides
    windows = as_strided(x, shape=(rows - 1, columns - 1, 2, 2), strides=(s[0], s[1], s[0], s[1]))
    return np.tensordot(windows, np.array([[1.0, 2.0], [3.0, 4.0]]), axes=2)


def strided_steps(e):  # type: ignore[no-untyped-def]
    s0, s1 = e.strides
    return np.lib.stride_tricks.as_strided(e, (3, 2, 2, 2), (2 * s0, 2 * s1, s0, s1)).max(axis=(2, 3))


def strided_rows(x):  # type: ignore[no-untyped-def]
    return as_strided(x, shape=x.shape[::-1], strides=x.strides[::-1]) ** 2


def strided_address(e):  # type: ignore[no-untyped-def]
    return as_strided(e, (9, 2), (2 * e.itemsize, 3 * e.itemsize)) * 2


def branching(t, s=1.0):  # type: ignore[no-untyped-def]
    if t > s:
        return t**2
    if t < 0:
        return -3 * t
    return t


def clipped_line(r):  # type: ignore[no-untyped-def]
    return r / r.sum() if r[0] > 0 else 2 * r


def stored_flat(h, u):  # type: ignore[no-untyped-def]
    a = h.copy()
    a.flat[1] = u[0]
    a.flat[2:4] *= 3
    return a


def diagonal_by_flat(Q):  # type: ignore[no-untyped-def]
    A = Q.copy()
    A.flat[:: len(A) + 1] += 2.0
    return A + np.diag(A.flat[:: len(A) + 1])


def diagonal_by_indices(Q, v):  # type: ignore[no-untyped-def]
    A = np.zeros_like(Q)
    A[np.diag_indices(len(v))] = v
    A[np.diag_indices_from(Q)] += Q[np.diag_indices_from(Q)] ** 2
    return A


def triangle_by_indices(Q):  # type: ignore[no-untyped-def]
    A = Q * 2
    A[np.triu_indices(len(Q), 1)] = 0
    A[np.tril_indices_from(A, -1)] *= 3
    return A + np.sum(Q[np.triu_indices(Q.shape[0])])


def filled_diagonal(Q):  # type: ignore[no-untyped-def]
    A = Q * 1
    np.fill_diagonal(A, 0)
    return A


def by_places(x):  # type: ignore[no-untyped-def]
    a = x * 2
    a[np.where(x > 0)] = 0.5
    a[np.nonzero(x < -1)] += 1
    rows = np.where(x[:, 0] > 0)[0]
    a[rows] *= 3
    return a + x[np.where(x > 0.5)].sum() / (1 + len(x))


def by_flat_places(u):  # type: ignore[no-untyped-def]
    a = u.copy()
    a[np.flatnonzero(u > 0)] *= 2
    a[np.argwhere(u < 0)] = -1
    return a


def put(x, z, mask):  # type: ignore[no-untyped-def]
    a, b, c = x.copy(), x.copy(), x * 2
    np.putmask(a, mask, z)
    np.place(b, x > 0, 0.25)
    np.copyto(c, z, where=x > z)
    return a + b * c


def divided_where(x, z):  # type: ignore[no-untyped-def]
    return np.divide(x, z, out=np.zeros_like(x), where=z > 0) + np.multiply(x, z, out=x.copy(), where=x > 0)


def iterated(h):  # type: ignore[no-untyped-def]
    total = 0.0
    for index, value in np.ndenumerate(h):
        total += value * (index[0] + 1)
    for index in np.ndindex(*h.shape):
        total += h[index] ** 2
    for value in np.nditer(h):
        total += np.sin(value)
    return total + sum(value**3 for value in h.flat)


def iterated_with_indices(h):  # type: ignore[no-untyped-def]
    out = np.zeros(h.shape)
    it = np.nditer(h, flags=["multi_index"])
    while not it.finished:
        out[it.multi_index] = h[it.multi_index] * 2
        it.iternext()
    return out


def methods(x, e, l):  # type: ignore[no-untyped-def]
    place = l
    x = x.conjugate() * 1.0
    x.sort(axis=1)
    x[x.nonzero()] += 1
    return x + e.compress([True, True], axis=0).sum() + place.choose([x, 2 * x, 3 * x])


def grids(u, v):  # type: ignore[no-untyped-def]
    a, b = np.meshgrid(v, u)
    c, d = np.meshgrid(u, v, indexing="ij", sparse=True)
    return a * b + c * d


def summed_by_label(y, u):  # type: ignore[no-untyped-def]
    return np.bincount(y, weights=u, minlength=3) / np.bincount(y, minlength=3).clip(1)


def lists(x, z):  # type: ignore[no-untyped-def]
    return np.sum([x, z], axis=0) + np.mean([x[0], z[0]]) * np.concatenate([[x[0]], [z[0]]]).max()


def own_types(x):  # type: ignore[no-untyped-def]
    return x * 2 if isinstance(x, ARRAYS) else None


def as_own_array(x, xp=np):  # type: ignore[no-untyped-def]
    return xp.array(x) if not xp.isscalar(x) else xp.array([x])


def own_module(x):  # type: ignore[no-untyped-def]
    return as_own_array(x) * as_own_array(x.sum())


ARRAYS = (np.ndarray, list)

ROWS: dict[str, Row] = {
    # windows and strides
    "as_strided": strided_windows,
    "as_strided with steps": strided_steps,
    "as_strided transposes": strided_rows,
    "as_strided by addresses": strided_address,
    "convolve": lambda u, w: np.convolve(u, w) + np.convolve(w, u, "full"),
    "convolve valid": lambda u: np.convolve(u, [1.0, 0.5], "valid") + np.convolve(u, [2.0, 1.0], mode="valid"),
    "correlate": lambda u, w: np.correlate(u, w, "full") - np.convolve(u, w),
    "gradient": lambda u: np.gradient(u) + np.gradient(u, 0.5) + np.trapezoid(u) if hasattr(np, "trapezoid") else u,
    "differences": lambda x: np.diff(x, axis=0, prepend=0.0) + np.diff(x, append=x[:, :1], axis=1),
    "ediff1d": lambda v: np.ediff1d(v),
    # element by element, line by line
    "vectorize": lambda x, a: np.vectorize(branching)(x, a) + np.vectorize(lambda t: math.tanh(t) * 2)(x),
    "vectorize with what stays": lambda x, w: np.vectorize(lambda t, c: t * c.sum(), excluded=[1])(x, w),
    "vectorize lines": lambda x, v: np.vectorize(lambda r, s: r @ s, signature="(n),(n)->()")(x, v),
    "frompyfunc": lambda x: np.frompyfunc(lambda t: t * t + 1, 1, 1)(x),
    "apply_along_axis": lambda x: np.apply_along_axis(clipped_line, 1, x) * np.apply_along_axis(np.sum, 0, x),
    "apply_along_axis outer": lambda T: np.apply_along_axis(lambda r: np.outer(r, r), 2, T),
    "apply_over_axes": lambda T: np.apply_over_axes(np.sum, T, [0, 2]),
    "ndenumerate, ndindex, nditer, flat": iterated,
    "nditer with indices": iterated_with_indices,
    "flat stores": stored_flat,
    # averages and counts
    "average": lambda x, v, u: np.average(x, axis=1, weights=v**2) + np.average(x, weights=x**2) * u,
    "average of columns": lambda x, p: np.average(x, axis=0, weights=p),
    "ptp": lambda x: np.ptp(x, axis=1, keepdims=True) * np.ptp(x),
    "bincount": summed_by_label,
    "nan functions": lambda x: np.nansum(x, axis=0) + np.nanmean(x) * np.nanmax(x, axis=0) + np.nanvar(x, axis=0),
    "nan_to_num": lambda x: np.nan_to_num(x * np.log(x**2)) + np.isnan(x) + np.isinf(x) + np.isfinite(x),
    "nan spreads": lambda x: np.nanstd(x, axis=0) + np.nanmin(x),
    "cov and corrcoef": lambda x: np.cov(x) + np.corrcoef(x) + np.cov(x.T, rowvar=False, bias=True),
    "cumprod": lambda e: np.cumprod(e, axis=1) + e.cumprod(1) + np.multiply.accumulate(e, axis=1) + np.nanprod(e),
    "cumsum of all": lambda x: np.cumsum(x) * np.add.accumulate(x.ravel()),
    "maximum.accumulate": lambda e: np.maximum.accumulate(e, axis=0),
    "sums where": lambda x, mask: (
        np.sum(x, axis=1, where=mask, initial=2.0) + np.mean(x, where=x > -5)
        + x.sum(where=mask)
    ),
    "maxima where": lambda x, mask: (
        np.max(x, axis=0, initial=-9.0, where=mask) - np.min(x, initial=0.3)
        + x.max(initial=1)
    ),
    "spreads where": lambda x: np.var(x, axis=0, where=x > -9) + x.std(axis=0, where=np.array(True)),
    "products where": lambda e: np.prod(e, axis=1, where=e > 0, initial=2.0) + np.multiply.reduce(e, axis=1),
    "any and all": lambda x: np.any(x > 0, axis=0) * 1.0 + np.all(x > -1, axis=0) + (x > 2).any() + (x > 0).all(),
    "close": lambda x, z: np.isclose(x, z) + np.allclose(x, x) + np.array_equal(x, x) * x,
    # orders
    "sort": lambda x: np.sort(x, axis=0) * np.sort(x)[:, ::-1] + np.sort(x, axis=None).sum(),
    "argsort": lambda x: (
        x[np.arange(len(x))[:, None], np.argsort(x, axis=1)] + np.argsort(-x[:, 0])[:, None]
        + x.argsort()
    ),
    "median": lambda x: np.median(x, axis=1, keepdims=True) * np.median(x),
    "quantiles": lambda e: np.percentile(e, 30, axis=0) + np.quantile(e, [0.1, 0.5], axis=0),
    # pieces
    "select": lambda x, z: np.select([x > 0.5, x < -0.5], [x, z], 0.1) + np.select([x > z], [x]),
    "piecewise": lambda x: np.piecewise(x, [x < 0, x >= 1], [lambda t: -t, lambda t: t**2, 0.5]),
    "choose": lambda l, x, z: np.choose(l, [x, z, x * z]),
    "putmask, place, copyto": put,
    "out= and where=": divided_where,
    "places as an index": by_places,
    "flat places as an index": by_flat_places,
    "masks of plain truths": lambda e: e[:, [True, False, True, False]],
    # functions
    "hypot, cbrt, heaviside": lambda x, z: np.hypot(x, z) + np.cbrt(x) + np.heaviside(x, 0.5) + np.logaddexp(x, z),
    "sinc": lambda x: np.sinc(x) + np.sinc(x[0] * 0),
    "arctan2": lambda x, z: np.arctan2(x, z) + np.arctan2(x, 1.5),
    "inverse functions": lambda p: np.arcsin(p / 3) + np.arccos(p / 3) + np.arctanh(p / 3) + np.arccosh(p + 1),
    "more functions": lambda x, z: (
        np.arcsinh(x) + np.logaddexp2(x, z) + np.copysign(x, z)
        + np.degrees(x) * np.signbit(z)
    ),
    "the math module": lambda u: math.hypot(u[0], u[1]) + math.log(abs(u[0]), 3) + math.fsum(u) + math.dist(u, 2 * u),
    "polyval, vander": lambda u: np.polyval([1.0, 2.0, 0.5], u) + np.vander(u, 3).sum(1) + np.poly1d([1.0, 0.5])(u),
    # norms and products
    "norms": lambda v: (
        np.linalg.norm(v, 1) + np.linalg.norm(v, np.inf) + np.linalg.norm(v, 3)
        + np.linalg.norm(v, -np.inf)
    ),
    "norms along an axis": lambda x: np.linalg.norm(x, axis=1, keepdims=True) + np.linalg.norm(x, 1, axis=0),
    "matrix norms": lambda x: np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf) + np.linalg.norm(x, "fro", axis=(0, 1)),
    "cross": lambda e: np.cross(e[:, :3], e[:, 1:]),
    "einsum by numbers": lambda x, z: np.einsum(x, [0, 1], z, [2, 1], [0, 2]),
    "outer sums": lambda u, v: np.add.outer(u, v) * np.subtract.outer(u, v) + np.maximum.outer(u, v),
    "axes": lambda T: np.moveaxis(T, [0, 1], [2, 0]) + np.rollaxis(T, 1).swapaxes(1, 2),
    # diagonals and triangles
    "diagonals": lambda e: (
        np.trace(e) + np.diagonal(e, 1) + np.diag(e, -1)[:3] + np.diagflat(e[0])[0, :3]
        + np.diag(e[0], 1)[1, 1:4]
    ),
    "diagonals of a stack": lambda T: np.diagonal(T @ T.transpose(0, 2, 1), axis1=1, axis2=2),
    "eye off the diagonal": lambda e: e[:4] @ np.eye(4, k=1) + np.eye(4, 4, -2),
    "diagonal by indices": diagonal_by_indices,
    "diagonal by flat": diagonal_by_flat,
    "triangle by indices": triangle_by_indices,
    "fill_diagonal": filled_diagonal,
    # edges, turns, grids
    "pad by the edge": lambda x: (
        np.pad(x, ((1, 2), (0, 1)), "edge")
        * np.pad(x, pad_width=((1, 2), (0, 1)), mode="wrap")
    ),
    "pad by reflection": lambda x: np.pad(x, 1, "reflect") + np.pad(x, ((1, 1), (1, 1)), mode="symmetric"),
    "pad by constants": lambda x: np.pad(x, ((1, 1), (0, 1)), constant_values=((1.0, 2.0), (3.0, 4.0))),
    "roll": lambda x: np.roll(x, 1) + np.roll(x, (1, -2), axis=(0, 1)) + np.roll(x, 1, axis=(0, 1)),
    "rot90, block, dstack": lambda Q: (
        np.rot90(Q) + np.block([[Q, Q], [Q * 2, Q]])[: len(Q), : len(Q)]
        + np.dstack([Q, Q])[..., 1]
    ),
    "delete, compress, insert": lambda e: (
        np.delete(e, 1, axis=0)[:, :3] + np.compress([1, 0, 1, 1], e, 1)[1:]
        + np.insert(e[0, :2], 0, 1.0)
    ),
    "delete one of many": lambda x: np.delete(x, 1, axis=0) * np.delete(x, [0], 0),
    "r_ and c_": lambda u, v: np.r_[u, 0.5, v].sum() + np.c_[u, u**2] + np.c_[np.ones(len(u)), u],
    "meshgrid": grids,
    "broadcast_arrays": lambda x, v: np.broadcast_arrays(x, v)[1] * np.broadcast_arrays(v, x)[1],
    "repeat by numbers": lambda e: np.repeat(e, [1, 2, 1, 0, 1, 1], axis=0),
    "take of all": lambda x: x.take([1, 5]) + np.take(x, [0, 2]),
    "atleast_3d": lambda v, x: np.atleast_3d(x)[..., 0] * np.atleast_3d(v)[0, :, 0],
    "in Fortran order": lambda e: e.ravel("F") * np.reshape(e, (4, 6), order="F").ravel(),
    "items": lambda e: e.item(0, 1) + e.item(3) + e[0, 0].item(),
    # lists, types, attributes
    "methods": methods,
    "lists of arrays": lists,
    "a tuple of types": own_types,
    "a module as a default": own_module,
    "attributes": lambda x: x.real + x.view() * x.itemsize + x.imag + (x.strides[1] if x.flags.writeable else 0),
}  # fmt: skip

SMOOTH = set(ROWS) - {"close", "any and all"}


def used(row: Row, values: dict[str, Any]) -> dict[str, Any]:
    names = row.__code__.co_varnames[: row.__code__.co_argcount]
    return {name: values[name] for name in names}


def traced(row: Row, values: dict[str, Any]) -> Traced:
    words = {"i": {"integer"}, "b": {"boolean"}}
    inputs = {
        name: Symbolic(name, np.shape(value), frozenset(words.get(np.asarray(value).dtype.kind, set())))
        for name, value in values.items()
    }
    return trace_general([("f", lambda arrays: {0: row(**arrays)})], inputs, reach(row))


def evaluated(array: Any, values: dict[str, Any], sizes: dict[Any, int]) -> Any:
    system = array.system()
    at: dict[str, Any] = {
        d.name: np.reshape(values[d.name], [int(n.xreplace(sizes)) for n in d.shape])
        for d in system.inputs
        if d.value is None
    }
    shown = {s for d in system.inputs for n in d.shape for s in n.free_symbols}
    missing = {str(n): sizes[n] for n in system.dimensions if n not in shown}
    return array.evaluate(at | missing)


def sizes_at(found: Traced, values: dict[str, Any]) -> dict[Any, int] | None:
    """What each dimension symbol is for other arrays; None where the trace took one of the first sizes as a number."""
    sizes: dict[Any, int] = {}
    for name, array in found.inputs.items():
        for n, size in zip(array.definition.shape, np.shape(values[name]), strict=True):
            unknown = [s for s in n.free_symbols if s not in sizes]
            if len(unknown) == 1:  # n + 1 is that size
                (solved,) = sp.solve(n.xreplace(sizes) - size, unknown[0])
                if not (solved.is_Integer and solved > 0):
                    return None
                sizes[unknown[0]] = int(solved)
            if n.xreplace(sizes) != size:
                return None
    return sizes | {n: size for n, size in found.sizes.items() if n not in sizes}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_gives_what_numpy_gives_and_its_derivative(name: str) -> None:
    row = ROWS[name]
    found = traced(row, used(row, given(SIZES[0], 0)))
    result = found.results["f"][0]
    for seed, of in enumerate(SIZES):
        values = used(row, given(of, seed))
        sizes = sizes_at(found, values)
        if sizes is None:
            assert seed, "the sizes that it was traced at fit"
            continue
        expected = np.asarray(row(**values), dtype=float)
        got = evaluated(result, values, sizes)
        assert np.shape(got) == expected.shape
        np.testing.assert_allclose(np.asarray(got, dtype=float), expected, rtol=1e-9, atol=1e-11)
    if name in SMOOTH:
        assert_slopes_agree(row, found, used(row, given(SIZES[0], 0)))


def assert_slopes_agree(row: Row, found: Traced, values: dict[str, Any]) -> None:
    """The derivative by each real input, along a random direction, against a central difference."""
    rng = np.random.default_rng(7)
    sizes = sizes_at(found, values)
    assert sizes is not None
    expected = np.asarray(row(**values), dtype=float)
    weights = rng.standard_normal(expected.shape)
    real = [key for key, value in values.items() if np.asarray(value).dtype.kind == "f"]
    result = found.results["f"][0]
    loss = np.sum(result * gp.array("weights", result.shape))
    for key in real:
        slope = gp.grad(loss, found.inputs[key])
        along = rng.standard_normal(np.shape(values[key]))
        up, down = (values | {key: values[key] + h * along} for h in (1e-6, -1e-6))
        difference = np.sum(weights * (np.asarray(row(**up), float) - np.asarray(row(**down), float))) / 2e-6
        claimed = np.sum(evaluated(slope, values | {"weights": weights}, sizes) * along)
        np.testing.assert_allclose(claimed, difference, rtol=2e-6, atol=2e-6)


def newer(x):  # type: ignore[no-untyped-def]
    total = np.linalg.outer(x[0], x[1]).sum() + np.linalg.trace(x) + np.linalg.vector_norm(x, axis=1)[0]
    total = total + np.linalg.matrix_norm(x) + np.linalg.vecdot(x, x)[0] + np.linalg.diagonal(x).sum()
    return total + np.matrix_transpose(x) @ x + np.linalg.matmul(x.mT, x) + np.linalg.tensordot(x, x, axes=2)


@pytest.mark.skipif(not hasattr(np, "matrix_transpose"), reason="of NumPy 2")
def test_the_newer_names_are_the_same_functions() -> None:
    values = used(newer, given(SIZES[0], 0))
    found = traced(newer, values)
    sizes = sizes_at(found, values)
    assert sizes is not None
    np.testing.assert_allclose(evaluated(found.results["f"][0], values, sizes), newer(**values), rtol=1e-10)
    assert_slopes_agree(newer, found, values)


REFUSED: dict[str, Row] = {
    "interp": lambda v: np.interp(v, [0.0, 1.0], [1.0, 2.0]),
    "unique": lambda v: np.unique(v),
    "searchsorted": lambda v: np.searchsorted(v, 0.5),
    "places as values": lambda v: np.where(v > 0)[0] + 1,
    "some of the places": lambda x: x[np.where(x > 0)[0]],
    "what a mask picks": lambda x: np.exp(x)[x > 0] + np.ones(3),
    "strides of a transpose": lambda x: x.T.strides[0] + x,
    "singular values": lambda x: np.linalg.norm(x, "nuc"),
    "a reflection beyond the array": lambda e: np.pad(e, 9, "reflect"),
    "the mean as an edge": lambda x: np.pad(x, 1, "mean"),
    "maxima where nothing is": lambda x: np.max(x, where=x > 0),
    "counts without a size": lambda y: np.bincount(y),
    "several values put by a mask": lambda x, v: np.place(x, x > 0, v),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_symbolic_form_is_refused_with_a_reason(name: str) -> None:
    row = REFUSED[name]
    with pytest.raises((gp.UnsupportedError, gp.UsageError, gp.ShapeError)) as caught:
        traced(row, used(row, given(SIZES[0], 0)))
    assert "line" in str(caught.value)
