"""``gradproof generate``: a program from a TOML file, and mistakes in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradproof.cli.main import main

NETWORK = """
inputs = 4
loss = "cross_entropy"
layers = [{ units = 5, activation = "relu" }, { units = 3, activation = "softmax" }]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.toml").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_program_is_written_and_its_verdict_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--optimizer", "momentum", "--dtype", "float32", "--epochs", "7", "--learning-rate", "0.5"]
    options += ["--batch-size", "4"]
    assert main(["generate", "net.toml", "-o", "fit.py", *options]) == 0
    assert capsys.readouterr().out.startswith("fit.py written: certified")
    text = (folder / "fit.py").read_text()
    assert "EPOCHS, BATCH_SIZE, LEARNING_RATE = 7, 4, 0.5" in text
    assert "DTYPE = np.float32" in text and "MOMENTUM" in text and "python fit.py" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.toml"], "none.toml"),
        (["net.toml", "--optimizer", "adamm"], "no optimizer is called 'adamm' (did you mean 'adam'?)"),
        (["net.toml", "--compiled"], "compiled"),
        (["net.toml", "-o", "nowhere/train.py"], "there is no folder"),
        (["net.toml", "--epochs", "none"], "--epochs"),
    ],
)
def test_a_mistake_ends_in_one_line_and_leaves_no_file(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["generate", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["net.toml"]
