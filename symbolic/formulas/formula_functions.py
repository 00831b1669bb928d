"""What the functions in formula text mean: NumPy's names, and the engine's own for what NumPy lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from gradproof.errors import UsageError

from ..arrays import joining, linear_algebra, reductions
from ..arrays.array import Array, array, as_array, elementwise
from ..equations import functions as fn
from ..equations.dims import dim
from .formula import evaluate_formula
from .formula_shapes import parse_shapes

_NUMPY: Final = """abs absolute exp exp2 expm1 log log2 log10 log1p logaddexp sqrt cbrt square sign sin cos tan sinh
cosh tanh arctan hypot maximum minimum negative reciprocal power add subtract multiply divide heaviside where clip sum
mean max min var std dot inner outer matmul vdot tensordot einsum transpose trace diag diagonal reshape stack
concatenate vstack hstack squeeze kron linalg.norm linalg.inv linalg.det linalg.solve linalg.matrix_power"""

_ELEMENTWISE: Final = """sigmoid relu leaky_relu elu selu softplus silu gelu gelu_tanh erf"""


def default_functions() -> dict[str, Callable[..., Any]]:
    """Every function that formula text may call, by the name it is called by.

    >>> functions = default_functions()
    >>> functions["softmax"](array("x", ("n",))).shape
    (n,)
    """
    result: dict[str, Callable[..., Any]] = {}
    for name in _NUMPY.split():
        target: Any = np
        for part in name.split("."):
            target = getattr(target, part)
        result[name] = target
    for name in _ELEMENTWISE.split():
        result[name] = _elementwise(name)
    result |= {name: result[f"linalg.{name}"] for name in ("inv", "det", "solve")}
    result |= {
        "logdet": lambda x: linear_algebra.slogdet(x).logabsdet,
        "softmax": reductions.softmax,
        "log_softmax": reductions.log_softmax,
        "logsumexp": reductions.logsumexp,
        "array": joining.from_nested,
    }
    return result


_PARAMETER: Final = {"leaky_relu": "0.01", "elu": "1"}


def _elementwise(name: str) -> Callable[..., Any]:
    row = fn.TABLE[name]

    def call(*arguments: Any) -> Array:
        if len(arguments) == row.arity - 1 and name in _PARAMETER:
            arguments = (*arguments, float(_PARAMETER[name]))
        if len(arguments) != row.arity:
            raise UsageError(f"{name} takes {row.arity} argument{'s' if row.arity > 1 else ''}, not {len(arguments)}")
        return elementwise(name, row.head, *arguments)

    return call


def environment(shapes: str) -> dict[str, Any]:
    """The arrays and dimensions that ``shapes`` names, as formula text sees them."""
    specs = parse_shapes(shapes)
    result: dict[str, Any] = {}
    for spec in specs.values():
        for size in spec.shape:
            if isinstance(size, str):
                result[size] = dim(size)
        result[spec.name] = array(spec.name, spec.shape, **spec.assumptions)
    return result


def symbolic_formula(text: str, names: Mapping[str, Any]) -> Array:
    """The symbolic array that formula text stands for; errors as of :func:`.formula.evaluate_formula`.

    >>> symbolic_formula("m * sum(X @ w) + 1", environment("X:m,n w:n")).shape
    ()
    """
    value = evaluate_formula(text, dict(names), default_functions())
    return as_array(value) if not isinstance(value, tuple) else joining.from_nested(value)
