"""Measure how faults are named in the user's source: is the planted line named, and is its mend the right code?

Every planted error of ``tests/verification/zoo`` is verified at normal inputs. Counted are the errors for which a line
is named, those where it is the planted one, and those where the mended text, put into the file, computes the right
gradient at fresh inputs in plain float64 (an oracle that knows nothing of the search).

    python benchmarks/mends.py                          # everything; some minutes
    python benchmarks/mends.py --models rnn mlp --list  # each error with what was said of it
    python benchmarks/mends.py --sample 40              # a random sample
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib.util
import io
import re
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gradproof as gp

ZOO = Path(__file__).resolve().parent.parent / "tests" / "verification" / "zoo"


def _zoo(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location(
        "gradient_zoo", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gradient_zoo"] = module
    spec.loader.exec_module(module)
    import gradient_zoo.planting as planting

    return module, planting


@dataclass(frozen=True)
class Row:
    """What was said of one planted error."""

    plant: str
    kind: str
    verdict: str
    named: bool
    line: bool
    mended: bool
    seconds: float
    said: str


def flat(result: Any) -> list[Any]:
    """Every array of a gradient in one list."""
    if isinstance(result, dict):
        return [part for key in sorted(result) for part in flat(result[key])]
    if isinstance(result, (list, tuple)):
        return [array for part in result for array in flat(part)]
    return [np.asarray(result, dtype=float)]


def same(one: Any, two: Any) -> bool:
    """Whether two gradients agree to float64 rounding."""
    a, b = flat(one), flat(two)
    return len(a) == len(b) and all(
        x.shape == y.shape and np.allclose(x, y, rtol=1e-9, atol=1e-11 * max(1.0, float(np.max(np.abs(y), initial=0))))
        for x, y in zip(a, b, strict=True)
    )


def applied(path: Path, mends: set[tuple[str, str]]) -> str | None:
    """The source with the mends in place, or None where their lines are not found as they were said."""
    lines = path.read_text().splitlines()
    for line, mend in mends:
        match = re.fullmatch(r".*?:(\d+): `(.*)`", line, re.DOTALL)
        if match is None:
            return None
        number, old = int(match[1]) - 1, match[2]
        for start in range(number, max(number - 8, -1), -1):  # a statement of several lines starts above
            for end in range(number + 1, min(start + 9, len(lines) + 1)):
                joined = " ".join(" ".join(lines[start:end]).split())
                if old in joined:
                    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
                    lines[start:end] = [indent + joined.replace(old, mend, 1), *[""] * (end - start - 1)]
                    break
            else:
                continue
            break
        else:
            return None
    return "\n".join(lines) + "\n"


def judge(planting: Any, plant: Any, folder: Path, budget: float) -> Row:
    """Verify one planted error, and put what is said of it to the test."""
    code = planting.plant(plant, folder)
    right = planting.plant(planting.Plant(plant.model, plant.form), folder)
    inputs = planting.inputs_of(plant.model, "normal")
    wrt = planting.model(plant.model).WRT
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            report = gp.verify(code.loss, code.grad, copy.deepcopy(inputs), wrt, budget=budget)
        except Exception as error:
            return Row(plant.name, plant.kind, "error", False, False, False, 0.0, f"{type(error).__name__}: {error}")
    seconds = time.perf_counter() - started
    wrong = [f for f in report.findings if f.verdict.name == "refuted"]
    named = bool(wrong) and all(f.line for f in wrong)
    slack = 2 if len(plant.new) < len(plant.old) and "\n" in plant.old else 0  # a line that is gone has neighbours
    numbers = [int(m[1]) for f in wrong if (m := re.match(r".*?:(\d+): `", f.line))]
    on_line = named and all(code.lines[0] - slack <= n <= code.lines[1] + slack for n in numbers)
    mended = named and _is_right(planting, plant, folder / code.file, {(f.line, f.mend) for f in wrong}, right)
    said = " || ".join(dict.fromkeys(f"{f.cause} | {f.line} | {f.mend} | {f.diagnosis}" for f in wrong))
    return Row(plant.name, plant.kind, report.verdict.name, named, on_line, mended, seconds, said)


def _is_right(planting: Any, plant: Any, path: Path, mends: set[tuple[str, str]], right: Any) -> bool:
    text = applied(path, mends)
    if text is None:
        return False
    copy_of = path.with_name(f"mended_{path.name}")
    copy_of.write_text(text)
    try:
        grad = getattr(planting.load(copy_of, copy_of.stem), plant.form)
    except (SyntaxError, NameError):
        return False
    rng = np.random.default_rng(3)
    for seed in (1, 2):
        inputs = planting.inputs_of(plant.model, "normal", seed)
        for data in (inputs, *([plant.reach(copy.deepcopy(inputs), rng)] if plant.reach else [])):
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                if not same(grad(**copy.deepcopy(data)), right.grad(**copy.deepcopy(data))):
                    return False
    return True


def table(rows: list[Row]) -> str:
    """Counts by kind."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.kind].append(row)
    lines = [f"{'kind':<18}{'errors':>8}{'refuted':>9}{'line named':>12}{'planted line':>14}{'mend right':>12}"]
    for kind, members in [*sorted(groups.items()), ("all", rows)]:
        counts = [sum(getattr(r, name) for r in members) for name in ("named", "line", "mended")]
        refuted = sum(r.verdict == "refuted" for r in members)
        lines.append(f"{kind:<18}{len(members):>8}{refuted:>9}{counts[0]:>12}{counts[1]:>14}{counts[2]:>12}")
    seconds = sorted(r.seconds for r in rows)
    lines.append(f"seconds: median {seconds[len(seconds) // 2]:.2f}, longest {seconds[-1]:.1f}, all {sum(seconds):.0f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--budget", type=float, default=15.0)
    parser.add_argument("--list", action="store_true", help="print each error, as it is judged")
    parser.add_argument("--short", action="store_true", help="print those that fall short")
    parser.add_argument("--zoo", type=Path, default=ZOO)
    options = parser.parse_args()
    zoo, planting = _zoo(options.zoo)
    plants = [p for name in options.models or zoo.MODELS for p in planting.mutants(name)]
    plants = [p for p in plants if not options.kinds or p.kind in options.kinds]
    if options.sample:
        chosen = np.random.default_rng(0).permutation(len(plants))[: options.sample]
        plants = [plants[i] for i in sorted(chosen)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for plant in plants:
            row = judge(planting, plant, Path(folder), options.budget)
            rows.append(row)
            if options.list or (options.short and not (row.line and row.mended)):
                told = zip("nlm", (row.named, row.line, row.mended), strict=True)
                marks = "".join(letter if good else "-" for letter, good in told)
                print(f"{marks} {row.seconds:5.1f}s {row.verdict} {row.plant}\n      {row.said}", flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
