"""Branches on symbolic values: what a traced function gives is what Python gives, on either side of every condition.

The oracle is the function itself, run on numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

Values = Any


def stores_on_both_sides(x: Values) -> Values:
    out = np.zeros(4)
    for i in range(4):
        if x[i] > 0.3:
            out[i] = x[i] ** 2
        else:
            out[i] = -x[i]
    return out


def store_on_one_side(x: Values) -> Values:
    out = 2 * x
    for i in range(4):
        if x[i] < 0:
            out[i] *= 3
    return out


def store_through_a_row(x: Values) -> Values:
    grid = [[x[0], x[1]], [x[2], x[3]]]
    a = np.ones((2, 2))
    for i in range(2):
        row = a[i]
        for j in range(2):
            if grid[i][j] > 0:
                row[j] += grid[i][j]
    return a


def whole_array(x: Values) -> Values:
    g = np.zeros_like(x)
    for i in range(4):
        if 1 - x[i] > 0.5:
            g += -x[i] * x
    return g


def running_total(x: Values) -> Values:
    total, count = 0.0, 0
    for v in x:
        if v > 0:
            total += v
            count += 1
    return total * (count + 1)


def returns_early(x: Values) -> Values:
    def leaky(v: Values) -> Values:
        if v > 0:
            return v
        if v < -1:
            return -0.1
        return 0.1 * v

    return np.array([leaky(v) for v in x])


def skips(x: Values) -> Values:
    total = 0.0
    for i in range(4):
        if i == 2:
            continue
        if x[i] < 0:
            continue
        total = total + x[i] ** 3
    return total


def largest(x: Values) -> Values:
    best, place = x[0], 0
    for i in range(1, 4):
        if x[i] > best:
            best = x[i]
            place = i
    out = np.zeros(4)
    out[place] = best**2
    return out + x[place]


def cases(x: Values) -> Values:
    out = []
    for v in x:
        if v > 1:
            out.append(1.0)
        elif -0.5 < v <= 0:
            out.append(v**2)
        elif (v > 0 and not v > 0.5) or v < -1:
            out.append(v)
        else:
            out.append(0.5 * v)
    return np.array(out)


def expressions(x: Values) -> Values:
    clipped = [v if v > 0 else (0.0 if v > -1 else -1.0) for v in x]
    return np.array([math.exp(v) if v < 1 else v for v in clipped])


class Counter:
    def __init__(self) -> None:
        self.total = 0.0
        self.seen = {"up": 0.0}

    def add(self, v: Values) -> None:
        if v > 0:
            self.total += v
            self.seen["up"] = self.seen["up"] + 1


def state(x: Values) -> Values:
    counter = Counter()
    for v in x:
        counter.add(v)
    return counter.total * counter.seen["up"]


def flag(x: Values) -> Values:
    hit = False
    for v in x:
        if v > 0.8:
            hit = True
    return 2 * x if hit else -x


def guarded(x: Values) -> Values:
    total = 0.0
    for v in x:
        assert v < 100
        if v > 50:
            raise ValueError("too large")
        if v > 0:
            part = v * v
        if v > 0:
            total += part
    return total


def aliased(x: Values) -> Values:
    a, b = x.copy(), 2 * x
    for i in range(4):
        target = b
        if x[i] > 0:
            target = a
        target[i] += 1
    return a + 3 * b


def nested(x: Values) -> Values:
    out = np.zeros(4)
    for i in range(4):
        if x[i] > 0:
            for j in range(4):
                if x[j] > x[i]:
                    out[i] += x[j]
        else:
            out[i] = 1
    return out


def nearest(x: Values) -> Values:
    sums = np.zeros((2, 2))
    for i in range(3):
        best, k = float("inf"), -1
        for j in range(2):
            distance = (x[i] - j) ** 2
            if distance < best:
                best, k = distance, j
        sums[k] += x[i : i + 2]
    return sums


def margin(x: Values) -> Values:
    if max(0, x[0] - x[1]) == 0:
        return x[2]
    return x[0] * x[2]


def matched(x: Values) -> Values:
    kind = "square"
    for v in x:
        if v > 0:
            match kind:
                case "square":
                    return v * v
    return x[0]


def root(v: Values) -> Values:
    if v < 0:
        raise ValueError("negative")
    return v


def caught(x: Values) -> Values:
    try:
        return root(x[0])
    except ValueError:
        return -x[0]


JOINED = [
    stores_on_both_sides, store_on_one_side, store_through_a_row, whole_array, running_total, returns_early, skips,
    largest, cases, expressions, state, flag, guarded, nested, nearest,
    margin,
]  # fmt: skip
POINTS = [np.array(p) for p in ([0.4, -0.7, 0.9, -1.6], [-0.2, 1.3, 0.6, 0.1], [-2.0, -0.3, -0.9, -1.2])]


@pytest.mark.parametrize("function", JOINED, ids=lambda f: f.__name__)
def test_a_branch_on_each_element_is_what_python_makes_of_it(function: Callable[..., Any]) -> None:
    traced = gp.trace(function, {"x": (4,)})
    value = gp.compile(traced)
    for point in POINTS:
        assert np.allclose(value(x=point), function(point), rtol=1e-13, atol=1e-13)


def test_a_branch_that_cannot_be_joined_is_refused_with_the_reason() -> None:
    def longer(x: Values) -> Values:
        kept = []
        for v in x:
            if v > 0:
                kept.append(v)
        return sum(kept)

    with pytest.raises(gp.UnsupportedError, match=r"a list has 1 elements after one and 0 after the other"):
        gp.trace(longer, {"x": (4,)})
    with pytest.raises(gp.UnsupportedError, match="line"):
        gp.trace(aliased, {"x": (4,)})


@pytest.mark.parametrize("function", [matched, caught], ids=lambda f: f.__name__)
def test_an_exit_that_is_not_followed_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(gp.UnsupportedError, match="line"):
        gp.trace(function, {"x": (4,)})
