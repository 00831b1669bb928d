"""The checkers that people use today, fed with the same hand-written gradients: what they catch, and false alarms.

Each gets the loss as NumPy code and the hand-written gradient as its derivative, and compares with its own differences
at its default tolerances: ``autograd.test_util.check_grads`` (a primitive with the gradient as its vjp),
``scipy.optimize.check_grad`` (its number against 1e-6), ``jax.test_util.check_grads`` (a ``custom_vjp`` around a
callback, 64 bits), ``torch.autograd.gradcheck`` (a ``Function``), and the complex step. One that is not installed is
left out. A checker that cannot run the code counts as raising no alarm.
"""

from __future__ import annotations

import copy
import importlib.util
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gradient_zoo import planting
from gradient_zoo.planting import Code, Plant

from gradproof.numeric.verification.interfaces import Arrays, chosen, float_leaves, infer_wrt, read_gradients, replaced

Loss = Callable[[np.ndarray[Any, Any]], Any]
Gradient = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
Checker = Callable[[Loss, Gradient, np.ndarray[Any, Any]], bool]


class Flat:
    """A loss and a gradient as functions of one vector: all parameters behind one another."""

    def __init__(self, code: Code, inputs: dict[str, Any], names: list[str] | None) -> None:
        self.code, self.inputs = code, inputs
        first = code.grad(**copy.deepcopy(inputs))
        self.paths = infer_wrt(first, inputs) if names is None else chosen(inputs, names)
        leaves = float_leaves(inputs)
        self.shapes = [np.shape(leaves[path]) for path in self.paths]
        self.start = np.concatenate([np.ravel(leaves[path]) for path in self.paths]).astype(float)

    def _at(self, vector: np.ndarray[Any, Any]) -> dict[str, Any]:
        arrays: Arrays = {}
        at = 0
        for path, shape in zip(self.paths, self.shapes, strict=True):
            size = int(np.prod(shape, dtype=int))
            part = vector[at : at + size].reshape(shape)
            arrays[path] = part.copy() if shape else part[()]
            at += size
        return dict(replaced(self.inputs, arrays))

    def loss(self, vector: np.ndarray[Any, Any]) -> Any:
        result = self.code.loss(**self._at(np.asarray(vector)))
        return result[0] if isinstance(result, tuple) else result

    def gradient(self, vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        result = read_gradients(self.code.grad(**self._at(np.asarray(vector))), self.paths, self.inputs)
        return np.concatenate([np.ravel(np.asarray(result[path], dtype=float)) for path in self.paths])


def _autograd(loss: Loss, gradient: Gradient, x: np.ndarray[Any, Any]) -> bool:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    function = primitive(lambda v: float(loss(v)))
    defvjp(function, lambda _, v: lambda g: g * gradient(v))
    try:
        check_grads(function, modes=["rev"], order=1)(x)
    except AssertionError:
        return True
    return False


def _scipy(loss: Loss, gradient: Gradient, x: np.ndarray[Any, Any]) -> bool:
    from scipy.optimize import check_grad

    return not check_grad(loss, gradient, x) < 1e-6


def _jax(loss: Loss, gradient: Gradient, x: np.ndarray[Any, Any]) -> bool:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    number, vector = jax.ShapeDtypeStruct((), np.float64), jax.ShapeDtypeStruct(x.shape, np.float64)

    @jax.custom_vjp
    def function(v: Any) -> Any:
        return jax.pure_callback(lambda u: np.float64(loss(np.array(u))), number, v)

    def backward(v: Any, g: Any) -> Any:
        return (g * jax.pure_callback(lambda u: gradient(np.array(u)), vector, v),)

    function.defvjp(lambda v: (function(v), v), backward)
    try:
        check_grads(function, (x,), order=1, modes=["rev"])
    except AssertionError:
        return True
    return False


def _torch(loss: Loss, gradient: Gradient, x: np.ndarray[Any, Any], fast: bool = False) -> bool:
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, v: Any) -> Any:
            ctx.save_for_backward(v)
            return torch.tensor(float(loss(v.detach().numpy().copy())), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (v,) = ctx.saved_tensors
            return g * torch.from_numpy(gradient(v.detach().numpy().copy()))

    start = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    return not torch.autograd.gradcheck(Function.apply, (start,), raise_exception=False, fast_mode=fast)


def _complex(loss: Loss, gradient: Gradient, x: np.ndarray[Any, Any]) -> bool:
    h, slopes = 1e-30, np.zeros(len(x))
    for i in range(len(x)):
        moved = x.astype(complex)
        moved[i] += 1j * h
        slopes[i] = np.imag(loss(moved)) / h
    return not np.allclose(gradient(x), slopes, rtol=1e-10, atol=1e-12)


CHECKERS: dict[str, tuple[str, Checker]] = {
    "autograd check_grads": ("autograd", _autograd),
    "scipy check_grad": ("scipy", _scipy),
    "JAX check_grads": ("jax", _jax),
    "torch gradcheck": ("torch", _torch),
    "torch gradcheck, fast": ("torch", lambda f, g, x: _torch(f, g, x, fast=True)),
    "complex step": ("numpy", _complex),
}
"""name: (the package it needs, whether it raises an alarm)."""


def compare(plants: list[Plant], kinds: list[str]) -> str:
    """A table: alarms on wrong and on right code by inputs, code that could not be run, and seconds."""
    installed = {n: check for n, (package, check) in CHECKERS.items() if importlib.util.find_spec(package)}
    counts: dict[str, Counter[str]] = {name: Counter() for name in installed}
    planted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for plant in plants:
            code = planting.plant(plant, Path(folder))
            for kind in kinds:
                flat = Flat(code, planting.inputs_of(plant.model, kind), planting.model(plant.model).WRT)
                wrong = "right" if plant.kind in ("right", "harmless") else "wrong"
                planted[f"{wrong} {kind}"] += 1
                for name, check in installed.items():
                    started = time.perf_counter()
                    try:
                        alarm = check(flat.loss, flat.gradient, flat.start)
                    except Exception:  # a checker of somebody else's may fail in any way: it is counted as not run
                        alarm = False
                        counts[name]["not run"] += 1
                    counts[name]["seconds"] += int(1e6 * (time.perf_counter() - started))
                    counts[name][f"{wrong} {kind}"] += alarm
    columns = [f"{wrong} {kind}" for wrong in ("wrong", "right") for kind in kinds]
    lines = [f"{'alarms on':<24}" + "".join(f"{c:>14}" for c in columns) + f"{'not run':>9}{'seconds':>9}"]
    lines.append(f"{'(of)':<24}" + "".join(f"{planted[c]:>14}" for c in columns))
    for name, count in counts.items():
        figures = "".join(f"{count[c]:>14}" for c in columns)
        lines.append(f"{name:<24}{figures}{count['not run']:>9}{count['seconds'] / 1e6:>9.1f}")
    return "\n".join(lines)
