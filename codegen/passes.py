"""The passes, in order: each is a named rewriting of the equations or of the lowered program, checked after it ran.

Rewritings of equations (``System → System``) make logarithms stable where the argument is known; rewritings of programs
(``Program → Program``) share work, and bring instructions into the form that NumPy runs best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.symbolic.equations import functions as fn
from gradproof.symbolic.equations.definition import Definition, System, define
from gradproof.symbolic.equations.matrix_functions import ROWS
from gradproof.symbolic.equations.quotients import cancel_quotients, reread, value_of
from gradproof.symbolic.equations.tidy import tidy

from .deltas import split_deltas
from .kept_axes import keep_dimensions, means
from .loop_operands import joined_results, slices_into_loops
from .masks import masks_as_terms
from .packing import packed_operands, products_of_results
from .program import Instruction, Program
from .rewriter import Rewriter
from .shared_products import (
    elementwise_of_parts,
    elementwise_of_parts_in_loops,
    joined_products,
    products_of_columns,
    sums_of_products,
)


# -- equations -------------------------------------------------------------------------------------------------------
def fuse(system: System) -> System:
    """Small intermediates without a name go into their uses: z = X @ W + b is one equation."""
    return System.of(*tidy(system.outputs, adjoints=True))


def stable_logs(system: System) -> System:
    """log softmax(z) = z − logsumexp z; log σ(z) = −softplus(−z); log(1 − σ(z)) = −softplus(z).

    The logarithm of the odds is z again, softplus(z) − softplus(−z) = z.
    """
    kept: dict[Definition, Definition] = {}
    for d in system.equations:
        if d.group:  # its members keep what they refer to
            kept[d] = d
            continue
        rhs = reread(d.rhs, kept)
        logs = {log: _stable_log(log.args[0]) for log in rhs.atoms(sp.log)}
        rhs = rhs.xreplace({log: new for log, new in logs.items() if new is not None})
        if rhs.has(fn.softplus):
            rhs = rhs.replace(lambda e: isinstance(e, sp.Add), _logits)
        kept[d] = d if rhs == d.rhs else _with(d, rhs)
    return System.of(*(kept.get(d, d) for d in system.outputs))


def _with(d: Definition, rhs: Any) -> Definition:
    return define(d.name, d.shape, rhs, assumptions=d.assumptions, derivative_of=d.derivative_of)


def _logits(total: Any) -> Any:
    terms = list(total.args)
    for term in total.args:
        for value in (f for f in sp.Mul.make_args(term) if isinstance(f, fn.softplus)):
            z, factor = value.args[0], term / value
            other = -factor * fn.softplus(-z)
            if term in terms and other in terms:
                terms.remove(term)
                terms.remove(other)
                terms.append(factor * z)
    return sp.Add(*terms)


def _stable_log(argument: Any) -> Any:
    inside = value_of(argument)
    if isinstance(inside, sp.exp):
        return inside.args[0]
    if isinstance(inside, fn.sigmoid):
        return -fn.softplus(-inside.args[0])
    rest = value_of(1 - argument)
    return -fn.softplus(rest.args[0]) if isinstance(rest, fn.sigmoid) else None


def cancel_under_deltas(system: System) -> System:
    """δ(j, y) p[j] / p[y] = δ(j, y): the quotient of a probability that underflows would be 0/0."""
    kept: dict[Definition, Definition] = {}
    for d in system.equations:
        if d.group:  # its members keep what they refer to
            kept[d] = d
            continue
        rhs = reread(d.rhs, kept)
        if rhs.has(KroneckerDelta):
            rhs = rhs.replace(lambda e: isinstance(e, sp.Mul) and e.has(KroneckerDelta), _without_equal_quotients)
        kept[d] = d if rhs == d.rhs else _with(d, rhs)
    return System.of(*(kept.get(d, d) for d in system.outputs))


def _without_equal_quotients(product: Any) -> Any:
    factors = sp.Mul.make_args(product)
    for delta in (f for f in factors if isinstance(f, KroneckerDelta)):
        left, right = delta.args
        for below in (
            f.base for f in factors if isinstance(f, sp.Pow) and f.exp == -1 and isinstance(f.base, sp.Indexed)
        ):
            for above in (f for f in factors if isinstance(f, sp.Indexed) and f.base == below.base):
                if below in (above.xreplace({left: right}), above.xreplace({right: left})):
                    return _without_equal_quotients(product / above * below)
    return product


# -- programs --------------------------------------------------------------------------------------------------------
def common_subexpressions(program: Program) -> Program:
    """The same instruction on the same values is computed once; a value under its equation's name is preferred."""
    seen: dict[Any, str] = {}
    renamed: dict[str, str] = {}
    kept: list[Instruction] = []
    for step in program.instructions:
        args = tuple(renamed.get(a, a) for a in step.args)
        key = (step.op, args, step.params)
        found = seen.get(key)
        if found is not None:
            renamed[step.name] = found
            continue
        seen[key] = step.name
        kept.append(replace(step, args=args))
    return _prefer_names(program, kept, renamed)


def _prefer_names(program: Program, kept: list[Instruction], renamed: dict[str, str]) -> Program:
    better = {old: new for new, old in renamed.items() if old.startswith("_") and not new.startswith("_")}
    equations = {s.name: s.equation for s in program.instructions}
    result = []
    for step in kept:
        name = better.get(step.name, step.name)
        args = tuple(better.get(a, a) for a in step.args)
        equation = equations[name] if name != step.name else step.equation
        result.append(replace(step, name=name, args=args, equation=equation))
    outputs = tuple(better.get(renamed.get(o, o), renamed.get(o, o)) for o in program.outputs)
    return program.replace(tuple(result), outputs)


def expand_logsumexp(program: Program) -> Program:
    """logsumexp z = log Σ exp(z − max z) + max z, and exp(z − logsumexp z) from the same exponentials: e / Σ e."""
    result = Rewriter(program)
    parts: dict[str, tuple[str, str, str]] = {}  # of a logsumexp with kept axes, or of all: (z, exponentials, sum)
    steps = {s.name: s for s in program.instructions}
    for step in program.instructions:
        if step.op == "logsumexp":
            axes, keepdims = step.params
            (z,) = step.args
            kept = keepdims or len(axes) < len(result.shapes[z])
            top = result.add("max", (z,), (axes, kept), step)
            exponentials = result.add("function", (result.add("sub", (z, top), (), step),), ("np.exp({0})",), step)
            total = result.add("sum", (exponentials,), (axes, kept), step)
            log = result.add("function", (total,), ("np.log({0})",), step)
            if keepdims == kept:
                result.add("add", (log, top), (), step, step.name)
                parts[step.name] = (z, exponentials, total)
                continue
            value = result.add("add", (log, top), (), step)
            shape_of = len(result.shapes[value])
            items = tuple(("int", sp.S.Zero) if a in axes else ("all",) for a in range(shape_of))
            result.add("index", (value,), items, step, step.name)
            continue
        source = steps.get(step.args[0]) if step.op == "function" and step.params == ("np.exp({0})",) else None
        found = parts.get(source.args[1]) if source is not None and source.op == "sub" else None
        if source is not None and found is not None and found[0] == source.args[0]:
            _, exponentials, total = found
            result.add("div", (exponentials, total), (), step, step.name)
            continue
        result.keep(step)
    return result.program()


def cancel_transposes(program: Program) -> Program:
    """(Aᵀ)ᵀ = A; Bᵀ Aᵀ = (A B)ᵀ and Aᵀ + Bᵀ = (A + B)ᵀ where that leaves one transpose instead of two."""
    uses = Counter([a for s in program.instructions for a in s.args] + list(program.outputs))
    steps: dict[str, Instruction] = {}
    same: dict[str, str] = {}
    result = Rewriter(program)
    for given in program.instructions:
        step = replace(given, args=tuple(same.get(a, a) for a in given.args))
        steps[step.name] = step
        turned = [s if s is not None and _is_plain_transpose(s) else None for s in map(steps.get, step.args)]
        if _is_plain_transpose(step) and turned[0] is not None and step.name not in program.outputs:
            same[step.name] = turned[0].args[0]
            continue
        first = turned[0] if len(turned) == 2 else None
        second = turned[1] if len(turned) == 2 else None
        if first is not None and second is not None and len(step.shape) == 2 and step.op in ("matmul", "add", "sub"):
            once = step.op == "matmul" or all(uses[s.name] == 1 for s in (first, second))
            args = (first.args[0], second.args[0]) if step.op != "matmul" else (second.args[0], first.args[0])
            if once:
                made = result.add(step.op, args, step.params, replace(step, axes=step.axes[::-1]))
                steps[step.name] = replace(step, op="transpose", args=(made,), params=((1, 0),))
                result.add("transpose", (made,), ((1, 0),), step, step.name)
                continue
        result.keep(step)
    return result.program()


def solve_systems(program: Program) -> Program:
    """A⁻¹ B is solve(A, B) and b A⁻¹ is solve(Aᵀ, b), where the inverse is used for nothing else."""
    uses = Counter([a for s in program.instructions for a in s.args] + list(program.outputs))
    inverses = {
        s.name: s.args[0]
        for s in program.instructions
        if s.op == "linalg" and s.params[0] == ROWS["inv"].numpy and len(s.shape) == 2 and uses[s.name] == 1
    }
    result = Rewriter(program)
    for step in program.instructions:
        left, right = step.args if step.op == "matmul" else ("", "")
        if left in inverses and len(step.shape) <= 2:
            result.add("solve", (inverses[left], right), (), step, step.name)
        elif right in inverses and len(step.shape) == 1:
            turned = result.add("transpose", (inverses[right],), ((1, 0),), replace(step, axes=("1", "1")))
            result.add("solve", (turned, left), (), step, step.name)
        else:
            result.keep(step)
    return result.program()


def _is_plain_transpose(step: Instruction) -> bool:
    return step.op == "transpose" and step.params == ((1, 0),)


def small_powers(program: Program) -> Program:
    """x**2 of a value with a name is x * x, and x**3 of any is x * x * x: NumPy's ``**`` is slow from 3 on.

    So it is at 1.5, which is x * sqrt(x). What is used more than once gets a name.
    """
    named = {i.name for i in program.inputs} | {s.name for s in program.instructions if not s.name.startswith("_")}
    literals = {s.name: s.params[0] for s in program.instructions if s.op == "literal"}
    uses = Counter(a for s in program.instructions for a in s.args)
    result = Rewriter(program)
    for step in program.instructions:
        exponent = literals.get(step.args[1]) if step.op == "pow" else None
        (base, *_) = step.args or ("",)
        if exponent == "3" or (exponent == "2" and (base in named or uses[base] > 1)):
            square = result.add("mul", (base, base), (), step, step.name if exponent == "2" else "")
            if exponent == "3":
                result.add("mul", (square, base), (), step, step.name)
        elif exponent == "1.5" and result.shapes[base]:
            root = result.add("function", (base,), ("np.sqrt({0})",), step)
            result.add("mul", (base, root), (), step, step.name)
        else:
            result.keep(step)
    return result.program()


def dead_code(program: Program) -> Program:
    """Only what the outputs need."""
    needed = set(program.outputs)
    for step in reversed(program.instructions):
        if step.name in needed:
            needed.update(step.args)
    return program.replace(tuple(s for s in program.instructions if s.name in needed))


def inside_loops(program: Program) -> Program:
    """All passes over the bodies of loops."""
    steps = []
    for step in program.instructions:
        if step.op == "loop":
            (loop,) = step.params
            step = replace(step, params=(replace(loop, body=_optimised(loop.body, LOOP_PASSES)),))
        steps.append(step)
    return program.replace(tuple(steps))


EQUATION_PASSES: Final[tuple[Callable[[System], System], ...]] = (
    stable_logs,
    fuse,
    stable_logs,
    cancel_quotients,
    cancel_under_deltas,
    split_deltas,
)
"""What is done to the equations before they are lowered, in order."""

PROGRAM_PASSES: Final[tuple[Callable[[Program], Program], ...]] = (
    common_subexpressions,
    packed_operands,
    products_of_columns,
    elementwise_of_parts,
    slices_into_loops,
    inside_loops,
    common_subexpressions,
    sums_of_products,
    joined_products,
    products_of_results,
    common_subexpressions,
    joined_results,
    keep_dimensions,
    common_subexpressions,
    expand_logsumexp,
    cancel_transposes,
    common_subexpressions,
    small_powers,
    common_subexpressions,
    solve_systems,
    masks_as_terms,
    means,
    common_subexpressions,
    dead_code,
)
"""What is done to the program after it is lowered, in order; each result is validated."""

LOOP_PASSES: Final = tuple(elementwise_of_parts_in_loops if p is elementwise_of_parts else p for p in PROGRAM_PASSES)
"""What is done to the body of a loop."""


def rewrite(system: System) -> System:
    """All passes over the equations."""
    for equation_pass in EQUATION_PASSES:
        system = equation_pass(system)
    return system


def optimise(program: Program) -> Program:
    """All passes over the program."""
    return _optimised(program, PROGRAM_PASSES)


def _optimised(program: Program, passes: Sequence[Callable[[Program], Program]]) -> Program:
    for program_pass in passes:
        program = program_pass(program)
    return program
