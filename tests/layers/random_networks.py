"""Random networks: blocks, norms, attention, recurrences and losses, each by this package and written out for autograd.

A block is a row: its parameters, the symbolic form (``gp.layers``, ``gp.scan``, NumPy's functions) and an oracle in
autograd's NumPy that knows nothing of this project. What flows through is rows (m, n), sequences (m, t, n) or images
(m, c, h, w); every size but those of kernels is a symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.scipy.special import erf, logsumexp
from hypothesis import strategies as st

import gradproof as gp

Shape = tuple[Any, ...]
Form = Callable[..., Any]
layers, losses = gp.layers, gp.losses
WIDTHS = ("k", "d", "h", "q")


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + anp.exp(-z))


def _softmax(z: Any, axis: int = -1) -> Any:
    return anp.exp(z - logsumexp(z, axis, keepdims=True))


ACTIVATIONS: dict[str, tuple[Form, Form]] = {
    "identity": (lambda z: z, lambda z: z),
    "tanh": (np.tanh, anp.tanh),
    "sigmoid": (gp.sigmoid, _sigmoid),
    "written sigmoid": (lambda z: 1 / (1 + np.exp(-z)), _sigmoid),
    "relu": (gp.relu, lambda z: anp.maximum(z, 0)),
    "maximum": (lambda z: np.maximum(z, 0), lambda z: anp.maximum(z, 0)),
    "leaky": (lambda z: gp.leaky_relu(z, 0.2), lambda z: anp.where(z > 0, z, 0.2 * z)),
    "elu": (gp.elu, lambda z: anp.where(z > 0, z, anp.exp(anp.minimum(z, 0)) - 1)),
    "softplus": (gp.softplus, lambda z: anp.logaddexp(0.0, z)),
    "silu": (gp.silu, lambda z: z * _sigmoid(z)),
    "gelu": (gp.gelu, lambda z: z * (1 + erf(z / anp.sqrt(2))) / 2),
    "gelu_tanh": (gp.gelu_tanh, lambda z: z * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (z + 0.044715 * z**3))) / 2),
    "sin": (np.sin, anp.sin),
    "square": (lambda z: z**2 / 4, lambda z: z**2 / 4),
    "softmax": (gp.softmax, _softmax),
    "written softmax": (lambda z: np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True), _softmax),
    "log_softmax": (gp.log_softmax, lambda z: z - logsumexp(z, -1, keepdims=True)),
    "clip": (lambda z: np.clip(z, -1, 1), lambda z: anp.clip(z, -1, 1)),
}


def _normalised(x: Any, axes: Any) -> Any:
    mean = anp.mean(x, axis=axes, keepdims=True)
    return (x - mean) / anp.sqrt(anp.mean((x - mean) ** 2, axis=axes, keepdims=True) + 1e-5)


def _channel(p: Any, x: Any) -> Any:
    return anp.reshape(p, (1, -1) + (1,) * (x.ndim - 2))


def _heads(x: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any, causal: bool) -> Any:
    total = 0.0
    for q, k, v, o in zip(Wq, Wk, Wv, Wo, strict=True):
        s = anp.dot(x, q) @ anp.swapaxes(anp.dot(x, k), 1, 2) / anp.sqrt(q.shape[-1])
        if causal:
            s = s - 1e30 * np.triu(np.ones(s.shape[1:]), 1)
        total = total + anp.dot(_softmax(s) @ anp.dot(x, v), o)
    return total


def _block(x: Any, g1: Any, c1: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any, g2: Any, c2: Any, W1: Any, b1: Any, W2: Any,
           b2: Any) -> Any:  # fmt: skip
    y = x + _heads(_normalised(x, -1) * g1 + c1, Wq, Wk, Wv, Wo, False)
    return y + anp.dot(anp.maximum(anp.dot(_normalised(y, -1) * g2 + c2, W1) + b1, 0), W2) + b2


def _steps(step: Form, x: Any, start: Any, reverse: bool = False) -> Any:
    """The states of a recurrence over the second axis."""
    state, found = start, []
    for place in range(x.shape[1])[:: -1 if reverse else 1]:
        state = step(state, x[:, place])
        found.append(state[0] if isinstance(state, tuple) else state)
    return anp.stack(found[:: -1 if reverse else 1], axis=1)


def _gru(h: Any, x: Any, W: Any, U: Any, b: Any) -> Any:
    k = U.shape[0]
    z, g = anp.dot(x, W) + b, anp.dot(h, U[:, : 2 * k])
    r, u = _sigmoid(z[:, :k] + g[:, :k]), _sigmoid(z[:, k : 2 * k] + g[:, k:])
    return (1 - u) * anp.tanh(z[:, 2 * k :] + anp.dot(r * h, U[:, 2 * k :])) + u * h


def _lstm(state: Any, x: Any, W: Any, U: Any, b: Any) -> Any:
    h, c = state
    z, k = anp.dot(x, W) + anp.dot(h, U) + b, U.shape[0]
    c = _sigmoid(z[:, k : 2 * k]) * c + _sigmoid(z[:, :k]) * anp.tanh(z[:, 3 * k :])
    return _sigmoid(z[:, 2 * k : 3 * k]) * anp.tanh(c), c


def _by_time(layer: Form) -> Form:
    return lambda x, *rest: np.swapaxes(layer(np.swapaxes(x, 0, 1), *rest), 0, 1)


def _decayed(x: Any, a: Any, reverse: bool) -> Any:
    def step(s: Any, x: Any) -> Any:
        return gp.sigmoid(a) * s + (1 - gp.sigmoid(a)) * x

    return gp.scan(step, 0.0, x, axis=1, reverse=reverse)


def _conv(x: Any, W: Any, b: Any, stride: int, padding: int) -> Any:
    x = anp.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), "constant")
    rows, columns = W.shape[2:]
    high, wide = (x.shape[2] - rows) // stride + 1, (x.shape[3] - columns) // stride + 1
    total = 0.0
    for u in range(rows):
        for v in range(columns):
            part = x[:, :, u : u + stride * high : stride, v : v + stride * wide : stride]
            total = total + anp.einsum("ncij,oc->noij", part, W[:, :, u, v])
    return total + _channel(b, total)


def _conv1(x: Any, W: Any, b: Any) -> Any:
    wide = anp.pad(x, ((0, 0), (1, 1), (0, 0)), "constant")
    return b + sum(anp.dot(wide[:, u : u + x.shape[1]], W[:, :, u].T) for u in range(3))


def _pooled(x: Any, how: Form) -> Any:
    return how(anp.stack([x[:, :, u::2, v::2] for u in (0, 1) for v in (0, 1)]), axis=0)


@dataclass(frozen=True)
class Block:
    """``parameters(shape, width)`` are the shapes by name; ``out(shape, width)`` is the shape of the result."""

    takes: int
    symbolic: Form
    oracle: Form
    parameters: Callable[[Shape, Any], dict[str, Shape]] = lambda s, k: {}
    out: Callable[[Shape, Any], Shape] = lambda s, k: s
    draws: Mapping[str, str] = field(default_factory=dict)


def _wide(s: Shape, k: Any) -> Shape:
    return (*s[:-1], k)


def _affine(s: Shape, k: Any) -> dict[str, Shape]:
    return {"W": (s[-1], k), "b": (k,)}


def _gates(count: int) -> Callable[[Shape, Any], dict[str, Shape]]:
    return lambda s, k: {"start": (s[0], k), "W": (s[-1], count * k), "U": (k, count * k), "b": (count * k,)}


def _norm(axis: int) -> Callable[[Shape, Any], dict[str, Shape]]:
    return lambda s, k: {"gamma": (s[axis],), "beta": (s[axis],)}


def _attending(s: Shape, k: Any) -> dict[str, Shape]:
    return {"Wq": (2, s[2], k), "Wk": (2, s[2], k), "Wv": (2, s[2], k), "Wo": (2, k, s[2])}


def _transformer(s: Shape, k: Any) -> dict[str, Shape]:
    n = s[2]
    norms = {"g1": (n,), "c1": (n,)} | _attending(s, k) | {"g2": (n,), "c2": (n,)}
    return norms | {"W1": (n, k), "b1": (k,), "W2": (k, n), "b2": (n,)}


ROWS, SEQUENCE, IMAGE = 2, 3, 4
BLOCKS: dict[str, Block] = {
    "residual": Block(ROWS, lambda x, W, V: layers.residual(x, lambda x: np.tanh(x @ W) @ V),
                      lambda x, W, V: x + anp.tanh(x @ W) @ V, lambda s, k: {"W": (s[1], k), "V": (k, s[1])}),
    "gated": Block(ROWS, lambda x, W, V: gp.sigmoid(x @ W) * (x @ V), lambda x, W, V: _sigmoid(x @ W) * (x @ V),
                   lambda s, k: {"W": (s[1], k), "V": (s[1], k)}, _wide),
    "batch norm": Block(ROWS, layers.batch_norm, lambda x, gamma, beta: _normalised(x, 0) * gamma + beta, _norm(1)),
    "dropout": Block(ROWS, lambda x, mask: layers.dropout(x, mask, 0.25), lambda x, mask: x * mask / 0.75,
                     lambda s, k: {"mask": s}, draws={"mask": "binary"}),
    "experts": Block(ROWS, lambda x, G, E: np.einsum("me,mek->mk", gp.softmax(x @ G), np.einsum("mn,enk->mek", x, E)),
                     lambda x, G, E: anp.einsum("me,mek->mk", _softmax(x @ G), anp.einsum("mn,enk->mek", x, E)),
                     lambda s, k: {"G": (s[1], 2), "E": (2, s[1], k)}, _wide),
    "kernel": Block(ROWS, lambda x, Z: np.exp(-np.sum((x[:, None] - Z) ** 2, axis=2) / 4),
                    lambda x, Z: anp.exp(-anp.sum((x[:, None] - Z) ** 2, axis=2) / 4),
                    lambda s, k: {"Z": (k, s[1])}, _wide),
    "unit rows": Block(ROWS, lambda x: x / np.sqrt(np.sum(x**2, axis=1, keepdims=True) + 0.1),
                       lambda x: x / anp.sqrt(anp.sum(x**2, axis=1, keepdims=True) + 0.1)),
    "bilinear": Block(ROWS, lambda x, W: np.einsum("mi,ijk,mj->mk", x, W, x),
                      lambda x, W: anp.einsum("mi,ijk,mj->mk", x, W, x), lambda s, k: {"W": (s[1], s[1], k)}, _wide),
    "attention": Block(SEQUENCE, layers.multi_head_attention, lambda *a: _heads(*a, False), _attending),
    "causal attention": Block(SEQUENCE, lambda *a: layers.multi_head_attention(*a, causal=True),
                              lambda *a: _heads(*a, True), _attending),
    "transformer": Block(SEQUENCE, layers.transformer_block, _block, _transformer),
    "convolution": Block(
        SEQUENCE, lambda x, W, b: np.swapaxes(layers.conv1d(np.swapaxes(x, 1, 2), W, b, padding=1), 1, 2), _conv1,
        lambda s, k: {"W": (k, s[2], 3), "b": (k,)}, _wide),
    "rnn": Block(
        SEQUENCE, _by_time(layers.rnn), lambda x, start, W, U, b: _steps(
            lambda h, x: anp.tanh(anp.dot(x, W) + anp.dot(h, U) + b), x, start), _gates(1), _wide),
    "gru": Block(SEQUENCE, _by_time(layers.gru), lambda x, start, W, U, b: _steps(
        lambda h, x: _gru(h, x, W, U, b), x, start), _gates(3), _wide),
    "lstm": Block(
        SEQUENCE, _by_time(lambda x, h0, W, U, b: layers.lstm(x, h0, 0 * h0, W, U, b)[0]),
        lambda x, start, W, U, b: _steps(lambda s, x: _lstm(s, x, W, U, b), x, (start, 0 * start)), _gates(4), _wide),
    "decay": Block(SEQUENCE, lambda x, a: _decayed(x, a, False), lambda x, a: _steps(
        lambda s, x: _sigmoid(a) * s + (1 - _sigmoid(a)) * x, x, 0.0), lambda s, k: {"a": (s[2],)}),
    "decay from the end": Block(SEQUENCE, lambda x, a: _decayed(x, a, True), lambda x, a: _steps(
        lambda s, x: _sigmoid(a) * s + (1 - _sigmoid(a)) * x, x, 0.0, True), lambda s, k: {"a": (s[2],)}),
    "convolution of images": Block(
        IMAGE, lambda x, W, b: layers.conv2d(x, W, b, padding=1), lambda x, W, b: _conv(x, W, b, 1, 1),
        lambda s, k: {"W": (k, s[1], 3, 3), "b": (k,)}, lambda s, k: (s[0], k, *s[2:])),
    "convolution with stride": Block(
        IMAGE, lambda x, W, b: layers.conv2d(x, W, b, stride=2, padding=1), lambda x, W, b: _conv(x, W, b, 2, 1),
        lambda s, k: {"W": (k, s[1], 4, 4), "b": (k,)}, lambda s, k: (s[0], k, s[2] / 2, s[3] / 2)),
    "max pooling": Block(IMAGE, lambda x: layers.max_pool(x, 2), lambda x: _pooled(x, anp.max),
                         out=lambda s, k: (*s[:2], s[2] / 2, s[3] / 2)),
    "average pooling": Block(IMAGE, lambda x: layers.average_pool(x, 2), lambda x: _pooled(x, anp.mean),
                             out=lambda s, k: (*s[:2], s[2] / 2, s[3] / 2)),
    "batch norm of images": Block(
        IMAGE, layers.batch_norm, lambda x, gamma, beta: _normalised(x, (0, 2, 3)) * _channel(gamma, x)
        + _channel(beta, x), _norm(1)),
}  # fmt: skip
DENSE = {
    name: Block(0, lambda x, W, b, f=forms[0]: f(layers.dense(x, W, b)), lambda x, W, b, f=forms[1]: f(x @ W + b),
                _affine, _wide)
    for name, forms in ACTIVATIONS.items()
}  # fmt: skip
NORMS = {
    "layer norm": Block(0, layers.layer_norm, lambda x, gamma, beta: _normalised(x, -1) * gamma + beta, _norm(-1)),
    "RMS norm": Block(0, layers.rms_norm, lambda x, gamma: gamma * x / anp.sqrt(
        anp.mean(x**2, axis=-1, keepdims=True) + 1e-5), lambda s, k: {"gamma": (s[-1],)}),
}  # fmt: skip
"""Dense layers and norms take rows and sequences."""

_LABELS, _SIGNS = {"y": "labels"}, {"y": "one hot"}
ENDS: dict[str, Block] = {  # from sequences and images to rows
    "last": Block(SEQUENCE, lambda x: x[:, -1], lambda x: x[:, -1]),
    "mean over time": Block(SEQUENCE, lambda x: np.mean(x, axis=1), lambda x: anp.mean(x, axis=1)),
    "max over time": Block(SEQUENCE, lambda x: np.max(x, axis=1), lambda x: anp.max(x, axis=1)),
    "logsumexp over time": Block(SEQUENCE, lambda x: gp.logsumexp(x, 1), lambda x: logsumexp(x, 1)),
    "mean over places": Block(IMAGE, lambda x: np.mean(x, axis=(2, 3)), lambda x: anp.mean(x, axis=(2, 3))),
    "flat": Block(IMAGE, lambda x, W: np.reshape(x, (x.shape[0], -1)) @ W,
                  lambda x, W: anp.reshape(x, (x.shape[0], -1)) @ W,
                  lambda s, k: {"W": (s[1] * s[2] * s[3], k)}, lambda s, k: (s[0], k)),
}  # fmt: skip


def _rows_of(z: Any, y: Any) -> Any:
    return (z - logsumexp(z, 1, keepdims=True))[anp.arange(len(y)), y]


LOSSES: dict[str, Block] = {
    "squares": Block(ROWS, losses.mse, lambda z, y: anp.mean((z - y) ** 2), lambda s, k: {"y": s}),
    "Huber": Block(ROWS, losses.huber, lambda z, y: anp.mean(
        anp.where(anp.abs(z - y) <= 1, (z - y) ** 2 / 2, anp.abs(z - y) - 0.5)), lambda s, k: {"y": s}),
    "labels": Block(ROWS, losses.cross_entropy, lambda z, y: -anp.mean(_rows_of(z, y)), lambda s, k: {"y": s[:1]},
                    draws={"y": "labels"}),
    "one hot": Block(ROWS, losses.cross_entropy, lambda z, y: -anp.mean(anp.sum(
        y * (z - logsumexp(z, 1, keepdims=True)), axis=1)), lambda s, k: {"y": s}, draws={"y": "one hot"}),
    "smoothed": Block(ROWS, lambda z, y: losses.cross_entropy(z, y, 0.1), lambda z, y: -anp.mean(
        0.9 * _rows_of(z, y) + 0.1 * anp.mean(z - logsumexp(z, 1, keepdims=True), axis=1)),
        lambda s, k: {"y": s[:1]}, draws={"y": "labels"}),
    "logits": Block(ROWS, losses.bce_with_logits, lambda z, y: anp.mean(anp.logaddexp(0.0, z) - y * z),
                    lambda s, k: {"y": s}, draws={"y": "binary"}),
    "focal": Block(ROWS, losses.focal, lambda z, y: anp.mean(
        y * (1 - _sigmoid(z)) ** 2 * anp.logaddexp(0.0, -z) + (1 - y) * _sigmoid(z) ** 2 * anp.logaddexp(0.0, z)),
        lambda s, k: {"y": s}, draws={"y": "binary"}),
    "margins": Block(ROWS, losses.multiclass_hinge, lambda z, y: anp.mean(anp.sum((1 - y) * anp.maximum(
        0, z - anp.sum(y * z, axis=1, keepdims=True) + 1), axis=1)), lambda s, k: {"y": s}, draws={"y": "one hot"}),
    "cosine": Block(ROWS, losses.cosine, lambda z, y: anp.mean(1 - anp.sum(z * y, axis=1) / anp.sqrt(
        anp.sum(z**2, axis=1) * anp.sum(y**2, axis=1))), lambda s, k: {"y": s}),
    "contrast": Block(ROWS, lambda z, y: losses.info_nce(z, y, 2), lambda z, y: anp.mean(
        logsumexp(z @ y.T / 2, 1) - anp.sum(z * y, axis=1) / 2), lambda s, k: {"y": s}),
}  # fmt: skip
OPTIONS = {"binary": {"binary": True}, "labels": {"integer": True}, "one hot": {"one_hot": True}}


class Network:
    """A random network: blocks by name, symbolic inputs with numbers, the loss, and the same loss for autograd."""

    def __init__(self, draw: Callable[..., Any], seed: int) -> None:
        self.draw, self.rng = draw, np.random.default_rng(seed)
        self.log: list[str] = []
        self.inputs: dict[str, Any] = {}
        self.numbers: dict[str, Any] = {}
        self.wrt: list[str] = []
        self.forms: list[tuple[Form, list[str]]] = []
        self.sizes = {name: self.draw(st.integers(1, 3), label=name) for name in ("m", "t", "n", "c", *WIDTHS)}
        a, b = gp.dims("rows columns")
        self.sizes |= {"rows": 1, "columns": draw(st.integers(1, 2), label="columns")}
        starts: dict[int, Shape] = {
            ROWS: ("m", "n"), SEQUENCE: ("m", "t", "n"), IMAGE: ("m", "c", 2 * a, 2 * b)
        }  # fmt: skip
        rank = draw(st.sampled_from([ROWS, ROWS, SEQUENCE, SEQUENCE, IMAGE]), label="rank")
        self.value = self._input("x", starts[rank], "")
        self._grow(rank)
        self._apply("loss", self._pick(LOSSES))
        if self.wrt and draw(st.booleans(), label="penalty"):
            name = draw(st.sampled_from(self.wrt), label="of")
            self.value = self.value + 0.05 * np.sum(self.inputs[name] ** 2)
            self.forms.append((lambda z, p: z + 0.05 * anp.sum(p**2), [name]))
            self.log.append(f"penalty({name})")
        self.wrt.append("x")

    def _grow(self, rank: int) -> None:
        for _ in range(self.draw(st.integers(1, 2 if rank == ROWS else 1), label="blocks")):
            named = {n: b for n, b in BLOCKS.items() if b.takes == rank}
            if self._odd():
                named = {n: b for n, b in named.items() if "pooling" not in n and "stride" not in n}
            if rank != IMAGE:
                named |= {n: b for n, b in (DENSE | NORMS).items() if self.draw(st.integers(0, 2), label=n) == 0}
            self._apply("block", self._pick(named))
        if rank != ROWS:
            self._apply("end", self._pick({n: b for n, b in ENDS.items() if b.takes == rank}))
        if self.draw(st.booleans(), label="head"):
            self._apply("head", self._pick(DENSE))

    def _odd(self) -> bool:
        return self.value.ndim == IMAGE and any(str(n) in ("rows", "columns") for n in self.value.shape[2:])

    def _pick(self, named: Mapping[str, Block]) -> tuple[str, Block]:
        name = self.draw(st.sampled_from(sorted(named)), label="block")
        return name, named[name]

    def _input(self, name: str, shape: Shape, kind: str) -> Any:
        made = self.inputs[name] = gp.array(name, shape, **OPTIONS.get(kind, {}))
        at = {gp.dims(d): size for d, size in self.sizes.items()}
        numbers = tuple(int(n.subs(at)) for n in made.definition.shape)
        classes = int(self.value.definition.shape[-1].subs(at)) if kind == "labels" else 1
        self.numbers[name] = {
            "binary": lambda: self.rng.integers(0, 2, numbers).astype(float),
            "labels": lambda: self.rng.integers(0, classes, numbers),
            "one hot": lambda: np.eye(numbers[-1])[self.rng.integers(0, numbers[-1], numbers[:1])],
        }.get(kind, lambda: self.rng.normal(size=numbers))()
        return made

    def _apply(self, what: str, picked: tuple[str, Block]) -> None:
        text, block = picked
        shape = self.value.shape
        width = gp.dims(self.draw(st.sampled_from(WIDTHS), label="width"))
        names = []
        for name, size in block.parameters(shape, width).items():
            kind = block.draws.get(name, "")
            called = f"{name}_{len(self.forms)}"
            self._input(called, size, kind)
            names.append(called)
            if not kind and what != "loss":
                self.wrt.append(called)
        self.value = block.symbolic(self.value, *(self.inputs[n] for n in names))
        assert what == "loss" or what == "end" or len(self.value.shape) == len(block.out(shape, width)), text
        self.forms.append((block.oracle, names))
        self.log.append(f"{text}{shape} -> {self.value.shape}")

    def automatic(self, given: Mapping[str, Any]) -> Any:
        """The loss by autograd's NumPy."""
        value = given["x"]
        for form, names in self.forms:
            value = form(value, *(given[n] for n in names))
        return value

    def targets(self) -> list[Any]:
        """The parameters and the input."""
        return [self.inputs[name] for name in self.wrt]
