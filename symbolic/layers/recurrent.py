r"""Recurrent layers over a batch: functions of symbolic arrays, for every length.

The inputs ``x`` have the shape (T, m, n): time, batch, features; states have (m, k). Gates stand side by side in the
weights, each k wide: ``W`` is (n, g·k), ``U`` (k, g·k) and ``b`` (g·k,), with g = 1, 3 or 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError

from ..arrays.activations import sigmoid
from ..arrays.array import Array
from ..equations.dims import same_dim, show_shape
from ..recurrences.scan import scan


def rnn(x: Array, h0: Array, W: Array, U: Array, b: Array) -> Array:
    r"""The simple recurrent layer: the states of all times, of shape (T, m, k).

    .. math:: h_t = \tanh(x_t W + h_{t-1} U + b)
    """
    _gates(1, x, h0, W, U, b)

    def step(h_prev: Any, x: Any) -> Any:
        z = x @ W + h_prev @ U + b
        h = np.tanh(z)
        return h  # noqa: RET504  (the variable names the state)

    result: Array = scan(step, h0, x)
    return result


def gru(x: Array, h0: Array, W: Array, U: Array, b: Array) -> Array:
    r"""The gated recurrent unit, with its gates r, u and its candidate in this order.

    .. math::
        r_t &= \sigma(x_t W_r + h_{t-1} U_r + b_r), \qquad u_t = \sigma(x_t W_u + h_{t-1} U_u + b_u) \\
        \tilde h_t &= \tanh(x_t W_h + (r_t \odot h_{t-1}) U_h + b_h), \qquad
        h_t = (1 - u_t) \odot \tilde h_t + u_t \odot h_{t-1}
    """
    k = _gates(3, x, h0, W, U, b)
    (Wr, Wu, Wh), (Ur, Uu, Uh), (br, bu, bh) = (_parts(a, 3, k) for a in (W, U, b))

    def step(h_prev: Any, x: Any) -> Any:
        r = sigmoid(x @ Wr + h_prev @ Ur + br)
        u = sigmoid(x @ Wu + h_prev @ Uu + bu)
        h_tilde = np.tanh(x @ Wh + (r * h_prev) @ Uh + bh)
        h = (1 - u) * h_tilde + u * h_prev
        return h  # noqa: RET504

    result: Array = scan(step, h0, x)
    return result


def lstm(x: Array, h0: Array, c0: Array, W: Array, U: Array, b: Array) -> tuple[Array, Array]:
    r"""Long short-term memory, with its gates i, f, o and its candidate g in this order: the states h and c.

    .. math::
        i_t, f_t, o_t &= \sigma(x_t W_\cdot + h_{t-1} U_\cdot + b_\cdot), \qquad
        g_t = \tanh(x_t W_g + h_{t-1} U_g + b_g) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh(c_t)
    """
    k = _gates(4, x, h0, W, U, b)
    (Wi, Wf, Wo, Wg), (Ui, Uf, Uo, Ug), (bi, bf, bo, bg) = (_parts(a, 4, k) for a in (W, U, b))

    def step(state: Any, x: Any) -> Any:
        h_prev, c_prev = state
        i = sigmoid(x @ Wi + h_prev @ Ui + bi)
        f = sigmoid(x @ Wf + h_prev @ Uf + bf)
        o = sigmoid(x @ Wo + h_prev @ Uo + bo)
        g = np.tanh(x @ Wg + h_prev @ Ug + bg)
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        return h, c

    result: tuple[Array, Array] = scan(step, (h0, c0), x)
    return result


def _gates(count: int, x: Array, h0: Array, W: Array, U: Array, b: Array) -> Any:
    """The width k of the state; ShapeError where the weights do not hold ``count`` gates of it."""
    if x.ndim != 3 or h0.ndim != 2:
        raise ShapeError(
            f"x must have the shape (T, m, n) and h0 (m, k), not {show_shape(x.definition.shape)} and "
            f"{show_shape(h0.definition.shape)}"
        )
    n, k = x.definition.shape[2], h0.definition.shape[1]
    for array, shape in ((W, (n, count * k)), (U, (k, count * k)), (b, (count * k,))):
        own = array.definition.shape
        if len(own) != len(shape) or not all(map(same_dim, own, shape)):
            raise ShapeError(f"{array.name} must have the shape {show_shape(shape)}, and has {show_shape(own)}")
    return k


def _parts(array: Array, count: int, width: sp.Expr) -> list[Array]:
    """The gates of a weight, along its last axis."""
    return [array[..., g * width : (g + 1) * width] for g in range(count)]
