"""What reverse mode makes: a cotangent for each intermediate, and the steps that led to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..equations.contraction import Rewriting
from ..equations.definition import Definition, freshen, substitute
from ..equations.dims import Range
from .local import Contribution


@dataclass(frozen=True, slots=True)
class Cotangent:
    """The adjoint of one definition as a function of its index: by name where it has one, else by its expression."""

    extra: tuple[Any, ...]
    indices: tuple[Any, ...]
    expression: Any
    definition: Definition | None = None
    factors: tuple[Definition, ...] = ()
    """Definitions that the expression refers to and nothing else holds yet."""

    def at(self, index: Sequence[Any]) -> Any:
        """The cotangent at ``index`` (the extra indices stay as they are)."""
        if self.definition is not None:
            return self.definition.at(*self.extra, *index)
        return substitute(freshen(self.expression), dict(zip(self.indices, index, strict=True)))


@dataclass(frozen=True, slots=True)
class AdjointStep:
    """What was done for one intermediate: the chain rule as first written, and what is left of it.

    ``terms`` holds, for each seed and then for each contribution, the sum with its deltas and what they left.
    """

    target: Definition
    contributions: tuple[tuple[Definition, Contribution], ...]
    before: Any
    after: Any
    indices: tuple[Any, ...]
    adjoint: Definition | None
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of an adjoint: the chain rule with its deltas, without them, and the rules in between."""

    before: Any
    after: Any
    rules: tuple[Rewriting, ...] = ()


@dataclass(slots=True)
class Adjoints:
    """The cotangents of everything that an output depends on."""

    extra: tuple[Range, ...]
    targets: tuple[Definition, ...] = ()
    of: dict[Definition, Cotangent] = field(default_factory=dict)
    steps: list[AdjointStep] = field(default_factory=list)
    index_arrays: dict[Any, tuple[Any, Any]] = field(default_factory=dict)
    sizes: dict[Any, Any] = field(default_factory=dict)
    """How large a dimension is at least, since an element at a fixed place is read."""
    made: list[Definition] = field(default_factory=list)
    """Definitions that the cotangents refer to and nothing else holds yet."""
