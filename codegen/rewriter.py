"""Programs rewritten instruction by instruction."""

from __future__ import annotations

from typing import Any

from .program import Instruction, Program, result_type


class Rewriter:
    """Collects instructions of a rewritten program, with shapes by the rows of the ops."""

    def __init__(self, program: Program) -> None:
        self.source = program
        self.steps: list[Instruction] = []
        self.shapes = {i.name: i.shape for i in program.inputs}
        self.dtypes = {i.name: i.dtype for i in program.inputs}
        self.fresh = 0
        self.taken = {s.name for s in program.instructions}

    def keep(self, step: Instruction) -> None:
        self.steps.append(step)
        self.shapes[step.name], self.dtypes[step.name] = step.shape, step.dtype

    def add(self, op: str, args: tuple[str, ...], params: tuple[Any, ...], like: Instruction, name: str = "") -> str:
        shape, dtype = result_type(op, tuple(self.shapes[a] for a in args), tuple(self.dtypes[a] for a in args), params)
        if not name:
            while not name or name in self.taken:
                self.fresh += 1
                name = f"_x{self.fresh}"
        axes = like.axes if len(like.axes) == len(shape) else tuple("1" for _ in shape)
        self.keep(Instruction(name, op, args, params, axes, shape, dtype, like.equation))
        return name

    def program(self) -> Program:
        return self.source.replace(tuple(self.steps))
