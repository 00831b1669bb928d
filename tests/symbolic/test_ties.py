"""Ties of a maximum over several axes: where entries are equal for all inputs, they are counted as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.symbolic.arrays.products import eye

n, m = gp.dims("n m")
z, h, X = gp.array("z", (n,)), gp.array("h", (n,)), gp.array("X", (n, m))
S, L = gp.array("S", (n, n), symmetric=True), gp.array("L", (n, n), triangular="lower")
ONE = 1 + 0 * z[0]


def count(F: Any) -> Any:
    return np.sum(1.0 * (np.max(F) == F))


@pytest.mark.parametrize(
    "F",
    [
        z[:, None] + z[None, :] - 100 * eye(n), z[:, None] + z[None, :] + S, S, L,
        z[:, None] + z[None, :] - 100 * z[:, None] * z[None, :],
        z[:, None] + h[None, :] + z[None, :] + h[:, None] - 50 * eye(n),
    ],
)  # fmt: skip
def test_what_is_symmetric_or_structured_may_tie(F: Any) -> None:
    assert gp.equal(count(F), ONE).name != "proved"


@pytest.mark.parametrize("F", [X, z[:, None] + h[None, :], z[:, None] * h[None, :] ** 3 + X @ X.T * 0])
def test_what_reads_other_entries_everywhere_does_not_tie(F: Any) -> None:
    assert gp.equal(count(F), ONE).name == "proved"


def test_the_gradient_of_a_symmetric_maximum_divides_by_its_ties() -> None:
    F = z[:, None] + z[None, :] - 100 * eye(n)
    undivided = 2 * np.sum(1.0 * (np.max(F) == F), axis=1)
    assert gp.equal(gp.grad(np.max(F), z), undivided).name == "refuted"
