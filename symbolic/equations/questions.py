"""What a run on symbolic arrays asks when it needs to know more: are two sizes equal, what number is one, which branch.

Without a respondent such a question is an error, as it always was. Whoever traces a function at given concrete arrays
(:mod:`~gradproof.symbolic.tracing.general`) answers them, and notes what was asked and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


class Respondent(Protocol):
    """Who answers. ``number`` and ``truth`` may abandon the run by raising :class:`Restart`."""

    def same(self, left: Any, right: Any) -> bool:
        """Two sizes have to be equal here: whether they are."""

    def broadcast(self, left: Any, right: Any) -> bool:
        """Two sizes meet in a broadcast here: whether they are equal (where one must be 1, the run is abandoned)."""

    def number(self, size: Any) -> int:
        """A size has to be a number here."""

    def at_most(self, left: Any, right: Any) -> None:
        """A part of ``left`` elements is taken of ``right``: NumPy would cut it where it is longer."""

    def quotient(self, size: Any, divisor: Any) -> Any:
        """A size is divided into equal parts: the size of a part."""

    def truth(self, array: Any) -> bool:
        """A branch depends on this scalar array: which one to take."""


class Restart(BaseException):
    """The run is abandoned and begins again, with what was learned. No user's ``except Exception`` holds it up."""


class TooLong(Restart):
    """A loop that would be written out is longer than it was to be."""


_respondent: ContextVar[Respondent | None] = ContextVar("respondent", default=None)


def respondent() -> Respondent | None:
    """Who answers at present, if anybody does."""
    return _respondent.get()


@contextmanager
def answered_by(who: Respondent) -> Iterator[None]:
    """Let ``who`` answer the questions of the block."""
    token = _respondent.set(who)
    try:
        yield
    finally:
        _respondent.reset(token)
