"""Masks in sums: NumPy adds a mask to an array of floats, and divides it by one, as it is."""

from __future__ import annotations

from dataclasses import replace

from .program import Program


def masks_as_terms(program: Program) -> Program:
    """``p - mask`` for ``p - mask.astype(dtype)``; a Python number beside a mask would make integers of it."""
    shapes = program.shapes
    dtypes = {i.name: i.dtype for i in program.inputs} | {s.name: s.dtype for s in program.instructions}
    masks = {s.name: s.args[0] for s in program.instructions if s.op == "cast" and dtypes[s.args[0]] == "bool"}
    result = []
    for step in program.instructions:
        if step.op in ("add", "sub", "div"):
            left, right = step.args
            if left in masks and right not in masks and dtypes[right] == "float" and shapes[right]:
                step = replace(step, args=(masks[left], right))
            elif right in masks and left not in masks and dtypes[left] == "float" and shapes[left] and step.op != "div":
                step = replace(step, args=(left, masks[right]))
        result.append(step)
    return program.replace(tuple(result))
