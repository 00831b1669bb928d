"""From what each place says about a parameter to one finding: the verdict, its reason, and the fault's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from gradproof.numeric.verification.causes import CAUSES
from gradproof.numeric.verification.checking import Guards, describe, explain, guarded_by
from gradproof.numeric.verification.counterexample import smallest
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.interfaces import Path, label
from gradproof.numeric.verification.places import GIVEN, Journey, Place
from gradproof.numeric.verification.proofs.difference import difference_latex
from gradproof.numeric.verification.report import Finding
from gradproof.numeric.verification.sizes.fitting import OTHER_SHAPES
from gradproof.verdicts import Verdict

if TYPE_CHECKING:
    from gradproof.numeric.verification.proofs.attempt import Traced
    from gradproof.numeric.verification.proofs.proof import Proof

FORMULA_SECONDS: Final = 4.0
"""The time for tracing a wrong gradient, so that its difference from the right one can be printed."""

Notes = dict[str, list[str]]
"""What a reader should know besides, and the parameters that each is about."""


def proved(path: Path, proof: Proof, shape: tuple[int, ...], refused: str = "") -> Finding:
    """The finding of a proof; what balls say of the given inputs stands beside it."""
    beside = f"not run on balls: {refused}" if refused else "equal to 200 digits on balls at the given inputs"
    return Finding(label(path), replace(proof.verdict, evidence=(beside,)), shape=shape)


def with_formulas(
    found: Mapping[Path, Finding], paths: Sequence[Path], point: Point, traced: Traced | None = None
) -> dict[Path, Finding]:
    """The findings of refuted gradients with the difference, claimed − derived, in LaTeX where it can be traced.

    ``traced`` is what an attempt at a proof has traced already.
    """
    from gradproof.numeric.verification.proofs.proof import trace_gradients

    if traced is None or any(path not in traced.claimed for path in paths):
        traced = trace_gradients(point.loss, point.grad, point.inputs, paths, point.covers, seconds=FORMULA_SECONDS)
    if traced is None:
        return {}
    formulas = {path: difference_latex(traced, path) for path in paths}
    return {path: replace(found[path], latex=latex) for path, latex in formulas.items() if latex}


def finding(path: Path, journey: Journey, shape: tuple[int, ...], notes: Notes, proof: Proof | None = None) -> Finding:
    """What all places together say about one parameter; ``notes`` gets what a reader should know besides."""
    name, rng = label(path), journey.rng
    places = [place for place in journey.places if path in place.outcomes]
    wrong = [place for place in places if place.outcomes[path].is_wrong]
    wrong.sort(key=lambda place: (place.name != GIVEN, place.region is None))  # a region says most
    guards: set[float] = set()
    where_guarded = ""
    for place in wrong:
        fault = place.outcomes[path].fault
        found = guarded_by(fault.point, [path], rng) if fault is not None else Guards()
        if not found:
            found_wrong = _refuted(path, place, places, rng, shape)
            axes = journey.axes if place.region is None else None
            if found_wrong.cause == "undefined":  # what is smaller may be wrong in another way
                return replace(found_wrong, counterexample=place.point.inputs)
            return replace(found_wrong, counterexample=smallest(place.point, path, axes, rng))
        guards |= found.constants
        where_guarded = found.where
    take_notes(path, places, notes)
    if guards:
        what = " and ".join(repr(g) for g in sorted(guards))
        where = wrong[0].name if wrong[0].name != GIVEN else ""
        reason = f"right but for the guard {what} in {where_guarded}"
        return Finding(name, Verdict("guarded", reason), where=where, shape=shape)
    certified = [place.name for place in places if place.outcomes[path].name == "certified"]
    here = places[0].outcomes[path]
    if here.name == "certified" or (here.name == "refuted" and certified):
        return Finding(name, Verdict("certified", _why(proof, _reason(path, certified, places))), shape=shape)
    if here.name == "refuted":
        reason = f"every point that was tried stands on a tie in {', '.join(here.tied)}; change the inputs"
        return Finding(name, Verdict("unknown", reason), shape=shape)
    reason = here.reason + (f"; certified {_listed(certified)}" if certified else "")
    return Finding(name, Verdict("unknown", reason), shape=shape)


def _why(proof: Proof | None, balls: str) -> str:
    """What balls found, and what a proof adds or lacks."""
    if proof is None:
        return balls
    return f"{proof.verdict.reason}; {balls}" if proof else f"{balls}; {proof.verdict.reason}"


def written(notes: Notes) -> list[str]:
    """Each note once, with the parameters that it is about."""
    return [f"{', '.join(names)}{text}" for text, names in notes.items()]


def take_notes(path: Path, places: Sequence[Place], notes: Notes) -> None:
    """What a reader should know of a parameter besides its verdict: corners, ties, and places that were not decided."""

    def note(text: str) -> None:
        names = notes.setdefault(text, [])
        if label(path) not in names:  # several points of one region say the same
            names.append(label(path))

    certified = any(place.outcomes[path].name == "certified" for place in places)
    for place in places:
        outcome = place.outcomes[path]
        if outcome.note:
            note(f", {place.name}: {outcome.note}")
        elif outcome.name == "certified" and outcome.tied:
            lines = ", ".join(outcome.tied)
            note(f", {place.name}: numbers equal to 300 digits were taken for equal in {lines}")
        elif outcome.name == "refuted" and outcome.tied:
            note(f", {place.name}: {outcome.reason or 'on a tie in ' + ', '.join(outcome.tied)}")
        elif outcome.name == "unknown" and certified:
            note(f", not decided {place.name}: {outcome.reason}")


def _reason(path: Path, certified: Sequence[str], places: Sequence[Place]) -> str:
    constants = any("ulps" in place.outcomes[path].note for place in places)
    exactly = "within the ulps of constants that the code computes in floats" if constants else "to 200 digits"
    return f"equal {exactly} in a random direction, {_listed(certified)}"


def _listed(names: Sequence[str]) -> str:
    """The names with "and"; other shapes in one, and of the regions of the code only their number."""
    regions = len({name for name in names if name.startswith("where ")})
    shapes = [name for name in names if name.startswith(OTHER_SHAPES)]
    shown = [name for name in names if not name.startswith(("where ", OTHER_SHAPES))]
    if shapes:
        sizes = "; ".join(name.removeprefix(OTHER_SHAPES).strip(" ()") for name in shapes)
        shown.append(f"{OTHER_SHAPES} ({sizes})")
    if regions:
        shown.append(f"in {regions} further region{'s' if regions > 1 else ''} of the code")
    return ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1] if shown else ""


def _refuted(
    path: Path, place: Place, places: Sequence[Place], rng: np.random.Generator, shape: tuple[int, ...]
) -> Finding:
    outcome = place.outcomes[path]
    fault = outcome.fault
    assert fault is not None
    name = label(path)
    region = _region(place, places, path)
    right = [other.name for other in places if other.outcomes[path].name == "certified"]
    if outcome.corner is not None:
        reason = "outside of every one-sided derivative" + (f"; it is right {_listed(right)}" if right else "")
        return Finding(name, Verdict("refuted", reason), outcome.reason, place.name, shape, region=region)
    if outcome.undefined is not None:
        entry = fault.entry(outcome.undefined)
        reason = "it is no number, and the derivative of the loss, one-sided at a corner, is"
        reason += f"; it is right {_listed(right)}" if right else ""
        words = f"{CAUSES['undefined']}: {outcome.reason}"
        where = describe(name, [entry], place.name)
        return Finding(
            name, Verdict("refuted", reason), words, where, shape, (entry,), cause="undefined", region=region
        )  # fmt: skip
    diagnosis, entries = explain(fault, rng)
    if region.startswith("where ") and diagnosis.cause == "entries":
        diagnosis = replace(diagnosis, cause="region", words=f"{CAUSES['region']}: {diagnosis.words}")
    reason = "a ball that excludes zero" + (f"; it is right {_listed(right)}" if right else "")
    where = describe(name, entries, place.name)
    verdict = Verdict("refuted", reason)
    return Finding(name, verdict, diagnosis.words, where, shape, entries, cause=diagnosis.cause, region=region)


def _region(place: Place, places: Sequence[Place], path: Path) -> str:
    """The condition under which a gradient is wrong that is right elsewhere."""
    if places[0].outcomes[path].name != "certified":
        return ""
    if place.region is not None:
        return place.region.condition
    return place.name if place.sizes else ""
