"""From failing runs to findings: the step to blame, the rewritings that mend it, and each region told once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradproof.numeric.audit.accuracy import CARRIED
from gradproof.numeric.audit.causes import cause
from gradproof.numeric.audit.locate import Instrumented, Suspect
from gradproof.numeric.audit.mend import Case, Place, Step, cases_at, failing, mended
from gradproof.numeric.audit.probing import Failure, Run
from gradproof.numeric.audit.report import AuditFinding, Region
from gradproof.numeric.audit.source import Source, source_of, user_functions
from gradproof.numeric.verification.interfaces import Path, float_leaves, replaced

Function = Callable[..., Any]


def findings_of(run: Run, failures: Sequence[Failure], regular: Mapping[str, Any]) -> list[AuditFinding]:
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
    cases, owner = _cases(run, failures)
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


def _suspect(run: Run, code: Instrumented, fail: Failure) -> Suspect | None:
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


def _cases(run: Run, failures: Sequence[Failure]) -> tuple[list[Case], dict[int, list[int]]]:
    """The runs that a rewriting has to mend, and which belong to which failure."""
    cases: list[Case] = []
    owner: dict[int, list[int]] = {}
    seen: dict[tuple[int, str], list[int]] = {}
    for fail in failures:
        for probe in (fail.edge, fail.worst):
            key = (id(probe), fail.dtype)
            if key not in seen:
                singular = probe.exact_inputs is not probe.inputs
                place = Place(probe.inputs, fail.dtype, probe.exact, run.entrywise, singular)
                found = cases_at(run.function, place)
                seen[key] = list(range(len(cases), len(cases) + len(found)))
                cases += found
            owner.setdefault(id(fail), []).extend(seen[key])
    return cases, owner


def _sources(function: Function, first: Sequence[Source]) -> list[Source]:
    rest = [source for part in user_functions(function) if (source := source_of(part)) is not None]
    return list({source.function: source for source in (*first, *rest)}.values())


def _finding(
    run: Run, suspect: Suspect | None, fails: Sequence[Failure], cases: Sequence[Case],
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
    spoilt = (cases[i].loss.output for i in indices if failing(cases[i].loss, run.bound))
    outputs = tuple(sorted({name for name in spoilt if name}))
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
