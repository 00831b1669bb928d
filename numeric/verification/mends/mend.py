"""The face: which edit of which line makes a refuted gradient right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gradproof.numeric.verification.causes import CAUSES
from gradproof.numeric.verification.diagnose import Fault
from gradproof.numeric.verification.domains import moved
from gradproof.numeric.verification.interfaces import Path
from gradproof.numeric.verification.mends import text
from gradproof.numeric.verification.mends.losses import Confession, confess
from gradproof.numeric.verification.mends.scout import Stage
from gradproof.numeric.verification.mends.search import Found, Search, confirmed, prepare, quietly

BUDGET = 15.0
"""Seconds of processor time for one search: what is found does not depend on what else the machine does."""


LOST: Final = ("path", "bias")
"""Causes of which the loss side may say more: which path is lost."""


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
    return source_mends(faults, budget=budget).get(faults[0].path)


def source_mends(
    faults: Sequence[Fault],
    stages: Sequence[Stage] = (),
    budget: float = BUDGET,
    holds: Callable[[Sequence[Path]], bool] | None = None,
    seed: int = 0,
) -> dict[Path, SourceMend]:
    """A mend for each refuted parameter for which one was found; one edit that mends several stands for all of them.

    The faults share a point. A mend is certified there and at every further stage; without any, at moved parameters.
    ``holds`` is asked last, while the edit is in place: whether the gradient of some parameters is right elsewhere.
    """
    point = faults[0].point
    wrong = [fault.path for fault in faults]
    if not stages:
        right = tuple(path for path in point.wrt if path not in wrong)
        stages = with_moved(Stage(point, right, {fault.path: fault for fault in faults}), seed)
    return mends_of(wrong, stages, budget, holds, seed)


def with_moved(stage: Stage, seed: int = 0) -> list[Stage]:
    """The stage, and one at moved parameters."""
    point = stage.point
    inputs = moved(point.inputs, point.wrt, np.random.default_rng(seed), 0.5)
    return [stage, Stage(replace(point, inputs=inputs), stage.right)]


def mends_of(
    wrong: Sequence[Path],
    stages: Sequence[Stage],
    budget: float = BUDGET,
    holds: Callable[[Sequence[Path]], bool] | None = None,
    seed: int = 0,
) -> dict[Path, SourceMend]:
    """:func:`source_mends` for parameters of which no fault need be known: their gradients may have wrong shapes."""
    until = time.process_time() + budget
    rng = np.random.default_rng(seed)
    result: dict[Path, SourceMend] = {}
    with quietly():
        search = prepare(wrong, stages, until, rng)
        mended = [] if search is None else confirmed(search, stages, holds, rng)
        for found in mended:
            assert search is not None
            for path in found.match.paths:
                result.setdefault(path, _told(search, found))
        unsaid = [path for path in wrong if path not in result or result[path].cause in LOST]
        if unsaid:
            told = confess(unsaid, stages, max(until, time.process_time() + 0.2 * budget), len(result) < len(wrong))
            for confession in told:
                for path in confession.paths:
                    result[path] = _confessed(confession, result.get(path))
    return result


def _confessed(confession: Confession, mend: SourceMend | None) -> SourceMend:
    """What the loss side says, with the line that the gradient side mended if there is one."""
    if mend is None:
        return SourceMend(confession.cause, confession.words, confession.line, "", "loss")
    return replace(mend, cause=confession.cause, words=f"{confession.words}; {mend.words.partition(': ')[2]}")


def _told(search: Search, found: Found) -> SourceMend:
    context, edit = found.context, found.edit
    old, new = text.before(context, edit), text.after(context, edit)
    where = f"{context.unit.file}:{text.line_of(context, edit)}"
    was, becomes = text.piece(context, edit)
    change = f"without `{was}` it is right" if becomes == "pass" else f"right with `{becomes}` for `{was}`"
    return SourceMend(edit.cause, f"{CAUSES[edit.cause]}: {change}", f"{where}: `{old}`", new, "gradient", search.tried)
