"""The page of derivatives from the literature is what the engine gives now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from beside import module

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"


SCRIPT = module(__file__, "../../docs/make_corpus.py")
WRITTEN = {part.split("\n")[0]: part for part in PAGE.read_text().split("\n## ")[1:]}


@pytest.mark.parametrize("case", SCRIPT.cases(), ids=[c["id"] for c in SCRIPT.cases()])
def test_a_section_of_the_page_is_what_comes_out_and_is_proved(case: dict[str, Any]) -> None:
    made = SCRIPT.section(case)
    assert WRITTEN[case["id"]].strip() == made.removeprefix("## ").strip()
    assert made.endswith("Verdict: proved.")


def test_the_page_has_every_case_once() -> None:
    assert list(WRITTEN) == [c["id"] for c in SCRIPT.cases()]
    assert PAGE.read_text().startswith(SCRIPT.INTRODUCTION.rstrip())
