"""One attempt at a proof: trace both functions, derive, compare; with what is assumed of data and sizes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import sympy as sp

from gradproof.errors import GradproofError, UnsupportedError, UsageError
from gradproof.numeric.verification.interfaces import Path, label, leaves, read_gradients, replaced
from gradproof.numeric.verification.proofs.numbers import DIFFERENT, Numbers, alike, moved, unlike
from gradproof.numeric.verification.proofs.shrinking import below, runs, shrunk
from gradproof.verdicts import Verdict

if TYPE_CHECKING:
    from gradproof.symbolic.arrays.array import Array
    from gradproof.symbolic.tracing.general import Symbolic
    from gradproof.symbolic.tracing.general import Traced as Trace
    from gradproof.symbolic.tracing.sizes import Decided, Sizes

LONGEST: Final = 4
"""Loops of at most so many turns are written out as they are; of longer ones a few turns, if the code allows it."""

STEPS: Final = 3
"""So many turns of a long loop."""

EXAMPLES: Final = 2
"""So many examples where each has branches of its own."""

MOST_LEFT_OUT: Final = 4
"""So many sizes that are too small for a slice are looked at one by one."""

_Result = TypeVar("_Result")

LOSS: Final = "the loss"
GRADIENT: Final = "the gradient"


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdicts by path (``proved`` or ``unknown``), what was traced, and what was decided about sizes on the way."""

    verdicts: Mapping[Path, Verdict]
    traced: Traced
    trace: Trace
    labels: tuple[str, ...] = ()
    """Integer inputs that were taken as given."""
    held: tuple[str, ...] = ()
    """Arrays outside of the inputs for all of whose values and sizes it holds."""
    smaller: frozenset[Path] = frozenset()
    """Paths proved at the sizes, too, that were left out as too small for a slice (where the code runs at them)."""

    @property
    def different(self) -> frozenset[Path]:
        """Paths whose claimed and derived gradients differ by numbers: nothing to be proved."""
        return frozenset(path for path, verdict in self.verdicts.items() if DIFFERENT in verdict.reason)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question: these functions at these inputs; ``covers`` are the paths that the gradient returns."""

    loss: Callable[..., Any]
    grad: Callable[..., Any]
    inputs: Mapping[str, Any]
    wrt: Sequence[Path]
    covers: Sequence[Path]
    labels: bool = True
    """Whether integer arrays are symbolic; else they stay what was given."""
    constants: bool = False
    """Whether arrays of floats outside of the inputs (data in a module, on ``self``) are symbolic constants."""
    exact: bool = False
    """Whether sizes that a slice needs to be so large are fixed; else smaller ones are left out."""
    held: Mapping[Path, np.ndarray[Any, Any]] = field(default_factory=dict)
    """Arrays outside of the inputs that are symbolic like inputs, of any values and sizes: those of ``held_by``."""

    def prove(
        self, paths: Sequence[Path], facts: Mapping[Path, frozenset[str]] | None = None, concrete: bool = False,
        constants: bool = False, held: bool = False,
    ) -> Outcome:  # fmt: skip
        """Trace and compare, assuming ``facts`` of the data; GradproofError with the line if it cannot be traced.

        Where the code loops over many examples or steps, or branches for each of them, a few do: see :mod:`.shrinking`.
        ``held``: arrays outside of the inputs may have any values and sizes.
        """
        from gradproof.symbolic.prove import GIVEN_UP

        known = facts or {}
        own = self._assuming(constants, held)
        exactly = replace(self, exact=True)
        sizes: list[Sizes] = []
        try:
            done = own._at_some_size(
                lambda attempt, longest, log: attempt._prove(paths, known, concrete, longest, log), sizes
            )
        except GradproofError:
            if self.exact or not any(found.left_out for found in sizes):
                raise
            return exactly.prove(paths, facts, concrete, constants, held)
        if done.trace.found.left_out:
            if not any(done.verdicts.values()) and not done.different:  # a number may be easier than any size
                return exactly.prove(paths, facts, concrete, constants, held)
            assumed = {"facts": facts, "constants": constants, "held": held}
            whole = frozenset(path for path in paths if done.verdicts[path] and own._below(path, done, assumed))
            done = replace(done, smaller=whole)
        if not done.trace.joined or not any(GIVEN_UP in verdict.reason for verdict in done.verdicts.values()):
            return done
        fewer = own._shrunk(done.trace.found, EXAMPLES)
        return done if fewer is None else fewer._prove(paths, known, concrete, float("inf"), None)

    def trace(
        self, paths: Sequence[Path], facts: Mapping[Path, frozenset[str]] | None = None, concrete: bool = False,
        constants: bool = False, held: bool = False,
    ) -> Traced:  # fmt: skip
        """The equations that :meth:`prove` would compare, without comparing them."""
        known, own = facts or {}, self._assuming(constants, held)
        return own._at_some_size(lambda attempt, longest, log: attempt._trace(paths, known, concrete, longest, log)[0])

    def _assuming(self, constants: bool, held: bool) -> Attempt:
        return replace(self, constants=constants, held=held_by([self.loss, self.grad], self.inputs) if held else {})

    def _at_some_size(
        self, step: Callable[[Attempt, float, list[Sizes] | None], _Result], log: list[Sizes] | None = None
    ) -> _Result:
        """A step at the sizes that it can be done at: ``step(attempt, longest, log)``."""
        from gradproof.symbolic.equations.questions import TooLong
        from gradproof.symbolic.tracing.explore import TooManyBranches

        attempt, longest = self, float(LONGEST)
        log = [] if log is None else log
        while True:
            log.clear()
            try:
                return step(attempt, longest, log)
            except TooLong as error:  # one loop after the other is shortened; one that cannot be is written out
                if self.held:
                    raise UnsupportedError("a loop over data that the code holds is long") from error
                smaller = attempt._shrunk(log[0], STEPS)
                attempt, longest = (attempt, float("inf")) if smaller is None else (smaller, longest)
            except TooManyBranches as error:
                stopped = error
                break
        few = attempt._shrunk(log[0], EXAMPLES)
        if few is None:
            raise stopped
        try:
            return step(few, float("inf"), None)
        except TooManyBranches:
            return step(replace(few, labels=False), float("inf"), None)

    def _below(self, path: Path, done: Outcome, assumed: dict[str, Any]) -> bool:
        """Whether a gradient is proved at each of the sizes that were left out, where the code runs at it."""
        from gradproof.symbolic.tracing.scopes import preserved, reach

        sizes = done.trace.found
        if sum(part.least - 1 for part in sizes.left_out) > MOST_LEFT_OUT or self.held:
            return False
        for part in sizes.left_out:
            for size, choices in below(self.inputs, sizes, part):
                with preserved(reach(self.loss, self.grad)):
                    possible = [inputs for inputs in choices if runs(self.loss, self.grad, inputs, self.covers)]
                if not possible:
                    continue
                try:
                    there = replace(self, inputs=possible[0]).prove([path], **assumed)
                except (GradproofError, RecursionError):
                    return False
                fixed = {d.what for d in there.trace.decisions if restricts(d)} - {f"{part.name} = {size}"}
                if not there.verdicts[path] or fixed or there.labels:
                    return False
        return True

    def _shrunk(self, sizes: Sizes, target: int) -> Attempt | None:
        if self.held:
            return None  # what the code holds would have to be cut, too
        from gradproof.symbolic.tracing.scopes import preserved, reach

        reached = reach(self.loss, self.grad)
        for smaller in shrunk(self.inputs, sizes, target):
            with preserved(reached):
                if runs(self.loss, self.grad, smaller, self.covers):
                    return replace(self, inputs=smaller)
        return None

    def _trace(
        self, paths: Sequence[Path], facts: Mapping[Path, frozenset[str]], concrete: bool, longest: float,
        log: list[Sizes] | None,
    ) -> tuple[Traced, Trace]:  # fmt: skip
        from gradproof.symbolic.arrays.grouping import inside
        from gradproof.symbolic.calculus.differentiate import grad as derive
        from gradproof.symbolic.tracing.general import trace_general
        from gradproof.symbolic.tracing.scopes import reach

        specs = self._specs(facts)
        missing = [label(path) for path in self.wrt if path not in specs]
        if missing:
            raise UsageError(f"{', '.join(missing)} is no array or float that could be made symbolic")
        reached = reach(self.loss, self.grad)
        calls = [(LOSS, self._loss), (GRADIENT, self._gradients)]
        held = {path: value for path, value in self.held.items() if path in specs}
        trace = trace_general(calls, specs, reached, concrete, longest, log, self.constants, held, self.exact)
        value = trace.results[LOSS][()]
        inner = {path: inside(made) for path, made in trace.inputs.items()}
        claimed = {path: trace.results[GRADIENT][path] for path in paths}
        derived = dict(zip(paths, derive(value, [inner[path] for path in paths]), strict=True))
        dims = {path: made.definition.shape for path, made in trace.inputs.items() if path not in self.held}
        return Traced(value, claimed, derived, trace.inputs, dims, facts), trace

    def _prove(
        self, paths: Sequence[Path], facts: Mapping[Path, frozenset[str]], concrete: bool, longest: float,
        log: list[Sizes] | None,
    ) -> Outcome:  # fmt: skip
        from gradproof.symbolic.normal.zero import Prover
        from gradproof.symbolic.prove import prove
        from gradproof.symbolic.tracing.scopes import preserved, reach

        traced, trace = self._trace(paths, facts, concrete, longest, log)
        specs = self._specs(facts)
        reached = reach(self.loss, self.grad)
        with preserved(reached):
            faults = self._faults(traced, specs, trace.sizes)
        prover = Prover()
        verdicts: dict[Path, Verdict] = {}
        for path in paths:
            fault = faults.get(()) or faults.get(path)
            if fault:
                verdicts[path] = Verdict("unknown", f"not proved: {fault}")
            else:
                verdicts[path] = prove(traced.claimed[path], traced.derived[path], prover, [traced.loss])
        labels = [label(path) for path, leaf in leaves(self.inputs).items() if isinstance(leaf, np.ndarray)]
        kept = tuple(name for name in labels if name not in map(label, specs)) if not self.labels else ()
        return Outcome(verdicts, traced, trace, kept, self._used(traced))

    def _used(self, traced: Traced) -> tuple[str, ...]:
        """The names of the arrays outside of the inputs on which loss or gradients depend."""
        from gradproof.symbolic.equations.definition import ordered

        used = set(ordered([traced.loss.definition, *(made.definition for made in traced.claimed.values())]))
        held = [traced.inputs[path].definition for path in self.held if path in traced.inputs]
        return tuple(sorted(made.name for made in held if made in used))

    def _specs(self, facts: Mapping[Path, frozenset[str]]) -> dict[Path, Symbolic]:
        """What becomes symbolic, of the inputs and of what the code holds."""
        held = {str(name): value for (name,), value in self.held.items()}
        return symbolic_inputs({**self.inputs, **held}, facts, self.labels)

    def _loss(self, arrays: dict[Any, Array]) -> Mapping[Any, Any]:
        from gradproof.symbolic.arrays.array import as_array
        from gradproof.symbolic.equations.dims import fits

        made = as_array(_first(self.loss(**replaced(self.inputs, arrays))))
        if not all(fits(size, 1) for size in made.definition.shape):
            raise UsageError(f"the loss has the symbolic shape {made.shape}, which is no scalar")
        return {(): made[(0,) * made.ndim] if made.ndim else made}

    def _gradients(self, arrays: dict[Any, Array]) -> Mapping[Any, Any]:
        from gradproof.symbolic.arrays.array import as_array
        from gradproof.symbolic.arrays.grouping import apart, grouped
        from gradproof.symbolic.equations.dims import fits, show_shape

        result = self.grad(**replaced(self.inputs, arrays))
        found = read_gradients(result, self.covers, self.inputs)
        claimed = {path: as_array(found[path]) for path in self.wrt}
        for path, made in list(claimed.items()):
            wanted = arrays[path].definition.shape
            missing = len(wanted) - made.ndim
            if missing > 0 and all(fits(size, 1) for size in wanted[:missing]):  # it broadcasts in every update
                made = claimed[path] = made[(None,) * missing]
            own = made.definition.shape
            if len(own) != len(wanted) or not all(map(fits, own, wanted)):
                shapes = f"{show_shape(own)}, the parameter {show_shape(wanted)}"
                raise UsageError(f"the gradient of {label(path)} has the shape {shapes}")
            known = grouped(arrays[path])
            if known is not None:
                claimed[path] = apart(made, known.factors())
        return claimed

    def _faults(self, traced: Traced, specs: Mapping[Path, Symbolic], sizes: Mapping[Any, int]) -> dict[Path, str]:
        """By path, why a proof is not worth trying, or would not be one."""
        from gradproof.symbolic.arrays.grouping import inside

        known = {**leaves(self.inputs), **self.held}
        given = {spec.name: known[path] for path, spec in specs.items()}
        at = {symbol: sp.Integer(size) for symbol, size in sizes.items()}
        for path, made in traced.inputs.items():
            shape = [int(n.xreplace(at)) for n in inside(made).definition.shape]
            given[specs[path].name] = np.reshape(given[specs[path].name], shape)
        plain: dict[Path, Any] = {(): _first(self.loss(**replaced(self.inputs, {})))}
        plain |= read_gradients(self.grad(**replaced(self.inputs, {})), self.covers, self.inputs)
        traces = {(): traced.loss, **traced.claimed}
        numbers = Numbers([*traces.values(), *traced.derived.values()])
        faults = unlike(traces, numbers.at(given, sizes)[: len(traces)], plain)
        parameters = {path: specs[path].name for path in self.wrt}
        ends = numbers.at(moved(given, list(parameters.values())), sizes)
        count = len(traces)
        for path, claimed, derived in zip(traced.claimed, ends[1:count], ends[count:], strict=True):
            if path not in faults and not (isinstance(claimed, Exception) or isinstance(derived, Exception)):
                finite = np.isfinite(claimed).all() and np.isfinite(derived).all()
                if finite and not alike(claimed, derived):
                    faults[path] = DIFFERENT
        return faults


def restricts(decided: Decided) -> bool:
    """Sizes that the loss needs equal are what its shapes are; a 1 is the only size that fits where it stands.

    Of arrays that only have to have one number of elements (labels of shape (n, t), beside rows that were n × t), the
    shapes that match axis by axis stand for all.
    """
    return decided.kind not in ("equal", "one", "paired") or decided.during != LOSS


def _first(value: Any) -> Any:
    """The loss of a pair of a loss and something else."""
    return value[0] if isinstance(value, (tuple, list)) and value else value


def held_by(functions: Sequence[Callable[..., Any]], inputs: Mapping[str, Any]) -> dict[Path, np.ndarray[Any, Any]]:
    """Arrays of numbers that functions find outside of their arguments: data in a closure, a module, on ``self``.

    Their paths are names that no input has.
    """
    from gradproof.symbolic.tracing.constants import held_in
    from gradproof.symbolic.tracing.scopes import reach

    return {(name,): value for name, value in held_in(reach(*functions), inputs).items()}


def symbolic_inputs(
    inputs: Mapping[str, Any], facts: Mapping[Path, frozenset[str]], labels: bool = True
) -> dict[Path, Symbolic]:
    """What becomes symbolic: arrays of numbers, and floats. Integers that are no arrays are options, and stay."""
    from gradproof.symbolic.tracing.general import Symbolic

    found: dict[Path, Symbolic] = {}
    taken: set[str] = set()
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, np.ndarray) and leaf.size and leaf.dtype.kind in ("fiub" if labels else "f"):
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
    whole = re.sub(r"\W+", "_", "_".join(map(str, path))).strip("_")
    whole = whole if whole.isidentifier() else f"x_{whole}"
    last = str(path[-1]).rpartition(".")[2]  # self.W is called W
    candidates = itertools.chain([last, whole], (f"{whole}_{k}" for k in itertools.count(2)))
    name = next(n for n in candidates if n.isidentifier() and n not in taken)
    taken.add(name)
    return name
