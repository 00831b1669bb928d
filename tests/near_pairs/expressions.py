"""Random expressions as nested tuples, their neighbours by one change, and what they are built of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from gradproof.symbolic.arrays import joining, reductions
from gradproof.symbolic.arrays.array import Array, array, as_array
from gradproof.symbolic.equations.dims import dims

from .tempting import TEMPTING, TEMPTING_TWO, sigmoid

n, m = dims("n m")
LEAVES: dict[str, dict[str, Any]] = {
    "()": {"s": array("s", ()), "t": array("t", (), positive=True), "n": n, "m": m},
    "n": {
        "x": array("x", (n,)), "y": array("y", (n,)), "q": array("q", (n,), positive=True),
        "c": array("c", (n,), integer=True), "h": array("h", (n,), one_hot=True),
        "e": array("e", (n,), boolean=True),
    },
    "m": {"u": array("u", (m,)), "v": array("v", (m,))},
    "mn": {"A": array("A", (m, n)), "Y": array("Y", (m, n), one_hot=True), "P": array("P", (m, n), simplex=True)},
    "nn": {"S": array("S", (n, n), symmetric=True), "R": array("R", (n, n))},
    "n-1": {"g": array("g", (n - 1,))},
    "4": {
        "k": array("k", (4,)), "l": array("l", (4,)), "2 0 1 1": as_array(np.array([2, 0, 1, 1])),
        "0 .5 -1 0": as_array(np.array([0.0, 0.5, -1.0, 0.0])),
    },
    "44": {"T": array("T", (4, 4)), "U": array("U", (4, 4), symmetric=True)},
}  # fmt: skip
ROWS_OF = array("r", (m,), integer=True)
"""Column numbers, one a row: they index the last axis of ``A``."""

Expression = Any


def _stable_sigmoid(v: Any) -> Any:
    return np.where(v >= 0, 1 / (1 + np.exp(-v)), np.exp(v) / (1 + np.exp(v)))


UNARY: dict[str, Callable[[Any], Any]] = {
    "negative": lambda v: -v, "square": lambda v: v**2, "cube": lambda v: v**3, "exp": np.exp, "tanh": np.tanh,
    "sigmoid": sigmoid, "stable sigmoid": _stable_sigmoid, "sin": np.sin, "cos": np.cos, "abs": np.abs,
    "sign": np.sign, "relu": lambda v: np.maximum(0, v), "relu by product": lambda v: v * (v > 0),
    "positive": lambda v: 1.0 * (v > 0), "not negative": lambda v: 1.0 * (v >= 0), "zero": lambda v: 1.0 * (v == 0),
    "below": lambda v: 1.0 * (v < 0), "softplus": lambda v: np.log(1 + np.exp(v)),
    "stable softplus": lambda v: np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v))),
    "one more": lambda v: v + 1, "one less": lambda v: v - 1, "half": lambda v: v / 2, "double": lambda v: 2 * v,
    "third": lambda v: v / 3, "root of one more": lambda v: np.sqrt(1 + v**2), "rational": lambda v: 1 / (1 + v**2),
    "power -1.5": lambda v: (v**2 + 0.5) ** -1.5, "clip": lambda v: np.clip(v, -1, 1),
    "two branches": lambda v: np.where(v > 1, v, 1 - v), "sin of double": lambda v: np.sin(2 * v),
    "cos of double": lambda v: np.cos(2 * v), "root of square": lambda v: np.sqrt(v**2),
    "minimum 1": lambda v: np.minimum(v, 1),
    "inverse": lambda v: 1 / v, "root": np.sqrt, "log": np.log, "guarded inverse": lambda v: np.where(v != 0, 1 / v, 0),
    "log of square": lambda v: np.log(v**2), "n times": lambda v: v * n, "per n": lambda v: v / n,
    "n - 1 times": lambda v: v * (n - 1),
}  # fmt: skip

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "over": lambda a, b: a / (1 + b**2), "maximum": np.maximum, "minimum": np.minimum,
    "masked": lambda a, b: a * (b > 0), "masked from": lambda a, b: a * (b >= 0), "greater": lambda a, b: 1.0 * (a > b),
    "at least": lambda a, b: 1.0 * (a >= b), "where": lambda a, b: np.where(a > b, a, 2 * b),
    "equal": lambda a, b: 1.0 * (a == b), "by zero": lambda a, b: np.where(b == 0, 0, a),
    "log of product": lambda a, b: np.log(a * b), "sum of logs": lambda a, b: np.log(a) + np.log(b),
    "root of product": lambda a, b: np.sqrt(a * b), "product of roots": lambda a, b: np.sqrt(a) * np.sqrt(b),
    "logaddexp": np.logaddexp, "half sum": lambda a, b: (a + b + np.abs(a - b)) / 2,
}  # fmt: skip


def _lags(v: Any) -> Any:
    """Σ_k v_k v_{k+i} around the circle, one sum for all i."""
    windows = joining.concatenate([v, v])[joining.arange(4)[:, None] + joining.arange(4)[None, :]]
    return windows @ v


SHIFTS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "tail": ("n", "n-1", lambda v: v[1:]), "head": ("n", "n-1", lambda v: v[:-1]),
    "reversed": ("n", "n", lambda v: v[::-1]), "softmax": ("n", "n", reductions.softmax),
    "centred": ("n", "n", lambda v: v - np.mean(v)), "less its maximum": ("n", "n", lambda v: v - np.max(v)),
    "sum": ("n", "()", np.sum), "mean": ("n", "()", np.mean), "largest": ("n", "()", np.max),
    "first": ("n", "()", lambda v: v[0]), "last": ("n", "()", lambda v: v[-1]),
    "short sum": ("n-1", "()", np.sum), "short square sum": ("n-1", "()", lambda v: np.sum(v**2)),
    "sum of rows": ("mn", "m", lambda v: np.sum(v, axis=1)), "sum of columns": ("mn", "n", lambda v: np.sum(v, axis=0)),
    "mean of columns": ("mn", "n", lambda v: np.mean(v, axis=0)),
    "largest of rows": ("mn", "m", lambda v: np.max(v, axis=1)),
    "softmax of rows": ("mn", "mn", lambda v: np.exp(v) / np.sum(np.exp(v), axis=1, keepdims=True)),
    "shifted softmax of rows": (
        "mn", "mn",
        lambda v: np.exp(v - np.max(v, axis=1, keepdims=True))
        / np.sum(np.exp(v - np.max(v, axis=1, keepdims=True)), axis=1, keepdims=True),
    ),
    "softmax of columns": ("mn", "mn", lambda v: np.exp(v) / np.sum(np.exp(v), axis=0)),
    "gathered": ("mn", "m", lambda v: v[joining.arange(m), ROWS_OF]),
    "gathered columns": ("n", "m", lambda v: v[ROWS_OF]),
    "transposed": ("nn", "nn", lambda v: v.T), "diagonal": ("nn", "n", np.diagonal), "trace": ("nn", "()", np.trace),
    "row sums": ("nn", "n", lambda v: np.sum(v, axis=1)), "column sums": ("nn", "n", lambda v: np.sum(v, axis=0)),
    "differences": ("n", "nn", lambda v: v[:, None] - v[None, :]),
    "written out": ("4", "4", lambda v: np.stack([v[0], v[1], v[2], v[3]])),
    "by a range": ("4", "4", lambda v: v[np.arange(4)]), "backwards": ("4", "4", lambda v: v[np.arange(4)[::-1]]),
    "exchanged": ("4", "4", lambda v: v[np.array([1, 0, 3, 2])]), "lags": ("4", "4", _lags),
    "first twice": ("4", "4", lambda v: np.stack([v[0], v[0], v[2], v[3]])),
    "sum of four": ("4", "()", np.sum), "written sum": ("4", "()", lambda v: v[0] + v[1] + v[2] + v[3]),
    "third twice": ("4", "()", lambda v: v[0] + v[1] + v[2] + v[2]), "first lag": ("4", "()", lambda v: _lags(v)[0]),
    "square sum": ("4", "()", lambda v: np.sum(v**2)), "second lag": ("4", "()", lambda v: _lags(v)[1]),
    "diagonal of four": ("44", "4", np.diagonal), "picked": ("44", "4", lambda v: v[np.arange(4), np.arange(4)]),
    "crossed": ("44", "4", lambda v: v[np.arange(4), np.arange(4)[::-1]]),
    "four row sums": ("44", "4", lambda v: v[:, 0] + v[:, 1] + v[:, 2] + v[:, 3]),
    "four column sums": ("44", "4", lambda v: np.sum(v, axis=0)), "four turned": ("44", "44", lambda v: v.T),
    "sums of four": ("4", "44", lambda v: v[:, None] + v[None, :]),
    "padded": ("n-1", "n", lambda v: np.concatenate([v, np.stack([as_array(0.0)])])),
    "padded in front": ("n-1", "n", lambda v: np.concatenate([np.stack([as_array(0.0)]), v])),
}  # fmt: skip

PRODUCTS: dict[str, tuple[str, str, str, Callable[[Any, Any], Any]]] = {
    "A x": ("mn", "n", "m", lambda a, b: a @ b), "u A": ("m", "mn", "n", lambda a, b: a @ b),
    "dot": ("n", "n", "()", lambda a, b: a @ b), "outer": ("m", "n", "mn", np.outer),
    "outer of one": ("n", "n", "nn", np.outer), "S x": ("nn", "n", "n", lambda a, b: a @ b),
    "x S": ("n", "nn", "n", lambda a, b: a @ b), "S R": ("nn", "nn", "nn", lambda a, b: a @ b),
    "rows": ("mn", "n", "mn", lambda a, b: a * b), "columns": ("mn", "m", "mn", lambda a, b: a * b[:, None]),
    "T k": ("44", "4", "4", lambda a, b: a @ b), "k T": ("4", "44", "4", lambda a, b: a @ b),
    "four outer": ("4", "4", "44", np.outer), "four dot": ("4", "4", "()", lambda a, b: a @ b),
    "four by one": ("4", "4", "44", lambda a, b: np.stack([a * b[0], a * b[1], a * b[2], a * b[3]], axis=1)),
    "scaled": ("n", "()", "n", lambda a, b: a * b), "moved": ("n", "()", "n", lambda a, b: a - b),
}  # fmt: skip

SHAPES = tuple(LEAVES)


def grown(rng: Random, shape: str, depth: int) -> Expression:
    """A random expression of that shape."""
    if depth <= 0 or rng.random() < 0.08:
        return ("leaf", shape, rng.choice(sorted(LEAVES[shape])))
    options = [("one",), ("two",)] * 3
    options += [("shift", name) for name, (_, out, _f) in SHIFTS.items() if out == shape]
    options += [("product", name) for name, (_, _b, out, _f) in PRODUCTS.items() if out == shape]
    kind, *rest = rng.choice(options)
    if kind == "one":
        return ("one", rng.choice(sorted(UNARY)), grown(rng, shape, depth - 1))
    if kind == "two":
        left = grown(rng, shape, depth - 1)
        return ("two", rng.choice(sorted(BINARY)), left, grown(rng, shape, depth - rng.choice((1, 2))))
    if kind == "shift":
        return ("shift", rest[0], grown(rng, SHIFTS[rest[0]][0], depth - 1))
    first, second, *_ = PRODUCTS[rest[0]]
    return ("product", rest[0], grown(rng, first, depth - 1), grown(rng, second, depth - 1))


def built(e: Expression) -> Any:
    """The symbolic array of an expression."""
    kind = e[0]
    if kind == "leaf":
        return LEAVES[e[1]][e[2]]
    parts = [built(part) for part in e[2:]]
    if kind == "one":
        return UNARY[e[1]](*parts)
    if kind == "two":
        return BINARY[e[1]](*parts)
    if kind == "shift":
        return SHIFTS[e[1]][2](*parts)
    if kind == "product":
        return PRODUCTS[e[1]][3](*parts)
    table, number, side = e[1]
    return (TEMPTING if table == 1 else TEMPTING_TWO)[number][side](*parts)


def _places(e: Expression, shape: str, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], str]]:
    """Every sub-expression with its shape."""
    yield path, shape
    kind = e[0]
    if kind in ("one", "two", "tempting"):
        shapes = [shape] * (len(e) - 2)
    elif kind == "shift":
        shapes = [SHIFTS[e[1]][0]]
    elif kind == "product":
        shapes = list(PRODUCTS[e[1]][:2])
    else:
        shapes = []
    for position, inner in enumerate(shapes, start=2):
        yield from _places(e[position], inner, (*path, position))


def _at(e: Expression, path: tuple[int, ...]) -> Expression:
    for step in path:
        e = e[step]
    return e


def _replaced(e: Expression, path: tuple[int, ...], new: Expression) -> Expression:
    if not path:
        return new
    return (*e[: path[0]], _replaced(e[path[0]], path[1:], new), *e[path[0] + 1 :])


@dataclass(frozen=True)
class Near:
    """Two expressions of one shape that differ in one place."""

    left: Expression
    right: Expression

    @property
    def arrays(self) -> tuple[Array, Array]:
        return as_array(built(self.left)), as_array(built(self.right))


def near_pair(rng: Random, depth: int = 3) -> Near:
    """A random expression, and the same with one place changed or rewritten."""
    shape = rng.choice(("n", "n", "n", "m", "mn", "()", "nn", "4", "4"))
    whole = grown(rng, shape, rng.randint(1, depth))
    path, inner = rng.choice(list(_places(whole, shape)))
    part = _at(whole, path)
    if rng.random() < 0.6:
        return _tempting(rng, whole, path, inner, part)
    return Near(whole, _replaced(whole, path, _changed(rng, part, inner)))


def _tempting(rng: Random, whole: Expression, path: tuple[int, ...], shape: str, part: Expression) -> Near:
    two = rng.random() < 0.35
    number = rng.randrange(len(TEMPTING_TWO if two else TEMPTING))
    parts = (part, grown(rng, shape, 1)) if two else (part,)
    sides = [_replaced(whole, path, ("tempting", (2 if two else 1, number, side), *parts)) for side in (0, 1)]
    return Near(*sides)


def _changed(rng: Random, part: Expression, shape: str) -> Expression:
    """Another operation, leaf, axis or index in place of one."""
    kind = part[0]
    if kind == "leaf":
        return ("leaf", shape, rng.choice(sorted(LEAVES[shape])))
    if kind == "one":
        return ("one", rng.choice(sorted(UNARY)), part[2])
    if kind == "two":
        if rng.random() < 0.3:
            return ("two", part[1], part[3], part[2])
        return ("two", rng.choice(sorted(BINARY)), *part[2:])
    if kind == "shift":
        taken, given, _ = SHIFTS[part[1]]
        same = sorted(k for k, (a, b, _f) in SHIFTS.items() if (a, b) == (taken, given))
        return ("shift", rng.choice(same), part[2])
    if kind == "product":
        same = sorted(k for k, (a, b, c, _f) in PRODUCTS.items() if (a, b, c) == PRODUCTS[part[1]][:3])
        first, second = part[2], part[3]
        if PRODUCTS[part[1]][0] == PRODUCTS[part[1]][1] and rng.random() < 0.5:
            first, second = second, first
        return ("product", rng.choice(same), first, second)
    return part
