"""A proof is never false: random pairs of near-equal expressions, each proof held against numbers.

``python benchmarks/fuzz_prover.py --pairs 5000`` does the same for longer.
"""

from __future__ import annotations

from random import Random

import near_pairs as near
import numpy as np
import pytest

from gradproof.errors import GradproofError
from gradproof.symbolic.arrays.array import as_array
from gradproof.symbolic.prove import prove

SEEDS = range(240)
GROUPS = 8


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_proof_of_a_random_pair_is_contradicted_by_numbers(group: int) -> None:
    proved = 0
    for seed in SEEDS[group::GROUPS]:
        pair = near.near_pair(Random(seed))
        try:
            left, right = pair.arrays
        except (GradproofError, TypeError, ZeroDivisionError):
            continue  # the expression itself is refused: an infinite constant, say
        verdict = prove(left, right)
        if not verdict:
            continue
        proved += 1
        apart = near.difference(left, right, "kinks" in verdict.reason, seed)
        assert not apart, f"seed {seed}: {apart}; {verdict.reason}\n{pair.left}\n{pair.right}"
    assert proved >= 5, "the pairs are too far apart to try the prover"


TELLING = {
    "a transpose": lambda v: (v["R"].T @ v["x"], v["R"] @ v["x"]),
    "a kink on a whole region": lambda v: (
        1.0 * (np.sum(np.maximum(v["x"], 0)) > 0), 1.0 * (np.sum(np.maximum(v["x"], 0)) >= 0)
    ),
    "one entry alone": lambda v: (1.0 * (v["x"] - np.mean(v["x"]) >= 0), 1.0 * (v["x"] - np.mean(v["x"]) > 0)),
    "an empty sum": lambda v: (1.0 * (np.sum(np.exp(v["x"][1:])) > 0) + 0 * v["x"], 1 + 0 * v["x"]),
    "negative inputs": lambda v: (np.exp(np.log(v["x"])), v["x"]),
    "zero against an integer": lambda v: (v["x"] * (v["c"] >= 0), v["x"] * (v["c"] > 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", TELLING)
def test_the_numbers_tell_apart_what_differs_at_a_few_inputs_only(name: str) -> None:
    leaves = {key: value for table in near.LEAVES.values() for key, value in table.items()}
    left, right = map(as_array, TELLING[name](leaves))
    assert near.difference(left, right, False, 0)
    assert not prove(left, right)
