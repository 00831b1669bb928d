"""Rows that a loss never reads: ``zip(X.T, y)`` ends with the shorter of the two, and what is left over means nothing.

At such sizes a right gradient may differ from the loss's derivative, by len(X.T) against len(y), say. So two axes
belong together where one that is longer than the other ends in a slice that the loss does not depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.domains import spread
from gradproof.numeric.verification.interfaces import Path, alike, float_leaves, leaves, replaced
from gradproof.numeric.verification.plain_runs import USER_FAILURE

TRIES: Final = (0.5, 3.0, 3.0)
"""Multiples of an array's spread by which its last slice is moved at random: a hinge or a ReLU may be flat somewhere,
and a norm that takes a mean away does not see a slice that is moved as a whole."""


def has_surplus(
    inputs: Mapping[str, Any], given: Mapping[str, Any], wrt: set[Path], value: Callable[[Mapping[str, Any]], Any]
) -> bool:
    """Whether, along an axis that is not as long as given, the loss leaves out the end of an array, and did not then.

    Rows of a parameter that are looked up by integers among the inputs may well be idle: these are not asked about.
    """
    looked_up = any(np.asarray(leaf).dtype.kind in "iu" and np.ndim(leaf) for leaf in leaves(given).values())
    before, now = float_leaves(given), float_leaves(inputs)
    changed = (
        (path, axis)
        for path, leaf in now.items()
        if not (looked_up and path in wrt)
        for axis, (new, old) in enumerate(zip(np.shape(leaf), np.shape(before[path]), strict=True))
        if new != old and np.size(leaf)
    )
    return any(_is_idle(inputs, *place, value) and not _is_idle(given, *place, value) for place in changed)


def _is_idle(inputs: Mapping[str, Any], path: Path, axis: int, value: Callable[[Mapping[str, Any]], Any]) -> bool:
    """Whether the loss stays as it is wherever the last slice along an axis is moved."""
    try:
        here = value(replaced(inputs, {}))
        return all(repr(value(moved)) == repr(here) for moved in _moved_ends(inputs, path, axis))
    except USER_FAILURE:
        return False


def _moved_ends(inputs: Mapping[str, Any], path: Path, axis: int) -> Iterator[dict[str, Any]]:
    leaf = float_leaves(inputs)[path]
    array, rng = np.asarray(leaf, dtype=np.float64), np.random.default_rng(0)
    for factor in TRIES:
        other = array.copy()
        end = np.moveaxis(other, axis, 0)[-1:]
        end += factor * spread(array) * rng.standard_normal(end.shape)
        yield dict(replaced(inputs, {path: alike(leaf, other)}))
