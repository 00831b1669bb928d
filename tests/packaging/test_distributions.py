"""What is built is what stands in the tree: nothing is forgotten in the wheel, and nothing slips into it."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message
from pathlib import Path

import pytest

import gradproof

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("symbolic", "numeric", "codegen")
BESIDE = ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", ".ci/run")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, relative to it, without following the links that editable installs use."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name in ("__pycache__", "_build"):
            continue
        if path.is_dir():
            yield from (Path(path.name, inner) for inner in _files(path))
        else:
            yield Path(path.name)


def _package() -> set[str]:
    """Return what an installed gradproof consists of, as the tree has it."""
    face = {f"gradproof/{path.as_posix()}" for path in _files(ROOT / "src" / "gradproof")}
    return face | {f"gradproof/{folder}/{path.as_posix()}" for folder in FOLDERS for path in _files(ROOT / folder)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from that sdist, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def sdist(built: Path) -> set[str]:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if not member.isdir()}


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_the_wheel_holds_the_package_as_it_stands_in_the_tree(wheel: zipfile.ZipFile) -> None:
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == _package()


def test_the_package_has_its_parts() -> None:
    package = _package()
    assert {"gradproof/__init__.py", "gradproof/py.typed", "gradproof/cli/main.py", "gradproof/files.py"} <= package
    assert {f"gradproof/{folder}/__init__.py" for folder in FOLDERS} <= package


def test_the_wheel_holds_no_tests_and_nothing_at_the_top_but_gradproof(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in wheel.namelist()} == {
        "gradproof",
        f"gradproof-{gradproof.__version__}.dist-info",
    }
    assert not [name for name in wheel.namelist() if Path(name).name.startswith(("test_", "conftest"))]


def test_the_wheel_installs_the_program_and_the_pytest_plugin(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert {section: dict(points[section]) for section in points.sections()} == {
        "console_scripts": {"gradproof": "gradproof.cli:main"},
        "pytest11": {"gradproof": "gradproof.pytest_plugin"},
    }


def test_the_plugin_of_the_installed_wheel_is_found_without_being_asked_for(built: Path, tmp_path: Path) -> None:
    (path,) = built.glob("*.whl")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, path]
    subprocess.run(command, check=True)
    (tmp_path / "test_user.py").write_text(
        "import pytest, gradproof\n"
        "@pytest.mark.gradient(loss=lambda w: (w * w).sum(), shapes='w:3')\n"
        "def test_right(w):\n    return 2 * w\n"
        "@pytest.mark.gradient(loss=lambda w: (w * w).sum(), shapes='w:3')\n"
        f"def test_wrong(w):\n    assert gradproof.__file__.startswith({str(site)!r})\n    return 3 * w\n"
    )
    run = [sys.executable, "-m", "pytest", "--strict-markers", "-p", "no:cacheprovider", "test_user.py"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    result = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in result.stdout, result.stdout + result.stderr
    assert "refuted: the gradient of w is wrong" in result.stdout


def test_the_sdist_holds_the_sources_the_tests_and_the_documents(sdist: set[str]) -> None:
    tree = {f"src/gradproof/{path.as_posix()}" for path in _files(ROOT / "src" / "gradproof")}
    for folder in (*FOLDERS, "tests", "docs", "examples"):
        tree |= {f"{folder}/{path.as_posix()}" for path in _files(ROOT / folder)}
    assert sdist - {"PKG-INFO", ".gitignore"} == tree | set(BESIDE)


def test_the_metadata_say_what_the_project_is(metadata: Message, wheel: zipfile.ZipFile) -> None:
    assert metadata["Name"] == "gradproof"
    assert metadata["Version"] == gradproof.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == ["docs", "test", "tour"]
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
    assert "python -m pip install" in str(metadata.get_payload())


def test_the_core_needs_four_packages_and_no_more(metadata: Message) -> None:
    core = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert sorted(line.partition(">")[0] for line in core) == ["jinja2", "numpy", "python-flint", "sympy"]
