"""Layers of a network and the activations that they may have.

Row batches: a dense layer computes ``z = a_prev @ W + b`` and ``a = σ(z)``, examples in rows. The activations are the
rows of the function table that take one argument, those with one parameter (``leaky_relu``, ``elu``), ``identity``
and ``softmax``.

>>> Dense(784, 128, "relu")
Dense(784, 128, 'relu')
>>> Dense("n", 10, ("leaky_relu", 0.2)).alpha
0.2
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import sympy as sp

from gradproof.errors import UsageError

from ..equations import functions as fn
from ..equations.dims import as_dim
from ..equations.numbers import exact

PARAMETER: Final[dict[str, float]] = {"leaky_relu": 0.01, "elu": 1.0}
"""Activations with a parameter alpha, and its default: the slope, or the scale, below zero."""

ALIASES: Final[dict[str, str]] = {"linear": "identity"}
"""Other words for the same activation."""

# a layer of signs or of rounded values has the derivative 0 almost everywhere, so nothing behind it would learn
_NO_GRADIENT: Final = ("sign", "floor", "rint")
_BY_NAME: Final = tuple(name for name, row in fn.TABLE.items() if row.arity == 1 and name not in _NO_GRADIENT)

ACTIVATIONS: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(("identity", "linear", "sigmoid", "tanh", "relu", *PARAMETER, "softmax", "square", *_BY_NAME))
)
"""The names of every activation."""


def choose(name: object, names: Iterable[str], what: str, where: str = "") -> str:
    """``name`` if it is among ``names``; otherwise a :class:`UsageError` that lists them and suggests the nearest.

    >>> choose("rleu", ["relu", "tanh"], "activation", "layer 2")
    Traceback (most recent call last):
    gradproof.errors.UsageError: layer 2: no activation is called 'rleu' (did you mean 'relu'?); the names are relu, \
tanh
    """
    known = list(names)
    if isinstance(name, str) and name in known:
        return name
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise UsageError(
        f"{where}{': ' if where else ''}no {what} is called {name!r}{hint}; the names are {', '.join(known)}"
    )


@dataclass(frozen=True, slots=True, repr=False)
class Dense:
    """A dense layer: its widths (integers, dimensions or their names), its activation, and whether it has a bias.

    ``activation`` is a name, or a pair ``("leaky_relu", 0.2)`` of a name and its parameter, which may also be given as
    ``alpha``. Raises :class:`UsageError` that lists the names for one that is unknown, and where a width is none.
    """

    inputs: Any
    outputs: Any
    activation: str
    bias: bool
    name: str | None
    alpha: float | None

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        activation: str | tuple[str, float] = "identity",
        bias: bool = True,
        name: str | None = None,
        *,
        alpha: float | None = None,
    ) -> None:
        if isinstance(activation, (tuple, list)):
            if len(activation) != 2 or alpha is not None:
                raise UsageError(f'Dense: write activation=("leaky_relu", 0.2) or alpha=0.2, not {activation!r}')
            activation, alpha = activation
        word = choose(activation, ACTIVATIONS, "activation", name or f"Dense({inputs}, {outputs})")
        word = ALIASES.get(word, word)
        if alpha is not None and word not in PARAMETER:
            raise UsageError(f"Dense: {word} takes no parameter alpha; those that do are {', '.join(PARAMETER)}")
        if word in PARAMETER and alpha is None:
            alpha = PARAMETER[word]
        if alpha is not None and (isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not _ok(alpha)):
            raise UsageError(f"Dense: alpha of {word} is {alpha!r}; give a finite number")
        if not isinstance(bias, bool):
            raise UsageError(f"Dense: bias is {bias!r}; give True or False")
        values = {
            "inputs": _width(inputs, "inputs"), "outputs": _width(outputs, "outputs"), "activation": word,
            "bias": bias, "name": name, "alpha": alpha,
        }  # fmt: skip
        for key, value in values.items():
            object.__setattr__(self, key, value)

    def apply(self, z: Any) -> Any:
        """The activation as a SymPy expression of the scalar pre-activation z (softmax, which is not one, excepted)."""
        return scalar_activation(self.activation, self.alpha)(z)

    def __repr__(self) -> str:
        shown = repr(self.activation) if self.alpha is None else repr((self.activation, self.alpha))
        parts = [f"{self.inputs}", f"{self.outputs}", shown]
        parts += [] if self.bias else ["bias=False"]
        parts += [] if self.name is None else [f"name={self.name!r}"]
        return f"Dense({', '.join(parts)})"


def _ok(alpha: float) -> bool:
    return math.isfinite(alpha)


def _width(value: Any, what: str) -> Any:
    size = as_dim(value, f"Dense: {what}")
    if size.is_positive is False:
        raise UsageError(f"Dense: {what} is {value}; a layer needs at least one unit in and out")
    return int(size) if size.is_Integer else size


def scalar_activation(name: str, alpha: float | None = None) -> Callable[[Any], Any]:
    """The activation as a function from a SymPy scalar to a SymPy scalar.

    >>> scalar_activation("tanh")(sp.Symbol("z"))
    tanh(z)
    """
    if name == "identity":
        return lambda z: z
    if name == "square":
        return lambda z: z**2
    if name == "softmax":
        raise UsageError("softmax is not a function of one scalar; it takes the whole row")
    if name in PARAMETER:
        parameter = exact(PARAMETER[name] if alpha is None else alpha)
        return lambda z: fn.TABLE[name].head(z, parameter)
    return fn.TABLE[name].head


def derivative_of(layer: Dense, z: Any, a: Any) -> Any:
    """σ′(z) as a SymPy expression, with σ(z) written as ``a`` where it occurs in it.

    >>> z, a = sp.symbols("z a", real=True)
    >>> derivative_of(Dense(1, 1, "sigmoid"), z, a)
    a*(1 - a)
    """
    at = sp.Dummy("z", real=True)
    value = layer.apply(at)
    return value.diff(at).xreplace({value: a} if value != at else {}).xreplace({at: z})
