"""Verify a ``torch.autograd.Function``: its ``forward`` against its ``backward``.

The plain run is PyTorch's own, in float64 and through ``apply``. On balls ``forward`` and ``backward`` are called as
they are, with a context that keeps what they save, and the user's ``torch`` stands for NumPy's functions on balls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.adapters.common import Run, checked, mapped, named, on_balls, standing_in
from gradproof.numeric.adapters.torch_names import METHODS, substitutes
from gradproof.numeric.balls.arrays import BallArray
from gradproof.numeric.balls.evaluate import has_floats
from gradproof.numeric.verification.report import Finding, Report
from gradproof.verdicts import Verdict


def verify_torch_function(
    function: Any, inputs: Mapping[str, Any] | Sequence[Any], *, seed: int = 0, move: bool = True
) -> Report:
    """Check the ``backward`` of a ``torch.autograd.Function`` against its ``forward``.

    ``inputs`` are the arguments of ``apply``, in their order or by the names of ``forward``'s. Tensors and arrays of
    floats are taken in float64; everything else is a constant, a number of Python's too, as in PyTorch. Outputs marked
    as non-differentiable are left out. A ``None`` from ``backward`` means that the output does not depend on the input,
    and is checked as zero. Then ``backward`` runs once more for each input alone, with ``ctx.needs_input_grad`` false
    for the others, and has to return the same.

    The report says ``certified`` or ``refuted`` where both run on balls, else ``agrees`` or ``unknown`` by float64
    differences of PyTorch's own arithmetic.

    Raises UsageError if torch is not installed, or the class is no Function.
    """
    try:
        import torch
    except ImportError as error:
        raise UsageError("verify_torch_function needs torch; install it with: python -m pip install torch") from error
    if not (isinstance(function, type) and issubclass(function, torch.autograd.Function)):
        what = function.__name__ if isinstance(function, type) else type(function).__name__
        raise UsageError(f"the first argument must be a subclass of torch.autograd.Function, and is {what}")
    kind: Any = function
    with_setup = kind.setup_context is not torch.autograd.Function.setup_context
    arguments = mapped(_plain, named(kind.forward, inputs, skip=0 if with_setup else 1))
    floats = [name for name, value in arguments.items() if isinstance(value, np.ndarray) and has_floats(value)]

    def run(values: Mapping[str, Any]) -> Run:
        if on_balls(values):
            return _run_on_balls(function, values, floats, with_setup)
        return _run_in_torch(torch, function, values, floats)

    with standing_in(substitutes(torch), METHODS):
        report = checked(run, arguments, floats, seed, move)
    return _alone(torch, function, arguments, floats, report)


def _plain(value: Any) -> Any:
    """Tensors as arrays, floats in float64."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float64)
    return value


def _tensors(torch: Any, values: Mapping[str, Any], needed: Sequence[str]) -> dict[str, Any]:
    tensors = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            tensors[name] = torch.tensor(np.asarray(value), requires_grad=name in needed)
        else:
            tensors[name] = value
    return tensors


def _run_in_torch(torch: Any, function: Any, values: Mapping[str, Any], needed: Sequence[str]) -> Run:
    tensors = _tensors(torch, values, needed)
    result = function.apply(*tensors.values())
    parts = result if isinstance(result, (tuple, list)) else (result,)
    outputs = [part for part in parts if isinstance(part, torch.Tensor) and part.requires_grad]
    if not outputs:
        raise UsageError(f"{function.__name__}.forward returns no differentiable output")

    def back(cotangents: Sequence[Any]) -> Mapping[str, Any]:
        leaves = [tensors[name] for name in needed]
        given = [torch.tensor(np.asarray(value)) for value in cotangents]
        found = torch.autograd.grad(outputs, leaves, given, retain_graph=True, allow_unused=True)
        return {
            name: np.zeros(leaf.shape) if gradient is None else gradient.detach().numpy()
            for name, leaf, gradient in zip(needed, leaves, found, strict=True)
        }

    return Run(tuple(part.detach().numpy() for part in outputs), back)


class Context:
    """What ``forward`` and ``backward`` share, as far as code on balls asks for it."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[Any, ...] = ()
        self.non_differentiable: tuple[Any, ...] = ()  # PyTorch's own name, so that no user's is taken

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Outputs without a gradient."""
        self.non_differentiable = outputs

    def mark_dirty(self, *inputs: Any) -> None:
        """Inputs that forward changes; runs get copies."""

    def set_materialize_grads(self, value: bool) -> None:
        """Every cotangent of a run is there."""


def _run_on_balls(function: Any, values: Mapping[str, Any], floats: Sequence[str], with_setup: bool) -> Run:
    ctx = Context(tuple(name in floats for name in values))
    arguments = tuple(values.values())
    if with_setup:
        result = function.forward(*arguments)
        function.setup_context(ctx, arguments, result)
    else:
        result = function.forward(ctx, *arguments)
    parts = result if isinstance(result, (tuple, list)) else (result,)
    constant = ctx.non_differentiable
    kept = [i for i, part in enumerate(parts) if isinstance(part, BallArray) and not _among(part, constant)]

    def back(cotangents: Sequence[Any]) -> Mapping[str, Any]:
        given: list[Any] = [np.zeros_like(part) if isinstance(part, BallArray) else None for part in parts]
        for i, value in zip(kept, cotangents, strict=True):
            given[i] = value
        found = function.backward(ctx, *given)
        gradients = found if isinstance(found, (tuple, list)) else (found,)
        return {
            name: np.zeros_like(values[name]) if gradient is None else gradient
            for name, gradient in zip(values, gradients, strict=False)
            if name in floats
        }

    return Run(tuple(parts[i] for i in kept), back)


def _among(part: Any, others: Sequence[Any]) -> bool:
    return any(part is other for other in others)


def _alone(torch: Any, function: Any, values: Mapping[str, Any], floats: Sequence[str], report: Report) -> Report:
    """The report, with what backward returns when one input alone needs a gradient held against it."""
    if len(floats) < 2:
        return report

    def gradients(needed: Sequence[str]) -> Mapping[str, Any]:
        run = _run_in_torch(torch, function, values, needed)
        rng = np.random.default_rng(0)
        return run.back([rng.standard_normal(np.shape(out)) for out in run.outputs])

    together = gradients(floats)
    findings = []
    for finding in report.findings:
        try:
            alone: Any = gradients([finding.name])[finding.name]
        except (RuntimeError, UsageError) as error:
            findings.append(_weaker(finding, f"fails: {' '.join(str(error).split())}"))
            continue
        gap = float(np.max(np.abs(alone - together[finding.name]), initial=0.0))
        size = float(np.max(np.abs(together[finding.name]), initial=0.0))
        same = gap <= 1e-10 * max(size, 1e-300)
        findings.append(finding if same else _weaker(finding, f"returns another gradient, by up to {gap:.3g}"))
    return replace(report, findings=tuple(findings))


def _weaker(finding: Finding, what: str) -> Finding:
    """``unknown`` unless it is refuted already."""
    if finding.verdict == "refuted":
        return finding
    reason = f"where {finding.name} alone needs a gradient (ctx.needs_input_grad), backward {what}"
    return replace(finding, verdict=Verdict("unknown", f"{reason}; else it is {finding.verdict}"))
