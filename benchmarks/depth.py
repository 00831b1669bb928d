"""How derivation and proof grow with depth: equations (exact) and seconds (measured) for networks of 10 to 100 layers.

Run it by itself: ``python benchmarks/depth.py``. Times are wall-clock in one process and depend on the machine; the
ratio to the row above tells the growth.
"""

from __future__ import annotations

import argparse
import time

import gradproof as gp
from gradproof.symbolic.equations.tidy import tidy


def network(depth: int) -> gp.Network:
    """A network of ``depth`` tanh layers of symbolic width n."""
    layers = [gp.Dense("n", "n", "tanh") for _ in range(depth)]
    return gp.Network(layers, loss="mse")


def main() -> None:
    """Print one row a depth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 20, 40, 80, 100])
    parser.add_argument("--prove", action="store_true", help="also prove the hand-written backward pass equal")
    args = parser.parse_args()
    print(f"{'layers':>6} {'equations':>9} {'a layer':>8} {'derive s':>9} {'tidy s':>7} {'prove s':>8} {'ratio':>6}")
    before = None
    for depth in args.depths:
        start = time.perf_counter()
        net = network(depth)
        system = net.system()
        derived = time.perf_counter()
        tidy(system.outputs)
        tidied = time.perf_counter()
        proved = ""
        if args.prove:
            verdicts = net.verify()
            proved = f"{time.perf_counter() - tidied:8.2f}" if all(verdicts.values()) else "  failed"
        spent = derived - start
        ratio = f"{spent / before:6.2f}" if before else ""
        before = spent
        count = len(system)
        times = f"{spent:9.2f} {tidied - derived:7.2f} {proved:>8} {ratio:>6}"
        print(f"{depth:6d} {count:9d} {count / depth:8.2f} {times}")


if __name__ == "__main__":
    main()
