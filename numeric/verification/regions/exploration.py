"""Reach the regions that the given inputs do not: for every comparison in the code, inputs on its other side.

A gradient that is wrong only where a residual passes 50 is right at every ordinary input. The code itself says where to
look: each comparison that it makes is a split of the inputs (:mod:`.search` walks there). What is wrong in a
region may be switched off: by zeros in the data, by another branch, by an activation that is saturated. So

1. every region is entered at several points, from the given inputs and again from fresh ordinary ones;
2. single entries of every comparison are taken to just before and just beyond their split (:mod:`.edges`): where
   loss and gradient compare with two thresholds, a point between them is wrong;
3. each region is entered with either side of every other comparison that stands beside it (:mod:`.pairs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.watch import Key, Site, Watch
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import fresh, noise
from gradproof.numeric.verification.interfaces import Path
from gradproof.numeric.verification.regions.edges import edges
from gradproof.numeric.verification.regions.pairs import beside
from gradproof.numeric.verification.regions.search import Inputs, Search, called

_REDUCTIONS: Final = frozenset(
    ("max", "min", "amax", "amin", "nanmax", "nanmin", "argmax", "argmin", "sort", "argsort", "ptp", "median", "sorted")
)
"""Calls whose comparisons only order the numbers: no branch of the code hangs on them."""

_WINNERS: Final = frozenset(("argmax", "argmin"))
WINNERS: Final = 8
"""So many random entries of an ``argmax`` are taken across the one that wins."""

FUNCTIONS: Final = ("grad", "loss")


@dataclass(frozen=True)
class Region:
    """Inputs on one side of a comparison in the code."""

    site: Site
    side: int
    inputs: Mapping[str, Any]

    @property
    def condition(self) -> str:
        """``where `np.abs(r) > 50` (model.py:9 (in grad))``."""
        return f"{self.site.condition(self.side)} ({self.site.place})"


@dataclass(frozen=True)
class Unreached:
    """A side of a comparison that no run of a function (``grad`` or ``loss``) has met, though some may have a tie."""

    site: Site
    side: int
    which: str
    tied: bool = False

    def __str__(self) -> str:
        return f"{self.site.condition(self.side)} ({self.site.place})"


@dataclass(frozen=True)
class Coverage:
    """The regions that were reached, and the sites of which one side never was; whether the search came to its end."""

    regions: tuple[Region, ...]
    unreached: tuple[Unreached, ...]
    evaluations: int
    complete: bool = True


def explore(
    point: Point, rng: np.random.Generator, others: Sequence[Inputs], budget: int, loose: Sequence[Path] = ()
) -> Coverage:
    """Inputs on every side of every comparison in loss and gradient that the point's own inputs do not reach.

    ``budget`` bounds the evaluations. What cannot be reached (a guard that no input triggers, say) is told, unless one
    of the ``others``, which are checked anyway, is there. ``loose`` are data of whole numbers that may be moved.
    """
    exploration = Exploration(point, rng, others, budget, loose)
    regions = tuple(exploration)
    return exploration.coverage(regions)


@dataclass
class _Seen:
    """The sites that runs of one function have met, the sides they fell on, and the inputs that first met each."""

    sites: dict[Key, Site] = field(default_factory=dict)
    sides: dict[Key, set[int]] = field(default_factory=dict)
    first_at: dict[Key, Inputs] = field(default_factory=dict)

    def note(self, watch: Watch, inputs: Inputs) -> None:
        self.sites |= watch.sites()
        for key, sides in watch.sides.items():
            self.sides.setdefault(key, set()).update(sides)
            self.first_at.setdefault(key, inputs)

    def missing(self) -> list[tuple[Site, int]]:
        return [(s, side) for key, s in self.sites.items() if _decides(s) for side in s.missing(self.sides[key])]


class Exploration:
    """A search for regions that yields each as it is found, so that whoever has seen enough can stop."""

    def __init__(
        self, point: Point, rng: np.random.Generator, others: Sequence[Inputs], budget: int, loose: Sequence[Path] = ()
    ) -> None:
        self.search = Search(point, rng, budget, loose)
        self.others = others
        self.seen = {which: _Seen() for which in FUNCTIONS}
        self.ended = False
        self._done: set[tuple[bool, Key, int]] = set()
        self._entered: list[tuple[Site, int, str, list[Inputs]]] = []

    def coverage(self, regions: Sequence[Region]) -> Coverage:
        """What the search has found until now."""
        unreached = [
            Unreached(site, side, which, 0 in seen.sides[site.key])
            for which, seen in self.seen.items()
            for site, side in seen.missing()
        ]
        return Coverage(tuple(regions), tuple(unreached), self.search.spent, self.ended)

    def __iter__(self) -> Iterator[Region]:
        search = self.search
        given = search.point.inputs
        ordinary = fresh(given, search.kinds, search.rng)
        for base in (given, ordinary):
            for which in FUNCTIONS:
                yield from self._sides(base, which)
        yield from self._winners(given)
        for which in FUNCTIONS:
            for other in self.others:
                self._note(self.seen[which], other, which)
        for base in (ordinary, given):
            for which in FUNCTIONS:
                sites = self._sites(which)
                for site, side, inputs in edges(search, sites, base, which):
                    yield Region(site, side, inputs)
        for site, side, which, points in self._entered:
            for inputs in beside(search, site, side, self._sites(which), points, which):
                yield Region(site, side, inputs)
        self.ended = True

    def _winners(self, given: Inputs) -> Iterator[Region]:
        """Other winners of every ``argmax``: a branch on its index is no comparison of numbers, and may hide others."""
        for which in FUNCTIONS:
            seen = self.seen[which]
            before = set(seen.sites)
            sites = [site for site in seen.sites.values() if called(site) in _WINNERS]
            for site, side, inputs in [e for _ in range(WINNERS) for e in edges(self.search, sites, given, which)]:
                yield Region(site, side, inputs)
                self._note(seen, inputs, which)
            if set(seen.sites) - before:
                yield from self._sides(given, which)

    def _sites(self, which: str) -> list[Site]:
        return [site for site in self.seen[which].sites.values() if _decides(site)]

    def _note(self, seen: _Seen, inputs: Inputs, which: str) -> None:
        watch = self.search.look(inputs, noise(inputs, list(self.search.kinds), self.search.rng), (), which)
        seen.note(watch, inputs)
        if seen is not self.seen[which]:
            self.seen[which].note(watch, inputs)

    def _sides(self, base: Inputs, which: str) -> Iterator[Region]:
        """Every side of every comparison that a run at the base does not meet."""
        search = self.search
        given = search.point.inputs
        seen = self.seen[which] if base is given else _Seen()
        self._note(seen, base, which)
        while search.spent < search.budget:
            left = [(s, side) for s, side in seen.missing() if (base is given, s.key, side) not in self._done]
            if not left:
                break
            site, side = left[0]
            self._done.add((base is given, site.key, side))
            # a branch inside a branch is met only where the outer one is taken: there the walk starts
            starts = [seen.first_at[site.key], *self.others[:1], base]
            found = search.reach(site, side, which, starts)
            if found is None:
                continue
            nearest = search.nearer(site, side, which, base, found)
            points = [nearest, found, *search.more(site, side, which, base, nearest, self.others)]
            if base is given:
                self._entered.append((site, side, which, points))
            for inputs in points:
                yield Region(site, side, inputs)
                self._note(seen, inputs, which)


def _decides(site: Site) -> bool:
    """Whether a comparison can decide anything: not the ones inside ``np.max`` or a sort."""
    return called(site) not in _REDUCTIONS
