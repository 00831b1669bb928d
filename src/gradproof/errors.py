"""Errors that a user can cause: one line that says what was wrong, where, and what to do next."""

from __future__ import annotations


class GradproofError(Exception):
    """Base of every error that gradproof raises on purpose.

    The message is one line: what was wrong, where, and what to do next. The command line prints it as it is and ends
    with exit code 2; no traceback is shown for a user's mistake.

    >>> raise GradproofError("two\\nlines")
    Traceback (most recent call last):
    gradproof.errors.GradproofError: two lines
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UsageError(GradproofError, ValueError):
    """An argument, a file or a key is wrong; the valid names are listed where there are some."""


class ShapeError(GradproofError, ValueError):
    """Shapes do not fit; both are named."""


class UnsupportedError(GradproofError, NotImplementedError):
    """The engine cannot do this, and refuses instead of guessing; the reason is stated."""


class CertificationError(GradproofError, AssertionError):
    """Generated code or a derivation did not pass its own check, so nothing was written."""
