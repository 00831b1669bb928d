"""Random array programs, built twice: on symbolic arrays and as a function for automatic differentiation.

Every operation is one function of a library and its operands. The library is NumPy with symbolic arrays, or autograd's,
which knows nothing of this project.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from hypothesis import strategies as st

from gradproof.errors import UnsupportedError
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.arrays.joining import arange
from gradproof.symbolic.arrays.products import eye
from gradproof.symbolic.arrays.reductions import logsumexp, softmax

SIZES = {"m": 3, "n": 2, "k": 4}
INPUTS = {
    "A": ("m", "n"), "B": ("m", "n"), "S": ("n", "n"), "W": ("n", "k"), "V": ("k", "n"),
    "u": ("m",), "v": ("n",), "b": ("k",), "c": (),
}  # fmt: skip
Form = Callable[..., Any]


class Library:
    """A NumPy, with the few functions that the two sides spell differently."""

    def __init__(self, base: Any, **rows: Form) -> None:
        self.base, self.linalg, self.rows = base, base.linalg, rows

    def __getattr__(self, name: str) -> Any:
        return self.rows[name] if name in self.rows else getattr(self.base, name)


def _softmax(x: Any, axis: int) -> Any:
    e = anp.exp(x - anp.max(x, axis=axis, keepdims=True))
    return e / anp.sum(e, axis=axis, keepdims=True)


def _log_sum(x: Any, axis: Any, keepdims: bool) -> Any:
    return anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=keepdims))


def _picked(x: Any, labels: Any) -> Any:
    return x[anp.arange(x.shape[0]), labels]


SYMBOLIC = Library(
    np, softmax=softmax, logsumexp=logsumexp, eye=eye, picked=lambda x, labels: x[arange(x.shape[0]), labels]
)
AUTOMATIC = Library(
    anp, softmax=_softmax, logsumexp=_log_sum, eye=anp.eye, picked=_picked,
    flip=lambda x, axis: x[::-1],  # autograd has no derivative of its own flip
)  # fmt: skip

UNARY: dict[str, Form] = {
    "tanh": lambda l, x: l.tanh(x),
    "sin": lambda l, x: l.sin(x),
    "exp of tanh": lambda l, x: l.exp(l.tanh(x)),
    "sigmoid": lambda l, x: 1 / (1 + l.exp(-x)),
    "softplus": lambda l, x: l.logaddexp(x, 0.0 * x),
    "log1p of square": lambda l, x: l.log1p(x * x),
    "sqrt": lambda l, x: l.sqrt(x**2 + 1),
    "square": lambda l, x: 0.3 * x**2,
    "cube": lambda l, x: 0.1 * x**3,
    "relu": lambda l, x: l.maximum(x - 0.1, 0),
    "leaky": lambda l, x: l.where(x > 0, x, 0.2 * x),
    "where": lambda l, x: l.where(x > 0.2, x, 0.1 * x * x),
    "clip": lambda l, x: l.clip(x, -0.6, 0.7),
    "abs": lambda l, x: l.abs(x),
    "negative": lambda l, x: 1 - x,
    "half": lambda l, x: x / 2,
}
BINARY: dict[str, Form] = {
    "add": lambda l, x, y: x + y,
    "subtract": lambda l, x, y: x - y,
    "multiply": lambda l, x, y: x * y,
    "divide": lambda l, x, y: x / (1 + y**2),
    "maximum": lambda l, x, y: l.maximum(x, y),
    "minimum": lambda l, x, y: l.minimum(x, y),
    "power": lambda l, x, y: (1 + x**2) ** l.tanh(y),
    "mask": lambda l, x, y: (x > y) * x,
    "branches": lambda l, x, y: l.where(x > y, x * y, x - y),
    "logaddexp": lambda l, x, y: l.logaddexp(l.tanh(x), l.tanh(y)),
    "hypot": lambda l, x, y: l.sqrt(x**2 + y**2 + 0.1),
}
REDUCTIONS: dict[str, Form] = {
    name: (lambda l, x, name=name, **how: getattr(l, name)(x, **how)) for name in ("sum", "mean", "max", "min", "var")
} | {
    "logsumexp": lambda l, x, axis, keepdims: l.logsumexp(x, axis, keepdims),
    "std": lambda l, x, axis, keepdims: l.sqrt(l.var(x, axis=axis, keepdims=keepdims) + 0.1),
    "prod": lambda l, x, axis, keepdims: l.prod(l.tanh(x) + 1.5, axis=axis, keepdims=keepdims),
    "norm": lambda l, x, axis, keepdims: l.sqrt(l.sum(x * x, axis=axis, keepdims=keepdims) + 0.01),
}
LINES: dict[str, Form] = {  # what moves the elements of the first axis
    "reverse": lambda l, x: x[::-1],
    "roll": lambda l, x: l.roll(x, 1, axis=0),
    "diff": lambda l, x: l.diff(x, axis=0),
    "cumsum": lambda l, x: l.cumsum(x, axis=0),
    "tile": lambda l, x: l.concatenate([x, 2 * x]),
    "flip": lambda l, x: l.flip(x, 0),
    "picked twice": lambda l, x: x[[0, 1, 0]],
    "last and first": lambda l, x: x[[-1, 0]],
}
EINSUM = {
    (2, 2): ["ij,ij->i", "ij,kj->ik", "ij,ij->", "ij,ik->jk", "ij,ij->ji", "ij,kl->j", "ij,ik->jk"],
    (3, 2): ["ijk,ij->k", "ijk,ij->ki", "ijk,il->lj"],
    (3, 3): ["ijk,ijk->i", "ijk,ijl->kl", "ijk,ijk->"],
    (2, 1): ["ij,i->j", "ij,i->ij", "ij,i->"],
    (1, 1): ["i,j->ij", "i,i->", "i,j->ji"],
}
MATRIX: dict[str, Form] = {  # of a matrix that is far from singular
    "inv": lambda l, x: l.linalg.inv(x),
    "det": lambda l, x: l.linalg.det(x) / 9,
    "logdet": lambda l, x: l.linalg.slogdet(x)[1],
    "trace": lambda l, x: l.trace(x),
    "diagonal": lambda l, x: l.diag(x),
    "square": lambda l, x: x @ x / 9,
    "solve itself": lambda l, x: l.linalg.solve(x, x.T),
    "triangle": lambda l, x: l.tril(x),
}
ACTIVATIONS: dict[str, Form] = {
    "tanh": UNARY["tanh"],
    "sigmoid": UNARY["sigmoid"],
    "relu": lambda l, x: l.maximum(x, 0),
    "leaky": UNARY["leaky"],
    "softplus": UNARY["softplus"],
    "sin": UNARY["sin"],
    "softmax": lambda l, x: l.softmax(x, 1),
    "swish": lambda l, x: x / (1 + l.exp(-x)),
    "linear": lambda l, x: x,
}
LOSSES: dict[str, Form] = {  # of (m, n) outputs, (m, n) targets and m labels
    "squares": lambda l, z, t, y: l.mean((z - t) ** 2),
    "absolute": lambda l, z, t, y: l.mean(l.abs(z - t)),
    "cross entropy": lambda l, z, t, y: l.mean(l.logsumexp(z, 1, False) - l.picked(z, y)),
    "logits": lambda l, z, t, y: l.sum(l.logaddexp(0.0 * z, z) - z / (1 + l.exp(-t))),
    "hinge": lambda l, z, t, y: l.mean(l.maximum(0, 0.3 + z - l.picked(z, y)[:, None])),
    "huber": lambda l, z, t, y: l.sum(l.where(l.abs(z - t) < 1, (z - t) ** 2 / 2, l.abs(z - t) - 0.5)),
    "penalty": lambda l, z, t, y: l.sum(z * t) + 0.1 * l.sum(z**2),
}
KEYS: list[Any] = [
    slice(1, None), slice(None, -1), (..., 0), (..., -1), 1, (slice(None), None), slice(None, None, 2),
    (..., slice(1, 2)), (None, ...), slice(None, None, -1), -1, (..., None),
]  # fmt: skip


class Node(NamedTuple):
    """A value on the symbolic side and the same of a dict of numbers, where "t9" may stand for the ninth node."""

    symbolic: Array
    automatic: Callable[[dict[str, Any]], Any]
    made_of: frozenset[str] = frozenset()
    """The names of the nodes that it was made of, and its own."""

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.symbolic.shape


def broadcast(p: tuple[Any, ...], q: tuple[Any, ...]) -> tuple[Any, ...] | None:
    rank = max(len(p), len(q))
    left, right = (1,) * (rank - len(p)) + p, (1,) * (rank - len(q)) + q
    if any(a != b and 1 not in (a, b) for a, b in zip(left, right, strict=True)):
        return None
    return tuple(b if a == 1 else a for a, b in zip(left, right, strict=True))


KINDS = (
    ["unary", "binary"] * 3 + ["reduce", "matmul", "matrix", "solve", "layer", "slice"] * 2
    + ["transpose", "softmax", "join", "stack", "pad", "normalise", "gather", "reshape", "einsum", "line", "loss"]
    + ["shares"]
)  # fmt: skip


class Builder:
    """Grows a list of nodes by random operations that fit. What is refused, with its reason, is left out."""

    def __init__(self, draw: Any, symbols: dict[str, Array], labels: Array) -> None:
        self.draw, self.labels = draw, Node(labels, lambda e: e["labels"])
        self.nodes = [Node(symbols[name], lambda e, name=name: e[name]) for name in INPUTS]
        self.log: list[str] = []
        self.refused: list[str] = []

    def pick(self, options: Any, what: str) -> Any:
        options = list(options)
        return options[self.draw(st.integers(0, len(options) - 1), label=what)]

    def node(self, fits: Callable[[tuple[Any, ...]], bool], what: str = "node") -> int | None:
        # later nodes are likelier, so that expressions get deep
        fitting = [k for k, n in enumerate(self.nodes) if fits(n.shape)]
        return self.pick(fitting + 2 * [k for k in fitting if k >= len(INPUTS)], what) if fitting else None

    def of_rank(self, *ranks: int) -> int:
        found = self.node(lambda shape: len(shape) in ranks)
        assert found is not None  # the inputs have all of these ranks
        return found

    def add(self, text: str, form: Form, *operands: int | Node) -> None:
        nodes = [self.nodes[o] if isinstance(o, int) else o for o in operands]
        names = ", ".join(f"t{o}" if isinstance(o, int) else "labels" for o in operands)
        try:
            symbolic = form(SYMBOLIC, *(n.symbolic for n in nodes))
        except UnsupportedError as reason:
            self.refused.append(f"{text}: {reason}")
            return
        if len(symbolic.shape) > 3:
            return
        own = f"t{len(self.nodes)}"

        def automatic(e: dict[str, Any]) -> Any:
            return e[own] if own in e else form(AUTOMATIC, *(n.automatic(e) for n in nodes))

        self.nodes.append(Node(symbolic, automatic, frozenset({own}).union(*(n.made_of for n in nodes))))
        self.log.append(f"t{len(self.nodes) - 1} = {text}({names})")

    def step(self) -> None:
        getattr(self, f"_{self.pick(KINDS, 'kind')}")()

    def _unary(self) -> None:
        name = self.pick(UNARY, "function")
        self.add(name, UNARY[name], self.of_rank(0, 1, 2, 3))

    def _binary(self) -> None:
        k = self.of_rank(0, 1, 2, 3)
        j = self.node(lambda shape: broadcast(self.nodes[k].shape, shape) is not None, "other")
        assert j is not None
        name = self.pick(BINARY, "function")
        self.add(name, BINARY[name], *self.pick([(k, j), (j, k)], "order"))

    def _reduce(self) -> None:
        k = self.of_rank(1, 2, 3)
        rank = len(self.nodes[k].shape)
        axis = self.pick([None, *range(rank), -1, *([(0, 1), (-1, 0)] if rank > 1 else [])], "axis")
        keepdims = self.draw(st.booleans(), label="keepdims")
        name = self.pick(REDUCTIONS, "reduction")
        how = {"axis": axis, "keepdims": keepdims}
        self.add(f"{name} {how} of ", lambda l, x: REDUCTIONS[name](l, x, **how), k)

    def _softmax(self) -> None:
        k = self.of_rank(1, 2, 3)
        axis = self.pick(range(len(self.nodes[k].shape)), "axis")
        self.add(f"softmax along {axis} of ", lambda l, x: l.softmax(x, axis), k)

    def _shares(self) -> None:
        """A softmax or a sigmoid written out, whose exponentials and sums stay to be used by other operations."""
        k = self.of_rank(1, 2)
        axis = len(self.nodes[k].shape) - 1
        self.add("exp of tanh", UNARY["exp of tanh"], k)
        e = len(self.nodes) - 1
        if self.draw(st.booleans(), label="softmax"):
            self.add("sum of last axis of ", lambda l, x: l.sum(x, axis=axis, keepdims=True), e)
        else:
            self.add("1 + ", lambda l, x: 1 + x, e)
        self.add("quotient", lambda l, x, y: x / y, e, len(self.nodes) - 1)

    def _normalise(self) -> None:
        k = self.of_rank(1, 2)
        axis = self.pick(range(len(self.nodes[k].shape)), "axis")

        def form(l: Library, x: Any) -> Any:
            centred = x - l.mean(x, axis=axis, keepdims=True)
            return centred / l.sqrt(l.mean(centred**2, axis=axis, keepdims=True) + 0.1)

        self.add(f"normalise along {axis} ", form, k)

    def _matmul(self) -> None:
        k = self.of_rank(1, 2, 3)
        width = self.nodes[k].shape[-1]
        j = self.node(lambda shape: len(shape) in (1, 2) and shape[-2:][0] == width, "other")
        return self._transpose() if j is None else self.add("matmul", lambda l, x, y: x @ y, k, j)

    def _einsum(self) -> None:
        ranks = self.pick(EINSUM, "ranks")
        k = self.node(lambda shape: len(shape) == ranks[0])
        if k is None:
            return
        text = self.pick(EINSUM[ranks], "subscripts")
        left, right = text.split("->")[0].split(",")
        size = dict(zip(left, self.nodes[k].shape, strict=True))
        j = self.node(
            lambda shape: len(shape) == ranks[1]
            and all(size.get(s, d) == d for s, d in zip(right, shape, strict=True)), "other"
        )  # fmt: skip
        if j is not None:
            self.add(f"einsum {text} of ", lambda l, x, y: l.einsum(text, x, y), k, j)

    def _transpose(self) -> None:
        k = self.of_rank(2) if self.draw(st.booleans(), label="matrix") else self.of_rank(2, 3)
        self.add("transpose", lambda l, x: l.transpose(x), k)

    def _line(self) -> None:
        name = self.pick(LINES, "line")
        k = self.node(lambda shape: len(shape) in (1, 2) and str(shape[0]) in SIZES)
        assert k is not None
        self.add(name, LINES[name], k)

    def _slice(self) -> None:
        k = self.node(lambda shape: bool(shape) and all(str(s) in SIZES for s in shape))
        assert k is not None
        key = self.pick(KEYS, "key")
        self.add(f"{key} of ", lambda l, x: x[key], k)

    def _join(self) -> None:
        k = self.of_rank(1, 2)
        shape = self.nodes[k].shape
        j = self.node(lambda other: len(other) == len(shape) and other[1:] == shape[1:], "other")
        assert j is not None
        self.add("concatenate", lambda l, x, y: l.concatenate([x, y]), k, j)

    def _stack(self) -> None:
        k = self.of_rank(0, 1, 2)
        j = self.node(lambda other: other == self.nodes[k].shape, "other")
        assert j is not None
        axis = self.pick([0, -1], "axis")
        self.add(f"stack along {axis} ", lambda l, x, y: l.stack([x, y, x], axis), k, j)

    def _pad(self) -> None:
        k = self.of_rank(1, 2)
        width = self.pick([1, (1, 0), (0, 2)], "width")
        rank = len(self.nodes[k].shape)
        full = [(width, width) if isinstance(width, int) else width] * rank
        self.add(f"pad by {width} ", lambda l, x: l.pad(x, full, "constant"), k)

    def _gather(self) -> None:
        how = self.pick(["columns", "picked", "rows"], "gather")
        if how == "rows":
            k = self.node(lambda shape: len(shape) in (1, 2) and str(shape[0]) == "n")
            form: Form = lambda l, x, y: x[y]  # noqa: E731
        else:
            k = self.node(lambda shape: list(map(str, shape)) == ["m", "n"])
            form = (lambda l, x, y: x[:, y]) if how == "columns" else (lambda l, x, y: l.picked(x, y))
        assert k is not None
        self.add(how, form, k, self.labels)

    def _reshape(self) -> None:
        k = self.of_rank(1, 2)
        self.add("flat", lambda l, x: l.reshape(x, (-1,)), k)

    def _regular(self) -> tuple[int, str, Form]:
        """A matrix, and a form that keeps it far from singular."""
        how = self.pick(["gram", "shifted"], "regular")
        if how == "gram":
            return self.of_rank(2), how, lambda l, x: l.tanh(x) @ l.tanh(x).T / 2 + 2 * l.eye(x.shape[0])
        k = self.node(lambda shape: len(shape) == 2 and shape[0] == shape[1])
        assert k is not None
        return k, how, lambda l, x: l.tanh(x) + 4 * l.eye(x.shape[0])

    def _matrix(self) -> None:
        k, how, regular = self._regular()
        name = self.pick(MATRIX, "function")
        self.add(f"{name} of {how} ", lambda l, x: MATRIX[name](l, regular(l, x)), k)

    def _solve(self) -> None:
        k, how, regular = self._regular()
        rows = self.nodes[k].shape[0]
        j = self.node(lambda shape: len(shape) in (1, 2) and shape[0] == rows, "other")
        assert j is not None
        if len(self.nodes[j].shape) == 1:  # autograd takes a vector for a stack
            form: Form = lambda l, x, y: l.linalg.solve(regular(l, x), y[:, None])[:, 0]  # noqa: E731
        else:
            form = lambda l, x, y: l.linalg.solve(regular(l, x), y)  # noqa: E731
        self.add(f"solve of {how} ", form, k, j)

    def _layer(self) -> None:
        """A dense layer from n to k or back, with a bias."""
        name = self.pick(ACTIVATIONS, "activation")
        places = {n: k for k, n in enumerate(INPUTS)}
        k = self.node(lambda shape: len(shape) == 2 and str(shape[1]) in ("n", "k"))
        assert k is not None
        weights, bias = ("W", "b") if str(self.nodes[k].shape[1]) == "n" else ("V", "v")
        self.add(f"{name} layer ", lambda l, x, W, b: ACTIVATIONS[name](l, x @ W + b), k, places[weights], places[bias])

    def _loss(self) -> None:
        k = self.node(lambda shape: list(map(str, shape)) == ["m", "n"])
        j = self.node(lambda shape: list(map(str, shape)) == ["m", "n"], "target")
        assert k is not None and j is not None
        name = self.pick(LOSSES, "loss")
        self.add(name, LOSSES[name], k, j, self.labels)
