"""Verify hand-written gradients by running the user's own, unmodified NumPy code on balls.

The pipeline: one plain float64 run (signatures, shapes, determinism, which inputs are meant) → balls at the given
inputs → balls at moved inputs, where a gradient that is right by accident is caught → for what is refuted, the worst
entry and a diagnosis by trying the mend → the report.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.balls.evaluate import PRECISION, failure
from gradproof.numeric.verification.checking import Outcome, check_point, describe, explain, guarded_by
from gradproof.numeric.verification.directional import Point, moved
from gradproof.numeric.verification.float_check import float_check
from gradproof.numeric.verification.interfaces import (
    Arrays,
    Path,
    chosen,
    float_leaves,
    from_backward,
    infer_wrt,
    label,
    leaves,
    read_gradients,
    replaced,
)
from gradproof.numeric.verification.layers import verify_layer
from gradproof.numeric.verification.report import Finding, Report
from gradproof.verdicts import Verdict

GIVEN: Final = "at the given inputs"
MOVES: Final = (("at parameters moved at random", 0.5), ("at parameters moved far", 3.0))
"""The further points: what they are called, and how far every parameter moves, in units of its root mean square."""

LARGE: Final = 20_000
"""With more input entries than that only the first further point is checked."""

USER_FAILURE: Final = (Exception, SystemExit)
"""What user code can end with; its own ``sys.exit(0)`` would otherwise pass for the exit code of ``certified``."""

Function = Callable[..., Any]


def verify(
    loss: Function,
    grad: Function,
    inputs: Mapping[str, Any],
    wrt: str | Sequence[str] | None = None,
    *,
    seed: int = 0,
    prec: int = PRECISION,
    move: bool = True,
) -> Report:
    """Check a hand-written gradient against its loss to 200 digits, without a tolerance to choose.

    ``loss(**inputs)`` returns a number; ``grad(**inputs)`` a dict by parameter name, a tuple in ``wrt``'s order, one
    array, or a ``(loss, grads)`` pair. Inputs are arrays, numbers, or dicts and lists of them; floats are taken as
    exact dyadic rationals, integers and booleans are labels and stay as they are. ``wrt`` names inputs (``"W"``,
    ``"params"``, ``"params.W1"``); without it a dict's entries decide, else every floating-point input is meant.
    The functions get copies. Both run at the inputs and, if ``move``, at parameters moved at random by ``seed``.

    The verdicts: ``certified``, ``refuted`` (a ball excludes zero), ``guarded`` (right but for an eps in a logarithm
    or a clipping), ``agrees`` (the code cannot run on balls; float64 differences agree), ``unknown`` with its reason.

    While it runs the user's modules have another ``np``: two threads must not verify functions of one module at once.

    Raises UsageError if the functions cannot be called with the inputs, fail in plain float64, or return a form that is
    not understood.

    >>> def loss(X, W):
    ...     return 0.5 * np.mean((X @ W) ** 2)
    >>> def grad(X, W):
    ...     return X.T @ (X @ W)
    >>> report = verify(loss, grad, {"X": np.eye(3)[:2], "W": np.arange(6.0).reshape(3, 2)}, wrt="W")
    >>> report.verdict.name, report.findings[0].diagnosis
    ('refuted', 'off by a constant factor: it is right after multiplication by 1/4')
    """
    inputs = _checked_inputs(inputs)
    for function, role in ((loss, "loss"), (grad, "grad")):
        _check_signature(function, role, inputs)
    first = _plain_run(grad, "grad", inputs)
    wrt_paths = infer_wrt(first, inputs) if wrt is None else chosen(inputs, wrt)
    if not wrt_paths:
        raise UsageError("there is no floating-point input to differentiate by; integer inputs are labels")
    gradient = read_gradients(first, wrt_paths, inputs)
    value = _plain_run(loss, "loss", inputs)
    _check_scalar(value)

    unstable = _changed(value, _plain_run(loss, "loss", inputs), "loss") or _changed(
        first, _plain_run(grad, "grad", inputs), "gradient"
    )
    if unstable:
        return Report(tuple(Finding(label(p), Verdict("unknown", unstable)) for p in wrt_paths), seed=seed)

    findings: dict[Path, Finding] = {}
    for path in wrt_paths:
        wrong = _shape_fault(path, gradient[path], float_leaves(inputs)[path])
        if wrong is not None:
            findings[path] = wrong
    rest = [path for path in wrt_paths if path not in findings]
    notes: list[str] = []
    figures: dict[str, Any] = {"precision_bits": prec, "parameters": sum(int(np.size(gradient[p])) for p in wrt_paths)}
    if rest:
        findings.update(_on_balls(loss, grad, inputs, rest, gradient, seed, prec, move, notes, figures))
    return Report(tuple(findings[path] for path in wrt_paths), tuple(dict.fromkeys(notes)), seed, figures)


def verify_backward(
    forward: Function,
    backward: Function,
    inputs: Mapping[str, Any] | Sequence[Any],
    wrt: str | Sequence[str] | None = None,
    *,
    seed: int = 0,
    prec: int = PRECISION,
    move: bool = True,
) -> Report:
    """Check a forward/backward pair: ⟨forward(*inputs), dout⟩, dout a random cotangent, against ``backward``.

    ``forward(*inputs)`` returns ``out`` or ``(out, cache)``; ``backward(dout, cache)`` a dict, a tuple in the order of
    the floating-point inputs (or of ``wrt``), or one array. Without a cache it is called as ``backward(dout, *inputs)``
    if it takes as many arguments, else as ``backward(dout)``. Inputs are a dict, or a sequence named by forward's
    arguments. Two methods of one object are checked by :func:`verify_layer`, with the parameters on ``self``.

    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout
    >>> verify_backward(forward, backward, (np.eye(2), np.ones((2, 3)))).verdict.name
    'certified'
    """
    owner = getattr(forward, "__self__", None)
    if owner is not None and owner is getattr(backward, "__self__", None) and not isinstance(owner, (type, ModuleType)):
        return verify_layer(owner, inputs, wrt, forward=forward, backward=backward, seed=seed, prec=prec, move=move)
    named = (
        dict(inputs) if isinstance(inputs, Mapping) else dict(zip(_names(forward, len(inputs)), inputs, strict=True))
    )
    named = _checked_inputs(named)
    out = _plain_run(lambda **k: forward(*k.values()), "forward", named, forward)
    if isinstance(out, tuple) and len(out) == 2:
        out = out[0]
    rng = np.random.default_rng(seed + 1)
    cotangent = (2 * rng.integers(-(2**20), 2**20, size=np.shape(out)) + 1) / 2.0**20
    loss, grad = from_backward(forward, backward, list(named), cotangent)
    return verify(loss, grad, named, wrt, seed=seed, prec=prec, move=move)


def _names(function: Function, count: int) -> list[str]:
    try:
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else [f"x{i}" for i in range(count)]


def _checked_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(inputs, Mapping) or not inputs:
        raise UsageError('inputs must be a dict of arrays by argument name, as in inputs={"X": X0, "W": W0}')
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, (np.ndarray, float, np.floating)) and np.asarray(leaf).dtype.kind == "f":
            if not np.all(np.isfinite(leaf)):
                raise UsageError(f"the input {label(path)} holds NaN or infinity; give finite numbers")
        elif isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "iubfUS":
            raise UsageError(f"the input {label(path)} has dtype {leaf.dtype}; it must be float, int or bool")
    return dict(replaced(inputs, {}))


def _check_signature(function: Function, role: str, inputs: Mapping[str, Any]) -> None:
    if not callable(function):
        raise UsageError(f"{role} must be a function, and is a {type(function).__name__}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**inputs)
    except TypeError as error:
        names = ", ".join(signature.parameters)
        raise UsageError(f"{role}({names}) cannot be called with the inputs {', '.join(inputs)}: {error}") from error


def _plain_run(function: Function, role: str, inputs: Mapping[str, Any], origin: Function | None = None) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(**replaced(inputs, {}))
    except GradproofError:
        raise
    except USER_FAILURE as error:
        raise UsageError(f"{role} fails on the given inputs: {failure(error, origin or function)}") from error


def _check_scalar(value: Any) -> None:
    if isinstance(value, (tuple, list)) and value:
        value = value[0]
    if value is None or np.size(value) != 1:
        what = "None" if value is None else f"an array of shape {np.shape(value)}"
        raise UsageError(f"the loss must return one number, and returned {what}")


def _changed(first: Any, second: Any, role: str) -> str:
    """The reason, if two runs on the same inputs differ."""
    one, two = leaves(first), leaves(second)
    for path, value in one.items():
        if isinstance(value, (np.ndarray, np.generic, float)) and not np.array_equal(
            np.asarray(value), np.asarray(two.get(path)), equal_nan=np.asarray(value).dtype.kind == "f"
        ):
            return f"the {role} is not deterministic: two runs on the same inputs differ; fix its random seed inside it"
    return ""


def _shape_fault(path: Path, claimed: Any, parameter: Any) -> Finding | None:
    got, expected = np.shape(claimed), np.shape(parameter)
    if got == expected:
        return None
    if got == expected[::-1]:
        words = f"transposed: it has shape {got}, and the parameter {expected}"
    elif np.size(claimed) == np.size(parameter):
        words = f"wrong shape: {got} instead of {expected}; a reshape or keepdims is missing or too many"
    elif len(got) > len(expected):
        words = f"wrong shape: {got} instead of {expected}; a sum over an axis is missing"
    else:
        words = f"wrong shape: {got} instead of {expected}; it is summed over the wrong axis, or over one too many"
    verdict = Verdict("refuted", "the gradient has another shape than the parameter")
    return Finding(label(path), verdict, words, shape=expected)


def _on_balls(
    loss: Function, grad: Function, inputs: dict[str, Any], paths: list[Path], gradient: Arrays, seed: int, prec: int,
    move: bool, notes: list[str], figures: dict[str, Any],
) -> dict[Path, Finding]:  # fmt: skip
    """A finding for every parameter whose gradient has the right shape."""
    rng = np.random.default_rng(seed)
    places: list[tuple[str, dict[Path, Outcome]]] = []
    point = Point(loss, grad, inputs, paths, prec, covers=list(gradient))
    try:
        places.append((GIVEN, check_point(point, rng, crosscheck=True)))
    except GradproofError:
        raise
    except USER_FAILURE as error:
        why = failure(error, loss, grad)
        verdicts = {path: float_check(loss, gradient, inputs, path, rng, why) for path in paths}
        return {path: Finding(label(path), v, shape=np.shape(gradient[path])) for path, v in verdicts.items()}
    size = sum(int(np.size(leaf)) for leaf in leaves(inputs).values())
    for name, scale in (MOVES[:1] if size > LARGE else MOVES) if move else ():
        further = Point(loss, grad, moved(inputs, paths, rng, scale), paths, prec, covers=list(gradient))
        try:
            places.append((name, check_point(further, rng, crosscheck=False)))
        except GradproofError:
            raise
        except USER_FAILURE as error:
            notes.append(f"not checked {name}: {failure(error, loss, grad)}")
    figures["points"] = [name for name, _ in places]
    return {path: _finding(path, [(n, o[path]) for n, o in places], gradient, rng, notes) for path in paths}


def _finding(
    path: Path, places: list[tuple[str, Outcome]], gradient: Arrays, rng: np.random.Generator, notes: list[str]
) -> Finding:
    name, shape = label(path), np.shape(gradient[path])
    for place, outcome in places:
        if outcome.name == "refuted" and not outcome.tied and outcome.fault is not None:
            return _refuted(path, place, places, outcome, rng, shape)
    here = places[0][1]
    certified = [place for place, outcome in places if outcome.name == "certified"]
    for place, outcome in places:
        if outcome.note:
            notes.append(f"{name}, {place}: {outcome.note}")
        if outcome.name == "unknown" and certified:
            notes.append(f"{name}, not decided {place}: {outcome.reason}")
    if here.name == "certified":
        if here.tied:
            lines = ", ".join(here.tied)
            notes.append(f"the inputs stand on a tie in {lines}; the gradient is that of the branch taken")
        return Finding(name, Verdict("certified", _reason(certified, places)), shape=shape)
    if here.name == "refuted" and certified:
        lines, where = ", ".join(here.tied), " and ".join(certified)
        notes.append(f"the inputs stand on a kink in {lines}: {name} is certified {where}")
        return Finding(name, Verdict("certified", _reason(certified, places)), shape=shape)
    if here.name == "refuted":
        reason = f"every point that was tried stands on a tie in {', '.join(here.tied)}; change the inputs"
        return Finding(name, Verdict("unknown", reason), shape=shape)
    reason = here.reason + (f"; certified {' and '.join(certified)}" if certified else "")
    return Finding(name, Verdict("unknown", reason), shape=shape)


def _reason(certified: list[str], places: list[tuple[str, Outcome]]) -> str:
    constants = any("ulps" in outcome.note for _, outcome in places)
    exactly = "within the ulps of constants that the code computes in floats" if constants else "to 200 digits"
    return f"equal {exactly} in a random direction, {' and '.join(certified)}"


def _refuted(
    path: Path, place: str, places: list[tuple[str, Outcome]], outcome: Outcome, rng: np.random.Generator,
    shape: tuple[int, ...],
) -> Finding:  # fmt: skip
    fault = outcome.fault
    assert fault is not None
    name = label(path)
    guards = guarded_by(fault.point, [path], rng)
    if guards:
        what = " and ".join(repr(g) for g in sorted(guards))
        return Finding(name, Verdict("guarded", f"right but for the guard {what} in the loss"), shape=shape)
    diagnosis, entries = explain(fault, rng)
    right = [p for p, o in places if o.name == "certified"]
    reason = "a ball that excludes zero" + (f"; it is right {' and '.join(right)}" if right else "")
    return Finding(name, Verdict("refuted", reason), diagnosis, describe(name, entries, place), shape, entries)
