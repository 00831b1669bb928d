"""Optimisers as frozen specifications with pure steps: one row each in ``OPTIMISERS``.

``init(params)`` gives a state, ``step(params, grads, state)`` gives new parameters and a new state; neither changes its
arguments. Whether the gradient is of the full set, of one example or of a mini-batch is the training loop's affair, so
``gradient_descent`` and ``sgd`` share one rule.

>>> import numpy as np
>>> adam = OPTIMISERS["adam"](learning_rate=0.1)
>>> params, state = {"w": np.array([1.0])}, adam.init({"w": np.array([1.0])})
>>> params, state = adam.step(params, {"w": np.array([123.0])}, state)
>>> round(float(params["w"][0]), 9)
0.9
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from gradproof.errors import UsageError

from .common import Array, Params

State: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Optimiser(ABC):
    """What every optimiser has: a positive ``learning_rate``, ``init`` and ``step``."""

    learning_rate: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("learning_rate", "epsilon"):
                if not (value > 0 and math.isfinite(value)):
                    raise UsageError(f"{field.name} is {value}; it must be a positive number")
            elif not 0 <= value < 1:
                raise UsageError(f"{field.name} is {value}; it must be at least 0 and below 1")

    def init(self, params: Mapping[str, Array]) -> State:
        """The state before the first step: nothing, unless the optimiser remembers something."""
        return {}

    @abstractmethod
    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: State) -> tuple[Params, State]:
        """The parameters and the state after one step; UsageError where ``grads`` lacks a parameter."""


def _zeros(params: Mapping[str, Array]) -> Params:
    return {name: np.zeros_like(value) for name, value in params.items()}


def _map(rule: Callable[..., Array], params: Mapping[str, Array], *others: Mapping[str, Array]) -> Params:
    """``rule`` for every parameter, with the arrays of the same name in the other dicts."""
    for other in others:
        missing = [name for name in params if name not in other]
        if missing:
            raise UsageError(f"there is no gradient or state for {', '.join(missing)}; there is for {', '.join(other)}")
    return {name: rule(value, *(other[name] for other in others)) for name, value in params.items()}


@dataclass(frozen=True, slots=True)
class GradientDescent(Optimiser):
    """w ← w − η g. On one example or a mini-batch at a time this is stochastic gradient descent."""

    learning_rate: float = 0.1

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: State) -> tuple[Params, State]:
        """w ← w − η g."""
        return _map(lambda w, g: w - self.learning_rate * g, params, grads), state


@dataclass(frozen=True, slots=True)
class Momentum(Optimiser):
    """The heavy ball (Polyak, 1964): v ← μ v + g, w ← w − η v."""

    learning_rate: float = 0.1
    momentum: float = 0.9

    def init(self, params: Mapping[str, Array]) -> State:
        """Velocity zero."""
        return {"velocity": _zeros(params)}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: State) -> tuple[Params, State]:
        """v ← μ v + g, w ← w − η v."""
        velocity = _map(lambda g, v: self.momentum * v + g, grads, state["velocity"])
        return _map(lambda w, v: w - self.learning_rate * v, params, velocity), {"velocity": velocity}


@dataclass(frozen=True, slots=True)
class Nesterov(Momentum):
    """Nesterov's momentum as Sutskever et al. (2013) rewrite it, in terms of the shifted parameters that are trained:
    v ← μ v + g, w ← w − η (g + μ v)."""

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: State) -> tuple[Params, State]:
        """v ← μ v + g, w ← w − η (g + μ v)."""
        velocity = _map(lambda g, v: self.momentum * v + g, grads, state["velocity"])
        ahead = _map(lambda w, g, v: w - self.learning_rate * (g + self.momentum * v), params, grads, velocity)
        return ahead, {"velocity": velocity}


@dataclass(frozen=True, slots=True)
class RMSProp(Optimiser):
    """RMSProp (Tieleman and Hinton, 2012): s ← ρ s + (1 − ρ) g², w ← w − η g/(√s + ε)."""

    learning_rate: float = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8

    def init(self, params: Mapping[str, Array]) -> State:
        """Mean square zero."""
        return {"square": _zeros(params)}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: State) -> tuple[Params, State]:
        """s ← ρ s + (1 − ρ) g², w ← w − η g/(√s + ε)."""
        square = _map(lambda g, s: self.decay * s + (1 - self.decay) * g * g, grads, state["square"])
        moved = _map(lambda w, g, s: w - self.learning_rate * g / (np.sqrt(s) + self.epsilon), params, grads, square)
        return moved, {"square": square}


@dataclass(frozen=True, slots=True)
class Adam(Optimiser):
    """Adam with bias correction (Kingma and Ba, 2015, algorithm 1):
    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)."""

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, params: Mapping[str, Array]) -> State:
        """Step count and both moments zero."""
        return {"step": 0, "first": _zeros(params), "second": _zeros(params)}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: State) -> tuple[Params, State]:
        """One step with the moments corrected for their start at zero."""
        t = state["step"] + 1
        first = _map(lambda g, m: self.beta1 * m + (1 - self.beta1) * g, grads, state["first"])
        second = _map(lambda g, v: self.beta2 * v + (1 - self.beta2) * g * g, grads, state["second"])
        first_bias, second_bias = 1 - self.beta1**t, 1 - self.beta2**t

        def rule(w: Array, m: Array, v: Array) -> Array:
            return w - self.learning_rate * (m / first_bias) / (np.sqrt(v / second_bias) + self.epsilon)

        return _map(rule, params, first, second), {"step": t, "first": first, "second": second}


OPTIMISERS: Final[Mapping[str, type[Optimiser]]] = MappingProxyType(
    {
        "gradient_descent": GradientDescent,
        "sgd": GradientDescent,
        "momentum": Momentum,
        "nesterov": Nesterov,
        "rmsprop": RMSProp,
        "adam": Adam,
    }
)
"""Every optimiser's class by name."""
