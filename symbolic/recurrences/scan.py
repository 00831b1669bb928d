"""``scan``: a recurrence over a symbolic length, written as the function of one step.

>>> import numpy as np
>>> from gradproof.symbolic.arrays.array import array
>>> from gradproof.symbolic.calculus.differentiate import grad
>>> x, h0 = array("x", ("T", "m", "n")), array("h0", ("m", "k"))
>>> W, U = array("W", ("n", "k")), array("U", ("k", "k"))
>>> def step(h, x):
...     return np.tanh(x @ W + h @ U)
>>> h = scan(step, h0, x)
>>> h.shape
(T, m, k)
>>> grad(np.sum(h[-1] ** 2), U).shape
(k, k)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UsageError

from ..arrays.array import Array, as_array, broadcast_index
from ..equations.definition import PLAIN_NAMES, Definition, new_label, placeholder
from ..equations.dims import as_dim, broadcast_shapes, fits, free_index, same_dim, show_shape
from ..equations.recurrence import Row, define_recurrence
from .lifting import TIME, Read, lifted, moved
from .step import depending, parameters_of, run, tidied

_TRIES = 4
"""So often the step is run to find the shapes of states that begin with a number."""


def scan(
    step: Callable[..., Any],
    initial: Any,
    sequences: Any = (),
    length: Any = None,
    *,
    reverse: bool = False,
    axis: int = 0,
) -> Any:
    """The states after each step, as an array of shape ``(T, *state)``, or a tuple of such for a tuple of states.

    ``step(state, x_t, y_t, ...)`` returns the new state from the one before and from the ``sequences`` at one time;
    their axis ``axis`` is the time, whose length may be a symbol (``length`` where there is no sequence). A state is an
    array, or a tuple (h, c). Where ``initial`` holds None the step gets None: such a part is not carried from step to
    step, only its values are wanted. A number in ``initial`` is that number in every entry (the step is first run on
    the number itself, to see what shape becomes of it).

    With ``reverse`` the last time comes first: the result at t is made from the one at t + 1, as in backpropagation
    through time. The step is run on placeholders, once or a few times; its variables name the intermediates. Whatever
    else it uses (weights) are ordinary arrays.
    """
    several = isinstance(initial, (tuple, list))
    given = list(initial) if several else [initial]
    if not callable(step):
        raise UsageError(f"scan: the step must be a function of the state and the inputs, not a {type(step).__name__}")
    if not given or all(part is None for part in given):
        raise UsageError("scan: no part of the state has an initial value, so nothing is carried from step to step")
    arrays = [as_array(s) for s in (sequences if isinstance(sequences, (tuple, list)) else [sequences])]
    if axis != 0:
        arrays = [_moved_axis(a, axis, 0) for a in arrays]
    size = _length(arrays, length)
    starts = [None if part is None else as_array(part) for part in given]
    results = [Array(d) for d in _Scan(step, starts, arrays, size, reverse, initial).states()]
    if axis != 0:
        results = [_moved_axis(r, 0, axis) for r in results]
    return (tuple(results) if isinstance(initial, tuple) else results) if several else results[0]


def _moved_axis(a: Any, source: int, destination: int) -> Array:
    return np.moveaxis(a, source, destination)  # type: ignore[no-any-return]


def _length(sequences: Sequence[Array], length: Any) -> Any:
    found = None if length is None else as_dim(length, "scan: the length")
    for sequence in sequences:
        if not sequence.ndim:
            raise ShapeError(f"scan: {sequence.name} is a scalar; a sequence needs an axis of times")
        own = sequence.definition.shape[0]
        if found is not None and not fits(found, own):
            raise ShapeError(f"scan: {sequence.name} has {own} times, but {found} are expected")
        found = own if found is None else found
    if found is None:
        raise UsageError("scan: there is no sequence, so give the number of steps as length=")
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the step: the placeholders of the states (None for what is not carried) and inputs, and the result."""

    before: tuple[Definition | None, ...]
    inputs: tuple[Definition, ...]
    after: tuple[Definition, ...]
    names: dict[Definition, str]
    titles: tuple[str | None, ...]

    @property
    def marks(self) -> list[Definition]:
        return [*(b for b in self.before if b is not None), *self.inputs]


@dataclass(frozen=True, slots=True)
class _Scan:
    step: Callable[..., Any]
    starts: Sequence[Array | None]
    sequences: Sequence[Array]
    length: Any
    reverse: bool
    like: Any
    """The initial state as it was given: a tuple, a list, or one array."""

    def states(self) -> list[Definition]:
        """The definitions of all states, of the shape ``(T, ...)``."""
        run = self._stable_run()
        after = tidied(run.after, run.marks)
        titles = self._titles(run, after)
        before = self._before(run, titles)
        read: dict[Definition, Read] = {mark: _reader(label) for mark, label in before.items()}
        read |= {mark: seq.element for mark, seq in zip(run.inputs, self.sequences, strict=True)}
        # a definition that two states share is called like the first of them
        inner = lifted(
            depending(after, run.marks), read, self.length, dict(zip(after[::-1], titles[::-1], strict=True))
        )
        rows: list[Row] = []
        for state, title in zip(after, titles, strict=True):
            # what has no row (any more) is an input or a state handed on, or does not depend on the time
            rows.append(inner.pop(state) if state in inner else self._copy(state, title, read, rows, after))
        labels = [row.label for row in rows]
        earlier = []
        for mark, start, label in zip(run.before, self.starts, labels, strict=True):
            if mark is not None and start is not None:
                earlier.append(self._earlier(mark, before[mark], start, label))
        made = define_recurrence([*earlier, *inner.values(), *rows])
        return [made[label] for label in labels]

    def _before(self, run: _Run, titles: Sequence[str]) -> dict[Definition, sp.Dummy]:
        """A label for each state before the step: the user's variable, where it differs from that after the step."""
        found: dict[Definition, sp.Dummy] = {}
        for mark, title in zip(run.before, titles, strict=True):
            if mark is not None:
                name = run.names.get(mark, title)
                fallback = f"{title}_{'next' if self.reverse else 'prev'}"
                found[mark] = new_label(fallback if name in titles else name)
        return found

    def _copy(
        self, state: Definition, title: str, read: dict[Definition, Read], rows: Sequence[Row],
        after: Sequence[Definition],
    ) -> Row:  # fmt: skip
        known = {d: row.label for d, row in zip(after, rows, strict=False)}
        rhs = moved(state.at(*state.indices), read, known)
        return Row(
            new_label(title), title, (self.length, *state.shape), rhs, state.assumptions & {"integer", "boolean"}
        )

    def _earlier(self, mark: Definition, label: sp.Dummy, start: Array, state: sp.Dummy) -> Row:
        """The state before the step: the initial one at the first time, that of the step before at the others."""
        edge, way = (self.length - 1, 1) if self.reverse else (sp.S.Zero, -1)
        indices = tuple(free_index(1 + axis) for axis in range(mark.rank))
        first = start.element(*broadcast_index(start.definition.shape, mark.shape, indices))
        there = sp.Indexed(sp.IndexedBase(state), TIME + way, *indices)
        value = sp.Piecewise((first, sp.Eq(TIME, edge)), (there, True))
        return Row(label, label.name, (self.length, *mark.shape), value)

    # -- running the step --------------------------------------------------------------------------------------------
    def _stable_run(self) -> _Run:
        """A run whose states keep their shapes; numbers take the shape of what they become."""
        shapes = [None if start is None else start.definition.shape for start in self.starts]
        for _ in range(_TRIES):
            found = self._run(shapes)
            grown = [
                None if shape is None else self._grown(shape, d, found)
                for shape, d in zip(shapes, found.after, strict=True)
            ]
            if grown == shapes:
                return found
            shapes = grown
        raise ShapeError("scan: the state has another shape after each step")

    def _grown(self, shape: tuple[Any, ...], after: Definition, run: _Run) -> tuple[Any, ...]:
        if len(shape) == after.rank and all(fits(p, q) for p, q in zip(shape, after.shape, strict=True)):
            return shape
        wanted = broadcast_shapes(shape, after.shape, what="scan: the state before and after a step")
        if len(wanted) != after.rank or not all(map(same_dim, wanted, after.shape)):
            raise ShapeError(
                f"scan: the state has the shape {show_shape(shape)}, and after one step {show_shape(after.shape)}"
            )
        return wanted

    def _run(self, shapes: Sequence[tuple[Any, ...] | None]) -> _Run:
        several = isinstance(self.like, (tuple, list))
        parameters = parameters_of(self.step, 1 + len(self.sequences))
        before: list[Definition | None] = []
        for k, shape in enumerate(shapes):
            name = f"state{k}" if several else parameters[0] or "state"
            before.append(None if shape is None else placeholder(name, shape))
        pairs = zip(self.sequences, parameters[1:], strict=True)
        inputs = [_at_one_time(sequence.definition, title or sequence.name) for sequence, title in pairs]
        parts = [None if d is None else Array(d, mutable=bool(d.shape)) for d in before]
        state = (tuple(parts) if isinstance(self.like, tuple) else list(parts)) if several else parts[0]
        marks = [*(b for b in before if b is not None), *inputs]
        result, names, titles = run(self.step, state, [Array(d) for d in inputs], marks)
        after = tuple(self._checked(result))
        known = tuple(titles) if len(titles) == len(after) else (None,) * len(after)
        return _Run(tuple(before), tuple(inputs), after, dict(names), known)

    def _checked(self, result: Any) -> list[Definition]:
        several = isinstance(self.like, (tuple, list))
        if several != isinstance(result, (tuple, list)) or (several and len(result) != len(self.like)):
            wanted = f"{len(self.like)} arrays" if several else "one array, as the initial state is"
            shown = f"{len(result)} values" if isinstance(result, (tuple, list)) else f"a {type(result).__name__}"
            raise UsageError(f"scan: the step must return the new state, {wanted}, and returned {shown}")
        return [as_array(part).definition for part in (result if several else [result])]

    def _titles(self, run: _Run, after: Sequence[Definition]) -> list[str]:
        """A name for each state: the variable that the step holds it in, or else that of the state before."""
        titles: list[str] = []
        for k, (mark, state, title) in enumerate(zip(run.before, after, run.titles, strict=True)):
            own = title or (None if state.name in PLAIN_NAMES or state in run.marks else state.name)
            earlier = None if mark is None else run.names.get(mark, mark.name)
            titles.append(own if own is not None and own not in titles else earlier or f"state{k}")
        return titles


def _reader(label: sp.Dummy) -> Read:
    return lambda *index: sp.Indexed(sp.IndexedBase(label), *index)


def _at_one_time(sequence: Definition, name: str) -> Definition:
    """The placeholder of a sequence's entry at one time, with what is known of it."""
    words = set(sequence.assumptions) | {w for w in ("positive", "nonnegative") if getattr(sequence.label, f"is_{w}")}
    if sequence.rank == 1:  # one-hot along the times
        words = {"binary" if w == "one_hot" else "nonnegative" if w == "simplex" else w for w in words}
    return placeholder(name, sequence.shape[1:], frozenset(words - {"symmetric"}))
