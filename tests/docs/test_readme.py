"""Every Python example of the documents runs, in the order in which a reader meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


WITH_EXAMPLES = [path for path in DOCUMENTS if BLOCK.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=_name)
def test_the_examples_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = path.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "example"}
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(1))
        code = compile("\n" * line + match.group(1), str(path), "exec")  # so that tracebacks show the document's lines
        exec(code, namespace)
    assert "Traceback" not in capsys.readouterr().out


def test_the_readme_and_the_first_page_have_examples() -> None:
    assert {"README.md", "docs/index.md", "docs/verify.md"} <= {_name(path) for path in WITH_EXAMPLES}


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_links_inside_the_project_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{_name(path)} points to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_fence_is_closed_and_names_its_language(path: Path) -> None:
    fences = re.findall(r"^```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert all(fences[0::2]) and not any(fences[1::2])


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\w[\w-]*$", re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)[0], re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "docs").glob("*.md") if path.stem != "index")
