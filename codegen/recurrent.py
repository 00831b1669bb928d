"""One recurrence as the body of a loop: its equations at one time, and what is carried from step to step.

A member at the step before stands in an equation in one of these ways, each of which is a carried value with a start:

- ``h0 at the first time, else h[t - 1]``          carried, and starts with h0
- ``[t ≤ T - 2] · d[t + 1]``, linear in it         carried, and starts with 0
- the same + ``δ(t, T - 1) · g``                   carried, and starts with g (the loss reads the last state)
- anything else under a bracket                    carried, starts with 0, and the bracket stays
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import UnsupportedError
from gradproof.symbolic.equations.definition import Definition, freshen, owner, placeholder, references
from gradproof.symbolic.equations.dims import free_index, same_dim
from gradproof.symbolic.equations.nodes import REDUCTIONS, Iverson, rebuild
from gradproof.symbolic.equations.recurrence import step_of


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """The value of a member at the step before, without the axis of the time; ``start`` is its first value, in the
    indices of the member."""

    member: Definition
    start: Any
    mark: Definition


@dataclass
class Recurrence:
    """The members of a group in the order of computation at one time; ``bodies`` hold carried values by their marks."""

    members: Sequence[Definition]
    axis: int = 0
    """The axis of the time: behind the leading ones of a Jacobian."""
    way: int = 0
    """The step to the member that is read: -1 from first to last, +1 from last to first."""
    carries: list[Carry] = field(default_factory=list)
    bodies: dict[Definition, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, group: Sequence[Definition]) -> Recurrence:
        """Read a group; UnsupportedError where its members do not follow each other by one step in one direction."""
        found = cls(group)
        found.axis, found.way = found._direction()
        found.bodies = {m: found._carried(freshen(m.rhs)) for m in group}
        found.members = found._ordered()
        return found

    @property
    def time(self) -> Any:
        return free_index(self.axis)

    @property
    def length(self) -> Any:
        return self.length_along(self.axis)

    def without(self, axes: Sequence[Any]) -> tuple[Any, ...]:
        """A shape or an index without its part of the time."""
        return (*axes[: self.axis], *axes[self.axis + 1 :])

    def own(self, rank: int) -> tuple[Any, ...]:
        """The indices of an equation of ``rank`` axes, without the time."""
        return self.without([free_index(axis) for axis in range(rank)])

    @property
    def last(self) -> Any:
        """The time of the last step."""
        return self.length - 1 if self.way < 0 else sp.S.Zero

    @property
    def edge(self) -> Any:
        """The time of the first step."""
        return sp.S.Zero if self.way < 0 else self.length - 1

    def alias(self, member: Definition) -> Carry | None:
        """The carried value that a member is, where it is nothing else (``h_prev``)."""
        body = self.bodies[member]
        for carry in self.carries:
            own = self.own(member.rank)
            if carry.mark.rank == len(own) and body == carry.mark.at(*own):
                return carry
        return None

    # -- reading -----------------------------------------------------------------------------------------------------
    def _direction(self) -> tuple[int, int]:
        """The axis of the time, and the step to the member that is read."""
        if any(first != 0 for m in self.members for first in m.first):
            raise UnsupportedError("an index that does not start at 0 is not supported by code generation")
        found = step_of(self.members)
        if found is None:
            raise UnsupportedError("a recurrence that does not go step by step along one axis, one way, has no loop")
        if any(not same_dim(m.shape[found[0]], self.length_along(found[0])) for m in self.members):
            raise UnsupportedError("a recurrence over axes of different lengths has no loop")
        return found

    def length_along(self, axis: int) -> Any:
        """The length of an axis of the first member."""
        return self.members[0].shape[axis]

    def _ordered(self) -> list[Definition]:
        pending, done = list(self.members), dict[Definition, None]()
        while pending:
            ready = [m for m in pending if not any(u in pending for u in self._reads(m))]
            if not ready:
                raise UnsupportedError("the members of a recurrence depend on each other at one time")
            done |= dict.fromkeys(ready)
            pending = [m for m in pending if m not in ready]
        return list(done)

    def _reads(self, member: Definition) -> Iterator[Definition]:
        for reference in references(self.bodies[member]):
            found = owner(reference)
            if found is not None:
                yield found

    # -- carried values ----------------------------------------------------------------------------------------------
    def _carried(self, e: Any) -> Any:
        """An expression with carried values for the members at the step before."""
        if not self._shifted_in(e):
            return e
        if isinstance(e, sp.Indexed):
            return self._mark(owner(e), sp.S.Zero).at(*self.without(e.indices))
        if isinstance(e, sp.Piecewise):
            found = self._with_start(e)
            if found is not None:
                return found
        if isinstance(e, sp.Add):
            found = self._with_seed(e)
            if found is not None:
                return found
        if isinstance(e, sp.Mul):
            rest = sp.Mul(*(f for f in e.args if not self._says_inside(f)))
            if rest != e and all(self._linear(f) for f in sp.Mul.make_args(rest)):
                return self._carried(rest)
        if isinstance(e, REDUCTIONS):
            return rebuild(e, self._carried(e.args[0]), tuple(tuple(limit) for limit in e.limits))
        return e.func(*(self._carried(a) for a in e.args))

    def _with_start(self, e: Any) -> Any:
        """``h0 if t = 0 else h[t - 1]`` as one carried value."""
        if len(e.args) != 2 or e.args[1].cond != sp.true or e.args[0].cond not in (
            sp.Eq(self.time, self.edge), sp.Eq(self.edge, self.time)
        ):  # fmt: skip
            return None
        start, later = e.args[0].expr, e.args[1].expr
        if not self._is_bare(later) or start.has(self.time) or self._members_in(start):
            return None
        return self._mark(owner(later), start).at(*self.without(later.indices))

    def _with_seed(self, e: Any) -> Any:
        """``[t ≤ T - 2] d[t + 1] + δ(t, T - 1) g + ...`` with d that starts with g."""
        bare = [
            t for t in e.args if self._is_bare(sp.Mul(*(f for f in sp.Mul.make_args(t) if not self._says_inside(f))))
        ]
        if len(bare) != 1:
            return None
        seeds = [t for t in e.args if any(self._is_edge_delta(f) for f in sp.Mul.make_args(t))]
        start = sp.Add(*(sp.Mul(*(f for f in sp.Mul.make_args(t) if not self._is_edge_delta(f))) for t in seeds))
        start = start.xreplace({self.time: self.edge})
        if not seeds or self._members_in(start):
            return None
        reference = next(f for f in sp.Mul.make_args(bare[0]) if self._is_bare(f))
        rest = sp.Add(*(t for t in e.args if t not in seeds and t is not bare[0]))
        return self._mark(owner(reference), start).at(*self.without(reference.indices)) + self._carried(rest)

    def _mark(self, member: Definition | None, start: Any) -> Definition:
        assert member is not None
        for carry in self.carries:
            if carry.member is member and carry.start == start:
                return carry.mark
        made = Carry(member, start, placeholder(f"{member.name}_carried", self.without(member.shape)))
        self.carries.append(made)
        return made.mark

    def _is_shifted(self, e: Any) -> bool:
        return (
            isinstance(e, sp.Indexed)
            and owner(e) in self.members
            and sp.expand(e.indices[self.axis] - self.time) == self.way
        )

    def _shifted_in(self, e: Any) -> bool:
        return any(self._is_shifted(r) for r in references(e))

    def _members_in(self, e: Any) -> bool:
        return any(owner(r) in self.members for r in references(e))

    def _is_bare(self, e: Any) -> bool:
        """A member at the step before, with the axes of the equation itself."""
        return self._is_shifted(e) and self.without(e.indices) == self.own(len(e.indices))

    def _is_edge_delta(self, e: Any) -> bool:
        return isinstance(e, KroneckerDelta) and set(e.args) == {self.time, self.edge}

    def _says_inside(self, e: Any) -> bool:
        """The bracket that there is a step before this one."""
        if not isinstance(e, Iverson) or not isinstance(e.args[0], (sp.Ge, sp.Gt, sp.Le, sp.Lt)):
            return False
        c = e.args[0]
        excess = c.gts - c.lts - (1 if isinstance(c, (sp.Gt, sp.Lt)) else 0)
        wanted = self.time - 1 if self.way < 0 else self.length - 2 - self.time
        return bool(sp.expand(excess - wanted) == 0)

    def _linear(self, e: Any) -> bool:
        """Whether an expression is 0 where its members at the step before are, or holds none."""
        if self._is_shifted(e) or not self._shifted_in(e):
            return True
        if isinstance(e, sp.Sum):
            return any(self._vanishes(f) for f in sp.Mul.make_args(e.args[0]))
        return False

    def _vanishes(self, e: Any) -> bool:
        return self._is_shifted(e) or (isinstance(e, sp.Sum) and self._linear(e))
