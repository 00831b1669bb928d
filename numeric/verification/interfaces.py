"""How people hand over a loss and its gradient: inputs by name or in dicts, gradients as dicts, tuples or one array."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.balls.arrays import BallArray, exact
from gradproof.numeric.balls.evaluate import duplicate, has_floats, is_branch

Path: TypeAlias = tuple[str | int, ...]
Arrays: TypeAlias = dict[Path, Any]

_SPELLINGS: Final = ("{}", "d{}", "d_{}", "D{}", "g{}", "g_{}", "grad_{}", "{}_grad", "grad{}", "delta_{}", "nabla_{}")


def label(path: Path) -> str:
    """``params.W1`` for the entry W1 of the input params."""
    return ".".join(str(part) for part in path)


def is_symbolic(value: Any) -> bool:
    """Whether a value is a symbolic array or scalar: it takes NumPy's functions and holds no numbers."""
    return hasattr(value, "__array_ufunc__") and not isinstance(value, (np.ndarray, np.generic))


def leaves(value: Any, path: Path = ()) -> Arrays:
    """The arrays of a tree of dicts, lists and tuples, by path."""
    if is_branch(value):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        return {p: leaf for key, part in items for p, leaf in leaves(part, (*path, key)).items()}
    return {path: value}


def float_leaves(inputs: Mapping[str, Any]) -> Arrays:
    """Every floating-point array or number among the inputs: what can be differentiated."""
    return {path: leaf for path, leaf in leaves(inputs).items() if has_floats(leaf)}


def tree(inputs: Any, arrays: Arrays, path: Path = ()) -> Any:
    """A tree of the same form as the inputs with the given arrays at their paths, and None elsewhere."""
    if is_branch(inputs):
        items = inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)
        parts = {key: tree(part, arrays, (*path, key)) for key, part in items}
        return parts if isinstance(inputs, Mapping) else list(parts.values())
    return arrays.get(path)


def replaced(inputs: Any, arrays: Arrays, path: Path = ()) -> Any:
    """A copy of the inputs in which the given arrays stand at their paths."""
    if isinstance(inputs, Mapping):
        return {key: replaced(part, arrays, (*path, key)) for key, part in inputs.items()}
    if is_branch(inputs):
        parts = [replaced(part, arrays, (*path, i)) for i, part in enumerate(inputs)]
        return type(inputs)(parts) if type(inputs) in (list, tuple) else tuple(parts)
    return duplicate(arrays.get(path, inputs))


def alike(value: Any, found: Any) -> Any:
    """Numbers in the form of the input whose place they take: an array, lists of numbers, or one number.

    >>> alike([1.0, 2.0], np.array([3.0, 4.0]))
    [3.0, 4.0]
    """
    if isinstance(value, np.ndarray):
        return found
    return type(value)(found.tolist()) if isinstance(value, (list, tuple)) else float(found)


def chosen(inputs: Mapping[str, Any], wrt: str | Sequence[str]) -> list[Path]:
    """The paths that ``wrt`` names: an input, all of a dict input, or one entry of it (``params.W1``)."""
    names = [wrt] if isinstance(wrt, str) else list(wrt) if isinstance(wrt, Iterable) else [wrt]
    floats = float_leaves(inputs)
    paths: list[Path] = []
    for name in names:
        found = [path for path in floats if path[0] == name or f"{label(path)}.".startswith(f"{name}.")]
        if not found:
            owner = inputs.get(str(name).partition(".")[0]) if "." in str(name) else None
            if hasattr(owner, "__dict__"):
                what = f"an object of type {type(owner).__name__}, whose attributes are not looked into"
                raise UsageError(f"wrt={name!r} names a part of {what}: give its arrays as a dict, or use verify_layer")
            valid = ", ".join(dict.fromkeys([label(path) for path in floats])) or "none"
            raise UsageError(f"wrt={name!r} is not a floating-point input; the floating-point inputs are {valid}")
        paths += [path for path in found if path not in paths]
    if not paths:
        raise UsageError("wrt is empty: name at least one floating-point input")
    return paths


def without_loss(result: Any, wrt: Sequence[Path], inputs: Mapping[str, Any]) -> Any:
    """The gradients in a ``(loss, grads)`` pair, or the result as it is."""
    if not (isinstance(result, (tuple, list)) and len(result) == 2) or np.ndim(_scalarish(result[0])) != 0:
        return result
    second = result[1]
    floats = float_leaves(inputs)
    if isinstance(result, list) and len(wrt) == 1 and np.ndim(second) == 0 and np.shape(floats[wrt[0]]) == (2,):
        return result  # one array of two numbers
    if isinstance(second, (Mapping, tuple, list)) or len(wrt) == 1:
        return second
    first_is_scalar = len(wrt) == 2 and np.ndim(floats[wrt[0]]) == 0
    return result if first_is_scalar else second


def _scalarish(value: Any) -> Any:
    return np.zeros(1) if isinstance(value, (Mapping, list, tuple)) or value is None else value


def _lookup(result: Mapping[Any, Any], path: Path) -> Any:
    """The gradient for a path in a dict: nested, by the last name, by the dotted name, or spelt dW, grad_W, ..."""
    node: Any = result
    for i, part in enumerate(path):
        if isinstance(node, Mapping) and part in node:
            node = node[part]
        elif isinstance(node, (list, tuple)) and part in range(len(node)):
            node = node[int(part)]
        elif i == 0 and len(path) > 1:
            return _lookup(result, path[1:])
        else:
            break
    else:
        return node
    for name in (label(path), str(path[-1])):
        for spelling in _SPELLINGS:
            if spelling.format(name) in result:
                return result[spelling.format(name)]
    return None


def read_gradients(result: Any, wrt: Sequence[Path], inputs: Mapping[str, Any]) -> Arrays:
    """The claimed gradient of each path; a UsageError where one is missing or the form is not understood.

    A gradient without leading axes of size 1 that its parameter has, (3,) for (1, 3) or () for (1, 1), means the same
    in every update ``b -= rate * db`` and gets the parameter's shape. Any other shape is left for the report to name.
    """
    claimed = _by_form(result, wrt, inputs)
    parameters = leaves(inputs)
    return {path: _with_leading_axes(value, np.shape(parameters[path])) for path, value in claimed.items()}


def _with_leading_axes(value: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    missing = len(shape) - len(value.shape)
    return value.reshape(shape) if missing > 0 and shape == (1,) * missing + value.shape else value


def _is_rows(value: Any) -> bool:
    """Whether a list is one array written as lists of numbers."""
    if isinstance(value, list):
        return bool(value) and all(map(_is_rows, value))
    return isinstance(value, (int, float, np.number)) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _rows(value: Any) -> Any:
    if not isinstance(value, list):
        return np.asanyarray(value)
    rows = [_rows(part) for part in value]
    if len({row.shape for row in rows}) > 1:
        raise UsageError("the gradient returned a list of rows of unequal lengths: return an array")
    return np.stack(rows)


def _by_form(result: Any, wrt: Sequence[Path], inputs: Mapping[str, Any]) -> Arrays:
    result = without_loss(result, wrt, inputs)
    if isinstance(result, Mapping):
        found = {path: _lookup(result, path) for path in wrt}
        missing = [label(path) for path, value in found.items() if value is None]
        given = [name for name in missing if result.get(name, 0) is None]
        if given:
            raise UsageError(f"the gradient's entry {given[0]} is None: return an array, or leave it out with wrt")
        if missing:
            raise UsageError(f"the gradient has no entry for {', '.join(missing)}; its entries are {_names(result)}")
        return found
    if isinstance(result, list) and len(wrt) == 1 and len(result) > 1 and _is_rows(result):
        return {wrt[0]: _rows(result)}
    if isinstance(result, (tuple, list)):
        names = list(dict.fromkeys(path[0] for path in wrt))
        if len(result) == len(wrt) and not any(isinstance(part, (Mapping, tuple)) for part in result):
            return dict(zip(wrt, result, strict=True))
        if len(result) == len(names):
            parts = dict(zip(names, result, strict=True))
            return {path: _lookup({path[0]: parts[path[0]]}, path) for path in wrt}
        raise UsageError(f"the gradient returned {len(result)} arrays for {len(wrt)} inputs: {_labels(wrt)}; set wrt")
    if result is None:
        raise UsageError("the gradient returned None: it must return a dict, a tuple in wrt's order, or one array")
    if len(wrt) != 1:
        raise UsageError(f"the gradient returned one array for {len(wrt)} inputs: {_labels(wrt)}; set wrt to its input")
    return {wrt[0]: result}


def infer_wrt(result: Any, inputs: Mapping[str, Any]) -> list[Path]:
    """The inputs that a gradient covers when the caller does not say: a dict's names, else all float inputs.

    Numbers in a dict of options, as the rate in ``{"mode": "train", "p": 0.5}``, are inputs only if there is a gradient
    for each of them.
    """
    floats = list(float_leaves(inputs))
    gradients = without_loss(result, floats, inputs)
    if not isinstance(gradients, Mapping):
        count = len(gradients) if isinstance(gradients, (tuple, list)) else 1
        own = [path for path in floats if not _is_option(path, inputs)]
        return own if count not in _counts(floats) and count in _counts(own) else floats
    found = [path for path in floats if _lookup(gradients, path) is not None]
    covered = {id(_lookup(gradients, path)) for path in found}
    unread = [str(k) for k, v in gradients.items() if not is_branch(v) and id(v) not in covered]
    if unread or not found:
        valid = ", ".join(label(path) for path in floats)
        entries = ", ".join(unread) or _names(gradients)
        raise UsageError(f"the gradient's entries {entries} match none of the inputs {valid}; set wrt")
    return found


def _is_option(path: Path, inputs: Mapping[str, Any]) -> bool:
    return len(path) > 1 and isinstance(inputs[str(path[0])], Mapping) and np.ndim(leaves(inputs)[path]) == 0


def _counts(paths: Sequence[Path]) -> set[int]:
    """How many gradients there may be for some inputs: one each, or one for each argument."""
    return {len(paths), len({path[0] for path in paths})}


def _names(result: Mapping[Any, Any]) -> str:
    return ", ".join(str(name) for name in result) or "none"


def _labels(paths: Sequence[Path]) -> str:
    return ", ".join(label(path) for path in paths)


def from_backward(
    forward: Callable[..., Any], backward: Callable[..., Any], inputs: Mapping[str, Any], cotangents: Mapping[str, Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A scalar loss ⟨forward(*inputs), cotangent⟩ and its gradient by ``backward(cotangent, cache)``.

    Both take the cotangents by name too, so that a proof can hold for every one. What forward returns is read by
    :func:`outputs_and_cache`; without a cache ``backward(dout, *inputs)`` is called if it takes that many arguments,
    else ``backward(dout)``. A tuple with a place for every input, labels too, is read by the inputs' names.
    """
    names = list(inputs)
    floats = {path[0] for path in float_leaves(inputs)}

    def run(inputs: Mapping[str, Any]) -> tuple[tuple[Any, ...], list[Any], tuple[Any, ...]]:
        outs, cache = outputs_and_cache(forward(*[inputs[name] for name in names]), backward)
        takes_inputs = not cache and required_arguments(backward) == len(outs) + len(names)
        given = [inputs.get(name, value) for name, value in cotangents.items()]
        dout = [fitting(value, out, i) for i, (value, out) in enumerate(zip(given, outs, strict=True))]
        return outs, dout, tuple(inputs[name] for name in names) if takes_inputs else cache

    def loss(**inputs: Any) -> Any:
        outs, dout, _ = run(inputs)
        total: Any = 0
        for out, value in zip(outs, dout, strict=True):
            total = total + np.sum(out * value)
        return total

    def grad(**inputs: Any) -> Any:
        _, dout, rest = run(inputs)
        result = backward(*dout, *rest)
        if isinstance(result, (tuple, list)) and len(result) == len(names) > len(floats):
            return {name: value for name, value in zip(names, result, strict=True) if name in floats}
        return result

    return loss, grad


def cotangent(shape: tuple[int, ...], seed: int) -> Any:
    """A random cotangent: odd multiples of 2⁻²⁰ in (−2, 2), by the seed and the shape."""
    rng = np.random.default_rng([seed, *shape])
    return (2 * rng.integers(-(2**20), 2**20, size=shape) + 1) / 2.0**20


def fitting(value: Any, out: Any, position: int) -> Any:
    """The cotangent as the output's kind of array; another one where the output has another shape.

    Outputs of one shape must not share a cotangent: a backward that confuses them would pass.
    """
    if is_symbolic(out):
        return value
    if np.shape(value) != np.shape(out):
        value = cotangent(np.shape(out), 1 + position)
    if isinstance(out, BallArray):
        return value if isinstance(value, BallArray) else exact(value)
    return np.array(value)


def outputs_and_cache(result: Any, backward: Callable[..., Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The outputs that forward returned, and what it returned for backward beside them.

    ``out``, ``(out, cache)``, ``(h, c, cache)`` with outputs of one shape and a backward that takes a cotangent for
    each, or ``(out, x, w)`` with a ``backward(dout, x, w)``.

    >>> outputs_and_cache((np.ones(2), np.ones(2), "cache"), lambda dh, dc, cache: None)[1]
    ('cache',)
    """
    if not isinstance(result, tuple) or len(result) < 2:
        return (result,), ()
    if len(result) == 2:
        return result[:1], result[1:]
    if required_arguments(backward) != len(result):
        return result[:1], (result[1:],)
    alike = all(hasattr(part, "shape") and np.shape(part) == np.shape(result[0]) for part in result[1:-1])
    return (result[:-1], result[-1:]) if alike else (result[:1], result[1:])


def required_arguments(function: Callable[..., Any]) -> int:
    """How many arguments without a default a function has; 1 where that cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return len([p for p in parameters if p.default is p.empty and p.kind <= p.POSITIONAL_OR_KEYWORD])
