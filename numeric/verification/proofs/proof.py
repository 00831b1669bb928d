"""The highest rung: a hand-written gradient is proved equal to the derived one, for all inputs and all shapes.

Loss and gradient are traced on symbolic arrays whose sizes are found by running (:mod:`~gradproof.symbolic.tracing`),
the loss is derived by the engine for all parameters at once, and each claimed gradient is compared with the derived one
by normal form. Facts that the given data have (one-hot rows, positive entries) are used only where the general
statement is not proved, and are then named. What was traced is held against a plain run of the code at the given
inputs before anything is called proved.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.verification.interfaces import Path, label, leaves
from gradproof.numeric.verification.proofs.attempt import Attempt, Outcome, Traced, restricts
from gradproof.numeric.verification.proofs.facts import facts_of
from gradproof.numeric.verification.proofs.numbers import DIFFERENT
from gradproof.verdicts import Verdict

SECONDS: Final = 10.0
"""The backstop of a proof attempt, all parameters together."""

STEPS: Final = 400_000
"""So much symbolic work, counted where equations and normal forms are made, and no more."""

SMALL: Final = 150
"""Inputs of at most so many elements are tried at their own sizes where nothing more general is proved."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One parameter: ``proved``, ``certified`` (for all inputs, but some sizes are fixed) or ``unknown`` with reasons.

    ``lines`` are the lines of user code that fixed a size, or where the trace stopped.
    """

    verdict: Verdict
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.verdict)

    def weakened(self) -> Proof:
        """``certified`` at most: it holds for some values of the parameters only, and they will move."""
        return Proof(Verdict("certified", self.verdict.reason), self.lines)


def prove_gradients(
    loss: Callable[..., Any],
    grad: Callable[..., Any],
    inputs: Mapping[str, Any],
    wrt: Sequence[Path],
    covers: Sequence[Path] = (),
    *,
    seconds: float = SECONDS,
    steps: int = STEPS,
) -> tuple[dict[Path, Proof], Traced | None]:
    """A :class:`Proof` for each path of ``wrt``, and what was traced if anything was.

    ``covers`` are all paths that the gradient returns, where those are more (a tuple is read by them). The functions
    are run several times; what they change in their state, and in the global random states, is put back.

    >>> def loss(X, w):
    ...     return np.sum(np.tanh(X @ w) ** 2) / X.shape[0]
    >>> def grad(X, w):
    ...     a = np.tanh(X @ w)
    ...     return X.T @ (2 * a * (1 - a**2)) / len(X)
    >>> proofs, traced = prove_gradients(loss, grad, {"X": np.ones((3, 3)), "w": np.ones(3)}, [("w",)])
    >>> proofs["w",].verdict.name, traced.dims["X",]
    ('proved', (m, n))
    """
    attempt = Attempt(loss, grad, inputs, list(wrt), list(covers or wrt))
    proofs: dict[Path, Proof] = {}
    traced: Traced | None = None
    with _within(steps, seconds):
        for assumptions in _ways(inputs, wrt, _holds_constants(loss, grad)):
            missing = [path for path in wrt if not proofs.get(path) and path not in hopeless(proofs)]
            if not missing:
                break
            try:
                with _within(steps // 3, seconds / 3) if "held" in assumptions else nullcontext():
                    outcome = attempt.prove(missing, **assumptions)
            except (GradproofError, RecursionError) as error:
                reason = Verdict("unknown", f"not traced: {error}")
                proofs = {path: Proof(reason) for path in missing} | proofs
                continue
            traced = traced or outcome.traced
            for path, verdict in outcome.verdicts.items():
                if verdict:
                    proof = concluded(verdict, outcome, path)
                    holds_near_only = any(known in wrt for known in outcome.traced.facts)
                    proofs[path] = proof.weakened() if holds_near_only else proof
                elif path not in proofs or "not traced" in proofs[path].verdict.reason:
                    proofs[path] = Proof(verdict)
    return {path: proofs[path] for path in wrt}, traced


@contextmanager
def _within(steps: int, seconds: float) -> Iterator[None]:
    """Bounds for symbolic work, in which user code runs without NumPy's warnings."""
    from gradproof.symbolic.equations.effort import limited

    with limited(steps, seconds), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trace_gradients(
    loss: Callable[..., Any],
    grad: Callable[..., Any],
    inputs: Mapping[str, Any],
    wrt: Sequence[Path],
    covers: Sequence[Path] = (),
    *,
    seconds: float = SECONDS,
) -> Traced | None:
    """The equations of claimed and derived gradients alone, for a gradient that is known to be wrong; None if none."""
    attempt = Attempt(loss, grad, inputs, list(wrt), list(covers or wrt))
    with _within(STEPS, seconds):
        for assumptions in _ways(inputs, wrt, _holds_constants(loss, grad)):
            try:
                return attempt.trace(wrt, **assumptions)
            except (GradproofError, RecursionError):
                continue  # the next way assumes more
    return None


def _holds_constants(*functions: Callable[..., Any]) -> bool:
    from gradproof.symbolic.tracing.constants import holds_constants
    from gradproof.symbolic.tracing.scopes import reach

    return holds_constants(reach(*functions))


def _ways(inputs: Mapping[str, Any], wrt: Sequence[Path], constants: bool) -> Iterator[dict[str, Any]]:
    """What may be assumed, from nothing to more: facts of the data, of the parameters, the sizes of the arrays.

    ``constants``: whether the functions hold arrays of their own, which may first have any values and sizes.
    """
    if constants:
        yield {"held": True}
    yield {}
    if constants:
        yield {"constants": True}
    facts = facts_of(inputs, wrt)
    of_data = {path: words for path, words in facts.items() if path not in wrt}
    if of_data:
        yield {"facts": of_data}
    if facts != of_data:
        yield {"facts": facts}
    if sum(int(np.size(leaf)) for leaf in leaves(inputs).values()) <= SMALL:
        yield {"concrete": True}


def hopeless(proofs: Mapping[Path, Proof]) -> set[Path]:
    """Paths for which nothing more is to be tried: claimed and derived differ by numbers."""
    return {path for path, proof in proofs.items() if DIFFERENT in proof.verdict.reason}


# -- what a proof says ------------------------------------------------------------------------------------------------
def concluded(verdict: Verdict, outcome: Outcome, path: Path) -> Proof:
    """``proved``, or ``certified`` where a size was fixed, with the lines that did so."""
    from gradproof.symbolic.prove import BY_NORMAL_FORM

    kinks = verdict.reason.partition(BY_NORMAL_FORM)[2]
    held = f", and all values of {', '.join(outcome.held)}, which the code holds" if outcome.held else ""
    known = "".join(f", for {'/'.join(sorted(words))} {label(path)}" for path, words in outcome.traced.facts.items())
    whole = path in outcome.smaller
    fixed = [d for d in outcome.trace.decisions if restricts(d) and not (whole and d.kind == "least")]
    if not fixed and not outcome.labels:
        paired = " and ".join(d.what for d in outcome.trace.decisions if d.kind == "paired")
        which = f", where {paired}" if paired else ""
        return Proof(Verdict("proved", f"for all shapes and inputs{held}{known}{which}, by normal form{kinks}"))
    shown = [f"{d.what}{f' by {d.line}' if d.line else ''}" for d in fixed]
    what = "; ".join([*shown, *(f"{name} is as given" for name in outcome.labels)])
    reason = f"by normal form, for all inputs{held}{known}, where {what}{kinks}"
    return Proof(Verdict("certified", reason), tuple(d.line for d in fixed if d.line))
