"""Reach the regions that the given inputs do not: for every comparison in the code, inputs on its other side.

A gradient that is wrong only where a residual passes 50 is right at every ordinary input. The code itself says where to
look: each comparison that it makes is a split of the inputs (:mod:`.region_search` walks there). What is wrong in a
region may be switched off by another branch, so each region is entered at several points, and with either side of every
other comparison that stands beside it (:mod:`.region_pairs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.watch import Key, Site, Watch
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import noise
from gradproof.numeric.verification.region_pairs import beside
from gradproof.numeric.verification.region_search import Inputs, Search, called

_REDUCTIONS: Final = frozenset(
    ("max", "min", "amax", "amin", "nanmax", "nanmin", "argmax", "argmin", "sort", "argsort", "ptp", "median", "sorted")
)
"""Calls whose comparisons only order the numbers: no branch of the code hangs on them."""


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
class Coverage:
    """The regions that were reached, and the sites of which one side never was."""

    regions: tuple[Region, ...]
    unreached: tuple[tuple[Site, int], ...]
    evaluations: int


def explore(point: Point, rng: np.random.Generator, others: Sequence[Inputs], budget: int) -> Coverage:
    """Inputs on every side of every comparison in loss and gradient that the point's own inputs do not reach.

    ``budget`` bounds the evaluations. What cannot be reached (a guard that no input triggers, say) is told, unless one
    of the ``others``, which are checked anyway, is there.
    """
    search = Search(point, rng, budget)
    regions: list[Region] = []
    unreached: list[tuple[Site, int]] = []
    for which in ("grad", "loss"):
        seen = _Seen()
        seen.note(search.look(point.inputs, noise(point.inputs, list(search.kinds), rng), (), which), point.inputs)
        done: set[tuple[Key, int]] = set()
        while search.spent < budget:
            left = [(site, side) for site, side in seen.missing() if (site.key, side) not in done]
            if not left:
                break
            site, side = left[0]
            done.add((site.key, side))
            # a branch inside a branch is met only where the outer one is taken: there the walk starts
            starts = [seen.first_at[site.key], *others[:1], point.inputs]
            found = search.reach(site, side, which, starts)
            if found is None:
                continue
            nearest = search.nearer(site, side, which, point.inputs, found)
            points = [nearest, found, *search.more(site, side, which)]
            points += beside(search, site, side, [s for s in seen.sites.values() if _decides(s)], points, which)
            for inputs in points:
                regions.append(Region(site, side, inputs))
                seen.note(search.look(inputs, noise(inputs, list(search.kinds), rng), (), which), inputs)
        for other in others:
            seen.note(search.look(other, noise(other, list(search.kinds), rng), (), which), other)
        unreached += seen.missing()
    return Coverage(tuple(regions), tuple(unreached), search.spent)


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


def _decides(site: Site) -> bool:
    """Whether a comparison can decide anything: not the ones inside ``np.max`` or a sort."""
    return called(site) not in _REDUCTIONS
