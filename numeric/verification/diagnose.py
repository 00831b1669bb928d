"""Name the fault of a refuted gradient by trying the mend: a cause is named only if the mend passes the check.

Every row of :data:`PROPOSALS` proposes mended gradients. A proposal with an unknown factor is fitted on one random
direction and checked on another, by the same balls as the gradient itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
from flint import arb

from gradproof.numeric.balls.arrays import balls_of, exact
from gradproof.numeric.balls.ball import Ball, precision
from gradproof.numeric.verification.directional import Derivative, Point, compare, contract, random_direction
from gradproof.numeric.verification.interfaces import Arrays, Path, float_leaves, label, leaves
from gradproof.numeric.verification.report import Entry

Objects = np.ndarray[Any, Any]

SCOUTING: Final = 192
"""Bits for entries that are only printed as floats."""


@dataclass(frozen=True)
class Mend:
    """A proposal: ``fixed + c · part`` with c fitted (or no part), its cause, and its words (``{c}`` is the factor)."""

    cause: str
    words: str
    fixed: Objects | None
    part: Objects | None = None


@dataclass(frozen=True)
class Diagnosis:
    """The key of a cause in :data:`~gradproof.numeric.verification.causes.CAUSES`, and the words for this case."""

    cause: str
    words: str


@dataclass
class Fault:
    """A refuted gradient at a point, with everything that a cause may want to look at."""

    point: Point
    path: Path
    gradients: Arrays
    known: list[tuple[Any, Derivative]] = field(default_factory=list)  # directions and slopes

    @property
    def claimed(self) -> Objects:
        """The claimed gradient."""
        return np.asarray(self.gradients[self.path], dtype=object)

    @property
    def scout(self) -> Point:
        """The same point at a precision that is enough to find and print wrong entries."""
        return replace(self.point, prec=SCOUTING)

    @property
    def parameter(self) -> Objects:
        """The parameter itself, as balls."""
        return balls_of(exact(float_leaves(self.point.inputs)[self.path]))

    def add_direction(self, direction: Any) -> None:
        """Derive the slope along a direction in this parameter alone."""
        self.known.append((direction, self.point.derivative({self.path: direction})))

    def passes(self, mend: Mend) -> Diagnosis | None:
        """The cause and words of a mend that the check accepts in every known direction, with its factor filled in."""
        factor: arb | None = None
        for direction, derived in self.known:
            fixed, fixed_size = self.along(mend.fixed, direction)
            part, part_size = self.along(mend.part, direction)
            if mend.part is None:
                factor = arb(0)
            elif factor is None:
                if part.contains(0):
                    return None
                factor = (derived.slope - fixed) / part
            size = fixed_size + abs(factor) * part_size
            if compare(fixed + factor * part, size, derived, self.point.widened, self.point.prec).name != "certified":
                return None
        name = factor_name(factor or arb(0), self.sizes())
        if mend.part is not None and self.claimed.size == 1 and "." in name.partition(" ")[0]:
            return None  # one number is a multiple of any other: only a telling factor is a cause
        cause = "size" if mend.cause == "factor" and "(" in name else mend.cause
        return Diagnosis(cause, mend.words.replace("{c}", name))

    def along(self, array: Objects | None, direction: Any) -> tuple[arb, arb]:
        if array is None:
            return arb(0), arb(0)
        return contract({self.path: np.asarray(array, dtype=object)}, {self.path: direction})

    def sizes(self) -> Mapping[int, str]:
        """The dimensions of the inputs, and which array has them first; another one where its axis is another one."""
        found: dict[int, dict[int, str]] = {}
        for path, leaf in leaves(self.point.inputs).items():
            for axis, n in enumerate(np.shape(leaf)):
                found.setdefault(n, {}).setdefault(axis, f"{label(path)}.shape[{axis}]")
        return {n: " and ".join([*names.values()][:2]) for n, names in found.items()}

    def random_direction(self) -> Any:
        """A further direction in this parameter; its seed is the number of directions that are known."""
        return random_direction(self.claimed.shape, np.random.default_rng(len(self.known)))

    def entry(self, index: tuple[int, ...]) -> Entry:
        """One entry, derived along its unit direction."""
        direction = np.zeros(self.claimed.shape)
        direction[index] = 1.0
        derived = self.scout.derivative({self.path: direction})
        if not derived.slope.is_finite():
            derived = self.point.derivative({self.path: direction})
        return Entry(index, float(self.claimed[index].v), float(derived.slope))


def factor_name(value: arb, sizes: Mapping[int, str]) -> str:
    """A fitted factor as people would write it: −1, 1/2, 1/m, m with the array that has this size, or digits."""
    approximate = float(value)

    def matches(candidate: Fraction) -> bool:
        return bool(candidate) and abs(approximate / float(candidate) - 1) < 1e-13

    for plain in (Fraction(1), Fraction(2), Fraction(1, 2)):
        for candidate in (plain, -plain):
            if matches(candidate):
                return str(candidate)
    for scale in (Fraction(1), Fraction(-1), Fraction(2), Fraction(1, 2), Fraction(-2), Fraction(-1, 2)):
        for n, name in sizes.items():
            # 2/3 is as likely 4/6
            for candidate in (scale / n, scale * n) if n > (2 if abs(scale) == 1 else 4) else ():
                if matches(candidate):
                    return f"{candidate} ({name} {'are' if ' and ' in name else 'is'} {n})"
    simple = Fraction(approximate).limit_denominator(1000)
    return str(simple) if matches(simple) else f"{approximate:.12g}"


def _factor(fault: Fault) -> Iterator[Mend]:
    yield Mend("factor", "off by a constant factor: it is right after multiplication by {c}", None, fault.claimed)


def _sign(fault: Fault) -> Iterator[Mend]:
    yield Mend("sign", "wrong sign: minus this gradient is right", -fault.claimed)


def _transpose(fault: Fault) -> Iterator[Mend]:
    g = fault.claimed
    if g.ndim == 2 and g.shape[0] == g.shape[1]:
        yield Mend("transpose", "transposed: its transpose is right", g.T)
        yield Mend("transpose", "transposed and off by a constant factor: {c} times its transpose is right", None, g.T)


def _missing_term(fault: Fault) -> Iterator[Mend]:
    w = fault.parameter
    signs = np.asarray(np.frompyfunc(lambda x: Ball(x.v.sgn()), 1, 1)(w), dtype=object)
    g = fault.claimed
    square = "a term proportional to the parameter is missing (L2 penalty): add {c} times the parameter"
    absolute = "a term proportional to the parameter's sign is missing (L1 penalty): add {c} times the sign"
    yield Mend("penalty", square, g, w)
    yield Mend("penalty", absolute, g, signs)
    ones = balls_of(np.ones(w.shape, dtype=int))
    yield Mend("path", "a constant is missing in every entry: add {c}", g, ones)


def _swapped(fault: Fault) -> Iterator[Mend]:
    for path, other in fault.gradients.items():
        if path != fault.path and other.shape == fault.claimed.shape:
            yield Mend("operands", f"swapped: the gradient returned for {label(path)} is right for it", other)
            words = f"a term is missing: add {{c}} times the gradient of {label(path)}"
            yield Mend("path", words, fault.claimed, other)
            yield Mend("operands", f"it is {{c}} times the gradient returned for {label(path)}", None, other)


def _order(fault: Fault) -> Iterator[Mend]:
    g = fault.claimed
    for axis in range(g.ndim):
        if g.shape[axis] < 2:
            continue
        yield Mend("order", f"reversed along axis {axis}", np.flip(g, axis))
        for step in (1, -1):
            words = f"off by one index along axis {axis}: rolled by {step} it is right"
            yield Mend("step", words, np.roll(g, step, axis))


def _wrong_axis(fault: Fault) -> Iterator[Mend]:
    g = fault.claimed
    for axis in range(g.ndim):
        if g.shape[axis] > 1:
            total = np.broadcast_to(np.add.reduce(g, axis=axis, keepdims=True), g.shape)
            words = f"entries along axis {axis} should be the same: {{c}} times their sum is right"
            yield Mend("axis", words, None, total)
            yield Mend("axis", f"not centred along axis {axis}: add {{c}} times the sum over it", g, total)


PROPOSALS: Final[tuple[Callable[[Fault], Iterator[Mend]], ...]] = (
    _sign, _factor, _transpose, _missing_term, _swapped, _order, _wrong_axis,
)  # fmt: skip
"""The table of causes, in the order in which they are tried; the first mend that passes is named."""


def diagnose(fault: Fault, entries: Sequence[Entry], complete: bool) -> Diagnosis:
    """The cause whose mend passes the check, or what the entries show."""
    with precision(fault.point.prec):
        if all(x.v.is_zero() for x in fault.claimed.reshape(-1)):
            words = "it is zero everywhere, and the derivative is not: a path is lost or the gradient is never stored"
            return Diagnosis("zero", words)
        lonely = _single_entry(fault, entries) if len(entries) == 1 and not complete else ""
        if lonely:  # of many: nothing that touches the others has to be tried
            return Diagnosis("coordinate", lonely)
        for proposal in PROPOSALS:
            for mend in proposal(fault):
                found = fault.passes(mend)
                if found is not None:
                    return found
        words = _scaled_beside_penalty(fault)
        if words:
            return Diagnosis("factor", words)
        lonely = _single_entry(fault, entries)
        if lonely:
            return Diagnosis("coordinate", lonely)
    return Diagnosis("entries", _by_entries(entries, complete, fault.claimed.size))


def _scaled_beside_penalty(fault: Fault) -> str:
    """Whether c·(G − λW) + λW is right: the data term is off by a factor, and the L2 penalty λ beside it is not.

    c and c' = λ(1 − c) are fitted on two directions and checked on a third.
    """
    if fault.claimed.size < 4:
        return ""
    while len(fault.known) < 3:
        fault.add_direction(fault.random_direction())
    g, w = ([fault.along(array, v)[0] for v, _ in fault.known] for array in (fault.claimed, fault.parameter))
    d = [derived.slope for _, derived in fault.known]
    determinant = g[0] * w[1] - g[1] * w[0]
    if determinant.contains(0):
        return ""
    c = (d[0] * w[1] - d[1] * w[0]) / determinant
    rest = (g[0] * d[1] - g[1] * d[0]) / determinant
    size = abs(c * g[2]) + abs(rest * w[2])
    found = compare(c * g[2] + rest * w[2], size, fault.known[2][1], fault.point.widened, fault.point.prec)
    if found.name != "certified" or (1 - c).contains(0) or c.contains(0):
        return ""
    names = [factor_name(x, fault.sizes()) for x in (c, rest / (1 - c))]
    return (
        f"the part beside the penalty {names[1]} times the parameter is off by a factor: times {names[0]} it is right"
    )


def _single_entry(fault: Fault, entries: Sequence[Entry]) -> str:
    """Whether mending the worst entry, or the wrong row or column of it, mends everything."""
    if not entries:
        return ""
    worst = max(entries, key=lambda e: abs(e.claimed - e.derived))
    unit = np.zeros(fault.claimed.shape, dtype=int)
    unit[worst.index] = 1
    found = fault.passes(Mend("coordinate", "", fault.claimed, balls_of(unit)))
    return "" if found is None else f"only the entry {list(worst.index)} is wrong"


def _by_entries(entries: Sequence[Entry], complete: bool, size: int) -> str:
    if not entries:
        return "the directional derivative differs; no single wrong entry was searched for"
    relative = max(abs(e.claimed - e.derived) / max(abs(e.derived), 1e-300) for e in entries)
    count = f"{len(entries)} of {size} entries differ" if complete else f"{len(entries)} entries looked at differ"
    if relative < 1e-4:
        return f"{count}, by a relative {relative:.2g} at most: a constant or an eps that is slightly off"
    zeros = [e for e in entries if e.claimed == 0]
    if len(zeros) == len(entries):
        return f"{count}, and are zero where the derivative is not: a mask or an index leaves them out"
    return f"{count}: a term, a path or a factor that varies over the entries is wrong"
