"""What a loop reads and what it leaves: parts that stand side by side go in, and come out, as one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from .program import Input, Instruction, Loop, Program
from .rewriter import Rewriter
from .shared_products import Cut, chains, cuts_of


def slices_into_loops(program: Program) -> Program:
    """A loop that is given several parts of an array is given the array, and takes the parts itself.

    What it does with each of them alike it can then do with all of them at once.
    """
    cuts = cuts_of(program)
    shapes = program.shapes
    return program.replace(tuple(_given_wholes(s, cuts, shapes) if s.op == "loop" else s for s in program.instructions))


def _given_wholes(step: Instruction, cuts: Mapping[str, Cut], shapes: Mapping[str, Any]) -> Instruction:
    (loop,) = step.params
    entries = loop.body.inputs[: len(loop.body.inputs) - len(loop.carried)]
    families: dict[str, list[tuple[Any, Any, str]]] = {}
    for name in dict.fromkeys(step.args[: len(entries)]):
        cut = cuts.get(name)
        if cut is not None and cut.axis == -1:
            families.setdefault(cut.source, []).append((cut.start, cut.stop, name))
    taken = {name for parts in families.values() for row in chains(parts) for _, _, name in row}
    if not taken:
        return step
    args: list[str] = []
    inputs: list[Input] = []
    parts: dict[str, Cut] = {}  # of the entries that are taken from another one now
    for entry, argument in zip(entries, step.args, strict=False):
        source = cuts[argument].source if argument in taken else argument
        if argument in taken:
            parts[entry.name] = replace(cuts[argument], source=f"@{source}")
        if source not in args:
            args.append(source)
            inputs.append(entry if argument not in taken else Input(f"@{source}", shapes[source], entry.dtype))
    moved = len(args) - len(entries)
    carried = tuple(replace(c, start=c.start + moved) for c in loop.carried)
    inputs += loop.body.inputs[len(entries) :]
    body = replace(loop.body, inputs=tuple(inputs), instructions=_taking(loop.body, parts, inputs))
    return replace(step, args=(*args, *step.args[len(entries) :]), params=(replace(loop, body=body, carried=carried),))


def _taking(body: Program, parts: Mapping[str, Cut], inputs: Sequence[Input]) -> tuple[Instruction, ...]:
    """The body with parts of its inputs: of one time first, then of the last axis."""
    own, now = {i.name: i for i in body.inputs}, {i.name: i for i in inputs}
    steps: list[Instruction] = []
    whole = {entry: f"_part{number}" for number, entry in enumerate(parts)}
    for entry, taken in parts.items():
        steps.append(_part(own[entry], whole[entry], taken.source, taken))
    for number, s in enumerate(body.instructions):
        cut = parts.get(s.args[0]) if s.op == "index" and len(s.args) == 1 else None
        if cut is not None and s.params[-1] == ("all",) and all(item[0] in ("all", "int") for item in s.params):
            cutting = _part(s, s.name, f"_time{number}", cut)
            shape = (*s.shape[:-1], now[cut.source].shape[-1])
            steps.append(replace(s, name=f"_time{number}", args=(cut.source,), shape=shape))
            steps.append(cutting)
        else:
            steps.append(replace(s, args=tuple(whole.get(a, a) for a in s.args)))
    return tuple(steps)


def _part(like: Instruction | Input, name: str, source: str, cut: Cut) -> Instruction:
    """The instruction that takes a part along the last axis."""
    part = ("slice", cut.start, cut.stop, 1, sp.expand(cut.stop - cut.start))
    items = (*(("all",) for _ in like.shape[:-1]), part)
    axes = like.axes if isinstance(like, Instruction) else tuple(f"a{p}" for p in range(len(like.shape)))
    equation = like.equation if isinstance(like, Instruction) else ""
    return Instruction(name, "index", (source,), items, axes, like.shape, like.dtype, equation)


def joined_results(program: Program) -> Program:
    """[a | b] of what a loop leaves, where the loop has joined the same values at each time."""
    steps = {s.name: s for s in program.instructions}
    loops: dict[str, Loop] = {s.name: s.params[0] for s in program.instructions if s.op == "loop"}
    found: dict[str, tuple[str, int]] = {}
    for s in program.instructions:
        parts = [steps.get(a) for a in s.args] if s.op == "concatenate" else []
        tokens = {p.args[0] if p is not None and p.op == "result" and p.params[0] == "array" else "" for p in parts}
        if len(tokens) != 1 or not tokens <= loops.keys():
            continue
        (token,) = tokens
        loop, (axis,) = loops[token], s.params
        outputs = tuple(loop.body.outputs[p.params[1]] for p in parts if p is not None)
        inner = axis - 1 if axis > loop.axis else axis
        same = next((b for b in loop.body.instructions if b.op == "concatenate" and b.args == outputs), None)
        if axis == loop.axis or same is None or same.params != (inner,):
            continue
        if same.name not in loop.body.outputs:
            body = loop.body.replace(loop.body.instructions, (*loop.body.outputs, same.name))
            loops[token] = loop = replace(loop, body=body, names=(*loop.names, s.name.lstrip("_") or "joined"))
        found[s.name] = (token, loop.body.outputs.index(same.name))
    result = Rewriter(program)
    for s in program.instructions:
        if s.name in found:
            token, position = found[s.name]
            result.add("result", (token,), ("array", position, s.shape), s, s.name)
        else:
            result.keep(replace(s, params=(loops[s.name],)) if s.op == "loop" else s)
    return result.program()
