"""Whose code a file is, and which line of the user's is running: for messages, and for what may be looked into."""

from __future__ import annotations

import linecache
import os
import sys
from functools import lru_cache
from types import FrameType
from typing import Final

import numpy as np

MACHINERY: Final = ("balls", "verification", "audit", "adapters")
"""The folders beside this one whose code runs user code; the rest of ``numeric`` may itself be what is checked."""

_PARENTS: Final = {os.path.dirname(os.path.dirname(path(__file__))) for path in (os.path.abspath, os.path.realpath)}
_OURS: Final = tuple(os.path.join(parent, folder) + os.sep for parent in _PARENTS for folder in MACHINERY)
_STANDARD: Final = os.path.dirname(os.__file__) + os.sep
_NUMPY: Final = os.path.dirname(np.__file__) + os.sep


@lru_cache(maxsize=4096)
def is_machinery(file: str) -> bool:
    """Whether a file is part of what runs user code (ours or NumPy's), not user code itself."""
    return file.startswith((*_OURS, _NUMPY, _STANDARD + "contextlib", "<__array_function__"))


@lru_cache(maxsize=4096)
def is_users(file: str) -> bool:
    """Whether code of this file is the user's: not ours, not a library's."""
    return not file.startswith((*_OURS, _NUMPY, _STANDARD, "<frozen", "<__array")) and "site-packages" not in file


def user_frame() -> FrameType | None:
    """The innermost frame of the call stack that is neither ours nor NumPy's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_machinery(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def place(file: str, line: int, function: str) -> str:
    """How a line of the user's code is named.

    >>> place("/home/me/model.py", 12, "loss")
    'model.py:12 (in loss)'
    """
    return f"{os.path.basename(file)}:{line} (in {function})"


def user_line() -> str:
    """``file.py:12 (in loss)``: where :func:`user_frame` stands."""
    frame = user_frame()
    return "unknown line" if frame is None else place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def user_source() -> str:
    """The text of the innermost line of user code."""
    frame = user_frame()
    return "" if frame is None else linecache.getline(frame.f_code.co_filename, frame.f_lineno)
