"""How far the proofs reach: every right form of ``tests/verification/zoo``, each parameter's rung, and why not higher.

    python benchmarks/proofs.py                        # a line a parameter that is not proved, and the counts
    python benchmarks/proofs.py --models lstm --all    # the proved ones too, with their reasons

Only the proof is attempted, at normal inputs: ``gradproof.verify`` goes on with numbers where it does not succeed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutants import MODELS, Plant, planting  # puts the zoo in its place

from gradproof.numeric.verification.interfaces import chosen, infer_wrt, label
from gradproof.numeric.verification.proofs.proof import prove_gradients


@dataclass(frozen=True)
class Row:
    """One parameter of one form."""

    form: str
    parameter: str
    rung: str
    reason: str
    seconds: float


def forms(models: list[str]) -> Iterator[Plant]:
    """The right forms as they stand in the zoo, without those edited harmlessly."""
    for name in models:
        yield from (plant for plant in planting.right(name) if not plant.old)


def attempt(plant: Plant, folder: Path) -> list[Row]:
    """The proofs of one form; the seconds are those of the whole form."""
    code = planting.plant(plant, folder)
    inputs = planting.inputs_of(plant.model, "normal")
    wrt = planting.model(plant.model).WRT
    paths = infer_wrt(code.grad(**planting.inputs_of(plant.model, "normal")), inputs) if wrt is None else None
    started = time.perf_counter()
    try:
        proofs, _ = prove_gradients(code.loss, code.grad, inputs, paths or chosen(inputs, wrt))
    except Exception as error:  # a fault of ours is a row like any other
        told = f"{type(error).__name__}: {error}"
        return [Row(plant.name, "all", "error", told, time.perf_counter() - started)]
    spent = time.perf_counter() - started
    return [Row(plant.name, label(p), f.verdict.name, f.verdict.reason, spent) for p, f in proofs.items()]


def kind(reason: str) -> str:
    """The cause without its figures, to be counted."""
    return re.sub(r"\d+", "#", reason)[:90]


def main() -> int:
    """Print the rows, and the counts of rungs and causes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--all", action="store_true", help="list what is proved too")
    options = parser.parse_args()
    rows: list[Row] = []
    spent = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for plant in forms(options.models):
            found = attempt(plant, Path(folder))
            spent += found[0].seconds
            rows += found
            shown = [row for row in found if options.all or row.rung != "proved"]
            lines = dict.fromkeys((row.rung, row.reason) for row in shown)
            print(f"{plant.name:<34} {found[0].seconds:6.2f} s  {dict(Counter(row.rung for row in found))}", flush=True)
            for rung, reason in lines:
                names = ", ".join(row.parameter for row in shown if (row.rung, row.reason) == (rung, reason))
                print(f"    {names}: {rung}: {reason}", flush=True)
    print(f"\n{len(rows)} parameters: {dict(Counter(row.rung for row in rows))}, {spent:.1f} s")
    for cause, count in Counter(kind(row.reason) for row in rows if row.rung != "proved").most_common():
        print(f"{count:5d}  {cause}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
