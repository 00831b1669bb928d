"""The tour does what it promises: proofs, a program that runs by itself, and a page that opens offline."""

from __future__ import annotations

import html.parser
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradproof.cli import main
from gradproof.tour import steps
from gradproof.verdicts import Verdict

FILES = ("derivation.tex", "derivation.html", "train.py", "report.json", "loss.png", "index.html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tour")
    assert main(["tour", "--output", str(path)]) == 0
    return path


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_written_and_nothing_half_written_is_left(folder: Path, name: str) -> None:
    assert (folder / name).stat().st_size > 1000
    assert not [p.name for p in folder.iterdir() if p.name not in FILES and p.name != "__pycache__"]


def test_the_report_has_proofs_balls_differences_and_the_accuracy(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    kinds = report["verdicts"]
    assert [v.split(":")[0] for v in kinds["proof against the hand-written network"].values()] == ["proved"] * 4
    assert [v.split(":")[0] for v in kinds["ball arithmetic"].values()] == ["certified"] * 4
    assert report["figures"]["finite differences: largest relative error along random directions"] < 1e-6
    assert report["figures"]["test accuracy"] >= 0.96


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [v for k, v in attrs if k in ("href", "src") and v]


@pytest.mark.parametrize("page", ["index.html", "derivation.html"])
def test_pages_open_offline_with_their_formulas(folder: Path, page: str) -> None:
    parser = _Links()
    parser.feed((folder / page).read_text(encoding="utf-8"))
    assert "math" in parser.tags
    assert "script" not in parser.tags
    for link in parser.links:
        if not link.startswith("#"):
            assert (folder / link).exists(), link


def test_the_program_runs_by_itself_with_numpy_alone(folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 12)
    pixels = rng.normal(size=(120, 64)) + labels[:, None]
    lines = [",".join([*(f"p{k}" for k in range(64)), "digit"])]
    lines += [",".join([*(f"{v:.4f}" for v in row), str(label)]) for row, label in zip(pixels, labels, strict=True)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    blocker = tmp_path / "only_numpy.py"
    blocker.write_text(
        "import runpy, sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('gradproof', 'sympy', 'flint', 'jinja2', 'scipy', 'sklearn'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(blocker), str(folder / "train.py"), "--data", str(data), "--target", "digit"]
    result = subprocess.run([*command, "--epochs", "3"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "accuracy" in result.stdout


def test_a_verdict_below_proof_stops_the_tour() -> None:
    with pytest.raises(AssertionError, match="promises proved"):
        steps._require({"W1": Verdict("unknown", "planted")}, {"proved"})


def test_a_wrong_hand_written_gradient_stops_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradproof.numeric.reference import network

    right = network.gradient

    def wrong(*args: object, **kwargs: object) -> object:
        found = right(*args, **kwargs)  # type: ignore[arg-type]
        return found | {"b1": 2 * found["b1"]}

    monkeypatch.setattr(network, "gradient", wrong)
    with pytest.raises(AssertionError, match="'b1': 'refuted"):
        steps.take(steps.Settings(tmp_path / "out", epochs=1), lambda *_: None, lambda *_: None)
    assert not (tmp_path / "out" / "train.py").exists()


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    assert main(["tour", "--output", str(tmp_path / "taken")]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--epochs", "0"], ["--hidden", "x"]])
def test_options_that_make_no_sense_are_one_line(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", *option]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_extras_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "sklearn" else find(name, *a))
    assert main(["tour"]) == 2
    assert "scikit-learn; python -m pip install 'gradproof[tour]'" in capsys.readouterr().err


def test_the_goal_is_held(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"below the 0\.96"):
        steps.take(steps.Settings(tmp_path, hidden=2, epochs=1), lambda *_: None, lambda *_: None)
