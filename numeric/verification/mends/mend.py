"""The face: which edit of which line makes a refuted gradient right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradproof.numeric.verification.diagnose import Fault
from gradproof.numeric.verification.interfaces import Path
from gradproof.numeric.verification.mends import text
from gradproof.numeric.verification.mends.search import Found, Search, confirmed, prepare, quietly

BUDGET = 15.0
"""Seconds for one search."""


@dataclass(frozen=True)
class SourceMend:
    """What was wrong and where: the cause's key, words for people, the line as it is and as it passes the check.

    ``side`` is ``"gradient"`` where a line of the gradient was mended, and ``"loss"`` where the gradient is the
    derivative of an edited loss. ``tried`` counts the candidates that were run.
    """

    cause: str
    words: str
    line: str
    mend: str
    side: str
    tried: int = 0


def source_mend(faults: Sequence[Fault], budget: float = BUDGET) -> SourceMend | None:
    """The mend of the first fault, which may be one edit for all of them; None if the budget ends without one."""
    return source_mends(faults, budget).get(faults[0].path)


def source_mends(faults: Sequence[Fault], budget: float = BUDGET) -> dict[Path, SourceMend]:
    """A mend for each refuted parameter for which one was found; one edit that mends several stands for all of them."""
    until = time.monotonic() + budget
    groups: dict[int, list[Fault]] = {}
    for fault in faults:
        groups.setdefault(id(fault.point), []).append(fault)
    result: dict[Path, SourceMend] = {}
    for group in groups.values():
        rng = np.random.default_rng(len(group))
        others = [fault.path for fault in faults if fault not in group]
        with quietly():
            search = prepare(group, others, until, rng)
            if search is None:
                continue
            mended = confirmed(search, group, rng)
        for found in mended:
            for path in found.match.paths:
                result.setdefault(path, _told(search, found))
    return result


def _told(search: Search, found: Found) -> SourceMend:
    context, edit = found.context, found.edit
    old, new = text.before(context, edit), text.after(context, edit)
    where = f"{context.unit.file}:{text.line_of(context, edit)}"
    words = f"{edit.cause}: {where} is right as `{new}`"
    return SourceMend(edit.cause, words, f"{where}: `{old}`", new, "gradient", search.tried)
