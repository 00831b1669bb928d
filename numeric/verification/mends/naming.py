"""From the findings of a verification to the lines at fault: one search for all refuted parameters of a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from gradproof.errors import UnsupportedError
from gradproof.numeric.verification.causes import CAUSES
from gradproof.numeric.verification.checking import check_point
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import moved
from gradproof.numeric.verification.interfaces import Path
from gradproof.numeric.verification.mends.mend import SourceMend, mends_of, source_mends, with_moved
from gradproof.numeric.verification.mends.scout import Stage, TooRough
from gradproof.numeric.verification.mends.search import quietly
from gradproof.numeric.verification.places import GIVEN, Journey, Place
from gradproof.numeric.verification.plain_runs import USER_FAILURE
from gradproof.numeric.verification.regions.exploration import explore
from gradproof.numeric.verification.report import Finding

TELLING: Final = ("factor", "size", "sign", "transpose", "operands", "order", "step", "zero")
"""Causes of arithmetic mends whose words stay; others are as likely an accident, as for a parameter of one entry."""

REGIONAL: Final = ("region", "spare function", "spare factor", "spare statement")
"""Causes that are a region's where the gradient is right outside of it: something is applied that acts there alone."""

REGION_EVALUATIONS: Final = 80
"""How long a mended gradient is searched for regions in which it is wrong."""

MOVES: Final = (0.1, 0.5, 3.0)
"""How far parameters are moved where floats cannot see a fault that balls see."""

STAGES: Final = 6
"""A mend has to be certified at so many places at most."""


def with_lines(findings: Mapping[Path, Finding], journey: Journey, budget: float) -> dict[Path, Finding]:
    """The findings, those of refuted parameters with the cause, the line and its mend where one is found."""
    left = [path for path, finding in findings.items() if finding.verdict.name == "refuted"]
    result = dict(findings)
    while left and budget > 0:
        place = max(journey.places, key=lambda p: (*_faults(p, left), p.name == GIVEN))
        here = [path for path in left if _is_fault(place, path)]
        if not here:
            break
        left = [path for path in left if path not in here]
        mends, failed = _tried(lambda: _mends(place, here, findings, journey, budget))  # noqa: B023
        for path in here:
            result[path] = _named(result[path], mends[path]) if path in mends else _with_failure(result[path], failed)
    return result


def _mends(
    place: Place, here: Sequence[Path], findings: Mapping[Path, Finding], journey: Journey, budget: float
) -> dict[Path, SourceMend]:
    """The mends of the faults of one place; of another one with the same faults where floats say nothing there."""
    for first in chain((place,), _alike(place, here, journey)):
        stages = _stages(first, journey, findings)
        faults = [stages[0].faults[path] for path in here]
        try:
            return source_mends(faults, stages, budget, lambda paths: _holds(journey, paths))
        except TooRough:
            continue
    return {}


def _alike(place: Place, here: Sequence[Path], journey: Journey) -> Iterator[Place]:
    """Other places with the same faults; then the place itself with its parameters moved."""
    for other in journey.places:
        if other is not place and all(_is_fault(other, path) for path in here):
            yield other
    for scale in MOVES:
        inputs = moved(place.point.inputs, journey.point.covers or journey.point.wrt, journey.rng, scale)
        point = replace(place.point, inputs=inputs)
        try:
            with quietly():
                outcomes = check_point(point, journey.rng, crosscheck=False)
        except USER_FAILURE:
            continue
        other = replace(place, point=point, outcomes=outcomes)
        if all(_is_fault(other, path) for path in here):
            yield other


def with_shapes(
    findings: Mapping[Path, Finding], misshapen: Sequence[Path], point: Point, budget: float
) -> dict[Path, Finding]:
    """The findings, those of gradients of a wrong shape with the line and its mend where one is found."""
    result = dict(findings)
    right = tuple(path for path, finding in findings.items() if finding.ok)
    stages = with_moved(Stage(point, right))
    mends, failed = _tried(lambda: mends_of(misshapen, stages, budget) if budget > 0 else {})
    for path in misshapen:
        result[path] = _with_failure(replace(result[path], cause="shape"), failed)
        if path in mends:
            result[path] = replace(result[path], cause=mends[path].cause, line=mends[path].line, mend=mends[path].mend)
    return result


def _tried(search: Callable[[], dict[Path, SourceMend]]) -> tuple[dict[Path, SourceMend], str]:
    """What a search found; a fault of ours in it must not cost the user the verdict: it is told."""
    try:
        return search(), ""
    except UnsupportedError:
        return {}, ""
    except Exception as error:
        what = f"the search for the line failed ({type(error).__name__}: {error}), which is a fault of gradproof"
        return {}, " ".join(what.split())


def _with_failure(finding: Finding, failed: str) -> Finding:
    return replace(finding, diagnosis=f"{finding.diagnosis}; {failed}") if failed else finding


def _holds(journey: Journey, paths: Sequence[Path]) -> bool:
    """Whether the gradient as it stands now is right at longer axes, and in the regions that its comparisons make."""
    point = replace(journey.point, wrt=list(paths), covers=journey.point.covers or journey.point.wrt)

    def is_right(inputs: Mapping[str, Any]) -> bool:
        outcomes = check_point(replace(point, inputs=inputs), journey.rng, crosscheck=False).values()
        return not any(o.name == "refuted" and not o.tied for o in outcomes) or bool(journey.poles.before(inputs))

    coverage = journey.coverage
    searched = coverage is not None and not (coverage.complete and not (coverage.regions or coverage.unreached))
    try:
        if not all(is_right(inputs) for inputs in journey.longer()):
            return False
        regions = explore(point, journey.rng, [], REGION_EVALUATIONS).regions if searched else ()
        return all(is_right(region.inputs) for region in regions)
    except USER_FAILURE:
        return False


def _is_fault(place: Place, path: Path) -> bool:
    return path in place.outcomes and place.outcomes[path].is_wrong


def _faults(place: Place, paths: Sequence[Path]) -> tuple[int, int]:
    """How many gradients are wrong at a place, and how many of them off a corner: there only one value is right."""
    wrong = [place.outcomes[path] for path in paths if _is_fault(place, path)]
    return len(wrong), sum(outcome.corner is None for outcome in wrong)


def _stages(first: Place, journey: Journey, findings: Mapping[Path, Finding]) -> list[Stage]:
    """The place of the faults, then others: moved parameters and other shapes before regions."""
    others = [place for place in journey.places if place is not first]
    others.sort(key=lambda place: (place.region is not None, not place.sizes, place.name == GIVEN))
    stages = []
    for place in [first, *others][:STAGES]:
        outcomes = place.outcomes
        right = tuple(path for path in outcomes if outcomes[path].name == "certified")
        wrong = [path for path, found in findings.items() if found.verdict.name == "refuted"]
        faults = {path: f for path in wrong if _is_fault(place, path) and (f := outcomes[path].fault) is not None}
        kept = tuple(path for path, found in findings.items() if found.ok and path not in right)
        stages.append(Stage(place.point, right, faults, kept))
    return stages


def _named(finding: Finding, mend: SourceMend) -> Finding:
    """The words of an arithmetic mend are kept where they are as telling: they say what the gradient itself needs."""
    if finding.region.startswith("where ") and mend.cause in REGIONAL:
        words = mend.words.replace(CAUSES[mend.cause], CAUSES["region"], 1)
        return replace(finding, diagnosis=words, cause="region", line=mend.line, mend=mend.mend)
    diagnosis = mend.words
    if finding.cause == "coordinate" and mend.cause == "region":  # a store by an index that was computed
        change = mend.words.partition(": ")[2]
        return replace(finding, diagnosis=f"{finding.diagnosis}: {change}", line=mend.line, mend=mend.mend)
    if finding.cause in TELLING or finding.cause == mend.cause != "path":
        diagnosis = finding.diagnosis
    elif finding.cause == "axis":
        diagnosis = f"{mend.words}; {finding.diagnosis}"
    if mend.side == "loss":
        named = finding.cause in (*TELLING, "penalty")
        words = f"{finding.diagnosis}; {mend.words}" if named else mend.words
        return replace(finding, diagnosis=words, cause=finding.cause if named else mend.cause)
    return replace(finding, diagnosis=diagnosis, cause=mend.cause, line=mend.line, mend=mend.mend)
