"""Verify hand-written gradients: the pipeline from a loss and a gradient to a report.

One plain float64 run (signatures, shapes, determinism, which inputs are meant) → a proof for all shapes, where both
functions can be traced → the user's own unmodified code on balls: at the given inputs, at moved ones, at other shapes,
and on both sides of every comparison in the code → for what is refuted, a diagnosis by trying the mend → the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count, islice
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.balls.evaluate import PRECISION, failure
from gradproof.numeric.balls.scopes import one_verification
from gradproof.numeric.balls.strides import OutsideOfMemory
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import with_exact_shares
from gradproof.numeric.verification.findings import Notes, finding, proved, take_notes, with_formulas, written
from gradproof.numeric.verification.float_check import float_check
from gradproof.numeric.verification.interfaces import (
    Arrays,
    Path,
    chosen,
    cotangent,
    float_leaves,
    from_backward,
    infer_wrt,
    label,
    outputs_and_cache,
    read_gradients,
    required_arguments,
)
from gradproof.numeric.verification.layers.verify import verify_layer
from gradproof.numeric.verification.mends import BUDGET, with_lines, with_shapes
from gradproof.numeric.verification.places import Journey
from gradproof.numeric.verification.plain_runs import (
    USER_FAILURE,
    argument_names,
    changed,
    check_options,
    check_real,
    check_scalar,
    check_signature,
    check_sizes,
    checked_inputs,
    empties_alike,
    plain_run,
    shape_fault,
)
from gradproof.numeric.verification.records import without_records
from gradproof.numeric.verification.report import Finding, Report
from gradproof.symbolic.tracing.scopes import preserved, reach
from gradproof.verdicts import Verdict

if TYPE_CHECKING:
    from gradproof.numeric.verification.proofs.attempt import Traced
    from gradproof.numeric.verification.proofs.proof import Proof

Function = Callable[..., Any]

ALLOWABLE: Final = ("guarded", "agrees")
"""Verdicts that a caller may take for a success."""


def verify(
    loss: Function,
    grad: Function,
    inputs: Mapping[str, Any],
    wrt: str | Sequence[str] | None = None,
    *,
    seed: int = 0,
    prec: int = PRECISION,
    move: bool = True,
    prove: bool = True,
    allow: str | Sequence[str] = (),
    budget: float = BUDGET,
) -> Report:
    """Check a hand-written gradient against its loss to 200 digits, without a tolerance to choose.

    ``loss(**inputs)`` returns a number; ``grad(**inputs)`` a dict by parameter name, a tuple in ``wrt``'s order, one
    array, or a ``(loss, grads)`` pair. Inputs are arrays, numbers, rows of numbers, or dicts and lists of them; floats
    are taken as exact dyadic rationals, integers and booleans are labels and stay as they are. ``wrt`` names inputs
    (``"W"``, ``"params"``, ``"params.W1"``); without it a dict's entries decide, else every floating-point input.
    The functions get copies. Both run on balls at the inputs. Unless ``prove`` is false, they are then traced, and what
    is proved for all shapes and inputs is done. What is not runs on balls, if ``move``, at parameters moved at random
    by ``seed``, at other shapes, and on both sides of every comparison in the code.

    ``allow=("guarded",)`` (or ``agrees``) takes that verdict for a success too.

    The verdicts: ``proved``, ``certified``, ``refuted`` (a ball excludes zero), ``guarded`` (right but for an eps in a
    logarithm or a clipping), ``agrees`` (the code cannot run on balls; float64 differences agree), ``unknown`` with its
    reason.

    ``budget`` is how many seconds may go into naming the line of a refuted gradient: edits of its source are tried
    until one is certified. 0 leaves that out.

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
    allowed = _allowed(allow)
    check_options(seed, prec, budget)
    loss, grad, inputs = without_records(loss, grad, inputs)
    inputs = checked_inputs(inputs)
    for function, role in ((loss, "loss"), (grad, "grad")):
        check_signature(function, role, inputs)
    first = plain_run(grad, "grad", inputs)
    paths = infer_wrt(first, inputs) if wrt is None else chosen(inputs, wrt)
    if not paths:
        raise UsageError("there is no floating-point input to differentiate by; integer inputs are labels")
    check_sizes(paths, inputs)
    inputs, shares = with_exact_shares(inputs, paths)
    if shares:
        first = plain_run(grad, "grad", inputs)
    gradient = read_gradients(first, paths, inputs)
    check_real(gradient)
    value = plain_run(loss, "loss", inputs)
    check_scalar(value)

    def differs() -> str:
        again = plain_run(loss, "loss", inputs), plain_run(grad, "grad", inputs)
        return changed(value, again[0], "loss") or changed(first, again[1], "gradient")

    unstable = differs()
    if unstable:
        with empties_alike():  # on balls, what np.empty leaves in memory is wrong by itself
            value, first = plain_run(loss, "loss", inputs), plain_run(grad, "grad", inputs)
            unstable = differs()
        gradient = read_gradients(first, paths, inputs)
    if unstable:
        return Report(tuple(Finding(label(p), Verdict("unknown", unstable)) for p in paths), seed=seed, allowed=allowed)

    floats = float_leaves(inputs)
    findings = {path: fault for path in paths if (fault := shape_fault(path, gradient[path], floats[path])) is not None}
    rest = [path for path in paths if path not in findings]
    notes: list[str] = []
    rounded = "but for rounding: it is taken to do so"
    taken = [f"{label(path)} adds up to 1 along axis {axis} {rounded}" for path, axis in shares.items()]
    figures: dict[str, Any] = {"precision_bits": prec, "parameters": sum(int(np.size(gradient[p])) for p in paths)}
    if rest:
        point = Point(loss, grad, inputs, rest, prec, covers=list(gradient))
        with one_verification(), preserved(reach(loss, grad)):
            found, notes = _climb(point, gradient, np.random.default_rng(seed), move, prove, budget, figures)
        findings |= found
    misshapen = [path for path in paths if path not in rest and findings[path].verdict == "refuted"]
    if misshapen:
        point = Point(loss, grad, inputs, paths, prec, covers=list(gradient))
        with one_verification(), preserved(reach(loss, grad)):
            findings = with_shapes(findings, misshapen, point, budget)
    told = tuple(dict.fromkeys([*taken, *notes]))
    return Report(tuple(findings[path] for path in paths), told, seed, figures, allowed)


def _allowed(allow: str | Sequence[str]) -> tuple[str, ...]:
    names = (allow,) if isinstance(allow, str) else tuple(allow)
    for name in names:
        if name not in ALLOWABLE:
            raise UsageError(f"allow={name!r} cannot be allowed; {' and '.join(ALLOWABLE)} can")
    return names


def _climb(
    point: Point, gradient: Arrays, rng: np.random.Generator, move: bool, prove: bool, budget: float,
    figures: dict[str, Any],
) -> tuple[dict[Path, Finding], list[str]]:  # fmt: skip
    """A finding for every parameter whose gradient has the right shape, on the highest rung that it reaches."""
    shapes = {path: np.shape(gradient[path]) for path in point.wrt}
    journey = Journey(point, rng)
    refused = ""
    try:
        journey.given()
    except GradproofError:
        raise
    except OutsideOfMemory as error:  # neither differences nor a proof says what such code gives
        verdict = Verdict("unknown", f"{error}, where anything may stand")
        return {path: Finding(label(path), verdict, shape=shapes[path]) for path in point.wrt}, []
    except USER_FAILURE as error:
        refused = failure(error, point.loss, point.grad)
    wrong = [] if refused else journey.refuted_here()
    proofs, traced = _proofs(point, figures, bool(wrong)) if prove else ({}, None)
    said: Notes = {}
    found: dict[Path, Finding] = {}
    for path in point.wrt:
        if _is_proved(proofs, path):
            found[path] = proved(path, proofs[path], shapes[path], refused)
            take_notes(path, journey.places, said)
    rest = [path for path in point.wrt if path not in found]
    if refused:
        for path in rest:
            why = _with_proof(refused, proofs.get(path))
            verdict = float_check(point.loss, gradient, point.inputs, path, rng, why)
            found[path] = Finding(label(path), verdict, shape=shapes[path])
        return found, []
    if move and rest:
        journey.further(rest)
    figures["points"] = [place.name for place in journey.places]
    for path in rest:
        found[path] = finding(path, journey, shapes[path], said, proofs.get(path))
    refuted = [path for path in rest if found[path].verdict == "refuted"]
    if prove and refuted:
        found |= with_formulas(found, refuted, point, traced)
    if refuted:
        found |= with_lines(found, journey, budget)
    return found, [*written(said), *journey.notes]


def _proofs(point: Point, figures: dict[str, Any], wrong: bool) -> tuple[dict[Path, Proof], Traced | None]:
    """Proofs of the gradients and what they trace; beside one that is wrong or guarded, none is tried."""
    from gradproof.numeric.verification.proofs.proof import Proof, prove_gradients

    if wrong:
        unasked = Proof(Verdict("unknown", "not proved: no proof is tried while another gradient is not right"))
        return dict.fromkeys(point.wrt, unasked), None
    try:
        proofs, traced = prove_gradients(point.loss, point.grad, point.inputs, point.wrt, point.covers)
    except Exception as error:  # a fault of ours must not cost the user the other rungs: it is told
        what = f"the attempt to prove it failed ({type(error).__name__}: {error}), which is a fault of gradproof"
        return {path: Proof(Verdict("unknown", " ".join(what.split()))) for path in point.wrt}, None
    if traced is not None:
        figures["dimensions"] = {
            label(path): ", ".join(map(str, dims)) for path, dims in traced.dims.items() if dims
        }  # fmt: skip
    return proofs, traced


def _is_proved(proofs: Mapping[Path, Proof], path: Path) -> bool:
    return path in proofs and proofs[path].verdict.name == "proved"


def _with_proof(refused: str, proof: Proof | None) -> str:
    return refused if proof is None else f"{refused}; {proof.verdict.reason}"


def verify_backward(
    forward: Function,
    backward: Function,
    inputs: Mapping[str, Any] | Sequence[Any],
    wrt: str | Sequence[str] | None = None,
    *,
    seed: int = 0,
    prec: int = PRECISION,
    move: bool = True,
    prove: bool = True,
    allow: str | Sequence[str] = (),
    budget: float = BUDGET,
) -> Report:
    """Check a forward/backward pair: ⟨forward(*inputs), dout⟩, dout a random cotangent, against ``backward``.

    ``forward(*inputs)`` returns ``out``, ``(out, cache)`` or ``(h, c, cache)``; ``backward(dout, cache)`` a dict, a
    tuple in the order of the floating-point inputs (or of ``wrt``), or one array. Without a cache it is called as
    ``backward(dout, *inputs)`` if it takes as many arguments, else as ``backward(dout)``. Inputs are a dict, or a
    sequence named by forward's arguments. Two methods of one object are checked by :func:`verify_layer`, with the
    parameters on ``self``.

    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout
    >>> verify_backward(forward, backward, (np.eye(2), np.ones((2, 3)))).verdict.name
    'proved'
    """
    check_options(seed, prec, budget)
    options: dict[str, Any] = {
        "seed": seed, "prec": prec, "move": move, "prove": prove, "allow": allow, "budget": budget,
    }  # fmt: skip
    owner = getattr(forward, "__self__", None)
    if owner is not None and owner is getattr(backward, "__self__", None) and not isinstance(owner, (type, ModuleType)):
        return verify_layer(owner, inputs, wrt, forward=forward, backward=backward, **options)
    if isinstance(inputs, np.ndarray):
        inputs = [inputs]
    names = list(inputs) if isinstance(inputs, Mapping) else argument_names(forward, len(inputs))
    values = inputs.values() if isinstance(inputs, Mapping) else inputs
    named = checked_inputs(dict(zip(names, values, strict=True)))
    check_signature(forward, "forward", names)
    out = plain_run(lambda **k: forward(*k.values()), "forward", named, forward)
    outs, cache = outputs_and_cache(out, backward)
    if any(part is None for part in outs):
        raise UsageError("forward returned None where an output should be: there is nothing to differentiate")
    if not cache and required_arguments(backward) != len(outs) + len(named):
        check_signature(backward, "backward", [f"dout{i}" for i in range(len(outs))])
    free = (f"dout{i}" if len(outs) > 1 else "dout" + "_" * i for i in count())
    keys = islice((key for key in free if key not in named), len(outs))
    cotangents = {
        key: cotangent(np.shape(part), seed + 1 + i) for i, (key, part) in enumerate(zip(keys, outs, strict=True))
    }
    loss, grad = from_backward(forward, backward, named, cotangents)
    if wrt is None:
        wrt = [label(path) for path in infer_wrt(plain_run(grad, "backward", named), named)]
    return verify(loss, grad, named | cotangents, wrt, **options)
