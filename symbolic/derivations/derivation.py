r"""Derivations: the engine's own run as a tree of steps, each with its rule and a formula before and after.

The equations of the output come first, then one adjoint for each intermediate in reverse order. Under each adjoint
stand the chain rule, the local derivatives, the elimination of the deltas, and what was collected: they are what
:mod:`.adjoint` did, recorded while it did it. :meth:`Derivation.check` holds every line against the one before it.

>>> from gradproof.symbolic.arrays.array import array
>>> X, w, y = array("X", ("m", "n")), array("w", ("n",)), array("y", ("m",))
>>> r = (X @ w - y).named("r")
>>> derivation = derive((r @ r / 2).named("C"), wrt=[w])
>>> print(derivation.summary())
(1)  r = X w − y
(2)  C = 1/2 ‖r‖²
(3)  ∂C/∂C = 1
(4)  ∂C/∂r = r
(5)  ∂C/∂w = Xᵀ r
>>> derivation.check().name
'certified'
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sympy as sp

from gradproof.errors import UsageError
from gradproof.verdicts import Verdict

from ..arrays.array import Array, as_array
from ..calculus.adjoint import backward
from ..calculus.cotangents import Adjoints, AdjointStep
from ..equations.contraction import delta
from ..equations.definition import Definition, System, define, ordered, owner, references
from ..equations.dims import bound_index, free_index
from ..equations.nodes import LocalPartial, Sum
from ..equations.tidy import tidy
from ..recurrences.written import in_step_order, written
from .block_names import name_blocks
from .initial import Start, starts_before
from .latex import shown
from .local_rules import local_rule
from .matrix_form import matrix_expression
from .matrix_nodes import Node
from .notation import Notation, Range, output_name
from .times import Times


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what a rule made of a formula.

    ``kind`` says what stands on the left: the "value" of ``target``, its "adjoint", a "partial" derivative (which is
    then ``before``), or a "term" on its way. ``ranges`` are the free indices of ``before`` and ``after``;
    ``matrix_before`` and ``matrix_after`` are their matrix forms where they have one.
    """

    number: str
    rule: str
    kind: str
    target: Definition
    ranges: tuple[Range, ...]
    before: Any
    after: Any
    matrix_before: Node | None = None
    matrix_after: Node | None = None
    note: str = ""
    steps: tuple[Step, ...] = ()
    start: Start | None = None
    """Where the step says what a recurrence starts with: then the left side is the state before the first step."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes of the free indices: the shape of what the step computes."""
        return tuple(last - first + 1 for _, first, last in self.ranges)

    def walk(self) -> Iterator[Step]:
        """This step and everything below it, in reading order."""
        yield self
        for step in self.steps:
            yield from step.walk()


@dataclass(frozen=True, repr=False)
class Derivation:
    """A derivation of the derivative of ``output`` by ``wrt``.

    ``equations`` are the forward equations; ``results`` has one definition for each of ``wrt`` (a gradient of its
    shape, or a Jacobian of shape output.shape + wrt.shape).
    """

    output: Definition
    wrt: tuple[Definition, ...]
    results: tuple[Definition, ...]
    equations: tuple[Definition, ...]
    steps: tuple[Step, ...]
    notation: Notation = field(repr=False)
    original: Definition = field(repr=False)

    def __repr__(self) -> str:
        return f"<derivation of {len(self.results)} results in {len(self.steps)} equations>\n{self.summary()}"

    @property
    def inputs(self) -> tuple[Definition, ...]:
        return System.of(self.output, *self.results).inputs

    def walk(self) -> Iterator[Step]:
        """Every step, sub-steps after the step they belong to."""
        for step in self.steps:
            yield from step.walk()

    def replaced(self, old: Step, new: Step) -> Derivation:
        """The same derivation with one step, wherever it stands, replaced."""

        def visit(step: Step) -> Step:
            if step is old:
                return new
            inner = tuple(visit(s) for s in step.steps)
            return dataclasses.replace(step, steps=inner) if inner != step.steps else step

        return dataclasses.replace(self, steps=tuple(visit(s) for s in self.steps))

    def check(self, seeds: Sequence[int] = (1, 2)) -> Verdict:
        """Every line against the one before it: :func:`gradproof.symbolic.derivations.derivation_check.check`."""
        from .derivation_check import check

        return check(self, seeds)

    def checks(self, seeds: Sequence[int] = (1, 2)) -> dict[str, Verdict]:
        """The verdict on each step, by its number, and on the results against differences of the output."""
        from .derivation_check import checks

        return checks(self, seeds)

    # -- as documents -------------------------------------------------------------------------------------------------
    def latex(self, form: str = "both") -> str:
        """A complete LaTeX document; ``form`` is "matrix", "index" or "both"."""
        from .documents import render

        return render(self, "tex", form)

    def markdown(self, form: str = "both") -> str:
        """Markdown with formulas between dollar signs."""
        from .documents import render

        return render(self, "md", form)

    def _repr_markdown_(self) -> str:
        """What notebooks show."""
        return self.markdown()

    def html(self, form: str = "both") -> str:
        """One HTML page that needs nothing else: formulas as MathML, steps that open and close."""
        from .documents import render

        return render(self, "html", form)

    def text(self, form: str = "both") -> str:
        """Plain text for a terminal."""
        from .documents import plain_text

        return plain_text(self, form)

    def summary(self) -> str:
        """One line a numbered equation, in matrix form where there is one."""
        from .documents import summary

        return summary(self)

    def write(self, path: str | os.PathLike[str], form: str = "both") -> Path:
        """Write the document that the suffix of ``path`` names: .tex, .html, .md, or .pdf by pdflatex.

        :class:`~gradproof.errors.UsageError` for another suffix, or where pdflatex is not installed or stops.
        """
        from .documents import write

        return write(self, path, form)


def derive(y: Any, wrt: Any) -> Derivation:
    """The derivation of the gradient (of a scalar ``y``) or the Jacobian by each array of ``wrt``."""
    original = as_array(y).definition
    targets = _targets(wrt)
    (output, *inner), _ = written(tidy([original, *targets], by=targets))
    system = System.of(output)
    everything = {*system.inputs, *system.equations}
    names = dict(system.names)
    names.update({d: d.name for d in inner if d not in names})
    if output.name in ("t", "c"):
        name = output_name(output)
        names[output] = name if name not in names.values() else f"{name}_out"
    for d in inner:
        if d not in everything:
            known = ", ".join(names[i] for i in system.inputs)
            rest = f"its arrays are {known}" if known else "it is constant, so every derivative of it is 0"
            raise UsageError(f"{names[output]} does not depend on {d.name}; {rest}")
    extra, seed = _seed(output)
    found = backward([(output, seed)], inner, extra, {d: f"d_{n}" for d, n in names.items()})
    helpers = _helpers(found, names)
    printed = {*shown(system), *(s.target for s in found.steps), *(u for d in helpers for u in d.uses)}
    forward = (*in_step_order([d for d in system.equations if d in printed]), *helpers)
    results = tuple(_result(found, d, extra, names) for d in inner)
    adjoints = {c.definition: d for d, c in found.of.items() if c.definition is not None}
    adjoints |= dict(zip(results, inner, strict=True))
    mixed = frozenset(s.target for s in found.steps if output in _users(s) and len(_users(s)) > 1)
    recorded = _in_step_order(found.steps)
    times = Times.of([*system.equations, *helpers, *(s.adjoint for s in recorded if s.adjoint is not None)])
    notation = Notation.of(names, adjoints, output, mixed, times)
    notation.reused = frozenset(d for s in found.steps for d in map(owner, references(s.after)) if d is not None)
    numbers = iter(range(1, 10**6))
    steps = []
    for d in forward:
        steps += [_start_step(state, str(next(numbers)), times) for state in starts_before(d, forward, times)]
        steps.append(_forward_step(d, str(next(numbers)), times))
    name_blocks(notation, {s.target: s.matrix_after for s in steps if s.start is None})
    steps += [_adjoint_step(s, found, str(next(numbers)), times) for s in recorded]
    return Derivation(output, tuple(inner), results, forward, tuple(steps), notation, original)


def _helpers(found: Adjoints, names: dict[Definition, str]) -> tuple[Definition, ...]:
    """Intermediates that the derivatives introduce (the softmax behind a logsumexp), named in ``names``."""
    own = {c.definition for c in found.of.values()}
    used = [d for s in found.steps for e in (s.before, s.after) for d in map(owner, references(e)) if d is not None]
    fresh = [d for d in ordered(dict.fromkeys(used)) if d not in names and d not in own]
    for d in fresh:
        taken = set(names.values())
        names[d] = next(
            n for n in itertools.chain([d.name], (f"{d.name}_{k}" for k in itertools.count(2))) if n not in taken
        )
    return tuple(d for d in fresh if not d.is_input)


def _targets(wrt: Any) -> list[Definition]:
    many = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    if not many:
        raise UsageError("wrt is empty; name at least one array")
    for array in many:
        if not isinstance(array, Array):
            raise UsageError(f"wrt must be symbolic arrays, not {type(array).__name__}")
    return [a.definition for a in many]


def _seed(output: Definition) -> tuple[tuple[Range, ...], Any]:
    """1 for a scalar; for an array, deltas between the output's index and the Jacobian's leading indices."""
    if not output.rank:
        return (), sp.S.One
    extra = output.ranges
    own = [free_index(output.rank + a) for a in range(output.rank)]
    known = {i: (a, b) for i, a, b in extra} | {p: (a, b) for p, (_, a, b) in zip(own, extra, strict=True)}
    return extra, sp.Mul(*(delta(p, i, known) for p, i in zip(own, output.indices, strict=True)))


def _result(found: Adjoints, target: Definition, extra: tuple[Range, ...], names: dict[Definition, str]) -> Definition:
    cotangent = found.of.get(target)
    if cotangent is not None and cotangent.definition is not None:
        return cotangent.definition
    shape = tuple(b - a + 1 for _, a, b in extra) + target.shape
    return define(f"d_{names[target]}", shape, sp.S.Zero if cotangent is None else cotangent.expression)


# -- steps ------------------------------------------------------------------------------------------------------------
def _in_step_order(recorded: Sequence[AdjointStep]) -> list[AdjointStep]:
    """Adjoints of a recurrence after those that they read at their own time."""
    named = [s.adjoint for s in recorded if s.adjoint is not None]
    place = {d: p for p, d in enumerate(in_step_order(named))}
    own = iter(sorted((place[s.adjoint], p) for p, s in enumerate(recorded) if s.adjoint is not None))
    return [s if s.adjoint is None else recorded[next(own)[1]] for s in recorded]


def _forward_step(d: Definition, number: str, times: Times) -> Step:
    node = _node(d.rhs, d.ranges, times)
    return Step(number, "definition", "value", d, tuple(d.ranges), d.rhs, d.rhs, node, node)


def _start_step(state: Definition, number: str, times: Times) -> Step:
    start = Start.of(state, times)
    value, node = start.value, start.node()
    return Step(number, "initial state", "value", state, start.ranges, value, value, node, node, start=start)


def _node(expression: Any, ranges: Sequence[Range], times: Times) -> Node | None:
    return matrix_expression(expression, ranges, [last - first + 1 for _, first, last in ranges], times)


def _adjoint_step(recorded: AdjointStep, found: Adjoints, number: str, times: Times) -> Step:
    target = recorded.target
    free = (*found.extra, *((p, a, b) for p, (_, a, b) in zip(recorded.indices, target.ranges, strict=True)))
    after = recorded.after
    node = _node(after, free, times)
    if not recorded.contributions:
        return Step(number, "start", "adjoint", target, free, after, after, node, node)

    def step(rule: str, kind: str, before: Any, result: Any, ranges: Sequence[Range] = free, **more: Any) -> Step:
        return Step("", rule, kind, target, tuple(ranges), before, result, **more)

    chained = _chain(recorded, found)
    steps = [_local_step(recorded, found, user, step) for user in _users(recorded)]
    if not isinstance(chained, LocalPartial):
        steps.append(step("chain rule", "adjoint", chained, recorded.before))
    contracted = sp.Add(*(t.after for t in recorded.terms))
    for term in recorded.terms:
        inner = tuple(step(r.rule, "term", r.before, r.after, r.ranges) for r in term.rules if r.before != r.after)
        if term.before != term.after:
            rule = inner[0].rule if len(inner) == 1 else "delta elimination" if inner else "collect"
            steps.append(step(rule, "term", term.before, term.after, steps=inner if len(inner) > 1 else ()))
    if contracted != after:
        steps.append(step("collect", "adjoint", contracted, after))
    if node is not None and (free or after.has(sp.Sum)):
        steps.append(step("matrix form", "adjoint", after, after, matrix_after=node))
    whole = Step(number, "chain rule", "adjoint", target, free, chained, after, None, node, steps=tuple(steps))
    return _numbered(whole, number)


def _numbered(step: Step, number: str) -> Step:
    """7, its steps 7a, 7b, ..., theirs 7b.1, 7b.2, ..."""
    inner = tuple(
        _numbered(s, f"{number}{_letters(k)}" if number.isdigit() else f"{number}.{k + 1}")
        for k, s in enumerate(step.steps)
    )
    return dataclasses.replace(step, number=number, steps=inner)


def _letters(k: int) -> str:
    return chr(97 + k) if k < 26 else _letters(k // 26 - 1) + chr(97 + k % 26)


def _element(d: Definition, index: Sequence[Any]) -> Any:
    """An element, with 0 along axes of size 1."""
    return d.at(*(sp.S.Zero if n == 1 else i for i, n in zip(index, d.shape, strict=True)))


def _users(recorded: AdjointStep) -> list[Definition]:
    return list(dict.fromkeys(user for user, _ in recorded.contributions))


def _chain(recorded: AdjointStep, found: Adjoints) -> Any:
    """Σ over the uses v, Σ over their elements I, of v̄[I] ∂v[I]/∂u[P]: the chain rule, not worked out."""
    target = _element(recorded.target, recorded.indices)
    seeds = len(recorded.terms) - len(recorded.contributions)
    terms = [t.before for t in recorded.terms[:seeds]]
    for user in _users(recorded):
        summed = [bound_index(100 + a) for a in range(user.rank)]
        place = [sp.S.Zero if n == 1 else s for s, n in zip(summed, user.shape, strict=True)]
        body = found.of[user].at(place) * LocalPartial(_element(user, summed), target)
        limits = [(s, a, b) for s, (_, a, b) in zip(summed, user.ranges, strict=True) if a != b]
        terms.append(Sum(body, *limits) if limits else body)
    return sp.Add(*terms, evaluate=False) if len(terms) > 1 else terms[0]


def _local_step(recorded: AdjointStep, found: Adjoints, user: Definition, step: Any) -> Step:
    """The local derivative of one use: ∂v[I]/∂u[P], from the terms of v's differential."""
    target = recorded.target
    own = [free_index(100 + a) for a in range(target.rank)]
    ranges = [*user.ranges, *((p, a, b) for p, (_, a, b) in zip(own, target.ranges, strict=True))]
    known = {i: (a, b) for i, a, b in ranges}
    total = []
    for used_by, term in recorded.contributions:
        if used_by is not user:
            continue
        known_here = known | {k: (a, b) for k, a, b in term.summed}
        deltas = sp.Mul(*(delta(p, j, known_here) for p, j in zip(own, term.index, strict=True)))
        body = term.coefficient * deltas
        total.append(Sum(body, *term.summed) if term.summed else body)
    before = LocalPartial(_element(user, user.indices), _element(target, own))
    note = "the value of the equation itself is named" if any(
        t.coefficient.has(user.label) for u, t in recorded.contributions if u is user
    ) else ""  # fmt: skip
    result: Step = step(local_rule(user, target), "partial", before, sp.Add(*total), ranges, note=note)
    return result
