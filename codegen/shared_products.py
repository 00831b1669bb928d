"""Products that share an operand become one: gates that stand side by side in a weight are computed together.

``x @ W[:, :k]`` and ``x @ W[:, k:]`` are columns of ``x @ W``, ``a @ U[:k] + b @ U[k:]`` is ``[a | b] @ U``, and
``[x.T @ a | x.T @ b]`` is ``x.T @ [a | b]``. BLAS then works on one wide matrix, and what is done to each of the parts
alike (a bias, an activation) is done to all of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sympy as sp

from gradproof.symbolic.equations.dims import same_dim

from .program import Instruction, Program
from .rewriter import Rewriter

Held = TypeVar("Held")
ELEMENTWISE: Final = frozenset({"add", "sub", "mul", "div", "neg", "function"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A part ``source[..., start:stop]`` of an array, along ``axis`` counted from the last one (−1)."""

    source: str
    axis: int
    start: Any
    stop: Any


def cut_of(step: Instruction | None) -> Cut | None:
    """What an instruction takes of another array, where that is a slice of one axis and nothing else."""
    if step is None or step.op != "index" or len(step.args) != 1:
        return None
    slices = [(axis, item) for axis, item in enumerate(step.params) if item[0] != "all"]
    if len(slices) != 1 or slices[0][1][0] != "slice" or slices[0][1][3] != 1 or slices[0][1][2] is None:
        return None
    ((axis, (_, start, stop, _, _)),) = slices
    return Cut(step.args[0], axis - len(step.params), start, stop)


def cuts_of(program: Program) -> dict[str, Cut]:
    found = ((s.name, cut_of(s)) for s in program.instructions)
    return {name: cut for name, cut in found if cut is not None}


def chains(parts: Iterable[tuple[Any, Any, Held]]) -> list[list[tuple[Any, Any, Held]]]:
    """Parts (start, stop, what) in rows in which each one starts where the one before it stops; two or more in each."""
    left = list(parts)
    rows = []
    while left:
        row = [left.pop(0)]
        while True:
            after = next((p for p in left if same_dim(p[0], row[-1][1])), None)
            before = next((p for p in left if same_dim(p[1], row[0][0])), None)
            if after is None and before is None:
                break
            found = after if after is not None else before
            assert found is not None
            left.remove(found)
            row = [*row, found] if found is after else [found, *row]
        if len(row) > 1:
            rows.append(row)
    return rows


class Joiner(Rewriter):
    """A rewriter that takes parts of arrays."""

    def take(self, source: str, axis: int, start: Any, stop: Any, like: Instruction, name: str = "") -> str:
        """``source[..., start:stop]`` along an axis, or the source itself where that is all of it."""
        shape = self.shapes[source]
        place = len(shape) + axis
        if not name and start == 0 and same_dim(stop, shape[place]):
            return source
        part = ("slice", sp.expand(start), sp.expand(stop), 1, sp.expand(stop - start))
        items = tuple(part if a == place else ("all",) for a in range(len(shape)))
        return self.add("index", (source,), items, like, name)


# -- one left operand -------------------------------------------------------------------------------------------------
def products_of_columns(program: Program) -> Program:
    """x @ W[:, :k] and x @ W[:, k:] as columns of x @ W."""
    cuts = cuts_of(program)
    shapes = program.shapes
    families: dict[Any, list[tuple[Any, Any, Instruction]]] = {}
    for s in program.instructions:
        cut = cuts.get(s.args[1]) if s.op == "matmul" and s.name not in program.outputs else None
        if cut is not None and cut.axis == -1 and len(shapes[s.args[1]]) == 2:
            families.setdefault((s.args[0], cut.source), []).append((cut.start, cut.stop, s))
    return _together(program, families, _columns)


def _columns(result: Joiner, key: Any, row: Sequence[tuple[Any, Any, Instruction]], first: Instruction) -> str:
    left, source = key
    wide = result.take(source, -1, row[0][0], row[-1][1], first)
    return result.add("matmul", (left, wide), (), first)


def elementwise_of_parts(program: Program) -> Program:
    """a[:, :k] + b[:, :k] and a[:, k:] + b[:, k:] as parts of a + b, and what is done to these likewise."""
    while (found := _elementwise_of_parts(program, program.outputs)) is not program:
        program = found
    return program


def elementwise_of_parts_in_loops(program: Program) -> Program:
    """The same of what a loop stores, too: it is copied anyway."""
    while (found := _elementwise_of_parts(program, ())) is not program:
        program = found
    return program


def _elementwise_of_parts(program: Program, apart: Sequence[str]) -> Program:
    cuts, shapes = cuts_of(program), program.shapes
    families: dict[Any, list[tuple[Any, Any, Instruction]]] = {}
    for s in program.instructions:
        found = [cuts.get(a) for a in s.args]
        held = [c for c in found if c is not None and c.axis == -1]
        if s.op not in ELEMENTWISE or not held or s.name in apart:
            continue
        start, stop = held[0].start, held[0].stop
        others = [a for a, c in zip(s.args, found, strict=True) if c not in held]
        alike = all((c.start, c.stop) == (start, stop) for c in held)
        if alike and all(shapes[a][-1:] in ((), (1,)) for a in others):
            sources = tuple((c.source, True) if c in held and c is not None else (a, False)
                            for a, c in zip(s.args, found, strict=True))  # fmt: skip
            families.setdefault((s.op, s.params, sources), []).append((start, stop, s))
    return _together(program, families, _elementwise)


def _elementwise(result: Joiner, key: Any, row: Sequence[tuple[Any, Any, Instruction]], first: Instruction) -> str:
    op, params, sources = key
    args = [result.take(a, -1, row[0][0], row[-1][1], first) if cut else a for a, cut in sources]
    return result.add(op, tuple(args), params, first)


def _together(
    program: Program, families: Mapping[Any, Sequence[tuple[Any, Any, Instruction]]],
    make: Callable[[Joiner, Any, Sequence[tuple[Any, Any, Instruction]], Instruction], str],
) -> Program:  # fmt: skip
    """Each row of a family as parts of one value, which is made where the first of the row stands."""
    rows = [(key, row) for key, parts in families.items() for row in chains(parts)]
    place = {s.name: p for p, s in enumerate(program.instructions)}
    rows = [(key, row) for key, row in rows if _early(program, place, row)]
    if not rows:
        return program
    made: dict[int, str] = {}
    row_of = {s.name: number for number, (_, row) in enumerate(rows) for _, _, s in row}
    starts = {s.name: start for _, row in rows for start, _, s in row}
    stops = {s.name: stop for _, row in rows for _, stop, s in row}
    result = Joiner(program)
    for s in program.instructions:
        number = row_of.get(s.name)
        if number is None:
            result.keep(s)
            continue
        key, row = rows[number]
        if number not in made:
            made[number] = make(result, key, row, s)
        low = row[0][0]
        result.take(made[number], -1, starts[s.name] - low, stops[s.name] - low, s, s.name)
    return result.program()


def _early(program: Program, place: Mapping[str, int], row: Sequence[tuple[Any, Any, Instruction]]) -> bool:
    """Whether all that a row reads is there where its first member stands."""
    first = min(place[s.name] for _, _, s in row)
    steps = {s.name: s for s in program.instructions}
    for _, _, s in row:
        for a in s.args:
            source = steps[a].args[0] if a in steps and steps[a].op == "index" else a
            if place.get(source, -1) > first:
                return False
    return True


# -- one right operand ------------------------------------------------------------------------------------------------
def sums_of_products(program: Program) -> Program:
    """a @ U[:k] + b @ U[k:] as [a | b] @ U, and the same for a transposed U."""
    uses, cuts, shapes = uses_of(program), cuts_of(program), program.shapes
    steps = {s.name: s for s in program.instructions}

    def rows_of(name: str) -> tuple[str, bool, Any, Any] | None:
        """The array whose rows a matrix is, whether transposed, and which."""
        s = steps.get(name)
        if s is not None and s.op == "transpose" and s.params == ((1, 0),):
            cut = cuts.get(s.args[0])
            return (cut.source, True, cut.start, cut.stop) if cut is not None and cut.axis == -1 else None
        cut = cuts.get(name)
        return (cut.source, False, cut.start, cut.stop) if cut is not None and cut.axis == -2 else None

    def terms(name: str) -> list[str]:
        s = steps.get(name)
        if s is not None and s.op == "add" and uses[name] == 1:
            return [t for a in s.args for t in terms(a)]
        return [name]

    inner = {a for s in program.instructions if s.op == "add" for a in s.args if uses[a] == 1}
    result = Joiner(program)
    for s in program.instructions:
        if s.op != "add" or s.name in inner:
            result.keep(s)
            continue
        every = [t for a in s.args for t in terms(a)]
        families: dict[Any, list[tuple[Any, Any, Instruction]]] = {}
        for t in every:
            product = steps.get(t)
            found = rows_of(product.args[1]) if product is not None and product.op == "matmul" else None
            if product is not None and found is not None and uses[t] == 1 and len(shapes[product.args[1]]) == 2:
                families.setdefault(found[:2], []).append((found[2], found[3], product))
        rows = [(key, row) for key, parts in families.items() for row in chains(parts)]
        if not rows:
            result.keep(s)
            continue
        joined = {product.name for _, row in rows for _, _, product in row}
        values = [t for t in every if t not in joined]
        for (source, turned), row in rows:
            wide = row[0][2]
            left = result.add("concatenate", tuple(p.args[0] for _, _, p in row), (len(wide.axes) - 1,), wide)
            right = result.take(source, -1 if turned else -2, row[0][0], row[-1][1], wide)
            right = result.add("transpose", (right,), ((1, 0),), wide) if turned else right
            last = len(values) == 0 and (source, turned) == rows[-1][0]
            values.append(result.add("matmul", (left, right), (), s, s.name if last and len(rows) == 1 else ""))
        total = values[0]
        for number, value in enumerate(values[1:], start=2):
            total = result.add("add", (total, value), (), s, s.name if number == len(values) else "")
    return result.program()


def joined_products(program: Program) -> Program:
    """[x.T @ a | x.T @ b] as x.T @ [a | b], and sums of joined arrays likewise."""
    steps = {s.name: s for s in program.instructions}
    uses = uses_of(program)
    result = Joiner(program)
    for s in program.instructions:
        parts = [steps.get(a) for a in s.args] if s.op == "concatenate" else []
        if not parts or any(p is None or uses[p.name] != 1 for p in parts):
            result.keep(s)
            continue
        found = of_joined([p for p in parts if p is not None], s.params[0], result)
        if found is None:
            result.keep(s)
            continue
        op, before, axis, after, params = found
        joined = result.add("concatenate", tuple(p.args[len(before)] for p in parts if p is not None), (axis,), s)
        result.add(op, (*before, joined, *after), params, s, s.name)
    return result.program()


def of_joined(parts: Sequence[Instruction], axis: int, result: Rewriter) -> Any:
    """(op, operands before, axis of the operands that differ, operands after, params) of products that can be one."""
    op, params = parts[0].op, parts[0].params
    if any(p.op != op or p.params != params for p in parts):
        return None
    rank = len(parts[0].shape)
    own = len(result.shapes[parts[0].args[-1]])
    one_left = len({p.args[0] for p in parts}) == 1
    if op == "matmul" and one_left and axis == rank - 1 and own == 2:
        return op, parts[0].args[:1], 1, (), params
    if op == "tensordot" and one_left:
        summed = params[1]
        free = [a for a in range(own) if a not in summed]
        lead = rank - len(free)
        return (op, parts[0].args[:1], free[axis - lead], (), params) if axis >= lead else None
    if op == "sum" and not params[1]:
        free = [a for a in range(own) if a not in params[0]]
        return op, (), free[axis], (), params
    return None


def uses_of(program: Program) -> Counter[str]:
    return Counter([a for s in program.instructions for a in s.args] + list(program.outputs))
