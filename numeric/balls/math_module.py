"""Python's ``math`` on balls: the functions of one number by their names in NumPy, the others one row each."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.arrays import BallArray, balls_of
from gradproof.numeric.balls.ball import Ball

NAMES: Final = {
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log1p": "log1p", "log2": "log2", "log10": "log10", "sqrt": "sqrt",
    "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan", "tanh": "tanh", "sinh": "sinh", "cosh": "cosh",
    "atan": "arctan", "asin": "arcsin", "acos": "arccos", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "fabs": "fabs", "pow": "power", "atan2": "arctan2", "copysign": "copysign", "fmod": "fmod", "radians": "radians",
    "degrees": "degrees",
}  # fmt: skip
"""``math``'s name: NumPy's universal function."""


def _balls(value: Any) -> Any:
    return balls_of(value).view(BallArray)


def _dist(p: Any, q: Any) -> Any:
    return np.sqrt(np.sum((_balls(list(p)) - _balls(list(q))) ** 2))


def _remainder(x: Any, y: Any) -> Any:
    return x - np.rint(x / y) * y


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> bool:
    return bool(abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol))


def _special(name: str) -> Callable[[Any], Any]:
    from gradproof.numeric.balls.arrays import scalar
    from gradproof.numeric.balls.functions import UNARY

    return lambda x: scalar(UNARY[name](_balls(x)[()].view(np.ndarray)[()]))


OTHERS: Final[dict[str, Callable[..., Any]]] = {
    "log": lambda x, *root: np.log(_balls(x)) / np.log(_balls(root[0])) if root else np.log(_balls(x)),
    "hypot": lambda *xs: np.sqrt(sum(x * x for x in xs)),
    "fsum": sum,
    "dist": _dist,
    "sumprod": lambda p, q: sum(a * b for a, b in zip(p, q, strict=True)),
    "remainder": _remainder,
    "isclose": _isclose,
    "isnan": lambda x: bool(np.isnan(_balls(x))),
    "isinf": lambda x: bool(np.isinf(_balls(x))),
    "isfinite": lambda x: bool(np.isfinite(_balls(x))),
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "gamma": _special("gamma"),
    "lgamma": _special("gammaln"),
}
"""What NumPy has no universal function for."""


def _has_balls(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_balls, value))
    return isinstance(value, (BallArray, Ball))


def _on_balls(name: str) -> Callable[..., Any]:
    original = getattr(math, name)
    replacement = OTHERS.get(name)
    ufunc = getattr(np, NAMES[name]) if name in NAMES else None

    @wraps(original)
    def function(*args: Any, **options: Any) -> Any:
        args = tuple(a if isinstance(a, (float, int, BallArray, Ball)) or not hasattr(a, "__next__") else list(a)
                     for a in args)  # fmt: skip
        if not any(map(_has_balls, args)):
            return original(*args, **options)
        if replacement is not None:
            return replacement(*args, **options)
        assert ufunc is not None
        return ufunc(*map(_balls, args))

    return function


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, attribute, replacement) for everything of ``math`` that takes real numbers."""
    return [(math, name, _on_balls(name)) for name in (*NAMES, *OTHERS) if hasattr(math, name)]
