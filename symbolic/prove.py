"""``equal``: whether two symbolic arrays are the same function, for all shapes and all inputs.

- ``proved``: their normal forms coincide, for all shapes and inputs;
- ``refuted``: at a concrete input, whose sizes and entry are named, the balls of the two values do not meet;
- ``certified``: not proved, but equal to 200 digits and more at random inputs of several shapes, in functions without
  branches;
- ``unknown``: neither, with the reason. Equality on sampled branches alone is never more than this.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError
from gradproof.verdicts import Verdict

from .arrays.array import Array, as_array
from .equations.definition import Definition, ordered, references
from .equations.dims import same_dim, show_shape
from .equations.nodes import Iverson, MaxOver
from .normal.classes import RANGED
from .normal.terms import Poly, TooLarge, atoms, symbols_of
from .normal.zero import WORK, WORK_EACH, Prover

SEEDS = (1, 2, 3)
"""Random inputs at which an unproved equality is tried, each with its own sizes."""

_ENTRIES = 64
"""An array of at most so many entries is proved entry by entry where it is not proved as a whole."""

DIGITS = 200
"""So many digits must agree for ``certified``."""


def equal(a: Any, b: Any) -> Verdict:
    """A :class:`~gradproof.verdicts.Verdict` on a = b; ``bool()`` of it is True when they are proved or certified.

    Arrays of different shapes are a :class:`~gradproof.errors.ShapeError`: that is a mistake of the question.

    >>> import numpy as np
    >>> from gradproof.symbolic.arrays.array import array
    >>> x = array("x", ("n",))
    >>> equal(np.tanh(x), 1 - 2 / (1 + np.exp(2 * x))).name
    'proved'
    >>> equal(np.tanh(x) ** 2, np.tanh(x)).name
    'refuted'
    """
    return equal_all([(a, b)])[0]


def equal_all(pairs: Sequence[tuple[Any, Any]], within: Sequence[Any] = ()) -> list[Verdict]:
    """:func:`equal` of several pairs that share intermediates, which are then compared once for all of them.

    ``within`` are arrays that are taken to have a value (the loss): see :func:`prove`.
    """
    arrays = [(as_array(a), as_array(b)) for a, b in pairs]
    for left, right in arrays:
        shapes = left.definition.shape, right.definition.shape
        if len(shapes[0]) != len(shapes[1]) or not all(map(same_dim, *shapes)):
            raise ShapeError(f"equal: the shapes {show_shape(shapes[0])} and {show_shape(shapes[1])} differ")
    prover = Prover()
    given = [as_array(one) for one in within]
    verdicts = [prove(left, right, prover, given) for left, right in arrays]
    return [v if v else by_numbers(left, right, v.reason) for v, (left, right) in zip(verdicts, arrays, strict=True)]


BY_NORMAL_FORM = "by normal form"
"""How a proof came about; behind it the reason says at which inputs alone it leaves something open."""

GIVEN_UP = "the normal form was given up"
"""How the reason begins where a proof ended for want of work, and a smaller question may have an answer."""


def prove(left: Array, right: Array, prover: Prover | None = None, within: Sequence[Array] = ()) -> Verdict:
    """``proved``, or ``unknown`` with the reason; no numbers are tried. A ``prover`` keeps what it has compared.

    The two must also be defined at the same inputs: exp(log x) is x for positive x only. Where ``within`` are defined
    is what counts, if they are given: a gradient need not have a value where the loss has none.
    """
    if left.definition is right.definition:
        return Verdict("proved", "they are the same equation")
    prover = prover or Prover()
    work = WORK + WORK_EACH * len(ordered([left.definition, right.definition]))
    try:
        with prover.algebra.budget(work):
            difference = prover.difference(left.definition, right.definition)
            zero = _zero_place_by_place(prover, difference, left.definition)
        with prover.algebra.budget(work):
            gap = prover.domain.gap(left.definition, right.definition, [a.definition for a in within]) if zero else ""
    except (TooLarge, RecursionError) as reason:
        return Verdict("unknown", f"{GIVEN_UP}: {reason}")
    except UnsupportedError as reason:
        return Verdict("unknown", str(reason))
    if not zero:
        return Verdict("unknown", f"not proved: the normal forms differ in {len(difference)} terms")
    if gap:
        return Verdict("unknown", f"equal wherever both have a value, but {gap}")
    kinks = "; at kinks either one-sided value is taken" if prover.algebra.almost_everywhere else ""
    jumps = "; nothing is said where rounding jumps" if _jumps(left, right, *within) else ""
    return Verdict("proved", f"for all shapes and inputs, {BY_NORMAL_FORM}{kinks}{jumps}")


def _zero_place_by_place(prover: Prover, difference: Poly, definition: Definition) -> bool:
    """Whether a form vanishes: for each value of those indices that have a few only and stand in conditions.

    A gate of a stacked matrix, an entry of a small vector: at a place the conditions are settled, and most terms gone.
    """
    ranges = [(i, int(last) + 1) for i, first, last in definition.ranges if first == 0 and last.is_Integer]
    tested = {s for head, args in atoms(difference) if head[0] in RANGED for s in symbols_of(args)}
    few = [(i, n) for i, n in ranges if i in tested]
    if not few or prod(n for _, n in few) > _ENTRIES:
        few = []
    for at in _entries(tuple(n for _, n in few)):
        place = {i: sp.Integer(k) for (i, _), k in zip(few, at, strict=True)}
        if not prover.vanishes_step_by_step(prover.algebra.substitute(difference, place)):
            return False
    return True


def by_numbers(left: Array, right: Array, reason: str) -> Verdict:
    """``refuted`` with a counterexample, ``certified`` where nothing branches, or ``unknown``; ``reason`` is kept."""
    from .equations.values import precision

    agreed: list[str] = []
    undecided = False
    with precision():
        for seed in SEEDS:
            try:
                found = _compare(left.definition, right.definition, seed)
            except (UnsupportedError, ArithmeticError, ValueError) as error:
                return Verdict("unknown", f"{reason}; no numbers either: {error}", tuple(agreed))
            if found.startswith("differ"):
                return Verdict("refuted", found, tuple(agreed))
            undecided |= not found
            agreed += [found] if found else []
    evidence = tuple(agreed)
    if undecided:
        return Verdict("unknown", f"{reason}; at random inputs the balls are too wide to decide", evidence)
    if _branches(left.definition, right.definition):
        return Verdict("unknown", f"{reason}; equal at random inputs, but branches not taken may differ", evidence)
    found = f"{reason}; equal to {DIGITS} digits at random inputs of {len(SEEDS)} shapes"
    return Verdict("certified", found, evidence)


def _compare(left: Definition, right: Definition, seed: int) -> str:
    """``differ at ...``, ``equal at ...``, or nothing when the balls decide neither."""
    import flint

    from .equations.values import Valuation

    at = Valuation.random((left, right), seed)
    sizes = ", ".join(f"{symbol} = {size}" for symbol, size in at.sizes.items()) or "these sizes"
    small = flint.arb(10) ** -DIGITS
    decided = True
    for index in _entries(at.shape(left)):
        a, b = at.element(left, index), at.element(right, index)
        difference = a - b
        if not difference.is_finite():
            decided = False
        elif not difference.contains(0):
            place = f"[{', '.join(map(str, index))}]" if index else ""
            return f"differ at {sizes}, seed {seed}, entry {place or '()'}: {_shown(a)} against {_shown(b)}"
        elif not abs(difference) < small * (1 + abs(a)):
            decided = False
    return f"equal at {sizes}, seed {seed}" if decided else ""


def _entries(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(n) for n in shape))


def _shown(ball: Any) -> str:
    return str(ball.mid().str(12, radius=False))


def _jumps(*arrays: Array) -> bool:
    """Whether something is rounded on the way."""
    from .equations.functions import BY_HEAD

    heads = tuple(head for head, row in BY_HEAD.items() if row.jumps)
    return any(d.rhs is not None and d.rhs.has(*heads) for d in ordered([a.definition for a in arrays]))


def _branches(*definitions: Definition) -> bool:
    """Whether values decide what is computed; conditions on indices do not: each shape goes through all of them."""
    from .equations.functions import BY_HEAD

    kinks = (MaxOver, *(head for head, row in BY_HEAD.items() if row.kinks or row.jumps))
    return any(d.rhs is not None and (d.rhs.has(*kinks) or _decided_by_values(d.rhs)) for d in ordered(definitions))


def _decided_by_values(rhs: Any) -> bool:
    conditions = [node.args[0] for node in rhs.atoms(Iverson)]
    conditions += [condition for node in rhs.atoms(sp.Piecewise) for _, condition in node.args]
    return any(True for condition in conditions for _ in references(condition))
