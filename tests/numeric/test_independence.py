"""The independent numbers are independent: none of these modules loads anything symbolic, or an optional package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gradproof.numeric

MODULES = [
    "reference.activations", "reference.common", "reference.differences", "reference.initialise", "reference.lecture",
    "reference.losses", "reference.network", "reference.optimisers",
    "reference.layers.attention", "reference.layers.basic", "reference.layers.losses", "reference.layers.norms",
    "reference.layers.transformer", "reference.layers.windows",
    "training.data", "training.scaling", "training.search", "training.train",
]  # fmt: skip


def run(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)


def test_the_reference_modules_load_numpy_alone() -> None:
    lines = [f"import gradproof.numeric.{name}" for name in MODULES]
    lines += ["import sys", "print(*sorted({name.split('.')[0] for name in sys.modules}))"]
    finished = run("\n".join(lines))
    assert finished.returncode == 0, finished.stderr
    loaded = set(finished.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"sympy", "flint", "jinja2", "sklearn", "scipy", "matplotlib", "autograd"}
    symbolic = run("\n".join([*lines[:-2], "import sys", "print('gradproof.symbolic' in sys.modules)"]))
    assert symbolic.stdout.strip() == "False"


def test_the_folder_refuses_to_be_a_second_copy_of_itself() -> None:
    root = Path(gradproof.numeric.__file__).resolve().parent.parent
    if root.name == "gradproof":
        pytest.skip("installed from a wheel: there is no top-level folder to import by mistake")
    finished = run("import numeric", root)
    assert finished.returncode == 1
    assert "import this folder as gradproof.numeric" in finished.stderr
