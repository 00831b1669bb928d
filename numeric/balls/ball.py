"""One number of an array of balls: a value and, while a loss is differentiated, a tangent, both rigorous enclosures.

A ball [m ± r] contains the exact number that the code means; the radius grows with every rounding. A :class:`Ball`
with a tangent is a dual number v + d·ε of balls, ε² = 0: user code that runs on W + V·ε returns L + ⟨∇L, V⟩·ε, the
exact directional derivative, with rounding errors enclosed and no truncation error at all.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import flint
import numpy as np
from flint import arb, fmpq

from gradproof.numeric.balls.frames import is_machinery, user_frame, user_line, user_source
from gradproof.numeric.balls.guards import guards
from gradproof.numeric.balls.readings import GUARD, Readings, read_float
from gradproof.numeric.balls.watch import Event, Watch


class Undecided(Exception):
    """A comparison of balls that overlap: the code's branch cannot be told. Carries the line of user code."""


class NotOnBalls(Exception):
    """User code asked for something that balls cannot do (a cast to float inside a C function, say)."""


class WantOfBits(Undecided):
    """The same with more bits may be decided: a number is known too roughly to tell whether it is one."""


@dataclass
class Divisions:
    """The divisions of one line: the signs of what it divides by, and the largest quotient."""

    signs: set[int] = field(default_factory=set)
    largest: arb = field(default_factory=lambda: arb(0))


@dataclass
class Run:
    """What happened while user code ran on balls: how floats were read, and where comparisons met a tie."""

    readings: Readings = field(default_factory=Readings)
    kinks: Counter[str] = field(default_factory=Counter)  # exact ties between numbers that depend on the direction
    fuzzy: Counter[str] = field(default_factory=Counter)  # equal to 300 digits, and taken as equal
    watch: Watch | None = None  # told of every comparison
    ties: Mapping[str, int] | None = None  # how a kink's tie is taken, by line of user code ("" for every other line)
    hull: bool = False  # a maximum at a tie has both slopes: its tangent encloses them
    each: bool = False  # at a tie every number is the maximum: the slopes of all of them add up
    still: bool = False  # the maximum of an array is held constant
    masked: bool = False  # a tie decided a yes or a no, which has no hull
    undefined: Counter[str] = field(default_factory=Counter)  # what exact numbers leave undefined, as 0/0, by line
    divisions: dict[str, Divisions] | None = None  # where asked for, by line
    vague: bool = False  # something may be undefined or not: its numbers are known to so many bits only


_runs: list[Run] = [Run()]


def current_run() -> Run:
    """What the code that runs on balls right now is watched by."""
    return _runs[-1]


@contextmanager
def running(run: Run, prec: int) -> Iterator[Run]:
    """Make ``run`` the current one and set the working precision; both are global, so one thread at a time."""
    _runs.append(run)
    try:
        with precision(prec):
            yield run
    finally:
        _runs.pop()


@contextmanager
def precision(prec: int) -> Iterator[None]:
    """Work with so many bits inside the block."""
    before = flint.ctx.prec
    flint.ctx.prec = prec
    try:
        yield
    finally:
        flint.ctx.prec = before


def number(value: Any) -> arb:
    """A Python or NumPy number as an arb: integers and booleans exactly, floats as they are read."""
    if isinstance(value, (float, np.floating)):
        readings = _runs[-1].readings
        given = float(value)
        if given != given:
            _runs[-1].undefined[user_line()] += 1  # a NaN that is written down
        if readings.unguarded and abs(given) <= 1 + GUARD:
            bare = round(given)
            if 0 < abs(given - bare) <= GUARD and guards(user_source(), given, bare, readings.denominators):
                readings.guards.add(given)
                return arb(bare)
        return read_float(float(value), _runs[-1].readings)
    if isinstance(value, (bool, int, np.integer, np.bool_)):
        return arb(int(value))
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    if isinstance(value, arb):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype != object:
        return number(value[()])
    raise TypeError(f"a {type(value).__name__} is not a real number")


def ball(value: Any) -> Ball:
    """Any real number as a Ball without a tangent; a Ball as it is."""
    if type(value) is Ball:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype == object:
        return ball(value.view(np.ndarray)[()])
    return Ball(number(value), None)


class Ball:
    """A value ``v`` and a tangent ``d`` (None: independent of the direction); NumPy's object loops call its operators.

    >>> x = Ball(arb(3), arb(1))
    >>> y = x * x - 2 / x
    >>> y.d.contains(arb(56) / 9), x > 2, x <= 2
    (True, True, False)
    """

    __slots__ = ("d", "v")
    __hash__ = object.__hash__  # equality compares values; identity is what a set of elements would mean

    def __deepcopy__(self, memo: Any) -> Ball:
        return self

    def __init__(self, v: arb, d: arb | None = None) -> None:
        self.v = v
        self.d = d

    def __repr__(self) -> str:
        return self.v.str(17, radius=False)

    def __add__(self, other: Any) -> Ball:
        if type(other) is not Ball:
            other = ball(other)
        a, b = self.d, other.d
        return Ball(self.v + other.v, b if a is None else a if b is None else a + b)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Ball:
        if type(other) is not Ball:
            other = ball(other)
        a, b = self.d, other.d
        return Ball(self.v - other.v, (None if b is None else -b) if a is None else a if b is None else a - b)

    def __rsub__(self, other: Any) -> Ball:
        return ball(other) - self

    def __mul__(self, other: Any) -> Ball:
        if type(other) is not Ball:
            other = ball(other)
        v, w, a, b = self.v, other.v, self.d, other.d
        d = (None if b is None else v * b) if a is None else a * w if b is None else a * w + v * b
        return Ball(v * w, d)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        if type(other) is not Ball:
            other = ball(other)
        a, b = self.d, other.d
        v = self.v / other.v
        if _runs[-1].divisions is not None:
            _note_division(other.v, v)
        if not v.is_finite():
            note_undefined(self.v, other.v)
        if a is None:
            d = None if b is None else -(v * b) / other.v
        else:
            d = a / other.v if b is None else (a - v * b) / other.v
        return Ball(v, d)

    def __rtruediv__(self, other: Any) -> Ball:
        return ball(other) / self

    def __pow__(self, other: Any) -> Ball:
        return power(self, ball(other))

    def __rpow__(self, other: Any) -> Ball:
        return power(ball(other), self)

    def __floordiv__(self, other: Any) -> Ball:
        return floor(self / other)

    def __rfloordiv__(self, other: Any) -> Ball:
        return floor(ball(other) / self)

    def __mod__(self, other: Any) -> Ball:
        divisor = ball(other)
        return self - divisor * floor(self / divisor)

    def __rmod__(self, other: Any) -> Ball:
        return ball(other) % self

    def __neg__(self) -> Ball:
        return Ball(-self.v, None if self.d is None else -self.d)

    def __pos__(self) -> Ball:
        return self

    def __abs__(self) -> Ball:
        both = both_slopes(self, -self)
        if both is not None:
            return both
        s = sign(self)
        return self if s > 0 else -self if s < 0 else Ball(self.v, None if self.d is None else arb(0))

    def __lt__(self, other: Any) -> bool:
        return compare(self, other) == -1

    def __le__(self, other: Any) -> bool:
        return compare(self, other) in (-1, 0)

    def __gt__(self, other: Any) -> bool:
        return compare(self, other) == 1

    def __ge__(self, other: Any) -> bool:
        return compare(self, other) in (0, 1)

    def __eq__(self, other: object) -> bool:
        return compare(self, other) == 0

    def __ne__(self, other: object) -> bool:
        return compare(self, other) != 0

    def __bool__(self) -> bool:
        return compare(self, 0) != 0

    def __int__(self) -> int:
        return integer(self)

    def __float__(self) -> float:
        raise NotOnBalls(f"{user_line()}: a cast to float would round an exact value")

    # NumPy's object loops of these functions call the method of that name.
    def conjugate(self) -> Ball:
        return self

    @property
    def real(self) -> Ball:
        return self

    @property
    def imag(self) -> int:
        return 0


_NAN: Final = 2


def compare(left: Ball, right: Any) -> int:
    """−1, 0 or 1 by the sign of left − right; 2 if a NaN is among them.

    Exact equality between numbers of which one depends on the direction is noted as a possible kink, and decided as the
    run says. Balls that overlap though both are narrow, 2⁻⁵⁰⁰ at 1024 bits, are taken as equal and noted; wider ones
    raise :class:`Undecided`.
    """
    if left is right or (type(right) is Ball and left.v is right.v):
        return _not_a_number() if left.v.is_nan() else 0
    if type(right) is not Ball:
        right = ball(right)
    side = _side(left, right)
    if side == _NAN:
        return _not_a_number()
    watch = _runs[-1].watch
    if watch is not None:
        operation = sys._getframe(1).f_code.co_name
        frame = user_frame()
        if frame is not None:
            above = frame.f_back
            caller = above if above is not None and not is_machinery(above.f_code.co_filename) else None
            watch.note(frame, caller, operation, lambda: Event(side, left.v, right.v, left.d, right.d), side)
    return side


def _not_a_number() -> int:
    """What a comparison with a NaN gives."""
    need_bits()
    return _NAN


def need_bits() -> None:
    """Nothing may be decided by a number that is not finite, if that may be for want of bits."""
    if _runs[-1].vague:
        raise WantOfBits(f"{user_line()}: a number is known to too few bits to tell whether it is finite")


def _side(left: Ball, right: Ball) -> int:
    difference = left.v - right.v
    if difference > 0:
        return 1
    if difference < 0:
        return -1
    if difference.is_nan():
        return 0 if left.v == right.v else _NAN  # inf − inf
    slope = _slope(left, right)
    run = _runs[-1]
    if not difference.is_zero():
        width = difference.rad()
        if not width < arb(2) ** (12 - flint.ctx.prec // 2) * (1 + left.v.abs_upper()):
            raise Undecided(f"{user_line()}: a comparison cannot be decided: its numbers overlap within {width.str(2)}")
    if not slope.contains(0):
        line = user_line()
        if not difference.is_zero():
            run.fuzzy[line] += 1
        run.kinks[line] += 1
        run.masked = run.masked or run.hull
        if run.ties is not None:
            return run.ties.get(line, run.ties.get("", 0))
    return 0


def _slope(left: Ball, right: Ball) -> arb:
    a, b = left.d, right.d
    return (arb(0) if a is None else a) - (arb(0) if b is None else b)


def both_slopes(left: Ball, right: Ball) -> Ball | None:
    """Where the run asks for it and the two are tied: their value, and as its tangent both slopes or their sum."""
    run = _runs[-1]
    if not (run.hull or run.each) or not (left.v - right.v).is_zero():
        return None
    a, b = (arb(0) if x.d is None else x.d for x in (left, right))
    return Ball(left.v, a + b if run.each else a.union(b))


def sign(x: Ball) -> int:
    """The sign of x as a Python int; a tie is noted like every comparison."""
    s = compare(x, ZERO)
    if s == _NAN:
        raise NotOnBalls(f"{user_line()}: the sign of a NaN was asked for")
    return s


def note_undefined(*arguments: arb) -> None:
    """An operation on finite numbers that gave none: undefined if they are exact, else it may be their width alone."""
    if all(x.is_finite() for x in arguments):
        if all(x.is_exact() for x in arguments):
            _runs[-1].undefined[user_line()] += 1
        else:
            _runs[-1].vague = True


def _note_division(below: arb, quotient: arb) -> None:
    noted = _runs[-1].divisions
    if noted is not None:
        found = noted.setdefault(user_line(), Divisions())
        found.signs |= {1} if below > 0 else {-1} if below < 0 else set()
        found.largest = found.largest.max(abs(quotient)) if quotient.is_finite() else arb.pos_inf()


def floor(x: Ball) -> Ball:
    """The largest integer below x: constant between the integers."""
    return Ball(arb(_floor(x)), None if x.d is None else arb(0))


def _floor(x: Ball) -> int:
    whole = x.v.floor().unique_fmpz()
    if whole is None:
        raise Undecided(f"{user_line()}: the integer part of {x!r} cannot be decided")
    return int(whole)


def integer(x: Ball) -> int:
    """``int(x)``: towards zero, as Python does; harmless only where nothing depends on the direction."""
    whole = _floor(x)
    if whole < 0 and x.v.unique_fmpz() is None:
        whole += 1
    return whole


def power(x: Ball, y: Ball) -> Ball:
    """x ** y; d = y·x^(y−1)·dx + x^y·log(x)·dy, with integer powers exact for every sign of x."""
    exponent = y.v.unique_fmpz() if y.v.is_exact() else None
    if exponent is not None and abs(int(exponent)) < 2**20:
        n = int(exponent)
        if n == 2 and y.d is None:
            return x * x
        v = x.v**n
        if n < 0 and n % 2 and _runs[-1].divisions is not None:
            _note_division(x.v, v)
        d = None if x.d is None else x.v ** (n - 1) * n * x.d if n else arb(0)
    elif y.v.is_exact() and (2 * y.v - 1).is_zero():
        v = x.v.sqrt()
        d = None if x.d is None else x.d / (2 * v)
    elif y.v.is_exact() and (2 * y.v + 1).is_zero():
        v = x.v.rsqrt()
        d = None if x.d is None else -v / (2 * x.v) * x.d
    else:
        v = x.v**y.v
        d = None if x.d is None else y.v * x.v ** (y.v - 1) * x.d
    if not v.is_finite():
        note_undefined(x.v, y.v)
    if y.d is not None:
        exponential = v * x.v.log() * y.d
        d = exponential if d is None else d + exponential
    return Ball(v, d)


ZERO: Final = Ball(arb(0))
ONE: Final = Ball(arb(1))
UNWRITTEN: Final = Ball(arb(1000003) / 1024)
"""What ``np.empty`` leaves in its entries here: a number that nothing means, so that what rests on it is wrong."""
