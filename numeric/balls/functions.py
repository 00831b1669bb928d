"""Elementwise functions on balls: one row a function, its value and its derivative by x and y = f(x).

A row is the whole definition; NumPy's and SciPy's universal functions and the ``math`` module are served by their names
here. What is piecewise goes through :func:`~gradproof.numeric.balls.ball.compare`, which notes ties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from flint import arb

from gradproof.numeric.balls.ball import Ball, ball, both_slopes, compare, floor, need_bits, note_undefined, power, sign

ArbFunction: TypeAlias = Callable[[arb], arb]
Unary: TypeAlias = Callable[[Ball], Ball]
Binary: TypeAlias = Callable[[Ball, Ball], Ball]


def _sigmoid(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def _softplus(x: arb) -> arb:
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def _ndtr(x: arb) -> arb:
    return (-x / arb(2).sqrt()).erfc() / 2


def _density(x: arb) -> arb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _cbrt(x: arb) -> arb:
    return -((-x).root(3)) if x < 0 else x.root(3)


SMOOTH: Final[dict[str, tuple[ArbFunction, Callable[[arb, arb], arb]]]] = {
    "exp": (lambda x: x.exp(), lambda x, y: y),
    "exp2": (lambda x: arb(2) ** x, lambda x, y: y * arb(2).log()),
    "expm1": (lambda x: x.expm1(), lambda x, y: y + 1),
    "log": (lambda x: x.log(), lambda x, y: 1 / x),
    "log2": (lambda x: x.log() / arb(2).log(), lambda x, y: 1 / (x * arb(2).log())),
    "log10": (lambda x: x.log() / arb(10).log(), lambda x, y: 1 / (x * arb(10).log())),
    "log1p": (lambda x: x.log1p(), lambda x, y: 1 / (1 + x)),
    "sqrt": (lambda x: x.sqrt(), lambda x, y: 1 / (2 * y)),
    "cbrt": (_cbrt, lambda x, y: 1 / (3 * y * y)),
    "square": (lambda x: x * x, lambda x, y: 2 * x),
    "reciprocal": (lambda x: 1 / x, lambda x, y: -y * y),
    "sin": (lambda x: x.sin(), lambda x, y: x.cos()),
    "cos": (lambda x: x.cos(), lambda x, y: -x.sin()),
    "tan": (lambda x: x.tan(), lambda x, y: 1 + y * y),
    "arcsin": (lambda x: x.asin(), lambda x, y: (1 - x * x).rsqrt()),
    "arccos": (lambda x: x.acos(), lambda x, y: -(1 - x * x).rsqrt()),
    "arctan": (lambda x: x.atan(), lambda x, y: 1 / (1 + x * x)),
    "sinh": (lambda x: x.sinh(), lambda x, y: x.cosh()),
    "cosh": (lambda x: x.cosh(), lambda x, y: x.sinh()),
    "tanh": (lambda x: x.tanh(), lambda x, y: 1 / x.cosh() ** 2),
    "arcsinh": (lambda x: x.asinh(), lambda x, y: (1 + x * x).rsqrt()),
    "arccosh": (lambda x: x.acosh(), lambda x, y: (x * x - 1).rsqrt()),
    "arctanh": (lambda x: x.atanh(), lambda x, y: 1 / (1 - x * x)),
    "erf": (lambda x: x.erf(), lambda x, y: 2 * (-x * x).exp() / arb.pi().sqrt()),
    "erfc": (lambda x: x.erfc(), lambda x, y: -2 * (-x * x).exp() / arb.pi().sqrt()),
    "expit": (_sigmoid, lambda x, y: y * _sigmoid(-x)),
    "log_expit": (lambda x: -_softplus(-x), lambda x, y: _sigmoid(-x)),
    "softplus": (_softplus, lambda x, y: _sigmoid(x)),
    "logit": (lambda x: (x / (1 - x)).log(), lambda x, y: 1 / (x * (1 - x))),
    "ndtr": (_ndtr, lambda x, y: _density(x)),
    "log_ndtr": (lambda x: _ndtr(x).log(), lambda x, y: _density(x) / _ndtr(x)),
    "gamma": (lambda x: x.gamma(), lambda x, y: y * x.digamma()),
    "gammaln": (lambda x: x.lgamma(), lambda x, y: x.digamma()),
    "psi": (lambda x: x.digamma(), lambda x, y: arb(2).zeta(x)),
    "exprel": (lambda x: x.expm1() / x, lambda x, y: (x.exp() - y) / x),
    "entr": (lambda x: -x * x.log(), lambda x, y: -x.log() - 1),
    "deg2rad": (lambda x: x * arb.pi() / 180, lambda x, y: arb.pi() / 180),
    "rad2deg": (lambda x: x * 180 / arb.pi(), lambda x, y: 180 / arb.pi()),
    "radians": (lambda x: x * arb.pi() / 180, lambda x, y: arb.pi() / 180),
    "degrees": (lambda x: x * 180 / arb.pi(), lambda x, y: 180 / arb.pi()),
}
"""name: (value, derivative by x and y = f(x))."""


def _lift(value: ArbFunction, slope: Callable[[arb, arb], arb]) -> Unary:
    def function(x: Any) -> Ball:
        x = ball(x)
        y = value(x.v)
        if not y.is_finite():
            note_undefined(x.v)
        return Ball(y, None if x.d is None else slope(x.v, y) * x.d)

    return function


def _step(x: Ball, value: int) -> Ball:
    return Ball(arb(value), None if x.d is None else arb(0))


def _rint(x: Ball) -> Ball:
    whole = floor(x)
    rest = compare(x - whole, ball(0.5))
    odd = int(whole) % 2
    return whole + (1 if rest > 0 or (rest == 0 and odd) else 0)


def _clean(test: Callable[[arb], bool]) -> Callable[[Any], bool]:
    def function(x: Any) -> bool:
        value = ball(x).v
        if not value.is_finite():
            need_bits()
        return bool(test(value))

    return function


UNARY: Final[dict[str, Unary]] = {name: _lift(*row) for name, row in SMOOTH.items()} | {
    "negative": lambda x: -ball(x),
    "positive": lambda x: ball(x),
    "conjugate": lambda x: ball(x),
    "absolute": lambda x: abs(ball(x)),
    "fabs": lambda x: abs(ball(x)),
    "sign": lambda x: _step(ball(x), sign(ball(x))),
    "floor": lambda x: floor(ball(x)),
    "ceil": lambda x: -floor(-ball(x)),
    "trunc": lambda x: _step(ball(x), int(ball(x))),
    "rint": lambda x: _rint(ball(x)),
}
"""Every function of one number, smooth or piecewise."""

PREDICATES: Final[dict[str, Callable[[Any], bool]]] = {
    "isnan": _clean(lambda v: v.is_nan()),
    "isfinite": _clean(lambda v: v.is_finite()),
    "isinf": _clean(lambda v: not v.is_finite() and not v.is_nan()),
    "signbit": lambda x: ball(x) < 0,
    "logical_not": lambda x: not ball(x),
}
"""Functions of one number that answer yes or no."""


def maximum(x: Ball, y: Ball) -> Ball:
    """The larger one; at a tie the first, and the tie is noted."""
    both = both_slopes(x, y)
    if both is not None:
        return both
    return x if compare(x, y) != -1 else y


def minimum(x: Ball, y: Ball) -> Ball:
    """The smaller one; at a tie the first, and the tie is noted."""
    both = both_slopes(x, y)
    if both is not None:
        return both
    return x if compare(x, y) != 1 else y


def _logaddexp(x: Ball, y: Ball) -> Ball:
    return x + UNARY["softplus"](y - x)


def _arctan2(y: Ball, x: Ball) -> Ball:
    v = arb.atan2(y.v, x.v)
    if y.d is None and x.d is None:
        return Ball(v)
    zero = arb(0)
    radius = x.v * x.v + y.v * y.v
    return Ball(v, (x.v * (y.d if y.d is not None else zero) - y.v * (x.d if x.d is not None else zero)) / radius)


def _xlogy(x: Ball, y: Ball) -> Ball:
    return x * UNARY["log"](y) if compare(x, 0) != 0 else Ball(arb(0), None if x.d is None else y.v.log() * x.d)


def _heaviside(x: Ball, y: Ball) -> Ball:
    s = sign(x)
    return y if s == 0 else _step(x, int(s > 0))


def _fmod(x: Ball, y: Ball) -> Ball:
    quotient = x / y
    return x - y * (floor(quotient) if sign(quotient) >= 0 else -floor(-quotient))


def _logaddexp2(x: Ball, y: Ball) -> Ball:
    two = UNARY["log"](ball(2))
    return _logaddexp(x * two, y * two) / two


def _rel_entr(x: Ball, y: Ball) -> Ball:
    return _xlogy(x, x) - _xlogy(x, y)


def _huber(delta: Ball, r: Ball) -> Ball:
    size = abs(r)
    return r * r / 2 if compare(size, delta) != 1 else delta * (size - delta / 2)


def _pseudo_huber(delta: Ball, r: Ball) -> Ball:
    return delta * delta * (UNARY["sqrt"](1 + (r / delta) ** 2) - 1)


BINARY: Final[dict[str, Binary]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "floor_divide": lambda x, y: x // y,
    "remainder": lambda x, y: x % y,
    "power": power,
    "float_power": power,
    "maximum": maximum,
    "minimum": minimum,
    "fmax": maximum,
    "fmin": minimum,
    "hypot": lambda x, y: UNARY["sqrt"](x * x + y * y),
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "fmod": _fmod,
    "rel_entr": _rel_entr,
    "kl_div": lambda x, y: _rel_entr(x, y) - x + y,
    "huber": _huber,
    "pseudo_huber": _pseudo_huber,
    "boxcox": lambda x, y: (power(x, y) - 1) / y if compare(y, 0) != 0 else UNARY["log"](x),
    "xlog1py": lambda x, y: _xlogy(x, 1 + y),
    "arctan2": _arctan2,
    "xlogy": _xlogy,
    "heaviside": _heaviside,
    "copysign": lambda x, y: abs(x) if sign(y) >= 0 else -abs(x),
}
"""Functions of two numbers."""

RELATIONS: Final[dict[str, Callable[[Ball, Ball], bool]]] = {
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
    "logical_and": lambda x, y: bool(x) and bool(y),
    "logical_or": lambda x, y: bool(x) or bool(y),
    "logical_xor": lambda x, y: bool(x) != bool(y),
}
"""Functions of two numbers that answer yes or no."""

for _name in (*SMOOTH, "sign", "floor", "ceil", "trunc", "rint", "fabs"):
    setattr(Ball, _name, UNARY[_name])  # what NumPy's object loops call where user code made a plain object array
