"""Files are written whole or not at all: beside their place first, then renamed into it.

Someone who interrupts a run, or whose disk fills up, keeps the old file untouched and finds no half of a new one.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from gradproof.errors import UsageError


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write ``text`` as UTF-8 with ``\\n`` line ends to ``path``, atomically, and return the path.

    Raises:
        UsageError: the folder does not exist, or something that is no regular file stands at ``path``.
        OSError: the system refuses (permission, full disk); nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text(Path(folder) / "train.py", "import numpy as np\\n").read_text()
    'import numpy as np\\n'
    """
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` to ``path``, atomically, and return the path; errors as in :func:`write_text`.

    A file that is there already keeps its permissions; a link stays a link, and the file it points to is replaced.
    """
    given = Path(path)
    target = Path(os.path.realpath(given))
    mode = _mode_of_existing(given, target)
    temporary = target.with_name(f".gradproof-{secrets.token_hex(8)}.tmp")
    # os.open rather than tempfile: the file then gets the permissions that the user's umask asks for
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:  # KeyboardInterrupt too
        temporary.unlink(missing_ok=True)
        raise
    return given


def _mode_of_existing(given: Path, target: Path) -> int | None:
    """Return the permissions of the file that will be replaced, None if there is none."""
    if not target.parent.is_dir():
        raise UsageError(f"cannot write {given}: there is no folder {target.parent}; create it first")
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise UsageError(f"cannot write {given}: it is {kind}; name a file")
    if not os.access(target, os.W_OK):  # a rename would get round the protection that its owner chose
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(given))
    return stat.S_IMODE(mode)
