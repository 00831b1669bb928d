"""Index equations: a definition names an intermediate, a system is an ordered set of definitions.

A :class:`Definition` is ``name[i0, i1, ...] = rhs`` with a plain SymPy scalar expression on the right, in which other
definitions stand as ``Indexed`` (rank 0: as a symbol). Definitions are hash-consed: building the same equation twice
gives the same object, because free and summed indices carry canonical names.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from gradproof.errors import UsageError

from .dims import bound_index, free_index, fresh_index, full_range, show_shape
from .effort import spend
from .nodes import REDUCTIONS, expressions, rebuild
from .signs import sign_of

Index = tuple[Any, ...]

PLAIN_NAMES = frozenset({"t", "c", "I"})
"""Names that operators give; a definition with another name was named by somebody and is kept."""


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Definition:
    """One index equation, or an input when ``rhs`` is None.

    ``assumptions`` holds words such as ``one_hot``, ``symmetric``, ``integer``, ``boolean``, ``simplex`` (the last axis
    sums to one). ``first`` is the first value of each index (0 except in recurrences, whose index may start at 1).
    ``group`` is shared by the members of a recurrence, which refer to each other.
    """

    name: str
    label: sp.Dummy
    shape: tuple[sp.Expr, ...]
    rhs: Any = None
    assumptions: frozenset[str] = frozenset()
    first: tuple[sp.Expr, ...] = ()
    group: list[Definition] | None = field(default=None, repr=False)
    value: Any = field(default=None, repr=False)
    uses: tuple[Definition, ...] = field(default=(), repr=False)
    companions: list[Definition] = field(default_factory=list, repr=False)
    """Definitions that derivatives of this one refer to (softmax beside logsumexp): they live as long as it does."""
    derivative_of: Definition | None = field(default=None, repr=False)
    """The definition whose adjoint (``d_…``) or tangent (``t_…``) this one is; names and notation follow it."""

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def indices(self) -> tuple[sp.Symbol, ...]:
        """The canonical free indices of the equation."""
        return tuple(free_index(a) for a in range(len(self.shape)))

    @property
    def ranges(self) -> tuple[tuple[Any, Any, Any], ...]:
        """Each free index with its first and last value."""
        starts = self.first or (sp.S.Zero,) * len(self.shape)
        return tuple((i, a, a + n - 1) for i, a, n in zip(self.indices, starts, self.shape, strict=True))

    @property
    def base(self) -> Any:
        return sp.IndexedBase(self.label)

    def at(self, *index: Any) -> Any:
        """The element at ``index``: an ``Indexed``, or the symbol itself for rank 0."""
        if len(index) != len(self.shape):
            raise UsageError(f"{self.name} has {len(self.shape)} indices, but {len(index)} were given")
        return sp.Indexed(sp.IndexedBase(self.label), *index) if index else self.label

    @property
    def lhs(self) -> Any:
        return self.at(*self.indices)

    @property
    def is_input(self) -> bool:
        return self.rhs is None

    def expanded_at(self, *index: Any) -> Any:
        """The right-hand side at ``index``, its summed indices renamed apart."""
        return substitute(freshen(self.rhs), dict(zip(self.indices, index, strict=True)))

    def __str__(self) -> str:
        if self.rhs is None:
            return f"{self.name}: {show_shape(self.shape)}"
        return f"{self.name}[{', '.join(map(str, self.indices))}] = {self.rhs}"


_labels: weakref.WeakValueDictionary[sp.Dummy, Definition] = weakref.WeakValueDictionary()
_interned: weakref.WeakValueDictionary[Any, Definition] = weakref.WeakValueDictionary()
_SYMPY_ASSUMPTIONS = ("positive", "nonnegative", "integer", "nonzero")


def new_label(name: str, assumptions: Iterable[str] = ()) -> sp.Dummy:
    """A symbol that refers to one definition and to nothing else."""
    facts = {word: True for word in assumptions if word in _SYMPY_ASSUMPTIONS}
    if not ({"positive", "nonnegative"} & facts.keys()) and {"one_hot", "boolean", "binary"} & set(assumptions):
        facts["nonnegative"] = True
    return sp.Dummy(name, real=True, **facts)


def owner(reference: Any) -> Definition | None:
    """The definition that an ``Indexed`` or a rank-0 symbol refers to; None for anything else."""
    if isinstance(reference, sp.Indexed):
        return _labels.get(reference.base.label)
    return _labels.get(reference) if isinstance(reference, sp.Dummy) else None


def inputs_called(name: str) -> list[Definition]:
    """The inputs of that name that are in use, of whatever shape."""
    return [d for d in list(_labels.values()) if d.name == name and d.rhs is None and d.value is None]


def references(expression: Any) -> Iterator[Any]:
    """The distinct references to definitions in an expression, nested ones (``P[i, y[i]]``) included."""
    seen: set[Any] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, (sp.Indexed, sp.Dummy)) and owner(node) is not None:
            yield node
        # the label of an Indexed is part of it, not a reference of its own
        stack.extend(reversed(node.indices if isinstance(node, sp.Indexed) else node.args))


def input_definition(
    name: str,
    shape: tuple[sp.Expr, ...],
    assumptions: frozenset[str] = frozenset(),
    value: Any = None,
    first: tuple[sp.Expr, ...] = (),
) -> Definition:
    """An input; the same name, shape and assumptions (and for a constant, the same ``value``) give the same one."""
    same = None if value is None else (value.dtype.str, value.tobytes())
    key = ("input", name, shape, assumptions, first, same)
    found = _interned.get(key)
    if found is not None:
        return found
    label = new_label(name, assumptions)
    made = Definition(name, label, shape, None, assumptions, first, value=value)
    _labels[label] = made
    _interned[key] = made
    return made


def placeholder(name: str, shape: tuple[sp.Expr, ...], assumptions: frozenset[str] = frozenset()) -> Definition:
    """An input that is no other one, whatever it is called: what a function is run on to see its equations."""
    label = new_label(name, assumptions)
    made = Definition(name, label, shape, None, assumptions)
    _labels[label] = made
    return made


def define(
    name: str,
    shape: tuple[sp.Expr, ...],
    rhs: Any,
    indices: Sequence[Any] | None = None,
    assumptions: frozenset[str] = frozenset(),
    first: tuple[sp.Expr, ...] = (),
    derivative_of: Definition | None = None,
) -> Definition:
    """The definition ``name[indices] = rhs`` (``indices`` default to the canonical ones), hash-consed."""
    spend()
    rhs = sp.sympify(rhs, strict=True)
    if indices is not None:
        rhs = substitute(rhs, {old: free_index(a) for a, old in enumerate(indices)})
    rhs = canonical(rhs)
    key = (name, shape, rhs, assumptions, first, derivative_of)
    found = _interned.get(key)
    if found is not None:
        return found
    label = new_label(name, assumptions | _inferred(rhs))
    made = Definition(name, label, shape, rhs, assumptions, first, uses=_uses(rhs), derivative_of=derivative_of)
    _labels[label] = made
    _interned[key] = made
    return made


def define_group(members: Sequence[tuple[Any, ...]]) -> list[Definition]:
    """A recurrence: definitions ``(label, name, shape, first, rhs)`` that may refer to each other by their labels.

    Behind these, a member may have its assumptions, and the definition that it is the adjoint or tangent of.
    """
    group: list[Definition] = []
    mine = {label for label, *_ in members}
    for label, name, sizes, starts, rhs, *more in members:
        shape, first = expressions(sizes), expressions(starts)
        body = canonical(sp.sympify(rhs, strict=True))
        outside = tuple(d for d in _uses(body) if d.label not in mine)
        words, target = more or (frozenset(), None)
        made = Definition(name, label, shape, body, words, first, group, uses=outside, derivative_of=target)
        _labels[label] = made
        group.append(made)
    return group


def _uses(rhs: Any) -> tuple[Definition, ...]:
    found: dict[Definition, None] = {}
    for reference in references(rhs):
        definition = owner(reference)
        if definition is not None:
            found[definition] = None
    return tuple(found)


def _inferred(rhs: Any) -> frozenset[str]:
    """Positivity carries over from the right-hand side, so that logarithms and roots of intermediates simplify."""
    sign = sign_of(rhs)
    return frozenset({sign}) if sign else frozenset()


# -- index renaming ---------------------------------------------------------------------------------------------------
def substitute(expression: Any, mapping: dict[Any, Any]) -> Any:
    """Replace index symbols, capture-free as long as summed indices have been renamed apart (:func:`freshen`)."""
    mapping = {old: new for old, new in mapping.items() if old != new}
    return expression.xreplace(mapping) if mapping else expression


def bound(expression: Any) -> list[Any]:
    """The index symbols bound by reductions in an expression, in order of appearance."""
    found: dict[Any, None] = {}
    for node in sp.preorder_traversal(expression):
        if isinstance(node, REDUCTIONS):
            for limit in node.limits:
                found[limit[0]] = None
    return list(found)


def freshen(expression: Any) -> Any:
    """Rename every summed index of an expression to one that nothing else uses."""
    return _rename_bound(expression, lambda: fresh_index())


def canonical(expression: Any) -> Any:
    """Rename summed indices to ``s0, s1, ...``: by first appearance, apart from each other."""
    return _numbered(_with_like_terms_added(expression))


def _numbered(expression: Any) -> Any:
    counter = itertools.count()
    return _rename_bound(freshen(expression), lambda: bound_index(next(counter)))


def _with_like_terms_added(expression: Any) -> Any:
    """Terms that differ in the names of their summed indices alone are one term: Σ_k x_k + Σ_l x_l = 2 Σ_k x_k."""
    if not expression.has(*REDUCTIONS):
        return expression
    if expression.is_Mul:
        return expression.func(*map(_with_like_terms_added, expression.args))
    if expression.is_Add and sum(term.has(*REDUCTIONS) for term in expression.args) > 1:
        return sp.Add(*map(_numbered, expression.args))
    return expression


def _rename_bound(expression: Any, make: Any) -> Any:
    if not expression.has(*REDUCTIONS):
        return expression
    if isinstance(expression, REDUCTIONS):
        mapping = {limit[0]: make() for limit in expression.limits}
        body = _rename_bound(expression.args[0].xreplace(mapping), make)
        limits = tuple(tuple(part.xreplace(mapping) for part in limit) for limit in expression.limits)
        return rebuild(expression, body, limits)
    return expression.func(*(_rename_bound(argument, make) for argument in expression.args))


# -- systems ----------------------------------------------------------------------------------------------------------
def ordered(outputs: Iterable[Definition]) -> list[Definition]:
    """Everything the outputs depend on, inputs included, each after what it uses (members of a group together)."""
    done: dict[Definition, None] = {}
    for root in outputs:
        stack: list[tuple[tuple[Definition, ...], Iterator[Definition]]] = []
        _push(stack, root, done)
        while stack:
            members, pending = stack[-1]
            below = next((d for d in pending if d not in done), None)
            if below is not None:
                _push(stack, below, done)
                continue
            stack.pop()
            for member in members:
                done[member] = None
    return list(done)


def _push(stack: list[Any], definition: Definition, done: dict[Definition, None]) -> None:
    if definition in done:
        return
    members = tuple(definition.group) if definition.group else (definition,)
    needed = dict.fromkeys(d for member in members for d in member.uses if d not in members)
    stack.append((members, iter(needed)))


@dataclass(frozen=True, slots=True, repr=False)
class System:
    """An ordered system of index equations: inputs, equations in order of computation, outputs."""

    outputs: tuple[Definition, ...]
    inputs: tuple[Definition, ...]
    equations: tuple[Definition, ...]

    @classmethod
    def of(cls, *outputs: Definition) -> System:
        """The system that computes ``outputs``; two different inputs of one name are a :class:`UsageError`."""
        everything = ordered(outputs)
        inputs = tuple(d for d in everything if d.is_input)
        seen: dict[str, Definition] = {}
        for definition in inputs:
            other = seen.setdefault(definition.name, definition)
            if other is not definition and definition.value is None:
                raise UsageError(
                    f"two different arrays are called {definition.name!r}: {show_shape(other.shape)} and "
                    f"{show_shape(definition.shape)}, or with other assumptions; give one of them another name"
                )
        return cls(tuple(outputs), inputs, tuple(d for d in everything if not d.is_input))

    @property
    def names(self) -> dict[Definition, str]:
        """A distinct display name for every member: its own, with a number where that is taken.

        The adjoint of ``t_2`` is ``d_t_2``, whatever number it would get by itself. A definition that is not in the
        system has a number of its own as soon as its adjoint is, so that no adjoint reads as that of another one. What
        an activation o is taken of is ``z_o`` where nobody named it.
        """
        from .naming import names_of

        return names_of((*self.inputs, *self.equations))

    @property
    def dimensions(self) -> tuple[sp.Symbol, ...]:
        """The dimension symbols that occur, sorted by name."""
        # the width of an axis may depend on another index (layers of different widths): that is no dimension
        found = {s for d in (*self.inputs, *self.equations) for n in d.shape for s in n.free_symbols - {*d.indices}}
        return tuple(sorted((s for s in found if owner(s) is None), key=str))

    def __len__(self) -> int:
        return len(self.equations)

    def __repr__(self) -> str:
        return "\n".join([f"<system of {len(self.equations)} equations>", *map(str, (*self.inputs, *self.equations))])


__all__ = [
    "Definition", "System", "bound", "canonical", "define", "define_group", "freshen", "full_range", "input_definition",
    "new_label", "ordered", "owner", "placeholder", "references", "substitute",
]  # fmt: skip
