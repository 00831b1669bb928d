"""Functions of concrete arrays, traced for all shapes: what their shapes have in common is found by running them.

The given arrays only say which sizes are equal and what number a size is where one is needed; everything else stays
symbolic. The functions (a loss and its hand-written gradient) share the sizes, and whatever they change is put back.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from gradproof.errors import GradproofError, UnsupportedError

from ..arrays.array import Array, array
from ..arrays.grouping import joined
from ..arrays.methods import copy
from ..equations.questions import Restart, TooLong
from .both_sides import Branches, joining_branches
from .constants import put, put_constants
from .explore import TooManyBranches, explored
from .scopes import Reached, preserved
from .sizes import Decided, Sizes
from .trace import located
from .trace_creation import watched_creation
from .trace_names import Names, renamed

MOST_RUNS = 60
"""So often a function is run again with what was learned about its sizes."""

Call: TypeAlias = Callable[[dict[Any, Array]], Mapping[Any, Any]]
"""A function of arrays by key whose results are arrays by key."""


@dataclass(frozen=True, slots=True)
class Symbolic:
    """An input to be made symbolic: its name, the shape of the given array, and what is assumed of it."""

    name: str
    shape: tuple[int, ...]
    assumptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Traced:
    """The results of each function by its role, the inputs, and what was decided about sizes."""

    results: dict[str, dict[Any, Array]]
    inputs: dict[Any, Array]
    decisions: tuple[Decided, ...]
    sizes: dict[Any, int]
    """What each dimension symbol is for the given arrays."""
    found: Sizes
    joined: bool = False
    """Whether a branch on values was run on both sides and joined, as those in loops over elements are."""


def trace_general(
    calls: Sequence[tuple[str, Call]],
    inputs: Mapping[Any, Symbolic],
    reached: Reached,
    concrete: bool = False,
    longest: float = float("inf"),
    log: list[Sizes] | None = None,
    constants: bool = False,
    held: Mapping[Any, Any] | None = None,
    exact: bool = False,
) -> Traced:
    """Trace each ``(role, call)`` with as few sizes fixed as possible (``concrete``: with all of them).

    With ``constants`` the arrays of floats that the functions find outside of their arguments are symbolic constants.
    ``held`` are such arrays by the keys of further inputs, which are put in their places and not passed to the calls.

    ``exact`` fixes sizes that a slice needs to be so large, too.

    A size above ``longest`` is not taken for a number of turns of a loop: TooLong is raised. What was found about the
    sizes is added to ``log``, whatever the end. Raises :class:`~gradproof.errors.GradproofError`
    with the line of the user's code where a trace stopped.
    """
    names = {spec.name for spec in inputs.values()}
    sizes = Sizes.of({key: spec.shape for key, spec in inputs.items()}, lambda: user_line(reached), names)
    sizes.longest, sizes.exact = longest, exact
    if log is not None:
        log.append(sizes)
    branches = Branches(reached, constants=constants, held=held or {})
    sizes.begin()
    if concrete:
        for symbol in list(sizes.given):
            sizes.fix(sizes.shape(*_place(sizes, symbol))[-1])
    for _ in range(MOST_RUNS):
        sizes.begin()
        traced = _traced(calls, inputs, branches, sizes)
        if traced is not None and sizes.settled():
            return traced
    raise UnsupportedError("the sizes were not settled: every run asked for something else about them")


def _place(sizes: Sizes, symbol: Any) -> tuple[Any, int]:
    key, position = next(axis for axis, found in sizes.axes.items() if found is symbol)
    return key, position + 1


def _traced(
    calls: Sequence[tuple[str, Call]], inputs: Mapping[Any, Symbolic], branches: Branches, sizes: Sizes
) -> Traced | None:
    """One attempt; None where something new was learned about the sizes, so that another one is needed."""
    results: dict[str, dict[Any, Array]] = {}
    made: dict[Any, Array] = {}
    for role, call in calls:
        sizes.during = role
        made = {key: _input(spec, sizes.shape(key, len(spec.shape)), sizes) for key, spec in inputs.items()}
        try:
            with joining_branches(branches):
                results[role] = explored(partial(_run, call, made, branches), sizes, branches.reached)
        except TooLong:
            raise
        except Restart:
            return None
        except TooManyBranches as error:
            if branches.join_more():
                return None
            raise TooManyBranches(f"{error}{branches.why()}") from error
        except GradproofError:
            if not sizes.changed and branches.give_up():
                return None
            if not sizes.changed:
                raise
        if sizes.changed:
            return None
    return Traced(results, made, tuple(sizes.decisions), sizes.numbers(), sizes, bool(branches.joined))


def _input(spec: Symbolic, shape: tuple[Any, ...], sizes: Sizes) -> Array:
    """The input; axes whose size is a product (four gates of width h, h heads of width d) are made of its factors."""
    words = dict.fromkeys(spec.assumptions, True)
    factors = [sizes.factors(n) for n in shape]
    if all(len(part) == 1 for part in factors) or words.keys() & _WHOLE_AXES:
        return array(spec.name, shape, **words)
    inner = array(spec.name, tuple(n for part in factors for n in part), **words)
    return joined(inner, [len(part) for part in factors])


_WHOLE_AXES = {"one_hot", "simplex", "symmetric", "positive_definite", "diagonal", "lower", "upper"}
"""Assumptions that speak of whole axes, which are not taken apart then."""


def _run(call: Call, made: Mapping[Any, Array], branches: Branches) -> Mapping[Any, Any]:
    branches.begin()
    reached = branches.reached
    names = Names(reached.modules)
    handles = {key: copy(a) for key, a in made.items()}
    outside = {id(value): handles.pop(key) for key, value in branches.held.items()}
    try:
        own = branches.constants
        creation = watched_creation(reached.modules, reached.cells, reached.namespaces, own)
        with preserved(reached), _in_place(branches, outside), creation, names:
            result = call(handles)
            branches.finish()
    except (Exception, SystemExit) as error:
        raise located(error, reached.modules) from error
    return renamed(result, names.found)  # type: ignore[no-any-return]


@contextmanager
def _in_place(branches: Branches, outside: Mapping[int, Array]) -> Iterator[None]:
    if branches.constants:
        put_constants(branches.reached)
    if outside:
        put(branches.reached, outside)
    yield


def user_line(reached: Reached) -> str:
    """The innermost line of the user's code that is being run: ``model.py line 7: `for i in range(m):```.

    Nothing where none is: what called the trace is no part of it, though it may stand in the same file.
    """
    users = {id(module) for module in reached.modules}
    frame = sys._getframe(1)
    while frame is not None and frame.f_code not in (_run.__code__, trace_general.__code__):
        if id(frame.f_globals) in users:
            path, number = frame.f_code.co_filename, frame.f_lineno
            source = linecache.getline(path, number).strip()
            return f"{os.path.basename(path)} line {number}{f': `{source}`' if source else ''}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
