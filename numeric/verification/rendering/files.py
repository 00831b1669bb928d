"""A report as a file: the suffix says in which form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from gradproof.errors import UsageError
from gradproof.files import write_text


class Renderable(Protocol):
    """A report of any kind."""

    def html(self) -> str: ...

    def markdown(self) -> str: ...

    def to_json(self) -> str: ...


WRITERS: Final[Mapping[str, Callable[[Renderable], str]]] = {
    ".html": lambda report: report.html(),
    ".md": lambda report: report.markdown(),
    ".json": lambda report: report.to_json() + "\n",
    ".txt": lambda report: f"{report}\n",
}
"""A row for each kind of file."""


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a path that a report can be written to; UsageError for any other, before the work is done."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        given = f"not as {suffix}" if suffix else "and this name has no suffix"
        raise UsageError(f"{path}: a report is written as {', '.join(WRITERS)}, {given}")
    return suffix


def write(report: Renderable, path: str | os.PathLike[str]) -> Path:
    """Write the whole file or nothing, and return its path."""
    return write_text(path, WRITERS[check_suffix(path)](report))
