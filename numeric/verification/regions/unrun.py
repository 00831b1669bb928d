"""Branches of the user's code that no run has taken: an ``if`` on a size, on an option, on the turn of a loop.

A comparison of numbers that the inputs move is walked across (:mod:`.exploration`). ``if len(X) > 100:`` is none: what
it guards runs at other sizes, or not at all, and then nothing is known of it. So the instructions that ran are noted,
and a part of an ``if``, of a conditional expression or of a loop without one of them has not been checked.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.frames import is_users, place
from gradproof.numeric.verification.interfaces import replaced
from gradproof.numeric.verification.plain_runs import USER_FAILURE
from gradproof.numeric.verification.regions.larger import LARGER
from gradproof.symbolic.user_code.trees import parsed, tree_of

Place = tuple[int, int]
"""Line and column."""

_JUMPS: Final = (ast.Return, ast.Continue, ast.Break)

SIZES: Final = (1, *LARGER)
"""Sizes at which branches are tried that no comparison of the inputs decides."""

SHOWN: Final = 4
"""So many branches are named in a note."""


@dataclass(frozen=True)
class Branch:
    """A part of a function that runs only where a condition is so."""

    condition: str
    file: str
    line: int
    function: str
    start: Place
    end: Place

    @property
    def place(self) -> str:
        """``model.py:12 (in loss)``."""
        return place(self.file, self.line, self.function)

    def __str__(self) -> str:
        return f"{self.condition} ({self.place})"


@dataclass
class Runs:
    """Which instructions of the user's functions have run so far."""

    functions: Sequence[Callable[..., Any]]
    seen: dict[CodeType, set[int]] = field(default_factory=dict)

    def add(self, inputs: Mapping[str, Any]) -> bool:
        """Run the functions in float64 at some inputs; whether anything ran that had not before."""
        before = {code: len(seen) for code, seen in self.seen.items()}
        kept = sys.gettrace()
        sys.settrace(self._called)
        try:
            with np.errstate(all="ignore"):
                for function in self.functions:
                    function(**replaced(inputs, {}))
        except USER_FAILURE:
            return False  # whatever ends here ends in the check of these inputs too
        finally:
            sys.settrace(kept)
        return any(len(seen) > before.get(code, 0) for code, seen in self.seen.items())

    def _called(self, frame: FrameType, event: str, _: Any) -> Any:
        if not is_users(frame.f_code.co_filename):
            return None
        seen = self.seen.setdefault(frame.f_code, set())
        frame.f_trace_opcodes, frame.f_trace_lines = True, False

        def note(frame: FrameType, event: str, _: Any) -> Any:
            seen.add(frame.f_lasti)
            return note

        return note

    def missing(self) -> list[Branch]:
        """The branches of the functions that ran of which nothing ran; not those that end in an error."""
        ran: dict[str, set[Place]] = {}
        for code, seen in self.seen.items():
            positions = list(code.co_positions())
            places = ran.setdefault(code.co_filename, set())
            for instruction in seen:
                line, _, column, _ = positions[instruction // 2]
                if line is not None and column is not None:
                    places.add((line, column))
        found: dict[Branch, None] = {}
        for code in self.seen:
            module = parsed(code.co_filename)
            tree = None if module is None else tree_of(module, code)
            for branch in () if tree is None else _branches(tree, code):
                if not any(branch.start <= place < branch.end for place in ran[code.co_filename]):
                    found.setdefault(branch)
        return [branch for branch in found if not any(_within(branch, other) for other in found)]


def _within(inner: Branch, outer: Branch) -> bool:
    return inner is not outer and outer.file == inner.file and outer.start <= inner.start and inner.end <= outer.end


def _branches(tree: ast.AST, code: CodeType) -> Iterator[Branch]:
    for node in ast.walk(tree):
        for line, condition, body in _sides(node):
            if any(map(_computes, body)) and not isinstance(body[-1], (ast.Raise, ast.Assert)):
                yield Branch(condition, code.co_filename, line, code.co_name, _start(body[0]), _end(body[-1]))


def _sides(node: ast.AST) -> Iterator[tuple[int, str, Sequence[ast.stmt | ast.expr]]]:
    """The parts of a node that run on a condition, with its line and the condition in the user's words."""
    if isinstance(node, (ast.If, ast.While, ast.IfExp)) and not isinstance(node.test, ast.Constant):
        test = ast.unparse(node.test)
        for condition, body in ((f"where `{test}`", node.body), (f"where not `{test}`", node.orelse)):
            yield node.lineno, condition, body if isinstance(body, list) else [body]
    elif isinstance(node, ast.For):
        yield node.lineno, f"in the loop over `{ast.unparse(node.iter)}`", node.body
    for name in ("body", "orelse"):
        block: Any = getattr(node, name, None)
        for k, statement in enumerate(block if isinstance(block, list) else []):
            if isinstance(statement, ast.If) and isinstance(statement.body[-1], _JUMPS) and block[k + 1 :]:
                # what follows is an else without the word
                yield statement.lineno, f"where not `{ast.unparse(statement.test)}`", block[k + 1 :]


def _computes(node: ast.stmt | ast.expr) -> bool:
    """Whether a part does more than to jump or to print; a jump alone leaves no instruction of its own."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).rpartition(".")[2] not in ("print", "warn", "warning", "info", "debug")
    return not isinstance(node, (ast.Pass, ast.Continue, ast.Break))


def _start(node: ast.stmt | ast.expr) -> Place:
    return node.lineno, node.col_offset


def _end(node: ast.stmt | ast.expr) -> Place:
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def words(branches: Sequence[Branch]) -> str:
    """``not run, so not checked: where `len(X) > 9` (model.py:12 (in grad)), and 2 more``."""
    more = f", and {len(branches) - SHOWN} more" if len(branches) > SHOWN else ""
    return f"not run, so not checked: {'; '.join(map(str, branches[:SHOWN]))}{more}"
