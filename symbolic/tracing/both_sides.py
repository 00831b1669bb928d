"""Both sides of a branch on a symbolic value, run one after the other on the same state and joined by the condition.

``if Z[i, j] > 0: dZ[i, j] = 1`` in a loop over n rows and k columns is n·k choices, not 2^(n·k) runs. What both sides
wrote (names, arrays, lists, dicts, attributes, closures) is compared, and what differs becomes a value that is chosen
by the condition. Where the two sides cannot be joined (lists of different lengths, other objects, random numbers that
one side draws) the branch is explored instead, in runs of its own.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from types import CodeType, FunctionType
from typing import Any, Final, TypeAlias

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..arrays.array import Array, View, as_array
from ..arrays.either import after_stores, either
from ..arrays.mapping import as_condition
from ..equations.definition import Definition
from ..equations.questions import Restart, respondent
from ..user_code.branching import (
    ALL,
    ANY,
    BRANCH,
    CHOOSE,
    FORMAT,
    IS_SYMBOLIC,
    LOCALS,
    METHOD,
    NOT,
    catches,
    with_both_sides,
)
from ..user_code.recompile import is_edited, recompiled, running_instead
from ..user_code.trees import Node, parsed, tree_of
from .calls import formatted, method
from .scopes import Reached
from .state import State, content_of, holders, put_back, same_content

EXPLORED: Final = 1
"""A branch that is met with more conditions than this in one run (in a loop) is joined on the spot, else explored."""

Site: TypeAlias = tuple[str, int, int]


class _Unjoinable(Exception):
    """The two sides left something that no condition can choose between."""


@dataclass(slots=True)
class Branches:
    """What is known about the branches of the functions that are traced: which are joined, and which cannot be."""

    reached: Reached
    always: bool = False
    """Join every branch; else those that are met often."""

    constants: bool = False
    """Whether arrays outside of the arguments are symbolic constants."""

    held: Mapping[Any, Any] = field(default_factory=dict)
    """Arrays outside of the arguments in whose places the inputs of the same keys are put."""

    joined: set[Site] = field(default_factory=set)
    refused: dict[Site, str] = field(default_factory=dict)
    met: dict[Site, set[Definition]] = field(default_factory=dict)
    used: set[Site] = field(default_factory=set)
    begun: list[Site] = field(default_factory=list)

    def begin(self) -> None:
        """A new run."""
        self.met.clear()
        self.used.clear()
        self.begun.clear()

    def finish(self) -> None:
        """The end of a run, at which no branch may be left half done, as where a side raised what somebody caught."""
        if self.begun:
            raise self.refuse(self.begun[0], "one of them is left by an exception")

    def join_more(self) -> bool:
        """Join all branches that were met and can be; False where that is nothing new."""
        more = set(self.met) - self.joined - self.refused.keys()
        self.joined |= more
        return bool(more)

    def why(self) -> str:
        """What stands in the way of joining the branches of which there are too many."""
        said = [f"line {site[1]}: {why}" for site, why in self.refused.items()]
        return f"; they are not joined, since of the two sides {'; '.join(said)}" if said else ""

    def give_up(self) -> bool:
        """Explore the branches that were joined in this run; False where there were none."""
        found = self.used - self.refused.keys()
        self.refused |= dict.fromkeys(found, "what follows needs one of them")
        return bool(found)

    def joins(self, site: Site, condition: Array) -> bool:
        """Whether a branch is joined, as far as is known; the run begins anew when that changes."""
        if site in self.refused:
            return False
        if self.always or site in self.joined:
            self.used.add(site)
            return True
        met = self.met.setdefault(site, set())
        met.add(condition.definition)
        if len(met) > EXPLORED:
            self.joined.add(site)
            raise Restart
        return False

    def refuse(self, site: Site, why: str) -> Exception | BaseException:
        """The end of a run in which a branch could not be joined."""
        self.refused[site] = why
        who = respondent()
        return UnsupportedError(f"the two sides of a branch on a symbolic value cannot be joined: {why}") \
            if who is None else Restart()  # fmt: skip

    # -- what rewritten code calls -------------------------------------------------------------------------------------
    def branch(self, value: Any, site: Site, names: Sequence[str], drops: tuple[bool, bool]) -> Both | Known:
        """The sides of an ``if`` to be run."""
        if not is_symbolic(value):
            return Known(bool(value))
        condition = as_condition(value)
        if isinstance(condition, bool):
            return Known(condition)
        if any(drops):
            return Known(not drops[0])  # the other side raises: nothing is claimed where it is taken
        if not self.joins(site, condition):
            return Known(bool(condition))
        return Both(self, site, condition, tuple(names))

    def choose(self, value: Any, yes: Callable[[], Any], no: Callable[[], Any], site: Site) -> Any:
        """``yes() if value else no()`` of a symbolic value."""
        both = self.branch(value, site, ("value",), (False, False))
        cells = {"yes": yes, "no": no}
        found: dict[str, Any] = {}
        while both.again({**cells, **found}):
            found = {"value": yes() if both.side else no()}
        return both.names["value"]

    def names(self) -> dict[str, Any]:
        """What rewritten code finds among its globals."""
        return {
            BRANCH: self.branch, CHOOSE: self.choose, ALL: _all, ANY: _any, NOT: _not, IS_SYMBOLIC: is_symbolic,
            LOCALS: builtins.locals, METHOD: method, FORMAT: formatted,
        }  # fmt: skip


def is_symbolic(value: Any) -> bool:
    """Whether a condition is an array whose truth is not known."""
    if not isinstance(value, Array):
        return False
    rhs = value.definition.rhs
    return not (rhs is not None and not value.definition.shape and rhs.is_number)


def _all(*parts: Callable[[], Any]) -> Any:
    """``a and b and ...`` of conditions: what is known to be false ends it."""
    held: list[Array] = []
    for part in parts:
        value = part()
        if is_symbolic(value):
            held.append(_mask(value))
        elif not value:
            return False
    return reduce(lambda a, b: a & b, held) if held else True


def _any(*parts: Callable[[], Any]) -> Any:
    held: list[Array] = []
    for part in parts:
        value = part()
        if is_symbolic(value):
            held.append(_mask(value))
        elif value:
            return True
    return reduce(lambda a, b: a | b, held) if held else False


def _not(value: Any) -> Any:
    return np.logical_not(_mask(value)) if is_symbolic(value) else not value


def _mask(value: Any) -> Array:
    return as_array(as_condition(value))


@dataclass(slots=True)
class Known:
    """A branch whose condition is known: one side is run."""

    side: bool
    names: Mapping[str, Any] = field(default_factory=dict)
    begun: bool = False

    def again(self, found: Mapping[str, Any]) -> bool:
        """Whether there is a side to be run; what the names are then is what they are now."""
        self.names = dict(found)
        first, self.begun = not self.begun, True
        return first


@dataclass(slots=True)
class Both:
    """A branch of which both sides are run: before either, what the names and the state are is put back."""

    branches: Branches
    site: Site
    condition: Array
    written: tuple[str, ...]
    side: bool = True
    names: dict[str, Any] = field(default_factory=dict)
    _turn: int = 0
    _first: dict[str, Any] = field(default_factory=dict)
    _before: State | None = None
    _yes: tuple[dict[str, Any], State] | None = None

    def again(self, found: Mapping[str, Any]) -> bool:
        """Put back what was there before the next side is run; after both, join them."""
        now = {name: found[name] for name in self.written if name in found}
        self._turn += 1
        if self._before is None:
            reached = self.branches.reached
            mine = [value for name, value in found.items() if not name.startswith("_gp")]
            owners = holders([*mine, *reached.mutable, *reached.cells])
            known = {id(owner) for owner in owners}
            owners += [o for o in (*reached.modules, *reached.cells, *reached.classes) if id(o) not in known]
            self._before = State.of(owners)
            self.names = self._first = now
            self.branches.begun.append(self.site)
            return True
        here = State.of([kept.owner for kept in self._before.kept])
        self._before.restore()
        if here.drawn != self._before.drawn:
            raise self.branches.refuse(self.site, "one of them draws random numbers")
        if self._yes is None:
            self._yes, self.names, self.side = (now, here), self._first, False
            return True
        try:
            self.names = self._joined(*self._yes, now, here)
        except (_Unjoinable, UnsupportedError) as error:
            raise self.branches.refuse(self.site, str(error)) from error
        if self.branches.begun[-1] != self.site:
            raise self.branches.refuse(self.branches.begun[-1], "one of them is left by an exception")
        self.branches.begun.pop()
        return False

    def _joined(self, yes: dict[str, Any], after_yes: State, no: dict[str, Any], after_no: State) -> dict[str, Any]:
        before = self._before
        assert before is not None
        join = _Join(self.condition, {id(kept.owner) for kept in before.kept})
        # a name that one side leaves unbound would raise where it is read
        names = {name: join.value(yes[name], no[name]) if name in yes and name in no else yes.get(name, no.get(name))
                 for name in {**yes, **no}}  # fmt: skip
        changed = sorted({*before.changes(after_yes), *before.changes(after_no)})
        for at in changed:
            owner = before.kept[at].owner
            join.content(owner, before.kept[at].content, after_yes.kept[at].content, after_no.kept[at].content)
        return names


@dataclass(slots=True)
class _Join:
    """Values of the two sides joined by a condition; what was one object on both sides stays one."""

    condition: Array
    old: set[int]
    done: dict[tuple[int, int], Any] = field(default_factory=dict)

    def value(self, yes: Any, no: Any) -> Any:
        """One value for the two."""
        if yes is no:
            return yes
        key = id(yes), id(no)
        if key not in self.done:
            self.done[key] = self._value(yes, no)
        return self.done[key]

    def _value(self, yes: Any, no: Any) -> Any:
        if isinstance(yes, (list, tuple)) and type(yes) is type(no) and len(yes) == len(no):
            self._fresh(yes, no)
            parts = [self.value(a, b) for a, b in zip(yes, no, strict=True)]
            return type(yes)(*parts) if hasattr(yes, "_fields") else type(yes)(parts)
        if isinstance(yes, dict) and isinstance(no, dict) and yes.keys() == no.keys():
            self._fresh(yes, no)
            return {name: self.value(a, no[name]) for name, a in yes.items()}
        if _is_number(yes) and _is_number(no):
            return self._number(yes, no)
        if type(yes) is type(no) and isinstance(yes, (str, bytes, np.dtype, range)) and yes == no:
            return yes
        raise _Unjoinable(f"one leaves a {type(yes).__name__}, the other a {type(no).__name__}")

    def _fresh(self, *values: Any) -> None:
        """A list that was there before may be changed later on, by its other names."""
        if any(id(v) in self.old and not isinstance(v, tuple) for v in values):
            raise _Unjoinable("they leave different lists or dicts, one of which has other names")

    def _number(self, yes: Any, no: Any) -> Any:
        if type(yes) is type(no) and not isinstance(yes, Array) and np.array_equal(yes, no):
            return yes
        try:
            made = either(self.condition, _as_value(yes), _as_value(no))
        except UnsupportedError as error:
            raise _Unjoinable(str(error)) from error
        made = Array(made.definition, contiguous=made.contiguous) if made._grouped is None else made
        if made.ndim and any(id(v) in self.old or getattr(v, "_view", None) is not None for v in (yes, no)):
            base = yes if isinstance(yes, Array) else as_array(yes)
            made._view = View(base, lambda _: Array(made._definition), None, base.definition)  # stores would reach one
        return made

    def content(self, owner: Any, before: Any, yes: Any, no: Any) -> None:
        """Give an object that the sides have changed its joined content."""
        if isinstance(owner, Array):
            self._array(owner, before, yes, no)
        elif isinstance(owner, (list, deque)):
            if len(yes) != len(no):
                raise _Unjoinable(f"a list has {len(yes)} elements after one and {len(no)} after the other")
            put_back(owner, [self.value(a, b) for a, b in zip(yes, no, strict=True)])
        elif isinstance(owner, (np.ndarray, set, np.random.Generator, np.random.RandomState)):
            if not same_content(owner, yes, no):
                raise _Unjoinable(f"they change a {type(owner).__name__} of numbers in different ways")
            put_back(owner, yes)
        elif isinstance(yes, dict):
            if yes.keys() != no.keys():
                raise _Unjoinable("one of them adds an entry or an attribute that the other does not")
            put_back(owner, {name: self.value(a, no[name]) for name, a in yes.items()})
        else:
            put_back(owner, self.value(yes, no))

    def _array(self, owner: Array, before: Any, yes: Any, no: Any) -> None:
        if owner._view is not None:
            if owner._view.read is None:
                raise _Unjoinable("one of them changes an array that may be a view or a copy")
            owner._view.seen = None  # type: ignore[assignment]  # it is read off its base again
            return
        start, one, other = (_content_array(content) for content in (before, yes, no))
        made = after_stores(self.condition, start, one, other)
        owner._definition, owner._grouped = made._definition, made._grouped


def _content_array(content: Any) -> Array:
    made = Array(content[0])
    made._grouped = content[1]
    return made


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    return isinstance(value, (Array, bool, int, float, np.generic, sp.Expr))


def _as_value(value: Any) -> Array:
    """A value as an array; truth values as masks."""
    made = as_array(value)
    if isinstance(value, (bool, np.bool_)):
        from ..equations.definition import define

        return Array(define("c", (), made.definition.rhs, assumptions=frozenset({"boolean"})))
    return made


# -- rewritten functions -----------------------------------------------------------------------------------------------
_rewritten: dict[tuple[CodeType, bool], CodeType | None] = {}


def _tree(function: FunctionType) -> Node | None:
    """The syntax tree of a function; None where its source is not at hand, or says something else."""
    code = function.__code__
    module = None if is_edited(code) else parsed(code.co_filename, function.__globals__)
    return None if module is None else tree_of(module, code)


def _with_both_sides(function: FunctionType, careful: bool) -> CodeType | None:
    """The code of a function with its branches rewritten; None where it has none."""
    key = function.__code__, careful
    if key not in _rewritten:
        tree = _tree(function)
        changed = None if tree is None else with_both_sides(tree, function.__code__, careful)
        _rewritten[key] = None if changed is None else recompiled(function.__code__, changed)
    return _rewritten[key]


@contextmanager
def joining_branches(branches: Branches) -> Iterator[None]:
    """Inside the block the functions that were reached ask ``branches`` about their conditions."""
    functions = branches.reached.functions
    careful = any(tree is not None and catches(tree) for tree in map(_tree, functions))
    codes = {f: code for f in functions if (code := _with_both_sides(f, careful)) is not None}
    with running_instead(codes, branches.names()):
        yield


__all__ = ["Both", "Branches", "content_of", "joining_branches"]
