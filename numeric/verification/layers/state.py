"""What a layer object holds: its float arrays by path, copies of it with other arrays, and where a gradient is kept.

A path is a tuple of attribute names, keys and positions: ``("W",)``, ``("params", "W1")``, ``("layers", 0, "W")``. One
array that is reachable under several paths (``self.W`` and ``self.params[0]``) stays one array in every copy.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.verification.interfaces import Path, label

DEEPEST: Final = 8
"""How many steps an array may lie below the layer."""

SPELLINGS: Final = (
    "d{}", "d_{}", "D{}", "g{}", "g_{}", "grad_{}", "{}_grad", "grad{}", "{}grad", "{}_gradient", "gradient_{}",
    "{}_grads", "grads_{}", "{}_gradients", "delta_{}", "nabla_{}", "dL_d{}", "dLd{}", "dJ_d{}", "{}_d", "{}_delta",
)  # fmt: skip
"""How people name the gradient of ``{}``."""

CONTAINERS: Final = ("grads", "grad", "gradients", "gradient", "dparams", "d_params", "param_grads", "params_grad", "g")
"""Attributes that hold the gradients of several parameters, as a dict or in the order of a list of parameters."""

HOLDERS: Final = ("params", "parameters", "weights", "_params", "trainable", "param", "p")
"""Attributes that hold several parameters."""

VALUES: Final = ("data", "value", "values", "array", "w", "p")
"""Attributes of a parameter object that hold its value."""

SLOPES: Final = ("grad", "gradient", "g", "grads")
"""Attributes of a parameter object that hold its gradient."""

STATE: Final = ("running", "moving", "momentum", "ema", "avg", "global")
"""The first words of what a layer keeps from earlier batches: it is data here, not a parameter."""

_ATOMS: Final = (str, bytes, int, float, complex, type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)


def float_arrays(layer: Any) -> dict[Path, np.ndarray[Any, Any]]:
    """Every array of real numbers that the object holds, the shortest paths first; aliases are all listed."""
    found: dict[Path, np.ndarray[Any, Any]] = {}
    queue: list[tuple[Path, Any, frozenset[int]]] = [((), layer, frozenset())]
    while queue:
        path, node, above = queue.pop(0)
        if isinstance(node, np.ndarray) and node.dtype != object:
            if node.dtype.kind == "f" and node.size and path:
                found[path] = node
        elif len(path) < DEEPEST and id(node) not in above:
            queue += [((*path, key), part, above | {id(node)}) for key, part in _parts(node)]
    return found


def _parts(node: Any) -> Iterator[tuple[str | int, Any]]:
    if node is None or isinstance(node, _ATOMS):
        return
    if isinstance(node, Mapping):
        yield from ((key, part) for key, part in node.items() if isinstance(key, (str, int)))
    elif isinstance(node, (list, tuple)) or (isinstance(node, np.ndarray) and node.dtype == object):
        yield from enumerate(node)
    elif type(node).__module__.partition(".")[0] not in ("numpy", "builtins", "random"):
        yield from getattr(node, "__dict__", {}).items()
        for cls in type(node).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                if hasattr(node, name):
                    yield name, getattr(node, name)


def at(node: Any, path: Path) -> Any:
    """What stands at a path, or None."""
    for part in path:
        if isinstance(node, Mapping):
            keys = [key for key in (part, str(part)) if key in node]
            if not keys:
                return None
            node = node[keys[0]]
        elif isinstance(node, (list, tuple)):
            if not isinstance(part, int) or not 0 <= part < len(node):
                return None
            node = node[part]
        elif isinstance(part, str) and hasattr(node, part):
            node = getattr(node, part)
        else:
            return None
    return node


def parsed(text: str) -> Path:
    """``layers.0.W`` as a path, with or without ``self.`` before it."""
    parts = text.removeprefix("self.").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)


def copied(layer: Any, replacements: Mapping[int, Any]) -> Any:
    """A deep copy in which arrays, by the id of the original, are replaced wherever they are referred to."""
    try:
        return copy.deepcopy(layer, dict(replacements))
    except TypeError as error:
        raise UsageError(f"the {type(layer).__name__} cannot be copied, which a check needs: {error}") from error


def is_state(path: Path) -> bool:
    """Whether a name says that an array is kept from earlier batches: ``running_mean``, ``moving_var``."""
    return any(isinstance(part, str) and part.lstrip("_").startswith(STATE) for part in path)


def spelled(name: str) -> Iterator[str]:
    """The names that the gradient of ``name`` may have."""
    for spelling in SPELLINGS:
        yield spelling.format(name)
        if name.startswith("_"):
            yield "_" + spelling.format(name[1:])


def gradient_places(path: Path) -> Iterator[Path]:
    """Where the gradient of the parameter at a path may be kept, the likeliest place first.

    >>> [label(p) for p in gradient_places(("W",))][:2], ("grads", "W") in gradient_places(("params", "W"))
    (['dW', 'd_W'], True)
    """
    for position in reversed(range(len(path))):  # dW beside W, dweights[0] for weights[0], db beside b in a sub-layer
        part = path[position]
        if isinstance(part, str):
            for name in spelled(part):
                yield (*path[:position], name, *path[position + 1 :])
    for position, part in enumerate(path):
        if part in HOLDERS:  # grads["W"], grads["dW"], grads[0]
            for container in CONTAINERS:
                yield (*path[:position], container, *path[position + 1 :])
                yield from _respelled((*path[:position], container), path[position + 1 :])
    for container in CONTAINERS:  # grads["W"] for self.W
        yield (*path[:-1], container, path[-1])
        yield from _respelled((*path[:-1], container), path[-1:])
    if path[-1] in VALUES:  # W.grad beside W.data
        yield from ((*path[:-1], slope) for slope in SLOPES)


def _respelled(before: Path, rest: Path) -> Iterator[Path]:
    if rest and isinstance(rest[-1], str):
        yield from ((*before, *rest[:-1], name) for name in spelled(rest[-1]))


def find_gradient(path: Path, holder: Any) -> Path | None:
    """The first place of a gradient where the object really holds an array or a number."""
    for place in gradient_places(path):
        if place != path and is_numeric(at(holder, place)):
            return place
    return None


def is_numeric(value: Any) -> bool:
    """A number or an array of numbers (balls and symbolic arrays count too)."""
    if isinstance(value, (bool, str, bytes, Mapping, list, tuple)) or value is None or callable(value):
        return False
    return isinstance(value, (int, float, np.generic, np.ndarray)) or hasattr(value, "__array_ufunc__")


def named(paths: Sequence[Path]) -> str:
    """Paths as people write them, for messages."""
    return ", ".join(f"self.{label(path)}" for path in paths)
