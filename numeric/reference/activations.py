"""Activation functions and their derivatives, written by hand in plain NumPy: one row each in ``ACTIVATIONS``.

Every function keeps the dtype of a float array, is stable for \\|z\\| up to 1e4 in float32 and float64 (except ``exp``,
which overflows where the exact value does), and runs unchanged on complex arrays, on object arrays whose elements
have methods such as ``exp()``, and on array-likes with ``__array_ufunc__`` and ``__array_function__``.

Two habits follow from that. An exponential is only ever taken of min(z, -z) = -\\|z\\|, so a branch that is not chosen
cannot overflow; the minimum, unlike the absolute value, stays analytic on each side of zero.
And a constant multiplies z before it meets another constant, so that value and derivative share one rounded constant
and remain an exact pair in any precision; except ``gelu``, where 1/√2 and 1/√(2π) are rounded apart (a relative 1e-16).

>>> import numpy as np
>>> z = np.array([-1e4, 0.0, 1e4])
>>> sigmoid = ACTIVATIONS["sigmoid"]
>>> a = sigmoid.value(z)
>>> a.tolist(), sigmoid.derivative(z, a).tolist()
([0.0, 0.5, 1.0], [0.0, 0.25, 0.0])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from gradproof.errors import UnsupportedError

from .common import Array

LEAKY_SLOPE: Final = 0.01
SELU_ALPHA: Final = 1.6732632423543772
SELU_SCALE: Final = 1.0507009873554805
GELU_CUBIC: Final = 0.044715
ROOT_2_OVER_PI: Final = math.sqrt(2 / math.pi)
ROOT_HALF: Final = math.sqrt(0.5)
NORMAL_PEAK: Final = 1 / math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Activation:
    """A row of the table: a function of the pre-activation z and its derivative.

    ``value(z)`` has the shape of z. ``derivative(z, a)`` is da/dz given a = value(z): entry by entry and of z's shape
    where ``elementwise`` is True; otherwise the Jacobian over the last axis, of shape ``z.shape + (z.shape[-1],)``.
    ``kinks`` are the z at which there is no derivative; ``doc`` names the one-sided value that is taken there.
    """

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]
    doc: str
    elementwise: bool = True
    kinks: tuple[float, ...] = ()

    def pullback(self, z: Array, a: Array, cotangent: Array) -> Array:
        """The vector-Jacobian product: dC/dz from ``cotangent`` = dC/da, both of the shape of z.

        >>> z = np.array([[0.0, 0.0]])
        >>> softmax = ACTIVATIONS["softmax"]
        >>> softmax.pullback(z, softmax.value(z), np.array([[1.0, 0.0]]))
        array([[ 0.25, -0.25]])
        """
        if self.elementwise:
            return cotangent * self.derivative(z, a)
        # (diag(a) - a aᵀ) c, without building the matrix
        return a * (cotangent - np.sum(cotangent * a, axis=-1, keepdims=True))


def _erf_of_one(x: Any) -> Any:
    if isinstance(x, complex | np.complexfloating):
        raise UnsupportedError("erf of a complex number is not implemented; use central differences for gelu")
    return x.erf() if hasattr(x, "erf") else math.erf(x)


_erf_by_entry = np.frompyfunc(_erf_of_one, 1, 1)


def erf(z: Array) -> Array:
    """The error function 2/√π ∫₀ᶻ exp(−t²) dt, entry by entry, by ``math.erf`` (within an ulp or two of the truth).

    NumPy has no such function to dispatch, so an array-like, or an entry of an object array, that has a method
    ``erf()`` answers for itself. A complex entry raises UnsupportedError.

    >>> erf(np.array([0.0, 1.0], dtype=np.float32))
    array([0.       , 0.8427008], dtype=float32)
    """
    if hasattr(z, "erf"):
        return z.erf()
    values = _erf_by_entry(z)
    if isinstance(z, np.ndarray | np.generic) and z.dtype.kind in "fiub":
        return np.asarray(values).astype(z.dtype if z.dtype.kind == "f" else np.float64)[()]
    return values


def _identity(z: Array) -> Array:
    return z


def _identity_derivative(z: Array, a: Array) -> Array:
    return np.ones_like(z)


def _sigmoid(z: Array) -> Array:
    e = np.exp(np.minimum(z, -z))
    return np.where(z < 0, e, 1) / (1 + e)


def _sigmoid_derivative(z: Array, a: Array) -> Array:
    return a * (1 - a)


def _tanh(z: Array) -> Array:
    return np.tanh(z)


def _tanh_derivative(z: Array, a: Array) -> Array:
    return 1 - a * a


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _relu_derivative(z: Array, a: Array) -> Array:
    return np.where(z > 0, np.ones_like(z), 0)


def _leaky_relu(z: Array) -> Array:
    return np.where(z > 0, z, LEAKY_SLOPE * z)


def _leaky_relu_derivative(z: Array, a: Array) -> Array:
    return np.where(z > 0, np.ones_like(z), LEAKY_SLOPE)


def _elu(z: Array) -> Array:
    return np.where(z > 0, z, np.expm1(np.minimum(z, -z)))


def _elu_derivative(z: Array, a: Array) -> Array:
    return np.where(z > 0, np.ones_like(z), np.exp(np.minimum(z, -z)))


def _selu(z: Array) -> Array:
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, -z)))


def _selu_derivative(z: Array, a: Array) -> Array:
    return SELU_SCALE * np.where(z > 0, np.ones_like(z), SELU_ALPHA * np.exp(np.minimum(z, -z)))


def _softplus(z: Array) -> Array:
    return np.maximum(z, 0) + np.log1p(np.exp(np.minimum(z, -z)))


def _softplus_derivative(z: Array, a: Array) -> Array:
    return _sigmoid(z)


def _silu(z: Array) -> Array:
    return z * _sigmoid(z)


def _silu_derivative(z: Array, a: Array) -> Array:
    s = _sigmoid(z)
    return s * (1 + z * (1 - s))


def _gelu(z: Array) -> Array:
    return 0.5 * z * (1 + erf(ROOT_HALF * z))


def _gelu_derivative(z: Array, a: Array) -> Array:
    return 0.5 * (1 + erf(ROOT_HALF * z)) + z * (NORMAL_PEAK * np.exp(-0.5 * z * z))


def _gelu_tanh(z: Array) -> Array:
    return 0.5 * z * (1 + np.tanh(ROOT_2_OVER_PI * (z + GELU_CUBIC * z * z * z)))


def _gelu_tanh_derivative(z: Array, a: Array) -> Array:
    t = np.tanh(ROOT_2_OVER_PI * (z + GELU_CUBIC * z * z * z))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * (ROOT_2_OVER_PI * (1 + 3 * (GELU_CUBIC * z * z)))


def _softmax(z: Array) -> Array:
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def _softmax_derivative(z: Array, a: Array) -> Array:
    return a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])


def _exp(z: Array) -> Array:
    return np.exp(z)


def _exp_derivative(z: Array, a: Array) -> Array:
    return a


def _square(z: Array) -> Array:
    return z * z


def _square_derivative(z: Array, a: Array) -> Array:
    return 2 * z


def _sin(z: Array) -> Array:
    return np.sin(z)


def _sin_derivative(z: Array, a: Array) -> Array:
    return np.cos(z)


def _cos(z: Array) -> Array:
    return np.cos(z)


def _cos_derivative(z: Array, a: Array) -> Array:
    return -np.sin(z)


def _abs(z: Array) -> Array:
    return np.abs(z)


def _abs_derivative(z: Array, a: Array) -> Array:
    return np.sign(z)


_ROWS = (
    Activation("identity", _identity, _identity_derivative, "z; derivative 1"),
    Activation("sigmoid", _sigmoid, _sigmoid_derivative, "1/(1 + exp(-z)); derivative a(1 - a)"),
    Activation("tanh", _tanh, _tanh_derivative, "tanh z; derivative 1 - a²"),
    Activation("relu", _relu, _relu_derivative, "max(z, 0); derivative 1 where z > 0, else 0 (0 at 0)", kinks=(0.0,)),
    Activation(
        "leaky_relu", _leaky_relu, _leaky_relu_derivative,
        "z where z > 0, else 0.01 z; derivative 1 or 0.01 (0.01 at 0)", kinks=(0.0,),
    ),
    Activation("elu", _elu, _elu_derivative, "z where z > 0, else exp(z) - 1; derivative 1 or exp(z)"),
    Activation(
        "selu", _selu, _selu_derivative,
        "λz where z > 0, else λα(exp(z) - 1), with α, λ of Klambauer et al. (2017); derivative λ or λα exp(z) "
        "(λα at 0)", kinks=(0.0,),
    ),
    Activation("softplus", _softplus, _softplus_derivative, "log(1 + exp(z)); derivative sigmoid(z)"),
    Activation("silu", _silu, _silu_derivative, "z s with s = sigmoid(z); derivative s(1 + z(1 - s))"),
    Activation("gelu", _gelu, _gelu_derivative, "z Φ(z) with Φ(z) = (1 + erf(z/√2))/2; derivative Φ(z) + z φ(z)"),
    Activation(
        "gelu_tanh", _gelu_tanh, _gelu_tanh_derivative,
        "z(1 + t)/2 with t = tanh(√(2/π)(z + 0.044715 z³)) (Hendrycks and Gimpel, 2016); "
        "derivative (1 + t)/2 + z(1 - t²)√(2/π)(1 + 0.134145 z²)/2",
    ),
    Activation(
        "softmax", _softmax, _softmax_derivative,
        "exp(z)/Σ exp(z) over the last axis; Jacobian diag(a) - a aᵀ", elementwise=False,
    ),
    Activation("exp", _exp, _exp_derivative, "exp(z); derivative a"),
    Activation("square", _square, _square_derivative, "z²; derivative 2z"),
    Activation("sin", _sin, _sin_derivative, "sin z; derivative cos z"),
    Activation("cos", _cos, _cos_derivative, "cos z; derivative -sin z"),
    Activation("abs", _abs, _abs_derivative, "|z|; derivative sign(z) (0 at 0)", kinks=(0.0,)),
)  # fmt: skip

ACTIVATIONS: Final[Mapping[str, Activation]] = MappingProxyType({r.name: r for r in _ROWS})
"""Every activation by name."""
