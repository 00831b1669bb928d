"""Numbers that enter in any way, by Newton's steps along the observables: a constant, or the factor of a term.

A factor that a backward pass is linear in is fitted by one run (:mod:`.fits`). One of the forward pass is not: error
and activations hang on it, and the gradient on both.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradproof.numeric.verification.mends.edit import Context, Edit, Fit
from gradproof.numeric.verification.mends.factors import finals, plain_numbers
from gradproof.numeric.verification.mends.scout import Vector

if TYPE_CHECKING:
    from gradproof.numeric.verification.mends.search import Search

STEPS: Final = 4
FACTOR_STEPS: Final = 8
"""A factor starts at 1, mostly further off than a constant."""

FALLS: Final = 0.9
"""A step of a factor has to leave at most so much of the distance: at a wrong place some of it always stays."""

HALVED: Final = 2
"""So often a step of a factor that went too far is halved."""

FAR: Final = 1e3
"""A number that leaves so many times its size is given up."""


def tune_number(search: Search, context: Context, start: float, edit: Callable[[Any], Edit]) -> None:
    """Solve for a number, then look for the number that is meant."""
    scout = search.scout
    value = _solved(search, context, start, edit, scout.wrong_rows, STEPS, lambda now: scout.match(now) is not None)
    for new in () if value is None else plain_numbers(value, context):
        if search.attempt(context, edit(new)):
            return


def tune_literal(search: Search, context: Context, node: ast.Constant) -> None:
    """Solve for a literal."""
    assert isinstance(node.value, (int, float))
    tune_number(search, context, float(node.value), partial(_constant, context, node))


def _constant(context: Context, node: ast.Constant, value: Any) -> Edit:
    return context.edit("constant", node, value if isinstance(value, ast.AST) else ast.Constant(value), 1.3)


def tune_factor(search: Search, context: Context, site: ast.expr) -> None:
    """Solve for the factor of a term at the sizes of the fault, as 1/m is another number elsewhere; then name it."""
    scout = search.scout
    rows = scout.wrong_rows[scout.alike[scout.wrong_rows]]

    def edit(value: float) -> Edit:
        return context.edit("factor", site, ast.BinOp(ast.Constant(value), ast.Mult(), site), 1.2)

    def meets(now: Vector) -> bool:
        return bool(np.all(np.abs(scout.target - now)[rows] <= scout.slack[rows]))

    value = _solved(search, context, 1.0, edit, rows, FACTOR_STEPS, meets, FALLS)
    for new in () if value is None else finals(context, Fit("factor", site, site, False, 1.2), value):
        if search.attempt(context, new):
            return


def _solved(
    search: Search, context: Context, start: float, edit: Callable[[float], Edit], rows: Vector, steps: int,
    meets: Callable[[Vector], bool], falls: float = np.inf,
) -> float | None:  # fmt: skip
    """The number at which the observables meet their targets in the given rows; None where it is not found.

    A distance that a step does not lower to the part ``falls`` of it ends the search.
    """
    scout, value = search.scout, start
    now: Vector | None = scout.base
    before, last, halved = np.inf, start, 0
    for _ in range(steps):
        step = 1e-6 * (abs(value) or 1.0)
        beside = search.run(context, edit(value + step))
        if beside is None or now is None:
            return None
        slope, error = (beside - now)[rows] / step, (scout.target - now)[rows]
        weight = 1 / scout.noise[rows]
        square = float((slope * weight) @ (slope * weight))
        distance = float(np.linalg.norm(error * weight))
        if square == 0 or scout.touches(beside)[1]:
            return None
        if distance > falls * before:
            if halved == HALVED:
                return None
            halved, value = halved + 1, (value + last) / 2
            now = search.run(context, edit(value))
            continue
        before, last = distance, value
        value += float((slope * weight) @ (error * weight)) / square
        if not abs(value - start) <= FAR * (abs(start) + 1):
            return None
        now = search.run(context, edit(value))
        if now is not None and meets(now):
            return value
    return None
