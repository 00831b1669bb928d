"""One run of a layer object: a deep copy of it with other arrays, its forward pass, and its backward pass if asked."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.balls.arrays import BallArray, exact
from gradproof.numeric.verification.interfaces import Path, fitting, float_leaves, is_symbolic, label
from gradproof.numeric.verification.layers.state import at, copied, float_arrays, is_numeric

Method = str | Callable[..., Any] | None
"""A method's name, a function that gets the layer first, or None: the first of the usual names that there is."""


@dataclass
class LayerRun:
    """A layer to check: how it is run, and what was found on it."""

    template: Any
    forward: str | Callable[..., Any]
    backward: str | Callable[..., Any]
    inputs: dict[str, Any]
    seed: int
    parameters: dict[Path, list[Path]] = field(default_factory=dict)  # where the value is: where its gradients are
    kept: list[Path] = field(default_factory=list)  # what the layer keeps from earlier batches: data
    cotangents: dict[str, Any] = field(default_factory=dict)  # by name; empty for a loss whose dout has a default
    outputs: int = 1
    is_loss: bool = False  # forward returns one number

    def run(self, values: Mapping[str, Any], backward: bool) -> tuple[Any, Any, tuple[Any, ...]]:
        """A copy of the layer that has run, what backward returned, and the outputs that are differentiated."""
        layer = self._instance(values)
        arguments = [values.get(name, given) for name, given in self.inputs.items()]
        with seeded(self.seed):
            result = called(layer, self.forward, arguments)
            outs = (
                tuple(result)[: self.outputs]
                if isinstance(result, (tuple, list)) and not _nested(result)
                else (result,)
            )
            returned = None
            if backward and self.reruns():
                np.random.seed(self.seed)  # gradient(x, t) makes its own forward pass, with the same masks
                random.seed(self.seed)
            if backward:
                like = self._cotangents(values, outs)
                returned = called(layer, self.backward, self._backward_arguments(like, arguments, result))
                if self.reruns():
                    returned = _without_loss(returned)
        return layer, returned, outs

    def _instance(self, values: Mapping[str, Any]) -> Any:
        """A copy with the given parameters; on balls every other float array enters as balls too."""
        arrays = float_arrays(self.template)
        given = {path: values[name(path)] for path in (*self.parameters, *self.kept) if name(path) in values}
        sample = next((v for v in values.values() if isinstance(v, BallArray) or is_symbolic(v)), None)
        replacements: dict[int, Any] = {}
        for path, gradients in self.parameters.items():
            for buffer in (at(self.template, gradient) for gradient in gradients):
                if isinstance(buffer, np.ndarray):
                    replacements[id(buffer)] = _zeros(given.get(path, buffer), buffer)
        if isinstance(sample, BallArray):
            for array in arrays.values():
                replacements.setdefault(id(array), exact(array))
        for path, value in given.items():
            replacements[id(arrays[path])] = value
        return copied(self.template, replacements)

    def reruns(self) -> bool:
        """Whether backward takes the inputs instead of cotangents, as ``gradient(x, t)`` beside ``loss(x, t)``."""
        return self.is_loss and self._shared() >= max(1, arity(self.template, self.backward)[0])

    def _shared(self) -> int:
        """How many of the inputs backward takes, by their names and in their order."""
        same = [a == b for a, b in zip(arity(self.template, self.backward)[1], self.inputs, strict=False)]
        return same.index(False) if False in same else len(same)

    def _backward_arguments(self, dout: list[Any], arguments: list[Any], result: Any) -> list[Any]:
        """What backward is called with: cotangents, and the inputs or the cache where it asks for them."""
        required, names, most = arity(self.template, self.backward)
        own = list(self.inputs)
        if self.reruns():
            return arguments[: self._shared()]
        if callable(self.backward) or required <= len(dout):
            return dout[: max(required, min(most, len(dout)))] if not callable(self.backward) else dout
        if required == len(dout) + len(arguments):
            return [*dout, *arguments]
        if required == len(dout) + 1 and isinstance(result, tuple) and len(result) == 2:
            return [*dout, result[1]]
        if required == len(dout) + 1 and len(arguments) == 1:
            return [*arguments, *dout] if names[0] in own else [*dout, *arguments]
        raise UsageError(
            f"backward({', '.join(names)}) takes {required} arguments, and there is one cotangent for each of "
            f"{len(dout)} outputs; pass backward=lambda layer, dout: layer.backward(...)"
        )

    def loss(self, **values: Any) -> Any:
        """⟨forward(...), dout⟩, or the value of a loss."""
        _, _, outs = self.run(values, backward=False)
        if not self.cotangents:
            return outs[0]
        total: Any = 0
        for value, out in zip(self._cotangents(values, outs), outs, strict=True):
            total = total + np.sum(out * value)
        return total

    def _cotangents(self, values: Mapping[str, Any], outs: tuple[Any, ...]) -> list[Any]:
        given = [values.get(name, given) for name, given in self.cotangents.items()]
        return [fitting(value, out, i) for i, (value, out) in enumerate(zip(given, outs, strict=False))]

    def grad(self, **values: Any) -> dict[str, Any]:
        """The gradients of inputs and parameters by the names of the report."""
        layer, returned, _ = self.run(values, backward=True)
        found = input_gradients(returned, self.inputs)
        holder = Holder(layer, returned)
        for path, places in self.parameters.items():
            parts = list({id(part): part for part in (at(holder, place) for place in places)}.values())
            found[name(path)] = parts[0] if len(parts) == 1 else sum(parts[1:], parts[0])
        return {key: value for key, value in found.items() if value is not None}


class Holder:
    """A layer after its backward pass: its attributes, and what backward returned under ``returned``."""

    def __init__(self, layer: Any, returned: Any) -> None:
        self._layer = layer
        self.returned = returned

    def __getattr__(self, key: str) -> Any:
        return getattr(self.__dict__["_layer"], key)


def chosen_method(layer: Any, given: Method, names: Sequence[str], role: str) -> str | Callable[..., Any]:
    if callable(given) and getattr(given, "__self__", None) is layer:
        given = str(given.__name__)
    if callable(given):
        return given
    for candidate in names if given is None else [given]:
        if callable(getattr(layer, candidate, None)):
            return candidate
    tried = ", ".join(names) if given is None else given
    raise UsageError(f"{type(layer).__name__} has no method for its {role} pass ({tried}); name it with {role}=...")


def method_of(layer: Any, method: str | Callable[..., Any]) -> Callable[..., Any]:
    return method if callable(method) else getattr(layer, method)


def called(layer: Any, method: str | Callable[..., Any], arguments: list[Any]) -> Any:
    return method(layer, *arguments) if callable(method) else getattr(layer, method)(*arguments)


def arity(layer: Any, method: str | Callable[..., Any], only: str = "dout") -> tuple[int, list[str], int]:
    """How many arguments a method needs, their names, and how many it takes at most.

    Where the signature does not say, as behind a decorator's ``*args``, it is one argument, called ``only``.
    """
    try:
        parameters = list(inspect.signature(method_of(layer, method)).parameters.values())
    except (TypeError, ValueError):
        return 1, [only], 1
    bound = parameters[1:] if callable(method) else parameters
    plain = [p for p in bound if p.kind <= p.POSITIONAL_OR_KEYWORD]
    if not plain and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 1, [only], 1
    return len([p for p in plain if p.default is p.empty]), [p.name for p in plain], len(plain)


def _nested(result: Any) -> bool:
    """A list of lists is one array to most layers."""
    return isinstance(result, list) and any(isinstance(part, (list, tuple)) for part in result)


def _without_loss(returned: Any) -> Any:
    """The gradients, where a method returns ``(loss, grads)``."""
    pair = isinstance(returned, (tuple, list)) and len(returned) == 2 and is_numeric(returned[0])
    return returned[1] if pair and np.ndim(returned[0]) == 0 else returned


def _zeros(value: Any, buffer: np.ndarray[Any, Any]) -> Any:
    """A gradient's buffer, cleared: code that adds to it is as right as code that stores."""
    if isinstance(value, BallArray):
        return exact(np.zeros(buffer.shape))
    if is_symbolic(value):
        from gradproof.symbolic.tracing.trace_creation import zeros

        return zeros(value.shape)
    return np.zeros_like(buffer)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The same random numbers in every run, from NumPy's and Python's global generators; their state is put back."""
    before, plain = np.random.get_state(), random.getstate()
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
        random.setstate(plain)


def input_gradients(returned: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of the floating-point inputs among what backward returned, by name."""
    names = list(dict.fromkeys(str(path[0]) for path in float_leaves(inputs)))
    if returned is None or not names:
        return {}
    if isinstance(returned, Mapping):
        spelled_as = {key: (key, f"d{key}", f"d_{key}", f"grad_{key}") for key in names}
        found = {key: [returned[s] for s in spellings if s in returned] for key, spellings in spelled_as.items()}
        return {key: values[0] for key, values in found.items() if values}
    if isinstance(returned, (tuple, list)) and not (len(names) == 1 and isinstance(inputs[names[0]], (list, tuple))):
        if len(returned) == len(inputs) != len(names):
            return {key: value for key, value in zip(inputs, returned, strict=True) if key in names}
        return dict(zip(names, returned, strict=False))
    return {names[0]: returned}


def name(path: Path) -> str:
    """A parameter's name in the report."""
    return f"self.{label(path)}"
