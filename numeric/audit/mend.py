"""Try the rewritings: one is kept if the exact values stay the same and the failing runs lose fewer digits."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Final

import numpy as np

from gradproof.numeric.audit.accuracy import CARRIED, PRECISIONS, Loss, Undecidable, float_run, judged, truth
from gradproof.numeric.audit.changes import changes
from gradproof.numeric.audit.report import Rewriting
from gradproof.numeric.audit.rewritings import ROWS, rewritten
from gradproof.numeric.audit.source import Source
from gradproof.numeric.balls.ball import precision
from gradproof.symbolic.user_code.recompile import recompiled, running_instead
from gradproof.symbolic.user_code.trees import Node

ROUNDS: Final = 4
"""So many rewritings are combined at most."""

LEFT: Final = 1.0
DETERMINED: Final = 2.0
"""A result with less than one right digit, where the inputs as rounded determine two more, has failed at any bound."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where the function fails: the inputs, the type and the exact outputs.

    At a singular point the exact outputs are those near by, and any number will do.
    """

    inputs: Mapping[str, Any]
    dtype: str
    exact: Mapping[str, Any]
    entrywise: bool = False
    singular: bool = False

    def losses(self, function: Callable[..., Any]) -> dict[str, Loss]:
        """The loss of every output of a version of the code."""
        try:
            result = float_run(function, self.inputs, self.dtype)
        except (OverflowError, ZeroDivisionError) as error:
            return {name: Loss("inf", CARRIED[self.dtype], 0.0, name, type(error).__name__) for name in self.exact}
        except Exception:
            # A rewriting that does not fit (an axis that a row assumes, say) fails in a way of its own: no mend.
            return {name: Loss("nan", CARRIED[self.dtype], 0.0, name) for name in self.exact}
        losses = judged(result, self.exact, self.dtype, self.entrywise)
        if self.singular:
            return {n: loss if loss.kind in ("nan", "inf") else Loss(kept=loss.kept) for n, loss in losses.items()}
        return losses


@dataclass(frozen=True, eq=False)
class Case:
    """One output at a place, which a rewriting has to mend or to leave as it is, and its loss."""

    place: Place
    output: str
    loss: Loss


def cases_at(function: Callable[..., Any], place: Place) -> list[Case]:
    """A case for every output."""
    return [Case(place, output, loss) for output, loss in place.losses(function).items()]


def _again(function: Callable[..., Any], cases: Sequence[Case]) -> tuple[Loss, ...]:
    """The losses of another version of the code, which runs once at every place."""
    found = {place: place.losses(function) for place in dict.fromkeys(case.place for case in cases)}
    return tuple(found[case.place].get(case.output, Loss("nan")) for case in cases)


@dataclass(frozen=True)
class Step:
    """An accepted rewriting, with the losses of all cases after it."""

    rewriting: tuple[Rewriting, ...]
    losses: tuple[Loss, ...]
    function: FunctionType


def mended(
    function: Callable[..., Any], sources: Sequence[Source], cases: Sequence[Case],
    places: Sequence[Mapping[str, Any]], bound: float, seed: int,
) -> tuple[Step, ...]:  # fmt: skip
    """The rewritings that help, one on top of the other, until no case fails or none helps further.

    ``sources`` are the user's functions, those with suspects first; at ``places``, the given inputs first, the exact
    values have to stay what they are, wherever the original has some.
    """
    trees: dict[FunctionType, Node] = {source.function: source.tree for source in sources}
    codes: dict[FunctionType, CodeType] = {}
    losses = tuple(case.loss for case in cases)
    steps: list[Step] = []
    right = [_exact(function, place, seed) for place in places]
    if right[0] is None:
        return ()
    for _ in range(ROUNDS):
        if not any(failing(loss, bound) for loss in losses):
            break
        best: tuple[float, Source, Node, CodeType, str, tuple[Loss, ...]] | None = None
        for source in sources:
            for row in ROWS:
                for tree in rewritten(row, source, trees[source.function]):
                    code = recompiled(source.function.__code__, ast.fix_missing_locations(tree))
                    if code is None:
                        continue
                    with running_instead({**codes, source.function: code}, {}):
                        after = _again(function, cases)
                        gain = _gain(losses, after, bound)
                        if gain > (0.5 if best is None else best[0] + 0.5) and _same(function, places, right, seed):
                            best = (gain, source, tree, code, row.name, after)
        if best is None:
            break
        _, source, tree, code, name, losses = best
        edits = changes(source, trees[source.function], tree)
        lines = tuple(Rewriting(name, source.place(number), old, new) for number, old, new in edits)
        steps.append(Step(lines, losses, source.function))
        trees[source.function] = tree
        codes[source.function] = code
    return tuple(steps)


def failing(loss: Loss, bound: float) -> bool:
    """Whether a run lost more than the bound allows, or all but one digit where the inputs determine some."""
    return loss.kind in ("nan", "inf") or loss.lost > bound or (loss.kept < LEFT and loss.lost > DETERMINED)


def _gain(before: Sequence[Loss], after: Sequence[Loss], bound: float) -> float:
    """Digits won over all cases, a number instead of NaN counting most; minus infinity where something gets worse."""
    total = 0.0
    for old, new in zip(before, after, strict=True):
        if failing(new, bound) and not failing(old, bound):
            return -np.inf
        total += (old.lost - new.lost) + 20 * ((old.kind in ("nan", "inf")) - (new.kind in ("nan", "inf")))
    return total


def _exact(function: Callable[..., Any], inputs: Mapping[str, Any], seed: int) -> Mapping[str, Any] | None:
    try:
        return truth(function, inputs, seed, PRECISIONS[:2])[0]
    except Undecidable:
        return None


def _same(
    function: Callable[..., Any], places: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any] | None],
    seed: int,
) -> bool:  # fmt: skip
    """Whether the edited code has the exact values of the original, to a hundred bits, wherever that has some."""
    pairs = zip(places, right, strict=True)
    return all(exact is None or _equal(_exact(function, place, seed), exact) for place, exact in pairs)


def _equal(found: Mapping[str, Any] | None, right: Mapping[str, Any]) -> bool:
    if found is None or found.keys() != right.keys():
        return False
    with precision(512):
        for name, balls in right.items():
            if np.shape(balls) != np.shape(found[name]):
                return False
            for one, two in zip(balls.reshape(-1), found[name].reshape(-1), strict=True):
                gap = abs(one.v - two.v)
                if not gap <= (abs(one.v) + abs(two.v)) / 2**100 and not gap < 2.0**-900:
                    return False
    return True
