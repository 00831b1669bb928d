r"""Reverse mode: one adjoint equation per intermediate.

For every definition u, with the cotangent ū of the same shape,

.. math:: \bar u[P] = \sum_{\text{uses } v} \sum_{I, k} \bar v[I] \,
   \frac{\partial v[I]}{\partial u[J(I, k)]} \prod_a \delta(P_a, J_a)

(the chain rule), from which :mod:`.contraction` eliminates the deltas. An adjoint is an equation like any other.
Members of a recurrence give a reversed recurrence by the same rule. A cotangent may carry extra leading indices (a
Jacobian's output index); deltas and outer products in it are never made dense: such a cotangent is kept as an
expression and put into its uses (:mod:`.compressed`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from ..equations.contraction import contract, decide, delta, noted, picks, recording, through_gathers
from ..equations.definition import (
    PLAIN_NAMES,
    Definition,
    define,
    freshen,
    new_label,
    ordered,
    owner,
    references,
    substitute,
)
from ..equations.dims import Range, free_index, fresh_index
from ..equations.nodes import REDUCTIONS, Sum
from ..equations.recurrence import Row, define_recurrence, live
from ..equations.tidying import tidy_scalar
from .cancelling import worked_out
from .compressed import as_products
from .cotangents import Adjoints, AdjointStep, Cotangent, Term
from .exponential import pulled
from .fixed_elements import large_enough, least_sizes
from .local import Contribution, differential, with_names

_WEIGHTS = 3
"""The adjoint of a logarithm of so many factors is put into its use: what it is divided by there may cancel."""


def backward(
    outputs: Sequence[tuple[Definition, Any]],
    wrt: Iterable[Definition],
    extra: tuple[Range, ...] = (),
    names: dict[Definition, str] | None = None,
) -> Adjoints:
    """Adjoint equations for ``wrt``, given each output with its cotangent.

    ``extra`` are the leading indices ``i0, i1, ...`` of every cotangent (none for a gradient); the output's own indices
    come after them, in the cotangents given here as in those derived.
    """
    targets = tuple(wrt)
    order = ordered([d for d, _ in outputs])
    needed = _between(order, targets)
    result = Adjoints(extra, targets, index_arrays=index_arrays(order), sizes=least_sizes(order))
    seeds: dict[Definition, list[Any]] = {}
    for definition, seed in outputs:
        seeds.setdefault(definition, []).append(seed)
    incoming: dict[Definition, list[tuple[Definition, Contribution]]] = {}
    visited: set[Definition] = set()
    for definition in reversed(order):
        if definition not in needed or definition in visited:
            continue
        members = tuple(definition.group) if definition.group else (definition,)
        visited.update(members)
        if len(members) > 1 or definition in definition.uses or definition.group:
            _recurrent(members, incoming, seeds, result, needed, names)
        else:
            _single(definition, incoming, seeds, result, names)
        for member in members:
            if member.rhs is not None and member in result.of:
                for term in with_names(differential(member), member, order):
                    if term.target in needed and term.target not in members:
                        incoming.setdefault(term.target, []).append((member, term))
    return result


def index_arrays(order: list[Definition]) -> dict[Any, tuple[Any, Any]]:
    """Integer arrays used as an index, by label: their entries lie in the range of that axis (else NumPy raises)."""
    found: dict[Any, tuple[Any, Any]] = {}
    for label, ends in _indexed(order):
        if found.setdefault(label, ends) != ends:
            found[label] = (sp.S.Zero, sp.oo)
    return found


def _indexed(order: list[Definition]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    for definition in order:
        if isinstance(definition.rhs, KroneckerDelta) and "one_hot" in definition.assumptions:  # np.eye(k)[y]
            for label in definition.rhs.atoms(sp.Indexed):
                yield label.base.label, definition.ranges[-1][1:]
        for reference in references(definition.rhs) if definition.rhs is not None else ():
            target = owner(reference)
            if target is None or not isinstance(reference, sp.Indexed):
                continue
            for index, (_, first, last) in zip(reference.indices, target.ranges, strict=True):
                if isinstance(index, sp.Indexed):
                    yield index.base.label, (first, last)


def _between(order: list[Definition], targets: tuple[Definition, ...]) -> set[Definition]:
    """The definitions that depend on a target (targets included): only those need an adjoint."""
    result = set(targets)
    for definition in order:
        members = definition.group or [definition]
        if any(used in result for member in members for used in member.uses):
            result.update(members)
    return result


def _single(
    definition: Definition,
    incoming: dict[Definition, list[tuple[Definition, Contribution]]],
    seeds: dict[Definition, list[Any]],
    result: Adjoints,
    names: dict[Definition, str] | None,
) -> None:
    terms = incoming.get(definition, [])
    summands, total, indices = _gather(definition, terms, seeds.get(definition, []), result)
    if total == 0:
        return
    cotangent = _named(definition, total, indices, result, names)
    result.of[definition] = cotangent
    result.steps.append(_step(definition, terms, summands, total, indices, cotangent.definition))


def _step(
    target: Definition, contributions: list[tuple[Definition, Contribution]], terms: tuple[Term, ...], after: Any,
    indices: tuple[Any, ...], adjoint: Definition | None,
) -> AdjointStep:  # fmt: skip
    before = sp.Add(*(term.before for term in terms), evaluate=False)
    return AdjointStep(target, tuple(contributions), before, after, indices, adjoint, terms)


def _gather(
    definition: Definition, terms: list[tuple[Definition, Contribution]], seeds: list[Any], result: Adjoints
) -> tuple[tuple[Term, ...], Any, tuple[Any, ...]]:
    """All contributions to ū[P], and their sum with the deltas eliminated."""
    rank = len(result.extra)
    indices = tuple(free_index(rank + a) for a in range(definition.rank))
    own = _behind(definition, rank)
    ranges = {p: (a.xreplace(own), b.xreplace(own)) for p, (_, a, b) in zip(indices, definition.ranges, strict=True)}
    ranges |= {index: (first, last) for index, first, last in result.extra}
    ranges |= result.index_arrays
    summands = [Term(seed, seed) for seed in seeds]
    for user, term in terms:
        with recording() as rules:
            chained, contracted = transport(user, term, result, indices, ranges)
        summands.append(Term(chained, contracted, tuple(rules)))
    total = large_enough(decide(sp.Add(*(term.after for term in summands)), ranges), result.sizes)
    total = tidy_scalar(total)
    return tuple(summands), worked_out(total, result, ranges), indices


def _behind(definition: Definition, rank: int) -> dict[Any, Any]:
    """The definition's own indices, moved behind ``rank`` extra ones (its ranges may depend on them)."""
    return {free_index(a): free_index(rank + a) for a in range(definition.rank)} if rank else {}


def transport(
    user: Definition, term: Contribution, result: Adjoints, indices: tuple[Any, ...], ranges: dict[Any, Any]
) -> tuple[Any, Any]:
    """One use's contribution at ``indices``: the chain rule with its deltas, and without them."""
    rename = {old: fresh_index() for old in user.indices}
    summed = [(rename[i], first.xreplace(rename), last.xreplace(rename)) for i, first, last in user.ranges]
    inner = {limit[0]: fresh_index() for limit in term.summed}
    rename |= inner
    summed = [(inner[k], a.xreplace(rename), b.xreplace(rename)) for k, a, b in term.summed] + summed
    summed = _innermost_first(summed)
    known = dict(ranges) | {k: (a, b) for k, a, b in summed}
    cotangent = result.of[user].at([rename[i] for i in user.indices])
    coefficient = substitute(freshen(term.coefficient), rename)
    deltas = sp.Mul(*(delta(p, substitute(j, rename), known) for p, j in zip(indices, term.index, strict=True)))
    # contraction is in the order: own free indices last, since the deltas solve for them
    product, left = cotangent * coefficient, summed
    along = pulled(user, [rename[i] for i in user.indices], coefficient, result.of[user].at, result.extra)
    if along is not None:
        whole = {rename[i] for i in user.indices[-2:]}
        left = [limit for limit in summed if limit[0] not in whole]
        gone = [limit for limit in summed if limit[0] in whole]
        product = noted("adjoint of the exponential", product, gone, along[0], known)
        result.made.append(along[1])
    body = deltas * tidy_scalar(product)
    chained = Sum(cotangent * coefficient * deltas, *summed) if summed else body
    return chained, contract(through_gathers(body), left, ranges)


def _innermost_first(limits: list[Range]) -> list[Range]:
    """The order in which sums take limits: one whose range depends on another index stands before that one."""
    pending, result = list(limits), []
    while pending:
        free = (p for p in pending if not any(e.has(p[0]) for q in pending if q is not p for e in q[1:]))
        limit = next(free, pending[0])
        pending.remove(limit)
        result.append(limit)
    return result


def _named(
    definition: Definition, total: Any, indices: tuple[Any, ...], result: Adjoints, names: dict[Definition, str] | None
) -> Cotangent:
    extra = tuple(index for index, _, _ in result.extra)
    shape, first = _frame(definition, result.extra)
    kept = sp.S.Zero
    factors: list[Definition] = []
    if result.extra and not first and definition not in result.targets:
        kept, total = as_products(total, dict(zip((*extra, *indices), shape, strict=True)), factors)
    chosen = not result.extra and _is_dense_less_labels(total, definition, indices)
    if total == 0 or (not chosen and _stays_expression(total, definition, indices, extra)):
        return Cotangent(extra, indices, kept + total, factors=tuple(factors))
    name = (names or {}).get(definition, f"d_{definition.name}")
    named = define(name, shape, total, first=first, derivative_of=definition)
    if kept != 0:
        return Cotangent(extra, indices, kept + named.lhs, factors=(*factors, named))
    return Cotangent(extra, indices, total, named)


def _frame(definition: Definition, extra: tuple[Range, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Shape and first indices of a cotangent: the extra axes, then the definition's."""
    own = _behind(definition, len(extra))
    shape = tuple(b - a + 1 for _, a, b in extra) + tuple(n.xreplace(own) for n in definition.shape)
    if not definition.first:
        return shape, ()
    return shape, tuple(a for _, a, _ in extra) + tuple(a.xreplace(own) for a in definition.first)


def _stays_expression(
    total: Any, definition: Definition, indices: tuple[Any, ...], extra: tuple[Any, ...] = ()
) -> bool:
    """Deltas, bare references, constants, and 1/u (which cancels in the next step) are put into their uses.

    A δ of indices that are summed over meets none of a use's: a sum with one has a name, as other sums do.
    """
    if picks(total, (*extra, *indices)):
        return True
    if total.has(*REDUCTIONS):
        return False
    few = _WEIGHTS if isinstance(definition.rhs, sp.log) and definition.name in PLAIN_NAMES else 1
    if _is_monomial(total) and len(list(references(total))) <= few:
        return True
    own = definition.at(*(sp.S.Zero if n == 1 else i for i, n in zip(indices, definition.shape, strict=True)))
    return any(p.base.has(own) and p.exp.is_negative for p in total.atoms(sp.Pow))


def _is_dense_less_labels(total: Any, definition: Definition, indices: tuple[Any, ...]) -> bool:
    """Whether a total is dense without its labels, as P less the one-hot rows of y: one array for all its uses."""
    own = {i for i, n in zip(indices, definition.shape, strict=True) if n != 1}
    dense: list[Any] = []
    labels: list[Any] = []
    for term in sp.Add.make_args(sp.expand_mul(total, deep=False)):
        deltas = term.atoms(KroneckerDelta)
        (labels if deltas else dense).append(term)
        if not all(any(arg in own for arg in d.args) and any(arg.has(sp.Indexed) for arg in d.args) for d in deltas):
            return False
    return bool(labels) and any(own <= term.free_symbols for term in dense)


def _is_monomial(expression: Any) -> bool:
    """A number or dimension times at most references: nothing worth a name."""
    return all(
        isinstance(f, sp.Indexed) or not list(references(f)) or f.is_Symbol for f in sp.Mul.make_args(expression)
    )


def _recurrent(
    members: tuple[Definition, ...],
    incoming: dict[Definition, list[tuple[Definition, Contribution]]],
    seeds: dict[Definition, list[Any]],
    result: Adjoints,
    needed: set[Definition],
    names: dict[Definition, str] | None,
) -> None:
    """The adjoint of a recurrence: a recurrence that runs the other way, by the same chain rule."""
    rank = len(result.extra)
    extra = tuple(index for index, _, _ in result.extra)
    active = [m for m in members if m in needed]
    labels = {m: new_label((names or {}).get(m, f"d_{m.name}")) for m in active}
    frames = {m: _frame(m, result.extra) for m in active}
    stubs = {m: Definition(labels[m].name, labels[m], frames[m][0], None, first=frames[m][1]) for m in active}
    for m in active:
        indices = tuple(free_index(rank + a) for a in range(m.rank))
        result.of[m] = Cotangent(extra, indices, None, stubs[m])
    inside: dict[Definition, list[tuple[Definition, Contribution]]] = {}
    for m in active:
        for term in differential(m):
            if term.target in labels:
                inside.setdefault(term.target, []).append((m, term))
    rows = []
    gathered = {}
    for m in active:
        terms = incoming.get(m, []) + inside.get(m, [])
        summands, total, indices = _gather(m, terms, seeds.get(m, []), result)
        gathered[labels[m]] = (m, terms, summands, indices)
        rows.append(Row(labels[m], labels[m].name, frames[m][0], total, first=frames[m][1], derivative_of=m))
    for m in active:
        del result.of[m]
    rows = live(rows)
    made = define_recurrence(rows)
    named = {label: definition.label for label, definition in made.items() if definition.label is not label}
    for row in rows:
        m, terms, summands, indices = gathered[row.label]
        total = row.rhs.xreplace(named)
        result.of[m] = Cotangent(extra, indices, total, made[row.label])
        result.steps.append(_step(m, terms, _renamed(summands, named), total, indices, made[row.label]))


def _renamed(terms: tuple[Term, ...], labels: dict[Any, Any]) -> tuple[Term, ...]:
    """The terms with the labels that the members of a recurrence have in the end."""
    if not labels:
        return terms
    return tuple(
        Term(
            term.before.xreplace(labels), term.after.xreplace(labels),
            tuple(replace(r, before=r.before.xreplace(labels), after=r.after.xreplace(labels)) for r in term.rules),
        )
        for term in terms
    )  # fmt: skip
