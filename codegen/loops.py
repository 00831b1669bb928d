"""Lowering of a recurrence: one loop over the time, with the work that does not depend on the steps before it outside.

The body of the loop is a program of its own: its inputs are values computed before the loop, and the carried ones.
What is read after the loop at its last time alone is not stored; of a state that is read at all times, the ones before
and after each step are two views of one buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.symbolic.equations.definition import Definition, define, freshen, owner, references
from gradproof.symbolic.equations.dims import free_index
from gradproof.symbolic.equations.nodes import REDUCTIONS, Iverson

from .builder import Value
from .program import Carried, Input, Loop, LoopTime, Program, validate
from .recurrent import Carry, Recurrence

if TYPE_CHECKING:
    from .lower import Lowering, Stored


def lower_recurrence(outer: Lowering, group: Sequence[Definition]) -> None:
    """Lower a group of definitions into a loop, and store the values that others read."""
    _LoopLowering(outer, Recurrence.of(group)).run()


@dataclass
class _LoopLowering:
    outer: Lowering
    recurrence: Recurrence
    counter: Any = field(default_factory=lambda: LoopTime("t", integer=True, nonnegative=True))
    read: dict[Definition, Value] = field(default_factory=dict)

    def run(self) -> None:
        rec = self.recurrence
        aliases = {m: rec.alias(m) for m in rec.members}
        computed = [m for m in rec.members if aliases[m] is None]
        bodies = {m: self._hoisted(m, rec.bodies[m]) for m in computed}
        inner = self.outer.fresh()
        arguments, inputs = self._arguments(inner, bodies)
        starts = [self._start(carry) for carry in rec.carries]
        for k, carry in enumerate(rec.carries):
            value = Value(f"@carried{k}", _axes(carry.mark.rank), carry.mark.shape, "float")
            inputs.append(Input(value.name, carry.mark.shape, "float"))
            inner.stored[carry.mark] = self.outer.stored_as(value, range(carry.mark.rank))
        for m, alias in aliases.items():
            if alias is not None:  # h_prev[t, i, j] is the carried value [i, j]
                found = inner.stored[alias.mark]
                inner.stored[m] = self.outer.stored_as(found.value, self._places(m))
        locals_ = self._body(inner, computed, bodies)
        outputs = list(dict.fromkeys(m for m in computed if self._uses(m) or any(c.member is m for c in rec.carries)))
        carried = tuple(
            Carried(f"@carried{k}", outputs.index(carry.member), len(arguments) + k)
            for k, carry in enumerate(rec.carries)
        )
        values = [inner.full(locals_[m], rec.without(m.shape)) for m in outputs]
        body = Program(
            tuple(inputs),
            self.outer.system.dimensions,
            tuple(inner.build.instructions),
            tuple(v.name for v in values),
            self.outer.texts,
        )
        validate(body)
        loop = Loop(
            body, self.counter, rec.length, rec.axis, rec.way > 0, carried,
            tuple(self.outer.names[m] for m in outputs), tuple(self._entry(carry, aliases) for carry in rec.carries),
        )  # fmt: skip
        self.outer.build.equation = ""
        token = self.outer.build.emit("loop", [*arguments, *starts], (), loop)
        for m in outputs:
            self._result(token, m, outputs.index(m), "array", "final")
        for m, alias in aliases.items():
            if alias is not None:
                self._result(token, m, rec.carries.index(alias), "before", "")

    def _entry(self, carry: Carry, aliases: dict[Definition, Carry | None]) -> str:
        """The name of a carried value: that of the member which it is, as h_prev, or one of its own."""
        found = next((self.outer.names[m] for m, alias in aliases.items() if alias is carry), None)
        return found or self.outer.free_name(
            f"{self.outer.names[carry.member]}_{'next' if self.recurrence.way > 0 else 'prev'}"
        )

    # -- what the body reads -----------------------------------------------------------------------------------------
    def _arguments(self, inner: Lowering, bodies: dict[Definition, Any]) -> tuple[list[Value], list[Input]]:
        marks = {carry.mark for carry in self.recurrence.carries}
        values: dict[str, Value] = {}
        inputs: list[Input] = []
        for body in bodies.values():
            for reference in references(body):
                target = owner(reference)
                if target is None or target in self.recurrence.members or target in marks or target in inner.stored:
                    continue
                stored = self.outer.stored[target]
                name = f"@{stored.value.name}"
                if stored.value.name not in values:
                    values[stored.value.name] = stored.value
                    inputs.append(Input(name, stored.value.shape, stored.value.dtype))
                inner.stored[target] = replace(stored, value=replace(stored.value, name=name))
        return list(values.values()), inputs

    def _start(self, carry: Carry) -> Value:
        """The first value of a carried member, in full shape."""
        shape = carry.mark.shape
        start = freshen(sp.sympify(carry.start, strict=True)).xreplace(self._moved(carry.member.rank))
        self.outer.build.equation = ""
        found: Value = self.outer.whole(start, shape)
        return found

    def _hoisted(self, member: Definition, body: Any) -> Any:
        """The body with sums that do not depend on the steps before computed for all times at once.

        The same goes for what stands under brackets: it may read entries that are there at some times only.
        """
        marks = {carry.mark for carry in self.recurrence.carries}

        apart = (*REDUCTIONS, Iverson, sp.Piecewise)

        def depends(e: Any) -> bool:
            return any(owner(r) in marks or owner(r) in self.recurrence.members for r in references(e))

        def walk(e: Any) -> Any:
            if not e.has(*apart):
                return e
            if not depends(e):
                return self._before(member, e)
            if isinstance(e, (*REDUCTIONS, sp.Indexed)):
                return e
            if isinstance(e, sp.Add):
                free = [t for t in e.args if not depends(t)]
                if any(t.has(*apart) for t in free):
                    rest = (walk(t) for t in e.args if t not in free)
                    return self._before(member, sp.Add(*free)) + sp.Add(*rest)
            return e.func(*map(walk, e.args))

        return walk(body)

    def _before(self, member: Definition, e: Any) -> Any:
        """An element of a new definition that is computed before the loop."""
        made = define(f"{member.name}_input", member.shape, e)
        if made not in self.outer.stored:
            self.outer.extra(made)
        return made.at(*made.indices)

    # -- the body ----------------------------------------------------------------------------------------------------
    def _body(self, inner: Lowering, computed: Sequence[Definition], bodies: dict[Definition, Any]) -> dict[Any, Value]:
        values: dict[Definition, Value] = {}
        for m in computed:
            own = self.outer.names[m]
            local = self.outer.free_name(f"{own}_t")
            rhs = bodies[m].xreplace(self._moved(m.rank))
            at_one_time = Definition(local, m.label, self.recurrence.without(m.shape), rhs)
            start = len(inner.build.instructions)
            inner.equation(at_one_time, local)
            inner.build.instructions[start:] = [replace(s, equation=own) for s in inner.build.instructions[start:]]
            stored: Stored = inner.stored.pop(at_one_time)
            values[m] = stored.value
            axes = self._places(m)
            places = tuple(None if p is None else axes[p] for p in stored.places)
            inner.stored[m] = replace(stored, places=places)
        return values

    def _places(self, member: Definition) -> tuple[int, ...]:
        """The axes of a member that its value at one time has."""
        return self.recurrence.without(range(member.rank))

    def _moved(self, rank: int) -> dict[Any, Any]:
        """The renaming of an equation's indices to those of one time, and of the time to the loop's."""
        others = self.recurrence.own(rank)
        return {old: free_index(axis) for axis, old in enumerate(others)} | {self.recurrence.time: self.counter}

    # -- what is read after the loop ---------------------------------------------------------------------------------
    def _uses(self, member: Definition) -> set[str]:
        """How a member is read by others: at all times ("array"), or at the last one alone ("final")."""
        if member in self.outer.system.outputs:
            return {"array"}
        found = set()
        for d in self.outer.system.equations:
            if d in self.recurrence.members:
                continue
            for reference in references(d.rhs):
                if owner(reference) is member:
                    last = sp.expand(reference.indices[self.recurrence.axis] - self.recurrence.last) == 0
                    found.add("final" if last else "array")
        return found

    def _result(self, token: Value, member: Definition, position: int, array: str, final: str) -> None:
        uses = self._uses(member)
        if not uses:
            return
        self.outer.build.equation = self.outer.names[member]
        if uses == {"final"} and final:
            shape = self.recurrence.without(member.shape)
            value = self.outer.build.emit("result", [token], _axes(len(shape)), final, position, shape)
            self.outer.stored[member] = self.outer.stored_as(value, self._places(member))
        else:
            value = self.outer.build.emit("result", [token], member.indices, array, position, member.shape)
            value = self.outer.rename(value, self.outer.names[member])
            self.outer.stored[member] = self.outer.stored_as(value, range(member.rank))


def _axes(rank: int) -> tuple[Any, ...]:
    return tuple(free_index(axis) for axis in range(rank))
