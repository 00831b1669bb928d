"""NumPy code gives on balls what it gives on floats: one expression after another, then programs."""

from __future__ import annotations

import itertools
import math
import warnings
from functools import reduce

import numpy as np
import pytest
import scipy
import scipy.special as sp
from beside import module
from scipy import special

from gradproof.numeric.balls.arrays import BallArray
from gradproof.numeric.balls.ball import Ball, NotOnBalls, Run
from gradproof.numeric.balls.evaluate import on_balls, prepared

PROGRAMS = module(__file__, "numpy_programs.py").PROGRAMS
A = np.random.default_rng(1).standard_normal((3, 4))
K = np.array([1, 3, 1])
I = np.array([[0, 2, 1], [1, 1, 0]])
PREC = 256

LINES = module(__file__, "numpy_features.py").FEATURES.strip().splitlines()
STARTS = [i for i, line in enumerate(LINES) if line.startswith("# ")] + [len(LINES)]
GROUPS = {LINES[a][2:]: LINES[a + 1 : b] for a, b in itertools.pairwise(STARTS)}

NEWER = {"np.vecdot": "2.0", "np.matvec": "2.2", "np.unstack": "2.1", "np.cumulative_sum": "2.1"}
"""Functions that the oldest supported NumPy does not have."""

SCOPE = {
    "np": np, "math": math, "sp": sp, "special": special, "scipy": scipy, "itertools": itertools, "reduce": reduce,
    "K": K, "I": I, "__name__": __name__,
}  # fmt: skip


def plain(value):
    """A result as nested lists of float arrays and texts."""
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, str) else value.decode()
    if isinstance(value, dict):
        return [plain(part) for part in value.values()]
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, BallArray):
        return np.asarray(value.approximate(), dtype=float)
    if isinstance(value, Ball):
        return np.asarray(float(value.v))
    array = np.asarray(value)
    if array.dtype == object:
        return np.reshape([float(x.v) if isinstance(x, Ball) else float(x) for x in array.ravel()], array.shape)
    return array.astype(float)


def differ(got, expected, tolerance=1e-11) -> bool:
    """Whether two plain results differ in form, shape or numbers."""
    if isinstance(got, list) and isinstance(expected, list):
        return len(got) != len(expected) or any(map(differ, got, expected))
    if isinstance(got, (list, str)) or isinstance(expected, (list, str)):
        return type(got) is not type(expected) or got != expected
    return got.shape != expected.shape or not np.allclose(got, expected, rtol=tolerance, atol=1e-13, equal_nan=True)


def both(function):
    """The function on floats and on balls."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = plain(function(A.copy()))
        return plain(on_balls(function, {"x": prepared(A)}, Run(), PREC)), expected


@pytest.mark.parametrize("group", GROUPS)
def test_an_expression_gives_on_balls_what_it_gives_on_floats(group):
    wrong = []
    for text in GROUPS[group]:
        if any(name in text and not hasattr(np, name[3:]) for name in NEWER):
            continue
        function = eval(f"lambda x: {text}", SCOPE)
        try:
            got, expected = both(function)
        except NotOnBalls as error:
            wrong.append(f"{text}: {error}")
            continue
        if differ(got, expected):
            wrong.append(f"{text}: {got} instead of {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_on_balls_what_it_gives_on_floats(name):
    got, expected = both(PROGRAMS[name])
    assert not differ(got, expected, 1e-7 if "float32" in name else 1e-11), f"{got} instead of {expected}"


REFUSED = [
    "np.linalg.svd(x)", "np.linalg.eigvalsh(x @ x.T)", "np.linalg.qr(x)", "np.fft.fft(x[0])", "np.nextafter(x, 1)",
    "x.view(np.int64)", "x.astype(complex)", "np.add(np.zeros(4, dtype=int), x[0], out=np.zeros(4, dtype=int))",
    "np.linalg.pinv(np.outer(x[0], x[0]))", "np.cov(x, aweights=np.ones(4))",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_balls_cannot_do_is_refused_with_the_line(text):
    with pytest.raises(NotOnBalls, match=r"<string>:1"):
        on_balls(eval(f"lambda x: {text}", SCOPE), {"x": prepared(A)}, Run(), PREC)
