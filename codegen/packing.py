"""Separate weights of gates become one: what a loop multiplies by the same operand is put side by side before it.

With ``h @ Ui``, ``h @ Uf``, ... in a loop, ``[Ui | Uf | ...]`` is made once, and the loop is given its columns, which
:mod:`.shared_products` then multiplies as one. What is added to the products goes the same way, and so do the products
of what the loop leaves: ``x.T @ di``, ``x.T @ df``, ... are columns of ``x.T @ [di | df | ...]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradproof.symbolic.equations.dims import same_dim

from .program import Instruction, Loop, LoopTime, Program
from .shared_products import ELEMENTWISE, Joiner, of_joined, uses_of


def packed_operands(program: Program) -> Program:
    """The operands that a loop multiplies and adds alike, as columns of one array that is made before the loop."""
    orders: dict[frozenset[str], list[str]] = {}
    packs = {s.name: _packs(program, s, orders) for s in program.instructions if s.op == "loop"}
    if not any(packs.values()):
        return program
    result = _Packer(program)
    for s in program.instructions:
        columns: dict[str, str] = {}
        for names in packs.get(s.name, ()):
            if columns.keys().isdisjoint(names):
                columns |= result.columns(names, s)
        result.keep(replace(s, args=tuple(columns.get(a, a) for a in s.args)) if columns else s)
    return result.program()


def products_of_results(program: Program) -> Program:
    """x.T @ a and x.T @ b, of what a loop leaves, as columns of x.T @ [a | b] where it has joined a and b itself."""
    steps = {s.name: s for s in program.instructions}
    families: dict[Any, dict[str, Instruction]] = {}
    for s in program.instructions:
        source = steps.get(s.args[-1]) if s.op in ("tensordot", "sum", "matmul") and s.args else None
        if source is not None and source.op == "result" and source.params[0] == "array":
            families.setdefault((source.args[0], s.op, s.args[:-1], s.params), {}).setdefault(source.name, s)
    rows: dict[str, tuple[list[Instruction], Any]] = {}
    for (token, *_), members in families.items():
        for names in _joined_in(steps[token].params[0], {name: steps[name].params[1] for name in members}):
            row = [members[name] for name in names]
            rows |= {s.name: (row, names) for s in row}
    if not rows:
        return program
    result, made = Joiner(program), dict[str, str]()
    for s in program.instructions:
        row, names = rows.get(s.name, ([], ()))
        if not row:
            result.keep(s)
            continue
        first = row[0].name
        if first not in made:
            found = of_joined(row, len(s.shape) - 1, result)
            if found is None or found[2] != len(result.shapes[names[0]]) - 1:
                rows = {name: value for name, value in rows.items() if value[0] is not row}
                result.keep(s)
                continue
            op, before, axis, after, params = found
            joined = result.add("concatenate", tuple(names), (axis,), s)
            made[first] = result.add(op, (*before, joined, *after), params, s)
        start = sum((p.shape[-1] for p in row[: [p.name for p in row].index(s.name)]), start=s.shape[-1] * 0)
        result.take(made[first], -1, start, start + s.shape[-1], s, s.name)
    return result.program()


def _joined_in(loop: Loop, positions: Mapping[str, int]) -> Iterable[list[str]]:
    """Results of a loop that its body joins along the last axis, in the order in which it does."""
    names = {loop.body.outputs[position]: name for name, position in positions.items()}
    for s in loop.body.instructions:
        if s.op == "concatenate" and s.params[0] == len(s.shape) - 1 and set(s.args) <= names.keys():
            yield [names[a] for a in s.args]


# -- what a loop is given ---------------------------------------------------------------------------------------------
def _packs(program: Program, step: Instruction, orders: dict[frozenset[str], list[str]]) -> list[list[str]]:
    """Operands of a loop that can stand side by side, in the order that they had in earlier loops."""
    (loop,) = step.params
    entries = loop.body.inputs[: len(loop.body.inputs) - len(loop.carried)]
    outer = dict(zip((i.name for i in entries), step.args, strict=False))
    found = []
    for row in (*_columns(loop.body, outer), *_sums(loop.body, outer)):
        names = [outer[entry] for entry in row]
        if len(set(names)) == len(names):
            found.append(orders.setdefault(frozenset(names), names))
    return found


def _columns(body: Program, outer: Mapping[str, str]) -> Iterable[list[str]]:
    """The right operands of products with one left operand, and what is added to each of these likewise.

    Those of which the same is made afterwards, as of the gates with one activation, stand beside each other.
    """
    families: dict[Any, dict[str, Instruction]] = {}
    shapes = body.shapes
    for s in body.instructions:
        if s.op == "matmul" and s.args[1] in outer and len(shapes[s.args[1]]) == 2:
            families.setdefault(s.args[0], {}).setdefault(s.args[1], s)
    for family in families.values():
        if len(family) < 2:
            continue
        rows = [list(family)]
        members = list(family.values())
        while (found := _all_added(body, members, outer)) is not None:
            rows.append([entry for _, entry in found])
            members = [s for s, _ in found]
        kinds = list(dict.fromkeys(_use(body, s) for s in members))
        order = sorted(range(len(members)), key=lambda p: kinds.index(_use(body, members[p])))
        yield from ([row[p] for p in order] for row in rows)


def _use(body: Program, step: Instruction) -> Any:
    """What is made of a value first."""
    return next(((s.op, s.params) for s in body.instructions if step.name in s.args), None)


def _all_added(
    body: Program, members: Sequence[Instruction], outer: Mapping[str, str]
) -> list[tuple[Instruction, str]] | None:
    """What is added to each of the values, where it is done to all of them alike."""
    found = [f for f in (_added(body, s, outer) for s in members) if f is not None]
    if len(found) < len(members):
        return None
    alike = {(f[0].op, f[0].args.index(s.name), len(body.shapes[f[1]])) for f, s in zip(found, members, strict=True)}
    return found if len(alike) == 1 else None


def _added(body: Program, step: Instruction, outer: Mapping[str, str]) -> tuple[Instruction, str] | None:
    """The only use of a value, and the loop's operand that it is combined with there; it has as many columns."""
    uses = [s for s in body.instructions if step.name in s.args]
    if len(uses) != 1 or step.name in body.outputs or uses[0].op not in ELEMENTWISE or len(uses[0].args) != 2:
        return None
    (other,) = (a for a in uses[0].args if a != step.name) if uses[0].args[0] != uses[0].args[1] else ("",)
    at = next((s for s in body.instructions if s.name == other), None)
    if at is not None and at.op == "index" and len(at.args) == 1 and at.params[-1] == ("all",):
        timed = [item for item in at.params if item[0] == "int" and isinstance(item[1], LoopTime)]
        others = [item for item in at.params if item[0] != "all" and item not in timed]
        other = at.args[0] if timed and not others else ""
    shape = body.shapes.get(other, ())
    return (uses[0], other) if other in outer and shape and same_dim(shape[-1], step.shape[-1]) else None


def _sums(body: Program, outer: Mapping[str, str]) -> Iterable[list[str]]:
    """U in the terms a @ U.T of one sum."""
    steps, uses = {s.name: s for s in body.instructions}, uses_of(body)

    def terms(name: str) -> list[str]:
        s = steps.get(name)
        return [t for a in s.args for t in terms(a)] if s is not None and s.op == "add" else [name]

    inner = {a for s in body.instructions if s.op == "add" for a in s.args if uses[a] == 1}
    for s in body.instructions:
        if s.op != "add" or s.name in inner:
            continue
        row: dict[str, None] = {}
        for product in (steps.get(t) for t in terms(s.name)):
            turned = steps.get(product.args[1]) if product is not None and product.op == "matmul" else None
            if (
                turned is not None
                and turned.op == "transpose"
                and turned.params == ((1, 0),)
                and turned.args[0] in outer
            ):
                row[turned.args[0]] = None
        if len(row) > 1:
            yield list(row)


class _Packer(Joiner):
    """Puts values side by side before a loop."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.made = {s.name: s for s in program.instructions}
        self.uses = uses_of(program)

    def columns(self, names: Sequence[str], like: Instruction) -> dict[str, str]:
        """Each of the values as a part of all of them side by side."""
        whole, start, found = self.beside(names, like), 0, dict[str, str]()
        for name in names:
            width = self.shapes[name][-1]
            found[name] = self.take(whole, -1, start, start + width, like)
            start = start + width
        return found

    def beside(self, names: Sequence[str], like: Instruction) -> str:
        """The values along their last axis; products with one left operand, and sums of these, as one of such."""
        steps = [self.made[name] for name in names if name in self.made and self.uses[name] == 1]
        alike = len(steps) == len(names) and len({(s.op, s.params, len(s.args), len(s.shape)) for s in steps}) == 1
        if alike and steps[0].op == "matmul" and len({(s.args[0], len(self.shapes[s.args[1]])) for s in steps}) == 1:
            right = self.beside([s.args[1] for s in steps], like)
            return self.add("matmul", (steps[0].args[0], right), (), steps[0])
        if alike and steps[0].op in ELEMENTWISE:
            sides = [self._side([s.args[p] for s in steps], steps, like) for p in range(len(steps[0].args))]
            if None not in sides:
                return self.add(steps[0].op, tuple(s for s in sides if s is not None), steps[0].params, steps[0])
        return self.add("concatenate", tuple(names), (len(self.shapes[names[0]]) - 1,), like)

    def _side(self, names: Sequence[str], steps: Sequence[Instruction], like: Instruction) -> str | None:
        """One operand of values that are put side by side: the same for all, or side by side as well."""
        shapes = [self.shapes[name] for name in names]
        if len(set(names)) == 1 and shapes[0][-1:] in ((), (1,)):
            return names[0]
        full = all(shape and same_dim(shape[-1], s.shape[-1]) for shape, s in zip(shapes, steps, strict=True))
        return self.beside(names, like) if full and len({len(shape) for shape in shapes}) == 1 else None
