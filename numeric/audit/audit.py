"""Audit a function: run it in floats against balls over a range of inputs, find the lines that lose digits, mend them.

The pipeline: probes (each input over magnitudes, offsets, at zero) → digits kept in float64 and float32 → where a
region begins, by bisection → the first step of the user's code to blame → the rewritings that keep the digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.audit.accuracy import DTYPES, Loss, float_run
from gradproof.numeric.audit.blame import findings_of
from gradproof.numeric.audit.mend import failing
from gradproof.numeric.audit.probes import MAGNITUDES, families
from gradproof.numeric.audit.probing import Failure, Run
from gradproof.numeric.audit.report import AuditReport, named, together
from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.interfaces import chosen, float_leaves, label, replaced

BOUND: Final = 3.0
"""Digits beyond what rounding the inputs explains that a function may lose; sums of many terms lose one or two."""

Function = Callable[..., Any]


def audit(
    function: Function,
    grad: Function | Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    wrt: str | Sequence[str] | None = None,
    *,
    vary: str | Sequence[str] | None = None,
    magnitudes: Sequence[float] = MAGNITUDES,
    bound: float = BOUND,
    entrywise: bool = False,
    seed: int = 0,
) -> AuditReport:
    """Find where a right function loses its digits in float64 and float32, on which line, and what mends it.

    ``audit(function, inputs)``: ``function(**inputs)`` is a loss, a gradient or anything else that returns numbers; it
    is run as it is. ``audit(loss, grad, inputs, wrt)``: both, in one report; ``wrt`` names the gradients of a tuple or
    of one array. Each input in ``vary`` (by default every array that is no label) is brought to the ``magnitudes``,
    shifted, and set to zero. A digit counts as lost if the error exceeds what rounding the inputs alone would explain;
    ``bound`` digits may be. Errors are compared with the largest entry of an output, or with ``entrywise`` with each
    entry itself.

    Raises UsageError if a function cannot be called with the inputs.

    >>> def entropy(p):
    ...     return np.log(1 - p)
    >>> report = audit(entropy, {"p": np.array([0.25, 0.5])})
    >>> report.ok, report.findings[0].operations, report.findings[0].rewritings[0].after
    (False, ('np.log(1 - p)',), 'return np.log1p(-p)')
    """
    if isinstance(grad, Mapping) and inputs is None:
        grad, inputs = None, grad
    given = _rounded(inputs)
    if grad is None or isinstance(grad, Mapping):
        return _audited(function, given, vary, magnitudes, bound, entrywise, seed)
    names = [label(path) for path in chosen(given, wrt)] if wrt is not None else []
    loss, gradient = (_audited(f, given, vary, magnitudes, bound, entrywise, seed) for f in (function, grad))
    return together(named(loss, {"result": "the loss"}), named(gradient, _numbered(names)))


def _numbered(names: Sequence[str]) -> dict[str, str]:
    """The names of gradients that come as a tuple or as one array."""
    return {str(i): name for i, name in enumerate(names)} | ({"result": names[0]} if len(names) == 1 else {})


def _audited(
    function: Function, given: Mapping[str, Any], vary: str | Sequence[str] | None, magnitudes: Sequence[float],
    bound: float, entrywise: bool, seed: int,
) -> AuditReport:  # fmt: skip
    _plain(function, given)
    run = Run(function, given, bound, entrywise, seed)
    first = run.probe(given, singular=True)
    run.singular = first.exact_inputs is not given
    if first.why:
        return AuditReport(undecided=f"at the given inputs: {first.why}", bound=bound, seed=seed)
    failures: list[Failure] = []
    for dtype in DTYPES:
        if failing(first.losses.get(dtype, Loss()), bound):
            failures.append(Failure(dtype, "at the given inputs", first, first))
    for family in families(given, vary, magnitudes):
        failures += run.family(family)
    findings = findings_of(run, failures, first.exact_inputs)
    return AuditReport(
        tuple(findings),
        {dtype: round(loss.kept, 1) for dtype, loss in first.losses.items()},
        run.undecided(),
        tuple(run.notes()),
        bound,
        seed,
        {"inputs tried": run.count},
    )


def _rounded(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The inputs with every float rounded to float32, so that one truth serves both types."""
    if not isinstance(inputs, Mapping) or not inputs:
        raise UsageError('inputs must be a dict of arrays by argument name, as in inputs={"z": z0}')
    rounded = {}
    for path, leaf in float_leaves(inputs).items():
        array = np.asarray(leaf, dtype=np.float64)
        if not np.all(np.isfinite(array)):
            raise UsageError(f"the input {path[0]} holds NaN or infinity; give finite numbers")
        with np.errstate(over="ignore"):
            short = array.astype(np.float32).astype(np.float64)
        short = np.where(np.isfinite(short) & ((short != 0) | (array == 0)), short, array)
        rounded[path] = short if np.ndim(leaf) else float(short)
    return dict(replaced(inputs, rounded))


def _plain(function: Function, inputs: Mapping[str, Any]) -> None:
    if not callable(function):
        raise UsageError(f"audit wants a function, and was given a {type(function).__name__}")
    try:
        result = float_run(function, inputs, "float64")
    except GradproofError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"the function fails on the given inputs: {failure(error, function)}") from error
    if not any(np.asarray(part).dtype.kind == "f" for part in result.values()):
        raise UsageError("the function returns no floating-point number, so there are no digits to audit")
