"""The pictures of the lectures page: small, all shown, and drawn anew by the script that stands beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURES = sorted((DOCS / "lectures").glob("*.png"))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_a_small_png_that_the_page_shows(path: Path) -> None:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) < 60_000
    assert f"(lectures/{path.name})" in (DOCS / "lectures.md").read_text(encoding="utf-8")


def test_the_script_draws_every_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib, from the extra tour")
    command = [sys.executable, "-W", "error", str(DOCS / "make_pictures.py"), str(tmp_path)]
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path / "config")}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert finished.returncode == 0, finished.stderr
    drawn = sorted(tmp_path.glob("*.png"))
    assert [path.name for path in drawn] == [path.name for path in PICTURES] and len(drawn) == 5
    assert all(1000 < path.stat().st_size < 60_000 for path in drawn)
