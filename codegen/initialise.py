"""Initial weights in emitted programs: one row each, as the NumPy source that draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gradproof.symbolic.networks.layers import choose

INITIALISERS: Final[Mapping[str, str]] = MappingProxyType({
    "zeros": "np.zeros(({rows}, {columns}))",
    "uniform": "rng.uniform(-0.05, 0.05, size=({rows}, {columns}))",
    "lecture_uniform": "(2 * rng.random(({rows}, {columns})) - 1)",
    "normal": "rng.normal(0.0, 0.01, size=({rows}, {columns}))",
    "glorot_uniform": "rng.uniform(-1, 1, size=({rows}, {columns})) * np.sqrt(6 / ({rows} + {columns}))",
    "glorot_normal": "rng.normal(size=({rows}, {columns})) * np.sqrt(2 / ({rows} + {columns}))",
    "he_uniform": "rng.uniform(-1, 1, size=({rows}, {columns})) * np.sqrt(6 / {rows})",
    "he_normal": "rng.normal(size=({rows}, {columns})) * np.sqrt(2 / {rows})",
})  # fmt: skip
"""The source of each initialiser for a weight matrix of shape (rows, columns)."""

_RECTIFIERS: Final = ("relu", "leaky_relu", "elu", "silu", "gelu", "gelu_tanh", "softplus")


def initialiser_for(activation: str) -> str:
    """He's for rectifiers (variance 2/fan_in), Glorot's otherwise."""
    return "he_normal" if activation in _RECTIFIERS else "glorot_uniform"


def initial_source(shapes: Mapping[str, tuple[int, ...]], initialisers: Sequence[str]) -> dict[str, str]:
    """The source that draws each parameter; vectors start at zero.

    >>> initial_source({"W1": (3, 4), "b1": (4,)}, ["lecture_uniform"])
    {'W1': '(2 * rng.random((3, 4)) - 1)', 'b1': 'np.zeros(4)'}
    """
    result = {}
    for name, shape in shapes.items():
        number = int("".join(c for c in name if c.isdigit()) or 1)
        if len(shape) < 2:
            result[name] = f"np.zeros({shape[0]})"
            continue
        row = choose(initialisers[number - 1], INITIALISERS, "initialiser", "generate")
        source = INITIALISERS[row].format(rows=shape[0], columns=shape[1])
        result[name] = f"({source})" if " * np." in source else source
    return result
