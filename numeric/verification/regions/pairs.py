"""Two comparisons at once: inputs in a region at which another comparison, for the same entry, falls on a wanted side.

Where negatives are far, a hinge may be off for just those entries, and what is wrong there does not show. Two sites
that are met equally often in a run are compared entry by entry; one that is met once for every row goes with all the
entries of that row, and one that is met once with every entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gradproof.numeric.balls.watch import Event, Key, Site, Watch
from gradproof.numeric.verification.domains import noise, shifted, velocity
from gradproof.numeric.verification.regions.search import OVERSHOOT, Inputs, Search, finite, newton_step

TRIES: Final = 6
STEPS: Final = 6
PARTNERS: Final = 6
"""At most so many other comparisons are paired with a region."""

Pair = tuple[Event, Event]


def beside(
    search: Search, site: Site, side: int, others: Sequence[Site], starts: Sequence[Inputs], which: str
) -> Iterator[Inputs]:
    """Inputs at which ``site`` falls on ``side`` and each of the ``others``, for the same entry, on both of its sides.

    ``starts`` are inputs in the region; what they already show is not looked for.
    """
    partners = [other for other in others if other.key != site.key][:PARTNERS]
    keys = [site.key, *(other.key for other in partners)]
    runs = [search.look(start, {}, keys, which) for start in starts]
    for other in partners:
        for wanted in (-1, 1):
            pairs = [pair for run in runs for pair in _pairs(run, site.key, other.key)]
            if not any(_fits(pair, site, side, other, wanted) for pair in pairs):
                found = _walk(search, site, side, other, wanted, starts, which)
                if found is not None:
                    yield found


def _pairs(watch: Watch, first: Key, second: Key) -> list[Pair]:
    one, two = watch.events.get(first, []), watch.events.get(second, [])
    if len(one) == len(two):
        return list(zip(one, two, strict=True))
    if one and two and max(len(one), len(two)) % min(len(one), len(two)) == 0:
        wide, deep = (max(len(one), len(two)) // len(events) for events in (one, two))
        return [(one[k // wide], two[k // deep]) for k in range(max(len(one), len(two)))]
    return []


def _fits(pair: Pair, site: Site, side: int, other: Site, wanted: int) -> bool:
    return site.reached(side, {pair[0].side}) and other.reached(wanted, {pair[1].side})


def _walk(
    search: Search, site: Site, side: int, other: Site, wanted: int, starts: Sequence[Inputs], which: str
) -> Inputs | None:
    """Newton steps on one entry of the other comparison, from inputs at which the first holds for that entry."""
    keys = (site.key, other.key)
    for attempt in range(TRIES):
        inputs = starts[attempt % len(starts)]
        direction = noise(inputs, list(search.kinds), search.rng)
        entry: int | None = None
        for _ in range(STEPS):
            if search.spent >= search.budget or not finite(inputs):
                break
            run = search.look(inputs, velocity(inputs, direction, search.kinds), keys, which)
            pairs = _pairs(run, *keys)
            if any(_fits(pair, site, side, other, wanted) for pair in pairs):
                return inputs
            held = [k for k, (event, _) in enumerate(pairs) if site.reached(side, {event.side})]
            if entry is None:
                entry = int(search.rng.choice(held)) if held else None
            if entry is None or entry >= len(pairs):
                break
            length = newton_step(pairs[entry][1])
            if length is None:
                break
            steps = {path: OVERSHOOT * length * change for path, change in direction.items()}
            inputs = shifted(inputs, steps, search.kinds)
    return None
