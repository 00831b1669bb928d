"""Search for false proofs: random pairs of near-equal expressions, every ``proved`` held against numbers.

``python benchmarks/fuzz_prover.py --pairs 5000 --seed 0`` prints how many pairs were proved, how many of those numbers
tell apart (each with its seed and the pair itself), and how long proving took. It ends with 1 where a proof is false.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

from gradproof.errors import GradproofError
from gradproof.symbolic.prove import prove

TESTS: Final = Path(__file__).resolve().parent.parent / "tests"


def main() -> int:
    """Print the counts, and every false proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--depth", type=int, default=3, help="operations above each other")
    args = parser.parse_args()
    sys.path.insert(0, str(TESTS))
    import near_pairs as near

    proved = refused = false = 0
    spent = slowest = 0.0
    for number in range(args.seed, args.seed + args.pairs):
        pair = near.near_pair(Random(number), args.depth)
        try:
            left, right = pair.arrays
        except (GradproofError, TypeError, ZeroDivisionError):
            refused += 1  # the expression itself is refused: an infinite constant, say
            continue
        start = time.perf_counter()
        verdict = prove(left, right)
        took = time.perf_counter() - start
        spent, slowest = spent + took, max(slowest, took)
        if took > 3:
            print(f"slow: seed {number}, {took:.1f} s: {verdict.reason}\n  {pair.left}\n  {pair.right}", flush=True)
        if not verdict:
            continue
        proved += 1
        apart = near.difference(left, right, "kinks" in verdict.reason, number)
        if apart:
            false += 1
            print(f"FALSE: seed {number}: {apart}\n  {verdict.reason}\n  {pair.left}\n  {pair.right}", flush=True)
    tried = args.pairs - refused
    print(f"{tried} pairs, {proved} proved, {false} of them falsely; {refused} expressions refused")
    print(f"proving took {spent:.1f} s, {1000 * spent / max(tried, 1):.0f} ms a pair, at most {slowest:.1f} s")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
