"""Audit a function: run it in floats against balls over a range of inputs, find the lines that lose digits, mend them.

The pipeline: probes (each input over magnitudes, offsets, at zero) → digits kept in float64 and float32 → where a
region begins, by bisection → the first step of the user's code to blame → the rewritings that keep the digits.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.audit.accuracy import (
    CARRIED,
    DTYPES,
    LARGEST,
    PRECISIONS,
    Loss,
    Undecidable,
    float_run,
    judged,
    steeper,
    truth,
)
from gradproof.numeric.audit.causes import cause
from gradproof.numeric.audit.locate import Instrumented, Suspect
from gradproof.numeric.audit.mend import Case, Step, failing, mended
from gradproof.numeric.audit.probes import MAGNITUDES, Family, families, is_large
from gradproof.numeric.audit.report import AuditFinding, AuditReport, Region
from gradproof.numeric.audit.source import Source, source_of, user_functions
from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.interfaces import Path, float_leaves, replaced

BOUND: Final = 3.0
"""Digits beyond what rounding the inputs explains that a function may lose; sums of many terms lose one or two."""

BISECTIONS: Final = {False: 7, True: 3}
"""Halvings of the logarithm of an edge, for inputs that are not large and for large ones."""

TANGENTS: Final = {False: 6, True: 3}
"""Directions of rounding that are tried before a loss counts; while an edge is searched, one."""

PRECISE: Final = {False: PRECISIONS, True: PRECISIONS[:2]}

NEAR_ZERO: Final = (1e-280, 1e-140)
"""Where an exact result at zero is no number, the results near by stand for it, if they hardly change between these."""

Function = Callable[..., Any]


@dataclass(frozen=True)
class Probe:
    """One set of inputs and what came of it: the exact outputs, or why there are none, and the losses by type."""

    inputs: Mapping[str, Any]
    exact: Mapping[str, Any] = field(default_factory=dict)
    exact_inputs: Mapping[str, Any] = field(default_factory=dict)
    prec: int = 0
    why: str = ""
    losses: Mapping[str, Loss] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """A family of inputs that fails in one type, from one end of its range on: the region, and probes inside it."""

    dtype: str
    condition: str
    edge: Probe
    worst: Probe
    family: Family | None = None
    onwards: float = np.inf  # from here on it fails as far as was tried


def audit(
    function: Function,
    inputs: Mapping[str, Any],
    *,
    vary: str | Sequence[str] | None = None,
    magnitudes: Sequence[float] = MAGNITUDES,
    bound: float = BOUND,
    entrywise: bool = False,
    seed: int = 0,
) -> AuditReport:
    """Find where a right function loses its digits in float64 and float32, on which line, and what mends it.

    ``function(**inputs)`` is a loss, a gradient or anything else that returns numbers; it is run as it is. Each input
    in ``vary`` (by default every array that is no label) is brought to the ``magnitudes``, shifted, and set to zero.
    A digit counts as lost if the error exceeds what rounding the inputs alone would explain; ``bound`` digits may be.
    Errors are compared with the largest entry of an output, or with ``entrywise`` with each entry itself.

    Raises UsageError if the function cannot be called with the inputs.

    >>> def entropy(p):
    ...     return np.log(1 - p)
    >>> report = audit(entropy, {"p": np.array([0.25, 0.5])})
    >>> report.ok, report.findings[0].operations, report.findings[0].rewritings[0].after
    (False, ('np.log(1 - p)',), 'return np.log1p(-p)')
    """
    given = _rounded(inputs)
    _plain(function, given)
    run = _Run(function, given, bound, entrywise, seed)
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
    findings = _findings(run, failures, first.exact_inputs)
    return AuditReport(
        tuple(findings),
        {dtype: round(loss.kept, 1) for dtype, loss in first.losses.items()},
        run.undecided(),
        tuple(run.notes()),
        bound,
        seed,
        {"inputs tried": run.count},
    )


def _rounded(inputs: Mapping[str, Any]) -> dict[str, Any]:
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


class _Run:
    """The function with what every probe of it needs."""

    def __init__(self, function: Function, given: Mapping[str, Any], bound: float, entrywise: bool, seed: int) -> None:
        self.function = function
        self.given = given
        self.bound = bound
        self.entrywise = entrywise
        self.seed = seed
        self.large = is_large(given)
        self.count = 0
        self.without_source = ""
        self.singular = False  # whether the given inputs hold zeros at which the exact result is no number
        self.open: list[str] = []
        self.without: list[str] = []

    def _truth(self, inputs: Mapping[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        return truth(self.function, inputs, seed, PRECISE[self.large])

    def probe(self, inputs: Mapping[str, Any], singular: bool = False, confirm: bool = True) -> Probe:
        """Run in both types and on balls; a loss is confirmed with other signs of the tangent."""
        self.count += 1
        exact_inputs: Mapping[str, Any] = inputs
        exact: Mapping[str, Any]
        try:
            exact, prec = self._truth(inputs, self.seed)
        except Undecidable as error:
            near = self._near(inputs) if singular else None
            if near is None:
                return Probe(inputs, why=str(error))
            exact, prec, exact_inputs = near
        losses = {}
        for dtype in DTYPES:
            if dtype == "float32" and _beyond(inputs, dtype):
                continue
            loss = self._loss(inputs, exact, dtype)
            if confirm and failing(loss, self.bound) and loss.kind not in ("nan", "inf") and exact_inputs is inputs:
                loss, exact = self._confirmed(inputs, dtype, loss, exact)
            if exact_inputs is not inputs and loss.kind not in ("nan", "inf"):
                loss = Loss(kept=loss.kept)  # the exact outputs are those near by
            losses[dtype] = loss
        return Probe(inputs, exact, exact_inputs, prec, "", losses)

    def _loss(self, inputs: Mapping[str, Any], exact: Mapping[str, Any], dtype: str) -> Loss:
        try:
            return judged(float_run(self.function, inputs, dtype), exact, dtype, self.entrywise)
        except (OverflowError, ZeroDivisionError) as error:
            return Loss("inf", CARRIED[dtype], 0.0, "result", f"{type(error).__name__}")

    def _confirmed(
        self, inputs: Mapping[str, Any], dtype: str, loss: Loss, exact: Mapping[str, Any]
    ) -> tuple[Loss, Mapping[str, Any]]:
        """The loss by the largest of some tangents: one direction may hide by chance how sensitive an entry is."""
        for extra in range(1, TANGENTS[self.large]):
            try:
                exact = steeper(exact, self._truth(inputs, self.seed + extra)[0])
            except Undecidable:
                continue
            loss = self._loss(inputs, exact, dtype)
            if not failing(loss, self.bound):
                break
        return loss, exact

    def _near(self, inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], int, Mapping[str, Any]] | None:
        """Exact outputs right beside a singular point that is no pole: zeros become tiny numbers."""
        found = []
        for size in NEAR_ZERO:
            rng = np.random.default_rng(self.seed)
            zeros = {}
            for path, leaf in float_leaves(inputs).items():
                x = np.asarray(leaf, dtype=np.float64)
                if np.any(x == 0):
                    moved = np.where(x == 0, rng.uniform(1, 2, size=x.shape) * size, x)
                    zeros[path] = moved if np.ndim(leaf) else float(moved)
            nearby = dict(replaced(inputs, zeros))
            try:
                found.append((*self._truth(nearby, self.seed), nearby))
            except Undecidable:
                return None
        one, two = ([x.v for balls in exact.values() for x in balls.reshape(-1)] for exact, _, _ in found)
        same = len(one) == len(two)
        settled = same and all(abs(a - b) <= abs(a) / 10**6 + 1e-50 for a, b in zip(one, two, strict=True))
        return found[0] if settled else None

    def family(self, family: Family) -> list[Failure]:
        """The failures of one family, at either end of its range."""
        singular = family.kind == "zero" or self.singular
        probes: dict[float, Probe] = {}
        for t in family.values:
            probe = self.probe(family.at(self.given, t), singular)
            probes[t] = probe
        found: list[Failure] = []
        for dtype in DTYPES:
            known = [t for t in family.values if dtype in probes[t].losses]
            bad = [t for t in known if self._fails(probes[t], dtype)]
            found += [self._failure(family, dtype, probes, known, side) for side in _sides(known, bad)]
        onwards = min((fail.onwards for fail in found), default=np.inf)
        for t, probe in probes.items():
            if probe.why and t < onwards:  # what lies further out in a region that fails is told with it
                self._undecided(family, t, probe)
        return found

    def _fails(self, probe: Probe, dtype: str) -> bool:
        return dtype in probe.losses and failing(probe.losses[dtype], self.bound)

    def _undecided(self, family: Family, t: float, probe: Probe) -> None:
        if t >= family.domain:
            return  # probabilities of 1 or more, say
        where = family.region(t, t) if family.kind == "zero" else f"{family.kind} {t:g} of {family.name}"
        self.without.append(where)
        if family.kind == "zero":
            return  # no bounded values near by: a pole, where there is nothing to keep
        for dtype in DTYPES:
            if dtype == "float32" and _beyond(probe.inputs, dtype):
                continue
            try:
                result = float_run(self.function, probe.inputs, dtype)
            except (OverflowError, ZeroDivisionError):
                result = {"": np.nan}
            if not all(np.all(np.isfinite(np.asarray(part, dtype=float))) for part in result.values()):
                self.open.append(where)
                return

    def _failure(
        self, family: Family, dtype: str, probes: Mapping[float, Probe], known: Sequence[float], side: Sequence[float]
    ) -> Failure:
        """The region of a run of failing numbers, sorted as ``known`` is; its edges by bisection."""
        edge = probes[side[0]]
        if family.kind == "zero":
            return Failure(dtype, family.region(0, 0), edge, edge, family)
        known = sorted(known)
        first, last = known.index(min(side)), known.index(max(side))
        low, high = min(side), np.inf if last == len(known) - 1 else max(side)
        if np.isfinite(high):
            edge = probes[high]
            high, edge = self._edge(family, dtype, known[last + 1], high, edge)
            low = 0.0 if first == 0 else low
        if first > 0:
            low, edge = self._edge(family, dtype, known[first - 1], low, probes[low])
        key = dtype
        worst = max((probes[t] for t in side), key=lambda p: (p.losses[key].kind in ("nan", "inf"), p.losses[key].lost))
        onwards = np.inf if np.isfinite(high) else low
        return Failure(dtype, family.region(low, high), edge, worst, family, onwards)

    def _edge(self, family: Family, dtype: str, good: float, bad: float, probe: Probe) -> tuple[float, Probe]:
        """The boundary between a number that passes and one that fails, by bisection of its logarithm."""
        for _ in range(BISECTIONS[self.large]):
            middle = float(np.sqrt(good * bad))
            found = self.probe(family.at(self.given, middle), self.singular, confirm=False)
            if not found.why and self._fails(found, dtype):
                bad, probe = middle, found
            else:
                good = middle
        return bad, probe

    def undecided(self) -> str:
        """Where floats give no number and there is no exact one either: a fault or a pole."""
        if not self.open:
            return ""
        return f"floats give NaN or infinity, and balls no exact result to say whether they should: {_some(self.open)}"

    def notes(self) -> list[str]:
        """What had no truth to compare with, though the floats were numbers."""
        rest = [where for where in self.without if where not in self.open]
        told = [f"without an exact result to compare with: {_some(rest)}"] if rest else []
        return told + ([self.without_source] if self.without_source else [])


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "")


def _beyond(inputs: Mapping[str, Any], dtype: str) -> bool:
    leaves = float_leaves(inputs).values()
    big = any(np.any(np.abs(np.asarray(leaf, dtype=np.float64)) > LARGEST[dtype]) for leaf in leaves)
    arrays = [np.asarray(leaf, dtype=np.float64) for leaf in leaves]
    return big or any(np.any((x != 0) & (x.astype(dtype) == 0)) for x in arrays)


def _sides(values: Sequence[float], bad: Sequence[float]) -> list[tuple[float, ...]]:
    """The failing numbers in runs of neighbours."""
    runs: list[list[float]] = []
    for i, t in enumerate(values):
        if t in bad:
            if runs and i and values[i - 1] == runs[-1][-1]:
                runs[-1].append(t)
            else:
                runs.append([t])
    return [tuple(run) for run in runs]


def _findings(run: _Run, failures: Sequence[Failure], regular: Mapping[str, Any]) -> list[AuditFinding]:
    """Failures by the step to blame, each with the rewritings that mend it; last those that no step explains."""
    if not failures:
        return []
    code = Instrumented(run.function)
    if not code.codes:
        run.without_source = "the source of the function cannot be read, so no line is named and nothing is rewritten"
    blamed: dict[tuple[str, int, int], tuple[Suspect, list[Failure]]] = {}
    lost: list[Failure] = []
    for fail in failures:
        suspect = _suspect(run, code, fail)
        if suspect is None:
            lost.append(fail)
        else:
            blamed.setdefault(suspect.site.key, (suspect, []))[1].append(fail)
    cases, owner = _cases(failures, run.entrywise)
    sources = _sources(run.function, [suspect.site.source for suspect, _ in blamed.values()])
    steps = mended(run.function, sources, cases, [regular, *_elsewhere(failures, regular)], run.bound, run.seed)
    findings = [_finding(run, suspect, fails, cases, owner, steps) for suspect, fails in blamed.values()]
    if lost:
        findings.append(_finding(run, None, lost, cases, owner, steps))
    return _merged(findings)


def _elsewhere(failures: Sequence[Failure], regular: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Further inputs at which a rewriting has to keep the exact values: other signs and sizes of what is varied."""
    paths = dict.fromkeys(fail.family.path for fail in failures if fail.family is not None)
    leaves = float_leaves(regular)
    return [dict(replaced(regular, {path: factor * leaves[path]})) for path in paths for factor in (-1.0, 3.0)]


def _merged(findings: Sequence[AuditFinding]) -> list[AuditFinding]:
    """Findings that the same rewriting mends are one finding."""
    groups: dict[Any, list[AuditFinding]] = {}
    for i, finding in enumerate(findings):
        groups.setdefault(finding.rewritings or i, []).append(finding)
    merged = []
    for group in groups.values():
        operations = list(dict.fromkeys(operation for finding in group for operation in finding.operations))
        regions = list(dict.fromkeys(region for finding in group for region in finding.regions))
        scaled = {region.dtype for region in regions if "offset" not in region.condition}
        told = tuple(r for r in regions if "offset" not in r.condition or r.dtype not in scaled)
        outputs = tuple(sorted({output for finding in group for output in finding.outputs}))
        merged.append(replace(group[0], operations=tuple(operations), regions=told, outputs=outputs))
    return merged


def _suspect(run: _Run, code: Instrumented, fail: Failure) -> Suspect | None:
    """The step to blame: the first that is no number, or the overflow behind a NaN, or the first that loses digits."""
    probe = fail.edge
    bound = max(run.bound - 1, 1.0)  # at the edge of a region the step to blame is only just beyond
    how = (fail.dtype, run.seed, probe.prec, bound, run.entrywise)
    found = list(code.suspects(probe.inputs, probe.exact_inputs, *how))
    if probe.losses[fail.dtype].kind in ("nan", "inf"):
        broken = next((s for s in found if s.loss.kind in ("nan", "inf") and s.loss.lost), None)
        overflow = next((s for s in found if s.loss.kind == "inf" and not s.loss.lost), None)
        return broken if overflow is None or (broken is not None and _of_its_own(broken)) else overflow
    return next((s for s in found if s.loss.lost), None)


def _of_its_own(broken: Suspect) -> bool:
    """Whether a step that gave infinity made it out of finite numbers: a division, or the logarithm of 0."""
    divided = isinstance(broken.site.node, ast.BinOp) and isinstance(broken.site.node.op, ast.Div)
    return broken.loss.kind == "inf" and (divided or broken.loss.got == "-inf")


def _cases(failures: Sequence[Failure], entrywise: bool) -> tuple[list[Case], dict[int, list[int]]]:
    """The runs that a rewriting has to mend, and which belong to which failure."""
    cases: list[Case] = []
    owner: dict[int, list[int]] = {}
    seen: dict[tuple[int, str], int] = {}
    for fail in failures:
        for probe in (fail.edge, fail.worst):
            key = (id(probe), fail.dtype)
            if key not in seen:
                seen[key] = len(cases)
                singular = probe.exact_inputs is not probe.inputs
                loss = probe.losses[fail.dtype]
                cases.append(Case(probe.inputs, fail.dtype, probe.exact, loss, entrywise, singular))
            owner.setdefault(id(fail), []).append(seen[key])
    return cases, owner


def _sources(function: Function, first: Sequence[Source]) -> list[Source]:
    rest = [source for part in user_functions(function) if (source := source_of(part)) is not None]
    return list({source.function: source for source in (*first, *rest)}.values())


def _finding(
    run: _Run, suspect: Suspect | None, fails: Sequence[Failure], cases: Sequence[Case],
    owner: Mapping[int, Sequence[int]], steps: Sequence[Step],
) -> AuditFinding:  # fmt: skip
    indices = sorted({i for fail in fails for i in owner[id(fail)]})
    used: list[Step] = []
    before = [case.loss for case in cases]
    for step in steps:
        if any(before[i].worse_than(step.losses[i]) and failing(before[i], run.bound) for i in indices):
            used.append(step)
        before = list(step.losses)
    regions: dict[tuple[str, str], Region] = {}
    for fail in _told(fails):
        mine = owner[id(fail)]
        kept = min(cases[i].loss.kept for i in mine)
        after = None if any(failing(before[i], run.bound) for i in mine) else min(before[i].kept for i in mine)
        regions[fail.dtype, fail.condition] = Region(fail.dtype, fail.condition, kept, CARRIED[fail.dtype], after)
    worst = max((cases[i].loss for i in indices), key=lambda loss: (loss.kind in ("nan", "inf"), loss.lost))
    outputs = tuple(sorted({cases[i].loss.output for i in indices if cases[i].loss.output}))
    kind = worst.kind
    if suspect is not None and suspect.loss.kind in ("inf", "nan") and worst.kind == "nan":
        kind = "nan" if suspect.loss.kind == "nan" or suspect.loss.lost else "inf"
    return AuditFinding(
        kind,
        () if suspect is None else (suspect.site.text,),
        "" if suspect is None else cause(suspect.site, kind),
        "" if suspect is None else _line(suspect),
        outputs,
        tuple(regions.values()),
        worst.got,
        worst.truth,
        tuple(rewriting for step in used for rewriting in step.rewriting),
    )


def _told(fails: Sequence[Failure]) -> list[Failure]:
    """The failures without those that say no more than another: by an offset where a magnitude fails too, and by a
    magnitude with the one or the other sign where the other fails earlier."""
    first: dict[tuple[str, Path], float] = {}
    for fail in fails:
        if fail.family is not None and fail.family.kind in ("magnitude", "negative"):
            key = (fail.dtype, fail.family.path)
            first[key] = min(fail.onwards, first.get(key, np.inf))
    told = []
    for fail in fails:
        earliest = None if fail.family is None else first.get((fail.dtype, fail.family.path))
        later = fail.family is not None and fail.family.kind != "offset" and earliest is not None
        if earliest is None or (later and (fail.onwards == earliest or not np.isfinite(fail.onwards))):
            told.append(fail)
    return told


def _line(suspect: Suspect) -> str:
    number = suspect.site.node.lineno
    return f"{suspect.site.source.place(number)}: {suspect.site.source.line(number).strip()}"


