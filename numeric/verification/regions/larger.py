"""Larger problems, one axis at a time: what only more examples, features or steps can show.

Of n numbers that are standardised none lies further out than √(n − 1), a sum of n bounded terms is bounded by n, and
a loop that is cut off after four steps is right for four. So one larger problem an axis is checked as it stands, and
where a side of a comparison was never reached, larger ones still are walked through for it alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.interfaces import Path, leaves
from gradproof.numeric.verification.regions.exploration import Region, Unreached
from gradproof.numeric.verification.regions.search import Inputs, Search
from gradproof.numeric.verification.sizes.axes import Axes, resized

MORE: Final = 9
"""By so much an axis grows where nothing in particular is looked for."""

SIZES: Final = {24: 40, 130: 20}
"""Sizes at which regions are looked for, and how many evaluations each side gets there: standardised numbers lie within
4.8 of the mean of 24, and within 11.4 of that of 130."""

BRANCH_SIZES: Final = (1, *SIZES)
"""Sizes at which branches may run that no comparison of the inputs decides."""

MOST: Final = 20_000
"""With more input entries than that a problem is left out."""

SITES: Final = 6
"""At most so many unreached sides are looked for."""


def one_axis(
    inputs: Mapping[str, Any], wrt: set[Path], axes: Axes, rng: np.random.Generator, size: int | None = None
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """The inputs with one axis of another ``size``, or longer by :data:`MORE`; axes as the inputs have them."""
    old: dict[Hashable, int] = {}
    for path, leaf in leaves(inputs).items():
        for name, n in zip(axes.get(path, ()), np.shape(leaf), strict=False):
            old.setdefault(name, n)
    for name, n in old.items():
        new = size or n + MORE
        if n > 1 and new != n:
            grown = resized(inputs, wrt, axes, {**old, name: new}, rng, old)
            if sum(int(np.size(leaf)) for leaf in leaves(grown).values()) <= MOST:
                yield grown, {str(name): new}


def entered(
    point: Point, missing: Unreached, larger: Inputs, budget: int, rng: np.random.Generator, loose: Sequence[Path]
) -> Iterator[Region]:
    """Inputs of a larger problem on a side of a comparison that smaller ones do not reach; none if it is not there."""
    search = Search(replace(point, inputs=larger), rng, budget, loose)
    found = search.leap(missing.site, missing.side, missing.which, larger)
    if found is None:
        return
    yield Region(missing.site, missing.side, found)
    search.budget += budget
    for inputs in search.more(missing.site, missing.side, missing.which, larger, found, ()):
        yield Region(missing.site, missing.side, inputs)
