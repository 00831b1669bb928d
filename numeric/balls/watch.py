"""What comparisons of balls a run made and on which side each fell: the regions of the inputs that the run has seen.

Every comparison, maximum, absolute value and sign in user code goes through one function; while a :class:`Watch` stands
in the current run it is told of each of them. A :class:`Site` is one expression in user code, seen from one caller:
``relu`` called for two layers is two sites.
"""

from __future__ import annotations

import ast
import linecache
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final

from flint import arb

from gradproof.numeric.balls.frames import place

Key = tuple[Any, ...]

_OPERATORS: Final = {
    "__bool__": (-1, 1), "__lt__": (-1,), "__le__": (-1, 0), "__gt__": (1,), "__ge__": (0, 1), "__eq__": (0,),
    "__ne__": (-1, 1),
}  # fmt: skip
"""The outcomes of a comparison (the sign of left − right) for which an operator answers yes."""

_EQUALITIES: Final = ("__eq__", "__ne__", "__bool__")

MANY: Final = 4096
"""At most so many comparisons of a watched site are kept from one run."""


@dataclass(frozen=True)
class Site:
    """One comparison in user code: where it stands, its text, and the operation that met the two numbers."""

    key: Key
    file: str
    line: int
    function: str
    text: str
    operation: str

    @property
    def place(self) -> str:
        """``model.py:12 (in loss)``."""
        return place(self.file, self.line, self.function)

    def condition(self, side: int) -> str:
        """The region where the comparison falls on a side, in the words of the user's code.

        >>> Site((), "model.py", 3, "grad", "r > 50", "__gt__").condition(-1)
        'where not `r > 50`'
        """
        if self._is_comparison() and self.operation in _OPERATORS:
            return f"where {'' if side in _OPERATORS[self.operation] else 'not '}`{self.text}`"
        order = {-1: "smaller than", 0: "equal to", 1: "larger than"}[side]
        return f"where the first number in `{self.text}` is {order} the second"

    def reached(self, side: int, seen: set[int]) -> bool:
        """Whether one of the sides seen has the outcome of ``side``: for ``a < b`` a tie is as good as ``a > b``."""
        yes = _OPERATORS.get(self.operation)
        return side in seen if yes is None else any((other in yes) == (side in yes) for other in seen)

    def missing(self, seen: set[int]) -> list[int]:
        """The sides, of −1 and 1, whose outcome was not seen. A tie is no region: it is not asked for."""
        return [side for side in (-1, 1) if not self.reached(side, seen)][: 1 if self.operation in _EQUALITIES else 2]

    def _is_comparison(self) -> bool:
        try:
            parsed = ast.parse(self.text, mode="eval").body
        except SyntaxError:
            return False
        return isinstance(parsed, ast.Compare) and len(parsed.ops) == 1


@dataclass(frozen=True, slots=True)
class Event:
    """One comparison of two numbers: their values and their slopes along the direction of the run."""

    side: int
    left: arb
    right: arb
    left_slope: arb | None
    right_slope: arb | None


@dataclass
class Watch:
    """The sides that each site has fallen on; every event of the ``targets`` is kept, in the order of the run."""

    targets: frozenset[Key] = frozenset()
    sides: dict[Key, set[int]] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)
    events: dict[Key, list[Event]] = field(default_factory=dict)
    _frames: dict[Key, tuple[CodeType, int, str]] = field(default_factory=dict)

    def note(self, frame: Any, caller: Any, operation: str, event: Callable[[], Event], side: int) -> None:
        """A comparison in user code at ``frame``; ``event`` makes its record if it is wanted."""
        key = (
            operation, id(frame.f_code), frame.f_lasti,
            *((id(caller.f_code), caller.f_lasti) if caller is not None else ()),
        )  # fmt: skip
        seen = self.sides.get(key)
        if seen is None:
            self.sides[key] = seen = set()
            self._frames[key] = frame.f_code, frame.f_lasti, operation
            self.counts[key] = 0
        seen.add(side)
        self.counts[key] += 1
        if key in self.targets:
            kept = self.events.setdefault(key, [])
            if len(kept) < MANY:
                kept.append(event())

    def sites(self) -> dict[Key, Site]:
        """Every site that was met."""
        return {key: _site(key, *found) for key, found in self._frames.items()}


def _site(key: Key, code: CodeType, instruction: int, operation: str) -> Site:
    positions = list(code.co_positions())[instruction // 2]
    line = positions[0] or code.co_firstlineno
    return Site(key, code.co_filename, line, code.co_name, segment(code.co_filename, positions), operation)


def segment(file: str, positions: tuple[int | None, int | None, int | None, int | None]) -> str:
    """The source text between two positions, on one line; the whole line where the columns are not known."""
    first, last, start, end = positions
    if first is None:
        return ""
    lines = [linecache.getline(file, number) for number in range(first, (last or first) + 1)]
    if start is None or end is None or not lines or not lines[0]:
        return lines[0].strip() if lines else ""
    raw = [line.encode() for line in lines]  # the columns count bytes
    raw[-1] = raw[-1][:end]
    raw[0] = raw[0][start:]
    return " ".join(textwrap.dedent(b"".join(raw).decode(errors="replace")).split())
