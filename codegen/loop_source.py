"""A loop as NumPy source: arrays that are filled, the body, what is carried on, and what is left of it."""

from __future__ import annotations

import re
from dataclasses import replace

from .emit import Line, Writer
from .precedence import ATOM
from .program import Carried, Instruction, Loop

_COUNTERS = ("t", "step", "time")


def write_loop(writer: Writer, step: Instruction) -> None:
    """Add the lines of a loop, and the sources of its results."""
    _LoopWriter(writer, step, step.params[0]).write()


class _LoopWriter:
    def __init__(self, writer: Writer, step: Instruction, loop: Loop) -> None:
        self.outer, self.step, self.loop = writer, step, loop
        self.results = {
            (s.params[0], s.params[1]): s
            for s in writer.program.instructions
            if s.op == "result" and s.args[0] == step.name
        }
        self.counter = next((c for c in _COUNTERS if c not in writer.taken), None) or writer.fresh()
        self.before = ":, " * loop.axis
        self.time = self.before + self.counter
        self.inner = Writer(loop.body, {**writer.dims, loop.counter: self.counter}, writer.dtype)
        self.inner.taken |= writer.taken | {self.counter}
        self.inner.start_names_at(writer)
        self.arrays: dict[int, str] = {}  # where the value of an output is kept: "h[t]"
        self.local: list[Carried] = []  # carried in a variable

    def write(self) -> None:
        """Buffers, the body, the results."""
        for entry, argument in zip(self.loop.body.inputs, self.step.args, strict=False):
            self.inner.texts[entry.name] = self.outer.texts[argument]
        for position, carried in enumerate(self.loop.carried):
            if ("before", position) in self.results:
                self._buffer(position, carried)
            else:
                self.local.append(carried)
                variable = self.loop.entries[position]
                self.inner.texts[carried.entry] = (variable, ATOM)
                self._line(variable, self.outer.texts[self.step.args[carried.start]][0], 0)
        for (kind, position), result in self.results.items():
            if kind == "array" and position not in self.arrays:
                self._line(
                    self._name(result), f"np.empty({self.outer.shape(result.shape)}, dtype={self.outer.to_dtype()})", 0
                )
                self.arrays[position] = f"{self._name(result)}[{self.time}]"
        length = self.outer.size(self.loop.length)
        self._line(
            "", f"for {self.counter} in {f'reversed(range({length}))' if self.loop.reverse else f'range({length})'}:", 0
        )
        self.inner.start_names_at(self.outer)
        self._body()
        self.outer.needs_dtype |= self.inner.needs_dtype
        self.outer.used_dims |= self.inner.used_dims - {self.loop.counter}
        self.outer.continue_names_of(self.inner)
        for (kind, position), result in self.results.items():
            if kind == "final":
                self.outer.texts[result.name] = (self.inner.result(self.loop.body.outputs[position]), ATOM)

    def _buffer(self, position: int, carried: Carried) -> None:
        """One array of T + 1 steps, of which the values before and after each step are views."""
        before = self.results["before", position]
        after = self.results.get(("array", carried.output))
        names = [
            self._name(before),
            self._name(after) if after is not None else self._free(self.loop.names[carried.output]),
        ]
        whole = self._free(f"{self.loop.names[carried.output]}_all")
        length, reverse = self.loop.length, self.loop.reverse
        axis, sizes = self.loop.axis, before.shape
        shape = self.outer.shape((*sizes[:axis], length + 1, *sizes[axis + 1 :]))
        self._line(whole, f"np.empty({shape}, dtype={self.outer.to_dtype()})", 0)
        start = self.outer.texts[self.step.args[carried.start]][0]
        zeros = re.fullmatch(r"np\.zeros\(.*\)", start)
        self._line(f"{whole}[{self.before}{self.outer.size(length) if reverse else 0}]", "0" if zeros else start, 0)
        views = [f"{whole}[{self.before}:-1]", f"{whole}[{self.before}1:]"]
        views = views[::-1] if reverse else views
        self._line(", ".join(names), ", ".join(views), 0)
        self.inner.texts[carried.entry] = (f"{names[0]}[{self.time}]", ATOM)
        self.arrays[carried.output] = f"{names[1]}[{self.time}]"

    def _body(self) -> None:
        lines = self.inner.write()
        outputs = self.loop.body.outputs
        ends = [carried.output for carried in self.local]
        read_later = {self.inner.result(outputs[k]) for k in ends}
        read_later |= {self.inner.result(outputs[p]) for kind, p in self.results if kind == "final"}
        sources = [line.source for line in lines]
        kept: dict[str, str] = {}
        for output, place in self.arrays.items():
            kept.setdefault(self.inner.result(outputs[output]), place)
        for number, line in enumerate(lines):
            if line.target in kept:
                place = kept.pop(line.target)
                pattern = re.compile(rf"\b{re.escape(line.target)}\b")
                others = [self.inner.result(outputs[o]) for o, p in self.arrays.items() if p != place]
                used = line.target in read_later or line.target in others
                used = used or any(pattern.search(source) for source in sources[number + 1 :])
                line = replace(line, target=f"{place} = {line.target}" if used else place)
            self.outer.lines.append(replace(line, depth=line.depth + 1))
        for output, place in self.arrays.items():
            if kept.get(self.inner.result(outputs[output])) == place or self._second(output):
                self._line(place, self.inner.result(outputs[output]), 1)
        if self.local:
            names = [self.inner.texts[carried.entry][0] for carried in self.local]
            self._line(", ".join(names), ", ".join(self.inner.result(outputs[k]) for k in ends), 1)

    def _second(self, output: int) -> bool:
        """Whether an earlier output has the same value, so that this one's array has not been filled with it."""
        mine = self.inner.result(self.loop.body.outputs[output])
        first = next(o for o in self.arrays if self.inner.result(self.loop.body.outputs[o]) == mine)
        return first != output

    def _name(self, result: Instruction) -> str:
        """The variable of a result, the same at every call."""
        if result.name not in self.outer.texts:
            name = result.name if not result.name.startswith("_") else self._free(self.outer.fresh())
            self.outer.texts[result.name] = (name, ATOM)
        return self.outer.texts[result.name][0]

    def _free(self, name: str) -> str:
        while name in self.outer.taken:
            name += "_"
        self.outer.taken |= {name}
        return name

    def _line(self, target: str, source: str, depth: int) -> None:
        self.outer.lines.append(Line(target, source, "", False, depth))
