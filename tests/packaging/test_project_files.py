"""The files beside the code agree with each other: one version, one test command."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

import gradproof

ROOT = Path(__file__).resolve().parents[2]
TEST_COMMAND = "python -m pip install '.[test]' && python -m pytest"
TOUR_COMMAND = "python -m pip install '.[tour]' && gradproof tour"


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_changelog_has_an_entry_for_this_version() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", _text("CHANGELOG.md"), re.MULTILINE)
    assert headings[:2] == ["Unreleased", gradproof.__version__] or headings[0] == gradproof.__version__


def test_the_citation_names_this_version_and_licence() -> None:
    fields = dict(re.findall(r"^([a-z-]+): *(.+)$", _text("CITATION.cff"), re.MULTILINE))
    assert fields["cff-version"] == "1.2.0"
    assert fields["version"].strip('"') == gradproof.__version__
    assert fields["license"] == "Apache-2.0"
    assert {"message", "title", "type"} <= set(fields)
    assert re.search(r"^authors:\n  - name: ", _text("CITATION.cff"), re.MULTILINE)


@pytest.mark.parametrize("command", [TEST_COMMAND, TOUR_COMMAND])
def test_the_readme_gives_both_commands_on_its_first_screen(command: str) -> None:
    assert command in _text("README.md").splitlines()[:50]


def test_ci_runs_the_test_command_of_the_readme_and_does_not_repeat_it() -> None:
    readme = _text("README.md")
    marked = re.findall(r"<!-- test command -->\n```console\n(.+)\n```", readme)
    assert marked == [TEST_COMMAND]
    script = _text(".ci/run")
    assert "<!-- test command -->" in script
    assert "pip install '.[test]'" not in script


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_both_lists_of_files_in_pyproject_name_the_same_face() -> None:
    targets = tomllib.loads(_text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]
    wheel = targets["wheel"]["only-include"]
    assert targets["sdist"]["only-include"][: len(wheel)] == wheel


def test_every_entry_of_the_tree_has_a_plain_name() -> None:
    """A file named ``--help`` is what a script leaves that takes any argument for a target."""
    entries = [path.name for path in ROOT.iterdir() if not path.name.startswith(".")]
    assert [name for name in entries if not re.fullmatch(r"\w[\w.-]*", name)] == []
