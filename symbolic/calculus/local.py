r"""The local calculus of one equation: its partial derivatives by everything it refers to.

A right-hand side is scalar SymPy with *leaves*: references to other definitions, and reductions. Scalar calculus is
SymPy's; each leaf is one step of the chain rule:

- reference u[J]:          contributes  v · ∂f/∂u  at the element J
- Σ_k body:                the same cotangent goes to the body, with k among the summed indices
- logsumexp_k body:        v · e^{body − value} goes to the body
- max_k body:              v · [body = value] / (number of ties)
- Π_k body, not at s:      v · [k ≠ s] Π body, not at s and k
- C(body_0, ...):          v · ∂C/∂body_k
- f(A)[I] of a matrix A:   v · ∂f(A)[I]/∂A[r, c], by the row of f (:mod:`..equations.matrix_functions`)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations.definition import Definition, define, freshen, owner, references
from ..equations.dims import Range
from ..equations.exponentials import is_exponential
from ..equations.fixed_places import disjoint
from ..equations.matrix_definitions import matrix_definition
from ..equations.matrix_functions import ROWS, Beside, MatrixFunction
from ..equations.nodes import Functional, FunctionalPartial, Iverson, LogSumExp, MaxOver, ProductOver, Reduction, Sum
from ..equations.slopes import as_written
from .exponential import weights
from .other_factors import others


@dataclass(frozen=True, slots=True)
class Contribution:
    """``coefficient`` times the element ``index`` of ``target``, summed over ``summed``: one term of a differential."""

    target: Definition
    index: tuple[Any, ...]
    coefficient: Any
    summed: tuple[Range, ...] = ()


def leaves(expression: Any) -> list[Any]:
    """The references and reductions on which an expression depends differentiably, outermost first."""
    found: dict[Any, None] = {}
    _collect(expression, found)
    return list(found)


def _collect(expression: Any, found: dict[Any, None]) -> None:
    if isinstance(expression, (sp.Sum, Reduction)):
        found[expression] = None
    elif isinstance(expression, (sp.Indexed, sp.Dummy)):
        definition = owner(expression)
        if definition is not None and not (definition.assumptions & {"integer", "boolean"}):
            found[expression] = None
    elif isinstance(expression, sp.Piecewise):
        for branch, _condition in expression.args:
            _collect(branch, found)
    elif not isinstance(expression, Iverson):
        for argument in expression.args:
            _collect(argument, found)


def partials(expression: Any) -> Iterator[tuple[Any, Any]]:
    """Each leaf of a scalar expression with the partial derivative by it, by SymPy's scalar calculus."""
    found = leaves(expression)
    if not found:
        return
    if len(found) == 1 and expression == found[0]:
        yield found[0], sp.S.One
        return
    stand_in = {leaf: _stand_in(leaf) for leaf in found}
    back = {symbol: leaf for leaf, symbol in stand_in.items()}
    flat = _replace(expression, stand_in)
    for leaf, symbol in stand_in.items():
        # sign jumps at 0 and is flat elsewhere; the point mass that distributions put there is no subgradient
        partial = as_written(flat.diff(symbol).replace(sp.DiracDelta, lambda *_: sp.S.Zero))
        if partial.has(sp.Derivative, sp.Subs):
            raise UnsupportedError(f"no derivative is known for {expression}; write it with functions of the table")
        if partial != 0:
            yield leaf, partial.xreplace(back)


def _replace(expression: Any, stand_in: dict[Any, Any]) -> Any:
    """Replace leaves but leave brackets and conditions alone: their derivative is 0 wherever it exists."""
    if expression in stand_in:
        return stand_in[expression]
    if isinstance(expression, (Iverson, sp.Indexed)) or not expression.args:
        return expression
    if isinstance(expression, sp.Piecewise):
        return sp.Piecewise(*((_replace(b, stand_in), c) for b, c in expression.args), evaluate=False)
    return expression.func(*(_replace(argument, stand_in) for argument in expression.args))


def _stand_in(leaf: Any) -> Any:
    facts = {word: True for word in ("positive", "nonnegative") if getattr(leaf, f"is_{word}")}
    return sp.Dummy("u", real=True, **facts)


def differential(definition: Definition) -> list[Contribution]:
    """All first-order terms of an equation: d(lhs) = Σ coefficient · d(target[index]), one entry a reference."""
    result: list[Contribution] = []
    _walk(definition.rhs, sp.S.One, (), definition, result)
    return _merged(result)


def _walk(
    expression: Any, factor: Any, summed: tuple[Range, ...], definition: Definition, result: list[Contribution]
) -> None:
    whole, own = definition.rhs, definition.lhs
    parts = _apart(expression)
    if parts:
        for part, rest in parts:
            _walk(part, factor * rest, summed, definition, result)
        return
    if _by_index(expression):  # each case under its bracket
        ranges, earlier = (*definition.ranges, *summed), list[Any]()
        for branch, condition in expression.args:
            remaining = sp.Mul(*(complement(c, ranges) for c in earlier if not disjoint(c, condition)))
            _walk(branch, factor * remaining * Iverson(condition), summed, definition, result)
            earlier.append(condition)
        return
    for leaf, partial in partials(expression):
        # the equation's own value is named: e^z becomes a, sigmoid(z) becomes a
        coefficient = factor * partial.xreplace({whole: own, expression: own} if not summed else {whole: own})
        if isinstance(leaf, (sp.Sum, Reduction)):
            fresh = freshen(leaf)
            value = own if leaf == expression and not summed else leaf
            for body, weight, limits in _weights(fresh, value, definition if leaf == definition.rhs else None):
                _walk(body, coefficient * weight, summed + tuple(map(tuple, limits)), definition, result)
        else:
            target = owner(leaf)
            assert target is not None
            index = tuple(leaf.indices) if isinstance(leaf, sp.Indexed) else ()
            result.append(Contribution(target, index, coefficient, summed))


def _by_index(e: Any) -> bool:
    """Whether an expression is one of cases by index: the first step of a recurrence, a joined part."""
    return isinstance(e, sp.Piecewise) and not any(list(references(c)) for _, c in e.args)


def _apart(e: Any) -> list[tuple[Any, Any]]:
    """A sum or product that holds cases by index in parts, each with what its differential is multiplied by."""
    if isinstance(e, sp.Mul):
        cases = [f for f in e.args if _by_index(f)]
        others = [f for f in e.args if f not in cases]
        parts = [(case, sp.Mul(*(f for f in e.args if f is not case))) for case in cases]
        return [*parts, (sp.Mul(*others), sp.Mul(*cases))] if cases else []
    if isinstance(e, sp.Add):
        held = [t for t in e.args if any(map(_by_index, sp.Mul.make_args(t)))]
        return [(part, sp.S.One) for part in (*held, sp.Add(*(t for t in e.args if t not in held)))] if held else []
    return []


def complement(condition: Any, ranges: Iterable[Range]) -> Any:
    """``[not condition]``; the negation of "the first" is "one of the later", which sums turn into a range."""
    if isinstance(condition, sp.Eq):
        for index, first, last in ranges:
            if index in condition.args:
                other = condition.rhs if condition.lhs == index else condition.lhs
                if sp.expand(other - first) == 0:
                    return Iverson(index >= other + 1)
                if sp.expand(other - last) == 0:
                    return Iverson(index <= other - 1)
    return Iverson(sp.Not(condition))


def _weights(node: Any, value: Any, definition: Definition | None) -> Iterator[tuple[Any, Any, tuple[Any, ...]]]:
    """The bodies of a reduction, each with ∂node by it and the indices that are summed."""
    if is_exponential(node):
        for body, weight in weights(node, definition):
            yield body, weight, node.ends
        return
    yield node.args[0], _reduction_weight(node, value, definition), node.limits


def _reduction_weight(node: Any, value: Any, definition: Definition | None) -> Any:
    """∂node/∂body at one value of the bound index; ``value`` is what the node evaluates to."""
    body = node.args[0]
    if isinstance(node, sp.Sum):
        return sp.S.One
    if isinstance(node, LogSumExp):
        return _softmax_of(definition, node) if definition is not None else sp.exp(body - value)
    if isinstance(node, MaxOver):
        ties = freshen(Sum(Iverson(sp.Eq(body, value)), *node.limits))
        return Iverson(sp.Eq(body, value)) / ties
    if isinstance(node, ProductOver):
        return others(node, definition)
    if isinstance(node, Functional):
        return FunctionalPartial(node.name, body)
    if isinstance(node, MatrixFunction):
        (r, *_), (c, *_) = node.limits
        return ROWS[node.name].partial(_beside(node, definition), node.index, r, c)
    raise UnsupportedError(f"no derivative is known for {type(node).__name__}")


def _beside(node: Any, definition: Definition | None) -> Beside:
    """Entries of functions of the same matrix: intermediates of their own where the node is an equation's own value."""
    if definition is None:
        return Beside(node, lambda entry: entry)
    batch = definition.indices[: definition.rank - ROWS[node.name].rank]

    def named(entry: Any) -> Any:
        own = entry.name == node.name and entry.args[:3] == node.args[:3]
        made = definition if own else matrix_definition(entry.name, entry, definition.shape[: len(batch)])
        if made is not definition and made not in definition.companions:
            definition.companions.append(made)
        return made.at(*batch, *entry.index)

    return Beside(node, named)


def _softmax_of(definition: Definition, node: Any) -> Any:
    """The element of p = exp(body − logsumexp) as an intermediate of its own: the one that softmax() names, too."""
    shape, index = list(definition.shape), list(definition.indices)
    free = [a for a, n in enumerate(shape) if n == 1 and not definition.rhs.has(index[a])]
    for limit in node.limits:
        index_k, first, last = limit
        if first != 0:
            return sp.exp(node.args[0] - definition.lhs)
        if free:
            axis = free.pop(0)
            shape[axis], index[axis] = last + 1, index_k
        else:
            shape.append(last + 1)
            index.append(index_k)
    pairs = zip(definition.indices, definition.shape, strict=True)
    value = definition.at(*(sp.S.Zero if n == 1 else i for i, n in pairs))
    simplex = {"simplex"} if len(node.limits) == 1 and index[-1] == node.limits[0][0] else set()
    p = define("p", tuple(shape), sp.exp(node.args[0] - value), index, frozenset({"positive", *simplex}))
    if p not in definition.companions:
        definition.companions.append(p)
    return p.at(*index)


def with_names(terms: list[Contribution], definition: Definition, members: Iterable[Definition]) -> list[Contribution]:
    """The terms of an equation's differential with its companions by the names that members of the system give them.

    The softmax beside a logsumexp is the P that somebody named.
    """
    beside = {(d.shape, d.rhs): d for d in definition.companions}
    named = {found: d for d in members if (found := beside.get((d.shape, d.rhs))) is not None}
    if not named or all(found is d for found, d in named.items()):
        return terms
    result = []
    for term in terms:
        held = [(r, d) for r in references(term.coefficient) if (d := owner(r)) in named]
        mapping = {r: named[d].at(*(r.indices if isinstance(r, sp.Indexed) else ())) for r, d in held}
        result.append(replace(term, coefficient=term.coefficient.xreplace(mapping)))
    return result


def _merged(contributions: list[Contribution]) -> list[Contribution]:
    """Terms by the same element without summation are added up (x·x from both sides is 2x)."""
    result: dict[Any, Contribution] = {}
    for number, term in enumerate(contributions):
        key = (term.target, term.index) if not term.summed else number
        earlier = result.get(key)
        if earlier is None:
            result[key] = term
        else:
            result[key] = Contribution(term.target, term.index, earlier.coefficient + term.coefficient)
    return list(result.values())
