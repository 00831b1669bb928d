"""The loss side: of which loss is the claimed gradient the derivative?

The loss is edited instead of the gradient, and its slope compared with ⟨claimed, V⟩. An expression *held constant*
drops the tangents of its balls: where the gradient is the derivative of that loss, it has lost the path through it.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from flint import arb

from gradproof.numeric.balls.arrays import BallArray, balls_of
from gradproof.numeric.balls.ball import Ball, precision
from gradproof.numeric.verification.diagnose import Fault
from gradproof.numeric.verification.interfaces import Path, replaced
from gradproof.numeric.verification.mends import text
from gradproof.numeric.verification.mends.constants import literals
from gradproof.numeric.verification.mends.dropping import dropped
from gradproof.numeric.verification.mends.edit import Context, Edit, is_value, made
from gradproof.numeric.verification.mends.observe import Seen, observe
from gradproof.numeric.verification.mends.reductions import functions
from gradproof.numeric.verification.mends.scout import BALL_SECONDS, BITS, Stage
from gradproof.numeric.verification.mends.units import TooLong, codes_run, limited, units_of

HELD: Final = "__gradproof_held__"
_NOTHING: Final = Seen((), "o")


@dataclass(frozen=True)
class Confession:
    """An edit of the loss of which the claimed gradient is the derivative, for some parameters."""

    paths: tuple[Path, ...]
    cause: str
    words: str
    line: str


def held(value: Any) -> Any:
    """A value without its tangents; dicts, lists and tuples by their parts."""
    if isinstance(value, BallArray):
        plain = np.frompyfunc(lambda x: Ball(x.v), 1, 1)(balls_of(value))
        result = np.empty(value.shape, dtype=object)
        result[...] = plain
        return result.view(BallArray)
    if isinstance(value, Ball):
        return Ball(value.v)
    if isinstance(value, dict):
        return {key: held(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([held(part) for part in value])
    return value


def confess(wrong: Sequence[Path], stages: Sequence[Stage], until: float, terms: bool) -> list[Confession]:
    """For each refuted parameter the first edit of the loss whose derivative the claimed gradient is.

    Expressions are held constant; with ``terms`` also terms are dropped and constants and functions changed.
    """
    point = stages[0].point

    def loss() -> Any:
        return point.loss(**replaced(point.inputs, {}))

    left = list(wrong)
    found: list[Confession] = []
    try:
        with limited(max(0.2, until - time.process_time())):
            units = units_of(codes_run(loss))
            seen = observe(units, loss)
    except TooLong:
        return found  # in floats it does not end there
    for context in [Context(unit, sights, "", ()) for unit, sights in seen.items()]:
        for edit in _edits(context, terms):
            if time.process_time() > until or not left:
                return found
            with made(edit):
                code = context.unit.compiled()
            if code is None:
                continue
            try:
                with context.unit.names({HELD: held}), context.unit.swapped(code), limited(BALL_SECONDS):
                    solved = tuple(path for path in left if all(_is_derivative(stage, path) for stage in stages[:2]))
            except TooLong:
                continue
            if solved:
                found.append(Confession(solved, *_said(context, edit)))
                left = [path for path in left if path not in solved]
    return found


def _edits(context: Context, terms: bool) -> Iterator[Edit]:
    """Held constant: right-hand sides, then what is called or named inside them; then terms and constants."""
    values = [n for n in context.nodes() if isinstance(n, ast.expr) and not isinstance(n, ast.Constant)]
    values = [node for node in values if is_value(context, node) and (context.seen(node) or _NOTHING).kind == "f"]
    assigned = [node for node in values if isinstance(context.parent(node), (ast.Assign, ast.AugAssign))]
    named = [node for node in values if isinstance(node, (ast.Name, ast.Call, ast.Subscript, ast.Attribute))]
    for node in dict.fromkeys([*assigned, *named]):
        call = ast.Call(ast.Name(HELD, ast.Load()), [node], [])
        yield context.edit("path", node, call, 1.0)
    if terms:
        for generator in (dropped, literals, functions):
            yield from generator(context)


def _is_derivative(stage: Stage, path: Path) -> bool:
    """Whether the loss as it stands now has the slopes that the claimed gradient would have."""
    fault = stage.faults.get(path)
    if fault is None:
        return False
    point = replace(fault.point, prec=BITS)
    for direction, _ in fault.known[:2]:
        try:
            slope = point.derivative({path: direction}).slope
        except (Exception, SystemExit):  # whatever an edited loss ends with
            return False
        if not _equal(slope, fault, direction):
            return False
    return True


def _equal(slope: arb, fault: Fault, direction: Any) -> bool:
    with precision(BITS):
        claimed, size = fault.along(fault.claimed, direction)
        gap = slope - claimed
        scale = size.upper() + abs(slope).upper() + arb(10) ** -50
        return bool(scale.is_finite() and gap.contains(0) and gap.rad() <= arb(10) ** -80 * scale)


def _said(context: Context, edit: Edit) -> tuple[str, str, str]:
    """Cause, words and line of an edit of the loss."""
    where = f"{context.unit.file}:{text.line_of(context, edit)}"
    line = f"{where}: `{text.before(context, edit)}`"
    was, becomes = text.piece(context, edit)
    if edit.cause != "path" or HELD not in becomes:
        return edit.cause, f"it is the derivative of the loss with `{becomes}` for `{was}` in {where}", line
    parent = context.parent(edit.site)
    name = was
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
    words = f"the path through `{name}` is lost: it is the derivative with `{name}` of {where} held constant"
    return "path", words, line
