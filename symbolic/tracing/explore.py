"""Branches on symbolic values: the function is run once for every combination of outcomes, and the results are joined.

``if np.sum(w ** 2) > 1: w = w / norm`` becomes one array that is piecewise in the condition. A loop until convergence
has no bounded number of outcomes and is refused with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gradproof.errors import UnsupportedError

from ..arrays.array import Array, as_array
from ..arrays.selecting import where
from ..equations.definition import Definition
from ..equations.questions import answered_by
from .scopes import Reached
from .size_questions import asking_about_sizes
from .sizes import Sizes

MOST_PATHS = 16
"""So many combinations of outcomes are explored."""

Path = tuple[tuple[Array, bool], ...]
"""Conditions in the order in which they were met, each with the outcome taken."""


class TooManyBranches(UnsupportedError):
    """Outcomes of conditions on values combine to more than are explored."""


@dataclass(slots=True)
class Answers:
    """One run's answers: sizes by what was found about them, branches by the outcomes to take."""

    sizes: Sizes
    outcomes: tuple[bool, ...] = ()
    met: list[tuple[Array, bool]] = field(default_factory=list)
    _known: dict[Definition, bool] = field(default_factory=dict)

    def same(self, left: Any, right: Any) -> bool:
        return self.sizes.same(left, right)

    def broadcast(self, left: Any, right: Any) -> bool:
        return self.sizes.broadcast(left, right)

    def number(self, size: Any) -> int:
        return self.sizes.number(size)

    def at_most(self, left: Any, right: Any) -> None:
        self.sizes.at_most(left, right)

    def quotient(self, size: Any, divisor: Any) -> Any:
        return self.sizes.quotient(size, divisor, required=True)

    def truth(self, array: Array) -> bool:
        """The outcome to take for a condition: what was taken before for the same one, else the next in line."""
        if array.size != 1:
            raise UnsupportedError(f"the truth of {array.name}, which has more than one element, is ambiguous")
        scalar = array[(0,) * array.ndim] if array.ndim else array
        if "boolean" not in scalar.definition.assumptions:
            scalar = scalar != 0
        value = scalar.definition.rhs
        if value is not None and value.is_number:
            return bool(value)
        if scalar.definition not in self._known:
            taken = len(self.met)
            if taken >= MOST_PATHS:
                line = self.sizes.line()
                raise TooManyBranches(f"more than {MOST_PATHS} branches on symbolic values follow one another: {line}")
            outcome = self.outcomes[taken] if taken < len(self.outcomes) else True
            self._known[scalar.definition] = outcome
            self.met.append((Array(scalar.definition), outcome))
        return self._known[scalar.definition]


def explored(
    run: Callable[[], Mapping[Any, Any]], sizes: Sizes, reached: Reached, most: int = MOST_PATHS
) -> dict[Any, Array]:
    """The arrays that ``run`` returns by key, over all outcomes of the conditions that it meets."""
    pending: list[tuple[bool, ...]] = [()]
    leaves: list[tuple[list[tuple[Array, bool]], dict[Any, Array]]] = []
    while pending:
        outcomes = pending.pop()
        answers = Answers(sizes, outcomes)
        with _answering(answers, reached):
            result = {key: as_array(value) for key, value in run().items()}
        leaves.append((answers.met, result))
        if sizes.changed:
            return result  # this run is repeated with other sizes
        taken = [outcome for _, outcome in answers.met]
        pending += [(*taken[:depth], False) for depth in range(len(outcomes), len(taken))]
        if len(leaves) + len(pending) > most:
            conditions = ", ".join(a.name for a, _ in answers.met)
            raise TooManyBranches(f"more than {most} combinations of branches on symbolic values ({conditions})")
    return _joined(leaves, 0)


@contextmanager
def _answering(answers: Answers, reached: Reached) -> Iterator[None]:
    with answered_by(answers), asking_about_sizes(answers.sizes, reached):
        yield


def _joined(leaves: list[tuple[list[tuple[Array, bool]], dict[Any, Array]]], depth: int) -> dict[Any, Array]:
    if len(leaves) == 1:
        return leaves[0][1]
    condition = leaves[0][0][depth][0]
    yes, no = (
        _joined([leaf for leaf in leaves if leaf[0][depth][1] is outcome], depth + 1) for outcome in (True, False)
    )
    if yes.keys() != no.keys():
        raise UnsupportedError(f"the results on the two sides of {condition.name} have different entries")
    return {key: _either(condition, yes[key], no[key]) for key in yes}


def _either(condition: Array, yes: Array, no: Array) -> Array:
    if yes.definition is no.definition:
        return yes
    if len(yes.definition.shape) != len(no.definition.shape):
        raise UnsupportedError(f"the results on the two sides of {condition.name} have different shapes")
    return where(condition, yes, no)


__all__ = ["MOST_PATHS", "Answers", "explored"]
