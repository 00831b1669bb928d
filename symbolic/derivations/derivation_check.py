"""Each line of a derivation against the one before it, by values that know nothing of how the lines were made.

At random small sizes and inputs, in ball arithmetic of 2048 bits, over every index: the formula before a step against
the formula after it; a local derivative, and the chain rule made of local derivatives, against central differences of
the equations with the step 2⁻⁴⁰⁰; a matrix form, evaluated as matrices, against the index form; and the results
against differences of the output along a random direction. Agreement to 200 digits is ``certified``. What it does not
see: a line that is right at these sizes and wrong at others, or wrong in a region of the inputs where no sample fell.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import flint
import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.verdicts import Verdict

from ..equations.definition import Definition
from ..equations.values import STEP_BITS, Valuation, precision

if TYPE_CHECKING:
    from .derivation import Derivation, Step

DIGITS = 200
MAX_ELEMENTS = 48
"""A formula with more elements than this is compared at a random choice of so many."""


def check(derivation: Derivation, seeds: Sequence[int] = (1, 2)) -> Verdict:
    """One verdict for all: refuted with the first wrong line, unknown with the first undecided one, else certified."""
    every = checks(derivation, seeds)
    for name in ("refuted", "unknown"):
        for where, verdict in every.items():
            if verdict.name == name:
                return Verdict(name, f"step {where}: {verdict.reason}" if where != "inputs" else verdict.reason)
    return Verdict("certified", f"{len(every)} lines agree to {DIGITS} digits at random inputs of {len(seeds)} shapes")


def checks(derivation: Derivation, seeds: Sequence[int] = (1, 2)) -> dict[str, Verdict]:
    """A verdict for every step by its number, and for every result by the name of what it is the derivative by."""
    verdicts: dict[str, Verdict] = {}
    with precision():
        for seed in seeds:
            try:
                at = _point(derivation, seed)
            except UnsupportedError as error:
                return {"inputs": Verdict("unknown", str(error))}
            rng = random.Random(seed)
            for step in derivation.walk():
                if verdicts.get(step.number, True):
                    verdicts[step.number] = _step(step, at, rng)
            for target, result in zip(derivation.wrt, derivation.results, strict=True):
                where = f"d{derivation.notation.names[target]}"
                if verdicts.get(where, True):
                    verdicts[where] = _result(derivation, target, result, at, rng)
    return verdicts


def _point(derivation: Derivation, seed: int) -> Valuation:
    """Random inputs; positive ones where the output is not a number elsewhere (a logarithm, a root)."""
    definitions = [derivation.original, derivation.output, *derivation.results]
    at = Valuation.random(definitions, seed)
    if derivation.original.group:
        return at
    values = np.asarray(at.array(derivation.original), dtype=object)
    if all(v.is_finite() for v in values.ravel()):
        return at
    return Valuation.random(definitions, seed, positive=True)


def _step(step: Step, at: Valuation, rng: random.Random) -> Verdict:
    try:
        return _lines(step, at, rng)
    except UnsupportedError as error:
        return Verdict("unknown", str(error))


def _lines(step: Step, at: Valuation, rng: random.Random) -> Verdict:
    ranges = [(i, at.size(first), at.size(last)) for i, first, last in step.ranges]
    elements = list(_elements(ranges, rng))
    for index in elements:
        bindings = {i: k for (i, _, _), k in zip(ranges, index, strict=True)}
        if step.before is not step.after:
            before, after = at.value(step.before, bindings), at.value(step.after, bindings)
            wrong = _differ(before, after)
            if wrong:
                return _refuted(step.rule, index, before, after, at)
    for node, expression in ((step.matrix_before, step.before), (step.matrix_after, step.after)):
        if node is None:
            continue
        value = np.asarray(node.value(at), dtype=object)
        shape = tuple(last - first + 1 for _, first, last in ranges)
        if value.shape != (*shape, *(1,) * (2 - len(shape))):
            return Verdict("refuted", f"{step.rule}: the matrix form has shape {value.shape}, not {shape}")
        value = value.reshape(shape)
        for index in elements:
            inner = at.value(expression, {i: k for (i, _, _), k in zip(ranges, index, strict=True)})
            own = value[tuple(k - first for k, (_, first, _) in zip(index, ranges, strict=True))]
            if _differ(inner, own):
                return _refuted(f"{step.rule}, in matrix form", index, inner, own, at)
    if step.kind == "value" and step.before is step.target.rhs:
        return Verdict("certified", "the equation that is given, and its matrix form")
    return Verdict("certified")


def _elements(ranges: Sequence[tuple[Any, int, int]], rng: random.Random) -> Iterator[tuple[int, ...]]:
    spans = [range(first, last + 1) for _, first, last in ranges]
    count = int(np.prod([len(s) for s in spans])) if spans else 1
    if count <= MAX_ELEMENTS:
        yield from itertools.product(*spans)
    else:
        for _ in range(MAX_ELEMENTS):
            yield tuple(rng.choice(s) for s in spans)


def _differ(left: Any, right: Any) -> bool:
    """Whether two balls are apart by more than 200 digits of what they measure."""
    difference = left - right
    if not difference.is_finite():
        raise UnsupportedError("a value is not finite at a random input")
    scale = flint.arb(1) + abs(left.mid()) + abs(right.mid())
    if difference.rad() > scale * flint.arb(10) ** -DIGITS:
        raise UnsupportedError(f"fewer than {DIGITS} digits are left at a random input")
    return bool(abs(difference.mid()) > scale * flint.arb(10) ** -DIGITS)


def _refuted(what: str, index: Sequence[int], before: Any, after: Any, at: Valuation) -> Verdict:
    where = f" at index {tuple(index)}" if index else ""
    sizes = ", ".join(f"{d} = {n}" for d, n in at.sizes.items())
    return Verdict(
        "refuted",
        f"{what}{where}: {_short(before)} before and {_short(after)} after" + (f" (with {sizes})" if sizes else ""),
    )


def _short(ball: Any) -> str:
    return str(float(ball.mid()))


def _result(
    derivation: Derivation, target: Definition, result: Definition, at: Valuation, rng: random.Random
) -> Verdict:
    """The derivative along a random direction against central differences of the original output."""
    # an intermediate of the derivation is not the one of the original equations, which were fused
    output = derivation.original if target.is_input else derivation.output
    if target.group:
        return Verdict("unknown", "a member of a recurrence is not moved by itself, so no differences are taken")
    try:
        values = np.asarray(at.array(result), dtype=object)
        before = np.asarray(at.array(target), dtype=object)
        direction = np.empty(before.shape, dtype=object)
        for index in np.ndindex(*before.shape):
            direction[index] = flint.arb(flint.fmpq(rng.randint(-50, 50) * 2 + 1, 64))
        step = flint.arb(2) ** -STEP_BITS
        ends = []
        for move in (step, -step):
            shifted = Valuation(at.sizes, {d: a for d, a in at.arrays.items() if d.is_input})
            shifted.arrays[target] = np.asarray(before + direction * move, dtype=object)
            ends.append(np.asarray(shifted.array(output), dtype=object))
        measured = np.asarray((ends[0] - ends[1]) / (2 * step), dtype=object)
        along = np.asarray(values * direction, dtype=object)
        claimed = np.asarray(along.sum(axis=tuple(range(measured.ndim, values.ndim))), dtype=object)
        for index in np.ndindex(*measured.shape):
            if _differ(measured[index], claimed[index]):
                return _refuted("the derivative along a random direction", index, measured[index], claimed[index], at)
    except UnsupportedError as error:
        return Verdict("unknown", str(error))
    return Verdict("certified", "equal to central differences of the output along a random direction")


__all__ = ["DIGITS", "check", "checks"]
