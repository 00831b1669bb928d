"""Files are whole or absent, whatever goes wrong on the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gradproof.errors import UsageError
from gradproof.files import write_bytes, write_text


def test_text_is_utf_8_with_unix_line_ends(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.tex", "δ²\nσ′\n")
    assert path.read_bytes() == "δ²\nσ′\n".encode()


def test_bytes_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "loss.png"
    path.write_bytes(b"old and longer")
    assert write_bytes(path, b"new") == path
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["loss.png"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("bug")])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, existing: bool
) -> None:
    path = tmp_path / "train.py"
    if existing:
        path.write_text("old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write_text(path, "new")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == (["train.py"] if existing else [])
    assert not existing or path.read_text() == "old"


def test_a_text_that_cannot_be_encoded_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "\ud800")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*out/train\.py: there is no folder .*out; create it first"):
        write_text(tmp_path / "out" / "train.py", "")


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a folder; name a file"):
        write_text(tmp_path, "")


@pytest.mark.skipif(os.name != "posix", reason="devices are files on POSIX systems only")
def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        write_text(os.devnull, "")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_a_new_file_has_the_permissions_of_any_new_file_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    path = write_text(tmp_path / "a", "")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    path.chmod(0o750)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o750


def test_a_protected_file_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # what the system says to all but the superuser
    with pytest.raises(PermissionError):
        write_text(path, "new")
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
