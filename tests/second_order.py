"""Losses whose Hessians people know: each once for symbolic arrays, once for autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np

import gradproof as gp

SIZES = {"m": 7, "n": 5, "k": 3, "r": 2, "h": 4}
SHAPES: dict[str, tuple[str, ...]] = {
    "X": ("m", "n"), "y": ("m",), "w": ("n",), "W": ("n", "k"), "Y": ("m", "k"), "U": ("m", "r"), "V": ("n", "r"),
    "M": ("m", "n"), "W1": ("n", "h"), "b1": ("h",), "W2": ("h", "k"), "b2": ("k",),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """``loss(np, e)`` with arrays by name; ``wrt`` names the parameters."""

    loss: Callable[[Any, Any], Any]
    wrt: tuple[str, ...]


def _softplus(np: Any, z: Any) -> Any:
    return gp.softplus(z) if isinstance(z, gp.Array) else np.logaddexp(0, z)


def _sigmoid(np: Any, z: Any) -> Any:
    return gp.sigmoid(z) if isinstance(z, gp.Array) else 1 / (1 + np.exp(-z))


def _bernoulli(np: Any, e: Any) -> Any:
    p = _sigmoid(np, e["X"] @ e["w"])
    return -np.mean(e["y"] * np.log(p) + (1 - e["y"]) * np.log(1 - p))


def _softmax(np: Any, e: Any) -> Any:
    z = e["X"] @ e["W"]
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(e["Y"] * z, axis=1))


def _net(np: Any, e: Any) -> Any:
    a = np.tanh(e["X"] @ e["W1"] + e["b1"])
    return np.sum((a @ e["W2"] + e["b2"] - e["Y"]) ** 2) / 2


CASES: dict[str, Case] = {
    "linear": Case(lambda np, e: np.sum((e["X"] @ e["w"] - e["y"]) ** 2) / 2, ("w",)),
    "logistic": Case(
        lambda np, e: np.mean(_softplus(np, e["X"] @ e["w"]) - e["y"] * (e["X"] @ e["w"])), ("w",)
    ),
    "logistic by logarithms": Case(_bernoulli, ("w",)),
    "Poisson": Case(lambda np, e: np.sum(np.exp(e["X"] @ e["w"]) - e["y"] * (e["X"] @ e["w"])), ("w",)),
    "gamma": Case(lambda np, e: np.sum(e["y"] * np.exp(-(e["X"] @ e["w"])) + e["X"] @ e["w"]), ("w",)),
    "softmax regression": Case(_softmax, ("W",)),
    "matrix factorisation": Case(lambda np, e: np.sum((e["U"] @ e["V"].T - e["M"]) ** 2) / 2, ("U", "V")),
    "tanh net": Case(_net, ("W1", "b1", "W2", "b2")),
}  # fmt: skip


def symbols() -> dict[str, Any]:
    """Symbolic arrays by name."""
    return {name: gp.array(name, shape) for name, shape in SHAPES.items()}


def directions(case: Case) -> list[Any]:
    """A symbolic vector ``v_W`` for each parameter."""
    return [gp.array(f"v_{name}", SHAPES[name]) for name in case.wrt]


def numbers(seed: int = 0) -> dict[str, Any]:
    """Arrays of numbers by name: inputs, targets, parameters and directions."""
    rng = np.random.default_rng(seed)
    named = {name: rng.normal(size=tuple(SIZES[d] for d in shape)) for name, shape in SHAPES.items()}
    named["y"] = (named["y"] > 0) * 1.0
    named["Y"] = np.eye(SIZES["k"])[rng.integers(0, SIZES["k"], SIZES["m"])]
    return named | {f"v_{name}": rng.normal(size=named[name].shape) for name in SHAPES}


def autograd_hessian(case: Case, values: dict[str, Any]) -> Any:
    """The Hessian as one matrix over all parameters, by autograd."""
    import autograd

    parts = [values[name] for name in case.wrt]
    ends = np.cumsum([part.size for part in parts])

    def flat(theta: Any) -> Any:
        pieces = [theta[end - p.size : end].reshape(p.shape) for p, end in zip(parts, ends, strict=True)]
        return case.loss(anp, values | dict(zip(case.wrt, pieces, strict=True)))

    return autograd.hessian(flat)(np.concatenate([part.ravel() for part in parts]))
