"""The page of layers says what comes out now."""

from __future__ import annotations

from pathlib import Path

from beside import module

PAGE = Path(__file__).parents[2] / "docs" / "layers.md"


def test_the_page_is_what_the_script_writes() -> None:
    assert module(__file__, "../../docs/make_layers.py").page() == PAGE.read_text(encoding="utf-8")
