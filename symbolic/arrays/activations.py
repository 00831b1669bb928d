r"""Functions that NumPy does not have, on symbolic arrays: activations, erf, softmax and its relatives.

>>> from gradproof.symbolic.arrays.array import array
>>> from gradproof.symbolic.calculus.differentiate import grad
>>> x = array("x", ("n",))
>>> grad(sigmoid(x).sum(), x).shape
(n,)
"""

from __future__ import annotations

from typing import Any

from ..equations import functions as fn
from .array import Array, elementwise
from .reductions import log_softmax as log_softmax
from .reductions import logsumexp as logsumexp
from .reductions import softmax as softmax


def _apply(name: str, *arguments: Any) -> Array:
    return elementwise(name, fn.TABLE[name].head, *arguments)


def sigmoid(x: Any) -> Array:
    r""":math:`1/(1 + e^{-x})`."""
    return _apply("sigmoid", x)


def relu(x: Any) -> Array:
    r""":math:`\max(x, 0)`."""
    return _apply("relu", x)


def leaky_relu(x: Any, alpha: Any = 0.01) -> Array:
    r""":math:`x` where positive, else :math:`\alpha x`."""
    return _apply("leaky_relu", x, alpha)


def elu(x: Any, alpha: Any = 1) -> Array:
    r""":math:`x` where positive, else :math:`\alpha (e^x - 1)`."""
    return _apply("elu", x, alpha)


def selu(x: Any) -> Array:
    """The scaled elu of Klambauer et al. (2017)."""
    return _apply("selu", x)


def softplus(x: Any) -> Array:
    r""":math:`\log(1 + e^x)`."""
    return _apply("softplus", x)


def silu(x: Any) -> Array:
    r""":math:`x \, \sigma(x)`, also called swish."""
    return _apply("silu", x)


def gelu(x: Any) -> Array:
    r""":math:`x \, \Phi(x)` with the normal distribution function (Hendrycks and Gimpel, 2016)."""
    return _apply("gelu", x)


def gelu_tanh(x: Any) -> Array:
    r"""The tanh form of gelu, :math:`x (1 + \tanh(\sqrt{2/\pi} (x + 0.044715 x^3)))/2`."""
    return _apply("gelu_tanh", x)


def erf(x: Any) -> Array:
    r"""The error function :math:`\frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt`."""
    return _apply("erf", x)
