"""Layer objects: ``forward`` and ``backward`` with the cache, the parameters and their gradients on ``self``.

The layer itself is never run: every run has a deep copy of it, in which the parameters, and every other float array,
are what the check needs (balls, say). Parameters are found, not declared: a float array on the object is one if it has
a gradient beside it after ``backward`` (``W`` and ``dW``, ``params[0]`` and ``grads[0]``, ...), or if the output
depends on it. One that the output depends on and that has no gradient is reported as ``unknown``, never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.balls.evaluate import PRECISION
from gradproof.numeric.verification.interfaces import float_leaves, label, leaves
from gradproof.numeric.verification.layers.discovery import discover
from gradproof.numeric.verification.layers.run import (
    LayerRun,
    Method,
    arity,
    chosen_method,
    input_gradients,
    method_of,
    name,
)
from gradproof.numeric.verification.layers.state import at
from gradproof.numeric.verification.plain_runs import check_options
from gradproof.numeric.verification.report import Finding, Report
from gradproof.verdicts import Verdict

FORWARDS: Final = ("forward", "forward_pass", "fprop", "feedforward", "__call__")
BACKWARDS: Final = ("backward", "backward_pass", "bprop", "backprop", "backward_propagation", "back_propagation")


def verify_layer(
    layer: Any,
    inputs: Mapping[str, Any] | Sequence[Any],
    wrt: str | Sequence[str] | None = None,
    *,
    forward: Method = None,
    backward: Method = None,
    gradients: Mapping[str, str] | None = None,
    seed: int = 0,
    prec: int = PRECISION,
    move: bool = True,
    prove: bool = True,
    allow: str | Sequence[str] = (),
    budget: float | None = None,
) -> Report:
    """Check ``layer.backward`` against ``layer.forward``: gradients of the inputs and of the parameters on ``self``.

    ``inputs`` are forward's arguments, by position or by name; flags such as ``train=True`` are among them. Parameters
    are named ``self.W``, ``self.params.W1``, ``self.layers.0.b``; where their gradients are is guessed from the names
    people use (``dW``, ``grad_W``, ``grads[0]``, ``grads["W"]``, ``W.grad``, or returned after those of the inputs) or
    said in ``gradients={"W": "W_opt.last"}`` (``"returned.1"`` for the second part of what backward returns). ``wrt``
    restricts the check: ``"x"``, ``"self.W"``, ``"self"`` for all parameters.

    ``seed``, ``prec``, ``move``, ``prove``, ``allow`` and ``budget`` are those of :func:`verify`.

    Other names of the two methods go into ``forward`` and ``backward``, as may functions that get the layer first:
    ``backward=lambda layer, dout: layer.backward(dout, learning_rate=0.1)``. A method that takes the inputs instead of
    a cotangent, as ``gradient(x, t)`` beside ``loss(x, t)``, gets them. A loss whose ``backward`` can be called without
    a cotangent is.

    Every run has a deep copy of the layer, and the same seed of ``np.random``: the object stays as it is, and dropout
    has one mask. Float arrays that backward does not cover are ``unknown`` where the output depends on them; what a
    name marks as kept from earlier batches (``running_mean``) is noted.

    >>> class Scale:
    ...     def __init__(self, W):
    ...         self.W = W
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * self.W
    ...     def backward(self, dout):
    ...         self.dW = (dout * self.x).sum(axis=0)
    ...         return dout * self.W
    >>> report = verify_layer(Scale(np.array([1.0, 2.0])), [np.ones((3, 2))])
    >>> [(finding.name, finding.ok) for finding in report.findings]
    [('x', True), ('self.W', True)]
    """
    from gradproof.numeric.verification.verify import verify

    check_options(seed, prec, 0 if budget is None else budget)
    checked = prepared_layer(layer, inputs, forward, backward, seed)
    returned, unmatched, notes = discover(checked, gradients or {})
    covered = input_gradients(returned, checked.inputs)
    floats = [label(path) for path in float_leaves(checked.inputs)]
    missing = [key for key in floats if not _is_covered(key, covered)]
    wanted = [key for key in floats if key not in missing] + [name(path) for path in checked.parameters]
    if isinstance(returned, Mapping):
        missing = []  # a dict says itself what it covers
    lost = {key: f"backward returns no gradient for {key}; leave it out with wrt, if it is data" for key in missing}
    for path in unmatched:
        lost[name(path)] = (
            f"the output depends on {name(path)}, and no gradient of it was found after backward; say where it is: "
            f'gradients={{"{label(path)}": "..."}}'
        )
    if wrt is not None:
        wanted, lost = _restricted([wrt] if isinstance(wrt, str) else list(wrt), wanted, lost)
    unknown = tuple(Finding(key, Verdict("unknown", why)) for key, why in lost.items())
    if not wanted:
        if not unknown:
            raise UsageError(f"{type(layer).__name__} has no floating-point input and no parameter to check")
        return Report(unknown, tuple(notes), seed)
    own = (*checked.parameters, *checked.kept)
    values = dict(checked.inputs) | {name(path): at(checked.template, path).copy() for path in own}
    values |= checked.cotangents
    options: dict[str, Any] = {"seed": seed, "prec": prec, "move": move, "prove": prove, "allow": allow}
    options |= {} if budget is None else {"budget": budget}
    report = verify(*_functions(checked), values, wanted, **options)
    return replace(report, findings=(*report.findings, *unknown), notes=(*report.notes, *notes))


def _functions(checked: LayerRun) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Loss and gradient as functions that close over the user's own methods, by which their modules are found."""
    forward = method_of(checked.template, checked.forward)
    backward = method_of(checked.template, checked.backward)

    def loss(**values: Any) -> Any:
        assert callable(forward)
        return checked.loss(**values)

    def grad(**values: Any) -> dict[str, Any]:
        assert callable(backward)
        return checked.grad(**values)

    loss.user_functions = grad.user_functions = (forward, backward)  # type: ignore[attr-defined]
    return loss, grad


def prepared_layer(layer: Any, inputs: Any, forward: Method, backward: Method, seed: int) -> LayerRun:
    if isinstance(layer, type):
        raise UsageError(f"verify_layer takes an object, as {layer.__name__}(...), not the class itself")
    forward = chosen_method(layer, forward, FORWARDS, "forward")
    backward = chosen_method(layer, backward, BACKWARDS, "backward")
    if isinstance(inputs, Mapping):
        by_name = {str(key): value for key, value in inputs.items()}
        order = [key for key in arity(layer, forward, "x")[1] if key in by_name]
        by_name = {key: by_name[key] for key in (*order, *(k for k in by_name if k not in order))}
    else:
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        names = arity(layer, forward, "x")[1]
        if len(names) < len(given):
            names = [f"x{i}" for i in range(len(given))]
        by_name = dict(zip(names, given, strict=False))
    for path, leaf in leaves(by_name).items():
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f" and not np.all(np.isfinite(leaf)):
            raise UsageError(f"the input {label(path)} holds NaN or infinity; give finite numbers")
    return LayerRun(layer, forward, backward, by_name, seed)


def _is_covered(key: str, covered: Mapping[str, Any]) -> bool:
    return covered.get(key.partition(".")[0]) is not None


def _restricted(wrt: list[str], wanted: list[str], lost: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    keep = [key for key in (*wanted, *lost) if any(_selects(word, key) for word in wrt)]
    for word in wrt:
        if not any(_selects(word, key) for key in keep):
            valid = ", ".join((*wanted, *lost)) or "none"
            raise UsageError(f"wrt={word!r} is neither a floating-point input nor a parameter; there are {valid}")
    return [key for key in wanted if key in keep], {key: why for key, why in lost.items() if key in keep}


def _selects(word: str, key: str) -> bool:
    return any(f"{key}.".startswith(f"{full}.") for full in (word, f"self.{word}"))
