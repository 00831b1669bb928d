"""Write a model with one edit as a file of its own and import it, as a user would have it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

HERE = Path(__file__).parent
INPUTS = ("normal", "wide", "kink")


@dataclass(frozen=True)
class Plant:
    """One piece of code to check: a form of a model, and the edit in it (none for a right form)."""

    model: str
    form: str
    kind: str = "right"
    old: str = ""
    new: str = ""
    reach: Callable[[dict[str, Any], np.random.Generator], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        edit = f" {self.old!r} -> {self.new!r}" if self.old else ""
        return f"{self.model}.{self.form} ({self.kind}){edit}"


@dataclass(frozen=True)
class Code:
    """What was imported: the functions, and the first and last line of the edit in the file."""

    loss: Callable[..., Any]
    grad: Callable[..., Any]
    file: str
    lines: tuple[int, int]


def load(path: Path, name: str) -> ModuleType:
    """Import a file under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@cache
def model(name: str) -> ModuleType:
    """The module of a model, with its inputs and its edits."""
    return load(HERE / f"{name}.py", f"zoo_{name}")


@cache
def sections(name: str) -> tuple[tuple[str, str], ...]:
    """(form, text) in the order of the file; the head has the empty name."""
    code = (HERE / f"{name}.py").read_text().partition("\n# inputs\n")[0]
    parts = re.split(r"^# form: (\w+)$", code, flags=re.MULTILINE)
    return (("", parts[0]), *zip(parts[1::2], parts[2::2]))


def forms(name: str) -> list[str]:
    """The names of the right gradients of a model."""
    return [form for form, _ in sections(name) if form]


def text_of(plant: Plant) -> tuple[str, tuple[int, int]]:
    """The source of a plant, and the lines of its edit."""
    pieces, lines = [], (0, 0)
    for form, text in sections(plant.model):
        if form == plant.form and plant.old:
            beside = text.find(f"def loss_{form}(")  # the loss of a form is not what is planted
            at = text.find(plant.old, text.find(f"def {form}(") if beside >= 0 else 0)
            if at < 0:
                raise ValueError(f"{plant.name}: the old text is not in the form")
            first = "".join(pieces).count("\n") + text[:at].count("\n") + 1
            lines = (first, first + max(plant.new.rstrip("\n").count("\n"), 0))
            text = text[:at] + plant.new + text[at + len(plant.old) :]
        pieces.append(text)
    return "".join(pieces), lines


_count = 0


def plant(what: Plant, folder: Path) -> Code:
    """Write the code into a folder and import it."""
    global _count
    _count += 1
    text, lines = text_of(what)
    path = folder / f"{what.model}_{what.form}_{_count}.py"
    path.write_text(text)
    module = load(path, path.stem)
    loss = getattr(module, f"loss_{what.form}", module.loss)
    return Code(loss, getattr(module, what.form), path.name, lines)


def inputs_of(name: str, kind: str, seed: int = 0) -> dict[str, Any]:
    """The inputs of a model; ``kind`` is normal, wide or kink."""
    return dict(getattr(model(name), kind)(np.random.default_rng(seed)))


def right(name: str) -> Iterator[Plant]:
    """Every form of a model as it is, and with each harmless edit."""
    for form in forms(name):
        yield Plant(name, form)
    for form, old, new in model(name).HARMLESS:
        yield Plant(name, form, "harmless", old, new)


def mutants(name: str) -> Iterator[Plant]:
    """Every mutant of a model."""
    for form, kind, old, new, *reach in model(name).MUTANTS:
        yield Plant(name, form, kind, old, new, reach[0] if reach else None)
