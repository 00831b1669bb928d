"""One audit's runs: a probe of the inputs in floats and on balls, a family of them, and the edge of where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

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
    worst_of,
)
from gradproof.numeric.audit.mend import failing
from gradproof.numeric.audit.probes import Family, is_large
from gradproof.numeric.verification.interfaces import float_leaves, replaced

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


class Run:
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
            losses = judged(float_run(self.function, inputs, dtype), exact, dtype, self.entrywise)
            return worst_of(losses.values(), dtype)
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
