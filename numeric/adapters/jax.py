"""Verify a ``jax.custom_vjp``: its primal function against its forward and backward rule.

``jax.numpy`` is NumPy by name and meaning, so on balls the user's ``jnp`` is NumPy's functions on balls. What has no
such counterpart (``lax.scan``, a kernel) is compared in JAX's own float64 instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Final

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.adapters import functions
from gradproof.numeric.adapters.common import Run, StandIn, checked, mapped, named, on_balls, parts, standing_in
from gradproof.numeric.balls.arrays import BallArray
from gradproof.numeric.balls.evaluate import has_floats
from gradproof.numeric.verification.report import Report


def verify_custom_vjp(f: Any, inputs: Mapping[str, Any] | Sequence[Any], *, seed: int = 0, move: bool = True) -> Report:
    """Check the rules of a ``jax.custom_vjp`` against its primal function.

    ``inputs`` are arrays in the order of the arguments or by their names; dicts and lists of arrays are fine. The
    cotangents that ``bwd`` returns are compared with the derivative of ``f.fun``, not of ``fwd``'s output, so that a
    ``fwd`` with another value is found too. ``None`` from ``bwd`` means zero, as in JAX.

    The report says ``certified`` or ``refuted`` where the functions run on balls, else ``agrees`` or ``unknown`` by
    float64 differences.

    Raises UsageError if jax is not installed, or ``f`` has no rules.
    """
    try:
        import jax
    except ImportError as error:
        raise UsageError("verify_custom_vjp needs jax; install it with: python -m pip install jax") from error
    fun, fwd, bwd = (getattr(f, name, None) for name in ("fun", "fwd", "bwd"))
    if not isinstance(f, jax.custom_vjp):
        raise UsageError(f"f must be a jax.custom_vjp, and is a {type(f).__name__}")
    if fun is None or fwd is None or bwd is None:
        raise UsageError("f has no rules yet: call f.defvjp(fwd, bwd) first")
    arguments = mapped(_plain, named(fun, inputs))
    constant = [list(arguments)[i] for i in f.nondiff_argnums]

    floats = [name for name, value in arguments.items() if any(map(has_floats, parts(value)))]

    def run(values: Mapping[str, Any]) -> Run:
        if on_balls(values):
            return _run(fun, fwd, bwd, values, constant, floats)
        with jax.enable_x64(True):
            found = _run(fun, fwd, bwd, mapped(_to_jax, values), constant, floats)
            return Run(tuple(np.asarray(out) for out in found.outputs), _in_numpy(jax, found.back))

    with standing_in(_substitutes(jax, f), {"at": property(_At)}):
        return checked(run, arguments, floats, seed, move)


def _plain(value: Any) -> Any:
    """JAX arrays as NumPy's, in float64."""
    if not hasattr(value, "__array__") or isinstance(value, np.generic):
        return value
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array


def _to_jax(value: Any) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(value) if isinstance(value, np.ndarray) else value


def _in_numpy(jax: Any, back: Callable[[Sequence[Any]], Mapping[str, Any]]) -> Callable[[Sequence[Any]], Any]:
    def function(cotangents: Sequence[Any]) -> Any:
        with jax.enable_x64(True):
            return mapped(np.asarray, back([_to_jax(c) for c in cotangents]))

    return function


def _run(
    fun: Any, fwd: Any, bwd: Any, values: Mapping[str, Any], constant: Sequence[str], floats: Sequence[str]
) -> Run:
    primal = fun(*values.values())
    _, residuals = fwd(*values.values())

    def back(cotangents: Sequence[Any]) -> Mapping[str, Any]:
        leaves = iter(cotangents)
        structured = mapped(lambda _: next(leaves), primal)
        result = bwd(*[values[name] for name in constant], residuals, structured)
        differentiable = [name for name in values if name not in constant]
        if not isinstance(result, tuple) or len(result) != len(differentiable):
            found = f"{len(result)} entries" if isinstance(result, tuple) else f"a {type(result).__name__}"
            raise UsageError(f"bwd has to return a tuple for {', '.join(differentiable)}, and returned {found}")
        gradients = dict(zip(differentiable, result, strict=True))
        gradients |= dict.fromkeys(constant)
        return {
            name: mapped(np.zeros_like, values[name]) if gradient is None else gradient
            for name, gradient in gradients.items()
            if name in floats
        }

    return Run(tuple(parts(primal)), back)


class _At:
    """``x.at[i].set(v)`` and its kin: a copy with some entries changed."""

    def __init__(self, array: BallArray, index: Any = ...) -> None:
        self.array = array
        self.index = index

    def __getitem__(self, index: Any) -> _At:
        return _At(self.array, index)

    def set(self, value: Any, **_: Any) -> Any:
        """Entries replaced."""
        copy = self.array.copy()
        copy[self.index] = value
        return copy

    def add(self, value: Any, **_: Any) -> Any:
        """Entries increased, as often as an index occurs."""
        copy = self.array.copy()
        np.add.at(copy, self.index, value)
        return copy

    def multiply(self, value: Any, **_: Any) -> Any:
        """Entries multiplied."""
        copy = self.array.copy()
        copy[self.index] = copy[self.index] * value
        return copy

    mul = multiply


_LAX: Final = ("exp", "log", "tanh", "sqrt", "sin", "cos", "log1p", "expm1", "abs", "sign")


def _substitutes(jax: Any, f: Any) -> dict[int, Any]:
    """What the user's names for JAX stand for on balls."""
    import jax.numpy as jnp

    from gradproof.numeric.balls.interception import substitutes

    table = substitutes()
    numpy = table[id(np)]
    nn = StandIn(
        jax.nn,
        {
            name: getattr(functions, name)
            for name in ("sigmoid", "relu", "softplus", "silu", "logsumexp", "softmax", "log_softmax", "one_hot")
        },
    )
    lax = StandIn(
        jax.lax,
        {name: getattr(np, name) for name in _LAX}
        | {"stop_gradient": lambda x: x, "select": np.where, "logistic": functions.sigmoid},
    )
    found: dict[int, Any] = {
        id(jnp): numpy,
        id(jax.nn): nn,
        id(jax.lax): lax,
        id(jax): StandIn(jax, {"numpy": numpy, "nn": nn, "lax": lax}),
        id(f): f.fun,
    }
    for name in dir(jnp):
        own, counterpart = getattr(jnp, name), getattr(np, name, None)
        if callable(own) and callable(counterpart) and not isinstance(own, type):
            found[id(own)] = table.get(id(counterpart), counterpart)
    for function in (f.fun, f.fwd, f.bwd):
        scope = list(getattr(function, "__globals__", {}).values())
        scope += [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
        for value in scope:
            inner = getattr(value, "__wrapped__", None)
            if type(value).__module__.startswith("jax") and isinstance(inner, FunctionType):
                found[id(value)] = inner  # under jit, or another custom_vjp
    return found
