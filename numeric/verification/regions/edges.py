"""Single entries of a comparison, just before and just beyond their split: where two thresholds differ, between them.

A loss that compares with −1 and a gradient that compares with 1 differ only for entries in between, and data whose
entries lie hundreds apart never are. Newton's method takes one entry of a comparison along a random direction to where
its two numbers meet, and stops just before and just behind it, as near as floats can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gradproof.numeric.balls.watch import Event, Site
from gradproof.numeric.verification.domains import noise, shifted, velocity
from gradproof.numeric.verification.interfaces import Path
from gradproof.numeric.verification.regions.search import Inputs, Search, finite, newton_step

NEAR: Final = 1e-12
"""How near to the split, in units of the way to it."""

ROUGHLY: Final = 1e-4
"""What is near enough after the last step."""

STEPS: Final = 8
CANDIDATES: Final = 8
"""At most so many entries are asked whether they move at all."""


def edges(search: Search, sites: Sequence[Site], start: Inputs, which: str) -> Iterator[tuple[Site, int, Inputs]]:
    """For one random entry of each comparison, inputs just before and just beyond its split, with the side there."""
    parameters = {path: kind for path, kind in search.kinds.items() if path in search.parameters}
    for site in sites:
        if search.spent >= search.budget:
            return
        for kinds in (parameters, search.kinds):
            found = list(_edge(search, site, start, kinds, which))
            yield from ((site, side, inputs) for side, inputs in found)
            if found:
                break


def _edge(
    search: Search, site: Site, start: Inputs, kinds: Mapping[Path, str], which: str
) -> Iterator[tuple[int, Inputs]]:
    inputs, direction = start, noise(start, list(kinds), search.rng)
    entry: int | None = None
    way = 0.0
    for step in range(STEPS):
        if search.spent >= search.budget or not finite(inputs):
            return
        watch = search.look(inputs, velocity(inputs, direction, kinds), [site.key], which)
        events = watch.events.get(site.key, [])
        if entry is None:
            entry = _moving(events, search)
        if entry is None or entry >= len(events):
            return
        length = newton_step(events[entry])
        if length is None:
            return
        way = way or abs(length)
        if abs(length) <= (10 * NEAR if step < STEPS - 1 else ROUGHLY) * way:
            yield events[entry].side, inputs
            beyond = shifted(inputs, {p: 2 * length * c for p, c in direction.items()}, kinds)
            events = search.look(beyond, {}, [site.key], which).events.get(site.key, [])
            if entry < len(events):
                yield events[entry].side, beyond
            return
        inputs = shifted(inputs, {p: (1 - NEAR) * length * c for p, c in direction.items()}, kinds)


def _moving(events: Sequence[Event], search: Search) -> int | None:
    """A random entry whose two numbers approach each other along the direction of the run."""
    for k in search.rng.permutation(len(events))[:CANDIDATES]:
        if newton_step(events[int(k)]):
            return int(k)
    return None
