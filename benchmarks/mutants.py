"""Measure verification on planted errors: how many are refuted, how many named, and no false alarm on right code.

Every mutant and every right form of ``tests/verification/zoo`` goes through ``gradproof.verify`` at normal, wide and
kink inputs. ``--against`` runs the checkers that people use today on the same code (see ``checkers.py``).

    python benchmarks/mutants.py                              # everything; some minutes
    python benchmarks/mutants.py --models rnn conv --list     # the outcomes that fall short, one a line
    python benchmarks/mutants.py --sample 300                 # drawn at random from all plants and inputs
    python benchmarks/mutants.py --against --inputs normal

A mutant counts as planted at wide and kink inputs only where its gradient differs from the right one there or after a
random move of the parameters: zeros in the data can make an error vanish. Regional mutants always count.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import gradproof as gp

ZOO = Path(__file__).resolve().parent.parent / "tests" / "verification" / "zoo"
_spec = importlib.util.spec_from_file_location(
    "gradient_zoo", ZOO / "__init__.py", submodule_search_locations=[str(ZOO)]
)
assert _spec is not None and _spec.loader is not None
sys.modules["gradient_zoo"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["gradient_zoo"])

from gradient_zoo import MODELS, planting  # noqa: E402
from gradient_zoo.planting import INPUTS, Code, Plant  # noqa: E402

UNTOLD = re.compile(r"^$|entr(y|ies) (looked at )?differ|directional derivative differs")
"""Diagnoses that name no cause."""


@dataclass(frozen=True)
class Row:
    """The outcome of one verification."""

    plant: str
    model: str
    kind: str
    inputs: str
    verdict: str
    seconds: float
    diagnosed: bool = False
    line: bool = False
    text: str = ""


def plants(models: list[str], kinds: list[str]) -> Iterator[Plant]:
    for name in models:
        for plant in (*planting.right(name), *planting.mutants(name)):
            if not kinds or plant.kind in kinds:
                yield plant


def moved(inputs: dict[str, Any], names: list[str] | None, rng: np.random.Generator) -> dict[str, Any]:
    """The inputs with every floating-point leaf below the named ones moved by a normal step."""

    def move(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: move(part) for key, part in value.items()}
        if isinstance(value, list):
            return [move(part) for part in value]
        return value + rng.normal(size=np.shape(value)) if np.asarray(value).dtype.kind == "f" else value

    return {key: move(value) if names is None or key in names else value for key, value in inputs.items()}


def flat(result: Any) -> list[np.ndarray[Any, Any]]:
    """Every array of a gradient in one list."""
    if isinstance(result, dict):
        return [part for key in sorted(result) for part in flat(result[key])]
    if isinstance(result, (list, tuple)):
        return [array for part in result for array in flat(part)]
    return [np.asarray(result, dtype=float)]


def visible(code: Code, right: Code, inputs: dict[str, Any], names: list[str] | None) -> bool:
    """Whether the mutant's gradient differs from the right one at the inputs, or at moved parameters."""
    rng = np.random.default_rng(1)
    for at in (inputs, moved(inputs, names, rng), moved(inputs, names, rng)):
        results = [flat(c.grad(**copy.deepcopy(at))) for c in (code, right)]
        for one, two in zip(*results, strict=True):
            if one.shape != two.shape or not np.array_equal(one, two, equal_nan=True):
                return True
    return False


def check(plant: Plant, code: Code, inputs: str, data: dict[str, Any], **options: Any) -> Row:
    """Verify one piece of code at one kind of inputs, with further options of ``verify``."""
    started = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrt = planting.model(plant.model).WRT
            report = gp.verify(code.loss, code.grad, copy.deepcopy(data), wrt, **options)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Row(plant.name, plant.model, plant.kind, inputs, "error", time.process_time() - started, text=text)
    seconds = time.process_time() - started
    wrong = [f for f in report.findings if f.verdict.name == "refuted"]
    causes = [f.cause or f.diagnosis for f in wrong]
    diagnosed = bool(wrong) and not any(UNTOLD.search(cause) for cause in causes)
    if plant.kind != "one coordinate" and any("only the entry" in cause for cause in causes):
        diagnosed = False
    named = {int(n) for f in wrong for n in re.findall(r"(?:^|:)(\d+)\b", f.line or "")}
    first, last = code.lines
    line = any(first <= n <= last for n in named)
    text = " | ".join(f"{f.name}: {f.verdict.name}: {f.diagnosis or f.verdict.reason}" for f in report.findings)
    return Row(plant.name, plant.model, plant.kind, inputs, report.verdict.name, seconds, diagnosed, line, text)


def run(cases: list[tuple[Plant, str]], **options: Any) -> Iterator[Row]:
    """A row for every plant at its kind of inputs."""
    with tempfile.TemporaryDirectory() as folder:
        for plant, kind in cases:
            code = planting.plant(plant, Path(folder))
            data = planting.inputs_of(plant.model, kind)
            if plant.old and plant.kind != "harmless" and plant.reach is None:
                right = planting.plant(Plant(plant.model, plant.form), Path(folder))
                with np.errstate(all="ignore"):
                    if not visible(code, right, data, planting.model(plant.model).WRT):
                        yield Row(plant.name, plant.model, plant.kind, kind, "invisible", 0.0)
                        continue
            yield check(plant, code, kind, data, **options)


def is_right(row: Row) -> bool:
    return row.kind in ("right", "harmless")


def falls_short(row: Row) -> bool:
    """Whether an outcome is not the wished one."""
    if row.verdict == "invisible":
        return False
    return row.verdict not in ("certified", "proved") if is_right(row) else row.verdict != "refuted"


def table(rows: list[Row]) -> str:
    """The outcomes of the mutants by kind, and those of right code by inputs."""
    mutants = [row for row in rows if not is_right(row) and row.verdict != "invisible"]
    heads = ("planted", "refuted", "guarded", "missed", "unknown", "error", "cause", "line", "seconds")
    lines = [f"{'kind of error':<16}" + "".join(f"{head:>9}" for head in heads)]

    def counts(name: str, chosen: list[Row]) -> str:
        verdicts = Counter(row.verdict for row in chosen)
        figures = [
            len(chosen), verdicts["refuted"], verdicts["guarded"], verdicts["certified"] + verdicts["proved"],
            verdicts["unknown"] + verdicts["agrees"], verdicts["error"], sum(row.diagnosed for row in chosen),
            sum(row.line for row in chosen),
        ]  # fmt: skip
        return f"{name:<16}" + "".join(f"{n:>9}" for n in figures) + f"{sum(r.seconds for r in chosen):>9.1f}"

    lines += [counts(kind, [r for r in mutants if r.kind == kind]) for kind in sorted({r.kind for r in mutants})]
    for kind in INPUTS:
        chosen = [r for r in mutants if r.inputs == kind]
        if chosen:
            lines.append(counts(f"all, {kind}", chosen))
    lines += [counts("all", mutants), ""]
    names = ("proved", "certified", "guarded", "agrees", "unknown", "refuted", "error")
    lines.append(f"{'right code':<16}{'checked':>9}" + "".join(f"{name:>10}" for name in names) + f"{'seconds':>9}")
    for kind in INPUTS:
        chosen = [row for row in rows if is_right(row) and row.inputs == kind]
        if chosen:
            verdicts = Counter(row.verdict for row in chosen)
            figures = "".join(f"{verdicts[name]:>10}" for name in names)
            lines.append(f"{kind:<16}{len(chosen):>9}{figures}{sum(r.seconds for r in chosen):>9.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument(
        "--kinds", nargs="+", default=[], help="kinds of edits, as in the table; right and harmless too"
    )
    parser.add_argument("--inputs", nargs="+", default=list(INPUTS), choices=INPUTS)
    parser.add_argument("--list", action="store_true", help="print every outcome that falls short")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    parser.add_argument("--every", type=int, default=1, help="take every n-th plant only")
    parser.add_argument("--sample", type=int, help="draw so many cases (a plant at one kind of inputs) at random")
    parser.add_argument("--draw", type=int, default=0, help="the seed of that draw")
    parser.add_argument("--no-proofs", action="store_true", help="balls alone: faster, and what is right is certified")
    parser.add_argument("--budget", type=float, help="seconds for the search of a mend, for each refutation")
    parser.add_argument("--seed", type=int, default=0, help="of the verifications: right code has to pass with any")
    parser.add_argument("--against", action="store_true", help="run the checkers that people use today instead")
    options = parser.parse_args()
    if options.against:
        from checkers import compare

        print(compare(list(plants(options.models, options.kinds))[:: options.every], options.inputs))
        return
    cases = list(product(list(plants(options.models, options.kinds))[:: options.every], options.inputs))
    if options.sample is not None:
        cases = random.Random(options.draw).sample(cases, min(options.sample, len(cases)))
    rows = []
    given: dict[str, Any] = {"prove": not options.no_proofs, "seed": options.seed}
    if options.budget is not None:
        given["budget"] = options.budget
    for row in run(cases, **given):
        rows.append(row)
        if options.json:  # each at once: what was measured until a run is stopped is kept
            options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
        if options.list and falls_short(row):
            print(f"{row.inputs:<7} {row.plant}\n        {row.verdict}: {row.text}", flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
