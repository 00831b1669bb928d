"""The demonstration runs from beginning to end, and what it prints is what a reader is told to expect."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "lecture_network.py"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *arguments],
        capture_output=True, text=True, encoding="utf-8", cwd=folder, env=environment, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("lecture")
    return run(str(folder), folder=folder), folder


def test_it_ends_well(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    process, _ = finished
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stderr == ""


def test_the_update_is_certified_as_it_stands_and_proved_for_all_sizes(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    text = finished[0].stdout
    assert re.search(r"^ +syn0 +3×4 +(certified|proved)$", text, re.MULTILINE)
    assert re.search(r"^ +syn1 +4×1 +(certified|proved)$", text, re.MULTILINE)
    assert len(re.findall(r"increment of syn\d = .*: +proved", text)) == 2


def test_script_and_program_have_the_same_falling_error(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    rows = re.findall(r"^ +([\d,]+) +(0\.\d{12}) +(0\.\d{12})$", finished[0].stdout, re.MULTILINE)
    assert [step for step, _, _ in rows] == ["0", *(f"{k}0,000" for k in range(1, 7))]
    script, program = ([float(row[column]) for row in rows] for column in (1, 2))
    assert script == pytest.approx(program, abs=1e-6)
    assert script == sorted(script, reverse=True)
    assert script[0] == pytest.approx(0.499026, abs=1e-6) and script[-1] == pytest.approx(0.003629, abs=1e-6)


def test_the_program_stays_and_needs_numpy_alone(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = finished
    code = "import sys, train_lecture; print('gradproof' in sys.modules, 'sympy' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)
    assert loaded.stdout.split() == ["False", "False"], loaded.stderr


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    process = run("missing", folder=tmp_path)
    assert process.returncode != 0
    assert process.stderr == "error: there is no folder missing; create it first\n"
