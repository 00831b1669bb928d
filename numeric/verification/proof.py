"""The highest rung: a hand-written gradient is proved equal to the derived one, for all inputs and all shapes.

Loss and gradient are traced on symbolic arrays whose sizes are found by running (:mod:`~gradproof.symbolic.tracing`),
the loss is derived by the engine for all parameters at once, and each claimed gradient is compared with the derived one
by normal form. Facts that the given data have (one-hot rows, positive entries) are used only where the general
statement is not proved, and are then named. What was traced is held against a plain run of the code at the given
inputs before anything is called proved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.verification.facts import facts_of
from gradproof.numeric.verification.interfaces import Path, label, leaves, read_gradients, replaced
from gradproof.verdicts import Verdict

if TYPE_CHECKING:
    from gradproof.symbolic.arrays.array import Array
    from gradproof.symbolic.tracing.general import Symbolic
    from gradproof.symbolic.tracing.general import Traced as Trace
    from gradproof.symbolic.tracing.sizes import Decided

SECONDS: Final = 10.0
"""The backstop of a proof attempt, all parameters together."""

STEPS: Final = 400_000
"""So much symbolic work, counted where equations and normal forms are made, and no more."""

LOSS: Final = "the loss"
GRADIENT: Final = "the gradient"


@dataclass(frozen=True, slots=True)
class Proof:
    """One parameter: ``proved``, ``certified`` (for all inputs, but some sizes are fixed) or ``unknown`` with reasons.

    ``lines`` are the lines of user code that fixed a size, or where the trace stopped.
    """

    verdict: Verdict
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.verdict)


@dataclass(frozen=True, slots=True)
class Traced:
    """What a proof was about, for reports: the loss, claimed and derived gradients, and the inputs, as symbolic arrays.

    ``dims`` are the dimensions that stand for the axes of each input; ``facts`` what was assumed of the data.
    """

    loss: Array
    claimed: Mapping[Path, Array]
    derived: Mapping[Path, Array]
    inputs: Mapping[Path, Array]
    dims: Mapping[Path, tuple[Any, ...]] = field(default_factory=dict)
    facts: Mapping[Path, frozenset[str]] = field(default_factory=dict)


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
    from gradproof.symbolic.equations.effort import limited

    attempt = Attempt(loss, grad, inputs, list(wrt), list(covers or wrt))
    with limited(steps, seconds), np.errstate(all="ignore"):
        try:
            proofs, traced = attempt.prove({})
        except GradproofError as error:
            reason = Verdict("unknown", f"not traced: {error}")
            return {path: Proof(reason) for path in wrt}, None
        missing = [path for path in wrt if not proofs[path]]
        facts = facts_of(inputs, wrt) if missing else {}
        if facts:
            try:
                again, with_facts = attempt.prove(facts, missing)
            except GradproofError:
                return proofs, traced
            if any(again.values()):
                proofs |= {path: proof for path, proof in again.items() if proof}
                traced = traced or with_facts
        return proofs, traced


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question: these functions at these inputs."""

    loss: Callable[..., Any]
    grad: Callable[..., Any]
    inputs: Mapping[str, Any]
    wrt: list[Path]
    covers: list[Path]

    def prove(
        self, facts: Mapping[Path, frozenset[str]], paths: Sequence[Path] = ()
    ) -> tuple[dict[Path, Proof], Traced]:
        """Trace and prove ``paths`` (default: all), assuming ``facts`` of the data; GradproofError if not traced."""
        from gradproof.symbolic.calculus.differentiate import grad as derive
        from gradproof.symbolic.equations.effort import Exhausted
        from gradproof.symbolic.normal.zero import Prover
        from gradproof.symbolic.prove import prove
        from gradproof.symbolic.tracing.general import trace_general
        from gradproof.symbolic.tracing.scopes import preserved, reach

        specs = symbolic_inputs(self.inputs, facts)
        missing = [label(path) for path in self.wrt if path not in specs]
        if missing:
            raise UsageError(f"{', '.join(missing)} is no array or float that could be made symbolic")
        calls = [(LOSS, self._loss), (GRADIENT, self._gradients)]
        reached = reach(self.loss, self.grad)
        trace = trace_general(calls, specs, reached)
        value = trace.results[LOSS][()]
        wanted = list(paths or self.wrt)
        claimed = {path: trace.results[GRADIENT][path] for path in wanted}
        derived = dict(zip(wanted, derive(value, [trace.inputs[path] for path in wanted]), strict=True))
        dims = {path: made.definition.shape for path, made in trace.inputs.items()}
        traced = Traced(value, claimed, derived, trace.inputs, dims, facts)
        with preserved(reached):
            faults = self._differences(traced, specs, trace.sizes)
        prover = Prover()
        proofs: dict[Path, Proof] = {}
        for path in wanted:
            try:
                verdict = prove(claimed[path], derived[path], prover)
            except Exhausted as error:
                verdict = Verdict("unknown", f"not proved: {error}")
            if verdict and (faults.get(()) or faults.get(path)):
                verdict = Verdict("unknown", f"not proved: {faults.get(()) or faults[path]}")
            proofs[path] = Proof(verdict) if not verdict else concluded(verdict, trace, facts)
        return proofs, traced

    def _loss(self, arrays: dict[Any, Array]) -> Mapping[Any, Any]:
        from gradproof.symbolic.arrays.array import as_array
        from gradproof.symbolic.equations.dims import fits

        value = self.loss(**replaced(self.inputs, arrays))
        if isinstance(value, (tuple, list)) and value:
            value = value[0]
        made = as_array(value)
        if not all(fits(size, 1) for size in made.definition.shape):
            raise UsageError(f"the loss has the symbolic shape {made.shape}, which is no scalar")
        return {(): made[(0,) * made.ndim] if made.ndim else made}

    def _gradients(self, arrays: dict[Any, Array]) -> Mapping[Any, Any]:
        from gradproof.symbolic.arrays.array import as_array
        from gradproof.symbolic.equations.dims import fits, show_shape

        result = self.grad(**replaced(self.inputs, arrays))
        found = read_gradients(result, self.covers, self.inputs)
        claimed = {path: as_array(found[path]) for path in self.wrt}
        for path, made in claimed.items():
            own, wanted = made.definition.shape, arrays[path].definition.shape
            if len(own) != len(wanted) or not all(map(fits, own, wanted)):
                shapes = f"{show_shape(own)}, the parameter {show_shape(wanted)}"
                raise UsageError(f"the gradient of {label(path)} has the shape {shapes}")
        return claimed

    def _differences(self, traced: Traced, specs: Mapping[Path, Symbolic], sizes: Mapping[Any, int]) -> dict[Path, str]:
        """Where the traced arrays do not give what the code gives at the given inputs: a reason, by path."""
        given = leaves(self.inputs)
        values = {spec.name: given[path] for path, spec in specs.items()}
        plain_loss = self.loss(**replaced(self.inputs, {}))
        plain = read_gradients(self.grad(**replaced(self.inputs, {})), self.covers, self.inputs)
        pairs: list[tuple[Path, Array, Any]] = [((), traced.loss, plain_loss)]
        pairs += [(path, made, plain[path]) for path, made in traced.claimed.items()]
        found: dict[Path, str] = {}
        for path, made, number in pairs:
            if isinstance(number, (tuple, list)) and not path:
                number = number[0]
            system = made.system()
            shown = {symbol for d in system.inputs for size in d.shape for symbol in size.free_symbols}
            at = {d.name: values[d.name] for d in system.inputs if d.value is None}
            at |= {str(n): sizes[n] for n in system.dimensions if n not in shown}
            try:
                value = np.asarray(made.evaluate(at), float)
            except GradproofError as error:
                found[path] = f"the traced equations could not be held against a run of the code: {error}"
                continue
            expected = np.asarray(number, float)
            if not _alike(value.reshape(-1), expected.reshape(-1)):
                what = f"gradient of {label(path)}" if path else "loss"
                found[path] = f"the traced equations do not give the {what} that the code gives at the inputs"
        return found


def _alike(value: Any, expected: Any) -> bool:
    """Equal but for rounding; what the plain run does not give (NaN, an overflow) says nothing."""
    if value.size != expected.size:
        value, expected = np.broadcast_arrays(value, expected) if 1 in (value.size, expected.size) else (value, None)
        if expected is None:
            return False
    finite = np.isfinite(expected) & np.isfinite(value)
    scale = 1 + np.max(np.abs(expected[finite]), initial=0.0)
    return bool(np.all(np.abs(value - expected)[finite] <= 1e-6 * scale))


def symbolic_inputs(inputs: Mapping[str, Any], facts: Mapping[Path, frozenset[str]]) -> dict[Path, Symbolic]:
    """What becomes symbolic: arrays of numbers, and floats. Integers that are no arrays are options, and stay."""
    from gradproof.symbolic.tracing.general import Symbolic

    found: dict[Path, Symbolic] = {}
    taken: set[str] = set()
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, np.ndarray) and leaf.size and leaf.dtype.kind in "fiub":
            words = {"f": frozenset[str](), "b": frozenset({"boolean"})}.get(leaf.dtype.kind, frozenset({"integer"}))
        elif isinstance(leaf, (float, np.floating)):
            words = frozenset()
        else:
            continue
        name = _name(path, taken)
        found[path] = Symbolic(name, np.shape(leaf), words | facts.get(path, frozenset()))
    return found


def _name(path: Path, taken: set[str]) -> str:
    """The last part of the path if it is free and a name, else all of it."""
    whole = "_".join(map(str, path))
    candidates = [str(path[-1]), whole, *(f"{whole}_{k}" for k in range(2, 1000))]
    name = next(n for n in candidates if n.isidentifier() and n not in taken)
    taken.add(name)
    return name


# -- what a proof says ------------------------------------------------------------------------------------------------
def concluded(verdict: Verdict, trace: Trace, facts: Mapping[Path, frozenset[str]]) -> Proof:
    """``proved``, or ``certified`` where a size was fixed, with the lines that did so."""
    kinks = "; at kinks either one-sided value is taken" if "kinks" in verdict.reason else ""
    known = "".join(f", for {'/'.join(sorted(words))} {label(path)}" for path, words in facts.items())
    fixed = [d for d in trace.decisions if _restricts(d, trace)]
    if not fixed:
        return Proof(Verdict("proved", f"for all shapes and inputs{known}, by normal form{kinks}"))
    what = "; ".join(f"{d.what}{f' by {d.line}' if d.line else ''}" for d in fixed)
    reason = f"by normal form, for all inputs{known}, where {what}{kinks}"
    return Proof(Verdict("certified", reason), tuple(d.line for d in fixed if d.line))


def _restricts(decided: Decided, trace: Trace) -> bool:
    """Sizes that the loss needs equal are what its shapes are; a 1 is the only size that fits where it stands."""
    if decided.kind == "equal":
        return decided.during != LOSS
    return not (decided.kind == "number" and decided.what.endswith(" = 1"))
