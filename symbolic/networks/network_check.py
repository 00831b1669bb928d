"""A network's derived gradients against the hand-written backward pass, by normal form and by numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.errors import UnsupportedError
from gradproof.verdicts import Verdict

from ..arrays.array import Array
from ..equations.numbers import exact
from ..prove import equal_all

if TYPE_CHECKING:
    from .network import Network


def verify_network(network: Network) -> dict[str, Verdict]:
    """One verdict a parameter: is the derived gradient the one that ``gradproof.numeric.reference.network`` computes?

    The hand-written pass runs, as it stands, on symbolic arrays, which makes index equations of it; the two systems are
    then compared by :func:`gradproof.symbolic.prove.equal_all`. Nothing is taken from the engine to make them.
    """
    try:
        claimed = written_gradients(network)
    except UnsupportedError as reason:
        unknown = Verdict("unknown", f"the hand-written pass cannot be traced: {reason}")
        return dict.fromkeys(network.parameters, unknown)
    derived = network.gradients()
    verdicts = equal_all([(claimed[name], derived[name]) for name in network.parameters])
    return dict(zip(network.parameters, verdicts, strict=True))


def written_gradients(network: Network) -> dict[str, Array]:
    """The hand-written backward pass of ``numeric/reference/network.py``, traced on the network's symbolic arrays."""
    # the one place where the symbolic half looks at the numbers: to be checked against them
    from gradproof.numeric.reference import network as written

    for number, layer in enumerate(network.layers, start=1):
        _same_parameter(number, layer.activation, layer.alpha)
    layers = [_layer(layer) for layer in network.layers]
    arrays = dict(network.parameters)
    found: dict[str, Any] = written.gradient(
        arrays, network.X, network.Y, layers, network.loss, float(network.l1), float(network.l2)
    )
    return found


def _layer(layer: Any) -> Any:
    from gradproof.numeric.reference.network import Layer

    # the passes read the activation alone; widths, which may be symbols here, come with the arrays
    return Layer(1, 1, layer.activation, layer.bias)


def _same_parameter(number: int, activation: str, alpha: float | None) -> None:
    from gradproof.numeric.reference.activations import ACTIVATIONS

    if activation not in ACTIVATIONS:
        raise UnsupportedError(f"layer {number}: there is no hand-written {activation}")
    fixed = {"leaky_relu": sp.Rational(1, 100), "elu": sp.S.One}
    if alpha is not None and exact(alpha) != fixed[activation]:
        raise UnsupportedError(f"layer {number}: the hand-written {activation} has the parameter {fixed[activation]}")
