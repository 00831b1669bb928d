"""Fusion: small intermediates are put into their uses, so that a system reads as a person would write it.

``z = X @ W + b`` becomes one equation, ``np.sum((z - Y) ** 2) / m`` another. What a person would keep stays apart:
named intermediates, pre-activations (a contraction inside a nonlinear function), reductions with a stable form
(logsumexp, max), and everything that is used more than once and is not trivial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from .collecting import is_elementwise
from .contraction import contract
from .definition import PLAIN_NAMES, Definition, define, ordered, owner, references
from .digits import rejoined
from .functions import exceeds
from .like_terms import with_like_terms_added
from .named_values import with_names
from .nodes import REDUCTIONS, Iverson, Reduction
from .shifts import without_shifts
from .symmetry import is_symmetric, oriented
from .tidying import tidy_scalar

_ROWS = frozenset({"one_hot", "simplex"})

_LARGEST = 48
"""An equation does not grow beyond this many operations."""

_SHORT = 20
"""Nor does one that takes an adjoint in, beyond this many."""

_MEDIUM = 40
"""One that is made of elements alone takes it in up to this many."""


def tidy(
    definitions: Sequence[Definition],
    keep: Sequence[Definition] = (),
    by: Sequence[Definition] = (),
    adjoints: bool = False,
) -> tuple[Definition, ...]:
    """Equivalent definitions over fused equations (the same function of the same inputs); ``keep`` stays as it is.

    With ``adjoints``, those of intermediates without a name go into what is made of them element by element, too.

    ``by`` are the arrays that derivatives are to be taken by. A derivative is that of the formula as it stands, with
    all entries independent: that one of them is symmetric is not made use of.
    """
    outputs = tuple(definitions)
    order = ordered(outputs)
    moved = _moved(order, by)
    barrier = _upstream_of_groups(order) | set(keep)
    users = _users(order)
    kept: dict[Definition, Definition] = {}
    inlined: set[Definition] = set()
    for definition in _after_their_targets(order):
        if definition.is_input or definition in barrier or definition.group:
            kept[definition] = definition
            continue
        rhs = _rewritten(definition, kept, inlined, moved)
        if definition not in moved:
            rhs = with_like_terms_added(rhs)
        rebuilt, target = definition, definition.derivative_of
        target = kept.get(target, target) if target is not None else None
        if rhs != definition.rhs or target is not definition.derivative_of:
            words, name = definition.assumptions, definition.name
            rebuilt = define(name, definition.shape, tidy_scalar(rhs), assumptions=words, derivative_of=target)
        kept[definition] = rebuilt
        fits = _goes_inline(definition, rebuilt, users[definition])
        fits = fits or _is_of_elements(definition, rebuilt, users[definition])
        if definition not in outputs and (fits or (adjoints and _is_passed_on(definition, rebuilt, users[definition]))):
            inlined.add(definition)
    fixed = {*keep, *by, *(kept[d] for d in by if d in kept)}
    return _settled(_settled(tuple(kept[d] for d in outputs), fixed, without_shifts), fixed, with_names)


def _settled(
    outputs: tuple[Definition, ...], keep: set[Definition], rewrite: Callable[..., tuple[Definition, ...]]
) -> tuple[Definition, ...]:
    order = ordered(outputs)
    return rewrite(outputs, _after_their_targets(order), keep | _upstream_of_groups(order))


def _after_their_targets(order: list[Definition]) -> list[Definition]:
    """The same in an order in which an adjoint also stands after what it is the adjoint of."""
    members, done = set(order), dict[Definition, None]()
    for root in order:
        stack = [root]
        while stack:
            below = (*stack[-1].uses, *([stack[-1].derivative_of] if stack[-1].derivative_of in members else []))
            waiting = [d for d in below if d is not None and d in members and d not in done]
            if waiting and stack[-1].group is None:
                stack.extend(waiting)
            else:
                done[stack.pop()] = None
    return list(done)


def _moved(order: list[Definition], by: Sequence[Definition]) -> set[Definition]:
    """The symmetric arrays among ``by``, and everything that depends on them."""
    moved = {d for d in by if "symmetric" in d.assumptions}
    for d in order if moved else ():
        members = d.group or [d]
        if any(used in moved for member in members for used in member.uses):
            moved.update(members)
    return moved


def _upstream_of_groups(order: list[Definition]) -> set[Definition]:
    grouped = [d for d in order if d.group]
    return set(ordered(grouped)) if grouped else set()


def _users(order: list[Definition]) -> dict[Definition, list[tuple[Definition, Any]]]:
    """Every use of a definition: who uses it, and by which reference."""
    users: dict[Definition, list[tuple[Definition, Any]]] = {d: [] for d in order}
    for definition in order:
        if definition.rhs is not None:
            for reference in references(definition.rhs):
                target = owner(reference)
                if target in users:
                    users[target].append((definition, reference))
    return users


def _rewritten(
    definition: Definition, kept: dict[Definition, Definition], inlined: set[Definition], moved: set[Definition]
) -> Any:
    mapping: dict[Any, Any] = {}
    for reference in references(definition.rhs):
        target = owner(reference)
        assert target is not None
        index = tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()
        now = kept[target]
        if target in inlined and (
            _may_take(definition.rhs, reference, now)
            or (now.derivative_of is not None and _is_factor(definition.rhs, reference))
        ):
            mapping[reference] = now.expanded_at(*index)
            continue
        turns = target not in moved and is_symmetric(now)
        if now is not target or turns:
            mapping[reference] = now.at(*(oriented(index) if turns else index))
    return (
        _rows_summed(_compared(rejoined(definition.rhs.xreplace(mapping))), definition) if mapping else definition.rhs
    )


def _compared(rhs: Any) -> Any:
    """Comparisons of what has been put in, in their shorter spelling."""
    found = {e: exceeds(*e.args[0].args) for e in rhs.atoms(Iverson) if isinstance(e.args[0], sp.Gt)}
    return rhs.xreplace(found) if found else rhs


def _rows_summed(rhs: Any, definition: Definition) -> Any:
    """Sums over a delta, or over rows known to sum to one, which may show only where a copy of them is put in."""
    sums = [
        s
        for s in rhs.atoms(sp.Sum)
        if s.has(KroneckerDelta) or any(_ROWS & d.assumptions for r in references(s) if (d := owner(r)))
    ]
    ranges = {index: (first, last) for index, first, last in definition.ranges}
    return rhs.xreplace({s: contract(s.args[0], [tuple(limit) for limit in s.limits], ranges) for s in sums})


def _may_take(rhs: Any, reference: Any, value: Definition) -> bool:
    """A contraction goes only where it stands as a term or a factor: never under a function, a power or a sum."""
    if not value.rhs.has(*REDUCTIONS):
        return True
    for term in sp.Add.make_args(rhs):
        if reference in sp.Mul.make_args(term):
            return not any(f.has(reference) for f in sp.Mul.make_args(term) if f != reference)
    return False


def _goes_inline(definition: Definition, rebuilt: Definition, users: list[tuple[Definition, Any]]) -> bool:
    rhs, uses = rebuilt.rhs, len(users)
    if definition.name not in PLAIN_NAMES and not _is_copy(rhs):
        return False
    if isinstance(rhs, Reduction) or rhs.has(Reduction):
        return False
    if _is_copy(rhs):
        return True
    if rhs.count_ops() > _LARGEST:
        return False
    if rhs.has(sp.Sum):
        return uses == 1 and all(_may_take(d.rhs, r, rebuilt) for d, r in users)
    cheap = not rhs.has(sp.Function) and rhs.count_ops() <= 2
    return uses == 1 or (cheap and uses <= 3)


def _is_passed_on(definition: Definition, rebuilt: Definition, users: list[tuple[Definition, Any]]) -> bool:
    """Whether an adjoint of an intermediate without a name is a short factor of one term: numbers meet there."""
    target, rhs = definition.derivative_of, rebuilt.rhs
    if target is None or target.name not in PLAIN_NAMES or len(users) != 1 or rhs.has(Reduction, sp.Piecewise):
        return False
    ((user, reference),) = users
    if rhs.has(sp.Sum):  # a sum that is a factor of one term: its size may make a mean of it
        alone = isinstance(rhs, (sp.Mul, sp.Sum)) and sum(f.has(sp.Sum) for f in sp.Mul.make_args(rhs)) == 1
        short = rhs.count_ops() + user.rhs.count_ops() <= _MEDIUM
        return alone and short and not user.rhs.has(sp.Sum) and _is_factor(user.rhs, reference)
    short = rhs.count_ops() + user.rhs.count_ops() <= _SHORT
    return short and isinstance(rhs, (sp.Mul, sp.Pow)) and _is_factor(user.rhs, reference)


def _is_of_elements(definition: Definition, rebuilt: Definition, users: list[tuple[Definition, Any]]) -> bool:
    """Whether an adjoint of an intermediate without a name, and its one use, are products and sums of elements."""
    target = definition.derivative_of
    if target is None or target.name not in PLAIN_NAMES or len(users) != 1 or not is_elementwise(rebuilt.rhs):
        return False
    ((user, _),) = users
    if user.group or not is_elementwise(user.rhs) or user.shape != definition.shape:
        return False
    return bool(rebuilt.rhs.count_ops() + user.rhs.count_ops() <= _MEDIUM)


def _is_factor(rhs: Any, reference: Any) -> bool:
    """Whether a reference stands in one term, as a factor of it, or so in a sum that is a factor."""
    held = [term for term in sp.Add.make_args(rhs) if term.has(reference)]
    factors = [f for f in sp.Mul.make_args(held[0]) if f.has(reference)] if len(held) == 1 else []
    return len(factors) == 1 and (factors[0] == reference or (factors[0].is_Add and _is_factor(factors[0], reference)))


def _is_copy(rhs: Any) -> bool:
    """A number or dimension times one reference: a transpose, a slice, a sign, a scale."""
    factors = sp.Mul.make_args(rhs)
    held = [f for f in factors if list(references(f))]
    return len(held) <= 1 and all(isinstance(f, sp.Indexed) or owner(f) is not None for f in held)
