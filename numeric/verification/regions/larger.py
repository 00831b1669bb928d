"""Sides of comparisons that only a larger problem reaches: more examples, features or steps.

Of n numbers that are standardised none lies further out than √(n − 1), and a sum of n bounded terms is bounded by n. So
a side of a comparison that was never reached may be at a larger size. Such problems are walked through for it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.interfaces import Path
from gradproof.numeric.verification.regions.exploration import Region, Unreached
from gradproof.numeric.verification.regions.search import Inputs, Search

LARGER: Final = {24: 40, 130: 20}
"""Sizes at which regions are looked for, and how many evaluations each side gets there: standardised numbers lie within
4.8 of the mean of 24, and within 11.4 of that of 130."""

SITES: Final = 6
"""At most so many unreached sides are looked for."""

SECONDS: Final = 10.0
"""The backstop of all of it, in processor time: a loop in a loop over 130 steps is slow where it is run at all."""


def entered(
    point: Point, missing: Unreached, larger: Inputs, budget: int, rng: np.random.Generator, loose: Sequence[Path],
    until: float,
) -> Iterator[Region]:  # fmt: skip
    """Inputs of a larger problem on a side of a comparison that smaller ones do not reach; none if it is not there."""
    search = Search(replace(point, inputs=larger), rng, budget, loose, until)
    found = search.leap(missing.site, missing.side, missing.which, larger)
    if found is None:
        return
    yield Region(missing.site, missing.side, found)
    search.budget += budget
    for inputs in search.more(missing.site, missing.side, missing.which, larger, found, ()):
        yield Region(missing.site, missing.side, inputs)
