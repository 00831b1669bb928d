"""What holds whole numbers for certain may be stored among integers; what does not is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import UnsupportedError
from gradproof.symbolic.equations.whole import is_whole

n, k = gp.dims("n k")
x, y, hot = gp.array("x", (n, k)), gp.array("y", (n,), integer=True), gp.array("t", (n, k), one_hot=True)


@pytest.mark.parametrize(
    "a", [np.sum(x > 0, axis=1), 2 * y - y**2, np.sum(hot * (x > 1), axis=0), np.where(x > 0, 1, 3)]
)
def test_counts_labels_and_their_sums_and_products_are_whole(a: Any) -> None:
    assert is_whole(gp.symbolic.arrays.array.as_array(a).definition)


@pytest.mark.parametrize("a", [x, y / 2, np.sum(x, axis=1), hot * 0.5, np.where(x > 0, x, 1)])
def test_others_are_not(a: Any) -> None:
    assert not is_whole(gp.symbolic.arrays.array.as_array(a).definition)


def test_a_store_among_integers_keeps_whole_numbers_alone() -> None:
    def stored(x: Any, value: Any) -> Any:
        d = (x > 0).astype(int)
        d[:, 0] -= value(d)
        return np.sum(d * x)

    shapes = {"x": ("n", "k")}
    assert gp.trace(lambda x: stored(x, lambda d: d.sum(axis=1)), shapes) is not None
    with pytest.raises(UnsupportedError, match="holds integers"):
        gp.trace(lambda x: stored(x, lambda d: d.mean(axis=1)), shapes)
