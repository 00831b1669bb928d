"""Reductions that keep their axes, and means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import sympy as sp

from .program import Instruction, Program
from .rewriter import Rewriter

_ELEMENTWISE = frozenset({"add", "sub", "mul", "div", "neg", "pow", "function"})


def keep_dimensions(program: Program) -> Program:
    """``x.sum(axis)[:, None]`` is ``x.sum(axis, keepdims=True)``, also below quotients, roots and the like."""
    uses = Counter([a for s in program.instructions for a in s.args] + list(program.outputs))
    steps = {s.name: s for s in program.instructions}
    result = Rewriter(program)
    for step in program.instructions:
        if step.op == "expand" and _keeps(steps, step.args[0], step.params[0], uses):
            _keep(result, steps, step.args[0], step.params[0], step, step.name)
        else:
            result.keep(step)
    return result.program()


def _keeps(steps: Mapping[str, Instruction], name: str, axes: tuple[int, ...], uses: Mapping[str, int]) -> bool:
    """Whether a value with axes of size 1 put in is a reduction that keeps them, or is made of such alone."""
    step = steps.get(name)
    if step is None:
        return False
    if step.op in ("sum", "max", "logsumexp"):
        return bool(step.params == (axes, False))
    if step.op == "index":
        return _is_row(steps, step, axes)
    if step.op not in _ELEMENTWISE or not name.startswith("_") or uses[name] > 1:
        return False
    wide = [a for a in step.args if a not in steps or steps[a].shape]
    return all(a in steps and len(steps[a].shape) == len(step.shape) and _keeps(steps, a, axes, uses) for a in wide)


def _is_row(steps: Mapping[str, Instruction], step: Instruction, axes: tuple[int, ...]) -> bool:
    """Whether an index takes away just the axes, all of size 1, that come back."""
    source = steps.get(step.args[0])
    if source is None or len(step.args) > 1:
        return False
    gone = tuple(p for p, item in enumerate(step.params) if item[0] == "int")
    return (
        gone == axes
        and all(item[0] in ("int", "all") for item in step.params)
        and all(source.shape[p] == 1 for p in gone)
    )


def _keep(
    result: Rewriter, steps: Mapping[str, Instruction], name: str, axes: tuple[int, ...], like: Instruction,
    own: str = "",
) -> str:  # fmt: skip
    step = steps[name]
    if step.op in ("sum", "max", "logsumexp"):
        return result.add(step.op, step.args, (axes, True), like, own)
    if step.op == "index" and not own:
        return step.args[0]
    if step.op == "index":
        return result.add("copy", step.args, (), like, own)
    args = tuple(_keep(result, steps, a, axes, like) if a in steps and steps[a].shape else a for a in step.args)
    return result.add(step.op, args, step.params, like, own)


def means(program: Program) -> Program:
    """``x.sum(axis) / n`` over an axis of n elements is ``x.mean(axis)``; so is that times a number."""
    uses = Counter([a for s in program.instructions for a in s.args] + list(program.outputs))
    steps = {s.name: s for s in program.instructions}
    result = Rewriter(program)
    made: dict[str, str] = {}
    for step in program.instructions:
        size = _size(steps, step.args[1]) if step.op == "div" else None
        path = _sum_below(steps, step.args[0], uses) if size is not None else []
        if not path or sp.expand(_summed(result, steps[path[-1]]) - size) != 0:
            result.keep(step)
            continue
        *outer, innermost = path
        name = step.name if not outer else ""
        value = result.add("mean", steps[innermost].args, steps[innermost].params, step, name)
        for k, above in enumerate(reversed(outer)):
            args = tuple(value if a == (outer[::-1][k - 1] if k else innermost) else a for a in steps[above].args)
            value = result.add(steps[above].op, args, (), step, step.name if k == len(outer) - 1 else "")
        made[step.name] = value
    return result.program()


def _size(steps: Mapping[str, Instruction], name: str) -> Any:
    """The size that a value is: n, m n; None for any other."""
    step = steps.get(name)
    if step is None:
        return None
    if step.op == "size":
        return step.params[0]
    if step.op != "mul":
        return None
    parts = [_size(steps, a) for a in step.args]
    return None if None in parts else sp.Mul(*parts)


def _sum_below(steps: Mapping[str, Instruction], name: str, uses: Mapping[str, int]) -> list[str]:
    """A sum that is used once, and what stands above it: a minus, a number in front."""
    step = steps.get(name)
    if step is None or uses[name] > 1 or not name.startswith("_"):
        return []
    if step.op == "sum":
        return [name]
    if step.op == "neg" or (step.op == "mul" and not (steps[step.args[0]].shape if step.args[0] in steps else True)):
        below = _sum_below(steps, step.args[-1], uses)
        return [name, *below] if below else []
    return []


def _summed(result: Rewriter, step: Instruction) -> Any:
    axes, _ = step.params
    return sp.Mul(*(result.shapes[step.args[0]][a] for a in axes))


__all__ = ["keep_dimensions", "means"]
