"""Walk from given inputs to the other side of a comparison in the code: Newton's method on dual balls.

A run on dual balls gives both numbers a, b of a comparison and their slopes along a random direction V, so a step along
V leads to where they meet, and a little beyond:

    t = −(a − b) / (a' − b'),    x ← x + 1.5 t V.

Where both numbers are positive their logarithms are compared, and their log-odds where they lie in (0, 1): a
probability then reaches 10⁻¹² in a few steps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import process_time
from typing import Any, Final

import numpy as np
from flint import arb

from gradproof.errors import GradproofError
from gradproof.numeric.balls.ball import precision
from gradproof.numeric.balls.watch import Event, Key, Site, Watch
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.domains import movable, noise, scaled, shifted, spread, velocity
from gradproof.numeric.verification.interfaces import Arrays, Path, alike, float_leaves, replaced

SEARCH_PRECISION: Final = 128
"""Bits of a search: its points are floats, and are checked at full precision afterwards."""

OVERSHOOT: Final = 1.5
ALONE: Final = 8
"""At most so many inputs are also moved each on its own."""

BISECTIONS: Final = 5
"""How often the last step of a walk is halved: what is hidden between two splits, as in ``(z > 8) & (z < 9)``, lies
just beyond one of them."""

SINGLE: Final = 3
"""So many inputs are looked for in every region that lead one random entry of the comparison there."""

BACKWARDS: Final = 3
"""How often a step that leads away is shortened, before a walk is given up."""

FURTHER: Final = 10
"""How many times as far beyond the nearest point another one lies."""

HALVINGS: Final = 8
STEPS: Final = 14
DIRECTIONS: Final = 3
SPARSE: Final = 3
"""So many further directions move few of the entries only."""

KEPT: Final = 0.4
"""The part of the entries that a sparse direction moves."""

SCALES: Final = (1e-2, 1e-4, 1e-8, 1e-12, 30.0, 1e3, 1e6)
"""Factors of the inputs that are tried where no walk arrives: a norm near zero lies in no random direction."""

LARGE_ENTRIES: Final = (1e3, -1e3, 1e6, -1e6)
"""Single entries are set to so many times the spread of their array."""

ALIGNED: Final = (10.0, -10.0)
"""Factors of the absolute values of an array."""

Kinds = Mapping[Path, str]
Inputs = Mapping[str, Any]


class Search:
    """The walks of one exploration, and how many evaluations they have taken of the ``budget``.

    ``until`` is when they end on the clock of the process, whatever is left.
    """

    def __init__(
        self, point: Point, rng: np.random.Generator, budget: int, loose: Sequence[Path] = (), until: float = np.inf
    ) -> None:
        self.point = replace(point, prec=SEARCH_PRECISION)
        self.rng = rng
        self.budget = budget
        self.until = until
        self.spent = 0
        self.parameters = list(dict.fromkeys((*point.wrt, *point.covers)))  # those that are proved are no data
        self.kinds = movable(point.inputs, self.parameters, loose)

    def look(self, inputs: Inputs, direction: Arrays, targets: Sequence[Key], which: str) -> Watch:
        """One run of the loss or the gradient with every comparison noted; a failure ends it early."""
        watch = Watch(frozenset(targets))
        here = replace(self.point, inputs=inputs, watch=watch)
        self.spent += 1
        try:
            here.derivative(direction) if which == "loss" else here.gradients(direction)
        except GradproofError:
            raise
        except (Exception, SystemExit):  # what it noted until then still counts
            return watch
        return watch

    def reach(self, site: Site, side: int, which: str, starts: Sequence[Inputs]) -> Inputs | None:
        """Inputs at which the site falls on a side, or None: Newton steps, then other scales of the inputs.

        Another start helps where the first stands on a corner: at w = 0 an absolute value has no slope to follow.
        """
        free: Kinds = {path: "real" if path in self.parameters else kind for path, kind in self.kinds.items()}
        # A clip of a probability to [0, 1] is no branch of the problem, so nobody leaves the domain to reach it.
        leaves_domain = free != self.kinds and not _clips_an_input(site, self.point.inputs)
        for kinds in (self.kinds, free) if leaves_domain else (self.kinds,):
            for k in range(DIRECTIONS + SPARSE):
                found = self._walk(site, side, which, starts[k % len(starts)], kinds, sparse=k >= DIRECTIONS)
                if found is not None:
                    return found
        for path in list(self.kinds)[:ALONE]:  # where others saturate, one input may still lead there
            found = self._walk(site, side, which, starts[-1], {path: self.kinds[path]})
            if found is not None:
                return found
        return next((inputs for inputs in self._scaled(starts[-1]) if self.is_there(inputs, site, side, which)), None)

    def leap(self, site: Site, side: int, which: str, start: Inputs) -> Inputs | None:
        """As :meth:`reach`, what costs least first: the start itself, far entries, arrays of one sign, then walks."""
        for inputs in (start, *self._peaked(start), *self._aligned(start)):
            if self.is_there(inputs, site, side, which):
                return inputs
        for _ in range(DIRECTIONS):
            found = self._walk(site, side, which, start, self.kinds)
            if found is not None:
                return found
        return None

    def _scaled(self, start: Inputs) -> Iterator[Inputs]:
        """The start with arrays, and then single entries, of another magnitude, within what their kinds allow."""
        groups = [self.parameters, list(self.kinds), *([path] for path in list(self.kinds)[:ALONE])]
        for factor in SCALES:
            for paths in groups:
                chosen = [path for path in paths if factor < 1 or self.kinds.get(path) != "unit"]
                if chosen:
                    yield scaled(start, chosen, factor)
        yield from self._peaked(start)

    def _peaked(self, start: Inputs) -> Iterator[Inputs]:
        """The start with one entry far from the others: what is normalised comes near to 1, or to −1."""
        floats = float_leaves(start)
        for factor in LARGE_ENTRIES:
            allowed = ("real", "positive") if factor > 0 else ("real",)
            for path in [path for path, kind in self.kinds.items() if kind in allowed][:ALONE]:
                value = np.array(floats[path], dtype=np.float64)
                if value.ndim and value.size:
                    value.reshape(-1)[self.rng.integers(value.size)] = factor * spread(value)
                    yield dict(replaced(start, {path: value}))

    def _aligned(self, start: Inputs) -> Iterator[Inputs]:
        """The start with all entries of an array of one sign, and large: there a sum over them is at its largest."""
        floats = float_leaves(start)
        for path in [path for path, kind in self.kinds.items() if kind == "real"][:ALONE]:
            for factor in ALIGNED:
                yield dict(replaced(start, {path: alike(floats[path], factor * np.abs(floats[path]))}))

    def _walk(
        self, site: Site, side: int, which: str, start: Inputs, kinds: Kinds,
        beyond: bool = False, single: bool = False, sparse: bool = False,
    ) -> Inputs | None:  # fmt: skip
        """Newton steps for the entry that is nearest to its other side; for one random entry where ``single``.

        A ``sparse`` direction leaves most entries of the inputs as they are, and with them other branches.
        """
        inputs, direction = start, noise(start, list(kinds), self.rng)
        if sparse:
            direction = {p: c * (self.rng.random(np.shape(c)) < KEPT) for p, c in direction.items()}
        before, length, gap = start, 0.0, np.inf
        entry: int | None = None
        worse = 0
        for _ in range(STEPS):
            if self.is_over() or not finite(inputs):
                return None
            watch = self.look(inputs, velocity(inputs, direction, kinds), [site.key], which)
            events = watch.events.get(site.key, [])
            if single and events:
                if entry is None:
                    entry = int(self.rng.integers(len(events)))
                if entry >= len(events):
                    return None
                events = events[entry : entry + 1]
            if site.reached(side, {e.side for e in events} if single else watch.sides.get(site.key, set())):
                if not beyond:
                    return self._closer(site, side, which, before, inputs, length, direction, kinds)
                further = shifted(inputs, {p: length * c for p, c in direction.items()}, kinds)
                return further if self.is_there(further, site, side, which) else inputs
            step, now = newton(events)
            if now < gap and step is not None:
                before, length, gap = inputs, step, now
            elif worse < BACKWARDS and length:  # where a function saturates, a long step leads away
                worse, length = worse + 1, length / 4
            else:
                return None
            inputs = shifted(before, {p: length * c for p, c in direction.items()}, kinds)
        return None

    def _closer(
        self, site: Site, side: int, which: str, before: Inputs, there: Inputs, length: float,
        direction: Arrays, kinds: Kinds,
    ) -> Inputs:  # fmt: skip
        """Nearer to the split than where the last step arrived, still beyond it."""
        short, far = 0.0, 1.0
        for k in range(BISECTIONS if before is not there else 0):
            fraction = 0.67 if k == 0 else (short + far) / 2  # the split lies at 2/3 where all is linear
            inputs = shifted(before, {p: fraction * length * c for p, c in direction.items()}, kinds)
            if self.is_there(inputs, site, side, which):
                far, there = fraction, inputs
            else:
                short = fraction
        return there

    def nearer(self, site: Site, side: int, which: str, start: Inputs, there: Inputs) -> Inputs:
        """Inputs on the same side with as many entries as possible as they were at the start.

        Whole arrays are put back first, then random halves of what still differs.
        """
        before = float_leaves(start)
        for path in self.kinds:
            candidate = dict(replaced(there, {path: before[path]}))
            if self.is_there(candidate, site, side, which):
                there = candidate
        for path in self.kinds:
            for _ in range(HALVINGS):
                now = np.asarray(float_leaves(there)[path])
                differ = np.flatnonzero(now != before[path])
                if len(differ) < 2:
                    break
                back = self.rng.permutation(differ)[: len(differ) // 2]
                mixed = now.copy()
                mixed.reshape(-1)[back] = np.asarray(before[path]).reshape(-1)[back]
                candidate = dict(replaced(there, {path: mixed}))
                if self.is_there(candidate, site, side, which):
                    there = candidate
        return there

    def more(
        self, site: Site, side: int, which: str, start: Inputs, nearest: Inputs, others: Sequence[Inputs]
    ) -> Iterator[Inputs]:
        """Further inputs on the same side, by other directions and well beyond the split, so that many entries are.

        What is wrong there may be switched off by another branch, as far negatives are by a hinge: other directions
        end on other sides of it. Or it is wrong for some of the entries only, as a step through time is that has no
        step before it: random entries are walked there, by the inputs that lead to the nearest point.
        """
        here, there = float_leaves(start), float_leaves(nearest)
        changed = [path for path in self.kinds if not np.array_equal(here[path], there[path])]
        real = [path for path in changed if self.kinds[path] == "real"]
        far = shifted(nearest, {path: FURTHER * (there[path] - here[path]) for path in real}, self.kinds)
        if real and self.is_there(far, site, side, which):
            yield far
        found = self._walk(site, side, which, start, self.kinds, beyond=True)
        if found is not None:
            yield found
        wanted = SINGLE
        for path in [*changed, *(path for path in self.kinds if path not in changed)][:ALONE]:
            at = others[0] if others and wanted < SINGLE else start
            found = self._walk(site, side, which, at, {path: self.kinds[path]}, beyond=True, single=True)
            if found is not None:
                wanted -= 1
                yield found
            if not wanted:
                break

    def is_over(self) -> bool:
        return self.spent >= self.budget or process_time() > self.until

    def is_there(self, inputs: Inputs, site: Site, side: int, which: str) -> bool:
        if self.is_over() or not finite(inputs):
            return False
        return site.reached(side, self.look(inputs, {}, [site.key], which).sides.get(site.key, set()))


def called(site: Site) -> str:
    """The name of the function whose call the site is; empty where it is no call."""
    try:
        parsed = ast.parse(site.text, mode="eval").body
    except SyntaxError:
        return ""
    if not isinstance(parsed, ast.Call):
        return ""
    function = parsed.func
    if isinstance(function, ast.Attribute):
        return function.attr
    name = getattr(function, "id", "")
    # Python's max(a, b) chooses between two numbers; max(list) only orders them
    return f"{name} of two" if name in ("max", "min") and len(parsed.args) > 1 else str(name)


def _clips_an_input(site: Site, inputs: Inputs) -> bool:
    """Whether the site is ``np.clip(p, ...)`` or ``p.clip(...)`` of an input p."""
    if called(site) != "clip":
        return False
    call = ast.parse(site.text, mode="eval").body
    assert isinstance(call, ast.Call)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    names = {node.id for node in (owner, *call.args[:1]) if isinstance(node, ast.Name)}
    return bool(names & set(inputs))


def newton(events: Sequence[Event]) -> tuple[float | None, float]:
    """The shortest step along the direction after which some comparison falls on its other side; the smallest gap."""
    best: float | None = None
    least = np.inf
    for event in events:
        length, gap = _step_and_gap(event)
        least = min(least, gap)
        if length is not None and (best is None or abs(length) < abs(best)):
            best = length
    if best is None:
        return None, least
    return max(-1e9, min(1e9, OVERSHOOT * best)) or 1e-3, least  # a step of zero stands on the split itself


def newton_step(event: Event) -> float | None:
    """The step along the direction to where the two numbers of a comparison meet."""
    return _step_and_gap(event)[0]


def _step_and_gap(event: Event) -> tuple[float | None, float]:
    a, b = event.left, event.right
    zero = arb(0)
    da, db = event.left_slope or zero, event.right_slope or zero
    with precision(SEARCH_PRECISION):
        if a > 0 and b > 0:
            if a < 1 and b < 1:
                gap = (a / (1 - a)).log() - (b / (1 - b)).log()
                slope = da / (a * (1 - a)) - db / (b * (1 - b))
            else:
                gap, slope = (a / b).log(), da / a - db / b
        else:
            gap, slope = a - b, da - db
        size = abs(float(gap.mid()))
        if slope.contains(0):
            return None, size
        length = float((-gap / slope).mid())
    return length if np.isfinite(length) else None, size


def finite(inputs: Inputs) -> bool:
    return all(np.all(np.isfinite(value)) for value in float_leaves(inputs).values())
