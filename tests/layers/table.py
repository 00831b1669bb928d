"""The table of layers: each with its hand-written reference, its inputs, and sizes for numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import gradproof as gp
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.tracing.trace import as_input

layers, losses = gp.layers, gp.losses
ONE_HOT, LABELS = {"one_hot": True}, {"integer": True}
SIZES = {"m": 3, "n": 4, "k": 5, "h": 2, "t": 3, "s": 4, "d": 2, "c": 2, "v": 6, "N": 2, "L": 5, "H": 3, "W": 4}
Draw = Callable[[np.random.Generator, tuple[int, ...]], Any]


@dataclass(frozen=True)
class Row:
    """One layer. ``inputs`` are as in ``gp.trace``; ``draws`` make the numbers that may not be any real ones.

    ``certified`` are the gradients that are equal at numbers of 1024 bits and not proved, for the ``reason``. ``cuts``
    name intermediates by hand and derived ones, each proved, at which a long proof is taken apart.
    """

    name: str
    layer: Callable[..., Any]
    reference: str
    inputs: Mapping[str, Any]
    wrt: tuple[str, ...]
    equation: str
    draws: Mapping[str, Draw] = field(default_factory=dict)
    certified: tuple[str, ...] = ()
    reason: str = ""
    cuts: tuple[tuple[str, str], ...] = ()
    traced: bool = True
    """Whether the hand-written passes can be traced for every size: they have no loop over a symbolic length."""

    def arrays(self) -> dict[str, Array]:
        """The symbolic inputs."""
        return {name: as_input(name, spec) for name, spec in self.inputs.items()}

    def numbers(self, seed: int = 0) -> dict[str, Any]:
        """Numbers for the inputs."""
        rng = np.random.default_rng(seed)
        sizes = {gp.dims(letter): size for letter, size in SIZES.items()}
        found = {}
        for name, one in self.arrays().items():
            shape = tuple(int(n.subs(sizes)) for n in one.definition.shape)
            draw = self.draws.get(name, lambda rng, shape: rng.normal(size=shape))
            found[name] = draw(rng, shape)
        return found

    def cotangent(self, output: Array) -> Array:
        """d, of the shape of the output."""
        return gp.array("d", output.definition.shape)

    def passes(self, numpy: str = "numpy") -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The hand-written passes as they stand in their module."""
        module, _, function = self.reference.partition(".")
        names = reference_module(module, numpy)
        return names[function], names[f"{function}_backward"]

    def references(self, numpy: str = "numpy") -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The hand-written passes, as functions of the inputs: the output, and the gradients for d."""
        forward, backward = self.passes(numpy)

        def output(**given: Any) -> Any:
            return forward(**given)[0]

        def gradients(d: Any = None, **given: Any) -> Any:
            _, kept = forward(**given)
            return backward(kept) if d is None else backward(d, kept)

        return output, gradients


def reference_source(module: str) -> str:
    """The text of a module of hand-written passes."""
    spec = find_spec(f"gradproof.numeric.reference.layers.{module}")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


@cache
def reference_module(module: str, numpy: str = "numpy") -> dict[str, Any]:
    """The module as a user's own, which the tracer follows; with another NumPy if asked."""
    return load_source(reference_source(module), f"reference_{module}", numpy)


def load_source(source: str, name: str, numpy: str = "numpy") -> dict[str, Any]:
    """The names that a text defines."""
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source.replace("import numpy as np", f"import {numpy} as np"), f"{name}.py", "exec"), names)
    return names


def labels(classes: int) -> Draw:
    return lambda rng, shape: rng.integers(0, classes, shape)


def one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def binary(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.integers(0, 2, shape).astype(float)


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(0.1, 0.9, shape)


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice([-1.0, 1.0], shape)


def _mlp(x: Any, W: Any, V: Any) -> Any:
    return np.maximum(x @ W, 0) @ V


ROWS3 = {"x": ("m", "n"), "gamma": ("n",), "beta": ("n",)}
IMAGES = {"x": ("N", "c", "H", "W"), "gamma": ("c",), "beta": ("c",)}
NORM = r"\gamma \odot (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta"

_BASIC = (
    Row("dense", layers.dense, "basic.dense", {"x": ("m", "n"), "W": ("n", "k"), "b": ("k",)}, ("x", "W", "b"),
        "x W + b"),
    Row("dense on sequences", layers.dense, "basic.dense_sequence",
        {"x": ("N", "t", "n"), "W": ("n", "k"), "b": ("k",)}, ("x", "W", "b"), "x W + b"),
    Row("embedding", layers.embedding, "basic.embedding", {"table": ("v", "n"), "indices": (("m",), LABELS)},
        ("table",), r"E_{y_i}", {"indices": labels(SIZES["v"])}),
    Row("embedding of sequences", layers.embedding, "basic.embedding",
        {"table": ("v", "n"), "indices": (("m", "t"), LABELS)}, ("table",), r"E_{y_{it}}",
        {"indices": labels(SIZES["v"])}),
    Row("dropout", layers.dropout, "basic.dropout", {"x": ("m", "n"), "mask": (("m", "n"), {"binary": True}), "p": ()},
        ("x",), r"x \odot M/(1 - p)", {"mask": binary, "p": positive}),
    Row("residual", lambda x, W, V: layers.residual(x, _mlp, W, V), "basic.residual",
        {"x": ("m", "n"), "W": ("n", "h"), "V": ("h", "n")}, ("x", "W", "V"), r"x + \max(x W, 0) V"),
)  # fmt: skip

_NORMS = (
    Row("batch norm", layers.batch_norm, "norms.batch_norm", ROWS3, ("x", "gamma", "beta"), NORM),
    Row("batch norm of images", layers.batch_norm, "norms.batch_norm_images", IMAGES, ("x", "gamma", "beta"), NORM),
    Row("batch norm in inference", layers.batch_norm_inference, "norms.batch_norm_inference",
        ROWS3 | {"mean": ("n",), "var": (("n",), {"positive": True})}, ("x", "gamma", "beta"),
        r"\gamma \odot (x - m)/\sqrt{v + \epsilon} + \beta", {"var": positive}),
    Row("layer norm", layers.layer_norm, "norms.layer_norm", ROWS3, ("x", "gamma", "beta"), NORM),
    Row("group norm", lambda x, gamma, beta: layers.group_norm(x, gamma, beta, 2), "norms.group_norm",
        {"x": ("N", 2 * gp.dims("c"), "H", "W"), "gamma": (2 * gp.dims("c"),), "beta": (2 * gp.dims("c"),)},
        ("x", "gamma", "beta"), NORM),
    Row("RMS norm", layers.rms_norm, "norms.rms_norm", {"x": ("m", "n"), "gamma": ("n",)}, ("x", "gamma"),
        r"\gamma \odot x/\sqrt{\operatorname{mean}(x^2) + \epsilon}"),
)  # fmt: skip

_PAIR = {"a": ("m", "n"), "y": ("m", "n")}
_LOSSES = (
    Row("mse", losses.mse, "losses.mse", _PAIR, ("a", "y"), r"\operatorname{mean} (a - y)^2"),
    Row("mae", losses.mae, "losses.mae", _PAIR, ("a", "y"), r"\operatorname{mean} |a - y|"),
    Row("Huber", losses.huber, "losses.huber", _PAIR | {"delta": ((), {"positive": True})}, ("a", "y"),
        r"\operatorname{mean} h_\delta(a - y)", {"delta": positive}),
    Row("cross-entropy of labels", losses.cross_entropy, "losses.cross_entropy",
        {"z": ("m", "k"), "y": (("m",), LABELS)}, ("z",), r"-\frac1m \sum_i \log p_{i y_i}",
        {"y": labels(SIZES["k"])}),
    Row("cross-entropy of one-hot rows", lambda z, Y: losses.cross_entropy(z, Y), "losses.cross_entropy_one_hot",
        {"z": ("m", "k"), "Y": (("m", "k"), ONE_HOT)}, ("z",), r"-\frac1m \sum_{ij} Y_{ij} \log p_{ij}",
        {"Y": one_hot}),
    Row("cross-entropy with smoothed labels", lambda z, Y, smoothing: losses.cross_entropy(z, Y, smoothing),
        "losses.cross_entropy_smoothed", {"z": ("m", "k"), "Y": (("m", "k"), ONE_HOT), "smoothing": ()}, ("z",),
        r"-\frac1m \sum_{ij} ((1 - \epsilon) Y_{ij} + \epsilon/k) \log p_{ij}", {"Y": one_hot, "smoothing": positive}),
    Row("bce", losses.bce, "losses.bce", {"p": (("m",), {"positive": True}), "y": ("m",)}, ("p",),
        r"-\operatorname{mean} (y \log p + (1 - y) \log(1 - p))", {"p": positive, "y": binary}),
    Row("bce with logits", losses.bce_with_logits, "losses.bce_with_logits", {"z": ("m",), "y": ("m",)}, ("z",),
        r"\operatorname{mean} (\log(1 + e^z) - y z)", {"y": binary}),
    Row("focal", losses.focal, "losses.focal", {"z": ("m",), "y": ("m",)}, ("z",),
        r"-\operatorname{mean} (y (1 - p)^2 \log p + (1 - y) p^2 \log(1 - p))", {"y": binary}),
    Row("Kullback-Leibler", losses.kl, "losses.kl",
        {"z": ("m", "k"), "q": (("m", "k"), {"positive": True, "simplex": True})}, ("z",),
        r"\frac1m \sum_{ij} q_{ij} \log (q_{ij}/p_{ij})", {"q": probabilities}),
    Row("Kullback-Leibler of Gaussians", losses.gaussian_kl, "losses.gaussian_kl",
        {"mu": ("m", "n"), "log_var": ("m", "n")}, ("mu", "log_var"),
        r"\frac1{2m} \sum (\mu^2 + \sigma^2 - 1 - \log \sigma^2)"),
    Row("hinge", losses.hinge, "losses.hinge", {"s": ("m",), "y": ("m",)}, ("s",),
        r"\operatorname{mean} \max(0, 1 - y s)", {"y": signs}),
    Row("hinge of many classes", losses.multiclass_hinge, "losses.multiclass_hinge",
        {"s": ("m", "k"), "Y": (("m", "k"), ONE_HOT)}, ("s",),
        r"\frac1m \sum_i \sum_{j \ne y_i} \max(0, s_{ij} - s_{i y_i} + 1)", {"Y": one_hot}),
    Row("cosine", losses.cosine, "losses.cosine", {"a": ("m", "n"), "b": ("m", "n")}, ("a", "b"),
        r"\operatorname{mean}_i (1 - \cos(a_i, b_i))"),
    Row("triplet", losses.triplet, "losses.triplet",
        {"anchor": ("m", "n"), "positive": ("m", "n"), "negative": ("m", "n")}, ("anchor", "positive", "negative"),
        r"\operatorname{mean}_i \max(0, |a_i - p_i|^2 - |a_i - n_i|^2 + 1)"),
    Row("InfoNCE", losses.info_nce, "losses.info_nce",
        {"q": ("m", "n"), "k": ("m", "n"), "temperature": ((), {"positive": True})}, ("q", "k"),
        r"\frac1m \sum_i (\log \sum_j e^{s_{ij}} - s_{ii}), s = q k^\top/\tau", {"temperature": positive}),
)  # fmt: skip


def _masks(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Every query may look at some key: a softmax of nothing has no value."""
    return (rng.random(shape) < 0.5) | np.eye(*shape, dtype=bool)


QKV = {"q": ("t", "d"), "k": ("s", "d"), "v": ("s", "n")}
HEADS = {
    "x": ("N", "t", "n"),
    "Wq": ("h", "n", "d"),
    "Wk": ("h", "n", "d"),
    "Wv": ("h", "n", "c"),
    "Wo": ("h", "c", "n"),
}
_ATTENTION = (
    Row("attention", layers.attention, "attention.attention", QKV, ("q", "k", "v"),
        r"\operatorname{softmax}(q k^\top/\sqrt d) \, v"),
    Row("attention with a mask", layers.attention, "attention.attention_masked",
        {"q": ("N", "t", "d"), "k": ("N", "s", "d"), "v": ("N", "s", "n"), "mask": (("t", "s"), {"boolean": True})},
        ("q", "k", "v"), r"\operatorname{softmax}(q k^\top/\sqrt d \text{ where } M \text{, else } -\infty) \, v",
        {"mask": _masks}),
    Row("causal attention", lambda q, k, v: layers.attention(q, k, v, causal=True), "attention.attention_causal",
        {"q": ("t", "d"), "k": ("t", "d"), "v": ("t", "n")}, ("q", "k", "v"),
        r"\operatorname{softmax}(q k^\top/\sqrt d \text{ where } s \le t) \, v"),
    Row("attention of several heads", layers.multi_head_attention, "attention.multi_head_attention", HEADS,
        ("x", "Wq", "Wk", "Wv", "Wo"), r"\sum_h \operatorname{attention}(x W^q_h, x W^k_h, x W^v_h) W^o_h"),
    Row("rotary positions", layers.rotary, "attention.rotary",
        {"x": ("N", "t", 2 * gp.dims("h")), "angles": ("t", "h")}, ("x",),
        r"(x_1 \cos\theta - x_2 \sin\theta,\; x_2 \cos\theta + x_1 \sin\theta)"),
)  # fmt: skip

_L, _H, _W = gp.dims("L H W")
_CONV = r"b_o + \sum_{c,u} W_{ocu} \, x_{n,c,i + u}"
_WINDOWS = (
    Row("convolution of sequences", layers.conv1d, "windows.conv1d",
        {"x": ("N", "c", "L"), "W": ("k", "c", 3), "b": ("k",)}, ("x", "W", "b"), _CONV),
    Row("convolution with stride, dilation and padding",
        lambda x, W: layers.conv1d(x, W, stride=2, dilation=2, padding=1), "windows.conv1d_strided",
        {"x": ("N", "c", 2 * _L + 1), "W": ("k", "c", 3)}, ("x", "W"), r"\sum_{c,u} W_{ocu} \, x_{n,c,2 i + 2 u - 1}"),
    Row("convolution of a channel each", lambda x, W: layers.conv1d(x, W, groups=2), "windows.depthwise",
        {"x": ("N", 2, "L"), "W": (2, 1, 3)}, ("x", "W"), r"\sum_u W_{o0u} \, x_{n,o,i + u}"),
    Row("convolution of images", lambda x, W, b: layers.conv2d(x, W, b, padding=1), "windows.conv2d",
        {"x": ("N", "c", "H", "W"), "W": ("k", "c", 3, 3), "b": ("k",)}, ("x", "W", "b"),
        r"b_o + \sum_{c,u,v} W_{ocuv} \, x_{n,c,i + u - 1,j + v - 1}"),
    Row("convolution of images with stride", lambda x, W: layers.conv2d(x, W, stride=2), "windows.conv2d_strided",
        {"x": ("N", "c", 2 * _H, 2 * _W), "W": ("k", "c", 2, 2)}, ("x", "W"),
        r"\sum_{c,u,v} W_{ocuv} \, x_{n,c,2 i + u,2 j + v}"),
    Row("average pooling", lambda x: layers.average_pool(x, 2), "windows.average_pool",
        {"x": ("N", "c", 2 * _H, 2 * _W)}, ("x",), r"\tfrac14 \sum_{u,v} x_{n,c,2 i + u,2 j + v}"),
    Row("max pooling", lambda x: layers.max_pool(x, 2), "windows.max_pool",
        {"x": ("N", "c", 2 * _H, 2 * _W)}, ("x",), r"\max_{u,v} x_{n,c,2 i + u,2 j + v}"),
)  # fmt: skip

BLOCK = {
    "x": ("N", "t", "n"), "gamma1": ("n",), "beta1": ("n",), "Wq": ("h", "n", "d"), "Wk": ("h", "n", "d"),
    "Wv": ("h", "n", "c"), "Wo": ("h", "c", "n"), "gamma2": ("n",), "beta2": ("n",), "W1": ("n", "k"), "b1": ("k",),
    "W2": ("k", "n"), "b2": ("n",),
}  # fmt: skip
_BLOCKS = (
    Row("transformer block", layers.transformer_block, "transformer.transformer_block", BLOCK, tuple(BLOCK),
        r"y + \max(\operatorname{norm}(y) W_1 + b_1, 0) W_2 + b_2",
        cuts=(("kept0", "h"), ("y", "y"), ("dy", "d_y"), ("dh", "d_h"))),
)  # fmt: skip

_ALIGNMENT = (
    Row("CTC", losses.ctc, "alignment.ctc", {"z": ("t", "m", "k"), "y": (("m", "h"), LABELS)}, ("z",),
        r"-\frac1m \sum_i \log \sum_{\text{paths that spell } y_i} \prod_t p_{t,i,\text{path}_t}",
        {"y": lambda rng, shape: rng.integers(1, SIZES["k"], shape)}, certified=("z",), traced=False,
        reason="that a posterior is the product of what comes before and after is no step of the prover"),
)  # fmt: skip

ROWS = (*_BASIC, *_NORMS, *_LOSSES, *_ALIGNMENT, *_ATTENTION, *_WINDOWS, *_BLOCKS)
TABLE: dict[str, Row] = {row.name: row for row in ROWS}
