"""The frame of the command line: one line for a user's mistake, a traceback for ours, exit codes that differ."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import gradproof
from gradproof.cli import main
from gradproof.cli.main import BROKEN_PIPE, COMMANDS, INTERNAL, INTERRUPTED, Command

FAKE = """
import argparse, errno, os, sys, time
from gradproof.errors import ShapeError, UsageError
NAME = "fake"
HELP = "do what the test asks"

def configure(parser):
    parser.add_argument("what")
    parser.add_argument("--number", type=int, default=0)

def run(args):
    if args.what == "number":
        return args.number
    if args.what == "usage":
        raise UsageError("the key 'layrs' is wrong;\\nthe keys are layers, loss")
    if args.what == "shape":
        raise ShapeError("X is 3×2 and W is 5×4")
    if args.what == "interrupt":
        raise KeyboardInterrupt
    if args.what == "missing":
        open("/no/such/folder/file")
    if args.what == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if args.what == "socket":
        raise ConnectionResetError("not about a file")
    if args.what == "bug":
        return {}["no such key"]
    if args.what == "delta":
        print("δ² ∘ σ′")
    if args.what == "pipe":
        for _ in range(100_000):
            print("a line")
    if args.what == "wait":
        print("ready", flush=True)
        time.sleep(60)
    return 0
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Command]:
    (tmp_path / "fake_command.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fake_command", raising=False)
    return {
        "fake": Command("fake_command", "do what the test asks"),
        "absent": Command("no_such_module_anywhere", "is never imported"),
    }


def _start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    program = (
        "import sys; from gradproof.cli.main import Command, main;"
        "sys.exit(main(commands={'fake': Command('fake_command', 'do what the test asks')}))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
    )


def _error_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_exit_code_is_the_one_that_the_command_returns(fake: dict[str, Command], code: int) -> None:
    assert main(["fake", "number", "--number", str(code)], commands=fake) == code


def test_a_usage_error_is_one_line_and_code_2(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fake", "usage"], commands=fake) == 2
    assert _error_line(capsys) == "gradproof: error: the key 'layrs' is wrong; the keys are layers, loss"


def test_every_error_of_gradproof_is_one_line(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fake", "shape"], commands=fake) == 2
    assert _error_line(capsys) == "gradproof: error: X is 3×2 and W is 5×4"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fake"], "the following arguments are required: what; see 'gradproof fake --help'"),
        (["fake", "number", "--number", "x"], "argument --number: invalid int value: 'x'; see 'gradproof fake --help'"),
        (["fake", "number", "--no", "1"], "unrecognized arguments: --no 1; see 'gradproof fake --help'"),
        (["fake", "number", "more"], "unrecognized arguments: more; see 'gradproof fake --help'"),
        (["--bogus"], "unrecognized arguments: --bogus; see 'gradproof --help'"),
        (["fak"], "there is no command 'fak'; the commands are fake, absent"),
        ([], "no command was given; the commands are fake, absent; see 'gradproof --help'"),
    ],
)
def test_a_wrong_argument_is_one_line_that_names_it(
    fake: dict[str, Command], capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(arguments, commands=fake) == 2
    assert _error_line(capsys) == f"gradproof: error: {expected}"


def test_a_missing_file_is_one_line_and_code_2(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fake", "missing"], commands=fake) == 2
    assert _error_line(capsys) == "gradproof: error: /no/such/folder/file: No such file or directory"


def test_a_full_disk_is_one_line_and_code_2(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fake", "full"], commands=fake) == 2
    assert _error_line(capsys) == "gradproof: error: No space left on device"


@pytest.mark.parametrize(("what", "name"), [("bug", "KeyError"), ("socket", "ConnectionResetError")])
def test_a_bug_shows_its_traceback_and_is_not_mistaken_for_a_verdict(
    fake: dict[str, Command], capsys: pytest.CaptureFixture[str], what: str, name: str
) -> None:
    assert main(["fake", what], commands=fake) == INTERNAL
    assert INTERNAL not in (0, 1, 2, 3)
    error = capsys.readouterr().err
    assert error.startswith("Traceback (most recent call last):")
    assert name in error


def test_an_interrupt_is_one_line_and_code_130(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fake", "interrupt"], commands=fake) == INTERRUPTED == 130
    assert _error_line(capsys) == "gradproof: interrupted"


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process, which Windows does not have")
def test_a_real_sigint_is_one_line_and_code_130(fake: dict[str, Command], tmp_path: Path) -> None:
    process = _start(tmp_path, "fake", "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, "gradproof: interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes break differently on Windows")
def test_a_reader_that_goes_away_is_not_complained_about(fake: dict[str, Command], tmp_path: Path) -> None:
    process = _start(tmp_path, "fake", "pipe")
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "a line\n"
    process.stdout.close()
    assert process.wait(timeout=30) == BROKEN_PIPE
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_terminal_without_unicode_gets_escapes_and_no_traceback(fake: dict[str, Command], tmp_path: Path) -> None:
    process = _start(tmp_path, "fake", "delta", PYTHONIOENCODING="ascii")
    output, error = process.communicate(timeout=30)
    assert (process.returncode, output, error) == (0, "\\u03b4\\xb2 \\u2218 \\u03c3\\u2032\n", "")


def test_only_the_chosen_command_is_imported(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"], commands=fake) == 0
    assert "fake_command" not in sys.modules
    listing = capsys.readouterr().out
    for name, command in fake.items():
        assert re.search(rf"^ +{name} +{command.help}$", listing, re.MULTILINE)


def test_help_of_a_command_shows_its_options(fake: dict[str, Command], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fake", "--help"], commands=fake) == 0
    assert "--number NUMBER" in capsys.readouterr().out


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gradproof {gradproof.__version__}\n"


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listing = capsys.readouterr().out
    for part in ("0 proved or certified", "1 refuted", "2 wrong usage", "3 not decided"):
        assert part in listing


def test_python_m_gradproof_is_the_same_program() -> None:
    result = subprocess.run([sys.executable, "-m", "gradproof", "nothing"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        "gradproof: error: there is no command 'nothing'; the commands are derive, verify, audit, generate, tour\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_module_of_the_command_says(name: str) -> None:
    assert find_spec(COMMANDS[name].module) is not None
    module = import_module(COMMANDS[name].module)
    assert (module.NAME, module.HELP) == (name, COMMANDS[name].help)
    assert callable(module.configure) and callable(module.run)
